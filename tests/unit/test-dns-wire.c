#include "rows.h"

#include <string.h>

#include "net/dns-wire.h"

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L61 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *name, *text, *shown; /* shown: NULL if it is not a name */
    guint len;                       /* on the wire; 0: not checked */
} name_rows[] = {
    {"plain", "example.com", "example.com", 13},
    {"final dot", "example.com.", "example.com", 13},
    {"upper case", "Example.COM", "example.com", 13},
    {"root", ".", "", 1},
    {"empty is the root", "", "", 1},
    {"one label", "a", "a", 3},
    {"empty label", "a..b", NULL, 0},
    {"leading dot", ".a", NULL, 0},
    {"two dots", "..", NULL, 0},
    {"label of 63", L63 ".b", L63 ".b", 67},
    {"label of 64", L63 "a.b", NULL, 0},
    {"255 octets", L63 "." L63 "." L63 "." L61, L63 "." L63 "." L63 "." L61, 255},
    {"255 octets and a dot", L63 "." L63 "." L63 "." L61 ".", L63 "." L63 "." L63 "." L61, 255},
    {"256 octets", L63 "." L63 "." L63 "." L61 "a", NULL, 0},
    {"256 octets, two labels", L63 "." L63 "." L63 "." L61 ".a", NULL, 0},
    {"blank", "we ird.test", "we\\032ird.test", 13},
    {"escaped blank", "we\\032ird.test", "we\\032ird.test", 13},
    {"eight bits", "caf\xc3\xa9.test", "caf\\195\\169.test", 12},
    {"escaped dot", "a\\.b.c", "a\\.b.c", 7},
    {"escaped backslash", "a\\\\b", "a\\\\b", 5},
    {"NUL octet", "a\\000b", "a\\000b", 5},
    {"escape over 255", "a\\256", NULL, 0},
    {"two digits", "a\\25", NULL, 0},
    {"lone backslash", "a\\", NULL, 0},
};

static void test_names(void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS(name_rows); i++) {
        DnsWireName name;
        char shown[DNS_NAME_TEXT_MAX];
        gsize used;
        gboolean ok = dns_wire_name(name_rows[i].text, &name);
        if (ok != (name_rows[i].shown != NULL))
            fail_msg("%s: %s", name_rows[i].name, ok ? "is a name" : "is no name");
        if (!ok)
            continue;
        if (name_rows[i].len && name.len != name_rows[i].len)
            fail_msg("%s: %u octets", name_rows[i].name, name.len);
        if (!dns_wire_name_text(name.octets, name.len, shown, &used) || used != name.len ||
            strcmp(shown, name_rows[i].shown) != 0)
            fail_msg("%s: shown as \"%s\"", name_rows[i].name, shown);
    }
}

#define BYTES(s) (const guint8 *)(s), sizeof(s) - 1

static const struct {
    const char *name;
    DnsType type;
    const guint8 *data;
    gsize len;
    const char *shown; /* NULL: malformed */
} record_rows[] = {
    {"A", DNS_A, BYTES("\xc0\0\2\1"), "192.0.2.1"},
    {"A, 3 octets", DNS_A, BYTES("\xc0\0\2"), NULL},
    {"A, 5 octets", DNS_A, BYTES("\xc0\0\2\1\1"), NULL},
    {"AAAA", DNS_AAAA, BYTES("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"), "2001:db8::1"},
    {"AAAA, 4 octets", DNS_AAAA, BYTES("\xc0\0\2\1"), NULL},
    {"MX", DNS_MX, BYTES("\1\2\2MX\4test\0"), "258 mx.test"},
    {"MX, null", DNS_MX, BYTES("\0\0\0"), "0 "},
    {"MX without a name", DNS_MX, BYTES("\0\12"), NULL},
    {"MX, 1 octet", DNS_MX, BYTES("\0"), NULL},
    {"MX, rest", DNS_MX, BYTES("\0\12\2mx\0x"), NULL},
    {"PTR", DNS_PTR, BYTES("\4Host\4test\0"), "0 host.test"},
    {"NS", DNS_NS, BYTES("\2ns\0"), "0 ns"},
    {"CNAME", DNS_CNAME, BYTES("\1a\0"), "0 a"},
    {"name without an end", DNS_PTR, BYTES("\4host"), NULL},
    {"name cut", DNS_PTR, BYTES("\11host"), NULL},
    {"compressed name", DNS_PTR, BYTES("\4host\xc0\14"), NULL},
    {"empty name data", DNS_PTR, (const guint8 *)"", 0, NULL},
    {"TXT", DNS_TXT, BYTES("\3a b\2cd"), "a bcd"},
    {"TXT, empty string", DNS_TXT, BYTES("\0"), ""},
    {"TXT, no string", DNS_TXT, (const guint8 *)"", 0, NULL},
    {"TXT, cut", DNS_TXT, BYTES("\3ab"), NULL},
    {"TXT, second cut", DNS_TXT, BYTES("\1a\377b"), NULL},
    {"another type", (DnsType)6, BYTES("\0"), NULL},
};

static char *show(const DnsRecord *record, DnsType type)
{
    char ip[IP_STRING_MAX];

    if (type == DNS_TXT)
        return g_strndup(record->text, record->text_len);
    if (type == DNS_A || type == DNS_AAAA)
        return g_strdup(ip_to_string(&record->ip, ip));
    return g_strdup_printf("%u %s", record->preference, record->name);
}

static void test_records(void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS(record_rows); i++) {
        g_autoptr(DnsAnswer) answer = dns_answer_new(DNS_OK, NULL);
        /* on the heap, so that reading too far is seen */
        g_autofree guint8 *data = g_memdup2(record_rows[i].data, record_rows[i].len);
        gboolean ok = dns_wire_add_record(answer, record_rows[i].type, data, record_rows[i].len);
        g_autofree char *shown = ok ? show(&answer->records[0], record_rows[i].type) : NULL;
        if (answer->n_records != (ok ? 1 : 0) || g_strcmp0(shown, record_rows[i].shown) != 0)
            fail_msg("%s: %u records, \"%s\"", record_rows[i].name, answer->n_records, shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_records)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
