#include "script.h"

#include <string.h>

/* A line with one of these words first is followed by a block. `message` and its like have no other words. */
static const char *const block_words[] = {"config", "access", "zone", "message", "file"};

static gboolean begins_block(const Line *line)
{
    for (gsize i = 0; i < G_N_ELEMENTS(block_words); i++)
        if (line->n && strcmp(line->words[0], block_words[i]) == 0)
            return TRUE;
    return FALSE;
}

static void line_free(gpointer data)
{
    Line *line = data;
    for (guint i = 0; i < line->n; i++)
        g_free(line->words[i]);
    g_free(line->text);
    g_free(line->reply);
    g_free(line->block);
    g_free(line);
}

/* FALSE: too many words, or an open quote. */
static gboolean split_words(Line *line)
{
    const char *at = line->text;
    while (*(at += strspn(at, " \t"))) {
        if (line->n == LINE_WORDS_MAX)
            return FALSE;
        gboolean quoted = *at == '"';
        gsize len = quoted ? strcspn(at + 1, "\"") : strcspn(at, " \t");
        if (quoted && !at[1 + len])
            return FALSE;
        line->at[line->n] = at;
        line->words[line->n++] = g_strndup(at + quoted, len);
        at += len + 2 * quoted;
    }
    return TRUE;
}

static Line *line_new(const char *text, guint number, char **problem)
{
    Line *line = g_new0(Line, 1);
    line->number = number;
    line->text = g_strstrip(g_strdup(text));
    char *arrow = strstr(line->text, "=> ");
    if (arrow && (arrow == line->text || arrow[-1] == ' ')) {
        line->reply = g_strstrip(g_strdup(arrow + 3));
        *arrow = '\0';
        g_strchomp(line->text);
    }
    if (!split_words(line))
        *problem = g_strdup_printf("%u: an open quote, or too many words", number);
    else if (!line->n)
        *problem = g_strdup_printf("%u: a reply without a step", number);
    return line;
}

/* Returns the index of the line after "end". */
static guint read_block(Line *line, char **texts, guint i, char **problem)
{
    GString *block = g_string_new(NULL);
    for (; texts[i] && strcmp(texts[i], "end") != 0; i++)
        g_string_append_printf(block, "%s\n", texts[i]);
    line->block = g_string_free(block, FALSE);
    if (!texts[i])
        *problem = g_strdup_printf("%u: the block has no line \"end\"", line->number);
    return i + 1;
}

Script *script_read(const char *path, char **problem)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    if (!g_file_get_contents(path, &text, NULL, &error)) {
        *problem = g_strdup(error->message);
        return NULL;
    }
    g_auto(GStrv) texts = g_strsplit(text, "\n", -1);
    g_autoptr(Script) script = g_new0(Script, 1);
    script->path = g_strdup(path);
    script->lines = g_ptr_array_new_with_free_func(line_free);
    if (!texts[0] || !g_str_has_prefix(texts[0], "# "))
        *problem = g_strdup("1: the first line says what the case proves: # …");
    for (guint i = 0; texts[i] && !*problem;) {
        const char *start = texts[i] + strspn(texts[i], " \t");
        if (!*start || *start == '#') {
            i++;
            continue;
        }
        Line *line = line_new(start, i + 1, problem);
        g_ptr_array_add(script->lines, line);
        i++;
        if (!*problem && begins_block(line))
            i = read_block(line, texts, i, problem);
    }
    return *problem ? NULL : g_steal_pointer(&script);
}

void script_free(Script *script)
{
    if (!script)
        return;
    g_clear_pointer(&script->lines, g_ptr_array_unref);
    g_free(script->path);
    g_free(script);
}

const char *line_rest(const Line *line, guint index)
{
    return index < line->n ? line->at[index] : "";
}

const char *line_word(const Line *line, guint index)
{
    return index < line->n ? line->words[index] : NULL;
}
