/*
 * import.h — what the older Python system kept in files of its own, into the store (K12).
 *
 * A kind of file is a row of the table in import.c and a function that takes its lines; import-addresses.c is one. A line
 * that is none is told with file:line, and the rest goes in. Whatever is imported twice changes nothing the second time: who
 * puts an entry says STORE_IF_LONGER or STORE_IF_NEW, and gives it the time at which it came to be.
 *
 * One thread.
 */
#pragma once

#include "store/store.h"

#define IMPORT_BYTES_MAX ((gsize)256 << 20) /* of one file */
#define IMPORT_SHOWN_MAX 80                 /* bytes of a bad line that are told */

typedef struct Import Import;

typedef struct {
    const char *kind;  /* --kind */
    const char *names; /* glob on the name of the file, without its folder */
    const char *doc;
    StoreTable table;
    int days; /* that an entry lasted in the old system; 0: it has no end */
    /* `line` without its end and blanks around it, never empty; `len` bytes and a NUL behind, NULs perhaps among them. */
    void (*line)(Import *import, const char *line, gsize len);
    /* NULL: the file is text. Else what is in it as lines; the caller frees. Errors name the path. */
    char *(*lines)(const char *path, gsize *ret_len, GError **error);
} ImportKind;

/* The kinds, one after the other; NULL behind the last. */
const ImportKind *import_kind_at(guint index);
/* NULL: there is none. */
const ImportKind *import_kind_find(const char *kind);
const ImportKind *import_kind_of_file(const char *path);
/* The kind that goes to whitelist, blacklist or callback. */
const ImportKind *import_kind_of_table(StoreTable table);

/* Says on stderr what is wrong and on stdout how many there were. EXIT_DONE; EXIT_NO: lines were left out; EXIT_USAGE: it cannot
 * be read; EXIT_AGAIN: it cannot be written. */
int import_file(Store *store, const char *path, const ImportKind *kind, gint64 now);

typedef struct {
    guint entries; /* lines that said something */
    guint expired; /* of these: what had ended already, and was left */
    guint wrong;   /* lines that are none */
} ImportResult;

/* The same from memory; each fault is given to `complain` (NULL: nobody). FALSE: the store is away. */
gboolean import_text(Store *store, const char *name, const char *bytes, gsize len, const ImportKind *kind,
                     gint64 now, void (*complain)(const char *fault), ImportResult *ret);

/* --- for the functions that take lines --- */

const ImportKind *import_kind(const Import *import);
gint64 import_now(const Import *import);
const char *import_name(const Import *import); /* of the file, without its folder */
/* The line says nothing that could be kept. */
void import_wrong(Import *import, const char *line, gsize len, const char *why);
/* An entry of the kind's table; one that has expired is only counted. */
void import_put(Import *import, const char *key, StoreMode mode, const StoreEntry *entry);

/* The lists (import-addresses.c). */
void import_address_line(Import *import, const char *line, gsize len);
/* "2007Jan25 22:47:26 EST" of Python's %Y%b%d %H:%M:%S %Z → s since 1970. */
gboolean import_parse_time(const char *text, gint64 *ret);

/* Bans (import-bans.c). */
void import_banned_ip_line(Import *import, const char *line, gsize len);
void import_banned_domain_line(Import *import, const char *line, gsize len);

/* The greylist (import-greylist.c). */
char *import_greylist_lines(const char *path, gsize *ret_len, GError **error);
void import_greylist_line(Import *import, const char *line, gsize len);
