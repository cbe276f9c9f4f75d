/* when.h — a time as people type it. Pure but for the local time zone. */
#pragma once

#include <glib.h>

/* "2h", "7d": so long ago; "today", "yesterday": their first second; "2026-11-23": that day's; "now"; RFC 3339; seconds since
 * 1970, which have ten digits. Days are local. FALSE: it is no time. */
gboolean when_parse(const char *text, gint64 now, gint64 *ret);

/* "11-23 05:39:40", local; of another year "2026-11-23". */
#define WHEN_WIDTH 14
char *when_to_string(gint64 time, gint64 now);
