#include "policy/policy.h"

#include <string.h>

#define TAG_BIT(tag) (G_GUINT64_CONSTANT(1) << (tag))
#define KEYS_MAX 136 /* an address, its domain and at most 127 parents (RFC 1035 §2.3.4) fit */

struct Policy {
    Config *config;
    Ruling verbs[TAG_COUNT];
    char *verb_sources[TAG_COUNT];   /* NULL: built in */
    Stage decide_at[TAG_COUNT];
    guint64 settled_by[TAG_COUNT];   /* a bit per tag */
    GArray *thresholds[2];           /* Threshold; [1] is the early one */
    guint verbs_used;                /* by rules that somebody wrote */
    guint64 mapped[2];               /* tags that the access map has entries for, a bit each; [1]: To- */
    GHashTable *own_verbs;           /* "spf-fail:example.com" → OwnVerb: what an old file lists (D8) */
    guint64 late_tags;               /* a bit per tag: some rule for it makes a difference after DATA */
    guint64 own_tags;                /* a bit per tag: some recipients have rules of their own for it */
    gboolean put_off;                /* [decide_at] puts some tag off until end of message */
    Verb unavailable, unproven_dsn;
};
G_STATIC_ASSERT(TAG_COUNT <= 64);

/* A rule that stands in the configuration itself. */
typedef struct {
    Ruling ruling;
    char *source;
} OwnVerb;

static void own_verb_free(gpointer data)
{
    OwnVerb *own = data;
    ruling_clear(&own->ruling);
    g_free(own->source);
    g_free(own);
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

typedef enum { OF_SUBJECT, OF_RECIPIENT } Whose;

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

static const MapEntry *lookup(const Policy *policy, Whose whose, Tag tag, const char *subject, const Watch *watch)
{
    char key[KEY_MAX];
    if ((!watch && !(policy->mapped[whose] & TAG_BIT(tag))) || /* most tags have no entry */
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
    if (entry || !(policy->mapped[whose] & TAG_BIT(tag)))
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

static gboolean ruling_of_entry(const Policy *policy, Pool *pool, const MapEntry *entry, Ruling *ruling, Rule *rule)
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

/* The lists of an old file come after the whole map, as they always did. */
static gboolean ruling_of_own(const Policy *policy, Pool *pool, Tag tag, const char *const *keys, Ruling *ruling,
                              Rule *rule, const Watch *watch)
{
    char key[KEY_MAX];
    for (; keys && *keys && g_hash_table_size(policy->own_verbs); keys++) {
        const OwnVerb *own =
            write_key(key, "", tag_name(tag), *keys) ? g_hash_table_lookup(policy->own_verbs, key) : NULL;
        tell(watch, POLICY_VERBS, key, own ? verb_name(own->ruling.verb) : NULL);
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
static void find_rule(const Policy *policy, Pool *pool, Tag tag, const char *const *keys, const char *const *rcpt_keys,
                      Ruling *ruling, Rule *rule, const Watch *watch)
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

void policy_rule(const Policy *policy, Pool *pool, Tag tag, const char *const *keys, const char *const *rcpt_keys,
                 Ruling *ruling, Rule *rule)
{
    find_rule(policy, pool, tag, keys, rcpt_keys, ruling, rule, NULL);
}

void policy_explain(const Policy *policy, Pool *pool, Tag tag, const char *const *keys, const char *const *rcpt_keys,
                    Ruling *ruling, Rule *rule, PolicyStep *step, void *data)
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
    return policy->settled_by[tag] >> proof & 1;
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

gboolean policy_may_differ_after_data(const Policy *policy)
{
    return policy->put_off || policy->late_tags & policy->own_tags;
}

Verb policy_unavailable(const Policy *policy)
{
    return policy->unavailable;
}

const char *policy_errors_url(const Policy *policy)
{
    return policy->config->policy.errors_url;
}

Verb policy_unproven_dsn(const Policy *policy)
{
    return policy->unproven_dsn;
}

/* Verbs that are the same answer at RCPT and after DATA. All others wait for end of message (callbacks, QUARANTINE, …) or
 * change what is decided there: a score adds to the sum, PROBATION silences content findings. */
#define SETTLED_AT_RCPT                                                                                            \
    (VERB_BIT(VERB_OK) | VERB_BIT(VERB_TEMPFAIL) | VERB_BIT(VERB_REJECT) | VERB_BIT(VERB_BAN) |                    \
     VERB_BIT(VERB_DENY) | VERB_BIT(VERB_GREYLIST))

char *policy_fingerprint(const Policy *policy, const char *const *rcpt_keys)
{
    GString *text = g_string_new(NULL);
    for (Tag tag = 0; tag < TAG_COUNT; tag++) {
        if (!(policy->late_tags & policy->own_tags & TAG_BIT(tag)))
            continue;
        const MapEntry *entry = lookup_first(policy, OF_RECIPIENT, tag, rcpt_keys, NULL);
        if (entry)
            g_string_append_printf(text, "%s=%s;", tag_name(tag), entry->value);
    }
    return g_string_free(text, FALSE);
}

/* --- compiling --- */

typedef struct {
    Policy *policy;
    Problems *problems;
} Compiler;

static const char *file_of(const Compiler *c)
{
    return c->policy->config->path;
}

static gboolean legal(Compiler *c, const char *file, guint line, Tag tag, const Ruling *ruling)
{
    if (tag_legal_verbs(tag) & VERB_BIT(ruling->verb))
        return TRUE;
    problems_add(c->problems, PROBLEM_ERROR, file, line, "%s makes no sense for %s (class %s)",
                 verb_name(ruling->verb), tag_name(tag), tag_class_name(tag_info(tag)->class));
    return FALSE;
}

static void note_verb(Policy *policy, Tag tag, Verb verb)
{
    policy->verbs_used |= VERB_BIT(verb);
    if (!(VERB_BIT(verb) & SETTLED_AT_RCPT))
        policy->late_tags |= TAG_BIT(tag);
}

/* The map holds other programs' entries too: keys that are no tag of ours are left alone. */
static void check_entry(const MapEntry *entry, void *data)
{
    Compiler *c = data;
    const char *word = entry->key;
    const char *colon = word + strcspn(word, ":");
    Tag tag;
    gboolean of_recipient = g_str_has_prefix(word, "to-");
    if (of_recipient)
        word += strlen("to-");
    if (!tag_parse(word, colon - word, &tag))
        return;
    c->policy->mapped[of_recipient ? OF_RECIPIENT : OF_SUBJECT] |= TAG_BIT(tag);
    if (of_recipient && *colon && colon[1])
        c->policy->own_tags |= TAG_BIT(tag);
    const char *file = map_name(c->policy->config->policy.access);
    Ruling ruling = {0};
    g_autoptr(GError) error = NULL;
    if (!ruling_parse(entry->value, &ruling, &error))
        problems_add(c->problems, PROBLEM_ERROR, file, entry->line, "%s: %s", entry->key, error->message);
    else if (legal(c, file, entry->line, tag, &ruling))
        note_verb(c->policy, tag, ruling.verb);
    ruling_clear(&ruling);
}

static gboolean pair_tag(Compiler *c, const ConfigPair *pair, Tag *tag)
{
    if (tag_parse(pair->name, strlen(pair->name), tag))
        return TRUE;
    problems_add(c->problems, PROBLEM_ERROR, file_of(c), pair->line, "%s is no tag", pair->name);
    return FALSE;
}

static gboolean pair_ruling(Compiler *c, const ConfigPair *pair, const char *value, Ruling *ruling)
{
    g_autoptr(GError) error = NULL;
    if (ruling_parse(value, ruling, &error))
        return TRUE;
    problems_add(c->problems, PROBLEM_ERROR, file_of(c), pair->line, "%s: %s", pair->name, error->message);
    return FALSE;
}

/* "SPF-Fail!example.com = OK": TAG!SUBJECT. Returns the subject, or NULL. */
static const char *pair_subject(Compiler *c, const ConfigPair *pair, Tag *tag, gboolean *known)
{
    const char *subject = strchr(pair->name, '!');
    if (!subject) {
        *known = pair_tag(c, pair, tag);
        return NULL;
    }
    g_autofree char *name = g_strndup(pair->name, subject - pair->name);
    const ConfigPair bare = {name, pair->value, pair->line};
    *known = pair_tag(c, &bare, tag);
    return subject + 1;
}

static void set_verb(Compiler *c, Tag tag, const char *subject, const Ruling *ruling, guint line)
{
    Policy *policy = c->policy;
    char *source = line ? g_strdup_printf("%s:%u", file_of(c), line)
                        : g_strdup("default of files with the old section names");
    note_verb(policy, tag, ruling->verb);
    if (subject) {
        OwnVerb *own = g_new0(OwnVerb, 1);
        *own = (OwnVerb){*ruling, source};
        g_autofree char *key = g_strconcat(tag_name(tag), ":", subject, NULL);
        g_hash_table_replace(policy->own_verbs, g_ascii_strdown(key, -1), own);
        return;
    }
    ruling_clear(&policy->verbs[tag]);
    policy->verbs[tag] = *ruling;
    g_free(policy->verb_sources[tag]);
    policy->verb_sources[tag] = source;
}

static void compile_verbs(Compiler *c)
{
    Policy *policy = c->policy;
    for (Tag tag = 0; tag < TAG_COUNT; tag++)
        policy->verbs[tag] = (Ruling){.verb = tag_info(tag)->verb};
    const ConfigPairs *pairs = &policy->config->policy.verbs;
    for (guint i = 0; i < pairs->n; i++) {
        const ConfigPair *pair = &pairs->items[i];
        Tag tag;
        gboolean known;
        Ruling ruling = {0};
        const char *subject = pair_subject(c, pair, &tag, &known);
        if (!known || !pair_ruling(c, pair, pair->value, &ruling))
            continue;
        if (legal(c, file_of(c), pair->line, tag, &ruling))
            set_verb(c, tag, subject, &ruling, pair->line);
        else
            ruling_clear(&ruling);
    }
}

static void compile_decide_at(Compiler *c)
{
    for (Tag tag = 0; tag < TAG_COUNT; tag++)
        c->policy->decide_at[tag] = tag_info(tag)->found;
    const ConfigPairs *pairs = &c->policy->config->policy.decide_at;
    for (guint i = 0; i < pairs->n; i++) {
        const ConfigPair *pair = &pairs->items[i];
        Tag tag;
        if (!pair_tag(c, pair, &tag))
            continue;
        if (g_ascii_strcasecmp(pair->value, "message") == 0)
            c->policy->decide_at[tag] = STAGE_MESSAGE, c->policy->put_off = TRUE;
        else if (g_ascii_strcasecmp(pair->value, "rcpt") != 0 || tag_info(tag)->found == STAGE_MESSAGE)
            problems_add(c->problems, PROBLEM_ERROR, file_of(c), pair->line,
                         "%s = %s: a tag is decided at rcpt or at message, and not before it can be found", pair->name, pair->value);
    }
}

static void compile_settled_by(Compiler *c)
{
    Policy *policy = c->policy;
    for (Tag tag = 0; tag < TAG_COUNT; tag++)
        for (const Tag *proof = tag_info(tag)->settled_by; proof && *proof != TAG_COUNT; proof++)
            policy->settled_by[tag] |= TAG_BIT(*proof);
    const ConfigPairs *pairs = &policy->config->policy.settled_by;
    for (guint i = 0; i < pairs->n; i++) {
        const ConfigPair *pair = &pairs->items[i];
        Tag tag, proof;
        if (!pair_tag(c, pair, &tag))
            continue;
        policy->settled_by[tag] = 0;
        g_auto(GStrv) words = g_strsplit_set(pair->value, ", \t\n", -1);
        for (char **word = words; *word; word++) {
            if (!**word)
                continue;
            if (!tag_parse(*word, strlen(*word), &proof))
                problems_add(c->problems, PROBLEM_ERROR, file_of(c), pair->line, "%s is no tag", *word);
            else if (tag_info(proof)->class != CLASS_PROOF)
                problems_add(c->problems, PROBLEM_ERROR, file_of(c), pair->line, "%s proves nothing", *word);
            else
                policy->settled_by[tag] |= TAG_BIT(proof);
        }
    }
}

static void threshold_clear(gpointer data)
{
    Threshold *threshold = data;
    ruling_clear(&threshold->ruling);
    g_free(threshold->source);
}

/* "spam = 6 QUARANTINE": a number and a verb. */
static void compile_thresholds(Compiler *c, const ConfigPairs *pairs, GArray *into, Tag tag)
{
    for (guint i = 0; i < pairs->n; i++) {
        const ConfigPair *pair = &pairs->items[i];
        char *end = NULL;
        Threshold threshold = {.name = pair->name, .least = g_ascii_strtod(pair->value, &end)};
        if (end == pair->value || !g_ascii_isspace(*end)) {
            problems_add(c->problems, PROBLEM_ERROR, file_of(c), pair->line,
                         "%s = %s: write a number, then a verb, as in \"6 QUARANTINE\"", pair->name, pair->value);
            continue;
        }
        if (!pair_ruling(c, pair, end, &threshold.ruling))
            continue;
        if (threshold.ruling.verb == VERB_SCORE)
            problems_add(c->problems, PROBLEM_ERROR, file_of(c), pair->line,
                         "%s = %s: a sum cannot be added to itself", pair->name, pair->value);
        if (threshold.ruling.verb == VERB_SCORE || !legal(c, file_of(c), pair->line, tag, &threshold.ruling)) {
            ruling_clear(&threshold.ruling);
            continue;
        }
        threshold.source = g_strdup_printf("%s:%u", file_of(c), pair->line);
        c->policy->verbs_used |= VERB_BIT(threshold.ruling.verb);
        g_array_append_val(into, threshold);
    }
}

/* What is decided at end of message, whatever the rules say. */
static void compile_late(Policy *policy)
{
    for (Tag tag = 0; tag < TAG_COUNT; tag++)
        if (policy->decide_at[tag] == STAGE_MESSAGE)
            policy->late_tags |= TAG_BIT(tag);
}

/* What may stand in for a verb that is out of reach. */
#define FALLBACKS                                                                                                  \
    (VERB_BIT(VERB_OK) | VERB_BIT(VERB_TEMPFAIL) | VERB_BIT(VERB_REJECT) | VERB_BIT(VERB_QUARANTINE))

static Verb compile_fallback(Compiler *c, const char *key, const char *word, guint allowed, Verb otherwise)
{
    Verb verb = otherwise;
    if (!*word || (verb_parse(word, &verb) && VERB_BIT(verb) & allowed)) {
        c->policy->verbs_used |= VERB_BIT(verb);
        return verb;
    }
    problems_add(c->problems, PROBLEM_ERROR, file_of(c), 0, "[policy] %s = %s: OK, TEMPFAIL, REJECT%s belongs there",
                 key, word, allowed & VERB_BIT(VERB_CBV) ? ", QUARANTINE or CBV" : " or QUARANTINE");
    return otherwise;
}

Policy *policy_new(const Config *config, Problems *problems)
{
    g_autoptr(Policy) policy = g_new0(Policy, 1);
    policy->config = config_ref((Config *)config);
    for (int i = 0; i < 2; i++) {
        policy->thresholds[i] = g_array_new(FALSE, FALSE, sizeof(Threshold));
        g_array_set_clear_func(policy->thresholds[i], threshold_clear);
    }
    policy->own_verbs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, own_verb_free);
    Compiler c = {policy, problems};
    guint errors = problems_count(problems, PROBLEM_ERROR);
    compile_verbs(&c);
    compile_decide_at(&c);
    compile_settled_by(&c);
    compile_thresholds(&c, &config->policy.thresholds, policy->thresholds[0], TAG_SCORE);
    compile_thresholds(&c, &config->policy.early_thresholds, policy->thresholds[1], TAG_SCORE_EARLY);
    if (config->policy.access)
        map_foreach(config->policy.access, check_entry, &c);
    compile_late(policy);
    policy->unavailable = compile_fallback(&c, "unavailable", config->policy.unavailable, FALLBACKS, VERB_OK);
    policy->unproven_dsn = compile_fallback(&c, "unproven_dsn", config->policy.unproven_dsn,
                                            FALLBACKS | VERB_BIT(VERB_CBV), VERB_REJECT);
    if (problems_count(problems, PROBLEM_ERROR) > errors)
        return NULL;
    return g_steal_pointer(&policy);
}

void policy_free(Policy *policy)
{
    if (!policy)
        return;
    for (Tag tag = 0; tag < TAG_COUNT; tag++) {
        ruling_clear(&policy->verbs[tag]);
        g_free(policy->verb_sources[tag]);
    }
    for (int i = 0; i < 2; i++)
        g_clear_pointer(&policy->thresholds[i], g_array_unref);
    g_clear_pointer(&policy->own_verbs, g_hash_table_unref);
    config_unref(policy->config);
    g_free(policy);
}
