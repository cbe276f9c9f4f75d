/*
 * answer-cache.h — DNS answers by question, each until its time is up, the least recently used leaving first
 * when there is no room.
 *
 * Bounded by entries and by bytes (names, records, our own bookkeeping). Threads: one at a time; the resolver
 * has many of these, each under a lock of its own.
 */
#pragma once

#include <glib.h>
#include "net/dns-wire.h"

/* A question as a key: the hash is computed once, by the caller, with a secret seed, so that no stranger can
 * choose names that collide. */
typedef struct {
    guint64 hash;
    DnsType type;
    const guint8 *name; /* wire form, lower case */
    guint len;
} DnsQuestion;

guint dns_question_hash(gconstpointer question);
gboolean dns_question_equal(gconstpointer a, gconstpointer b);

typedef struct AnswerCache AnswerCache;

AnswerCache *answer_cache_new(gsize entries_max, gsize bytes_max);
void answer_cache_free(AnswerCache *cache); /* NULL is allowed */

/* Times are g_get_monotonic_time(). Borrowed, or NULL. */
DnsAnswer *answer_cache_get(AnswerCache *cache, const DnsQuestion *question, gint64 now);
/* Replaces what is there. An answer that alone is over the bounds is not kept. */
void answer_cache_put(AnswerCache *cache, const DnsQuestion *question, DnsAnswer *answer, gint64 expires);
void answer_cache_clear(AnswerCache *cache);
gsize answer_cache_entries(const AnswerCache *cache);
gsize answer_cache_bytes(const AnswerCache *cache);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AnswerCache, answer_cache_free)
