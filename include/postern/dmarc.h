/*
 * dmarc.h — Domain-based Message Authentication, Reporting, and Conformance: RFC 9989, and RFC 7489 for comparison.
 *
 * Who is named in From must be vouched for: by SPF or DKIM, for a domain that is aligned with his. The domain's
 * record says what its owner wants of mail that is not.
 *
 *     g_autoptr(DmarcAuthors) authors = dmarc_authors_new();
 *     dmarc_authors_add(authors, from_value, -1);               once for each From field
 *     DmarcRequest request = {.resolver = dns, .deadline = …, .authors = authors,
 *                             .spf = {"example.org", DMARC_AUTH_PASS}, .n_dkim = n, .dkim = signatures};
 *     g_autoptr(DmarcResult) result = dmarc_check(&request);
 *
 * The result is a verdict and what the owner asks for, not what to do: a receiver MUST NOT reject for p=reject alone
 * (RFC 9989 §7.4), and temperror is his to judge.
 *
 * Pure: no globals, no clock, no chance (`sample` is handed in), no I/O but the resolver. Threads: any. Strings of a
 * request are borrowed for the call; results are the caller's, plain and open, and point into nothing else. What
 * strangers send is bounded by the limits below.
 */
#pragma once

#include <glib.h>
#include <postern/decls.h>
#include <postern/authres.h>
#include <postern/resolver.h>

POSTERN_BEGIN_DECLS

#define DMARC_WALK_MAX 8 /* queries of one tree walk (RFC 9989 §4.10) */
/* Of one check: the author's walk, and those of names below its organizational domain that passed. A signature after
 * that is taken for not aligned: only who signs with dozens of names of one domain meets it. */
#define DMARC_QUERIES_MAX 50
/* Reporting addresses kept of one list. RFC 7489 §6.2 wants at least two; more than this is no honest use. */
#define DMARC_URIS_MAX    32
#define DMARC_AUTHORS_MAX 32 /* different domains kept of the From fields; more than one ends the matter */

typedef enum { DMARC_RFC9989, DMARC_RFC7489 } DmarcStandard;
const char *dmarc_standard_name(int standard); /* "rfc9989", "rfc7489" */
gboolean dmarc_standard_parse(const char *word, DmarcStandard *ret);

/* RFC 8601 §2.7, as RFC 9989 §9.2 registers them for dmarc. */
#define DMARC_CODES(X)                                                                                       \
    X(DMARC_NONE, "none")                                                                                    \
    X(DMARC_PASS, "pass")                                                                                    \
    X(DMARC_FAIL, "fail")                                                                                    \
    X(DMARC_TEMPERROR, "temperror")                                                                          \
    X(DMARC_PERMERROR, "permerror")
/* NONE: no record, or none that asks for anything; or From names no domain. PERMERROR: From names several, is there twice,
 * or can be read in more than one way. TEMPERROR:
 * what would decide could not be asked. */
typedef enum {
#define X(code, word) code,
    DMARC_CODES(X)
#undef X
} DmarcCode;
const char *dmarc_code_name(int code);

/* In the order of their strength. */
#define DMARC_POLICIES(X)                                                                                    \
    X(DMARC_POLICY_NONE, "none")                                                                             \
    X(DMARC_POLICY_QUARANTINE, "quarantine")                                                                 \
    X(DMARC_POLICY_REJECT, "reject")
typedef enum {
#define X(code, word) code,
    DMARC_POLICIES(X)
#undef X
} DmarcPolicy;
const char *dmarc_policy_name(int policy);

/* --- the record (RFC 9989 §4.7, RFC 7489 §6.3) --- */

typedef enum { DMARC_PSD_UNKNOWN, DMARC_PSD_YES, DMARC_PSD_NO } DmarcPsd; /* psd=u, y, n */

/* fo=: when the owner wants failure reports. */
enum {
    DMARC_FO_ALL = 1 /* 0 */,
    DMARC_FO_ANY = 2 /* 1 */,
    DMARC_FO_DKIM = 4 /* d */,
    DMARC_FO_SPF = 8 /* s */
};

typedef struct {
    /* FALSE: the owner asks for nothing that can be understood, so DMARC does not apply (RFC 9989 §4.10.1). */
    gboolean usable;
    /* p is missing or invalid, or sp or np is invalid; there is an address for reports, so all three are "none". */
    gboolean repaired;
    DmarcPolicy p, sp, np;            /* sp is p where there is none, np is sp */
    gboolean has_sp, has_np;          /* they are in the record, and valid */
    gboolean strict_dkim, strict_spf; /* adkim=s, aspf=s */
    DmarcPsd psd;
    gboolean testing;  /* t=y */
    char **rua, **ruf; /* URIs as written, without the "!size" that RFC 9989 ignores; never NULL */
    guint fo;          /* DMARC_FO_…; means nothing without ruf */
    guint pct, ri;     /* RFC 7489 only: percent; seconds between reports */
} DmarcRecord;

/* NULL: this TXT record is none of DMARC's. What is wrong behind v= never makes it so: RFC 9989 §4.7 wants broken tags
 * ignored, §4.10.1 says what a broken policy means. Of a tag that comes twice the first counts. */
DmarcRecord *dmarc_record_parse(DmarcStandard standard, const char *text, gsize len);
void dmarc_record_free(DmarcRecord *record); /* NULL is allowed */

/* --- the author (RFC 9989 §5.3.1) --- */

typedef struct {
    guint n;
    char **domains; /* different ones, in order, A-labels in lower case; NULL-terminated */
    guint n_fields; /* From fields: RFC 5322 §3.6 allows one */
    /* Mailboxes without a domain that can have a record: none at all, a literal, no address */
    guint n_without;
    gboolean malformed; /* two readers may see two authors in it, or it passes a limit; see MailboxList */
    /* Another reader may see another domain: it is malformed and has more than one @; an address has a second @, or a source
     * route; a domain is there that cannot be one. */
    gboolean ambiguous;
} DmarcAuthors;

DmarcAuthors *dmarc_authors_new(void);
/* The value of one From field. `len` -1: NUL-terminated. */
void dmarc_authors_add(DmarcAuthors *authors, const char *value, gssize len);
/* A domain by itself. FALSE: no domain. */
gboolean dmarc_authors_add_domain(DmarcAuthors *authors, const char *domain);
/* The one domain that all readers see; borrowed. NULL: there is none, or not only one. Two fields are never one author, though
 * both are of one domain: its signature may be over the other one (RFC 6376 §8.15). */
const char *dmarc_authors_only(const DmarcAuthors *authors);
void dmarc_authors_free(DmarcAuthors *authors); /* NULL is allowed */

/* --- the check --- */

/* What SPF or DKIM said, as far as DMARC cares: everything but pass and temperror is the same. */
typedef enum { DMARC_AUTH_NO, DMARC_AUTH_PASS, DMARC_AUTH_TEMPERROR } DmarcAuth;
DmarcAuth dmarc_auth_of(const char *result); /* of a word of RFC 8601: "pass", "softfail", … */

typedef struct {
    const char *domain; /* any case, A- or U-labels; NULL: none */
    DmarcAuth auth;
} DmarcIdentity;

typedef struct {
    Resolver *resolver;
    gint64 deadline; /* g_get_monotonic_time(); 0: the resolver's own time-outs alone */
    DmarcStandard standard;
    const DmarcAuthors *authors;
    /* The MAIL FROM check alone (RFC 9989 §4.4.2): of a null sender that is postmaster@HELO. A HELO check made beside
     * it does not belong here. */
    DmarcIdentity spf;
    guint n_dkim;
    const DmarcIdentity *dkim; /* d= of each signature */
    guint sample; /* RFC 7489 pct: a number from 0 to 99, drawn by the caller; the policy applies below pct */
} DmarcRequest;

/* A query as it was sent. Names that were asked before are not asked again. */
typedef struct {
    const char *name;
    DnsType type;
    DnsStatus status;
    const char *of; /* the domain that it was asked for: the author's, or one that passed */
} DmarcQuery;

typedef struct {
    DmarcCode code;
    const char *reason; /* one line of printable ASCII */

    const char *author;        /* the author domain; NULL: not exactly one */
    const char *org_domain;    /* its organizational domain; NULL: not known */
    const char *policy_domain; /* whose record applies; NULL: none does, or none could be found */
    const char *text;          /* that record, printable; NULL with policy_domain */
    DmarcRecord *record;       /* the same, read */

    /* Which of its policies: "p", or "sp" and "np" where the record is not the author domain's own. NULL with
     * policy_domain. np needs the author domain not to exist; that is only asked where it makes a difference. */
    const char *tag;
    gboolean subdomain;      /* the record is another domain's */
    gboolean nonexistent;    /* the author domain is known not to exist (NXDOMAIN) */
    gboolean psd;            /* the record is a public suffix operator's, for a domain below it */
    DmarcPolicy policy;      /* published: what `tag` says */
    DmarcPolicy applied;     /* the same after t=y, or pct */
    DmarcPolicy disposition; /* asked for this message: `applied` if code is FAIL, else none */

    gboolean spf_aligned; /* SPF passed for an aligned domain */
    gint dkim_aligned;    /* the first signature that did: its index in the request; -1: none */

    guint n_queries;
    const DmarcQuery *queries; /* in order */
} DmarcResult;

/* Never NULL. */
DmarcResult *dmarc_check(const DmarcRequest *request);
void dmarc_result_free(DmarcResult *result); /* NULL is allowed */

/* The organizational domain of `domain` by itself, as reports need it (RFC 9990 §4). NULL: it could not be asked, or
 * that is no domain. Owned by the caller. */
char *dmarc_org_domain(Resolver *resolver, gint64 deadline, DmarcStandard standard, const char *domain);

/* Adds dmarc=… with header.from= (the author domain) and policy.dmarc= (`applied`, where there is a record; RFC 7489
 * §11.1). Borrowed from `ar`. */
AuthResResult *dmarc_authres(AuthRes *ar, const DmarcResult *result);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DmarcRecord, dmarc_record_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DmarcAuthors, dmarc_authors_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DmarcResult, dmarc_result_free)

POSTERN_END_DECLS
