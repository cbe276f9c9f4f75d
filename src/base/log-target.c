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
#define JOURNAL_FIELDS_MAX 64u
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

/* One write(2) in the ordinary case, so that lines of several processes do not mix. */
static gboolean write_file(LogTarget *target, const char *line)
{
    g_autofree char *whole = g_strdup_printf("%s%s\n", target->mid_line ? "\n" : "", line);
    gsize len = strlen(whole), done = 0;
    while (done < len) {
        ssize_t n = write(target->fd, whole + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (gsize)n;
    }
    /* A disk that is full in the middle of a line: the next line must not grow onto its stump. */
    if (done > 0)
        target->mid_line = whole[done - 1] != '\n';
    return done == len;
}

typedef struct {
    GPtrArray *fields; /* of "NAME=value" */
} JournalFields;

G_GNUC_PRINTF(2, 3) static void add_field(JournalFields *to, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_ptr_array_add(to->fields, g_strdup_vprintf(format, args));
    va_end(args);
}

static void add_fact(const char *path, const char *text, void *data)
{
    JournalFields *to = data;
    if (to->fields->len >= JOURNAL_FIELDS_MAX)
        return;
    GString *name = g_string_new("POSTERN_");
    for (; *path != '\0' && name->len < JOURNAL_NAME_MAX; path++)
        g_string_append_c(name, g_ascii_isalnum(*path) ? g_ascii_toupper(*path) : '_');
    add_field(to, "%s=%s", name->str, text);
    g_string_free(name, TRUE);
}

static gboolean write_journal(const LogTarget *target, const LogEvent *event, const char *line)
{
    g_autoptr(GPtrArray) fields = g_ptr_array_new_with_free_func(g_free);
    JournalFields to = {fields};
    add_field(&to, "MESSAGE=%s", line);
    add_field(&to, "PRIORITY=%d", priorities[event->level]);
    add_field(&to, "SYSLOG_IDENTIFIER=%s", LOG_IDENT);
    add_field(&to, "SYSLOG_FACILITY=%d", LOG_FAC(target->facility));
    add_field(&to, "POSTERN_TAG=%s", event->tag);
    if (event->session != 0)
        add_field(&to, "POSTERN_ID=%" G_GUINT64_FORMAT, event->session);
    if (event->queue_id != NULL)
        add_field(&to, "POSTERN_QID=%s", event->queue_id);
    if (event->facts != NULL)
        record_each(event->facts, add_fact, &to);
    struct iovec vector[JOURNAL_FIELDS_MAX];
    for (guint i = 0; i < fields->len; i++) {
        char *field = g_ptr_array_index(fields, i);
        vector[i] = (struct iovec){.iov_base = field, .iov_len = strlen(field)};
    }
    return sd_journal_sendv(vector, (int)fields->len) >= 0;
}

gboolean log_target_write(LogTarget *target, const LogEvent *event, const char *line)
{
    switch (target->kind) {
    case LOG_TO_FILE:
        return write_file(target, line);
    case LOG_TO_SYSLOG: /* syslog(3) tells nobody whether it worked */
        syslog(target->facility | priorities[event->level], "%s", line);
        return TRUE;
    case LOG_TO_JOURNAL:
        return write_journal(target, event, line);
    }
    g_assert_not_reached();
}
