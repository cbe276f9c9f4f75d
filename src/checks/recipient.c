/*
 * recipient — the recipient as such (B1, B4, B12).
 *
 * Refuses a RCPT TO that is no address; `private_relay` domains for everybody but internal clients; addresses that
 * take no mail, such as MAILER-DAEMON@.
 *
 * Tags: Bad-Recipient (subject: the text), Private-Relay, No-Mail (the address).
 */
#include "checks/checks.h"
#include "checks/client.h"

static gboolean wanted(const Config *config)
{
    return config->sender.syntax_checks || !patterns_is_empty(config->sender.private_relay) ||
           !patterns_is_empty(config->sender.no_mail_to);
}

/* "MAILER-DAEMON@" is a local part at any domain. */
static gboolean takes_no_mail(const PatternList *list, const Address *rcpt)
{
    g_autofree char *local = g_strdup_printf("%s@", rcpt->local);
    return patterns_match(list, local) || patterns_match(list, rcpt->canonical);
}

static void on_rcpt(Recipient *recipient)
{
    Session *session = message_session(recipient_message(recipient));
    const Config *config = session_config(session);
    const Address *rcpt = recipient_address(recipient);
    const char *error = recipient_error(recipient);
    if (error && config->sender.syntax_checks) {
        recipient_find(recipient, &check_recipient, TAG_BAD_RECIPIENT, recipient_text(recipient),
                       "RCPT TO: %s", error);
        return;
    }
    if (!client_is_ours(session) && *rcpt->domain &&
        patterns_match(config->sender.private_relay, rcpt->domain))
        recipient_find(recipient, &check_recipient, TAG_PRIVATE_RELAY, rcpt->canonical,
                       "%s takes mail from inside only", rcpt->domain);
    if (takes_no_mail(config->sender.no_mail_to, rcpt))
        recipient_find(recipient, &check_recipient, TAG_NO_MAIL, rcpt->canonical, "%s takes no mail",
                       rcpt->canonical);
}

const Check check_recipient = {
    .name = "recipient",
    .scope = PER_RECIPIENT,
    .wanted = wanted,
    .rcpt = on_rcpt,
};
