/* record-print.c — a Record as JSON, as one line, as indented text. */
#include "base/record-internal.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>
#include "base/escape.h"

static JsonNode *record_node(const Record *record);

static JsonNode *string_node(const char *text)
{
    JsonNode *node = json_node_alloc();
    g_autofree char *valid = g_utf8_make_valid(text, -1); /* JSON is UTF-8 (RFC 8259 §8.1) */
    return json_node_init_string(node, valid);
}

static JsonNode *array_node(const RecordItem *item)
{
    JsonArray *array = json_array_new();
    if (item->kind == RECORD_STRV) {
        for (char **text = item->strv; *text != NULL; text++)
            json_array_add_element(array, string_node(*text));
    } else {
        for (guint i = 0; i < item->list->len; i++)
            json_array_add_element(array, record_node(g_ptr_array_index(item->list, i)));
    }
    JsonNode *node = json_node_init_array(json_node_alloc(), array);
    json_array_unref(array);
    return node;
}

static JsonNode *item_node(const RecordItem *item)
{
    switch (item->kind) {
    case RECORD_STR:
        return string_node(item->str);
    case RECORD_INT:
        return json_node_init_int(json_node_alloc(), item->integer);
    case RECORD_DOUBLE: /* JSON has no infinity and no NaN (RFC 8259 §6) */
        if (!isfinite(item->real))
            return json_node_init_null(json_node_alloc());
        return json_node_init_double(json_node_alloc(), item->real);
    case RECORD_BOOL:
        return json_node_init_boolean(json_node_alloc(), item->integer != 0);
    case RECORD_STRV:
    case RECORD_LIST:
        return array_node(item);
    case RECORD_CHILD:
        return record_node(item->child);
    }
    g_assert_not_reached();
}

static JsonNode *record_node(const Record *record)
{
    JsonObject *object = json_object_new();
    for (guint i = 0; i < record->items->len; i++) {
        const RecordItem *item = g_ptr_array_index(record->items, i);
        g_autofree char *name = g_utf8_make_valid(item->name, -1);
        json_object_set_member(object, name, item_node(item));
    }
    JsonNode *node = json_node_init_object(json_node_alloc(), object);
    json_object_unref(object);
    return node;
}

char *record_to_json(const Record *record)
{
    JsonNode *node = record_node(record);
    char *text = json_to_string(node, FALSE);
    json_node_unref(node);
    return text;
}

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
            for (guint j = 0; j < item->list->len; j++) {
                const Record *element = g_ptr_array_index(item->list, j);
                g_string_append_printf(to, "%*s- ", (int)((depth + 1) * INDENT), "");
                if (record_is_empty(element))
                    g_string_append_c(to, '\n');
                append_text(to, element, depth + 2);
            }
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
