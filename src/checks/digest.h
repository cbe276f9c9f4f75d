/*
 * digest.h — the message as verifiers see it: its header fields, and the hashes of its body (message_hashes()).
 *
 * Whoever has a signature to check has asked for its hash by end of headers: that is when the fact is computed. Hashes are
 * ready in the hooks of end of message.
 *
 * The objects are those of the message; verifiers are finished by the checks whose they are.
 */
#pragma once

#include <postern/arc.h>
#include <postern/dkim.h>

#include "flow/flow.h"

typedef struct {
    const char *skipped; /* why nothing is verified; NULL: it is */
    DkimVerifier *dkim;  /* NULL: skipped, or nobody wants it */
    ArcVerifier *arc;    /* NULL: the same */
} DigestFact;

const DigestFact *digest_fact(Message *message);
/* [dkim] verify, or DMARC that needs it. */
gboolean digest_has_dkim(const Config *config);
