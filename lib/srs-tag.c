/* srs-tag.c — tagged senders in general: parts, hashes, and looking through the tags of others. */
#include "srs-tag.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <postern/address.h>
#include <string.h>

/* Tags on tags: a mailing list's VERP, BATV of the sender's relay, SRS of a forwarder. */
#define LOOK_THROUGH_MAX 4

const char *srs_status_name(SrsStatus status)
{
    static const char *const words[] = {
#define X(name, word) word,
        SRS_STATUSES(X)
#undef X
    };
    return words[status];
}

/* The last @ that is not in a quoted string; NULL: none. */
static const char *find_at(const char *address)
{
    const char *found = NULL;
    gboolean quoted = FALSE;
    for (const char *p = address; *p; p++) {
        if (quoted && *p == '\\' && p[1])
            p++;
        else if (*p == '"')
            quoted = !quoted;
        else if (*p == '@' && !quoted)
            found = p;
    }
    return quoted ? NULL : found;
}

/* RFC 5321 §4.1.2: what a quoted local part stands for. */
static char *unquote(const char *start, gsize len)
{
    if (len < 2 || start[0] != '"' || start[len - 1] != '"')
        return g_strndup(start, len);
    GString *out = g_string_sized_new(len);
    for (gsize i = 1; i < len - 1; i++) {
        if (start[i] == '\\' && i + 1 < len - 1)
            i++;
        g_string_append_c(out, start[i]);
    }
    return g_string_free(out, FALSE);
}

gboolean srstag_is_domain(const char *text)
{
    for (const char *p = text; *p; p++)
        if ((guchar)*p <= ' ' || *p == 0x7f || strchr("=\"\\<>@,;", *p))
            return FALSE;
    return text[0] != '\0';
}

static gboolean has_control(const char *text)
{
    for (; *text; text++)
        if ((guchar)*text < ' ' || *text == 0x7f)
            return TRUE;
    return FALSE;
}

gboolean srstag_split(const char *address, SrsTagParts *ret)
{
    if (strnlen(address, SRS_ADDRESS_MAX + 1) > SRS_ADDRESS_MAX)
        return FALSE;
    const char *host = find_at(address);
    if (!host || !srstag_is_domain(host + 1) || has_control(address))
        return FALSE;
    ret->local = unquote(address, (gsize)(host - address));
    ret->domain = g_strdup(host + 1);
    return ret->local[0] != '\0';
}

void srstag_parts_clear(SrsTagParts *parts)
{
    g_clear_pointer(&parts->local, g_free);
    g_clear_pointer(&parts->domain, g_free);
}

/* Dots out of place, as a..b has them, come back as they came: nobody else quotes these. */
static gboolean needs_quotes(const char *local)
{
    for (; *local; local++)
        if ((guchar)*local < 0x80 && !g_ascii_isalnum(*local) && !strchr("!#$%&'*+-/=?^_`{|}~.", *local))
            return TRUE;
    return FALSE;
}

char *srstag_join(const char *local, const char *domain)
{
    if (!local[0] || !srstag_is_domain(domain) || strlen(local) > ADDRESS_LOCAL_MAX)
        return NULL;
    g_autofree char *quoted = needs_quotes(local) ? address_quote_local(local) : g_strdup(local);
    return g_strconcat(quoted, "@", domain, NULL);
}

void srstag_hmac_sha1(const char *secret, const void *data, gsize len, guint8 out[static HMAC_SHA1_SIZE])
{
    char digest[] = "SHA1";
    size_t size = 0;
    unsigned char *done = EVP_Q_mac(NULL, "HMAC", NULL, digest, NULL, secret, strlen(secret), data, len, out,
                                    HMAC_SHA1_SIZE, &size);
    g_assert(done && size == HMAC_SHA1_SIZE);
}

gboolean srstag_same_bytes(const void *a, const void *b, gsize len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

guint64 srstag_days(gint64 now)
{
    return now > 0 ? (guint64)now / DAY_SECONDS : 0;
}

/* ---- looking through ---- */

static gboolean is_hex_run(const char *start, gsize len)
{
    gboolean digit = FALSE;
    for (gsize i = 0; i < len; i++) {
        if (!g_ascii_isxdigit(start[i]))
            return FALSE;
        digit |= g_ascii_isdigit(start[i]);
    }
    return digit;
}

/* draft-levine-smtp-batv §4: ten characters, KDDDSSSSSS. Others write 9 to 13 of them. */
static gboolean is_prvs_tag(const char *start, gsize len)
{
    return len >= 9 && len <= 13 && g_ascii_isdigit(start[0]) && is_hex_run(start, len);
}

/* prvs=TAG=local, and prvs=local=TAG of older software. */
static char *through_prvs(const char *rest, const char *domain)
{
    const char *first = strchr(rest, '='), *last = strrchr(rest, '=');
    if (!first)
        return NULL;
    if (is_prvs_tag(rest, (gsize)(first - rest)))
        return srstag_join(first + 1, domain);
    if (!is_prvs_tag(last + 1, strlen(last + 1)))
        return NULL;
    g_autofree char *local = g_strndup(rest, (gsize)(last - rest));
    return srstag_join(local, domain);
}

/* Barracuda: btv1==TAG==local. */
static char *through_btv1(const char *rest, const char *domain)
{
    const char *end = rest[0] == '=' ? strstr(rest + 1, "==") : NULL;
    return end && end > rest + 1 ? srstag_join(end + 2, domain) : NULL;
}

/* msprvs1=TAG=local, SES=TAG=local. */
static char *through_one_field(const char *rest, const char *domain)
{
    const char *end = strchr(rest, '=');
    return end && end > rest ? srstag_join(end + 1, domain) : NULL;
}

/* HHHH=TT=host=local, whatever the separator before it. */
static char *through_srs0(const char *rest, const char *domain)
{
    const char *stamp = strchr(rest, '=');
    const char *host = stamp ? strchr(stamp + 1, '=') : NULL;
    const char *local = host ? strchr(host + 1, '=') : NULL;
    if (!local)
        return NULL;
    g_autofree char *sender = g_strndup(host + 1, (gsize)(local - host - 1));
    return srstag_join(local + 1, sender[0] ? sender : domain);
}

/* HHHH=host=(separator)HHHH=TT=host=local: the innermost sender, or else the SRS0 address at the first host. */
static char *through_srs1(const char *rest, const char *domain)
{
    const char *host = strchr(rest, '=');
    const char *inner = host ? strchr(host + 1, '=') : NULL;
    if (!inner || inner == host + 1 || !inner[1])
        return NULL;
    g_autofree char *first = g_strndup(host + 1, (gsize)(inner - host - 1));
    char *sender = strchr("=+-", inner[1]) ? through_srs0(inner + 2, first) : NULL;
    if (sender)
        return sender;
    g_autofree char *local = g_strconcat("SRS0", inner + 1, NULL);
    return srstag_join(local, first);
}

typedef struct {
    const char *prefix;
    const char *separators; /* one of these follows */
    char *(*through)(const char *rest, const char *domain);
} TagForm;

static const TagForm tag_forms[] = {
    {"prvs", "=", through_prvs},     {"btv1", "=", through_btv1},   {"msprvs1", "=", through_one_field},
    {"ses", "=", through_one_field}, {"srs0", "=+-", through_srs0}, {"srs1", "=+-", through_srs1},
};

static gboolean looks_like_domain(const char *text)
{
    const char *dot = strchr(text, '.');
    for (const char *p = text; *p; p++)
        if (!g_ascii_isalnum(*p) && *p != '-' && *p != '.')
            return FALSE;
    return dot && dot > text && dot[1];
}

/* VERP: list+user=dom, and for a known recipient also list-user=dom. */
static char *through_verp(const char *local, const char *domain, const char *recipient)
{
    const char *equals = strrchr(local, '=');
    if (!equals || !looks_like_domain(equals + 1))
        return NULL;
    const char *cut = memchr(local, '+', (gsize)(equals - local));
    const char *at = recipient ? strrchr(recipient, '@') : NULL;
    if (at) {
        g_autofree char *tail = g_strdup_printf("%.*s=%s", (int)(at - recipient), recipient, at + 1);
        gsize len = strlen(local), n = strlen(tail);
        if (len > n + 1 && g_ascii_strcasecmp(local + len - n, tail) == 0 && strchr("+-", local[len - n - 1]))
            cut = local + len - n - 1;
    }
    if (!cut || cut == local || cut + 1 == equals)
        return NULL;
    g_autofree char *list = g_strndup(local, (gsize)(cut - local));
    return srstag_join(list, domain);
}

/* NULL: none of them. */
static const TagForm *find_form(const char *local)
{
    for (gsize i = 0; i < G_N_ELEMENTS(tag_forms); i++) {
        gsize n = strlen(tag_forms[i].prefix);
        char after = strlen(local) > n ? local[n] : '\0';
        if (after && strchr(tag_forms[i].separators, after) &&
            g_ascii_strncasecmp(local, tag_forms[i].prefix, n) == 0)
            return &tag_forms[i];
    }
    return NULL;
}

gboolean srs_bears_tag(const char *address)
{
    g_auto(SrsTagParts) parts = {0};
    return srstag_split(address, &parts) && find_form(parts.local) != NULL;
}

static char *look_through_once(const char *address, const char *recipient)
{
    g_auto(SrsTagParts) parts = {0};
    if (!srstag_split(address, &parts))
        return NULL;
    const TagForm *form = find_form(parts.local);
    if (form)
        return form->through(parts.local + strlen(form->prefix) + 1, parts.domain);
    return through_verp(parts.local, parts.domain, recipient);
}

char *srs_look_through(const char *address, const char *recipient)
{
    char *found = NULL;
    for (guint i = 0; i < LOOK_THROUGH_MAX; i++) {
        char *next = look_through_once(found ? found : address, recipient);
        if (!next)
            break;
        g_free(found);
        found = next;
    }
    return found;
}
