/*
 * map-internal.h — between map.c, which keeps entries and finds them, and the readers of each kind of file.
 *
 * A reader of a binary kind (map-db.c, map-lmdb.c, map-cdb.c) is a pure function of the bytes of a whole
 * file: it hands every pair to a sink and says whether the file is whole. It believes nothing that stands in
 * the file, allocates nothing that the file can make large, never recurses, and does work linear in the
 * file's size. Threads: any.
 */
#pragma once

#include "base/refs.h"
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

typedef struct MapSink MapSink;
struct MapSink {
    /* The bytes need not outlive the call. What is longer than MAP_LINE_MAX may come as NULL with its length.
     * FALSE: the reader stops and returns map_too_much. */
    gboolean (*pair)(MapSink *sink, const char *key, gsize key_len, const char *value, gsize value_len);
    /* A key whose value this reader does not read. */
    void (*skip)(MapSink *sink, const char *key, gsize key_len, const char *why);
};

/* NULL: the file is whole, and every pair has been handed over. Else what is wrong with it, a static text. */
typedef const char *MapReader(const char *bytes, gsize len, MapSink *sink);
extern const char map_too_much[];

MapReader map_db_read, map_lmdb_read, map_cdb_read;
gboolean map_db_is_hash(const char *bytes, gsize len);
gboolean map_db_is_btree(const char *bytes, gsize len);
gboolean map_lmdb_is(const char *bytes, gsize len);

/* All pairs of a binary file as a Map. NULL: `why` says what is wrong with the file; no problem has been
 * added then. */
Map *map_collect(const char *name, MapReader *reader, const char *bytes, gsize len, Problems *problems,
                 const char **why);
