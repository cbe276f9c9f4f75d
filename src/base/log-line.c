/* log-line.c — an event as a line of text or JSON. */
#include "base/log-internal.h"

#include <string.h>
#include <time.h>
#include "base/escape.h"

/* strftime's %b would follow the locale. */
static void make_stamp(LogStamp *stamp, gint64 second)
{
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)second;
    struct tm tm;
    stamp->second = second;
    stamp->text[0] = '\0';
    if (localtime_r(&seconds, &tm) != NULL)
        g_snprintf(stamp->text, sizeof stamp->text, "%04d%s%02d %02d:%02d:%02d ", tm.tm_year + 1900,
                   months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void log_line_stamp(GString *to, LogStamp *last, gint64 now)
{
    gint64 second = now / G_USEC_PER_SEC;
    if (last->second != second || second == 0)
        make_stamp(last, second);
    g_string_append(to, last->text);
}

void log_line_text(GString *to, const LogEvent *event, gboolean bare_id)
{
    char id[32];
    g_snprintf(id, sizeof id, "[%" G_GUINT64_FORMAT, event->session);
    g_string_append(to, id);
    if (event->queue_id != NULL && !bare_id) {
        g_string_append_c(to, ' ');
        g_string_append(to, event->queue_id);
    }
    g_string_append(to, "] ");
    g_string_append(to, event->tag);
    if (event->tag[0] != '\0' && event->text[0] != '\0')
        g_string_append_c(to, ' ');
    g_string_append(to, event->text);
}

void log_line_json(GString *to, const LogEvent *event, gint64 now)
{
    g_autoptr(Record) record = record_new();
    if (now != 0) {
        g_autoptr(GDateTime) second = g_date_time_new_from_unix_utc(now / G_USEC_PER_SEC);
        g_autofree char *date = second != NULL ? g_date_time_format(second, "%Y-%m-%dT%H:%M:%S") : NULL;
        g_autofree char *time =
            date != NULL ? g_strdup_printf("%s.%03dZ", date, (int)(now % G_USEC_PER_SEC / 1000)) : NULL;
        record_str(record, "time", time);
    }
    record_str(record, "level", log_level_name(event->level));
    if (event->session != 0)
        record_int(record, "id", (gint64)event->session);
    record_str(record, "qid", event->queue_id);
    record_str(record, "tag", event->tag);
    record_str(record, "text", event->text);
    if (event->facts != NULL)
        record_merge(record, event->facts);
    g_autofree char *json = record_to_json(record);
    g_string_append(to, json);
}

void log_line_append_safe(GString *to, const char *text)
{
    gsize len = strlen(text);
    if (len > LOG_TEXT_MAX) { /* cut between characters, not inside one */
        len = LOG_TEXT_MAX;
        while (len > LOG_TEXT_MAX - 4 && ((guchar)text[len] & 0xc0) == 0x80)
            len--;
    }
    escape_append(to, text, len, ESCAPE_KEEP_UTF8, NULL);
    if (text[len] != '\0')
        g_string_append(to, "…");
}
