/*
 * dmarc.h — what DMARC says of a message (E4; RFC 9989).
 *
 * Known in the hooks of end of message.
 */
#pragma once

#include <postern/dmarc.h>

#include "flow/flow.h"

typedef struct {
    const char *skipped; /* why DMARC was not asked; NULL: it was */
    DmarcCode code;
    const char *reason;
    const char *author;        /* the domain in From; NULL: not exactly one */
    const char *policy_domain; /* whose record applies; NULL: none does */
    DmarcPolicy policy;        /* that it publishes for this author */
    DmarcPolicy disposition;   /* that it asks for, for this message; none unless code is FAIL */
    gboolean spf_aligned;
    const char *dkim_aligned; /* d= of the first signature that passes and is aligned; NULL: none */
    const char *spf_unknown;  /* why it is not known what SPF says; NULL: it is */
    /* The relay whose word the result is, where SPF is not known; NULL: it is our own */
    const char *reported_by;
    const DmarcResult *result; /* NULL if skipped */
} DmarcFact;

const DmarcFact *dmarc_fact(Message *message);
