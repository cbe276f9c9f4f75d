/* outside.h — what commands need from outside: a resolver (zone file or the net) and a clock (--time or the system's). */
#pragma once

#include <postern/resolver.h>

#include "base/clock.h"
#include "conf/config.h"

typedef struct {
    char *zone; /* the command's to free. --zone: a file of master-file lines; NULL: the real DNS */
    char *time; /* --time; NULL: now */
} OutsideOptions;

typedef struct {
    Resolver *resolver;
    FixedClock fixed;
    const Clock *clock;
} Outside;

#define OUTSIDE_ENTRIES(options)                                                                             \
    {"zone", 0, 0, G_OPTION_ARG_FILENAME, &(options).zone, "answer DNS from this file instead of the net",   \
     "FILE"},                                                                                                \
    {                                                                                                        \
        "time", 0, 0, G_OPTION_ARG_STRING, &(options).time, "set the clock, e.g. 2026-11-23T06:00:00Z",      \
            "TIME"                                                                                           \
    }

/* The strings that option parsing has made. */
void outside_options_clear(OutsideOptions *options);
/* Says on stderr what is wrong and returns FALSE. `config` NULL: its defaults. */
gboolean outside_open(Outside *outside, const OutsideOptions *options, const Config *config);
void outside_close(Outside *outside);
