/*
 * listen.h — the sockets that MTAs connect to: how they are written in the configuration, and opening them.
 *
 * Both MTAs' spellings are understood, so that a line can be copied from either:
 *
 *     unix:/run/postern/milter.sock    local:/…    /run/…
 *     inet:8894@127.0.0.1    inet:127.0.0.1:8894    inet:localhost:8894    inet:8894
 *     inet6:8894@::1         inet6:[::1]:8894
 *
 * "inet" takes an IPv6 address too if it is written as one. Without host, or with "*" or "0.0.0.0", it is all
 * addresses. Threads: any, but open sockets before threads are started.
 */
#pragma once

#include <gio/gio.h>

#define LISTEN_BACKLOG 1024 /* the kernel has its own bound; a restart of a busy MTA comes as a burst */

typedef struct {
    int fd;     /* non-blocking, close-on-exec */
    char *name; /* for the log, in our spelling, with the port that the kernel chose if 0 was asked for */
    char *path; /* of a unix socket, else NULL */
    guint64 device, inode;
} ListenSocket;

typedef struct {
    gboolean is_unix;
    int family;  /* AF_UNIX, AF_INET, AF_INET6 */
    char *where; /* path, or host, NULL: all addresses */
    char *port;
} ListenAddress;

gboolean listen_address_parse(const char *spec, ListenAddress *ret, GError **error);
void listen_address_clear(ListenAddress *address);

/* A unix socket that nobody answers on is left over, and replaced; if somebody answers, that is an error
 * ("another daemon is listening on …"). `mode` and `group` ("" or NULL: leave) are for unix sockets. */
gboolean listen_open(const char *spec, int mode, const char *group, ListenSocket *ret, GError **error);
/* Closes; removes a unix socket if it is still ours. */
void listen_close(ListenSocket *socket);
