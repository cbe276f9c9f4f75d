/*
 * ban — clients that have done too much that counts against them (A3, A6).
 *
 * Demerits and unknown recipients are counted for each client (IPv6: its /64) within `demerit_window`, over all of its
 * connections at once; who has more than `max_demerits` or `max_unknown` is banned for `ban_time`. A banned client is refused from
 * MAIL or RCPT on, so that a roaming user can still log in, and a login clears him; port 587, where nobody gets on without
 * one, is not looked at. Bans are made by hand, too (`postern ban`), and by `banned_ips`.
 *
 * Tag: Client-Banned (subject: client address).
 */
#include "checks/ban.h"

#include <string.h>

#include "checks/ban-key.h"
#include "checks/checks.h"
#include "checks/client.h"

#define PORT_SUBMISSION "587"

static const Field fields[] = {
    FIELD_STR(BanFact, key), FIELD_STR(BanFact, why), FIELD_STR(BanFact, by), FIELD_INT(BanFact, left), {0},
};

static gboolean on_list(Session *session, const HostList *list)
{
    return hosts_match(list, session_ip(session), session_resolver(session), session_deadline(session)) !=
           NULL;
}

gboolean ban_never(Session *session)
{
    return session_ip(session)->family == IP_NONE || client_is_ours(session) ||
           client_fact(session)->trusted ||
           on_list(session, session_config(session)->connection.whitelist_ips);
}

/* --- the fact --- */

static void evaluate(void *of, void *into)
{
    Session *session = of;
    BanFact *fact = into;
    StoreEntry entry;
    g_autofree char *key = ban_client_key(session_ip(session));
    fact->key = pool_strdup(session_pool(session), key);
    if (on_list(session, session_config(session)->connection.banned_ips)) {
        fact->why = "on the list of banned hosts";
        fact->by = "banned_ips";
    } else if (session_recall(session, session_pool(session), STORE_BAN, fact->key, &entry) == STORE_YES) {
        fact->why = entry.text;
        fact->by = "store";
        fact->left = entry.expires ? (int)MIN(entry.expires - session_now(session), G_MAXINT) : 0;
    }
}

const BanFact *ban_fact(Session *session)
{
    return session_fact(session, &check_ban);
}

/* --- refused --- */

static gboolean is_submission(const Session *session)
{
    const char *port = session_macro(session, "daemon_port");
    return port && strcmp(port, PORT_SUBMISSION) == 0;
}

static void on_mail(Message *message)
{
    Session *session = message_session(message);
    int limit = session_config(session)->connection.max_demerits;
    if (is_submission(session) || ban_never(session))
        return;
    if (limit && session_demerits(session) > (guint)limit) {
        message_find(message, &check_ban, TAG_CLIENT_BANNED, session_ip_text(session),
                     "%u demerits, more than %d: this client is banned for now", session_demerits(session),
                     limit);
        return;
    }
    const BanFact *fact = ban_fact(session);
    if (fact->why)
        message_find(message, &check_ban, TAG_CLIENT_BANNED, session_ip_text(session), "%s is banned%s: %s",
                     fact->key, fact->left ? " for now" : "", fact->why);
}

/* --- counted --- */

void ban_client(Session *session, gint64 number, const char *why)
{
    g_autofree char *key = ban_client_key(session_ip(session));
    int span = session_config(session)->connection.ban_time;
    const StoreEntry entry = {
        .text = why, .number = number, .expires = span ? session_now(session) + span : 0};
    store_batch_put(session_batch(session), STORE_BAN, key, STORE_IF_LONGER, &entry);
    session_log(session, LOG_LEVEL_NOTICE, "BANNED:", "%s: %s", key, why);
}

/* The sum over all connections of this client. It bans who passes the limit with this step, and no other. */
static void count(Session *session, StoreTable table, guint n, int limit, const char *what)
{
    gint64 sum;
    int window = session_config(session)->connection.demerit_window;
    g_autofree char *key = ban_client_key(session_ip(session));
    if (session_take(session, table, key, n, G_MAXINT32, window, &sum) != STORE_YES || sum <= limit ||
        sum - n > limit)
        return;
    g_autofree char *why = g_strdup_printf("%" G_GINT64_FORMAT " %s", sum, what);
    ban_client(session, sum, why);
}

static void settle_demerits(Session *session)
{
    int limit = session_config(session)->connection.max_demerits;
    guint n = session_settle_demerits(session);
    if (!n || !limit || ban_never(session))
        return;
    g_autofree char *what = g_strdup_printf("demerits, the last for %s", session_demerits_why(session));
    count(session, STORE_DEMERIT, n, limit, what);
}

static void settle_recipient(Recipient *recipient)
{
    Session *session = message_session(recipient_message(recipient));
    int limit = session_config(session)->connection.max_unknown;
    settle_demerits(session);
    if (recipient_state(recipient) == RCPT_UNKNOWN && limit && !ban_never(session))
        count(session, STORE_UNKNOWN, 1, limit, "recipients that do not exist");
}

static void settle_message(Message *message, gboolean aborted)
{
    settle_demerits(message_session(message));
}

const Check check_ban = {
    .name = "ban",
    .scope = PER_SESSION,
    .fields = fields,
    .fact_size = sizeof(BanFact),
    .evaluate = evaluate,
    .mail = on_mail,
    .settle_recipient = settle_recipient,
    .settle_message = settle_message,
    .settle_session = settle_demerits,
};
