/* spf-eval.h — between the two halves of the evaluation, spf-eval.c and spf-ptr.c. */
#pragma once

#include "spf-internal.h"

#pragma GCC visibility push(hidden) /* no part of the library's face */

typedef enum { MATCH_NO, MATCH_YES, MATCH_TEMPERROR, MATCH_PERMERROR } SpfMatch;

/* Asks, and counts. NULL: more than SPF_QUERIES_MAX. */
DnsAnswer *spf_ask(SpfEval *eval, const char *name, DnsType type);
DnsType spf_address_type(const SpfEval *eval);
/* FALSE: it is one too many. */
gboolean spf_count_lookup(SpfEval *eval);

/* `nameless`: the client has no PTR record at all. */
SpfMatch spf_match_ptr(SpfEval *eval, const char *target, gboolean *nameless);

#pragma GCC visibility pop
