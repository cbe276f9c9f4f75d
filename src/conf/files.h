/*
 * files.h — reading a file that an administrator wrote: whole, bounded, and only if it is safe to believe
 * (K15).
 *
 * What others may write is not configuration, what everybody may read is no secret: both are refused by an
 * error that names the chmod that helps. Directories, sockets, pipes and devices are refused. A file that
 * grows or shrinks while it is read is read again, a few times, so that a half-written one is not taken for a
 * whole one. Threads: any.
 */
#pragma once

#include <glib.h>

typedef enum {
    FILE_PLAIN,  /* any permissions */
    FILE_CONFIG, /* not writable by group or others */
    FILE_MAP,    /* the same; who has it locked or has just written to it is waited for, a second at most */
    FILE_SECRET, /* the same, and not readable by others */
} FileTrust;

/* The bytes with a NUL behind, and room for one more byte; owned by the caller. NULL: `error` names the path. */
char *file_read(const char *path, gsize max, FileTrust trust, gsize *len, GError **error);

/* FALSE: it is not there, not a regular file, or its permissions are too wide. */
gboolean file_check_config(const char *path, GError **error);
gboolean file_check_secret(const char *path, GError **error);

/* What is not UTF-8 is taken for Latin-1. `converted`, if not NULL, is set to whether it was. Owned by the
 * caller. */
char *text_to_utf8(const char *text, gsize len, gboolean *converted);
