#include "mta/milter.h"
#include "mta/conn.h"
#include "mta/listen.h"

#include "base/log.h"
#include "base/signals.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Without descriptors or memory, accepting is left alone for so long: poll() would report the waiting
 * connection again at once. The kernel keeps it in its queue meanwhile. */
#define ACCEPT_PAUSE_MS 200
/* Connections taken from one socket before the others are looked at. */
#define ACCEPT_BATCH 64

typedef struct {
    Milter *milter;
    Conn *conn;
    GList link; /* in milter->open */
    gboolean refused;
} Worker;

struct Milter {
    Engine *engine;
    int idle_timeout, max_sessions; /* atomic: a reload changes them */
    ListenSocket *sockets;
    guint n_sockets;
    char **addresses;
    Seen *seen;

    pthread_t acceptor;
    gboolean started;
    int stop; /* eventfd: the acceptor is to end */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a connection has ended; CLOCK_MONOTONIC */
    GQueue open;            /* Worker.link */
    guint n_sessions, n_refusals;

    /* The acceptor's own: what is said once for a burst of trouble. */
    guint64 refused_in_burst;
    gboolean starved;
};

/* ---- one connection ---- */

static void worker_end(Worker *worker)
{
    Milter *milter = worker->milter;

    pthread_mutex_lock(&milter->lock);
    g_queue_unlink(&milter->open, &worker->link);
    if (worker->refused)
        milter->n_refusals--;
    else
        milter->n_sessions--;
    /* Closed under the lock: conn_drain() of another thread never meets a descriptor that is somebody else's
     * by now. */
    conn_free(worker->conn);
    pthread_cond_broadcast(&milter->changed);
    pthread_mutex_unlock(&milter->lock);
    g_free(worker);
}

static void *worker_main(void *data)
{
    Worker *worker = data;

    conn_run(worker->conn);
    worker_end(worker);
    return NULL;
}

/* A thread that nobody joins, with the signals blocked that signals.h says (the caller has blocked them). */
static gboolean spawn(void *(*run)(void *), void *data)
{
    pthread_attr_t attr;
    pthread_t thread;
    int got;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, MILTER_STACK);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    got = pthread_create(&thread, &attr, run, data);
    pthread_attr_destroy(&attr);
    errno = got;
    return got == 0;
}

/* ---- accepting ---- */

/* "unix:/path" of ours, or the MTA's address: whom a log line is about. */
static char *peer_name(const ListenSocket *socket, const struct sockaddr_storage *address, socklen_t len)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (address->ss_family == AF_UNIX || getnameinfo((const struct sockaddr *)address, len, host, sizeof host,
                                                     port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return g_strdup(socket->name);
    return g_strdup_printf("%s, port %s", host, port);
}

static void tune(int fd, int family)
{
    const int on = 1;

    if (family == AF_UNIX)
        return;
    /* Without it an answer waits for the acknowledgement of the one before: 40 ms a message. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    /* An MTA's host that has vanished is noticed before the idle time is over. */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

typedef enum { PLACE_SESSION, PLACE_REFUSAL, PLACE_NONE } Place;

static Place take_place(Milter *milter)
{
    const guint max = g_atomic_int_get(&milter->max_sessions);
    Place place = PLACE_NONE;

    pthread_mutex_lock(&milter->lock);
    if (max == 0 || milter->n_sessions < max) {
        milter->n_sessions++;
        place = PLACE_SESSION;
    } else if (milter->n_refusals < MILTER_REFUSALS_MAX) {
        milter->n_refusals++;
        place = PLACE_REFUSAL;
    }
    pthread_mutex_unlock(&milter->lock);
    return place;
}

/* One line when the cap is met, one when there is room again. */
static void note_place(Milter *milter, Place place)
{
    if (place != PLACE_SESSION && milter->refused_in_burst++ == 0)
        log_warning("%d sessions are open, max_sessions: more are told to try again later",
                    g_atomic_int_get(&milter->max_sessions));
    if (place == PLACE_SESSION && milter->refused_in_burst > 0) {
        log_notice("there is room for sessions again; %" G_GUINT64_FORMAT " were told to try again later",
                   milter->refused_in_burst);
        milter->refused_in_burst = 0;
    }
}

static void note_starved(Milter *milter, const char *what)
{
    if (!milter->starved)
        log_error("%s: %s; MTAs wait until there is room", what, g_strerror(errno));
    milter->starved = TRUE;
}

/* FALSE: no thread could be had. */
static gboolean serve(Milter *milter, const ListenSocket *socket, int fd,
                      const struct sockaddr_storage *address, socklen_t len, Place place)
{
    g_autofree char *peer = peer_name(socket, address, len);
    Worker *worker = g_new0(Worker, 1);

    worker->milter = milter;
    worker->refused = place == PLACE_REFUSAL;
    worker->conn =
        conn_new(fd, milter->engine, peer, g_atomic_int_get(&milter->idle_timeout), worker->refused);
    conn_note_macros(worker->conn, milter->seen);
    worker->link.data = worker;
    pthread_mutex_lock(&milter->lock);
    g_queue_push_tail_link(&milter->open, &worker->link);
    pthread_mutex_unlock(&milter->lock);
    if (spawn(worker_main, worker))
        return TRUE;
    note_starved(milter, "cannot start a thread for an MTA");
    worker_end(worker);
    return FALSE;
}

/* FALSE: out of something; pause. */
static gboolean accept_batch(Milter *milter, const ListenSocket *socket)
{
    for (guint i = 0; i < ACCEPT_BATCH; i++) {
        struct sockaddr_storage address = {0};
        socklen_t len = sizeof address;
        int fd = accept4(socket->fd, (struct sockaddr *)&address, &len, SOCK_CLOEXEC);
        Place place;

        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                note_starved(milter, "cannot accept an MTA's connection");
                return FALSE;
            }
            return TRUE; /* EAGAIN: that was all; others: that one has gone again */
        }
        tune(fd, address.ss_family);
        place = take_place(milter);
        note_place(milter, place);
        if (place == PLACE_NONE)
            close(fd);
        else if (!serve(milter, socket, fd, &address, len, place))
            return FALSE;
        else
            milter->starved = FALSE;
    }
    return TRUE;
}

static void *acceptor_main(void *data)
{
    Milter *milter = data;
    g_autofree struct pollfd *polled = g_new0(struct pollfd, milter->n_sockets + 1);
    gboolean pause = FALSE;

    polled[0] = (struct pollfd){.fd = milter->stop, .events = POLLIN};
    for (guint i = 0; i < milter->n_sockets; i++)
        polled[i + 1] = (struct pollfd){.fd = milter->sockets[i].fd, .events = POLLIN};
    for (;;) {
        int got = poll(polled, pause ? 1 : milter->n_sockets + 1, pause ? ACCEPT_PAUSE_MS : -1);

        if (got < 0 && errno != EINTR)
            log_error("cannot wait for MTAs: %s", g_strerror(errno));
        if (got > 0 && polled[0].revents != 0)
            return NULL;
        for (guint i = 0; got > 0 && !pause && i < milter->n_sockets; i++)
            if (polled[i + 1].revents != 0 && !accept_batch(milter, &milter->sockets[i]))
                got = -1;
        pause = got < 0;
    }
}

/* ---- life ---- */

static void close_sockets(Milter *milter)
{
    for (guint i = 0; i < milter->n_sockets; i++)
        listen_close(&milter->sockets[i]);
    milter->n_sockets = 0;
}

static void release(Milter *milter)
{
    close_sockets(milter);
    if (milter->stop >= 0)
        close(milter->stop);
    pthread_cond_destroy(&milter->changed);
    pthread_mutex_destroy(&milter->lock);
    g_strfreev(milter->addresses);
    seen_free(milter->seen);
    g_free(milter->sockets);
    g_free(milter);
}

void milter_set_limits(Milter *milter, const Config *config)
{
    g_atomic_int_set(&milter->idle_timeout, config->daemon.idle_timeout);
    g_atomic_int_set(&milter->max_sessions, MAX(config->daemon.max_sessions, 0));
}

Milter *milter_new(Engine *engine, const Config *config, GError **error)
{
    guint n = config->daemon.listen != NULL ? g_strv_length(config->daemon.listen) : 0;
    Milter *milter = g_new0(Milter, 1);
    pthread_condattr_t attr;

    milter->engine = engine;
    milter_set_limits(milter, config);
    milter->seen = seen_new();
    milter->sockets = g_new0(ListenSocket, n);
    milter->addresses = g_new0(char *, n + 1);
    pthread_mutex_init(&milter->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&milter->changed, &attr);
    pthread_condattr_destroy(&attr);
    g_queue_init(&milter->open);
    milter->stop = eventfd(0, EFD_CLOEXEC);
    if (milter->stop < 0) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "eventfd: %s", g_strerror(errno));
        release(milter);
        return NULL;
    }
    for (guint i = 0; i < n; i++) {
        if (!listen_open(config->daemon.listen[i], config->daemon.socket_mode, config->daemon.socket_group,
                         &milter->sockets[i], error)) {
            release(milter);
            return NULL;
        }
        milter->n_sockets++;
        milter->addresses[i] = g_strdup(milter->sockets[i].name);
    }
    return milter;
}

gboolean milter_start(Milter *milter, GError **error)
{
    sigset_t before;
    int got;

    g_assert(!milter->started);
    signals_block(&before);
    got = pthread_create(&milter->acceptor, NULL, acceptor_main, milter);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (got != 0) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(got), "cannot start a thread: %s",
                    g_strerror(got));
        return FALSE;
    }
    milter->started = TRUE;
    return TRUE;
}

static void stop_accepting(Milter *milter)
{
    const guint64 one = 1;

    if (milter->started) {
        while (write(milter->stop, &one, sizeof one) < 0 && errno == EINTR)
            continue;
        pthread_join(milter->acceptor, NULL);
        milter->started = FALSE;
    }
    close_sockets(milter);
}

/* With the lock held: until no connection is open, or the time is over. */
static void wait_for_end(Milter *milter, int seconds)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    while (milter->open.length > 0)
        if (pthread_cond_timedwait(&milter->changed, &milter->lock, &until) != 0)
            return;
}

guint milter_drain(Milter *milter, int seconds)
{
    guint cut = 0;

    stop_accepting(milter);
    pthread_mutex_lock(&milter->lock);
    for (const GList *link = milter->open.head; link != NULL; link = link->next)
        conn_drain(((Worker *)link->data)->conn);
    if (seconds > 0)
        wait_for_end(milter, seconds);
    for (const GList *link = milter->open.head; link != NULL; link = link->next) {
        Worker *worker = link->data;

        cut += conn_is_busy(worker->conn);
        conn_force(worker->conn);
    }
    wait_for_end(milter, MILTER_FORCE_GRACE);
    pthread_mutex_unlock(&milter->lock);
    if (cut > 0)
        log_warning("%u messages under way were cut off at stop; their senders try again", cut);
    return cut;
}

void milter_free(Milter *milter)
{
    guint left;

    if (milter == NULL)
        return;
    if (milter->started || milter->open.length > 0)
        milter_drain(milter, 0);
    pthread_mutex_lock(&milter->lock);
    left = milter->open.length;
    pthread_mutex_unlock(&milter->lock);
    if (left > 0) {
        /* Their threads still use it; the process is about to end, which frees more surely than we could. */
        log_error("%u sessions do not end, a check hangs", left);
        return;
    }
    release(milter);
}

guint milter_sessions(Milter *milter)
{
    guint n;

    pthread_mutex_lock(&milter->lock);
    n = milter->n_sessions;
    pthread_mutex_unlock(&milter->lock);
    return n;
}

void milter_macros(Milter *milter, GString *text)
{
    seen_append(milter->seen, text);
}

const char *const *milter_addresses(const Milter *milter)
{
    return (const char *const *)milter->addresses;
}
