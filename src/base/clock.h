/*
 * clock.h — the time, as something that is handed in. Tests hand in one that stands still and jumps.
 *
 * Threads: any.
 */
#pragma once

#include <glib.h>

typedef struct Clock Clock;
struct Clock {
    gint64 (*now)(const Clock *self); /* µs since 1970 UTC */
};

extern const Clock clock_system;

typedef struct {
    Clock base;
    gint64 at; /* µs since 1970; a test may set it between two steps */
} FixedClock;

FixedClock clock_fixed(gint64 at);

static inline gint64 clock_now(const Clock *clock)
{
    return clock->now(clock);
}
/* Whole seconds since 1970. */
static inline gint64 clock_seconds(const Clock *clock)
{
    return clock->now(clock) / G_USEC_PER_SEC;
}
/* "2026-11-23T05:39:40Z", seconds or RFC 3339 → µs since 1970. FALSE: not a time. */
gboolean clock_parse(const char *text, gint64 *ret);
