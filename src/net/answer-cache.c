#include "net/answer-cache.h"

#include <string.h>

/* What malloc and the hash table add to an entry and to a record, roughly: the byte limit is about memory,
 * not text. */
#define ENTRY_OVERHEAD  96
#define RECORD_OVERHEAD 32

typedef struct {
    DnsQuestion question; /* the key in the table; its name is `octets` */
    GList link;           /* data is the entry; the head of the queue is the most recently used */
    DnsAnswer *answer;
    gint64 expires;
    gsize size;
    guint8 octets[];
} Entry;

struct AnswerCache {
    GHashTable *entries; /* question → Entry */
    GQueue recent;
    gsize entries_max, bytes_max;
    gsize bytes;
};

guint dns_question_hash(gconstpointer question)
{
    return (guint)((const DnsQuestion *)question)->hash;
}

gboolean dns_question_equal(gconstpointer a, gconstpointer b)
{
    const DnsQuestion *x = a, *y = b;

    return x->hash == y->hash && x->type == y->type && x->len == y->len &&
           memcmp(x->name, y->name, x->len) == 0;
}

AnswerCache *answer_cache_new(gsize entries_max, gsize bytes_max)
{
    AnswerCache *cache = g_new0(AnswerCache, 1);

    cache->entries = g_hash_table_new(dns_question_hash, dns_question_equal);
    cache->entries_max = entries_max;
    cache->bytes_max = bytes_max;
    g_queue_init(&cache->recent);
    return cache;
}

void answer_cache_free(AnswerCache *cache)
{
    if (!cache)
        return;
    answer_cache_clear(cache);
    g_hash_table_unref(cache->entries);
    g_free(cache);
}

static gsize answer_size(const DnsQuestion *question, const DnsAnswer *answer)
{
    gsize size = sizeof(Entry) + ENTRY_OVERHEAD + question->len + sizeof *answer;

    for (guint i = 0; i < answer->n_records; i++) {
        const DnsRecord *record = &answer->records[i];
        size +=
            sizeof *record + RECORD_OVERHEAD + record->text_len + (record->name ? strlen(record->name) : 0);
    }
    return size;
}

static void drop(AnswerCache *cache, Entry *entry)
{
    g_hash_table_remove(cache->entries, &entry->question);
    g_queue_unlink(&cache->recent, &entry->link);
    cache->bytes -= entry->size;
    dns_answer_unref(entry->answer);
    g_free(entry);
}

DnsAnswer *answer_cache_get(AnswerCache *cache, const DnsQuestion *question, gint64 now)
{
    Entry *entry = g_hash_table_lookup(cache->entries, question);

    if (!entry)
        return NULL;
    if (entry->expires <= now) {
        drop(cache, entry);
        return NULL;
    }
    if (cache->recent.head != &entry->link) {
        g_queue_unlink(&cache->recent, &entry->link);
        g_queue_push_head_link(&cache->recent, &entry->link);
    }
    return entry->answer;
}

void answer_cache_put(AnswerCache *cache, const DnsQuestion *question, DnsAnswer *answer, gint64 expires)
{
    gsize size = answer_size(question, answer);
    Entry *entry = g_hash_table_lookup(cache->entries, question);

    if (entry)
        drop(cache, entry);
    if (size > cache->bytes_max || cache->entries_max == 0)
        return;
    while (cache->bytes > cache->bytes_max - size || cache->recent.length >= cache->entries_max)
        drop(cache, cache->recent.tail->data);

    entry = g_malloc0(sizeof *entry + question->len);
    memcpy(entry->octets, question->name, question->len);
    entry->question = *question;
    entry->question.name = entry->octets;
    entry->link.data = entry;
    entry->answer = dns_answer_ref(answer);
    entry->expires = expires;
    entry->size = size;
    g_hash_table_insert(cache->entries, &entry->question, entry);
    g_queue_push_head_link(&cache->recent, &entry->link);
    cache->bytes += size;
}

void answer_cache_clear(AnswerCache *cache)
{
    while (cache->recent.head)
        drop(cache, cache->recent.head->data);
}

gsize answer_cache_entries(const AnswerCache *cache)
{
    return cache->recent.length;
}

gsize answer_cache_bytes(const AnswerCache *cache)
{
    return cache->bytes;
}
