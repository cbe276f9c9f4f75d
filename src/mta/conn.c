/* A connection's bytes and life; what its commands do is in steps.c. */
#include "mta/conn-internal.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* ---- what is said about a connection ---- */

void conn_say(const Conn *conn, LogLevel level, const char *text, const char *detail)
{
    const LogSubject subject = {.session = conn->session != NULL ? session_id(conn->session) : 0};

    log_event(level, &subject, level == LOG_LEVEL_WARNING ? "warning:" : "milter:", NULL, "%s: %s%s%s",
              conn->peer, text, detail != NULL ? ": " : "", detail != NULL ? detail : "");
}

void conn_give_up(Conn *conn, const char *why, const char *detail)
{
    if (!conn->over)
        conn_say(conn, LOG_LEVEL_WARNING, why, detail);
    conn->over = TRUE;
}

/* ---- bytes ---- */

static void set_timeout(int fd, int which, int seconds)
{
    const struct timeval timeout = {.tv_sec = seconds};

    setsockopt(fd, SOL_SOCKET, which, &timeout, sizeof timeout);
}

gboolean conn_flush(Conn *conn)
{
    gsize done = 0;

    while (done < conn->out->len) {
        ssize_t n = send(conn->fd, conn->out->str + done, conn->out->len - done, MSG_NOSIGNAL);

        if (n >= 0) {
            done += n;
        } else if (errno == EAGAIN) {
            conn_give_up(conn, "the MTA does not read, connection closed", NULL);
            break;
        } else if (errno != EINTR) {
            /* It has hung up; what it was to hear is of no use any more. */
            if (!conn->over)
                conn_say(conn, LOG_LEVEL_DEBUG, "cannot write", g_strerror(errno));
            conn->over = TRUE;
            break;
        }
    }
    g_string_truncate(conn->out, 0);
    return !conn->over;
}

/* The stream has ended, or nothing has come for too long. */
static void read_ended(Conn *conn, ssize_t n, int error)
{
    gboolean between = wire_reader_is_empty(conn->reader);

    if (n == 0 && g_atomic_int_get(&conn->forced) && conn->in_message)
        wire_put(conn->out, WIRE_ACTION_TEMPFAIL);
    else if (n == 0 && !between)
        conn_say(conn, LOG_LEVEL_WARNING, "the MTA hung up in the middle of a command", NULL);
    else if (error == EAGAIN)
        conn_say(conn, between && !conn->in_message ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING,
                 between ? "nothing was heard for the idle time, connection closed"
                         : "the MTA stopped in the middle of a command, connection closed",
                 NULL);
    else if (n < 0)
        conn_say(conn, LOG_LEVEL_DEBUG, "cannot read", g_strerror(error));
    conn->over = TRUE;
}

static void conn_read(Conn *conn)
{
    gsize room;
    void *to;
    ssize_t n;

    if (!conn->in_message)
        wire_reader_shrink(conn->reader);
    to = wire_reader_room(conn->reader, &room);
    do
        n = recv(conn->fd, to, room, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        wire_reader_filled(conn->reader, n);
    else
        read_ended(conn, n, n < 0 ? errno : 0);
}

/* All whole packets that have arrived. */
static void handle_packets(Conn *conn)
{
    WireStatus status = WIRE_MORE;
    WireCommand command;
    WirePacket packet;

    while (!conn->over && (status = wire_reader_next(conn->reader, &packet)) == WIRE_READY) {
        if (wire_parse_command(&packet, &command))
            conn_handle(conn, &command);
        else
            conn_give_up(conn, "malformed milter command, connection closed", command.error);
    }
    if (status == WIRE_BAD)
        conn_give_up(conn, "this is not the milter protocol, connection closed",
                     wire_reader_error(conn->reader));
}

void conn_run(Conn *conn)
{
    while (!conn->over) {
        conn_read(conn);
        handle_packets(conn);
        conn_flush(conn);
        g_atomic_int_set(&conn->busy, conn->in_message);
        if (g_atomic_int_get(&conn->draining) && !conn->in_message && wire_reader_is_empty(conn->reader))
            break;
    }
    g_clear_pointer(&conn->session, session_free);
}

/* ---- life ---- */

Conn *conn_new(int fd, Engine *engine, const char *peer, int idle_timeout, gboolean refuse)
{
    Conn *conn = g_new0(Conn, 1);

    conn->fd = fd;
    conn->engine = engine;
    conn->peer = g_strdup(peer);
    conn->refuse = refuse;
    conn->reader = wire_reader_new(WIRE_FROM_MTA);
    conn->out = g_string_new(NULL);
    conn->late = g_string_new(NULL);
    conn->rcpt_refused = g_string_new(NULL);
    set_timeout(fd, SO_RCVTIMEO, refuse ? CONN_REFUSAL_TIMEOUT : idle_timeout);
    set_timeout(fd, SO_SNDTIMEO,
                idle_timeout > 0 ? MIN(idle_timeout, CONN_WRITE_TIMEOUT) : CONN_WRITE_TIMEOUT);
    return conn;
}

void conn_note_macros(Conn *conn, Seen *seen)
{
    conn->seen = seen;
}

void conn_free(Conn *conn)
{
    if (conn == NULL)
        return;
    g_assert(conn->session == NULL);
    close(conn->fd);
    wire_reader_free(conn->reader);
    g_string_free(conn->out, TRUE);
    g_string_free(conn->late, TRUE);
    g_string_free(conn->rcpt_refused, TRUE);
    g_free(conn->mta_version);
    g_free(conn->peer);
    g_free(conn);
}

gboolean conn_is_busy(const Conn *conn)
{
    return g_atomic_int_get(&conn->busy);
}

/* Whoever reads second of `draining` and `busy` sees what the other has written first: either we see that a
 * message has begun, or the connection's thread sees that no more may begin. */
void conn_drain(Conn *conn)
{
    g_atomic_int_set(&conn->draining, TRUE);
    if (!conn_is_busy(conn))
        shutdown(conn->fd, SHUT_RD);
}

void conn_force(Conn *conn)
{
    g_atomic_int_set(&conn->draining, TRUE);
    g_atomic_int_set(&conn->forced, TRUE);
    shutdown(conn->fd, SHUT_RD);
}
