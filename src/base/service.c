#include "base/service.h"

#include <glib.h>
#include <systemd/sd-daemon.h>

void service_ready(void)
{
    sd_notify(0, "READY=1");
}

void service_reloading(void)
{
    /* sd_notify(3): Type=notify-reload wants the time with it. */
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time());
}

void service_stopping(void)
{
    sd_notify(0, "STOPPING=1");
}
