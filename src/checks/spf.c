/*
 * spf — may this client send for this domain? (C; RFC 7208)
 *
 * Judged at the first recipient that the MTA has not refused, once for all of them. MFROM first; HELO when MFROM did
 * not pass and is not null; a best guess where there is no record. With `mode = header` it only writes Received-SPF
 * and Authentication-Results. A fail for a name of hello_blacklist costs demerits (B12).
 *
 * Tags: SPF-* (subject: the envelope sender, or postmaster@helo), HELO-* (the HELO name).
 */
#include "checks/spf.h"

#include <postern/xsig.h>
#include <string.h>

#include "checks/checks.h"
#include "checks/client.h"

#define FORGED_DEMERITS 4

static const Field fields[] = {
    FIELD_STR(SpfFact, skipped),
    FIELD_ENUM(SpfFact, code, spf_code_name),
    FIELD_ENUM(SpfFact, identity, spf_identity_name),
    FIELD_STR(SpfFact, domain),
    FIELD_STR(SpfFact, mechanism),
    FIELD_STR(SpfFact, explanation),
    FIELD_BOOL(SpfFact, explained_by_domain),
    FIELD_STR(SpfFact, problem),
    FIELD_STR(SpfFact, diagnosis),
    FIELD_STR(SpfFact, broken),
    FIELD_STR(SpfFact, corrected),
    FIELD_STR(SpfFact, lax),
    FIELD_STR(SpfFact, helo),
    FIELD_STR(SpfFact, guess),
    FIELD_BOOL(SpfFact, lent),
    FIELD_STR(SpfFact, forwarder),
    FIELD_BOOL(SpfFact, three_strikes),
    FIELD_BOOL(SpfFact, local),
    {0},
};

static gboolean wanted(const Config *config)
{
    return config->spf.mode != SPF_MODE_OFF;
}

/* --- the fact --- */

static SpfRequest make_request(Message *message)
{
    Session *session = message_session(message);
    const Config *config = session_config(session);
    return (SpfRequest){
        .resolver = message_resolver(message),
        .deadline = session_deadline_within(session, config->spf.timeout),
        .ip = *session_ip(session),
        .helo = session_helo_name(session),
        .sender = message_sender(message)->mailbox,
        .receiver = session_receiver(session),
        .now = clock_seconds(session_clock(session)),
        .default_explanation = *config->spf.explanation ? config->spf.explanation : NULL,
        .substitutes = config->loaded.substitutes,
        .delegate = *config->spf.delegate ? config->spf.delegate : NULL,
        .lax = TRUE, /* always: a refusal for a broken record says what was meant (C7) */
        .defer_temperror = TRUE,
    };
}

static const SpfResult *keep(Message *message, SpfResult *result)
{
    return message_own(message, result, (GDestroyNotify)spf_result_free);
}

static const char *why_skipped(Message *message)
{
    Session *session = message_session(message);
    if (session_ip(session)->family == IP_NONE)
        return "client address unknown";
    if (client_fact(session)->trusted)
        return "trusted relay";
    if (client_is_ours(session) && !*session_config(session)->spf.internal_policy)
        return "internal";
    return NULL;
}

/* B11. Where the forwarder has no record, a guess of the hosts that are its own, as the old system did it. */
static gboolean passes_for(const char *forwarder, const SpfRequest *request, gboolean guess)
{
    SpfRequest as_forwarder = *request;
    as_forwarder.helo = forwarder;
    as_forwarder.sender = NULL;
    as_forwarder.no_explanation = TRUE;
    as_forwarder.lax = FALSE;
    g_autoptr(SpfResult) result = spf_check(&as_forwarder);
    if (result->code != SPF_NONE || !guess)
        return result->code == SPF_PASS;
    g_autoptr(SpfResult) guessed = spf_guess(&as_forwarder, FALSE);
    return guessed->code == SPF_PASS;
}

/* B11: a client that passes for a trusted forwarder counts as one that passes. */
static const char *find_forwarder(Message *message, const SpfRequest *request)
{
    const Config *config = session_config(message_session(message));
    for (char **forwarder = config->spf.trusted_forwarder; forwarder && *forwarder; forwarder++)
        if (passes_for(*forwarder, request, config->spf.best_guess))
            return *forwarder;
    return NULL;
}

/* C11: our own terms judge internal clients; where none of them matches, the domain's own record does. */
static const SpfResult *check_mfrom(Message *message, const SpfRequest *request, gboolean *local)
{
    Session *session = message_session(message);
    const char *terms = session_config(session)->spf.internal_policy;
    if (client_is_ours(session) && g_ascii_strcasecmp(terms, "yes") != 0) {
        g_autofree char *record = g_strdup_printf("v=spf1 %s", terms);
        SpfResult *result = spf_evaluate(request, record);
        if (result->code != SPF_NEUTRAL) {
            *local = TRUE;
            return keep(message, result);
        }
        spf_result_free(result);
    }
    return keep(message, spf_check(request));
}

/* A HELO that is the MFROM domain or below it, and passes, lends it a guessed pass (C3). */
static gboolean helo_lends(const SpfFact *fact)
{
    if (fact->helo_code != SPF_PASS || !fact->domain || !fact->helo_result->domain)
        return FALSE;
    gsize domain_len = strlen(fact->domain), helo_len = strlen(fact->helo_result->domain);
    if (!domain_len || helo_len < domain_len ||
        strcmp(fact->helo_result->domain + helo_len - domain_len, fact->domain) != 0)
        return FALSE;
    return helo_len == domain_len || fact->helo_result->domain[helo_len - domain_len - 1] == '.';
}

static void make_guesses(Message *message, const SpfRequest *request, SpfFact *fact)
{
    Session *session = message_session(message);
    gboolean dynamic = client_fact(session)->dynamic;
    if (!session_config(session)->spf.best_guess)
        return;
    fact->lent = helo_lends(fact);
    fact->guess_result = keep(message, spf_guess(request, dynamic));
    fact->guess_code = fact->lent ? SPF_PASS : fact->guess_result->code;
    fact->guess = spf_code_name(fact->guess_code);
}

/* C6. A HELO is valid when SPF, or a guess of it, says that the client may use it. */
static gboolean helo_is_valid(Message *message, const SpfRequest *request, const SpfFact *fact)
{
    if (fact->helo_code == SPF_PASS)
        return TRUE;
    if (fact->helo_code != SPF_NONE || !request->helo)
        return FALSE;
    SpfRequest of_helo = *request;
    of_helo.sender = NULL;
    g_autoptr(SpfResult) guess = spf_guess(&of_helo, FALSE);
    return guess->code == SPF_PASS;
}

static void check_others(Message *message, SpfRequest *request, SpfFact *fact)
{
    gboolean null_sender = message_sender(message)->is_null;
    if (fact->code != SPF_PASS && !null_sender && request->helo) {
        SpfRequest of_helo = *request;
        of_helo.sender = NULL;
        of_helo.lax = FALSE;
        fact->helo_result = keep(message, spf_check(&of_helo));
        fact->helo_code = fact->helo_result->code;
        fact->helo = spf_code_name(fact->helo_code);
    }
    if (fact->code != SPF_NONE)
        return;
    make_guesses(message, request, fact);
    Session *session = message_session(message);
    gboolean named = session_ptr_name(session) && !client_fact(session)->dynamic;
    fact->three_strikes = fact->guess_code != SPF_PASS && !named && !helo_is_valid(message, request, fact);
}

static void evaluate(void *of, void *into)
{
    Message *message = of;
    SpfFact *fact = into;
    if ((fact->skipped = why_skipped(message)))
        return;
    SpfRequest request = make_request(message);
    fact->forwarder = find_forwarder(message, &request);
    const SpfResult *result = fact->mfrom_result = check_mfrom(message, &request, &fact->local);
    fact->code = result->code;
    fact->identity = result->identity;
    fact->domain = result->domain;
    fact->mechanism = result->mechanism;
    fact->explanation = result->explanation;
    fact->explained_by_domain = result->explained_by_domain;
    fact->problem = result->problem;
    fact->broken = result->broken;
    fact->diagnosis = message_own(message, spf_diagnosis(result), g_free);
    fact->corrected = result->corrected;
    fact->lax_code = result->lax_code;
    if (result->code == SPF_PERMERROR && request.lax)
        fact->lax = spf_code_name(result->lax_code);
    /* B11: who passes for a forwarder has passed, and there is nothing else to ask. */
    if (!client_is_ours(message_session(message)) && !fact->forwarder)
        check_others(message, &request, fact);
}

const SpfFact *spf_fact(Message *message)
{
    return message_fact(message, &check_spf);
}

gboolean spf_judges(Message *message)
{
    if (session_config(message_session(message))->spf.mode != SPF_MODE_ON)
        return FALSE;
    const SpfFact *fact = spf_fact(message);
    return fact->mfrom_result && fact->code != SPF_NONE;
}

/* --- findings --- */

static const Tag mfrom_tags[] = {
    [SPF_NONE] = TAG_SPF_NONE,           [SPF_NEUTRAL] = TAG_SPF_NEUTRAL,
    [SPF_PASS] = TAG_SPF_PASS,           [SPF_FAIL] = TAG_SPF_FAIL,
    [SPF_SOFTFAIL] = TAG_SPF_SOFTFAIL,   [SPF_TEMPERROR] = TAG_SPF_TEMPERROR,
    [SPF_PERMERROR] = TAG_SPF_PERMERROR,
};

static const Tag helo_tags[] = {
    [SPF_NONE] = TAG_HELO_NONE,           [SPF_NEUTRAL] = TAG_HELO_NEUTRAL,
    [SPF_PASS] = TAG_HELO_PASS,           [SPF_FAIL] = TAG_HELO_FAIL,
    [SPF_SOFTFAIL] = TAG_HELO_SOFTFAIL,   [SPF_TEMPERROR] = TAG_HELO_TEMPERROR,
    [SPF_PERMERROR] = TAG_HELO_PERMERROR,
};

Tag spf_mfrom_tag(SpfCode code)
{
    return mfrom_tags[code];
}

Tag spf_helo_tag(SpfCode code)
{
    return helo_tags[code];
}

static const char *subject_of(Message *message, const SpfFact *fact)
{
    const Address *sender = message_sender(message);
    if (!sender->is_null)
        return sender->canonical;
    return pool_printf(message_pool(message), "postmaster@%s", fact->domain ? fact->domain : "");
}

/* The sentence of a result, for the SMTP reply. C8: it is said who explains. RFC 7208 §6.2. */
static char *sentence_of(Message *message, const SpfFact *fact)
{
    Pool *pool = message_pool(message);
    const char *ip = session_ip_text(message_session(message));
    const char *domain = fact->domain ? fact->domain : "";
    switch (fact->code) {
    case SPF_FAIL:
        if (fact->explained_by_domain)
            return pool_printf(pool, "SPF fail: %s explains: %s", domain, fact->explanation);
        return pool_printf(pool, "SPF fail: %s", fact->explanation);
    case SPF_PERMERROR:
        return pool_printf(pool, "SPF record of %s is broken: %s", domain, fact->diagnosis);
    case SPF_TEMPERROR:
        return pool_printf(pool, "SPF of %s cannot be checked now: %s", domain, fact->problem);
    case SPF_NONE:
        return pool_printf(pool, "%s has no SPF record, %s no PTR name and no valid HELO: three strikes",
                           domain, ip);
    default:
        return pool_printf(pool, "SPF %s: %s for %s", spf_code_name(fact->code), ip, domain);
    }
}

/* C7: after a permerror the lax result may decide; the sentence still says what is broken. */
static SpfCode code_that_counts(Message *message, const SpfFact *fact)
{
    if (fact->code == SPF_PERMERROR && session_config(message_session(message))->spf.lax)
        return fact->lax_code;
    return fact->code;
}

static void find_mfrom(Message *message, const SpfFact *fact)
{
    SpfCode code = code_that_counts(message, fact);
    const char *subject = subject_of(message, fact);
    if (code == SPF_NONE) {
        if (fact->guess_code == SPF_PASS)
            message_find(message, &check_spf, TAG_SPF_GUESS, subject, "best guess: %s may send for %s",
                         session_ip_text(message_session(message)), fact->domain);
        if (!fact->three_strikes)
            return; /* C6: any other none is judged by its guess or not at all */
    }
    Finding *finding =
        message_find(message, &check_spf, mfrom_tags[code], subject, "%s", sentence_of(message, fact));
    if (code == SPF_TEMPERROR)
        finding_may_become(finding, TAG_SPF_PASS, TAG_SPF_FAIL, TAG_SPF_SOFTFAIL, TAG_SPF_NEUTRAL,
                           TAG_SPF_NONE, TAG_SPF_PERMERROR, TAG_COUNT);
}

static void find_helo(Message *message, const SpfFact *fact)
{
    if (!fact->helo_result)
        return;
    const char *helo = session_helo_name(message_session(message));
    Finding *finding = message_find(message, &check_spf, helo_tags[fact->helo_code], helo,
                                    "SPF of HELO %s: %s", helo, spf_code_name(fact->helo_code));
    if (fact->helo_code == SPF_TEMPERROR)
        finding_may_become(finding, TAG_HELO_PASS, TAG_HELO_FAIL, TAG_HELO_SOFTFAIL, TAG_HELO_NEUTRAL,
                           TAG_HELO_NONE, TAG_HELO_PERMERROR, TAG_COUNT);
}

static gboolean says_551(Message *message, const SpfFact *fact)
{
    return fact->code == SPF_FAIL && session_config(message_session(message))->spf.user_not_local;
}

static void first_rcpt(Message *message)
{
    if (session_config(message_session(message))->spf.mode != SPF_MODE_ON)
        return;
    const SpfFact *fact = spf_fact(message);
    if (fact->skipped)
        return;
    if (fact->forwarder)
        message_find(message, &check_spf, TAG_SPF_FORWARDER, fact->forwarder,
                     "SPF pass for trusted forwarder %s", fact->forwarder);
    if (!says_551(message, fact))
        find_mfrom(message, fact);
    find_helo(message, fact);
}

/* C12: tells a forwarder's user where to send instead, which differs from recipient to recipient. */
static void on_rcpt(Recipient *recipient)
{
    Message *message = recipient_message(recipient);
    if (session_config(message_session(message))->spf.mode != SPF_MODE_ON)
        return;
    const SpfFact *fact = spf_fact(message);
    if (fact->skipped || !says_551(message, fact))
        return;
    Finding *finding =
        recipient_find(recipient, &check_spf, TAG_SPF_FAIL, subject_of(message, fact),
                       "User not local; please try <%s>", recipient_address(recipient)->mailbox);
    finding->code = 551;
    finding->xcode = "5.7.1";
}

/* --- demerits --- */

static gboolean refused_for_fail(const Recipient *recipient)
{
    const Weighing *weighing = recipient_weighing(recipient);
    const Judgement *decider = weighing ? weighing->decider : NULL;
    return decider && decider->finding->tag == TAG_SPF_FAIL && decider->finding->check == check_spf.name &&
           weighing->reply.kind == REPLY_REJECT;
}

/* B12: who forges one of hello_blacklist knows what he does. Only where the fail was the reason to refuse. */
static void settle_message(Message *message, gboolean aborted)
{
    Session *session = message_session(message);
    gboolean refused = FALSE;
    for (guint i = 0; i < message_n_recipients(message); i++)
        refused |= refused_for_fail(message_recipient(message, i));
    if (!refused || client_is_ours(session))
        return;
    const char *domain = spf_fact(message)->domain; /* asked already: it was the reason */
    if (domain && patterns_match(session_config(session)->connection.hello_blacklist, domain))
        session_add_demerits(session, FORGED_DEMERITS, "an SPF fail for a name of ours");
}

/* --- trace fields --- */

static void add_extra(const char **extra, guint *n, const char *key, const char *value)
{
    if (!value)
        return;
    extra[(*n)++] = key;
    extra[(*n)++] = value;
}

/* The sender himself: a trusted forwarder's pass is not his. */
static gboolean is_proven(const SpfFact *fact)
{
    return fact->mfrom_result->code == SPF_PASS || fact->guess_code == SPF_PASS ||
           (fact->lax && fact->lax_code == SPF_PASS);
}

/* C13. NULL: without a secret, or of nobody. Nor of whom somebody else may have named: who quotes a mark can write what he likes
 * beside it. */
static const char *make_mark(Message *message, const SpfFact *fact, const SpfRequest *request)
{
    char **secrets = session_config(message_session(message))->loaded.srs_secrets;
    if (!secrets || message_sender(message)->is_null || !is_proven(fact))
        return NULL;
    return message_own(message,
                       xsig_make((const char *const *)secrets, request->sender, &request->ip, request->now),
                       g_free);
}

static void trace(Message *message, TraceFields *trace)
{
    const SpfFact *fact = spf_fact(message);
    if (fact->skipped)
        return;
    SpfRequest request = make_request(message);
    /* Whoever trusts us as his relay decides by these alone (B10): they say all that decided here. */
    const SpfResult guess = {.code = fact->guess_code};
    const char *extra[7] = {NULL};
    guint n = 0;
    add_extra(extra, &n, "x-forwarder", fact->forwarder);
    add_extra(extra, &n, "x-lax", fact->lax_code != SPF_PERMERROR ? fact->lax : NULL);
    add_extra(extra, &n, "x-sig", make_mark(message, fact, &request));
    SpfReceived received = {
        .request = &request,
        .result = fact->mfrom_result,
        .receiver = session_receiver(message_session(message)),
        .helo = fact->helo_result,
        .guess = fact->guess_result ? &guess : NULL,
        .extra = extra,
    };
    g_autofree char *value = spf_received(&received);
    edits_prepend_header(trace->edits, "spf", "Received-SPF", value);

    AuthResResult *result = authres_add(trace->results, "spf", spf_code_name(fact->code));
    if (fact->identity == SPF_HELO)
        authres_add_property(result, "smtp", "helo", session_helo_name(message_session(message)));
    else
        authres_add_property(result, "smtp", "mailfrom", message_sender(message)->mailbox);
}

/* Both records and what iprev asks are then on their way together. */
static void prefetch(Session *session, Stage stage)
{
    Message *message = session_message(session);
    if (stage != STAGE_RCPT || why_skipped(message))
        return;
    const char *helo = session_helo_name(session);
    if (*message_sender(message)->domain)
        dns_prefetch(message_resolver(message), message_sender(message)->domain, DNS_TXT);
    if (helo && *helo != '[')
        dns_prefetch(message_resolver(message), helo, DNS_TXT);
}

const Check check_spf = {
    .name = "spf",
    .scope = PER_MESSAGE,
    .wanted = wanted,
    .fields = fields,
    .fact_size = sizeof(SpfFact),
    .evaluate = evaluate,
    .prefetch = prefetch,
    .first_rcpt = first_rcpt,
    .rcpt = on_rcpt,
    .settle_message = settle_message,
    .settles_in_shadow = TRUE, /* demerits are the session's own */
    .trace = trace,
};
