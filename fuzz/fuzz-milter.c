/*
 * A whole connection against an MTA that is none: what it sends is in the socket, then it hangs up. The flow
 * does nothing; it only must be left in order: each session freed, none used after, no message begun twice.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "fakes/flow.h"
#include "mta/conn.h"

/* What fits into a socket's buffer without a reader, and the answers to it too. */
#define INPUT_MAX (32 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drop_line(LogLevel level, const char *line, void *data)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(Engine) engine = fake_engine_new();
    g_autoptr(Edits) edits = edits_new();
    Conn *conn;
    int ends[2];

    if (size < 2 || size > INPUT_MAX)
        return 0;
    log_set_sink(drop_line, NULL);
    /* The first byte: which steps nobody needs, or which are refused. */
    engine->unwanted = data[0] & 0x7f;
    engine->eoh.kind = data[0] & 0x80 ? REPLY_REJECT : REPLY_CONTINUE;
    edits_prepend_header(edits, "fuzz", "X", "y");
    engine->edits = edits;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        abort();
    if (send(ends[0], data + 1, size - 1, MSG_NOSIGNAL) != (ssize_t)(size - 1))
        abort();
    shutdown(ends[0], SHUT_WR);
    conn = conn_new(ends[1], engine, "fuzz", 5, FALSE);
    conn_run(conn);
    conn_free(conn);
    close(ends[0]);
    if (engine->open != 0)
        abort();
    return 0;
}
