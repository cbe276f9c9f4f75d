/*
 * patterns.h — a list of names or addresses with globs: `example.com, *.example.net, !mail.example.net`.
 *
 * Case is folded. `*` and `?` are globs over the whole text; a word without them is compared whole; a leading
 * `!` takes back what an earlier word matched (the last match wins). Immutable. Threads: any.
 */
#pragma once

#include <glib.h>

typedef struct PatternList PatternList;

PatternList *patterns_new(const char *const *words);
void patterns_free(PatternList *patterns); /* NULL is allowed */
gboolean patterns_is_empty(const PatternList *patterns);
/* The word that matched (owned by the list), or NULL. */
const char *patterns_match(const PatternList *patterns, const char *text);
char *patterns_to_string(const PatternList *patterns);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PatternList, patterns_free)
