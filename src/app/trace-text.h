/*
 * trace-text.h — the trace of one message (flow/trace.h) for people, on one screen: what `scan` and `journal show` print.
 *
 *     client      192.0.2.9 mx.example.com, HELO mx.example.com
 *     sender      <a@example.com>
 *     spf         code=fail domain=example.com mechanism=-all
 *     rcpt        <b@our.example> refused: 550 5.7.23 SPF fail: …
 *       decides   SPF-Fail for a@example.com: REJECT [built in]
 *     edits       header ^ Received-SPF: …
 *     answers     message: 550 5.7.23 …
 *
 * Recipients whose findings are alike are shown together. Text of strangers comes escaped.
 */
#pragma once

#include <stdio.h>

#include "base/record.h"

char *trace_to_text(const Record *trace);
void trace_print(const Record *trace, FILE *out);
