#include "store/quarantine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file-error.h"
#include "base/quota.h"
#include "base/random.h"
#include "base/record.h"

#define MESSAGE ".eml"
#define SIDECAR ".json"
#define UNDONE  ".tmp" /* after either of them, while it is written */
#define LOCK    ".lock"

/* Where room is made by removing others, one message may have this part of it: it must not push out all of
 * them. */
#define SHARE_MAX 4

#define ID_LEN       (sizeof("20261123T053940-7f3a90c1d2e4b586") - 1)
#define TIME_LEN     (sizeof("20261123T053940") - 1)
#define NAME_MAX_LEN (ID_LEN + sizeof SIDECAR UNDONE)

struct Quarantine {
    char *path;
    int dir, lock;
    QuarantineLimits limits;
    Quota bytes, messages;
    pthread_mutex_t mutex; /* of items */
    GQueue items;          /* QuarantineItem *, by id */
};

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

static void item_free(void *data)
{
    QuarantineItem *item = data;

    g_free(item->id);
    g_free(item);
}

static QuarantineItem *item_new(const char *id, gint64 size)
{
    QuarantineItem *item = g_new(QuarantineItem, 1);

    *item = (QuarantineItem){.id = g_strdup(id), .size = size};
    return item;
}

static int item_compare(gconstpointer a, gconstpointer b, void *data)
{
    return strcmp(((const QuarantineItem *)a)->id, ((const QuarantineItem *)b)->id);
}

/* ---- names ---- */

/* The one gate for ids that people type: nothing else becomes part of a path. */
static gboolean id_is_valid(const char *id, gsize len)
{
    if (len != ID_LEN)
        return FALSE;
    for (gsize i = 0; i < len; i++) {
        gboolean ok = i == 8 ? id[i] == 'T' : i == TIME_LEN ? id[i] == '-' : g_ascii_isxdigit(id[i]);
        if (!ok || g_ascii_isupper(id[i]) != (i == 8))
            return FALSE;
    }
    return TRUE;
}

static void time_stem(gint64 time, char ret[static TIME_LEN + 1])
{
    time_t seconds = (time_t)CLAMP(time, 0, G_GINT64_CONSTANT(253402300799)); /* four-digit years */
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(ret, TIME_LEN + 1, "%Y%m%dT%H%M%S", &tm);
}

static char *id_new(gint64 time)
{
    char stem[TIME_LEN + 1];
    g_autofree char *random = random_hex(&random_system, 8);

    time_stem(time, stem);
    return g_strconcat(stem, "-", random, NULL);
}

static void file_name(char ret[static NAME_MAX_LEN], const char *id, const char *suffix, gboolean undone)
{
    g_snprintf(ret, NAME_MAX_LEN, "%s%s%s", id, suffix, undone ? UNDONE : "");
}

static gint64 file_size(const Quarantine *q, const char *id, const char *suffix)
{
    char name[NAME_MAX_LEN];
    struct stat st;

    file_name(name, id, suffix, FALSE);
    return fstatat(q->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) ? st.st_size : -1;
}

/* ---- opening ---- */

/* A directory that somebody else made is not changed: it may be one that others need as it is. */
static gboolean is_private(const Quarantine *q, GError **error)
{
    struct stat st;

    if (fstat(q->dir, &st) < 0)
        return file_error(error, errno, q->path);
    if ((st.st_mode & 0077) == 0)
        return TRUE;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                "%s: others may enter (mode %04o); give the quarantine a folder of its own, or chmod 700 it",
                q->path, (guint)(st.st_mode & 07777));
    return FALSE;
}

static gboolean open_directory(Quarantine *q, GError **error)
{
    if (mkdir(q->path, 0700) < 0 && errno != EEXIST)
        return file_error(error, errno, q->path);
    q->dir = open(q->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (q->dir < 0)
        return file_error(error, errno, q->path);
    if (!is_private(q, error))
        return FALSE;
    q->lock = openat(q->dir, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return q->lock >= 0 || file_error(error, errno, q->path);
}

/* A file of the directory: counts a message, removes what a crash left behind (if nobody else may be writing
 * it). */
static void look_at(Quarantine *q, const char *name, gboolean alone)
{
    const char *dot = strchr(name, '.');
    if (!dot || !id_is_valid(name, (gsize)(dot - name)))
        return; /* not ours */

    g_autofree char *id = g_strndup(name, ID_LEN);
    gint64 message = file_size(q, id, MESSAGE);
    if (g_str_equal(dot, MESSAGE) && message >= 0) {
        gint64 size = message + MAX(0, file_size(q, id, SIDECAR));
        quota_reserve(&q->messages, 1); /* over the limit or not, it is there: counted below */
        g_queue_push_tail(&q->items, item_new(id, size));
    } else if (alone && (g_str_has_suffix(dot, UNDONE) || (g_str_equal(dot, SIDECAR) && message < 0))) {
        unlinkat(q->dir, name, 0);
    }
}

static gboolean scan(Quarantine *q, GError **error)
{
    gboolean alone = flock(q->lock, LOCK_EX | LOCK_NB) == 0;
    int fd = openat(q->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        file_error(error, errno, q->path);
        if (fd >= 0)
            close(fd);
        return FALSE;
    }
    /* The limits are set after counting: what is there is there, even if it is more than they allow. */
    for (const struct dirent *entry; (entry = readdir(dir));)
        look_at(q, entry->d_name, alone);
    closedir(dir);
    flock(q->lock, LOCK_SH);

    g_queue_sort(&q->items, item_compare, NULL);
    for (GList *l = q->items.head; l; l = l->next)
        quota_reserve(&q->bytes, ((QuarantineItem *)l->data)->size);
    quota_set_limit(&q->bytes, q->limits.bytes);
    quota_set_limit(&q->messages, q->limits.messages);
    return TRUE;
}

Quarantine *quarantine_open(const char *dir, const QuarantineLimits *limits, GError **error)
{
    g_autoptr(Quarantine) q = g_new0(Quarantine, 1);

    q->path = g_strdup(dir);
    q->dir = q->lock = -1;
    q->limits = *limits;
    g_queue_init(&q->items);
    pthread_mutex_init(&q->mutex, NULL);
    return open_directory(q, error) && scan(q, error) ? g_steal_pointer(&q) : NULL;
}

void quarantine_free(Quarantine *q)
{
    if (!q)
        return;
    g_queue_clear_full(&q->items, item_free);
    pthread_mutex_destroy(&q->mutex);
    if (q->lock >= 0)
        close(q->lock);
    if (q->dir >= 0)
        close(q->dir);
    g_free(q->path);
    g_free(q);
}

/* ---- removing ---- */

static QuarantineItem *take_oldest(Quarantine *q)
{
    pthread_mutex_lock(&q->mutex);
    QuarantineItem *item = g_queue_pop_head(&q->items);
    pthread_mutex_unlock(&q->mutex);
    return item;
}

/* The oldest, if it is from before that time. */
static QuarantineItem *take_older(Quarantine *q, const char *stem)
{
    pthread_mutex_lock(&q->mutex);
    QuarantineItem *item = g_queue_peek_head(&q->items);
    if (item && strncmp(item->id, stem, TIME_LEN) < 0)
        g_queue_pop_head(&q->items);
    else
        item = NULL;
    pthread_mutex_unlock(&q->mutex);
    return item;
}

static QuarantineItem *take_id(Quarantine *q, const char *id)
{
    QuarantineItem *item = NULL;

    pthread_mutex_lock(&q->mutex);
    for (GList *l = q->items.head; l && !item; l = l->next)
        if (g_str_equal(((QuarantineItem *)l->data)->id, id)) {
            item = l->data;
            g_queue_delete_link(&q->items, l);
        }
    pthread_mutex_unlock(&q->mutex);
    return item;
}

/* .eml first: without it the message is gone. TRUE: it was there. */
static gboolean unlink_both(Quarantine *q, const char *id)
{
    char name[NAME_MAX_LEN];

    file_name(name, id, MESSAGE, FALSE);
    gboolean there = unlinkat(q->dir, name, 0) == 0;
    file_name(name, id, SIDECAR, FALSE);
    unlinkat(q->dir, name, 0);
    return there;
}

/* Takes ownership. */
static gboolean discard(Quarantine *q, QuarantineItem *item)
{
    gboolean there = unlink_both(q, item->id);

    quota_release(&q->bytes, item->size);
    quota_release(&q->messages, 1);
    item_free(item);
    return there;
}

gboolean quarantine_remove(Quarantine *q, const char *id, GError **error)
{
    if (!id_is_valid(id, strlen(id))) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "\"%s\" is not the id of a message", id);
        return FALSE;
    }
    QuarantineItem *item = take_id(q, id);
    if (item ? discard(q, item) : unlink_both(q, id)) /* another process may have put it there */
        return TRUE;
    return file_error(error, ENOENT, id);
}

guint quarantine_expire(Quarantine *q, gint64 now)
{
    char stem[TIME_LEN + 1];
    guint n = 0;

    if (q->limits.age <= 0)
        return 0;
    time_stem(now - q->limits.age, stem);
    for (QuarantineItem *item; (item = take_older(q, stem)); n++)
        discard(q, item);
    return n;
}

/* ---- putting ---- */

static gboolean reserve(Quarantine *q, Quota *quota, gint64 amount, GError **error)
{
    while (!quota_reserve(quota, amount)) {
        QuarantineItem *oldest = q->limits.expire_oldest ? take_oldest(q) : NULL;
        if (!oldest) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "%s: the quarantine is full", q->path);
            return FALSE;
        }
        discard(q, oldest);
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

    file_name(name, id, suffix, TRUE);
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

    file_name(undone, id, suffix, TRUE);
    file_name(name, id, suffix, FALSE);
    return renameat(q->dir, undone, q->dir, name) == 0 || file_error(error, errno, q->path);
}

static void remove_all_traces(Quarantine *q, const char *id)
{
    char name[NAME_MAX_LEN];

    unlink_both(q, id);
    file_name(name, id, MESSAGE, TRUE);
    unlinkat(q->dir, name, 0);
    file_name(name, id, SIDECAR, TRUE);
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

/* By id; a new one is nearly always the last. */
static void add_item(Quarantine *q, QuarantineItem *item)
{
    pthread_mutex_lock(&q->mutex);
    GList *before = q->items.tail;
    while (before && item_compare(before->data, item, NULL) > 0)
        before = before->prev;
    if (before)
        g_queue_insert_after(&q->items, before, item);
    else
        g_queue_push_head(&q->items, item);
    pthread_mutex_unlock(&q->mutex);
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
    add_item(q, item_new(id, size));
    return g_steal_pointer(&id);
}

/* ---- looking ---- */

GPtrArray *quarantine_list(Quarantine *q)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(item_free);

    pthread_mutex_lock(&q->mutex);
    for (GList *l = q->items.head; l; l = l->next) {
        const QuarantineItem *item = l->data;
        g_ptr_array_add(list, item_new(item->id, item->size));
    }
    pthread_mutex_unlock(&q->mutex);
    return list;
}

static GBytes *read_one(Quarantine *q, const char *id, const char *suffix, GError **error)
{
    char name[NAME_MAX_LEN];

    file_name(name, id, suffix, FALSE);
    int fd = openat(q->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        file_error(error, errno, name);
        return NULL;
    }
    g_autoptr(GMappedFile) file = g_mapped_file_new_from_fd(fd, FALSE, error);
    close(fd);
    return file ? g_mapped_file_get_bytes(file) : NULL;
}

gboolean quarantine_read(Quarantine *q, const char *id, char **ret_json, GBytes **ret_message, GError **error)
{
    if (!id_is_valid(id, strlen(id))) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "\"%s\" is not the id of a message", id);
        return FALSE;
    }
    g_autoptr(GBytes) message = read_one(q, id, MESSAGE, error);
    g_autoptr(GBytes) json = message ? read_one(q, id, SIDECAR, error) : NULL;
    if (!message || !json)
        return FALSE;
    if (ret_json)
        *ret_json = g_strndup(g_bytes_get_data(json, NULL), g_bytes_get_size(json));
    if (ret_message)
        *ret_message = g_steal_pointer(&message);
    return TRUE;
}

QuarantineUse quarantine_use(Quarantine *q)
{
    return (QuarantineUse){.messages = quota_used(&q->messages), .bytes = quota_used(&q->bytes)};
}
