/*
 * verb.h — what a rule can say about a finding (D3), and the text forms of it.
 *
 * The order is the strength: the strongest verb among the findings that still count decides. Pure; any
 * thread.
 */
#pragma once

#include <glib.h>
#include "policy/reply.h"

/*    id         word         what it does */
/* clang-format off */
#define VERBS(X)                                                                                                   \
    X(OK,         "OK",         "nothing against the message")                                                     \
    X(SCORE,      "SCORE",      "SCORE:n adds n to the sum that thresholds judge")                                 \
    X(NOTSPAM,    "NOTSPAM",    "never quarantined, no notice: delivered or refused")                              \
    X(PROBATION,  "PROBATION",  "accept, do not filter content, do not learn")                                     \
    X(WHITELIST,  "WHITELIST",  "accept; weak-identity and content findings are silenced")                         \
    X(NODSN,      "NODSN",      "call the sender back; never send a notice")                                       \
    X(CBV,        "CBV",        "call the sender back")                                                            \
    X(DSN,        "DSN",        "call the sender back and send a notice")                                          \
    X(GREYLIST,   "GREYLIST",   "a temporary failure until the sender tries again")                                \
    X(HOLD,       "HOLD",       "into the MTA's own quarantine")                                                   \
    X(QUARANTINE, "QUARANTINE", "kept here, not delivered")                                                        \
    X(DISCARD,    "DISCARD",    "accepted and thrown away")                                                        \
    X(TEMPFAIL,   "TEMPFAIL",   "a temporary failure")                                                             \
    X(REJECT,     "REJECT",     "refused")                                                                         \
    X(BAN,        "BAN",        "refused, with 3 demerits for the client")                                         \
    X(DENY,       "DENY",       "refused, whatever else is known")
/* clang-format on */

typedef enum {
#define X(id, word, doc) VERB_##id,
    VERBS(X)
#undef X
        VERB_COUNT
} Verb;

#define VERB_BIT(verb) (1u << (verb))
/* Verbs that need work before they are an answer. */
#define VERB_DEMANDS                                                                                         \
    (VERB_BIT(VERB_NODSN) | VERB_BIT(VERB_CBV) | VERB_BIT(VERB_DSN) | VERB_BIT(VERB_GREYLIST))
#define VERB_CALLBACKS (VERB_BIT(VERB_NODSN) | VERB_BIT(VERB_CBV) | VERB_BIT(VERB_DSN))
#define BAN_DEMERITS   3

const char *verb_name(Verb verb);
gboolean verb_parse(const char *word, Verb *ret);

/* A verb with what came along: `ERROR:"550 5.7.1 text"`, `ERROR:5.7.1:550 text` and a plain `550 text` are
 * REJECT (or TEMPFAIL for 4xx) with their own words; `QUARANTINE:reason` keeps its text; `SCORE:2.5` its
 * number. */
typedef struct {
    Verb verb;
    int code;     /* 0: the tag's own */
    char *xcode;  /* NULL: the tag's own */
    char *text;   /* NULL: the finding's sentence */
    double score; /* VERB_SCORE */
} Ruling;

/* FALSE with an error that says what is allowed. On success the caller clears `ret` with ruling_clear(). */
gboolean ruling_parse(const char *value, Ruling *ret, GError **error);
void ruling_clear(Ruling *ruling);

#define POLICY_ERROR (policy_error_quark())
GQuark policy_error_quark(void);
typedef enum { POLICY_ERROR_SYNTAX } PolicyError;
