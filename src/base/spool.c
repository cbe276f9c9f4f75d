#include "base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file-error.h"

#define PIECE (64 << 10) /* bytes that spool_foreach() reads at once from a file */

struct Spool {
    gsize memory;
    char *temp_dir;
    Quota *budget;
    GByteArray *bytes; /* NULL once there is a file, or nothing */
    int fd;            /* -1: none */
    guint64 len;
};

Spool *spool_new(const SpoolSettings *settings)
{
    Spool *spool = g_new0(Spool, 1);

    spool->memory = settings->memory;
    spool->temp_dir =
        g_strdup(settings->temp_dir && *settings->temp_dir ? settings->temp_dir : g_get_tmp_dir());
    spool->budget = settings->budget;
    spool->fd = -1;
    return spool;
}

void spool_clear(Spool *spool)
{
    g_clear_pointer(&spool->bytes, g_byte_array_unref);
    if (spool->fd >= 0)
        close(spool->fd);
    spool->fd = -1;
    if (spool->budget)
        quota_release(spool->budget, (gint64)spool->len);
    spool->len = 0;
}

void spool_free(Spool *spool)
{
    if (!spool)
        return;
    spool_clear(spool);
    g_free(spool->temp_dir);
    g_free(spool);
}

/* Not every file system has files without names. */
static int open_unnamed(const char *dir)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    g_autofree char *name = g_build_filename(dir, "postern-XXXXXX", NULL);
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    return fd;
}

static gboolean write_at(int fd, const guint8 *bytes, gsize len, guint64 offset)
{
    while (len) {
        gssize n = pwrite(fd, bytes, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FALSE;
        bytes += n;
        len -= (gsize)n;
        offset += (guint64)n;
    }
    return TRUE;
}

/* What was in memory goes to a new file. */
static gboolean move_to_file(Spool *spool, GError **error)
{
    int fd = open_unnamed(spool->temp_dir);

    if (fd < 0)
        return file_error(error, errno, spool->temp_dir);
    if (spool->bytes && !write_at(fd, spool->bytes->data, spool->bytes->len, 0)) {
        int code = errno;
        close(fd);
        return file_error(error, code, spool->temp_dir);
    }
    g_clear_pointer(&spool->bytes, g_byte_array_unref);
    spool->fd = fd;
    return TRUE;
}

static gboolean append(Spool *spool, const void *bytes, gsize len, GError **error)
{
    if (spool->fd < 0 && len <= spool->memory && spool->len <= spool->memory - len) {
        if (!spool->bytes)
            spool->bytes = g_byte_array_new();
        g_byte_array_append(spool->bytes, bytes, (guint)len);
        return TRUE;
    }
    if (spool->fd < 0 && !move_to_file(spool, error))
        return FALSE;
    /* A part that was written before the disk was full lies beyond spool->len: it is written over, and never
     * read. */
    return write_at(spool->fd, bytes, len, spool->len) || file_error(error, errno, spool->temp_dir);
}

gboolean spool_append(Spool *spool, const void *bytes, gsize len, GError **error)
{
    if (len == 0)
        return TRUE;
    if (len > G_MAXINT32)
        return file_error(error, EFBIG, "one piece of a message");
    if (spool->budget && !quota_reserve(spool->budget, (gint64)len)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY,
                    "the messages under way have all the room that they may");
        return FALSE;
    }
    if (!append(spool, bytes, len, error)) {
        if (spool->budget)
            quota_release(spool->budget, (gint64)len);
        return FALSE;
    }
    spool->len += len;
    return TRUE;
}

guint64 spool_len(const Spool *spool)
{
    return spool->len;
}

gboolean spool_is_file(const Spool *spool)
{
    return spool->fd >= 0;
}

gssize spool_read(const Spool *spool, guint64 offset, void *buf, gsize len, GError **error)
{
    gsize got = 0;

    if (offset >= spool->len)
        return 0;
    len = (gsize)MIN(len, MIN(spool->len - offset, (guint64)G_MAXSSIZE));
    if (spool->fd < 0) {
        memcpy(buf, spool->bytes->data + offset, len);
        return (gssize)len;
    }
    while (got < len) {
        gssize n = pread(spool->fd, (char *)buf + got, len - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            file_error(error, n < 0 ? errno : EIO, spool->temp_dir);
            return -1;
        }
        got += (gsize)n;
    }
    return (gssize)got;
}

gboolean spool_foreach(const Spool *spool, SpoolEach each, void *data, GError **error)
{
    if (spool->len == 0)
        return TRUE;
    if (spool->fd < 0)
        return each(spool->bytes->data, spool->bytes->len, data, error);

    g_autofree guint8 *piece = g_malloc(PIECE);
    for (guint64 at = 0; at < spool->len;) {
        gssize n = spool_read(spool, at, piece, PIECE, error);
        if (n < 0 || !each(piece, (gsize)n, data, error))
            return FALSE;
        at += (guint64)n;
    }
    return TRUE;
}
