/* One message becomes two files, or nothing is left of it (quarantine.h). */
#include "store/quarantine-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file-error.h"
#include "base/random.h"
#include "base/record.h"

/* Where room is made by removing others, one message may have this part of it: it must not push out all of
 * them. */
#define SHARE_MAX 4

/* A file being written. */
typedef struct {
    Quarantine *quarantine;
    int fd;
    gint64 size; /* written, and reserved */
} Sink;

typedef gboolean (*Source)(Sink *sink, const void *data, GError **error);

typedef struct {
    const char *head;
    gsize head_len;
    const Spool *body;
} Mail;

static char *id_new(gint64 time)
{
    char stem[TIME_LEN + 1];
    g_autofree char *random = random_hex(&random_system, 8);

    quarantine_stem(time, stem);
    return g_strconcat(stem, "-", random, NULL);
}

static gboolean reserve(Quarantine *q, Quota *quota, gint64 amount, GError **error)
{
    while (!quota_reserve(quota, amount)) {
        if (!q->limits.expire_oldest || !quarantine_discard_oldest(q)) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "%s: the quarantine is full", q->path);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean sink_write(Sink *sink, const void *bytes, gsize len, GError **error)
{
    Quarantine *q = sink->quarantine;
    const char *from = bytes;

    if (q->limits.expire_oldest && q->limits.bytes &&
        sink->size + (gint64)len > q->limits.bytes / SHARE_MAX) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "%s: too large a part of the quarantine",
                    q->path);
        return FALSE;
    }
    if (!reserve(q, &q->bytes, (gint64)len, error))
        return FALSE;
    sink->size += (gint64)len;
    while (len) {
        gssize n = write(sink->fd, from, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_error(error, errno, q->path);
        from += n;
        len -= (gsize)n;
    }
    return TRUE;
}

static gboolean write_piece(const void *bytes, gsize len, void *data, GError **error)
{
    return sink_write(data, bytes, len, error);
}

static gboolean write_mail(Sink *sink, const void *data, GError **error)
{
    const Mail *mail = data;

    return sink_write(sink, mail->head, mail->head_len, error) && sink_write(sink, "\r\n", 2, error) &&
           (!mail->body || spool_foreach(mail->body, write_piece, sink, error));
}

static gboolean write_sidecar(Sink *sink, const void *data, GError **error)
{
    const QuarantineEntry *entry = data;
    g_autoptr(Record) record = record_new();

    record_int(record, "time", entry->time);
    if (entry->session)
        record_int(record, "session", (gint64)entry->session);
    record_str(record, "queue_id", entry->queue_id);
    record_str(record, "client", entry->client);
    record_str(record, "sender", entry->sender);
    if (entry->rcpts)
        record_strv(record, "rcpts", entry->rcpts);
    record_str(record, "tag", entry->tag);
    record_str(record, "reason", entry->reason);
    record_str(record, "rule", entry->rule);
    record_str(record, "rule_key", entry->rule_key);
    if (entry->trace)
        record_merge(record_child(record, "trace"), entry->trace);
    g_autofree char *json = record_to_json(record);
    return sink_write(sink, json, strlen(json), error) && sink_write(sink, "\n", 1, error);
}

/* Writes one file under its temporary name and syncs it. What was reserved is added to `*size`, also on
 * failure. */
static gboolean write_file(Quarantine *q, const char *id, const char *suffix, Source source, const void *data,
                           gint64 *size, GError **error)
{
    char name[NAME_MAX_LEN];

    quarantine_file_name(name, id, suffix, TRUE);
    Sink sink = {.quarantine = q};
    sink.fd = openat(q->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (sink.fd < 0)
        return file_error(error, errno, q->path);
    gboolean ok = source(&sink, data, error);
    if (ok && fsync(sink.fd) < 0)
        ok = file_error(error, errno, q->path);
    if (close(sink.fd) < 0 && ok)
        ok = file_error(error, errno, q->path);
    *size += sink.size;
    return ok;
}

static gboolean give_name(Quarantine *q, const char *id, const char *suffix, GError **error)
{
    char undone[NAME_MAX_LEN], name[NAME_MAX_LEN];

    quarantine_file_name(undone, id, suffix, TRUE);
    quarantine_file_name(name, id, suffix, FALSE);
    return renameat(q->dir, undone, q->dir, name) == 0 || file_error(error, errno, q->path);
}

static void remove_all_traces(Quarantine *q, const char *id)
{
    char name[NAME_MAX_LEN];

    quarantine_unlink(q, id);
    quarantine_file_name(name, id, MESSAGE, TRUE);
    unlinkat(q->dir, name, 0);
    quarantine_file_name(name, id, SIDECAR, TRUE);
    unlinkat(q->dir, name, 0);
}

static gboolean put_files(Quarantine *q, const char *id, const QuarantineEntry *entry, const Mail *mail,
                          gint64 *size, GError **error)
{
    if (!write_file(q, id, MESSAGE, write_mail, mail, size, error) ||
        !write_file(q, id, SIDECAR, write_sidecar, entry, size, error) || !give_name(q, id, SIDECAR, error) ||
        !give_name(q, id, MESSAGE, error))
        return FALSE;
    return fsync(q->dir) == 0 || file_error(error, errno, q->path);
}

char *quarantine_put(Quarantine *q, const QuarantineEntry *entry, const char *head, gsize head_len,
                     const Spool *body, GError **error)
{
    const Mail mail = {head, head_len, body};
    g_autofree char *id = id_new(entry->time);
    gint64 size = 0;

    if (!reserve(q, &q->messages, 1, error))
        return NULL;
    if (!put_files(q, id, entry, &mail, &size, error)) {
        remove_all_traces(q, id);
        quota_release(&q->bytes, size);
        quota_release(&q->messages, 1);
        return NULL;
    }
    quarantine_add(q, id, size);
    return g_steal_pointer(&id);
}
