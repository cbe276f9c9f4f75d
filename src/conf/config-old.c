/*
 * config-old.c — files of the older Python system (a [milter] section): old names as aliases of options, and
 * the defaults that such a file had without saying so (D8). One row a name. What its values become is in
 * config-old-values.c, what became of [srs] in config-old-srs.c.
 */
#include "conf/config-old.h"

#include <string.h>

static const OldName old_names[] = {
    {"milter", "socket", OLD_SAME, "daemon", "listen"},
    {"milter", "socketname", OLD_SAME, "daemon", "listen"},
    {"milter", "umask", OLD_UMASK, "daemon", "socket_mode"},
    {"milter", "timeout", OLD_SAME, "daemon", "idle_timeout"},
    {"milter", "tempdir", OLD_FOLDER, "daemon", "temp_dir"},
    {"milter", "datadir", OLD_ELSEWHERE, NULL, NULL},
    {"milter", "name", OLD_NOTHING, NULL, NULL},
    {"milter", "internal_connect", OLD_SAME, "connection", "internal_connect"},
    {"milter", "trusted_relay", OLD_SAME, "connection", "trusted_relay"},
    {"milter", "hello_blacklist", OLD_SAME, "connection", "hello_blacklist"},
    {"milter", "max_demerits", OLD_SAME, "connection", "max_demerits"},
    {"milter", "delayed_reject", OLD_SAME, "connection", "delayed_reject"},
    {"milter", "whitelist_ips", OLD_SAME, "connection", "whitelist_ips"},
    {"milter", "internal_domains", OLD_SAME, "sender", "internal_domains"},
    {"milter", "internal_mta", OLD_SAME, "sender", "internal_mta"},
    {"milter", "private_relay", OLD_SAME, "sender", "private_relay"},
    {"milter", "email_providers", OLD_SAME, "sender", "email_providers"},
    {"milter", "errors_url", OLD_SAME, "policy", "errors_url"},
    {"milter", "best_guess", OLD_GUESS, "spf", "best_guess"},
    {"milter", "delegate", OLD_SAME, "spf", "delegate"},
    {"milter", "access_file", OLD_MAP, "policy", "access"},
    {"milter", "trusted_forwarder", OLD_SAME, "spf", "trusted_forwarder"},
    {"milter", "internal_policy", OLD_INTERNAL_POLICY, "spf", "internal_policy"},
    {"milter", "logdir", OLD_LATER, NULL, NULL},
    {"milter", "log_headers", OLD_LATER, NULL, NULL},
    {"milter", "check_user", OLD_LATER, NULL, NULL},
    {"milter", "case_sensitive_localpart", OLD_LATER, NULL, NULL},
    {"milter", "untrapped_exception", OLD_LATER, NULL, NULL},
    /* Before there was a [defang] section they stood here. */
    {"milter", "scan_rfc822", OLD_LATER, NULL, NULL},
    {"milter", "scan_zip", OLD_LATER, NULL, NULL},
    {"milter", "scan_html", OLD_LATER, NULL, NULL},
    {"milter", "block_chinese", OLD_LATER, NULL, NULL},
    {"milter", "block_forward", OLD_LATER, NULL, NULL},
    {"milter", "porn_words", OLD_LATER, NULL, NULL},
    {"milter", "spam_words", OLD_LATER, NULL, NULL},
    {"milter", "from_words", OLD_LATER, NULL, NULL},
    {"milter", "banned_exts", OLD_LATER, NULL, NULL},

    {"spf", "access_file", OLD_MAP, "policy", "access"},
    {"spf", "access_file_nulls", OLD_NOTHING, NULL, NULL}, /* both forms of keys are found */
    {"spf", "delegate", OLD_SAME, "spf", "delegate"},
    {"spf", "best_guess", OLD_GUESS, "spf", "best_guess"},
    {"spf", "trusted_forwarder", OLD_SAME, "spf", "trusted_forwarder"},
    {"spf", "trusted_relay", OLD_SAME, "spf", "trusted_forwarder"}, /* a slip of the first releases */
    {"spf", "internal_policy", OLD_INTERNAL_POLICY, "spf", "internal_policy"},
    {"spf", "reject_noptr", OLD_VERB_IF, "SPF-None", "REJECT"},
    {"spf", "reject_neutral", OLD_VERB_FOR, "SPF-Neutral", "REJECT"},
    {"spf", "reject_neutral", OLD_VERB_FOR, "SPF-Softfail", "REJECT"},
    {"spf", "accept_softfail", OLD_VERB_FOR, "SPF-Softfail", "OK"},
    {"spf", "accept_fail", OLD_VERB_FOR, "SPF-Fail", "CBV"},
    {"spf", "supply_sender", OLD_SAME, "headers", "supply_sender"},

    {"scrub", "hide_path", OLD_SAME, "headers", "hide_path"},
    {"scrub", "internal_policy", OLD_INTERNAL_POLICY, "spf", "internal_policy"},
    /* See config-old-srs.c. */
    {"srs", "config", OLD_ELSEWHERE, NULL, NULL},
    {"srs", "secret", OLD_ELSEWHERE, NULL, NULL},
    {"srs", "secret.0", OLD_ELSEWHERE, NULL, NULL},
    {"srs", "secret.1", OLD_ELSEWHERE, NULL, NULL},
    {"srs", "secret.2", OLD_ELSEWHERE, NULL, NULL},
    {"srs", "maxage", OLD_ELSEWHERE, NULL, NULL},
    {"srs", "hashlength", OLD_ELSEWHERE, NULL, NULL},
    {"srs", "fwdomain", OLD_ELSEWHERE, NULL, NULL},
    {"srs", "ses", OLD_ELSEWHERE, NULL, NULL},
    {"srs", "srs", OLD_ELSEWHERE, NULL, NULL},
    {"srs", "sign", OLD_ELSEWHERE, NULL, NULL},
    {"srs", "nosrs", OLD_ELSEWHERE, NULL, NULL},
    {"srs", "separator", OLD_ELSEWHERE, NULL, NULL},
    {"srs", "socket", OLD_ELSEWHERE, NULL, NULL},
    {"srs", "reject_spoofed", OLD_ELSEWHERE, NULL, NULL},
    {"srs", "banned_users", OLD_ELSEWHERE, NULL, NULL},
    {"srs", "unsigned_dsn_ok", OLD_ELSEWHERE, NULL, NULL},

    {"defang", "scan_rfc822", OLD_LATER, NULL, NULL},
    {"defang", "scan_zip", OLD_LATER, NULL, NULL},
    {"defang", "scan_html", OLD_LATER, NULL, NULL},
    {"defang", "block_chinese", OLD_LATER, NULL, NULL},
    {"defang", "block_forward", OLD_LATER, NULL, NULL},
    {"defang", "porn_words", OLD_LATER, NULL, NULL},
    {"defang", "spam_words", OLD_LATER, NULL, NULL},
    {"defang", "from_words", OLD_LATER, NULL, NULL},
    {"defang", "banned_exts", OLD_LATER, NULL, NULL},
    {"scrub", "reject_virus_from", OLD_LATER, NULL, NULL},
    {"wiretap", "blind", OLD_LATER, NULL, NULL},
    {"wiretap", "users", OLD_LATER, NULL, NULL},
    {"wiretap", "dest", OLD_LATER, NULL, NULL},
    {"wiretap", "discard", OLD_LATER, NULL, NULL},
    {"wiretap", "discard_users", OLD_LATER, NULL, NULL},
    {"wiretap", "archive", OLD_LATER, NULL, NULL},
    {"wiretap", "mail_archive", OLD_LATER, NULL, NULL},
    {"wiretap", "smart_alias", OLD_LATER, NULL, NULL},
    {"srs", "database", OLD_LATER, NULL, NULL},
    {"srs", "trusted_forwarder", OLD_LATER, NULL, NULL},
    {"dspam", "dspam_dict", OLD_LATER, NULL, NULL},
    {"dspam", "dspam_users", OLD_LATER, NULL, NULL},
    {"dspam", "dspam_userdir", OLD_LATER, NULL, NULL},
    {"dspam", "dspam_exempt", OLD_LATER, NULL, NULL},
    {"dspam", "dspam_whitelist", OLD_LATER, NULL, NULL},
    {"dspam", "dspam_screener", OLD_LATER, NULL, NULL},
    {"dspam", "dspam_train", OLD_LATER, NULL, NULL},
    {"dspam", "dspam_reject", OLD_LATER, NULL, NULL},
    {"dspam", "dspam_internal", OLD_LATER, NULL, NULL},
    {"dspam", "dspam_sizelimit", OLD_LATER, NULL, NULL},
    {"dspam", "whitelist_senders", OLD_SAME, "lists", "whitelist_senders"},
    {"dspam", "whitelist_mx", OLD_LATER, NULL, NULL},
    {"gossip", "server", OLD_LATER, NULL, NULL},
    {"gossip", "ttl", OLD_LATER, NULL, NULL},
    {"gossip", "peers", OLD_LATER, NULL, NULL},
    {"greylist", "dbfile", OLD_GREYLIST, NULL, NULL},
    {"greylist", "time", OLD_MINUTES, "greylist", "delay"},
    {"greylist", "expire", OLD_HOURS, "greylist", "window"},
    {"greylist", "retain", OLD_DAYS, "greylist", "retain"},
    {"dkim", "privkey", OLD_KEY, "sign", "key"},
    {"dkim", "selector", OLD_SAME, "sign", "selector"},
    {"dkim", "domain", OLD_SIGN_DOMAIN, "sign", "domain"},
    {"dkim", "reject", OLD_ADSP, NULL, NULL},
    /* Their keys are names that the administrator chose: aliases, users. */
    {"smart_alias", NULL, OLD_LATER, NULL, NULL},
    {"wiretap", NULL, OLD_LATER, NULL, NULL},
    {"dspam", NULL, OLD_LATER, NULL, NULL},
    /* Python's logging.config in the same file. */
    {"loggers", NULL, OLD_NOTHING, NULL, NULL},
    {"handlers", NULL, OLD_NOTHING, NULL, NULL},
    {"formatters", NULL, OLD_NOTHING, NULL, NULL},
};

/* Several programs had files of this form. The one that refused bad HELO and PTR names called its socket so. */
typedef enum { PROGRAM_BMS = 1, PROGRAM_SPF = 2, PROGRAM_DKIM = 4, PROGRAM_OTHER = 8 } OldProgram;
#define PROGRAM_ANY (PROGRAM_BMS | PROGRAM_SPF | PROGRAM_DKIM | PROGRAM_OTHER)

static gboolean is_old_key(const char *section, const char *key)
{
    for (guint i = 0; i < G_N_ELEMENTS(old_names); i++)
        if (strcmp(old_names[i].section, section) == 0 && old_names[i].key != NULL &&
            g_ascii_strcasecmp(old_names[i].key, key) == 0)
            return TRUE;
    return FALSE;
}

/* [srs] alone is what the SRS daemon read, unless it has a key that only ours has. */
static gboolean is_daemons_own(const Ini *ini)
{
    const char *section;
    guint line;
    for (guint i = 0; (section = ini_section_at(ini, i, &line)) != NULL; i++)
        if (strcmp(section, "srs") != 0 && strcmp(section, "default") != 0)
            return FALSE;
    for (guint i = 0; i < ini_len(ini); i++) {
        const IniEntry *entry = ini_at(ini, i);
        if (option_find(entry->section, entry->key) != NULL && !is_old_key(entry->section, entry->key))
            return FALSE;
    }
    return TRUE;
}

gboolean old_is(const Ini *ini)
{
    return ini_has_section(ini, "milter") || (ini_has_section(ini, "srs") && is_daemons_own(ini));
}

static OldProgram program_of(const Ini *ini)
{
    if (!ini_has_section(ini, "milter"))
        return PROGRAM_OTHER;
    if (ini_find(ini, "milter", "socketname") == NULL)
        return PROGRAM_BMS;
    if (ini_has_section(ini, "spf"))
        return PROGRAM_SPF;
    /* It verified without being told, so [dkim] may be missing. */
    return ini_has_section(ini, "dkim") || !ini_has_section(ini, "srs") ? PROGRAM_DKIM : PROGRAM_OTHER;
}

/* What an old file had without saying so. */
static const struct {
    int programs;
    const char *section, *key, *value;
} old_defaults[] = {
    /* Scripts that read the log take what stands in the brackets for a number (K13). */
    {PROGRAM_ANY, "log", "queue_ids", "no"},
    {PROGRAM_SPF, "log", "target", "syslog"},
    {PROGRAM_BMS, "daemon", "listen", "/var/run/milter/pythonsock"},
    {PROGRAM_BMS | PROGRAM_SPF, "connection", "hello_checks", "yes"},
    {PROGRAM_BMS, "connection", "ptr_checks", "yes"},
    {PROGRAM_SPF, "connection", "delayed_reject", "no"}, /* a bad HELO name at once */
    {PROGRAM_BMS | PROGRAM_SPF, "spf", "mode", "on"},
    {PROGRAM_BMS, "greylist", "proven", "yes"},
    {PROGRAM_BMS, "greylist", "delay", "5m"},
    {PROGRAM_BMS, "greylist", "window", "6h"},
    {PROGRAM_BMS, "dkim", "verify", "on"},
    {PROGRAM_DKIM, "dkim", "verify", "header"},
    {PROGRAM_DKIM, "authres", "add", "yes"},
    /* Where errors_url is not set, it was a page of the author's; that one is nobody's any more. */
    {PROGRAM_BMS, "policy", "errors_pages", "yes"},
};

/* What came with [dkim] privkey, in whichever program: signatures were relaxed/simple, and who had logged in was signed. */
static const struct {
    const char *key, *value;
} old_signing[] = {{"selector", "default"}, {"body_canon", "simple"}, {"any_login", "*"}};

/* The SPF milter called nobody back: what was not proven wrong passed. */
static const struct {
    int programs;
    const char *tag, *verb;
} old_verbs[] = {
    {PROGRAM_BMS | PROGRAM_SPF, "SPF-Fail", "REJECT"},
    {PROGRAM_BMS, "SPF-None", "CBV"},
    {PROGRAM_SPF, "SPF-None", "OK"},
    {PROGRAM_BMS, "SPF-Softfail", "CBV"},
    {PROGRAM_SPF, "SPF-Softfail", "OK"},
    {PROGRAM_BMS | PROGRAM_SPF, "SPF-Neutral", "OK"},
    {PROGRAM_BMS | PROGRAM_SPF, "SPF-PermError", "REJECT"},
    {PROGRAM_BMS | PROGRAM_SPF, "SPF-TempError", "TEMPFAIL"},
    {PROGRAM_BMS | PROGRAM_SPF, "SPF-Pass", "OK"},
};

void old_begin(Loader *loader, const Ini *ini)
{
    OldProgram program = program_of(ini);
    loader->defaults_of = "old files";
    for (guint i = 0; i < G_N_ELEMENTS(old_defaults); i++)
        if ((old_defaults[i].programs & program) != 0)
            loader_set(loader, option_find(old_defaults[i].section, old_defaults[i].key),
                       old_defaults[i].value, 0);
    for (guint i = 0; i < G_N_ELEMENTS(old_signing) && ini_find(ini, "dkim", "privkey") != NULL; i++)
        loader_set(loader, option_find("sign", old_signing[i].key), old_signing[i].value, 0);
    for (guint i = 0; i < G_N_ELEMENTS(old_verbs); i++)
        if ((old_verbs[i].programs & program) != 0)
            loader_add_pair(loader, option_find("verbs", ""), old_verbs[i].tag, old_verbs[i].verb, 0);
    /* The old system changed its folder to datadir, so that is where relative paths start. */
    const IniEntry *datadir = ini_find(ini, "milter", "datadir");
    if (datadir != NULL && datadir->value != NULL && *datadir->value != '\0') {
        char *base = g_canonicalize_filename(datadir->value, loader->base);
        g_free(loader->base);
        loader->base = base;
    }
}

/* Python's logging.config again: one section an object. */
static gboolean is_logging(const char *section)
{
    return g_str_has_prefix(section, "logger_") || g_str_has_prefix(section, "handler_") ||
           g_str_has_prefix(section, "formatter_");
}

gboolean old_entry(Loader *loader, const IniEntry *entry)
{
    gboolean known = FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(old_names); i++) {
        const OldName *old = &old_names[i];
        if (strcmp(old->section, entry->section) != 0)
            continue;
        if (old->key == NULL ? !known : g_ascii_strcasecmp(old->key, entry->key) == 0) {
            old_apply(loader, old, entry);
            known = TRUE;
        }
    }
    return known || is_logging(entry->section);
}

gboolean old_section(const char *section)
{
    for (guint i = 0; i < G_N_ELEMENTS(old_names); i++)
        if (strcmp(old_names[i].section, section) == 0)
            return TRUE;
    return is_logging(section);
}

char *old_nearest(const char *section, const char *key)
{
    const OldName *best = NULL;
    guint least = G_MAXUINT;
    for (guint i = 0; i < G_N_ELEMENTS(old_names); i++) {
        const OldName *old = &old_names[i];
        guint found = old->key != NULL && strcmp(old->section, section) == 0
                          ? option_unlikeness(old->key, key)
                          : G_MAXUINT;
        if (found < least) {
            least = found;
            best = old;
        }
    }
    return best != NULL ? g_strdup_printf("[%s] %s", best->section, best->key) : NULL;
}

void old_end(Loader *loader, const Ini *ini)
{
    old_srs(loader, ini);
}
