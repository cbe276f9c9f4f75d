/*
 * lists — is the sender welcome, or not wanted? (B6, B7, B8)
 *
 * Asks the whitelist and the blacklist, what is written ([lists]) and what is remembered, for the envelope sender with its
 * tags looked through; From: says nothing here, for nobody has proven it. Our own clients are on no list.
 *
 * Whitelisted and proven (SPF pass or guess, a trusted forwarder, an aligned signature) is Whitelisted. Without a proof it
 * is Whitelist-Unproven: anybody may write that name. A proof that comes with the message (DKIM, DMARC, what a trusted
 * relay says) makes up for it at its end. Blacklisted is refused at MAIL or RCPT while nobody could learn from the content.
 *
 * Tags: Whitelisted, Whitelist-Unproven, Blacklisted (subject: the sender without tags).
 */
#include "checks/checks.h"
#include "checks/client.h"
#include "policy/lists.h"

typedef struct {
    const char *skipped; /* why no list was asked; NULL: they were */
    const char *sender;  /* without tags */
    ListVerdict verdict;
    const char *entry;  /* the one that decides; NULL: none */
    const char *where;  /* it stands */
    const char *source; /* who made it */
    ListKeys keys;
    ListAnswer white, black;
} ListsFact;

static const char *verdict_name(int verdict)
{
    static const char *const names[] = {
        [LIST_NEITHER] = "neither", [LIST_WHITE] = "whitelist", [LIST_BLACK] = "blacklist"};
    return names[verdict];
}

static const Field fields[] = {
    FIELD_STR(ListsFact, skipped),
    FIELD_STR(ListsFact, sender),
    FIELD_ENUM(ListsFact, verdict, verdict_name),
    FIELD_STR(ListsFact, entry),
    FIELD_STR(ListsFact, where),
    FIELD_STR(ListsFact, source),
    {0},
};

static gboolean wanted(const Config *config)
{
    return *config->store.path || !addresses_is_empty(config->lists.whitelist) ||
           !addresses_is_empty(config->lists.blacklist);
}

/* B8: mail of a blacklisted sender is worth reading to a filter that learns from it. None does yet. */
static gboolean somebody_learns(Message *message)
{
    return FALSE;
}

/* --- the fact --- */

static void ask(Message *message, StoreTable table, const Addresses *written, ListsFact *fact,
                ListAnswer *answer)
{
    Session *session = message_session(message);
    Pool *pool = message_pool(message);
    StoreEntry entry;
    guint index = 0;
    gboolean stored =
        session_recall_first(session, pool, table, fact->keys.all.keys, &entry, &index) == STORE_YES;
    list_answer(answer, pool, written, &fact->keys, stored ? &entry : NULL, index);
}

static const char *why_skipped(Message *message)
{
    if (message_sender(message)->is_null)
        return "null sender";
    return client_is_ours(message_session(message)) ? "our own client" : NULL;
}

static void evaluate(void *of, void *into)
{
    Message *message = of;
    ListsFact *fact = into;
    if ((fact->skipped = why_skipped(message)))
        return;
    const Config *config = session_config(message_session(message));
    guint n = message_n_recipients(message);
    const char *recipient = n ? recipient_address(message_recipient(message, n - 1))->mailbox : NULL;
    list_keys(&fact->keys, message_pool(message), message_sender(message)->mailbox, recipient);
    fact->sender = fact->keys.subject;
    ask(message, STORE_WHITELIST, config->lists.whitelist, fact, &fact->white);
    ask(message, STORE_BLACKLIST, config->lists.blacklist, fact, &fact->black);
    fact->verdict = list_decide(&fact->white, &fact->black);
    const ListAnswer *answer = fact->verdict == LIST_WHITE   ? &fact->white
                               : fact->verdict == LIST_BLACK ? &fact->black
                                                             : NULL;
    if (answer) {
        fact->entry = answer->entry;
        fact->where = answer->where;
        fact->source = *answer->source ? answer->source : NULL;
    }
}

static const ListsFact *lists_fact(Message *message)
{
    return message_fact(message, &check_lists);
}

/* --- findings --- */

static const Finding *find_proof(Message *message, const ListsFact *fact)
{
    for (guint i = 0; i < message_n_findings(message); i++) {
        const Finding *finding = message_finding(message, i);
        if (list_proof(finding, &fact->keys, &fact->white))
            return finding;
    }
    return NULL;
}

static void find_white(Message *message, gboolean at_end)
{
    const ListsFact *fact = lists_fact(message);
    if (fact->verdict != LIST_WHITE || message_has_finding(message, TAG_WHITELISTED))
        return;
    const Finding *proof = find_proof(message, fact);
    if (proof)
        message_find(message, &check_lists, TAG_WHITELISTED, fact->sender,
                     "%s is whitelisted by %s (%s), and proven by %s", fact->sender, fact->entry, fact->where,
                     tag_name(proof->tag));
    else if (!at_end)
        message_find(message, &check_lists, TAG_WHITE_UNPROVEN, fact->sender,
                     "%s is whitelisted by %s (%s), but not proven", fact->sender, fact->entry, fact->where);
}

/* J5: said to the client, so that who is on it by mistake hears of it. Where the entry stands is for the trace. */
static void find_black(Message *message)
{
    const ListsFact *fact = lists_fact(message);
    if (fact->verdict == LIST_BLACK && !message_has_finding(message, TAG_BLACKLISTED))
        message_find(message, &check_lists, TAG_BLACKLISTED, fact->sender, "%s is blacklisted here (%s)",
                     fact->sender, fact->entry);
}

static void on_mail(Message *message)
{
    if (!session_config(message_session(message))->connection.delayed_reject && !somebody_learns(message))
        find_black(message);
}

static void first_rcpt(Message *message)
{
    if (!somebody_learns(message))
        find_black(message);
    find_white(message, FALSE);
}

static void on_message(Message *message)
{
    find_black(message);
    find_white(message, TRUE);
}

const Check check_lists = {
    .name = "lists",
    .scope = PER_MESSAGE,
    .wanted = wanted,
    .fields = fields,
    .fact_size = sizeof(ListsFact),
    .evaluate = evaluate,
    .mail = on_mail,
    .first_rcpt = first_rcpt,
    .message = on_message,
};
