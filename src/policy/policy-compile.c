/* From a Config to a Policy: every rule is read once, and what makes no sense is told with file and line. */
#include "policy/policy-internal.h"

#include <string.h>

#include "conf/dnsbl.h"

/* Verbs that are the same answer at RCPT and after DATA. All others wait for end of message (callbacks, QUARANTINE, …) or
 * change what is decided there: a score adds to the sum, PROBATION silences content findings. */
#define SETTLED_AT_RCPT                                                                                      \
    (VERB_BIT(VERB_OK) | VERB_BIT(VERB_TEMPFAIL) | VERB_BIT(VERB_REJECT) | VERB_BIT(VERB_BAN) |              \
     VERB_BIT(VERB_DENY) | VERB_BIT(VERB_GREYLIST))

static void own_verb_free(gpointer data)
{
    OwnVerb *own = data;
    ruling_clear(&own->ruling);
    g_free(own->source);
    g_free(own);
}

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
        tag_set_add(&policy->late_tags, tag);
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
    tag_set_add(&c->policy->mapped[of_recipient ? OF_RECIPIENT : OF_SUBJECT], tag);
    if (of_recipient && *colon && colon[1])
        tag_set_add(&c->policy->own_tags, tag);
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
    const ConfigPair bare = {name, pair->value, pair->line, pair->of};
    *known = pair_tag(c, &bare, tag);
    return subject + 1;
}

/* Takes `source`, and the ruling's strings. */
static void set_own_verb(Policy *policy, Tag tag, const char *subject, const Ruling *ruling, char *source)
{
    OwnVerb *own = g_new0(OwnVerb, 1);
    *own = (OwnVerb){*ruling, source};
    g_autofree char *key = g_strconcat(tag_name(tag), ":", subject, NULL);
    g_hash_table_replace(policy->own_verbs, g_ascii_strdown(key, -1), own);
    tag_set_add(&policy->own_listed, tag);
}

static void set_verb(Compiler *c, Tag tag, const char *subject, const Ruling *ruling, const ConfigPair *pair)
{
    Policy *policy = c->policy;
    char *source = pair->line ? g_strdup_printf("%s:%u", file_of(c), pair->line)
                              : g_strdup_printf("default of %s", pair->of);
    note_verb(policy, tag, ruling->verb);
    if (subject) {
        set_own_verb(policy, tag, subject, ruling, source);
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
            set_verb(c, tag, subject, &ruling, pair);
        else
            ruling_clear(&ruling);
    }
}

/* B12. Nobody who may use the name says it, so who says it lies; [verbs] for the tag or the name says otherwise. */
static const struct {
    Tag tag;
    const char *subject;
    Verb verb;
} built_in_subjects[] = {
    {TAG_HELO_FAIL, "gmail.com", VERB_BAN},
    {TAG_HELO_SOFTFAIL, "gmail.com", VERB_BAN},
    {TAG_HELO_NEUTRAL, "gmail.com", VERB_BAN},
};

static void compile_built_in_subjects(Policy *policy)
{
    for (gsize i = 0; i < G_N_ELEMENTS(built_in_subjects); i++) {
        Tag tag = built_in_subjects[i].tag;
        g_autofree char *name = g_strconcat(tag_name(tag), ":", built_in_subjects[i].subject, NULL);
        g_autofree char *key = g_ascii_strdown(name, -1);
        if (policy->verb_sources[tag] || g_hash_table_contains(policy->own_verbs, key))
            continue;
        const Ruling ruling = {.verb = built_in_subjects[i].verb};
        set_own_verb(policy, tag, built_in_subjects[i].subject, &ruling, g_strdup(RULE_BUILT_IN));
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
                         "%s = %s: a tag is decided at rcpt or at message, and not before it can be found",
                         pair->name, pair->value);
    }
}

static void compile_settled_by(Compiler *c)
{
    Policy *policy = c->policy;
    for (Tag tag = 0; tag < TAG_COUNT; tag++)
        for (const Tag *proof = tag_info(tag)->settled_by; proof && *proof != TAG_COUNT; proof++)
            tag_set_add(&policy->settled_by[tag], *proof);
    const ConfigPairs *pairs = &policy->config->policy.settled_by;
    for (guint i = 0; i < pairs->n; i++) {
        const ConfigPair *pair = &pairs->items[i];
        Tag tag, proof;
        if (!pair_tag(c, pair, &tag))
            continue;
        policy->settled_by[tag] = (TagSet){0};
        g_auto(GStrv) words = g_strsplit_set(pair->value, ", \t\n", -1);
        for (char **word = words; *word; word++) {
            if (!**word)
                continue;
            if (!tag_parse(*word, strlen(*word), &proof))
                problems_add(c->problems, PROBLEM_ERROR, file_of(c), pair->line, "%s is no tag", *word);
            else if (tag_info(proof)->class != CLASS_PROOF)
                problems_add(c->problems, PROBLEM_ERROR, file_of(c), pair->line, "%s proves nothing", *word);
            else
                tag_set_add(&policy->settled_by[tag], proof);
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
                         "%s = %s: write a number, then a verb, as in \"6 QUARANTINE\"", pair->name,
                         pair->value);
            continue;
        }
        if (!pair_ruling(c, pair, end, &threshold.ruling))
            continue;
        if (threshold.ruling.verb == VERB_SCORE)
            problems_add(c->problems, PROBLEM_ERROR, file_of(c), pair->line,
                         "%s = %s: a sum cannot be added to itself", pair->name, pair->value);
        if (threshold.ruling.verb == VERB_SCORE ||
            !legal(c, file_of(c), pair->line, tag, &threshold.ruling)) {
            ruling_clear(&threshold.ruling);
            continue;
        }
        threshold.source = g_strdup_printf("%s:%u", file_of(c), pair->line);
        c->policy->verbs_used |= VERB_BIT(threshold.ruling.verb);
        g_array_append_val(into, threshold);
    }
}

/* The rules of [dnsbl], as rules for "NAME:ANSWER". */
static void compile_dnsbl(Compiler *c)
{
    const DnsblList *all = c->policy->config->loaded.dnsbl;
    for (guint i = 0; all && i < all->n; i++) {
        const Dnsbl *list = &all->lists[i];
        Tag tag = list->white ? TAG_DNSWL : TAG_DNSBL;
        for (guint k = 0; k < list->rules->len; k++) {
            const DnsblRule *rule = &g_array_index(list->rules, DnsblRule, k);
            const ConfigPair pair = {(char *)list->name, rule->verb, list->line, NULL};
            g_autofree char *subject = g_strdup_printf("%s:%s", list->name, rule->answer);
            Ruling ruling = {0};
            if (!pair_ruling(c, &pair, rule->verb, &ruling))
                continue;
            if (legal(c, file_of(c), list->line, tag, &ruling))
                set_verb(c, tag, subject, &ruling, &pair);
            else
                ruling_clear(&ruling);
        }
    }
}

static void compile_blacklist_rules(Compiler *c)
{
    const ConfigPairs *pairs = &c->policy->config->policy.blacklist_rules;
    for (guint i = 0; i < pairs->n; i++) {
        const ConfigPair *pair = &pairs->items[i];
        BlacklistRule rule;
        g_autoptr(GError) error = NULL;
        if (blacklist_rule_parse(pair->name, pair->value, &rule, &error))
            g_array_append_val(c->policy->blacklist_rules, rule);
        else
            problems_add(c->problems, PROBLEM_ERROR, file_of(c), pair->line, "%s: %s", pair->name,
                         error->message);
    }
}

/* What is decided at end of message, whatever the rules say. */
static void compile_late(Policy *policy)
{
    for (Tag tag = 0; tag < TAG_COUNT; tag++)
        if (policy->decide_at[tag] == STAGE_MESSAGE)
            tag_set_add(&policy->late_tags, tag);
}

/* What may stand in for a verb that is out of reach. */
#define FALLBACKS                                                                                            \
    (VERB_BIT(VERB_OK) | VERB_BIT(VERB_TEMPFAIL) | VERB_BIT(VERB_REJECT) | VERB_BIT(VERB_QUARANTINE))

static Verb compile_fallback(Compiler *c, const char *key, const char *word, guint allowed, Verb otherwise)
{
    Verb verb = otherwise;
    if (!*word || (verb_parse(word, &verb) && VERB_BIT(verb) & allowed)) {
        c->policy->verbs_used |= VERB_BIT(verb);
        return verb;
    }
    problems_add(c->problems, PROBLEM_ERROR, file_of(c), 0,
                 "[policy] %s = %s: OK, TEMPFAIL, REJECT%s belongs there", key, word,
                 allowed & VERB_BIT(VERB_CBV) ? ", QUARANTINE or CBV" : " or QUARANTINE");
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
    policy->blacklist_rules = g_array_new(FALSE, FALSE, sizeof(BlacklistRule));
    g_array_set_clear_func(policy->blacklist_rules, (GDestroyNotify)blacklist_rule_clear);
    Compiler c = {policy, problems};
    guint errors = problems_count(problems, PROBLEM_ERROR);
    compile_verbs(&c);
    compile_built_in_subjects(policy);
    compile_dnsbl(&c);
    compile_decide_at(&c);
    compile_settled_by(&c);
    compile_thresholds(&c, &config->policy.thresholds, policy->thresholds[0], TAG_SCORE);
    compile_thresholds(&c, &config->policy.early_thresholds, policy->thresholds[1], TAG_SCORE_EARLY);
    compile_blacklist_rules(&c);
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
    g_clear_pointer(&policy->blacklist_rules, g_array_unref);
    g_clear_pointer(&policy->own_verbs, g_hash_table_unref);
    config_unref(policy->config);
    g_free(policy);
}
