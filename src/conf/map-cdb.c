/*
 * map-cdb.c — a constant database, as `postmap cdb:`, tinycdb's `cdb -c` and others write it
 * (cr.yp.to/cdb/cdb.txt).
 *
 * 256 pairs (place, slots) of 32 bits, little-endian; then the records one after the other, each (key length,
 * data length, key, data), up to the first hash table. We read the records in a row and need the tables only
 * to know that the file is whole: they have two slots for each record. tinycdb would map the file, and a file
 * that is truncated while it is mapped is a SIGBUS; reading records in a row takes fewer lines than guarding
 * against that.
 */
#include <string.h>

#include "conf/map-internal.h"

#define HEADER_BYTES 2048u
#define TABLES       256u

static guint32 u32_at(const char *bytes, gsize at)
{
    guint32 word;
    memcpy(&word, bytes + at, sizeof word);
    return GUINT32_FROM_LE(word);
}

/* Where the records end, and how many there should be. FALSE: a table lies outside of the file. */
static gboolean read_header(const char *bytes, gsize len, gsize *end, guint64 *records)
{
    guint64 slots = 0;
    *end = len;
    for (guint i = 0; i < TABLES; i++) {
        guint64 place = u32_at(bytes, i * 8), count = u32_at(bytes, i * 8 + 4);
        if (place < HEADER_BYTES ||
            place + count * 8 > len) /* a header of zeros: it has not been written yet */
            return FALSE;
        slots += count;
        *end = MIN(*end, place);
    }
    *records = slots / 2;
    return *end + slots * 8 == len;
}

const char *map_cdb_read(const char *bytes, gsize len, MapSink *sink)
{
    gsize end;
    guint64 records, found = 0;
    if (len < HEADER_BYTES || !read_header(bytes, len, &end, &records))
        return "its header and its tables do not fit together";
    gsize at = HEADER_BYTES;
    for (; end - at >= 8; found++) {
        gsize key_len = u32_at(bytes, at), value_len = u32_at(bytes, at + 4);
        at += 8;
        if (key_len > end - at || value_len > end - at - key_len)
            return "a record goes beyond the end of the records";
        if (!sink->pair(sink, bytes + at, key_len, bytes + at + key_len, value_len))
            return map_too_much;
        at += key_len + value_len;
    }
    return at != end || found != records ? "it has more or fewer records than its tables say" : NULL;
}
