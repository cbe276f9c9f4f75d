#include <postern/zone.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const char zone_text[] = "; a comment\n"
                                "example.com.  3600 IN  A  192.0.2.1\n"
                                "              IN  A    192.0.2.2 ; another\n"
                                "Example.COM   MX   10 mail.example.com.\n"
                                "\t0 MX 20 .\n"
                                "example.com TXT \"v=spf1 \" \"-all\"\n"
                                "esc.example.com TXT \"a\\\"b\\\\c\\065;(\" plain\\032word\n"
                                "empty.example.com TXT \"\"\n"
                                "many.example.com TXT ( \"one\" ; first\n"
                                "   \"two\" )\n"
                                "mail.example.com AAAA 2001:db8::1\n"
                                "deep.er.example.org A 192.0.2.3\n"
                                "alias.example.com CNAME Example.com\n"
                                "hop.example.com CNAME alias.example.com\n"
                                "lost.example.com CNAME nowhere.example.com\n"
                                "loop1.example.com CNAME loop2.example.com\n"
                                "loop2.example.com CNAME loop1.example.com\n"
                                "bad.example.com ERROR SERVFAIL\n"
                                "bad.example.com A 192.0.2.4\n"
                                "slow.example.com ERROR TIMEOUT TXT\n"
                                "1.2.0.192.in-addr.arpa PTR mail.example.com\n"
                                "*.wild.example.com A 192.0.2.5\n"
                                "own.wild.example.com TXT x\n"
                                "soa.example.com SOA ns.example.com. root.example.com. ( 1 2\n 3 4 5 )\n"
                                "$ORIGIN example.net.\n"
                                "$TTL 1h\n"
                                "@ A 192.0.2.6\n"
                                "www 1d IN A 192.0.2.7\n"
                                "mx MX 5 www\n"
                                "abs.example.edu. A 192.0.2.8\n"
                                "$ORIGIN sub\n"
                                "x A 192.0.2.9\r\n"
                                "last A 192.0.2.10";

/* "OK a|b", "NODATA", "NXDOMAIN", "TEMPERROR why" */
static char *shown(const DnsAnswer *answer)
{
    static const char *const words[] = {"OK", "NODATA", "NXDOMAIN", "TEMPERROR"};
    GString *text = g_string_new(words[answer->status]);
    char buf[IP_STRING_MAX];

    if (answer->why)
        g_string_append_printf(text, " %s", answer->why);
    for (guint i = 0; i < answer->n_records; i++) {
        const DnsRecord *r = &answer->records[i];
        g_string_append_c(text, i ? '|' : ' ');
        if (r->text)
            g_string_append_len(text, r->text, (gssize)r->text_len);
        else if (r->name)
            g_string_append_printf(text, "%u:%s", r->preference, r->name);
        else
            g_string_append(text, ip_to_string(&r->ip, buf));
    }
    return g_string_free(text, FALSE);
}

static void test_answers(void **state)
{
    static const struct {
        const char *name;
        DnsType type;
        const char *answer;
    } rows[] = {
        {"example.com", DNS_A, "OK 192.0.2.1|192.0.2.2"},
        {"EXAMPLE.com.", DNS_A, "OK 192.0.2.1|192.0.2.2"},
        {"example.com", DNS_MX, "OK 10:mail.example.com|20:"},
        {"example.com", DNS_TXT, "OK v=spf1 -all"},
        {"example.com", DNS_AAAA, "NODATA"},
        {"esc.example.com", DNS_TXT, "OK a\"b\\cA;(plain word"},
        {"empty.example.com", DNS_TXT, "OK "},
        {"many.example.com", DNS_TXT, "OK onetwo"},
        {"mail.example.com", DNS_AAAA, "OK 2001:db8::1"},
        {"er.example.org", DNS_A, "NODATA"},
        {"example.org", DNS_TXT, "NODATA"},
        {"nobody.example.org", DNS_A, "NXDOMAIN"},
        {"alias.example.com", DNS_A, "OK 192.0.2.1|192.0.2.2"},
        {"hop.example.com", DNS_TXT, "OK v=spf1 -all"},
        {"hop.example.com", DNS_CNAME, "OK 0:alias.example.com"},
        {"lost.example.com", DNS_A, "NXDOMAIN"},
        {"loop1.example.com", DNS_A, "TEMPERROR CNAME loop"},
        {"bad.example.com", DNS_TXT, "TEMPERROR SERVFAIL"},
        {"bad.example.com", DNS_A, "OK 192.0.2.4"},
        {"slow.example.com", DNS_TXT, "TEMPERROR timeout"},
        {"slow.example.com", DNS_A, "NODATA"},
        {"1.2.0.192.in-addr.arpa", DNS_PTR, "OK 0:mail.example.com"},
        {"any.wild.example.com", DNS_A, "OK 192.0.2.5"},
        {"a.b.wild.example.com", DNS_A, "OK 192.0.2.5"},
        {"own.wild.example.com", DNS_A, "NODATA"},
        {"below.own.wild.example.com", DNS_A, "NXDOMAIN"},
        {"wild.example.com", DNS_A, "NODATA"},
        {"soa.example.com", DNS_A, "NODATA"},
        {"example.net", DNS_A, "OK 192.0.2.6"},
        {"www.example.net", DNS_A, "OK 192.0.2.7"},
        {"mx.example.net", DNS_MX, "OK 5:www.example.net"},
        {"abs.example.edu", DNS_A, "OK 192.0.2.8"},
        {"x.sub.example.net", DNS_A, "OK 192.0.2.9"},
        {"last.sub.example.net", DNS_A, "OK 192.0.2.10"},
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(Resolver) zone = zone_resolver_parse("test", zone_text, sizeof zone_text - 1, &error);

    if (!zone)
        fail_msg("%s", error->message);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(DnsAnswer) answer = dns_query(zone, rows[i].name, rows[i].type, 0);
        g_autofree char *got = shown(answer);
        if (strcmp(got, rows[i].answer) != 0)
            fail_msg("%s %s: expected %s, got %s", rows[i].name, dns_type_name(rows[i].type), rows[i].answer,
                     got);
    }
}

static void test_errors_say_where(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"a.example A 192.0.2.1\nb.example A nonsense\n", "z:2: A wants one IPv4 address"},
        {"a.example A 2001:db8::1", "z:1: A wants one IPv4 address"},
        {"a.example AAAA 192.0.2.1", "z:1: AAAA wants one IPv6 address"},
        {"\n\na.example MX mail", "z:3: MX wants a preference and a name"},
        {"a.example MX 65536 mail", "z:1: MX wants a preference and a name"},
        {"a.example TXT \"open\nb A 192.0.2.1", "z:1: a quote is not closed"},
        {"a.example TXT ( one\ntwo", "z:2: ( is not closed"},
        {"a.example TXT )", "z:1: ) without ("},
        {"a.example WKS 1", "z:1: a.example: unknown type WKS"},
        {"a.example", "z:1: a.example: a type is missing"},
        {" A 192.0.2.1", "z:1: the first line has no name"},
        {"a.example ERROR LATER", "z:1: ERROR wants SERVFAIL or TIMEOUT, and perhaps a type"},
        {"a.example ERROR SERVFAIL WKS", "z:1: ERROR wants SERVFAIL or TIMEOUT, and perhaps a type"},
        {"a.example TXT \\256", "z:1: \\256 is no byte"},
        {"a.example TXT \\25", "z:1: \\ before a digit wants three of them"},
        {"a.example TXT \\", "z:1: a backslash ends the line"},
        {"$INCLUDE x", "z:1: $INCLUDE is not understood"},
        {"$TTL soon", "z:1: $TTL is not understood"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Resolver) zone = zone_resolver_parse("z", rows[i].text, strlen(rows[i].text), &error);
        if (zone)
            fail_msg("\"%s\": taken", rows[i].text);
        if (strcmp(error->message, rows[i].error) != 0)
            fail_msg("\"%s\": expected \"%s\", got \"%s\"", rows[i].text, rows[i].error, error->message);
    }
}

static void test_read_missing(void **state)
{
    g_autoptr(GError) error = NULL;

    assert_null(zone_resolver_read("/nonexistent/zone", &error));
    assert_true(g_error_matches(error, ZONE_ERROR, ZONE_ERROR_READ));
}

static void test_log(void **state)
{
    g_autoptr(Resolver) zone = zone_new();
    g_auto(GStrv) asked = NULL;

    dns_answer_unref(dns_query(zone, "before.example", DNS_A, 0));
    zone_log(zone);
    dns_answer_unref(dns_query(zone, "Example.COM.", DNS_TXT, 0));
    dns_answer_unref(dns_query(zone, "example.com", DNS_TXT, 0));
    dns_answer_unref(dns_query(zone, "example.com", DNS_A, 0));
    assert_int_equal(zone_query_count(zone, DNS_TXT, "example.com"), 2);
    assert_int_equal(zone_query_count(zone, DNS_MX, "example.com"), 0);
    assert_int_equal(zone_query_count(zone, DNS_A, "before.example"), 0);
    asked = zone_queries(zone);
    assert_int_equal(g_strv_length(asked), 3);
    assert_string_equal(asked[0], "TXT example.com");
    zone_log(zone);
    assert_int_equal(zone_query_count(zone, DNS_TXT, "example.com"), 0);
}

static void test_answer_outlives_zone(void **state)
{
    Resolver *zone = zone_new();
    DnsAnswer *answer, *again;

    zone_add_text(zone, "example.com", "a\0b", 3);
    answer = dns_query(zone, "example.com", DNS_TXT, 0);
    again = dns_answer_ref(answer);
    dns_answer_unref(answer);
    resolver_free(zone);
    assert_int_equal(again->records[0].text_len, 3);
    assert_memory_equal(again->records[0].text, "a\0b", 4);
    dns_answer_unref(again);
    resolver_free(NULL);
    dns_answer_unref(NULL);
}

static void test_type_words(void **state)
{
    static const char *const words[] = {"A", "NS", "CNAME", "PTR", "MX", "TXT", "AAAA"};
    DnsType type;

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        assert_true(dns_type_parse(words[i], &type));
        assert_string_equal(dns_type_name(type), words[i]);
    }
    assert_true(dns_type_parse("txt", &type) && type == DNS_TXT);
    assert_false(dns_type_parse("SPF", &type));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_errors_say_where),
        cmocka_unit_test(test_read_missing),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_answer_outlives_zone),
        cmocka_unit_test(test_type_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
