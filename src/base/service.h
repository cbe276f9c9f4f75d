/* service.h — what a service manager is told (sd_notify(3)); nothing happens where there is none. Threads: any. */
#pragma once

void service_ready(void);
void service_reloading(void);
void service_stopping(void);
