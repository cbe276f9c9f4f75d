/*
 * import-shelf.h — the greylist of the older system where it was a shelf: a Berkeley DB hash of pickled Python objects.
 *
 * Python's own reader of pickles does what stands in them, so that whoever can write to the file runs programs. Nothing is done
 * here: the one object that the older system wrote there, a Record of four members in protocol 2, is known by its bytes, and what
 * is anything else is no entry.
 *
 * Pure; any thread.
 */
#pragma once

#include <glib.h>

/* One line a pair, as greysql.h has them; "?" for one that is none. `bytes` is the whole file. The caller frees. Errors:
 * G_FILE_ERROR_INVAL. */
char *shelf_lines(const char *bytes, gsize len, gsize *ret_len, GError **error);

/* Appends the line of one pair, without its end. FALSE: it is none, and nothing was appended. */
gboolean shelf_append(GString *line, const char *key, gsize key_len, const char *value, gsize value_len);
