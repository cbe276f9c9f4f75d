/* iprev.h — does the client's PTR name lead back to the client? (A8, RFC 8601 §2.7.3) */
#pragma once

#include "flow/flow.h"

#define IPREV_CODES(X)                                                                                       \
    X(NONE, "none") /* not asked: internal, or no address */                                                 \
    X(PASS, "pass")                                                                                          \
    X(FAIL, "fail")           /* names, but none leads back */                                               \
    X(PERMERROR, "permerror") /* no PTR name */                                                              \
    X(TEMPERROR, "temperror")

typedef enum {
#define X(id, word) IPREV_##id,
    IPREV_CODES(X)
#undef X
} IprevCode;

typedef struct {
    IprevCode code;
    const char *name; /* the one that leads back; else the first PTR name; NULL: none */
} IprevFact;

const IprevFact *iprev_fact(Session *session);
