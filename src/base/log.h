/*
 * log.h — the daemon's log: one event, one line, to syslog, the journal, a file or stderr, as text or JSON.
 *
 * Text lines keep the form that administrators' scripts match (K13):
 *
 *     2026Nov23 05:39:40 [17] REJECT: SPF fail for <a@example.com>          file and stderr
 *     [17] REJECT: SPF fail for <a@example.com>                          syslog and journal
 *
 * 17 is our own session id; once the MTA has told its queue id, it follows: `[17 4XyZ] eom`, unless `bare_ids`. The daemon's own
 * events have id 0. Times are local, as they always were. JSON lines are the event's record with `time`
 * (UTC), `level`, `id` (left out when 0), `qid`, `tag`, `text` ahead of it. The journal gets the same as
 * fields: POSTERN_ID, POSTERN_QID, POSTERN_TAG and one POSTERN_… for every fact.
 *
 * The log is one of the two globals of the program. Life: before log_open() it is text on stderr. Until
 * log_start_writer() each event is written by the thread that logs it, before log_event() returns: right for
 * a subcommand. The daemon starts the writer: events are collected, and a thread writes those of
 * LOG_GATHER_MS at once (journal and syslog: one by one). Lines keep the order of the calls. An error is on
 * its way when log_event() returns, with all that came before it. Nothing collected is lost: log_close(),
 * log_open(), log_reopen() and fork() write it first, a fault (assertion, g_error(), SIGSEGV) waits up to half
 * a second for it. Only what kills without a signal handler (SIGKILL, the end of the stack) costs the last
 * milliseconds. After a fork() the child has no writer, its events are written at once.
 *
 * Limits: LOG_GATHERED_MAX bytes are collected; whoever logs more waits until they are written. A log that
 * cannot be written (full disk) never stops mail: lines are dropped, counted, told once on stderr, and the
 * count is logged when writing works again.
 *
 * Threads: any, but log_start_writer() and log_close() from one. Nothing here may be called from a signal
 * handler: the handler leaves word, and the thread that waits for signals calls log_reopen(). SIGPIPE must be
 * ignored by the program.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>
#include "base/clock.h"
#include "base/record.h"

#define LOG_LEVELS(X)                                                                                        \
    X(ERROR, "error")                                                                                        \
    X(WARNING, "warning")                                                                                    \
    X(NOTICE, "notice")                                                                                      \
    X(INFO, "info")                                                                                          \
    X(DEBUG, "debug")

typedef enum {
#define X(id, word) LOG_LEVEL_##id,
    LOG_LEVELS(X)
#undef X
        LOG_LEVEL_COUNT
} LogLevel;

/* Bytes of one event's text; what a stranger makes longer is cut and ends in "…". */
#define LOG_TEXT_MAX 4096u
/* Bytes that are collected before whoever logs must wait. In LOG_GATHER_MS 16 busy sessions collect a tenth. */
#define LOG_GATHERED_MAX (256u << 10)
/* How long the writer lets events gather, from the first one. */
#define LOG_GATHER_MS 5

typedef struct {
    const char *target; /* "stderr", "syslog", "journal", "file:/path" */
    gboolean json;
    LogLevel level;     /* the least urgent level that is written */
    gboolean bare_ids;  /* text lines have "[17]" and no queue id */
    int facility;       /* syslog facility; 0 stands for LOG_MAIL */
    const Clock *clock; /* NULL: clock_system */
    uid_t uid;          /* whose a file becomes that is not there yet and that root makes; 0: root's own */
    gid_t gid;
} LogSettings;

/* Who an event is about; either may be NULL. */
typedef struct {
    guint64 session; /* 0: none, the event is the daemon's own */
    const char *queue_id;
} LogSubject;

/* Opens the target. On failure the old target stays in force. */
gboolean log_open(const LogSettings *settings, GError **error);
/* From here to log_close() a thread writes. To be called once the process has forked for the last time and has the
 * rights that it keeps. */
gboolean log_start_writer(GError **error);
/* Writes what has been collected; returns when it is written, or lost. */
void log_flush(void);
/* Opens a file again after rotation; nothing for other targets. On failure the old file stays open. */
gboolean log_reopen(GError **error);
/* Ends the writer. Back to text on stderr, every level up to info. */
void log_close(void);

/* `tag` is one of the old words: "connect from", "mail from", "REJECT:", …; text is printed after it. Control
 * characters and bytes that are not UTF-8 are shown as \xNN in tag, queue id and text, so that no stranger
 * writes a line of ours. `facts` may be NULL. */
void log_event(LogLevel level, const LogSubject *subject, const char *tag, const Record *facts,
               const char *format, ...) G_GNUC_PRINTF(5, 6);

/* Events of the daemon itself. */
#define log_error(...)   log_event(LOG_LEVEL_ERROR, NULL, "error:", NULL, __VA_ARGS__)
#define log_warning(...) log_event(LOG_LEVEL_WARNING, NULL, "warning:", NULL, __VA_ARGS__)
#define log_notice(...)  log_event(LOG_LEVEL_NOTICE, NULL, "notice:", NULL, __VA_ARGS__)
#define log_debug(...)   log_event(LOG_LEVEL_DEBUG, NULL, "debug:", NULL, __VA_ARGS__)

/* FALSE: an event of that level would not be written; saves making its record. */
gboolean log_wanted(LogLevel level);
/* FALSE: facts are not written (text lines have none); saves making the record. */
gboolean log_shows_facts(void);
/* Lines that could not be written since the last one that could. */
guint64 log_dropped(void);

const char *log_level_name(LogLevel level);
gboolean log_level_parse(const char *word, LogLevel *ret);
/* "mail", "daemon", "local0", … → LOG_MAIL, … of syslog.h. */
gboolean log_facility_parse(const char *word, int *ret);

/* Tests: every line of a wanted level goes to `sink` instead (without time stamp; no "time" in JSON). NULL
 * restores the target. The sink must not log. */
typedef void (*LogSink)(LogLevel level, const char *line, void *data);
void log_set_sink(LogSink sink, void *data);
