/*
 * outage.h — who does not answer, by name, so that one who is away does not keep everybody waiting.
 *
 * Who has failed OUTAGE_FAILURES times in a row, or once for sure, is away: he is left alone for OUTAGE_PAUSE seconds,
 * then one caller tries again while the others still leave him alone. One answer ends it.
 *
 *     if (outages_may_ask(outages, name, now)) {
 *         … ask …
 *         if (!answered && outages_failed(outages, name, FALSE, now)) … say so, once …
 *         if (answered && outages_answered(outages, name)) … say so, once …
 *     }
 *
 * Names are the configuration's, so there are few. Only those that have failed cost memory. Threads: any.
 */
#pragma once

#include <glib.h>

#define OUTAGE_FAILURES 3  /* one lost packet is no outage */
#define OUTAGE_PAUSE    60 /* s */

typedef struct Outages Outages;

Outages *outages_new(void);
void outages_free(Outages *outages); /* NULL is allowed */

/* FALSE: leave him alone. `now` in seconds; TRUE asks for a report. */
gboolean outages_may_ask(Outages *outages, const char *name, gint64 now);
/* TRUE until he has answered, also when the pause is over. */
gboolean outages_is_away(Outages *outages, const char *name);
/* TRUE: from now on he is away, and was not before. `for_sure`: once is enough. */
gboolean outages_failed(Outages *outages, const char *name, gboolean for_sure, gint64 now);
/* TRUE: he was away, and is back. */
gboolean outages_answered(Outages *outages, const char *name);
