/*
 * spool.h — the body of a message under way: in memory while it is small, then in a file that has no name.
 *
 * The bytes, wherever they are, are charged to a budget that all messages share; the file is unlinked from
 * the start, so nothing is left behind by a crash.
 *
 * Errors of spool_append(), in the domain of GIOError:
 *   G_IO_ERROR_BUSY       the shared budget is spent: try again later (452)
 *   G_IO_ERROR_NO_SPACE   the disk is full, or the quota on it, or the limit of file sizes
 *   others                what the system said
 * After an error the spool holds what it held before, and more may be appended.
 *
 * One thread at a time; several may read at once while nobody appends.
 */
#pragma once

#include <glib.h>
#include "base/quota.h"

typedef struct {
    gsize memory;         /* bytes that stay in memory; 0: none do */
    const char *temp_dir; /* NULL or "": g_get_tmp_dir() */
    Quota *budget;        /* shared, outlives the spool; NULL: none */
} SpoolSettings;

typedef struct Spool Spool;

Spool *spool_new(const SpoolSettings *settings);
void spool_free(Spool *spool); /* NULL is allowed; gives the budget back */

gboolean spool_append(Spool *spool, const void *bytes, gsize len, GError **error);
guint64 spool_len(const Spool *spool);
/* In memory or in the file: for tests and statistics. */
gboolean spool_is_file(const Spool *spool);

/* Up to `len` bytes from `offset`; fewer only at the end, 0 beyond it. -1: the file cannot be read. */
gssize spool_read(const Spool *spool, guint64 offset, void *buf, gsize len, GError **error);

/* Calls `each` with all bytes in order, in pieces that are valid during the call. FALSE: `each` returned
 * FALSE (having set the error if it likes), or the file cannot be read. */
typedef gboolean (*SpoolEach)(const void *bytes, gsize len, void *data, GError **error);
gboolean spool_foreach(const Spool *spool, SpoolEach each, void *data, GError **error);

/* Empties it for the next message; memory and file are given back. */
void spool_clear(Spool *spool);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Spool, spool_free)
