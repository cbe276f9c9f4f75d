/*
 * socketmap.h — the protocol in which Sendmail (map class "socket") and Postfix (socketmap_table(5)) ask a server for what
 * is in a map. Requests and answers are netstrings:
 *
 *     16:forward joe@a.bc,        the map's name, a blank, the key
 *     14:OK joe@else.bc,          or NOTFOUND, TEMP, TIMEOUT, PERM and a reason
 *
 * Pure: bytes in, bytes out. Any thread.
 */
#pragma once

#include <glib.h>

/* The largest request. An address has a kilobyte (ADDRESS_PATH_MAX), and Sendmail puts a host name before it. */
#define SOCKETMAP_REQUEST_MAX 4096

typedef enum {
    SOCKETMAP_MORE,  /* not all of it has come */
    SOCKETMAP_READY, /* a request */
    SOCKETMAP_BAD,   /* not this protocol: there is no way to find the next request */
} SocketmapStatus;

#define SOCKETMAP_ANSWERS(X)                                                                                 \
    X(OK, "OK")                                                                                              \
    X(NOTFOUND, "NOTFOUND")                                                                                  \
    X(TEMP, "TEMP")                                                                                          \
    X(PERM, "PERM")

typedef enum {
#define X(id, word) SOCKETMAP_##id,
    SOCKETMAP_ANSWERS(X)
#undef X
} SocketmapAnswer;

/* Borrowed from the bytes that were parsed. */
typedef struct {
    const char *map, *key; /* not ended by NUL; a request without a blank has an empty key */
    gsize map_len, key_len;
} SocketmapRequest;

/* The first request in `bytes`. `used`: how many bytes it took, on SOCKETMAP_READY only. */
SocketmapStatus socketmap_parse(const char *bytes, gsize len, SocketmapRequest *request, gsize *used);
/* Appends an answer: the value after OK, else the reason, which may be "". */
void socketmap_put(GString *out, SocketmapAnswer answer, const char *text);
