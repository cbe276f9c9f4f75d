/* Host lists, pattern lists, globs. */
#include "rows.h"

#include <string.h>
#include "conf/glob.h"
#include "conf/hosts.h"
#include "conf/patterns.h"

typedef struct {
    const char *name;
    const char *pattern, *text;
    gboolean want;
} GlobRow;

static const GlobRow globs[] = {
    {"plain", "abc", "abc", TRUE},
    {"shorter", "abc", "ab", FALSE},
    {"longer", "abc", "abcd", FALSE},
    {"star", "*", "", TRUE},
    {"star end", "ab*", "ab", TRUE},
    {"star start", "*.example", "a.b.example", TRUE},
    {"star start, no", "*.example", "example", FALSE},
    {"two stars", "a*b*c", "aXbYbZc", TRUE},
    {"two stars, no", "a*b*c", "aXcYb", FALSE},
    {"question", "a?c", "abc", TRUE},
    {"question needs one", "a?", "a", FALSE},
    {"empty", "", "", TRUE},
    {"empty, no", "", "a", FALSE},
    {"no classes", "[ab]", "a", FALSE},
};

static void check_glob(void **state)
{
    const GlobRow *row = *state;
    assert_int_equal(glob_match(row->pattern, row->text), row->want);
}

typedef struct {
    const char *name;
    const char *list; /* words separated by blanks */
    const char *text;
    const char *want; /* the word; NULL: no match */
} PatternRow;

static const PatternRow patterns[] = {
    {"word", "a.example b.example", "b.example", "b.example"},
    {"no part of a word", "example", "a.example", NULL},
    {"case", "Example.COM", "eXAMPLE.com", "Example.COM"},
    {"glob", "*.Example.net", "a.b.example.NET", "*.Example.net"},
    {"taken back", "*.example.net !mail.example.net", "mail.example.net", NULL},
    {"taken back, another", "*.example.net !mail.example.net", "x.example.net", "*.example.net"},
    {"taken back by a glob", "joe@example.net !*@example.net", "joe@example.net", NULL},
    {"given again", "*.example.net !mail.example.net mail.*", "mail.example.net", "mail.*"},
    {"given again as a word", "* !*.example.net mail.example.net", "mail.example.net", "mail.example.net"},
    {"the last of equal ones", "a !a A", "a", "A"},
    {"only exceptions", "!a", "b", NULL},
    {"nothing", "", "", NULL},
    {"empty text", "*", "", "*"},
};

static void check_pattern(void **state)
{
    const PatternRow *row = *state;
    g_auto(GStrv) words = g_strsplit(row->list, " ", -1);
    g_autoptr(PatternList) list = patterns_new((const char *const *)words);
    const char *got = patterns_match(list, row->text);
    assert_int_equal(got != NULL, row->want != NULL);
    if (got != NULL)
        assert_string_equal(got, row->want);
}

static void pattern_edges(void **state)
{
    g_autoptr(PatternList) none = patterns_new(NULL);
    assert_true(patterns_is_empty(none) && patterns_is_empty(NULL));
    assert_null(patterns_match(none, "a"));
    assert_null(patterns_match(NULL, "a"));
    const char *const words[] = {"a*", "!b", NULL};
    g_autoptr(PatternList) list = patterns_new(words);
    assert_false(patterns_is_empty(list));
    assert_null(patterns_match(list, NULL));
    g_autofree char *text = patterns_to_string(list);
    assert_string_equal(text, "a*, !b");
    for (gsize len = 500; len < 520; len++) { /* around where folding leaves the stack */
        g_autofree char *longer = g_strnfill(len, 'A');
        assert_non_null(patterns_match(list, longer));
    }
    patterns_free(NULL);
}

/* ---- hosts ---- */

typedef struct {
    Resolver base;
    guint asked;
    gint64 deadline;
} FakeResolver;

static DnsAnswer *fake_query(Resolver *self, const char *name, DnsType type, gint64 deadline)
{
    FakeResolver *fake = (FakeResolver *)self;
    fake->asked++;
    fake->deadline = deadline;
    IpAddress ip;
    if (strcmp(name, "slow.example") == 0)
        return dns_answer_new(DNS_TEMPERROR, "timeout");
    if (strcmp(name, "gw.example") != 0)
        return dns_answer_new(DNS_NXDOMAIN, NULL);
    DnsAnswer *answer = dns_answer_new(DNS_OK, NULL);
    const char *const texts[] = {"192.0.2.1", "192.0.2.7", "2001:db8::7"};
    for (guint i = type == DNS_A ? 0 : 2; i < (type == DNS_A ? 2 : 3); i++) {
        ip_parse(texts[i], &ip);
        dns_answer_add_ip(answer, &ip);
    }
    return answer;
}

typedef struct {
    const char *name;
    const char *list;
    const char *ip;
    const char *want;
    guint asked;
} HostRow;

static const HostRow hosts[] = {
    {"address", "192.0.2.1", "192.0.2.1", "192.0.2.1"},
    {"another", "192.0.2.1", "192.0.2.2", NULL},
    {"CIDR", "10.0.0.0/8", "10.255.0.1", "10.0.0.0/8"},
    {"CIDR, host bits set", "10.1.2.3/8", "10.255.0.1", "10.1.2.3/8"},
    {"IPv6", "2001:db8::/32", "2001:db8:1::1", "2001:db8::/32"},
    {"IPv6, another way to write it", "2001:DB8:0:0::1", "2001:db8::1", "2001:DB8:0:0::1"},
    {"IPv4 is not in an IPv6 network", "::/0", "192.0.2.1", NULL},
    {"mapped", "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"},
    {"glob", "192.168.0.*", "192.168.0.77", "192.168.0.*"},
    {"glob, another", "192.168.0.*", "192.168.1.77", NULL},
    {"short glob", "127.*", "127.1.2.3", "127.*"},
    {"two stars", "10.9.*.*", "10.9.8.7", "10.9.*.*"},
    {"star inside", "10.*.1.1", "10.200.1.1", "10.*.1.1"},
    {"star inside, another", "10.*.1.1", "10.200.1.2", NULL},
    {"glob does not cut digits", "192.168.1.*", "192.168.10.1", NULL},
    {"question marks", "10.0.0.?", "10.0.0.9", "10.0.0.?"},
    {"question marks, another", "10.0.0.?", "10.0.0.10", NULL},
    {"glob on IPv6", "2001:DB8:*", "2001:db8:9::1", "2001:DB8:*"},
    {"all", "*", "2001:db8::1", "*"},
    {"name", "gw.example", "192.0.2.7", "gw.example", 1},
    {"name, IPv6", "gw.example", "2001:db8::7", "gw.example", 1},
    {"name, another", "gw.example", "192.0.2.9", NULL, 1},
    {"name that cannot be asked now", "slow.example gw.example", "192.0.2.7", "gw.example", 2},
    {"no question when an address matches", "gw.example 192.0.2.7", "192.0.2.7", "192.0.2.7", 0},
    {"nothing", "", "192.0.2.7", NULL, 0},
};

static HostList *parse(const char *list, GError **error)
{
    g_auto(GStrv) words = g_strsplit(list, " ", -1);
    return hosts_parse((const char *const *)words, error);
}

static void check_host(void **state)
{
    const HostRow *row = *state;
    FakeResolver fake = {.base.query = fake_query};
    IpAddress ip;
    assert_true(ip_parse(row->ip, &ip));
    g_autoptr(HostList) list = parse(row->list, NULL);
    assert_non_null(list);
    const char *got = hosts_match(list, &ip, &fake.base, 42);
    assert_int_equal(got != NULL, row->want != NULL);
    if (got != NULL)
        assert_string_equal(got, row->want);
    assert_int_equal(fake.asked, row->asked);
    assert_true(fake.asked == 0 || fake.deadline == 42);
    g_autofree char *shown = hosts_to_string(list);
    g_auto(GStrv) split = g_strsplit(shown, ", ", -1);
    g_autofree char *blank = g_strjoinv(" ", split);
    assert_string_equal(blank, row->list);
}

static const char *const bad_words[] = {
    "1.2.3", "300.1.1.1", "10.0.0.0/33",    "*.example.com",   "a..b",      ".a",
    "a_b/8", "a b@c",     "2001:db8::/129", "192.168.0.*.*.*", "!10.0.0.1", "ex*mple",
};

static void host_names(void **state)
{
    g_autoptr(HostList) list = parse("192.0.2.1 MX.example 10.* gw.example.", NULL);
    static const char *const rows[][2] = {
        {"mx.example", "MX.example"},
        {"Mx.Example.", "MX.example"},
        {"gw.example", "gw.example."},
        {"a.mx.example", NULL},
        {"mx.exampl", NULL},
        {"192.0.2.1", NULL},
        {"10.*", NULL},
        {"", NULL},
        {".", NULL},
    };
    for (guint i = 0; list && i < G_N_ELEMENTS(rows); i++)
        if (g_strcmp0(hosts_find_name(list, rows[i][0]), rows[i][1]) != 0)
            fail_msg("%s", rows[i][0]);
    assert_null(hosts_find_name(NULL, "mx.example"));
}

static void bad_hosts(void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS(bad_words); i++) {
        g_autoptr(GError) error = NULL;
        const char *const words[] = {"10.0.0.1", bad_words[i], NULL};
        HostList *list = hosts_parse(words, &error);
        if (list != NULL)
            fail_msg("%s was accepted", bad_words[i]);
        assert_non_null(strstr(error->message, bad_words[i]));
    }
    IpAddress none = {.family = IP_NONE};
    g_autoptr(HostList) all = parse("*", NULL);
    assert_null(hosts_match(all, &none, NULL, 0));
    g_autoptr(HostList) name = parse("gw.example", NULL);
    IpAddress ip;
    ip_parse("192.0.2.7", &ip);
    assert_null(hosts_match(name, &ip, NULL, 0));
    assert_null(hosts_match(NULL, &ip, NULL, 0));
    assert_true(hosts_is_empty(NULL));
    assert_false(hosts_is_empty(name));
    hosts_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pattern_edges), cmocka_unit_test(host_names),
                                       cmocka_unit_test(bad_hosts)};
    return RUN_ROWS("glob_match", globs, check_glob) + RUN_ROWS("patterns_match", patterns, check_pattern) +
           RUN_ROWS("hosts_match", hosts, check_host) + cmocka_run_group_tests(tests, NULL, NULL);
}
