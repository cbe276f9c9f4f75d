/* record-print.c — a Record as JSON, as one line, as indented text. */
#include "base/record-internal.h"

#include <math.h>
#include <string.h>
#include "base/escape.h"

/* --- JSON (RFC 8259), written straight: a tree of nodes first costs ten times as much, and each message is written --- */

static void append_json(GString *to, const Record *record);

static void append_escaped(GString *to, char c)
{
    static const char letters[] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['"'] = '"', ['\\'] = '\\'};
    guchar byte = (guchar)c;
    if (byte < sizeof letters && letters[byte])
        g_string_append_printf(to, "\\%c", letters[byte]);
    else
        g_string_append_printf(to, "\\u%04x", byte);
}

static gboolean is_plain(char c)
{
    return (guchar)c >= 0x20 && c != 0x7f && c != '"' && c != '\\';
}

static void append_string(GString *to, const char *text)
{
    g_autofree char *valid = g_utf8_validate(text, -1, NULL) ? NULL : g_utf8_make_valid(text, -1); /* §8.1 */
    const char *at = valid ? valid : text;
    g_string_append_c(to, '"');
    while (*at) {
        const char *from = at;
        while (*at && is_plain(*at))
            at++;
        g_string_append_len(to, from, at - from);
        if (*at)
            append_escaped(to, *at++);
    }
    g_string_append_c(to, '"');
}

static void append_double(GString *to, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    if (!isfinite(value)) { /* JSON has no infinity and no NaN (§6) */
        g_string_append(to, "null");
        return;
    }
    g_string_append(to, g_ascii_dtostr(text, sizeof text, value));
    if (!strpbrk(text, ".eE")) /* it shall be read back as what it was */
        g_string_append(to, ".0");
}

static void append_list(GString *to, const RecordItem *item)
{
    g_string_append_c(to, '[');
    if (item->kind == RECORD_STRV) {
        for (char **text = item->strv; *text != NULL; text++) {
            g_string_append(to, text > item->strv ? "," : "");
            append_string(to, *text);
        }
    } else {
        for (guint i = 0; i < item->list->len; i++) {
            g_string_append(to, i ? "," : "");
            append_json(to, g_ptr_array_index(item->list, i));
        }
    }
    g_string_append_c(to, ']');
}

static void append_value(GString *to, const RecordItem *item)
{
    switch (item->kind) {
    case RECORD_STR:
        append_string(to, item->str);
        break;
    case RECORD_INT:
        g_string_append_printf(to, "%" G_GINT64_FORMAT, item->integer);
        break;
    case RECORD_DOUBLE:
        append_double(to, item->real);
        break;
    case RECORD_BOOL:
        g_string_append(to, item->integer ? "true" : "false");
        break;
    case RECORD_STRV:
    case RECORD_LIST:
        append_list(to, item);
        break;
    case RECORD_CHILD:
        append_json(to, item->child);
        break;
    }
}

static void append_json(GString *to, const Record *record)
{
    g_string_append_c(to, '{');
    for (guint i = 0; i < record->items->len; i++) {
        const RecordItem *item = g_ptr_array_index(record->items, i);
        g_string_append(to, i ? "," : "");
        append_string(to, item->name);
        g_string_append_c(to, ':');
        append_value(to, item);
    }
    g_string_append_c(to, '}');
}

char *record_to_json(const Record *record)
{
    GString *text = g_string_new(NULL);
    append_json(text, record);
    return g_string_free(text, FALSE);
}

/* --- lines and text --- */

static void each_value(const Record *record, GString *path, RecordEach each, void *data)
{
    gsize base = path->len;
    for (guint i = 0; i < record->items->len; i++) {
        RecordItem *item = g_ptr_array_index(record->items, i);
        g_string_append(path, item->name);
        if (item->kind == RECORD_CHILD) {
            g_string_append_c(path, '.');
            each_value(item->child, path, each, data);
        } else if (item->kind == RECORD_LIST) {
            gsize list = path->len;
            for (guint j = 0; j < item->list->len; j++) {
                g_string_append_printf(path, ".%u.", j);
                each_value(g_ptr_array_index(item->list, j), path, each, data);
                g_string_truncate(path, list);
            }
        } else {
            each(path->str, record_item_text(item), data);
        }
        g_string_truncate(path, base);
    }
}

void record_each(const Record *record, RecordEach each, void *data)
{
    g_autoptr(GString) path = g_string_new(NULL);
    each_value(record, path, each, data);
}

/* A value that holds none of these can stand without quotes and be read back. */
static gboolean needs_quotes(const char *text)
{
    if (*text == '\0')
        return TRUE;
    for (; *text != '\0'; text++)
        if (!g_ascii_isgraph(*text) || strchr("\"\\=,", *text) != NULL)
            return TRUE;
    return FALSE;
}

static void append_pair(const char *path, const char *text, void *data)
{
    GString *line = data;
    if (line->len > 0)
        g_string_append_c(line, ' ');
    escape_append(line, path, strlen(path), ESCAPE_ASCII, NULL);
    g_string_append_c(line, '=');
    if (!needs_quotes(text)) {
        g_string_append(line, text);
        return;
    }
    g_string_append_c(line, '"');
    escape_append(line, text, strlen(text), ESCAPE_ASCII, "\"\\");
    g_string_append_c(line, '"');
}

char *record_to_line(const Record *record)
{
    GString *line = g_string_new(NULL);
    record_each(record, append_pair, line);
    return g_string_free(line, FALSE);
}

#define INDENT 2

static void append_text(GString *to, const Record *record, guint depth);

/* "- " before the first line of each. */
static void append_elements(GString *to, const GPtrArray *elements, guint depth)
{
    for (guint i = 0; i < elements->len; i++) {
        const Record *element = g_ptr_array_index(elements, i);
        g_string_append_printf(to, "%*s- ", (int)(depth * INDENT), "");
        if (record_is_empty(element))
            g_string_append_c(to, '\n');
        append_text(to, element, depth + 1);
    }
}

static void append_text(GString *to, const Record *record, guint depth)
{
    for (guint i = 0; i < record->items->len; i++) {
        RecordItem *item = g_ptr_array_index(record->items, i);
        gsize line_start = to->len > 0 && to->str[to->len - 1] != '\n' ? 0 : depth * INDENT; /* after "- " */
        g_string_append_printf(to, "%*s", (int)line_start, "");
        escape_append(to, item->name, strlen(item->name), ESCAPE_KEEP_UTF8, NULL);
        g_string_append_c(to, ':');
        if (item->kind == RECORD_CHILD) {
            g_string_append_c(to, '\n');
            append_text(to, item->child, depth + 1);
        } else if (item->kind == RECORD_LIST) {
            g_string_append_c(to, '\n');
            append_elements(to, item->list, depth + 1);
        } else {
            const char *text = record_item_text(item);
            if (*text != '\0')
                g_string_append_c(to, ' ');
            escape_append(to, text, strlen(text), ESCAPE_KEEP_UTF8, NULL);
            g_string_append_c(to, '\n');
        }
    }
}

char *record_to_text(const Record *record)
{
    GString *text = g_string_new(NULL);
    append_text(text, record, 0);
    return g_string_free(text, FALSE);
}
