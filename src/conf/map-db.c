/*
 * map-db.c — a Berkeley DB hash (versions 7 to 9 of the format: libdb 3.1 to 5.3), as Sendmail's `makemap
 * hash` and Postfix's `postmap hash:` write it.
 *
 * Why not libdb. It trusts its files: of 300 randomly damaged maps its own db_dump died of SIGSEGV on 75 and
 * hung on one. DB->verify() held, but an empty or a half-written file can be a valid one to it, it wants a
 * private copy on disk (another process may be rewriting the file), and it is one more walk over all of it.
 * What we need, all pairs of a file in whatever order, is one pass over the pages: each hash page carries its
 * own pairs, and nothing of the bucket arithmetic matters. That is a pure function of bytes that can be
 * fuzzed, and it can do what libdb does not: compare the pairs found with the number that the file says it
 * has.
 *
 * The layout (dbinc/db_page.h of libdb). Numbers are in the byte order of the machine that wrote it; the
 * magic tells.
 *
 *     page 0   8 page number, 12 magic, 16 version, 20 page size, 24 cipher, 25 type, 26 flags, 32 last page,
 *              36 partitions, 48 hash flags, 88 number of keys
 *     a page   8 page number, 16 next page, 20 number of items, 22 offset (of an overflow page: bytes in
 * use), 25 type, 26 offsets of the items, 16 bits each; an item ends where the one before begins an item  a
 * type byte, then: the bytes; or a set of values; or (4) the first overflow page and (8) the length
 */
#include <string.h>

#include "conf/map-internal.h"

#define MAGIC_HASH  0x061561u
#define MAGIC_BTREE 0x053162u

#define META_BYTES  512u
#define PAGE_HEADER 26u
#define PAGE_MIN    512u
#define PAGE_MAX    65536u

enum { PAGE_FREE = 0, PAGE_HASH_UNSORTED = 2, PAGE_OVERFLOW = 7, PAGE_META = 8, PAGE_HASH = 13 };
enum { ITEM_BYTES = 1, ITEM_SET = 2, ITEM_OFF_PAGE = 3, ITEM_OFF_PAGE_SET = 4 };

/* Both tools tell libdb to expect so many keys, and libdb begins to count there. */
#define EXPECTED_KEYS 4096u

typedef struct {
    const char *bytes;
    gsize len;
    gboolean swapped;
    guint32 page_size, last_page;
    guint64 pairs;
    gboolean odd;      /* a set of values: whether those are counted depends on the version */
    gsize chained;     /* bytes read from overflow pages; no more than the file has */
    GString *parts[2]; /* key and value that are spread over pages */
    MapSink *sink;
} Db;

typedef struct {
    const char *bytes; /* NULL: too long to matter */
    gsize len;
} Item;

static guint16 u16_at(const Db *db, const char *at)
{
    guint16 word;
    memcpy(&word, at, sizeof word);
    return db->swapped ? GUINT16_SWAP_LE_BE(word) : word;
}

static guint32 u32_at(const Db *db, const char *at)
{
    guint32 word;
    memcpy(&word, at, sizeof word);
    return db->swapped ? GUINT32_SWAP_LE_BE(word) : word;
}

static gboolean has_magic(const char *bytes, gsize len, guint32 magic, gboolean *swapped)
{
    guint32 word;
    if (len < 16)
        return FALSE;
    memcpy(&word, bytes + 12, sizeof word);
    *swapped = word == GUINT32_SWAP_LE_BE(magic);
    return word == magic || *swapped;
}

gboolean map_db_is_hash(const char *bytes, gsize len)
{
    gboolean swapped;
    return has_magic(bytes, len, MAGIC_HASH, &swapped);
}

gboolean map_db_is_btree(const char *bytes, gsize len)
{
    gboolean swapped;
    return has_magic(bytes, len, MAGIC_BTREE, &swapped);
}

static const char *read_meta(Db *db)
{
    const char *bytes = db->bytes;
    if (db->len < META_BYTES || !has_magic(bytes, db->len, MAGIC_HASH, &db->swapped))
        return "its first page is not whole";
    guint32 version = u32_at(db, bytes + 16);
    db->page_size = u32_at(db, bytes + 20);
    db->last_page = u32_at(db, bytes + 32);
    if (version < 7 || version > 9)
        return "its version is none that makemap or postmap write";
    if (bytes[24] != 0 || bytes[26] != 0 || u32_at(db, bytes + 36) != 0)
        return "it is encrypted, has checksums or is in parts, which no makemap or postmap does";
    if (db->page_size < PAGE_MIN || db->page_size > PAGE_MAX || (db->page_size & (db->page_size - 1)) != 0 ||
        bytes[25] != PAGE_META || u32_at(db, bytes + 8) != 0)
        return "its first page is damaged";
    if (((guint64)db->last_page + 1) * db->page_size > db->len)
        return "it is shorter than it says";
    return NULL;
}

static const char *page_at(const Db *db, guint32 number)
{
    if (number == 0 || number > db->last_page)
        return NULL;
    const char *page = db->bytes + (gsize)number * db->page_size;
    return u32_at(db, page + 8) == number ? page : NULL;
}

/* What is too long for a map is not put together. */
static const char *read_chain(Db *db, const char *item, gsize item_len, GString *part, Item *ret)
{
    static const char damaged[] = "an entry that is spread over pages is damaged";
    if (item_len != 12)
        return damaged;
    guint32 number = u32_at(db, item + 4);
    *ret = (Item){NULL, u32_at(db, item + 8)};
    if (ret->len > MAP_LINE_MAX)
        return NULL;
    g_string_truncate(part, 0);
    while (part->len < ret->len) {
        const char *page = page_at(db, number);
        if (page == NULL || page[25] != PAGE_OVERFLOW)
            return damaged;
        gsize bytes = u16_at(db, page + 22);
        if (bytes == 0 || bytes > db->page_size - PAGE_HEADER || bytes > ret->len - part->len)
            return damaged;
        db->chained += bytes;
        if (db->chained > db->len)
            return map_too_much;
        g_string_append_len(part, page + PAGE_HEADER, bytes);
        number = u32_at(db, page + 16);
    }
    ret->bytes = part->str;
    return NULL;
}

/* The first of several values, as a look-up has it: (length, bytes, length) each. */
static const char *first_of_set(const Db *db, const char *item, gsize item_len, Item *ret)
{
    if (item_len < 5 || u16_at(db, item + 1) > item_len - 5)
        return "a set of values is damaged";
    *ret = (Item){item + 3, u16_at(db, item + 1)};
    return NULL;
}

static const char *read_item(Db *db, const char *item, gsize item_len, GString *part, Item *ret)
{
    switch (item_len > 0 ? *item : 0) {
    case ITEM_BYTES:
        *ret = (Item){item + 1, item_len - 1};
        return NULL;
    case ITEM_SET:
        db->odd = TRUE;
        return first_of_set(db, item, item_len, ret);
    case ITEM_OFF_PAGE:
        return read_chain(db, item, item_len, part, ret);
    default:
        return "an entry is of no known type";
    }
}

static const char *read_pair(Db *db, const char *const items[2], const gsize lens[2])
{
    Item key, value;
    const char *why = read_item(db, items[0], lens[0], db->parts[0], &key);
    if (why != NULL)
        return why;
    db->pairs++;
    if (lens[1] > 0 && *items[1] == ITEM_OFF_PAGE_SET) {
        db->odd = TRUE;
        db->sink->skip(db->sink, key.bytes, key.len, "it has more values than go on a page");
        return NULL;
    }
    why = read_item(db, items[1], lens[1], db->parts[1], &value);
    if (why != NULL)
        return why;
    return db->sink->pair(db->sink, key.bytes, key.len, value.bytes, value.len) ? NULL : map_too_much;
}

static const char *read_hash_page(Db *db, const char *page)
{
    guint n = u16_at(db, page + 20);
    gsize index_end = PAGE_HEADER + 2 * (gsize)n, end = db->page_size;
    if (n % 2 != 0 || index_end > db->page_size)
        return "a page has an impossible number of entries";
    const char *items[2], *why = NULL;
    gsize lens[2];
    for (guint i = 0; i < n && why == NULL; i++) {
        gsize at = u16_at(db, page + PAGE_HEADER + 2 * (gsize)i);
        if (at < index_end || at > end)
            return "the entries of a page overlap";
        items[i % 2] = page + at;
        lens[i % 2] = end - at;
        end = at;
        if (i % 2 == 1)
            why = read_pair(db, items, lens);
    }
    return why;
}

static const char *read_pages(Db *db)
{
    for (guint32 number = 1; number <= db->last_page; number++) {
        const char *page = db->bytes + (gsize)number * db->page_size;
        switch (page[25]) {
        case PAGE_FREE: /* or set aside for buckets to come, and all zeros */
        case PAGE_OVERFLOW:
            continue;
        case PAGE_HASH:
        case PAGE_HASH_UNSORTED:
            break;
        default:
            if (db->odd || u32_at(db, db->bytes + 48) & 1) /* the tree of a set of values */
                continue;
            return "a page is of no known type";
        }
        if (u32_at(db, page + 8) != number)
            return "a page is not where it belongs";
        const char *why = read_hash_page(db, page);
        if (why != NULL)
            return why;
    }
    return NULL;
}

/* This is how a file that a killed or running makemap has written in part is told from a whole one. */
static const char *compare_count(const Db *db)
{
    guint64 counted = u32_at(db, db->bytes + 88);
    if (db->odd || counted == db->pairs || counted == db->pairs + EXPECTED_KEYS)
        return NULL;
    return "it has more or fewer entries than it says: it was not written to its end";
}

const char *map_db_read(const char *bytes, gsize len, MapSink *sink)
{
    Db db = {.bytes = bytes, .len = len, .sink = sink};
    const char *why = read_meta(&db);
    if (why != NULL)
        return why;
    for (int i = 0; i < 2; i++)
        db.parts[i] = g_string_new(NULL);
    why = read_pages(&db);
    if (why == NULL)
        why = compare_count(&db);
    for (int i = 0; i < 2; i++)
        g_string_free(db.parts[i], TRUE);
    return why;
}
