/*
 * resolver.h — the daemon's Resolver (include/postern/resolver.h is its contract): libunbound behind a cache
 * of answers.
 *
 * A question is looked up in the cache (under 1 µs), then among the questions that are under way (whoever
 * asks the same waits for the same answer), then asked. Answers are kept as long as their TTL says, within
 * bounds; "no such name" and "no such record" by the SOA's minimum (RFC 2308 §5); a temporary error for a
 * second, so that ten recipients of one message do not wait ten times. An answer that comes after everybody
 * gave up still goes to the cache.
 *
 * An answer from the cache says the TTL that it had when it came.
 *
 * Not asked at all: a name that cannot exist in the DNS (an empty label, one over 63 octets, a name over 255,
 * a broken escape) is DNS_NXDOMAIN; the root ("" or ".", what a null MX names) is DNS_NODATA, except for its
 * NS. Bytes that are not printable may stand in a name as they are or as \DDD; in answers they are \DDD.
 *
 * Why a DNS_TEMPERROR: "timeout" (the caller's deadline or the question's own time-out), "SERVFAIL" and other
 * response codes (also for a loop of CNAMEs and for servers that answer garbage or nothing, once libunbound
 * has given up), "malformed answer", "answer too large", "too many questions", "stopped".
 *
 * Life cycle: make it after the daemon has forked for the last time (it has threads), free it when no session
 * is left; callers that still wait are given DNS_TEMPERROR "stopped" and freeing waits for them to leave.
 * Threads: any, thousands.
 */
#pragma once

#include <glib.h>
#include <postern/resolver.h>

/* Zero or NULL is the default of each. */
typedef struct {
    /* {"system"} (default): the servers of /etc/resolv.conf; {"recursive"}: ask the Internet ourselves; else
     * addresses, "192.0.2.53", "2001:db8::53", "127.0.0.1@5353". */
    const char *const *servers;
    guint timeout_ms;  /* of a question, 5000 */
    guint max_ttl;     /* seconds that any answer is kept at most, 86400 */
    gsize cache_size;  /* answers that are kept, 100000 */
    gsize cache_bytes; /* memory that they may take, 64 MiB */
    guint questions;   /* that may be out at once, 4096; more are DNS_TEMPERROR at once */
} ResolverSettings;

typedef struct {
    guint64 hits;      /* answered from the cache */
    guint64 misses;    /* not */
    guint64 shared;    /* of the misses: joined a question that was under way */
    guint64 questions; /* asked upstream */
    guint64 timeouts;  /* callers that gave up */
    guint64 errors;    /* upstream answers that were DNS_TEMPERROR */
    guint64 dropped;   /* not asked, because too many were out */
    guint in_flight;   /* asked and not answered, those included for which nobody waits any more */
    gsize entries, bytes;
} ResolverStats;

Resolver *net_resolver_new(const ResolverSettings *settings, GError **error);
ResolverStats net_resolver_stats(Resolver *resolver);
/* Forgets all answers and what is known about servers, and reads /etc/resolv.conf again. Questions that are
 * under way are asked anew; their callers notice nothing. On failure the cache is empty and the servers are
 * the old. */
gboolean net_resolver_flush(Resolver *resolver, GError **error);
