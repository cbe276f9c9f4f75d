/*
 * greysql.h — the greylist of the older Python system, an SQLite table, as lines of text.
 *
 * It is here since SQLite is known to this folder alone. The file is only read, and nothing in it is believed: what is no such
 * table is an error, and what stands in it is for the reader of the lines to judge.
 */
#pragma once

#include <glib.h>

#define GREYSQL_BYTES_MAX ((gsize)256 << 20) /* of the lines */

/* One line a row: "ip|sender|recipient|firstseen|lastseen|cnt", times in s since 1970. The caller frees. Errors: STORE_ERROR. */
char *greysql_lines(const char *path, gsize *ret_len, GError **error);
