/* config-show.c — the table and a Config as text for people: the documented default file, and the effective
 * values. */
#include "conf/config-internal.h"

#include <string.h>
#include "base/record.h"

#define DOC_WIDTH 100u

static const char file_head[] =
    "# Postern, configuration. Every option is here with its default, commented out: as it stands, this file "
    "changes\n"
    "# nothing and refuses nothing. Lists are separated by commas or blanks; file:/path in a list reads more "
    "from a\n"
    "# file. Times: 8, 8s, 5m, 2h, 7d. Sizes: 4096, 256K, 1M. A continuation line is indented.\n";

/* As it must be written to be read as `text`: percents doubled, further lines indented. */
static char *escape_value(const char *text)
{
    GString *escaped = g_string_new(NULL);
    for (; *text != '\0'; text++) {
        g_string_append_c(escaped, *text);
        if (*text == '%')
            g_string_append_c(escaped, '%');
        else if (*text == '\n')
            g_string_append(escaped, "    ");
    }
    return g_string_free(escaped, FALSE);
}

static void append_doc(GString *to, const char *doc)
{
    while (*doc != '\0') {
        gsize len = strlen(doc);
        if (len > DOC_WIDTH) {
            len = DOC_WIDTH;
            while (len > 0 && doc[len] != ' ')
                len--;
            g_assert(len > 0); /* no word is that long */
        }
        g_string_append_printf(to, "# %.*s\n", (int)len, doc);
        doc += len;
        while (*doc == ' ')
            doc++;
    }
}

const char *option_kind_name(const Option *option)
{
    static const char *const words[] = {
        [OPTION_BOOL] = "yes or no",
        [OPTION_INT] = "number",
        [OPTION_MODE] = "octal",
        [OPTION_SIZE] = "size",
        [OPTION_SECONDS] = "time",
        [OPTION_ENUM] = "word",
        [OPTION_WORD] = "word",
        [OPTION_STRING] = "text",
        [OPTION_PATH] = "path",
        [OPTION_FILE] = "path",
        [OPTION_SECRET] = "path",
        [OPTION_LOG] = "word",
        [OPTION_WORDS] = "list",
        [OPTION_LISTEN] = "list",
        [OPTION_HOSTS] = "list of hosts",
        [OPTION_ADDRESSES] = "list of addresses",
        [OPTION_PATTERNS] = "list of patterns",
        [OPTION_MAP] = "path",
        [OPTION_PAIRS] = "",
    };
    return words[option->kind];
}

static void append_option(GString *to, const Option *option)
{
    g_string_append_c(to, '\n');
    if (option->kind == OPTION_PAIRS) {
        g_string_append_printf(to, "# Example: %s\n", option->example);
        return;
    }
    append_doc(to, option->doc);
    g_string_append_printf(to, "# (%s", option_kind_name(option));
    for (guint i = 0; option->words != NULL && option->words[i] != NULL; i++)
        g_string_append_printf(to, "%s%s", i == 0 ? ": " : ", ", option->words[i]);
    g_string_append(to, option->restart ? "; needs a restart)\n" : ")\n");
    if (option->example != NULL) {
        g_autofree char *example = escape_value(option->example);
        g_string_append_printf(to, "# Example: %s = %s\n", option->key, example);
    }
    g_autofree char *fallback = escape_value(option->fallback);
    g_string_append_printf(to, ";%s =%s%s\n", option->key, *fallback != '\0' ? " " : "", fallback);
}

char *config_default_text(void)
{
    GString *text = g_string_new(file_head);
    for (guint i = 0; i < option_sections_len; i++) {
        g_string_append(text, "\n");
        append_doc(text, option_sections[i].doc);
        g_string_append_printf(text, "[%s]\n", option_sections[i].name);
        for (guint j = 0; j < options_len; j++)
            if (strcmp(options[j].section, option_sections[i].name) == 0)
                append_option(text, &options[j]);
    }
    return g_string_free(text, FALSE);
}

/* "/etc/postern.conf:12", "default", or what stands for it in an old file. */
static char *origin_text(const char *file, guint line, gboolean old_default)
{
    if (line != 0)
        return g_strdup_printf("%s:%u", file, line);
    return g_strdup(old_default ? "default of old files" : "default");
}

static char *option_origin_text(const Config *config, const Option *option)
{
    const ConfigOrigin *origin = &config->origins->items[option - options];
    return origin_text(origin->file != NULL ? origin->file : config->path, origin->line, origin->old_default);
}

static char *shown_value(const Config *config, const Option *option)
{
    const char *raw = config->origins->items[option - options].raw;
    return raw != NULL ? g_strdup(raw) : value_to_text(option, config_member(config, option));
}

/* ---- text ---- */

static void append_value(GString *to, const char *key, const char *value, const char *from)
{
    g_autofree char *escaped = escape_value(value);
    g_string_append_printf(to, "# %s\n%s =%s%s\n", from, key, *escaped != '\0' ? " " : "", escaped);
}

static char *pair_origin_text(const Config *config, const ConfigPair *pair)
{
    return pair->line ? g_strdup_printf("%s:%u", config->path, pair->line)
                      : g_strdup_printf("default of %s", pair->of);
}

static void append_pairs(GString *to, const Config *config, const ConfigPairs *pairs)
{
    for (guint i = 0; i < pairs->n; i++) {
        g_autofree char *from = pair_origin_text(config, &pairs->items[i]);
        append_value(to, pairs->items[i].name, pairs->items[i].value, from);
    }
}

static char *show_text(const Config *config)
{
    GString *text = g_string_new(NULL);
    const char *section = "";
    for (guint i = 0; i < options_len; i++) {
        const Option *option = &options[i];
        if (strcmp(section, option->section) != 0) {
            section = option->section;
            g_string_append_printf(text, "%s[%s]\n", i > 0 ? "\n" : "", section);
        }
        if (option->kind == OPTION_PAIRS) {
            append_pairs(text, config, config_member(config, option));
            continue;
        }
        g_autofree char *value = shown_value(config, option);
        g_autofree char *from = option_origin_text(config, option);
        append_value(text, option->key, value, from);
    }
    return g_string_free(text, FALSE);
}

/* ---- JSON ---- */

static void record_value(Record *record, const Config *config, const Option *option)
{
    const void *at = config_member(config, option);
    g_autofree char *text = shown_value(config, option);
    switch (option->kind) {
    case OPTION_BOOL:
        record_bool(record, "value", *(const gboolean *)at);
        break;
    case OPTION_INT:
    case OPTION_SECONDS:
        record_int(record, "value", *(const int *)at);
        break;
    case OPTION_SIZE:
        record_int(record, "value", *(const gint64 *)at);
        break;
    case OPTION_WORDS:
    case OPTION_LISTEN:
    case OPTION_HOSTS:
    case OPTION_ADDRESSES:
    case OPTION_PATTERNS: {
        g_auto(GStrv) words = *text != '\0' ? g_strsplit(text, ", ", -1) : g_new0(char *, 1);
        record_strv(record, "value", (const char *const *)words);
        break;
    }
    default:
        record_str(record, "value", text);
    }
}

static void record_pairs(Record *record, const Config *config, const ConfigPairs *pairs)
{
    for (guint i = 0; i < pairs->n; i++) {
        g_autofree char *from = pair_origin_text(config, &pairs->items[i]);
        Record *pair = record_child(record, pairs->items[i].name);
        record_str(pair, "value", pairs->items[i].value);
        record_str(pair, "from", from);
    }
}

static char *show_json(const Config *config)
{
    g_autoptr(Record) record = record_new();
    for (guint i = 0; i < options_len; i++) {
        const Option *option = &options[i];
        Record *section = record_child(record, option->section);
        if (option->kind == OPTION_PAIRS) {
            record_pairs(section, config, config_member(config, option));
            continue;
        }
        Record *value = record_child(section, option->key);
        g_autofree char *from = option_origin_text(config, option);
        record_value(value, config, option);
        record_str(value, "from", from);
    }
    return record_to_json(record);
}

char *config_show(const Config *config, gboolean json)
{
    return json ? show_json(config) : show_text(config);
}
