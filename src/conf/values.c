/* values.c — see values.h: one row a type in `kinds`. */
#include "conf/values.h"

#include <string.h>
#include "conf/config.h"
#include "conf/files.h"

#define SHOWN_MAX 60 /* bytes of a bad value that an error quotes */

typedef struct {
    const Option *option;
    const char *text;
    const ValueContext *context;
} Parse;

/* "[log] level = loud: …" */
G_GNUC_PRINTF(2, 3) static gboolean bad(const Parse *parse, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *why = g_strdup_vprintf(format, args);
    va_end(args);
    gboolean cut = strlen(parse->text) > SHOWN_MAX;
    problems_add(parse->context->problems, PROBLEM_ERROR, parse->context->file, parse->context->line,
                 "[%s] %s = %.*s%s: %s", parse->option->section, parse->option->key, SHOWN_MAX, parse->text,
                 cut ? "…" : "", why);
    return FALSE;
}

static char *join_words(const char *const *words)
{
    GString *joined = g_string_new(NULL);
    for (guint i = 0; words[i] != NULL; i++)
        g_string_append_printf(joined, "%s\"%s\"", i == 0 ? "" : ", ", words[i]);
    return g_string_free(joined, FALSE);
}

/* The place of the word in the list; -1: not there. */
static int word_index(const char *const *words, const char *text)
{
    for (int i = 0; words[i] != NULL; i++)
        if (g_ascii_strcasecmp(words[i], text) == 0)
            return i;
    return -1;
}

/* ---- numbers ---- */

static gboolean parse_bool(const Parse *parse, void *at)
{
    static const char *const words[] = {"no", "yes", "off", "on", "false", "true", "0", "1", NULL};
    int index = word_index(words, parse->text);
    if (index < 0)
        return bad(parse, "yes or no is expected");
    *(gboolean *)at = index & 1;
    return TRUE;
}

static char *show_bool(const Option *option, const void *at)
{
    return g_strdup(*(const gboolean *)at ? "yes" : "no");
}

static gboolean parse_int(const Parse *parse, void *at)
{
    gint64 value;
    const Option *option = parse->option;
    if (!g_ascii_string_to_signed(parse->text, 10, option->min, option->max, &value, NULL))
        return bad(parse, "a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT " is expected",
                   option->min, option->max);
    *(int *)at = (int)value;
    return TRUE;
}

static char *show_int(const Option *option, const void *at)
{
    return g_strdup_printf("%d", *(const int *)at);
}

static gboolean parse_mode(const Parse *parse, void *at)
{
    guint64 value;
    if (!g_ascii_string_to_unsigned(parse->text, 8, (guint64)parse->option->min, (guint64)parse->option->max,
                                    &value, NULL))
        return bad(parse, "permissions in octal, such as 0660, are expected");
    *(int *)at = (int)value;
    return TRUE;
}

static char *show_mode(const Option *option, const void *at)
{
    return g_strdup_printf("%04o", (guint) * (const int *)at);
}

typedef struct {
    const char *suffix;
    gint64 factor;
} Unit;

/* The largest first, so that showing finds the shortest form. */
static const Unit time_units[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}, {"", 1}, {NULL, 0}};
static const Unit size_units[] = {
    {"G", 1 << 30},   {"M", 1 << 20},   {"K", 1 << 10},   {"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10},
    {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1},         {NULL, 0},
};

static char *show_with_unit(const Unit *units, gint64 value)
{
    while (units->factor > 1 && (value == 0 || value % units->factor != 0))
        units++;
    return g_strdup_printf("%" G_GINT64_FORMAT "%s", value / units->factor, units->suffix);
}

/* Digits and a unit, without case. */
static gboolean read_with_unit(const Unit *units, const char *text, gint64 *ret)
{
    gsize digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 15) /* 10^15 times 2^30 fits no gint64, but no option allows a tenth of it */
        return FALSE;
    const char *suffix = text + digits + strspn(text + digits, " \t");
    gint64 value = g_ascii_strtoll(text, NULL, 10);
    for (; units->suffix != NULL; units++)
        if (g_ascii_strcasecmp(suffix, units->suffix) == 0) {
            if (value > G_MAXINT64 / units->factor)
                return FALSE;
            *ret = value * units->factor;
            return TRUE;
        }
    return FALSE;
}

static gboolean parse_with_unit(const Parse *parse, const Unit *units, const char *what, gint64 *ret)
{
    const Option *option = parse->option;
    if (read_with_unit(units, parse->text, ret) && *ret >= option->min && *ret <= option->max)
        return TRUE;
    g_autofree char *least = show_with_unit(units, option->min);
    g_autofree char *most = show_with_unit(units, option->max);
    return bad(parse, "%s from %s to %s is expected", what, least, most);
}

gboolean value_span(const char *text, gint64 *ret)
{
    return read_with_unit(time_units, text, ret);
}

static gboolean parse_seconds(const Parse *parse, void *at)
{
    gint64 value;
    if (!parse_with_unit(parse, time_units, "a time, such as 8s, 5m, 2h or 7d,", &value))
        return FALSE;
    *(int *)at = (int)value;
    return TRUE;
}

static char *show_seconds(const Option *option, const void *at)
{
    return show_with_unit(time_units, *(const int *)at);
}

static gboolean parse_size(const Parse *parse, void *at)
{
    gint64 value;
    if (!parse_with_unit(parse, size_units, "a size, such as 4096, 256K or 1M,", &value))
        return FALSE;
    *(gint64 *)at = value;
    return TRUE;
}

static char *show_size(const Option *option, const void *at)
{
    return show_with_unit(size_units, *(const gint64 *)at);
}

/* ---- words and texts ---- */

static gboolean parse_enum(const Parse *parse, void *at)
{
    int index = word_index(parse->option->words, parse->text);
    g_autofree char *allowed = join_words(parse->option->words);
    if (index < 0)
        return bad(parse, "one of %s is expected", allowed);
    *(unsigned *)at = (unsigned)index;
    return TRUE;
}

static char *show_enum(const Option *option, const void *at)
{
    return g_strdup(option->words[*(const unsigned *)at]);
}

static gboolean set_string(void *at, char *owned)
{
    g_free(*(char **)at);
    *(char **)at = owned;
    return TRUE;
}

static gboolean parse_word(const Parse *parse, void *at)
{
    int index = word_index(parse->option->words, parse->text);
    g_autofree char *allowed = join_words(parse->option->words);
    if (index < 0)
        return bad(parse, "one of %s is expected", allowed);
    return set_string(at, g_strdup(parse->option->words[index]));
}

static gboolean parse_string(const Parse *parse, void *at)
{
    return set_string(at, g_strdelimit(g_strdup(parse->text), "\n", ' '));
}

char *value_path(const char *text, const ValueContext *context)
{
    return *text == '\0' ? g_strdup("") : g_canonicalize_filename(text, context->base);
}

static gboolean parse_path(const Parse *parse, void *at)
{
    if (strchr(parse->text, '\n') != NULL)
        return bad(parse, "a path on one line is expected");
    return set_string(at, value_path(parse->text, parse->context));
}

void value_note_file(const ValueContext *context, const char *path)
{
    if (context->files != NULL && *path != '\0')
        g_ptr_array_add(context->files, g_strdup(path));
}

static gboolean parse_checked(const Parse *parse, gboolean (*check)(const char *, GError **), void *at)
{
    g_autofree char *path = value_path(parse->text, parse->context);
    g_autoptr(GError) error = NULL;
    value_note_file(parse->context, path); /* also one that cannot be used yet */
    if (*path != '\0' && !check(path, &error))
        return bad(parse, "%s", error->message);
    return set_string(at, g_steal_pointer(&path));
}

static gboolean parse_file(const Parse *parse, void *at)
{
    return parse_checked(parse, file_check_config, at);
}

static gboolean parse_secret(const Parse *parse, void *at)
{
    return parse_checked(parse, file_check_secret, at);
}

static gboolean parse_log(const Parse *parse, void *at)
{
    static const char *const words[] = {"stderr", "syslog", "journal", NULL};
    int index = word_index(words, parse->text);
    if (index >= 0)
        return set_string(at, g_strdup(words[index]));
    if (!g_str_has_prefix(parse->text, "file:") || parse->text[strlen("file:")] == '\0' ||
        strchr(parse->text, '\n') != NULL)
        return bad(parse, "one of stderr, syslog, journal, file:/path is expected");
    g_autofree char *path = value_path(parse->text + strlen("file:"), parse->context);
    return set_string(at, g_strconcat("file:", path, NULL));
}

static char *show_string(const Option *option, const void *at)
{
    return g_strdup(*(char *const *)at);
}

static void free_string(void *at)
{
    g_clear_pointer((char **)at, g_free);
}

/* ---- lists ---- */

static char **words_of(const Parse *parse)
{
    g_autofree char *what = g_strdup_printf("[%s] %s", parse->option->section, parse->option->key);
    return value_words(what, parse->text, parse->context);
}

static gboolean parse_words(const Parse *parse, void *at)
{
    char **words = words_of(parse);
    if (words == NULL)
        return FALSE;
    g_strfreev(*(char ***)at);
    *(char ***)at = words;
    return TRUE;
}

/* One form for what old files and libmilter call by several names; its parts are the listener's business. */
static char *listen_word(const char *word)
{
    if (*word == '/')
        return g_strconcat("unix:", word, NULL);
    if (g_str_has_prefix(word, "local:/"))
        return g_strconcat("unix:", word + strlen("local:"), NULL);
    if (g_str_has_prefix(word, "unix:/") || g_str_has_prefix(word, "inet:") ||
        g_str_has_prefix(word, "inet6:"))
        return g_strdup(word);
    return NULL;
}

static gboolean parse_listen(const Parse *parse, void *at)
{
    g_auto(GStrv) words = words_of(parse);
    if (words == NULL)
        return FALSE;
    for (char **word = words; *word != NULL; word++) {
        char *known = listen_word(*word);
        if (known == NULL)
            return bad(parse, "\"%s\" is none of unix:/path, inet:PORT@HOST, inet:HOST:PORT, inet6:…", *word);
        g_free(*word);
        *word = known;
    }
    g_strfreev(*(char ***)at);
    *(char ***)at = g_steal_pointer(&words);
    return TRUE;
}

static char *show_words(const Option *option, const void *at)
{
    return g_strjoinv(", ", *(char **const *)at);
}

static void free_words(void *at)
{
    g_clear_pointer((char ***)at, g_strfreev);
}

static gboolean parse_hosts(const Parse *parse, void *at)
{
    g_auto(GStrv) words = words_of(parse);
    g_autoptr(GError) error = NULL;
    if (words == NULL)
        return FALSE;
    HostList *hosts = hosts_parse((const char *const *)words, &error);
    if (hosts == NULL)
        return bad(parse, "%s", error->message);
    hosts_free(*(HostList **)at);
    *(HostList **)at = hosts;
    return TRUE;
}

static char *show_hosts(const Option *option, const void *at)
{
    return hosts_to_string(*(HostList *const *)at);
}

static void free_hosts(void *at)
{
    g_clear_pointer((HostList **)at, hosts_free);
}

static gboolean parse_patterns(const Parse *parse, void *at)
{
    g_auto(GStrv) words = words_of(parse);
    if (words == NULL)
        return FALSE;
    patterns_free(*(PatternList **)at);
    *(PatternList **)at = patterns_new((const char *const *)words);
    return TRUE;
}

static char *show_patterns(const Option *option, const void *at)
{
    return patterns_to_string(*(PatternList *const *)at);
}

static void free_patterns(void *at)
{
    g_clear_pointer((PatternList **)at, patterns_free);
}

static gboolean parse_addresses(const Parse *parse, void *at)
{
    g_autofree char *what = g_strdup_printf("[%s] %s", parse->option->section, parse->option->key);
    Addresses *list = value_addresses(what, parse->text, parse->context);
    if (list == NULL)
        return FALSE;
    addresses_free(*(Addresses **)at);
    *(Addresses **)at = list;
    return TRUE;
}

static char *show_addresses(const Option *option, const void *at)
{
    return addresses_to_string(*(Addresses *const *)at);
}

static void free_addresses(void *at)
{
    g_clear_pointer((Addresses **)at, addresses_free);
}

static gboolean parse_map(const Parse *parse, void *at)
{
    Map *map = NULL;
    if (*parse->text != '\0') {
        guint before = problems_count(parse->context->problems, PROBLEM_ERROR);
        map = map_open(parse->text, parse->context->base, parse->context->files, parse->context->problems);
        if (map == NULL || problems_count(parse->context->problems, PROBLEM_ERROR) > before) {
            map_unref(map);
            return bad(parse, "the map cannot be used");
        }
    }
    map_unref(*(Map **)at);
    *(Map **)at = map;
    return TRUE;
}

static char *show_map(const Option *option, const void *at)
{
    const Map *map = *(Map *const *)at;
    return g_strdup(map != NULL ? map_spec(map) : "");
}

static void free_map(void *at)
{
    g_clear_pointer((Map **)at, map_unref);
}

static gboolean parse_pairs(const Parse *parse, void *at)
{
    g_assert(*parse->text == '\0'); /* only the default, which is none; lines are added one by one */
    return TRUE;
}

static void free_pairs(void *at)
{
    ConfigPairs *pairs = at;
    for (guint i = 0; i < pairs->n; i++) {
        g_free(pairs->items[i].name);
        g_free(pairs->items[i].value);
    }
    g_clear_pointer(&pairs->items, g_free);
    pairs->n = 0;
}

/* ---- the table ---- */

static const struct {
    gboolean (*parse)(const Parse *parse, void *at);
    char *(*show)(const Option *option, const void *at);
    void (*free)(void *at);
} kinds[] = {
    [OPTION_BOOL] = {parse_bool, show_bool, NULL},
    [OPTION_INT] = {parse_int, show_int, NULL},
    [OPTION_MODE] = {parse_mode, show_mode, NULL},
    [OPTION_SIZE] = {parse_size, show_size, NULL},
    [OPTION_SECONDS] = {parse_seconds, show_seconds, NULL},
    [OPTION_ENUM] = {parse_enum, show_enum, NULL},
    [OPTION_WORD] = {parse_word, show_string, free_string},
    [OPTION_STRING] = {parse_string, show_string, free_string},
    [OPTION_PATH] = {parse_path, show_string, free_string},
    [OPTION_FILE] = {parse_file, show_string, free_string},
    [OPTION_SECRET] = {parse_secret, show_string, free_string},
    [OPTION_LOG] = {parse_log, show_string, free_string},
    [OPTION_WORDS] = {parse_words, show_words, free_words},
    [OPTION_LISTEN] = {parse_listen, show_words, free_words},
    [OPTION_HOSTS] = {parse_hosts, show_hosts, free_hosts},
    [OPTION_ADDRESSES] = {parse_addresses, show_addresses, free_addresses},
    [OPTION_PATTERNS] = {parse_patterns, show_patterns, free_patterns},
    [OPTION_MAP] = {parse_map, show_map, free_map},
    [OPTION_PAIRS] = {parse_pairs, NULL, free_pairs},
};

gboolean value_parse(const Option *option, const char *text, void *at, const ValueContext *context)
{
    Parse parse = {option, text, context};
    return kinds[option->kind].parse(&parse, at);
}

char *value_to_text(const Option *option, const void *at)
{
    return kinds[option->kind].show != NULL ? kinds[option->kind].show(option, at) : NULL;
}

void value_free(const Option *option, void *at)
{
    if (kinds[option->kind].free != NULL)
        kinds[option->kind].free(at);
}
