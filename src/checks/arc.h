/*
 * arc.h — what earlier hops say of a message, and whether we believe it (E3; RFC 8617).
 *
 * Known in the hooks of end of message.
 */
#pragma once

#include <postern/arc.h>

#include "flow/flow.h"

typedef struct {
    const char *skipped; /* why no chain was looked at; NULL: it was */
    ArcStatus status;
    const char *reason;  /* of a fail */
    const char *sealers; /* d= of the seals, the newest first, joined by blanks; NULL: there is no chain */
    const char *trusted; /* who of them says that the message was good when it came there; NULL: nobody */
    const char *said;    /* what he says, "dmarc=pass header.from=example.com"; NULL with `trusted` */
    const char *doubt;   /* why a chain that passes is not believed; NULL: it is, or does not pass */
} ArcFact;

const ArcFact *arc_fact(Message *message);
