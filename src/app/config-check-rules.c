/* config-check-rules.c — what rules say that nothing bears out: of the access map, [verbs], [thresholds] and their like. */
#include "app/config-check-internal.h"

#include <string.h>

#include "base/words.h"

#define SPELLING_SLIPS 2 /* letters that may be wrong */
#define SPELLING_LEAST 6 /* shorter words are too like each other */

/* --- which option switches the check of a tag on --- */

ON(always, config != NULL)
ON(ptr_is_on, config->connection.ptr_checks)
ON(iprev_is_on, config->connection.iprev)
ON(bans_are_on, config != NULL) /* by hand at least */
ON(hello_is_on, config->connection.hello_checks)
ON(own_names_are_on, !patterns_is_empty(config->connection.hello_blacklist))
ON(syntax_is_on, config->sender.syntax_checks)
ON(own_domains_are_on, !patterns_is_empty(config->sender.internal_domains))
ON(internal_mta_is_on, !hosts_is_empty(config->sender.internal_mta))
ON(private_relay_is_on, !patterns_is_empty(config->sender.private_relay))
ON(banned_domains_are_on, !patterns_is_empty(config->sender.banned_domains))
ON(no_mail_is_on, !patterns_is_empty(config->sender.no_mail_to))
ON(srs_is_on, config->loaded.srs_secrets && !patterns_is_empty(config->srs.domains))
ON(bounce_check_is_on, config->bounces.check)
ON(bounces_are_on, config->bounces.check && config->loaded.srs_secrets)
ON(message_id_is_on, config->sender.message_id_checks)
ON(spf_is_on, config->spf.mode == SPF_MODE_ON)
ON(guess_is_on, config->spf.mode == SPF_MODE_ON && config->spf.best_guess)
ON(forwarder_is_on, config->spf.mode == SPF_MODE_ON && config->spf.trusted_forwarder[0])
ON(greylist_is_on, config->greylist.mode != GREYLIST_OFF)
ON(limits_are_on, config->policy.limits.n > 0)
ON(store_is_on, *config->store.path != '\0')
ON(dkim_is_on, config->dkim.verify == DKIM_MODE_ON)
ON(sealers_are_trusted, config->arc.verify && !patterns_is_empty(config->arc.trusted_sealers))
ON(dmarc_is_on, config->dmarc.mode == DMARC_MODE_ON)
ON(thresholds_are_on, config->policy.thresholds.n > 0)
ON(early_thresholds_are_on, config->policy.early_thresholds.n > 0)

/* `is_on` NULL: no check of this version finds it. */
static const struct {
    IsOn is_on;
    const char *switch_on;
} switches[TAG_COUNT] = {
    [TAG_CLIENT_PTR] = {ptr_is_on, "[connection] ptr_checks = yes"},
    [TAG_CLIENT_BANNED] = {bans_are_on, "[connection] max_demerits"},
    [TAG_IPREV_PASS] = {iprev_is_on, "[connection] iprev = yes"},
    [TAG_IPREV_FAIL] = {iprev_is_on, "[connection] iprev = yes"},
    [TAG_IPREV_PERMERROR] = {iprev_is_on, "[connection] iprev = yes"},
    [TAG_IPREV_TEMPERROR] = {iprev_is_on, "[connection] iprev = yes"},
    [TAG_HELLO_MISSING] = {hello_is_on, "[connection] hello_checks = yes"},
    [TAG_HELLO_IP] = {hello_is_on, "[connection] hello_checks = yes"},
    [TAG_HELLO_OWN] = {own_names_are_on, "[connection] hello_blacklist"},
    [TAG_SMTP_AUTH] = {always, ""},
    [TAG_BAD_SENDER] = {syntax_is_on, "[sender] syntax_checks = yes"},
    [TAG_BAD_RECIPIENT] = {syntax_is_on, "[sender] syntax_checks = yes"},
    [TAG_SELF_SPOOF] = {own_domains_are_on, "[sender] internal_domains"},
    [TAG_ZOMBIE] = {own_domains_are_on, "[sender] internal_domains"},
    [TAG_NULL_SENDER] = {internal_mta_is_on, "[sender] internal_mta"},
    [TAG_PRIVATE_RELAY] = {private_relay_is_on, "[sender] private_relay"},
    [TAG_BANNED_DOMAIN] = {banned_domains_are_on, "[sender] banned_domains"},
    [TAG_NO_MAIL] = {no_mail_is_on, "[sender] no_mail_to"},
    [TAG_SRS_FORGED] = {srs_is_on, "[srs] domains and secret_file"},
    [TAG_BOUNCE_GENUINE] = {bounces_are_on, "[bounces] check = yes and [srs] secret_file"},
    [TAG_BOUNCE_FORGED] = {bounces_are_on, "[bounces] check = yes and [srs] secret_file"},
    [TAG_BOUNCE_MANY] = {bounce_check_is_on, "[bounces] check = yes"},
    [TAG_SHORT_MSGID] = {message_id_is_on, "[sender] message_id_checks = yes"},
    [TAG_SPF_PASS] = {spf_is_on, "[spf] mode = on"},
    [TAG_SPF_GUESS] = {guess_is_on, "[spf] mode = on and best_guess = yes"},
    [TAG_SPF_FORWARDER] = {forwarder_is_on, "[spf] mode = on and trusted_forwarder"},
    [TAG_SPF_FAIL] = {spf_is_on, "[spf] mode = on"},
    [TAG_SPF_SOFTFAIL] = {spf_is_on, "[spf] mode = on"},
    [TAG_SPF_NEUTRAL] = {spf_is_on, "[spf] mode = on"},
    [TAG_SPF_NONE] = {spf_is_on, "[spf] mode = on"},
    [TAG_SPF_PERMERROR] = {spf_is_on, "[spf] mode = on"},
    [TAG_SPF_TEMPERROR] = {spf_is_on, "[spf] mode = on"},
    [TAG_HELO_PASS] = {spf_is_on, "[spf] mode = on"},
    [TAG_HELO_FAIL] = {spf_is_on, "[spf] mode = on"},
    [TAG_HELO_SOFTFAIL] = {spf_is_on, "[spf] mode = on"},
    [TAG_HELO_NEUTRAL] = {spf_is_on, "[spf] mode = on"},
    [TAG_HELO_NONE] = {spf_is_on, "[spf] mode = on"},
    [TAG_HELO_PERMERROR] = {spf_is_on, "[spf] mode = on"},
    [TAG_HELO_TEMPERROR] = {spf_is_on, "[spf] mode = on"},
    [TAG_GREYLIST] = {greylist_is_on, "[greylist] mode = rules or all"},
    [TAG_LIMIT] = {limits_are_on, "[limits]"},
    [TAG_STORE_AWAY] = {store_is_on, "[store] path"},
    [TAG_DKIM_PASS] = {dkim_is_on, "[dkim] verify = on"},
    [TAG_DKIM_OTHER] = {dkim_is_on, "[dkim] verify = on"},
    [TAG_DKIM_FAIL] = {dkim_is_on, "[dkim] verify = on"},
    [TAG_DKIM_TEMPERROR] = {dkim_is_on, "[dkim] verify = on"},
    [TAG_DMARC_PASS] = {dmarc_is_on, "[dmarc] mode = on"},
    [TAG_DMARC_FAIL] = {dmarc_is_on, "[dmarc] mode = on"},
    [TAG_DMARC_QUARANTINE] = {dmarc_is_on, "[dmarc] mode = on"},
    [TAG_DMARC_REJECT] = {dmarc_is_on, "[dmarc] mode = on"},
    [TAG_DMARC_AUTHOR] = {dmarc_is_on, "[dmarc] mode = on"},
    [TAG_DMARC_TEMPERROR] = {dmarc_is_on, "[dmarc] mode = on"},
    [TAG_ARC_TRUSTED] = {sealers_are_trusted, "[arc] verify = yes and trusted_sealers"},
    [TAG_SCORE] = {thresholds_are_on, "[thresholds]"},
    [TAG_SCORE_EARLY] = {early_thresholds_are_on, "[early_thresholds]"},
};

static gboolean can_be_found(const Config *config, Tag tag)
{
    return switches[tag].is_on && switches[tag].is_on(config);
}

/* --- all rules that somebody wrote --- */

/* The first of its kind, and how many there are. */
typedef struct {
    const char *file;
    guint line;
    guint n;
} Place;

typedef struct {
    Place by_tag[TAG_COUNT];
    Place by_verb[VERB_COUNT];
    const Inspection *check;
} Rules;

static void add_place(Place *place, const char *file, guint line)
{
    if (!place->n++ || (line && (!place->line || line < place->line))) { /* line 0: nobody wrote it */
        place->file = file;
        place->line = line;
    }
}

static void add_ruling(Rules *rules, const char *value, const char *file, guint line)
{
    Ruling ruling = {0};
    if (ruling_parse(value, &ruling, NULL))
        add_place(&rules->by_verb[ruling.verb], file, line);
    ruling_clear(&ruling);
}

/* Other programs' tags are none of our business, but one that is a letter or two from ours is most likely a slip. */
static void check_spelling(const Inspection *check, const char *key, const char *file, guint line)
{
    g_autofree char *word = g_strndup(key, strcspn(key, ":"));
    if (strlen(word) < SPELLING_LEAST)
        return;
    for (Tag tag = 0; tag < TAG_COUNT; tag++) {
        if (word_distance(word, tag_name(tag)) <= SPELLING_SLIPS) {
            problems_add(check->problems, PROBLEM_WARNING, file, line, "%s is no tag; is %s meant?", word,
                         tag_name(tag));
            return;
        }
    }
}

static void add_entry(const MapEntry *entry, void *data)
{
    Rules *rules = data;
    const char *word = entry->key + (g_str_has_prefix(entry->key, "to-") ? strlen("to-") : 0);
    const char *file = map_name(rules->check->config->policy.access);
    Tag tag;
    if (!tag_parse(word, strcspn(word, ":"), &tag)) {
        check_spelling(rules->check, word, file, entry->line);
        return;
    }
    add_place(&rules->by_tag[tag], file, entry->line);
    add_ruling(rules, entry->value, file, entry->line);
}

static void add_verbs(Rules *rules, const Config *config)
{
    const ConfigPairs *verbs = &config->policy.verbs;
    for (guint i = 0; i < verbs->n; i++) {
        const ConfigPair *pair = &verbs->items[i];
        Tag tag;
        if (!tag_parse(pair->name, strcspn(pair->name, "!"), &tag))
            continue;
        if (pair->line) /* nobody wrote what an old file has by default */
            add_place(&rules->by_tag[tag], config->path, pair->line);
        if (can_be_found(config, tag))
            add_ruling(rules, pair->value, config->path, pair->line);
    }
}

static void add_thresholds(Rules *rules, const Config *config, const ConfigPairs *pairs)
{
    for (guint i = 0; i < pairs->n; i++) {
        const char *verb = strpbrk(pairs->items[i].value, " \t");
        if (verb)
            add_ruling(rules, verb + strspn(verb, " \t"), config->path, pairs->items[i].line);
    }
}

/* Tags that somebody named in [blacklist_rules]. */
static void add_counted(Rules *rules, const Config *config)
{
    const ConfigPairs *pairs = &config->policy.blacklist_rules;
    for (guint i = 0; i < pairs->n; i++) {
        g_auto(GStrv) words = g_strsplit_set(pairs->items[i].value, ", \t", -1);
        Tag tag;
        for (char **word = words; *word; word++)
            if (tag_parse(*word, strlen(*word), &tag))
                add_place(&rules->by_tag[tag], config->path, pairs->items[i].line);
    }
}

static void collect(Rules *rules, const Config *config)
{
    if (config->policy.access)
        map_foreach(config->policy.access, add_entry, rules);
    add_verbs(rules, config);
    add_thresholds(rules, config, &config->policy.thresholds);
    add_thresholds(rules, config, &config->policy.early_thresholds);
    add_counted(rules, config);
}

/* " (and 3 more)" */
static const char *and_more(const Place *place, char into[static 40])
{
    *into = '\0';
    if (place->n > 1)
        g_snprintf(into, 40, " (and %u more)", place->n - 1);
    return into;
}

static void check_tags(const Inspection *check, const Rules *rules)
{
    char more[40];
    for (Tag tag = 0; tag < TAG_COUNT; tag++) {
        const Place *place = &rules->by_tag[tag];
        if (!place->n || can_be_found(check->config, tag))
            continue;
        if (switches[tag].is_on)
            problems_add(check->problems, PROBLEM_WARNING, place->file, place->line,
                         "a rule for %s%s, but its check is switched off: %s switches it on", tag_name(tag),
                         and_more(place, more), switches[tag].switch_on);
        else
            problems_add(check->problems, PROBLEM_NOTE, place->file, place->line,
                         "a rule for %s%s: this version has no check that finds it", tag_name(tag),
                         and_more(place, more));
    }
}

static void check_verbs(const Inspection *check, const Rules *rules)
{
    char more[40];
    const Config *config = check->config;
    for (Verb verb = 0; verb < VERB_COUNT; verb++) {
        const Place *place = &rules->by_verb[verb];
        if (place->n && VERB_BIT(verb) & VERB_DEMANDS & ~check->carried_out)
            problems_add(
                check->problems, PROBLEM_WARNING, place->file, place->line,
                "%s%s, %s it counts as [policy] unavailable = %s", verb_name(verb), and_more(place, more),
                verb == VERB_GREYLIST ? "but [greylist] mode = off; rules switches it on, and until then"
                                      : "which nothing in this version carries out:",
                verb_name(policy_unavailable(check->policy)));
    }
    const Place *quarantine = &rules->by_verb[VERB_QUARANTINE];
    if (quarantine->n && !*config->policy.quarantine_dir)
        problems_add(
            check->problems, PROBLEM_WARNING, quarantine->file, quarantine->line,
            "QUARANTINE%s, but there is no [policy] quarantine_dir: such mail gets a temporary failure",
            and_more(quarantine, more));
    const Place *score = &rules->by_verb[VERB_SCORE];
    if (score->n && !config->policy.thresholds.n && !config->policy.early_thresholds.n)
        problems_add(check->problems, PROBLEM_WARNING, score->file, score->line,
                     "SCORE%s, but there are no [thresholds] that judge the sum", and_more(score, more));
    const ConfigPairs *sums[] = {&config->policy.thresholds, &config->policy.early_thresholds};
    for (gsize i = 0; i < G_N_ELEMENTS(sums) && !score->n; i++)
        if (sums[i]->n)
            problems_add(check->problems, PROBLEM_WARNING, config->path, sums[i]->items[0].line,
                         "a threshold, but no rule gives a SCORE");
}

static void check_counted(const Inspection *check)
{
    const ConfigPairs *pairs = &check->config->policy.blacklist_rules;
    if (pairs->n && !*check->config->store.path)
        problems_add(check->problems, PROBLEM_WARNING, check->config->path, pairs->items[0].line,
                     "[blacklist_rules], but there is no [store] path to count in: nobody will be banned");
}

static void check_mixed(const Inspection *check)
{
    const Config *config = check->config;
    const char *file;
    guint line = config_where(config, "policy", "mixed", &file);
    if (config->policy.mixed == MIXED_SEPARATE && !*config->policy.quarantine_dir &&
        policy_may_differ_after_data(check->policy))
        problems_add(check->problems, PROBLEM_WARNING, file, line,
                     "[policy] mixed = separate, but there is no quarantine_dir for the copies of those that "
                     "are refused: "
                     "where recipients end differently, all get a temporary failure");
}

/* The access map's rule for the bare tag comes before [verbs] (policy.h). */
static void check_order(const Inspection *check)
{
    const Config *config = check->config;
    const ConfigPairs *verbs = &config->policy.verbs;
    for (guint i = 0; i < verbs->n && config->policy.access; i++) {
        const ConfigPair *pair = &verbs->items[i];
        if (!pair->line)
            continue;
        g_autofree char *tag = g_ascii_strdown(pair->name, strcspn(pair->name, "!"));
        g_autofree char *key = g_strconcat(tag, ":", NULL);
        const MapEntry *entry = map_lookup(config->policy.access, key);
        if (!entry)
            entry = map_lookup(config->policy.access, tag);
        if (entry)
            problems_add(check->problems, PROBLEM_WARNING, config->path, pair->line,
                         "%s is never looked at: %s in %s, line %u, comes first", pair->name, entry->key,
                         map_name(config->policy.access), entry->line);
    }
}

static gboolean something_settles(const Inspection *check, Tag tag)
{
    for (Tag proof = 0; proof < TAG_COUNT; proof++)
        if (policy_settles(check->policy, tag, proof) && can_be_found(check->config, proof))
            return TRUE;
    return FALSE;
}

static void check_waiting(const Inspection *check)
{
    const ConfigPairs *pairs = &check->config->policy.decide_at;
    for (guint i = 0; i < pairs->n; i++) {
        Tag tag;
        if (!tag_parse(pairs->items[i].name, strlen(pairs->items[i].name), &tag))
            continue;
        if (can_be_found(check->config, tag) && tag_info(tag)->found == STAGE_RCPT &&
            policy_decide_at(check->policy, tag) == STAGE_MESSAGE && !something_settles(check, tag))
            problems_add(check->problems, PROBLEM_NOTE, check->config->path, pairs->items[i].line,
                         "%s waits for the message, but nothing that is switched on settles it",
                         tag_name(tag));
    }
    const ConfigPairs *settled = &check->config->policy.settled_by;
    for (guint i = 0; i < settled->n; i++) {
        Tag tag;
        if (tag_parse(settled->items[i].name, strlen(settled->items[i].name), &tag) &&
            !something_settles(check, tag))
            problems_add(check->problems, PROBLEM_NOTE, check->config->path, settled->items[i].line,
                         "nothing of what settles %s can be found", tag_name(tag));
    }
}

void inspect_rules(Inspection *check)
{
    Rules rules = {.check = check};
    collect(&rules, check->config);
    check->login_rules = rules.by_tag[TAG_SMTP_AUTH].n;
    check->dmarc_rules = rules.by_tag[TAG_DMARC_REJECT].n;
    check_tags(check, &rules);
    check_verbs(check, &rules);
    check_mixed(check);
    check_counted(check);
    check_order(check);
    check_waiting(check);
}
