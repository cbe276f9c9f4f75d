/*
 * map-lmdb.c — an LMDB file (data version 1), as `postmap lmdb:` writes it: one file, the unnamed database.
 *
 * Why not liblmdb. It maps the file and follows its page numbers without looking: of 300 randomly damaged
 * maps its own mdb_dump died of SIGBUS on 45 and of SIGSEGV on one, and there is no verification to ask for.
 * It also wants a lock file beside the map, in a folder where we may not write. All pairs of a file is one
 * walk over a tree, with every page number and offset checked.
 *
 * The layout (mdb.c), numbers in the order and size of a 64-bit machine of this byte order:
 *
 *     page   0 number, 10 flags, 12 end of the node offsets (overflow: number of pages), 16 offsets of nodes
 *     meta   a page of which bytes 16… are: magic, version, address, size of the mapping; 40 the database of
 * free pages (its first word is the page size), 88 ours: 92 flags, 94 depth, 120 entries, 128 root; 136 last
 *            page; 144 transaction. There are two, pages 0 and 1; the later transaction counts. A writer
 * never touches the pages of the last one that is committed, so that what was read together is whole. node 0
 * size of the value (branch: page, 48 bits with the flags), 4 flags, 6 size of the key, 8 key, value
 */
#include <string.h>

#include "conf/map-internal.h"

#define MAGIC       0xbeefc0deu
#define META_BYTES  152u
#define PAGE_HEADER 16u
#define NODE_HEADER 8u
#define NO_PAGE     G_MAXUINT64
#define DEPTH_MAX   32u /* as in mdb.c: CURSOR_STACK */
#define PAGE_MIN    256u
#define PAGE_MAX    65536u

enum { PAGE_BRANCH = 0x01, PAGE_LEAF = 0x02, PAGE_OVERFLOW = 0x04, PAGE_META = 0x08, PAGE_KINDS = 0x6f };
enum { NODE_BIG = 0x01, NODE_DATABASE = 0x02, NODE_SET = 0x04 };

typedef struct {
    const char *page;
    guint next, n; /* nodes */
} Level;

typedef struct {
    const char *bytes;
    gsize len;
    gsize page_size;
    guint64 pages, entries, root;
    guint64 visited, found;
    Level levels[DEPTH_MAX];
    guint depth;
    MapSink *sink;
} Tree;

static guint16 u16_at(const char *at)
{
    guint16 word;
    memcpy(&word, at, sizeof word);
    return word;
}

static guint32 u32_at(const char *at)
{
    guint32 word;
    memcpy(&word, at, sizeof word);
    return word;
}

static guint64 u64_at(const char *at)
{
    guint64 word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Two halves, the lower one first on every machine. */
static guint32 node_word(const char *node)
{
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
    return u16_at(node) | (guint32)u16_at(node + 2) << 16;
#else
    return u16_at(node + 2) | (guint32)u16_at(node) << 16;
#endif
}

gboolean map_lmdb_is(const char *bytes, gsize len)
{
    return len >= 20 && u32_at(bytes + 16) == MAGIC;
}

static gboolean is_meta(const char *page)
{
    return (u16_at(page + 10) & PAGE_META) != 0 && u32_at(page + 16) == MAGIC && u32_at(page + 20) == 1;
}

static const char *read_meta(Tree *tree)
{
    const char *meta = tree->bytes;
    if (tree->len < META_BYTES || !is_meta(meta))
        return "its first page is damaged, or of another version";
    tree->page_size = u32_at(meta + 40);
    if (tree->page_size < PAGE_MIN || tree->page_size > PAGE_MAX ||
        (tree->page_size & (tree->page_size - 1)) != 0)
        return "its first page is damaged";
    if (tree->len < 2 * tree->page_size || !is_meta(meta + tree->page_size))
        return "its second page is not whole";
    if (u64_at(meta + tree->page_size + 144) > u64_at(meta + 144))
        meta += tree->page_size;
    tree->pages = u64_at(meta + 136) + 1;
    tree->entries = u64_at(meta + 120);
    tree->root = u64_at(meta + 128);
    if (tree->pages == 0 || tree->pages > tree->len / tree->page_size)
        return "it is shorter than it says";
    return u16_at(meta + 92) != 0 ? "it is a database of another kind than postmap makes" : NULL;
}

static const char *page_at(const Tree *tree, guint64 number)
{
    if (number < 2 || number >= tree->pages)
        return NULL;
    const char *page = tree->bytes + number * tree->page_size;
    return u64_at(page) == number ? page : NULL;
}

/* A tree has each page once: more visits than pages are a ring. */
static const char *descend(Tree *tree, guint64 number)
{
    const char *page = page_at(tree, number);
    if (page == NULL || tree->depth == DEPTH_MAX || ++tree->visited > tree->pages)
        return "its tree of pages is damaged";
    guint kind = u16_at(page + 10) & PAGE_KINDS, lower = u16_at(page + 12);
    if ((kind != PAGE_BRANCH && kind != PAGE_LEAF) || lower < PAGE_HEADER || lower > tree->page_size)
        return "a page of its tree is damaged";
    tree->levels[tree->depth++] = (Level){page, 0, (lower - PAGE_HEADER) / 2};
    return NULL;
}

/* `room`: bytes from the node to the end of its page. */
static const char *read_leaf(Tree *tree, const char *node, gsize room)
{
    gsize value_len = node_word(node), key_len = u16_at(node + 6);
    guint flags = u16_at(node + 4);
    const char *key = node + NODE_HEADER;
    if (key_len > room - NODE_HEADER)
        return "a key goes beyond its page";
    tree->found++;
    if (flags & (NODE_DATABASE | NODE_SET)) {
        tree->sink->skip(tree->sink, key, key_len, "its value is a database of its own");
        return NULL;
    }
    const char *value = key + key_len;
    gsize value_room = room - NODE_HEADER - key_len;
    if (flags & NODE_BIG) {
        const char *page = value_room >= 8 ? page_at(tree, u64_at(value)) : NULL;
        if (page == NULL || (u16_at(page + 10) & PAGE_OVERFLOW) == 0)
            return "a long value is damaged";
        value = page + PAGE_HEADER;
        value_room = (gsize)(tree->bytes + tree->pages * tree->page_size - value);
    }
    if (value_len > value_room)
        return "a value goes beyond its page";
    return tree->sink->pair(tree->sink, key, key_len, value, value_len) ? NULL : map_too_much;
}

static const char *read_node(Tree *tree, Level *level)
{
    gsize at = u16_at(level->page + PAGE_HEADER + 2 * (gsize)level->next++);
    if (at < PAGE_HEADER + 2 * (gsize)level->n || at + NODE_HEADER > tree->page_size)
        return "an entry is outside of its page";
    const char *node = level->page + at;
    if (u16_at(level->page + 10) & PAGE_LEAF)
        return read_leaf(tree, node, tree->page_size - at);
    return descend(tree, node_word(node) | (guint64)u16_at(node + 4) << 32);
}

static const char *walk(Tree *tree)
{
    const char *why = tree->root != NO_PAGE ? descend(tree, tree->root) : NULL;
    while (why == NULL && tree->depth > 0) {
        Level *level = &tree->levels[tree->depth - 1];
        if (level->next < level->n)
            why = read_node(tree, level);
        else
            tree->depth--;
    }
    return why;
}

const char *map_lmdb_read(const char *bytes, gsize len, MapSink *sink)
{
    Tree tree = {.bytes = bytes, .len = len, .sink = sink};
    const char *why = read_meta(&tree);
    if (why == NULL)
        why = walk(&tree);
    if (why == NULL && tree.found != tree.entries)
        why = "it has more or fewer entries than it says";
    return why;
}
