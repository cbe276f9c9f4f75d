/*
 * autolist — who our people write to is welcome (G5).
 *
 * When mail of `whitelist_senders` has come from one of our own clients and has been accepted, each recipient outside of
 * `internal_domains` is remembered on the whitelist for `auto_whitelist`. What programs send counts for nothing, or a
 * stranger's mail to a list robot or to somebody on holiday would whitelist the stranger (RFC 3834 §2, §5).
 *
 * An entry that lasts longer, such as one made by hand, stays as it is; so does an exception.
 *
 * No tags: it finds nothing.
 */
#include <postern/header.h>
#include <string.h>

#include "checks/checks.h"
#include "checks/client.h"
#include "conf/glob.h"
#include "policy/lists.h"

typedef struct {
    const char *automatic; /* what says that a program has sent it; NULL: nothing does */
} AutolistFact;

static const Field fields[] = {FIELD_STR(AutolistFact, automatic), {0}};

static gboolean wanted(const Config *config)
{
    return !addresses_is_empty(config->lists.whitelist_senders);
}

/* --- programs --- */

/* The first word of a value, comments left out: RFC 3834 §5 allows "no (really); x=y". */
static gboolean first_word_is(const char *value, const char *word)
{
    const char *end = value + strlen(value);
    const char *at = header_skip_cfws(value, end, NULL);
    gsize len = strcspn(at, " \t\r\n;(");
    return strlen(word) == len && g_ascii_strncasecmp(at, word, len) == 0;
}

static gboolean is_not_no(const char *value)
{
    return !first_word_is(value, "no");
}

static gboolean is_bulk(const char *value)
{
    static const char *const words[] = {"bulk", "list", "junk", "auto_reply"};
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
        if (first_word_is(value, words[i]))
            return TRUE;
    return FALSE;
}

static gboolean is_report(const char *value)
{
    return first_word_is(value, "multipart/report");
}

static gboolean is_anything(const char *value)
{
    return TRUE;
}

/* Fields by which programs own up, standard ones first. A name that ends in * is what others begin with. */
static const struct {
    const char *name;
    gboolean (*says_so)(const char *value);
} marks[] = {
    {"auto-submitted", is_not_no}, /* RFC 3834 §5 */
    {"list-*", is_anything},       /* RFC 2369, RFC 2919 */
    {"precedence", is_bulk},       /* never standard, and everywhere */
    {"content-type", is_report},   /* RFC 6522: bounces, receipts */
    {"x-auto-response*", is_anything}, {"x-autoreply*", is_anything}, {"x-autorespond*", is_anything},
};

static gboolean is_mark(const Header *header, gsize mark)
{
    g_autofree char *name = g_ascii_strdown(header->name, -1);
    return glob_match(marks[mark].name, name) && marks[mark].says_so(header->value);
}

/* Senders that are programs, whatever whitelist_senders says (RFC 3834 §2). */
static const char *const robots[] = {"mailer-daemon@*", "owner-*@*", "*-owner@*", "*-request@*",
                                     "*-bounces@*"};

static const char *find_robot(const Message *message)
{
    for (gsize i = 0; i < G_N_ELEMENTS(robots); i++)
        if (glob_match(robots[i], message_sender(message)->canonical))
            return robots[i];
    return NULL;
}

static void evaluate(void *of, void *into)
{
    Message *message = of;
    AutolistFact *fact = into;
    fact->automatic = find_robot(message);
    for (guint i = 0; i < message_n_headers(message) && !fact->automatic; i++)
        for (gsize mark = 0; mark < G_N_ELEMENTS(marks) && !fact->automatic; mark++)
            if (is_mark(message_header(message, i), mark))
                fact->automatic = message_header(message, i)->name;
}

/* --- whom to remember --- */

static gboolean counts(Message *message)
{
    Session *session = message_session(message);
    const Address *sender = message_sender(message);
    if (sender->is_null || message_sender_error(message) || !client_is_ours(session) ||
        !addresses_match(session_config(session)->lists.whitelist_senders, sender->canonical))
        return FALSE;
    const AutolistFact *fact = message_fact(message, &check_autolist);
    return !fact->automatic;
}

static gboolean is_exception(Session *session, Pool *pool, const char *key)
{
    StoreEntry entry;
    return session_recall(session, pool, STORE_WHITELIST, key, &entry) == STORE_YES &&
           entry.number == LIST_EXCEPT;
}

static void remember(Recipient *recipient)
{
    Message *message = recipient_message(recipient);
    Session *session = message_session(message);
    const Config *config = session_config(session);
    Pool *pool = recipient_pool(recipient);
    const Address *address = recipient_address(recipient);
    ListKeys keys;
    if (!*address->domain || recipient_error(recipient))
        return;
    list_keys(&keys, pool, address->mailbox, NULL);
    if (!*keys.own_domain || patterns_match(config->sender.internal_domains, keys.own_domain) ||
        is_exception(session, pool, keys.subject))
        return;
    StoreEntry entry = {
        .text = pool_printf(pool, "sent by %s", message_sender(message)->canonical),
        .expires = session_now(session) + config->lists.auto_whitelist,
    };
    store_batch_put(session_batch(session), STORE_WHITELIST, keys.subject, STORE_IF_LONGER, &entry);
    message_log(message, LOG_LEVEL_INFO, "Auto-Whitelist:", "%s", keys.subject);
}

static void on_headers(Message *message)
{
    message_fact(message, &check_autolist);
}

static void settle_message(Message *message, gboolean aborted)
{
    if (aborted || !session_remembers(message_session(message)) || !counts(message))
        return;
    for (guint i = 0; i < message_n_recipients(message); i++)
        if (recipient_gets_it(message_recipient(message, i)))
            remember(message_recipient(message, i));
}

const Check check_autolist = {
    .name = "autolist",
    .scope = PER_MESSAGE,
    .wanted = wanted,
    .fields = fields,
    .fact_size = sizeof(AutolistFact),
    .evaluate = evaluate,
    .headers = on_headers, /* without it the MTA would send none */
    .settle_message = settle_message,
};
