/* log-internal.h — between log.c, which makes lines, and log-target.c, which writes them. No locks here:
 * log.c has one. */
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
/* `line` has no line end. FALSE: it is lost. */
gboolean log_target_write(LogTarget *target, const LogEvent *event, const char *line);
