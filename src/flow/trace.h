/* trace.h — everything that is known about a transaction, as a Record: for `scan`, JSON logs, the journal
 * and test cases. */
#pragma once

#include "flow/flow.h"

/* Bytes of the trace of one message where it is kept, as JSON; what is over is cut at whole items. */
#define TRACE_BYTES_MAX (32u << 10)

/* Client, HELO, login, and the facts that have been computed. */
void session_record(const Session *session, Record *record);
/* The same, and sender, recipients with their weighings, edits. */
void message_record(const Message *message, Record *record);
/* The same, to be kept: at most TRACE_BYTES_MAX. The caller frees. */
Record *message_kept_record(const Message *message);
/* The header as it would be delivered, our edits applied, CRLF line ends, without the blank line. */
GString *message_render_headers(Message *message);
