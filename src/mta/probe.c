#include "mta/probe.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "mta/listen.h"
#include "mta/wire.h"

static gboolean fail(GError **error, const char *spec, int code, const char *why)
{
    g_set_error(error, G_IO_ERROR, code, "%s: %s", spec, why);
    return FALSE;
}

static int open_one(int family, const struct sockaddr *address, socklen_t len, int timeout_s)
{
    const struct timeval timeout = {.tv_sec = timeout_s};
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (connect(fd, address, len) == 0)
        return fd;
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

static int open_inet(const ListenAddress *address, int timeout_s)
{
    const struct addrinfo hints = {.ai_family = address->family, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    if (getaddrinfo(address->where, address->port, &hints, &list) != 0) { /* without a host: the loopback */
        errno = EADDRNOTAVAIL;
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *one = list; one && fd < 0; one = one->ai_next)
        fd = open_one(one->ai_family, one->ai_addr, one->ai_addrlen, timeout_s);
    int number = errno;
    freeaddrinfo(list);
    errno = number;
    return fd;
}

static int open_socket(const ListenAddress *address, int timeout_s)
{
    if (!address->is_unix)
        return open_inet(address, timeout_s);
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    g_strlcpy(where.sun_path, address->where, sizeof where.sun_path);
    return open_one(AF_UNIX, (const struct sockaddr *)&where, sizeof where, timeout_s);
}

/* The answer's version; 0: `why` says what came instead. */
static guint32 negotiate(int fd, const char **why)
{
    static const guint8 offer[] = {0, 0,    0,    13,  WIRE_COMMAND_OPTNEG, 0, 0, 0, 6, 0, 0, 1, 0xff,
                                   0, 0x1f, 0xff, 0xff};
    static const guint8 quit[] = {0, 0, 0, 1, WIRE_COMMAND_QUIT};
    *why = "nobody answers, but somebody listens";
    if (send(fd, offer, sizeof offer, MSG_NOSIGNAL) != sizeof offer)
        return 0;
    WireReader *reader = wire_reader_new(WIRE_FROM_FILTER);
    WirePacket packet;
    WireStatus status;
    guint32 version = 0;
    while ((status = wire_reader_next(reader, &packet)) == WIRE_MORE) {
        gsize room;
        void *to = wire_reader_room(reader, &room);
        gssize n = recv(fd, to, room, 0);
        if (n <= 0)
            break;
        wire_reader_filled(reader, n);
    }
    if (status == WIRE_READY && packet.letter == WIRE_ACTION_NEGOTIATE && packet.len >= 12) {
        memcpy(&version, packet.data, sizeof version);
        version = GUINT32_FROM_BE(version);
    }
    if (!version && status != WIRE_MORE)
        *why = "who listens there does not speak the milter protocol";
    wire_reader_free(reader);
    if (send(fd, quit, sizeof quit, MSG_NOSIGNAL) < 0)
        return version; /* it has hung up first */
    return version;
}

gboolean probe_milter(const char *spec, int timeout_s, guint32 *version, pid_t *pid, GError **error)
{
    ListenAddress address;
    if (!listen_address_parse(spec, &address, error))
        return FALSE;
    int fd = open_socket(&address, timeout_s);
    int number = errno;
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    if (fd >= 0 && pid)
        *pid = address.is_unix && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.pid : 0;
    listen_address_clear(&address);
    if (fd < 0)
        return fail(error, spec, (int)g_io_error_from_errno(number), g_strerror(number));
    const char *why;
    *version = negotiate(fd, &why);
    close(fd);
    return *version ? TRUE : fail(error, spec, G_IO_ERROR_INVALID_DATA, why);
}

gboolean probe_listener(const char *spec, int timeout_s, GError **error)
{
    ListenAddress address;
    if (!listen_address_parse(spec, &address, error))
        return FALSE;
    int fd = open_socket(&address, timeout_s);
    int number = errno;
    listen_address_clear(&address);
    if (fd < 0)
        return fail(error, spec, (int)g_io_error_from_errno(number), g_strerror(number));
    close(fd);
    return TRUE;
}
