/*
 * map-text.c — an access map as text.
 *
 * Keys and values are cut out in place of the file's own bytes: a separator and a line end are room enough
 * for two NULs. A million lines are one allocation of text, not two million strings.
 */
#include <string.h>

#include "conf/map-internal.h"

typedef struct {
    Map *map;
    Problems *problems;
    char *out;       /* where the next text is written; never ahead of what is read */
    MapEntry *entry; /* of the logical line that may go on; NULL: none, or a bad one */
    gboolean bad;    /* its continuations are left out with it */
    guint line;
} Reader;

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
    map_fold_key(kept);
    reader->entry = map_find(map, kept);
    if (reader->entry != NULL) {
        report(reader, PROBLEM_WARNING, "\"%s\" is there already (line %u); this one counts", kept,
               reader->entry->line);
    } else if (map->n_entries >= MAP_ENTRIES_MAX) {
        report(reader, PROBLEM_ERROR, "more than %u entries; this one is left out", MAP_ENTRIES_MAX);
        reader->bad = TRUE;
        return;
    } else {
        reader->entry = map_insert(map, kept);
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
    while (key_len < len && !map_is_blank(text[key_len]))
        key_len++;
    gsize value_at = key_len;
    while (value_at < len && map_is_blank(text[value_at]))
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
    gboolean indented = len > 0 && map_is_blank(*text);
    while (len > 0 && map_is_blank(text[len - 1]))
        len--;
    gsize skip = 0;
    while (skip < len && map_is_blank(text[skip]))
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

static guint count_lines(const char *text, gsize len)
{
    guint lines = 1;
    for (const char *end = text + len; (text = memchr(text, '\n', (gsize)(end - text))) != NULL; text++)
        lines++;
    return lines;
}

Map *map_text_parse(const char *name, char *text, gsize len, Problems *problems)
{
    Map *map = map_new(name);
    map->text = text;
    map_make_room(map, MIN(count_lines(text, len), MAP_ENTRIES_MAX));
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
    map_warn_without_value(map, problems);
    return map;
}
