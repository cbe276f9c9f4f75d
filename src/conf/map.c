/*
 * map.c — see map.h.
 *
 * Memory: the file's own bytes, in which keys and values are cut out in place (a separator and a line end are
 * room enough for two NULs), an array of entries, and a table of slots with linear probing. A million lines
 * are one allocation of text, not two million strings.
 */
#include "conf/map.h"

#include <string.h>
#include "base/refs.h"
#include "conf/files.h"

/* 20 million entries of 50 bytes. */
#define MAP_BYTES_MAX ((gsize)1 << 30)

typedef struct {
    guint32 hash;
    guint32 entry; /* place + 1; 0: free */
} Slot;

struct Map {
    Refs refs;
    char *name;
    char *text; /* keys and values point into it */
    MapEntry *entries;
    guint n_entries, max_entries;
    Slot *slots;
    guint mask; /* number of slots - 1 */
};

static Map *map_new(const char *name)
{
    Map *map = g_new0(Map, 1);
    map->refs = REFS_ONE;
    map->name = g_strdup(name);
    return map;
}

Map *map_ref(Map *map)
{
    refs_take(&map->refs);
    return map;
}

void map_unref(Map *map)
{
    if (map == NULL || !refs_drop(&map->refs))
        return;
    g_free(map->name);
    g_free(map->text);
    g_free(map->entries);
    g_free(map->slots);
    g_free(map);
}

/* FNV-1a: keys are short, and whoever writes the map is no attacker. */
static guint32 hash_of(const char *key)
{
    guint32 hash = 2166136261u;
    for (; *key != '\0'; key++)
        hash = (hash ^ (guchar)*key) * 16777619u;
    return hash ^ (hash >> 15);
}

static Slot *slot_of(const Map *map, const char *key, guint32 hash)
{
    guint at = hash & map->mask;
    for (;; at = (at + 1) & map->mask) {
        Slot *slot = &map->slots[at];
        if (slot->entry == 0 || (slot->hash == hash && strcmp(map->entries[slot->entry - 1].key, key) == 0))
            return slot;
    }
}

/* Room for that many, with at least half of the slots free. */
static void make_room(Map *map, guint entries)
{
    map->max_entries = MAX(entries, 1);
    map->entries = g_new(MapEntry, map->max_entries);
    guint slots = 8;
    while (slots < 2 * (guint64)entries)
        slots *= 2;
    map->slots = g_new0(Slot, slots);
    map->mask = slots - 1;
}

typedef struct {
    Map *map;
    Problems *problems;
    char *out;       /* where the next text is written; never ahead of what is read */
    MapEntry *entry; /* of the logical line that may go on; NULL: none, or a bad one */
    gboolean bad;    /* its continuations are left out with it */
    guint line;
} Reader;

static gboolean is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* "SPF-Fail!a.example" is how Sendmail and Postfix keep it who need the colon; an address may hold "!" as it
 * likes. */
static void fold_key(char *key)
{
    gboolean tag = TRUE;
    for (char *c = key; *c != '\0'; c++) {
        *c = g_ascii_tolower(*c);
        if (tag && *c == '!' && c > key)
            *c = ':';
        tag = tag && (g_ascii_isalnum(*c) || *c == '-');
    }
}

static char *put(Reader *reader, const char *text, gsize len)
{
    char *start = reader->out;
    memmove(start, text, len);
    start[len] = '\0';
    reader->out += len + 1;
    return start;
}

G_GNUC_PRINTF(3, 4)
static void report(Reader *reader, ProblemLevel level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    problems_add(reader->problems, level, reader->map->name, reader->line, "%s", text);
}

static void add_entry(Reader *reader, const char *key, gsize key_len, const char *value, gsize value_len)
{
    Map *map = reader->map;
    char *kept = put(reader, key, key_len);
    fold_key(kept);
    guint32 hash = hash_of(kept);
    Slot *slot = slot_of(map, kept, hash);
    if (slot->entry != 0) {
        reader->entry = &map->entries[slot->entry - 1];
        report(reader, PROBLEM_WARNING, "\"%s\" is there already (line %u); this one counts", kept,
               reader->entry->line);
    } else if (map->n_entries >= MAP_ENTRIES_MAX) {
        report(reader, PROBLEM_ERROR, "more than %u entries; this one is left out", MAP_ENTRIES_MAX);
        reader->bad = TRUE;
        return;
    } else {
        g_assert(map->n_entries < map->max_entries);
        reader->entry = &map->entries[map->n_entries++];
        reader->entry->key = kept;
        *slot = (Slot){hash, map->n_entries};
    }
    reader->entry->line = reader->line;
    /* A key alone has only its line end for a NUL: the empty value shares it. */
    reader->entry->value = value_len > 0 ? put(reader, value, value_len) : reader->out - 1;
}

/* One more line of the value: a blank in place of the line end. */
static void continue_value(Reader *reader, const char *text, gsize len)
{
    MapEntry *entry = reader->entry;
    gsize so_far = strlen(entry->value);
    if (so_far + 1 + len > MAP_LINE_MAX) {
        report(reader, PROBLEM_WARNING, "the value of \"%s\" goes over %u bytes; the rest is left out",
               entry->key, MAP_LINE_MAX);
        reader->entry = NULL;
        reader->bad = TRUE;
        return;
    }
    if (so_far == 0) {
        entry->value = put(reader, text, len);
        return;
    }
    g_assert(entry->value + so_far + 1 == reader->out);
    reader->out[-1] = ' ';
    put(reader, text, len);
}

static void read_first_line(Reader *reader, const char *text, gsize len)
{
    gsize key_len = 0;
    while (key_len < len && !is_blank(text[key_len]))
        key_len++;
    gsize value_at = key_len;
    while (value_at < len && is_blank(text[value_at]))
        value_at++;
    while (key_len > 0 && text[key_len - 1] == '\0') /* as keys have that were made with a NUL */
        key_len--;
    if (memchr(text, '\0', key_len) != NULL || memchr(text + value_at, '\0', len - value_at) != NULL) {
        report(reader, PROBLEM_WARNING, "there is a NUL byte in this line; it is left out");
        reader->bad = TRUE;
    } else if (key_len == 0) {
        report(reader, PROBLEM_WARNING, "there is no key in this line; it is left out");
        reader->bad = TRUE;
    } else {
        add_entry(reader, text, key_len, text + value_at, len - value_at);
    }
}

static void read_line(Reader *reader, const char *text, gsize len)
{
    gboolean indented = len > 0 && is_blank(*text);
    while (len > 0 && is_blank(text[len - 1]))
        len--;
    gsize skip = 0;
    while (skip < len && is_blank(text[skip]))
        skip++;
    if (skip == len || text[skip] == '#')
        return; /* nothing, or a comment: what follows may still continue the line before */
    if (indented) {
        if (reader->entry != NULL && len - skip <= MAP_LINE_MAX &&
            memchr(text + skip, '\0', len - skip) == NULL)
            continue_value(reader, text + skip, len - skip);
        else if (reader->entry != NULL)
            report(reader, PROBLEM_WARNING, "a NUL byte or too much in a continuation line; it is left out");
        else if (!reader->bad)
            report(reader, PROBLEM_WARNING,
                   "a line that begins with a blank continues another, and there is none");
        return;
    }
    reader->entry = NULL;
    reader->bad = len > MAP_LINE_MAX;
    if (reader->bad)
        report(reader, PROBLEM_WARNING, "a line of %" G_GSIZE_FORMAT " bytes, over %u; it is left out", len,
               MAP_LINE_MAX);
    else
        read_first_line(reader, text, len);
}

static void warn_without_value(const Map *map, Problems *problems)
{
    for (guint i = 0; i < map->n_entries; i++)
        if (*map->entries[i].value == '\0')
            problems_add(problems, PROBLEM_WARNING, map->name, map->entries[i].line, "\"%s\" has no value",
                         map->entries[i].key);
}

static guint count_lines(const char *text, gsize len)
{
    guint lines = 1;
    for (const char *end = text + len; (text = memchr(text, '\n', (gsize)(end - text))) != NULL; text++)
        lines++;
    return lines;
}

/* Takes `text`, which has `len` bytes and room for two more. */
static Map *parse_taken(const char *name, char *text, gsize len, Problems *problems)
{
    Map *map = map_new(name);
    map->text = text;
    make_room(map, MIN(count_lines(text, len), MAP_ENTRIES_MAX));
    Reader reader = {.map = map, .problems = problems, .out = text};
    const char *at = text, *end = text + len;
    if (len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (gsize)(end - at));
        if (line_end == NULL)
            line_end = end;
        reader.line++;
        read_line(&reader, at, (gsize)(line_end - at));
        at = line_end + 1;
    }
    warn_without_value(map, problems);
    return map;
}

Map *map_parse(const char *name, const char *text, gsize len, Problems *problems)
{
    if (len > MAP_BYTES_MAX) {
        problems_add(problems, PROBLEM_ERROR, name, 0, "more than %" G_GSIZE_FORMAT " bytes", MAP_BYTES_MAX);
        return NULL;
    }
    char *copy = g_malloc(len + 2);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return parse_taken(name, copy, len, problems);
}

/* ---- kinds of files --------------------------------------------------------------------------------------
 */

static gboolean bytes_at(const char *bytes, gsize len, gsize offset, guint32 word)
{
    guint32 little = GUINT32_TO_LE(word), big = GUINT32_TO_BE(word);
    return len >= offset + 4 &&
           (memcmp(bytes + offset, &little, 4) == 0 || memcmp(bytes + offset, &big, 4) == 0);
}

static gboolean is_bdb_hash(const char *path, const char *bytes, gsize len)
{
    return bytes_at(bytes, len, 12, 0x061561);
}

static gboolean is_bdb_btree(const char *path, const char *bytes, gsize len)
{
    return bytes_at(bytes, len, 12, 0x053162);
}

static gboolean is_lmdb(const char *path, const char *bytes, gsize len)
{
    return bytes_at(bytes, len, 16, 0xbeefc0de);
}

static gboolean is_cdb(const char *path, const char *bytes, gsize len)
{
    return g_str_has_suffix(path, ".cdb");
}

static gboolean is_text(const char *path, const char *bytes, gsize len)
{
    return TRUE;
}

/* The first row that knows the file reads it. A row without a reader is a kind that this build cannot read:
 * saying so is better than reading it as text. `read` takes `bytes`. */
static const struct {
    const char *name;
    gboolean (*knows)(const char *path, const char *bytes, gsize len);
    Map *(*read)(const char *path, char *bytes, gsize len, Problems *problems);
} formats[] = {
    {"Berkeley DB hash", is_bdb_hash, NULL},
    {"Berkeley DB btree", is_bdb_btree, NULL},
    {"LMDB", is_lmdb, NULL},
    {"CDB", is_cdb, NULL},
    {"text", is_text, parse_taken},
};

Map *map_read(const char *path, Problems *problems)
{
    g_autoptr(GError) error = NULL;
    gsize len;
    char *bytes = file_read(path, MAP_BYTES_MAX, FILE_CONFIG, &len, &error);
    if (bytes == NULL) {
        problems_add(problems, PROBLEM_ERROR, path, 0, "%s", error->message);
        return NULL;
    }
    guint i = 0;
    while (!formats[i].knows(path, bytes, len))
        i++;
    if (formats[i].read != NULL)
        return formats[i].read(path, bytes, len, problems);
    problems_add(problems, PROBLEM_ERROR, path, 0,
                 "is a %s file, which this build cannot read: name its text source", formats[i].name);
    g_free(bytes);
    return NULL;
}

const MapEntry *map_lookup(const Map *map, const char *key)
{
    if (map == NULL)
        return NULL;
    const Slot *slot = slot_of(map, key, hash_of(key));
    return slot->entry != 0 ? &map->entries[slot->entry - 1] : NULL;
}

const char *map_name(const Map *map)
{
    return map->name;
}

guint map_size(const Map *map)
{
    return map != NULL ? map->n_entries : 0;
}

void map_foreach(const Map *map, void (*each)(const MapEntry *entry, void *data), void *data)
{
    for (guint i = 0; i < map_size(map); i++)
        each(&map->entries[i], data);
}
