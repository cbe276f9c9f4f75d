/*
 * shard.h — a part of the resolver that has a lock of its own: the answers that are kept, and the questions that
 * are under way.
 *
 * Within src/net, for resolver.c, which decides what is asked and hands it to upstream. Unless it is said here, a
 * function is called with the shard's lock held. Life: shard_init(); shard_stop(), which lets everybody out and
 * nobody in; then, once upstream is gone, shard_clear(). Times are monotonic, in µs.
 */
#pragma once

#include <pthread.h>

#include "net/answer-cache.h"
#include "net/upstream.h"

/* What all shards have in common. */
typedef struct {
    gint64 timeout; /* of a question, µs */
    guint max_ttl;  /* s */
    /* atomic: */
    guint in_flight, prefetching; /* questions that are upstream's, and hints among them */
} Traffic;

typedef struct Shard Shard;

/*
 * A question under way. It is *open* (in shard->flights, whoever asks the same joins it) until it has an
 * answer, be that "timeout". It is *asked* from the moment it is upstream's until upstream answers, which may
 * be long after. Counted: one reference for being asked, one for each that waits. Under the shard's lock.
 */
typedef struct Flight Flight;
struct Flight {
    UpstreamQuestion upstream;
    DnsQuestion question; /* its name is `octets` */
    Shard *shard;
    GList link; /* in shard->all */
    pthread_cond_t done;
    DnsAnswer *answer; /* NULL: open */
    gint64 end;        /* when it is a timeout */
    guint refs;
    gboolean prefetch; /* began as a hint */
    /* To upstream; written under the read lock of `upstream_lock`, read under its write lock */
    gboolean handed;
    guint8 octets[];
};

struct Shard {
    pthread_mutex_t lock;
    Traffic *traffic;
    AnswerCache *cache;
    GHashTable *flights; /* question → open Flight */
    GQueue all;          /* flights, open or not */
    guint inside;        /* callers beyond the cache: free waits for them */
    pthread_cond_t empty;
    gboolean stopping;
    guint64 hits, misses, shared, timeouts, errors;
} __attribute__((aligned(64)));

/* Without the lock. `entries` and `bytes` are what its cache may hold. */
void shard_init(Shard *shard, Traffic *traffic, gsize entries, gsize bytes);
/* Takes the lock. Whoever waits is given DNS_TEMPERROR "stopped"; returns when all have left. */
void shard_stop(Shard *shard);
/* Without the lock, once upstream is gone. */
void shard_clear(Shard *shard);
/* The end of what `inside` counts. */
void shard_leave(Shard *shard);

/* Seconds that an answer is kept; needs no lock. */
guint shard_lifetime(const Shard *shard, const DnsAnswer *answer);
void shard_keep(Shard *shard, const DnsQuestion *question, DnsAnswer *answer, gint64 now);

/* A question that nobody has asked yet: open, with the reference for being asked. */
Flight *flight_new(Shard *shard, const DnsQuestion *question, gint64 now);
/* The open flight of a question, or NULL. One that nobody waited for, a hint, is over when its time is up, and its timeout
 * is in the cache as any other's: *kept is set to it (borrowed) as long as it counts. */
Flight *flight_find(Shard *shard, const DnsQuestion *question, gint64 now, DnsAnswer **kept);
/* The answer, owned; DNS_TEMPERROR if there is none at `deadline` (0: none). Gives the lock up meanwhile. */
DnsAnswer *flight_wait(Flight *flight, gint64 deadline);
/* Its answer has come: wakes all that wait. */
void flight_close(Flight *flight, DnsAnswer *answer);
/* It is not upstream's any more. */
void flight_back(Flight *flight);
void flight_unref(Flight *flight);

/* DNS_TEMPERROR as it is kept; needs no lock. */
DnsAnswer *temperror_new(const char *why);
