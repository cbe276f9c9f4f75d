/*
 * arc — a forwarder or mailing list that we trust says that the message was good when it came there (E3; RFC 8617).
 *
 * A chain that passes proves only who wrote what is in it, and anybody can write one. Believed is a hop if it and all after it
 * are trusted: what they did to the message was theirs to do; if only the newest's signature is over From and the whole body,
 * so that nobody has done more after it. The message was good there if the hop's ARC-Authentication-Results have dmarc=pass
 * for the domain that is now in From, or spf=pass or dkim=pass for a domain that is aligned with it, and do not say that
 * DMARC failed for it all the same. A chain that fails is as none (RFC 8617 §5.2).
 *
 * Tag: ARC-Trusted (subject: d= of the hop's seal). It settles DMARC-Fail and SPF-Fail.
 */
#include "checks/arc.h"

#include <string.h>

#include "checks/author.h"
#include "checks/checks.h"
#include "checks/digest.h"

static const Field fields[] = {
    FIELD_STR(ArcFact, skipped), FIELD_ENUM(ArcFact, status, arc_status_name),
    FIELD_STR(ArcFact, reason),  FIELD_STR(ArcFact, sealers),
    FIELD_STR(ArcFact, trusted), FIELD_STR(ArcFact, said),
    FIELD_STR(ArcFact, doubt),   {0},
};

static gboolean wanted(const Config *config)
{
    return config->arc.verify;
}

/* --- what a hop says --- */

/* The methods that speak for an author, and the properties that name the domain that they speak for. */
static const struct {
    const char *method, *ptype, *property;
    gboolean exactly; /* not only aligned: it is the author's domain itself */
} proofs[] = {
    {"dmarc", "header", "from", TRUE},
    {"dkim", "header", "d", FALSE},
    {"dkim", "header", "i", FALSE},
    {"spf", "smtp", "mailfrom", FALSE},
};

static gboolean is_author(const Alignment *author, const char *domain)
{
    return author->domain && g_ascii_strcasecmp(author->domain, domain) == 0;
}

static gboolean speaks_for(const AuthResResult *result, gsize proof, Alignment *author, const char **ret)
{
    const char *value = authres_property(result, proofs[proof].ptype, proofs[proof].property);
    if (!value || strcmp(result->method, proofs[proof].method) != 0 || strcmp(result->result, "pass") != 0)
        return FALSE;
    const char *at = strrchr(value, '@');
    const char *domain = at ? at + 1 : value;
    *ret = value;
    return proofs[proof].exactly ? is_author(author, domain) : is_aligned(author, domain);
}

/* The owner may want strict alignment, which the hop has asked for, and we have not. */
static gboolean says_failed(const AuthRes *ar, const Alignment *author)
{
    for (guint i = 0; i < ar->results->len; i++) {
        const AuthResResult *result = g_ptr_array_index(ar->results, i);
        const char *from = authres_property(result, "header", "from");
        if (strcmp(result->method, "dmarc") == 0 && strcmp(result->result, "fail") == 0 && from &&
            is_author(author, from))
            return TRUE;
    }
    return FALSE;
}

/* NULL: it does not say that the message was good. The order of `proofs` is that of what they cost. */
static const char *good_word(Message *message, const ArcHop *hop, Alignment *author)
{
    g_autoptr(AuthRes) ar = authres_parse(hop->authres, -1);
    const char *value;
    if (says_failed(ar, author))
        return NULL;
    for (gsize proof = 0; proof < G_N_ELEMENTS(proofs); proof++)
        for (guint i = 0; i < ar->results->len; i++)
            if (speaks_for(g_ptr_array_index(ar->results, i), proof, author, &value))
                return pool_printf(message_pool(message), "%s=pass %s.%s=%s", proofs[proof].method,
                                   proofs[proof].ptype, proofs[proof].property, value);
    return NULL;
}

/* --- the fact --- */

static const ArcHop *newest_but(const ArcResult *result, guint n)
{
    return &result->hops[result->n_hops - 1 - n];
}

static const char *join_sealers(Message *message, const ArcResult *result)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < result->n_hops; i++) {
        const char *domain = newest_but(result, i)->domain;
        g_string_append_printf(text, "%s%s", i ? " " : "", domain ? domain : "?");
    }
    return text->len ? pool_strdup(message_pool(message), text->str) : NULL;
}

static void find_trusted(Message *message, const ArcResult *result, ArcFact *fact)
{
    Pool *pool = message_pool(message);
    const PatternList *trusted = session_config(message_session(message))->arc.trusted_sealers;
    Alignment author = alignment_with_author(message);
    for (guint i = 0; i < result->n_hops; i++) {
        const ArcHop *hop = newest_but(result, i);
        if (!hop->domain || !patterns_match(trusted, hop->domain)) {
            fact->doubt =
                pool_printf(pool, "%s is no trusted sealer", hop->domain ? hop->domain : "a hop without d=");
            return;
        }
        if (hop->authres && (fact->said = good_word(message, hop, &author))) {
            fact->trusted = hop->domain;
            return;
        }
    }
    fact->doubt = "no trusted sealer says that the message was good when it came there";
}

static void evaluate(void *of, void *into)
{
    Message *message = of;
    ArcFact *fact = into;
    const DigestFact *digest = digest_fact(message);
    if ((fact->skipped = digest->skipped))
        return;
    Session *session = message_session(message);
    arc_verifier_finish(digest->arc, message_resolver(message),
                        session_deadline_within(session, session_config(session)->dkim.timeout));
    const ArcResult *result = arc_verifier_result(digest->arc);
    fact->status = result->status;
    fact->reason = result->reason;
    fact->sealers = join_sealers(message, result);
    if (result->status != ARC_PASS)
        return;
    if (result->whole)
        find_trusted(message, result, fact);
    else
        fact->doubt = "the newest signature leaves out From or a part of the body";
}

const ArcFact *arc_fact(Message *message)
{
    return message_fact(message, &check_arc);
}

/* --- hooks --- */

static void on_message(Message *message)
{
    const ArcFact *fact = arc_fact(message);
    if (fact->trusted)
        message_find(message, &check_arc, TAG_ARC_TRUSTED, fact->trusted, "%s passed it on, and says: %s",
                     fact->trusted, fact->said);
}

static void trace(Message *message, TraceFields *trace)
{
    if (arc_fact(message)->skipped)
        return;
    guint before = trace->results->results->len;
    arc_verifier_report(digest_fact(message)->arc, trace->results);
    /* RFC 8617 §10.1: who handed it to us. */
    const char *ip = session_ip_text(message_session(message));
    authres_add_property(g_ptr_array_index(trace->results->results, before), "smtp", "remote-ip",
                         *ip ? ip : NULL);
}

const Check check_arc = {
    .name = "arc",
    .scope = PER_MESSAGE,
    .wanted = wanted,
    .fields = fields,
    .fact_size = sizeof(ArcFact),
    .evaluate = evaluate,
    .message = on_message,
    .trace = trace,
};
