/*
 * weigh.h — the decision: from findings to one answer for one recipient.
 *
 * A pure function of findings, recipient and policy. In order:
 *
 *   1. each finding gets its verb and remembers the rule (policy.h);
 *   2. what may be silenced is silenced (D9), by whitelist, probation, authentication, a genuine bounce;
 *   3. what another proof settles is settled, and what waits for one is left out (D10);
 *   4. scores are added up and judged by the thresholds (D12);
 *   5. the strongest verb that is left decides;
 *   6. a temporary finding that would decide is weighed as each tag that it may still become: when all give the same
 *      answer, that is the answer, else it is "try again later".
 *
 * A verb that needs work is a demand: the caller carries it out, records what it found, and weighs again.
 */
#pragma once

#include "policy/page.h"
#include "policy/policy.h"

/* More undecided findings than that: try again later, without trying each future. */
#define WEIGH_TEMPORARIES_MAX 3

/* What became of a finding in the weighing. */
#define FATES(X)                                                                                             \
    X(WEAKER, "weaker") /* counted, but something stronger decided */                                        \
    X(DECIDES, "decides")                                                                                    \
    X(SILENCED, "silenced") /* by what `why` names */                                                        \
    X(SETTLED, "settled")   /* by the proof that `why` names */                                              \
    X(WAITS, "waits")       /* for end of message */                                                         \
    X(DONE, "done")         /* its demand has been carried out */                                            \
    X(ADDED, "added")       /* to the score */                                                               \
    X(IDLE, "no matter")    /* temporary, and the answer is the same whatever it becomes */

typedef enum {
#define X(id, word) FATE_##id,
    FATES(X)
#undef X
} Fate;

const char *fate_name(Fate fate);

typedef struct {
    const Finding *finding;
    Verb verb;
    Ruling ruling; /* `verb` is ruling.verb unless a fallback replaced it */
    Rule rule;
    Fate fate;
    const char *why;
} Judgement;

typedef struct {
    Verb verb; /* CBV, DSN, NODSN or GREYLIST */
    const Finding *finding;
} Demand;

typedef struct {
    const Policy *policy;
    const Finding *const *findings;
    guint n_findings;
    const char *const *rcpt_keys; /* NULL: no recipient yet */
    Stage stage;                  /* MAIL, RCPT or MESSAGE */
    gboolean authenticated;
    guint available;    /* VERB_BIT()s of the demands that somebody can carry out */
    const Demand *done; /* demands carried out already for this recipient */
    guint n_done;
    PageSubject client; /* for the page that explains a refusal */
} WeighQuestion;

typedef struct {
    Verb verb;                /* what decided; OK when nothing did */
    Reply reply;              /* CONTINUE for everything that lets the message pass */
    const Judgement *decider; /* NULL: nothing did */
    Judgement *judgements;    /* one a finding, in their order; the sum of scores comes last when it counts */
    guint n_judgements;
    double score;
    Demand demand; /* demand.finding is NULL: none */
    gboolean whitelisted, probation, notspam;
} Weighing;

/* What can silence a finding with this verb: SILENCE_ bits of tag.h; 0: nothing does. */
guint weigh_silencers(Tag tag, Verb verb);

/* The result and all it points to live in `pool`. */
const Weighing *weigh(const WeighQuestion *question, Pool *pool);
