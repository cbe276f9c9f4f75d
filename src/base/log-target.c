/* log-target.c — stderr, a file, syslog and the systemd journal as places to write a line to. */
#include "base/log-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

/* The line number of this file says nothing about an event. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#define LOG_IDENT      "postern"
#define JOURNAL_SOCKET "/run/systemd/journal/socket"
/* Facts beyond this are in the text or in the journal of messages; one event is one datagram. */
#define JOURNAL_FACTS_MAX 56u
/* With those that every event has. */
#define JOURNAL_FIELDS_MAX (JOURNAL_FACTS_MAX + 7u)
/* What journald takes as a field name: 64 characters (systemd.journal-fields(7)). */
#define JOURNAL_NAME_MAX 64u

static const int priorities[LOG_LEVEL_COUNT] = {
    [LOG_LEVEL_ERROR] = LOG_ERR, [LOG_LEVEL_WARNING] = LOG_WARNING, [LOG_LEVEL_NOTICE] = LOG_NOTICE,
    [LOG_LEVEL_INFO] = LOG_INFO, [LOG_LEVEL_DEBUG] = LOG_DEBUG,
};

#define FILE_FLAGS (O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

static int open_file(const char *path, GError **error)
{
    int fd = open(path, FILE_FLAGS, 0640);
    if (fd < 0)
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "log file %s: %s", path,
                    g_strerror(errno));
    return fd;
}

/* Made while we are root, for whom we become: he opens it again after a rotation. A file that is there already keeps
 * its owner; behind a link it could be anybody's. */
static gboolean make_file(const char *path, uid_t uid, gid_t gid, GError **error)
{
    int fd = uid != 0 ? open(path, FILE_FLAGS | O_EXCL, 0640) : -1;
    if (fd < 0)
        return TRUE; /* nothing to give; open_file() says what is wrong */
    gboolean given = fchown(fd, uid, gid) == 0;
    if (!given)
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "owner of log file %s: %s", path,
                    g_strerror(errno));
    close(fd);
    return given;
}

gboolean log_target_open(LogTarget *target, const LogSettings *settings, GError **error)
{
    const char *word = settings->target;
    *target = LOG_TARGET_STDERR;
    target->facility = settings->facility != 0 ? settings->facility : LOG_MAIL;
    if (strcmp(word, "stderr") == 0)
        return TRUE;
    if (strcmp(word, "syslog") == 0) {
        target->kind = LOG_TO_SYSLOG;
        openlog(LOG_IDENT, LOG_PID | LOG_NDELAY, target->facility);
        return TRUE;
    }
    if (strcmp(word, "journal") == 0) {
        /* sd_journal_sendv() is silent when nobody listens; an administrator should know at start. */
        if (access(JOURNAL_SOCKET, F_OK) != 0) {
            g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "no journal here (%s): %s",
                        JOURNAL_SOCKET, g_strerror(errno));
            return FALSE;
        }
        target->kind = LOG_TO_JOURNAL;
        return TRUE;
    }
    if (g_str_has_prefix(word, "file:/")) {
        target->path = g_strdup(word + strlen("file:"));
        target->fd = make_file(target->path, settings->uid, settings->gid, error)
                         ? open_file(target->path, error)
                         : -1;
        if (target->fd >= 0)
            return TRUE;
        g_clear_pointer(&target->path, g_free);
        return FALSE;
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                "log target \"%s\" is none of stderr, syslog, journal, file:/path", word);
    return FALSE;
}

gboolean log_target_reopen(LogTarget *target, GError **error)
{
    if (target->path == NULL)
        return TRUE;
    int fd = open_file(target->path, error);
    if (fd < 0)
        return FALSE;
    close(target->fd);
    target->fd = fd;
    target->mid_line = FALSE;
    return TRUE;
}

void log_target_close(LogTarget *target)
{
    if (target->kind == LOG_TO_SYSLOG)
        closelog();
    if (target->path != NULL)
        close(target->fd);
    g_clear_pointer(&target->path, g_free);
}

/* ---- collecting ---- */

static void add_text(LogBatch *batch, const char *text, gsize len)
{
    g_string_append_len(batch->bytes, text, (gssize)len);
    g_string_append_c(batch->bytes, '\0');
}

G_GNUC_PRINTF(2, 3) static void add_field(LogBatch *batch, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_string_append_vprintf(batch->bytes, format, args);
    va_end(args);
    g_string_append_c(batch->bytes, '\0');
}

typedef struct {
    LogBatch *batch;
    guint n;
} JournalFacts;

static void add_fact(const char *path, const char *text, void *data)
{
    JournalFacts *facts = data;
    char name[JOURNAL_NAME_MAX + 1];
    gsize len = g_strlcpy(name, "POSTERN_", sizeof name);
    if (facts->n >= JOURNAL_FACTS_MAX)
        return;
    facts->n++;
    for (; *path != '\0' && len < JOURNAL_NAME_MAX; path++)
        name[len++] = g_ascii_isalnum(*path) ? g_ascii_toupper(*path) : '_';
    name[len] = '\0';
    add_field(facts->batch, "%s=%s", name, text);
}

/* NAME=value and a NUL for each field. */
static void collect_journal(const LogTarget *target, LogBatch *batch, const LogEvent *event,
                            const GString *line)
{
    g_string_append(batch->bytes, "MESSAGE=");
    add_text(batch, line->str, line->len);
    add_field(batch, "PRIORITY=%d", priorities[event->level]);
    add_field(batch, "SYSLOG_IDENTIFIER=%s", LOG_IDENT);
    add_field(batch, "SYSLOG_FACILITY=%d", LOG_FAC(target->facility));
    add_field(batch, "POSTERN_TAG=%s", event->tag);
    if (event->session != 0)
        add_field(batch, "POSTERN_ID=%" G_GUINT64_FORMAT, event->session);
    if (event->queue_id != NULL)
        add_field(batch, "POSTERN_QID=%s", event->queue_id);
    JournalFacts facts = {.batch = batch};
    if (event->facts != NULL)
        record_each(event->facts, add_fact, &facts);
}

void log_target_collect(const LogTarget *target, LogBatch *batch, const LogEvent *event, const GString *line)
{
    switch (target->kind) {
    case LOG_TO_FILE:
        g_string_append_len(batch->bytes, line->str, (gssize)line->len);
        g_string_append_c(batch->bytes, '\n');
        break;
    case LOG_TO_SYSLOG: /* the priority ahead of the text */
        g_string_append_c(batch->bytes, (char)priorities[event->level]);
        add_text(batch, line->str, line->len);
        break;
    case LOG_TO_JOURNAL:
        collect_journal(target, batch, event, line);
        break;
    }
    g_array_append_val(batch->ends, batch->bytes->len);
}

/* ---- writing ---- */

/* How many bytes went out before the first failure. */
static gsize write_bytes(int fd, const char *bytes, gsize len)
{
    gsize done = 0;
    while (done < len) {
        ssize_t n = write(fd, bytes + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (gsize)n;
    }
    return done;
}

/* One write(2) in the ordinary case, so that lines of several processes do not mix in a file. */
static guint write_file(LogTarget *target, const LogBatch *batch)
{
    /* A disk that was full in the middle of a line: the next line must not grow onto its stump. */
    if (target->mid_line && write_bytes(target->fd, "\n", 1) != 1)
        return batch->ends->len;
    target->mid_line = FALSE;
    gsize done = write_bytes(target->fd, batch->bytes->str, batch->bytes->len);
    if (done == batch->bytes->len)
        return 0;
    if (done > 0)
        target->mid_line = batch->bytes->str[done - 1] != '\n';
    guint whole = 0;
    while (g_array_index(batch->ends, gsize, whole) <= done)
        whole++;
    return batch->ends->len - whole;
}

static gboolean send_to_journal(char *at, const char *end)
{
    struct iovec fields[JOURNAL_FIELDS_MAX];
    int n = 0;
    for (; at < end; at += fields[n++].iov_len + 1)
        fields[n] = (struct iovec){.iov_base = at, .iov_len = strlen(at)};
    int got = sd_journal_sendv(fields, n);
    if (got < 0)
        errno = -got;
    return got >= 0;
}

static guint write_journal(const LogBatch *batch)
{
    gsize begin = 0;
    for (guint i = 0; i < batch->ends->len; i++) {
        gsize end = g_array_index(batch->ends, gsize, i);
        if (!send_to_journal(batch->bytes->str + begin, batch->bytes->str + end))
            return batch->ends->len - i;
        begin = end;
    }
    return 0;
}

static void write_syslog(const LogTarget *target, const LogBatch *batch)
{
    gsize begin = 0;
    for (guint i = 0; i < batch->ends->len; i++) {
        const char *entry = batch->bytes->str + begin;
        syslog(target->facility | entry[0], "%s", entry + 1);
        begin = g_array_index(batch->ends, gsize, i);
    }
}

guint log_target_write(LogTarget *target, const LogBatch *batch)
{
    switch (target->kind) {
    case LOG_TO_FILE:
        return write_file(target, batch);
    case LOG_TO_SYSLOG: /* syslog(3) tells nobody whether it worked */
        write_syslog(target, batch);
        return 0;
    case LOG_TO_JOURNAL:
        return write_journal(batch);
    }
    g_assert_not_reached();
}
