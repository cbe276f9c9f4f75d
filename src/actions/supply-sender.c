/*
 * supply-sender — who has sent it, where From: names somebody else (E7): `Sender: <MFROM>` is added, so that a mail program
 * shows "MFROM on behalf of From".
 *
 * For mail from outside with an envelope sender that is not null, when no author's domain is MFROM's or above it and there
 * is no Sender: yet. Not where a DKIM signature says that there is none (it names Sender in h=, RFC 6376 §5.4.2): the
 * field would break it.
 */
#include <postern/dkim.h>
#include <postern/header.h>
#include <string.h>

#include "actions/actions.h"

static gboolean wanted(const Config *config)
{
    return config->headers.supply_sender;
}

/* bounces.example.com sends for example.com, but not the other way round: a subdomain may be anybody's. */
static gboolean speaks_for(const char *sender_domain, const char *author_domain)
{
    gsize sender_len = strlen(sender_domain), len = strlen(author_domain);
    if (len == 0 || len > sender_len || strcmp(sender_domain + sender_len - len, author_domain) != 0)
        return FALSE;
    return len == sender_len || sender_domain[sender_len - len - 1] == '.';
}

static gboolean names_author(const char *from, const char *sender_domain)
{
    g_autoptr(MailboxList) authors = address_parse_mailboxes(from, -1);
    for (guint i = 0; i < authors->n; i++)
        if (authors->boxes[i].address && speaks_for(sender_domain, authors->boxes[i].address->domain))
            return TRUE;
    return FALSE;
}

static gboolean is_called_for(Message *message, const Address *sender)
{
    gboolean has_author = FALSE;
    for (guint i = 0; i < message_n_headers(message); i++) {
        const Header *header = message_header(message, i);
        if (header_name_is(header->name, -1, "Sender"))
            return FALSE;
        if (header_name_is(header->name, -1, "DKIM-Signature") &&
            dkim_signature_names(header->value, -1, "Sender"))
            return FALSE;
        if (!header_name_is(header->name, -1, "From"))
            continue;
        has_author = TRUE;
        if (names_author(header->value, sender->domain))
            return FALSE;
    }
    return has_author;
}

static void apply(Message *message)
{
    const Address *sender = message_sender(message);
    if (session_is_ours(message_session(message)) || !*sender->domain ||
        (sender->is_utf8 && !message_is_smtputf8(message)))
        return;
    if (!is_called_for(message, sender))
        return;
    g_autofree char *value = g_strdup_printf("<%s>", sender->mailbox);
    edits_append_header(message_edits(message), "supply-sender", "Sender", value);
}

const Action action_supply_sender = {
    .name = "supply-sender",
    .wanted = wanted,
    .apply = apply,
};
