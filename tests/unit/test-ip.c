#include <postern/ip.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* text: what is parsed; shown: how it is written back, NULL: not an address. */
static void test_parse(void **state)
{
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"192.0.2.01", NULL},
        {"192.0.2", NULL},
        {"192.0.2.256", NULL},
        {"192.0.2.1 ", NULL},
        {" 192.0.2.1", NULL},
        {"192.0.2.1.", NULL},
        {"", NULL},
        {"2001:DB8::1", "2001:db8::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"0:0:0:0:0:0:0:0", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
        {"::192.0.2.1", "::c000:201"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::FFFF:c000:0201", "192.0.2.1"},
        {"::ffff:192.0.2.01", NULL},
        {"[::1]", NULL},
        {"fe80::1%eth0", NULL},
        {"1:2:3:4:5:6:7:8:9", NULL},
        {"1:2:3:4:5:6:7", NULL},
        {"12345::", NULL},
        {":::", NULL},
        {"1111:2222:3333:4444:5555:6666:255.255.255.2555", NULL},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        IpAddress ip;
        char buf[IP_STRING_MAX];
        gboolean good = ip_parse(rows[i].text, &ip);

        if (good != (rows[i].shown != NULL))
            fail_msg("\"%s\": %s", rows[i].text, good ? "taken" : "refused");
        if (good && strcmp(ip_to_string(&ip, buf), rows[i].shown) != 0)
            fail_msg("\"%s\": expected %s, got %s", rows[i].text, rows[i].shown, buf);
    }
}

static void test_parse_len_stops_and_sees_nul(void **state)
{
    IpAddress ip;
    char buf[IP_STRING_MAX];

    assert_true(ip_parse_len("192.0.2.1/24", 9, &ip));
    assert_string_equal(ip_to_string(&ip, buf), "192.0.2.1");
    assert_false(ip_parse_len("192.0.2.1\0", 10, &ip));
}

static void test_net(void **state)
{
    static const struct {
        const char *net, *ip;
        int in; /* -1: no network */
    } rows[] = {
        {"192.0.2.0/24", "192.0.2.255", 1},
        {"192.0.2.77/24", "192.0.2.1", 1},
        {"192.0.2.0/24", "192.0.3.0", 0},
        {"192.0.2.128/25", "192.0.2.127", 0},
        {"192.0.2.128/25", "192.0.2.128", 1},
        {"192.0.2.1", "192.0.2.1", 1},
        {"192.0.2.1", "192.0.2.2", 0},
        {"0.0.0.0/0", "203.0.113.9", 1},
        {"0.0.0.0/0", "2001:db8::1", 0},
        {"2001:db8::/33", "2001:db8:7fff::1", 1},
        {"2001:db8::/33", "2001:db8:8000::1", 0},
        {"::/0", "2001:db8::1", 1},
        {"::/0", "192.0.2.1", 0},
        {"::ffff:192.0.2.0/120", "192.0.2.9", 1},
        {"::ffff:192.0.2.0/95", "192.0.2.9", -1},
        {"192.0.2.0/33", "192.0.2.1", -1},
        {"192.0.2.0/024", "192.0.2.1", -1},
        {"192.0.2.0/", "192.0.2.1", -1},
        {"2001:db8::/129", "::1", -1},
        {"192.0.2.0/24x", "192.0.2.1", -1},
        {"/24", "192.0.2.1", -1},
        {"192.0.2.0/-1", "192.0.2.1", -1},
        {"192.0.2.0/4294967297", "192.0.2.1", -1},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        IpNet net;
        IpAddress ip;
        gboolean good = ip_net_parse(rows[i].net, &net);

        assert_true(ip_parse(rows[i].ip, &ip));
        if (good != (rows[i].in >= 0))
            fail_msg("%s: %s", rows[i].net, good ? "taken" : "refused");
        if (good && ip_in_net(&ip, &net) != rows[i].in)
            fail_msg("%s in %s: expected %d", rows[i].ip, rows[i].net, rows[i].in);
    }
}

static void test_nobody_is_in_no_net(void **state)
{
    IpAddress nobody = {0};
    IpNet all;

    assert_true(ip_net_parse("0.0.0.0/0", &all));
    assert_false(ip_in_net(&nobody, &all));
    all.base.family = IP_NONE;
    assert_false(ip_in_net(&nobody, &all));
}

static void test_kinds(void **state)
{
    static const struct {
        const char *ip;
        gboolean loopback, private;
    } rows[] = {
        {"127.0.0.1", TRUE, TRUE},     {"127.255.0.1", TRUE, TRUE},
        {"::1", TRUE, TRUE},           {"::2", FALSE, FALSE},
        {"10.0.0.1", FALSE, TRUE},     {"172.16.0.1", FALSE, TRUE},
        {"172.31.9.9", FALSE, TRUE},   {"172.32.0.1", FALSE, FALSE},
        {"192.168.4.5", FALSE, TRUE},  {"169.254.0.1", FALSE, TRUE},
        {"fe80::1", FALSE, TRUE},      {"febf::1", FALSE, TRUE},
        {"fec0::1", FALSE, FALSE},     {"fd00::1", FALSE, TRUE},
        {"192.0.2.1", FALSE, FALSE},   {"::ffff:10.0.0.1", FALSE, TRUE},
        {"2001:db8::1", FALSE, FALSE},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        IpAddress ip;

        assert_true(ip_parse(rows[i].ip, &ip));
        if (ip_is_loopback(&ip) != rows[i].loopback || ip_is_private(&ip) != rows[i].private)
            fail_msg("%s: loopback %d, private %d", rows[i].ip, ip_is_loopback(&ip), ip_is_private(&ip));
    }
}

static void test_reverse(void **state)
{
    static const struct {
        const char *ip, *name;
    } rows[] = {
        {"192.0.2.1", "1.2.0.192.in-addr.arpa"},
        {"2001:db8::567:89ab", "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        IpAddress ip;
        g_autofree char *name = NULL;

        assert_true(ip_parse(rows[i].ip, &ip));
        name = ip_reverse_name(&ip);
        assert_string_equal(name, rows[i].name);
    }
}

static void test_equal_and_hash(void **state)
{
    IpAddress a, b, c;

    assert_true(ip_parse("192.0.2.1", &a) && ip_parse("::ffff:192.0.2.1", &b) && ip_parse("c000:201::", &c));
    assert_true(ip_equal(&a, &b));
    assert_int_equal(ip_hash(&a), ip_hash(&b));
    assert_false(ip_equal(&a, &c)); /* the same bytes, the other family */
    assert_true(ip_same_prefix(&a, &b, 32));
    assert_true(ip_same_prefix(&a, &b, 128));
    assert_false(ip_same_prefix(&a, &c, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_len_stops_and_sees_nul),
        cmocka_unit_test(test_net),
        cmocka_unit_test(test_nobody_is_in_no_net),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_reverse),
        cmocka_unit_test(test_equal_and_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
