#include "mta/map-server.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/signals.h"
#include "mta/listen.h"

/* How often connections are looked at for their idle time. */
#define SWEEP_MS 10000
/* Without descriptors, accepting is left alone for so long. */
#define ACCEPT_PAUSE_MS 200
#define READ_SIZE       4096

typedef struct {
    int fd;
    GString *in, *out;
    gint64 heard; /* monotonic, µs */
    gboolean over;
} Peer;

struct MapServer {
    ListenSocket *sockets;
    guint n_sockets;
    char **addresses;
    guint connections_max;
    int idle_timeout;
    MapHandler handler;
    void *data;

    int wake[2]; /* a pipe: closing it ends the thread */
    pthread_t thread;
    gboolean running;

    /* The thread's own. */
    GPtrArray *peers; /* Peer */
    GArray *polled;   /* struct pollfd: wake, sockets, peers */
    gboolean full, starved;
};

/* --- one connection --- */

static Peer *peer_new(int fd)
{
    Peer *peer = g_new0(Peer, 1);
    *peer = (Peer){
        .fd = fd, .in = g_string_new(NULL), .out = g_string_new(NULL), .heard = g_get_monotonic_time()};
    return peer;
}

static void peer_free(void *data)
{
    Peer *peer = data;
    close(peer->fd);
    g_string_free(peer->in, TRUE);
    g_string_free(peer->out, TRUE);
    g_free(peer);
}

static void answer(MapServer *server, Peer *peer, const SocketmapRequest *request)
{
    g_autofree char *map = g_strndup(request->map, request->map_len);
    g_autofree char *key = g_strndup(request->key, request->key_len);
    g_autoptr(GString) text = g_string_new(NULL);
    /* A NUL would hide what comes after it. */
    gboolean whole = !memchr(request->key, '\0', request->key_len);
    SocketmapAnswer found = whole ? server->handler(map, key, text, server->data) : SOCKETMAP_NOTFOUND;
    socketmap_put(peer->out, found, text->str);
}

/* Requests that have come whole, as long as their answers are read. TRUE: there may be more. */
static gboolean handle_requests(MapServer *server, Peer *peer)
{
    SocketmapStatus status = SOCKETMAP_MORE;
    SocketmapRequest request;
    gsize done = 0, used;
    while (peer->out->len < MAP_SERVER_UNREAD_MAX &&
           (status = socketmap_parse(peer->in->str + done, peer->in->len - done, &request, &used)) ==
               SOCKETMAP_READY) {
        answer(server, peer, &request);
        done += used;
    }
    g_string_erase(peer->in, 0, (gssize)done);
    if (status == SOCKETMAP_BAD) {
        log_warning("socket map: what was asked is no request, connection closed");
        peer->over = TRUE;
    }
    return status == SOCKETMAP_READY;
}

static gboolean is_for_later(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void peer_read(Peer *peer)
{
    char bytes[READ_SIZE];
    gssize n = recv(peer->fd, bytes, sizeof bytes, 0);
    if (n > 0) {
        g_string_append_len(peer->in, bytes, n);
        peer->heard = g_get_monotonic_time();
    } else if (n == 0 || !is_for_later(errno)) {
        peer->over = TRUE;
    }
}

static void peer_write(Peer *peer)
{
    if (peer->out->len == 0)
        return;
    gssize n = send(peer->fd, peer->out->str, peer->out->len, MSG_NOSIGNAL);
    if (n > 0)
        g_string_erase(peer->out, 0, n);
    else if (n < 0 && !is_for_later(errno))
        peer->over = TRUE;
}

/* Reading stops while answers lie unread: `in` never holds more than a request and what one recv() brings. */
static short peer_events(const Peer *peer)
{
    return peer->out->len > 0 ? POLLOUT : POLLIN;
}

static void peer_step(MapServer *server, Peer *peer, short events)
{
    if (events & POLLOUT)
        peer_write(peer);
    else if (events)
        peer_read(peer);
    gboolean more;
    do {
        more = handle_requests(server, peer);
        peer_write(peer);
    } while (more && peer->out->len == 0 && !peer->over);
}

/* --- all of them --- */

/* FALSE: out of descriptors; pause. */
static gboolean accept_one(MapServer *server, const ListenSocket *socket)
{
    int fd = accept4(socket->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        gboolean starved = !is_for_later(errno) && errno != ECONNABORTED;
        if (starved && !server->starved)
            log_error("socket map: cannot accept a connection: %s", g_strerror(errno));
        server->starved = starved;
        return !starved;
    }
    server->starved = FALSE;
    gboolean full = server->peers->len >= server->connections_max;
    if (full && !server->full)
        log_warning("%u connections of the MTA's maps are open, [srs] socketmap_connections: more are closed",
                    server->peers->len);
    server->full = full;
    if (full)
        close(fd);
    else
        g_ptr_array_add(server->peers, peer_new(fd));
    return TRUE;
}

static void sweep(MapServer *server)
{
    gint64 oldest = g_get_monotonic_time() - server->idle_timeout * G_TIME_SPAN_SECOND;
    for (guint i = server->peers->len; i-- > 0;) {
        const Peer *peer = g_ptr_array_index(server->peers, i);
        if (peer->over || peer->heard < oldest)
            g_ptr_array_remove_index_fast(server->peers, i);
    }
}

static void add_polled(MapServer *server, int fd, short events)
{
    struct pollfd entry = {.fd = fd, .events = events};
    g_array_append_val(server->polled, entry);
}

static void set_polled(MapServer *server, gboolean accepting)
{
    g_array_set_size(server->polled, 0);
    add_polled(server, server->wake[0], POLLIN);
    for (guint i = 0; i < server->n_sockets; i++)
        add_polled(server, accepting ? server->sockets[i].fd : -1, POLLIN);
    for (guint i = 0; i < server->peers->len; i++) {
        const Peer *peer = g_ptr_array_index(server->peers, i);
        add_polled(server, peer->fd, peer_events(peer));
    }
}

/* FALSE: pause before more are accepted. */
static gboolean handle_polled(MapServer *server)
{
    const struct pollfd *entries = &g_array_index(server->polled, struct pollfd, 0);
    gboolean accepting = TRUE;
    guint n_peers = server->peers->len;
    for (guint i = 0; i < n_peers; i++) {
        short events = entries[1 + server->n_sockets + i].revents;
        if (events)
            peer_step(server, g_ptr_array_index(server->peers, i), events);
    }
    for (guint i = 0; i < server->n_sockets; i++)
        if (entries[1 + i].revents)
            accepting &= accept_one(server, &server->sockets[i]);
    return accepting;
}

static void *serve(void *data)
{
    MapServer *server = data;
    gboolean accepting = TRUE;
    for (;;) {
        set_polled(server, accepting);
        int timeout = !accepting ? ACCEPT_PAUSE_MS : server->peers->len > 0 ? SWEEP_MS : -1;
        int got = poll((struct pollfd *)server->polled->data, server->polled->len, timeout);
        accepting = TRUE;
        if (got > 0 && g_array_index(server->polled, struct pollfd, 0).revents)
            return NULL;
        if (got > 0)
            accepting = handle_polled(server);
        sweep(server);
    }
}

/* --- life --- */

static gboolean open_sockets(MapServer *server, const MapServerSettings *settings, GError **error)
{
    guint n = g_strv_length((char **)settings->listen);
    server->sockets = g_new0(ListenSocket, n);
    server->addresses = g_new0(char *, n + 1);
    for (guint i = 0; i < n; i++) {
        if (!listen_open(settings->listen[i], settings->socket_mode, settings->socket_group,
                         &server->sockets[i], error))
            return FALSE;
        server->addresses[server->n_sockets++] = g_strdup(server->sockets[i].name);
    }
    return TRUE;
}

MapServer *map_server_new(const MapServerSettings *settings, GError **error)
{
    MapServer *server = g_new0(MapServer, 1);
    *server = (MapServer){
        .connections_max = settings->connections_max,
        .idle_timeout = settings->idle_timeout,
        .handler = settings->handler,
        .data = settings->data,
        .wake = {-1, -1},
        .peers = g_ptr_array_new_with_free_func(peer_free),
        .polled = g_array_new(FALSE, FALSE, sizeof(struct pollfd)),
    };
    if (g_unix_open_pipe(server->wake, FD_CLOEXEC, error) && open_sockets(server, settings, error))
        return server;
    map_server_free(server);
    return NULL;
}

gboolean map_server_start(MapServer *server, GError **error)
{
    sigset_t old;
    signals_block(&old);
    int got = pthread_create(&server->thread, NULL, serve, server);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    server->running = got == 0;
    if (got != 0)
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(got),
                    "cannot start the thread of the socket map: %s", g_strerror(got));
    return server->running;
}

const char *const *map_server_addresses(const MapServer *server)
{
    return (const char *const *)server->addresses;
}

/* The thread has ended. One more step for each connection: what was on its way is answered. */
static void drain(MapServer *server)
{
    for (guint i = 0; i < server->peers->len; i++)
        peer_step(server, g_ptr_array_index(server->peers, i), POLLIN);
}

void map_server_free(MapServer *server)
{
    if (!server)
        return;
    if (server->wake[1] >= 0)
        close(server->wake[1]);
    if (server->running) {
        pthread_join(server->thread, NULL);
        drain(server);
    }
    for (guint i = 0; i < server->n_sockets; i++)
        listen_close(&server->sockets[i]);
    if (server->wake[0] >= 0)
        close(server->wake[0]);
    g_ptr_array_unref(server->peers);
    g_array_unref(server->polled);
    g_strfreev(server->addresses);
    g_free(server->sockets);
    g_free(server);
}
