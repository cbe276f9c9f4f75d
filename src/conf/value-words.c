/* value-words.c — lists as they are written: words in the value itself, and in files that it names (values.h). */
#include "conf/values.h"

#include <string.h>
#include "conf/files.h"

#define SEPARATORS ", \t\r\n\v\f"

typedef struct WordReader WordReader;
struct WordReader {
    const char *what;
    const ValueContext *context;
    /* Takes each word; `file` is the one that a list names, NULL: the configuration itself. */
    gboolean (*take)(WordReader *reader, const char *word, const char *file, guint line);
    void *into;
    gboolean lenient; /* a file that cannot be read is a warning */
    guint n;
};

G_GNUC_PRINTF(3, 4)
static gboolean list_fail(const WordReader *reader, gboolean lenient, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *why = g_strdup_vprintf(format, args);
    va_end(args);
    problems_add(reader->context->problems, lenient ? PROBLEM_WARNING : PROBLEM_ERROR, reader->context->file,
                 reader->context->line, "%s: %s", reader->what, why);
    return lenient;
}

static gboolean add_word(WordReader *reader, const char *word, gsize len, const char *file, guint line)
{
    if (reader->n++ >= LIST_WORDS_MAX)
        return list_fail(reader, FALSE, "more than %u words", LIST_WORDS_MAX);
    g_autofree char *copy = g_strndup(word, len);
    return reader->take(reader, copy, file, line);
}

static gboolean add_line(WordReader *reader, const char *line, gsize len, const char *file, guint number)
{
    const char *end = line + len;
    while (line < end) {
        gsize word = 0;
        while (line + word < end && strchr(SEPARATORS, line[word]) == NULL)
            word++;
        if (word > 0 && !add_word(reader, line, word, file, number))
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
    value_note_file(reader->context, path); /* also one that may come to be readable */
    if (bytes == NULL)
        return list_fail(reader, reader->lenient, "%s", error->message);
    if (memchr(bytes, '\0', len) != NULL)
        return list_fail(reader, reader->lenient, "%s has NUL bytes: not a list of words", path);
    g_autofree char *text = text_to_utf8(bytes, len, NULL);
    const char *line = g_str_has_prefix(text, "\xef\xbb\xbf") ? text + 3 : text;
    for (guint number = 1; *line != '\0'; number++) {
        gsize line_len = strcspn(line, "\n");
        gsize blanks = strspn(line, " \t");
        if (line[blanks] != '#' && !add_line(reader, line, line_len, path, number))
            return FALSE;
        line += line_len + (line[line_len] == '\n');
    }
    return TRUE;
}

static gboolean read_words(WordReader *reader, const char *text)
{
    gboolean good = TRUE;
    while (good && *(text += strspn(text, SEPARATORS)) != '\0') {
        gsize len = strcspn(text, SEPARATORS);
        g_autofree char *word = g_strndup(text, len);
        good = g_str_has_prefix(word, "file:") ? add_file(reader, word + strlen("file:"))
                                               : add_word(reader, word, len, NULL, reader->context->line);
        text += len;
    }
    return good;
}

static gboolean take_word(WordReader *reader, const char *word, const char *file, guint line)
{
    g_ptr_array_add(reader->into, g_strdup(word));
    return TRUE;
}

char **value_words(const char *what, const char *text, const ValueContext *context)
{
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
    WordReader reader = {what, context, take_word, words, FALSE, 0};
    if (!read_words(&reader, text)) {
        g_ptr_array_unref(words);
        return NULL;
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

/* A list of addresses never stands in the way of a start (B6): what is wrong with a file that it names is a warning. */
static gboolean take_address(WordReader *reader, const char *word, const char *file, guint line)
{
    g_autoptr(GError) error = NULL;
    if (addresses_add(reader->into, word, file != NULL ? file : reader->context->file, line, &error))
        return TRUE;
    if (file == NULL)
        return list_fail(reader, FALSE, "%s", error->message);
    problems_add(reader->context->problems, PROBLEM_WARNING, file, line, "%s: left out", error->message);
    return TRUE;
}

Addresses *value_addresses(const char *what, const char *text, const ValueContext *context)
{
    g_autoptr(Addresses) list = addresses_new();
    WordReader reader = {what, context, take_address, list, TRUE, 0};
    return read_words(&reader, text) ? g_steal_pointer(&list) : NULL;
}
