/*
 * dmarc-internal.h — how the DMARC engine is cut.
 *
 *   dmarc-record.c   a record's text as values
 *   dmarc-author.c   the domains of From
 *   dmarc-walk.c     questions to the DNS, remembered for one check; the tree walk; organizational domains
 *   dmarc.c          which policy applies, who is aligned, the verdict
 */
#pragma once

#include <postern/dmarc.h>

/* --- dmarc-author.c --- */

/* A domain as it is compared and asked for: A-labels in lower case, no final dot. NULL: none, or it has bytes that no
 * mail domain has. Owned by the caller. */
char *dmarc_domain(const char *text);

/* --- dmarc-walk.c --- */

#define DMARC_NAME_MAX 253u /* of what can be asked for: 255 bytes on the wire (RFC 1035 §2.3.4) */

/* What is published at _dmarc below one name. */
typedef struct {
    DnsStatus status;
    char *why;           /* DNS_TEMPERROR: in words; else NULL */
    guint n;             /* DMARC records there: more than one are all discarded */
    DmarcRecord *record; /* the one; else NULL */
    char *text;          /* the same, printable */
} DmarcAnswer;

/* One check's memory. */
typedef struct {
    Resolver *resolver;
    gint64 deadline;
    DmarcStandard standard;
    GHashTable *answers; /* domain → DmarcAnswer */
    GArray *queries;     /* of DmarcQuery */
    gboolean exhausted;  /* a question was not asked because of DMARC_QUERIES_MAX */
} DmarcAsker;

void dmarc_asker_init(DmarcAsker *asker, Resolver *resolver, gint64 deadline, DmarcStandard standard);
void dmarc_asker_clear(DmarcAsker *asker);
/* Borrowed from the asker. NULL: too many queries. `of` is what for: see DmarcQuery. */
const DmarcAnswer *dmarc_ask(DmarcAsker *asker, const char *domain, const char *of);
/* The record at a domain that was asked for, and its text: the caller's from now on. */
DmarcRecord *dmarc_take_record(DmarcAsker *asker, const char *domain, char **text);
/* Any other question. NULL: too many. */
DnsAnswer *dmarc_ask_dns(DmarcAsker *asker, const char *name, DnsType type, const char *of);

/* Names are suffixes of the domain that the walk was made for, and are borrowed from it. */
typedef struct {
    guint n;
    const char *names[DMARC_WALK_MAX];
    const DmarcAnswer *found[DMARC_WALK_MAX]; /* n of each */
    const char *org;                          /* the organizational domain; NULL: unknown */
    char *error;                              /* why; NULL: none, or too many queries. The caller's */
} DmarcWalk;

void dmarc_walk(DmarcAsker *asker, const char *domain, DmarcWalk *walk);
/* The answer at `name`, if the walk has been there. */
const DmarcAnswer *dmarc_walk_at(const DmarcWalk *walk, const char *name);

/* By the standard of the asker: where the organizational domain begins in `domain`. NULL: unknown; `error` says why
 * (owned by the caller), or is NULL: too many queries. */
const char *dmarc_org(DmarcAsker *asker, const char *domain, char **error);
/* RFC 7489 §3.2. */
const char *dmarc_org_by_suffix(const char *domain);
