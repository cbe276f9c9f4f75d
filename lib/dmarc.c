/* dmarc.c — which policy applies, who is aligned, and the verdict: RFC 9989 §4.10.1, §5.3; RFC 7489 §6.6. */
#include "dmarc-internal.h"

#include <string.h>

/* How many author domains are named in a sentence. */
#define NAMED_MAX 3u

static const char *const standard_names[] = {[DMARC_RFC9989] = "rfc9989", [DMARC_RFC7489] = "rfc7489"};

static const char *const code_names[] = {
#define X(code, word) [code] = word,
    DMARC_CODES(X)
#undef X
};

static const char *const policy_names[] = {
#define X(code, word) [code] = word,
    DMARC_POLICIES(X)
#undef X
};

static const char *word_of(const char *const *words, gsize n, int value)
{
    return value >= 0 && value < (int)n ? words[value] : "?";
}

const char *dmarc_standard_name(int standard)
{
    return word_of(standard_names, G_N_ELEMENTS(standard_names), standard);
}

const char *dmarc_code_name(int code)
{
    return word_of(code_names, G_N_ELEMENTS(code_names), code);
}

const char *dmarc_policy_name(int policy)
{
    return word_of(policy_names, G_N_ELEMENTS(policy_names), policy);
}

gboolean dmarc_standard_parse(const char *word, DmarcStandard *ret)
{
    for (guint i = 0; i < G_N_ELEMENTS(standard_names); i++)
        if (g_ascii_strcasecmp(standard_names[i], word) == 0) {
            *ret = i;
            return TRUE;
        }
    return FALSE;
}

DmarcAuth dmarc_auth_of(const char *result)
{
    return g_ascii_strcasecmp(result, "pass") == 0        ? DMARC_AUTH_PASS
           : g_ascii_strcasecmp(result, "temperror") == 0 ? DMARC_AUTH_TEMPERROR
                                                          : DMARC_AUTH_NO;
}

/* One check while it runs. */
typedef struct {
    const DmarcRequest *request;
    DmarcAsker asker;
    DmarcResult *result;
    char *author;
    const char *org;           /* in `author`; NULL: unknown */
    const DmarcAnswer *answer; /* whose record applies; NULL: none found */
    const char *policy_domain; /* in `author`: where `answer` is */
    char *walk_error;          /* why record or organizational domain are unknown; NULL: they are known */
    char *error;               /* the first question that alignment or policy needed and that had no answer */
} Check;

static void set_reason(Check *c, DmarcCode code, char *reason)
{
    c->result->code = code;
    g_free((char *)c->result->reason);
    c->result->reason = reason;
}

static void note_error(Check *c, char *error)
{
    if (c->error)
        g_free(error);
    else
        c->error = error;
}

/* --- policy discovery --- */

static gboolean apply_record(Check *c, const DmarcAnswer *answer, const char *domain)
{
    if (!answer || !answer->record)
        return FALSE;
    c->answer = answer;
    c->policy_domain = domain;
    return TRUE;
}

/* RFC 9989 §4.10.1: the author's own record, else that of the organizational domain, else the public suffix's. What the
 * walk met between them has only helped to find these. */
static void discover(Check *c)
{
    const DmarcAnswer *last;
    DmarcWalk walk;

    dmarc_walk(&c->asker, c->author, &walk);
    c->org = walk.org;
    c->walk_error = g_steal_pointer(&walk.error);
    last = walk.n ? walk.found[walk.n - 1] : NULL;
    if (apply_record(c, walk.n ? walk.found[0] : NULL, c->author) || !c->org)
        return;
    if (apply_record(c, dmarc_walk_at(&walk, c->org), c->org))
        return;
    g_assert(last); /* a walk that found a domain has asked */
    if (last->record && last->record->psd == DMARC_PSD_YES) {
        apply_record(c, last, walk.names[walk.n - 1]);
        c->result->psd = TRUE;
    }
}

/* RFC 7489 §6.6.3. Step 3 goes on where the set is empty, step 5 ends it where there are several. */
static void discover_by_suffix(Check *c)
{
    const DmarcAnswer *answer = dmarc_ask(&c->asker, c->author, c->author);
    const char *at = c->author;

    c->org = dmarc_org_by_suffix(c->author);
    if (answer->n == 0 && answer->status != DNS_TEMPERROR && c->org != c->author) {
        at = c->org;
        answer = dmarc_ask(&c->asker, at, c->author);
    }
    if (answer->status == DNS_TEMPERROR)
        c->walk_error = g_strdup(answer->why);
    else
        apply_record(c, answer, at);
}

/* --- the policy --- */

/* Is the author domain NXDOMAIN (RFC 9989 §3.2.13)? A name below it that exists says no. */
static gboolean is_nonexistent(Check *c)
{
    const DmarcAnswer *below = dmarc_ask(&c->asker, c->author, c->author);
    g_autoptr(DnsAnswer) answer = NULL;

    if (strlen(c->author) > DMARC_NAME_MAX)
        return TRUE;
    if (below && (below->status == DNS_OK || below->status == DNS_NODATA))
        return FALSE;
    answer = dmarc_ask_dns(&c->asker, c->author, DNS_A, c->author);
    if (answer && answer->status == DNS_TEMPERROR)
        note_error(c, g_strdup_printf("DNS %s for A %s", answer->why ? answer->why : "error", c->author));
    return answer && answer->status == DNS_NXDOMAIN;
}

static DmarcPolicy one_level_below(DmarcPolicy policy)
{
    return policy == DMARC_POLICY_REJECT ? DMARC_POLICY_QUARANTINE : DMARC_POLICY_NONE;
}

/* RFC 9989 §4.7 t; RFC 7489 §6.6.4 pct. */
static gboolean is_milder(const Check *c, const DmarcRecord *record)
{
    return c->request->standard == DMARC_RFC7489 ? c->request->sample >= record->pct : record->testing;
}

static void choose_policy(Check *c)
{
    const DmarcRecord *record = c->answer->record;
    DmarcResult *r = c->result;

    r->subdomain = c->policy_domain != c->author;
    r->tag = "p";
    r->policy = record->p;
    if (r->subdomain && record->has_np && record->np != record->sp && is_nonexistent(c)) {
        r->nonexistent = TRUE;
        r->tag = "np";
        r->policy = record->np;
    } else if (r->subdomain) {
        r->tag = record->has_sp ? "sp" : "p";
        r->policy = record->sp;
    }
    r->applied = is_milder(c, record) ? one_level_below(r->policy) : r->policy;
}

/* --- alignment (RFC 9989 §4.10.2, §4.4; RFC 7489 §3.1) --- */

static gboolean is_within(const char *domain, const char *above)
{
    gsize len = strlen(domain), above_len = strlen(above);

    return g_str_has_suffix(domain, above) && (len == above_len || domain[len - above_len - 1] == '.');
}

static const char *top_label(const char *domain)
{
    const char *dot = strrchr(domain, '.');

    return dot ? dot + 1 : domain;
}

/* An organizational domain is a name's own end, so a name that is not below the author's has another one: it needs no
 * walk, and a message cannot make us ask for domains that have nothing to do with its author. FALSE with c->error: it
 * could not be found out. */
static gboolean same_org(Check *c, const char *domain)
{
    g_autofree char *error = NULL;
    const char *org;

    if (!c->org) {
        if (strcmp(top_label(domain), top_label(c->author)) == 0)
            note_error(c, g_strdup(c->walk_error));
        return FALSE;
    }
    if (!is_within(domain, c->org))
        return FALSE;
    org = dmarc_org(&c->asker, domain, &error);
    if (error)
        note_error(c, g_steal_pointer(&error));
    return org && strcmp(org, c->org) == 0;
}

/* TRUE: an aligned pass. SPF or DKIM that could not be asked is an error only for an aligned domain, else a stranger's
 * broken DNS would spare his forgery the policy. */
static gboolean vouches(Check *c, const DmarcIdentity *identity, gboolean strict, const char *method)
{
    g_autofree char *domain = identity->auth == DMARC_AUTH_NO ? NULL : dmarc_domain(identity->domain);

    if (!domain || (strcmp(domain, c->author) != 0 && (strict || !same_org(c, domain))))
        return FALSE;
    if (identity->auth == DMARC_AUTH_TEMPERROR)
        note_error(c, g_strdup_printf("%s for %s had a temporary error", method, domain));
    return identity->auth == DMARC_AUTH_PASS;
}

/* --- the verdict --- */

static gboolean anything_passed(const DmarcRequest *q)
{
    gboolean passed = q->spf.auth == DMARC_AUTH_PASS;

    for (guint i = 0; i < q->n_dkim; i++)
        passed |= q->dkim[i].auth == DMARC_AUTH_PASS;
    return passed;
}

static void say_pass(Check *c)
{
    const DmarcResult *r = c->result;
    const DmarcRequest *q = c->request;
    const gboolean by_spf = r->spf_aligned;
    g_autofree char *domain = dmarc_domain(by_spf ? q->spf.domain : q->dkim[r->dkim_aligned].domain);

    set_reason(c, DMARC_PASS,
               g_strdup_printf("%s passed for %s%s, aligned with %s", by_spf ? "SPF" : "DKIM", domain,
                               by_spf && r->dkim_aligned >= 0 ? " (and DKIM)" : "", c->author));
}

static void say_fail(Check *c)
{
    const char *why = !anything_passed(c->request) ? "neither SPF nor DKIM passed for"
                      : c->asker.exhausted
                          ? "within the limit of queries nothing that passed was found aligned with"
                          : "nothing that passed is aligned with";

    set_reason(c, DMARC_FAIL, g_strdup_printf("%s %s", why, c->author));
    c->result->disposition = c->result->applied;
}

static void judge(Check *c)
{
    const DmarcRequest *q = c->request;
    const DmarcRecord *record = c->answer->record;
    DmarcResult *r = c->result;

    choose_policy(c);
    r->spf_aligned = vouches(c, &q->spf, record->strict_spf, "SPF");
    for (guint i = 0; i < q->n_dkim && r->dkim_aligned < 0; i++)
        if (vouches(c, &q->dkim[i], record->strict_dkim, "DKIM"))
            r->dkim_aligned = (gint)i;
    if (r->spf_aligned || r->dkim_aligned >= 0)
        say_pass(c);
    else if (c->error)
        set_reason(c, DMARC_TEMPERROR, g_strdup(c->error));
    else
        say_fail(c);
    r->policy_domain = g_strdup(c->policy_domain);
    r->record = dmarc_take_record(&c->asker, c->policy_domain, (char **)&r->text);
}

static void say_nothing_found(Check *c)
{
    const DmarcAnswer *own = dmarc_ask(&c->asker, c->author, c->author);

    if (c->walk_error)
        set_reason(c, DMARC_TEMPERROR, g_strdup(c->walk_error));
    else if (own && own->n > 1)
        set_reason(c, DMARC_NONE, g_strdup_printf("%s has several DMARC records: none counts", c->author));
    else
        set_reason(c, DMARC_NONE, g_strdup_printf("no DMARC record for %s", c->author));
}

static void say_unusable(Check *c)
{
    set_reason(c, DMARC_NONE,
               g_strdup_printf("the DMARC record of %s has no valid policy and no address for reports",
                               c->policy_domain));
}

static void check_author(Check *c)
{
    if (c->request->standard == DMARC_RFC7489)
        discover_by_suffix(c);
    else
        discover(c);
    if (!c->answer)
        say_nothing_found(c);
    else if (!c->answer->record->usable)
        say_unusable(c);
    else
        judge(c);
    c->result->org_domain = g_strdup(c->org);
}

/* RFC 9989 §5.3.1: it takes exactly one. */
static void say_authors(Check *c)
{
    const DmarcAuthors *authors = c->request->authors;
    GString *text;

    if (authors->n == 0) {
        set_reason(c, DMARC_NONE, g_strdup(authors->n_fields ? "From names no domain" : "there is no From"));
        return;
    }
    if (authors->n == 1) {
        set_reason(c, DMARC_PERMERROR,
                   g_strdup_printf(authors->n_fields > 1 ? "there are several From fields, of %s"
                                                         : "From can be read in several ways, one is %s",
                                   authors->domains[0]));
        return;
    }
    text = g_string_new("From names several domains: ");
    for (guint i = 0; i < authors->n && i < NAMED_MAX; i++)
        g_string_append_printf(text, "%s%s", i ? ", " : "", authors->domains[i]);
    if (authors->n > NAMED_MAX)
        g_string_append_printf(text, " and %u more", authors->n - NAMED_MAX);
    set_reason(c, DMARC_PERMERROR, g_string_free(text, FALSE));
}

static void take_queries(Check *c)
{
    gsize n;

    c->result->queries = (DmarcQuery *)(void *)g_array_steal(c->asker.queries, &n);
    c->result->n_queries = (guint)n;
}

DmarcResult *dmarc_check(const DmarcRequest *request)
{
    Check c = {.request = request, .result = g_new0(DmarcResult, 1)};

    c.result->dkim_aligned = -1;
    dmarc_asker_init(&c.asker, request->resolver, request->deadline, request->standard);
    c.author = g_strdup(dmarc_authors_only(request->authors));
    if (c.author)
        check_author(&c);
    else
        say_authors(&c);
    take_queries(&c);
    dmarc_asker_clear(&c.asker);
    c.result->author = c.author;
    g_free(c.walk_error);
    g_free(c.error);
    return c.result;
}

char *dmarc_org_domain(Resolver *resolver, gint64 deadline, DmarcStandard standard, const char *text)
{
    g_autofree char *domain = dmarc_domain(text), *error = NULL, *org = NULL;
    DmarcAsker asker;

    if (!domain)
        return NULL;
    dmarc_asker_init(&asker, resolver, deadline, standard);
    org = g_strdup(dmarc_org(&asker, domain, &error));
    dmarc_asker_clear(&asker);
    return g_steal_pointer(&org);
}

AuthResResult *dmarc_authres(AuthRes *ar, const DmarcResult *result)
{
    AuthResResult *r = authres_add(ar, "dmarc", dmarc_code_name(result->code));

    authres_add_property(r, "header", "from", result->author);
    if (result->policy_domain)
        authres_add_property(r, "policy", "dmarc", dmarc_policy_name(result->applied));
    return r;
}

void dmarc_result_free(DmarcResult *result)
{
    if (!result)
        return;
    for (guint i = 0; i < result->n_queries; i++) {
        g_free((char *)result->queries[i].name);
        g_free((char *)result->queries[i].of);
    }
    g_free((DmarcQuery *)result->queries);
    g_free((char *)result->reason);
    g_free((char *)result->author);
    g_free((char *)result->org_domain);
    g_free((char *)result->policy_domain);
    g_free((char *)result->text);
    dmarc_record_free(result->record);
    g_free(result);
}
