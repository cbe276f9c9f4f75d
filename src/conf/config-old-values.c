/* config-old-values.c — what the values of old files mean today: one function for each that is not the same. */
#include "conf/config-old.h"

#include <string.h>

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

void old_apply(Loader *loader, const OldName *old, const IniEntry *entry)
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
