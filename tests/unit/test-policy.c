#include "rows.h"

#include <string.h>

#include "policy/policy.h"

static Config *config_of(const char *text, const char *access, Problems *problems)
{
    Config *config = config_parse("postern.conf", text, (gssize)strlen(text), problems);
    assert_non_null(config);
    if (access)
        config->policy.access = map_parse("access", access, strlen(access), problems);
    assert_int_equal(problems_len(problems), 0);
    return config;
}

/* --- which rule it is (D1, D2) --- */

/* `want`: "VERB source key". */
typedef struct {
    const char *name, *tag, *subject, *rcpt, *want;
    const char *access, *config;
} LookupRow;

/* Each line of this map is the best match of one row below; taken away from the bottom, the next one is it. */
#define MAP                                                                                                  \
    "SPF-Fail:\tTEMPFAIL\n"               /* 1 */                                                            \
    "To-SPF-Fail:\tDISCARD\n"             /* 2 */                                                            \
    "SPF-Fail:.example\tQUARANTINE\n"     /* 3 */                                                            \
    "SPF-Fail:.a.example\tHOLD\n"         /* 4 */                                                            \
    "SPF-Fail:sub.a.example\tCBV\n"       /* 5 */                                                            \
    "SPF-Fail:Joe@Sub.A.example\tNODSN\n" /* 6 */                                                            \
    "To-SPF-Fail:.test\tDSN\n"            /* 7 */                                                            \
    "To-SPF-Fail:our.test\tBAN\n"         /* 8 */                                                            \
    "To-SPF-Fail:b@our.test\tOK\n"        /* 9 */

static const LookupRow lookups[] = {
    {"recipient address", "SPF-Fail", "joe@sub.a.example", "b@our.test", "OK access:9 to-spf-fail:b@our.test",
     MAP},
    {"recipient domain", "SPF-Fail", "joe@sub.a.example", "c@our.test", "BAN access:8 to-spf-fail:our.test",
     MAP},
    {"recipient parent", "SPF-Fail", "joe@sub.a.example", "c@x.y.test", "DSN access:7 to-spf-fail:.test",
     MAP},
    {"sender address", "SPF-Fail", "joe@sub.a.example", "c@else", "NODSN access:6 spf-fail:joe@sub.a.example",
     MAP},
    {"sender domain", "SPF-Fail", "jim@sub.a.example", "c@else", "CBV access:5 spf-fail:sub.a.example", MAP},
    {"nearest parent", "SPF-Fail", "jim@other.a.example", "c@else", "HOLD access:4 spf-fail:.a.example", MAP},
    {"far parent", "SPF-Fail", "jim@x.b.example", "c@else", "QUARANTINE access:3 spf-fail:.example", MAP},
    {"a parent entry is not for itself", "SPF-Fail", "jim@a.example", "c@else",
     "QUARANTINE access:3 spf-fail:.example", MAP},
    {"bare To-", "SPF-Fail", "jim@else", "c@else", "DISCARD access:2 to-spf-fail:", MAP},
    {"no recipient: bare tag", "SPF-Fail", "jim@else", NULL, "TEMPFAIL access:1 spf-fail:", MAP},
    {"another tag", "SPF-SoftFail", "joe@sub.a.example", "b@our.test", "OK built in SPF-SoftFail", MAP},
    {"[verbs]", "SPF-SoftFail", "joe@sub.a.example", "b@our.test", "REJECT postern.conf:2 SPF-SoftFail", MAP,
     "[verbs]\nSPF-SoftFail = REJECT\n"},
    {"[verbs] after the bare tag", "SPF-Fail", "jim@else", NULL, "TEMPFAIL access:1 spf-fail:", MAP,
     "[verbs]\nSPF-Fail = OK\n"},
    {"[verbs] with a subject", "SPF-Fail", "jim@x.example", NULL, "CBV postern.conf:2 spf-fail:x.example",
     NULL, "[verbs]\nSPF-Fail!x.example = CBV\nSPF-Fail = OK\n"},
    {"[verbs] with another subject", "SPF-Fail", "jim@y.example", NULL, "OK postern.conf:3 SPF-Fail", NULL,
     "[verbs]\nSPF-Fail!x.example = CBV\nSPF-Fail = OK\n"},
    {"[verbs] with a subject after the map", "SPF-Fail", "jim@x.example", NULL,
     "TEMPFAIL access:1 spf-fail:", "SPF-Fail:\tTEMPFAIL\n", "[verbs]\nSPF-Fail!x.example = CBV\n"},
    {"built in for a subject", "HELO-SoftFail", "GMail.com", NULL, "BAN built in helo-softfail:gmail.com"},
    {"built in for a subject, not below it", "HELO-Fail", "x.gmail.com", NULL, "REJECT built in HELO-Fail"},
    {"[verbs] before what is built in for a subject", "HELO-Fail", "gmail.com", NULL,
     "OK postern.conf:2 HELO-Fail", NULL, "[verbs]\nHELO-Fail = OK\n"},
    {"[verbs] with that subject", "HELO-Fail", "gmail.com", NULL,
     "TEMPFAIL postern.conf:2 helo-fail:gmail.com", NULL, "[verbs]\nHELO-Fail!gmail.com = TEMPFAIL\n"},
    {"[dnsbl]", "DNSBL", "zen:127.0.0.4-7", NULL, "SCORE postern.conf:2 dnsbl:zen:127.0.0.4-7", NULL,
     "[dnsbl]\nZen = z.example: 127.0.0.2 REJECT, 127.0.0.4-7 SCORE:4\n[verbs]\nDNSBL = OK\n"},
    {"[dnsbl] white", "DNSWL", "wl:*", NULL, "WHITELIST postern.conf:2 dnswl:wl:*", NULL,
     "[dnsbl]\nwl = z.example white: * WHITELIST\n"},
    {"no map", "SPF-Fail", "joe@sub.a.example", "b@our.test", "REJECT built in SPF-Fail"},
    {"DENY stands before a recipient's OK", "SPF-Fail", "joe@x.example", "b@our.test",
     "DENY access:1 spf-fail:x.example", "SPF-Fail:x.example\tDENY\nTo-SPF-Fail:b@our.test\tOK\n"},
    {"a recipient's DENY", "SPF-Fail", "joe@x.example", "b@our.test", "DENY access:2 to-spf-fail:b@our.test",
     "SPF-Fail:x.example\tOK\nTo-SPF-Fail:b@our.test\tDENY\n"},
    {"a more exact OK before a DENY", "SPF-Fail", "joe@x.example", NULL, "OK access:2 spf-fail:joe@x.example",
     "SPF-Fail:x.example\tDENY\nSPF-Fail:joe@x.example\tOK\n"},
    {"separator !", "SPF-Fail", "joe@x.example", NULL, "OK access:1 spf-fail:x.example",
     "SPF-Fail!x.example\tOK\n"},
    {"an IP address", "iprev-Fail", "192.0.2.1", NULL, "REJECT access:1 iprev-fail:192.0.2.1",
     "iprev-Fail:192.0.2.1\tREJECT\n"},
    {"no subject", "Hello-Missing", "", NULL, "OK access:1 hello-missing:", "Hello-Missing:\tOK\n"},
    {"a null sender is nobody's domain", "SPF-Fail", "", "",
     "TEMPFAIL access:1 spf-fail:", "SPF-Fail:\tTEMPFAIL\n"},
};

static void check_lookup(void **state)
{
    const LookupRow *row = *state;
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_of(row->config ? row->config : "", row->access, problems);
    g_autoptr(Policy) policy = policy_new(config, problems);
    assert_non_null(policy);
    g_autoptr(Pool) pool = pool_new();
    Tag tag;
    assert_true(tag_parse(row->tag, strlen(row->tag), &tag));
    Ruling ruling = {0};
    Rule rule = {0};
    policy_rule(policy, pool, tag, policy_keys(pool, row->subject),
                row->rcpt ? policy_keys(pool, row->rcpt) : NULL, &ruling, &rule);
    g_autofree char *came = g_strdup_printf("%s %s %s", verb_name(ruling.verb), rule.source, rule.key);
    assert_string_equal(came, row->want);
}

/* --- keys --- */

typedef struct {
    const char *name, *subject, *want;
} KeysRow;

static const KeysRow keys_rows[] = {
    {"an address", "Joe@Sub.Example.Com", "joe@sub.example.com sub.example.com .example.com .com"},
    {"BATV", "prvs=0465a1b2c3=Joe@a.example",
     "prvs=0465a1b2c3=joe@a.example joe@a.example a.example .example"},
    {"VERP", "list+joe=b.example@a.example",
     "list+joe=b.example@a.example list@a.example a.example .example"},
    {"SRS proves no other domain", "SRS0=abcd=7K=b.example=joe@a.example",
     "srs0=abcd=7k=b.example=joe@a.example a.example .example"},
    {"SRS of its own domain", "SRS0=abcd=7K==joe@a.example",
     "srs0=abcd=7k==joe@a.example joe@a.example a.example .example"},
    {"a domain", "Sub.Example.Com", "sub.example.com .example.com .com"},
    {"one label", "localhost", "localhost"},
    {"the last @ separates", "a@b@c.example", "a@b@c.example c.example .example"},
    {"a local part alone", "joe@", "joe@"},
    {"a final dot", "example.com.", "example.com. .com."},
    {"nothing", "", ""},
    {"unknown", NULL, ""},
};

static void check_keys(void **state)
{
    const KeysRow *row = *state;
    g_autoptr(Pool) pool = pool_new();
    g_autofree char *came = g_strjoinv(" ", (char **)policy_keys(pool, row->subject));
    assert_string_equal(came, row->want);
}

static void keys_have_a_limit(void **state)
{
    g_autoptr(Pool) pool = pool_new();
    g_autoptr(GString) subject = g_string_new("a@b");
    for (int i = 0; i < 10000; i++)
        g_string_append(subject, ".c");
    assert_in_range(g_strv_length((char **)policy_keys(pool, subject->str)), 100, 200);
}

/* --- what is refused --- */

typedef struct {
    const char *name, *config, *access;
    const char *error; /* NULL: fine */
} CompileRow;

static const CompileRow compiles[] = {
    {"empty", "", "", NULL},
    {"foreign tags", "",
     "Connect:192.0.2\tREJECT\nFrom:x.example\tDISCARD\nexample.com\tRELAY\nTo:x\tRELAY\n", NULL},
    {"a foreign tag like ours", "", "SPF-Strange:x\tFLY\nTo-SPF-Strange:x\tFLY\n", NULL},
    {"an unknown verb", "", "SPF-Fail:x\tFLY\n", "access:1: error: spf-fail:x: \"FLY\" is no verb"},
    {"of a recipient", "", "\n\nTo-Virus:x\tPROBATION\n",
     "access:3: error: PROBATION makes no sense for Virus"},
    {"a bare tag", "", "Virus:\tGREYLIST\n", "access:1: error: GREYLIST makes no sense"},
    {"a virus may be quarantined", "", "Virus:\tQUARANTINE\n", NULL},
    {"WHITELIST for content", "", "Content-Spam:x\tWHITELIST\n", "WHITELIST makes no sense for Content-Spam"},
    {"WHITELIST for what proves nothing", "", "SPF-Neutral:x\tWHITELIST\n", NULL},
    {"[verbs] no tag", "[verbs]\nSPF-Flop = OK\n", NULL, "postern.conf:2: error: SPF-Flop is no tag"},
    {"[verbs] no tag with a subject", "[verbs]\nSPF-Flop!x = OK\n", NULL,
     "postern.conf:2: error: SPF-Flop is no tag"},
    {"[verbs] no verb", "[verbs]\nSPF-Fail = FLY\n", NULL,
     "postern.conf:2: error: SPF-Fail: \"FLY\" is no verb"},
    {"[dnsbl] no verb", "[dnsbl]\n\nzen = z.example: 127.0.0.2 FLY\n", NULL,
     "postern.conf:3: error: zen: \"FLY\" is no verb"},
    {"[verbs] makes no sense", "[verbs]\n\nBad-Sender = CBV\n", NULL,
     "postern.conf:3: error: CBV makes no sense"},
    {"[decide_at]", "[decide_at]\nSPF-Fail = message\nDMARC-Fail = message\nHELO-Fail = rcpt\n", NULL, NULL},
    {"[decide_at] another step", "[decide_at]\nSPF-Fail = data\n", NULL,
     "postern.conf:2: error: SPF-Fail = data"},
    {"[decide_at] too early", "[decide_at]\nDMARC-Fail = rcpt\n", NULL,
     "postern.conf:2: error: DMARC-Fail = rcpt"},
    {"[settled_by] no tag", "[settled_by]\nSPF-Fail = DMARC-Pass, Luck\n", NULL,
     "postern.conf:2: error: Luck is no tag"},
    {"[settled_by] no proof", "[settled_by]\nSPF-Fail = Virus\n", NULL, "Virus proves nothing"},
    {"threshold", "[thresholds]\nspam = 5 QUARANTINE\nbad = -2.5 550 5.7.1 no\n", NULL, NULL},
    {"threshold without verb", "[thresholds]\nspam = 5\n", NULL,
     "postern.conf:2: error: spam = 5: write a number"},
    {"threshold without number", "[thresholds]\nspam = REJECT\n", NULL,
     "postern.conf:2: error: spam = REJECT"},
    {"threshold of a score", "[thresholds]\nspam = 5 SCORE:2\n", NULL,
     "postern.conf:2: error: spam = 5 SCORE:2: a sum"},
    {"threshold that makes no sense", "[thresholds]\nspam = 5 WHITELIST\n", NULL,
     "WHITELIST makes no sense for Score"},
    {"unavailable", "[policy]\nunavailable = TEMPFAIL\n", NULL, NULL},
    {"unavailable must be there", "[policy]\nunavailable = CBV\n", NULL, "unavailable = CBV"},
    {"unproven_dsn", "[policy]\nunproven_dsn = CBV\n", NULL, NULL},
    {"unproven_dsn must need no proof", "[policy]\nunproven_dsn = DSN\n", NULL, "unproven_dsn = DSN"},
};

static void check_compile(void **state)
{
    const CompileRow *row = *state;
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_of(row->config, row->access, problems);
    g_autoptr(Policy) policy = policy_new(config, problems);
    assert_int_equal(policy != NULL, row->error == NULL);
    if (!row->error) {
        assert_int_equal(problems_len(problems), 0);
        return;
    }
    assert_int_equal(problems_count(problems, PROBLEM_ERROR), 1);
    g_autofree char *text = problem_to_string(problems_at(problems, 0));
    if (!strstr(text, row->error))
        fail_msg("expected …%s…, came %s", row->error, text);
}

/* --- recipients that can end differently after DATA (D11) --- */

typedef struct {
    const char *name, *config, *access;
    gboolean differ; /* policy_may_differ_after_data() */
    gboolean apart;  /* a@x.test and b@x.test have different fingerprints */
} DifferRow;

static const DifferRow differs[] = {
    {"no rules", "", "", FALSE, FALSE},
    {"no rules of recipients", "[verbs]\nSPF-SoftFail = CBV\n", "SPF-Fail:x\tQUARANTINE\n", FALSE, FALSE},
    {"settled at RCPT", "", "To-SPF-Fail:a@x.test\tOK\n", FALSE, FALSE},
    {"greylisting is settled at RCPT", "", "To-SPF-None:a@x.test\tGREYLIST\n", FALSE, FALSE},
    {"found after DATA", "", "To-Content-Spam:a@x.test\tOK\n", TRUE, TRUE},
    {"put off", "[decide_at]\nSPF-Fail = message\n", "To-SPF-Fail:a@x.test\tOK\n", TRUE, TRUE},
    {"put off for all alike", "[decide_at]\nSPF-Fail = message\n", "", TRUE, FALSE},
    {"a callback of his own", "", "To-SPF-SoftFail:a@x.test\tCBV\n", TRUE, TRUE},
    {"a callback that he alone is spared", "[verbs]\nSPF-SoftFail = CBV\n", "To-SPF-SoftFail:a@x.test\tOK\n",
     TRUE, TRUE},
    {"a callback of some senders that he is spared", "",
     "SPF-SoftFail:x.example\tCBV\nTo-SPF-SoftFail:a@x.test\tOK\n", TRUE, TRUE},
    {"quarantine", "", "To-SPF-Fail:a@x.test\tQUARANTINE\n", TRUE, TRUE},
    {"a score of his own", "", "To-SPF-Fail:a@x.test\tSCORE:3\n", TRUE, TRUE},
    {"probation", "", "To-SPF-Fail:a@x.test\tPROBATION\n", TRUE, TRUE},
    {"the same rule for both", "", "To-Content-Spam:x.test\tOK\n", TRUE, FALSE},
    {"equal rules", "", "To-Content-Spam:a@x.test\tOK\nTo-Content-Spam:b@x.test\tOK\n", TRUE, FALSE},
};

static void check_differ(void **state)
{
    const DifferRow *row = *state;
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_of(row->config, row->access, problems);
    g_autoptr(Policy) policy = policy_new(config, problems);
    assert_non_null(policy);
    assert_int_equal(policy_may_differ_after_data(policy), row->differ);
    g_autoptr(Pool) pool = pool_new();
    g_autofree char *a = policy_fingerprint(policy, policy_keys(pool, "a@x.test"));
    g_autofree char *b = policy_fingerprint(policy, policy_keys(pool, "b@x.test"));
    assert_int_equal(strcmp(a, b) != 0, row->apart);
}

/* --- why it is that rule --- */

/* `want`: each look-up, "key" or "key=value", in order. */
typedef struct {
    const char *name, *tag, *subject, *rcpt, *want;
    const char *access, *config;
} ExplainRow;

static const ExplainRow explains[] = {
    {"nothing anywhere", "SPF-Fail", "a@b.test", NULL,
     "spf-fail:a@b.test|spf-fail:b.test|spf-fail:.test|spf-fail:|SPF-Fail=REJECT", NULL},
    {"a DENY ends it", "SPF-Fail", "a@b.test", "c@our.test", "spf-fail:a@b.test|spf-fail:b.test=DENY",
     "SPF-Fail:b.test DENY\nTo-SPF-Fail:our.test OK\n"},
    {"the recipient's own", "SPF-Fail", "a@b.test", "c@our.test",
     "spf-fail:a@b.test|spf-fail:b.test=CBV|to-spf-fail:c@our.test|to-spf-fail:our.test=OK",
     "SPF-Fail:b.test CBV\nTo-SPF-Fail:our.test OK\n"},
    {"bare ones", "SPF-Fail", "x", "y", "spf-fail:x|to-spf-fail:y|to-spf-fail:|spf-fail:|spf-fail=TEMPFAIL",
     "SPF-Fail TEMPFAIL\n"},
    {"lines of [verbs]", "SPF-SoftFail", "a@b.test", NULL,
     "spf-softfail:a@b.test|spf-softfail:b.test|spf-softfail:.test|spf-softfail:|spf-softfail:a@b.test|"
     "spf-softfail:b.test|spf-softfail:.test|SPF-SoftFail=CBV",
     NULL, "[verbs]\nSPF-SoftFail!x.test = OK\nSPF-SoftFail = CBV\n"},
};

static void add_step(PolicyTable table, const char *key, const char *value, void *data)
{
    GString *steps = data;
    g_string_append_printf(steps, "%s%s%s%s", steps->len ? "|" : "", key, value ? "=" : "",
                           value ? value : "");
}

static void check_explain(void **state)
{
    const ExplainRow *row = *state;
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_of(row->config ? row->config : "", row->access, problems);
    g_autoptr(Policy) policy = policy_new(config, problems);
    g_autoptr(Pool) pool = pool_new();
    Tag tag;
    assert_true(tag_parse(row->tag, strlen(row->tag), &tag));
    const char *const *keys = policy_keys(pool, row->subject);
    const char *const *rcpt_keys = row->rcpt ? policy_keys(pool, row->rcpt) : NULL;
    Ruling ruling, same;
    Rule rule, same_rule;
    g_autoptr(GString) steps = g_string_new(NULL);
    policy_explain(policy, pool, tag, keys, rcpt_keys, &ruling, &rule, add_step, steps);
    assert_string_equal(steps->str, row->want);
    policy_rule(policy, pool, tag, keys, rcpt_keys, &same, &same_rule);
    assert_int_equal(ruling.verb, same.verb);
    assert_string_equal(rule.source, same_rule.source);
    assert_string_equal(rule.key, same_rule.key);
}

/* --- the table of tags --- */

static void tags_are_sane(void **state)
{
    for (Tag tag = 0; tag < TAG_COUNT; tag++) {
        const TagInfo *info = tag_info(tag);
        Tag parsed;
        assert_true(tag_parse(info->name, strlen(info->name), &parsed));
        assert_int_equal(parsed, tag);
        if (!(tag_legal_verbs(tag) & VERB_BIT(info->verb)))
            fail_msg("the default of %s makes no sense for its class", info->name);
        if (info->xcode[0] != '0' + info->code / 100)
            fail_msg("%s: %d and %s", info->name, info->code, info->xcode);
        if (info->found != STAGE_RCPT && info->found != STAGE_MESSAGE)
            fail_msg("%s is found at %s", info->name, stage_name(info->found));
        if (info->class == CLASS_PROOF && info->verb != VERB_OK && info->verb != VERB_WHITELIST)
            fail_msg("%s is a proof and refuses", info->name);
    }
    assert_int_equal(tag_silencers(TAG_VIRUS), 0);
    assert_int_equal(tag_silencers(TAG_UNKNOWN_RCPT), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys_have_a_limit), cmocka_unit_test(tags_are_sane)};
    return RUN_ROWS("look-up", lookups, check_lookup) + RUN_ROWS("keys", keys_rows, check_keys) +
           RUN_ROWS("compile", compiles, check_compile) + RUN_ROWS("differ", differs, check_differ) +
           RUN_ROWS("explain", explains, check_explain) +
           cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
