/* client.h — what kind of client it is (A1, A2). */
#pragma once

#include "flow/flow.h"

typedef struct {
    gboolean internal;       /* in internal_connect, or the host itself */
    gboolean trusted;        /* in trusted_relay: by its address, or by a HELO that SPF proves (A7) */
    gboolean host_itself;    /* loopback, or the address it connected to: mail made on this machine */
    gboolean dynamic;        /* no PTR name, or one that spells the address or looks like dial-up */
    const char *matched;     /* the word of the list that made it internal or trusted; NULL: none */
    const char *dynamic_why; /* NULL: not dynamic */
    const char *helo_spf;    /* what SPF says of a HELO that is a name of trusted_relay; NULL: not asked */
} ClientFact;

/* Until HELO, `trusted` is what the address alone says; a new HELO may change it. */
const ClientFact *client_fact(Session *session);
/* Internal, or logged in: our own people. Actions, which know no checks, ask session_is_ours(). */
gboolean client_is_ours(Session *session);
