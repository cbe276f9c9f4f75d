/*
 * limits — how much who may send (A9), by the lines of [limits] (conf/limits.h).
 *
 * What is counted is taken in one step when it is asked for, so that of many sessions at once only as many get it as there is room
 * for; an aborted message gives back what it took. Connections count once they begin a message. Relays that we trust and
 * whitelist_ips have no limits. Who passes an outbound limit may have lost his password: there is a warning in the log, once a
 * window.
 *
 * Tag: Limit (subject: the client, network, sender, domain, login or recipient that is limited).
 */
#include "checks/ban-key.h"
#include "checks/checks.h"
#include "checks/client.h"
#include "checks/grey-key.h"
#include "conf/limits.h"

typedef struct {
    gboolean outbound, exempt;
    gboolean connection_counted;
    const char *client, *network; /* as they are limited */
} LimitsFact;

static const Field fields[] = {
    FIELD_BOOL(LimitsFact, outbound),
    FIELD_BOOL(LimitsFact, exempt),
    {0},
};

static gboolean wanted(const Config *config)
{
    return config->loaded.limits && config->loaded.limits->n > 0;
}

static void evaluate(void *of, void *into)
{
    Session *session = of;
    LimitsFact *fact = into;
    const HostList *friends = session_config(session)->connection.whitelist_ips;
    g_autofree char *client = ban_client_key(session_ip(session));
    g_autofree char *network = grey_network(session_ip(session));
    fact->exempt =
        session_ip(session)->family == IP_NONE || client_fact(session)->trusted ||
        hosts_match(friends, session_ip(session), session_resolver(session), session_deadline(session));
    fact->client = pool_strdup(session_pool(session), client);
    fact->network = pool_strdup(session_pool(session), network);
}

/* --- one limit --- */

/* Whom it is about; NULL: nobody here. */
static const char *subject_of(Message *message, const Limit *limit, const Address *rcpt)
{
    Session *session = message_session(message);
    const LimitsFact *fact = session_fact(session, &check_limits);
    const Address *sender = message_sender(message);
    switch (limit->key) {
    case LIMIT_BY_CLIENT:
        return fact->client;
    case LIMIT_BY_NETWORK:
        return fact->network;
    case LIMIT_BY_SENDER:
        return sender->is_null ? NULL : sender->canonical;
    case LIMIT_BY_DOMAIN:
        return sender->is_null ? NULL : sender->domain;
    case LIMIT_BY_LOGIN:
        return session_login(session);
    case LIMIT_BY_RECIPIENT:
        return rcpt ? rcpt->canonical : NULL;
    }
    g_assert_not_reached();
}

static gboolean goes_that_way(Session *session, const Limit *limit)
{
    return limit->way == LIMIT_BOTH || (limit->way == LIMIT_OUTBOUND) == client_is_ours(session);
}

/* "3 hours": until the window that is full ends. */
static char *time_left(Session *session, const char *key)
{
    g_autoptr(Pool) pool = pool_new();
    StoreEntry entry;
    if (session_recall(session, pool, STORE_LIMIT, key, &entry) != STORE_YES)
        return g_strdup("later");
    gint64 minutes = MAX((entry.expires - session_now(session) + 59) / 60, 1);
    if (minutes < 120)
        return g_strdup_printf("in %d minute%s", (int)minutes, minutes == 1 ? "" : "s");
    return g_strdup_printf("in %d hours", (int)((minutes + 59) / 60));
}

static void report(Message *message, const Limit *limit, const char *subject, const char *key)
{
    Session *session = message_session(message);
    g_autofree char *told = g_strdup_printf("limit %s", key);
    if (session_take(session, STORE_NOTICE, told, 1, 1, MAX(limit->window, 60), NULL) == STORE_NO)
        return;
    gboolean ours = client_is_ours(session);
    message_log(message, ours ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE, "LIMIT:", "%s has reached %s (%s)%s",
                subject, limit->name, limit->words, ours ? ": has the account been stolen?" : "");
}

/* TRUE: there is room, or it cannot be known. */
static gboolean take(Message *message, const Limit *limit, const char *key)
{
    Session *session = message_session(message);
    if (!limit->window)
        return session_hold(session, key, limit->count);
    if (limit->unit == LIMIT_CONNECTIONS)
        return !session_remembers(session) ||
               session_take(session, STORE_LIMIT, key, 1, limit->count, limit->window, NULL) != STORE_NO;
    return message_take(message, STORE_LIMIT, key, 1, limit->count, limit->window, NULL) != STORE_NO;
}

static void apply(Message *message, const Limit *limit, Recipient *recipient)
{
    Session *session = message_session(message);
    const char *subject = subject_of(message, limit, recipient ? recipient_address(recipient) : NULL);
    if (!subject || !*subject || !goes_that_way(session, limit))
        return;
    g_autofree char *key = g_strdup_printf("%s %s", limit->name, subject);
    if (take(message, limit, key))
        return;
    report(message, limit, subject, key);
    g_autofree char *when = limit->window ? time_left(session, key) : g_strdup("when one of them has ended");
    g_autofree char *sentence = g_strdup_printf("limit %s (%s) is reached for %s: please try again %s",
                                                limit->name, limit->words, subject, when);
    if (recipient)
        recipient_find(recipient, &check_limits, TAG_LIMIT, subject, "%s", sentence);
    else if (limit->unit == LIMIT_CONNECTIONS) /* for all that it brings */
        session_find(session, &check_limits, TAG_LIMIT, subject, "%s", sentence);
    else
        message_find(message, &check_limits, TAG_LIMIT, subject, "%s", sentence);
}

/* --- hooks --- */

static void apply_all(Message *message, LimitUnit unit, Recipient *recipient)
{
    const LimitList *list = session_config(message_session(message))->loaded.limits;
    for (guint i = 0; i < list->n; i++) {
        const Limit *limit = &list->limits[i];
        gboolean of_recipient = unit == LIMIT_RECIPIENTS || limit->key == LIMIT_BY_RECIPIENT;
        if (limit->unit == unit && of_recipient == (recipient != NULL))
            apply(message, limit, recipient);
    }
}

static void on_first_rcpt(Message *message)
{
    LimitsFact *fact = (LimitsFact *)session_fact(message_session(message), &check_limits);
    fact->outbound = client_is_ours(message_session(message));
    if (fact->exempt)
        return;
    if (!fact->connection_counted)
        apply_all(message, LIMIT_CONNECTIONS, NULL);
    fact->connection_counted = TRUE;
    apply_all(message, LIMIT_MESSAGES, NULL);
}

static void on_rcpt(Recipient *recipient)
{
    Message *message = recipient_message(recipient);
    const LimitsFact *fact = session_fact(message_session(message), &check_limits);
    if (fact->exempt)
        return;
    apply_all(message, LIMIT_RECIPIENTS, recipient);
    apply_all(message, LIMIT_MESSAGES, recipient); /* by recipient */
}

const Check check_limits = {
    .name = "limits",
    .scope = PER_SESSION,
    .wanted = wanted,
    .fields = fields,
    .fact_size = sizeof(LimitsFact),
    .evaluate = evaluate,
    .first_rcpt = on_first_rcpt,
    .rcpt = on_rcpt,
};
