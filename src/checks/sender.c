/*
 * sender — the envelope sender as such (B1, B4, B5, B12).
 *
 * Refuses a MAIL FROM that is no address; an empty one from internal hosts that are not in `internal_mta`; banned
 * domains, and for `email_providers` banned mailboxes; an address in one of our SRS domains that we did not sign.
 *
 * Tags: Bad-Sender (subject: the text), Null-Sender (client address), Banned-Domain, SRS-Forged (the address).
 */
#include <postern/srs.h>

#include "checks/ban-key.h"
#include "checks/checks.h"
#include "checks/client.h"
#include "conf/signing.h"

static void check_null(Message *message)
{
    Session *session = message_session(message);
    const HostList *mtas = session_config(session)->sender.internal_mta;
    if (!message_sender(message)->is_null || hosts_is_empty(mtas) || !client_fact(session)->internal ||
        client_fact(session)->host_itself) /* a login from outside may send receipts */
        return;
    if (!hosts_match(mtas, session_ip(session), session_resolver(session), session_deadline(session)))
        message_find(message, &check_sender, TAG_NULL_SENDER, session_ip_text(session),
                     "%s is no mail server of ours, and only those send with an empty MAIL FROM",
                     session_ip_text(session));
}

/* `banned_domains` holds domains, and mailboxes of providers that are too large to be banned whole. */
static gboolean find_banned(Message *message, const Address *sender)
{
    Session *session = message_session(message);
    const Config *config = session_config(session);
    gboolean mailbox_only = patterns_match(config->sender.email_providers, sender->domain) != NULL;
    const char *subject = mailbox_only ? sender->canonical : sender->domain;
    g_auto(GStrv) keys = ban_address_keys(sender, mailbox_only);
    StoreEntry entry;
    guint index;
    if (patterns_match(config->sender.banned_domains, subject))
        message_find(message, &check_sender, TAG_BANNED_DOMAIN, sender->canonical, "%s is banned here",
                     subject);
    else if (session_recall_first(session, message_pool(message), STORE_BAN, (const char *const *)keys,
                                  &entry, &index) == STORE_YES)
        message_find(message, &check_sender, TAG_BANNED_DOMAIN, sender->canonical, "%s is banned here: %s",
                     entry.key, entry.text);
    else
        return FALSE;
    return TRUE;
}

/* A tag hides nobody, be it his own or a forwarder's. */
static void check_banned(Message *message)
{
    Session *session = message_session(message);
    const Address *sender = message_sender(message);
    if (!*sender->domain)
        return;
    if (!session_remembers(session) && patterns_is_empty(session_config(session)->sender.banned_domains))
        return;
    if (find_banned(message, sender))
        return;
    g_autofree char *original = srs_look_through(sender->mailbox, NULL);
    g_autoptr(Address) behind = original ? address_parse_path(original, -1, NULL) : NULL;
    if (behind)
        find_banned(message, behind);
}

static void check_srs(Message *message)
{
    Session *session = message_session(message);
    const Config *config = session_config(session);
    const Address *sender = message_sender(message);
    if (!*sender->domain || !signing_is_on(config) || !patterns_match(config->srs.domains, sender->domain))
        return;
    g_autofree char *original = NULL;
    SrsStatus status =
        signing_reverse(config, sender->mailbox, clock_seconds(session_clock(session)), &original);
    if (status == SRS_UNTAGGED && !config->srs.only_signed)
        return;
    if (status != SRS_VALID)
        message_find(message, &check_sender, TAG_SRS_FORGED, sender->canonical, "%s: our signature is %s",
                     sender->mailbox, srs_status_name(status));
}

static void on_mail(Message *message)
{
    const Config *config = session_config(message_session(message));
    const char *error = message_sender_error(message);
    if (error && config->sender.syntax_checks) {
        message_find(message, &check_sender, TAG_BAD_SENDER, message_sender_text(message), "MAIL FROM: %s",
                     error);
        return;
    }
    check_null(message);
    check_banned(message);
    check_srs(message);
}

const Check check_sender = {
    .name = "sender",
    .scope = PER_MESSAGE,
    .mail = on_mail,
};
