/* check_host(): RFC 7208 §4, §5, §6.1. */
#include "spf-eval.h"

#include <string.h>

/* How much of a mechanism is quoted. */
#define QUOTED_MAX 200

/* One record being evaluated. */
typedef struct {
    SpfEval *e;
    const char *domain;
    gboolean top; /* the record asked for, or where it redirects to: not an include */
} Frame;

static SpfCode check_host(SpfEval *e, const char *domain, const char *given, gboolean top);

char *spf_printable(const char *text, gsize len, gsize max)
{
    char *copy = g_strndup(text, MIN(len, max));

    for (char *p = copy; *p; p++)
        if (*p < 0x20 || *p > 0x7e)
            *p = '?';
    return copy;
}

/* The first problem is the one that is told. `what` may be empty: no mechanism is to blame. */
static void blame(const Frame *f, SpfSpan what, const char *why)
{
    SpfEval *e = f->e;
    g_autofree char *where = f->top ? NULL : g_strdup_printf(", in the record of %s", f->domain);
    g_autofree char *raw = NULL;

    if (e->problem)
        return;
    if (what.len > 0)
        e->broken = spf_printable(what.at, what.len, QUOTED_MAX);
    raw = g_strconcat(e->broken ? e->broken : "", e->broken ? ": " : "", why, where, NULL);
    e->problem = spf_printable(raw, strlen(raw), 3 * QUOTED_MAX);
}

static SpfMatch wrong(const Frame *f, const SpfTerm *term, const char *why)
{
    blame(f, term->text, why);
    return MATCH_PERMERROR;
}

DnsAnswer *spf_ask(SpfEval *e, const char *name, DnsType type)
{
    if (++e->queries > SPF_QUERIES_MAX)
        return NULL;
    return dns_query(e->request->resolver, name, type, e->request->deadline);
}

DnsType spf_address_type(const SpfEval *e)
{
    return e->request->ip.family == IP_V6 ? DNS_AAAA : DNS_A;
}

static guint stretched(const SpfEval *e, guint limit)
{
    return e->lax ? limit * SPF_LAX_FACTOR : limit;
}

gboolean spf_count_lookup(SpfEval *e)
{
    return ++e->lookups <= stretched(e, SPF_LOOKUPS_MAX);
}

/* §4.6.4 counts terms that ask for what is not there: a term once, whatever the number of its queries. The
 * records that we write ourselves, the guesses, are not held to it. FALSE: it is one too many. */
static gboolean count_void(const Frame *f, const SpfTerm *term)
{
    SpfEval *e = f->e;

    if (e->void_term == term)
        return TRUE;
    e->void_term = term;
    return ++e->voids <= stretched(e, SPF_VOIDS_MAX) || e->guess;
}

/* The query of a term: its answer if there is something to look at; else what the term comes to in `match`. */
static DnsAnswer *ask_for(const Frame *f, const SpfTerm *term, const char *name, DnsType type,
                          SpfMatch *match)
{
    DnsAnswer *answer = spf_ask(f->e, name, type);

    if (!answer) {
        *match = wrong(f, term, "too many DNS queries");
        return NULL;
    }
    *match = MATCH_NO;
    if (answer->status == DNS_OK)
        return answer;
    if (answer->status == DNS_TEMPERROR) {
        g_autofree char *why = g_strdup_printf("DNS %s for %s %s", answer->why ? answer->why : "error",
                                               dns_type_name(type), name);
        blame(f, term->text, why);
        *match = MATCH_TEMPERROR;
    } else if (!count_void(f, term)) {
        *match = wrong(f, term, "too many DNS lookups that find nothing");
    }
    dns_answer_unref(answer);
    return NULL;
}

static gboolean in_net(const SpfEval *e, const SpfTerm *term, const IpAddress *base)
{
    const IpAddress *ip = &e->request->ip;

    return ip_same_prefix(ip, base, ip->family == IP_V6 ? term->bits6 : term->bits4);
}

/* RFC 7208 §5.3, and each host of §5.4. */
static SpfMatch match_host(const Frame *f, const SpfTerm *term, const char *name)
{
    SpfMatch match;
    g_autoptr(DnsAnswer) answer = ask_for(f, term, name, spf_address_type(f->e), &match);

    for (guint i = 0; answer && i < answer->n_records; i++)
        if (in_net(f->e, term, &answer->records[i].ip))
            return MATCH_YES;
    return match;
}

static SpfMatch match_a(const Frame *f, const SpfTerm *term, const char *target)
{
    return match_host(f, term, target);
}

/* RFC 7208 §5.4. The limit is looked at before the hosts, since their order is the name server's whim. */
static SpfMatch match_mx(const Frame *f, const SpfTerm *term, const char *target)
{
    SpfMatch match, pending = MATCH_NO;
    g_autoptr(DnsAnswer) answer = ask_for(f, term, target, DNS_MX, &match);

    if (!answer)
        return match;
    if (answer->n_records > stretched(f->e, SPF_HOSTS_MAX))
        return wrong(f, term, "too many MX hosts");
    for (guint i = 0; i < answer->n_records; i++) {
        if (!spf_name_usable(answer->records[i].name)) /* "." among them, RFC 7505 */
            continue;
        match = match_host(f, term, answer->records[i].name);
        if (match == MATCH_TEMPERROR && f->e->request->defer_temperror)
            pending = match; /* another host that matches settles it */
        else if (match != MATCH_NO)
            return match;
    }
    return pending;
}

/* RFC 7208 §5.7: an A query whatever the client. */
static SpfMatch match_exists(const Frame *f, const SpfTerm *term, const char *target)
{
    SpfMatch match;
    g_autoptr(DnsAnswer) answer = ask_for(f, term, target, DNS_A, &match);

    return answer ? MATCH_YES : match;
}

static SpfMatch match_ptr(const Frame *f, const SpfTerm *term, const char *target)
{
    gboolean nameless;
    SpfMatch match = spf_match_ptr(f->e, target, &nameless);

    return nameless && !count_void(f, term) ? wrong(f, term, "too many DNS lookups that find nothing")
                                            : match;
}

static void note_mended(SpfEval *e, SpfSpan what)
{
    if (!e->mended)
        e->mended = spf_printable(what.at, what.len, QUOTED_MAX);
}

/* RFC 7208 §5.2. */
static SpfMatch match_include(const Frame *f, const SpfTerm *term, const char *target)
{
    switch (check_host(f->e, target, NULL, FALSE)) {
    case SPF_PASS:
        return MATCH_YES;
    case SPF_TEMPERROR:
        blame(f, term->text, "temporary error");
        return MATCH_TEMPERROR;
    case SPF_PERMERROR:
        return wrong(f, term, "the included record is in error");
    case SPF_NONE:
        if (!f->e->lax)
            return wrong(f, term, "there is no SPF record to include");
        note_mended(f->e, term->text);
        return MATCH_NO;
    default:
        return MATCH_NO;
    }
}

static SpfMatch match_all(const Frame *f, const SpfTerm *term, const char *target)
{
    return MATCH_YES;
}

/* RFC 7208 §5.6. */
static SpfMatch match_ip(const Frame *f, const SpfTerm *term, const char *target)
{
    return in_net(f->e, term, &term->ip) ? MATCH_YES : MATCH_NO;
}

static const struct {
    SpfMatch (*match)(const Frame *f, const SpfTerm *term, const char *target);
    gboolean asks; /* counts against SPF_LOOKUPS_MAX */
    DnsType first; /* its query, for hints; 0: by the client's family */
} terms[TERM_KINDS] = {
    [TERM_ALL] = {match_all, FALSE, 0},      [TERM_INCLUDE] = {match_include, TRUE, DNS_TXT},
    [TERM_A] = {match_a, TRUE, 0},           [TERM_MX] = {match_mx, TRUE, DNS_MX},
    [TERM_PTR] = {match_ptr, TRUE, DNS_PTR}, [TERM_IP4] = {match_ip, FALSE, 0},
    [TERM_IP6] = {match_ip, FALSE, 0},       [TERM_EXISTS] = {match_exists, TRUE, DNS_A},
};

static SpfMatch match_term(const Frame *f, const SpfTerm *term)
{
    char name[SPF_NAME_MAX + 1];
    const char *target = f->domain;

    f->e->void_term = NULL;
    if (terms[term->kind].asks && !spf_count_lookup(f->e))
        return wrong(f, term, "too many DNS lookups");
    if (term->spec.len > 0) {
        switch (spf_expand_name(&f->e->macros, term->spec, f->domain, name)) {
        case EXPANDED:
            target = name;
            break;
        case EXPANDED_OVER_LIMIT:
            return wrong(f, term, "too many DNS lookups");
        case EXPANDED_8BIT_LOCAL: /* RFC 8616 §4 */
            return MATCH_NO;
        case EXPANDED_UNUSABLE: /* §4.3 would say none to an include; for the others nothing can be there
                                   (§4.8) */
            if (term->kind != TERM_INCLUDE)
                return MATCH_NO;
            return wrong(f, term, "not a domain name");
        }
    }
    return terms[term->kind].match(f, term, target);
}

/* Hints for what will be asked if nothing before it matches; worth it where more than one query would be
 * waited for. */
static void prefetch(const Frame *f, const SpfRecord *record)
{
    Resolver *resolver = f->e->request->resolver;
    guint asks = 0, n = record->n;

    if (!resolver->prefetch)
        return;
    for (guint i = 0; i < n; i++) {
        const SpfTerm *term = &record->terms[i];
        if (terms[term->kind].asks)
            asks++;
        else if (match_term(f, term) == MATCH_YES || asks == SPF_LOOKUPS_MAX)
            n = i;
    }
    for (guint i = 0; asks > 1 && i < n; i++) {
        const SpfTerm *term = &record->terms[i];
        DnsType type = terms[term->kind].first;
        char name[SPF_NAME_MAX + 1];

        if (!terms[term->kind].asks || (term->spec.len > 0 && !term->literal) || type == DNS_PTR)
            continue;
        if (term->spec.len == 0)
            dns_prefetch(resolver, f->domain, type ? type : spf_address_type(f->e));
        else if (spf_expand_name(&f->e->macros, term->spec, f->domain, name) == EXPANDED)
            dns_prefetch(resolver, name, type ? type : spf_address_type(f->e));
    }
}

/* A match at the top: what it was, and where its explanation is (§6.2: fail, and not an include's). */
static void remember(const Frame *f, const SpfRecord *record, const SpfTerm *term)
{
    SpfEval *e = f->e;
    char name[SPF_NAME_MAX + 1];

    if (!f->top)
        return;
    g_free(e->mechanism);
    e->mechanism = spf_printable(term->text.at, term->text.len, QUOTED_MAX);
    if (term->says != SPF_FAIL || !record->exp.at || e->request->no_explanation)
        return;
    e->finished = TRUE;
    if (spf_expand_name(&e->macros, record->exp, f->domain, name) == EXPANDED) {
        e->exp_name = g_strdup(name);
        e->exp_domain = g_strdup(f->domain);
    }
}

/* RFC 7208 §6.1. */
static SpfCode redirect(const Frame *f, const SpfRecord *record)
{
    const SpfTerm term = {.text = record->redirect_text};
    char name[SPF_NAME_MAX + 1];
    SpfCode code;

    if (!spf_count_lookup(f->e)) {
        blame(f, term.text, "too many DNS lookups");
        return SPF_PERMERROR;
    }
    switch (spf_expand_name(&f->e->macros, record->redirect, f->domain, name)) {
    case EXPANDED:
        break;
    case EXPANDED_8BIT_LOCAL:
        return SPF_NEUTRAL;
    default:
        blame(f, term.text, "no domain to redirect to");
        return SPF_PERMERROR;
    }
    code = check_host(f->e, name, NULL, f->top);
    if (code != SPF_NONE)
        return code;
    blame(f, term.text, "there is no SPF record to redirect to");
    return SPF_PERMERROR;
}

/* RFC 7208 §4.6.2, §4.7; with defer_temperror, an error behind what could only have said pass waits for what
 * the rest says: pass is the answer then either way, anything else is not. */
static SpfCode evaluate(const Frame *f, const SpfRecord *record)
{
    const gboolean had_problem = f->e->problem != NULL;
    gboolean pending = FALSE;
    SpfCode code = SPF_NEUTRAL;
    guint i;

    for (i = 0; i < record->n; i++) {
        const SpfTerm *term = &record->terms[i];
        SpfMatch match = match_term(f, term);

        if (match == MATCH_NO)
            continue;
        if (match == MATCH_TEMPERROR && term->says == SPF_PASS && f->e->request->defer_temperror) {
            pending = TRUE;
            continue;
        }
        code = match == MATCH_YES ? term->says : match == MATCH_TEMPERROR ? SPF_TEMPERROR : SPF_PERMERROR;
        if (match == MATCH_YES && (!pending || code == SPF_PASS))
            remember(f, record, term);
        break;
    }
    if (i == record->n && record->redirect.at)
        code = redirect(f, record);
    if (!pending)
        return code;
    if (code != SPF_PASS)
        return SPF_TEMPERROR;
    if (!had_problem) {
        g_clear_pointer(&f->e->problem, g_free);
        g_clear_pointer(&f->e->broken, g_free);
    }
    return SPF_PASS;
}

static SpfCode evaluate_text(const Frame *f, const char *text, gsize len)
{
    SpfRecord record;
    SpfSpan broken;
    const char *why = spf_record_parse(&record, text, len, &broken);
    SpfCode code = SPF_PERMERROR;

    if (why) {
        blame(f, broken, why);
    } else {
        prefetch(f, &record);
        code = evaluate(f, &record);
    }
    spf_record_clear(&record);
    return code;
}

/* RFC 7208 §4.6: the record as written, or, in lax evaluation, as it was meant. */
static SpfCode read_record(const Frame *f, const char *text, gsize len, gboolean substitute)
{
    SpfEval *e = f->e;
    g_autofree char *meant = NULL, *broken = NULL, *corrected = NULL;

    if (f->top && !e->record) {
        e->record = spf_printable(text, len, G_MAXUINT16);
        e->substitute = substitute;
    }
    if (!e->lax)
        return evaluate_text(f, text, len);
    meant = spf_lax_rewrite(text, len, &broken, &corrected);
    if (broken && !e->mended) {
        e->mended = spf_printable(broken, strlen(broken), QUOTED_MAX);
        e->mended_to = corrected ? spf_printable(corrected, strlen(corrected), QUOTED_MAX) : NULL;
    }
    return evaluate_text(f, meant, strlen(meant));
}

/* The one SPF record of an answer (§4.5): SPF_PASS with `found`; SPF_NONE; SPF_PERMERROR where there are
 * more. */
static SpfCode select_record(const DnsAnswer *answer, const DnsRecord **found)
{
    *found = NULL;
    for (guint i = 0; i < answer->n_records; i++) {
        const DnsRecord *record = &answer->records[i];
        if (!spf_is_record(record->text, record->text_len))
            continue;
        if (*found)
            return SPF_PERMERROR;
        *found = record;
    }
    return *found ? SPF_PASS : SPF_NONE;
}

/* Where the domain has no record: from the local ones, then from the delegate (C5). An error there is as
 * nothing. */
static DnsAnswer *substitute(SpfEval *e, const char *domain, const DnsRecord **found)
{
    const SpfRequest *q = e->request;
    DnsAnswer *answer;

    if (q->substitutes) {
        answer = dns_query(q->substitutes, domain, DNS_TXT, q->deadline);
        if (select_record(answer, found) == SPF_PASS)
            return answer;
        dns_answer_unref(answer);
    }
    if (q->delegate && *q->delegate) {
        g_autofree char *name = g_strdup_printf("%s._spf.%s", domain, q->delegate);
        answer = spf_name_usable(name) ? spf_ask(e, name, DNS_TXT) : NULL;
        if (answer && select_record(answer, found) == SPF_PASS)
            return answer;
        dns_answer_unref(answer);
    }
    return NULL;
}

/* RFC 7208 §4.4, §4.5. */
static SpfCode fetch_and_check(const Frame *f)
{
    g_autoptr(DnsAnswer) answer = spf_ask(f->e, f->domain, DNS_TXT);
    g_autoptr(DnsAnswer) other = NULL;
    const DnsRecord *found;
    SpfCode code;

    if (!answer) {
        blame(f, (SpfSpan){0}, "too many DNS queries");
        return SPF_PERMERROR;
    }
    if (answer->status == DNS_TEMPERROR) {
        g_autofree char *why =
            g_strdup_printf("DNS %s for TXT %s", answer->why ? answer->why : "error", f->domain);
        blame(f, (SpfSpan){0}, why);
        return SPF_TEMPERROR;
    }
    code = select_record(answer, &found);
    if (code == SPF_PERMERROR)
        blame(f, (SpfSpan){0}, "more than one SPF record");
    if (code == SPF_NONE && (other = substitute(f->e, f->domain, &found)))
        code = SPF_PASS;
    return code == SPF_PASS ? read_record(f, found->text, found->text_len, other != NULL) : code;
}

static SpfCode check_host(SpfEval *e, const char *domain, const char *given, gboolean top)
{
    const Frame frame = {.e = e, .domain = domain, .top = top};

    return given ? read_record(&frame, given, strlen(given), TRUE) : fetch_and_check(&frame);
}

SpfCode spf_check_host(SpfEval *e, const char *domain, const char *given)
{
    return check_host(e, domain, given, TRUE);
}

void spf_eval_clear(SpfEval *e)
{
    dns_answer_unref(e->ptr);
    g_free(e->problem);
    g_free(e->broken);
    g_free(e->mended);
    g_free(e->mended_to);
    g_free(e->record);
    g_free(e->mechanism);
    g_free(e->exp_name);
    g_free(e->exp_domain);
}
