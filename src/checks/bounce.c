/*
 * bounce — does a bounce answer mail that we sent or passed on? (H2)
 *
 * Where we rewrite or sign senders (conf/signing.h), a bounce comes to an address that only we can have made. One to such an
 * address is genuine: no content check has a say. One whose signature is wrong or too old, or that comes to an address
 * whose domain signs all that it sends, answers mail that never came from here.
 *
 * Nothing is refused before the message is there: a callback asks with an empty MAIL FROM for addresses as its own users
 * see them, and hangs up after RCPT; who refuses that loses the mail of his own users.
 *
 * An SES signature is good for [bounces] per_signature bounces, so that who has got hold of one cannot use it for ever (pysrs: 3;
 * it counted callbacks, too, and so refused the fourth site that asked). Others expire only.
 *
 * Unsigned bounces are taken from our own clients, trusted relays, unsigned_ok domains, and where the policy whitelists the
 * message. A signature that is wrong only from our own clients and trusted relays.
 *
 * Tags: Bounce-Genuine, Bounce-Forged (subject: the recipient), Bounce-Many (the client's address).
 */
#include "checks/bounce.h"

#include "checks/checks.h"
#include "checks/client.h"
#include "conf/signing.h"

#define DAY (24 * 60 * 60)

typedef struct {
    gboolean bounce;      /* null sender, or one of [bounces] senders */
    unsigned status;      /* SrsStatus of the recipient's tag; SRS_UNTAGGED where no tag is ours to read */
    const char *original; /* what the tag stands for, as on the wire; NULL unless SRS_VALID */
    const char *excused;  /* why a recipient without a signature is no forgery; NULL: it is one */
} BounceFact;

static const char *status_name(int status)
{
    return srs_status_name(status);
}

static const Field fields[] = {
    FIELD_BOOL(BounceFact, bounce),
    FIELD_ENUM(BounceFact, status, status_name),
    FIELD_STR(BounceFact, original),
    FIELD_STR(BounceFact, excused),
    {0},
};

static gboolean wanted(const Config *config)
{
    return config->bounces.check;
}

/* "mailer-daemon@" is a local part at any domain. */
gboolean bounce_is(const Message *message)
{
    const PatternList *senders = session_config(message_session(message))->bounces.senders;
    const Address *sender = message_sender(message);
    if (message_sender_error(message))
        return FALSE;
    if (sender->is_null)
        return TRUE;
    g_autofree char *local = g_ascii_strdown(sender->local, -1);
    g_autofree char *local_only = g_strconcat(local, "@", NULL);
    return patterns_match(senders, local_only) || patterns_match(senders, sender->canonical);
}

/* Our own people and relays have looked, or know better. */
static const char *excused_client(Session *session)
{
    if (client_is_ours(session))
        return "our own client";
    return client_fact(session)->trusted ? "trusted relay" : NULL;
}

/* By a name that the client has not just made up: its address leads to it, SPF proves it, or it is the sender's. */
static const char *excused_domain(Message *message)
{
    Session *session = message_session(message);
    const char *helo = message_has_finding(message, TAG_HELO_PASS) ? session_helo_name(session) : NULL;
    const char *const names[] = {session_client_name(session), helo, message_sender(message)->domain};
    const PatternList *domains = session_config(session)->bounces.unsigned_ok;
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        if (names[i] && *names[i] && patterns_match(domains, names[i]))
            return "unsigned_ok";
    return NULL;
}

static const char *why_excused(Recipient *recipient, SrsStatus status)
{
    Message *message = recipient_message(recipient);
    const Config *config = session_config(message_session(message));
    const char *why = excused_client(message_session(message));
    if (why || status != SRS_UNTAGGED)
        return why;
    if (!config->bounces.require_signature)
        return "no signature is required";
    if (signing_kind(config, recipient_address(recipient)->domain) == SIGN_NONE)
        return "its domain signs nothing";
    return excused_domain(message);
}

static void evaluate(void *of, void *into)
{
    Recipient *recipient = of;
    BounceFact *fact = into;
    Session *session = message_session(recipient_message(recipient));
    fact->bounce = wanted(session_config(session)) && bounce_is(recipient_message(recipient));
    fact->status = SRS_UNTAGGED;
    if (!fact->bounce)
        return;
    g_autofree char *original = NULL;
    fact->status = signing_reverse_all(session_config(session), recipient_address(recipient)->mailbox,
                                       session_now(session), &original);
    fact->original = pool_strdup(recipient_pool(recipient), original);
    fact->excused = why_excused(recipient, fact->status);
}

static const BounceFact *bounce_fact(Recipient *recipient)
{
    return recipient_fact(recipient, &check_bounce);
}

static void on_rcpt(Recipient *recipient)
{
    const BounceFact *fact = bounce_fact(recipient);
    if (!fact->bounce || fact->status != SRS_VALID)
        return;
    recipient_set_original(recipient, fact->original);
    recipient_find(recipient, &check_bounce, TAG_BOUNCE_GENUINE, recipient_address(recipient)->canonical,
                   "the bounce answers mail of %s", fact->original);
}

/* Exact over all connections, and given back if the message is aborted. */
static gboolean is_used_up(Recipient *recipient)
{
    Message *message = recipient_message(recipient);
    const Config *config = session_config(message_session(message));
    const Address *rcpt = recipient_address(recipient);
    if (!config->bounces.per_signature || !signing_is_counted(config, rcpt->mailbox))
        return FALSE;
    g_autofree char *folded = g_ascii_strdown(rcpt->mailbox, -1); /* tags may come back in any case */
    g_autofree char *key = g_strconcat("ses ", folded, NULL);
    return message_take(message, STORE_LIMIT, key, 1, config->bounces.per_signature,
                        config->srs.max_age * DAY, NULL) == STORE_NO;
}

static void judge_signed(Recipient *recipient)
{
    const Address *rcpt = recipient_address(recipient);
    if (is_used_up(recipient))
        recipient_find(recipient, &check_bounce, TAG_BOUNCE_FORGED, rcpt->canonical,
                       "%s: our signature has been used up", rcpt->mailbox);
}

static void judge(Recipient *recipient)
{
    const BounceFact *fact = bounce_fact(recipient);
    if (!fact->bounce || fact->excused)
        return;
    if (fact->status == SRS_VALID) {
        judge_signed(recipient);
        return;
    }
    const Address *rcpt = recipient_address(recipient);
    const Weighing *weighing = recipient_weighing(recipient);
    if (fact->status != SRS_UNTAGGED)
        recipient_find(recipient, &check_bounce, TAG_BOUNCE_FORGED, rcpt->canonical,
                       "%s: our signature is %s, we did not send what this answers", rcpt->mailbox,
                       srs_status_name(fact->status));
    else if (!weighing || !weighing->whitelisted)
        recipient_find(recipient, &check_bounce, TAG_BOUNCE_FORGED, rcpt->canonical,
                       "mail of %s is signed, we did not send what this answers", rcpt->mailbox);
}

static gboolean has_several(Message *message)
{
    return message_n_accepted(message) > 1 && bounce_is(message) && !excused_client(message_session(message));
}

/* At end of message: who only asks has gone by then. */
static void on_message(Message *message)
{
    const char *client = session_ip_text(message_session(message));
    for (guint i = 0; i < message_n_recipients(message); i++)
        if (recipient_state(message_recipient(message, i)) == RCPT_ACCEPTED)
            judge(message_recipient(message, i));
    if (has_several(message))
        message_find(message, &check_bounce, TAG_BOUNCE_MANY, client,
                     "a bounce for %u recipients: mail has one sender", message_n_accepted(message));
}

const Check check_bounce = {
    .name = "bounce",
    .scope = PER_RECIPIENT,
    .wanted = wanted,
    .fields = fields,
    .fact_size = sizeof(BounceFact),
    .evaluate = evaluate,
    .rcpt = on_rcpt,
    .message = on_message,
};
