/* journal-row.h — one recipient's row of the journal, as it is shown: a line, a record, the trace of its message. */
#pragma once

#include "base/record.h"
#include "store/journal.h"

/* All that the row says, under the names of the options of `postern journal`; without facts. The caller frees. */
Record *journal_row_record(const JournalMessage *row);

/* At most 120 columns: id, time, what became of it, code, client, sender > recipient, tag. The caller frees. */
char *journal_row_line(const JournalMessage *row, gint64 now);
/* The words above these columns. The caller frees. */
char *journal_row_head(void);

/* The record of a message (flow/trace.h) from what is kept, with what each recipient was answered; `rows` (JournalMessage *)
 * are its recipients', with facts. The caller frees. */
Record *journal_rows_trace(const GPtrArray *rows);
