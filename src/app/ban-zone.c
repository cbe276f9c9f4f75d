#include "app/ban-zone.h"

#include <postern/ip.h>
#include <string.h>

#define LISTED     "127.0.0.2" /* RFC 5782 §2.1 */
#define TEXT_MAX   200         /* bytes of a reason: one character-string holds 255 */
#define NIBBLES_64 16
#define REVERSE_V4 ".in-addr.arpa"
#define REVERSE_V6 ".ip6.arpa"
#define WHOLE_TEXT "more than half of this network is banned"

typedef struct {
    IpAddress ip;
    char *why;
} Banned;

struct BanZone {
    GArray *banned; /* Banned */
};

static void banned_clear(void *data)
{
    g_free(((Banned *)data)->why);
}

BanZone *ban_zone_new(void)
{
    BanZone *zone = g_new(BanZone, 1);
    zone->banned = g_array_new(FALSE, FALSE, sizeof(Banned));
    g_array_set_clear_func(zone->banned, banned_clear);
    return zone;
}

void ban_zone_free(BanZone *zone)
{
    if (!zone)
        return;
    g_array_unref(zone->banned);
    g_free(zone);
}

gboolean ban_zone_add(BanZone *zone, const char *key, const char *why)
{
    IpNet net;
    IpAddress ip;
    if (ip_parse(key, &ip) && ip.family == IP_V4)
        net.base = ip;
    else if (!ip_net_parse(key, &net) || net.base.family != IP_V6 || net.bits != 64)
        return FALSE;
    Banned banned = {net.base, g_strdup(why)};
    g_array_append_val(zone->banned, banned);
    return TRUE;
}

static int by_address(const void *a, const void *b)
{
    const IpAddress *x = &((const Banned *)a)->ip, *y = &((const Banned *)b)->ip;
    return x->family != y->family ? (int)x->family - (int)y->family
                                  : memcmp(x->bytes, y->bytes, sizeof x->bytes);
}

/* "1.2.0.192"; without the host's own part "2.0.192"; of a /64 its 16 nibbles. The caller frees. */
static char *owner(const IpAddress *ip, gboolean network)
{
    g_autofree char *name = ip_reverse_name(ip);
    const char *end = strstr(name, ip->family == IP_V4 ? REVERSE_V4 : REVERSE_V6);
    const char *begin = name;
    if (ip->family == IP_V6)
        begin += 2 * NIBBLES_64;
    else if (network)
        begin = strchr(name, '.') + 1;
    return g_strndup(begin, (gsize)(end - begin));
}

/* A quoted character-string (RFC 1035 §5.1): printable ASCII, quotes and backslashes escaped. */
static void append_line(GString *out, const char *wild, const char *name, const char *why)
{
    g_string_append_printf(out, "%s%s\tA\t" LISTED "\n%s%s\tTXT\t\"", wild, name, wild, name);
    for (const char *p = why; *p && p < why + TEXT_MAX; p++) {
        if (*p == '"' || *p == '\\')
            g_string_append_c(out, '\\');
        g_string_append_c(out, *p >= ' ' && *p <= '~' ? *p : '?');
    }
    g_string_append(out, "\"\n");
}

/* Those of one /24 (or one IPv6 network), from `first` on; how many different ones. */
static guint run_of(const GArray *banned, guint first, guint *ret_different)
{
    const Banned *start = &g_array_index(banned, Banned, first);
    guint n = 1;
    *ret_different = 1;
    while (first + n < banned->len) {
        const Banned *next = &g_array_index(banned, Banned, first + n);
        if (!ip_same_prefix(&start->ip, &next->ip, start->ip.family == IP_V4 ? 24 : 64))
            break;
        *ret_different += !ip_equal(&next->ip, &(next - 1)->ip);
        n++;
    }
    return n;
}

static void append_run(GString *out, const GArray *banned, guint first, guint n, guint different)
{
    const Banned *start = &g_array_index(banned, Banned, first);
    gboolean v6 = start->ip.family == IP_V6;
    if (v6 || different > BAN_ZONE_HALF) {
        g_autofree char *name = owner(&start->ip, TRUE);
        append_line(out, "*.", name, v6 ? start->why : WHOLE_TEXT);
        return;
    }
    for (guint i = first; i < first + n; i++) {
        const Banned *one = &g_array_index(banned, Banned, i);
        if (i > first && ip_equal(&one->ip, &(one - 1)->ip))
            continue;
        g_autofree char *name = owner(&one->ip, FALSE);
        append_line(out, "", name, one->why);
    }
}

char *ban_zone_text(BanZone *zone, const char *origin)
{
    GString *out = g_string_new(NULL);
    guint different;
    if (*origin)
        g_string_append_printf(out, "$ORIGIN %s%s\n", origin, g_str_has_suffix(origin, ".") ? "" : ".");
    g_array_sort(zone->banned, by_address);
    for (guint i = 0, n; i < zone->banned->len; i += n) {
        n = run_of(zone->banned, i, &different);
        append_run(out, zone->banned, i, n, different);
    }
    return g_string_free(out, FALSE);
}
