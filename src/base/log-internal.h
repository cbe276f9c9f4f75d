/*
 * log-internal.h — how the log is made: log.c has the state and the two locks and decides who writes; log-line.c makes
 * an event's line; log-target.c collects entries and writes them; log-writer.c is the thread. Only log.c and
 * log-writer.c know of threads.
 */
#pragma once

#include "base/log.h"

/* One event with all its text made safe already. */
typedef struct {
    LogLevel level;
    guint64 session;
    const char *queue_id; /* or NULL */
    const char *tag, *text;
    const Record *facts; /* or NULL */
} LogEvent;

/* ---- log-line.c ---- */

/* The time that a line begins with: the day and second that the last one had are kept, most lines have the same. */
typedef struct {
    gint64 second; /* 0: none yet */
    char text[40];
} LogStamp;

/* "2026Nov23 05:39:40 ". */
void log_line_stamp(GString *to, LogStamp *last, gint64 now);
/* "[17 4XyZ] tag text", or "[17] tag text" if `bare_id`; without line end. */
void log_line_text(GString *to, const LogEvent *event, gboolean bare_id);
/* Without time if `now` is 0. */
void log_line_json(GString *to, const LogEvent *event, gint64 now);
/* A stranger's text, cut at LOG_TEXT_MAX, with nothing in it that ends a line. */
void log_line_append_safe(GString *to, const char *text);

/* ---- log-target.c ---- */

/* Entries as their target takes them, one after the other. */
typedef struct {
    GString *bytes;
    GArray *ends; /* gsize: where each entry ends */
} LogBatch;

typedef enum { LOG_TO_FILE /* stderr too */, LOG_TO_SYSLOG, LOG_TO_JOURNAL } LogTargetKind;

typedef struct {
    LogTargetKind kind;
    int fd;            /* LOG_TO_FILE */
    char *path;        /* NULL: stderr */
    gboolean mid_line; /* the last write stopped inside a line */
    int facility;
} LogTarget;

#define LOG_TARGET_STDERR ((LogTarget){.kind = LOG_TO_FILE, .fd = 2})

gboolean log_target_open(LogTarget *target, const LogSettings *settings, GError **error);
gboolean log_target_reopen(LogTarget *target, GError **error);
void log_target_close(LogTarget *target);
/* Adds an entry; `line` has no line end. */
void log_target_collect(const LogTarget *target, LogBatch *batch, const LogEvent *event, const GString *line);
/* Writes all, in as few calls as the target allows. Returns how many entries, the last ones, are lost; then errno says
 * why. */
guint log_target_write(LogTarget *target, const LogBatch *batch);

/* ---- log-writer.c ---- */

/* A thread that calls log_flush() some milliseconds after each wake. Not thread-safe, but for wake. */
gboolean log_writer_start(GError **error);
void log_writer_wake(void);
void log_writer_stop(void);
/* In a child of fork(), which has no such thread. */
void log_writer_forget(void);

/* ---- log.c, for a fork ---- */

void log_before_fork(void);
void log_after_fork(gboolean in_child);
