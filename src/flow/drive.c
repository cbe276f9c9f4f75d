/*
 * The steps as adapters drive them: the session's own (steps.c), and after it its shadow's, if there is
 * one.
 *
 * A shadow has a message only while the live session has one. What the live session refuses the shadow sees
 * no more of, for the MTA goes on without it.
 */
#include "flow/flow-internal.h"

void session_macros(Session *session, Stage stage, const char *const *pairs)
{
    step_macros(session, stage, pairs);
    if (session->shadow)
        step_macros(session->shadow, stage, pairs);
}

Reply session_connect(Session *session, const char *client_name, const IpAddress *ip, guint port)
{
    Reply reply = step_connect(session, client_name, ip, port);
    if (session->shadow)
        step_connect(session->shadow, client_name, ip, port);
    return reply;
}

Reply session_helo(Session *session, const char *helo)
{
    if (session->shadow)
        step_abort(session->shadow); /* before the live message is gone, whose body it reads */
    Reply reply = step_helo(session, helo);
    if (session->shadow)
        step_helo(session->shadow, helo);
    return reply;
}

Reply session_mail(Session *session, const char *const *args)
{
    Session *shadow = session->shadow;
    if (!shadow)
        return step_mail(session, args);
    step_abort(shadow);
    Reply reply = step_mail(session, args);
    Reply other = step_mail(shadow, args);
    shadow_compare_mail(session, &reply, &other);
    if (!session->message) {
        step_abort(shadow);
        message_release(session->finished);
    }
    return reply;
}

static void shadow_rcpt(Session *session, const char *const *args, const char *refused, const Reply *reply)
{
    Session *shadow = session->shadow;
    Reply other = step_rcpt(shadow, args, refused);
    const GPtrArray *theirs = shadow->message->recipients;
    Recipient *mine = session->message->recipients->pdata[session->message->recipients->len - 1];
    Recipient *recipient = theirs->len ? theirs->pdata[theirs->len - 1] : NULL;
    if (!recipient || recipient->live)
        return; /* over its own max_recipients: it has none for this step */
    recipient->live = mine;
    shadow_compare_rcpt(recipient, reply, &other);
    if (mine->state == RCPT_REFUSED && recipient->state == RCPT_ACCEPTED) {
        recipient->state = RCPT_REFUSED;
        shadow->message->n_accepted--;
    }
}

Reply session_rcpt(Session *session, const char *const *args, const char *refused)
{
    guint before = session->message ? session->message->recipients->len : 0;
    Reply reply = step_rcpt(session, args, refused);
    if (session->shadow && session->shadow->message && session->message->recipients->len > before)
        shadow_rcpt(session, args, refused, &reply);
    return reply;
}

Reply session_data(Session *session)
{
    Reply reply = step_data(session);
    if (session->shadow && session->shadow->message && reply.kind == REPLY_CONTINUE)
        step_data(session->shadow);
    return reply;
}

Reply session_header(Session *session, const char *name, const char *value)
{
    step_header(session, name, value);
    if (session->shadow)
        step_header(session->shadow, name, value);
    return REPLY_GO;
}

Reply session_end_of_headers(Session *session)
{
    step_end_of_headers(session);
    if (session->shadow)
        step_end_of_headers(session->shadow);
    return REPLY_GO;
}

Reply session_body(Session *session, const void *bytes, gsize len)
{
    step_body(session, bytes, len);
    if (session->shadow)
        step_body(session->shadow, bytes, len);
    return REPLY_GO;
}

Reply session_end_of_message(Session *session, const Edits **edits)
{
    Reply reply = step_end_of_message(session, edits);
    Session *shadow = session->shadow;
    if (shadow && shadow->message) {
        const Edits *ignored;
        Reply other = step_end_of_message(shadow, &ignored);
        shadow_compare_message(session, &reply, &other);
    }
    if (shadow && session->finished)
        message_release(session->finished);
    return reply;
}

void session_abort(Session *session)
{
    if (session->shadow)
        step_abort(session->shadow);
    step_abort(session);
}

Reply session_unknown(Session *session, const char *command)
{
    return step_unknown(session, command);
}
