#include "app/mta-files.h"

#include <string.h>

#define DEPTH_MAX   16     /* of $name within $name */
#define LOOKUPS_MAX 10000u /* of names in one value: many that are empty make no value longer */
#define VALUE_MAX   65536u /* bytes of one expanded value */

/* --- Postfix --- */

GHashTable *postfix_parse(const char *text)
{
    GHashTable *values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GString) logical = g_string_new(NULL);
    for (char **line = lines;; line++) {
        const char *start = *line ? *line + strspn(*line, " \t\r") : "";
        if (*line && (!*start || *start == '#'))
            continue; /* also between continuation lines (postconf(5)) */
        if (*line && start != *line) {
            g_string_append_printf(logical, " %s", start);
            continue;
        }
        char *equals = strchr(logical->str, '=');
        if (equals) {
            char *name = g_strstrip(g_strndup(logical->str, equals - logical->str));
            g_hash_table_replace(values, name, g_strstrip(g_strdup(equals + 1)));
        }
        if (!*line)
            return values;
        g_string_assign(logical, *line);
    }
}

typedef struct {
    GHashTable *values;
    GString *out;
    guint lookups;
} Expansion;

static void expand(Expansion *e, const char *text, int depth)
{
    for (const char *c = text; *c && e->out->len < VALUE_MAX && e->lookups < LOOKUPS_MAX; c++) {
        if (*c != '$' || depth >= DEPTH_MAX) {
            g_string_append_c(e->out, *c);
            continue;
        }
        gboolean closed = c[1] == '{' || c[1] == '(';
        const char *name = c + 1 + closed;
        gsize len = 0;
        while (g_ascii_isalnum(name[len]) || name[len] == '_')
            len++;
        if (!len || (closed && name[len] != '}' && name[len] != ')')) {
            g_string_append_c(e->out, *c);
            continue;
        }
        e->lookups++;
        g_autofree char *key = g_strndup(name, len);
        const char *value = g_hash_table_lookup(e->values, key);
        expand(e, value ? value : "", depth + 1);
        c = name + len - !closed;
    }
}

char *postfix_value(GHashTable *main_cf, const char *name, const char *fallback)
{
    const char *value = g_hash_table_lookup(main_cf, name);
    Expansion e = {main_cf, g_string_new(NULL), 0};
    expand(&e, value ? value : fallback, 0);
    return g_string_free(e.out, FALSE);
}

/* service type private unpriv chroot wakeup maxproc command [args] */
PostfixServices postfix_services(const char *master_cf, gboolean chroot_default)
{
    PostfixServices services = {0};
    gboolean is_smtpd = FALSE;
    g_auto(GStrv) lines = g_strsplit(master_cf, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (!**line || **line == '#')
            continue;
        if (!g_ascii_isspace(**line)) {
            g_auto(GStrv) raw = g_strsplit_set(*line, " \t\r", -1);
            const char *words[8];
            guint n = 0;
            for (char **word = raw; *word && n < G_N_ELEMENTS(words); word++)
                if (**word)
                    words[n++] = *word;
            is_smtpd =
                n == G_N_ELEMENTS(words) && strcmp(words[1], "inet") == 0 && strcmp(words[7], "smtpd") == 0;
            if (is_smtpd)
                services.chrooted |= *words[4] == 'y' || (*words[4] == '-' && chroot_default);
        }
        const char *override = is_smtpd ? strstr(*line, "smtpd_milters=") : NULL;
        if (override && !services.overrides)
            services.overrides = g_strdup(override);
    }
    return services;
}

void postfix_services_clear(PostfixServices *services)
{
    g_clear_pointer(&services->overrides, g_free);
}

int mta_seconds(const char *text, int unit_default)
{
    static const struct {
        char letter;
        int seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    char *end;
    guint64 value = g_ascii_strtoull(text, &end, 10);
    if (end == text || *text == '-' || value > 100000000)
        return -1;
    guint64 unit = unit_default;
    for (gsize i = 0; *end && i < G_N_ELEMENTS(units); i++)
        if (g_ascii_tolower(*end) == units[i].letter)
            unit = units[i].seconds;
    return (int)MIN(value * unit, (guint64)G_MAXINT);
}

char **postfix_milters(const char *list)
{
    GPtrArray *found = g_ptr_array_new();
    for (const char *c = list; *c;) {
        c += strspn(c, " \t\r\n,");
        gboolean braces = *c == '{';
        if (braces)
            c += 1 + strspn(c + 1, " \t");
        gsize len = strcspn(c, braces ? " \t,}" : " \t\r\n,");
        if (len)
            g_ptr_array_add(found, g_strndup(c, len));
        c += len;
        if (braces) {
            c += strcspn(c, "}");
            c += *c == '}';
        }
    }
    g_ptr_array_add(found, NULL);
    return (char **)g_ptr_array_free(found, FALSE);
}

/* --- Sendmail --- */

static void filter_free(gpointer data)
{
    SendmailFilter *filter = data;
    g_free(filter->name);
    g_free(filter->socket);
    g_free(filter);
}

/* "C:5m;S:20s;R:5m;E:5m": how long Sendmail waits for the filter, in each kind of waiting. */
static void parse_times(SendmailFilter *filter, const char *text)
{
    g_auto(GStrv) times = g_strsplit(text, ";", -1);
    for (char **time = times; *time; time++) {
        const char *one = g_strstrip(*time);
        int *into = *one == 'S'   ? &filter->send
                    : *one == 'R' ? &filter->read
                    : *one == 'E' ? &filter->end
                                  : NULL;
        int seconds = into && one[1] == ':' ? mta_seconds(one + 2, 1) : -1;
        if (seconds >= 0)
            *into = seconds;
    }
}

/* "S=local:/path, F=T, T=C:5m;S:20s;R:5m;E:5m" (Sendmail's libmilter/docs and cf/README) */
static void parse_equates(SendmailFilter *filter, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    for (char **part = parts; *part; part++) {
        const char *at = g_strstrip(*part);
        if (at[0] == '\0' || at[1] != '=')
            continue;
        if (*at == 'S') {
            g_free(filter->socket);
            filter->socket = g_strdup(at + 2);
        } else if (*at == 'F') {
            filter->flag = at[2];
        } else if (*at == 'T') {
            parse_times(filter, at + 2);
        }
    }
}

static void add_filter(GPtrArray *filters, const char *name, const char *equates, gboolean used, guint line)
{
    SendmailFilter *filter = g_new0(SendmailFilter, 1);
    *filter = (SendmailFilter){
        .name = g_strdup(name), .send = 10, .read = 10, .end = 300, .used = used, .line = line};
    parse_equates(filter, equates);
    g_ptr_array_add(filters, filter);
}

/* INPUT_MAIL_FILTER(`name', `equates')dnl */
static void take_mc(GPtrArray *filters, const char *line, guint number)
{
    const char *open = strchr(line, '(');
    gboolean used = g_str_has_prefix(line, "INPUT_MAIL_FILTER(");
    if (!open || (!used && !g_str_has_prefix(line, "MAIL_FILTER(")))
        return;
    g_auto(GStrv) parts = g_strsplit_set(open + 1, "`'", -1); /* "", name, ", ", equates, … */
    if (g_strv_length(parts) >= 4)
        add_filter(filters, parts[1], parts[3], used, number);
}

static void mark_used(GPtrArray *filters, const char *list)
{
    g_auto(GStrv) names = g_strsplit_set(list, " ,\t;`'()", -1);
    for (guint i = 0; i < filters->len; i++) {
        SendmailFilter *filter = filters->pdata[i];
        filter->used |= g_strv_contains((const char *const *)names, filter->name);
    }
}

GPtrArray *sendmail_filters(const char *text)
{
    GPtrArray *filters = g_ptr_array_new_with_free_func(filter_free);
    g_autofree char *list = NULL;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        char *line = lines[i], *comma = strchr(line, ',');
        if (*line == 'X' && comma) {
            g_autofree char *name = g_strndup(line + 1, comma - line - 1);
            add_filter(filters, name, comma + 1, FALSE, i + 1);
        } else if (g_str_has_prefix(line, "O InputMailFilters=")) {
            g_free(list);
            list = g_strdup(strchr(line, '=') + 1);
        } else if (g_str_has_prefix(line, "define(`confINPUT_MAIL_FILTERS'")) {
            g_free(list);
            list = g_strdup(strchr(line, '\'') + 1);
        } else {
            take_mc(filters, line, i + 1);
        }
    }
    if (list)
        mark_used(filters, list);
    return filters;
}

/* --- what sendmail.cf does to mail that leaves --- */

static void mailer_free(gpointer data)
{
    SendmailMailer *mailer = data;
    g_free(mailer->name);
    g_free(mailer->flags);
    g_free(mailer);
}

/* "F=mDFMuXa", " L=990": one of the fields of a mailer. */
static void take_mailer_field(SendmailMailer *mailer, const char *field)
{
    field += strspn(field, " \t");
    if (*field == '\0' || field[1] != '=')
        return;
    const char *value = field + 2;
    if (*field == 'F') {
        g_free(mailer->flags);
        mailer->flags = g_strdup(value);
    } else if (*field == 'L') {
        mailer->line_max = (int)CLAMP(g_ascii_strtoll(value, NULL, 10), 0, G_MAXINT);
    } else if (*field == 'P') {
        mailer->is_smtp = g_str_has_prefix(value, "[IPC]") || g_str_has_prefix(value, "[TCP]");
    }
}

GPtrArray *sendmail_mailers(const char *text)
{
    GPtrArray *mailers = g_ptr_array_new_with_free_func(mailer_free);
    SendmailMailer *open = NULL;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        const char *line = lines[i];
        gboolean continues = open && (*line == ' ' || *line == '\t');
        if (!continues)
            open = NULL;
        if (*line == 'M' && strchr(line, ',')) {
            open = g_new0(SendmailMailer, 1);
            open->name = g_strndup(line + 1, strcspn(line + 1, ", \t"));
            open->flags = g_strdup("");
            open->line = i + 1;
            g_ptr_array_add(mailers, open);
        } else if (!continues) {
            continue;
        }
        g_auto(GStrv) fields = g_strsplit(*line == 'M' ? strchr(line, ',') + 1 : line, ",", -1);
        for (char **field = fields; *field; field++)
            take_mailer_field(open, g_strchomp(*field));
    }
    return mailers;
}

gboolean sendmail_option_is_on(const char *text, const char *name)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    gboolean on = FALSE;
    for (char **line = lines; *line; line++) {
        const char *value = strchr(*line, '=');
        if (!g_str_has_prefix(*line, "O ") || !value)
            continue;
        g_autofree char *word = g_strndup(*line + 2, (gsize)(value - *line - 2));
        if (g_ascii_strcasecmp(g_strstrip(word), name) == 0) {
            char first = g_ascii_tolower(value[1 + strspn(value + 1, " \t")]);
            on = first == 't' || first == 'y' || first == '1';
        }
    }
    return on;
}

char *sendmail_macro(const char *text, char macro)
{
    char *found = NULL;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++)
        if ((*line)[0] == 'D' && (*line)[1] == macro) {
            g_free(found);
            found = g_strdup(g_strchomp(*line) + 2);
        }
    return found;
}
