/*
 * A shadow: the same mail judged by another configuration, with no effect but lines in the log where it would
 * have ended otherwise (K8). How it is driven is in drive.c; what it does not do (settle, reserve, keep
 * copies, log, carry out demands) is at each of these places, by session->live.
 */
#include "flow/flow-internal.h"
#include "flow/trace.h"

#include <string.h>

Session *shadow_new(Session *live)
{
    Session *shadow = g_new0(Session, 1);
    shadow->engine = live->engine;
    shadow->snapshot = snapshot_ref(live->snapshot->shadow);
    shadow->adapter = live->adapter;
    shadow->live = live;
    shadow->id = live->id;
    known_init(&shadow->known, shadow);
    resolver_view_init(&shadow->resolver, shadow, NULL);
    return shadow;
}

/* --- verdicts --- */

/* What becomes of one recipient, as far as it makes a difference: all that lets the message pass is "OK". */
typedef struct {
    const char *word;
    int code; /* of a refusal, else 0 */
    const char *xcode;
    const Judgement *by; /* NULL: no finding */
    const char *text;    /* why, if no finding; NULL: nothing to say */
    const Weighing *weighing;
} Verdict;

static const Judgement *judgement_of(const Weighing *weighing, const Finding *finding)
{
    for (guint i = 0; i < weighing->n_judgements; i++)
        if (weighing->judgements[i].finding == finding)
            return &weighing->judgements[i];
    return NULL;
}

static const char *word_of(Verb verb)
{
    if (verb == VERB_DENY)
        return verb_name(VERB_REJECT);
    return verb < VERB_NODSN ? verb_name(VERB_OK) : verb_name(verb);
}

/* `reply` is for all recipients at end of message, and need not be what this one's weighing says. */
static Verdict verdict(const Weighing *weighing, const Reply *reply)
{
    Verdict v = {.word = verb_name(VERB_OK), .weighing = weighing};
    if (weighing && weighing->demand.finding) {
        v.word = verb_name(weighing->demand.verb);
        v.by = judgement_of(weighing, weighing->demand.finding);
        return v;
    }
    gboolean own = weighing && weighing->reply.kind == reply->kind && weighing->reply.code == reply->code;
    gboolean refusal = reply->kind == REPLY_REJECT || reply->kind == REPLY_TEMPFAIL;
    if (refusal) {
        v.word = own && weighing->verb == VERB_BAN
                     ? verb_name(VERB_BAN)
                     : verb_name(reply->kind == REPLY_REJECT ? VERB_REJECT : VERB_TEMPFAIL);
        v.code = reply->code;
        v.xcode = reply->xcode;
        v.by = own ? weighing->decider : NULL;
        v.text = v.by ? NULL : reply->text;
    } else if (weighing) {
        v.word = word_of(weighing->verb);
        v.by = weighing->decider;
    }
    return v;
}

/* Is what the shadow says only that it had no time? `recipient` NULL: at MAIL. */
static gboolean is_late(const Message *shadow, const Recipient *recipient)
{
    return shadow->session->known.late || shadow->known.late || (recipient && recipient->known.late);
}

static gboolean has_done(const Recipient *live, Verb verb)
{
    for (guint i = 0; i < live->done->len; i++)
        if (g_array_index(live->done, Demand, i).verb == verb)
            return TRUE;
    return FALSE;
}

/* A demand that the live session has carried out would bring the shadow the same, and then what follows is
 * not known. */
static gboolean differs(const Recipient *live, const Verdict *here, const Verdict *there)
{
    const Finding *demanded = there->weighing ? there->weighing->demand.finding : NULL;
    if (demanded && live && has_done(live, there->weighing->demand.verb))
        return FALSE;
    return strcmp(here->word, there->word) != 0 || here->code != there->code ||
           g_strcmp0(here->xcode, there->xcode) != 0;
}

/* --- lines --- */

/* "REJECT 550 5.7.23 by SPF-Fail for a@example.com (SPF-Fail at next.conf:3)" */
static char *verdict_to_string(const Verdict *v)
{
    GString *text = g_string_new(v->word);
    if (v->code)
        g_string_append_printf(text, " %d %s", v->code, v->xcode);
    if (v->by) {
        g_autofree char *rule = rule_to_string(&v->by->rule);
        const char *subject = v->by->finding->subject;
        g_string_append_printf(text, " by %s%s%s (%s)", tag_name(v->by->finding->tag),
                               *subject ? " for " : "", subject, rule);
    } else if (v->text) {
        g_string_append_printf(text, " (%s)", v->text);
    }
    return g_string_free(text, FALSE);
}

static void record_verdict(Record *record, const Verdict *v)
{
    record_str(record, "verdict", v->word);
    if (v->code) {
        record_int(record, "code", v->code);
        record_str(record, "xcode", v->xcode);
    }
    record_str(record, "text", v->text);
    if (v->weighing)
        record_weighing(record_child(record, "weighing"), v->weighing);
}

static void say(Session *live, const char *whom, Stage stage, const Verdict *here, const Verdict *there,
                gboolean seen_further)
{
    g_autofree char *is = verdict_to_string(here), *would_be = verdict_to_string(there);
    g_autoptr(Record) facts = NULL;
    if (log_shows_facts()) {
        facts = record_new();
        record_str(facts, "config", live->shadow->snapshot->config->path);
        record_str(facts, "stage", stage_name(stage));
        record_str(facts, stage == STAGE_MAIL ? "sender" : "rcpt", whom);
        record_verdict(record_child(facts, "shadow"), there);
        record_verdict(record_child(facts, "live"), here);
        record_bool(facts, "seen_further", seen_further);
    }
    LogSubject subject = session_subject(live);
    log_event(LOG_LEVEL_NOTICE, &subject, "SHADOW:", facts, "%s: %s: %s instead of %s%s", stage_name(stage),
              whom, would_be, is, seen_further ? "" : "; not seen further");
}

static void say_late(Session *live, const char *whom, Stage stage)
{
    g_autoptr(Record) facts = NULL;
    if (log_shows_facts()) {
        facts = record_new();
        record_str(facts, "config", live->shadow->snapshot->config->path);
        record_str(facts, "stage", stage_name(stage));
        record_str(facts, stage == STAGE_MAIL ? "sender" : "rcpt", whom);
        record_bool(facts, "late", TRUE);
    }
    LogSubject subject = session_subject(live);
    log_event(LOG_LEVEL_NOTICE, &subject, "SHADOW:", facts, "%s: %s: no answer in time", stage_name(stage),
              whom);
}

/* At MAIL only refusals are answers. */
static Verdict mail_verdict(const Session *session, const Reply *reply)
{
    Verdict v = verdict(NULL, reply);
    if (!v.code)
        v.text = session_config(session)->connection.delayed_reject ? "decided at RCPT" : NULL;
    return v;
}

void shadow_compare_mail(Session *live, const Reply *reply, const Reply *other)
{
    const Message *message = live->message ? live->message : live->finished;
    const Message *shadow = live->shadow->message ? live->shadow->message : live->shadow->finished;
    Verdict here = mail_verdict(live, reply), there = mail_verdict(live->shadow, other);
    if (!differs(NULL, &here, &there))
        return;
    if (is_late(shadow, NULL))
        say_late(live, message->sender_text, STAGE_MAIL);
    else
        say(live, message->sender_text, STAGE_MAIL, &here, &there, live->message != NULL);
}

void shadow_compare_rcpt(Recipient *shadow, const Reply *reply, const Reply *other)
{
    Recipient *live = shadow->live;
    Verdict here = verdict(live->weighing, reply), there = verdict(shadow->weighing, other);
    if (live->state == RCPT_UNKNOWN)
        return;
    if (!differs(live, &here, &there))
        return;
    if (is_late(shadow->message, shadow))
        say_late(live->message->session, live->text, STAGE_RCPT);
    else
        say(live->message->session, live->text, STAGE_RCPT, &here, &there, live->state == RCPT_ACCEPTED);
}

/* --- edits --- */

/* Recipients that are taken off and mail that is held have been told of as verdicts. */
static gboolean is_told(const char *line)
{
    return !*line || g_str_has_prefix(line, "rcpt - ") || g_str_has_prefix(line, "hold");
}

/* Lines of `some` that `others` has not, joined. */
static char *missing_from(const char *some, const char *others)
{
    g_auto(GStrv) mine = g_strsplit(some, "\n", -1), theirs = g_strsplit(others, "\n", -1);
    GString *text = g_string_new(NULL);
    for (char **line = mine; *line; line++)
        if (!is_told(*line) && !g_strv_contains((const char *const *)theirs, *line))
            g_string_append_printf(text, "%s\"%s\"", text->len ? ", " : "", *line);
    return g_string_free(text, FALSE);
}

static void compare_edits(Session *live, const Message *message, const Message *shadow)
{
    g_autofree char *here = edits_to_text(message->edits), *there = edits_to_text(shadow->edits);
    if (strcmp(here, there) == 0)
        return;
    g_autofree char *more = missing_from(there, here), *less = missing_from(here, there);
    if (!*more && !*less)
        return;
    g_autoptr(Record) facts = NULL;
    if (log_shows_facts()) {
        facts = record_new();
        record_str(facts, "config", live->shadow->snapshot->config->path);
        record_str(facts, "stage", stage_name(STAGE_MESSAGE));
        record_str(facts, "shadow_edits", there);
        record_str(facts, "live_edits", here);
    }
    LogSubject subject = session_subject(live);
    log_event(LOG_LEVEL_NOTICE, &subject, "SHADOW:", facts, "edits:%s%s%s%s%s", *more ? " also " : "", more,
              *more && *less ? ";" : "", *less ? " not " : "", less);
}

static gboolean delivers(const Reply *reply)
{
    return reply->kind == REPLY_CONTINUE || reply->kind == REPLY_ACCEPT;
}

void shadow_compare_message(Session *live, const Reply *reply, const Reply *other)
{
    const Message *message = live->finished, *shadow = live->shadow->finished;
    for (guint i = 0; i < shadow->recipients->len; i++) {
        const Recipient *theirs = message_recipient(shadow, i), *mine = theirs->live;
        if (theirs->state != RCPT_ACCEPTED || !mine || mine->state != RCPT_ACCEPTED)
            continue;
        Verdict here = verdict(mine->weighing, reply), there = verdict(theirs->weighing, other);
        if (!differs(mine, &here, &there))
            continue;
        if (is_late(shadow, theirs))
            say_late(live, mine->text, STAGE_MESSAGE);
        else
            say(live, mine->text, STAGE_MESSAGE, &here, &there, TRUE);
    }
    if (delivers(reply) && delivers(other) && !is_late(shadow, NULL))
        compare_edits(live, message, shadow);
}
