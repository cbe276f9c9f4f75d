/*
 * config-old-srs.c — [srs] of old files. Two programs shared it: the SRS daemon had it in a file of its own,
 * which the milter's file names with `config =`. What the included file says counts more, as it did when both
 * were read into one table.
 *
 * The daemon rewrote and signed senders, by the MTA's maps: that is the socket map now. The milter told genuine bounces
 * from forged ones, refused senders with a forged signature of ours, and rewrote nothing: the maps did that.
 */
#include "conf/config-internal.h"

#include <string.h>
#include "conf/files.h"

typedef struct {
    const char *name;
    const Ini *ini;
} Source;

typedef struct {
    Loader *loader;
    Source sources[2]; /* the one that counts more last; ini NULL: there is none */
} OldSrs;

/* Both programs had these without saying so. */
#define OLD_MAX_AGE     "8"
#define OLD_HASH_LENGTH "8"

#define OLD_VALIDATIONS "3" /* of an SES signature */

/* Names of older secrets; the daemon looked no further than the first that was missing. */
static const char *const old_secrets[] = {"secret.0", "secret.1", "secret.2"};

/* Each lists domains in which we sign. */
static const char *const domain_keys[] = {"ses", "srs", "sign", "fwdomain"};

/* What the daemon had without being told when it read a file of its own. */
#define OLD_SOCKET "/var/run/milter/pysrs"

/* Keys whose values are those of an option as they are. `fallback` NULL: the option's own default. */
static const struct {
    const char *old_key, *section, *key, *fallback;
} same_keys[] = {
    {"maxage", "srs", "max_age", OLD_MAX_AGE},
    {"hashlength", "srs", "hash_length", OLD_HASH_LENGTH},
    {"separator", "srs", "separator", NULL},
    {"fwdomain", "srs", "forward_domain", NULL},
    {"sign", "srs", "sign_srs", NULL},
    {"ses", "srs", "sign_ses", NULL},
    {"nosrs", "srs", "exempt", NULL},
    {"socket", "srs", "socketmap", NULL},
    {"reject_spoofed", "bounces", "require_signature", NULL},
    {"unsigned_dsn_ok", "bounces", "unsigned_ok", NULL},
};

static const IniEntry *find(const OldSrs *srs, const char *key, const char **name)
{
    for (guint i = G_N_ELEMENTS(srs->sources); i-- > 0;) {
        const Source *source = &srs->sources[i];
        const IniEntry *entry = source->ini != NULL ? ini_find(source->ini, "srs", key) : NULL;
        if (entry != NULL && *entry->value != '\0') {
            *name = source->name;
            return entry;
        }
    }
    return NULL;
}

/* As if `value` stood in the file that it comes from. */
static void set_from(const OldSrs *srs, const char *name, const char *section, const char *key,
                     const char *value, guint line)
{
    const char *own = srs->loader->name;
    srs->loader->name = name;
    loader_set(srs->loader, option_find(section, key), value, line);
    srs->loader->name = own;
}

static void set_same(const OldSrs *srs)
{
    const char *name;
    for (gsize i = 0; i < G_N_ELEMENTS(same_keys); i++) {
        const IniEntry *entry = find(srs, same_keys[i].old_key, &name);
        if (entry != NULL)
            set_from(srs, name, same_keys[i].section, same_keys[i].key, entry->value, entry->line);
        else if (same_keys[i].fallback != NULL)
            set_from(srs, srs->loader->name, same_keys[i].section, same_keys[i].key, same_keys[i].fallback,
                     0);
    }
}

/* They were local parts; as patterns those end in @. */
static void set_bouncers(const OldSrs *srs)
{
    const char *name;
    const IniEntry *entry = find(srs, "banned_users", &name);
    if (entry == NULL)
        return;
    g_autoptr(GString) patterns = g_string_new(NULL);
    g_auto(GStrv) words = g_strsplit_set(entry->value, ", \t\n", -1);
    for (char **word = words; *word != NULL; word++)
        if (**word != '\0')
            g_string_append_printf(patterns, "%s%s%s", patterns->len > 0 ? ", " : "", *word,
                                   strchr(*word, '@') != NULL ? "" : "@");
    set_from(srs, name, "bounces", "senders", patterns->str, entry->line);
}

static void set_domains(const OldSrs *srs)
{
    g_autoptr(GString) domains = g_string_new(NULL);
    const char *name, *first_name = srs->loader->name;
    guint first_line = 0;
    for (guint i = 0; i < G_N_ELEMENTS(domain_keys); i++) {
        const IniEntry *entry = find(srs, domain_keys[i], &name);
        if (entry == NULL)
            continue;
        if (first_line == 0) {
            first_name = name;
            first_line = entry->line;
        }
        g_string_append_printf(domains, "%s%s", domains->len > 0 ? ", " : "", entry->value);
    }
    if (domains->len > 0)
        set_from(srs, first_name, "srs", "domains", domains->str, first_line);
}

/* The old programs asked nobody whether others can read it. */
static void warn_if_readable(const OldSrs *srs, const char *name, guint line)
{
    g_autoptr(GError) error = NULL;
    if (g_file_test(name, G_FILE_TEST_EXISTS) && !file_check_secret(name, &error))
        problems_add(srs->loader->problems, PROBLEM_WARNING, name, line, "[srs] secret: %s", error->message);
}

static gboolean set_secrets(const OldSrs *srs)
{
    const char *name;
    const IniEntry *secret = find(srs, "secret", &name);
    if (secret == NULL)
        return FALSE;
    warn_if_readable(srs, name, secret->line);
    g_autoptr(GPtrArray) secrets = g_ptr_array_new();
    g_ptr_array_add(secrets, g_strdup(secret->value));
    for (guint i = 0; i < G_N_ELEMENTS(old_secrets); i++) {
        const IniEntry *older = find(srs, old_secrets[i], &name);
        if (older == NULL)
            break;
        g_ptr_array_add(secrets, g_strdup(older->value));
    }
    g_ptr_array_add(secrets, NULL);
    g_strfreev(srs->loader->config->loaded.srs_secrets);
    srs->loader->config->loaded.srs_secrets = (char **)g_ptr_array_steal(secrets, NULL);
    return TRUE;
}

static void apply(const OldSrs *srs, guint section_line)
{
    if (!set_secrets(srs)) {
        problems_add(
            srs->loader->problems, PROBLEM_NOTE, srs->loader->name, section_line,
            "[srs] has no secret: signatures are not verified. The old daemon then signed with one that "
            "everybody knows");
        return;
    }
    const char *own = srs->loader->name;
    set_same(srs);
    set_bouncers(srs);
    set_domains(srs);
    /* People have addresses of their own in these domains. */
    set_from(srs, own, "srs", "only_signed", "no", 0);
    if (ini_has_section(srs->sources[0].ini, "milter")) {
        set_from(srs, own, "bounces", "check", "yes", 0);
        set_from(srs, own, "bounces", "restore", "no", 0); /* the MTA's map did */
        if (find(srs, "ses", &(const char *){NULL}) != NULL)
            set_from(srs, own, "bounces", "per_signature", OLD_VALIDATIONS, 0);
    } else if (find(srs, "socket", &own) == NULL) {
        set_from(srs, srs->loader->name, "srs", "socketmap", OLD_SOCKET, 0);
    }
}

/* NULL: there is none, or it cannot be used, which has been told. */
static Ini *read_included(Loader *loader, const IniEntry *entry, const char *path)
{
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) { /* the old system went on without, too */
        problems_add(loader->problems, PROBLEM_WARNING, loader->name, entry->line,
                     "[srs] config = %s: there is no such file", path);
        return NULL;
    }
    g_autoptr(GError) error = NULL;
    gsize len;
    g_autofree char *text = file_read(path, INI_BYTES_MAX, FILE_CONFIG, &len, &error);
    if (text == NULL) {
        problems_add(loader->problems, PROBLEM_ERROR, loader->name, entry->line, "[srs] config: %s",
                     error->message);
        return NULL;
    }
    g_ptr_array_add(loader->files, g_strdup(path));
    return ini_parse(path, text, len, INI_INLINE_COMMENTS, loader->problems);
}

static void apply_included(Loader *loader, const Ini *ini, const char *path)
{
    const char *own = loader->name;
    loader->name = path;
    loader_apply(loader, ini, TRUE);
    loader->name = own;
}

void old_srs(Loader *loader, const Ini *ini)
{
    if (!ini_has_section(ini, "srs"))
        return;
    const IniEntry *config = ini_find(ini, "srs", "config");
    g_autofree char *path = NULL;
    g_autoptr(Ini) included = NULL;
    if (config != NULL && *config->value != '\0') {
        ValueContext context = loader_context(loader, config->line);
        path = value_path(config->value, &context);
        included = read_included(loader, config, path);
    }
    if (included != NULL)
        apply_included(loader, included, path);
    guint line = 0;
    const char *section;
    for (guint i = 0; (section = ini_section_at(ini, i, &line)) != NULL; i++)
        if (strcmp(section, "srs") == 0)
            break;
    const OldSrs srs = {loader, {{loader->name, ini}, {path, included}}};
    apply(&srs, line);
}
