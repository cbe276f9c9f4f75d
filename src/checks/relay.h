/*
 * relay.h — what a trusted relay says of a message (B10).
 *
 * SPF cannot be asked of mail that comes by a relay: the address is the relay's. The relay has asked, and has written its
 * results above its own Received. All of that is a statement of somebody whom we trust, not a check of ours.
 *
 * Known from end of headers on: who asks for it earlier gets a fact that stays empty.
 */
#pragma once

#include <postern/spf.h>

#include "flow/flow.h"

typedef struct {
    const char *relay;       /* by its Received, else by its address; NULL: the client is no trusted relay */
    const char *unknown;     /* why it says nothing of the sender; NULL: it does */
    const char *authserv_id; /* of its Authentication-Results; NULL: it wrote none */

    const char *internal; /* why the mail is the relay's own people's, "auth=pass"; NULL: it is not */
    const char *login;    /* of them; NULL: not said */

    const char *spf;    /* result for the envelope sender; NULL: not known */
    const char *field;  /* that it comes from: "Received-SPF", "Authentication-Results" */
    const char *client; /* the address that was checked; NULL: not said */
    const char *guess;  /* best guess; NULL: none was made */
    /* After a permerror, what the record would say if it were read leniently; NULL: not said */
    const char *lax;
    const char *forwarder; /* that the client passes for, and that the relay trusts (B11) */
    const char *helo_name;
    const char *helo; /* result for it; NULL: not known */
    SpfIdentity identity;
    SpfCode code, guess_code, lax_code,
        helo_code; /* of spf, guess, lax, helo; SPF_NONE where those are NULL */

    const char *dkim; /* d= of the signatures that pass, in order, joined by blanks; NULL: none */
    const char *const *dkim_domains; /* the same; NULL ends. Never NULL where `relay` is not */
    const char *dmarc;               /* result; NULL: not known */
    const char *from_domain;         /* that it is for: header.from */
} RelayFact;

const RelayFact *relay_fact(Message *message);
