/*
 * greylist — who sends for the first time is asked to come back (G4).
 *
 * Looked at where a rule says GREYLIST, or with `[greylist] mode = all` for every recipient of strangers. Known again by client,
 * sender and recipient (grey-key.h). Not held up are: those who need no proof (null senders, our own clients, trusted relays),
 * exempt_rcpts, clients that have come back before, and, with mode = all, proven senders: hosts with a name of their own for
 * which the sender's domain answers by SPF, so that login codes come at once. A store that cannot remember holds up nobody: they
 * would come back for ever.
 *
 * Nothing is written before the recipient's reply is fixed, and only if the greylist was asked: what another finding refused
 * has not been tried.
 *
 * Tag: Greylist (subject: the envelope sender).
 */
#include "checks/checks.h"
#include "checks/client.h"
#include "checks/grey-key.h"
#include "checks/spf.h"

/* A clock that was set back makes entries of the future; more than this, and the entry is made anew. */
#define CLOCK_SLACK 60
/* Remembering a client that is known already waits until this part of its time has gone. */
#define RENEW_PART 8

#define GREY_STATES(X)                                                                                       \
    X(SKIPPED, "skipped") /* by what `skipped` says */                                                       \
    X(NEW, "new")         /* never seen */                                                                   \
    X(WAITING, "waiting") /* came back too early */                                                          \
    X(PASSED, "passed")   /* came back */                                                                    \
    X(KNOWN, "known")     /* has come back before */                                                         \
    X(EXEMPT, "exempt")   /* the client has, with other mail */

typedef enum {
#define X(id, word) GREY_##id,
    GREY_STATES(X)
#undef X
} GreyState;

static const char *const state_names[] = {
#define X(id, word) [GREY_##id] = word,
    GREY_STATES(X)
#undef X
};

static const char *state_name(int state)
{
    return state_names[state];
}

typedef struct {
    unsigned state; /* GreyState */
    const char *skipped;
    const char *client, *sender; /* as they are known again */
    const char *key;
    const char *network_key; /* by which a proven sender may be known from before; NULL: the key is it */
    int wait;                /* s, until the next try is good */
    gboolean anew;           /* what is there is not to be believed */
    gboolean renew;          /* the client's entry */
    gboolean settled;        /* at RCPT */
} GreylistFact;

static const Field fields[] = {
    FIELD_ENUM(GreylistFact, state, state_name),
    FIELD_STR(GreylistFact, skipped),
    FIELD_STR(GreylistFact, client),
    FIELD_STR(GreylistFact, sender),
    FIELD_INT(GreylistFact, wait),
    {0},
};

static gboolean wanted(const Config *config)
{
    return config->greylist.mode != GREYLIST_OFF;
}

/* --- the fact --- */

/* The domain that answers for the client by SPF; NULL: none does. A HELO name proves nothing about the sender. */
static const char *proven_domain(Message *message)
{
    if (session_config(message_session(message))->spf.mode == SPF_MODE_OFF)
        return NULL;
    const SpfFact *spf = spf_fact(message);
    if (spf->forwarder)
        return spf->forwarder;
    gboolean passes = spf->code == SPF_PASS || spf->guess_code == SPF_PASS;
    return !spf->skipped && spf->identity == SPF_MFROM && passes ? spf->domain : NULL;
}

static gboolean is_exempt_rcpt(const PatternList *list, const Address *rcpt)
{
    g_autofree char *local = g_strdup_printf("%s@", rcpt->local);
    return patterns_match(list, rcpt->canonical) || patterns_match(list, rcpt->domain) ||
           patterns_match(list, local);
}

static const char *why_skipped(Recipient *recipient)
{
    Message *message = recipient_message(recipient);
    Session *session = message_session(message);
    if (message_sender(message)->is_null)
        return "null sender";
    if (client_is_ours(session))
        return "our own client";
    if (client_fact(session)->trusted)
        return "trusted relay";
    if (session_ip(session)->family == IP_NONE)
        return "client address unknown";
    if (is_exempt_rcpt(session_config(session)->greylist.exempt_rcpts, recipient_address(recipient)))
        return "exempt recipient";
    if (!session_can_remember(session))
        return "nothing can be remembered";
    return NULL;
}

/* A stranger whom we have reason to take for what he says he is. */
static gboolean is_proven(Message *message)
{
    Session *session = message_session(message);
    return proven_domain(message) && !client_fact(session)->dynamic && session_client_name(session);
}

static void name_it(Recipient *recipient, GreylistFact *fact)
{
    Message *message = recipient_message(recipient);
    Pool *pool = recipient_pool(recipient);
    const Address *rcpt = recipient_address(recipient);
    const char *domain = proven_domain(message);
    g_autofree char *network = grey_network(session_ip(message_session(message)));
    g_autofree char *sender = grey_sender(message_sender(message), rcpt);
    g_autofree char *key = grey_key(domain ? domain : network, sender, rcpt);
    fact->client = pool_strdup(pool, domain ? domain : network);
    fact->sender = pool_strdup(pool, sender);
    fact->key = pool_strdup(pool, key);
    if (domain) {
        g_autofree char *network_key = grey_key(network, sender, rcpt);
        fact->network_key = pool_strdup(pool, network_key);
    }
}

/* A proven domain has shown that it is a mail system once one of its messages came back. */
static gboolean is_exempt(Recipient *recipient, GreylistFact *fact)
{
    Session *session = message_session(recipient_message(recipient));
    const Config *config = session_config(session);
    StoreEntry entry;
    if (session_recall(session, recipient_pool(recipient), STORE_GREYCLIENT, fact->client, &entry) !=
        STORE_YES)
        return FALSE;
    int needed = proven_domain(recipient_message(recipient)) ? 1 : config->greylist.exempt_after;
    gint64 left = entry.expires - session_now(session);
    fact->renew = left < config->greylist.retain - config->greylist.retain / RENEW_PART;
    return needed > 0 && entry.number >= needed;
}

static void look_up(Recipient *recipient, GreylistFact *fact)
{
    Session *session = message_session(recipient_message(recipient));
    int delay = session_config(session)->greylist.delay;
    const char *const keys[] = {fact->key, fact->network_key, NULL};
    StoreEntry entry;
    guint index;
    StoreAnswer answer =
        session_recall_first(session, recipient_pool(recipient), STORE_GREYLIST, keys, &entry, &index);
    if (answer == STORE_YES)
        fact->key = keys[index];
    gint64 age = answer == STORE_YES ? session_now(session) - entry.created : 0;
    fact->anew = answer == STORE_YES && entry.number == 0 && age < -CLOCK_SLACK;
    if (answer == STORE_AWAY) {
        fact->state = GREY_SKIPPED;
        fact->skipped = "nothing can be remembered";
    } else if (answer == STORE_NO || fact->anew) {
        fact->state = GREY_NEW;
        fact->wait = delay;
    } else if (entry.number > 0) {
        fact->state = GREY_KNOWN;
    } else if (age < delay) {
        fact->state = GREY_WAITING;
        fact->wait = delay - (int)MAX(age, 0);
    } else {
        fact->state = GREY_PASSED;
    }
}

static void evaluate(void *of, void *into)
{
    Recipient *recipient = of;
    GreylistFact *fact = into;
    fact->skipped = why_skipped(recipient);
    if (fact->skipped) {
        fact->state = GREY_SKIPPED;
        return;
    }
    name_it(recipient, fact);
    if (is_exempt(recipient, fact))
        fact->state = GREY_EXEMPT;
    else
        look_up(recipient, fact);
}

/* --- findings --- */

static void find(Recipient *recipient)
{
    Message *message = recipient_message(recipient);
    const GreylistFact *fact = recipient_fact(recipient, &check_greylist);
    if (fact->state != GREY_NEW && fact->state != GREY_WAITING)
        return;
    int minutes = (fact->wait + 59) / 60;
    recipient_find(recipient, &check_greylist, TAG_GREYLIST, message_sender(message)->canonical,
                   "greylisted: please try again in %d minute%s", minutes, minutes == 1 ? "" : "s");
}

static void on_rcpt(Recipient *recipient)
{
    Message *message = recipient_message(recipient);
    const Config *config = session_config(message_session(message));
    if (config->greylist.mode != GREYLIST_ALL || (!config->greylist.proven && is_proven(message)))
        return;
    find(recipient);
}

static void carry_out(Recipient *recipient, const Demand *demand)
{
    if (!recipient_asked(recipient, &check_greylist)) /* else it is found already */
        find(recipient);
}

/* --- what is remembered --- */

static gboolean greylist_decided(const Recipient *recipient)
{
    const Weighing *weighing = recipient_weighing(recipient);
    return weighing && weighing->decider && weighing->decider->finding->tag == TAG_GREYLIST;
}

static void remember_try(Session *session, const GreylistFact *fact)
{
    gint64 now = session_now(session);
    const StoreEntry entry = {
        .text = session_ip_text(session),
        .created = fact->anew ? now : 0,
        .expires = now + session_config(session)->greylist.window,
    };
    store_batch_put(session_batch(session), STORE_GREYLIST, fact->key,
                    fact->anew ? STORE_ALWAYS : STORE_IF_NEW, &entry);
}

static void remember_pass(Session *session, const GreylistFact *fact)
{
    gint64 until = session_now(session) + session_config(session)->greylist.retain;
    StoreBatch *batch = session_batch(session);
    if (fact->state != GREY_EXEMPT)
        store_batch_add(batch, STORE_GREYLIST, fact->key, 1, until, TRUE, NULL);
    if (fact->state == GREY_PASSED || fact->renew)
        store_batch_add(batch, STORE_GREYCLIENT, fact->client, fact->state == GREY_PASSED, until, TRUE, NULL);
}

/* Once a recipient: at RCPT, or at end of message if the greylist was asked only then. */
static void settle(Recipient *recipient, gboolean accepted)
{
    GreylistFact *fact = (GreylistFact *)recipient_asked(recipient, &check_greylist);
    if (!fact || fact->settled || fact->state == GREY_SKIPPED)
        return;
    Session *session = message_session(recipient_message(recipient));
    fact->settled = TRUE;
    if (fact->state == GREY_NEW) {
        if (greylist_decided(recipient))
            remember_try(session, fact);
    } else if (fact->state != GREY_WAITING && accepted) {
        remember_pass(session, fact);
    }
}

static void settle_recipient(Recipient *recipient)
{
    settle(recipient, recipient_state(recipient) == RCPT_ACCEPTED);
}

static void settle_message(Message *message, gboolean aborted)
{
    for (guint i = 0; !aborted && i < message_n_recipients(message); i++) {
        Recipient *recipient = message_recipient(message, i);
        if (recipient_state(recipient) == RCPT_ACCEPTED)
            settle(recipient, TRUE);
    }
}

const Check check_greylist = {
    .name = "greylist",
    .scope = PER_RECIPIENT,
    .wanted = wanted,
    .fields = fields,
    .fact_size = sizeof(GreylistFact),
    .evaluate = evaluate,
    .rcpt = on_rcpt,
    .carries_out = VERB_BIT(VERB_GREYLIST),
    .carry_out = carry_out,
    .settle_recipient = settle_recipient,
    .settle_message = settle_message,
};
