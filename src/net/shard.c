#include "net/shard.h"

#include <errno.h>
#include <string.h>

/* Seconds: long enough for the recipients of a message, short enough for a restarted server */
#define TEMPERROR_TTL 1
/* Seconds: RFC 2308 §5 allows hours, but a sender who mends his records is back sooner */
#define NEGATIVE_TTL_MAX 900

void shard_init(Shard *shard, Traffic *traffic, gsize entries, gsize bytes)
{
    shard->traffic = traffic;
    shard->cache = answer_cache_new(entries, bytes);
    shard->flights = g_hash_table_new(dns_question_hash, dns_question_equal);
    g_queue_init(&shard->all);
    pthread_mutex_init(&shard->lock, NULL);
    pthread_cond_init(&shard->empty, NULL);
}

guint shard_lifetime(const Shard *shard, const DnsAnswer *answer)
{
    guint max_ttl = shard->traffic->max_ttl;

    switch (answer->status) {
    case DNS_OK:
        return MIN(answer->ttl, max_ttl);
    case DNS_NODATA:
    case DNS_NXDOMAIN:
        return MIN(answer->ttl, MIN(max_ttl, NEGATIVE_TTL_MAX));
    case DNS_TEMPERROR:
        return TEMPERROR_TTL;
    }
    g_assert_not_reached();
}

void shard_keep(Shard *shard, const DnsQuestion *question, DnsAnswer *answer, gint64 now)
{
    guint seconds = shard_lifetime(shard, answer);

    if (seconds)
        answer_cache_put(shard->cache, question, answer, now + (gint64)seconds * G_USEC_PER_SEC);
}

Flight *flight_new(Shard *shard, const DnsQuestion *question, gint64 now)
{
    Flight *flight = g_malloc0(sizeof *flight + question->len);
    pthread_condattr_t monotonic;

    memcpy(flight->octets, question->name, question->len);
    flight->question = *question;
    flight->question.name = flight->octets;
    flight->shard = shard;
    flight->end = now + shard->traffic->timeout;
    flight->refs = 1; /* for being asked */
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&flight->done, &monotonic);
    pthread_condattr_destroy(&monotonic);
    flight->link.data = flight;
    g_queue_push_tail_link(&shard->all, &flight->link);
    g_hash_table_insert(shard->flights, &flight->question, flight);
    return flight;
}

void flight_unref(Flight *flight)
{
    if (--flight->refs)
        return;
    g_assert(flight->answer);
    g_queue_unlink(&flight->shard->all, &flight->link);
    pthread_cond_destroy(&flight->done);
    dns_answer_unref(flight->answer);
    g_free(flight);
}

void flight_back(Flight *flight)
{
    Traffic *traffic = flight->shard->traffic;

    __atomic_fetch_sub(&traffic->in_flight, 1, __ATOMIC_RELAXED);
    if (flight->prefetch)
        __atomic_fetch_sub(&traffic->prefetching, 1, __ATOMIC_RELAXED);
    flight_unref(flight);
}

void flight_close(Flight *flight, DnsAnswer *answer)
{
    g_assert(!flight->answer);
    flight->answer = dns_answer_ref(answer);
    g_hash_table_remove(flight->shard->flights, &flight->question);
    pthread_cond_broadcast(&flight->done);
}

DnsAnswer *temperror_new(const char *why)
{
    DnsAnswer *answer = dns_answer_new(DNS_TEMPERROR, why);

    dns_answer_set_ttl(answer, TEMPERROR_TTL);
    return answer;
}

static void flight_expire(Flight *flight)
{
    g_autoptr(DnsAnswer) answer = temperror_new("timeout");

    shard_keep(flight->shard, &flight->question, answer, flight->end);
    flight_close(flight, answer);
}

Flight *flight_find(Shard *shard, const DnsQuestion *question, gint64 now, DnsAnswer **kept)
{
    Flight *flight = g_hash_table_lookup(shard->flights, question);

    *kept = NULL;
    if (!flight || flight->end > now)
        return flight;
    flight_expire(flight);
    *kept = answer_cache_get(shard->cache, question, now);
    return NULL;
}

DnsAnswer *flight_wait(Flight *flight, gint64 deadline)
{
    gint64 until = deadline && deadline < flight->end ? deadline : flight->end;
    struct timespec at = {.tv_sec = until / G_USEC_PER_SEC, .tv_nsec = until % G_USEC_PER_SEC * 1000};

    while (!flight->answer) {
        if (pthread_cond_timedwait(&flight->done, &flight->shard->lock, &at) != ETIMEDOUT || flight->answer)
            continue;
        flight->shard->timeouts++;
        if (until < flight->end)
            return temperror_new("timeout"); /* for this caller alone */
        flight_expire(flight);
    }
    return dns_answer_ref(flight->answer);
}

void shard_leave(Shard *shard)
{
    if (--shard->inside == 0 && shard->stopping)
        pthread_cond_signal(&shard->empty);
}

void shard_stop(Shard *shard)
{
    g_autoptr(DnsAnswer) stopped = temperror_new("stopped");

    pthread_mutex_lock(&shard->lock);
    shard->stopping = TRUE;
    for (GList *l = shard->all.head; l; l = l->next) {
        Flight *flight = l->data;
        if (!flight->answer)
            flight_close(flight, stopped);
    }
    while (shard->inside)
        pthread_cond_wait(&shard->empty, &shard->lock);
    pthread_mutex_unlock(&shard->lock);
}

void shard_clear(Shard *shard)
{
    while (shard->all.head) /* upstream is gone, nobody waits: only the reference for being asked is left */
        flight_back(shard->all.head->data);
    g_hash_table_unref(shard->flights);
    answer_cache_free(shard->cache);
    pthread_cond_destroy(&shard->empty);
    pthread_mutex_destroy(&shard->lock);
}
