/* The front of the SPF engine: from a request to a result. */
#include "idn.h"
#include "spf-internal.h"

#include <string.h>

/* A path has at most 256 bytes (RFC 5321 §4.5.3.1.3), 8-bit ones and odd MTAs some more. A longer sender has
 * no domain that we would believe. */
#define SENDER_MAX 1024u

#define GUESS_MFROM         "v=spf1 a/24 mx/24 ptr"
#define GUESS_MFROM_DYNAMIC "v=spf1 a/24 mx/24"
#define GUESS_HELO          "v=spf1 a mx"

static const char *const code_names[] = {
#define X(code, word) [code] = word,
    SPF_CODES(X)
#undef X
};

const char *spf_code_name(int code)
{
    return code >= 0 && code < (int)G_N_ELEMENTS(code_names) ? code_names[code] : "?";
}

gboolean spf_code_parse(const char *word, SpfCode *ret)
{
    for (guint i = 0; i < G_N_ELEMENTS(code_names); i++)
        if (g_ascii_strcasecmp(code_names[i], word) == 0) {
            *ret = i;
            return TRUE;
        }
    return FALSE;
}

const char *spf_identity_name(int identity)
{
    return identity == SPF_HELO ? "helo" : "mailfrom";
}

/* Who is checked, taken from the request once. */
typedef struct {
    SpfIdentity identity;
    char *sender, *local, *origin; /* %{s} %{l} %{o} */
    char *helo;                    /* %{h} */
    char *domain;                  /* origin in lower case; "" where it can have no record */
    gboolean local_is_8bit;
} Who;

static gboolean is_8bit(const char *text)
{
    for (; *text; text++)
        if (*text & 0x80)
            return TRUE;
    return FALSE;
}

/* Without the final dot; U-labels as A-labels (RFC 8616 §4). NULL: cannot be a domain. */
static char *clean_domain(const char *text)
{
    gsize len = strlen(text);
    g_autofree char *domain = g_strndup(text, len && text[len - 1] == '.' ? len - 1 : len);

    if (!is_8bit(domain))
        return g_steal_pointer(&domain);
    return len <= SENDER_MAX ? idn_to_ascii(domain) : NULL;
}

/* RFC 7208 §4.3: several labels of bytes that a mail domain can have, the last not a number. */
static gboolean can_have_record(const char *domain)
{
    const char *last = strrchr(domain, '.');

    if (!last || !spf_name_usable(domain))
        return FALSE;
    for (const char *p = domain; *p; p++)
        if (!g_ascii_isalnum(*p) && !strchr("-_.", *p))
            return FALSE;
    return strspn(last + 1, "0123456789") < strlen(last + 1);
}

static void who_read(Who *w, const SpfRequest *q)
{
    const char *helo = q->helo ? q->helo : "";
    const gboolean mfrom = q->sender && *q->sender;
    const char *at = mfrom ? strrchr(q->sender, '@') : NULL;
    const char *domain = at ? at + 1 : mfrom ? q->sender : helo;

    w->identity = mfrom ? SPF_MFROM : SPF_HELO;
    w->local = at && at > q->sender ? g_strndup(q->sender, (gsize)(at - q->sender))
                                    : g_strdup("postmaster"); /* §4.3 */
    w->local_is_8bit = is_8bit(w->local);
    w->origin = clean_domain(domain);
    if (!w->origin || strlen(domain) > SENDER_MAX || strlen(w->local) > SENDER_MAX) {
        g_free(w->origin);
        w->origin = g_strdup("");
    }
    w->helo = strlen(helo) <= SENDER_MAX ? clean_domain(helo) : NULL;
    if (!w->helo)
        w->helo = g_strdup("");
    w->sender = g_strconcat(w->local, "@", w->origin, NULL);
    w->domain = g_ascii_strdown(w->origin, -1);
    if (!can_have_record(w->domain))
        w->domain[0] = '\0';
}

static void who_clear(Who *w)
{
    g_free(w->sender);
    g_free(w->local);
    g_free(w->origin);
    g_free(w->helo);
    g_free(w->domain);
}

static void eval_start(SpfEval *e, const SpfRequest *q, const Who *w, gboolean lax)
{
    *e = (SpfEval){
        .request = q,
        .lax = lax,
        .macros = {.sender = w->sender,
                   .local = w->local,
                   .origin = w->origin,
                   .helo = w->helo,
                   .receiver = q->receiver && *q->receiver ? q->receiver : "unknown",
                   .local_is_8bit = w->local_is_8bit,
                   .ip = q->ip,
                   .now = q->now,
                   .p = spf_eval_p},
    };
}

/* RFC 7208 §6.2: exactly one TXT record that expands; anything else is as if there were no exp=. */
static char *domain_explanation(SpfEval *e)
{
    g_autoptr(DnsAnswer) answer = NULL;

    if (!e->exp_name)
        return NULL;
    answer = dns_query(e->request->resolver, e->exp_name, DNS_TXT, e->request->deadline);
    if (answer->status != DNS_OK || answer->n_records != 1)
        return NULL;
    return spf_expand_text(&e->macros, (SpfSpan){answer->records[0].text, answer->records[0].text_len},
                           e->exp_domain);
}

/* Ours may use the macros too, as a domain's own (§7). */
static char *our_explanation(SpfEval *e, const Who *w)
{
    const SpfRequest *q = e->request;
    char ip[IP_STRING_MAX];

    if (q->default_explanation) {
        SpfSpan text = {q->default_explanation, strlen(q->default_explanation)};
        char *expanded = spf_expand_text(&e->macros, text, w->domain);
        return expanded ? expanded
                        : spf_printable(q->default_explanation, strlen(q->default_explanation),
                                        SPF_EXPLANATION_MAX);
    }
    return g_strdup_printf("the domain %s does not permit %s to send its mail", w->domain,
                           ip_to_string(&q->ip, ip));
}

static char *take(char **from)
{
    return g_steal_pointer(from);
}

/* The second evaluation, of what was meant (C7). */
static void add_lax(SpfResult *result, SpfEval *strict, const Who *w, const char *given)
{
    SpfEval e;

    eval_start(&e, strict->request, w, TRUE);
    result->lax_code = spf_check_host(&e, w->domain, given);
    result->lax_mechanism = take(&e.mechanism);
    if (e.mended && (!result->broken || e.mended_to)) {
        g_free((char *)result->broken);
        result->broken = take(&e.mended);
        result->corrected = take(&e.mended_to);
    }
    spf_eval_clear(&e);
}

static void finish(SpfResult *result, SpfEval *e, const Who *w, const char *given)
{
    if (result->code == SPF_FAIL) {
        e->finished = TRUE;
        result->explanation = domain_explanation(e);
        result->explained_by_domain = result->explanation != NULL;
        if (!result->explanation)
            result->explanation = our_explanation(e, w);
    }
    result->lookups = e->lookups;
    result->voids = e->voids;
    result->substitute = e->substitute;
    result->record = take(&e->record);
    result->mechanism = take(&e->mechanism);
    if (result->code == SPF_TEMPERROR || result->code == SPF_PERMERROR) {
        result->problem = take(&e->problem);
        result->broken = take(&e->broken);
    }
    if (result->code == SPF_PERMERROR && e->request->lax)
        add_lax(result, e, w, given);
}

static SpfResult *run(const SpfRequest *q, const char *given, gboolean guess)
{
    SpfResult *result = g_new0(SpfResult, 1);
    Who w = {0};
    SpfEval e;

    who_read(&w, q);
    eval_start(&e, q, &w, FALSE);
    e.guess = guess;
    result->identity = w.identity;
    result->lax_code = SPF_PERMERROR;
    if (*w.domain && q->ip.family != IP_NONE)
        result->code = spf_check_host(&e, w.domain, given);
    finish(result, &e, &w, given);
    result->domain = take(&w.domain);
    spf_eval_clear(&e);
    who_clear(&w);
    return result;
}

SpfResult *spf_check(const SpfRequest *request)
{
    return run(request, NULL, FALSE);
}

SpfResult *spf_evaluate(const SpfRequest *request, const char *record)
{
    SpfResult *result;

    if (spf_is_record(record, strlen(record)))
        return run(request, record, FALSE);
    result = run(request, "v=spf1 all", FALSE);
    if (result->code != SPF_NONE) {
        result->code = SPF_PERMERROR;
        result->problem = g_strdup("the given record does not begin with v=spf1");
    }
    return result;
}

SpfResult *spf_guess(const SpfRequest *request, gboolean dynamic)
{
    const gboolean mfrom = request->sender && *request->sender;

    return run(request, !mfrom ? GUESS_HELO : dynamic ? GUESS_MFROM_DYNAMIC : GUESS_MFROM, TRUE);
}

char *spf_diagnosis(const SpfResult *result)
{
    GString *text;

    if (!result->problem)
        return NULL;
    text = g_string_new(result->problem);
    if (result->code == SPF_PERMERROR && result->lax_code != SPF_PERMERROR) {
        if (result->corrected)
            g_string_append_printf(text, "; with \"%s\" for \"%s\"", result->corrected, result->broken);
        else
            g_string_append(text, "; taken leniently");
        g_string_append_printf(text, " the result would be %s", spf_code_name(result->lax_code));
    }
    return g_string_free(text, FALSE);
}

void spf_result_free(SpfResult *result)
{
    if (!result)
        return;
    g_free((char *)result->domain);
    g_free((char *)result->record);
    g_free((char *)result->mechanism);
    g_free((char *)result->explanation);
    g_free((char *)result->problem);
    g_free((char *)result->broken);
    g_free((char *)result->lax_mechanism);
    g_free((char *)result->corrected);
    g_free(result);
}
