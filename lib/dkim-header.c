/* dkim-header.c — header fields with an index of their names. */
#include <string.h>

#include "dkim-internal.h"

typedef struct {
    Span name; /* without blanks after it */
    guint number;
    guint lowest; /* field */
    guint count;
} Name;

typedef struct {
    DkimField field;
    Name *name;
    guint previous; /* the next field of that name above; DKIM_NO_FIELD: none */
} Entry;

/* The names are a tree, not a hash table: strangers choose them, and could choose those that collide. */
struct DkimHeader {
    GArray *entries; /* of Entry */
    GTree *names;    /* of Name, without case */
    gboolean overflowed;
};

struct DkimCursor {
    guint next[1]; /* by number of the name */
};

static gint compare_names(gconstpointer a, gconstpointer b, gpointer data)
{
    Span x = ((const Name *)a)->name, y = ((const Name *)b)->name;
    return x.len != y.len ? (x.len < y.len ? -1 : 1) : g_ascii_strncasecmp(x.at, y.at, x.len);
}

DkimHeader *dkim_header_new(void)
{
    DkimHeader *header = g_new0(DkimHeader, 1);
    header->entries = g_array_new(FALSE, FALSE, sizeof(Entry));
    header->names = g_tree_new_full(compare_names, NULL, g_free, NULL);
    return header;
}

void dkim_header_free(DkimHeader *header)
{
    if (!header)
        return;
    g_array_unref(header->entries);
    g_tree_unref(header->names);
    g_free(header);
}

/* RFC 5322 §4.5 allows white space before the colon. */
static gsize trimmed(const char *name, gsize len)
{
    while (len && (name[len - 1] == ' ' || name[len - 1] == '\t'))
        len--;
    return len;
}

/* NULL: there is no field of that name. */
static Name *find_name(const DkimHeader *header, Span name)
{
    const Name wanted = {.name = name};
    return g_tree_lookup(header->names, &wanted);
}

static Name *add_name(DkimHeader *header, Span name)
{
    Name *made = g_new(Name, 1);
    *made = (Name){.name = name, .number = (guint)g_tree_nnodes(header->names), .lowest = DKIM_NO_FIELD};
    g_tree_insert(header->names, made, made);
    return made;
}

void dkim_header_add(DkimHeader *header, const char *name, gssize name_len, const char *value,
                     gssize value_len)
{
    Entry entry = {
        .field = {.name = name,
                  .value = value,
                  .name_len = name_len < 0 ? strlen(name) : (gsize)name_len,
                  .value_len = value_len < 0 ? strlen(value) : (gsize)value_len},
    };
    Span plain = {name, trimmed(name, entry.field.name_len)};
    if (header->entries->len == DKIM_FIELDS_MAX) {
        header->overflowed = TRUE;
        return;
    }
    entry.name = find_name(header, plain);
    if (!entry.name)
        entry.name = add_name(header, plain);
    entry.previous = entry.name->lowest;
    entry.name->lowest = header->entries->len;
    entry.name->count++;
    g_array_append_val(header->entries, entry);
}

gboolean dkim_header_overflowed(const DkimHeader *header)
{
    return header->overflowed;
}

static gboolean is_field_name(const char *name, gsize len)
{
    len = trimmed(name, len);
    for (gsize i = 0; i < len; i++)
        if ((guchar)name[i] <= ' ' || name[i] == 0x7f)
            return FALSE;
    return len > 0;
}

/* After the line end; `end` if there is none. */
static const char *next_line(const char *p, const char *end)
{
    const char *lf = memchr(p, '\n', (gsize)(end - p));
    return lf ? lf + 1 : end;
}

gsize dkim_header_read(DkimHeader *header, const char *message, gsize len)
{
    const char *p = message, *end = message + len;
    if (len >= 5 && memcmp(p, "From ", 5) == 0)
        p = next_line(p, end);
    while (p < end) {
        if (*p == '\n')
            return (gsize)(p + 1 - message);
        if (*p == '\r' && p + 1 < end && p[1] == '\n')
            return (gsize)(p + 2 - message);
        const char *line_end = next_line(p, end);
        const char *colon = memchr(p, ':', (gsize)(line_end - p));
        if (!colon || !is_field_name(p, (gsize)(colon - p)))
            break;
        while (line_end < end && (*line_end == ' ' || *line_end == '\t'))
            line_end = next_line(line_end, end);
        const char *value_end = line_end;
        if (value_end > colon + 1 && value_end[-1] == '\n')
            value_end -= 1 + (value_end[-2] == '\r');
        dkim_header_add(header, p, colon - p, colon + 1, MAX(value_end - colon - 1, 0));
        p = line_end;
    }
    return (gsize)(p - message);
}

guint dkim_header_len(const DkimHeader *header)
{
    return header->entries->len;
}

const DkimField *dkim_header_field(const DkimHeader *header, guint index)
{
    return &g_array_index(header->entries, Entry, index).field;
}

guint dkim_header_count(const DkimHeader *header, const char *name)
{
    const Name *known = find_name(header, (Span){name, strlen(name)});
    return known ? known->count : 0;
}

gboolean dkim_field_is(const DkimField *field, const char *name)
{
    return span_is_nocase((Span){field->name, trimmed(field->name, field->name_len)}, name);
}

static gboolean start_name(gpointer key, gpointer value, gpointer data)
{
    const Name *name = key;
    ((DkimCursor *)data)->next[name->number] = name->lowest;
    return FALSE;
}

DkimCursor *dkim_cursor_new(const DkimHeader *header)
{
    DkimCursor *cursor = g_malloc_n((gsize)g_tree_nnodes(header->names) + 1, sizeof(guint));
    g_tree_foreach(header->names, start_name, cursor);
    return cursor;
}

guint dkim_cursor_take(const DkimHeader *header, DkimCursor *cursor, Span name, guint except)
{
    const Name *known = find_name(header, name);
    if (!known)
        return DKIM_NO_FIELD;
    guint *next = &cursor->next[known->number], taken = *next;
    if (taken == except && taken != DKIM_NO_FIELD)
        taken = g_array_index(header->entries, Entry, taken).previous;
    if (taken != DKIM_NO_FIELD)
        *next = g_array_index(header->entries, Entry, taken).previous;
    return taken;
}
