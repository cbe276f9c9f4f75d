/* Zone text: read, and asked for a few names that any text may hold. */
#include <postern/zone.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"a", "a.b", "x.a.b", "", "b."};
    static const DnsType types[] = {DNS_A, DNS_AAAA, DNS_MX, DNS_TXT, DNS_PTR, DNS_CNAME, DNS_NS};
    g_autoptr(GError) error = NULL;
    g_autoptr(Resolver) zone = zone_resolver_parse("zone", (const char *)data, size, &error);

    g_assert((zone == NULL) == (error != NULL));
    for (gsize i = 0; zone && i < G_N_ELEMENTS(names); i++)
        for (gsize k = 0; k < G_N_ELEMENTS(types); k++) {
            g_autoptr(DnsAnswer) answer = dns_query(zone, names[i], types[k], 0);
            g_assert((answer->status == DNS_OK) == (answer->n_records > 0));
            for (guint r = 0; r < answer->n_records; r++)
                g_assert(!answer->records[r].text ||
                         answer->records[r].text[answer->records[r].text_len] == '\0');
        }
    return 0;
}
