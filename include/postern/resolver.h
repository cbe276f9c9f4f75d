/*
 * resolver.h — how the engines ask the DNS.
 *
 * The library has no network of its own: whoever uses it hands in a Resolver. The daemon's is built on
 * libunbound (src/net/resolver.h), tests and `--zone` use the one that answers from text (zone.h).
 *
 * Threads: query and prefetch may be called from any thread at once. Answers are immutable and counted.
 */
#pragma once

#include <glib.h>
#include <postern/decls.h>
#include <postern/ip.h>

POSTERN_BEGIN_DECLS

/* RFC 1035 §3.2.2, RFC 3596; the values are those of the wire. */
typedef enum {
    DNS_A = 1,
    DNS_NS = 2,
    DNS_CNAME = 5,
    DNS_PTR = 12,
    DNS_MX = 15,
    DNS_TXT = 16,
    DNS_AAAA = 28,
} DnsType;

typedef enum {
    DNS_OK,        /* at least one record */
    DNS_NODATA,    /* the name exists, the type does not */
    DNS_NXDOMAIN,  /* the name does not exist */
    DNS_TEMPERROR, /* time-out, SERVFAIL, malformed answer, budget spent: ask again later */
} DnsStatus;

typedef struct {
    IpAddress ip;     /* A, AAAA */
    guint preference; /* MX */
    const char *name; /* MX, PTR, CNAME, NS: target, lower case, no final dot; "" is the root */
    const char *text; /* TXT: the character-strings joined without a separator; may hold any byte */
    gsize text_len;   /* in bytes; text[text_len] is NUL */
} DnsRecord;

typedef struct {
    DnsStatus status;
    gboolean secure; /* validated by DNSSEC */
    guint ttl;       /* seconds that the answer may be kept */
    const char *why; /* DNS_TEMPERROR: "timeout", "SERVFAIL", …; else NULL */
    guint n_records;
    const DnsRecord *records;
} DnsAnswer;

typedef struct Resolver Resolver;
struct Resolver {
    /* Blocks until the answer is there or `deadline` (g_get_monotonic_time(), µs; 0: the resolver's own
     * time-out alone) has passed. Follows CNAMEs. Never NULL; release with dns_answer_unref(). `name` is
     * presentation form, any case, with or without the final dot. */
    DnsAnswer *(*query)(Resolver *self, const char *name, DnsType type, gint64 deadline);
    /* A hint that the answer will be wanted soon. NULL where it would do nothing. */
    void (*prefetch)(Resolver *self, const char *name, DnsType type);
    void (*free)(Resolver *self);
};

DnsAnswer *dns_query(Resolver *resolver, const char *name, DnsType type, gint64 deadline);
void dns_prefetch(Resolver *resolver, const char *name, DnsType type);
void resolver_free(Resolver *resolver); /* NULL is allowed */

/* Answers are made once, by a resolver: start, add, then hand out. */
DnsAnswer *dns_answer_new(DnsStatus status, const char *why);
void dns_answer_add_ip(DnsAnswer *answer, const IpAddress *ip);
void dns_answer_add_name(DnsAnswer *answer, guint preference, const char *name);
void dns_answer_add_text(DnsAnswer *answer, const char *bytes, gsize len);
void dns_answer_set_ttl(DnsAnswer *answer, guint seconds);
void dns_answer_set_secure(DnsAnswer *answer, gboolean secure);
DnsAnswer *dns_answer_ref(DnsAnswer *answer);
void dns_answer_unref(DnsAnswer *answer); /* NULL is allowed */

const char *dns_type_name(DnsType type); /* "A", "TXT", … */
gboolean dns_type_parse(const char *word, DnsType *type);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DnsAnswer, dns_answer_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Resolver, resolver_free)

POSTERN_END_DECLS
