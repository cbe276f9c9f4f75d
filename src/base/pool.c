/* pool.c — see pool.h. Small blocks share chunks; foreign objects hang on a list, newest first. */
#include "base/pool.h"

#include <stddef.h>
#include <string.h>

/* One chunk holds what an ordinary session needs; a larger block gets a chunk of its own. */
#define POOL_CHUNK 2048u

/* With AddressSanitizer every block is an allocation of its own, so that running over its end is seen. */
#if defined(__SANITIZE_ADDRESS__)
#define POOL_SHARE FALSE
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_SHARE FALSE
#endif
#endif
#ifndef POOL_SHARE
#define POOL_SHARE TRUE
#endif

typedef struct Chunk Chunk;
struct Chunk {
    Chunk *next;
    gsize used, size;
    max_align_t bytes[];
};

typedef struct Owned Owned;
struct Owned {
    Owned *next;
    void *thing;
    GDestroyNotify free_thing;
};

struct Pool {
    Chunk *chunks; /* the first one is being filled */
    Owned *owned;
};

Pool *pool_new(void)
{
    return g_new0(Pool, 1);
}

void pool_clear(Pool *pool)
{
    /* A destructor may still look at strings of the pool, and may even add to it: objects go first, memory
     * last. */
    while (pool->owned != NULL) {
        Owned *owned = pool->owned;
        pool->owned = owned->next;
        owned->free_thing(owned->thing);
    }
    while (pool->chunks != NULL) {
        Chunk *chunk = pool->chunks;
        pool->chunks = chunk->next;
        g_free(chunk);
    }
}

void pool_free(Pool *pool)
{
    if (pool == NULL)
        return;
    pool_clear(pool);
    g_free(pool);
}

static Chunk *chunk_new(gsize size)
{
    g_assert(size <= G_MAXSIZE - sizeof(Chunk));
    Chunk *chunk = g_malloc0(sizeof(Chunk) + size);
    chunk->size = size;
    return chunk;
}

void *pool_alloc0(Pool *pool, gsize size)
{
    g_assert(size <= G_MAXSIZE / 2);
    gsize need = (MAX(size, 1) + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (POOL_SHARE && pool->chunks != NULL && pool->chunks->size - pool->chunks->used >= need) {
        void *block = (char *)pool->chunks->bytes + pool->chunks->used;
        pool->chunks->used += need;
        return block;
    }
    gboolean alone = !POOL_SHARE || need > POOL_CHUNK / 4;
    Chunk *chunk = chunk_new(!alone ? POOL_CHUNK : POOL_SHARE ? need : MAX(size, 1));
    chunk->used = alone ? chunk->size : need;
    if (alone && pool->chunks != NULL) { /* keep filling the one that has room */
        chunk->next = pool->chunks->next;
        pool->chunks->next = chunk;
    } else {
        chunk->next = pool->chunks;
        pool->chunks = chunk;
    }
    return chunk->bytes;
}

char *pool_strndup(Pool *pool, const char *text, gsize len)
{
    if (text == NULL)
        return NULL;
    gsize real = strnlen(text, len);
    char *copy = pool_alloc0(pool, real + 1);
    memcpy(copy, text, real);
    return copy;
}

char *pool_strdup(Pool *pool, const char *text)
{
    return text != NULL ? pool_strndup(pool, text, strlen(text)) : NULL;
}

char *pool_printf(Pool *pool, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = g_strdup_vprintf(format, args);
    va_end(args);
    return pool_own(pool, text, g_free);
}

void *pool_own(Pool *pool, void *thing, GDestroyNotify free_thing)
{
    g_assert(free_thing != NULL);
    Owned *owned = pool_alloc0(pool, sizeof(Owned));
    owned->thing = thing;
    owned->free_thing = free_thing;
    owned->next = pool->owned;
    pool->owned = owned;
    return thing;
}
