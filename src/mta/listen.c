#include "mta/listen.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The error of an operation on a socket, with errno. */
static gboolean fail_errno(GError **error, const char *what, const char *spec)
{
    int saved = errno;

    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(saved), "%s %s: %s", what, spec, g_strerror(saved));
    return FALSE;
}

static gboolean fail_spec(GError **error, const char *spec, const char *why)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                "\"%s\" is no socket: %s (write unix:/path, inet:port@host or inet:host:port)", spec, why);
    return FALSE;
}

void listen_address_clear(ListenAddress *address)
{
    g_free(address->where);
    g_free(address->port);
    *address = (ListenAddress){0};
}

static gboolean is_port(const char *text, gsize len)
{
    guint64 value;
    g_autofree char *copy = g_strndup(text, len);

    return g_ascii_string_to_unsigned(copy, 10, 0, 65535, &value, NULL);
}

/* "[::1]" → "::1"; "" and "*" → NULL, all addresses. */
static char *bare_host(const char *host, gsize len)
{
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']')
        return g_strndup(host + 1, len - 2);
    if (len == 0 || (len == 1 && host[0] == '*'))
        return NULL;
    return g_strndup(host, len);
}

static gboolean parse_inet(const char *spec, const char *rest, ListenAddress *ret, GError **error)
{
    const char *at = strchr(rest, '@'), *colon = strrchr(rest, ':');
    gsize len = strlen(rest);

    if (at != NULL) { /* port@host */
        ret->port = g_strndup(rest, at - rest);
        ret->where = bare_host(at + 1, strlen(at + 1));
    } else if (colon != NULL) { /* host:port */
        ret->port = g_strdup(colon + 1);
        ret->where = bare_host(rest, colon - rest);
    } else {
        ret->port = g_strndup(rest, len);
    }
    if (!is_port(ret->port, strlen(ret->port)))
        return fail_spec(error, spec, "the port is not a number up to 65535");
    if (ret->where != NULL && strchr(ret->where, ':') != NULL)
        ret->family = AF_INET6;
    return TRUE;
}

gboolean listen_address_parse(const char *spec, ListenAddress *ret, GError **error)
{
    static const struct {
        const char *prefix;
        int family;
    } spellings[] = {
        {"unix:", AF_UNIX},
        {"local:", AF_UNIX},
        {"inet:", AF_INET},
        {"inet6:", AF_INET6},
    };
    const char *rest = spec;

    *ret = (ListenAddress){.family = AF_UNIX};
    for (gsize i = 0; i < G_N_ELEMENTS(spellings); i++) {
        if (g_str_has_prefix(spec, spellings[i].prefix)) {
            ret->family = spellings[i].family;
            rest = spec + strlen(spellings[i].prefix);
            break;
        }
    }
    if (ret->family == AF_UNIX) {
        ret->is_unix = TRUE;
        if (rest[0] != '/')
            return fail_spec(error, spec, "a path begins with a slash");
        if (strlen(rest) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
            return fail_spec(error, spec, "the path is longer than 107 bytes");
        ret->where = g_strdup(rest);
        return TRUE;
    }
    if (!parse_inet(spec, rest, ret, error)) {
        listen_address_clear(ret);
        return FALSE;
    }
    return TRUE;
}

/* ---- unix ---- */

static struct sockaddr_un unix_address(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    return address;
}

/* A path that is a socket with nobody behind it is removed. */
static gboolean clear_the_way(const char *path, GError **error)
{
    struct sockaddr_un address = unix_address(path);
    struct stat st;
    int fd, got;

    if (lstat(path, &st) != 0)
        return errno == ENOENT ? TRUE : fail_errno(error, "cannot look at", path);
    if (!S_ISSOCK(st.st_mode)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS, "%s exists and is not a socket", path);
        return FALSE;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail_errno(error, "cannot make a socket for", path);
    got = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    close(fd);
    if (got == 0 || got == EAGAIN) { /* EAGAIN: its queue is full, so there is one */
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE, "another daemon is listening on %s", path);
        return FALSE;
    }
    if (got != ECONNREFUSED && got != ENOENT) {
        errno = got;
        return fail_errno(error, "cannot find out who has", path);
    }
    if (unlink(path) != 0 && errno != ENOENT)
        return fail_errno(error, "cannot remove the left-over", path);
    return TRUE;
}

static gboolean set_rights(const char *path, int mode, const char *group, GError **error)
{
    if (group != NULL && group[0] != '\0') {
        const struct group *entry = getgrnam(group);

        if (entry == NULL) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "there is no group \"%s\" for %s", group,
                        path);
            return FALSE;
        }
        if (chown(path, (uid_t)-1, entry->gr_gid) != 0)
            return fail_errno(error, "cannot give to its group", path);
    }
    if (chmod(path, mode) != 0)
        return fail_errno(error, "cannot set the mode of", path);
    return TRUE;
}

static gboolean open_unix(const ListenAddress *where, int mode, const char *group, ListenSocket *ret,
                          GError **error)
{
    struct sockaddr_un address = unix_address(where->where);
    struct stat st;

    if (!clear_the_way(where->where, error))
        return FALSE;
    ret->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (ret->fd < 0)
        return fail_errno(error, "cannot make a socket for", where->where);
    /* The mode of the inode before bind() is the mode of the file (Linux): never open to others, not for a
     * moment, and the process's umask is left alone. */
    if (fchmod(ret->fd, 0600 & mode) != 0 || bind(ret->fd, (struct sockaddr *)&address, sizeof address) != 0)
        return fail_errno(error, "cannot bind", where->where);
    ret->path = g_strdup(where->where);
    if (stat(ret->path, &st) == 0) {
        ret->device = st.st_dev;
        ret->inode = st.st_ino;
    }
    ret->name = g_strconcat("unix:", where->where, NULL);
    return set_rights(ret->path, mode, group, error);
}

/* ---- inet ---- */

static char *inet_name(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0 ||
        getnameinfo((struct sockaddr *)&address, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return g_strdup("inet:?");
    return g_strdup_printf("%s:%s@%s", address.ss_family == AF_INET6 ? "inet6" : "inet", port, host);
}

static gboolean open_inet(const char *spec, const ListenAddress *where, ListenSocket *ret, GError **error)
{
    const struct addrinfo hints = {
        .ai_family = where->family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int got = getaddrinfo(where->where, where->port, &hints, &found);
    const int on = 1;
    gboolean good;

    if (got != 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_HOST_NOT_FOUND, "%s: %s", spec, gai_strerror(got));
        return FALSE;
    }
    ret->fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    good = ret->fd >= 0 && setsockopt(ret->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           (found->ai_family != AF_INET6 ||
            setsockopt(ret->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
           bind(ret->fd, found->ai_addr, found->ai_addrlen) == 0;
    got = errno;
    freeaddrinfo(found);
    if (good) {
        ret->name = inet_name(ret->fd);
        return TRUE;
    }
    if (got == EADDRINUSE) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE, "another daemon is listening on %s", spec);
        return FALSE;
    }
    errno = got;
    return fail_errno(error, "cannot bind", spec);
}

gboolean listen_open(const char *spec, int mode, const char *group, ListenSocket *ret, GError **error)
{
    ListenAddress where;
    gboolean good;

    *ret = (ListenSocket){.fd = -1};
    if (!listen_address_parse(spec, &where, error))
        return FALSE;
    good = where.is_unix ? open_unix(&where, mode, group, ret, error) : open_inet(spec, &where, ret, error);
    if (good && listen(ret->fd, LISTEN_BACKLOG) != 0)
        good = fail_errno(error, "cannot listen on", spec);
    listen_address_clear(&where);
    if (!good)
        listen_close(ret);
    return good;
}

void listen_close(ListenSocket *socket)
{
    struct stat st;

    if (socket->path != NULL && lstat(socket->path, &st) == 0 && st.st_dev == socket->device &&
        st.st_ino == socket->inode)
        unlink(socket->path);
    if (socket->fd >= 0)
        close(socket->fd);
    g_free(socket->path);
    g_free(socket->name);
    *socket = (ListenSocket){.fd = -1};
}
