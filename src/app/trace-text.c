/* trace-text.c — see trace-text.h. */
#include "app/trace-text.h"

#include <string.h>

#include "base/escape.h"

#define NAME_WIDTH 11
/* Parts of the trace that have a look of their own; all others are facts: a line each. */
static const char *const own_look[] = {"client.ip", "client.name", "client.helo", "client.login",
                                       "sender",    "cut",         "failed",      "edits"};

static void name_line(GString *text, const char *name)
{
    g_string_append_printf(text, "%-*s", NAME_WIDTH, name);
    if (strlen(name) >= NAME_WIDTH)
        g_string_append_c(text, ' ');
}

static void put(GString *text, const char *value)
{
    escape_append(text, value, strlen(value), ESCAPE_KEEP_UTF8, NULL);
}

static void put_if(GString *text, const char *before, const char *value, const char *after)
{
    if (!value || !*value)
        return;
    g_string_append(text, before);
    put(text, value);
    g_string_append(text, after);
}

static const char *at(const Record *trace, const char *format, ...) G_GNUC_PRINTF(2, 3);
static const char *at(const Record *trace, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *path = g_strdup_vprintf(format, args);
    va_end(args);
    return record_lookup(trace, path);
}

/* --- who --- */

static void put_client(GString *text, const Record *trace)
{
    const char *ip = record_lookup(trace, "client.ip");
    name_line(text, "client");
    put(text, ip ? ip : "unknown");
    put_if(text, " ", record_lookup(trace, "client.name"), "");
    put_if(text, ", HELO ", record_lookup(trace, "client.helo"), "");
    put_if(text, ", login ", record_lookup(trace, "client.login"), "");
    name_line(g_string_append_c(text, '\n'), "sender");
    put_if(text, "", record_lookup(trace, "sender"), "");
    g_string_append_c(text, '\n');
}

/* --- facts --- */

typedef struct {
    GString *text;
    char *group; /* whose line is being written; NULL: none yet */
} Facts;

static gboolean is_fact(const char *path)
{
    return !g_strv_contains((const char *const[]){own_look[0], own_look[1], own_look[2], own_look[3],
                                                  own_look[4], own_look[5], own_look[6], own_look[7], NULL},
                            path) &&
           !g_str_has_prefix(path, "recipients.") && !g_str_has_prefix(path, "answers.") &&
           !g_str_has_prefix(path, "mail.");
}

static void put_fact(const char *path, const char *value, void *data)
{
    Facts *facts = data;
    if (!is_fact(path) || !*value ||
        strcmp(value, "false") == 0) /* what is not so says little; --json has it */
        return;
    g_autofree char *group = g_strndup(path, strcspn(path, "."));
    if (g_strcmp0(group, facts->group) != 0) {
        if (facts->group)
            g_string_append_c(facts->text, '\n');
        name_line(facts->text, group);
        g_free(facts->group);
        facts->group = g_steal_pointer(&group);
    } else {
        g_string_append_c(facts->text, ' ');
    }
    const char *name = strchr(path, '.');
    if (name)
        put_if(facts->text, "", name + 1, "=");
    gboolean quoted = strpbrk(value, " \t") != NULL;
    put_if(facts->text, quoted ? "\"" : "", value, quoted ? "\"" : "");
}

static void put_facts(GString *text, const Record *trace)
{
    Facts facts = {text, NULL};
    record_each(trace, put_fact, &facts);
    if (facts.group)
        g_string_append_c(text, '\n');
    g_free(facts.group);
}

/* --- findings --- */

static void put_finding(GString *text, const Record *trace, const char *of, guint i)
{
    g_string_append(text, "  ");
    g_string_append_printf(text, "%-*s", NAME_WIDTH - 2, at(trace, "%s.findings.%u.fate", of, i));
    put_if(text, "", at(trace, "%s.findings.%u.tag", of, i), "");
    put_if(text, " for ", at(trace, "%s.findings.%u.subject", of, i), "");
    put_if(text, ": ", at(trace, "%s.findings.%u.verb", of, i), "");
    const char *key = at(trace, "%s.findings.%u.key", of, i), *rule = at(trace, "%s.findings.%u.rule", of, i);
    gboolean written = rule && strcmp(rule, "built in") != 0;
    put_if(text, " [", written ? key : NULL, " at ");
    put_if(text, written ? "" : " [", rule, "");
    put_if(text, "; ", at(trace, "%s.findings.%u.why", of, i), "");
    g_string_append(text, "]\n");
    const char *sentence = at(trace, "%s.findings.%u.sentence", of, i);
    if (g_strcmp0(sentence, at(trace, "%s.reply.text", of)) != 0)
        put_if(text, "             ", sentence, "\n");
}

/* The caller frees. */
static char *findings_text(const Record *trace, const char *of)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; at(trace, "%s.findings.%u.fate", of, i); i++)
        put_finding(text, trace, of, i);
    return g_string_free(text, FALSE);
}

static void put_decision(GString *text, const Record *trace, const char *of)
{
    const char *code = at(trace, "%s.reply.code", of);
    put_if(text, " ", at(trace, "%s.state", of), "");
    put_if(text, ", ", at(trace, "%s.verb", of), "");
    put_if(text, ", score ", at(trace, "%s.score", of), "");
    put_if(text, ": ", code, "");
    put_if(text, " ", at(trace, "%s.reply.xcode", of), "");
    put_if(text, " ", at(trace, "%s.reply.text", of), "");
    g_string_append_c(text, '\n');
}

static void put_recipients(GString *text, const Record *trace)
{
    g_autofree char *before = NULL;
    for (guint i = 0;; i++) {
        g_autofree char *of = g_strdup_printf("recipients.%u", i);
        const char *rcpt = at(trace, "%s.rcpt", of);
        if (!rcpt)
            return;
        g_autofree char *findings = findings_text(trace, of);
        name_line(text, "rcpt");
        put(text, rcpt);
        put_decision(text, trace, of);
        if (before && *findings && strcmp(before, findings) == 0)
            g_string_append(text, "  the same findings as above\n");
        else
            g_string_append(text, findings);
        g_free(before);
        before = g_steal_pointer(&findings);
    }
}

/* Refused at MAIL. */
static void put_mail(GString *text, const Record *trace)
{
    if (!record_lookup(trace, "mail.verb"))
        return;
    g_autofree char *findings = findings_text(trace, "mail");
    name_line(text, "mail");
    g_string_append(text, "refused");
    put_decision(text, trace, "mail");
    g_string_append(text, findings);
}

/* --- the end --- */

static void put_list(GString *text, const Record *trace, const char *name)
{
    for (guint i = 0;; i++) {
        const char *line = at(trace, "%s.%u", name, i);
        if (!line)
            return;
        name_line(text, i ? "" : name);
        put(text, line);
        g_string_append_c(text, '\n');
    }
}

static void put_answer(const char *path, const char *value, void *data)
{
    GString *text = data;
    if (!g_str_has_prefix(path, "answers."))
        return;
    name_line(text, "answer");
    put_if(text, "", path + strlen("answers."), ": ");
    put(text, value);
    g_string_append_c(text, '\n');
}

char *trace_to_text(const Record *trace)
{
    GString *text = g_string_new(NULL);
    put_client(text, trace);
    put_facts(text, trace);
    put_mail(text, trace);
    put_recipients(text, trace);
    put_list(text, trace, "failed");
    put_list(text, trace, "edits");
    record_each(trace, put_answer, text);
    if (record_lookup(trace, "cut"))
        g_string_append(text, "(there was more than is kept)\n");
    return g_string_free(text, FALSE);
}

void trace_print(const Record *trace, FILE *out)
{
    g_autofree char *text = trace_to_text(trace);
    fputs(text, out);
}
