/*
 * arc.h — Authenticated Received Chain (RFC 8617): what earlier hops say they saw, each sealed by its domain.
 *
 * Validating goes beside DKIM, over the same header and body (dkim-canon.h):
 *
 *     ArcVerifier *arc = arc_verifier_new(header, body, now);          at the end of the header
 *     arc_verifier_prefetch(arc, resolver);
 *     dkim_body_add(body, …); dkim_body_end(body);
 *     arc_verifier_finish(arc, resolver, deadline);
 *     arc_verifier_result(arc)->status
 *
 * Sealing, over the message as it will leave:
 *
 *     dkim_body_want(body, sealing.body_canon, DKIM_WHOLE_BODY);       before the body is added
 *     g_autoptr(ArcSet) set = arc_seal(&sealing, header, body, &error);
 *
 * A chain that passes says only that the sealers named in it wrote what is there. It is worth what the reader
 * thinks of each of them.
 *
 * Pure. Header and body are borrowed and must outlive the verifier. One owner, no locks. Work is bounded:
 * ARC_INSTANCES_MAX sets, each seal over the fields before it by a running hash, each message signature as in
 * dkim.h; nothing is hashed or looked up for a chain whose structure is wrong.
 */
#pragma once

#include <postern/decls.h>
#include <postern/dkim.h>

POSTERN_BEGIN_DECLS

#define ARC_INSTANCES_MAX 50 /* RFC 8617 §4.2.1 */

/* RFC 8617 §4.4 */
#define ARC_STATUSES(X)                                                                                      \
    X(ARC_NONE, "none")                                                                                      \
    X(ARC_PASS, "pass")                                                                                      \
    X(ARC_FAIL, "fail")

typedef enum {
#define X(status, word) status,
    ARC_STATUSES(X)
#undef X
        ARC_N_STATUSES
} ArcStatus;
const char *arc_status_name(int status);
gboolean arc_status_parse(const char *word, ArcStatus *ret);

/* ---- validating ---- */

/* One hop, as it says itself: believe it if the chain passes, and you trust `domain`. */
typedef struct {
    guint instance;                /* 1 is the oldest */
    const char *domain, *selector; /* of the ARC-Seal; NULL: it is broken */
    const char *signer;            /* d= of the ARC-Message-Signature; NULL: it is broken */
    const char *authres; /* ARC-Authentication-Results after "i=1;", for authres_parse(); unfolded */
} ArcHop;

typedef struct {
    ArcStatus status;
    const char *reason; /* FAIL: one line of printable ASCII; else NULL */
    /* FAIL because a key could not be looked up now; no less a failure (RFC 8617 §5.2.1). */
    gboolean temporary;
    gboolean at_end; /* no set may be added: the newest seal says fail, or there are ARC_INSTANCES_MAX */
    /* PASS: the oldest instance whose message signature, and all after it, still fit; 0: all do (RFC 8617 §5.2). */
    guint oldest_pass;
    /* PASS: the newest message signature is over every From and all of the body. Else others may have changed what the newest
     * sealer has seen, and the chain passes all the same: RFC 8617 §4.1.2 allows l=, and asks for no field. */
    gboolean whole;
    guint n_hops; /* 0 where the structure is wrong */
    const ArcHop *hops;
} ArcResult;

typedef struct ArcVerifier ArcVerifier;
ArcVerifier *arc_verifier_new(const DkimHeader *header, DkimBody *body, gint64 now);
void arc_verifier_free(ArcVerifier *verifier); /* NULL is allowed */
/* As dkim_verifier_use(). */
void arc_verifier_use(ArcVerifier *verifier, DkimKeyCache *cache);
void arc_verifier_prefetch(const ArcVerifier *verifier, Resolver *resolver);
/* Once, after dkim_body_end(). */
void arc_verifier_finish(ArcVerifier *verifier, Resolver *resolver, gint64 deadline);
/* Borrowed. Before arc_verifier_finish() a status of NONE and FAIL is final, PASS is not. */
const ArcResult *arc_verifier_result(const ArcVerifier *verifier);
/* Adds "arc=pass" and so on (RFC 8617 §10.2). */
void arc_verifier_report(const ArcVerifier *verifier, AuthRes *ar);

/* ---- sealing ---- */

typedef struct {
    DkimKey *key;
    const char *domain, *selector;
    gint64 timestamp;                   /* t=, seconds since 1970 */
    ArcStatus status;                   /* of the chain as it was received */
    const char *authres;                /* our results, as authres_to_string() makes them */
    DkimCanon header_canon, body_canon; /* of the message signature */
    /* As in DkimSigning. NULL: dkim_default_fields and DKIM-Signature. */
    const char *const *fields, *const *oversign, *const *names;
    /* Tags by the alphabet, on one line: so that signatures can be compared byte by byte. */
    gboolean sorted;
} ArcSealing;

/* Values as a milter inserts them, without the blank after the colon. Insert `authres` first and `seal` last, so
 * that it is topmost. */
typedef struct {
    guint instance;
    char *authres;           /* ARC-Authentication-Results */
    char *message_signature; /* ARC-Message-Signature */
    char *seal;              /* ARC-Seal */
} ArcSet;

/* NULL with *error: the chain is at its end or (status PASS) its structure is wrong, or a name cannot be written. A
 * chain that failed is sealed with cv=fail, over the new set alone (RFC 8617 §5.1.2). */
ArcSet *arc_seal(const ArcSealing *sealing, const DkimHeader *header, const DkimBody *body, GError **error);
void arc_set_free(ArcSet *set); /* NULL is allowed */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ArcVerifier, arc_verifier_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ArcSet, arc_set_free)

POSTERN_END_DECLS
