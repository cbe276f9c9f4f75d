/* postern policy — which rule answers for a tag and a subject, and why (D1, D2, D6, D9, D10). */
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "base/words.h"
#include "policy/weigh.h"

#define NEAREST_MAX 3

typedef struct {
    char *config, *rcpt;
    gboolean json;
} Options;

static void show_step(PolicyTable table, const char *key, const char *value, void *data)
{
    static const char *const names[] = {
        [POLICY_ACCESS] = "access map", [POLICY_VERBS] = "[verbs]", [POLICY_BUILT_IN] = "built in"};
    Record *step = record_element(data, "looked_up");
    record_str(step, "where", names[table]);
    record_str(step, "key", key);
    record_str(step, "found", value ? value : "-");
}

static const struct {
    guint bit;
    const char *name;
} silencers[] = {
    {SILENCE_WHITELIST, "WHITELIST"},      {SILENCE_PROBATION, "PROBATION"}, {SILENCE_AUTH, "SMTP AUTH"},
    {SILENCE_GENUINE, "a genuine bounce"}, {SILENCE_NOTSPAM, "NOTSPAM"},
};

static void show_silencers(Record *record, Tag tag, Verb verb)
{
    const char *names[G_N_ELEMENTS(silencers) + 1] = {NULL};
    guint n = 0, by = weigh_silencers(tag, verb);
    for (guint i = 0; i < G_N_ELEMENTS(silencers); i++)
        if (by & silencers[i].bit)
            names[n++] = silencers[i].name;
    if (n == 0)
        names[n++] = "nothing";
    record_strv(record, "silenced_by", names);
}

static void show_proofs(Record *record, const Policy *policy, Tag tag)
{
    const char *names[TAG_COUNT + 1] = {NULL};
    guint n = 0;
    for (Tag proof = 0; proof < TAG_COUNT; proof++)
        if (policy_settles(policy, tag, proof))
            names[n++] = tag_name(proof);
    if (n == 0)
        names[n++] = "nothing";
    record_strv(record, "settled_by", names);
}

/* What the client would be told if this were all that was found: weighed as a live finding is. */
static void show_reply(Record *record, const Policy *policy, Pool *pool, const Finding *finding,
                       const char *const *rcpt_keys, Verb verb)
{
    const WeighQuestion question = {
        .policy = policy,
        .findings = &finding,
        .n_findings = 1,
        .rcpt_keys = rcpt_keys,
        .stage = policy_decide_at(policy, finding->tag),
    };
    const Weighing *weighing = weigh(&question, pool);
    if (weighing->verb != verb && !(VERB_BIT(verb) & (VERB_BIT(VERB_SCORE) | VERB_BIT(VERB_WHITELIST))))
        record_str(record, "counts_as", verb_name(weighing->verb));
    const Reply *reply = &weighing->reply;
    if (reply->code)
        record_str(record, "reply", pool_printf(pool, "%d %s %s", reply->code, reply->xcode, reply->text));
}

static int explain(const Options *options, const Policy *policy, Tag tag, const char *subject)
{
    g_autoptr(Pool) pool = pool_new();
    g_autoptr(Record) record = record_new();
    Ruling ruling = {0};
    Rule rule = {0};
    record_str(record, "tag", tag_name(tag));
    record_str(record, "subject", subject);
    if (options->rcpt)
        record_str(record, "rcpt", options->rcpt);
    const char *const *keys = policy_keys(pool, subject);
    const char *const *rcpt_keys = options->rcpt ? policy_keys(pool, options->rcpt) : NULL;
    const Finding finding = {
        .tag = tag,
        .check = "policy",
        .subject = subject,
        .keys = keys,
        .stage = tag_info(tag)->found,
        .sentence = "(the sentence of the finding)",
    };
    policy_explain(policy, pool, tag, keys, rcpt_keys, &ruling, &rule, show_step, record);
    record_str(record, "verb", verb_name(ruling.verb));
    record_str(record, "rule", rule.source);
    record_str(record, "key", rule.key);
    if (ruling.verb == VERB_SCORE)
        record_double(record, "score", ruling.score);
    show_reply(record, policy, pool, &finding, rcpt_keys, ruling.verb);
    record_str(record, "class", tag_class_name(tag_info(tag)->class));
    show_silencers(record, tag, ruling.verb);
    show_proofs(record, policy, tag);
    record_str(record, "decided_at", stage_name(policy_decide_at(policy, tag)));
    command_print(record, options->json);
    return EXIT_DONE;
}

/* ---- a word that is no tag ---- */

static void say_nearest(const char *word)
{
    guint64 taken = 0;
    fprintf(stderr, "postern policy: there is no tag \"%s\"; nearest are:", word);
    for (int n = 0; n < NEAREST_MAX; n++) {
        Tag best = TAG_COUNT;
        guint least = G_MAXUINT;
        for (Tag tag = 0; tag < TAG_COUNT; tag++) {
            guint far = word_distance(word, tag_name(tag));
            if (!(taken >> tag & 1) && far < least)
                least = far, best = tag;
        }
        taken |= G_GUINT64_CONSTANT(1) << best;
        fprintf(stderr, "%s %s", n ? "," : "", tag_name(best));
    }
    fprintf(stderr, "\n");
}

int command_policy(int argc, char **argv)
{
    Options options = {0};
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &options.config,
         "the configuration file; none: the defaults", "FILE"},
        {"rcpt", 0, 0, G_OPTION_ARG_STRING, &options.rcpt, "the recipient whose rules count", "ADDRESS"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "JSON for machines", NULL},
        {NULL},
    };
    if (!command_options(
            &argc, &argv, entries, "TAG SUBJECT",
            "Shows which rule answers for a finding: the keys in the order in which they are looked up, the\n"
            "rule, its verb, and what else could settle or silence it. TAG is a name such as SPF-Fail;\n"
            "SUBJECT is what it is about: an address, a domain, a login."))
        return EXIT_USAGE;
    if (argc != 3) {
        fprintf(stderr, "Usage: postern policy [-c FILE] TAG SUBJECT [--rcpt ADDRESS] [--json]\n");
        return EXIT_USAGE;
    }
    Tag tag;
    if (!tag_parse(argv[1], strlen(argv[1]), &tag)) {
        say_nearest(argv[1]);
        return EXIT_USAGE;
    }
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_load(options.config, problems);
    g_autoptr(Policy) policy = config ? policy_new(config, problems) : NULL;
    command_print_problems(problems);
    return policy ? explain(&options, policy, tag, argv[2]) : EXIT_USAGE;
}
