/* The syntax of records and terms: RFC 7208 §4.5, §4.6.1, §5, §6, §12. */
#include "spf-internal.h"

#include <string.h>

static const struct {
    const char *name;
    enum { NO_SPEC, MAY_SPEC, MUST_SPEC, ADDRESS } spec;
    gboolean cidr;
} kinds[TERM_KINDS] = {
    [TERM_ALL] = {"all", NO_SPEC, FALSE},  [TERM_INCLUDE] = {"include", MUST_SPEC, FALSE},
    [TERM_A] = {"a", MAY_SPEC, TRUE},      [TERM_MX] = {"mx", MAY_SPEC, TRUE},
    [TERM_PTR] = {"ptr", MAY_SPEC, FALSE}, [TERM_IP4] = {"ip4", ADDRESS, TRUE},
    [TERM_IP6] = {"ip6", ADDRESS, TRUE},   [TERM_EXISTS] = {"exists", MUST_SPEC, FALSE},
};

gboolean spf_is_record(const char *text, gsize len)
{
    return len >= 6 && g_ascii_strncasecmp(text, "v=spf1", 6) == 0 && (len == 6 || text[6] == ' ');
}

static gboolean span_is(SpfSpan span, const char *word)
{
    return span.len == strlen(word) && g_ascii_strncasecmp(span.at, word, span.len) == 0;
}

gboolean spf_kind_of(SpfSpan name, SpfKind *ret)
{
    for (guint k = 0; k < TERM_KINDS; k++)
        if (span_is(name, kinds[k].name)) {
            *ret = k;
            return TRUE;
        }
    return FALSE;
}

const char *spf_kind_name(SpfKind kind)
{
    return kinds[kind].name;
}

gboolean spf_next_word(const char **at, const char *end, SpfSpan *word)
{
    const char *p = *at;

    while (p < end && *p == ' ')
        p++;
    word->at = p;
    while (p < end && *p != ' ')
        p++;
    word->len = (gsize)(p - word->at);
    *at = p;
    return word->len > 0;
}

SpfWord spf_word_split(SpfSpan word)
{
    SpfWord w = {0};
    const char *p = word.at, *end = word.at + word.len;

    if (p < end && strchr("+-?~", *p) && *p)
        w.qualifier = *p++;
    w.name.at = p;
    while (p < end && *p != ':' && *p != '/' && *p != '=')
        p++;
    w.name.len = (gsize)(p - w.name.at);
    if (p < end)
        w.sign = *p == '/' ? *p : *p++; /* the slash is part of the length, so it begins the rest */
    w.rest = (SpfSpan){p, (gsize)(end - p)};
    return w;
}

/* name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ) */
static gboolean is_modifier_name(SpfSpan name)
{
    if (name.len == 0 || !g_ascii_isalpha(name.at[0]))
        return FALSE;
    for (gsize i = 1; i < name.len; i++)
        if (!g_ascii_isalnum(name.at[i]) && (name.at[i] == '\0' || !strchr("-_.", name.at[i])))
            return FALSE;
    return TRUE;
}

/* "/" ( "0" / %x31-39 *DIGIT ) at the end of `span`, behind `slashes` of them. Cuts it off. */
static gboolean cut_cidr(SpfSpan *span, guint slashes, guint *ret)
{
    gsize digits = 0, n = 0;

    while (digits < span->len && digits < 4 && g_ascii_isdigit(span->at[span->len - 1 - digits]))
        digits++;
    if (digits == 0 || digits > 3 || span->len < digits + slashes)
        return FALSE;
    for (guint i = 1; i <= slashes; i++)
        if (span->at[span->len - digits - i] != '/')
            return FALSE;
    if (digits > 1 && span->at[span->len - digits] == '0')
        return FALSE;
    for (gsize i = span->len - digits; i < span->len; i++)
        n = 10 * n + (gsize)(span->at[i] - '0');
    span->len -= digits + slashes;
    *ret = (guint)n;
    return TRUE;
}

/* dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ] */
static const char *parse_dual_cidr(SpfSpan *rest, SpfTerm *term)
{
    guint bits;

    if (cut_cidr(rest, 2, &bits)) {
        if (bits > 128)
            return "an IPv6 prefix length is at most 128";
        term->bits6 = (guint8)bits;
    }
    if (cut_cidr(rest, 1, &bits)) {
        if (bits > 32)
            return "an IPv4 prefix length is at most 32";
        term->bits4 = (guint8)bits;
    }
    return NULL;
}

/* RFC 7208 §5.6. An IPv4-mapped network is good syntax, but an IPv4 client matches ip4 only. */
static const char *parse_network(SpfSpan rest, SpfTerm *term)
{
    const gboolean v6 = term->kind == TERM_IP6;
    const char *slash = memchr(rest.at, '/', rest.len);
    SpfSpan address = {rest.at, slash ? (gsize)(slash - rest.at) : rest.len};
    SpfSpan tail = {rest.at + address.len, rest.len - address.len};
    guint bits = v6 ? 128 : 32;

    if (!ip_parse_len(address.at, address.len, &term->ip) || !!memchr(address.at, ':', address.len) != v6)
        return v6 ? "not an IPv6 address" : "not an IPv4 address";
    if (slash && (!cut_cidr(&tail, 1, &bits) || tail.len > 0 || bits > (v6 ? 128 : 32)))
        return "the prefix length is wrong";
    if (v6 && term->ip.family == IP_V4)
        term->ip.family = IP_NONE;
    term->bits4 = term->bits6 = (guint8)bits;
    return NULL;
}

static const char *parse_argument(SpfTerm *term, SpfWord w)
{
    const char *wrong;

    if (kinds[term->kind].spec == ADDRESS)
        return w.sign == ':' ? parse_network(w.rest, term) : "an address is missing";
    if (w.sign == '=')
        return "= is for modifiers";
    if (kinds[term->kind].cidr && (wrong = parse_dual_cidr(&w.rest, term)))
        return wrong;
    if (w.sign != ':')
        return w.rest.len > 0                        ? "what follows the name is not understood"
               : kinds[term->kind].spec == MUST_SPEC ? "a domain is missing"
                                                     : NULL;
    if (kinds[term->kind].spec == NO_SPEC)
        return "it takes no argument";
    if (w.rest.len == 0)
        return "the domain is empty";
    term->spec = w.rest;
    term->literal = memchr(w.rest.at, '%', w.rest.len) == NULL;
    return spf_macro_error(w.rest, MACRO_DOMAIN_SPEC);
}

static const char *parse_modifier(SpfRecord *record, SpfSpan word, SpfWord w)
{
    SpfSpan *known = span_is(w.name, "redirect") ? &record->redirect
                     : span_is(w.name, "exp")    ? &record->exp
                                                 : NULL;

    if (!known)
        return spf_macro_error(w.rest, MACRO_ANY); /* §6: unknown ones are ignored, but must be well formed */
    if (known->at)
        return "it is there twice";
    if (w.rest.len == 0)
        return "the domain is empty";
    *known = w.rest;
    if (known == &record->redirect)
        record->redirect_text = word;
    return spf_macro_error(w.rest, MACRO_DOMAIN_SPEC);
}

const char *spf_term_parse(SpfRecord *record, SpfSpan word)
{
    SpfWord w = spf_word_split(word);
    SpfTerm term = {.text = word, .bits4 = 32, .bits6 = 128};
    SpfKind kind;
    const char *wrong;

    if (w.sign == '=' && !w.qualifier && is_modifier_name(w.name))
        return parse_modifier(record, word, w);
    if (!spf_kind_of(w.name, &kind))
        return "unknown mechanism";
    term.kind = kind;
    term.says = w.qualifier == '-'   ? SPF_FAIL
                : w.qualifier == '~' ? SPF_SOFTFAIL
                : w.qualifier == '?' ? SPF_NEUTRAL
                                     : SPF_PASS;
    if ((wrong = parse_argument(&term, w)))
        return wrong;
    if (record->n == SPF_TERMS_MAX)
        return "too many terms";
    if (record->n == record->room) {
        record->room = record->room ? 2 * record->room : 16;
        record->terms = g_renew(SpfTerm, record->terms, record->room);
    }
    record->terms[record->n++] = term;
    return NULL;
}

const char *spf_record_parse(SpfRecord *record, const char *text, gsize len, SpfSpan *broken)
{
    const char *at = text + 6, *end = text + len, *wrong;

    *record = (SpfRecord){0};
    while (spf_next_word(&at, end, broken))
        if ((wrong = spf_term_parse(record, *broken)))
            return wrong;
    return NULL;
}

void spf_record_clear(SpfRecord *record)
{
    g_free(record->terms);
    *record = (SpfRecord){0};
}

char *spf_record_error(const char *text, gsize len)
{
    SpfRecord record;
    SpfSpan broken;
    const char *wrong;

    if (!spf_is_record(text, len))
        return g_strdup("it does not begin with v=spf1");
    wrong = spf_record_parse(&record, text, len, &broken);
    spf_record_clear(&record);
    return wrong ? g_strdup_printf("%.*s: %s", (int)MIN(broken.len, 200), broken.at, wrong) : NULL;
}
