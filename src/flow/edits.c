#include "flow/edits.h"

#include <string.h>

struct Edits {
    GPtrArray *list; /* Edit, as collected */
    gboolean sorted, ascii;
};

/* The MTA's order: the envelope first, since Sendmail takes it at any time; then headers so that no index shifts under
 * a later edit (changes and deletes from the last instance to the first, inserts at 0 last). */
static const int rank[] = {
    [EDIT_SENDER] = 0,         [EDIT_RCPT_ADD] = 1,      [EDIT_RCPT_DELETE] = 2,
    [EDIT_HEADER_CHANGE] = 3,  [EDIT_HEADER_DELETE] = 3, [EDIT_HEADER_APPEND] = 4,
    [EDIT_HEADER_PREPEND] = 5, [EDIT_BODY] = 6,          [EDIT_HOLD] = 7,
};

static void edit_free(gpointer data)
{
    Edit *edit = data;
    g_free((char *)edit->by);
    g_free((char *)edit->name);
    g_free((char *)edit->value);
    g_free((char *)edit->args);
    g_clear_pointer(&edit->body, g_bytes_unref);
    g_free(edit);
}

Edits *edits_new(void)
{
    Edits *edits = g_new0(Edits, 1);
    edits->list = g_ptr_array_new_with_free_func(edit_free);
    return edits;
}

void edits_free(Edits *edits)
{
    if (!edits)
        return;
    g_ptr_array_unref(edits->list);
    g_free(edits);
}

void edits_keep_ascii(Edits *edits)
{
    edits->ascii = TRUE;
}

char *edits_header_value(const Edits *edits, const char *value)
{
    char *text = g_strdup(value);
    for (char *c = text; edits->ascii && *c; c++)
        if ((guchar)*c >= 0x80)
            *c = '?';
    return text;
}

static Edit *add(Edits *edits, EditKind kind, const char *by, const char *name, guint nth, const char *value)
{
    Edit *edit = g_new0(Edit, 1);
    *edit = (Edit){
        .kind = kind,
        .by = g_strdup(by),
        .name = g_strdup(name),
        .nth = nth,
        .value = g_strdup(value),
    };
    g_ptr_array_add(edits->list, edit);
    edits->sorted = FALSE;
    return edit;
}

static void add_value(Edits *edits, EditKind kind, const char *by, const char *name, guint nth,
                      const char *value)
{
    g_autofree char *text = edits_header_value(edits, value);
    add(edits, kind, by, name, nth, text);
}

void edits_change_header(Edits *edits, const char *by, const char *name, guint nth, const char *value)
{
    add_value(edits, EDIT_HEADER_CHANGE, by, name, nth, value);
}

void edits_delete_header(Edits *edits, const char *by, const char *name, guint nth)
{
    add(edits, EDIT_HEADER_DELETE, by, name, nth, NULL);
}

void edits_append_header(Edits *edits, const char *by, const char *name, const char *value)
{
    add_value(edits, EDIT_HEADER_APPEND, by, name, 0, value);
}

void edits_prepend_header(Edits *edits, const char *by, const char *name, const char *value)
{
    add_value(edits, EDIT_HEADER_PREPEND, by, name, 0, value);
}

void edits_change_sender(Edits *edits, const char *by, const char *sender, const char *args)
{
    add(edits, EDIT_SENDER, by, NULL, 0, sender)->args = g_strdup(args);
}

void edits_add_rcpt(Edits *edits, const char *by, const char *rcpt, const char *args)
{
    add(edits, EDIT_RCPT_ADD, by, NULL, 0, rcpt)->args = g_strdup(args);
}

void edits_delete_rcpt(Edits *edits, const char *by, const char *rcpt)
{
    add(edits, EDIT_RCPT_DELETE, by, NULL, 0, rcpt);
}

void edits_replace_body(Edits *edits, const char *by, GBytes *body)
{
    add(edits, EDIT_BODY, by, NULL, 0, NULL)->body = g_bytes_ref(body);
}

void edits_hold(Edits *edits, const char *by, const char *reason)
{
    add(edits, EDIT_HOLD, by, NULL, 0, reason);
}

guint edits_len(const Edits *edits)
{
    return edits->list->len;
}

static gboolean touches(const Edits *edits, int from_rank, int to_rank)
{
    for (guint i = 0; i < edits->list->len; i++) {
        const Edit *edit = g_ptr_array_index(edits->list, i);
        if (rank[edit->kind] >= from_rank && rank[edit->kind] <= to_rank)
            return TRUE;
    }
    return FALSE;
}

gboolean edits_touch_headers(const Edits *edits)
{
    return touches(edits, rank[EDIT_HEADER_CHANGE], rank[EDIT_HEADER_PREPEND]);
}

gboolean edits_touch_body(const Edits *edits)
{
    return touches(edits, rank[EDIT_BODY], rank[EDIT_BODY]);
}

/* Higher instances first. Names may mix: instances are counted per name, so only those of one name matter. */
static int compare(gconstpointer left, gconstpointer right)
{
    const Edit *a = *(const Edit *const *)left;
    const Edit *b = *(const Edit *const *)right;
    if (rank[a->kind] != rank[b->kind])
        return rank[a->kind] - rank[b->kind];
    if (a->kind == EDIT_HEADER_CHANGE || a->kind == EDIT_HEADER_DELETE)
        return a->nth < b->nth ? 1 : a->nth > b->nth ? -1 : 0;
    return 0;
}

const Edit *edits_at(const Edits *edits, guint index)
{
    if (!edits->sorted) {
        g_ptr_array_sort(edits->list, compare); /* stable */
        ((Edits *)edits)->sorted = TRUE;
    }
    return g_ptr_array_index(edits->list, index);
}

static void append_text(GString *text, const Edit *edit)
{
    switch (edit->kind) {
    case EDIT_HEADER_CHANGE:
        g_string_append_printf(text, "header ~ %s[%u]: %s", edit->name, edit->nth, edit->value);
        break;
    case EDIT_HEADER_DELETE:
        g_string_append_printf(text, "header - %s[%u]", edit->name, edit->nth);
        break;
    case EDIT_HEADER_APPEND:
        g_string_append_printf(text, "header + %s: %s", edit->name, edit->value);
        break;
    case EDIT_HEADER_PREPEND:
        g_string_append_printf(text, "header ^ %s: %s", edit->name, edit->value);
        break;
    case EDIT_SENDER:
        g_string_append_printf(text, "sender ~ %s", edit->value);
        break;
    case EDIT_RCPT_ADD:
        g_string_append_printf(text, "rcpt + %s", edit->value);
        break;
    case EDIT_RCPT_DELETE:
        g_string_append_printf(text, "rcpt - %s", edit->value);
        break;
    case EDIT_BODY:
        g_string_append_printf(text, "body ~ %zu bytes", g_bytes_get_size(edit->body));
        break;
    case EDIT_HOLD:
        g_string_append_printf(text, "hold %s", edit->value);
        break;
    }
}

char *edits_to_text(const Edits *edits)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < edits_len(edits); i++) {
        gsize start = text->len;
        append_text(text, edits_at(edits, i));
        /* Folded values on one line. */
        for (char *c = text->str + start; *c; c++)
            if (*c == '\n' || *c == '\t' || *c == '\r')
                *c = ' ';
        g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}
