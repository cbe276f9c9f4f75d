/*
 * hide-path — what our outgoing mail says of our own network (H5): internal Received fields are removed.
 *
 * For mail of our own clients and logins to a domain of hide_path. From the top down, as long as a field names no address
 * but private ones and those of internal_connect: the first that came from outside, and all below it, are others' and
 * stay. The MTA's own Received, which no filter sees, stays, too, so that loops are still found.
 */
#include <postern/header.h>

#include "actions/actions.h"

#define ADDRESSES_MAX 16 /* of one field that are looked at: a literal and an address are usual */

static gboolean wanted(const Config *config)
{
    return !patterns_is_empty(config->headers.hide_path);
}

static gboolean is_asked_for(Message *message)
{
    const PatternList *domains = session_config(message_session(message))->headers.hide_path;
    for (guint i = 0; i < message_n_recipients(message); i++) {
        const Recipient *recipient = message_recipient(message, i);
        if (recipient_state(recipient) == RCPT_ACCEPTED &&
            patterns_match(domains, recipient_address(recipient)->domain))
            return TRUE;
    }
    return FALSE;
}

/* One without an address is of mail that was made on a host, or handed on inside it. */
static gboolean is_internal(Message *message, const char *received)
{
    const HostList *ours = session_config(message_session(message))->connection.internal_connect;
    IpAddress ips[ADDRESSES_MAX];
    guint n = header_received_from(received, -1, ips, G_N_ELEMENTS(ips));
    for (guint i = 0; i < n; i++)
        if (!ip_is_private(&ips[i]) && !hosts_match(ours, &ips[i], NULL, 0))
            return FALSE;
    return TRUE;
}

static void apply(Message *message)
{
    guint nth = 0;
    if (!session_is_ours(message_session(message)) || !is_asked_for(message))
        return;
    for (guint i = 0; i < message_n_headers(message); i++) {
        const Header *header = message_header(message, i);
        if (!header_name_is(header->name, -1, "Received"))
            continue;
        if (!is_internal(message, header->value))
            break;
        edits_delete_header(message_edits(message), "hide-path", "Received", ++nth);
    }
}

const Action action_hide_path = {
    .name = "hide-path",
    .wanted = wanted,
    .apply = apply,
};
