#include <postern/ip.h>

#include <arpa/inet.h>
#include <string.h>

/* Longest text that can be an address: eight groups, the last two as a quad. */
#define IP_TEXT_MAX 45

static const guint8 mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

IpAddress ip_from_bytes(IpFamily family, const void *bytes)
{
    IpAddress ip = {.family = family};

    if (family == IP_V6 && memcmp(bytes, mapped_prefix, sizeof mapped_prefix) == 0) {
        ip.family = IP_V4;
        memcpy(ip.bytes, (const guint8 *)bytes + 12, 4);
    } else if (family == IP_V6) {
        memcpy(ip.bytes, bytes, 16);
    } else if (family == IP_V4) {
        memcpy(ip.bytes, bytes, 4);
    }
    return ip;
}

/* What family the text was written in, before ::ffff:a.b.c.d is folded. */
static IpFamily parse_raw(const char *text, gsize len, guint8 raw[static 16])
{
    char copy[IP_TEXT_MAX + 1];

    if (len == 0 || len > IP_TEXT_MAX || memchr(text, '\0', len))
        return IP_NONE;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (memchr(copy, ':', len))
        return inet_pton(AF_INET6, copy, raw) == 1 ? IP_V6 : IP_NONE;
    return inet_pton(AF_INET, copy, raw) == 1 ? IP_V4 : IP_NONE; /* takes four decimals, no leading zero */
}

gboolean ip_parse_len(const char *text, gsize len, IpAddress *ret)
{
    guint8 raw[16];
    IpFamily family = parse_raw(text, len, raw);

    if (family == IP_NONE)
        return FALSE;
    *ret = ip_from_bytes(family, raw);
    return TRUE;
}

gboolean ip_parse(const char *text, IpAddress *ret)
{
    return ip_parse_len(text, strlen(text), ret);
}

static const char *v4_to_string(const guint8 *b, char *buf)
{
    char *p = buf;

    for (guint i = 0; i < 4; i++) {
        guint n = b[i];
        if (i)
            *p++ = '.';
        if (n >= 100)
            *p++ = '0' + n / 100;
        if (n >= 10)
            *p++ = '0' + n / 10 % 10;
        *p++ = '0' + n % 10;
    }
    *p = '\0';
    return buf;
}

static char *put_group(char *p, guint group)
{
    static const char hex[] = "0123456789abcdef";

    for (int shift = 12; shift >= 0; shift -= 4)
        if (shift == 0 || group >> shift)
            *p++ = hex[group >> shift & 15];
    return p;
}

/* RFC 5952 §4: no leading zeros; the longest run of two or more zero groups, the first of equals, is "::". */
static const char *v6_to_string(const guint8 *b, char *buf)
{
    int best = -1, best_len = 1, run = 0;
    char *p = buf;

    for (int i = 0; i < 8; i++) {
        run = b[2 * i] || b[2 * i + 1] ? 0 : run + 1;
        if (run > best_len) {
            best_len = run;
            best = i - run + 1;
        }
    }
    for (int i = 0; i < 8; i++) {
        if (i == best) {
            *p++ = ':';
            i += best_len - 1;
            if (i == 7)
                *p++ = ':';
            continue;
        }
        if (i)
            *p++ = ':';
        p = put_group(p, (guint)b[2 * i] << 8 | b[2 * i + 1]);
    }
    *p = '\0';
    return buf;
}

const char *ip_to_string(const IpAddress *ip, char buf[static IP_STRING_MAX])
{
    if (ip->family == IP_V4)
        return v4_to_string(ip->bytes, buf);
    if (ip->family == IP_V6)
        return v6_to_string(ip->bytes, buf);
    buf[0] = '\0';
    return buf;
}

gboolean ip_equal(const IpAddress *a, const IpAddress *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

guint ip_hash(const IpAddress *ip)
{
    guint64 halves[2], h;

    memcpy(halves, ip->bytes, sizeof halves);
    h = (halves[0] ^ (halves[1] << 29 | halves[1] >> 35) ^ ip->family) *
        G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    return (guint)(h >> 32);
}

static guint family_bits(IpFamily family)
{
    return family == IP_V4 ? 32 : family == IP_V6 ? 128 : 0;
}

gboolean ip_same_prefix(const IpAddress *a, const IpAddress *b, guint bits)
{
    guint whole, rest;

    if (a->family != b->family)
        return FALSE;
    bits = MIN(bits, family_bits(a->family));
    whole = bits / 8;
    rest = bits % 8;
    if (memcmp(a->bytes, b->bytes, whole) != 0)
        return FALSE;
    return rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest)) == 0;
}

IpNet ip_net(const IpAddress *ip, guint bits)
{
    IpNet net = {.base = *ip, .bits = MIN(bits, family_bits(ip->family))};

    for (guint i = 0; i < sizeof net.base.bytes; i++) {
        if (8 * i >= net.bits)
            net.base.bytes[i] = 0;
        else if (8 * i + 8 > net.bits)
            net.base.bytes[i] &= (guint8)(0xff00 >> (net.bits - 8 * i));
    }
    return net;
}

/* One to three digits, no leading zero, at most `max`. */
static gboolean parse_bits(const char *text, guint max, guint *ret)
{
    guint n = 0;
    gsize len = strlen(text);

    if (len == 0 || len > 3 || (text[0] == '0' && len > 1))
        return FALSE;
    for (; *text; text++) {
        if (!g_ascii_isdigit(*text))
            return FALSE;
        n = 10 * n + (guint)(*text - '0');
    }
    *ret = n;
    return n <= max;
}

gboolean ip_net_parse(const char *text, IpNet *ret)
{
    const char *slash = strchr(text, '/');
    gsize len = slash ? (gsize)(slash - text) : strlen(text);
    guint8 raw[16];
    IpFamily family = parse_raw(text, len, raw);
    guint bits = family_bits(family);
    IpAddress ip;

    if (family == IP_NONE || (slash && !parse_bits(slash + 1, bits, &bits)))
        return FALSE;
    ip = ip_from_bytes(family, raw);
    if (ip.family !=
        family) { /* ::ffff:192.0.2.0/120 is 192.0.2.0/24; wider than the mapped block is no IPv4 net */
        if (bits < 96)
            return FALSE;
        bits -= 96;
    }
    *ret = ip_net(&ip, bits);
    return TRUE;
}

gboolean ip_in_net(const IpAddress *ip, const IpNet *net)
{
    return ip->family != IP_NONE && ip_same_prefix(ip, &net->base, net->bits);
}

gboolean ip_is_loopback(const IpAddress *ip)
{
    static const guint8 one[16] = {[15] = 1};

    return (ip->family == IP_V4 && ip->bytes[0] == 127) ||
           (ip->family == IP_V6 && memcmp(ip->bytes, one, sizeof one) == 0);
}

gboolean ip_is_private(const IpAddress *ip)
{
    static const IpNet nets[] = {
        {{IP_V4, {10}}, 8},        {{IP_V4, {172, 16}}, 12}, {{IP_V4, {192, 168}}, 16},
        {{IP_V4, {169, 254}}, 16}, {{IP_V6, {0xfc}}, 7},     {{IP_V6, {0xfe, 0x80}}, 10},
    };

    for (guint i = 0; i < G_N_ELEMENTS(nets); i++)
        if (ip_in_net(ip, &nets[i]))
            return TRUE;
    return ip_is_loopback(ip);
}

char *ip_reverse_name(const IpAddress *ip)
{
    static const char hex[] = "0123456789abcdef";
    GString *name = g_string_sized_new(80);

    if (ip->family == IP_V4) {
        for (int i = 3; i >= 0; i--)
            g_string_append_printf(name, "%u.", ip->bytes[i]);
        g_string_append(name, "in-addr.arpa");
    } else if (ip->family == IP_V6) {
        for (int i = 15; i >= 0; i--) {
            const char nibbles[] = {hex[ip->bytes[i] & 15], '.', hex[ip->bytes[i] >> 4], '.'};
            g_string_append_len(name, nibbles, sizeof nibbles);
        }
        g_string_append(name, "ip6.arpa");
    }
    return g_string_free(name, FALSE);
}
