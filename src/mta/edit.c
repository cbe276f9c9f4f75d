#include "mta/edit.h"

static const struct {
    guint32 needs;
    const char *words;
} kinds[] = {
    [EDIT_HEADER_CHANGE] = {WIRE_MAY_CHANGE_HEADERS, "change a header field"},
    [EDIT_HEADER_DELETE] = {WIRE_MAY_CHANGE_HEADERS, "delete a header field"},
    [EDIT_HEADER_APPEND] = {WIRE_MAY_ADD_HEADERS, "add a header field"},
    [EDIT_HEADER_PREPEND] = {WIRE_MAY_ADD_HEADERS, "insert a header field"},
    [EDIT_SENDER] = {WIRE_MAY_CHANGE_SENDER, "change the sender"},
    [EDIT_RCPT_ADD] = {WIRE_MAY_ADD_RCPT, "add a recipient"},
    [EDIT_RCPT_DELETE] = {WIRE_MAY_DELETE_RCPT, "delete a recipient"},
    [EDIT_BODY] = {WIRE_MAY_CHANGE_BODY, "replace the body"},
    [EDIT_HOLD] = {WIRE_MAY_QUARANTINE, "hold the message"},
};

const char *edit_words(EditKind kind)
{
    return kinds[kind].words;
}

static guint32 needs(const Edit *edit)
{
    if (edit->kind == EDIT_RCPT_ADD && edit->args != NULL)
        return WIRE_MAY_ADD_RCPT_PAR;
    return kinds[edit->kind].needs;
}

guint32 edit_lacking(const Edit *edit, guint32 actions)
{
    return needs(edit) & ~actions;
}

/* At most one chunk a call; an empty body is one empty chunk. */
static gboolean put_body(GString *out, GBytes *body, EditProgress *progress)
{
    gsize len;
    const char *bytes = g_bytes_get_data(body, &len);
    gsize now = MIN(len - progress->done, WIRE_CHUNK_MAX);

    if (progress->begun && now == 0)
        return FALSE;
    wire_put_body(out, bytes != NULL ? bytes + progress->done : "", now);
    progress->done += now;
    progress->begun = TRUE;
    return TRUE;
}

gboolean edit_put(GString *out, const Edit *edit, const Negotiation *agreed, EditProgress *progress)
{
    gboolean lead_space = (agreed->protocol & WIRE_LEAD_SPACE) != 0;
    const char *args = edit->args;

    if (edit->kind == EDIT_BODY)
        return edit_lacking(edit, agreed->actions) == 0 && put_body(out, edit->body, progress);
    if (edit_lacking(edit, agreed->actions) != 0) {
        if (edit->kind != EDIT_RCPT_ADD || !(agreed->actions & WIRE_MAY_ADD_RCPT))
            return FALSE;
        args = NULL;
    }
    if (progress->begun)
        return FALSE;
    progress->begun = TRUE;
    switch (edit->kind) {
    case EDIT_HEADER_CHANGE:
        wire_put_change_header(out, edit->nth, edit->name, edit->value, lead_space);
        break;
    case EDIT_HEADER_DELETE:
        wire_put_change_header(out, edit->nth, edit->name, NULL, lead_space);
        break;
    case EDIT_HEADER_APPEND:
        wire_put_add_header(out, edit->name, edit->value, lead_space);
        break;
    case EDIT_HEADER_PREPEND:
        wire_put_insert_header(out, 0, edit->name, edit->value, lead_space);
        break;
    case EDIT_SENDER:
        wire_put_change_sender(out, edit->value, args);
        break;
    case EDIT_RCPT_ADD:
        wire_put_add_rcpt(out, edit->value, args);
        break;
    case EDIT_RCPT_DELETE:
        wire_put_delete_rcpt(out, edit->value);
        break;
    case EDIT_HOLD:
        wire_put_quarantine(out, edit->value != NULL ? edit->value : "held");
        break;
    case EDIT_BODY:
        g_assert_not_reached();
    }
    return TRUE;
}
