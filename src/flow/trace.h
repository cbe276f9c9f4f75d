/* trace.h — everything that is known about a transaction, as a Record: for `scan`, JSON logs and test cases. */
#pragma once

#include "flow/flow.h"

/* Client, HELO, login, and the facts that have been computed. */
void session_record(const Session *session, Record *record);
/* The same, and sender, recipients with their weighings, edits. */
void message_record(const Message *message, Record *record);
/* The header as it would be delivered, our edits applied, CRLF line ends, without the blank line. */
GString *message_render_headers(Message *message);
