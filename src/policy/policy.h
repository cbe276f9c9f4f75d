/*
 * policy.h — which verb a finding gets, and by which rule (D1, D2, D6).
 *
 * A Policy is compiled from a Config and is as immutable. Look-up order for a finding TAG about SUBJECT, weighed for
 * RCPT; the first that is there decides:
 *
 *     access map   To-TAG:rcpt, To-TAG:rcpt's domain, To-TAG:.parents
 *                  TAG:subject, TAG:its domain, TAG:.parents
 *                  To-TAG:  TAG:
 *     [verbs]      TAG!subject, its domain, .parents (what files with the old section names list)
 *                  TAG
 *     [dnsbl]      DNSBL!NAME:ANSWER, the rule of the list that fits its answer
 *     built in     TAG of some subjects: HELO-Fail of gmail.com is BAN (B12); not where [verbs] has the TAG
 *                  the default of the tag (tag.h)
 *
 * A DENY among the subject's own rules is never overridden by a recipient's. Threads: any.
 */
#pragma once

#include "base/pool.h"
#include "conf/config.h"
#include "policy/blacklist-rule.h"
#include "policy/finding.h"

typedef struct Policy Policy;

#define RULE_BUILT_IN "built in"

/* The rule that gave a verb. Strings are borrowed from the policy or from the pool handed to policy_rule(). */
typedef struct {
    const char *source; /* "access:12", "postern.conf:30", "built in" */
    const char *key;    /* "to-spf-fail:joe@our.example", "SPF-Fail" */
} Rule;

typedef struct {
    const char *name;
    double least; /* the sum must reach this */
    Ruling ruling;
    char *source;
} Threshold;

/* NULL when `problems` has errors: an unknown verb, one that makes no sense for its tag, an unknown tag. Keeps a
 * reference on `config`. */
Policy *policy_new(const Config *config, Problems *problems);
void policy_free(Policy *policy); /* NULL is allowed */

/* The look-up keys of a subject, folded: an address gives itself, itself without a tag (prvs=…),
 * its domain, .parents; a domain the last two. */
const char *const *policy_keys(Pool *pool, const char *subject);

/* Fills `ruling` (cleared by the pool) and `rule`. `rcpt_keys` are policy_keys() of the recipient, or NULL. */
void policy_rule(const Policy *policy, Pool *pool, Tag tag, const char *const *keys,
                 const char *const *rcpt_keys, Ruling *ruling, Rule *rule);

/* Where a key was looked up: the access map, lines of [verbs], the table of tags. */
typedef enum { POLICY_ACCESS, POLICY_VERBS, POLICY_BUILT_IN } PolicyTable;
/* One look-up; `value` is NULL when nothing is there. Strings are good for the call. The subject's own keys come first,
 * since a DENY there ends it; a rule found there counts unless the recipient has one of its own. */
typedef void PolicyStep(PolicyTable table, const char *key, const char *value, void *data);
/* The same as policy_rule(), and tells each key in the order in which it is looked up. */
void policy_explain(const Policy *policy, Pool *pool, Tag tag, const char *const *keys,
                    const char *const *rcpt_keys, Ruling *ruling, Rule *rule, PolicyStep *step, void *data);

/* STAGE_RCPT or STAGE_MESSAGE (D10). */
Stage policy_decide_at(const Policy *policy, Tag tag);
/* TRUE if `proof` settles findings of `tag` (D10). */
gboolean policy_settles(const Policy *policy, Tag tag, Tag proof);
/* The highest threshold that `score` reaches, or NULL (D12). */
const Threshold *policy_threshold(const Policy *policy, double score, gboolean early);
/* TRUE if somebody wrote a rule that gives one of these VERB_BIT()s. */
gboolean policy_may_use(const Policy *policy, guint verbs);
/* TRUE if recipients that were accepted at RCPT can still end differently: some have rules of their own
 * for what is decided at end of message, or a tag has been put off till then. */
gboolean policy_may_differ_after_data(const Policy *policy);
/* What this recipient's own rules say of what makes a difference after DATA, as one comparable text: recipients with
 * equal ones cannot end differently because of their rules (D11 `mixed = defer`). */
char *policy_fingerprint(const Policy *policy, const char *const *rcpt_keys);
/* For a demand that nothing can carry out, and for a DSN whose sender is not proven (D4). */
Verb policy_unavailable(const Policy *policy);
Verb policy_unproven_dsn(const Policy *policy);

const BlacklistRule *policy_blacklist_rules(const Policy *policy, guint *n);

/* The page that explains refusals; "": none. And whether the older system's names of pages count (page.h). */
const char *policy_errors_url(const Policy *policy);
gboolean policy_errors_pages(const Policy *policy);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Policy, policy_free)
