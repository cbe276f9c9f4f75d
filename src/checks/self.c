/*
 * self — our own domains, claimed by others, and others' domains, claimed by us (B2).
 *
 * External mail from one of `internal_domains` is refused when there is no SPF record to judge it by ("spam from
 * self"); where there is one, SPF decides. Mail of internal clients from any other domain is refused ("zombie"), but
 * not from this host itself, trusted relays, and logins (whose domains are B3's business).
 *
 * Tags: Self-Spoof, Zombie (subject: the envelope sender).
 */
#include "checks/checks.h"
#include "checks/client.h"
#include "checks/spf.h"

static gboolean wanted(const Config *config)
{
    return !patterns_is_empty(config->sender.internal_domains);
}

static void first_rcpt(Message *message)
{
    Session *session = message_session(message);
    const Config *config = session_config(session);
    const Address *sender = message_sender(message);
    const ClientFact *client = client_fact(session);
    if (!*sender->domain || client->host_itself || client->trusted || session_login(session))
        return;
    gboolean ours = patterns_match(config->sender.internal_domains, sender->domain) != NULL;
    if (client->internal && !ours) {
        message_find(message, &check_self, TAG_ZOMBIE, sender->canonical,
                     "%s is inside and sends as %s, which is not ours: zombie", session_ip_text(session),
                     sender->domain);
    } else if (!client->internal && ours && !spf_judges(message)) {
        message_find(message, &check_self, TAG_SELF_SPOOF, sender->canonical,
                     "%s is outside and sends as %s, which is ours: spam from self", session_ip_text(session),
                     sender->domain);
    }
}

const Check check_self = {
    .name = "self",
    .scope = PER_MESSAGE,
    .wanted = wanted,
    .first_rcpt = first_rcpt,
};
