/* From findings to the answer: weighing with demands, and recipients brought together at end of message (D11). */
#include "flow/flow-internal.h"
#include "flow/trace.h"

#include <string.h>

/* --- one recipient --- */

static guint count_findings(const Recipient *recipient, const Message *message)
{
    return message->session->known.findings->len + message->known.findings->len +
           (recipient ? recipient->known.findings->len : 0);
}

static void append_findings(const Finding **into, guint *n, const Known *known)
{
    for (guint i = 0; i < known->findings->len; i++)
        into[(*n)++] = known->findings->pdata[i];
}

/* "<a@example.com>" without its brackets. */
static const char *bare_sender(const Message *message, Pool *pool)
{
    const char *text = message->sender_text;
    gsize len = strlen(text);
    return *text == '<' && text[len - 1] == '>' ? pool_printf(pool, "%.*s", (int)len - 2, text + 1) : text;
}

static const Weighing *weigh_once(Message *message, Recipient *recipient, Stage stage)
{
    find_store_away(message);
    Session *session = message->session;
    Pool *pool = recipient ? recipient->known.pool : message->known.pool;
    const Finding **findings = pool_alloc0(pool, (count_findings(recipient, message) + 1) * sizeof *findings);
    WeighQuestion question = {
        .policy = session->snapshot->policy,
        .findings = findings,
        .rcpt_keys = recipient ? recipient->keys : NULL,
        .stage = stage,
        .authenticated = session_login(session) != NULL,
        .available = session->snapshot->available,
        .done = recipient ? (const Demand *)recipient->done->data : NULL,
        .n_done = recipient ? recipient->done->len : 0,
        .client = {bare_sender(message, pool), session->helo, session->ip_text},
    };
    append_findings(findings, &question.n_findings, &session->known);
    append_findings(findings, &question.n_findings, &message->known);
    if (recipient)
        append_findings(findings, &question.n_findings, &recipient->known);
    return weigh(&question, pool);
}

static void carry_out(Recipient *recipient, const Demand *demand)
{
    for (const Check **check = recipient->message->session->snapshot->checks; *check; check++) {
        if ((*check)->carries_out & VERB_BIT(demand->verb)) {
            (*check)->carry_out(recipient, demand);
            break; /* weigh() asks only for what is available */
        }
    }
    g_array_append_vals(recipient->done, demand, 1);
}

/* D3. Once a message, however many recipients it had. */
static void apply_ban(Message *message, const Weighing *weighing)
{
    if (weighing->verb != VERB_BAN || message->banned)
        return;
    message->banned = TRUE;
    session_add_demerits(message->session, BAN_DEMERITS, weighing->decider->finding->sentence);
}

const Weighing *decide_recipient(Recipient *recipient, Stage stage)
{
    const Weighing *weighing = weigh_once(recipient->message, recipient, stage);
    /* In a shadow a demand stays one: what it would bring is not known (shadow.c). */
    gboolean has_effect = !recipient->message->session->live;
    for (int round = 0; has_effect && weighing->demand.finding && round < ROUNDS_MAX; round++) {
        carry_out(recipient, &weighing->demand);
        weighing = weigh_once(recipient->message, recipient, stage);
    }
    recipient->weighing = weighing;
    explain(recipient->message->session, recipient, weighing);
    apply_ban(recipient->message, weighing);
    return weighing;
}

Reply decide_mail(Message *message)
{
    const Weighing *weighing = weigh_once(message, NULL, STAGE_MAIL);
    if (weighing->reply.kind != REPLY_REJECT && weighing->reply.kind != REPLY_TEMPFAIL)
        return REPLY_GO;
    explain(message->session, NULL, weighing);
    apply_ban(message, weighing);
    message->weighing = weighing;
    return weighing->reply;
}

/* --- all recipients --- */

End end_of(const Recipient *recipient)
{
    const Weighing *weighing = recipient->weighing;
    switch (weighing->reply.kind) {
    case REPLY_REJECT:
        return END_REJECT;
    case REPLY_TEMPFAIL:
        return END_TEMPFAIL;
    case REPLY_DISCARD:
        return END_DISCARD;
    default:
        break;
    }
    gboolean can_hold = recipient->message->session->adapter.can_hold;
    if (weighing->verb == VERB_HOLD)
        return can_hold ? END_HOLD : END_QUARANTINE;
    return weighing->verb == VERB_QUARANTINE ? END_QUARANTINE : END_PASS;
}

typedef struct {
    Message *message;
    guint n[END_COUNT]; /* recipients by their end */
    const Recipient *first[END_COUNT];
    guint total;
} Ends;

static void count_ends(Ends *ends, Message *message)
{
    ends->message = message;
    for (guint i = 0; i < message->recipients->len; i++) {
        Recipient *recipient = message_recipient(message, i);
        if (recipient->state != RCPT_ACCEPTED)
            continue;
        decide_recipient(recipient, STAGE_MESSAGE);
        End end = end_of(recipient);
        if (!ends->n[end]++)
            ends->first[end] = recipient;
        ends->total++;
    }
}

static Reply cannot(Message *message, const char *why)
{
    message_log(message, LOG_LEVEL_ERROR, "TEMPFAIL:", "%s", why);
    return (Reply){REPLY_TEMPFAIL, 451, "4.3.0", "cannot deal with this message now, try again later"};
}

/* Keeps a copy for the recipients of these ends (a bit each), so that nothing is lost. */
static gboolean keep_copy(Message *message, guint ends, const char **why)
{
    /* A shadow and what is judged offline keep nothing; could the configuration? */
    if (message->session->live || message->session->adapter.alone) {
        *why = "no quarantine to keep a copy in ([policy] quarantine_dir)";
        return *session_config(message->session)->policy.quarantine_dir != '\0';
    }
    Quarantine *quarantine = message->session->engine->services->quarantine;
    if (!quarantine || !message->body || message->body_error) {
        *why = !quarantine      ? "no quarantine to keep a copy in ([policy] quarantine_dir)"
               : !message->body ? "no body was kept for the quarantine"
                                : message->body_error;
        return FALSE;
    }
    g_autoptr(GPtrArray) rcpts = g_ptr_array_new();
    const Weighing *reason = NULL;
    for (guint i = 0; i < message->recipients->len; i++) {
        Recipient *recipient = message_recipient(message, i);
        if (recipient->state != RCPT_ACCEPTED || !(ends & 1u << end_of(recipient)))
            continue;
        g_ptr_array_add(rcpts, (gpointer)recipient->text);
        reason = reason ? reason : recipient->weighing;
    }
    g_ptr_array_add(rcpts, NULL);
    g_assert(reason); /* somebody ends so, or nothing would be kept */
    g_autoptr(GString) head = message_render_headers(message);
    const Judgement *decider = reason->decider;
    QuarantineEntry entry = {
        .time = clock_seconds(message->session->engine->services->clock),
        .session = message->session->id,
        .queue_id = session_macro(message->session, "i"),
        .client = message->session->ip_text,
        .sender = message->sender_text,
        .rcpts = (const char *const *)rcpts->pdata,
        .tag = tag_name(decider->finding->tag),
        .reason = decider->finding->sentence,
        .rule = decider->rule.source,
        .rule_key = decider->rule.key,
    };
    g_autoptr(GError) error = NULL;
    g_autofree char *id = quarantine_put(quarantine, &entry, head->str, head->len, message->body, &error);
    if (!id) {
        message_failed(message, "quarantine", "%s", error->message);
        *why = pool_strdup(message->known.pool, error->message);
        return FALSE;
    }
    message_log(message, LOG_LEVEL_NOTICE, "QUARANTINE:", "kept as %s for %u of %u recipients", id,
                rcpts->len - 1, message->n_accepted);
    return TRUE;
}

static void remove_recipients(Message *message, guint ends)
{
    for (guint i = 0; i < message->recipients->len; i++) {
        Recipient *recipient = message_recipient(message, i);
        if (recipient->state == RCPT_ACCEPTED && ends & 1u << end_of(recipient))
            edits_delete_rcpt(message->edits, "flow", recipient->text);
    }
}

static void run_actions(Message *message)
{
    for (const Action **action = message->session->snapshot->actions; *action; action++)
        (*action)->apply(message);
}

/* Everybody ends the same way: one SMTP reply says it. */
static gboolean all_alike(const Ends *ends, Reply *reply)
{
    Message *message = ends->message;
    const char *why;
    if (ends->n[END_TEMPFAIL]) /* one temporary failure defers all */
        *reply = ends->first[END_TEMPFAIL]->weighing->reply;
    else if (ends->n[END_REJECT] == ends->total)
        *reply = ends->first[END_REJECT]->weighing->reply;
    else if (ends->n[END_DISCARD] == ends->total)
        *reply = (Reply){.kind = REPLY_DISCARD};
    else if (ends->n[END_QUARANTINE] == ends->total)
        *reply = keep_copy(message, 1u << END_QUARANTINE, &why) ? (Reply){.kind = REPLY_DISCARD}
                                                                : cannot(message, why);
    else
        return FALSE;
    return TRUE;
}

/* D11 `separate`: those that do not get the message are taken off it, and what was refused or quarantined is kept. */
static Reply separate(const Ends *ends)
{
    Message *message = ends->message;
    guint kept = 1u << END_REJECT | 1u << END_QUARANTINE;
    /* The MTA holds a message as a whole: where others get it, a held recipient's copy is kept here instead. */
    if (ends->n[END_HOLD] && ends->n[END_PASS])
        kept |= 1u << END_HOLD;
    guint removed = kept | 1u << END_DISCARD;
    if (!message->session->adapter.can_edit_rcpts)
        return cannot(message, "recipients end differently, and this MTA does not let us remove any");
    const char *why;
    /* A copy for each end, so that who releases the quarantined one does not deliver to those who refused it. */
    for (End end = 0; end < END_COUNT; end++)
        if (ends->n[end] && kept & 1u << end && !keep_copy(message, 1u << end, &why))
            return cannot(message, why);
    if (!ends->n[END_PASS] && !ends->n[END_HOLD])
        return (Reply){.kind = REPLY_DISCARD};
    remove_recipients(message, removed);
    return REPLY_GO;
}

static Reply answer_all(Message *message)
{
    Ends ends = {0};
    /* What was not kept was not judged: a forged field could hide there. */
    if (message->headers_cut && message->session->snapshot->judges_headers) {
        message_log(message, LOG_LEVEL_NOTICE,
                    "REJECT:", "header over %" G_GINT64_FORMAT " bytes ([daemon] max_headers)",
                    session_config(message->session)->daemon.max_headers);
        return (Reply){REPLY_REJECT, 552, "5.3.4", "message header too large"};
    }
    if (message->body_error) {
        message_failed(message, "body", "%s", message->body_error);
        return cannot(message, message->body_error);
    }
    count_ends(&ends, message);
    if (!ends.total) /* no MTA goes on so; RFC 5321 §3.3 */
        return (Reply){REPLY_REJECT, 554, "5.5.1", "no valid recipients"};
    Reply reply = REPLY_GO;
    gboolean delivered = ends.n[END_PASS] || ends.n[END_HOLD] || ends.n[END_QUARANTINE] ||
                         (ends.n[END_REJECT] && ends.n[END_REJECT] < ends.total);
    if (delivered && !ends.n[END_TEMPFAIL])
        run_actions(message);
    if (!all_alike(&ends, &reply) && ends.n[END_PASS] + ends.n[END_HOLD] < ends.total)
        reply = separate(&ends);
    else if (reply.kind == REPLY_CONTINUE && ends.n[END_HOLD] && ends.n[END_PASS])
        reply = separate(&ends);
    if (reply.kind == REPLY_CONTINUE && ends.n[END_HOLD] && !ends.n[END_PASS])
        edits_hold(message->edits, "flow", ends.first[END_HOLD]->weighing->decider->finding->sentence);
    return reply;
}

gboolean recipient_gets_it(const Recipient *recipient)
{
    return recipient->message->passed && recipient->state == RCPT_ACCEPTED && end_of(recipient) == END_PASS;
}

Reply decide_message(Message *message)
{
    Reply reply = answer_all(message);
    message->passed = reply.kind == REPLY_CONTINUE || reply.kind == REPLY_ACCEPT;
    log_end(message, &reply);
    return reply;
}
