/*
 * values.h — the types that an option can have: how each is read from text, written back, and freed.
 *
 * A value's text form is canonical: what value_to_text() gives is read again as the same value. Threads: any;
 * no state.
 */
#pragma once

#include <glib.h>
#include "conf/addresses.h"
#include "conf/options.h"
#include "conf/problem.h"

/* Where a value stands and what it may need. */
typedef struct {
    const char *file;
    guint line;
    const char *base; /* folder where relative paths start */
    Problems *problems;
    GPtrArray *files; /* of char *: every file that a value was read from is added; may be NULL */
} ValueContext;

#define LIST_BYTES_MAX ((gsize)64 << 20) /* of a file that a list names with file: */
#define LIST_WORDS_MAX 1000000u

/* Reads `text` into the option's member `at`, which holds a value already, or zero bytes. FALSE: an error is
 * in the problems, and the member is as it was. */
gboolean value_parse(const Option *option, const char *text, void *at, const ValueContext *context);
/* Owned by the caller. Free-key sections have no text: NULL. */
char *value_to_text(const Option *option, const void *at);
/* The words of a list: separated by commas or blanks, file:/path replaced by the words of that file (one or
 * more a line, # begins a comment line, Latin-1 is understood). NULL: an error is in the problems, about
 * `what`. The caller frees. */
char **value_words(const char *what, const char *text, const ValueContext *context);
/* The same as entries of a list of addresses; what is wrong with a file is a warning. */
Addresses *value_addresses(const char *what, const char *text, const ValueContext *context);
/* Absolute, from the context's base. The caller frees. */
char *value_path(const char *text, const ValueContext *context);
/* "8s", "5m", "2h", "7d" in seconds. FALSE: it is none. */
gboolean value_span(const char *text, gint64 *ret);
/* The file belongs to the configuration: a change of it is a reason to read it again. */
void value_note_file(const ValueContext *context, const char *path);
void value_free(const Option *option, void *at);
