/* config.c — see config.h: loading. Old names are in config-old.c, showing is in config-show.c. */
#include "conf/config-internal.h"
#include "conf/dnsbl.h"
#include "conf/keytable.h"
#include "conf/limits.h"
#include "conf/signing.h"

#include <postern/zone.h>
#include <string.h>
#include "conf/files.h"

static Config *config_new(void)
{
    Config *config = g_new0(Config, 1);
    config->refs = REFS_ONE;
    config->origins = g_new0(ConfigOrigins, 1);
    config->origins->items = g_new0(ConfigOrigin, options_len);
    g_autoptr(Problems) problems = problems_new();
    ValueContext context = {.file = NULL, .base = "/", .problems = problems};
    for (guint i = 0; i < options_len; i++) {
        gboolean good =
            value_parse(&options[i], options[i].fallback, config_member(config, &options[i]), &context);
        g_assert(good); /* our own default */
    }
    return config;
}

Config *config_ref(Config *config)
{
    refs_take(&config->refs);
    return config;
}

void config_unref(Config *config)
{
    if (config == NULL || !refs_drop(&config->refs))
        return;
    for (guint i = 0; i < options_len; i++) {
        value_free(&options[i], config_member(config, &options[i]));
        g_free(config->origins->items[i].raw);
        g_free(config->origins->items[i].file);
    }
    g_free(config->origins->items);
    g_free(config->origins);
    g_strfreev(config->loaded.files);
    g_strfreev(config->loaded.srs_secrets);
    limits_free(config->loaded.limits);
    dnsbl_free(config->loaded.dnsbl);
    keytable_free(config->loaded.keys);
    dkim_key_unref(config->loaded.seal_key);
    resolver_free(config->loaded.substitutes);
    g_free(config->path);
    g_free(config);
}

ValueContext loader_context(const Loader *loader, guint line)
{
    return (ValueContext){loader->name, line, loader->base, loader->problems, loader->files};
}

void loader_set(Loader *loader, const Option *option, const char *value, guint line)
{
    ValueContext context = loader_context(loader, line);
    if (!value_parse(option, value, config_member(loader->config, option), &context))
        return;
    ConfigOrigin *origin = &loader->config->origins->items[option - options];
    origin->line = line;
    origin->old_default = line == 0;
    g_clear_pointer(&origin->raw, g_free);
    g_clear_pointer(&origin->file, g_free);
    if (strcmp(loader->name, loader->config->path) != 0)
        origin->file = g_strdup(loader->name);
    if (option->kind >= OPTION_WORDS && option->kind <= OPTION_PATTERNS && strstr(value, "file:") != NULL)
        origin->raw = g_strdelimit(g_strdup(value), "\n", ' ');
}

void loader_add_pair(Loader *loader, const Option *option, const char *name, const char *value, guint line)
{
    ConfigPairs *pairs = config_member(loader->config, option);
    /* Defaults come first, and are few: the search ends where lines of the file begin. */
    for (guint i = 0; i < pairs->n && line != 0; i++) {
        ConfigPair *pair = &pairs->items[i];
        if (pair->line == 0 && g_ascii_strcasecmp(pair->name, name) == 0) {
            g_free(pair->value);
            pair->value = g_strdup(value);
            pair->line = line;
            pair->of = NULL;
            return;
        }
        if (i >= 32)
            break;
    }
    if ((pairs->n & (pairs->n + 1)) == 0) /* full at 0, 1, 3, 7, …: twice as many next time */
        pairs->items = g_renew(ConfigPair, pairs->items, 2 * pairs->n + 1);
    pairs->items[pairs->n++] =
        (ConfigPair){g_strdup(name), g_strdup(value), line, line ? NULL : loader->defaults_of};
}

static gboolean is_known_section(const char *section)
{
    for (guint i = 0; i < option_sections_len; i++)
        if (strcmp(option_sections[i].name, section) == 0)
            return TRUE;
    return strcmp(section, "default") == 0;
}

static void unknown_key(Loader *loader, const IniEntry *entry, gboolean old_file)
{
    g_autofree char *nearest = option_nearest(entry->section, entry->key);
    if (nearest == NULL && old_file)
        nearest = old_nearest(entry->section, entry->key);
    problems_add(loader->problems, old_file ? PROBLEM_WARNING : PROBLEM_ERROR, loader->name, entry->line,
                 "[%s] %.60s is not known%s%s%s", entry->section, entry->key,
                 nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                 nearest != NULL ? "?" : "");
}

static void apply_entry(Loader *loader, const IniEntry *entry, gboolean old_file)
{
    if (old_file && old_entry(loader, entry))
        return;
    const Option *option = option_find(entry->section, entry->key);
    if (option == NULL) {
        if (is_known_section(entry->section) ? strcmp(entry->section, "default") != 0
                                             : old_file && old_section(entry->section))
            unknown_key(loader, entry, old_file);
        return; /* a whole unknown section is reported once */
    }
    if (option->kind == OPTION_PAIRS)
        loader_add_pair(loader, option, entry->key, entry->value, entry->line);
    else
        loader_set(loader, option, entry->value, entry->line);
}

static void report_sections(Loader *loader, const Ini *ini, gboolean old_file)
{
    guint line;
    const char *section;
    for (guint i = 0; (section = ini_section_at(ini, i, &line)) != NULL; i++) {
        if (is_known_section(section) || (old_file && old_section(section)))
            continue;
        g_autoptr(GString) known = g_string_new(NULL);
        for (guint j = 0; j < option_sections_len; j++)
            g_string_append_printf(known, "%s%s", j > 0 ? ", " : "", option_sections[j].name);
        problems_add(loader->problems, old_file ? PROBLEM_WARNING : PROBLEM_ERROR, loader->name, line,
                     "[%.60s] is none of the sections %s", section, known->str);
    }
}

void loader_apply(Loader *loader, const Ini *ini, gboolean old_file)
{
    report_sections(loader, ini, old_file);
    for (guint i = 0; i < ini_len(ini); i++)
        apply_entry(loader, ini_at(ini, i), old_file);
}

/* ConfigParser files for Python 2 have comments after values; whether it is one shows only once it is parsed. */
static Ini *parse_either(const char *name, const char *text, gsize len, gboolean *old_file,
                         Problems *problems)
{
    g_autoptr(Problems) first = problems_new();
    g_autoptr(Ini) ini = ini_parse(name, text, len, INI_PLAIN, first);
    *old_file = old_is(ini);
    return ini_parse(name, text, len, *old_file ? INI_INLINE_COMMENTS : INI_PLAIN, problems);
}

/* ---- what the files that are named hold ---- */

static void read_secrets(Loader *loader, const char *path)
{
    g_autoptr(GError) error = NULL;
    char **secrets = signing_read_secrets(path, &error);
    if (secrets == NULL) {
        problems_add(loader->problems, PROBLEM_ERROR, loader->name, 0, "%s", error->message);
        return;
    }
    g_strfreev(loader->config->loaded.srs_secrets); /* an old file has them in itself, too */
    loader->config->loaded.srs_secrets = secrets;
}

static void read_substitutes(Loader *loader, const char *path)
{
    g_autoptr(GError) error = NULL;
    loader->config->loaded.substitutes = zone_resolver_read(path, &error);
    if (error != NULL)
        problems_add(loader->problems, PROBLEM_ERROR, loader->name, 0, "%s", error->message);
}

static void read_named_files(Loader *loader)
{
    Config *config = loader->config;
    config->loaded.keys = keytable_load(config, loader->files, loader->problems);
    config->loaded.seal_key = keytable_load_seal(config, loader->files, loader->problems);
    config->loaded.limits = limits_new(&config->policy.limits, loader->name, loader->problems);
    config->loaded.dnsbl = dnsbl_new(&config->policy.dnsbl, loader->name, loader->problems);
    if (*config->srs.secret_file != '\0')
        read_secrets(loader, config->srs.secret_file);
    if (*config->spf.delegate_file != '\0')
        read_substitutes(loader, config->spf.delegate_file);
}

/* ---- what an option brings with it ---- */

/* D10: an SPF fail waits for what DMARC says. E4: what fails is quarantined if the author's domain asks for that or more; that
 * a domain asks for refusal alone refuses nothing (RFC 9989 §7.4). Without a quarantine it is delivered. */
static const struct {
    const char *section, *name, *value;
    gboolean needs_quarantine, not_in_old;
} dmarc_defaults[] = {
    {"decide_at", "SPF-Fail", "message", .not_in_old = TRUE},
    {"verbs", "DMARC-Quarantine", "QUARANTINE", .needs_quarantine = TRUE},
    {"verbs", "DMARC-Reject", "QUARANTINE", .needs_quarantine = TRUE},
    {"verbs", "DMARC-Author", "QUARANTINE", .needs_quarantine = TRUE},
};

static gboolean has_pair(const ConfigPairs *pairs, const char *name)
{
    for (guint i = 0; i < pairs->n; i++)
        if (g_ascii_strcasecmp(pairs->items[i].name, name) == 0)
            return TRUE;
    return FALSE;
}

static void add_dmarc_defaults(Loader *loader, gboolean old_file)
{
    const Config *config = loader->config;
    if (config->dmarc.mode != DMARC_MODE_ON)
        return;
    loader->defaults_of = "[dmarc] mode = on";
    for (guint i = 0; i < G_N_ELEMENTS(dmarc_defaults); i++) {
        const Option *option = option_find(dmarc_defaults[i].section, "");
        if ((dmarc_defaults[i].not_in_old && old_file) ||
            (dmarc_defaults[i].needs_quarantine && *config->policy.quarantine_dir == '\0') ||
            has_pair(config_member(config, option), dmarc_defaults[i].name))
            continue;
        loader_add_pair(loader, option, dmarc_defaults[i].name, dmarc_defaults[i].value, 0);
    }
}

Config *config_parse(const char *name, const char *text, gsize len, Problems *problems)
{
    guint errors_before = problems_count(problems, PROBLEM_ERROR);
    gboolean old_file;
    g_autoptr(Ini) ini = parse_either(name, text, len, &old_file, problems);
    g_autoptr(Config) config = config_new();
    config->path = g_strdup(name);
    config->origins->old_file = old_file;
    g_autofree char *folder = g_path_get_dirname(name);
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(files, g_strdup(name));
    Loader loader = {config, name, g_canonicalize_filename(folder, NULL), problems, files, NULL};
    if (old_file)
        old_begin(&loader, ini);
    loader_apply(&loader, ini, old_file);
    if (old_file)
        old_end(&loader, ini);
    add_dmarc_defaults(&loader, old_file);
    if (problems_count(problems, PROBLEM_ERROR) == errors_before)
        read_named_files(&loader);
    g_free(loader.base);
    g_ptr_array_add(files, NULL);
    config->loaded.files = (char **)g_ptr_array_steal(files, NULL);
    if (problems_count(problems, PROBLEM_ERROR) == errors_before)
        return g_steal_pointer(&config);
    problems_set_files(problems, config->loaded.files);
    return NULL;
}

Config *config_load(const char *path, Problems *problems)
{
    if (path == NULL)
        return config_new();
    g_autoptr(GError) error = NULL;
    gsize len;
    g_autofree char *text = file_read(path, INI_BYTES_MAX, FILE_CONFIG, &len, &error);
    if (text == NULL) {
        problems_add(problems, PROBLEM_ERROR, path, 0, "%s", error->message);
        return NULL;
    }
    return config_parse(path, text, len, problems);
}

guint config_where(const Config *config, const char *section, const char *key, const char **file)
{
    const Option *option = option_find(section, key);
    g_assert(option != NULL && option->kind != OPTION_PAIRS); /* its pairs have lines of their own */
    const ConfigOrigin *origin = &config->origins->items[option - options];
    *file = origin->file != NULL ? origin->file : config->path;
    return origin->line;
}

gboolean config_is_default(const Config *config, const char *section, const char *key)
{
    const Option *option = option_find(section, key);
    g_assert(option != NULL && option->kind != OPTION_PAIRS);
    g_autoptr(Config) built_in = config_new();
    g_autofree char *is = value_to_text(option, config_member(config, option));
    g_autofree char *was = value_to_text(option, config_member(built_in, option));
    return strcmp(is, was) == 0;
}

char **config_restart_needed(const Config *old_config, const Config *new_config)
{
    GPtrArray *names = g_ptr_array_new();
    for (guint i = 0; i < options_len; i++) {
        if (!options[i].restart)
            continue;
        g_autofree char *before = value_to_text(&options[i], config_member(old_config, &options[i]));
        g_autofree char *after = value_to_text(&options[i], config_member(new_config, &options[i]));
        if (strcmp(before, after) != 0)
            g_ptr_array_add(names, option_name(&options[i]));
    }
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}
