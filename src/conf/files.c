/* files.c — see files.h. */
#include "conf/files.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* An editor needs some milliseconds to write a file in place; makemap and postmap longer. */
#define READ_ATTEMPTS     5
#define READ_MAP_ATTEMPTS 20
#define READ_PAUSE_USEC   50000

/* The kernel's clock for files moves in steps of at most 10 ms: what was written to so lately may be written to again
 * without showing it. And a shell that writes a file in place has emptied it a moment before. */
#define QUIET_USEC 100000

static gboolean fail(GError **error, int code, const char *path)
{
    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), "%s: %s", path, g_strerror(code));
    return FALSE;
}

static const char *kind_of(mode_t mode)
{
    return S_ISDIR(mode)    ? "a directory"
           : S_ISSOCK(mode) ? "a socket"
           : S_ISFIFO(mode) ? "a pipe"
           : S_ISLNK(mode)  ? "a symbolic link"
                            : "a device";
}

static gboolean check_stat(const char *path, const struct stat *st, FileTrust trust, GError **error)
{
    if (!S_ISREG(st->st_mode)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE, "%s is %s, not a file", path,
                    kind_of(st->st_mode));
        return FALSE;
    }
    if (trust >= FILE_CONFIG && (st->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                    "%s can be written by others (mode %04o), so it is not believed: chmod go-w %s", path,
                    (guint)st->st_mode & 07777u, path);
        return FALSE;
    }
    if (trust == FILE_SECRET && (st->st_mode & S_IROTH) != 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                    "%s holds a secret that everybody can read (mode %04o): chmod o-rwx %s", path,
                    (guint)st->st_mode & 07777u, path);
        return FALSE;
    }
    return TRUE;
}

static gboolean check_path(const char *path, FileTrust trust, GError **error)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return fail(error, errno, path);
    return check_stat(path, &st, trust, error);
}

gboolean file_check_config(const char *path, GError **error)
{
    return check_path(path, FILE_CONFIG, error);
}

gboolean file_check_secret(const char *path, GError **error)
{
    return check_path(path, FILE_SECRET, error);
}

/* As many bytes as there are, up to `size`. -1: errno. */
static gssize read_up_to(int fd, char *buffer, gsize size)
{
    gsize done = 0;
    while (done < size) {
        ssize_t n = read(fd, buffer + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (gsize)n;
    }
    return (gssize)done;
}

static gboolean same_file_state(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static gboolean just_written(const struct stat *st)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    gint64 age =
        (now.tv_sec - st->st_mtim.tv_sec) * G_USEC_PER_SEC + (now.tv_nsec - st->st_mtim.tv_nsec) / 1000;
    return age >= 0 && age < QUIET_USEC;
}

/* makemap and postmap hold one lock or the other while they write, and wait for readers' locks before they begin.
 * Ours go with the descriptor. A file system that has no locks has no lockers. */
static gboolean is_locked(int fd)
{
    struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    return (flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) ||
           (fcntl(fd, F_OFD_SETLK, &whole) != 0 && (errno == EAGAIN || errno == EACCES));
}

/* One attempt. `*retry`: it changed under our hands. */
static char *read_once(const char *path, gsize max, FileTrust trust, gsize *len, gboolean *retry,
                       GError **error)
{
    *retry = FALSE;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a pipe must not hold us */
    if (fd < 0) {
        fail(error, errno, path);
        return NULL;
    }
    char *buffer = NULL;
    struct stat before, after;
    if (trust == FILE_MAP && is_locked(fd))
        *retry = TRUE;
    else if (fstat(fd, &before) != 0)
        fail(error, errno, path);
    else if (!check_stat(path, &before, trust, error))
        ;
    else if (trust == FILE_MAP && just_written(&before))
        *retry = TRUE;
    else if ((guint64)before.st_size > max)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                    "%s has %" G_GOFFSET_FORMAT " bytes, more than the %" G_GSIZE_FORMAT " that are read",
                    path, (goffset)before.st_size, max);
    else if ((buffer = g_try_malloc((gsize)before.st_size + 2)) == NULL)
        fail(error, ENOMEM, path);
    else {
        gssize got = read_up_to(fd, buffer, (gsize)before.st_size + 1); /* one more shows that it grew */
        if (got < 0 || fstat(fd, &after) != 0) {
            fail(error, errno, path);
            g_clear_pointer(&buffer, g_free);
        } else if (got != before.st_size || !same_file_state(&before, &after)) {
            *retry = TRUE;
            g_clear_pointer(&buffer, g_free);
        } else {
            buffer[got] = '\0';
            *len = (gsize)got;
        }
    }
    close(fd);
    return buffer;
}

char *file_read(const char *path, gsize max, FileTrust trust, gsize *len, GError **error)
{
    for (int attempt = 0; attempt < (trust == FILE_MAP ? READ_MAP_ATTEMPTS : READ_ATTEMPTS); attempt++) {
        gboolean retry;
        char *buffer = read_once(path, max, trust, len, &retry, error);
        if (buffer != NULL || !retry)
            return buffer;
        g_usleep(READ_PAUSE_USEC);
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY, "%s is being written to all the time", path);
    return NULL;
}

char *text_to_utf8(const char *text, gsize len, gboolean *converted)
{
    gboolean valid = g_utf8_validate_len(text, len, NULL);
    if (converted != NULL)
        *converted = !valid;
    if (valid)
        return g_strndup(text, len);
    GString *utf8 = g_string_sized_new(len + len / 8);
    for (gsize i = 0; i < len; i++)
        g_string_append_unichar(utf8, (guchar)text[i]);
    return g_string_free(utf8, FALSE);
}
