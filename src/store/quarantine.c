/* The directory: what is in it, what leaves it. How a message gets there is in quarantine-put.c. */
#include "store/quarantine-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file-error.h"

#define LOCK ".lock"

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

void quarantine_stem(gint64 time, char ret[static TIME_LEN + 1])
{
    time_t seconds = (time_t)CLAMP(time, 0, G_GINT64_CONSTANT(253402300799)); /* four-digit years */
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(ret, TIME_LEN + 1, "%Y%m%dT%H%M%S", &tm);
}

void quarantine_file_name(char ret[static NAME_MAX_LEN], const char *id, const char *suffix, gboolean undone)
{
    g_snprintf(ret, NAME_MAX_LEN, "%s%s%s", id, suffix, undone ? UNDONE : "");
}

static gint64 file_size(const Quarantine *q, const char *id, const char *suffix)
{
    char name[NAME_MAX_LEN];
    struct stat st;

    quarantine_file_name(name, id, suffix, FALSE);
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

/* By id; a new one is nearly always the last. */
void quarantine_add(Quarantine *q, const char *id, gint64 size)
{
    QuarantineItem *item = item_new(id, size);

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

/* ---- removing ---- */

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

/* .eml first: without it the message is gone. */
gboolean quarantine_unlink(Quarantine *q, const char *id)
{
    char name[NAME_MAX_LEN];

    quarantine_file_name(name, id, MESSAGE, FALSE);
    gboolean there = unlinkat(q->dir, name, 0) == 0;
    quarantine_file_name(name, id, SIDECAR, FALSE);
    unlinkat(q->dir, name, 0);
    return there;
}

/* Takes ownership. */
static gboolean discard(Quarantine *q, QuarantineItem *item)
{
    gboolean there = quarantine_unlink(q, item->id);

    quota_release(&q->bytes, item->size);
    quota_release(&q->messages, 1);
    item_free(item);
    return there;
}

gboolean quarantine_discard_oldest(Quarantine *q)
{
    pthread_mutex_lock(&q->mutex);
    QuarantineItem *item = g_queue_pop_head(&q->items);
    pthread_mutex_unlock(&q->mutex);
    if (!item)
        return FALSE;
    discard(q, item);
    return TRUE;
}

gboolean quarantine_remove(Quarantine *q, const char *id, GError **error)
{
    if (!id_is_valid(id, strlen(id))) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "\"%s\" is not the id of a message", id);
        return FALSE;
    }
    QuarantineItem *item = take_id(q, id);
    if (item ? discard(q, item) : quarantine_unlink(q, id)) /* another process may have put it there */
        return TRUE;
    return file_error(error, ENOENT, id);
}

guint quarantine_expire(Quarantine *q, gint64 now)
{
    char stem[TIME_LEN + 1];
    guint n = 0;

    if (q->limits.age <= 0)
        return 0;
    quarantine_stem(now - q->limits.age, stem);
    for (QuarantineItem *item; (item = take_older(q, stem)); n++)
        discard(q, item);
    return n;
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

    quarantine_file_name(name, id, suffix, FALSE);
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
