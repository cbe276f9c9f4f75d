/*
 * map-binary.h — the pairs in a file of Berkeley DB, LMDB or CDB.
 *
 * A reader (map-db.c, map-lmdb.c, map-cdb.c) is a pure function of the bytes of a whole file: it hands every
 * pair to a sink and says whether the file is whole. It believes nothing that stands in the file, allocates
 * nothing that the file can make large, never recurses, and does work linear in the file's size. Threads: any.
 */
#pragma once

#include <glib.h>

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
