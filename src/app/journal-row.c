/* journal-row.c — see journal-row.h. */
#include "app/journal-row.h"

#include <string.h>

#include "app/when.h"
#include "base/escape.h"

/* Columns of a line; together with a blank after each at most 120. */
#define ID_WIDTH     7
#define END_WIDTH    11
#define CODE_WIDTH   3
#define CLIENT_WIDTH 20
#define SENDER_WIDTH 23
#define RCPT_WIDTH   20
#define TAG_WIDTH    15

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

Record *journal_row_record(const JournalMessage *row)
{
    const JournalRecipient *rcpt = row->recipients;
    Record *record = record_new();
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(row->time);
    g_autofree char *when = time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ") : NULL;
    record_int(record, "id", row->id);
    record_str(record, "time", when);
    record_str(record, "end", journal_end_name(rcpt->end));
    if (rcpt->code)
        record_int(record, "code", rcpt->code);
    record_str(record, "client", or_null(row->client));
    record_str(record, "helo", or_null(row->helo));
    record_str(record, "login", or_null(row->login));
    record_str(record, "sender", row->sender);
    record_str(record, "domain", or_null(row->sender_domain));
    record_str(record, "rcpt", rcpt->rcpt);
    record_str(record, "tag", or_null(rcpt->tag));
    record_str(record, "about", or_null(rcpt->subject));
    record_str(record, "rule", or_null(rcpt->rule));
    record_str(record, "text", or_null(rcpt->text));
    record_str(record, "queue_id", or_null(row->queue_id));
    record_int(record, "session", (gint64)row->session);
    record_str(record, "message_id", or_null(row->message_id));
    record_str(record, "subject", or_null(row->subject));
    record_int(record, "size", row->size);
    record_bool(record, "outgoing", row->outgoing);
    record_double(record, "score", row->score);
    return record;
}

/* `text` in `width` columns, cut with "…". A character is taken as one column wide. */
static void put_column(GString *line, const char *text, int width)
{
    g_autoptr(GString) safe = g_string_new(NULL);
    escape_append(safe, text, strlen(text), ESCAPE_KEEP_UTF8, NULL);
    glong length = g_utf8_strlen(safe->str, -1);
    if (length > width) {
        g_string_truncate(safe, g_utf8_offset_to_pointer(safe->str, width - 1) - safe->str);
        g_string_append(safe, "…");
        length = width;
    }
    g_string_append_printf(line, "%s%*s", safe->str, (int)(width - length), "");
}

static void put_blank(GString *line, const char *text, int width)
{
    put_column(line, text, width);
    g_string_append_c(line, ' ');
}

static char *line_of(const char *id, const char *time, const char *end, const char *code, const char *client,
                     const char *sender, const char *rcpt, const char *tag)
{
    GString *line = g_string_new(NULL);
    put_blank(line, id, ID_WIDTH);
    put_blank(line, time, WHEN_WIDTH);
    put_blank(line, end, END_WIDTH);
    put_blank(line, code, CODE_WIDTH);
    put_blank(line, client, CLIENT_WIDTH);
    put_blank(line, sender, SENDER_WIDTH);
    put_blank(line, rcpt, RCPT_WIDTH);
    put_column(line, tag, TAG_WIDTH);
    return g_strchomp(g_string_free(line, FALSE));
}

char *journal_row_line(const JournalMessage *row, gint64 now)
{
    const JournalRecipient *rcpt = row->recipients;
    g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, row->id);
    g_autofree char *time = when_to_string(row->time, now);
    char code[16] = "";
    if (rcpt->code)
        g_snprintf(code, sizeof code, "%d", rcpt->code);
    return line_of(id, time, journal_end_name(rcpt->end), code, row->client,
                   *row->sender ? row->sender : "<>", rcpt->rcpt, rcpt->tag);
}

char *journal_row_head(void)
{
    return line_of("id", "time", "end", "", "client", "sender", "recipient", "tag");
}

/* --- all of a message --- */

/* "refused: 550 5.7.23 … [SPF-Fail for a@x; spf-fail: at access:12]" */
static char *answer_of(const JournalRecipient *rcpt)
{
    GString *text = g_string_new(journal_end_name(rcpt->end));
    if (rcpt->code)
        g_string_append_printf(text, ": %d", rcpt->code);
    if (*rcpt->text)
        g_string_append_printf(text, "%s%s", rcpt->code ? " " : ": ", rcpt->text);
    if (*rcpt->tag)
        g_string_append_printf(text, " [%s%s%s; %s]", rcpt->tag, *rcpt->subject ? " for " : "", rcpt->subject,
                               rcpt->rule);
    return g_string_free(text, FALSE);
}

/* Without facts ([journal] facts = no), what the row itself says. */
static void add_envelope(Record *record, const JournalMessage *row)
{
    Record *client = record_child(record, "client");
    record_str(client, "ip", or_null(row->client));
    record_str(client, "helo", or_null(row->helo));
    record_str(client, "login", or_null(row->login));
    g_autofree char *sender = g_strdup_printf("<%s>", row->sender);
    record_str(record, "sender", sender);
}

Record *journal_rows_trace(const GPtrArray *rows)
{
    const JournalMessage *row = rows->pdata[0];
    Record *record = record_new();
    g_autoptr(Record) all = journal_row_record(row);
    static const char *const kept[] = {"id", "time", "queue_id", "session", "message_id", "subject", "size"};
    Record *message = record_child(record, "message");
    for (gsize i = 0; i < G_N_ELEMENTS(kept); i++)
        record_str(message, kept[i], record_lookup(all, kept[i]));
    g_autoptr(Record) facts = record_from_json(row->facts, strlen(row->facts), NULL);
    if (facts)
        record_merge(record, facts);
    else
        add_envelope(record, row);
    Record *answers = record_child(record, "answers");
    for (guint i = 0; i < rows->len; i++) {
        const JournalRecipient *rcpt = ((const JournalMessage *)rows->pdata[i])->recipients;
        g_autofree char *answer = answer_of(rcpt);
        record_str(answers, *rcpt->rcpt ? rcpt->rcpt : "mail", answer);
    }
    return record;
}
