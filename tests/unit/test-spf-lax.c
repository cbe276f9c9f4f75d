/* Lax evaluation (what a broken record was meant to say) and the limits it stretches. */
#include <postern/spf.h>
#include <postern/zone.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char zone_text[] = "inc.example TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
                                "host.example A 192.0.2.1\n"
                                "brk.example TXT \"v=spf1 ip:192.0.2.1 -all\"\n"
                                "self.example A 192.0.2.1\n"
                                "self.example MX 1 host.example\n"
                                "void.example TXT x\n"
                                "1.2.0.192.in-addr.arpa PTR host.example\n";

typedef struct {
    Resolver *zone;
    SpfRequest request;
} World;

static World world(const char *text, const char *sender)
{
    GError *error = NULL;
    World w = {.zone = zone_resolver_parse("zone", text, strlen(text), &error)};

    if (!w.zone)
        fail_msg("%s", error->message);
    w.request = (SpfRequest){.resolver = w.zone, .helo = "h.example", .sender = sender, .lax = TRUE};
    assert_true(ip_parse("192.0.2.1", &w.request.ip));
    return w;
}

static void expect(const char *row, const char *what, const char *expected, const char *got)
{
    if (g_strcmp0(expected, got) != 0)
        fail_msg("%s: %s: expected %s, got %s", row, what, expected ? expected : "(none)",
                 got ? got : "(none)");
}

/* All rows are permerror as written; the client is 192.0.2.1. */
static void test_corrections(void **state)
{
    static const struct {
        const char *record;
        SpfCode lax;
        const char *broken, *corrected, *mechanism;
    } rows[] = {
        /* names */
        {"v=spf1 ip:192.0.2.1 -all", SPF_PASS, "ip:192.0.2.1", "ip4:192.0.2.1", "ip4:192.0.2.1"},
        {"v=spf1 ip:2001:db8::1 -all", SPF_FAIL, "ip:2001:db8::1", "ip6:2001:db8::1", "-all"},
        {"v=spf1 ipv4:192.0.2.0/24 -all", SPF_PASS, "ipv4:192.0.2.0/24", "ip4:192.0.2.0/24",
         "ip4:192.0.2.0/24"},
        {"v=spf1 -ipv4:192.0.2.1 +all", SPF_FAIL, "-ipv4:192.0.2.1", "-ip4:192.0.2.1", "-ip4:192.0.2.1"},
        {"v=spf1 IPV6:2001:db8::/32 ~all", SPF_SOFTFAIL, "IPV6:2001:db8::/32", "ip6:2001:db8::/32", "~all"},
        {"v=spf1 prt -all", SPF_FAIL, "prt", "ptr", "-all"},
        {"v=spf1 prt:host.example -all", SPF_PASS, "prt:host.example", "ptr:host.example",
         "ptr:host.example"},
        {"v=spf1 inlcude:inc.example -all", SPF_PASS, "inlcude:inc.example", "include:inc.example",
         "include:inc.example"},
        {"v=spf1 includes:inc.example -all", SPF_PASS, "includes:inc.example", "include:inc.example",
         "include:inc.example"},
        {"v=spf1 include=inc.example inclde:inc.example -all", SPF_PASS, "inclde:inc.example",
         "include:inc.example", "include:inc.example"},
        {"v=spf1 ip4:198.51.100.1 -al", SPF_FAIL, "-al", "-all", "-all"},
        {"v=spf1 -all.", SPF_FAIL, "-all.", "-all", "-all"},
        {"v=spf1 -all:foobar", SPF_FAIL, "-all:foobar", "-all", "-all"},
        {"v=spf1 ~all/8", SPF_SOFTFAIL, "~all/8", "~all", "~all"},
        {"v=spf1 exist:host.example -all", SPF_PASS, "exist:host.example", "exists:host.example",
         "exists:host.example"},
        {"v=spf1 redirect:inc.example", SPF_PASS, "redirect:inc.example", "redirect=inc.example",
         "ip4:192.0.2.1"},
        /* ip5 could be either: left out */
        {"v=spf1 ip5:192.0.2.1 -all", SPF_FAIL, "ip5:192.0.2.1", NULL, "-all"},
        /* addresses under the wrong name, or none */
        {"v=spf1 a:192.0.2.1 -all", SPF_PASS, "a:192.0.2.1", "ip4:192.0.2.1", "ip4:192.0.2.1"},
        {"v=spf1 mx:192.0.2.0/24 -all", SPF_PASS, "mx:192.0.2.0/24", "ip4:192.0.2.0/24", "ip4:192.0.2.0/24"},
        {"v=spf1 192.0.2.1 -all", SPF_PASS, "192.0.2.1", "ip4:192.0.2.1", "ip4:192.0.2.1"},
        {"v=spf1 192.0.2.0/24 -all", SPF_PASS, "192.0.2.0/24", "ip4:192.0.2.0/24", "ip4:192.0.2.0/24"},
        {"v=spf1 ?2001:db8::1 -all", SPF_FAIL, "?2001:db8::1", "?ip6:2001:db8::1", "-all"},
        {"v=spf1 ip6:192.0.2.1 -all", SPF_PASS, "ip6:192.0.2.1", "ip4:192.0.2.1", "ip4:192.0.2.1"},
        {"v=spf1 ip4:2001:db8::1 -all", SPF_FAIL, "ip4:2001:db8::1", "ip6:2001:db8::1", "-all"},
        {"v=spf1 ip4:192.0.2.1:25 -all", SPF_PASS, "ip4:192.0.2.1:25", "ip4:192.0.2.1", "ip4:192.0.2.1"},
        {"v=spf1 a:host.example:25 -all", SPF_PASS, "a:host.example:25", "a:host.example", "a:host.example"},
        {"v=spf1 ip4:192.0.2.0/024 -all", SPF_PASS, "ip4:192.0.2.0/024", "ip4:192.0.2.0/24",
         "ip4:192.0.2.0/24"},
        {"v=spf1 ip4:192.0.2.0//24 -all", SPF_PASS, "ip4:192.0.2.0//24", "ip4:192.0.2.0/24",
         "ip4:192.0.2.0/24"},
        /* stray marks */
        {"v=spf1 ip4:192.0.2.1, -all", SPF_PASS, "ip4:192.0.2.1,", "ip4:192.0.2.1", "ip4:192.0.2.1"},
        {"v=spf1 a:host.example; -all", SPF_PASS, "a:host.example;", "a:host.example", "a:host.example"},
        {"v=spf1 ip:192.0.2.1, -all", SPF_PASS, "ip:192.0.2.1,", "ip4:192.0.2.1", "ip4:192.0.2.1"},
        {"v=spf1 ip4:192.0.2.1 -all\"", SPF_PASS, "-all\"", "-all", "ip4:192.0.2.1"},
        {"v=spf1 \xc2\xa0ip4:192.0.2.1 -all", SPF_PASS, "??ip4:192.0.2.1", "ip4:192.0.2.1", "ip4:192.0.2.1"},
        {"v=spf1 ip4:198.51.100.1\tip4:192.0.2.1 -all", SPF_PASS, NULL, NULL, "ip4:192.0.2.1"},
        /* blanks missing or too many */
        {"v=spf1 ip4:192.0.2.1-all", SPF_PASS, "ip4:192.0.2.1-all", "ip4:192.0.2.1 -all", "ip4:192.0.2.1"},
        {"v=spf1 ip4:198.51.100.1ip4:192.0.2.1-all", SPF_PASS, "ip4:198.51.100.1ip4:192.0.2.1-all",
         "ip4:198.51.100.1 ip4:192.0.2.1 -all", "ip4:192.0.2.1"},
        {"v=spf1 ip4:198.51.100.0/24include:inc.example -all", SPF_PASS,
         "ip4:198.51.100.0/24include:inc.example", "ip4:198.51.100.0/24 include:inc.example",
         "include:inc.example"},
        {"v=spf1 mx-all", SPF_PASS, "mx-all", "mx -all", "mx"},
        {"v=spf1 a:nohost.example~all", SPF_SOFTFAIL, "a:nohost.example~all", "a:nohost.example ~all",
         "~all"},
        {"v=spf1 a?all", SPF_PASS, "a?all", "a ?all", "a"},
        {"v=spf1 include:inc.example-all", SPF_PASS, "include:inc.example-all", "include:inc.example -all",
         "include:inc.example"},
        {"v=spf1 ip4: 192.0.2.1 -all", SPF_PASS, "ip4:", "ip4:192.0.2.1", "ip4:192.0.2.1"},
        {"v=spf1 ip4:198.51.100.1 - all", SPF_FAIL, "-", "-all", "-all"},
        /* what nothing can be made of is left out, unless it may have said no */
        {"v=spf1 moo ip4:192.0.2.1 -all", SPF_PASS, "moo", NULL, "ip4:192.0.2.1"},
        {"v=spf1 moo -all", SPF_FAIL, "moo", NULL, "-all"},
        {"v=spf1 -moo ip4:192.0.2.1 -all", SPF_PERMERROR, "-moo", NULL, NULL},
        {"v=spf1 ~ip4:999.0.0.1 +all", SPF_PERMERROR, "~ip4:999.0.0.1", NULL, NULL},
        {"v=spf1 a:%{x} ip4:192.0.2.1 -all", SPF_PASS, "a:%{x}", NULL, "ip4:192.0.2.1"},
        {"v=spf1 exp=a.example exp=b.example ip4:192.0.2.1 -all", SPF_PASS, "exp=b.example", NULL,
         "ip4:192.0.2.1"},
        {"v=spf1 redirect=brk.example redirect=inc.example", SPF_PERMERROR, "redirect=inc.example", NULL,
         NULL},
        {"v=spf1 redirect=", SPF_PERMERROR, "redirect=", NULL, NULL},
        /* a domain is never changed into another */
        {"v=spf1 a:h\xc3\xb6st.example -all", SPF_FAIL, "a:h??st.example", NULL, "-all"},
        /* further down */
        {"v=spf1 include:brk.example -all", SPF_PASS, "ip:192.0.2.1", "ip4:192.0.2.1", "include:brk.example"},
        {"v=spf1 include:void.example ip4:192.0.2.1 -all", SPF_PASS, "include:void.example", NULL,
         "ip4:192.0.2.1"},
        {"v=spf1 redirect=void.example", SPF_PERMERROR, "redirect=void.example", NULL, NULL},
    };
    World w = world(zone_text, "u@self.example");

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(SpfResult) r = spf_evaluate(&w.request, rows[i].record);

        expect(rows[i].record, "code", "permerror", spf_code_name(r->code));
        expect(rows[i].record, "lax code", spf_code_name(rows[i].lax), spf_code_name(r->lax_code));
        if (rows[i].broken)
            expect(rows[i].record, "broken", rows[i].broken, r->broken);
        expect(rows[i].record, "corrected", rows[i].corrected, r->corrected);
        expect(rows[i].record, "mechanism", rows[i].mechanism, r->lax_mechanism);
        assert_non_null(r->problem);
        assert_int_equal(strlen(r->record), strlen(rows[i].record)); /* as it was, not as it was meant */
    }
    resolver_free(w.zone);
}

static void test_diagnosis(void **state)
{
    static const struct {
        const char *record, *text;
    } rows[] = {
        {"v=spf1 ip:192.0.2.1 -all",
         "ip:192.0.2.1: unknown mechanism; with \"ip4:192.0.2.1\" for \"ip:192.0.2.1\" the "
         "result would be pass"},
        {"v=spf1 moo -all", "moo: unknown mechanism; taken leniently the result would be fail"},
        {"v=spf1 -moo -all", "-moo: unknown mechanism"},
        {"v=spf1 -all", NULL},
    };
    World w = world(zone_text, "u@self.example");

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(SpfResult) r = spf_evaluate(&w.request, rows[i].record);
        g_autofree char *got = spf_diagnosis(r);
        expect(rows[i].record, "diagnosis", rows[i].text, got);
    }
    resolver_free(w.zone);
}

/* Nothing of it without being asked for, or where the record is good. */
static void test_only_after_permerror(void **state)
{
    World w = world(zone_text, "u@self.example");
    g_autoptr(SpfResult) good = spf_evaluate(&w.request, "v=spf1 a -all");
    g_autoptr(SpfResult) strict =
        (w.request.lax = FALSE, spf_evaluate(&w.request, "v=spf1 ip:192.0.2.1 -all"));

    assert_int_equal(good->lax_code, SPF_PERMERROR);
    assert_null(good->corrected);
    assert_int_equal(strict->lax_code, SPF_PERMERROR);
    assert_string_equal(strict->broken, "ip:192.0.2.1");
    assert_null(strict->corrected);
    resolver_free(w.zone);
}

/* `n` times `format` (which takes the number) behind "v=spf1", then `tail`. */
static char *repeated(const char *format, guint n, const char *tail)
{
    GString *text = g_string_new("v=spf1");

    for (guint i = 0; i < n; i++) {
        g_autofree char *number = g_strdup_printf("%u", i);
        g_auto(GStrv) parts = g_strsplit(format, "#", -1);
        g_autofree char *term = g_strjoinv(number, parts);
        g_string_append_printf(text, " %s", term);
    }
    g_string_append(text, tail);
    return g_string_free(text, FALSE);
}

/* RFC 7208 §4.6.4: at the limit, one over it, at four times, one over that. */
static void test_limits(void **state)
{
    g_autoptr(GString) text = g_string_new("c0.example TXT \"v=spf1 -all\"\n");
    static const struct {
        const char *row, *term;
        guint n;
        SpfCode code, lax;
    } rows[] = {
        {"lookups at the limit", "a:h#.example", 10, SPF_FAIL, SPF_PERMERROR},
        {"lookups over it", "a:h#.example", 11, SPF_PERMERROR, SPF_FAIL},
        {"lookups at the lax limit", "a:h#.example", 40, SPF_PERMERROR, SPF_FAIL},
        {"lookups over that", "a:h#.example", 41, SPF_PERMERROR, SPF_PERMERROR},
        {"exists", "exists:h#.example.no", 2, SPF_FAIL, SPF_PERMERROR},
        {"voids over it", "exists:h#.example.no", 3, SPF_PERMERROR, SPF_FAIL},
        {"voids at the lax limit", "exists:h#.example.no", 8, SPF_PERMERROR, SPF_FAIL},
        {"voids over that", "exists:h#.example.no", 9, SPF_PERMERROR, SPF_PERMERROR},
        {"dead MX hosts are one void a term", "mx:dead.example", 2, SPF_FAIL, SPF_PERMERROR},
        {"three such terms", "mx:dead.example", 3, SPF_PERMERROR, SPF_FAIL},
        {"a client without a name", "ptr", 2, SPF_FAIL, SPF_PERMERROR},
        {"asked for a third time", "ptr", 3, SPF_PERMERROR, SPF_FAIL},
        {"ten hosts", "mx:m10.example", 1, SPF_FAIL, SPF_PERMERROR},
        {"eleven hosts", "mx:m11.example", 1, SPF_PERMERROR, SPF_FAIL},
        {"forty hosts", "mx:m40.example", 1, SPF_PERMERROR, SPF_FAIL},
        {"forty-one", "mx:m41.example", 1, SPF_PERMERROR, SPF_PERMERROR},
        {"chain of ten", "include:c10.example", 1, SPF_FAIL, SPF_PERMERROR},
        {"chain of eleven", "include:c11.example", 1, SPF_PERMERROR, SPF_FAIL},
        {"circle", "include:r1.example", 1, SPF_PERMERROR, SPF_PERMERROR},
        {"includes itself", "include:self.example", 1, SPF_PERMERROR, SPF_PERMERROR},
    };
    World w;

    g_string_append(text, "dead.example MX 1 x.dead.example\ndead.example MX 2 y.dead.example\n");
    for (guint i = 0; i < 45; i++)
        g_string_append_printf(text, "h%u.example A 198.51.100.1\n", i);
    for (guint n = 10; n <= 41; n++)
        for (guint i = 0; i < n; i++)
            g_string_append_printf(text, "m%u.example MX 1 h%u.example\n", n, i);
    for (guint i = 1; i <= 12; i++)
        g_string_append_printf(text, "c%u.example TXT \"v=spf1 include:c%u.example -all\"\n", i, i - 1);
    g_string_append(
        text, "r1.example TXT \"v=spf1 include:r2.example\"\nr2.example TXT \"v=spf1 redirect=r1.example\"\n"
              "self.example TXT \"v=spf1 include:self.example -all\"\n");
    w = world(text->str, "u@sender.example");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        /* the include of cN is one lookup, and then N more down to c0 */
        g_autofree char *record =
            strstr(rows[i].term, "include:c") && rows[i].n == 1
                ? g_strdup_printf("v=spf1 include:c%d.example -all", atoi(strstr(rows[i].term, ":c") + 2) - 1)
                : repeated(rows[i].term, rows[i].n, " -all");
        g_autoptr(SpfResult) r = spf_evaluate(&w.request, record);

        expect(rows[i].row, "code", spf_code_name(rows[i].code), spf_code_name(r->code));
        expect(rows[i].row, "lax", spf_code_name(rows[i].lax), spf_code_name(r->lax_code));
        if (r->code == SPF_PERMERROR && !strstr(r->problem, "too many"))
            fail_msg("%s: %s", rows[i].row, r->problem);
    }
    resolver_free(w.zone);
}

/* The most that a hostile set of records can make us ask, lax included. */
static void test_queries_are_bounded(void **state)
{
    g_autoptr(GString) text = g_string_new("bomb.example TXT \"v=spf1");
    g_auto(GStrv) asked = NULL;
    World w;

    for (guint i = 0; i < 10; i++)
        g_string_append_printf(text, " include:b%u.example", i);
    g_string_append(text, "\"\n");
    for (guint i = 0; i < 10; i++)
        g_string_append_printf(
            text, "b%u.example TXT \"v=spf1 mx:many.example include:bomb.example mx:many.example\"\n", i);
    for (guint i = 0; i < 40; i++)
        g_string_append_printf(text, "many.example MX 1 n%u.many.example\n", i);
    w = world(text->str, "u@bomb.example");
    zone_log(w.zone);
    spf_result_free(spf_check(&w.request));
    asked = zone_queries(w.zone);
    assert_in_range(g_strv_length(asked), 2, 2 * SPF_QUERIES_MAX);
    resolver_free(w.zone);
}

static void test_ten_ptr_names(void **state)
{
    g_autoptr(GString) text = g_string_new(NULL);
    World w;

    for (guint i = 1; i <= 12; i++)
        g_string_append_printf(text, "1.2.0.192.in-addr.arpa PTR p%u.example\np%u.example A 192.0.2.1\n", i,
                               i);
    w = world(text->str, "u@sender.example");
    for (guint i = 10; i <= 11; i++) {
        g_autofree char *record = g_strdup_printf("v=spf1 ptr:p%u.example -all", i);
        g_autoptr(SpfResult) r = spf_evaluate(&w.request, record);
        expect(record, "code", i == 10 ? "pass" : "fail", spf_code_name(r->code));
    }
    zone_log(w.zone);
    spf_result_free(
        spf_evaluate(&w.request, "v=spf1 ptr:no.example exists:%{p}.no.example ptr:p3.example -all"));
    assert_int_equal(zone_query_count(w.zone, DNS_PTR, "1.2.0.192.in-addr.arpa"), 1);
    assert_int_equal(zone_query_count(w.zone, DNS_A, "p3.example"), 1);
    assert_int_equal(zone_query_count(w.zone, DNS_A, "p2.example"), 0);
    resolver_free(w.zone);
}

/* The PTR query of %{p} is one of the ten, unless ptr made it before. */
static void test_p_counts(void **state)
{
    g_autofree char *nine = repeated("a:h.example", 9, " exists:%{p}.h.example ?all");
    g_autofree char *eight = repeated("a:h.example", 8, " exists:%{p}.h.example ?all");
    g_autofree char *after = repeated("a:h.example", 8, " ptr:no.example exists:%{p}.h.example ?all");
    World w = world("h.example A 198.51.100.1\n1.2.0.192.in-addr.arpa PTR p.example\np.example A 192.0.2.1\n",
                    "u@sender.example");
    g_autoptr(SpfResult) over = NULL, at = NULL, known = NULL;

    w.request.lax = FALSE;
    over = spf_evaluate(&w.request, nine);
    at = spf_evaluate(&w.request, eight);
    known = spf_evaluate(&w.request, after);
    assert_int_equal(over->code, SPF_PERMERROR);
    assert_int_equal(at->code, SPF_NEUTRAL);
    assert_int_equal(at->lookups, 10);
    assert_int_equal(known->code, SPF_NEUTRAL);
    assert_int_equal(known->lookups, 10);
    resolver_free(w.zone);
}

/* Records as long as DNS lets them be, good and bad, are read in linear time and space. */
static void test_long_records(void **state)
{
    static const struct {
        const char *term;
        SpfCode code;
    } rows[] = {
        {"ip4:203.0.113.9", SPF_FAIL},
        {"%{l}", SPF_PERMERROR},
        {"exists:%{l}%{l}%{l}.x", SPF_PERMERROR},
        {"foo=bar", SPF_FAIL},
        {"ip4:1.2.3.4-all", SPF_PERMERROR},
        {"?moo", SPF_PERMERROR},
        {"a", SPF_PERMERROR},
        {"-", SPF_PERMERROR},
        {"ip4:", SPF_PERMERROR},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        World w = world("x.example A 192.0.2.77\n", "u@x.example");
        g_autofree char *record =
            repeated(rows[i].term, (65000 / ((guint)strlen(rows[i].term) + 1)), " -all");
        g_autofree char *one_word = g_strdelimit(g_strdup(record + 7), " ", ':');
        g_autofree char *run = g_strconcat("v=spf1 ", one_word, NULL);
        g_autoptr(SpfResult) r = NULL, r2 = NULL;

        zone_add_text(w.zone, "x.example", record, strlen(record));
        r = spf_check(&w.request);
        expect(rows[i].term, "code", spf_code_name(rows[i].code), spf_code_name(r->code));
        r2 = spf_evaluate(&w.request, run);
        assert_int_equal(r2->code == SPF_PASS, FALSE);
        resolver_free(w.zone);
    }
}

/* One name of 64 KB of macros, and a sender that is far too long. */
static void test_expansion_is_bounded(void **state)
{
    World w = world("", NULL);
    g_autoptr(GString) spec = g_string_new("v=spf1 exists:");
    g_autofree char *local = g_strnfill(900, 'l');
    g_autofree char *sender = g_strconcat(local, "@sender.example", NULL);
    g_autofree char *longer = g_strconcat(local, local, "@sender.example", NULL);
    g_autoptr(SpfResult) r = NULL, r2 = NULL;
    g_auto(GStrv) asked = NULL;

    for (guint i = 0; i < 16000; i++)
        g_string_append(spec, "%{l}");
    g_string_append(spec, ".example.com -all");
    w.request.sender = sender;
    zone_log(w.zone);
    r = spf_evaluate(&w.request, spec->str);
    assert_int_equal(r->code, SPF_FAIL);
    w.request.sender = longer;
    r2 = spf_evaluate(&w.request, "v=spf1 +all");
    assert_int_equal(r2->code, SPF_NONE);
    asked = zone_queries(w.zone);
    assert_null(asked[0]);
    resolver_free(w.zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corrections),
        cmocka_unit_test(test_only_after_permerror),
        cmocka_unit_test(test_diagnosis),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_queries_are_bounded),
        cmocka_unit_test(test_ten_ptr_names),
        cmocka_unit_test(test_p_counts),
        cmocka_unit_test(test_long_records),
        cmocka_unit_test(test_expansion_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
