/*
 * repeat — who is refused again and again is banned or blacklisted ([blacklist_rules]).
 *
 * A message counts once for a rule, however many recipients it was refused for; whoever it was, who has reached the rule's count
 * within its time is banned from his next connection on, and each further refusal begins his ban anew. The counters stand in
 * the store (STORE_LIMIT) and are stepped one by one, so that the count is exact over all connections at once; they last as
 * long as the rule's time.
 *
 * Nobody of ours, no relay that we trust and nobody of whitelist_ips is counted (ban_never()). By sender or domain only mail
 * counts whose sender has proven to be himself: else whoever forges a name would have its owner shut out. A provider of
 * mailboxes is never banned as a whole.
 */
#include <string.h>

#include "checks/ban-key.h"
#include "checks/ban.h"
#include "checks/checks.h"
#include "flow/engine.h"

static gboolean is_wanted(const Config *config)
{
    return config->policy.blacklist_rules.n > 0;
}

static gboolean counts(const BlacklistRule *rule, const Weighing *weighing)
{
    return weighing && weighing->reply.kind == REPLY_REJECT && weighing->decider &&
           blacklist_rule_counts(rule, weighing->decider->finding->tag);
}

static gboolean is_refused(const Message *message, const BlacklistRule *rule)
{
    gboolean refused = counts(rule, message_weighing(message));
    for (guint i = 0; i < message_n_recipients(message) && !refused; i++)
        refused = counts(rule, recipient_weighing(message_recipient(message, i)));
    return refused;
}

static gboolean is_proven(const Message *message)
{
    for (Tag tag = 0; tag < TAG_COUNT; tag++)
        if (tag_proves_sender(tag) && message_has_finding(message, tag))
            return TRUE;
    return FALSE;
}

/* Under what he is counted and banned; NULL: he is not to be had. The caller frees. */
static char *key_of(Message *message, CountBy by)
{
    Session *session = message_session(message);
    const Address *sender = message_sender(message);
    if (by == COUNT_BY_CLIENT)
        return ban_client_key(session_ip(session));
    if (!*sender->domain || message_sender_error(message) || !is_proven(message))
        return NULL;
    const PatternList *providers = session_config(session)->sender.email_providers;
    gboolean mailbox_only = by == COUNT_BY_SENDER || patterns_match(providers, sender->domain);
    return mailbox_only ? g_strdup(sender->canonical) : ban_domain_key(sender->domain);
}

static void put(Session *session, const BlacklistRule *rule, const char *key, gint64 sum)
{
    static const StoreTable tables[] = {[INTO_BAN] = STORE_BAN, [INTO_BLACKLIST] = STORE_BLACKLIST};
    g_autofree char *why = g_strdup_printf("rule %s: %" G_GINT64_FORMAT " %s", rule->name, sum, rule->what);
    const StoreEntry entry = {.text = why, .number = sum, .expires = session_now(session) + rule->lasts};
    store_batch_put(session_batch(session), tables[rule->into], key, STORE_IF_LONGER, &entry);
    if (sum == rule->count) /* once; the others only make it last longer */
        session_log(session, LOG_LEVEL_NOTICE, rule->into == INTO_BAN ? "BANNED:" : "BLACKLISTED:", "%s: %s",
                    key, why);
}

static void count(Message *message, const BlacklistRule *rule)
{
    Session *session = message_session(message);
    g_autofree char *key = key_of(message, rule->by);
    if (!key)
        return;
    g_autofree char *counter = g_strdup_printf("rule %s %s %s", rule->name, count_by_name(rule->by), key);
    gint64 sum;
    if (session_take(session, STORE_LIMIT, counter, 1, G_MAXINT32, rule->window, &sum) == STORE_YES &&
        sum >= rule->count)
        put(session, rule, key, sum);
}

static void settle_message(Message *message, gboolean aborted)
{
    Session *session = message_session(message);
    guint n;
    const BlacklistRule *rules = policy_blacklist_rules(snapshot_policy(session_snapshot(session)), &n);
    for (guint i = 0; i < n; i++) {
        if (!is_refused(message, &rules[i]))
            continue;
        if (ban_never(session))
            return;
        count(message, &rules[i]);
    }
}

const Check check_repeat = {
    .name = "repeat",
    .scope = PER_MESSAGE,
    .wanted = is_wanted,
    .settle_message = settle_message,
};
