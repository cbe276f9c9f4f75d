/*
 * script.h — the text of a case: lines of words, and blocks that end with a line "end".
 *
 * Words are parted by blanks; "…" is one word with blanks in it. Whoever wants the rest of a line as it
 * stands asks for line_rest(). ` => ` parts a step from the reply that it must get.
 */
#pragma once

#include <glib.h>

#define LINE_WORDS_MAX 32 /* no step needs more */

typedef struct {
    guint number;
    char *text;  /* as written, without the part after => */
    char *reply; /* what stands after =>, or NULL */
    char *words[LINE_WORDS_MAX + 1];
    const char *at[LINE_WORDS_MAX + 1]; /* where each word begins in `text` */
    guint n;
    char *block; /* of a line that begins a block: the lines up to "end", else NULL */
} Line;

typedef struct {
    char *path;
    GPtrArray *lines; /* Line; comments and empty lines are left out */
} Script;

/* NULL and a message: the case itself is at fault. */
Script *script_read(const char *path, char **problem);
void script_free(Script *script);
/* Word `index` and all that follows as it stands; "" when there is none. */
const char *line_rest(const Line *line, guint index);
/* The word, or NULL. */
const char *line_word(const Line *line, guint index);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Script, script_free)
