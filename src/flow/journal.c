/* What became of a message, for each recipient, as a row of the journal (store/journal.h). */
#include "flow/flow-internal.h"
#include "flow/trace.h"

#include <string.h>

#include "base/escape.h"

/* Bytes of a name that strangers chose: HELO, login, address, Message-ID. */
#define JOURNAL_WORD_MAX 320
/* Of a sentence: Subject, the text of a reply. */
#define JOURNAL_TEXT_MAX 1000

static gboolean is_on(const Session *session)
{
    return session->engine->services->store && session_config(session)->journal.keep && !session->live &&
           !session->adapter.alone;
}

/* --- what became of a recipient --- */

typedef struct {
    JournalEnd end;
    const Reply *reply;    /* NULL: none of ours */
    const Judgement *by;   /* what decided; NULL: nothing that was found */
    const char *otherwise; /* the text where there is neither */
} Became;

static Became refused(const Reply *reply, const Weighing *weighing)
{
    /* The reply may be another's: one temporary failure defers all. */
    gboolean own = weighing && weighing->reply.kind == reply->kind;
    Became became = {JOURNAL_REFUSED, reply, own ? weighing->decider : NULL, NULL};
    if (reply->kind == REPLY_TEMPFAIL)
        became.end =
            became.by && became.by->finding->tag == TAG_GREYLIST ? JOURNAL_GREYLISTED : JOURNAL_DEFERRED;
    return became;
}

static gboolean is_held(const Message *message)
{
    for (guint i = 0; i < edits_len(message->edits); i++)
        if (edits_at(message->edits, i)->kind == EDIT_HOLD)
            return TRUE;
    return FALSE;
}

/* The message as such was taken. Those who do not get it were taken off, or nobody does. */
static Became taken(const Recipient *recipient)
{
    Became became = {JOURNAL_ACCEPTED, NULL, recipient->weighing->decider, NULL};
    switch (end_of(recipient)) {
    case END_DISCARD:
        became.end = JOURNAL_DISCARDED;
        break;
    case END_HOLD: /* where others get it, a copy is kept here instead */
        became.end = is_held(recipient->message) ? JOURNAL_HELD : JOURNAL_QUARANTINED;
        break;
    case END_REJECT: /* D11: his copy */
    case END_QUARANTINE:
        became.end = JOURNAL_QUARANTINED;
        break;
    default:
        break;
    }
    return became;
}

static Became after_rcpt(const Recipient *recipient, gboolean aborted, const Reply *reply)
{
    const Message *message = recipient->message;
    if (reply && (reply->kind == REPLY_REJECT || reply->kind == REPLY_TEMPFAIL))
        return refused(reply, recipient->weighing);
    if (aborted && message->data_reply.code)
        return refused(&message->data_reply, NULL);
    return aborted ? (Became){.end = JOURNAL_ABORTED} : taken(recipient);
}

static Became became_of(const Recipient *recipient, gboolean aborted, const Reply *reply)
{
    switch (recipient->state) {
    case RCPT_UNKNOWN:
        return (Became){.end = JOURNAL_UNKNOWN, .otherwise = recipient->refused};
    case RCPT_REFUSED:
        return refused(&recipient->reply, recipient->weighing);
    case RCPT_OPEN:
        return (Became){.end = JOURNAL_ABORTED};
    case RCPT_ACCEPTED:
        break;
    }
    return after_rcpt(recipient, aborted, reply);
}

/* --- as text --- */

/* Printable, on one line, cut. */
static const char *shown(Pool *pool, const char *text, gsize max)
{
    g_autoptr(GString) to = g_string_new(NULL);
    escape_append(to, text, MIN(strlen(text), max), ESCAPE_KEEP_UTF8, NULL);
    return pool_strdup(pool, to->str);
}

static const char *word(Pool *pool, const char *text)
{
    return text ? shown(pool, text, JOURNAL_WORD_MAX) : NULL;
}

/* The value of a field, unfolded (RFC 5322 §2.2.3): the line ends go, the blank after them stays. */
static const char *field(Message *message, const char *name, gsize max)
{
    const Header *header = message_header_named(message, name, 1);
    if (!header)
        return NULL;
    g_autoptr(GString) value = g_string_new(header->value);
    g_string_replace(value, "\r", "", 0);
    g_string_replace(value, "\n", "", 0);
    g_string_replace(value, "\t", " ", 0);
    return shown(message->known.pool, g_strstrip(value->str), max);
}

static const char *rule_of(Pool *pool, const Judgement *by)
{
    g_autofree char *rule = rule_to_string(&by->rule);
    return pool_strdup(pool, rule);
}

static void fill_decision(JournalRecipient *row, Pool *pool, const Became *became)
{
    const Judgement *by = became->by;
    const Reply *reply = became->reply;
    const char *text = reply && reply->code ? reply->text : by ? by->finding->sentence : became->otherwise;
    row->end = became->end;
    row->code = reply ? reply->code : 0;
    row->text = text ? shown(pool, text, JOURNAL_TEXT_MAX) : NULL;
    if (!by)
        return;
    row->tag = tag_name(by->finding->tag);
    row->subject = word(pool, by->finding->subject);
    row->rule = rule_of(pool, by);
}

static void fill_recipient(JournalRecipient *row, const Recipient *recipient, gboolean aborted,
                           const Reply *reply)
{
    Pool *pool = recipient->known.pool;
    const Became became = became_of(recipient, aborted, reply);
    row->rcpt = word(pool, recipient->error ? recipient->text : recipient->address->canonical);
    fill_decision(row, pool, &became);
}

/* Nobody was named: refused at MAIL, or left after it. One row all the same, for a recipient without a name. */
static void fill_nobody(JournalRecipient *row, const Message *message, const Reply *reply)
{
    const Became became = reply ? refused(reply, message->weighing) : (Became){.end = JOURNAL_ABORTED};
    fill_decision(row, message->known.pool, &became);
}

static JournalRecipient *rows_of(Message *message, gboolean aborted, const Reply *reply, guint *n)
{
    guint named = message->recipients->len;
    *n = MAX(named, 1);
    JournalRecipient *rows = pool_alloc0(message->known.pool, *n * sizeof *rows);
    for (guint i = 0; i < named; i++)
        fill_recipient(&rows[i], message_recipient(message, i), aborted, reply);
    if (!named)
        fill_nobody(&rows[0], message, reply);
    return rows;
}

static double highest_score(const Message *message)
{
    double highest = 0;
    for (guint i = 0; i < message->recipients->len; i++) {
        const Weighing *weighing = message_recipient(message, i)->weighing;
        if (weighing && (i == 0 || weighing->score > highest))
            highest = weighing->score;
    }
    return highest;
}

void message_journal(Message *message, gboolean aborted, const Reply *reply)
{
    Session *session = message->session;
    if (!is_on(session))
        return;
    Pool *pool = message->known.pool;
    g_autoptr(Record) trace = session_config(session)->journal.facts ? message_kept_record(message) : NULL;
    g_autofree char *facts = trace ? record_to_json(trace) : NULL;
    JournalMessage row = {
        .time = session_now(session),
        .session = session->id,
        .queue_id = word(pool, session_macro(session, "i")),
        .client = session->ip_text,
        .helo = word(pool, session->helo),
        .login = word(pool, session_login(session)),
        .sender = word(pool, message->sender_error ? message->sender_text : message->sender->canonical),
        .sender_domain = word(pool, message->sender->domain),
        .message_id = field(message, "Message-ID", JOURNAL_WORD_MAX),
        .subject = field(message, "Subject", JOURNAL_TEXT_MAX),
        .size = message->size,
        .outgoing = session->internal || session_login(session),
        .score = highest_score(message),
        .facts = facts,
    };
    row.recipients = rows_of(message, aborted, reply, &row.n_recipients);
    store_batch_journal(session_batch(session), &row);
}
