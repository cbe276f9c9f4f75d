/* The virtual message: the header as it would be delivered. */
#include "flow/flow-internal.h"
#include "flow/trace.h"

/* --- edits by the field that they are about --- */

/* Of a field as received: its name and which of that name it is. */
typedef struct {
    const char *name;
    guint nth; /* 1 is the topmost */
} Place;

static guint place_hash(gconstpointer data)
{
    const Place *place = data;
    guint hash = place->nth;
    for (const char *c = place->name; *c; c++)
        hash = hash * 31 + (guchar)g_ascii_tolower(*c);
    return hash;
}

static gboolean place_equal(gconstpointer a, gconstpointer b)
{
    const Place *left = a, *right = b;
    return left->nth == right->nth && g_ascii_strcasecmp(left->name, right->name) == 0;
}

/* Of changes and deletes; of two about one field the first that is applied. A stranger chooses how many there are. */
static GHashTable *index_edits(const Message *message)
{
    GHashTable *index = g_hash_table_new_full(place_hash, place_equal, g_free, NULL);
    for (guint i = 0; i < edits_len(message->edits); i++) {
        const Edit *edit = edits_at(message->edits, i);
        if (edit->kind != EDIT_HEADER_CHANGE && edit->kind != EDIT_HEADER_DELETE)
            continue;
        const Place place = {edit->name, edit->nth};
        if (!g_hash_table_contains(index, &place))
            g_hash_table_insert(index, g_memdup2(&place, sizeof place), (gpointer)edit);
    }
    return index;
}

/* --- the fields --- */

static void add_field(Message *message, const char *name, const char *value)
{
    const Header field = {name, value};
    g_array_append_val(message->delivered, field);
}

/* The MTA puts one blank before what we hand it. */
static void add_edit(Message *message, const char *name, const Edit *edit)
{
    add_field(message, name, pool_printf(message->known.pool, " %s", edit->value));
}

static void add_edits_of(Message *message, EditKind kind, gboolean last_first)
{
    guint n = edits_len(message->edits);
    for (guint i = 0; i < n; i++) {
        const Edit *edit = edits_at(message->edits, last_first ? n - 1 - i : i);
        if (edit->kind == kind)
            add_edit(message, edit->name, edit);
    }
}

static guint name_hash(gconstpointer name)
{
    return place_hash(&(const Place){name, 0});
}

static gboolean name_equal(gconstpointer a, gconstpointer b)
{
    return g_ascii_strcasecmp(a, b) == 0;
}

/* Of each name in `edits` a Place with the number of its fields so far. Of no other: strangers choose the names in a message,
 * and could choose those that collide. */
static GHashTable *index_names(GHashTable *edits)
{
    GHashTable *seen = g_hash_table_new_full(name_hash, name_equal, NULL, g_free);
    GHashTableIter iter;
    gpointer key;
    g_hash_table_iter_init(&iter, edits);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        const char *name = ((const Place *)key)->name;
        if (!g_hash_table_contains(seen, name))
            g_hash_table_insert(seen, (gpointer)name, g_memdup2(&(const Place){name, 0}, sizeof(Place)));
    }
    return seen;
}

/* What is done to the next field of that name; NULL: nothing. */
static const Edit *next_edit(GHashTable *edits, GHashTable *seen, const char *name)
{
    Place *place = g_hash_table_lookup(seen, name);
    if (!place)
        return NULL;
    place->nth++;
    return g_hash_table_lookup(edits, place);
}

static void add_received(Message *message)
{
    g_autoptr(GHashTable) edits = index_edits(message);
    g_autoptr(GHashTable) seen = index_names(edits);
    for (guint i = 0; i < message->headers->len; i++) {
        const Header *header = message_header(message, i);
        const Edit *edit = next_edit(edits, seen, header->name);
        if (!edit)
            add_field(message, header->name, header->value);
        else if (edit->kind == EDIT_HEADER_CHANGE)
            add_edit(message, header->name, edit);
    }
}

const GArray *message_delivered_header(Message *message)
{
    g_clear_pointer(&message->delivered, g_array_unref);
    message->delivered = g_array_new(FALSE, FALSE, sizeof(Header));
    add_edits_of(message, EDIT_HEADER_PREPEND, TRUE); /* the last one prepended is topmost */
    add_received(message);
    add_edits_of(message, EDIT_HEADER_APPEND, FALSE);
    return message->delivered;
}

/* --- as text --- */

/* Values hold "\n" before continuation lines; the wire has CRLF. */
static void append_field(GString *text, const Header *field)
{
    g_string_append_printf(text, "%s:", field->name);
    for (const char *c = field->value; *c; c++) {
        if (*c == '\n')
            g_string_append_c(text, '\r');
        g_string_append_c(text, *c);
    }
    g_string_append(text, "\r\n");
}

GString *message_render_headers(Message *message)
{
    GString *text = g_string_new(NULL);
    const GArray *fields = message_delivered_header(message);
    for (guint i = 0; i < fields->len; i++)
        append_field(text, &g_array_index(fields, Header, i));
    return text;
}
