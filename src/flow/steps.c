/*
 * What each step does: the checks' hooks in their order, then the decision, then what is settled. One session only;
 * who drives them, and a shadow's beside them, is drive.c.
 */
#include "flow/flow-internal.h"

#include <string.h>

/* What the checks find in a HELO lives as long as the session, so there is a last one. Nobody honest needs three. */
#define HELO_MAX 100

static void begin_stage(Session *session, Stage stage)
{
    const Config *config = session_config(session);
    int budget = stage == STAGE_MESSAGE ? config->daemon.message_timeout : config->daemon.stage_timeout;
    session->stage = stage;
    session->deadline = g_get_monotonic_time() + budget * G_TIME_SPAN_SECOND;
    if (session->live) /* what is left of the live session's time: the MTA waits for both */
        session->deadline = MIN(session->deadline, session->live->deadline);
    g_clear_pointer(&session->finished, message_free);
}

static void prefetch(Session *session, Stage stage)
{
    EACH_CHECK(session, check)
        if (check->prefetch)
            check->prefetch(session, stage);
}

/* Both MTAs write the address in brackets where there is no name; Postfix also "unknown". */
static char *name_or_null(const char *name)
{
    if (!name || !*name || *name == '[' || strcmp(name, "unknown") == 0)
        return NULL;
    return g_ascii_strdown(name, -1);
}

Reply step_connect(Session *session, const char *client_name, const IpAddress *ip, guint port)
{
    begin_stage(session, STAGE_CONNECT);
    session->client_name = name_or_null(client_name);
    session->ptr_name = name_or_null(session_macro(session, "client_ptr"));
    if (!session->ptr_name)
        session->ptr_name = g_strdup(session->client_name);
    session->ip = *ip;
    session->port = port;
    ip_to_string(ip, session->ip_text);
    EACH_CHECK(session, check)
        if (check->connect)
            check->connect(session);
    return REPLY_GO;
}

/* Postfix tells of a HELO and then of the abort that it is; after RSET the abort comes first. Sendmail aborts first in both
 * cases, or not at all where it need not wait for our answer to MAIL: there RSET is not to be told from none. */
static gboolean tells_of_rset(const Session *session)
{
    const char *version = session_macro(session, "v");
    return version && g_str_has_prefix(version, "Postfix");
}

Reply step_helo(Session *session, const char *helo)
{
    session->helo_in_transaction = session->message && tells_of_rset(session);
    step_abort(session);
    begin_stage(session, STAGE_HELO);
    session_forget_macros(session, STAGE_MAIL); /* STARTTLS: what was said before is void (RFC 3207 §4.2) */
    g_free(session->helo);
    session->helo = g_strdup(helo);
    session_log(session, LOG_LEVEL_INFO, "hello from", "%s", helo);
    if (++session->helos > HELO_MAX)
        return REPLY_GO; /* the next recipient is refused */
    EACH_CHECK(session, check)
        if (check->helo)
            check->helo(session);
    return REPLY_GO;
}

static void settle_message(Message *message, gboolean aborted)
{
    Session *session = message->session;
    EACH_CHECK(session, check)
        if (check->settle_message && session_settles(session, check))
            check->settle_message(message, aborted);
}

static void finish(Message *message, gboolean aborted, const Reply *reply)
{
    Engine *engine = message->session->engine;
    message->over = TRUE;
    if (aborted)
        message_give_back(message);
    settle_message(message, aborted);
    message_journal(message, aborted, reply);
    session_commit(message->session);
    find_store_away(message); /* the commit itself may have failed */
    keep_failed(message);
    message->session->store_away = FALSE;
    if (engine->observer && !message->session->live)
        engine->observer(message, aborted, reply, engine->observer_data);
}

/* The message is over, but its reply and its edits are read after we return. */
static void retire(Message *message, gboolean aborted, const Reply *reply)
{
    Session *session = message->session;
    finish(message, aborted, reply);
    if (!session->shadow) /* it reads the body still */
        message_release(message);
    session->message = NULL;
    session->finished = message;
}

Reply step_mail(Session *session, const char *const *args)
{
    step_abort(session);
    begin_stage(session, STAGE_MAIL);
    Message *message = session->message = message_new(session, args);
    session->messages++;
    message_log(message, LOG_LEVEL_INFO, "mail from", "%s", message->sender_text);
    EACH_CHECK(session, check)
        if (check->mail)
            check->mail(message);
    if (session_config(session)->connection.delayed_reject)
        return REPLY_GO;
    Reply reply = decide_mail(message);
    if (reply.kind != REPLY_CONTINUE)
        retire(message, TRUE, &reply); /* no transaction is open after a MAIL that was refused */
    return reply;
}

static void settle_recipient(Session *session, Recipient *recipient)
{
    EACH_CHECK(session, check)
        if (check->settle_recipient && session_settles(session, check))
            check->settle_recipient(recipient);
    session_commit(session);
}

/* D11 `defer`: a recipient whose rules differ from the first one's comes in a transaction of its own. */
static gboolean differs_from_first(Message *message, const Recipient *recipient)
{
    Session *session = message->session;
    if (session_config(session)->policy.mixed != MIXED_DEFER)
        return FALSE;
    g_autofree char *fingerprint = policy_fingerprint(session->snapshot->policy, recipient->keys);
    if (!message->fingerprint)
        message->fingerprint = g_steal_pointer(&fingerprint);
    return fingerprint && strcmp(fingerprint, message->fingerprint) != 0;
}

static Reply judge_recipient(Message *message, Recipient *recipient)
{
    Session *session = message->session;
    gboolean first = !message->rcpt_judged;
    message->rcpt_judged = TRUE;
    if (first)
        prefetch(session, STAGE_RCPT);
    EACH_CHECK(session, check) {
        if (first && check->first_rcpt)
            check->first_rcpt(message);
        if (check->rcpt)
            check->rcpt(recipient);
    }
    Reply reply = decide_recipient(recipient, STAGE_RCPT)->reply;
    if (reply.kind == REPLY_CONTINUE && differs_from_first(message, recipient)) {
        reply = (Reply){REPLY_TEMPFAIL, 452, "4.5.3", "one policy at a time: send this recipient separately"};
        message_log(message, LOG_LEVEL_INFO, "DEFER:", "%s: rules differ from those of the first recipient",
                    recipient->text);
    }
    return reply;
}

Reply step_rcpt(Session *session, const char *const *args, const char *refused)
{
    begin_stage(session, STAGE_RCPT);
    Message *message = session->message;
    if (!message)
        return (Reply){REPLY_REJECT, 503, "5.5.1", "MAIL first"};
    if (session->helos > HELO_MAX)
        return (Reply){REPLY_TEMPFAIL, 421, "4.7.0", "too many HELO commands"};
    if (message->recipients->len >= (guint)session_config(session)->daemon.max_recipients)
        return (Reply){REPLY_TEMPFAIL, 452, "4.5.3", "too many recipients"};
    Recipient *recipient = recipient_new(message, args);
    g_ptr_array_add(message->recipients, recipient);
    Reply reply = REPLY_GO;
    if (refused) {
        recipient->state = RCPT_UNKNOWN;
        recipient->refused = pool_strdup(recipient->known.pool, refused);
        message_log(message, LOG_LEVEL_INFO, "rcpt to", "%s refused by the MTA: %s", recipient->text,
                    refused);
    } else {
        message_log(message, LOG_LEVEL_INFO, "rcpt to", "%s", recipient->text);
        reply = judge_recipient(message, recipient);
        recipient->state = reply.kind == REPLY_CONTINUE ? RCPT_ACCEPTED : RCPT_REFUSED;
        message->n_accepted += recipient->state == RCPT_ACCEPTED;
    }
    recipient->reply = reply;
    settle_recipient(session, recipient);
    return reply;
}

/* The body goes where there is room for it, or the sender comes back when there is. */
static gboolean open_body(Message *message)
{
    Session *session = message->session;
    if (message->body || !session->snapshot->keeps_body)
        return TRUE;
    if (session->live) { /* one body is enough: what the shadow wants, the live session keeps */
        message->body = session->live->message->body;
        message->body_borrowed = message->body != NULL;
        return TRUE;
    }
    const Config *config = session_config(session);
    Quota *bodies = &session->engine->bodies;
    if (bodies->limit && quota_used(bodies) >= bodies->limit)
        return FALSE;
    SpoolSettings settings = {config->daemon.body_memory, config->daemon.temp_dir, bodies};
    message->body = spool_new(&settings);
    return TRUE;
}

Reply step_data(Session *session)
{
    begin_stage(session, STAGE_DATA);
    Message *message = session->message;
    if (!message)
        return (Reply){REPLY_REJECT, 503, "5.5.1", "MAIL first"};
    if (!open_body(message)) {
        message_log(message, LOG_LEVEL_WARNING, "TEMPFAIL:", "the budget for message bodies is spent");
        return message->data_reply =
                   (Reply){REPLY_TEMPFAIL, 452, "4.3.1", "too much mail at once, try again later"};
    }
    EACH_CHECK(session, check)
        if (check->data)
            check->data(message);
    return REPLY_GO;
}

void step_header(Session *session, const char *name, const char *value)
{
    Message *message = session->message;
    if (!message)
        return;
    gsize cost = strlen(name) + strlen(value) + HEADER_OVERHEAD;
    message->size += (gint64)(strlen(name) + strlen(":") + strlen(value) + strlen("\r\n"));
    if (message->headers_cut ||
        message->header_bytes + cost > (gsize)session_config(session)->daemon.max_headers) {
        message->headers_cut = TRUE;
        return;
    }
    message->header_bytes += cost;
    Pool *pool = message->known.pool;
    Header header = {pool_strdup(pool, name), pool_strdup(pool, value)};
    g_array_append_val(message->headers, header);
}

void step_end_of_headers(Session *session)
{
    begin_stage(session, STAGE_HEADERS);
    Message *message = session->message;
    if (!message || message->headers_ended)
        return;
    message->headers_ended = TRUE;
    EACH_CHECK(session, check)
        if (check->headers)
            check->headers(message);
    for (const Action **action = session->snapshot->actions; *action; action++)
        if ((*action)->headers)
            (*action)->headers(message);
    prefetch(session, STAGE_HEADERS);
}

/* Hooks may count on it that the end of the header comes before the body, also where the MTA does not say so. */
static void need_end_of_headers(Session *session)
{
    if (!session->message->headers_ended)
        step_end_of_headers(session);
}

void step_body(Session *session, const void *bytes, gsize len)
{
    Message *message = session->message;
    if (!message)
        return;
    need_end_of_headers(session);
    session->stage = STAGE_BODY;
    message->size += (gint64)len;
    if (!message->body && !message->body_error && !open_body(message)) /* without DATA */
        message->body_error = "the budget for message bodies is spent";
    if (message->body_borrowed)
        message->body_error = session->live->message->body_error;
    g_autoptr(GError) error = NULL;
    if (message->body && !message->body_borrowed && !message->body_error &&
        !spool_append(message->body, bytes, len, &error))
        message->body_error = pool_strdup(message->known.pool, error->message);
    if (message->hashes)
        dkim_body_add(message->hashes, bytes, len);
    EACH_CHECK(session, check)
        if (check->body)
            check->body(message, bytes, len);
}

/* --- the end of a message --- */

Reply step_end_of_message(Session *session, const Edits **edits)
{
    *edits = NULL;
    Message *message = session->message;
    if (!message) /* "go on" would let a message through that nobody has looked at */
        return (Reply){REPLY_TEMPFAIL, 451, "4.3.0", "no message is open, try again later"};
    need_end_of_headers(session);
    begin_stage(session, STAGE_MESSAGE);
    message_end_hashes(message);
    EACH_CHECK(session, check)
        if (check->message)
            check->message(message);
    Reply reply = decide_message(message);
    retire(message, FALSE, &reply);
    *edits = message->edits;
    return reply;
}

void step_abort(Session *session)
{
    Message *message = session->message;
    if (!message)
        return;
    begin_stage(session, session->stage);
    message_log(message, LOG_LEVEL_INFO, "abort after", "%s", stage_name(session->stage));
    finish(message, TRUE, NULL);
    session->message = NULL;
    message_free(message);
}

Reply step_unknown(Session *session, const char *command)
{
    session_log(session, LOG_LEVEL_INFO, "unknown command", "%s", command);
    return REPLY_GO;
}
