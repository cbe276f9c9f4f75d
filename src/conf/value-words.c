/* value-words.c — lists of words, and the files that they come from: value_words() of values.h. */
#include "conf/values.h"

#include <string.h>
#include "conf/files.h"

#define SEPARATORS ", \t\r\n\v\f"

typedef struct {
    GPtrArray *words;
    const char *what;
    const ValueContext *context;
} WordReader;

G_GNUC_PRINTF(2, 3) static gboolean fail(const WordReader *reader, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *why = g_strdup_vprintf(format, args);
    va_end(args);
    problems_add(reader->context->problems, PROBLEM_ERROR, reader->context->file, reader->context->line,
                 "%s: %s", reader->what, why);
    return FALSE;
}

static gboolean add_word(WordReader *reader, const char *word, gsize len)
{
    if (reader->words->len >= LIST_WORDS_MAX)
        return fail(reader, "more than %u words", LIST_WORDS_MAX);
    g_ptr_array_add(reader->words, g_strndup(word, len));
    return TRUE;
}

static gboolean add_line(WordReader *reader, const char *line, gsize len)
{
    const char *end = line + len;
    while (line < end) {
        gsize word = 0;
        while (line + word < end && strchr(SEPARATORS, line[word]) == NULL)
            word++;
        if (word > 0 && !add_word(reader, line, word))
            return FALSE;
        line += word + 1;
    }
    return TRUE;
}

static gboolean add_file(WordReader *reader, const char *name)
{
    g_autofree char *path = value_path(name, reader->context);
    g_autoptr(GError) error = NULL;
    gsize len;
    g_autofree char *bytes = file_read(path, LIST_BYTES_MAX, FILE_CONFIG, &len, &error);
    if (bytes == NULL)
        return fail(reader, "%s", error->message);
    value_note_file(reader->context, path);
    if (memchr(bytes, '\0', len) != NULL)
        return fail(reader, "%s has NUL bytes: not a list of words", path);
    g_autofree char *text = text_to_utf8(bytes, len, NULL);
    const char *line = g_str_has_prefix(text, "\xef\xbb\xbf") ? text + 3 : text;
    while (*line != '\0') {
        gsize line_len = strcspn(line, "\n");
        gsize blanks = strspn(line, " \t");
        if (line[blanks] != '#' && !add_line(reader, line, line_len))
            return FALSE;
        line += line_len + (line[line_len] == '\n');
    }
    return TRUE;
}

char **value_words(const char *what, const char *text, const ValueContext *context)
{
    WordReader reader = {g_ptr_array_new_with_free_func(g_free), what, context};
    gboolean good = TRUE;
    while (good && *(text += strspn(text, SEPARATORS)) != '\0') {
        gsize len = strcspn(text, SEPARATORS);
        g_autofree char *word = g_strndup(text, len);
        good = g_str_has_prefix(word, "file:") ? add_file(&reader, word + strlen("file:"))
                                               : add_word(&reader, word, len);
        text += len;
    }
    if (!good) {
        g_ptr_array_unref(reader.words);
        return NULL;
    }
    g_ptr_array_add(reader.words, NULL);
    return (char **)g_ptr_array_free(reader.words, FALSE);
}
