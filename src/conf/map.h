/*
 * map.h — a file of keys and values, read whole: a Sendmail-style access map (D1).
 *
 *     # comment
 *     SPF-Fail:example.com        REJECT
 *     To-SPF-Fail:joe@our.example OK
 *     SMTP-Auth:fred@our.example  OK
 *
 * In text, key and value are separated by blanks or tabs; a continuation line starts with a blank; the last
 * of two equal keys wins and is reported. Berkeley DB hashes (`makemap hash`, `postmap hash:`), LMDB
 * (`postmap lmdb:`) and CDB files are recognised by their bytes (CDB: by its suffix) and give the same map.
 * Of keys that differ only in case or separator there, the one that is written folded wins. Keys are folded
 * to lower case, trailing NULs of keys and values are dropped, `tag!key` is read as `tag:key`.
 *
 * A file that is written to while it is read is read again, a few times; who writes it with a lock (makemap
 * and postmap do) is waited for. One that is not whole gives no map, never half of one.
 *
 * A map is immutable once read. Threads: any.
 */
#pragma once

#include <glib.h>
#include "conf/problem.h"

typedef struct Map Map;

typedef struct {
    const char *key;   /* folded */
    const char *value; /* as written, blanks trimmed */
    guint line;        /* 0: not from text */
} MapEntry;

#define MAP_LINE_MAX    65536u /* bytes; a longer line is reported and left out */
#define MAP_ENTRIES_MAX 20000000u

/* NULL and problems when the file cannot be read whole. Bad lines are problems too; the rest is there. */
Map *map_read(const char *path, Problems *problems);

typedef enum { MAP_ANY, MAP_HASH, MAP_LMDB, MAP_CDB, MAP_TEXT } MapType;

Map *map_read_as(const char *path, MapType type, Problems *problems);
/* As a configuration names it: "hash:/etc/mail/access" is access.db beside it, "lmdb:" .lmdb, "cdb:" .cdb;
 * "texthash:/etc/mail/access" is the text itself. A bare path means the newest of access.db, access.lmdb and
 * access.cdb, if one is there, else the file itself: as for Sendmail and Postfix, what was built is in force,
 * not what it was built from; when the text is newer, a warning says so. Relative paths start at `base`.
 * Files whose change could change the map are added to `files` (of char *; may be NULL). */
Map *map_open(const char *spec, const char *base, GPtrArray *files, Problems *problems);
Map *map_parse(const char *name, const char *text, gsize len, Problems *problems);
Map *map_ref(Map *map);
void map_unref(Map *map); /* NULL is allowed */

/* `key` must be lower case already. NULL: not there. Owned by the map. */
const MapEntry *map_lookup(const Map *map, const char *key);
const char *map_name(const Map *map); /* the file */
const char *map_spec(const Map *map); /* what map_open() takes to read the same file in the same way */
guint map_size(const Map *map);
void map_foreach(const Map *map, void (*each)(const MapEntry *entry, void *data), void *data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Map, map_unref)
