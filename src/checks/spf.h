/* spf.h — what SPF says of a message (C). */
#pragma once

#include <postern/spf.h>

#include "flow/flow.h"

typedef struct {
    const char *skipped; /* why SPF was not asked; NULL: it was */
    SpfCode code;        /* of MFROM, or of HELO where MFROM is null */
    SpfIdentity identity;
    const char *domain;
    const char *mechanism;   /* that matched */
    const char *explanation; /* of a fail */
    gboolean explained_by_domain;
    const char *problem;   /* of temperror and permerror */
    const char *diagnosis; /* the problem, what was meant, and what that would give: one line (C7) */
    const char *broken, *corrected;
    const char *lax;        /* permerror: what was meant (C7) */
    const char *helo;       /* result for HELO; NULL: not asked */
    const char *guess;      /* best guess (C4); NULL: not made */
    gboolean lent;          /* the guessed pass is lent by HELO (C3) */
    const char *forwarder;  /* the trusted forwarder that the client passes for (B11) */
    gboolean three_strikes; /* no SPF, no valid HELO, no PTR (C6) */
    gboolean local;         /* judged by our internal_policy (C11) */
    /* The engine's own results, for Received-SPF; NULL: not asked. */
    const SpfResult *mfrom_result, *helo_result, *guess_result;
    SpfCode lax_code, helo_code, guess_code; /* SPF_NONE where not asked */
} SpfFact;

const SpfFact *spf_fact(Message *message);
/* The tags of a result, of the sender and of HELO. */
Tag spf_mfrom_tag(SpfCode code);
Tag spf_helo_tag(SpfCode code);
/* TRUE if the sender's domain has a record that SPF judges it by, or may have one (temperror). FALSE also when SPF
 * is off. */
gboolean spf_judges(Message *message);
