/* arc-verify.c — is the chain what its sealers made (RFC 8617 §5.2)? */
#include <postern/header.h>

#include "arc-internal.h"

struct ArcVerifier {
    const DkimHeader *header;
    const DkimBody *body;
    DkimRecords records;
    ArcChain chain;
    ArcResult result;
    ArcHop *hops;
    char *reason;
    gboolean finished;
};

static void fill_hops(ArcVerifier *verifier)
{
    const ArcChain *chain = &verifier->chain;
    verifier->hops = g_new0(ArcHop, chain->n);
    for (guint i = 0; i < chain->n; i++) {
        const ArcLink *link = &chain->links[i];
        verifier->hops[i] = (ArcHop){
            .instance = i + 1,
            .domain = link->seal.tags.domain,
            .selector = link->seal.tags.selector,
            .signer = link->message.tags.domain,
            .authres = header_unfold(link->results.at, (gssize)link->results.len),
        };
    }
    verifier->result.hops = verifier->hops;
    verifier->result.n_hops = chain->n;
}

ArcVerifier *arc_verifier_new(const DkimHeader *header, DkimBody *body, gint64 now)
{
    ArcVerifier *verifier = g_new0(ArcVerifier, 1);
    ArcChain *chain = &verifier->chain;
    verifier->header = header;
    verifier->body = body;
    dkim_records_init(&verifier->records);
    arc_chain_read(chain, header, now);
    verifier->result.status = chain->wrong ? ARC_FAIL : chain->n ? ARC_PASS : ARC_NONE;
    verifier->result.reason = chain->wrong;
    verifier->result.at_end = chain->at_end;
    if (verifier->result.status != ARC_PASS)
        return verifier;
    fill_hops(verifier);
    for (guint i = 0; i < chain->n; i++)
        dkim_signature_want(&chain->links[i].message, body);
    return verifier;
}

void arc_verifier_free(ArcVerifier *verifier)
{
    if (!verifier)
        return;
    for (guint i = 0; i < verifier->result.n_hops; i++)
        g_free((char *)verifier->hops[i].authres);
    g_free(verifier->hops);
    g_free(verifier->reason);
    dkim_records_clear(&verifier->records);
    arc_chain_clear(&verifier->chain);
    g_free(verifier);
}

static void prefetch(const DkimSignature *signature, Resolver *resolver)
{
    if (!signature->wrong)
        dns_prefetch(resolver, signature->tags.query, DNS_TXT);
}

void arc_verifier_use(ArcVerifier *verifier, DkimKeyCache *cache)
{
    verifier->records.cache = cache;
}

void arc_verifier_prefetch(const ArcVerifier *verifier, Resolver *resolver)
{
    for (guint i = 0; verifier->result.status == ARC_PASS && i < verifier->chain.n; i++) {
        prefetch(&verifier->chain.links[i].message, resolver);
        prefetch(&verifier->chain.links[i].seal, resolver);
    }
}

static void set_failed(ArcVerifier *verifier, const char *what, guint instance, DkimCode code,
                       const char *reason)
{
    verifier->reason = g_strdup_printf("%s %u: %s", what, instance, reason);
    verifier->result.reason = verifier->reason;
    verifier->result.status = ARC_FAIL;
    verifier->result.temporary = code == DKIM_TEMPERROR;
}

static DkimCode check_message(ArcVerifier *verifier, guint instance, Resolver *resolver, gint64 deadline,
                              const char **reason)
{
    const DkimSignature *message = &verifier->chain.links[instance - 1].message;
    if (message->wrong) {
        *reason = message->wrong;
        return DKIM_PERMERROR;
    }
    const DkimRecord *record = dkim_records_get(&verifier->records, message->tags.query, resolver, deadline);
    return dkim_signature_check(message, verifier->header, verifier->body, record, reason);
}

/* Step 4: only the newest must fit; those that handled the message later may have changed it. */
static gboolean check_newest(ArcVerifier *verifier, Resolver *resolver, gint64 deadline)
{
    const char *reason = NULL;
    DkimCode code = check_message(verifier, verifier->chain.n, resolver, deadline, &reason);
    if (code != DKIM_PASS) {
        set_failed(verifier, "ARC-Message-Signature", verifier->chain.n, code, reason);
        return FALSE;
    }
    verifier->result.whole = dkim_signature_is_whole(&verifier->chain.links[verifier->chain.n - 1].message,
                                                     verifier->header, verifier->body);
    return TRUE;
}

/* Step 6. A seal covers all that is before it, so the hash runs on from one to the next (§5.1.1). */
static gboolean check_seals(ArcVerifier *verifier, Resolver *resolver, gint64 deadline)
{
    const DkimHeader *header = verifier->header;
    g_autoptr(EVP_MD_CTX) hash = dkim_hash_new();
    for (guint i = 0; i < verifier->chain.n; i++) {
        const ArcLink *link = &verifier->chain.links[i];
        const char *reason = NULL;
        arc_hash_field(hash, dkim_header_field(header, link->authres));
        arc_hash_field(hash, dkim_header_field(header, link->message.field));
        g_autoptr(EVP_MD_CTX) here = dkim_hash_copy(hash);
        const DkimRecord *record =
            dkim_records_get(&verifier->records, link->seal.tags.query, resolver, deadline);
        DkimCode code = dkim_seal_check(&link->seal, header, here, record, &reason);
        if (code != DKIM_PASS) {
            set_failed(verifier, "ARC-Seal", i + 1, code, reason);
            return FALSE;
        }
        arc_hash_field(hash, dkim_header_field(header, link->seal.field));
    }
    return TRUE;
}

/* Step 5. */
static guint find_oldest_pass(ArcVerifier *verifier, Resolver *resolver, gint64 deadline)
{
    const char *reason;
    guint oldest = verifier->chain.n;
    while (oldest > 1 && check_message(verifier, oldest - 1, resolver, deadline, &reason) == DKIM_PASS)
        oldest--;
    return oldest == 1 ? 0 : oldest;
}

void arc_verifier_finish(ArcVerifier *verifier, Resolver *resolver, gint64 deadline)
{
    g_assert(!verifier->finished);
    verifier->finished = TRUE;
    if (verifier->result.status == ARC_PASS && check_newest(verifier, resolver, deadline) &&
        check_seals(verifier, resolver, deadline))
        verifier->result.oldest_pass = find_oldest_pass(verifier, resolver, deadline);
}

const ArcResult *arc_verifier_result(const ArcVerifier *verifier)
{
    return &verifier->result;
}

void arc_verifier_report(const ArcVerifier *verifier, AuthRes *ar)
{
    const ArcResult *result = &verifier->result;
    AuthResResult *to = authres_add(ar, "arc", arc_status_name(result->status));
    if (result->reason)
        authres_set_reason(to, result->reason);
    if (result->status != ARC_PASS)
        return;
    g_autofree char *instance = g_strdup_printf("i=%u", result->n_hops);
    g_autofree char *oldest = g_strdup_printf("%u", result->oldest_pass);
    authres_set_comment(to, instance);
    authres_add_property(to, "header", "oldest-pass", oldest);
}
