/* Names and record data as they come from the DNS: the first octet chooses the type; then the same bytes as a
 * name typed by somebody. A name that was read must be read again from its text. */
#include <stdint.h>
#include <string.h>

#include "net/dns-wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const DnsType types[] = {DNS_A, DNS_NS, DNS_CNAME, DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA};
    char text[DNS_NAME_TEXT_MAX];
    DnsWireName name;
    gsize used;

    if (size == 0)
        return 0;
    g_autoptr(DnsAnswer) answer = dns_answer_new(DNS_OK, NULL);
    gboolean ok = dns_wire_add_record(answer, types[data[0] % G_N_ELEMENTS(types)], data + 1, size - 1);
    g_assert(answer->n_records == (ok ? 1 : 0));

    if (dns_wire_name_text(data + 1, size - 1, text, &used)) {
        g_assert(used <= size - 1 && dns_wire_name(text, &name) && name.len == used);
        for (gsize i = 0; i < used; i++)
            g_assert(name.octets[i] == (guint8)g_ascii_tolower((char)data[1 + i]));
    }
    g_autofree char *typed = g_strndup((const char *)data, size);
    if (dns_wire_name(typed, &name))
        g_assert(dns_wire_name_text(name.octets, name.len, text, &used) && used == name.len);
    return 0;
}
