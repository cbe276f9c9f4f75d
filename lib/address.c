/* address.c — envelope paths (RFC 5321 §4.1.2, RFC 6531 §3.3). */
#include "address-parse.h"

#include <postern/ip.h>
#include <stdarg.h>
#include <string.h>

G_DEFINE_QUARK(postern - address - error - quark, address_error)

/* Always FALSE, so that a caller can return it. */
static gboolean G_GNUC_PRINTF(3, 4) fail(GError **error, AddressError code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, ADDRESS_ERROR, (gint)code, message);
    return FALSE;
}

/* RFC 5321 §4.1.2 through RFC 5322 §3.2.3 atext, and RFC 6531 §3.3: UTF8-non-ascii. */
static gboolean is_atext(guchar c)
{
    return g_ascii_isalnum(c) || c >= 0x80 || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static gboolean is_control(guchar c)
{
    return c < 0x20 || c == 0x7f;
}

/* RFC 5321 §4.1.2 Dot-string. */
static gboolean is_dot_string(const char *local)
{
    gboolean dot = TRUE;
    for (const char *p = local; *p; p++) {
        if (*p == '.') {
            if (dot)
                return FALSE;
            dot = TRUE;
        } else if (is_atext((guchar)*p)) {
            dot = FALSE;
        } else {
            return FALSE;
        }
    }
    return !dot;
}

char *address_quote_local(const char *local)
{
    if (is_dot_string(local))
        return g_strdup(local);
    GString *out = g_string_new("\"");
    for (const char *p = local; *p; p++) {
        if (*p == '"' || *p == '\\')
            g_string_append_c(out, '\\');
        g_string_append_c(out, *p);
    }
    g_string_append_c(out, '"');
    return g_string_free(out, FALSE);
}

/* RFC 5321 §4.1.3. The text is all of it, brackets included; NULL if it is none. */
static char *literal_canonical(const char *text, gsize len)
{
    if (len < 3 || text[0] != '[' || text[len - 1] != ']')
        return NULL;
    char buf[IP_STRING_MAX];
    IpAddress ip;
    const char *inner = text + 1;
    gsize n = len - 2;
    if (n > 5 && g_ascii_strncasecmp(inner, "IPv6:", 5) == 0) {
        if (!ip_parse_len(inner + 5, n - 5, &ip))
            return NULL;
        /* A mapped IPv4 address comes out as IPv4: one client, one form. */
        return ip.family == IP_V6 ? g_strdup_printf("[IPv6:%s]", ip_to_string(&ip, buf))
                                  : g_strdup_printf("[%s]", ip_to_string(&ip, buf));
    }
    if (ip_parse_len(inner, n, &ip))
        return ip.family == IP_V6 ? g_strdup_printf("[IPv6:%s]", ip_to_string(&ip, buf))
                                  : g_strdup_printf("[%s]", ip_to_string(&ip, buf));
    /* General-address-literal: Standardized-tag ":" 1*dcontent. */
    const char *colon = memchr(inner, ':', n);
    if (!colon || colon == inner || colon == inner + n - 1)
        return NULL;
    for (const char *p = inner; p < colon; p++)
        if (!g_ascii_isalnum(*p) && *p != '-')
            return NULL;
    for (const char *p = colon + 1; p < inner + n; p++)
        if (*p < 33 || *p > 126 || strchr("[\\]", *p))
            return NULL;
    return g_ascii_strdown(text, (gssize)len);
}

/* RFC 5321 §4.1.2 Domain with U-labels (RFC 6531 §3.3); `_` is let through, for the DNS has it. Folded copy. */
static char *domain_canonical(const char *text, gsize len, gboolean *conforming, GError **error)
{
    if (len && text[len - 1] == '.') {
        len--;
        *conforming = FALSE;
    }
    if (len == 0)
        return fail(error, ADDRESS_ERROR_SYNTAX, "the domain is missing"), NULL;
    if (len > ADDRESS_DOMAIN_MAX)
        return fail(error, ADDRESS_ERROR_TOO_LONG, "the domain has more than %d bytes", ADDRESS_DOMAIN_MAX),
               NULL;
    if (!g_utf8_validate_len(text, len, NULL))
        return fail(error, ADDRESS_ERROR_ENCODING, "the domain is not valid UTF-8"), NULL;
    gsize label = 0, start = 0;
    for (gsize i = 0; i <= len; i++) {
        guchar c = i < len ? (guchar)text[i] : '.';
        if (c == '.') {
            if (label == 0)
                return fail(error, ADDRESS_ERROR_SYNTAX, "the domain has an empty label"), NULL;
            if (text[start] == '-' || text[i - 1] == '-')
                *conforming = FALSE;
            label = 0;
            start = i + 1;
            continue;
        }
        if (c == '_')
            *conforming = FALSE;
        else if (!g_ascii_isalnum(c) && c != '-' && c < 0x80)
            return fail(error, ADDRESS_ERROR_SYNTAX, "the domain has a character that no host name has"),
                   NULL;
        /* The limit is that of the A-label, which has at least as many letters as the U-label has characters. */
        label += (c & 0xc0) != 0x80;
        if (label > ADDRESS_LABEL_MAX)
            return fail(error, ADDRESS_ERROR_TOO_LONG, "the domain has a label over %d bytes",
                        ADDRESS_LABEL_MAX),
                   NULL;
    }
    return g_ascii_strdown(text, (gssize)len);
}

/* RFC 5321 §4.1.2 A-d-l: "@" Domain *("," "@" Domain) ":". Length of it without the colon; 0 if there is
 * none. */
static gsize route_length(const char *text, gsize len)
{
    if (len == 0 || text[0] != '@')
        return 0;
    gsize i = 0;
    while (i < len && text[i] == '@') {
        gsize start = ++i;
        while (i < len && (g_ascii_isalnum(text[i]) || strchr("-._", text[i]) || (guchar)text[i] >= 0x80) &&
               text[i])
            i++;
        if (i == start || i == len)
            return 0;
        if (text[i] == ':')
            return i;
        if (text[i] != ',')
            return 0;
        i++;
        while (i < len && (text[i] == ' ' || text[i] == '\t')) /* RFC 5322 §4.4 obs-route */
            i++;
    }
    return 0;
}

typedef struct {
    GString *local;     /* what was read so far, unquoted; an unquoted @ is in it too */
    gssize at_local;    /* where in `local` the last unquoted @ is; -1: none yet */
    gssize at_text;     /* and in the text */
    gboolean quoted;    /* a quoted-string was seen */
    gboolean unquoted;  /* something outside of one, too */
    gboolean second_at; /* more than one unquoted @ */
} LocalScan;

/* Reads a quoted-string at text[i] (RFC 5321 §4.1.2 Quoted-string); the index after it, or 0. */
static gsize scan_quoted(const char *text, gsize len, gsize i, GString *out)
{
    for (i++; i < len && text[i] != '"'; i++) {
        if (text[i] == '\\' && ++i == len)
            return 0;
        g_string_append_c(out, text[i]);
    }
    return i < len ? i + 1 : 0;
}

/* Up to the end, or to an @ that begins an address literal. */
static gboolean scan_local(LocalScan *scan, const char *text, gsize len, AddressTolerance tolerance,
                           GError **error)
{
    for (gsize i = 0; i < len;) {
        guchar c = (guchar)text[i];
        if (c == '"') {
            scan->unquoted |= scan->quoted;
            scan->quoted = TRUE;
            i = scan_quoted(text, len, i, scan->local);
            if (i == 0)
                return fail(error, ADDRESS_ERROR_SYNTAX, "a quoted local part has no closing quote");
            continue;
        }
        if (c == '@') {
            scan->second_at |= scan->at_local >= 0;
            scan->at_local = (gssize)scan->local->len;
            scan->at_text = (gssize)i;
            if (i + 1 < len && text[i + 1] == '[')
                return TRUE;
        } else if (is_atext(c) || c == '.' || (c == ' ' && tolerance == ADDRESS_INNER_SPACES)) {
            scan->unquoted |= scan->at_local < 0;
        } else {
            return fail(error, ADDRESS_ERROR_SYNTAX, "the address has a character that must be quoted");
        }
        g_string_append_c(scan->local, (char)c);
        i++;
    }
    return TRUE;
}

static gboolean has_high(const char *s)
{
    for (; *s; s++)
        if ((guchar)*s >= 0x80)
            return TRUE;
    return FALSE;
}

/* Takes `local` and `domain`; the rest follows from them. */
static Address *address_make(char *local, char *domain, gboolean conforming)
{
    Address *address = g_new0(Address, 1);
    g_autofree char *quoted = address_quote_local(local);
    g_autofree char *plain = NULL;
    address->is_literal = domain[0] == '[';
    address->is_utf8 = has_high(local) || has_high(domain);
    address->mailbox = domain[0] ? g_strconcat(quoted, "@", domain, NULL) : g_strdup(quoted);
    plain = domain[0] ? g_strconcat(local, "@", domain, NULL) : g_strdup(local);
    address->canonical = g_ascii_strdown(plain, -1);
    address->route = g_strdup("");
    address->local = local;
    address->domain = domain;
    address->conforming = conforming;
    return address;
}

static Address *address_null(void)
{
    Address *address = g_new0(Address, 1);
    char **all[] = {&address->local, &address->domain, &address->mailbox, &address->canonical,
                    &address->route};
    for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
        *all[i] = g_strdup("");
    address->is_null = TRUE;
    address->conforming = TRUE;
    return address;
}

static gboolean local_is_sound(const char *local, gsize len, GError **error)
{
    if (len == 0)
        return fail(error, ADDRESS_ERROR_SYNTAX, "the local part is missing");
    for (gsize i = 0; i < len; i++)
        if (is_control((guchar)local[i]))
            return fail(error, ADDRESS_ERROR_ENCODING, "the local part has a control character");
    return TRUE;
}

Address *address_parse_bare(const char *text, gsize len, AddressTolerance tolerance, GError **error)
{
    gsize route = route_length(text, len);
    const char *body = text + (route ? route + 1 : 0);
    gsize body_len = len - (gsize)(body - text);
    g_autoptr(GString) local = g_string_new(NULL);
    LocalScan scan = {.local = local, .at_local = -1};
    if (!scan_local(&scan, body, body_len, tolerance, error))
        return NULL;

    gboolean conforming = !scan.second_at && !(scan.quoted && scan.unquoted);
    g_autofree char *domain = NULL;
    if (scan.at_local < 0) {
        domain = g_strdup("");
        /* Only <postmaster> may stand without a domain (RFC 5321 §4.5.1); local submission does it with any
         * name. */
        conforming &= !route && g_ascii_strcasecmp(local->str, "postmaster") == 0;
    } else {
        const char *d = body + scan.at_text + 1;
        gsize d_len = body_len - (gsize)scan.at_text - 1;
        g_string_truncate(local, (gsize)scan.at_local);
        if (d_len && d[0] == '[') {
            domain = literal_canonical(d, d_len);
            if (!domain)
                return fail(error, ADDRESS_ERROR_SYNTAX, "the domain is in brackets, but no address literal"),
                       NULL;
        } else {
            domain = domain_canonical(d, d_len, &conforming, error);
            if (!domain)
                return NULL;
        }
    }
    if (!local_is_sound(local->str, local->len, error))
        return NULL;
    if (!scan.quoted && !is_dot_string(local->str))
        conforming = FALSE;
    if (!g_utf8_validate(local->str, (gssize)local->len, NULL)) {
        /* Not deliverable as it is, but the domain must still be seen by who judges it. */
        g_autofree char *valid = g_utf8_make_valid(local->str, (gssize)local->len);
        g_string_assign(local, valid);
        conforming = FALSE;
    }
    if (local->len > ADDRESS_LOCAL_MAX)
        return fail(error, ADDRESS_ERROR_TOO_LONG, "the local part has more than %d bytes",
                    ADDRESS_LOCAL_MAX),
               NULL;
    Address *address = address_make(g_strdup(local->str), g_steal_pointer(&domain), conforming);
    if (route) {
        g_free(address->route);
        address->route = g_utf8_make_valid(text, (gssize)route);
    }
    return address;
}

Address *address_parse_path(const char *text, gssize length, GError **error)
{
    gsize len = length < 0 ? strlen(text) : (gsize)length;
    if (len > ADDRESS_PATH_MAX)
        return fail(error, ADDRESS_ERROR_TOO_LONG, "the address has more than %d bytes", ADDRESS_PATH_MAX),
               NULL;
    while (len && g_ascii_isspace(text[len - 1]))
        len--;
    while (len && g_ascii_isspace(text[0]))
        text++, len--;
    if (len == 0)
        return fail(error, ADDRESS_ERROR_SYNTAX, "the address is empty"), NULL;
    gboolean opened = text[0] == '<', closed = text[len - 1] == '>';
    if (opened != closed || (opened && len == 1))
        return fail(error, ADDRESS_ERROR_SYNTAX, "the angle brackets do not match"), NULL;
    if (!opened) {
        Address *address = address_parse_bare(text, len, ADDRESS_STRICT_SPACES, error);
        if (address)
            address->conforming = FALSE;
        return address;
    }
    for (text++, len -= 2; len && g_ascii_isspace(text[0]);)
        text++, len--;
    while (len && g_ascii_isspace(text[len - 1]))
        len--;
    return len ? address_parse_bare(text, len, ADDRESS_STRICT_SPACES, error) : address_null();
}

Address *address_new(const char *local, const char *domain, GError **error)
{
    g_autofree char *quoted = address_quote_local(local);
    g_autofree char *path =
        domain && domain[0] ? g_strdup_printf("<%s@%s>", quoted, domain) : g_strdup_printf("<%s>", quoted);
    return address_parse_path(path, -1, error);
}

Address *address_copy(const Address *address)
{
    Address *copy = g_memdup2(address, sizeof *address);
    copy->local = g_strdup(address->local);
    copy->domain = g_strdup(address->domain);
    copy->mailbox = g_strdup(address->mailbox);
    copy->canonical = g_strdup(address->canonical);
    copy->route = g_strdup(address->route);
    return copy;
}

void address_free(Address *address)
{
    if (!address)
        return;
    g_free(address->local);
    g_free(address->domain);
    g_free(address->mailbox);
    g_free(address->canonical);
    g_free(address->route);
    g_free(address);
}

const char *address_domain_parent(const char *domain)
{
    const char *dot = domain[0] == '[' ? NULL : strchr(domain, '.');
    return dot && dot[1] ? dot + 1 : NULL;
}
