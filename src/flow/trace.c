/* Why: the log lines of a transaction and the record that shows all of it (D6). */
#include "flow/flow-internal.h"
#include "flow/trace.h"

#include <stdarg.h>
#include <string.h>

static const char *const state_names[] = {
    [RCPT_OPEN] = "open",
    [RCPT_ACCEPTED] = "accepted",
    [RCPT_REFUSED] = "refused",
    [RCPT_UNKNOWN] = "unknown",
};

static const char *const reply_names[] = {
    [REPLY_CONTINUE] = "continue", [REPLY_ACCEPT] = "accept",   [REPLY_REJECT] = "reject",
    [REPLY_TEMPFAIL] = "tempfail", [REPLY_DISCARD] = "discard",
};

/* --- log lines --- */

LogSubject session_subject(const Session *session)
{
    const char *queue_id = session_macro(session, "i");
    return (LogSubject){session->id, queue_id};
}

G_GNUC_PRINTF(5, 0)
static void log_to(Session *session, LogLevel level, const char *tag, const Record *facts, const char *format,
                   va_list args)
{
    if (session->live)
        return; /* a shadow says only what differs */
    g_autofree char *text = g_strdup_vprintf(format, args);
    LogSubject subject = session_subject(session);
    log_event(level, &subject, tag, facts, "%s", text);
}

void session_log(Session *session, LogLevel level, const char *tag, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_to(session, level, tag, NULL, format, args);
    va_end(args);
}

void message_log(Message *message, LogLevel level, const char *tag, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_to(message->session, level, tag, NULL, format, args);
    va_end(args);
}

/* The old words that scripts look for; NULL: the verb leaves no line. */
static const char *const verb_lines[VERB_COUNT] = {
    [VERB_PROBATION] = "PROBATION", [VERB_WHITELIST] = "WHITELIST",
    [VERB_HOLD] = "HOLD:",          [VERB_QUARANTINE] = "QUARANTINE:",
    [VERB_DISCARD] = "DISCARD:",    [VERB_TEMPFAIL] = "TEMPFAIL:",
    [VERB_REJECT] = "REJECT:",      [VERB_BAN] = "BAN:",
    [VERB_DENY] = "REJECT:",
};

/* "spf-fail:example.com at /etc/postern/access:12", "by default". */
char *rule_to_string(const Rule *rule)
{
    if (strcmp(rule->source, RULE_BUILT_IN) == 0)
        return g_strdup("by default");
    return g_strdup_printf("%s at %s", rule->key, rule->source);
}

static void record_judgement(Record *record, const Judgement *j)
{
    record_str(record, "tag", tag_name(j->finding->tag));
    record_str(record, "subject", j->finding->subject);
    record_str(record, "check", j->finding->check);
    record_str(record, "stage", stage_name(j->finding->stage));
    record_str(record, "verb", verb_name(j->verb));
    record_str(record, "fate", fate_name(j->fate));
    record_str(record, "why", j->why);
    record_str(record, "rule", j->rule.source);
    record_str(record, "key", j->rule.key);
    record_str(record, "sentence", j->finding->sentence);
}

static void record_reply(Record *record, const Reply *reply)
{
    record_str(record, "kind", reply_names[reply->kind]);
    if (reply->code) {
        record_int(record, "code", reply->code);
        record_str(record, "xcode", reply->xcode);
        record_str(record, "text", reply->text);
    }
}

void record_weighing(Record *record, const Weighing *weighing)
{
    record_str(record, "verb", verb_name(weighing->verb));
    if (weighing->score != 0)
        record_double(record, "score", weighing->score);
    record_reply(record_child(record, "reply"), &weighing->reply);
    for (guint i = 0; i < weighing->n_judgements; i++)
        record_judgement(record_element(record, "findings"), &weighing->judgements[i]);
}

static gboolean lets_pass(Verb verb)
{
    return !verb_lines[verb] || verb == VERB_PROBATION || verb == VERB_WHITELIST;
}

/* "<joe@our.example> SPF fail: … [SPF-Fail for a@example.com; by default]"; the caller frees. */
static char *judgement_to_string(const Recipient *recipient, const Judgement *j)
{
    g_autofree char *rule = rule_to_string(&j->rule);
    return g_strdup_printf("%s%s%s [%s%s%s; %s%s%s%s]", recipient ? recipient->text : "",
                           recipient ? " " : "", j->finding->sentence, tag_name(j->finding->tag),
                           *j->finding->subject ? " for " : "", j->finding->subject, rule, j->why ? "; " : "",
                           j->fate == FATE_SETTLED ? "by " : "", j->why ? j->why : "");
}

/* What would have kept the message out, but for another proof: nothing else in the log says why it is let in. */
static void explain_settled(const LogSubject *subject, const Recipient *recipient, const Weighing *weighing)
{
    for (guint i = 0; i < weighing->n_judgements; i++) {
        const Judgement *j = &weighing->judgements[i];
        if (j->fate != FATE_SETTLED || lets_pass(j->verb))
            continue;
        g_autofree char *text = judgement_to_string(recipient, j);
        log_event(LOG_LEVEL_INFO, subject, "settled:", NULL, "%s", text);
    }
}

void explain(Session *session, Recipient *recipient, const Weighing *weighing)
{
    gboolean passes = lets_pass(weighing->verb);
    /* That a message may pass is said once, when it has passed. */
    if (session->live || (passes && session->stage < STAGE_MESSAGE))
        return;
    LogSubject subject = session_subject(session);
    if (passes)
        explain_settled(&subject, recipient, weighing);
    if (!weighing->decider || !verb_lines[weighing->verb])
        return;
    g_autoptr(Record) facts = NULL;
    if (log_shows_facts()) {
        facts = record_new();
        record_str(facts, "rcpt", recipient ? recipient->text : NULL);
        record_weighing(facts, weighing);
    }
    g_autofree char *text = judgement_to_string(recipient, weighing->decider);
    log_event(passes ? LOG_LEVEL_INFO : LOG_LEVEL_NOTICE, &subject, verb_lines[weighing->verb], facts, "%s",
              text);
}

void log_end(Message *message, const Reply *reply)
{
    if (message->session->live)
        return;
    g_autoptr(Record) facts = NULL;
    if (log_shows_facts()) {
        facts = record_new();
        message_record(message, facts);
    }
    LogSubject subject = session_subject(message->session);
    log_event(LOG_LEVEL_INFO, &subject, "eom", facts, "%s %s, %u of %u recipients, %u edits",
              message->sender_text, reply_names[reply->kind], message->n_accepted, message->recipients->len,
              edits_len(message->edits));
}

/* --- the record of everything --- */

static void record_facts(Record *record, const Session *session, const Known *known)
{
    const Engine *engine = session->engine;
    for (guint i = 0; i < engine->n_checks; i++) {
        const Check *check = engine->tables->checks[i];
        const void *fact = known_computed(known, i);
        if (fact && check->fields)
            record_fields(record_child(record, check->name), check->fields, fact);
    }
}

void session_record(const Session *session, Record *record)
{
    Record *client = record_child(record, "client");
    record_str(client, "ip", *session->ip_text ? session->ip_text : NULL);
    record_str(client, "name", session->ptr_name);
    record_str(client, "helo", session->helo);
    record_str(client, "login", session_login(session));
    if (session->demerits)
        record_int(client, "demerits", session->demerits);
    record_facts(record, session, &session->known);
}

static void record_recipient(Record *record, const Recipient *recipient)
{
    record_str(record, "rcpt", recipient->text);
    record_str(record, "state", state_names[recipient->state]);
    record_facts(record, recipient->message->session, &recipient->known);
    if (recipient->weighing)
        record_weighing(record, recipient->weighing);
}

static void record_failures(Record *record, const Message *message)
{
    g_autofree const char **lines = g_new0(const char *, message->failures->len + 1);
    for (guint i = 0; i < message->failures->len; i++)
        lines[i] = message->failures->pdata[i];
    record_strv(record, "failed", lines);
}

void message_record(const Message *message, Record *record)
{
    session_record(message->session, record);
    record_str(record, "sender", message->sender_text);
    record_facts(record, message->session, &message->known);
    if (message->failures->len)
        record_failures(record, message);
    if (message->weighing)
        record_weighing(record_child(record, "mail"), message->weighing);
    for (guint i = 0; i < message->recipients->len; i++)
        record_recipient(record_element(record, "recipients"), message_recipient(message, i));
    g_autofree char *edits = edits_to_text(message->edits);
    g_auto(GStrv) lines = g_strsplit(g_strchomp(edits), "\n", -1);
    if (lines[0] && *lines[0])
        record_strv(record, "edits", (const char *const *)lines);
}

Record *message_kept_record(const Message *message)
{
    Record *record = record_new();
    message_record(message, record);
    record_trim(record, TRACE_BYTES_MAX);
    return record;
}

/* --- what stands in the message itself: Authentication-Results and trace fields --- */

void message_trace(Message *message, TraceFields *trace)
{
    EACH_CHECK(message->session, check)
        if (check->trace)
            check->trace(message, trace);
}
