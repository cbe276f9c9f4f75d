/*
 * dkim.h — what DKIM says of a message (E1, E6).
 *
 * Known in the hooks of end of message: who asks earlier asks in vain, and that is a bug.
 */
#pragma once

#include <postern/dkim.h>

#include "flow/flow.h"

/* One signature. */
typedef struct {
    const DkimResult *result;
    const char *domain; /* d=, as author_plain_domain() makes it; "" if there is none */
    /* result->code, but POLICY for one that passes and leaves the end of the body to anybody (l=). */
    DkimCode code;
    const char *reason; /* NULL for a pass */
    /* It passes, and d= is aligned with the domain in From; with that of the envelope sender. */
    gboolean of_author, of_sender;
} DkimSigned;

typedef struct {
    const char *skipped; /* why no signature was looked at; NULL: they were */
    DkimCode code;       /* of the message: pass if one passes */
    const char *domains; /* d= of those that pass, joined by blanks; NULL: none */
    const char *reason;  /* of the topmost that does not pass; NULL: there is none */
    int ignored;         /* signatures beyond DKIM_SIGNATURES_MAX */
    guint n;
    DkimSigned signatures[DKIM_SIGNATURES_MAX]; /* from the top */
} DkimFact;

const DkimFact *dkim_fact(Message *message);
