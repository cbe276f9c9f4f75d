/*
 * config-old.c — files of the older Python system (a [milter] section): old names as aliases of options, and
 * the defaults that such a file had without saying so (D8). One row a name. What became of [srs] is in
 * config-old-srs.c.
 */
#include "conf/config-internal.h"

#include <string.h>

typedef enum {
    OLD_SAME,            /* the value as it is */
    OLD_UMASK,           /* of the socket: the opposite of its permissions */
    OLD_GUESS,           /* yes or no, or a record of its own */
    OLD_INTERNAL_POLICY, /* yes or no, where there are SPF terms now */
    OLD_MAP,             /* an access map, perhaps named by what makemap made of it */
    OLD_FOLDER,          /* a folder, if it is there */
    OLD_KEY,             /* a private key, if it is there */
    OLD_SIGN_DOMAIN,     /* whose mail is signed is not quite what it was */
    OLD_ADSP,            /* a policy that nobody publishes any more */
    OLD_GREYLIST,        /* its database: it is on */
    OLD_MINUTES,         /* a number of them */
    OLD_HOURS,
    OLD_DAYS,
    OLD_VERB_IF,   /* yes: the tag gets the verb */
    OLD_VERB_FOR,  /* the tag gets the verb for these domains */
    OLD_ELSEWHERE, /* read before or after all others */
    OLD_LATER,     /* a feature that comes later: named once */
    OLD_NOTHING,   /* meant something to Python only */
} OldKind;

typedef struct {
    const char *section, *key; /* key NULL: any key of the section that is not above */
    OldKind kind;
    const char *to, *name; /* OLD_VERB_…: tag and verb; else section and key */
} OldName;

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

static gboolean is_yes(const char *value, gboolean *ret)
{
    static const char *const words[] = {"no", "yes", "off", "on", "false", "true", "0", "1"};
    for (guint i = 0; i < G_N_ELEMENTS(words); i++)
        if (g_ascii_strcasecmp(words[i], value) == 0) {
            *ret = i & 1;
            return TRUE;
        }
    return FALSE;
}

G_GNUC_PRINTF(4, 5)
static void tell(Loader *loader, const IniEntry *entry, ProblemLevel level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    problems_add(loader->problems, level, loader->name, entry->line, "[%s] %s %s", entry->section, entry->key,
                 text);
}

static void set_umask(Loader *loader, const Option *option, const IniEntry *entry)
{
    guint64 mask;
    if (!g_ascii_string_to_unsigned(entry->value, 8, 0, 0777, &mask, NULL)) {
        tell(loader, entry, PROBLEM_ERROR, "= %.60s: an octal number is expected", entry->value);
        return;
    }
    g_autofree char *mode = g_strdup_printf("%04o", 0777 & ~(guint)mask);
    loader_set(loader, option, mode, entry->line);
}

static void set_guess(Loader *loader, const Option *option, const IniEntry *entry)
{
    gboolean record = g_ascii_strncasecmp(entry->value, "v=spf1", 6) == 0;
    if (record)
        tell(loader, entry, PROBLEM_NOTE,
             "switches the guess on; the record in use is v=spf1 a/24 mx/24 ptr");
    loader_set(loader, option, record ? "yes" : entry->value, entry->line);
}

/* It was a switch: an internal client counted as one that passes, so that the rules for SPF-Pass could judge
 * its mail. The terms that say so are +all. */
static void set_internal_policy(Loader *loader, const Option *option, const IniEntry *entry)
{
    gboolean on;
    if (!is_yes(entry->value, &on)) {
        loader_set(loader, option, entry->value, entry->line);
        return;
    }
    if (on)
        tell(
            loader, entry, PROBLEM_NOTE,
            "= yes is read as \"+all\": mail of our own clients passes SPF, and rules for SPF-Pass judge it");
    loader_set(loader, option, on ? "+all" : "", entry->line);
}

/* Old files name the database; where there is none, its source will do. */
static void set_map(Loader *loader, const Option *option, const IniEntry *entry)
{
    ValueContext context = loader_context(loader, entry->line);
    g_autofree char *path = value_path(entry->value, &context);
    if (g_str_has_suffix(path, ".db") && !g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_autofree char *source = g_strndup(path, strlen(path) - strlen(".db"));
        if (g_file_test(source, G_FILE_TEST_IS_REGULAR)) {
            tell(loader, entry, PROBLEM_NOTE, "is read from its text source, %s", source);
            loader_set(loader, option, source, entry->line);
            return;
        }
    }
    if (*path != '\0' && !g_file_test(path, G_FILE_TEST_EXISTS)) {
        /* The old system went on without, too; a map that is there and cannot be read is another matter. */
        tell(loader, entry, PROBLEM_WARNING, "= %s: there is no such file; no access map is used", path);
        return;
    }
    loader_set(loader, option, entry->value, entry->line);
}

static void set_folder(Loader *loader, const Option *option, const IniEntry *entry)
{
    ValueContext context = loader_context(loader, entry->line);
    g_autofree char *path = value_path(entry->value, &context);
    g_assert(option != NULL); /* the row names one */
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
        loader_set(loader, option, path, entry->line);
    else
        tell(loader, entry, PROBLEM_WARNING, "= %s: there is no such folder; %s is used", path,
             option->fallback);
}

/* The old system went on without, too: its mail then left unsigned. */
static void set_key(Loader *loader, const Option *option, const IniEntry *entry)
{
    ValueContext context = loader_context(loader, entry->line);
    g_autofree char *path = value_path(entry->value, &context);
    if (*path == '\0' || g_file_test(path, G_FILE_TEST_EXISTS))
        loader_set(loader, option, entry->value, entry->line);
    else
        tell(loader, entry, PROBLEM_WARNING, "= %s: there is no such file; nothing is signed", path);
}

/* The DKIM milter signed all mail of our own as this domain, the other one what had an envelope sender in it. Where From:
 * names another, such a signature proves nothing to anybody (DMARC). */
static void set_sign_domain(Loader *loader, const Option *option, const IniEntry *entry)
{
    loader_set(loader, option, entry->value, entry->line);
    if (*entry->value != '\0')
        tell(loader, entry, PROBLEM_NOTE,
             "= %.60s: mail is signed whose author, in From:, is in this domain; the older system did not "
             "look at From:",
             entry->value);
}

static void tell_adsp(Loader *loader, const IniEntry *entry)
{
    if (*entry->value != '\0')
        tell(loader, entry, PROBLEM_WARNING,
             "= %.60s refuses nobody: ADSP (RFC 5617) is historic, and domains publish DMARC in its place: "
             "[dmarc] mode = on, and DMARC-Reject = REJECT in [verbs]",
             entry->value);
}

/* A bare number that meant `unit`. */
static void set_span(Loader *loader, const Option *option, const IniEntry *entry, const char *unit)
{
    g_autofree char *span = g_strdup_printf("%s%s", entry->value, unit);
    loader_set(loader, option, span, entry->line);
}

/* A database was all it took. */
static void set_greylist(Loader *loader, const IniEntry *entry)
{
    const gboolean on = entry->value && *entry->value;
    loader_set(loader, option_find("greylist", "mode"), on ? "all" : "off", entry->line);
    if (on)
        tell(loader, entry, PROBLEM_NOTE,
             "is not read: what is remembered is in [store] path; `postern import` takes over what it can");
}

static void add_verbs(Loader *loader, const OldName *old, const IniEntry *entry)
{
    ValueContext context = loader_context(loader, entry->line);
    g_autofree char *what = g_strdup_printf("[%s] %s", entry->section, entry->key);
    g_auto(GStrv) domains = value_words(what, entry->value, &context);
    for (char **domain = domains; domain != NULL && *domain != NULL; domain++) {
        if (strpbrk(*domain, "=:") != NULL) {
            tell(loader, entry, PROBLEM_ERROR, "= %.60s: a domain is expected", *domain);
            continue;
        }
        g_autofree char *name = g_strdup_printf("%s!%s", old->to, *domain);
        loader_add_pair(loader, option_find("verbs", ""), name, old->name, entry->line);
    }
}

static void add_verb_if(Loader *loader, const OldName *old, const IniEntry *entry)
{
    gboolean on;
    if (!is_yes(entry->value, &on))
        tell(loader, entry, PROBLEM_ERROR, "= %.60s: yes or no is expected", entry->value);
    else if (on)
        loader_add_pair(loader, option_find("verbs", ""), old->to, old->name, entry->line);
}

/* Python's logging.config again: one section an object. */
static gboolean is_logging(const char *section)
{
    return g_str_has_prefix(section, "logger_") || g_str_has_prefix(section, "handler_") ||
           g_str_has_prefix(section, "formatter_");
}

static void apply(Loader *loader, const OldName *old, const IniEntry *entry)
{
    const Option *option = old->to != NULL ? option_find(old->to, old->name) : NULL;
    switch (old->kind) {
    case OLD_SAME:
        loader_set(loader, option, entry->value, entry->line);
        break;
    case OLD_UMASK:
        set_umask(loader, option, entry);
        break;
    case OLD_GUESS:
        set_guess(loader, option, entry);
        break;
    case OLD_INTERNAL_POLICY:
        set_internal_policy(loader, option, entry);
        break;
    case OLD_MAP:
        set_map(loader, option, entry);
        break;
    case OLD_FOLDER:
        set_folder(loader, option, entry);
        break;
    case OLD_KEY:
        set_key(loader, option, entry);
        break;
    case OLD_SIGN_DOMAIN:
        set_sign_domain(loader, option, entry);
        break;
    case OLD_ADSP:
        tell_adsp(loader, entry);
        break;
    case OLD_GREYLIST:
        set_greylist(loader, entry);
        break;
    case OLD_MINUTES:
        set_span(loader, option, entry, "m");
        break;
    case OLD_HOURS:
        set_span(loader, option, entry, "h");
        break;
    case OLD_DAYS:
        set_span(loader, option, entry, "d");
        break;
    case OLD_VERB_IF:
        add_verb_if(loader, old, entry);
        break;
    case OLD_VERB_FOR:
        add_verbs(loader, old, entry);
        break;
    case OLD_LATER:
        tell(loader, entry, PROBLEM_NOTE, "is accepted, but this version does nothing with it yet");
        break;
    case OLD_ELSEWHERE:
    case OLD_NOTHING:
        break;
    }
}

gboolean old_entry(Loader *loader, const IniEntry *entry)
{
    gboolean known = FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(old_names); i++) {
        const OldName *old = &old_names[i];
        if (strcmp(old->section, entry->section) != 0)
            continue;
        if (old->key == NULL ? !known : g_ascii_strcasecmp(old->key, entry->key) == 0) {
            apply(loader, old, entry);
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
