#include "rows.h"

#include <glib/gstdio.h>
#include <postern/dkim.h>
#include <string.h>

#include "actions/actions.h"
#include "app/config-check.h"
#include "checks/checks.h"

static void no_carry_out(Recipient *recipient, const Demand *demand)
{
}

static const Check callback = {.name = "callback", .carries_out = VERB_CALLBACKS, .carry_out = no_carry_out};
static const Check *const with_callback[] = {&callback, NULL};

typedef struct {
    const char *name, *text, *access;
    const char *told; /* all of it; NULL: nothing */
    gboolean callbacks;
} Row;

#define SPF "[spf]\nmode = on\n"

static const Row rows[] = {
    {"nothing", "", NULL, NULL},
    {"all is well", SPF "[verbs]\nSPF-Fail = REJECT\n",
     "SPF-Pass:a.example WHITELIST\nConnect:1.2.3 REJECT\n", NULL},

    {"rule in the map, check off", "", "x y\nSPF-Fail:a.example OK\nSPF-Fail:b.example OK\n",
     "access:2: warning: a rule for SPF-Fail (and 1 more), but its check is switched off: [spf] mode = on "
     "switches it "
     "on\n"},
    {"rule for a recipient, check off", "", "To-Short-Message-ID:b@our.example OK\n",
     "access:1: warning: a rule for Short-Message-ID, but its check is switched off: [sender] "
     "message_id_checks = yes "
     "switches it on\n"},
    {"bare tag, check off", "", "iprev-Fail REJECT\n",
     "access:1: warning: a rule for iprev-Fail, but its check is switched off: [connection] iprev = yes "
     "switches it "
     "on\n"},
    {"rule in [verbs], check off", "[verbs]\nHello-IP = OK\n", NULL,
     "/x:2: warning: a rule for Hello-IP, but its check is switched off: [connection] hello_checks = yes "
     "switches it "
     "on\n"},
    {"SPF that only writes headers", "[spf]\nmode = header\n[verbs]\nSPF-None = REJECT\n", NULL,
     "/x:4: warning: a rule for SPF-None, but its check is switched off: [spf] mode = on switches it on\n"},
    {"a guess that is not made", SPF, "SPF-Guess:a.example WHITELIST\n",
     "access:1: warning: a rule for SPF-Guess, but its check is switched off: [spf] mode = on and best_guess "
     "= yes "
     "switches it on\n"},
    {"a guess that is made", SPF "best_guess = yes\n", "SPF-Guess:a.example WHITELIST\n", NULL},
    {"own HELO names need no hello_checks",
     "[connection]\nhello_blacklist = a.example\n[verbs]\nHello-Own = BAN\n", NULL, NULL},
    {"a misspelt tag", SPF, "SPF-Fial:a.example OK\nTo-SPF-Softfial:b@our.example OK\nConnect:192.0.2.1 OK\n",
     "access:1: warning: spf-fial is no tag; is SPF-Fail meant?\n"
     "access:2: warning: spf-softfial is no tag; is SPF-SoftFail meant?\n"},
    {"a login is always found", "", "SMTP-Auth:fred@a.example OK\n", NULL},
    {"counted without a store",
     SPF "[blacklist_rules]\nx = 5 refusals of SPF-Fail in 1h by client -> ban 7d\n", NULL,
     "/x:4: warning: [blacklist_rules], but there is no [store] path to count in: nobody will be banned\n"},
    {"counted, but never found",
     "[store]\npath = /tmp/x\n[blacklist_rules]\nx = 5 refusals of SPF-Fail in 1h by client -> ban 7d\n",
     NULL,
     "/x:4: warning: a rule for SPF-Fail, but its check is switched off: [spf] mode = on switches it on\n"},
    {"a journal without a store", "[journal]\nkeep = 7d\n", NULL,
     "/x:2: warning: [journal] keep does nothing without [store] path\n"},
    {"a later version's tag", "", "Virus:a.example REJECT\n",
     "access:1: note: a rule for Virus: this version has no check that finds it\n"},
    {"Score without thresholds", "", "To-Score:b@our.example OK\n",
     "access:1: warning: a rule for Score, but its check is switched off: [thresholds] switches it on\n"},

    {"CBV", SPF "[verbs]\nSPF-None = CBV\n", "SPF-Softfail:a.example CBV\n",
     "access:1: warning: CBV (and 1 more), which nothing in this version carries out: it counts as [policy] "
     "unavailable = OK\n"},
    {"CBV that is carried out", SPF "[verbs]\nSPF-None = CBV\n", NULL, NULL, TRUE},
    {"GREYLIST, all the same", SPF "[verbs]\nSPF-None = GREYLIST\n[policy]\nunavailable = REJECT\n", NULL,
     "/x:4: warning: GREYLIST, but [greylist] mode = off; rules switches it on, and until then it counts as "
     "[policy] unavailable = REJECT\n",
     TRUE},
    {"a greylist that forgets", "[greylist]\nmode = all\n", NULL,
     "/x:2: warning: [greylist] mode holds up nobody without [store] path: a greylist that forgets would let "
     "nobody pass\n"},
    {"a greylist that is off", "[greylist]\ndelay = 5m\nproven = yes\n", NULL,
     "/x:2: warning: [greylist] delay does nothing while mode = off\n"
     "/x:3: warning: [greylist] proven does nothing unless mode = all\n"},
    {"a rule for the greylist", "", "To-Greylist:a@our.example OK\n",
     "access:1: warning: a rule for Greylist, but its check is switched off: [greylist] mode = rules or all "
     "switches it on\n"},
    {"a rule for a limit", "", "Limit:192.0.2.1 OK\n",
     "access:1: warning: a rule for Limit, but its check is switched off: [limits] switches it on\n"},
    {"a limit", "[limits]\nx = 5 connections by client\n[connection]\nwhitelist_ips = 192.0.2.1\n",
     "Limit:192.0.2.1 OK\n", NULL},
    {"bans that do not last", "[connection]\nmax_demerits = 3\nmax_unknown = 3\nban_time = 1d\n", NULL,
     "/x:2: note: [connection] max_demerits counts within a connection only: without [store] path nobody is "
     "banned longer than that\n"
     "/x:3: warning: [connection] max_unknown does nothing without [store] path\n"
     "/x:4: warning: [connection] ban_time does nothing without [store] path\n"},
    {"quarantine_age", "[policy]\nquarantine_age = 30d\n", NULL,
     "/x:2: warning: [policy] quarantine_age does nothing without quarantine_dir\n"},
    {"DSN", SPF "[verbs]\nSPF-None = DSN\n", NULL,
     "/x:4: warning: DSN, which nothing in this version carries out: it counts as [policy] unavailable = "
     "OK\n"},
    {"an old file's CBV", "[milter]\nsocket = unix:/x\n[spf]\n", NULL,
     "/x: warning: CBV (and 1 more), which nothing in this version carries out: it counts as [policy] "
     "unavailable = "
     "OK\n"},
    {"QUARANTINE without a place", SPF, "SPF-Fail:a.example QUARANTINE\n",
     "access:1: warning: QUARANTINE, but there is no [policy] quarantine_dir: such mail gets a temporary "
     "failure\n"},
    {"QUARANTINE with one", SPF "[policy]\nquarantine_dir = /tmp/x\n", "SPF-Fail:a.example QUARANTINE\n",
     NULL},
    {"a threshold that quarantines", SPF "[verbs]\nSPF-None = SCORE:1\n[thresholds]\nspam = 6 QUARANTINE\n",
     NULL,
     "/x:6: warning: QUARANTINE, but there is no [policy] quarantine_dir: such mail gets a temporary "
     "failure\n"},
    {"SCORE for nobody", SPF "[verbs]\nSPF-None = SCORE:1\n", NULL,
     "/x:4: warning: SCORE, but there are no [thresholds] that judge the sum\n"},
    {"thresholds for nothing", "[thresholds]\nspam = 6 REJECT\n", NULL,
     "/x:2: warning: a threshold, but no rule gives a SCORE\n"},
    {"early thresholds for nothing", "[early_thresholds]\nspam = 6 REJECT\n", NULL,
     "/x:2: warning: a threshold, but no rule gives a SCORE\n"},
    {"separate without a place",
     SPF "trusted_forwarder = a.example\n[policy]\nmixed = separate\n[decide_at]\nSPF-Fail = message\n", NULL,
     "/x:5: warning: [policy] mixed = separate, but there is no quarantine_dir for the copies of those that "
     "are refused: "
     "where recipients end differently, all get a temporary failure\n"},
    {"separate, and nothing is late", "[policy]\nmixed = separate\n", NULL, NULL},
    {"SCORE and a threshold", SPF "[verbs]\nSPF-None = SCORE:1\n[thresholds]\nspam = 6 REJECT\n", NULL, NULL},

    {"[verbs] behind the map", SPF "[verbs]\nSPF-Fail = REJECT\n", "# x\nSPF-Fail: OK\n",
     "/x:4: warning: SPF-Fail is never looked at: spf-fail: in access, line 2, comes first\n"},
    {"[verbs] behind the map, no colon", SPF "[verbs]\nSPF-Fail = REJECT\n", "SPF-Fail OK\n",
     "/x:4: warning: SPF-Fail is never looked at: spf-fail in access, line 1, comes first\n"},
    {"an old list behind the map", "[milter]\nsocket = unix:/x\n[spf]\naccept_fail = a.example\n",
     "SPF-Fail: OK\n",
     "/x:4: warning: CBV (and 2 more), which nothing in this version carries out: it counts as [policy] "
     "unavailable = "
     "OK\n"
     "/x:4: warning: SPF-Fail!a.example is never looked at: spf-fail: in access, line 1, comes first\n"},

    {"waiting for nothing", SPF "[decide_at]\nSPF-Fail = message\n", NULL,
     "/x:4: note: SPF-Fail waits for the message, but nothing that is switched on settles it\n"},
    {"waiting for something", SPF "trusted_forwarder = a.example\n[decide_at]\nSPF-Fail = message\n", NULL,
     NULL},
    {"DMARC without a quarantine", SPF "[dmarc]\nmode = on\n", NULL,
     "/x:4: warning: [dmarc] mode delivers what fails, whatever the domain asks for, unless a rule says "
     "otherwise: there "
     "is no [policy] quarantine_dir\n"},
    {"DMARC without a quarantine, and a rule", SPF "[dmarc]\nmode = on\n", "DMARC-Reject: REJECT\n",
     "/x:4: note: [dmarc] mode delivers what fails, whatever the domain asks for, unless a rule says "
     "otherwise: there "
     "is no [policy] quarantine_dir\n"},
    {"DMARC without SPF", "[dmarc]\nmode = report\n[authres]\nadd = yes\n", NULL,
     "/x:2: note: [dmarc] mode asks SPF, but [spf] mode = off: its result is reported nowhere; header "
     "reports it\n"},
    {"DKIM that nobody sees", "[dkim]\nverify = header\n", NULL,
     "/x:2: warning: [dkim] verify = header is seen by nobody without [authres] add = yes\n"},
    {"sealers without ARC", "[arc]\ntrusted_sealers = l.example\n", NULL,
     "/x:2: warning: [arc] trusted_sealers does nothing unless verify = yes\n"},
    {"rows without a store", SPF "[dmarc]\nmode = report\ncollect = yes\n", NULL,
     "/x:5: warning: [dmarc] collect does nothing without [store] path\n"},
    {"settled by what is not there", SPF "[settled_by]\nSPF-Fail = DMARC-Pass\n", NULL,
     "/x:4: note: nothing of what settles SPF-Fail can be found\n"},

    {"best_guess without SPF", "[spf]\nbest_guess = yes\n", NULL,
     "/x:2: warning: [spf] best_guess does nothing while [spf] mode = off\n"},
    {"best_guess = no without SPF", "[spf]\nbest_guess = no\n", NULL, NULL},
    {"delegate without SPF", "[spf]\ndelegate = a.example\n", NULL,
     "/x:2: warning: [spf] delegate does nothing while [spf] mode = off\n"},
    {"lax for headers", "[spf]\nmode = header\nlax = yes\n", NULL,
     "/x:3: warning: [spf] lax does nothing unless [spf] mode = on\n"},
    {"internal_policy for nobody", SPF "internal_policy = +all\n", NULL,
     "/x:3: note: [spf] internal_policy is for internal clients, but internal_connect is empty: only this "
     "host and "
     "logins are internal\n"},
    {"authserv_id", "[authres]\nauthserv_id = a.example\n", NULL,
     "/x:2: warning: [authres] authserv_id does nothing unless [authres] add = yes\n"},
    {"ids of no relay", "[connection]\nrelay_authserv_id = gate\n", NULL,
     "/x:2: warning: [connection] relay_authserv_id does nothing while trusted_relay is empty\n"},
    {"whitelist_ips", "[connection]\nwhitelist_ips = 192.0.2.1\n", NULL,
     "/x:2: warning: [connection] whitelist_ips does nothing without max_demerits, max_unknown, [limits] or "
     "a "
     "[store]: nobody is banned or limited\n"},
    {"email_providers", "[sender]\nemail_providers = a.example\n", NULL,
     "/x:2: warning: [sender] email_providers does nothing while banned_domains is empty and there is no "
     "[store] with bans\n"},
    {"SRS domains", "[srs]\ndomains = a.example\n[daemon]\n", NULL,
     "/x:2: warning: [srs] domains does nothing without secret_file\n"},
    {"internal_mta", "[sender]\ninternal_mta = 192.0.2.1\n", NULL,
     "/x:2: warning: [sender] internal_mta does nothing but for logins: internal_connect is empty, so nobody "
     "else is "
     "internal\n"},
    {"internal_domains", "[sender]\ninternal_domains = a.example\n", NULL,
     "/x:2: warning: [sender] internal_domains makes our own clients forgers: internal_connect is empty, so "
     "only this "
     "host and logins are internal\n"},
    {"private_relay", "[sender]\nprivate_relay = a.example\n", NULL,
     "/x:2: warning: [sender] private_relay shuts out our own clients: internal_connect is empty, so only "
     "this host "
     "and logins are internal\n"},
    {"store without a path", "[store]\ntimeout_ms = 2000\nsync = yes\n", NULL,
     "/x:2: warning: [store] timeout_ms does nothing without path\n"
     "/x:3: warning: [store] sync does nothing without path\n"},
    {"quarantine_bytes", "[policy]\nquarantine_bytes = 2G\n", NULL,
     "/x:2: warning: [policy] quarantine_bytes does nothing without quarantine_dir\n"},

    {"stage_timeout", "[daemon]\nstage_timeout = 20s\n", NULL,
     "/x:2: note: [daemon] stage_timeout = 20 s: Sendmail gives up after 10 s unless R: of its T= says more, "
     "Postfix "
     "after milter_command_timeout\n"},
    {"timeout_ms", "[dns]\ntimeout_ms = 8000\n", NULL,
     "/x:2: warning: [dns] timeout_ms = 8000: one question may take all of stage_timeout, 8 s\n"},

    {"host in two lists",
     "[connection]\ninternal_connect = 10.0.0.0/8\ntrusted_relay = 192.0.2.1, 10.1.1.1\n", NULL,
     "/x:3: note: [connection] trusted_relay 10.1.1.1 is in internal_connect, too: it counts as both, and "
     "its mail is "
     "not checked by SPF even with internal_policy\n"},
    {"network in two lists", "[connection]\ninternal_connect = 10.0.0.0/8\ntrusted_relay = 10.0.0.0/8\n",
     NULL,
     "/x:3: note: [connection] trusted_relay 10.0.0.0/8 is in internal_connect, too: it counts as both, and "
     "its mail "
     "is not checked by SPF even with internal_policy\n"},
    {"whitelisted and internal",
     "[limits]\nx = 5 connections by client\n[connection]\ninternal_connect = 10.0.0.1\nwhitelist_ips = "
     "10.0.0.1\n",
     NULL,
     "/x:5: note: [connection] whitelist_ips 10.0.0.1 is in internal_connect, too: internal clients are "
     "never "
     "banned\n"},
    {"our own domain is banned",
     "[connection]\ninternal_connect = 10.0.0.1\n[sender]\ninternal_domains = a.our.example\n"
     "banned_domains = *.our.example\n",
     NULL, "/x:5: warning: [sender] banned_domains has a.our.example, which is one of internal_domains\n"},

    {"folder of a socket", "[daemon]\nlisten = inet:1@127.0.0.1, /no/such/sock\n", NULL,
     "/x:2: warning: [daemon] listen = /no/such/sock: there is no folder /no/such\n"},
    {"folder of the control socket", "[daemon]\ncontrol = /no/such/sock\n", NULL,
     "/x:2: warning: [daemon] control = /no/such/sock: there is no folder /no/such\n"},
    {"folder of the log", "[log]\ntarget = file:/no/such/log\n", NULL,
     "/x:2: warning: [log] target = /no/such/log: there is no folder /no/such\n"},
    {"folder of the store", "[store]\npath = /no/such/store.db\n", NULL,
     "/x:2: warning: [store] path = /no/such/store.db: there is no folder /no/such\n"},
    {"folder of the quarantine", "[policy]\nquarantine_dir = /no/such/place\n", NULL,
     "/x:2: warning: [policy] quarantine_dir = /no/such/place: there is no folder /no/such\n"},
    {"temp_dir", "[daemon]\ntemp_dir = /no/such\n", NULL,
     "/x:2: warning: [daemon] temp_dir = /no/such: there is no such folder\n"},
};

static char *all_told(const Problems *problems)
{
    GString *told = g_string_new(NULL);
    for (guint i = 0; i < problems_len(problems); i++) {
        g_autofree char *line = problem_to_string(problems_at(problems, i));
        g_string_append_printf(told, "%s\n", line);
    }
    return g_string_free(told, FALSE);
}

static void check_row(void **state)
{
    const Row *row = *state;
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_parse("/x", row->text, strlen(row->text), problems);
    assert_non_null(config);
    if (row->access)
        config->policy.access = map_parse("access", row->access, strlen(row->access), problems);
    g_autoptr(Policy) policy = policy_new(config, problems);
    assert_non_null(policy);
    assert_int_equal(problems_len(problems), 0);
    const Tables tables = {row->callbacks ? with_callback : all_checks, all_actions};
    config_check(config, policy, &tables, problems);
    g_autofree char *told = all_told(problems);
    assert_string_equal(told, row->told ? row->told : "");
}

/* Every tag that a check of this version finds says what switches it on: those of the table of checks are
 * found. */
static void nothing_is_switched_off_for_good(void **state)
{
    static const char text[] = SPF
        "best_guess = yes\ntrusted_forwarder = f.example\n"
        "[connection]\ninternal_connect = 10.0.0.1\nhello_checks = yes\nptr_checks = yes\niprev = yes\n"
        "hello_blacklist = a.example\nmax_demerits = 3\n"
        "[sender]\nsyntax_checks = yes\nmessage_id_checks = yes\ninternal_domains = a.example\n"
        "internal_mta = 10.0.0.1\nprivate_relay = p.example\nbanned_domains = b.example\nno_mail_to = x@\n"
        "[store]\npath = /tmp/x.db\n[greylist]\nmode = rules\n[limits]\nx = 5 connections by client\n"
        "[policy]\nquarantine_dir = /tmp\n[dkim]\nverify = on\n[dmarc]\nmode = on\n"
        "[arc]\nverify = yes\ntrusted_sealers = l.example\n";
    g_autoptr(GString) access = g_string_new(NULL);
    for (Tag tag = 0; tag < TAG_COUNT; tag++)
        if (tag != TAG_SRS_FORGED && tag != TAG_BOUNCE_GENUINE && tag != TAG_BOUNCE_FORGED &&
            tag != TAG_BOUNCE_MANY && tag != TAG_SCORE && tag != TAG_SCORE_EARLY)
            g_string_append_printf(access, "%s:a.example OK\n", tag_name(tag));
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_parse("/x", text, strlen(text), problems);
    assert_non_null(config);
    config->policy.access = map_parse("access", access->str, access->len, problems);
    g_autoptr(Policy) policy = policy_new(config, problems);
    assert_non_null(policy);
    const Tables tables = {all_checks, all_actions};
    config_check(config, policy, &tables, problems);
    assert_int_equal(problems_count(problems, PROBLEM_WARNING), 0);
    assert_true(problems_count(problems, PROBLEM_NOTE) > 0);
}

/* --- who may sign --- */

typedef struct {
    const char *name;
    const char *table; /* behind "example.com s key" */
    const char *options;
    const char *access;
    gboolean told;
} LoginRow;

static const LoginRow logins[] = {
    {"any login, its own domain only", "", "", "", TRUE},
    {"a key for some", " login=fred", "", "", FALSE},
    {"all logins", "", "any_login = *\n", "", FALSE},
    {"a rule", "", "", "SMTP-Auth:fred OK\n", FALSE},
    {"a rule for something else", "", "", "SPF-Fail:a.example OK\n", TRUE},
};

static void put(const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    assert_true(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static void check_logins(void **state)
{
    const LoginRow *row = *state;
    g_autofree char *folder = g_dir_make_tmp("postern-logins-XXXXXX", NULL);
    g_autofree char *name = g_build_filename(folder, "x", NULL);
    g_autofree char *table = g_strdup_printf("# whose\nexample.com s key%s\n", row->table);
    g_autofree char *text = g_strdup_printf("[sign]\nkeytable = keytable\n%s", row->options);
    g_autoptr(DkimKey) key = dkim_key_generate(DKIM_ED25519_SHA256, 0, NULL);
    g_autofree char *pem = dkim_key_to_pem(key);
    put(folder, "key", pem);
    put(folder, "keytable", table);
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_parse(name, text, strlen(text), problems);
    assert_non_null(config);
    config->policy.access = map_parse("access", row->access, strlen(row->access), problems);
    g_autoptr(Policy) policy = policy_new(config, problems);
    const Tables tables = {all_checks, all_actions};
    config_check(config, policy, &tables, problems);
    g_autofree char *told = all_told(problems);
    assert_int_equal(strstr(told, "/keytable:2: note: a login signs only as its own domain") != NULL,
                     row->told);
    for (const char *const *file = (const char *const[]){"key", "keytable", NULL}; *file; file++) {
        g_autofree char *path = g_build_filename(folder, *file, NULL);
        g_remove(path);
    }
    g_rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_switched_off_for_good),
    };
    return RUN_ROWS("config_check", rows, check_row) + RUN_ROWS("logins", logins, check_logins) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
