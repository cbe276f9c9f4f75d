#include "policy/policy-internal.h"

#include <postern/srs.h>
#include <string.h>

#define KEYS_MAX 136 /* an address, its domain and at most 127 parents (RFC 1035 §2.3.4) fit */

/* The address without a tag, as rules name it: joe@dom for prvs=0465a1b2c3=joe@dom. Of SRS nothing is taken off that would
 * leave another domain: nobody has proven that one. NULL: there is no tag. */
static char *without_tag(const char *address)
{
    g_autofree char *original = srs_look_through(address, NULL);
    const char *domain = strrchr(address, '@'), *other = original ? strrchr(original, '@') : NULL;
    return other && strcmp(domain, other) == 0 ? g_steal_pointer(&original) : NULL;
}

const char *const *policy_keys(Pool *pool, const char *subject)
{
    const char *keys[KEYS_MAX + 1];
    guint n = 0;
    if (subject && *subject) {
        g_autofree char *folded = g_ascii_strdown(subject, -1);
        const char *at = strrchr(folded, '@');
        if (at)
            keys[n++] = pool_strdup(pool, folded);
        g_autofree char *untagged = at ? without_tag(folded) : NULL;
        if (untagged)
            keys[n++] = pool_strdup(pool, untagged);
        const char *domain = pool_strdup(pool, at ? at + 1 : folded);
        if (*domain)
            keys[n++] = domain;
        for (const char *dot = strchr(domain, '.'); dot && dot[1] && n < KEYS_MAX; dot = strchr(dot + 1, '.'))
            keys[n++] = dot;
    }
    const char **copy = pool_alloc0(pool, (n + 1) * sizeof *copy);
    memcpy(copy, keys, n * sizeof *copy);
    return copy;
}

/* Longer than any name: RFC 5321 §4.5.3.1. */
#define KEY_MAX 512

static gboolean write_key(char key[static KEY_MAX], const char *prefix, const char *tag, const char *subject)
{
    int len = g_snprintf(key, KEY_MAX, "%s%s:", prefix, tag);
    for (char *c = key; *c; c++)
        *c = g_ascii_tolower(*c);
    if (len + strlen(subject) >= KEY_MAX)
        return FALSE;
    strcpy(key + len, subject);
    return TRUE;
}

/* Somebody who wants to see each key that is looked up; NULL: nobody. */
typedef struct {
    PolicyStep *step;
    void *data;
} Watch;

static void tell(const Watch *watch, PolicyTable table, const char *key, const char *value)
{
    if (watch)
        watch->step(table, key, value, watch->data);
}

static const MapEntry *lookup(const Policy *policy, Whose whose, Tag tag, const char *subject,
                              const Watch *watch)
{
    char key[KEY_MAX];
    if ((!watch && !tag_set_has(&policy->mapped[whose], tag)) || /* most tags have no entry */
        !write_key(key, whose == OF_RECIPIENT ? "to-" : "", tag_name(tag), subject))
        return NULL;
    const MapEntry *entry = map_lookup(policy->config->policy.access, key);
    tell(watch, POLICY_ACCESS, key, entry ? entry->value : NULL);
    return entry;
}

static const MapEntry *lookup_first(const Policy *policy, Whose whose, Tag tag, const char *const *keys,
                                    const Watch *watch)
{
    for (; keys && *keys; keys++) {
        const MapEntry *entry = lookup(policy, whose, tag, *keys, watch);
        if (entry)
            return entry;
    }
    return NULL;
}

/* The tag alone, with its colon or, as some old maps have it, without. */
static const MapEntry *lookup_bare(const Policy *policy, Whose whose, Tag tag, const Watch *watch)
{
    const MapEntry *entry = lookup(policy, whose, tag, "", watch);
    if (entry || !tag_set_has(&policy->mapped[whose], tag))
        return entry;
    g_autofree char *key = g_strconcat(whose == OF_RECIPIENT ? "to-" : "", tag_name(tag), NULL);
    for (char *c = key; *c; c++)
        *c = g_ascii_tolower(*c);
    entry = map_lookup(policy->config->policy.access, key);
    tell(watch, POLICY_ACCESS, key, entry ? entry->value : NULL);
    return entry;
}

static void pool_clear_ruling(gpointer ruling)
{
    ruling_clear(ruling);
    g_free(ruling);
}

static gboolean ruling_of_entry(const Policy *policy, Pool *pool, const MapEntry *entry, Ruling *ruling,
                                Rule *rule)
{
    g_autofree Ruling *parsed = g_new0(Ruling, 1);
    if (!ruling_parse(entry->value, parsed, NULL))
        return FALSE; /* policy_new() has refused such maps */
    *ruling = *(Ruling *)pool_own(pool, g_steal_pointer(&parsed), pool_clear_ruling);
    const char *file = map_name(policy->config->policy.access);
    rule->source = entry->line ? pool_printf(pool, "%s:%u", file, entry->line)
                               : pool_printf(pool, "%s (%s)", file, entry->key);
    rule->key = entry->key;
    return TRUE;
}

static gboolean is_built_in(const OwnVerb *own)
{
    return strcmp(own->source, RULE_BUILT_IN) == 0;
}

/* The lists of an old file come after the whole map, as they always did. */
static gboolean ruling_of_own(const Policy *policy, Pool *pool, Tag tag, const char *const *keys,
                              Ruling *ruling, Rule *rule, const Watch *watch)
{
    char key[KEY_MAX];
    if (!tag_set_has(&policy->own_listed, tag))
        return FALSE;
    for (; keys && *keys; keys++) {
        const OwnVerb *own =
            write_key(key, "", tag_name(tag), *keys) ? g_hash_table_lookup(policy->own_verbs, key) : NULL;
        tell(watch, own && is_built_in(own) ? POLICY_BUILT_IN : POLICY_VERBS, key,
             own ? verb_name(own->ruling.verb) : NULL);
        if (!own)
            continue;
        *ruling = own->ruling;
        *rule = (Rule){own->source, pool_strdup(pool, key)};
        return TRUE;
    }
    return FALSE;
}

static void ruling_by_default(const Policy *policy, Tag tag, Ruling *ruling, Rule *rule)
{
    *ruling = policy->verbs[tag];
    *rule = (Rule){policy->verb_sources[tag] ? policy->verb_sources[tag] : RULE_BUILT_IN, tag_name(tag)};
}

/* The one place that knows the order. */
static void find_rule(const Policy *policy, Pool *pool, Tag tag, const char *const *keys,
                      const char *const *rcpt_keys, Ruling *ruling, Rule *rule, const Watch *watch)
{
    const MapEntry *of_subject = lookup_first(policy, OF_SUBJECT, tag, keys, watch);
    if (of_subject && ruling_of_entry(policy, pool, of_subject, ruling, rule) && ruling->verb == VERB_DENY)
        return;
    const MapEntry *entry = lookup_first(policy, OF_RECIPIENT, tag, rcpt_keys, watch);
    if (!entry)
        entry = of_subject;
    if (!entry && rcpt_keys)
        entry = lookup_bare(policy, OF_RECIPIENT, tag, watch);
    if (!entry)
        entry = lookup_bare(policy, OF_SUBJECT, tag, watch);
    if (entry && ruling_of_entry(policy, pool, entry, ruling, rule))
        return;
    if (ruling_of_own(policy, pool, tag, keys, ruling, rule, watch))
        return;
    tell(watch, policy->verb_sources[tag] ? POLICY_VERBS : POLICY_BUILT_IN, tag_name(tag),
         verb_name(policy->verbs[tag].verb));
    ruling_by_default(policy, tag, ruling, rule);
}

void policy_rule(const Policy *policy, Pool *pool, Tag tag, const char *const *keys,
                 const char *const *rcpt_keys, Ruling *ruling, Rule *rule)
{
    find_rule(policy, pool, tag, keys, rcpt_keys, ruling, rule, NULL);
}

void policy_explain(const Policy *policy, Pool *pool, Tag tag, const char *const *keys,
                    const char *const *rcpt_keys, Ruling *ruling, Rule *rule, PolicyStep *step, void *data)
{
    const Watch watch = {step, data};
    find_rule(policy, pool, tag, keys, rcpt_keys, ruling, rule, &watch);
}

Stage policy_decide_at(const Policy *policy, Tag tag)
{
    return policy->decide_at[tag];
}

gboolean policy_settles(const Policy *policy, Tag tag, Tag proof)
{
    return tag_set_has(&policy->settled_by[tag], proof);
}

const Threshold *policy_threshold(const Policy *policy, double score, gboolean early)
{
    const GArray *thresholds = policy->thresholds[early ? 1 : 0];
    const Threshold *reached = NULL;
    for (guint i = 0; i < thresholds->len; i++) {
        const Threshold *threshold = &g_array_index(thresholds, Threshold, i);
        if (score >= threshold->least && (!reached || threshold->least >= reached->least))
            reached = threshold;
    }
    return reached;
}

gboolean policy_may_use(const Policy *policy, guint verbs)
{
    return (policy->verbs_used & verbs) != 0;
}

/* Recipients have rules of their own for it, and it counts after DATA. */
static gboolean makes_a_difference(const Policy *policy, Tag tag)
{
    return tag_set_has(&policy->late_tags, tag) && tag_set_has(&policy->own_tags, tag);
}

gboolean policy_may_differ_after_data(const Policy *policy)
{
    gboolean differ = policy->put_off;
    for (Tag tag = 0; tag < TAG_COUNT; tag++)
        differ |= makes_a_difference(policy, tag);
    return differ;
}

Verb policy_unavailable(const Policy *policy)
{
    return policy->unavailable;
}

const BlacklistRule *policy_blacklist_rules(const Policy *policy, guint *n)
{
    *n = policy->blacklist_rules->len;
    return (const BlacklistRule *)policy->blacklist_rules->data;
}

const char *policy_errors_url(const Policy *policy)
{
    return policy->config->policy.errors_url;
}

gboolean policy_errors_pages(const Policy *policy)
{
    return policy->config->policy.errors_pages;
}

Verb policy_unproven_dsn(const Policy *policy)
{
    return policy->unproven_dsn;
}

char *policy_fingerprint(const Policy *policy, const char *const *rcpt_keys)
{
    GString *text = g_string_new(NULL);
    for (Tag tag = 0; tag < TAG_COUNT; tag++) {
        if (!makes_a_difference(policy, tag))
            continue;
        const MapEntry *entry = lookup_first(policy, OF_RECIPIENT, tag, rcpt_keys, NULL);
        if (entry)
            g_string_append_printf(text, "%s=%s;", tag_name(tag), entry->value);
    }
    return g_string_free(text, FALSE);
}
