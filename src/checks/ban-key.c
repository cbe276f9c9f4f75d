#include "checks/ban-key.h"

#include <string.h>

#define NUMBER_DIGITS_MAX 3 /* mail001 */
/* Domains have at most 127 labels (RFC 1035 §2.3.4), but no ban is that deep. */
#define PARENTS_MAX 16

char *ban_client_key(const IpAddress *ip)
{
    char text[IP_STRING_MAX];
    if (ip->family != IP_V6)
        return g_strdup(ip_to_string(ip, text));
    IpNet net = ip_net(ip, BAN_IPV6_BITS);
    return g_strdup_printf("%s/%d", ip_to_string(&net.base, text), BAN_IPV6_BITS);
}

/* "mail12", "mx3": one of many hosts that differ by a number. Of other names nobody knows that they are alike. */
static gboolean is_numbered(const char *label, gsize len)
{
    static const char *const words[] = {"mail", "smtp", "mx"};
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        gsize word = strlen(words[i]), digits = word;
        if (g_ascii_strncasecmp(label, words[i], word) != 0)
            continue;
        while (digits < len && g_ascii_isdigit(label[digits]))
            digits++;
        return digits == len && digits > word && digits <= word + NUMBER_DIGITS_MAX;
    }
    return FALSE;
}

char *ban_domain_key(const char *domain)
{
    const char *dot = strchr(domain, '.');
    g_autofree char *folded = g_ascii_strdown(domain, -1);
    if (dot && strchr(dot + 1, '.') && is_numbered(domain, (gsize)(dot - domain)))
        return g_strdup_printf("*%s", folded + (dot - domain));
    return g_steal_pointer(&folded);
}

char **ban_address_keys(const Address *address, gboolean mailbox_only)
{
    g_autoptr(GStrvBuilder) keys = g_strv_builder_new();
    g_strv_builder_add(keys, address->canonical);
    if (!mailbox_only) {
        g_strv_builder_add(keys, address->domain);
        const char *dot = strchr(address->domain, '.');
        for (int i = 0; dot && dot[1] && i < PARENTS_MAX; i++, dot = strchr(dot + 1, '.')) {
            g_autofree char *parent = g_strdup_printf("*%s", dot);
            g_strv_builder_add(keys, parent);
        }
    }
    return g_strv_builder_end(keys);
}
