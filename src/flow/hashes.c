/* Hashes of the body, for signatures: as it came, and as it will be delivered. */
#include "flow/flow-internal.h"

DkimBody *message_hashes(Message *message)
{
    if (!message->hashes)
        message->hashes = dkim_body_new();
    return message->hashes;
}

void message_want_hash(Message *message, DkimCanon canon)
{
    dkim_body_want(message_hashes(message), canon, DKIM_WHOLE_BODY);
    message->signed_canons |= 1u << canon;
}

gboolean message_has_hash(const Message *message, DkimCanon canon)
{
    return message->signed_canons & 1u << canon;
}

void message_end_hashes(Message *message)
{
    if (message->hashes)
        dkim_body_end(message->hashes);
}

/* The last one counts, as it does for the MTA. */
static GBytes *new_body(const Message *message)
{
    GBytes *body = NULL;
    for (guint i = 0; i < edits_len(message->edits); i++) {
        const Edit *edit = edits_at(message->edits, i);
        if (edit->kind == EDIT_BODY)
            body = edit->body;
    }
    return body;
}

const DkimBody *message_delivered_hashes(Message *message)
{
    GBytes *body = new_body(message);
    if (!body)
        return message->hashes;
    gsize len;
    const void *bytes = g_bytes_get_data(body, &len);
    g_clear_pointer(&message->new_hashes, dkim_body_free);
    message->new_hashes = dkim_body_new();
    for (DkimCanon canon = 0; canon < DKIM_N_CANONS; canon++)
        if (message_has_hash(message, canon))
            dkim_body_want(message->new_hashes, canon, DKIM_WHOLE_BODY);
    dkim_body_add(message->new_hashes, bytes, len);
    dkim_body_end(message->new_hashes);
    return message->new_hashes;
}
