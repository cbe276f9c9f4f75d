#include "net/resolver.h"

#include <pthread.h>
#include <string.h>

#include "base/random.h"
#include "net/dns-wire.h"
#include "net/shard.h"

#define SHARDS       32   /* locks; far more than cores */
#define PREFETCH_MAX 1024 /* hints under way; more are forgotten, they would only delay real questions */

#define DEFAULT_TIMEOUT_MS  5000
#define DEFAULT_MAX_TTL     86400
#define DEFAULT_CACHE_SIZE  100000
#define DEFAULT_CACHE_BYTES (64 << 20)
#define DEFAULT_QUESTIONS   4096

typedef struct {
    Resolver base;
    Shard shards[SHARDS];
    pthread_rwlock_t upstream_lock; /* taken before a shard's, never after */
    Upstream *upstream;
    char **servers;
    guint64 seed;
    guint questions_max;
    Traffic traffic;
    guint64 asked, dropped; /* atomic */
} NetResolver;

static inline guint64 fold(guint64 a, guint64 b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (guint64)product ^ (guint64)(product >> 64);
}

/* A keyed multiply-and-fold hash, eight octets a step. */
static guint64 hash_name(guint64 seed, DnsType type, const guint8 *octets, guint len)
{
    guint64 hash = fold(seed ^ len, 0x9e3779b97f4a7c15u ^ type);

    for (; len;) {
        guint64 word = 0;
        guint n = MIN(len, 8);
        memcpy(&word, octets, n);
        hash = fold(hash ^ word, 0xa0761d6478bd642fu ^ seed);
        octets += n;
        len -= n;
    }
    return hash;
}

static Shard *find(NetResolver *r, const DnsWireName *name, DnsType type, DnsQuestion *question)
{
    guint64 hash = hash_name(r->seed, type, name->octets, name->len);

    *question = (DnsQuestion){.hash = hash, .type = type, .name = name->octets, .len = name->len};
    return &r->shards[(hash >> 40) % SHARDS];
}

/* Takes one of `*count`'s places. */
static gboolean reserve(guint *count, guint max)
{
    if (__atomic_fetch_add(count, 1, __ATOMIC_RELAXED) < max)
        return TRUE;
    __atomic_fetch_sub(count, 1, __ATOMIC_RELAXED);
    return FALSE;
}

/* Upstream's thread: an answer. */
static void flight_answered(UpstreamQuestion *question, DnsAnswer *answer)
{
    Flight *flight = (Flight *)question;
    Shard *shard = flight->shard;

    dns_answer_set_ttl(answer,
                       shard_lifetime(shard, answer)); /* whoever keeps it keeps it as long as we do */
    pthread_mutex_lock(&shard->lock);
    shard->errors += answer->status == DNS_TEMPERROR;
    if (!flight->answer || answer->status != DNS_TEMPERROR)
        shard_keep(shard, &flight->question, answer, g_get_monotonic_time());
    if (!flight->answer)
        flight_close(flight, answer);
    flight_back(flight);
    pthread_mutex_unlock(&shard->lock);
}

/* With `upstream_lock` held. */
static const char *flight_ask(NetResolver *r, Flight *flight)
{
    char name[DNS_NAME_TEXT_MAX];
    gboolean ok = dns_wire_name_text(flight->octets, flight->question.len, name, NULL);

    g_assert(ok);
    __atomic_fetch_add(&r->asked, 1, __ATOMIC_RELAXED);
    return upstream_ask(r->upstream, name, flight->question.type, &flight->upstream);
}

/* Gives a new flight to upstream. The shard's lock is not held, so that its other questions go on meanwhile. */
static void flight_send(NetResolver *r, Flight *flight)
{
    pthread_rwlock_rdlock(&r->upstream_lock);
    flight->handed = TRUE; /* before it is asked: its answer may come, and free it, at once */
    const char *why = flight_ask(r, flight);
    pthread_rwlock_unlock(&r->upstream_lock);
    if (why) {
        g_autoptr(DnsAnswer) answer = dns_answer_new(DNS_TEMPERROR, why);
        flight_answered(&flight->upstream, answer);
    }
}

/* With the shard's lock held, which is given up for a while. The answer, owned. */
static DnsAnswer *ask(NetResolver *r, Shard *shard, const DnsQuestion *question, gint64 now, gint64 deadline)
{
    DnsAnswer *kept;
    Flight *flight = flight_find(shard, question, now, &kept);
    gboolean fresh = !flight;

    if (kept)
        return dns_answer_ref(kept);
    if (fresh && !reserve(&r->traffic.in_flight, r->questions_max)) {
        __atomic_fetch_add(&r->dropped, 1, __ATOMIC_RELAXED);
        return temperror_new("too many questions");
    }
    shard->shared += !fresh;
    if (fresh)
        flight = flight_new(shard, question, now);
    flight->refs++;
    if (fresh) {
        pthread_mutex_unlock(&shard->lock);
        flight_send(r, flight);
        pthread_mutex_lock(&shard->lock);
    }
    DnsAnswer *answer = flight_wait(flight, deadline);
    flight_unref(flight);
    return answer;
}

static DnsAnswer *net_query(Resolver *self, const char *text, DnsType type, gint64 deadline)
{
    NetResolver *r = (NetResolver *)self;
    DnsWireName name;
    DnsQuestion question;

    if (!dns_wire_name(text, &name))
        return dns_answer_new(DNS_NXDOMAIN, NULL);
    if (name.len == 1 && type != DNS_NS)
        return dns_answer_new(DNS_NODATA, NULL);

    Shard *shard = find(r, &name, type, &question);
    gint64 now = g_get_monotonic_time();
    pthread_mutex_lock(&shard->lock);
    DnsAnswer *answer = answer_cache_get(shard->cache, &question, now);
    if (answer) {
        dns_answer_ref(answer);
        shard->hits++;
    } else {
        shard->misses++;
        shard->inside++;
        if (shard->stopping)
            answer = temperror_new("stopped");
        else if (deadline && deadline <= now)
            answer = temperror_new("timeout");
        else
            answer = ask(r, shard, &question, now, deadline);
        shard_leave(shard);
    }
    pthread_mutex_unlock(&shard->lock);
    return answer;
}

static void net_prefetch(Resolver *self, const char *text, DnsType type)
{
    NetResolver *r = (NetResolver *)self;
    DnsWireName name;
    DnsQuestion question;
    DnsAnswer *kept;

    if (!dns_wire_name(text, &name) || name.len == 1)
        return;
    Shard *shard = find(r, &name, type, &question);
    gint64 now = g_get_monotonic_time();
    pthread_mutex_lock(&shard->lock);
    if (!shard->stopping && !answer_cache_get(shard->cache, &question, now) &&
        !flight_find(shard, &question, now, &kept) && !kept &&
        reserve(&r->traffic.prefetching, MIN(PREFETCH_MAX, r->questions_max / 2))) {
        if (reserve(&r->traffic.in_flight, r->questions_max)) {
            Flight *flight = flight_new(shard, &question, now);
            flight->prefetch = TRUE;
            shard->inside++;
            pthread_mutex_unlock(&shard->lock);
            flight_send(r, flight);
            pthread_mutex_lock(&shard->lock);
            shard_leave(shard);
        } else {
            __atomic_fetch_sub(&r->traffic.prefetching, 1, __ATOMIC_RELAXED);
        }
    }
    pthread_mutex_unlock(&shard->lock);
}

static void net_free(Resolver *self)
{
    NetResolver *r = (NetResolver *)self;

    for (guint i = 0; i < SHARDS; i++)
        shard_stop(&r->shards[i]);
    upstream_free(r->upstream);
    for (guint i = 0; i < SHARDS; i++)
        shard_clear(&r->shards[i]);
    pthread_rwlock_destroy(&r->upstream_lock);
    g_strfreev(r->servers);
    free(r);
}

Resolver *net_resolver_new(const ResolverSettings *s, GError **error)
{
    gsize entries = s->cache_size ? s->cache_size : DEFAULT_CACHE_SIZE;
    gsize bytes = s->cache_bytes ? s->cache_bytes : DEFAULT_CACHE_BYTES;
    Upstream *upstream = upstream_new(s->servers, flight_answered, error);
    if (!upstream)
        return NULL;

    NetResolver *r = aligned_alloc(_Alignof(NetResolver), sizeof *r); /* g_new() knows no alignment */
    g_assert(r);
    memset(r, 0, sizeof *r);
    r->base = (Resolver){.query = net_query, .prefetch = net_prefetch, .free = net_free};
    r->upstream = upstream;
    r->servers = g_strdupv((char **)s->servers);
    r->traffic.timeout = (s->timeout_ms ? s->timeout_ms : DEFAULT_TIMEOUT_MS) * G_TIME_SPAN_MILLISECOND;
    r->traffic.max_ttl = s->max_ttl ? s->max_ttl : DEFAULT_MAX_TTL;
    r->questions_max = s->questions ? s->questions : DEFAULT_QUESTIONS;
    r->seed = random_u64(&random_system);
    pthread_rwlock_init(&r->upstream_lock, NULL);
    for (guint i = 0; i < SHARDS; i++)
        shard_init(&r->shards[i], &r->traffic, MAX(1, entries / SHARDS), bytes / SHARDS);
    return &r->base;
}

ResolverStats net_resolver_stats(Resolver *resolver)
{
    NetResolver *r = (NetResolver *)resolver;
    ResolverStats stats = {
        .questions = __atomic_load_n(&r->asked, __ATOMIC_RELAXED),
        .dropped = __atomic_load_n(&r->dropped, __ATOMIC_RELAXED),
        .in_flight = __atomic_load_n(&r->traffic.in_flight, __ATOMIC_RELAXED),
    };

    for (guint i = 0; i < SHARDS; i++) {
        Shard *shard = &r->shards[i];
        pthread_mutex_lock(&shard->lock);
        stats.hits += shard->hits;
        stats.misses += shard->misses;
        stats.shared += shard->shared;
        stats.timeouts += shard->timeouts;
        stats.errors += shard->errors;
        stats.entries += answer_cache_entries(shard->cache);
        stats.bytes += answer_cache_bytes(shard->cache);
        pthread_mutex_unlock(&shard->lock);
    }
    return stats;
}

/* The upstream that had these questions is gone. With `upstream_lock` held for writing. */
static void shard_ask_again(NetResolver *r, Shard *shard)
{
    pthread_mutex_lock(&shard->lock);
    for (GList *l = shard->all.head, *next; l; l = next) {
        Flight *flight = l->data;
        next = l->next;
        if (!flight->handed) /* whoever began it is about to ask the new upstream */
            continue;
        const char *why = flight->answer ? "nobody waits" : flight_ask(r, flight);
        if (!why)
            continue;
        if (!flight->answer) {
            g_autoptr(DnsAnswer) answer = temperror_new(why);
            flight_close(flight, answer);
        }
        flight_back(flight);
    }
    pthread_mutex_unlock(&shard->lock);
}

gboolean net_resolver_flush(Resolver *resolver, GError **error)
{
    NetResolver *r = (NetResolver *)resolver;
    Upstream *upstream = upstream_new((const char *const *)r->servers, flight_answered, error);

    if (upstream) {
        pthread_rwlock_wrlock(&r->upstream_lock);
        upstream_free(r->upstream);
        r->upstream = upstream;
        for (guint i = 0; i < SHARDS; i++)
            shard_ask_again(r, &r->shards[i]);
        pthread_rwlock_unlock(&r->upstream_lock);
    }
    for (guint i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&r->shards[i].lock);
        answer_cache_clear(r->shards[i].cache);
        pthread_mutex_unlock(&r->shards[i].lock);
    }
    return upstream != NULL;
}
