/*
 * pool.h — what lives as long as a session, a message or a recipient.
 *
 * A Pool owns strings, zeroed blocks and foreign objects, and frees all of them at once, last in first out.
 * One thread.
 */
#pragma once

#include <glib.h>

typedef struct Pool Pool;

Pool *pool_new(void);
void pool_free(Pool *pool); /* NULL is allowed */
/* Frees what the pool holds and keeps the pool. */
void pool_clear(Pool *pool);

void *pool_alloc0(Pool *pool, gsize size);
char *pool_strdup(Pool *pool, const char *text); /* NULL gives NULL */
char *pool_strndup(Pool *pool, const char *text, gsize len);
char *pool_printf(Pool *pool, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Frees `thing` with the pool. Returns `thing`. */
void *pool_own(Pool *pool, void *thing, GDestroyNotify free_thing);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pool, pool_free)
