/* A host list, patterns and addresses from the same words: what is shown reads back, and matching any address is safe. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "conf/addresses.h"
#include "conf/hosts.h"
#include "conf/patterns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_hosts(const char *const *words, const uint8_t *data, size_t size)
{
    g_autoptr(HostList) hosts = hosts_parse(words, NULL);
    if (hosts == NULL)
        return;
    guint8 bytes[16] = {0};
    memcpy(bytes, data, MIN(size, sizeof bytes));
    IpAddress four = ip_from_bytes(IP_V4, bytes), six = ip_from_bytes(IP_V6, bytes);
    hosts_match(hosts, &four, NULL, 0);
    hosts_match(hosts, &six, NULL, 0);
    for (; *words != NULL; words++)
        hosts_find_name(hosts, *words);
    g_autofree char *shown = hosts_to_string(hosts);
    g_auto(GStrv) split = g_strsplit(shown, ", ", -1);
    g_autoptr(HostList) again = hosts_parse((const char *const *)split, NULL);
    g_assert(again != NULL);
}

static void check_addresses(const char *const *words)
{
    g_autoptr(Addresses) list = addresses_new();
    for (const char *const *word = words; *word != NULL; word++) {
        gboolean except;
        g_autofree char *entry = address_entry_parse(*word, &except, NULL);
        g_autofree char *again = entry != NULL ? address_entry_parse(entry, NULL, NULL) : NULL;
        g_assert(entry == NULL || g_strcmp0(entry, again) == 0);
        addresses_add(list, *word, "fuzz", 1, NULL);
    }
    for (const char *const *word = words; *word != NULL; word++)
        addresses_match(list, *word);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) words = g_strsplit_set(text, " ,\n", 1000);
    check_hosts((const char *const *)words, data, size);
    g_autoptr(PatternList) patterns = patterns_new((const char *const *)words);
    for (char **word = words; *word != NULL; word++)
        patterns_match(patterns, *word);
    check_addresses((const char *const *)words);
    return 0;
}
