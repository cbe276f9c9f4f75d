/*
 * map-internal.h — between map.c, which keeps entries and finds them, and the readers of each kind of file.
 */
#pragma once

#include "base/refs.h"
#include "conf/map-binary.h"
#include "conf/map.h"

/* 20 million entries of 50 bytes. */
#define MAP_BYTES_MAX ((gsize)1 << 30)

typedef struct {
    guint32 hash;
    guint32 entry; /* place + 1; 0: free */
} MapSlot;

struct Map {
    Refs refs;
    char *name;
    char *spec; /* NULL: the name */
    char *text; /* keys and values point into it */
    MapEntry *entries;
    guint n_entries, max_entries;
    MapSlot *slots;
    guint mask; /* number of slots - 1 */
};

Map *map_new(const char *name);
/* Room for that many, with at least half of the slots free. Once, before the first entry. */
void map_make_room(Map *map, guint entries);
/* NULL: not there. `key` is folded. */
MapEntry *map_find(const Map *map, const char *key);
/* `key` is folded, not there yet, and stays the map's. */
MapEntry *map_insert(Map *map, const char *key);
/* To lower case, and `tag!key` to `tag:key`, in place. */
void map_fold_key(char *key);
gboolean map_is_blank(char c);
void map_warn_without_value(const Map *map, Problems *problems);

/* Takes `text`, which has `len` bytes and room for two more. Never NULL. */
Map *map_text_parse(const char *name, char *text, gsize len, Problems *problems);

/* All pairs of a binary file as a Map. NULL: `why` says what is wrong with the file; no problem has been
 * added then. */
Map *map_collect(const char *name, MapReader *reader, const char *bytes, gsize len, Problems *problems,
                 const char **why);
