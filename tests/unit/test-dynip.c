/* Names of dynamic addresses: lib/dynip.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <postern/dynip.h>
#include <string.h>

#include "suite-file.h"

typedef struct {
    const char *ptr, *ip;
    const char *why; /* a word of the reason; NULL: not dynamic */
} Row;

static const Row rows[] = {
    /* the whole address */
    {"203-0-113-17.example.net", "203.0.113.17", "spells the"},
    {"a203.0.113.17.example.net.", "203.0.113.17", "spells the"},
    {"17-113-0-203.example.net", "203.0.113.17", "spells the"},
    {"203-000-113-017.example.net", "203.0.113.17", "spells the"},
    {"x203000113017.example.net", "203.0.113.17", "spells the"},
    {"x017113000203.example.net", "203.0.113.17", "spells the"},
    {"x203011317.example.net", "203.0.113.17", "spells the"},
    {"3405803793.example.net", "203.0.113.17", "spells the"},
    {"CB007111.example.net", "203.0.113.17", "spells the"},
    {"x-cb-00-71-11.example.net", "203.0.113.17", "spells the"},
    {"117100cb.example.net", "203.0.113.17", "spells the"},
    {"[203.0.113.17]", "203.0.113.17", "spells the"},
    {"mail-203-0-113-17.example.net", "203.0.113.17", "spells the"},
    {"203-0-113-18.example.net", "203.0.113.17", "part"},
    {"1203011317.example.net", "203.0.113.17", NULL},
    {"1-1-1-1.example.net", "1.1.1.1", "spells the"},
    /* a part of it */
    {"113-17.example.net", "203.0.113.17", "part"},
    {"web-113-17.example.net", "203.0.113.17", "part"},
    {"17.113.example.net", "203.0.113.17", "part"},
    {"x113017.example.net", "203.0.113.17", "part"},
    {"203-113.example.net", "203.0.113.17", NULL}, /* a network, not a host */
    {"web17.dc113.example.net", "203.0.113.17", NULL},
    {"web1-2.example.net", "192.0.1.2", NULL},
    /* customers by number */
    {"17.example.net", "203.0.113.17", "numbered"},
    {"h17.example.net", "203.0.113.17", "numbered"},
    {"cust-17.example.net", "203.0.113.17", "numbered"},
    {"h18.example.net", "203.0.113.17", NULL},
    {"h17b.example.net", "203.0.113.17", NULL},
    {"vps17.example.net", "203.0.113.17", NULL},
    {"u17.co", "203.0.113.17", "numbered"},
    /* kinds of lines */
    {"x.adsl.example.net", "203.0.113.17", "line"},
    {"foo.dip0.example.de", "203.0.113.17", "line"},
    {"a.dynamic.isp.com.do", "203.0.113.17", "line"},
    {"mail.cable.co.uk", "203.0.113.17", NULL}, /* the owner's name, not a kind of line */
    {"pool.ntp.example", "203.0.113.17", "line"},
    {"www.pool.example", "203.0.113.17", NULL},
    {"smtp.dsl.example.net", "203.0.113.17", NULL},
    {"mail-17.pool.example.net", "203.0.113.17", "line"},
    {"swimmingpool.shop.example.net", "203.0.113.17", NULL},
    {"no-reverse.example.net", "203.0.113.17", "placeholder"},
    {"unassigned.example.net", "", "placeholder"},
    {"x.ppp.example.net", "", "line"},
    {"a.b.example.net", "", NULL},
    /* hardware addresses */
    {"h001122aabbcc.example.net", "203.0.113.17", "hardware"},
    {"00-11-22-aa-bb-cc.example.net", "203.0.113.17", "hardware"},
    {"0a1b2c3d4e5f.mta.example.net", "203.0.113.17", NULL},
    {"deadbeeffacade.example.net", "203.0.113.17", NULL},
    {"123456789012.example.net", "203.0.113.17", NULL},
    /* mail servers that are numbered by their address */
    {"mail-17.example.net", "203.0.113.17", NULL},
    {"mx113-17.example.net", "203.0.113.17", NULL},
    {"smtp-out-17.mail.example.com", "203.0.113.17", NULL},
    {"m113-17.mailgun.example.net", "203.0.113.17", NULL},
    {"mta-0-113-17.example.net", "203.0.113.17", NULL},
    {"mail-sor-f41.google.com", "209.85.220.41", NULL},
    {"mail-qt1-x82e.google.com", "2607:f8b0:4864:20::82e", NULL},
    {"a8-34.smtp-out.amazonses.com", "54.240.8.34", NULL},
    {"mail-am6eur05on2052.outbound.protection.outlook.com", "40.107.22.52", NULL},
    {"mx0b-001b2d01.pphosted.com", "148.163.158.5", NULL},
    /* IPv6 */
    {"2001-db8--17.example.net", "2001:db8::17", "spells the"},
    {"x2001-db8-0-0-0-0-0-17.example.net", "2001:db8::17", "spells the"},
    {"2001-0db8-0000-0000-0000-0000-0000-0017.example.net", "2001:db8::17", "spells the"},
    {"7.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.example.net", "2001:db8::17",
     "spells the"},
    {"x0123-4567-89ab-cdef.example.net", "2001:db8::123:4567:89ab:cdef", "spells the"},
    {"mail17.example.net", "2001:db8::17", NULL},
    /* no names at all */
    {"", "203.0.113.17", NULL},
    {".", "203.0.113.17", NULL},
    {"localhost", "203.0.113.17", NULL},
    {"..-..", "203.0.113.17", NULL},
};

static void test_rows(void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        IpAddress ip = {IP_NONE};
        if (rows[i].ip[0])
            assert_true(ip_parse(rows[i].ip, &ip));
        const char *why = NULL;
        gboolean dynamic = dynip_looks_dynamic(rows[i].ptr, &ip, &why);
        if (dynamic != !!rows[i].why || (dynamic && !strstr(why, rows[i].why)))
            fail_msg("%s %s: %s", rows[i].ptr, rows[i].ip, dynamic ? why : "not dynamic");
    }
}

static void test_long(void **state)
{
    g_autoptr(GString) name = g_string_new(NULL);
    while (name->len < 100000)
        g_string_append(name, "1.");
    IpAddress ip;
    assert_true(ip_parse("1.1.1.10", &ip));
    assert_false(dynip_looks_dynamic(name->str, &ip, NULL));
}

/* Where we say something else than the older heuristic, and why. */
static const struct {
    const char *ptr;
    gboolean dynamic;
    const char *because;
} better[] = {
    {"smtp-out-17.mail.example.com", FALSE, "a mail server numbered by its last octet"},
    {"mail-17.example.net", FALSE, "a mail server numbered by its last octet"},
    {"a27-12.smtp-out.us-west-2.amazonses.com", FALSE, "one of Amazon SES's outgoing servers"},
    {"mta-70-33-198.sparkpostmail.com", FALSE, "one of SparkPost's outgoing servers"},
    {"customer-3405803793.example.net", TRUE, "the address as one decimal number"},
    {"2001-db8--17.example.net", TRUE, "the IPv6 address with hyphens, as IPv4 names have it"},
};

static void test_suite_file(void **state)
{
    g_autoptr(JsonParser) parser = suite_file_load("names/dynip.json");
    if (!parser)
        skip();
    JsonObject *root = json_node_get_object(json_parser_get_root(parser));
    JsonArray *tests = json_object_get_array_member(root, "tests");
    guint agreed = 0, other = 0;
    for (guint i = 0; i < json_array_get_length(tests); i++) {
        JsonObject *row = json_array_get_object_element(tests, i);
        const char *ptr = json_object_get_string_member(row, "ptr");
        gboolean wanted = json_object_get_boolean_member(row, "dynamic");
        IpAddress ip;
        assert_true(ip_parse(json_object_get_string_member(row, "ip"), &ip));
        gboolean argued = FALSE;
        for (gsize k = 0; k < G_N_ELEMENTS(better); k++)
            if (g_str_equal(ptr, better[k].ptr)) {
                argued = TRUE;
                wanted = better[k].dynamic;
            }
        const char *why = "is not dynamic";
        if (dynip_looks_dynamic(ptr, &ip, &why) != wanted)
            fail_msg("%s: the name %s", ptr, why);
        *(argued ? &other : &agreed) += 1;
    }
    print_message("%u names as the older heuristic, %u better\n", agreed, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_suite_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
