/*
 * log.h — the daemon's log: one event, one line, to syslog, the journal, a file or stderr, as text or JSON.
 *
 * Text lines keep the form that administrators' scripts match (K13):
 *
 *     2026Nov23 05:39:40 [17] REJECT: SPF fail for <a@example.com>          file and stderr
 *     [17] REJECT: SPF fail for <a@example.com>                              syslog and journal, which stamp themselves
 *
 * 17 is our own session id; once the MTA has told its queue id, it follows: `[17 4XyZ] eom`. JSON lines are the
 * event's record with `time`, `level`, `id`, `qid`, `tag`, `text` ahead of it.
 *
 * The log is one of the two globals of the program. Threads: any; a line is written whole. A log that cannot be
 * written (full disk) never stops mail: lines are dropped, counted, and the count is logged when writing works again.
 */
#pragma once

#include <glib.h>
#include "base/record.h"

typedef enum { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG } LogLevel;

typedef struct {
    const char *target; /* "stderr", "syslog", "journal", "file:/path" */
    gboolean json;
    LogLevel level;     /* the least urgent level that is written */
    int facility;       /* syslog facility, LOG_MAIL by default */
} LogSettings;

/* Who an event is about; either may be NULL. */
typedef struct {
    guint64 session;   /* 0: none, the event is the daemon's own */
    const char *queue_id;
} LogSubject;

/* Opens the target. On failure the old target stays in force. */
gboolean log_open(const LogSettings *settings, GError **error);
/* Opens a file again after rotation; nothing for other targets. */
gboolean log_reopen(GError **error);
void log_close(void);

/* `tag` is one of the old words: "connect from", "mail from", "REJECT:", …; text is printed after it. Control
 * characters in text are shown as \xNN, so that no stranger writes a line of ours. `facts` may be NULL. */
void log_event(LogLevel level, const LogSubject *subject, const char *tag, const Record *facts, const char *format,
               ...) G_GNUC_PRINTF(5, 6);

/* Events of the daemon itself. */
#define log_error(...)   log_event(LOG_LEVEL_ERROR, NULL, "error:", NULL, __VA_ARGS__)
#define log_warning(...) log_event(LOG_LEVEL_WARNING, NULL, "warning:", NULL, __VA_ARGS__)
#define log_notice(...)  log_event(LOG_LEVEL_NOTICE, NULL, "notice:", NULL, __VA_ARGS__)
#define log_debug(...)   log_event(LOG_LEVEL_DEBUG, NULL, "debug:", NULL, __VA_ARGS__)

gboolean log_level_parse(const char *word, LogLevel *ret);

/* Tests: every line goes to `sink` instead (without time stamp). NULL restores the target. */
typedef void (*LogSink)(LogLevel level, const char *line, void *data);
void log_set_sink(LogSink sink, void *data);
