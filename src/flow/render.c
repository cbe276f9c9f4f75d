/* The virtual message: headers as they would be delivered. */
#include "flow/flow-internal.h"
#include "flow/trace.h"

/* Values hold "\n" before continuation lines; the wire has CRLF. */
static void append_field(GString *text, const char *name, const char *separator, const char *value)
{
    g_string_append_printf(text, "%s:%s", name, separator);
    for (const char *c = value; *c; c++) {
        if (*c == '\n')
            g_string_append_c(text, '\r');
        g_string_append_c(text, *c);
    }
    g_string_append(text, "\r\n");
}

static const Edit *edit_of(const Message *message, const Header *header, guint nth)
{
    for (guint i = 0; i < edits_len(message->edits); i++) {
        const Edit *edit = edits_at(message->edits, i);
        gboolean about_instance = edit->kind == EDIT_HEADER_CHANGE || edit->kind == EDIT_HEADER_DELETE;
        if (about_instance && edit->nth == nth && g_ascii_strcasecmp(edit->name, header->name) == 0)
            return edit;
    }
    return NULL;
}

/* Which instance of its name the header is: 1 is the topmost. */
static guint instance_of(const Message *message, guint index)
{
    const char *name = message_header(message, index)->name;
    guint nth = 1;
    for (guint i = 0; i < index; i++)
        nth += g_ascii_strcasecmp(message_header(message, i)->name, name) == 0;
    return nth;
}

static void append_received(GString *text, const Message *message)
{
    gboolean edited = edits_touch_headers(message->edits);
    for (guint i = 0; i < message->headers->len; i++) {
        const Header *header = message_header(message, i);
        const Edit *edit = edited ? edit_of(message, header, instance_of(message, i)) : NULL;
        if (!edit)
            append_field(text, header->name, "", header->value);
        else if (edit->kind == EDIT_HEADER_CHANGE)
            append_field(text, header->name, " ", edit->value);
    }
}

GString *message_render_headers(const Message *message)
{
    GString *text = g_string_new(NULL);
    guint n = edits_len(message->edits);
    for (guint i = n; i-- > 0;) { /* the last one prepended is topmost */
        const Edit *edit = edits_at(message->edits, i);
        if (edit->kind == EDIT_HEADER_PREPEND)
            append_field(text, edit->name, " ", edit->value);
    }
    append_received(text, message);
    for (guint i = 0; i < n; i++) {
        const Edit *edit = edits_at(message->edits, i);
        if (edit->kind == EDIT_HEADER_APPEND)
            append_field(text, edit->name, " ", edit->value);
    }
    return text;
}
