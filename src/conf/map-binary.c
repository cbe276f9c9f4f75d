/*
 * map-binary.c — from the pairs of a binary file to a Map.
 *
 * The file is walked twice: once to see that it is whole and how much room its entries want, once to copy
 * them.
 */
#include <string.h>

#include "conf/map-internal.h"

typedef struct {
    MapSink sink;
    Map *map;
    Problems *problems;
    guint64 entries;
    gsize bytes, bytes_max; /* that a file of this size can hold */
    char *out;              /* the second time: where the next text is written */
    guint8 *exact;          /* one an entry: its key stands in the file as it is folded */
} Collector;

/* ---- the first walk ---- */

static gboolean measure_pair(MapSink *sink, const char *key, gsize key_len, const char *value,
                             gsize value_len)
{
    Collector *c = (Collector *)sink;
    c->entries++;
    if (key_len > MAP_LINE_MAX || value_len > MAP_LINE_MAX)
        return TRUE;
    c->bytes += key_len + value_len;
    return c->bytes <= c->bytes_max;
}

static void measure_skip(MapSink *sink, const char *key, gsize key_len, const char *why)
{
}

/* ---- the second walk ---- */

G_GNUC_PRINTF(4, 5)
static void report(Collector *c, const char *key, gsize key_len, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *shown = key != NULL ? g_strndup(key, MIN(key_len, 200)) : g_strdup("");
    problems_add(c->problems, PROBLEM_WARNING, c->map->name, 0, "\"%s\": %s", shown, text);
}

static void left_out(MapSink *sink, const char *key, gsize key_len, const char *why)
{
    report((Collector *)sink, key, key_len, "%s; it is left out", why);
}

static void strip_nuls(const char *text, gsize *len)
{
    while (*len > 0 && text[*len - 1] == '\0')
        (*len)--;
}

static void trim(const char **text, gsize *len)
{
    strip_nuls(*text, len);
    while (*len > 0 && map_is_blank((*text)[*len - 1]))
        (*len)--;
    for (; *len > 0 && map_is_blank(**text); (*len)--)
        (*text)++;
}

/* In text none of these could be part of a key or value, and a reply with a line end in it is none. */
static gboolean has_strange_bytes(const char *text, gsize len)
{
    return memchr(text, '\0', len) != NULL || memchr(text, '\n', len) != NULL ||
           memchr(text, '\r', len) != NULL;
}

static char *put(Collector *c, const char *text, gsize len)
{
    char *start = c->out;
    memcpy(start, text, len);
    start[len] = '\0';
    c->out += len + 1;
    return start;
}

/* Which of two that fold to the same key counts must not depend on where they are in the file: the one that
 * is written folded is what Sendmail and Postfix find; of two that are not, the value that sorts first. */
static void settle_conflict(Collector *c, MapEntry *entry, const char *value, gboolean exact, const char *key)
{
    gboolean was_exact = c->exact[entry - c->map->entries];
    gboolean wins = exact != was_exact ? exact : strcmp(value, entry->value) < 0;
    report(c, key, strlen(key),
           "is there more than once, in other letters or with the other separator; %s counts",
           exact || was_exact ? "the one in small letters with \":\"" : "one of them");
    if (wins)
        entry->value = value;
}

static gboolean collect_pair(MapSink *sink, const char *key, gsize key_len, const char *value,
                             gsize value_len)
{
    Collector *c = (Collector *)sink;
    if (key_len > MAP_LINE_MAX || value_len > MAP_LINE_MAX) {
        report(c, key_len > MAP_LINE_MAX ? NULL : key, key_len,
               "key or value has over %u bytes; it is left out", MAP_LINE_MAX);
        return TRUE;
    }
    strip_nuls(key, &key_len);
    trim(&value, &value_len);
    if (key_len == 0 || has_strange_bytes(key, key_len) || has_strange_bytes(value, value_len)) {
        left_out(sink, key, key_len,
                 key_len == 0 ? "a key is empty" : "there is a NUL byte or a line end in it");
        return TRUE;
    }
    const char *written = put(c, value, value_len);
    char *kept = put(c, key, key_len);
    map_fold_key(kept);
    gboolean exact = memcmp(kept, key, key_len) == 0;
    MapEntry *entry = map_find(c->map, kept);
    if (entry != NULL) {
        settle_conflict(c, entry, written, exact, kept);
    } else {
        entry = map_insert(c->map, kept);
        entry->value = written;
    }
    if (exact)
        c->exact[entry - c->map->entries] = TRUE;
    return TRUE;
}

Map *map_collect(const char *name, MapReader *reader, const char *bytes, gsize len, Problems *problems,
                 const char **why)
{
    Collector measured = {.sink = {measure_pair, measure_skip}, .bytes_max = len};
    *why = reader(bytes, len, &measured.sink);
    if (*why == NULL && measured.entries > MAP_ENTRIES_MAX)
        *why = "it has more entries than are read";
    if (*why != NULL)
        return NULL;
    g_autoptr(Map) map = map_new(name);
    map_make_room(map, (guint)measured.entries);
    map->text = g_malloc(measured.bytes + 2 * measured.entries + 1);
    g_autofree guint8 *exact = g_malloc0(measured.entries + 1);
    Collector c = {
        .sink = {collect_pair, left_out}, .map = map, .problems = problems, .out = map->text, .exact = exact};
    *why = reader(bytes, len, &c.sink);
    g_assert(*why == NULL);
    map_warn_without_value(map, problems);
    return g_steal_pointer(&map);
}
