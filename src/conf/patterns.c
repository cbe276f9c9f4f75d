/* patterns.c — see patterns.h. Words without globs are in a hash table, so that a list of 100,000 costs one
 * look. */
#include "conf/patterns.h"

#include <string.h>
#include "conf/glob.h"

/* Longer texts are folded on the heap; addresses have at most 320 bytes. */
#define FOLD_STACK 512u

typedef struct {
    const char *word;   /* as written */
    const char *folded; /* without the "!" */
    gboolean takes_back;
} Pattern;

struct PatternList {
    GArray *patterns;  /* of Pattern, in order */
    GHashTable *exact; /* folded → place + 1 of the last one of that text */
    GArray *globs;     /* places of those with wildcards, in order */
    GStringChunk *text;
};

PatternList *patterns_new(const char *const *words)
{
    PatternList *list = g_new0(PatternList, 1);
    list->patterns = g_array_new(FALSE, FALSE, sizeof(Pattern));
    list->globs = g_array_new(FALSE, FALSE, sizeof(guint));
    list->exact = g_hash_table_new(g_str_hash, g_str_equal);
    list->text = g_string_chunk_new(1024);
    for (; words != NULL && *words != NULL; words++) {
        Pattern pattern = {.word = g_string_chunk_insert(list->text, *words), .takes_back = **words == '!'};
        g_autofree char *folded = g_ascii_strdown(*words + (pattern.takes_back ? 1 : 0), -1);
        if (*folded == '\0')
            continue;
        pattern.folded = g_string_chunk_insert(list->text, folded);
        guint place = list->patterns->len;
        g_array_append_val(list->patterns, pattern);
        if (glob_has_wildcard(folded))
            g_array_append_val(list->globs, place);
        else
            g_hash_table_replace(list->exact, (void *)pattern.folded, GUINT_TO_POINTER(place + 1));
    }
    return list;
}

void patterns_free(PatternList *list)
{
    if (list == NULL)
        return;
    g_array_unref(list->patterns);
    g_array_unref(list->globs);
    g_hash_table_unref(list->exact);
    g_string_chunk_free(list->text);
    g_free(list);
}

gboolean patterns_is_empty(const PatternList *list)
{
    return list == NULL || list->patterns->len == 0;
}

static const char *match_folded(const PatternList *list, const char *folded)
{
    /* The last match wins: the exact one, unless a glob further down matches too. */
    guint last = GPOINTER_TO_UINT(g_hash_table_lookup(list->exact, folded));
    for (guint i = list->globs->len; i > 0; i--) {
        guint place = g_array_index(list->globs, guint, i - 1);
        if (place + 1 <= last)
            break;
        if (glob_match(g_array_index(list->patterns, Pattern, place).folded, folded)) {
            last = place + 1;
            break;
        }
    }
    if (last == 0)
        return NULL;
    const Pattern *pattern = &g_array_index(list->patterns, Pattern, last - 1);
    return pattern->takes_back ? NULL : pattern->word;
}

const char *patterns_match(const PatternList *list, const char *text)
{
    if (patterns_is_empty(list) || text == NULL)
        return NULL;
    gsize len = strlen(text);
    if (len >= FOLD_STACK) {
        g_autofree char *folded = g_ascii_strdown(text, (gssize)len);
        return match_folded(list, folded);
    }
    char folded[FOLD_STACK];
    for (gsize i = 0; i <= len; i++)
        folded[i] = g_ascii_tolower(text[i]);
    return match_folded(list, folded);
}

char *patterns_to_string(const PatternList *list)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; list != NULL && i < list->patterns->len; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "",
                               g_array_index(list->patterns, Pattern, i).word);
    return g_string_free(text, FALSE);
}
