/*
 * dkim — which domains have signed the message (E1, E6; RFC 6376)?
 *
 * A signature proves that its domain, d=, has seen the message. That speaks for the author if d= is aligned with
 * From, for the envelope sender if it is aligned with that; a signature of somebody else, a mailing list say, proves
 * neither, but a rule may trust it by name. One that leaves the end of the body unsigned proves nothing (l=; RFC 6376 §8.2).
 *
 * Tags, subject d=: DKIM-Pass and DKIM-Other for each domain that passes; where none does, DKIM-TempError or DKIM-Fail, of
 * one signature: the author's, if there is one. A key that says it is a test (t=y) makes no fail (RFC 6376 §3.6.1).
 */
#include "checks/dkim.h"

#include <string.h>

#include "checks/author.h"
#include "checks/checks.h"
#include "checks/digest.h"

static const Field fields[] = {
    FIELD_STR(DkimFact, skipped), FIELD_ENUM(DkimFact, code, dkim_code_name),
    FIELD_STR(DkimFact, domains), FIELD_STR(DkimFact, reason),
    FIELD_INT(DkimFact, ignored), {0},
};

/* --- the fact --- */

/* In the order in which they say something of the message as a whole. */
static const DkimCode best_first[] = {DKIM_PASS,   DKIM_TEMPERROR, DKIM_FAIL,
                                      DKIM_POLICY, DKIM_NEUTRAL,   DKIM_PERMERROR};

static DkimCode code_of_message(const DkimFact *fact)
{
    for (gsize c = 0; c < G_N_ELEMENTS(best_first); c++)
        for (guint i = 0; i < fact->n; i++)
            if (fact->signatures[i].code == best_first[c])
                return best_first[c];
    return DKIM_NONE;
}

static DkimSigned read_result(Message *message, const DkimResult *result)
{
    const char *domain = author_plain_domain(message, result->domain);
    DkimSigned signature = {result, domain ? domain : "", result->code, result->reason, FALSE, FALSE};
    if (result->code == DKIM_PASS && result->unsigned_bytes) {
        signature.code = DKIM_POLICY;
        signature.reason =
            pool_printf(message_pool(message), "%" G_GUINT64_FORMAT " bytes at the end are not signed (l=)",
                        result->unsigned_bytes);
    }
    return signature;
}

static const char *join_domains(Message *message, const DkimFact *fact)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < fact->n; i++)
        if (fact->signatures[i].code == DKIM_PASS)
            g_string_append_printf(text, "%s%s", text->len ? " " : "", fact->signatures[i].domain);
    return text->len ? pool_strdup(message_pool(message), text->str) : NULL;
}

static void evaluate(void *of, void *into)
{
    Message *message = of;
    DkimFact *fact = into;
    const DigestFact *digest = digest_fact(message);
    if ((fact->skipped = digest->skipped))
        return;
    Session *session = message_session(message);
    dkim_verifier_finish(digest->dkim, message_resolver(message),
                         session_deadline_within(session, session_config(session)->dkim.timeout));
    Alignment author = alignment_with_author(message), sender = alignment_with_sender(message);
    fact->n = dkim_verifier_len(digest->dkim);
    fact->ignored = (int)dkim_verifier_ignored(digest->dkim);
    for (guint i = 0; i < fact->n; i++) {
        DkimSigned *signature = &fact->signatures[i];
        *signature = read_result(message, dkim_verifier_result(digest->dkim, i));
        if (signature->code == DKIM_PASS) {
            signature->of_author = is_aligned(&author, signature->domain);
            signature->of_sender = is_aligned(&sender, signature->domain);
        } else if (!fact->reason) {
            fact->reason = signature->reason;
        }
    }
    fact->code = code_of_message(fact);
    fact->domains = join_domains(message, fact);
}

const DkimFact *dkim_fact(Message *message)
{
    return message_fact(message, &check_dkim);
}

/* --- findings --- */

/* One of the same domain that passes stands above it. */
static gboolean is_repeated(const DkimFact *fact, guint index)
{
    for (guint i = 0; i < index; i++)
        if (fact->signatures[i].code == DKIM_PASS &&
            strcmp(fact->signatures[i].domain, fact->signatures[index].domain) == 0)
            return TRUE;
    return FALSE;
}

static void find_pass(Message *message, const DkimSigned *signature)
{
    const char *domain = signature->domain;
    if (!signature->of_author && !signature->of_sender) {
        message_find(message, &check_dkim, TAG_DKIM_OTHER, domain,
                     "signed by %s, which is neither the author's domain nor the sender's", domain);
        return;
    }
    Finding *finding =
        message_find(message, &check_dkim, TAG_DKIM_PASS, domain, "signed by %s (DKIM)", domain);
    if (!signature->of_sender)
        finding_prove_another(finding);
}

/* Of those with that code the one that is most likely the author's own; NULL: there is none. */
static const DkimSigned *pick(Message *message, const DkimFact *fact, DkimCode code)
{
    const char *author = author_fact(message)->domain;
    const DkimSigned *picked = NULL;
    for (guint i = 0; i < fact->n; i++) {
        const DkimSigned *signature = &fact->signatures[i];
        if (signature->code != code || (code == DKIM_FAIL && signature->result->testing))
            continue;
        if (author && g_ascii_strcasecmp(author, signature->domain) == 0)
            return signature;
        picked = picked ? picked : signature;
    }
    return picked;
}

static void find_temperror(Message *message, const DkimSigned *signature)
{
    Finding *finding = message_find(message, &check_dkim, TAG_DKIM_TEMPERROR, signature->domain,
                                    "the DKIM signature of %s cannot be checked now: %s", signature->domain,
                                    signature->reason);
    finding_may_become(finding, TAG_DKIM_PASS, TAG_DKIM_OTHER, TAG_DKIM_FAIL, TAG_COUNT);
}

static void find_fail(Message *message, const DkimFact *fact)
{
    const DkimSigned *signature = NULL;
    for (gsize c = 0; c < G_N_ELEMENTS(best_first) && !signature; c++)
        signature = pick(message, fact, best_first[c]);
    if (signature)
        message_find(message, &check_dkim, TAG_DKIM_FAIL, signature->domain,
                     "the DKIM signature of %s does not count: %s",
                     *signature->domain ? signature->domain : "nobody", signature->reason);
}

static void on_message(Message *message)
{
    const DkimFact *fact = dkim_fact(message);
    if (fact->skipped || session_config(message_session(message))->dkim.verify != DKIM_MODE_ON)
        return;
    for (guint i = 0; i < fact->n; i++)
        if (fact->signatures[i].code == DKIM_PASS && !is_repeated(fact, i))
            find_pass(message, &fact->signatures[i]);
    if (fact->code == DKIM_TEMPERROR)
        find_temperror(message, pick(message, fact, DKIM_TEMPERROR));
    else if (fact->code != DKIM_PASS)
        find_fail(message, fact);
}

/* --- trace fields --- */

static void trace(Message *message, TraceFields *trace)
{
    const DkimFact *fact = dkim_fact(message);
    if (fact->skipped)
        return;
    guint before = trace->results->results->len;
    dkim_verifier_report(digest_fact(message)->dkim, trace->results);
    for (guint i = 0; i < fact->n; i++) { /* what does not count is not reported as a pass */
        AuthResResult *result = g_ptr_array_index(trace->results->results, before + i);
        if (fact->signatures[i].code == fact->signatures[i].result->code)
            continue;
        g_free(result->result);
        result->result = g_strdup(dkim_code_name((int)fact->signatures[i].code));
        authres_set_reason(result, fact->signatures[i].reason);
    }
}

const Check check_dkim = {
    .name = "dkim",
    .scope = PER_MESSAGE,
    .wanted = digest_has_dkim,
    .fields = fields,
    .fact_size = sizeof(DkimFact),
    .evaluate = evaluate,
    .message = on_message,
    .trace = trace,
};
