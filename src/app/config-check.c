/* config-check.c — see config-check.h. First what rules say that no check bears out, then options, then the
 * world. */
#include "app/config-check.h"

#include <string.h>

#include "base/words.h"
#include "conf/keytable.h"

#define SPELLING_SLIPS 2 /* letters that may be wrong */
#define SPELLING_LEAST 6 /* shorter words are too like each other */

typedef struct {
    const Config *config;
    const Policy *policy;
    Problems *problems;
    guint carried_out; /* VERB_BIT()s that some check that is switched on carries out */
} Inspection;

/* --- which option switches the check of a tag on --- */

typedef gboolean (*IsOn)(const Config *config);

#define ON(name, condition)                                                                                  \
    static gboolean name(const Config *config)                                                               \
    {                                                                                                        \
        return (condition);                                                                                  \
    }
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

/* --- options that need others --- */

static gboolean nobody_is_internal(const Config *config)
{
    return hosts_is_empty(config->connection.internal_connect);
}

static gboolean spf_is_off(const Config *config)
{
    return config->spf.mode == SPF_MODE_OFF;
}

static gboolean spf_is_not_on(const Config *config)
{
    return config->spf.mode != SPF_MODE_ON;
}

static gboolean signs_nothing(const Config *config)
{
    return patterns_is_empty(config->srs.sign_srs) && patterns_is_empty(config->srs.sign_ses) &&
           patterns_is_empty(config->srs.sign_batv);
}

static gboolean rewrites(const Config *config, RewriteMode whose)
{
    return config->srs.rewrite == whose || config->srs.rewrite == REWRITE_ALL;
}

ON(authres_is_off, !config->authres.add)
ON(no_relays, hosts_is_empty(config->connection.trusted_relay))
ON(nobody_is_stopped, config->connection.max_demerits == 0 && config->connection.max_unknown == 0 &&
                          config->policy.limits.n == 0 && *config->store.path == '\0')
ON(no_banned_domains, patterns_is_empty(config->sender.banned_domains) && *config->store.path == '\0')
ON(greylist_is_off, config->greylist.mode == GREYLIST_OFF)
ON(greylist_is_not_all, config->greylist.mode != GREYLIST_ALL)
ON(no_srs_secrets, !config->loaded.srs_secrets)
ON(no_signing, patterns_is_empty(config->srs.domains) && *config->srs.forward_domain == '\0' &&
                   signs_nothing(config) &&
                   config->spf.mode == SPF_MODE_OFF) /* Received-SPF bears a mark made with them */
ON(no_rewriting, config->srs.rewrite == REWRITE_OFF && !config->srs.socketmap[0])
ON(no_rewriting_of_own,
   config->srs.rewrite != REWRITE_OWN && config->srs.rewrite != REWRITE_ALL && !config->srs.socketmap[0])
ON(rewrites_nothing, (rewrites(config, REWRITE_OWN) && signs_nothing(config)) ||
                         (rewrites(config, REWRITE_FORWARDED) && *config->srs.forward_domain == '\0'))
ON(no_bounces, !config->bounces.check)
ON(nobody_reads_bounces, !config->bounces.check && !config->bounces.blacklist)
ON(nothing_is_signed, signs_nothing(config))
ON(knows_no_domain, rewrites(config, REWRITE_FORWARDED) &&
                        patterns_is_empty(config->sender.internal_domains) &&
                        patterns_is_empty(config->srs.local_domains))
ON(arc_is_off, !config->arc.verify)
ON(dmarc_is_off, config->dmarc.mode == DMARC_MODE_OFF)
ON(dkim_is_unseen, config->dkim.verify == DKIM_MODE_HEADER && !config->authres.add)
ON(arc_is_unseen,
   config->arc.verify && !config->authres.add && patterns_is_empty(config->arc.trusted_sealers))
ON(dmarc_is_unseen, config->dmarc.mode == DMARC_MODE_REPORT && !config->authres.add && !config->dmarc.collect)
ON(dmarc_without_spf, config->dmarc.mode != DMARC_MODE_OFF && config->spf.mode == SPF_MODE_OFF)
ON(dmarc_without_quarantine, config->dmarc.mode == DMARC_MODE_ON && *config->policy.quarantine_dir == '\0')
ON(nothing_to_sign, !config->loaded.keys)
ON(half_a_key, !*config->sign.domain || !*config->sign.selector || !*config->sign.key)
ON(nothing_to_seal, !config->loaded.seal_key)
ON(no_store, *config->store.path == '\0')
ON(no_failed_dir, *config->journal.failed_dir == '\0')
ON(no_quarantine, *config->policy.quarantine_dir == '\0')

/* Set, and `idle` says that it does nothing. */
static const struct {
    const char *section, *key;
    IsOn idle;
    ProblemLevel level;
    const char *text;
} idle_options[] = {
    {"spf", "best_guess", spf_is_off, PROBLEM_WARNING, "does nothing while [spf] mode = off"},
    {"spf", "delegate", spf_is_off, PROBLEM_WARNING, "does nothing while [spf] mode = off"},
    {"spf", "delegate_file", spf_is_off, PROBLEM_WARNING, "does nothing while [spf] mode = off"},
    {"spf", "trusted_forwarder", spf_is_not_on, PROBLEM_WARNING, "does nothing unless [spf] mode = on"},
    {"spf", "lax", spf_is_not_on, PROBLEM_WARNING, "does nothing unless [spf] mode = on"},
    {"spf", "internal_policy", spf_is_off, PROBLEM_WARNING, "does nothing while [spf] mode = off"},
    {"spf", "user_not_local", spf_is_not_on, PROBLEM_WARNING, "does nothing unless [spf] mode = on"},
    {"spf", "explanation", spf_is_not_on, PROBLEM_WARNING, "does nothing unless [spf] mode = on"},
    {"spf", "internal_policy", nobody_is_internal, PROBLEM_NOTE,
     "is for internal clients, but internal_connect is empty: only this host and logins are internal"},
    {"authres", "authserv_id", authres_is_off, PROBLEM_WARNING, "does nothing unless [authres] add = yes"},
    {"connection", "relay_authserv_id", no_relays, PROBLEM_WARNING,
     "does nothing while trusted_relay is empty"},
    {"connection", "whitelist_ips", nobody_is_stopped, PROBLEM_WARNING,
     "does nothing without max_demerits, max_unknown, [limits] or a [store]: nobody is banned or limited"},
    {"connection", "max_demerits", no_store, PROBLEM_NOTE,
     "counts within a connection only: without [store] path nobody is banned longer than that"},
    {"connection", "max_unknown", no_store, PROBLEM_WARNING, "does nothing without [store] path"},
    {"connection", "demerit_window", no_store, PROBLEM_WARNING, "does nothing without [store] path"},
    {"connection", "ban_time", no_store, PROBLEM_WARNING, "does nothing without [store] path"},
    {"sender", "email_providers", no_banned_domains, PROBLEM_WARNING,
     "does nothing while banned_domains is empty and there is no [store] with bans"},
    {"greylist", "mode", no_store, PROBLEM_WARNING,
     "holds up nobody without [store] path: a greylist that forgets would let nobody pass"},
    {"greylist", "delay", greylist_is_off, PROBLEM_WARNING, "does nothing while mode = off"},
    {"greylist", "window", greylist_is_off, PROBLEM_WARNING, "does nothing while mode = off"},
    {"greylist", "retain", greylist_is_off, PROBLEM_WARNING, "does nothing while mode = off"},
    {"greylist", "exempt_after", greylist_is_off, PROBLEM_WARNING, "does nothing while mode = off"},
    {"greylist", "exempt_rcpts", greylist_is_off, PROBLEM_WARNING, "does nothing while mode = off"},
    {"greylist", "proven", greylist_is_not_all, PROBLEM_WARNING, "does nothing unless mode = all"},
    {"policy", "quarantine_age", no_quarantine, PROBLEM_WARNING, "does nothing without quarantine_dir"},
    {"srs", "domains", no_srs_secrets, PROBLEM_WARNING, "does nothing without secret_file"},
    {"srs", "forward_domain", no_srs_secrets, PROBLEM_WARNING, "does nothing without secret_file"},
    {"srs", "forward_domain", no_rewriting, PROBLEM_WARNING, "does nothing without socketmap or rewrite"},
    {"srs", "sign_srs", no_srs_secrets, PROBLEM_WARNING, "does nothing without secret_file"},
    {"srs", "sign_ses", no_srs_secrets, PROBLEM_WARNING, "does nothing without secret_file"},
    {"srs", "sign_batv", no_srs_secrets, PROBLEM_WARNING, "does nothing without secret_file"},
    {"srs", "sign_srs", no_rewriting_of_own, PROBLEM_WARNING,
     "signs nothing without socketmap or rewrite = own"},
    {"srs", "sign_ses", no_rewriting_of_own, PROBLEM_WARNING,
     "signs nothing without socketmap or rewrite = own"},
    {"srs", "sign_batv", no_rewriting_of_own, PROBLEM_WARNING,
     "signs nothing without socketmap or rewrite = own"},
    {"srs", "secret_file", no_signing, PROBLEM_WARNING,
     "does nothing without domains, forward_domain, sign_srs, sign_ses or sign_batv"},
    {"srs", "rewrite", no_srs_secrets, PROBLEM_WARNING, "does nothing without secret_file"},
    {"srs", "rewrite", rewrites_nothing, PROBLEM_WARNING,
     "needs sign_srs, sign_ses or sign_batv for our own senders, forward_domain for those of others"},
    {"srs", "rewrite", knows_no_domain, PROBLEM_WARNING,
     "rewrites no forwarded mail: without internal_domains or local_domains nobody knows what that is"},
    {"srs", "socketmap", no_srs_secrets, PROBLEM_WARNING, "changes no address without secret_file"},
    {"bounces", "check", no_srs_secrets, PROBLEM_WARNING, "finds nothing genuine without [srs] secret_file"},
    {"bounces", "require_signature", no_bounces, PROBLEM_WARNING, "does nothing unless check = yes"},
    {"bounces", "require_signature", nothing_is_signed, PROBLEM_WARNING,
     "does nothing: [srs] sign_srs, sign_ses and sign_batv are empty"},
    {"bounces", "senders", nobody_reads_bounces, PROBLEM_WARNING, "does nothing without check or blacklist"},
    {"bounces", "unsigned_ok", no_bounces, PROBLEM_WARNING, "does nothing unless check = yes"},
    {"bounces", "per_signature", no_bounces, PROBLEM_WARNING, "does nothing unless check = yes"},
    {"bounces", "per_signature", no_store, PROBLEM_WARNING, "does nothing without [store] path"},
    {"bounces", "blacklist", no_srs_secrets, PROBLEM_WARNING,
     "does nothing without [srs] secret_file: Received-SPF bears no mark"},
    {"bounces", "blacklist", spf_is_off, PROBLEM_WARNING,
     "does nothing without [spf] mode: there is no Received-SPF"},
    {"bounces", "blacklist", no_store, PROBLEM_WARNING, "does nothing without [store] path"},
    {"sender", "internal_mta", nobody_is_internal, PROBLEM_WARNING,
     "does nothing but for logins: internal_connect is empty, so nobody else is internal"},
    {"sender", "internal_domains", nobody_is_internal, PROBLEM_WARNING,
     "makes our own clients forgers: internal_connect is empty, so only this host and logins are internal"},
    {"sender", "private_relay", nobody_is_internal, PROBLEM_WARNING,
     "shuts out our own clients: internal_connect is empty, so only this host and logins are internal"},
    {"sign", "domain", half_a_key, PROBLEM_WARNING, "does nothing: domain, selector and key belong together"},
    {"sign", "selector", half_a_key, PROBLEM_WARNING,
     "does nothing: domain, selector and key belong together"},
    {"sign", "key", half_a_key, PROBLEM_WARNING, "does nothing: domain, selector and key belong together"},
    {"sign", "fields", nothing_to_sign, PROBLEM_WARNING, "does nothing without a key"},
    {"sign", "any_login", nothing_to_sign, PROBLEM_WARNING, "does nothing without a key"},
    {"sign", "expire", nothing_to_sign, PROBLEM_WARNING, "does nothing without a key"},
    {"arc", "seal", nothing_to_seal, PROBLEM_WARNING, "does nothing without domain, selector and key"},
    {"arc", "rcpts", nothing_to_seal, PROBLEM_WARNING, "does nothing without seal, domain, selector and key"},
    {"store", "timeout_ms", no_store, PROBLEM_WARNING, "does nothing without path"},
    {"store", "sync", no_store, PROBLEM_WARNING, "does nothing without path"},
    {"journal", "keep", no_store, PROBLEM_WARNING, "does nothing without [store] path"},
    {"journal", "facts", no_store, PROBLEM_WARNING, "does nothing without [store] path"},
    {"journal", "failed_bytes", no_failed_dir, PROBLEM_WARNING, "does nothing without failed_dir"},
    {"journal", "failed_messages", no_failed_dir, PROBLEM_WARNING, "does nothing without failed_dir"},
    {"dkim", "verify", dkim_is_unseen, PROBLEM_WARNING,
     "= header is seen by nobody without [authres] add = yes"},
    {"arc", "verify", arc_is_unseen, PROBLEM_WARNING,
     "is seen by nobody without [authres] add = yes or trusted_sealers"},
    {"arc", "trusted_sealers", arc_is_off, PROBLEM_WARNING, "does nothing unless verify = yes"},
    {"dmarc", "mode", dmarc_is_unseen, PROBLEM_WARNING,
     "= report is seen by nobody without [authres] add = yes"},
    {"dmarc", "mode", dmarc_without_spf, PROBLEM_NOTE,
     "asks SPF, but [spf] mode = off: its result is reported nowhere; header reports it"},
    {"dmarc", "standard", dmarc_is_off, PROBLEM_WARNING, "does nothing while mode = off"},
    {"dmarc", "timeout", dmarc_is_off, PROBLEM_WARNING, "does nothing while mode = off"},
    {"dmarc", "collect", dmarc_is_off, PROBLEM_WARNING, "does nothing while mode = off"},
    {"dmarc", "collect", no_store, PROBLEM_WARNING, "does nothing without [store] path"},
    {"policy", "quarantine_bytes", no_quarantine, PROBLEM_WARNING, "does nothing without quarantine_dir"},
    {"policy", "quarantine_messages", no_quarantine, PROBLEM_WARNING, "does nothing without quarantine_dir"},
};

G_GNUC_PRINTF(5, 6)
static void tell(const Inspection *check, const char *section, const char *key, ProblemLevel level,
                 const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    const char *file;
    guint line = config_where(check->config, section, key, &file);
    problems_add(check->problems, level, file, line, "[%s] %s %s", section, key, text);
}

static gboolean is_set(const Config *config, const char *section, const char *key)
{
    const char *file;
    return config_where(config, section, key, &file) != 0;
}

static void check_idle(const Inspection *check)
{
    for (gsize i = 0; i < G_N_ELEMENTS(idle_options); i++)
        if (is_set(check->config, idle_options[i].section, idle_options[i].key) &&
            !config_is_default(check->config, idle_options[i].section, idle_options[i].key) &&
            idle_options[i].idle(check->config))
            tell(check, idle_options[i].section, idle_options[i].key, idle_options[i].level, "%s",
                 idle_options[i].text);
}

/* A key that is for no logins in particular signs for a login only in the login's own domain, unless somebody says more (E2). */
static void check_logins(const Inspection *check, const Rules *rules)
{
    const Config *config = check->config;
    const GPtrArray *keys = config->loaded.keys ? keytable_keys(config->loaded.keys) : NULL;
    if (!patterns_is_empty(config->sign.any_login) || rules->by_tag[TAG_SMTP_AUTH].n)
        return;
    for (guint i = 0; keys && i < keys->len; i++) {
        const SigningKey *key = keys->pdata[i];
        if (key->logins)
            continue;
        problems_add(
            check->problems, PROBLEM_NOTE, key->where, key->line,
            "a login signs only as its own domain (fred@example.com as example.com), so fred signs as "
            "none: [sign] any_login, login= here or a rule for SMTP-Auth allows more");
        return;
    }
}

/* Whoever has written what becomes of p=reject has thought of it. */
static void check_dmarc(const Inspection *check, const Rules *rules)
{
    if (is_set(check->config, "dmarc", "mode") && dmarc_without_quarantine(check->config))
        tell(check, "dmarc", "mode", rules->by_tag[TAG_DMARC_REJECT].n ? PROBLEM_NOTE : PROBLEM_WARNING,
             "delivers what fails, whatever the domain asks for, unless a rule says otherwise: there is no "
             "[policy] quarantine_dir");
}

static void check_times(const Inspection *check)
{
    const Config *config = check->config;
    if (config->daemon.stage_timeout >= 10 && is_set(config, "daemon", "stage_timeout"))
        tell(check, "daemon", "stage_timeout", PROBLEM_NOTE,
             "= %d s: Sendmail gives up after 10 s unless R: of its T= says more, Postfix after "
             "milter_command_timeout",
             config->daemon.stage_timeout);
    if (config->dns.timeout_ms >= config->daemon.stage_timeout * 1000)
        tell(check, "dns", "timeout_ms", PROBLEM_WARNING,
             "= %d: one question may take all of stage_timeout, %d s", config->dns.timeout_ms,
             config->daemon.stage_timeout);
}

/* --- lists that shadow each other --- */

static gboolean is_in(const HostList *list, const char *word)
{
    IpAddress ip;
    if (ip_parse(word, &ip))
        return hosts_match(list, &ip, NULL, 0) != NULL;
    g_autofree char *text = hosts_to_string(list);
    g_auto(GStrv) words = g_strsplit(text, ", ", -1);
    return g_strv_contains((const char *const *)words, word);
}

/* Words of `key` that are in internal_connect, too. */
static void check_hosts(const Inspection *check, const char *key, const HostList *hosts, const char *text)
{
    g_autofree char *all = hosts_to_string(hosts);
    g_auto(GStrv) words = g_strsplit(all, ", ", -1);
    for (char **word = words; *word; word++)
        if (**word && is_in(check->config->connection.internal_connect, *word))
            tell(check, "connection", key, PROBLEM_NOTE, "%s is in internal_connect, too: %s", *word, text);
}

static void check_lists(const Inspection *check)
{
    const Config *config = check->config;
    check_hosts(check, "trusted_relay", config->connection.trusted_relay,
                "it counts as both, and its mail is not checked by SPF even with internal_policy");
    check_hosts(check, "whitelist_ips", config->connection.whitelist_ips,
                "internal clients are never banned");
    g_autofree char *text = patterns_to_string(config->sender.internal_domains);
    g_auto(GStrv) domains = g_strsplit(text, ", ", -1);
    for (char **domain = domains; *domain; domain++)
        if (**domain && patterns_match(config->sender.banned_domains, *domain))
            tell(check, "sender", "banned_domains", PROBLEM_WARNING,
                 "has %s, which is one of internal_domains", *domain);
}

/* --- files and folders --- */

/* Of a socket or file that will be made. */
static void check_parent(const Inspection *check, const char *section, const char *key, const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    if (*path && is_set(check->config, section, key) && !g_file_test(folder, G_FILE_TEST_IS_DIR))
        tell(check, section, key, PROBLEM_WARNING, "= %s: there is no folder %s", path, folder);
}

static void check_paths(const Inspection *check)
{
    const Config *config = check->config;
    for (char **name = config->daemon.listen; *name; name++)
        if (g_str_has_prefix(*name, "unix:"))
            check_parent(check, "daemon", "listen", *name + strlen("unix:"));
    check_parent(check, "daemon", "control", config->daemon.control);
    check_parent(check, "store", "path", config->store.path);
    check_parent(check, "policy", "quarantine_dir", config->policy.quarantine_dir); /* it makes itself */
    check_parent(check, "journal", "failed_dir", config->journal.failed_dir);
    if (g_str_has_prefix(config->log.target, "file:"))
        check_parent(check, "log", "target", config->log.target + strlen("file:"));
    if (!g_file_test(config->daemon.temp_dir, G_FILE_TEST_IS_DIR))
        tell(check, "daemon", "temp_dir", PROBLEM_WARNING, "= %s: there is no such folder",
             config->daemon.temp_dir);
}

void config_check(const Config *config, const Policy *policy, const Tables *tables, Problems *problems)
{
    Inspection check = {config, policy, problems, 0};
    for (const Check *const *row = tables->checks; *row; row++)
        if (!(*row)->wanted || (*row)->wanted(config))
            check.carried_out |= (*row)->carries_out;
    Rules rules = {.check = &check};
    collect(&rules, config);
    check_tags(&check, &rules);
    check_verbs(&check, &rules);
    check_mixed(&check);
    check_counted(&check);
    check_order(&check);
    check_waiting(&check);
    check_idle(&check);
    check_logins(&check, &rules);
    check_dmarc(&check, &rules);
    check_times(&check);
    check_lists(&check);
    check_paths(&check);
}

void config_check_snapshot(const Snapshot *snapshot, const Tables *tables, Problems *problems)
{
    config_check(snapshot_config(snapshot), snapshot_policy(snapshot), tables, problems);
    if (snapshot_shadow_config(snapshot))
        config_check(snapshot_shadow_config(snapshot), snapshot_shadow_policy(snapshot), tables, problems);
}
