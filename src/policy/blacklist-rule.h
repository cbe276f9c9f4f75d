/*
 * blacklist-rule.h — who is refused again and again: a line of [blacklist_rules], read.
 *
 *     forgers = 5 refusals of SPF-Fail, Self-Spoof in 1h by client -> ban 7d
 *     pests   = 20 refusals in 1d by sender -> blacklist 30d
 *
 * Without "of" every refusal counts but those of a ban, which shall not prolong itself. What is counted and whom it hits is the
 * business of checks/repeat.c. Pure; any thread.
 */
#pragma once

#include "policy/tag.h"

#define BLACKLIST_COUNT_MAX 1000000

typedef enum { COUNT_BY_CLIENT, COUNT_BY_SENDER, COUNT_BY_DOMAIN } CountBy;
typedef enum { INTO_BAN, INTO_BLACKLIST } BlacklistInto;

typedef struct {
    char *name; /* of the rule */
    char *what; /* "refusals of SPF-Fail, Self-Spoof in 1h", as written */
    TagSet tags;
    int count, window;
    CountBy by;
    BlacklistInto into;
    int lasts;
} BlacklistRule;

/* FALSE with an error (POLICY_ERROR) that says what belongs there. On success the caller clears `ret`. */
gboolean blacklist_rule_parse(const char *name, const char *value, BlacklistRule *ret, GError **error);
void blacklist_rule_clear(BlacklistRule *rule);
gboolean blacklist_rule_counts(const BlacklistRule *rule, Tag tag);
const char *count_by_name(CountBy by);
