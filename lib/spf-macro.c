/* Macros: RFC 7208 §7, RFC 8616 §4. */
#include "spf-internal.h"

#include <string.h>

/* Of one domain-spec: no name has use for more, and each may walk a long local part */
#define MACROS_MAX 1000
#define PARTS_MAX  128 /* §7.3 lets at least as many be kept as a name has labels, 127 */
#define DELIMITERS ".-+,/_="

/* One "%{…}" taken apart. */
typedef struct {
    char letter; /* lower case */
    gboolean escape, reverse;
    guint keep; /* right-hand parts; 0: all */
    char delimiters[sizeof DELIMITERS];
} Macro;

/* p is behind "%{". Returns what follows the "}", or NULL. */
static const char *parse_macro(const char *p, const char *end, Macro *m)
{
    gsize n = 0;

    *m = (Macro){0};
    if (p == end || !g_ascii_isalpha(*p) || !strchr("slodiphcrtv", g_ascii_tolower(*p)))
        return NULL;
    m->letter = g_ascii_tolower(*p);
    m->escape = g_ascii_isupper(*p++);
    if (p < end && g_ascii_isdigit(*p)) {
        for (; p < end && g_ascii_isdigit(*p); p++)
            m->keep = MIN(10 * m->keep + (guint)(*p - '0'), PARTS_MAX);
        if (m->keep == 0)
            return NULL;
    }
    if (p < end && g_ascii_tolower(*p) == 'r') {
        m->reverse = TRUE;
        p++;
    }
    for (; p < end && *p && strchr(DELIMITERS, *p); p++)
        if (!strchr(m->delimiters, *p))
            m->delimiters[n++] = *p; /* n is bounded by the different ones */
    return p < end && *p == '}' ? p + 1 : NULL;
}

/* toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum ), behind a dot
 * and with a dot behind it at will. The tail holds no macro. */
static gboolean ends_in_toplabel(const char *start, const char *end)
{
    const char *p = end;
    gboolean special = FALSE;

    if (p > start && p[-1] == '.')
        p--;
    end = p;
    for (; p > start && (g_ascii_isalnum(p[-1]) || p[-1] == '-'); p--)
        special |= !g_ascii_isdigit(p[-1]);
    return special && p > start && p[-1] == '.' && p < end && *p != '-' && end[-1] != '-';
}

const char *spf_macro_error(SpfSpan spec, SpfMacroUse use)
{
    const char *p = spec.at, *end = spec.at + spec.len, *tail = p;
    Macro m;

    while (p < end) {
        if (*p < 0x21 || *p > 0x7e)
            return "only printable ASCII is allowed";
        if (*p != '%') {
            p++;
            continue;
        }
        p++;
        if (p < end && *p == '{') {
            if (!(p = parse_macro(p + 1, end, &m)))
                return "bad macro";
            if (use == MACRO_DOMAIN_SPEC && strchr("crt", m.letter))
                return "the macros c, r, t are for explanations only";
        } else if (p < end && (*p == '%' || *p == '_' || *p == '-')) {
            p++;
        } else {
            return "% without a macro";
        }
        tail = p;
    }
    if (use == MACRO_DOMAIN_SPEC && (spec.len == 0 || tail < end) && !ends_in_toplabel(tail, end))
        return "not a full domain name";
    return NULL;
}

/* %{i}: dotted quad, or 32 nibbles with dots (§7.3). */
static const char *dotted_ip(const IpAddress *ip, char buf[static 64])
{
    static const char hex[] = "0123456789ABCDEF";

    if (ip->family != IP_V6)
        return ip_to_string(ip, buf);
    for (guint i = 0; i < 32; i++) {
        buf[2 * i] = hex[ip->bytes[i / 2] >> (i % 2 ? 0 : 4) & 15];
        buf[2 * i + 1] = i < 31 ? '.' : '\0';
    }
    return buf;
}

static const char *value_of(SpfMacros *macros, char letter, const char *domain, char buf[static 64])
{
    switch (letter) {
    case 's':
        return macros->sender;
    case 'l':
        return macros->local;
    case 'o':
        return macros->origin;
    case 'd':
        return domain;
    case 'i':
        return dotted_ip(&macros->ip, buf);
    case 'p':
        return macros->p(macros, domain);
    case 'v':
        return macros->ip.family == IP_V6 ? "ip6" : "in-addr";
    case 'h':
        return macros->helo;
    case 'c':
        return ip_to_string(&macros->ip, buf);
    case 'r':
        return macros->receiver;
    default: /* t: parse_macro knows no other */
        g_snprintf(buf, 64, "%" G_GINT64_FORMAT, macros->now);
        return buf;
    }
}

/* unreserved = ALPHA / DIGIT / "-" / "." / "_" / "~" (RFC 3986 §2.3) */
static void append_piece(GString *into, const char *text, gsize len, gboolean escape)
{
    if (!escape) {
        g_string_append_len(into, text, (gssize)len);
        return;
    }
    for (gsize i = 0; i < len; i++) {
        if (g_ascii_isalnum(text[i]) || (text[i] && strchr("-._~", text[i])))
            g_string_append_c(into, text[i]);
        else
            g_string_append_printf(into, "%%%02X", (guchar)text[i]);
    }
}

/* Split at the delimiters, reverse, keep the right-hand parts, join with dots (§7.3). */
static void append_transformed(GString *into, const char *value, const Macro *m)
{
    const char *delimiters = *m->delimiters ? m->delimiters : ".";
    SpfSpan parts[PARTS_MAX];
    guint n = 0, first = 0; /* a ring when there are more parts than room: the last ones win */
    guint total = 0, keep;

    for (const char *p = value;; p++) {
        gsize len = strcspn(p, delimiters);
        /* reversed, the right-hand parts are the first ones: stop when the ring is full */
        if (total < PARTS_MAX || !m->reverse)
            parts[total % PARTS_MAX] = (SpfSpan){p, len};
        total++;
        p += len;
        if (!*p)
            break;
    }
    n = MIN(total, PARTS_MAX);
    first = total > PARTS_MAX && !m->reverse ? total % PARTS_MAX : 0;
    keep = m->keep ? MIN(m->keep, n) : n;
    for (guint i = 0; i < keep; i++) {
        guint k = m->reverse ? keep - 1 - i : n - keep + i;
        SpfSpan part = parts[(first + k) % PARTS_MAX];
        if (i)
            g_string_append_c(into, '.');
        append_piece(into, part.at, part.len, m->escape);
    }
}

static SpfExpansion append_macro(SpfMacros *macros, GString *into, const Macro *m, const char *domain)
{
    char buf[64];
    const char *value;

    if (strchr("sl", m->letter) && macros->local_is_8bit)
        return EXPANDED_8BIT_LOCAL;
    value = value_of(macros, m->letter, domain, buf);
    if (!value)
        return EXPANDED_OVER_LIMIT;
    if (!m->keep && !m->reverse && (!*m->delimiters || strcmp(m->delimiters, ".") == 0))
        append_piece(into, value, strlen(value), m->escape);
    else
        append_transformed(into, value, m);
    return EXPANDED;
}

/* UNUSABLE: the syntax is wrong, or it grows past `max`. */
static SpfExpansion expand(SpfMacros *macros, SpfSpan spec, const char *domain, GString *into, gsize max)
{
    const char *p = spec.at, *end = spec.at + spec.len;
    SpfExpansion how;
    guint n = 0;
    Macro m;

    while (p < end && into->len <= max) {
        const char *percent = memchr(p, '%', (gsize)(end - p));
        const char *stop = percent ? percent : end;

        g_string_append_len(into, p, stop - p);
        if (!percent)
            break;
        p = percent + 1;
        if (p == end)
            return EXPANDED_UNUSABLE;
        switch (*p++) {
        case '%':
            g_string_append_c(into, '%');
            break;
        case '_':
            g_string_append_c(into, ' ');
            break;
        case '-':
            g_string_append(into, "%20");
            break;
        case '{':
            if (++n > MACROS_MAX || !(p = parse_macro(p, end, &m)))
                return EXPANDED_UNUSABLE;
            if ((how = append_macro(macros, into, &m, domain)) != EXPANDED)
                return how;
            break;
        default:
            return EXPANDED_UNUSABLE;
        }
    }
    return EXPANDED;
}

gboolean spf_name_usable(const char *name)
{
    gsize total = strlen(name);

    if (total == 0 || total > SPF_NAME_MAX)
        return FALSE;
    for (;;) {
        gsize len = strcspn(name, ".");
        if (len == 0 || len > 63)
            return FALSE;
        if (!name[len])
            return TRUE;
        name += len + 1;
    }
}

SpfExpansion spf_expand_name(SpfMacros *macros, SpfSpan spec, const char *domain,
                             char buf[static SPF_NAME_MAX + 1])
{
    g_autoptr(GString) text = NULL;
    const char *name = spec.at;
    gsize len = spec.len;

    if (memchr(spec.at, '%', spec.len)) {
        text = g_string_sized_new(256);
        SpfExpansion how = expand(macros, spec, domain, text, SPF_EXPANSION_MAX);
        if (how != EXPANDED)
            return how;
        if (text->len > SPF_EXPANSION_MAX)
            return EXPANDED_UNUSABLE;
        name = text->str;
        len = text->len;
    }
    if (len && name[len - 1] == '.')
        len--;
    while (len > SPF_NAME_MAX) {
        const char *dot = memchr(name, '.', len);
        if (!dot)
            return EXPANDED_UNUSABLE;
        len -= (gsize)(dot + 1 - name);
        name = dot + 1;
    }
    memcpy(buf, name, len);
    buf[len] = '\0';
    return spf_name_usable(buf) ? EXPANDED : EXPANDED_UNUSABLE;
}

char *spf_expand_text(SpfMacros *macros, SpfSpan text, const char *domain)
{
    g_autoptr(GString) out = NULL;

    for (gsize i = 0; i < text.len; i++)
        if (text.at[i] < 0x20 || text.at[i] > 0x7e) /* §6.2: US-ASCII */
            return NULL;
    out = g_string_sized_new(256);
    if (expand(macros, text, domain, out, SPF_EXPLANATION_MAX) != EXPANDED || out->len == 0)
        return NULL;
    g_string_truncate(out, MIN(out->len, SPF_EXPLANATION_MAX));
    for (gsize i = 0; i < out->len; i++)
        if (out->str[i] < 0x20 || out->str[i] > 0x7e)
            out->str[i] = '?';
    return g_string_free(g_steal_pointer(&out), FALSE);
}
