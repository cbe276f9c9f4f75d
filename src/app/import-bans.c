/* import-bans — banned_ips, banned_domains: one client, domain, "*.domain" or mailbox a line, without times and so without an end. */
#include <string.h>

#include "app/import.h"
#include "checks/ban-key.h"

static void put(Import *import, const char *key)
{
    g_autofree char *why = g_strdup_printf("imported from %s", import_name(import));
    const StoreEntry entry = {.text = why};
    import_put(import, key, STORE_IF_NEW, &entry);
}

void import_banned_ip_line(Import *import, const char *line, gsize len)
{
    IpAddress ip;
    if (strlen(line) != len || !ip_parse(line, &ip)) {
        import_wrong(import, line, len, "an IP address is expected");
        return;
    }
    g_autofree char *key = ban_client_key(&ip);
    put(import, key);
}

/* Letters, digits and what else stands in names of domains and mailboxes, with a dot in it: not a sentence, not a file's header. */
static gboolean is_name(const char *line, gsize len)
{
    const char *name = g_str_has_prefix(line, "*.") ? line + 2 : line;
    for (const char *p = name; *p; p++)
        if (!g_ascii_isgraph(*p) || strchr("*<>()[],;:\\\"", *p))
            return FALSE;
    return strlen(line) == len && *name && *name != '.' && strchr(name, '.');
}

void import_banned_domain_line(Import *import, const char *line, gsize len)
{
    if (!is_name(line, len)) {
        import_wrong(import, line, len, "a domain, *.domain or a mailbox is expected");
        return;
    }
    g_autofree char *key = g_ascii_strdown(line, -1);
    put(import, key);
}
