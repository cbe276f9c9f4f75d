/* dkim-key-cache.c — public keys that were parsed before, by the text of their records. */
#include <pthread.h>
#include <string.h>

#include "dkim-internal.h"

#define TEXT_MAX 1024 /* bytes; a longer record is parsed each time. A key of 4,096 bits has 740 */

typedef struct {
    GList link; /* data is the entry */
    DkimRecord *record;
    Span text; /* what is behind the struct; of a wanted one, the caller's */
} Entry;

/* The texts are in a tree, not a hash table: strangers choose them, and could choose those that collide. */
struct DkimKeyCache {
    pthread_mutex_t lock; /* of all that follows; GMutex is hidden from ThreadSanitizer */
    GTree *entries;
    GQueue recent; /* the head was asked for last */
    guint64 found, parsed;
};

static gint compare_texts(gconstpointer a, gconstpointer b, gpointer data)
{
    Span x = ((const Entry *)a)->text, y = ((const Entry *)b)->text;
    return x.len != y.len ? (x.len < y.len ? -1 : 1) : memcmp(x.at, y.at, x.len);
}

static void free_entry(gpointer data)
{
    Entry *entry = data;
    dkim_record_unref(entry->record);
    g_free(entry);
}

DkimKeyCache *dkim_key_cache_new(void)
{
    DkimKeyCache *cache = g_new0(DkimKeyCache, 1);
    pthread_mutex_init(&cache->lock, NULL);
    cache->entries = g_tree_new_full(compare_texts, NULL, NULL, free_entry);
    return cache;
}

void dkim_key_cache_free(DkimKeyCache *cache)
{
    if (!cache)
        return;
    g_tree_unref(cache->entries);
    pthread_mutex_destroy(&cache->lock);
    g_free(cache);
}

DkimKeyCacheStats dkim_key_cache_stats(DkimKeyCache *cache)
{
    pthread_mutex_lock(&cache->lock);
    const DkimKeyCacheStats stats = {cache->recent.length, cache->found, cache->parsed};
    pthread_mutex_unlock(&cache->lock);
    return stats;
}

/* ---- under the lock ---- */

static Entry *find(DkimKeyCache *cache, Span text)
{
    const Entry wanted = {.text = text};
    return g_tree_lookup(cache->entries, &wanted);
}

static void drop_oldest(DkimKeyCache *cache)
{
    Entry *oldest = g_queue_pop_tail_link(&cache->recent)->data;
    g_tree_remove(cache->entries, oldest);
}

static void add(DkimKeyCache *cache, Span text, DkimRecord *record)
{
    Entry *entry = g_malloc(sizeof *entry + text.len);
    char *copy = memcpy(entry + 1, text.at, text.len);
    *entry = (Entry){.link = {.data = entry}, .record = dkim_record_ref(record), .text = {copy, text.len}};
    g_tree_insert(cache->entries, entry, entry);
    g_queue_push_head_link(&cache->recent, &entry->link);
}

/* ---- with it ---- */

/* NULL: it is not there. */
static DkimRecord *look_up(DkimKeyCache *cache, Span text)
{
    DkimRecord *record = NULL;
    pthread_mutex_lock(&cache->lock);
    Entry *entry = find(cache, text);
    if (entry) {
        g_queue_unlink(&cache->recent, &entry->link);
        g_queue_push_head_link(&cache->recent, &entry->link);
        record = dkim_record_ref(entry->record);
        cache->found++;
    } else {
        cache->parsed++;
    }
    pthread_mutex_unlock(&cache->lock);
    return record;
}

/* Another thread may have been faster. */
static void remember(DkimKeyCache *cache, Span text, DkimRecord *record)
{
    pthread_mutex_lock(&cache->lock);
    if (!find(cache, text)) {
        if (cache->recent.length == DKIM_KEYS_MAX)
            drop_oldest(cache);
        add(cache, text, record);
    }
    pthread_mutex_unlock(&cache->lock);
}

DkimRecord *dkim_key_cache_parse(DkimKeyCache *cache, const char *text, gsize len)
{
    if (!cache || len > TEXT_MAX)
        return dkim_record_parse(text, len);
    DkimRecord *record = look_up(cache, (Span){text, len});
    if (record)
        return record;
    record = dkim_record_parse(text, len); /* other threads need not wait for it */
    if (record->key)
        remember(cache, (Span){text, len}, record);
    return record;
}
