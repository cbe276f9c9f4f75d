/*
 * gauges.h — how many there are at once, by name: exact, and shared by all threads.
 *
 * Who takes one gives it back; a name that nobody holds costs nothing. Threads: any.
 */
#pragma once

#include <glib.h>

typedef struct Gauges Gauges;

Gauges *gauges_new(void);
void gauges_free(Gauges *gauges); /* NULL is allowed */

/* One more of `name`, if there are fewer than `limit`. FALSE: there are not, and nothing was taken. */
gboolean gauges_take(Gauges *gauges, const char *name, gint64 limit);
void gauges_give(Gauges *gauges, const char *name);
gint64 gauges_of(Gauges *gauges, const char *name);
