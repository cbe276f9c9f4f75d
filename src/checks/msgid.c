/*
 * msgid — a Message-ID that is too short to be one (B12; RFC 5322 §3.6.4).
 *
 * A missing one is no fault of the sender's mail program alone, and is left alone.
 *
 * Tag: Short-Message-ID (subject: the envelope sender).
 */
#include <postern/header.h>

#include "checks/checks.h"
#include "checks/client.h"

static gboolean wanted(const Config *config)
{
    return config->sender.message_id_checks;
}

static void on_headers(Message *message)
{
    const Header *header = message_header_named(message, "Message-ID", 1);
    if (!header || client_is_ours(message_session(message)))
        return;
    if (header_msgid_form(header->value, -1) == HEADER_MSGID_TOO_SHORT)
        message_find(message, &check_msgid, TAG_SHORT_MSGID, message_sender(message)->canonical,
                     "Message-ID:%s is too short to be one", header->value);
}

const Check check_msgid = {
    .name = "msgid",
    .scope = PER_MESSAGE,
    .wanted = wanted,
    .headers = on_headers,
};
