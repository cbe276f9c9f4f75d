#include "rows.h"

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "conf/config.h"
#include "conf/files.h"
#include "conf/options.h"

static char *folder;

static char *in_folder(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

static char *write_file(const char *name, const char *text, mode_t mode)
{
    char *path = in_folder(name);
    assert_true(g_file_set_contents(path, text, -1, NULL));
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static char *all_problems(const Problems *problems)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < problems_len(problems); i++) {
        g_autofree char *line = problem_to_string(problems_at(problems, i));
        g_string_append_printf(text, "%s\n", line);
    }
    return g_string_free(text, FALSE);
}

static Config *parse(const char *text, Problems *problems)
{
    g_autofree char *name = in_folder("postern.conf");
    return config_parse(name, text, strlen(text), problems);
}

static Config *parse_well(const char *text)
{
    g_autoptr(Problems) problems = problems_new();
    Config *config = parse(text, problems);
    g_autofree char *told = all_problems(problems);
    assert_string_equal(told, "");
    assert_non_null(config);
    return config;
}

/* ---- one value: what config_show says about it, or the error
 * ----------------------------------------------- */

typedef struct {
    const char *name;
    const char *text;  /* section, key = value */
    const char *shown; /* a line of config_show; NULL: refused */
    const char *error; /* part of the problem's text */
} ValueRow;

static const ValueRow values[] = {
    {"yes", "[log]\njson = Yes", "json = yes"},
    {"on", "[log]\njson = on", "json = yes"},
    {"0", "[log]\njson = 0", "json = no"},
    {"bool, bad", "[log]\njson = maybe", NULL, "x:2: error: [log] json = maybe: yes or no is expected"},
    {"bool, empty", "[log]\njson =", NULL, "yes or no"},
    {"int", "[daemon]\nmax_sessions = 7", "max_sessions = 7"},
    {"int, too small", "[daemon]\nmax_sessions = 0", NULL, "a number from 1 to 100000 is expected"},
    {"int, too large", "[daemon]\nmax_sessions = 99999999999999999999", NULL, "a number from 1 to 100000"},
    {"int, with rest", "[daemon]\nmax_sessions = 7x", NULL, "max_sessions = 7x"},
    {"octal", "[daemon]\nsocket_mode = 600", "socket_mode = 0600"},
    {"octal, bad", "[daemon]\nsocket_mode = 0888", NULL, "octal"},
    {"seconds", "[daemon]\nstage_timeout = 20", "stage_timeout = 20s"},
    {"minutes", "[daemon]\nstage_timeout = 2 m", "stage_timeout = 2m"},
    {"hours", "[daemon]\nidle_timeout = 2h", "idle_timeout = 2h"},
    {"days", "[daemon]\nidle_timeout = 7D", "idle_timeout = 7d"},
    {"seconds, too many", "[daemon]\nstage_timeout = 1d", NULL, "from 1s to 250s is expected"},
    {"seconds, no unit", "[daemon]\nstage_timeout = 8 weeks", NULL, "a time, such as"},
    {"seconds, negative", "[daemon]\nstage_timeout = -1", NULL, "a time, such as"},
    {"size", "[daemon]\nbody_memory = 4096", "body_memory = 4K"},
    {"size with unit", "[daemon]\nbody_memory = 1MiB", "body_memory = 1M"},
    {"size, too large", "[daemon]\nbody_memory = 999999999999999G", NULL, "from 0 to 1G is expected"},
    {"enum", "[spf]\nmode = HEADER", "mode = header"},
    {"enum, bad", "[spf]\nmode = maybe", NULL, "one of \"off\", \"header\", \"on\" is expected"},
    {"word", "[log]\nfacility = Local3", "facility = local3"},
    {"word, bad", "[log]\nfacility = kern", NULL, "\"local7\" is expected"},
    {"key without case", "[LOG]\nJSON = yes", "json = yes"},
    {"log file", "[log]\ntarget = file:/var/log/x", "target = file:/var/log/x"},
    {"log, bad", "[log]\ntarget = /var/log/x", NULL, "file:/path is expected"},
    {"sockets", "[daemon]\nlisten = /run/a, local:/run/b inet:8891@127.0.0.1,\n  inet6:8892@::1",
     "listen = unix:/run/a, unix:/run/b, inet:8891@127.0.0.1, inet6:8892@::1"},
    {"socket, bad", "[daemon]\nlisten = tcp:1", NULL, "\"tcp:1\" is none of"},
    {"socket without a path", "[daemon]\nlisten = local:1", NULL, "\"local:1\" is none of"},
    {"hosts", "[connection]\ninternal_connect = 10.0.0.0/8,127.*\n\t::1",
     "internal_connect = 10.0.0.0/8, 127.*, ::1"},
    {"hosts, bad", "[connection]\n\n\ninternal_connect = 10.0.0.0/8,\n 1.2.3", NULL, "x:4: error:"},
    {"patterns", "[sender]\ninternal_domains = a.example !b.example",
     "internal_domains = a.example, !b.example"},
    {"percent", "[spf]\nexplanation = 5% of %{i} or %%(x)s", "explanation = 5%% of %%{i} or %%(x)s"},
    {"string over lines", "[spf]\nexplanation = a\n  b", "explanation = a b"},
    {"verbs", "[verbs]\nSPF-Fail = REJECT", "SPF-Fail = REJECT"},
    {"unknown key", "[daemon]\nmax_session = 7", NULL,
     "x:2: error: [daemon] max_session is not known; did you mean daemon.max_sessions?"},
    {"unknown key, other section", "[log]\nmax_sessions = 7", NULL, "did you mean daemon.max_sessions?"},
    {"unknown key, like nothing", "[log]\nqqqqqqq = 7", NULL, "[log] qqqqqqq is not known\n"},
    {"unknown section", "[dameon]\nmax_sessions = 7", NULL,
     "x:1: error: [dameon] is none of the sections daemon,"},
    {"map that is not there", "[policy]\naccess = no-such-file", NULL, "the map cannot be used"},
    {"file that is not there", "[spf]\ndelegate_file = no-such-file", NULL,
     "x:2: error: [spf] delegate_file = no-such-file: "},
    {"secret that is not there", "[srs]\nsecret_file = no-such-file\n[daemon]", NULL, "No such file"},
    {"list file that is not there", "[sender]\nbanned_domains = a, file:no-such-file", NULL, "No such file"},
};

static void check_value(void **state)
{
    const ValueRow *row = *state;
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_parse("x", row->text, strlen(row->text), problems);
    g_autofree char *told = all_problems(problems);
    if (row->shown == NULL) {
        assert_null(config);
        if (strstr(told, row->error) == NULL)
            fail_msg("\"%s\" is not in: %s", row->error, told);
        return;
    }
    assert_string_equal(told, "");
    g_autofree char *shown = config_show(config, FALSE);
    g_autofree char *line = g_strdup_printf("\n# x:2\n%s\n", row->shown);
    if (strstr(shown, line) == NULL)
        fail_msg("\"%s\" is not in: %s", line, shown);
}

/* ---- old files ---- */

typedef struct {
    const char *name;
    const char *text;    /* after "[milter]\n" */
    const char *shown;   /* a line of config_show, or NULL */
    const char *problem; /* part of a problem, or NULL: none at all */
} OldRow;

static const OldRow olds[] = {
    {"socketname", "socketname = /var/run/spf", "listen = unix:/var/run/spf"},
    {"socket", "socket=/var/run/milter/pythonsock", "listen = unix:/var/run/milter/pythonsock"},
    {"umask", "umask = 0117", "socket_mode = 0660"},
    {"comment after a value", "max_demerits = 3 ; I use 3", "max_demerits = 3"},
    {"hosts", "internal_connect = 192.168.0.0/16,127.*", "internal_connect = 192.168.0.0/16, 127.*"},
    {"hello_blacklist", "hello_blacklist = mycorp.example, 192.0.2.34",
     "hello_blacklist = mycorp.example, 192.0.2.34"},
    {"private_relay", "private_relay = a.example, b.example", "private_relay = a.example, b.example"},
    {"internal_domains", "internal_domains = a.example,localhost.localdomain",
     "internal_domains = a.example, localhost.localdomain"},
    {"defaults", "", "SPF-Fail = REJECT"},
    {"default of HELO checks", "", "hello_checks = yes"},
    {"mode", "", "mode = on"},
    {"the SPF milter refused HELO names", "socketname = /x\n[spf]", "hello_checks = yes"},
    {"the SPF milter looked at no PTR name", "socketname = /x\n[spf]", "ptr_checks = no"},
    {"the SPF milter put nothing off", "socketname = /x\n[spf]", "delayed_reject = no"},
    {"the SPF milter had syslog", "socketname = /x\n[spf]", "target = syslog"},
    {"its log's form", "", "queue_ids = no"},
    {"its pages", "", "errors_pages = yes"},
    {"the SPF milter did SPF", "socketname = /x\n[spf]", "mode = on"},
    {"the DKIM milter did not", "socketname = /x\n[dkim]", "mode = off"},
    {"the DKIM milter verified", "socketname = /x\n[dkim]", "verify = header"},
    {"the DKIM milter verified without being told", "socketname = /x", "verify = header"},
    {"the DKIM milter reported", "socketname = /x\n[dkim]", "add = yes"},
    {"the SRS milter did not verify", "socketname = /x\n[srs]\nsecret = x", "verify = off"},
    {"the SPF milter did not verify", "socketname = /x\n[spf]", "verify = off"},
    {"the DKIM milter's signatures", "socketname = /x\n[dkim]\nprivkey =", "body_canon = simple"},
    {"no key, none", "socketname = /x\n[dkim]", "body_canon = relaxed"},
    {"the selector", "socketname = /x\n[dkim]\nselector = s1\nprivkey =", "selector = s1"},
    {"the selector without being told", "socketname = /x\n[dkim]\nprivkey =", "selector = default"},
    {"whose mail is signed", "socketname = /x\n[dkim]\ndomain = a.example", "domain = a.example",
     ":4: note: [dkim] domain = a.example: mail is signed whose author, in From:,"},
    {"ADSP", "socketname = /x\n[dkim]\nreject = discardable", NULL,
     ":4: warning: [dkim] reject = discardable refuses nobody: ADSP (RFC 5617) is historic"},
    {"no ADSP", "socketname = /x\n[dkim]\nreject =", NULL},
    {"a folder that is there", "tempdir = /tmp", "temp_dir = /tmp"},
    {"a folder that is not", "tempdir = /no/such", "temp_dir = /var/tmp", ":2: warning: [milter] tempdir"},
    {"a map that is not there", "[spf]\naccess_file = /no/such.db",
     "access =", ":3: warning: [spf] access_file"},
    {"reject_noptr", "[spf]\nreject_noptr = 1", "SPF-None = REJECT"},
    {"reject_noptr off", "[spf]\nreject_noptr = 0", "SPF-None = CBV"},
    {"reject_neutral", "[spf]\nreject_neutral = a.example", "SPF-Neutral!a.example = REJECT"},
    {"reject_neutral for softfail too", "[spf]\nreject_neutral = a.example",
     "SPF-Softfail!a.example = REJECT"},
    {"accept_softfail", "[spf]\naccept_softfail = a.example, b.example", "SPF-Softfail!b.example = OK"},
    {"accept_fail", "[spf]\naccept_fail = a.example", "SPF-Fail!a.example = CBV"},
    {"best_guess", "[spf]\nbest_guess = 1", "best_guess = yes"},
    {"best_guess record", "best_guess = v=spf1 a mx ptr ?all", "best_guess = yes",
     "note: [milter] best_guess"},
    {"delegate", "[spf]\ndelegate = a.example", "delegate = a.example"},
    {"trusted_forwarder", "[spf]\ntrusted_forwarder = a.example", "trusted_forwarder = a.example"},
    {"trusted_forwarder, the slip", "[spf]\ntrusted_relay = a.example", "trusted_forwarder = a.example"},
    {"internal_policy off", "[scrub]\ninternal_policy = false", "internal_policy ="},
    {"internal_policy on", "[scrub]\ninternal_policy = yes", "internal_policy = +all",
     ":3: note: [scrub] internal_policy = yes is read as \"+all\""},
    {"internal_policy terms", "internal_policy = ip4:10.0.0.0/8", "internal_policy = ip4:10.0.0.0/8"},
    {"a later feature", "[defang]\nscan_zip = 0", NULL, ":3: note: [defang] scan_zip is accepted, but"},
    {"a whole later section", "[smart_alias]\nwalter = a@b,c@d", NULL,
     "note: [smart_alias] walter is accepted"},
    {"its socket", "", "listen = unix:/var/run/milter/pythonsock"},
    {"the SPF milter named its own", "socketname = /x\n[spf]", "listen = unix:/x"},
    {"SRS domains",
     "[srs]\nsecret = x\nses = a.example\nsrs = b.example\nsign = c.example\nfwdomain = d.example",
     "domains = a.example, b.example, c.example, d.example"},
    {"SRS, age", "[srs]\nsecret = x\nmaxage = 30", "max_age = 30"},
    {"SRS, age by default", "[srs]\nsecret = x", "max_age = 8"},
    {"SRS, hash", "[srs]\nsecret = x\nhashlength = 5", "hash_length = 5"},
    {"SRS, hash by default", "[srs]\nsecret = x", "hash_length = 8"},
    {"SRS domains are people's, too", "[srs]\nsecret = x", "only_signed = no"},
    {"SRS without a secret", "[srs]\nfwdomain = a.example", "domains =", ":2: note: [srs] has no secret"},
    {"SRS, included file is not there", "[srs]\nconfig = /no/such.cfg\nsecret = x", NULL,
     ":3: warning: [srs] config = /no/such.cfg: there is no such file"},
    {"SRS, what comes later", "[srs]\nsecret = x\ndatabase = x", NULL,
     ":4: note: [srs] database is accepted"},
    {"SRS, unsigned bounces", "[srs]\nsecret = x\nreject_spoofed = 1", "require_signature = yes"},
    {"SRS, bounces are looked at", "[srs]\nsecret = x", "check = yes"},
    {"SES, three times", "[srs]\nsecret = x\nses = a.example", "per_signature = 3"},
    {"SES, none", "[srs]\nsecret = x\nsrs = a.example", "per_signature = 0"},
    {"SRS, the map restores", "[srs]\nsecret = x", "restore = no"},
    {"SRS, who bounces, too", "[srs]\nsecret = x\nbanned_users = postmaster,mailer-daemon clamav",
     "senders = postmaster@, mailer-daemon@, clamav@"},
    {"SRS, whose bounces need no signature", "[srs]\nsecret = x\nunsigned_dsn_ok = a.example",
     "unsigned_ok = a.example"},
    {"SRS, forwarder", "[srs]\nsecret = x\nfwdomain = a.example", "forward_domain = a.example"},
    {"SRS, separator", "[srs]\nsecret = x\nseparator = +", "separator = +"},
    {"SRS, exempt", "[srs]\nsecret = x\nnosrs = mx.a.example, b.example", "exempt = mx.a.example, b.example"},
    {"SRS, no socket without being told", "[srs]\nsecret = x", "socketmap ="},
    {"SRS, its socket", "[srs]\nsecret = x\nsocket = /var/run/milter/pysrs",
     "socketmap = unix:/var/run/milter/pysrs"},
    {"unknown key of an old section", "[defang]\nscan_htm = 1", NULL,
     ":3: warning: [defang] scan_htm is not known; did you mean [defang] scan_html?"},
    {"unknown key", "internal_conect = 1", NULL,
     ":2: warning: [milter] internal_conect is not known; did you mean connection.internal_connect?"},
    {"unknown section", "[odd]\na=1", NULL, "warning: [odd] is none of the sections"},
    {"new names too", "[log]\nlevel = debug", "level = debug"},
    {"Python's logging", "[logger_root]\nlevel=DEBUG\n[handlers]\nkeys=x", NULL, NULL},
    {"Latin-1",
     "[defang]\nporn_words = fr\xeb"
     "e,\n\tp\xf6rn",
     NULL, "note: not UTF-8"},
};

static void check_old(void **state)
{
    const OldRow *row = *state;
    g_autofree char *text = g_strconcat("[milter]\n", row->text, "\n", NULL);
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = parse(text, problems);
    g_autofree char *told = all_problems(problems);
    if (config == NULL)
        fail_msg("refused: %s", told);
    if (row->problem == NULL)
        assert_string_equal(told, "");
    else if (strstr(told, row->problem) == NULL)
        fail_msg("\"%s\" is not in: %s", row->problem, told);
    g_autofree char *shown = config_show(config, FALSE);
    g_autofree char *line = g_strdup_printf("\n%s\n", row->shown != NULL ? row->shown : "");
    if (row->shown != NULL && strstr(shown, line) == NULL)
        fail_msg("\"%s\" is not in: %s", row->shown, shown);
}

static void bad_old_value(void **state)
{
    g_autoptr(Problems) problems = problems_new();
    assert_null(parse("[milter]\ninternal_connect = 1.2.3\n[spf]\nreject_noptr = perhaps\n", problems));
    g_autofree char *told = all_problems(problems);
    assert_non_null(strstr(told, "postern.conf:2: error: [connection] internal_connect = 1.2.3"));
    assert_non_null(strstr(told, "postern.conf:4: error: [spf] reject_noptr = perhaps: yes or no"));
}

static void bad_old_include(void **state)
{
    g_autoptr(Problems) problems = problems_new();
    assert_null(parse("[milter]\n[srs]\nconfig = .\nsecret = x\n", problems)); /* a folder */
    g_autofree char *told = all_problems(problems);
    assert_non_null(strstr(told, "postern.conf:3: error: [srs] config: "));
    g_autofree char *path =
        write_file("self.cfg", "[milter]\n[srs]\nconfig = self.cfg\nsecret = x\nmaxage = 7\n", 0640);
    g_autoptr(Problems) none = problems_new();
    g_autoptr(Config) config = config_load(path, none); /* itself: once is enough */
    g_autofree char *silence = all_problems(none);
    assert_string_equal(silence, "");
    assert_int_equal(config->srs.max_age, 7);
    g_unlink(path);
}

static void old_paths_start_from_datadir(void **state)
{
    g_autofree char *data = in_folder("data");
    g_mkdir(data, 0755);
    g_autofree char *access = write_file("data/access", "SPF-Fail:a.example OK\n", 0644);
    g_autofree char *list = write_file("data/domains",
                                       "# ours\n a.example b.example,\nb\xfc"
                                       "cher.example\n",
                                       0644);
    g_autofree char *text = g_strdup_printf("[milter]\ndatadir = %s\ninternal_domains = x.example, "
                                            "file:domains\n[spf]\naccess_file = access.db\n",
                                            data);
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = parse(text, problems);
    assert_non_null(config);
    assert_string_equal(map_lookup(config->policy.access, "spf-fail:a.example")->value, "OK");
    assert_non_null(patterns_match(config->sender.internal_domains, "x.example"));
    assert_non_null(patterns_match(config->sender.internal_domains, "b.example"));
    assert_non_null(patterns_match(config->sender.internal_domains, "bücher.example"));
    assert_null(patterns_match(config->sender.internal_domains, "ours"));
    assert_int_equal(g_strv_length(config->loaded.files),
                     6); /* itself, the list, the map, what may be built of it */
    g_autofree char *told = all_problems(problems);
    assert_non_null(strstr(told, "note: [spf] access_file is read from its text source"));
    g_autofree char *shown = config_show(config, FALSE);
    assert_non_null(strstr(shown, "\ninternal_domains = x.example, file:domains\n"));
    g_unlink(access);
    g_unlink(list);
    g_rmdir(data);
}

static char *secrets_of(const Config *config)
{
    return config->loaded.srs_secrets != NULL ? g_strjoinv(" ", config->loaded.srs_secrets)
                                              : g_strdup("none");
}

static void old_srs_file_is_included(void **state)
{
    g_autofree char *included = write_file("pysrs.cfg",
                                           "[srs]\nsecret = \"new one\"\nsecret.0 = older\nsecret.2 = lost\n"
                                           "maxage=9\nfwdomain = b.example\nnosr = c.example\n",
                                           0640);
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = parse("[milter]\n[srs]\nconfig = pysrs.cfg\nsecret = mine\nhashlength = 6\n"
                                     "maxage = 5\nfwdomain = a.example\nsign = d.example\n",
                                     problems);
    assert_non_null(config);
    g_autofree char *secrets = secrets_of(config);
    assert_string_equal(secrets, "\"new one\" older"); /* quotes are part of it, as they were in Python */
    g_autofree char *shown = config_show(config, FALSE);
    g_autofree char *line = g_strdup_printf("# %s:5\nmax_age = 9\n", included);
    assert_non_null(strstr(shown, line));
    assert_non_null(strstr(shown, "postern.conf:5\nhash_length = 6\n"));
    assert_non_null(strstr(shown, "\ndomains = d.example, b.example\n"));
    const char *file;
    assert_int_equal(config_where(config, "srs", "max_age", &file), 5);
    assert_string_equal(file, included);
    assert_int_equal(config_where(config, "sender", "internal_mta", &file), 0);
    assert_int_equal(g_strv_length(config->loaded.files), 2);
    g_autofree char *told = all_problems(problems);
    assert_non_null(strstr(told, "pysrs.cfg:7: warning: [srs] nosr is not known; did you mean [srs] nosrs?"));
    assert_null(strstr(told, "chmod"));
    g_unlink(included);
}

static void old_secret_that_all_may_read(void **state)
{
    g_autofree char *path = write_file("pysrs.cfg", "[srs]\nsecret = x\nfwdomain = a.example\n", 0644);
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_load(path, problems); /* alone: the SRS daemon's own file */
    assert_non_null(config);
    g_autofree char *told = all_problems(problems);
    assert_non_null(strstr(told, "pysrs.cfg:2: warning: [srs] secret: "));
    g_autofree char *secrets = secrets_of(config);
    assert_string_equal(secrets, "x");
    assert_int_equal(config->spf.mode, SPF_MODE_OFF);
    assert_int_equal(config->policy.verbs.n, 0);
    g_unlink(path);
}

static void srs_in_a_new_file_is_a_slip(void **state)
{
    g_autoptr(Problems) problems = problems_new();
    assert_null(parse("[spf]\nmode = on\n[srs]\nsecret = x\n", problems));
}

/* ---- the table and what is made from it
 * -------------------------------------------------------------------- */

static char *shown_without_origin(const Config *config)
{
    g_autofree char *shown = config_show(config, FALSE);
    g_autoptr(GRegex) regex = g_regex_new("^# .*\n", G_REGEX_MULTILINE, 0, NULL);
    return g_regex_replace(regex, shown, -1, 0, "", 0, NULL);
}

static void default_text_is_the_default(void **state)
{
    g_autofree char *text = config_default_text();
    g_autoptr(Config) built_in = config_load(NULL, NULL);
    g_autofree char *want = shown_without_origin(built_in);
    g_autoptr(Config) commented = parse_well(text);
    g_autofree char *got = shown_without_origin(commented);
    assert_string_equal(got, want);
    /* With every option written out it must be the same: the defaults in the text are the defaults. */
    g_autoptr(GRegex) regex = g_regex_new("^;", G_REGEX_MULTILINE, 0, NULL);
    g_autofree char *uncommented = g_regex_replace(regex, text, -1, 0, "", 0, NULL);
    assert_string_not_equal(uncommented, text);
    g_autoptr(Config) written = parse_well(uncommented);
    g_autofree char *again = shown_without_origin(written);
    assert_string_equal(again, want);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL; line++)
        assert_true(g_utf8_strlen(*line, -1) <= 120);
}

static void examples_are_good(void **state)
{
    for (guint i = 0; i < options_len; i++) {
        const Option *option = &options[i];
        assert_true(strlen(option->doc) > 5);
        if (*option->fallback == '\0')
            assert_non_null(option->example);
        if (option->example == NULL || option->kind == OPTION_FILE || option->kind == OPTION_SECRET ||
            option->kind == OPTION_MAP || strstr(option->example, "file:") != NULL)
            continue;
        g_autofree char *text = g_strdup_printf("[%s]\n%s%s%s\n", option->section, option->key,
                                                option->kind == OPTION_PAIRS ? "" : " = ", option->example);
        config_unref(parse_well(text));
    }
}

static void every_option_has_a_section_and_a_name_of_its_own(void **state)
{
    for (guint i = 0; i < options_len; i++) {
        assert_ptr_equal(option_find(options[i].section, options[i].key), &options[i]);
        gboolean found = FALSE;
        for (guint j = 0; j < option_sections_len; j++)
            found = found || strcmp(option_sections[j].name, options[i].section) == 0;
        assert_true(found);
    }
}

static void null_configuration(void **state)
{
    g_autoptr(Config) config = config_load(NULL, NULL);
    assert_null(config->path);
    assert_int_equal(config->spf.mode, SPF_MODE_OFF);
    assert_int_equal(config->log.level, LOG_LEVEL_INFO);
    assert_int_equal(config->policy.mixed, MIXED_DEFER);
    assert_false(config->connection.hello_checks || config->connection.ptr_checks ||
                 config->sender.syntax_checks || config->sender.message_id_checks || config->authres.add ||
                 config->spf.best_guess);
    assert_true(hosts_is_empty(config->connection.internal_connect));
    assert_true(patterns_is_empty(config->sender.banned_domains));
    assert_null(config->policy.access);
    assert_int_equal(config->policy.verbs.n, 0);
    assert_string_equal(config->daemon.listen[0], "unix:/run/postern/milter.sock");
    assert_int_equal(config->daemon.body_budget, 256 << 20);
    assert_string_equal(config->rights.user, "");
    Config *again = config_ref(config);
    config_unref(again);
    config_unref(NULL);
    g_autoptr(Config) empty = parse_well("");
    g_autofree char *a = shown_without_origin(config), *b = shown_without_origin(empty);
    assert_string_equal(a, b);
}

static void pairs(void **state)
{
    g_autoptr(Config) config =
        parse_well("[Verbs]\nSPF-Fail = REJECT\n\nSPF-None: ERROR:\"550 5.7.1 no\"\n"
                   "[thresholds]\nspam = 6 QUARANTINE\n[settled_by]\nSPF-Fail = DMARC-Pass,\n  X\n");
    assert_int_equal(config->policy.verbs.n, 2);
    assert_string_equal(config->policy.verbs.items[0].name, "SPF-Fail");
    assert_string_equal(config->policy.verbs.items[1].value, "ERROR:\"550 5.7.1 no\"");
    assert_int_equal(config->policy.verbs.items[1].line, 4);
    assert_string_equal(config->policy.thresholds.items[0].value, "6 QUARANTINE");
    assert_string_equal(config->policy.settled_by.items[0].value, "DMARC-Pass,\nX");
    assert_int_equal(config->policy.early_thresholds.n, 0);
    g_autoptr(GString) many = g_string_new("[verbs]\n");
    for (int i = 0; i < 5000; i++)
        g_string_append_printf(many, "Tag-%d = OK\n", i);
    g_autoptr(Config) large = parse_well(many->str);
    assert_int_equal(large->policy.verbs.n, 5000);
    assert_string_equal(large->policy.verbs.items[4999].name, "Tag-4999");
}

static void json(void **state)
{
    g_autoptr(Config) config = parse_well("[spf]\nmode = on\n[verbs]\nSPF-Fail = REJECT\n"
                                          "[connection]\ninternal_connect = ::1, 10.0.0.0/8\n");
    g_autofree char *text = config_show(config, TRUE);
    g_autoptr(JsonParser) parser = json_parser_new();
    assert_true(json_parser_load_from_data(parser, text, -1, NULL));
    g_autofree char *from = g_strdup_printf("%s:2", config->path);
    g_autofree char *mode = g_strdup_printf("\"mode\":{\"value\":\"on\",\"from\":\"%s\"}", from);
    assert_non_null(strstr(text, mode));
    assert_non_null(strstr(text, "\"best_guess\":{\"value\":false,\"from\":\"default\"}"));
    assert_non_null(strstr(text, "\"internal_connect\":{\"value\":[\"::1\",\"10.0.0.0/8\"],"));
    assert_non_null(strstr(text, "\"SPF-Fail\":{\"value\":\"REJECT\","));
    assert_non_null(strstr(text, "\"body_memory\":{\"value\":262144,"));
    assert_non_null(strstr(text, "\"servers\":{\"value\":[\"system\"],"));
}

static void shown_text_loads_again(void **state)
{
    g_autoptr(Config) config =
        parse_well("[spf]\nexplanation = see %{i} 100%% %%(x)s\n[daemon]\nstage_timeout=90\n"
                   "[verbs]\nSPF-Fail = ERROR:\"550 %% no\"\n[settled_by]\nA = B,\n  "
                   "C\n[sender]\nemail_providers = *.a, !b.a\n");
    g_autofree char *shown = config_show(config, FALSE);
    g_autoptr(Config) again = parse_well(shown);
    g_autofree char *a = shown_without_origin(config), *b = shown_without_origin(again);
    assert_string_equal(a, b);
    assert_string_equal(again->spf.explanation, "see %{i} 100% %(x)s");
}

static void restart_needed(void **state)
{
    g_autoptr(Config) a = parse_well("[daemon]\nlisten = inet:1@::1\n[log]\njson = yes\n");
    g_autoptr(Config) b = parse_well("[daemon]\nlisten = inet:2@::1\n[dns]\ntimeout_ms = 100\n");
    g_auto(GStrv) names = config_restart_needed(a, b);
    g_autofree char *joined = g_strjoinv(" ", names);
    assert_string_equal(joined, "daemon.listen dns.timeout_ms");
    g_auto(GStrv) none = config_restart_needed(a, a);
    assert_int_equal(g_strv_length(none), 0);
}

static void all_faults_are_told(void **state)
{
    g_autoptr(Problems) problems = problems_new();
    assert_null(parse("[log]\njson = x\nlevel = y\n[spf]\nmod = on\nmode = z\n", problems));
    assert_int_equal(problems_count(problems, PROBLEM_ERROR), 4);
}

/* ---- files ---- */

typedef struct {
    const char *name;
    mode_t mode;
    gboolean config, secret;
} ModeRow;

static const ModeRow modes[] = {
    {"0600", 0600, TRUE, TRUE},   {"0640", 0640, TRUE, TRUE},   {"0644", 0644, TRUE, FALSE},
    {"0444", 0444, TRUE, FALSE},  {"0660", 0660, FALSE, FALSE}, {"0602", 0602, FALSE, FALSE},
    {"0666", 0666, FALSE, FALSE}, {"0604", 0604, TRUE, FALSE},  {"0400", 0400, TRUE, TRUE},
    {"0620", 0620, FALSE, FALSE},
};

static void check_mode(void **state)
{
    const ModeRow *row = *state;
    g_autofree char *path = write_file("secret", "s\n", row->mode);
    g_autoptr(GError) config_error = NULL, secret_error = NULL;
    assert_int_equal(file_check_config(path, &config_error), row->config);
    assert_int_equal(file_check_secret(path, &secret_error), row->secret);
    if (config_error != NULL)
        assert_non_null(strstr(config_error->message, "chmod go-w "));
    if (secret_error != NULL)
        assert_non_null(strstr(secret_error->message, "chmod "));
    gsize len;
    g_autofree char *bytes = file_read(path, 10, FILE_CONFIG, &len, NULL);
    assert_int_equal(bytes != NULL, row->config);
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = parse("[srs]\nsecret_file = secret\n[daemon]\n", problems);
    assert_int_equal(config != NULL, row->secret);
    g_unlink(path);
}

static void odd_files(void **state)
{
    g_autofree char *fifo = in_folder("fifo"), *sock = in_folder("sock"), *link = in_folder("link");
    g_autofree char *big = write_file("big", "0123456789", 0644);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(symlink(big, link), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, sock, sizeof address.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    const struct {
        const char *path, *want;
    } rows[] = {{fifo, "a pipe"},          {folder, "a directory"},      {sock, "No such device"},
                {"/dev/null", "a device"}, {"/no/such", "No such file"}, {big, "more than the 9"}};
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        gsize len;
        assert_null(file_read(rows[i].path, 9, FILE_CONFIG, &len, &error));
        if (strstr(error->message, rows[i].want) == NULL || strstr(error->message, rows[i].path) == NULL)
            fail_msg("%s", error->message);
    }
    g_autoptr(GError) error = NULL, changing = NULL;
    gsize unused; /* its size never agrees with what is read: the end of all attempts */
    assert_null(file_read("/proc/self/status", 1 << 20, FILE_PLAIN, &unused, &changing));
    assert_non_null(strstr(changing->message, "is being written to"));
    assert_false(file_check_config(sock, &error));
    assert_non_null(strstr(error->message, "a socket"));
    gsize len;
    g_autofree char *bytes = file_read(link, 10, FILE_CONFIG, &len, NULL);
    assert_string_equal(bytes, "0123456789");
    assert_int_equal(len, 10);
    close(fd);
    g_unlink(fifo);
    g_unlink(sock);
    g_unlink(link);
    g_unlink(big);
}

static void load(void **state)
{
    g_autofree char *path = write_file("postern.conf", "[policy]\naccess = access\n", 0644);
    g_autofree char *access = write_file("access", "SPF-Fail:a OK\nSPF-Fail:a REJECT\n", 0644);
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_load(path, problems);
    assert_non_null(config);
    assert_string_equal(map_name(config->policy.access), access);
    assert_string_equal(config->loaded.files[0], path);
    assert_string_equal(config->loaded.files[1], access);
    assert_true(g_str_has_suffix(config->loaded.files[2], "/access.db")); /* it may come to be built */
    assert_int_equal(g_strv_length(config->loaded.files), 5);
    assert_int_equal(problems_count(problems, PROBLEM_WARNING), 1);
    chmod(path, 0646);
    g_autoptr(Problems) refused = problems_new();
    assert_null(config_load(path, refused));
    g_autofree char *told = all_problems(refused);
    assert_non_null(strstr(told, "chmod go-w"));
    chmod(path, 0644);
    chmod(access, 0664);
    g_autoptr(Problems) also = problems_new();
    assert_null(config_load(path, also));
    g_unlink(path);
    g_unlink(access);
}

int main(void)
{
    folder = g_dir_make_tmp("postern-config-XXXXXX", NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_old_value),
        cmocka_unit_test(old_paths_start_from_datadir),
        cmocka_unit_test(bad_old_include),
        cmocka_unit_test(old_srs_file_is_included),
        cmocka_unit_test(old_secret_that_all_may_read),
        cmocka_unit_test(srs_in_a_new_file_is_a_slip),
        cmocka_unit_test(default_text_is_the_default),
        cmocka_unit_test(examples_are_good),
        cmocka_unit_test(every_option_has_a_section_and_a_name_of_its_own),
        cmocka_unit_test(null_configuration),
        cmocka_unit_test(pairs),
        cmocka_unit_test(json),
        cmocka_unit_test(shown_text_loads_again),
        cmocka_unit_test(restart_needed),
        cmocka_unit_test(all_faults_are_told),
        cmocka_unit_test(odd_files),
        cmocka_unit_test(load),
    };
    int failed = RUN_ROWS("values", values, check_value) + RUN_ROWS("old files", olds, check_old) +
                 RUN_ROWS("permissions", modes, check_mode) + cmocka_run_group_tests(tests, NULL, NULL);
    g_rmdir(folder);
    g_free(folder);
    return failed;
}
