/*
 * dmarc — is the domain in From proven, and what does its owner ask for if not (E4; RFC 9989)?
 *
 * It is proven by an SPF pass of MAIL FROM or by a DKIM signature, for a domain that is aligned with it. Mail of our own people
 * is not judged, nor what a trusted relay calls its own people's. Of mail that comes by a trusted relay SPF is what the relay
 * has found; where it does not say, a fail cannot be told from what only SPF would have proven, and the relay's own DMARC
 * result counts, if there is one.
 *
 * Tags, subject the domain in From: DMARC-Pass; DMARC-Fail, whatever the policy, and with it DMARC-Quarantine or
 * DMARC-Reject if the owner asks for that (one step less with t=y); DMARC-TempError. DMARC-Author, without subject, where From
 * names no domain or several, is there twice, or can be read in several ways: what is not judged at all would be the
 * forger's choice (RFC 9989 §11.5).
 */
#include "checks/dmarc.h"

#include <string.h>

#include "checks/arc.h"
#include "checks/author.h"
#include "checks/checks.h"
#include "checks/client.h"
#include "checks/dkim.h"
#include "checks/dmarc-rows.h"
#include "checks/relay.h"
#include "checks/spf.h"

/* Domains that a relay says have signed, beside those that we have verified. */
#define REPORTED_MAX 16

static const Field fields[] = {
    FIELD_STR(DmarcFact, skipped),
    FIELD_ENUM(DmarcFact, code, dmarc_code_name),
    FIELD_STR(DmarcFact, reason),
    FIELD_STR(DmarcFact, author),
    FIELD_STR(DmarcFact, policy_domain),
    FIELD_ENUM(DmarcFact, policy, dmarc_policy_name),
    FIELD_ENUM(DmarcFact, disposition, dmarc_policy_name),
    FIELD_BOOL(DmarcFact, spf_aligned),
    FIELD_STR(DmarcFact, dkim_aligned),
    FIELD_STR(DmarcFact, spf_unknown),
    FIELD_STR(DmarcFact, reported_by),
    {0},
};

static gboolean wanted(const Config *config)
{
    return config->dmarc.mode != DMARC_MODE_OFF;
}

/* --- what SPF and DKIM say --- */

static DmarcIdentity identity(const char *domain, SpfCode code)
{
    return (DmarcIdentity){domain, dmarc_auth_of(spf_code_name(code))};
}

/* Why it is not known; NULL: it is. */
static const char *reported_spf(Message *message, DmarcIdentity *ret)
{
    const RelayFact *relay = relay_fact(message);
    if (!relay->spf || relay->code == SPF_TEMPERROR) /* it will never say anything else */
        return relay->unknown ? relay->unknown : "the relay could not ask";
    *ret = identity(relay->identity == SPF_HELO ? relay->helo_name : message_sender(message)->domain,
                    relay->code);
    return NULL;
}

static const char *own_spf(Message *message, DmarcIdentity *ret)
{
    const SpfFact *spf = spf_fact(message);
    if (!spf->skipped)
        *ret = identity(spf->domain, spf->code);
    return spf->skipped;
}

static gboolean comes_by_relay(Message *message)
{
    return client_fact(message_session(message))->trusted;
}

static const char *get_spf(Message *message, DmarcIdentity *ret)
{
    return comes_by_relay(message) ? reported_spf(message, ret) : own_spf(message, ret);
}

/* Our own results come first: the indices of the fact's signatures. */
static guint get_dkim(Message *message, DmarcIdentity *into)
{
    const DkimFact *dkim = dkim_fact(message);
    guint n = 0;
    for (guint i = 0; i < dkim->n; i++)
        into[n++] = (DmarcIdentity){dkim->signatures[i].domain,
                                    dmarc_auth_of(dkim_code_name((int)dkim->signatures[i].code))};
    if (!comes_by_relay(message))
        return n;
    const char *const *domains = relay_fact(message)->dkim_domains;
    for (guint i = 0; domains && domains[i] && i < REPORTED_MAX; i++)
        into[n++] = (DmarcIdentity){domains[i], DMARC_AUTH_PASS};
    return n;
}

/* --- the fact --- */

static const char *why_skipped(Message *message)
{
    Session *session = message_session(message);
    if (client_is_ours(session))
        return "internal";
    if (comes_by_relay(message) && relay_fact(message)->internal)
        return "the relay's own people";
    return NULL;
}

static void set_code(DmarcFact *fact, DmarcCode code, const char *reason)
{
    fact->code = code;
    fact->reason = reason;
    if (code != DMARC_FAIL)
        fact->disposition = DMARC_POLICY_NONE;
}

/* Only a pass is sure without SPF. */
static void settle_for_relay(Message *message, DmarcFact *fact)
{
    Pool *pool = message_pool(message);
    const RelayFact *relay = relay_fact(message);
    gboolean open = fact->code == DMARC_FAIL || fact->code == DMARC_TEMPERROR;
    gboolean told = comes_by_relay(message) && relay->dmarc && relay->from_domain && fact->author &&
                    g_ascii_strcasecmp(relay->from_domain, fact->author) == 0;
    if (!open)
        return;
    if (told && strcmp(relay->dmarc, "pass") == 0) {
        fact->reported_by = relay->relay;
        set_code(fact, DMARC_PASS, pool_printf(pool, "%s says so", relay->relay));
    } else if (told && strcmp(relay->dmarc, "fail") == 0) {
        fact->reported_by = relay->relay;
        fact->disposition = fact->result->applied;
        set_code(fact, DMARC_FAIL, pool_printf(pool, "%s says so, of %s", relay->relay, fact->author));
    } else {
        set_code(fact, DMARC_NONE, pool_printf(pool, "what SPF says is not known: %s", fact->spf_unknown));
    }
}

static void evaluate(void *of, void *into)
{
    Message *message = of;
    DmarcFact *fact = into;
    if ((fact->skipped = why_skipped(message)))
        return;
    Session *session = message_session(message);
    DmarcStandard standard = session_config(session)->dmarc.standard;
    DmarcIdentity spf = {NULL, DMARC_AUTH_NO}, dkim[DKIM_SIGNATURES_MAX + REPORTED_MAX];
    fact->spf_unknown = get_spf(message, &spf);
    guint n_dkim = get_dkim(message, dkim);
    const DmarcRequest request = {
        .resolver = message_resolver(message),
        .deadline = session_deadline_within(session, session_config(session)->dmarc.timeout),
        .standard = standard,
        .authors = author_fact(message)->authors,
        .spf = spf,
        .n_dkim = n_dkim,
        .dkim = dkim,
        .sample = standard == DMARC_RFC7489 ? random_below(session_random(session), 100) : 0,
    };
    const DmarcResult *result = fact->result =
        message_own(message, dmarc_check(&request), (GDestroyNotify)dmarc_result_free);
    fact->code = result->code;
    fact->reason = result->reason;
    fact->author = result->author;
    fact->policy_domain = result->policy_domain;
    fact->policy = result->policy;
    fact->disposition = result->disposition;
    fact->spf_aligned = result->spf_aligned;
    if (result->dkim_aligned >= 0)
        fact->dkim_aligned = pool_strdup(message_pool(message), dkim[result->dkim_aligned].domain);
    if (fact->spf_unknown)
        settle_for_relay(message, fact);
}

const DmarcFact *dmarc_fact(Message *message)
{
    return message_fact(message, &check_dmarc);
}

/* --- findings --- */

static void find_pass(Message *message, const DmarcFact *fact)
{
    Alignment sender = alignment_with_sender(message);
    Finding *finding =
        message_find(message, &check_dmarc, TAG_DMARC_PASS, fact->author, "DMARC: %s", fact->reason);
    if (!is_aligned(&sender, fact->author))
        finding_prove_another(finding);
}

static const Tag asked_for[] = {
    [DMARC_POLICY_NONE] = TAG_COUNT,
    [DMARC_POLICY_QUARANTINE] = TAG_DMARC_QUARANTINE,
    [DMARC_POLICY_REJECT] = TAG_DMARC_REJECT,
};

static void find_fail(Message *message, const DmarcFact *fact)
{
    Tag asked = asked_for[fact->disposition];
    message_find(message, &check_dmarc, TAG_DMARC_FAIL, fact->author, "DMARC: %s", fact->reason);
    if (asked != TAG_COUNT)
        message_find(message, &check_dmarc, asked, fact->author, "DMARC: %s; its policy is %s", fact->reason,
                     dmarc_policy_name((int)fact->disposition));
    /* Whoever looks for the reason of a refusal asks why the list's seal did not help. */
    gboolean has_arc = session_config(message_session(message))->arc.verify;
    const char *doubt = has_arc ? arc_fact(message)->doubt : NULL;
    if (doubt)
        message_log(message, LOG_LEVEL_INFO, "ARC:", "the chain passes and does not help: %s", doubt);
}

static void find_temperror(Message *message, const DmarcFact *fact)
{
    Finding *finding = message_find(message, &check_dmarc, TAG_DMARC_TEMPERROR, fact->author,
                                    "DMARC of %s cannot be checked now: %s", fact->author, fact->reason);
    finding_may_become(finding, TAG_DMARC_PASS, TAG_DMARC_FAIL, TAG_DMARC_QUARANTINE, TAG_DMARC_REJECT,
                       TAG_COUNT);
}

static void on_message(Message *message)
{
    const DmarcFact *fact = dmarc_fact(message);
    if (fact->skipped || session_config(message_session(message))->dmarc.mode != DMARC_MODE_ON)
        return;
    if (!fact->author) {
        /* No subject: of several domains the forger would choose the one that a rule is kind to. */
        message_find(message, &check_dmarc, TAG_DMARC_AUTHOR, "", "DMARC: %s", fact->reason);
        return;
    }
    switch (fact->code) {
    case DMARC_PASS:
        find_pass(message, fact);
        break;
    case DMARC_FAIL:
        find_fail(message, fact);
        break;
    case DMARC_TEMPERROR:
        find_temperror(message, fact);
        break;
    case DMARC_NONE:
    case DMARC_PERMERROR:
        break;
    }
}

/* --- trace fields --- */

/* Only what is delivered has them: a policy that asks for more was not applied, and that is said. */
static void trace(Message *message, TraceFields *trace)
{
    const DmarcFact *fact = dmarc_fact(message);
    if (fact->skipped)
        return;
    AuthResResult *result = dmarc_authres(trace->results, fact->result);
    if (fact->code != fact->result->code) {
        g_free(result->result);
        result->result = g_strdup(dmarc_code_name((int)fact->code));
    }
    if (fact->code != DMARC_PASS || fact->reported_by)
        authres_set_reason(result, fact->reason);
    if (fact->policy_domain)
        authres_set_comment(result, pool_printf(message_pool(message), "p=%s dis=none",
                                                dmarc_policy_name((int)fact->policy)));
}

static void settle_message(Message *message, gboolean aborted)
{
    if (!aborted && session_config(message_session(message))->dmarc.collect)
        dmarc_rows_add(message, dmarc_fact(message));
}

/* The author's record, or that of his domain's: which of them it is only the first answer tells. */
static void prefetch(Session *session, Stage stage)
{
    Message *message = session_message(session);
    if (stage != STAGE_HEADERS || client_is_ours(session) || !author_fact(message)->domain)
        return;
    g_autofree char *name = g_strdup_printf("_dmarc.%s", author_fact(message)->domain);
    dns_prefetch(message_resolver(message), name, DNS_TXT);
}

const Check check_dmarc = {
    .name = "dmarc",
    .scope = PER_MESSAGE,
    .wanted = wanted,
    .fields = fields,
    .fact_size = sizeof(DmarcFact),
    .evaluate = evaluate,
    .prefetch = prefetch,
    .message = on_message,
    .settle_message = settle_message,
    .trace = trace,
};
