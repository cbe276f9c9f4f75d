/* dkim-tags.c — the tags of a signature: DKIM (RFC 6376 §3.5) and ARC (RFC 8617 §4.1). */
#include <string.h>

#include "dkim-internal.h"

#define TIME_DIGITS_MAX   12 /* RFC 6376 §3.5, t= */
#define LENGTH_DIGITS_MAX 76 /* RFC 6376 §3.5, l= */
#define LABEL_MAX_LEN     63
#define BASE64_MAX        8192 /* bytes of b=; a signature of 16,384 bits has 2,732 */
#define INSTANCE_DIGITS   2    /* RFC 8617 §4.2.1: at most 50 */

static const char *const algorithm_names[] = {
#define X(algorithm, word) [algorithm] = word,
    DKIM_ALGORITHMS(X)
#undef X
};

const char *dkim_algorithm_name(int algorithm)
{
    return algorithm >= 0 && algorithm < DKIM_N_ALGORITHMS ? algorithm_names[algorithm] : "?";
}

/* Labels of letters, digits, hyphens, and underscores as they are in use; or of UTF-8 (RFC 8616 §2). */
gboolean dkim_is_domain(const char *text, guint labels_min)
{
    guint labels = 1;
    gsize label = 0;
    if (strlen(text) > DKIM_NAME_MAX)
        return FALSE;
    for (const char *p = text; *p; p++) {
        if (*p == '.') {
            if (label == 0)
                return FALSE;
            labels++;
            label = 0;
        } else if (++label > LABEL_MAX_LEN ||
                   (!g_ascii_isalnum(*p) && *p != '-' && *p != '_' && !((guchar)*p & 0x80))) {
            return FALSE;
        }
    }
    return label > 0 && labels >= labels_min && g_utf8_validate(text, -1, NULL);
}

static const char *parse_version(DkimTags *tags, Span value, gint64 now)
{
    return span_is(value, "1") ? NULL : "v= is not 1";
}

static const char *parse_algorithm(DkimTags *tags, Span value, gint64 now)
{
    for (guint i = 0; i < DKIM_N_ALGORITHMS; i++)
        if (span_is(value, algorithm_names[i])) {
            tags->algorithm = i;
            return NULL;
        }
    return "a= is not a known algorithm";
}

static const char *parse_signature(DkimTags *tags, Span value, gint64 now)
{
    tags->signature = value.len <= BASE64_MAX ? span_base64(value, &tags->signature_len) : NULL;
    return tags->signature ? NULL : "b= is not base64";
}

static const char *parse_body_hash(DkimTags *tags, Span value, gint64 now)
{
    tags->body_hash = value.len <= BASE64_MAX ? span_base64(value, &tags->body_hash_len) : NULL;
    return tags->body_hash ? NULL : "bh= is not base64";
}

/* sig-c-tag-alg = "simple" / "relaxed", for the header, and after a slash for the body, which else is simple. */
static const char *parse_canon(DkimTags *tags, Span value, gint64 now)
{
    Span header, body;
    span_next(&value, '/', &header);
    if (!dkim_canon_parse(header.at, (gssize)header.len, &tags->header_canon) ||
        (span_next(&value, '/', &body) && !dkim_canon_parse(body.at, (gssize)body.len, &tags->body_canon)) ||
        value.at)
        return "c= is not a known canonicalization";
    return NULL;
}

/* Lower case, without the final dot that some write. */
static char *name_of(Span value)
{
    if (value.len && value.at[value.len - 1] == '.')
        value.len--;
    return g_ascii_strdown(value.at, (gssize)value.len);
}

static const char *parse_domain(DkimTags *tags, Span value, gint64 now)
{
    g_autofree char *domain = name_of(value);
    if (!dkim_is_domain(domain, 2))
        return "d= is not a domain";
    tags->domain = g_steal_pointer(&domain);
    return NULL;
}

static const char *parse_selector(DkimTags *tags, Span value, gint64 now)
{
    g_autofree char *selector = name_of(value);
    if (!dkim_is_domain(selector, 1))
        return "s= is not a selector";
    tags->selector = g_steal_pointer(&selector);
    return NULL;
}

static const char *parse_names(DkimTags *tags, Span value, gint64 now)
{
    Span rest = value, name;
    guint n = 0;
    gboolean from = FALSE, seal = FALSE;
    while (span_next(&rest, ':', &name)) {
        if (++n > DKIM_NAMES_MAX)
            return "h= names too many fields";
        from |= span_is_nocase(name, "from");
        seal |= span_is_nocase(name, "arc-seal");
    }
    tags->names = value;
    if (tags->kind == DKIM_SIGNATURE && !from)
        return "h= does not name From"; /* RFC 6376 §6.1.1 */
    if (tags->kind == ARC_MESSAGE_SIGNATURE && seal)
        return "h= names ARC-Seal"; /* RFC 8617 §4.1.2 */
    return NULL;
}

/* RFC 8617 §4.1.3 */
static const char *refuse_names(DkimTags *tags, Span value, gint64 now)
{
    return "h= in an ARC-Seal";
}

/* RFC 6376 §2.11 dkim-quoted-printable: "=" and two upper-case digits; white space is nothing. NULL: it is none,
 * or holds what no identity does. */
static char *decode_quoted(Span value)
{
    g_autoptr(GString) out = g_string_sized_new(value.len);
    for (gsize i = 0; i < value.len; i++) {
        char c = value.at[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        if (c == '=') {
            if (i + 2 >= value.len || !g_ascii_isxdigit(value.at[i + 1]) ||
                !g_ascii_isxdigit(value.at[i + 2]))
                return NULL;
            c = (char)(g_ascii_xdigit_value(value.at[i + 1]) << 4 | g_ascii_xdigit_value(value.at[i + 2]));
            i += 2;
        }
        if ((guchar)c < ' ' || c == 0x7f)
            return NULL;
        g_string_append_c(out, c);
    }
    return g_utf8_validate(out->str, (gssize)out->len, NULL) ? g_strdup(out->str) : NULL;
}

static const char *parse_identity(DkimTags *tags, Span value, gint64 now)
{
    g_autofree char *identity = decode_quoted(value);
    char *at = identity ? strrchr(identity, '@') : NULL;
    if (!at)
        return "i= is not an identity";
    g_autofree char *domain = name_of((Span){at + 1, strlen(at + 1)});
    if (!dkim_is_domain(domain, 2))
        return "i= is not an identity";
    tags->identity = g_strdup_printf("%.*s@%s", (int)(at - identity), identity, domain);
    return NULL;
}

/* RFC 8617 §4.2.1: 1 to 50; the upper end is the chain's to check. */
static const char *parse_instance(DkimTags *tags, Span value, gint64 now)
{
    guint64 instance;
    if (!span_number(value, INSTANCE_DIGITS, &instance) || instance == 0)
        return "i= is not an instance";
    tags->instance = (guint)instance;
    return NULL;
}

static const char *parse_cv(DkimTags *tags, Span value, gint64 now)
{
    tags->cv = value;
    return span_is(value, "none") || span_is(value, "pass") || span_is(value, "fail") ? NULL
                                                                                      : "cv= is not a status";
}

static const char *parse_length(DkimTags *tags, Span value, gint64 now)
{
    Span digits = value;
    while (digits.len > 1 && digits.at[0] == '0')
        digits.at++, digits.len--;
    if (value.len > LENGTH_DIGITS_MAX || !span_number(digits, 18, &tags->limit))
        return "l= is not a length";
    return NULL;
}

/* "dns" alone is what the first drafts wrote. */
static const char *parse_query(DkimTags *tags, Span value, gint64 now)
{
    return span_list_has(value, ':', "dns/txt") || span_list_has(value, ':', "dns")
               ? NULL
               : "q= has no known method";
}

static const char *parse_timestamp(DkimTags *tags, Span value, gint64 now)
{
    guint64 seconds;
    if (!span_number(value, TIME_DIGITS_MAX, &seconds))
        return "t= is not a time";
    tags->timestamp = (gint64)seconds;
    return tags->timestamp > now + DKIM_FUTURE_MAX ? "signed in the future" : NULL;
}

/* More digits than a time has are good syntax, and mean never (RFC 6376 §3.5). */
static const char *parse_expiry(DkimTags *tags, Span value, gint64 now)
{
    guint64 seconds = 0;
    gboolean never = value.len > TIME_DIGITS_MAX;
    for (gsize i = 0; i < value.len; i++)
        never &= g_ascii_isdigit(value.at[i]);
    if (!never && !span_number(value, TIME_DIGITS_MAX, &seconds))
        return "x= is not a time";
    tags->expires = never ? G_MAXINT64 : (gint64)seconds;
    return NULL;
}

enum {
    EVERY = DKIM_SIGNATURE | ARC_MESSAGE_SIGNATURE | ARC_SEAL,
    MESSAGE = DKIM_SIGNATURE | ARC_MESSAGE_SIGNATURE
};

/* In the order in which they are looked at. */
static const struct {
    const char *name;
    guint known;    /* kinds that have it; for others it is an unknown tag, and ignored */
    guint required; /* kinds that must have it */
    const char *(*parse)(DkimTags *tags, Span value, gint64 now);
    const char *missing;
} rules[] = {
    {"v", DKIM_SIGNATURE, DKIM_SIGNATURE, parse_version, "v= is missing"},
    {"i", ARC_MESSAGE_SIGNATURE | ARC_SEAL, ARC_MESSAGE_SIGNATURE | ARC_SEAL, parse_instance,
     "i= is missing"},
    {"d", EVERY, EVERY, parse_domain, "d= is missing"},
    {"s", EVERY, EVERY, parse_selector, "s= is missing"},
    {"a", EVERY, EVERY, parse_algorithm, "a= is missing"},
    {"b", EVERY, EVERY, parse_signature, "b= is missing"},
    {"bh", MESSAGE, MESSAGE, parse_body_hash, "bh= is missing"},
    {"c", MESSAGE, 0, parse_canon, NULL},
    {"cv", ARC_SEAL, ARC_SEAL, parse_cv, "cv= is missing"},
    {"h", MESSAGE, MESSAGE, parse_names, "h= is missing"},
    {"h", ARC_SEAL, 0, refuse_names, NULL},
    {"i", DKIM_SIGNATURE, 0, parse_identity, NULL},
    {"l", MESSAGE, 0, parse_length, NULL},
    {"q", MESSAGE, 0, parse_query, NULL},
    {"t", EVERY, 0, parse_timestamp, NULL},
    {"x", MESSAGE, 0, parse_expiry, NULL},
};

/* i= is d= or below it (RFC 6376 §3.5). */
static gboolean identity_fits(const DkimTags *tags)
{
    const char *host = strrchr(tags->identity, '@') + 1;
    gsize len = strlen(host), n = strlen(tags->domain);
    return len >= n && strcmp(host + len - n, tags->domain) == 0 && (len == n || host[len - n - 1] == '.');
}

/* What several tags say together. */
static const char *check_together(DkimTags *tags, gint64 now)
{
    if (tags->kind == DKIM_SIGNATURE && !tags->identity)
        tags->identity = g_strconcat("@", tags->domain, NULL);
    if (tags->kind == DKIM_SIGNATURE && !identity_fits(tags))
        return "i= is not in the domain d=";
    if (tags->expires >= 0 && tags->timestamp >= 0 && tags->expires <= tags->timestamp)
        return "x= is not after t=";
    if (tags->expires >= 0 && now > tags->expires)
        return "the signature has expired";
    tags->query = dkim_key_name(tags->domain, tags->selector, NULL);
    return tags->query ? NULL : "s= and d= make no name";
}

const char *dkim_tags_parse(DkimTags *tags, DkimKind kind, const char *text, gsize len, gint64 now)
{
    TagList list;
    *tags = (DkimTags){.kind = kind,
                       .limit = DKIM_WHOLE_BODY,
                       .timestamp = -1,
                       .expires = -1,
                       .algorithm = DKIM_N_ALGORITHMS,
                       .header_canon = kind == ARC_SEAL ? DKIM_RELAXED : DKIM_SIMPLE}; /* RFC 8617 §4.1.3 */
    if (len > DKIM_FIELD_MAX)
        return "the signature is too long";
    const char *wrong = taglist_parse(&list, text, len);
    if (wrong)
        return wrong;
    for (guint i = 0; i < G_N_ELEMENTS(rules); i++) {
        const Tag *tag = taglist_find(&list, rules[i].name);
        const char *found = NULL;
        if (tag && rules[i].known & kind)
            found = rules[i].parse(tags, tag->value, now);
        else if (rules[i].required & kind)
            found = rules[i].missing;
        wrong = wrong ? wrong : found;
    }
    const Tag *b = taglist_find(&list, "b");
    if (b)
        tags->b = b->raw;
    return wrong ? wrong : check_together(tags, now);
}

void dkim_tags_clear(DkimTags *tags)
{
    g_clear_pointer(&tags->domain, g_free);
    g_clear_pointer(&tags->selector, g_free);
    g_clear_pointer(&tags->identity, g_free);
    g_clear_pointer(&tags->query, g_free);
    g_clear_pointer(&tags->signature, g_free);
    g_clear_pointer(&tags->body_hash, g_free);
}

gboolean dkim_signature_names(const char *value, gssize len, const char *field)
{
    TagList list;
    gsize n = len < 0 ? strlen(value) : (gsize)len;
    if (n > DKIM_FIELD_MAX || taglist_parse(&list, value, n))
        return FALSE;
    const Tag *names = taglist_find(&list, "h");
    if (!names)
        return FALSE;
    Span rest = names->value, name;
    while (span_next(&rest, ':', &name))
        if (span_is_nocase(name, field))
            return TRUE;
    return FALSE;
}
