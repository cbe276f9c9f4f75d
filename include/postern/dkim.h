/*
 * dkim.h — DomainKeys Identified Mail: verify, sign, keys (RFC 6376, 8301, 8463, 8616).
 *
 * Verifying. The header first, then the body as it streams in, then the keys:
 *
 *     DkimVerifier *verifier = dkim_verifier_new(header, body, now);   at the end of the header (dkim-canon.h)
 *     dkim_verifier_prefetch(verifier, resolver);                      all keys are on their way at once
 *     dkim_body_add(body, bytes, len); …  dkim_body_end(body);
 *     dkim_verifier_finish(verifier, resolver, deadline);
 *     for (guint i = 0; i < dkim_verifier_len(verifier); i++)
 *         const DkimResult *result = dkim_verifier_result(verifier, i);
 *
 * Signing. The message as it will leave, any number of signatures over one pass of the body:
 *
 *     dkim_body_want(body, signing.body_canon, DKIM_WHOLE_BODY);       before the body is added
 *     char *value = dkim_sign(&signing, header, body, &error);
 *
 * Header and body are borrowed, and must outlive the verifier. Pure: no clock (`now` is handed in), no I/O but the
 * resolver. One owner, no locks; but a DkimKey is counted and may be used by all threads at once, and so may a DkimKeyCache.
 *
 * Work is bounded: DKIM_SIGNATURES_MAX signatures, each over no more than the header once, one hash a canonical
 * form of the body, keys up to DKIM_RSA_BITS_MAX. A signature that is wrong is never a temporary error; only the
 * DNS is.
 */
#pragma once

#include <glib.h>
#include <postern/decls.h>
#include <postern/authres.h>
#include <postern/dkim-canon.h>
#include <postern/resolver.h>

POSTERN_BEGIN_DECLS

/* Signatures of one message that are verified, from the top; RFC 6376 §6.1 leaves it open. */
#define DKIM_SIGNATURES_MAX 10
#define DKIM_FIELD_MAX      65536      /* bytes of one signature field; no signer needs 4 KB */
#define DKIM_NAMES_MAX      1000       /* names in one h= */
#define DKIM_HEADER_MAX     (1u << 20) /* bytes of header fields that one signature is verified over */
#define DKIM_RSA_BITS_MIN   1024       /* RFC 8301 §3.2 */
#define DKIM_RSA_BITS_MAX   4096       /* more need not be verified (RFC 8301 §3.2), and costs too much */
#define DKIM_FUTURE_MAX     86400 /* seconds that t= may be ahead: clocks are wrong, time zones forgotten */
#define DKIM_HEADER_B_MIN   8     /* characters of b= that name a signature (RFC 6008 §4) */
#define DKIM_HEADER_B_MAX   64 /* and at most, though others begin with the same: a report has room for all */
#define DKIM_IDENTITY_MAX   320 /* bytes of an i= that is reported: no address is longer (RFC 5321 §4.5.3.1) */

/* RFC 8601 §2.7.1 */
#define DKIM_CODES(X)                                                                                        \
    X(DKIM_NONE, "none")                                                                                     \
    X(DKIM_PASS, "pass")                                                                                     \
    X(DKIM_FAIL, "fail")                                                                                     \
    X(DKIM_POLICY, "policy")                                                                                 \
    X(DKIM_NEUTRAL, "neutral")                                                                               \
    X(DKIM_TEMPERROR, "temperror")                                                                           \
    X(DKIM_PERMERROR, "permerror")

/* FAIL: the body or a signed field is not what was signed. POLICY: good or not, it is beyond a limit of ours.
 * PERMERROR: signature or key cannot be used. TEMPERROR: the key could not be looked up now. */
typedef enum {
#define X(code, word) code,
    DKIM_CODES(X)
#undef X
} DkimCode;
const char *dkim_code_name(int code);

/* RFC 6376 §3.3, RFC 8463 §3 */
#define DKIM_ALGORITHMS(X)                                                                                   \
    X(DKIM_RSA_SHA1, "rsa-sha1")                                                                             \
    X(DKIM_RSA_SHA256, "rsa-sha256")                                                                         \
    X(DKIM_ED25519_SHA256, "ed25519-sha256")

typedef enum {
#define X(algorithm, word) algorithm,
    DKIM_ALGORITHMS(X)
#undef X
        DKIM_N_ALGORITHMS
} DkimAlgorithm;
const char *dkim_algorithm_name(int algorithm);

/* ---- verifying ---- */

typedef struct {
    DkimCode code;
    const char *reason; /* one line of printable ASCII; NULL for a pass */

    /* What the signature says, in UTF-8; NULL where it does not, or where it is too broken to tell. */
    const char *domain;    /* d=, lower case, without final dot */
    const char *selector;  /* s= */
    const char *identity;  /* i=, or "@" and d= */
    const char *algorithm; /* a=, one of DKIM_ALGORITHMS */
    const char *header_b;  /* enough of b= to tell this signature from the others */
    gint64 timestamp;      /* t=, seconds; -1: none */
    gint64 expires;        /* x=; -1: none */
    DkimCanon header_canon, body_canon;

    gboolean limited;       /* it has l= */
    guint64 unsigned_bytes; /* of the canonical body, that anybody could have added; known after finish */
    gboolean from_signed;   /* h= names as many From fields as there are */
    guint from_oversigned;  /* and so many more, so that none can be added */

    guint key_bits;   /* 0: no key was found, or none that is one */
    gboolean testing; /* t=y in the key: the domain tries DKIM out; changes nothing (RFC 6376 §3.6.1) */
} DkimResult;

/* Public keys that were parsed before, by the text of their records. What a text says never changes, so nothing here goes
 * out of date: the DNS says which text it is now. Parsing a key, and what is computed from it when it is first used, is
 * nearly half of what verifying with it costs. For all threads; the key that was not asked for longest makes room. */
/* Of 3 KB each if they are of 2,048 bits; more signers than that bring one message each. */
#define DKIM_KEYS_MAX 1000
typedef struct DkimKeyCache DkimKeyCache;
DkimKeyCache *dkim_key_cache_new(void);
void dkim_key_cache_free(DkimKeyCache *cache); /* after all verifiers have finished; NULL is allowed */
typedef struct {
    guint keys;
    guint64 found, parsed; /* records that were asked for, so far */
} DkimKeyCacheStats;
DkimKeyCacheStats dkim_key_cache_stats(DkimKeyCache *cache);

typedef struct DkimVerifier DkimVerifier;
/* Reads the signatures and asks the body for the hashes that they need. */
DkimVerifier *dkim_verifier_new(const DkimHeader *header, DkimBody *body, gint64 now);
void dkim_verifier_free(DkimVerifier *verifier); /* NULL is allowed */
/* Before it finishes. Borrowed; NULL, as at first: every key is parsed. */
void dkim_verifier_use(DkimVerifier *verifier, DkimKeyCache *cache);
void dkim_verifier_prefetch(const DkimVerifier *verifier, Resolver *resolver);
/* Once, after dkim_body_end(). `deadline` as for dns_query(). */
void dkim_verifier_finish(DkimVerifier *verifier, Resolver *resolver, gint64 deadline);

guint dkim_verifier_len(const DkimVerifier *verifier);
/* From the top of the header. Borrowed; its code is right after dkim_verifier_finish(). */
const DkimResult *dkim_verifier_result(const DkimVerifier *verifier, guint index);
/* Signatures below the first DKIM_SIGNATURES_MAX, not looked at. */
guint dkim_verifier_ignored(const DkimVerifier *verifier);
/* The message in one word: pass if one passes, then what is most likely to become one. */
DkimCode dkim_verifier_code(const DkimVerifier *verifier);
/* A result each (RFC 8601 §2.7.1), "none" if there is no signature. What a signer can make long is left out or cut: the field
 * must be one that MTAs take, or he could hide what stands behind. */
void dkim_verifier_report(const DkimVerifier *verifier, AuthRes *ar);

/* A DKIM-Signature value names this field in h=: whoever adds one breaks the signature, even where there was none
 * (RFC 6376 §5.4.2). FALSE too for what is no tag list, which nobody will verify. */
gboolean dkim_signature_names(const char *value, gssize len, const char *field);

/* ---- keys ---- */

#define DKIM_ERROR (dkim_error_quark())
typedef enum {
    DKIM_ERROR_KEY,     /* no private key, or none that DKIM has a use for */
    DKIM_ERROR_MESSAGE, /* it cannot be signed so that anybody would accept it */
} DkimError;
GQuark dkim_error_quark(void);

typedef struct DkimKey DkimKey;
/* A private key in PEM, RSA or Ed25519, not encrypted. */
DkimKey *dkim_key_from_pem(const char *pem, gsize len, GError **error);
/* DKIM_RSA_SHA256 with so many bits, or DKIM_ED25519_SHA256. RSA takes a second or so. */
DkimKey *dkim_key_generate(DkimAlgorithm algorithm, guint bits, GError **error);
DkimKey *dkim_key_ref(DkimKey *key);
void dkim_key_unref(DkimKey *key); /* NULL is allowed */
DkimAlgorithm dkim_key_algorithm(const DkimKey *key);
guint dkim_key_bits(const DkimKey *key);
char *dkim_key_to_pem(const DkimKey *key);
/* What the domain publishes: "v=DKIM1; k=rsa; p=…" (RFC 6376 §3.6.1). */
char *dkim_key_record(const DkimKey *key);
/* Where it stands: SELECTOR._domainkey.DOMAIN, in A-labels (RFC 6376 §3.6.2.1, RFC 8616 §4). NULL with *error: that is no name. */
char *dkim_key_name(const char *domain, const char *selector, GError **error);
/* The record as a line of a zone file, in strings of at most 255 bytes: `NAME. TXT ( "…" )`. */
char *dkim_key_zone_line(const DkimKey *key, const char *name);

/* ---- signing ---- */

/* Fields that are signed unless others are named (RFC 6376 §5.4.1); NULL-terminated. */
extern const char *const dkim_default_fields[];

typedef struct {
    DkimKey *key;
    const char *domain, *selector;
    DkimCanon header_canon, body_canon;
    const char *identity; /* i=; NULL: not written */
    gint64 timestamp;     /* t=, seconds since 1970; 0: not written */
    gint64 expires;       /* x=; 0: never */
    /* Every instance of these that is there is signed. NULL: dkim_default_fields. From
     * must be among them. */
    const char *const *fields;
    /* Named once more than they are there, so that none can be added. NULL: From. */
    const char *const *oversign;
    /* Exactly this h=, instead of the two above. NULL: not. */
    const char *const *names;
} DkimSigning;

/* The value of a DKIM-Signature field, folded with "\n\t", as a milter inserts it: the one blank that the MTA puts
 * before it is signed too. The body must have been asked for body_canon without limit. Owned by the caller. NULL:
 * From would not be signed, or a name cannot stand in a signature. */
char *dkim_sign(const DkimSigning *signing, const DkimHeader *header, const DkimBody *body, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DkimVerifier, dkim_verifier_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DkimKey, dkim_key_unref)

POSTERN_END_DECLS
