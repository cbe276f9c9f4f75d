#include "net/dns-wire.h"

#include <string.h>

/* One byte of a label after its escape is undone (RFC 1035 §5.1). FALSE: broken escape. */
static gboolean next_octet(const char **text, guint8 *octet)
{
    const char *p = *text;

    if (*p != '\\') {
        *octet = (guint8)*p;
        *text = p + 1;
        return TRUE;
    }
    if (!g_ascii_isdigit(p[1])) {
        *octet = (guint8)p[1];
        *text = p + 2;
        return p[1] != '\0';
    }
    if (!g_ascii_isdigit(p[2]) || !g_ascii_isdigit(p[3]))
        return FALSE;
    guint value = (guint)((p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0'));
    *octet = (guint8)value;
    *text = p + 4;
    return value <= 255;
}

gboolean dns_wire_name(const char *text, DnsWireName *ret)
{
    guint len = 1, label = 0; /* octets so far; where the length of the present label stands */

    if (g_str_equal(text, "."))
        text++;
    while (*text) {
        guint8 octet;
        if (*text == '.') {
            if (len == label + 1 || len >= DNS_NAME_WIRE_MAX)
                return FALSE;
            ret->octets[label] = (guint8)(len - label - 1);
            label = len++;
            text++;
            continue;
        }
        if (!next_octet(&text, &octet) || len - label > DNS_LABEL_MAX || len >= DNS_NAME_WIRE_MAX)
            return FALSE;
        ret->octets[len++] = (guint8)g_ascii_tolower((char)octet);
    }
    ret->octets[label] = (guint8)(len - label - 1);
    if (len - label > 1) {
        if (len >= DNS_NAME_WIRE_MAX)
            return FALSE;
        ret->octets[len++] = 0;
    }
    ret->len = len;
    return TRUE;
}

static char *put_octet(char *to, guint8 octet)
{
    if (octet == '.' || octet == '\\') {
        *to++ = '\\';
        *to++ = (char)octet;
    } else if (octet > 0x20 && octet < 0x7f) {
        *to++ = g_ascii_tolower((char)octet);
    } else {
        *to++ = '\\';
        *to++ = (char)('0' + octet / 100);
        *to++ = (char)('0' + octet / 10 % 10);
        *to++ = (char)('0' + octet % 10);
    }
    return to;
}

gboolean dns_wire_name_text(const guint8 *octets, gsize len, char ret[static DNS_NAME_TEXT_MAX], gsize *used)
{
    char *to = ret;
    gsize i = 0;

    while (i < len && i < DNS_NAME_WIRE_MAX) {
        guint label = octets[i++];
        if (label == 0) {
            *to = '\0';
            if (used)
                *used = i;
            return TRUE;
        }
        /* i + label is where the next length stands: there must be one, inside the name. */
        if (label > DNS_LABEL_MAX || i + label >= len || i + label >= DNS_NAME_WIRE_MAX)
            return FALSE;
        if (to != ret)
            *to++ = '.';
        for (; label; label--)
            to = put_octet(to, octets[i++]);
    }
    return FALSE;
}

/* RFC 1035 §3.4.1, RFC 3596 §2.2 */
static gboolean add_ip(DnsAnswer *answer, IpFamily family, const guint8 *data, gsize len)
{
    if (len != (family == IP_V4 ? 4 : 16))
        return FALSE;
    IpAddress ip = {.family = family};
    memcpy(ip.bytes, data, len);
    dns_answer_add_ip(answer, &ip);
    return TRUE;
}

/* RFC 1035 §3.3.1, §3.3.9, §3.3.11, §3.3.12: a name after `skip` octets, and nothing after it. */
static gboolean add_name(DnsAnswer *answer, gsize skip, const guint8 *data, gsize len)
{
    char text[DNS_NAME_TEXT_MAX];
    gsize used;

    if (len < skip || !dns_wire_name_text(data + skip, len - skip, text, &used) || used != len - skip)
        return FALSE;
    dns_answer_add_name(answer, skip ? (guint)(data[0] << 8 | data[1]) : 0, text);
    return TRUE;
}

/* RFC 1035 §3.3.14: one or more character-strings. */
static gboolean add_text(DnsAnswer *answer, const guint8 *data, gsize len)
{
    g_autofree char *joined = g_malloc(len + 1);
    gsize to = 0;

    if (len == 0)
        return FALSE;
    for (gsize i = 0; i < len;) {
        gsize n = data[i++];
        if (n > len - i)
            return FALSE;
        memcpy(joined + to, data + i, n);
        to += n;
        i += n;
    }
    dns_answer_add_text(answer, joined, to);
    return TRUE;
}

gboolean dns_wire_add_record(DnsAnswer *answer, DnsType type, const guint8 *data, gsize len)
{
    switch (type) {
    case DNS_A:
        return add_ip(answer, IP_V4, data, len);
    case DNS_AAAA:
        return add_ip(answer, IP_V6, data, len);
    case DNS_MX:
        return add_name(answer, 2, data, len);
    case DNS_NS:
    case DNS_CNAME:
    case DNS_PTR:
        return add_name(answer, 0, data, len);
    case DNS_TXT:
        return add_text(answer, data, len);
    }
    return FALSE;
}
