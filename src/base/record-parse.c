/* record-parse.c — a Record from one JSON object: what we have written ourselves. */
#include "base/record.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>

/* What we write nests less; json-glib recurses. */
#define DEPTH_MAX 16

static gboolean is_shallow(const char *text, gsize len)
{
    gboolean quoted = FALSE;
    gsize depth = 0;
    for (gsize i = 0; i < len && depth <= DEPTH_MAX; i++) {
        char c = text[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return depth <= DEPTH_MAX;
}

static void take_object(Record *record, JsonObject *object);

/* A list of records if it has any, else of strings; null and lists in a list are nothing that we write. */
static void take_array(Record *record, const char *name, JsonArray *array)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new();
    gboolean of_records = FALSE;
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonNode *node = json_array_get_element(array, i);
        if (JSON_NODE_HOLDS_OBJECT(node)) {
            take_object(record_element(record, name), json_node_get_object(node));
            of_records = TRUE;
        } else if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING) {
            g_ptr_array_add(texts, (gpointer)json_node_get_string(node));
        }
    }
    g_ptr_array_add(texts, NULL);
    if (!of_records)
        record_strv(record, name, (const char *const *)texts->pdata);
}

static void take_value(Record *record, const char *name, JsonNode *node)
{
    GType type = json_node_get_value_type(node);
    if (type == G_TYPE_STRING)
        record_str(record, name, json_node_get_string(node));
    else if (type == G_TYPE_INT64)
        record_int(record, name, json_node_get_int(node));
    else if (type == G_TYPE_DOUBLE)
        record_double(record, name, json_node_get_double(node));
    else if (type == G_TYPE_BOOLEAN)
        record_bool(record, name, json_node_get_boolean(node));
}

static void take_member(JsonObject *object, const char *name, JsonNode *node, gpointer data)
{
    Record *record = data;
    if (JSON_NODE_HOLDS_ARRAY(node))
        take_array(record, name, json_node_get_array(node));
    else if (JSON_NODE_HOLDS_OBJECT(node))
        take_object(record_child(record, name), json_node_get_object(node));
    else if (JSON_NODE_HOLDS_VALUE(node))
        take_value(record, name, node);
}

static void take_object(Record *record, JsonObject *object)
{
    json_object_foreach_member(object, take_member, record);
}

Record *record_from_json(const char *text, gsize len, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    if (!is_shallow(text, len)) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "JSON nested too deep");
        return NULL;
    }
    if (!json_parser_load_from_data(parser, text, (gssize)len, error))
        return NULL;
    JsonNode *root = json_parser_get_root(parser);
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root)) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "not a JSON object");
        return NULL;
    }
    Record *record = record_new();
    take_object(record, json_node_get_object(root));
    return record;
}
