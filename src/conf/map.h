/*
 * map.h — a file of keys and values, read whole: a Sendmail-style access map as text (D1).
 *
 *     # comment
 *     SPF-Fail:example.com        REJECT
 *     To-SPF-Fail:joe@our.example OK
 *     SMTP-Auth:fred@our.example  OK
 *
 * Key and value are separated by blanks or tabs; a continuation line starts with a blank. Keys are folded to
 * lower case, a trailing NUL is dropped, `tag!key` is read as `tag:key`. The last of two equal keys wins and
 * is reported. A map is immutable once read. Threads: any.
 */
#pragma once

#include <glib.h>
#include "conf/problem.h"

typedef struct Map Map;

typedef struct {
    const char *key;   /* folded */
    const char *value; /* as written, blanks trimmed */
    guint line;
} MapEntry;

#define MAP_LINE_MAX    65536u /* bytes; a longer line is reported and left out */
#define MAP_ENTRIES_MAX 20000000u

/* NULL and problems when the file cannot be read whole. Bad lines are problems too; the rest is there. */
Map *map_read(const char *path, Problems *problems);
Map *map_parse(const char *name, const char *text, gsize len, Problems *problems);
Map *map_ref(Map *map);
void map_unref(Map *map); /* NULL is allowed */

/* `key` must be lower case already. NULL: not there. Owned by the map. */
const MapEntry *map_lookup(const Map *map, const char *key);
const char *map_name(const Map *map);
guint map_size(const Map *map);
void map_foreach(const Map *map, void (*each)(const MapEntry *entry, void *data), void *data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Map, map_unref)
