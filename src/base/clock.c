/* clock.c — see clock.h. */
#include "base/clock.h"

#include <string.h>

/* 9999-12-31T23:59:59Z: what RFC 3339 can still write. */
#define CLOCK_SECONDS_MAX G_GINT64_CONSTANT(253402300799)
/* "2026-11-23T05:39:40.123456789+01:00" and some room; nobody writes a longer time. */
#define CLOCK_TEXT_MAX 48u

static gint64 system_now(const Clock *self)
{
    return g_get_real_time();
}

const Clock clock_system = {.now = system_now};

static gint64 fixed_now(const Clock *self)
{
    const FixedClock *fixed = (const FixedClock *)self;
    return __atomic_load_n(&fixed->at, __ATOMIC_RELAXED);
}

FixedClock clock_fixed(gint64 at)
{
    return (FixedClock){.base = {.now = fixed_now}, .at = at};
}

gboolean clock_parse(const char *text, gint64 *ret)
{
    if (text == NULL || strnlen(text, CLOCK_TEXT_MAX) == CLOCK_TEXT_MAX)
        return FALSE;
    if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0') {
        guint64 seconds;
        if (!g_ascii_string_to_unsigned(text, 10, 0, CLOCK_SECONDS_MAX, &seconds, NULL))
            return FALSE;
        *ret = (gint64)seconds * G_USEC_PER_SEC;
        return TRUE;
    }
    /* RFC 3339 §5.6: a date, "T" and a time; a time without a zone is taken as UTC. */
    if (strlen(text) < strlen("2026-11-23T05:39:40") || text[4] != '-' || text[7] != '-' || text[13] != ':')
        return FALSE;
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, utc);
    if (time == NULL || g_date_time_to_unix(time) < 0)
        return FALSE;
    *ret = g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time);
    return TRUE;
}
