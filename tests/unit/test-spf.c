#include <postern/spf.h>
#include <postern/zone.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static Resolver *zone_of(const char *text)
{
    GError *error = NULL;
    Resolver *zone = zone_resolver_parse("zone", text, strlen(text), &error);

    if (!zone)
        fail_msg("%s", error->message);
    return zone;
}

static SpfRequest request_of(Resolver *zone, const char *ip, const char *helo, const char *sender)
{
    SpfRequest request = {
        .resolver = zone, .helo = helo, .sender = sender, .receiver = "mx.example.net", .now = 1700000000};

    assert_true(ip_parse(ip, &request.ip));
    return request;
}

static void expect(const char *row, const char *what, const char *expected, const char *got)
{
    if (g_strcmp0(expected, got) != 0)
        fail_msg("%s: %s: expected %s, got %s", row, what, expected ? expected : "(none)",
                 got ? got : "(none)");
}

static void expect_part(const char *row, const char *what, const char *part, const char *got)
{
    if (!part ? got != NULL : !got || !strstr(got, part))
        fail_msg("%s: %s: expected …%s…, got %s", row, what, part ? part : "(none)", got ? got : "(none)");
}

/* What the result says beside the code. */
static void test_results(void **state)
{
    static const char text[] =
        "example.com TXT \"v=spf1 ip4:192.0.2.1 a:host.example.com ~include:inc.example.com -all "
        "exp=exp.example.com\"\n"
        "host.example.com A 192.0.2.2\n"
        "inc.example.com TXT \"v=spf1 ip4:192.0.2.3 -all exp=other.example.com\"\n"
        "exp.example.com TXT \"%{i} is not %{o}; see http://example.com/?s=%{S}&r=%{r}&t=%{t}&c=%{c}\"\n"
        "noexp.example.com TXT \"v=spf1 -all\"\n"
        "badinc.example.com TXT \"v=spf1 include:broken.example.com -all\"\n"
        "broken.example.com TXT \"v=spf1 ip4:1.2.3.4/40 -all\"\n"
        "two.example.com TXT \"v=spf1 -all\"\n"
        "two.example.com TXT \"v=spf1 +all\"\n"
        "slow.example.com TXT \"v=spf1 a:err.example.com -all\"\n"
        "err.example.com ERROR TIMEOUT\n"
        "helo.example.com TXT \"v=spf1 a -all\"\n"
        "helo.example.com A 192.0.2.9\n"
        "re.example.com TXT \"v=spf1 redirect=noexp.example.com exp=exp.example.com\"\n"
        "control.example.com TXT \"v=spf1 -all exp=ctl.example.com\"\n"
        "ctl.example.com TXT \"user %{l} there\"\n";
    static const struct {
        const char *row, *ip, *sender;
        SpfCode code;
        const char *domain, *mechanism, *explanation, *problem, *broken;
    } rows[] = {
        {"pass", "192.0.2.1", "u@example.com", SPF_PASS, "example.com", "ip4:192.0.2.1", NULL, NULL, NULL},
        {"upper case", "192.0.2.1", "u@EXAMPLE.com.", SPF_PASS, "example.com", "ip4:192.0.2.1", NULL, NULL,
         NULL},
        {"two at signs", "192.0.2.1", "\"a@b\"@example.com", SPF_PASS, "example.com", "ip4:192.0.2.1", NULL,
         NULL, NULL},
        {"a", "192.0.2.2", "u@example.com", SPF_PASS, "example.com", "a:host.example.com", NULL, NULL, NULL},
        {"include", "192.0.2.3", "u@example.com", SPF_SOFTFAIL, "example.com", "~include:inc.example.com",
         NULL, NULL, NULL},
        {"exp", "192.0.2.4", "u+x@example.com", SPF_FAIL, "example.com", "-all",
         "192.0.2.4 is not example.com; see "
         "http://example.com/?s=u%2Bx%40example.com&r=mx.example.net&t=1700000000&c=192.0.2.4",
         NULL, NULL},
        {"our explanation", "192.0.2.4", "u@noexp.example.com", SPF_FAIL, "noexp.example.com", "-all",
         "the domain noexp.example.com does not permit 192.0.2.4 to send its mail", NULL, NULL},
        {"redirect drops exp", "192.0.2.4", "u@re.example.com", SPF_FAIL, "re.example.com", "-all",
         "the domain re.example.com does not permit 192.0.2.4 to send its mail", NULL, NULL},
        {"explanation is one line", "192.0.2.4", "a\r\nb\x7f@control.example.com", SPF_FAIL,
         "control.example.com", "-all", "user a??b? there", NULL, NULL},
        {"inner syntax", "192.0.2.4", "u@badinc.example.com", SPF_PERMERROR, "badinc.example.com", NULL, NULL,
         "ip4:1.2.3.4/40: the prefix length is wrong, in the record of broken.example.com", "ip4:1.2.3.4/40"},
        {"two records", "192.0.2.4", "u@two.example.com", SPF_PERMERROR, "two.example.com", NULL, NULL,
         "more than one SPF record", NULL},
        {"temperror", "192.0.2.4", "u@slow.example.com", SPF_TEMPERROR, "slow.example.com", NULL, NULL,
         "a:err.example.com: DNS timeout for A err.example.com", "a:err.example.com"},
        {"temperror at the top", "192.0.2.4", "u@err.example.com", SPF_TEMPERROR, "err.example.com", NULL,
         NULL, "DNS timeout for TXT err.example.com", NULL},
        {"null sender", "192.0.2.9", "", SPF_PASS, "helo.example.com", "a", NULL, NULL, NULL},
        {"no sender", "192.0.2.8", NULL, SPF_FAIL, "helo.example.com", "-all",
         "the domain helo.example.com does not permit 192.0.2.8 to send its mail", NULL, NULL},
        {"no such domain", "192.0.2.8", "u@nowhere.example", SPF_NONE, "nowhere.example", NULL, NULL, NULL,
         NULL},
        {"one label", "192.0.2.8", "u@localhost", SPF_NONE, "", NULL, NULL, NULL, NULL},
        {"a number", "192.0.2.8", "u@192.0.2.8", SPF_NONE, "", NULL, NULL, NULL, NULL},
        {"a literal", "192.0.2.8", "u@[192.0.2.8]", SPF_NONE, "", NULL, NULL, NULL, NULL},
        {"odd bytes", "192.0.2.8", "u@exa mple.com", SPF_NONE, "", NULL, NULL, NULL, NULL},
    };
    g_autoptr(Resolver) zone = zone_of(text);

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        SpfRequest request = request_of(zone, rows[i].ip, "helo.example.com", rows[i].sender);
        g_autoptr(SpfResult) r = spf_check(&request);

        expect(rows[i].row, "code", spf_code_name(rows[i].code), spf_code_name(r->code));
        expect(rows[i].row, "domain", rows[i].domain, r->domain);
        expect(rows[i].row, "mechanism", rows[i].mechanism, r->mechanism);
        expect(rows[i].row, "explanation", rows[i].explanation, r->explanation);
        expect(rows[i].row, "problem", rows[i].problem, r->problem);
        expect(rows[i].row, "broken", rows[i].broken, r->broken);
        assert_int_equal(r->identity, rows[i].sender && *rows[i].sender ? SPF_MFROM : SPF_HELO);
    }
}

static void test_who_explains(void **state)
{
    g_autoptr(Resolver) zone = zone_of("a.example TXT \"v=spf1 -all exp=e.a.example\"\n"
                                       "e.a.example TXT \"theirs\"\n"
                                       "b.example TXT \"v=spf1 -all exp=e.b.example\"\n");
    SpfRequest request = request_of(zone, "192.0.2.1", "h.example", "u@a.example");
    g_autoptr(SpfResult) theirs = spf_check(&request);
    g_autoptr(SpfResult) ours =
        (request.sender = "u@b.example", request.default_explanation = "ours", spf_check(&request));
    g_autoptr(SpfResult) unasked = NULL;

    assert_true(theirs->explained_by_domain);
    assert_string_equal(theirs->explanation, "theirs");
    assert_false(ours->explained_by_domain);
    assert_string_equal(ours->explanation, "ours");
    zone_log(zone);
    request.sender = "u@a.example";
    request.no_explanation = TRUE;
    unasked = spf_check(&request);
    assert_string_equal(unasked->explanation, "ours");
    assert_int_equal(zone_query_count(zone, DNS_TXT, "e.a.example"), 0);
}

/* RFC 7208 §7.4's examples and the edges around them, seen through exists: which name is asked for. */
static void test_macros(void **state)
{
    static const struct {
        const char *spec, *ip, *sender, *name; /* name NULL: permerror; "": nothing is asked */
    } rows[] = {
        {"%{s}.x", "192.0.2.3", "strong-bad@email.example.com", "strong-bad@email.example.com.x"},
        {"%{o}.x", "192.0.2.3", "strong-bad@email.example.com", "email.example.com.x"},
        {"%{d4}", "192.0.2.3", "strong-bad@email.example.com", "email.example.com"},
        {"%{d2}", "192.0.2.3", "strong-bad@email.example.com", "example.com"},
        {"%{d1}.a.b", "192.0.2.3", "strong-bad@email.example.com", "com.a.b"},
        {"%{dr}", "192.0.2.3", "strong-bad@email.example.com", "com.example.email"},
        {"%{d2r}", "192.0.2.3", "strong-bad@email.example.com", "example.email"},
        {"%{D2R}", "192.0.2.3", "strong-bad@email.example.com", "example.email"},
        {"%{l-}.q.r", "192.0.2.3", "strong-bad@email.example.com", "strong.bad.q.r"},
        {"%{lr-}.q.r", "192.0.2.3", "strong-bad@email.example.com", "bad.strong.q.r"},
        {"%{l1r-}.q.r", "192.0.2.3", "strong-bad@email.example.com", "strong.q.r"},
        {"%{ir}.%{v}._spf.%{d2}", "192.0.2.3", "strong-bad@email.example.com",
         "3.2.0.192.in-addr._spf.example.com"},
        {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "192.0.2.3", "strong-bad@email.example.com",
         "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
        {"%{ir}.%{v}._spf.%{d2}", "2001:db8::cb01", "strong-bad@email.example.com",
         "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"},
        {"%{h}.%{d2}", "192.0.2.3", "u@email.example.com", "helo.example.org.example.com"},
        {"%{p}.q.r", "192.0.2.3", "u@email.example.com", "unknown.q.r"},
        {"%{d0}", "192.0.2.3", "u@email.example.com", NULL},
        {"%{d00}", "192.0.2.3", "u@email.example.com", NULL},
        {"%{d99999999999}", "192.0.2.3", "u@email.example.com", "email.example.com"},
        {"%{d2", "192.0.2.3", "u@email.example.com", NULL},
        {"%{}", "192.0.2.3", "u@email.example.com", NULL},
        {"%{dx}", "192.0.2.3", "u@email.example.com", NULL},
        {"%{d.r}", "192.0.2.3", "u@email.example.com", NULL},
        {"%{t}.q.r", "192.0.2.3", "u@email.example.com", NULL},
        {"a%", "192.0.2.3", "u@email.example.com", NULL},
        {"%%.example.com", "192.0.2.3", "u@email.example.com", "%.example.com"},
        {"a%_b.example.com", "192.0.2.3", "u@email.example.com", "a b.example.com"},
        {"%{l}.example.com", "192.0.2.3", "a..b@email.example.com", ""},
        {"%{l}.example.com", "192.0.2.3", "@email.example.com", "postmaster.example.com"},
        {"%{l}.example.com", "192.0.2.3", "j\xc3\xb6rg@email.example.com", ""},
        {"%{s}.example.com", "192.0.2.3", "j\xc3\xb6rg@email.example.com", ""},
        {"%{d}", "192.0.2.3", "j\xc3\xb6rg@email.example.com", "email.example.com"},
        {"%{l.-+}.example.com", "192.0.2.3", "a+b-c.d@email.example.com", "a.b.c.d.example.com"},
        {"foo.bar.", "192.0.2.3", "u@email.example.com", "foo.bar"},
        {"foo.bar..", "192.0.2.3", "u@email.example.com", NULL},
        {"foo.b-r", "192.0.2.3", "u@email.example.com", "foo.b-r"},
        {"foo.12", "192.0.2.3", "u@email.example.com", NULL},
        {"foo.1-2", "192.0.2.3", "u@email.example.com", "foo.1-2"},
        {"foo.bar-", "192.0.2.3", "u@email.example.com", NULL},
        {"%{d}com", "192.0.2.3", "u@email.example.com", NULL},
        {"%{d}.com", "192.0.2.3", "u@email.example.com", "email.example.com.com"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Resolver) zone = zone_new();
        g_autofree char *record = g_strdup_printf("v=spf1 exists:%s ?all", rows[i].spec);
        SpfRequest request = request_of(zone, rows[i].ip, "helo.example.org", rows[i].sender);
        g_autoptr(SpfResult) r = NULL;
        g_auto(GStrv) asked = NULL;

        zone_log(zone);
        r = spf_evaluate(&request, record);
        asked = zone_queries(zone);
        if (!rows[i].name) {
            expect(rows[i].spec, "code", "permerror", spf_code_name(r->code));
            assert_null(asked[0]);
            continue;
        }
        expect(rows[i].spec, "code", "neutral", spf_code_name(r->code));
        if (!*rows[i].name) {
            expect(rows[i].spec, "query", NULL, asked[0]);
            continue;
        }
        g_autofree char *query = g_strdup_printf("A %s", rows[i].name);
        guint last = g_strv_length(asked);
        expect(rows[i].spec, "query", query, last ? asked[last - 1] : NULL);
    }
}

static void test_idn_domain(void **state)
{
    g_autoptr(Resolver) zone = zone_of("xn--bcher-kva.example TXT \"v=spf1 ip4:192.0.2.1 -all\"");
    SpfRequest request = request_of(zone, "192.0.2.1", "h.example",
                                    "u@b\xc3\xbc"
                                    "cher.example");
    g_autoptr(SpfResult) r = spf_check(&request);

    assert_int_equal(r->code, SPF_PASS);
    assert_string_equal(r->domain, "xn--bcher-kva.example");
}

/* IDNA2003 makes fass.example of it, which is somebody else's. */
static void test_idn_2008(void **state)
{
    g_autoptr(Resolver) zone = zone_of("fass.example TXT \"v=spf1 +all\"\n"
                                       "xn--fa-hia.example TXT \"v=spf1 -all\"\n");
    SpfRequest request = request_of(zone, "192.0.2.1", "h.example", "u@fa\xc3\x9f.example");
    g_autoptr(SpfResult) r = spf_check(&request);

    assert_int_equal(r->code, SPF_FAIL);
    assert_string_equal(r->domain, "xn--fa-hia.example");
}

/* C10: what comes behind the error, and what is made of it. */
static void test_temperror_deferral(void **state)
{
    static const char text[] = "err.example ERROR TIMEOUT\n"
                               "good.example A 192.0.2.1\n"
                               "mx.example MX 1 err.example\n"
                               "mx.example MX 2 good.example\n"
                               "inc.example TXT \"v=spf1 a:err.example ip4:192.0.2.1 -all\"\n"
                               "incf.example TXT \"v=spf1 a:err.example -ip4:192.0.2.1\"\n"
                               "re.example TXT \"v=spf1 ip4:192.0.2.1 -all\"\n";
    static const struct {
        const char *record;
        SpfCode strict, deferred;
    } rows[] = {
        {"v=spf1 a:err.example ip4:192.0.2.1 -all", SPF_TEMPERROR, SPF_PASS},
        {"v=spf1 a:err.example +all", SPF_TEMPERROR, SPF_PASS},
        {"v=spf1 a:err.example -all", SPF_TEMPERROR, SPF_TEMPERROR},
        {"v=spf1 a:err.example ~all", SPF_TEMPERROR, SPF_TEMPERROR},
        {"v=spf1 a:err.example ?all", SPF_TEMPERROR, SPF_TEMPERROR},
        {"v=spf1 a:err.example", SPF_TEMPERROR, SPF_TEMPERROR},
        {"v=spf1 -a:err.example +all", SPF_TEMPERROR, SPF_TEMPERROR},
        {"v=spf1 ?a:err.example +all", SPF_TEMPERROR, SPF_TEMPERROR},
        {"v=spf1 ~exists:err.example +all", SPF_TEMPERROR, SPF_TEMPERROR},
        {"v=spf1 a:err.example -ip4:192.0.2.1 +all", SPF_TEMPERROR, SPF_TEMPERROR},
        {"v=spf1 mx:mx.example -all", SPF_TEMPERROR, SPF_PASS},
        {"v=spf1 -mx:mx.example +all", SPF_TEMPERROR, SPF_FAIL},
        {"v=spf1 include:inc.example -all", SPF_TEMPERROR, SPF_PASS},
        {"v=spf1 -include:inc.example +all", SPF_TEMPERROR, SPF_FAIL},
        {"v=spf1 include:incf.example -all", SPF_TEMPERROR, SPF_TEMPERROR},
        {"v=spf1 include:incf.example +all", SPF_TEMPERROR, SPF_PASS},
        {"v=spf1 include:err.example +all", SPF_TEMPERROR, SPF_PASS},
        {"v=spf1 a:err.example redirect=re.example", SPF_TEMPERROR, SPF_PASS},
        {"v=spf1 a:err.example redirect=nowhere.example", SPF_TEMPERROR, SPF_TEMPERROR},
        {"v=spf1 a:err.example include:nowhere.example +all", SPF_TEMPERROR, SPF_TEMPERROR},
        {"v=spf1 ptr:err.example -all", SPF_FAIL, SPF_FAIL},
    };
    g_autoptr(Resolver) zone = zone_of(text);

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        for (int defer = 0; defer < 2; defer++) {
            SpfRequest request = request_of(zone, "192.0.2.1", "h.example", "u@sender.example");
            SpfCode expected = defer ? rows[i].deferred : rows[i].strict;
            g_autoptr(SpfResult) r = NULL;

            request.defer_temperror = defer;
            r = spf_evaluate(&request, rows[i].record);
            expect(rows[i].record, defer ? "deferred" : "strict", spf_code_name(expected),
                   spf_code_name(r->code));
            expect_part(rows[i].record, "problem", expected == SPF_TEMPERROR ? "timeout" : NULL, r->problem);
        }
}

static void test_guess(void **state)
{
    static const char text[] = "example.com A 192.0.2.10\n"
                               "example.com MX 1 mail.example.com\n"
                               "mail.example.com A 198.51.100.10\n"
                               "9.113.0.203.in-addr.arpa PTR out.example.com\n"
                               "out.example.com A 203.0.113.9\n"
                               "helo.example.org A 192.0.2.99\n";
    static const struct {
        const char *ip, *sender;
        gboolean dynamic;
        SpfCode code;
        const char *mechanism;
    } rows[] = {
        {"192.0.2.77", "u@example.com", FALSE, SPF_PASS, "a/24"},
        {"198.51.100.77", "u@example.com", FALSE, SPF_PASS, "mx/24"},
        {"203.0.113.9", "u@example.com", FALSE, SPF_PASS, "ptr"},
        {"203.0.113.9", "u@example.com", TRUE, SPF_NEUTRAL, NULL},
        {"192.0.2.77", "u@example.com", TRUE, SPF_PASS, "a/24"},
        {"203.0.113.8", "u@example.com", FALSE, SPF_NEUTRAL, NULL},
        {"203.0.113.8", "u@nothing.example", FALSE, SPF_NEUTRAL, NULL},
        {"192.0.2.99", "", FALSE, SPF_PASS, "a"},
        {"192.0.2.98", "", FALSE, SPF_NEUTRAL, NULL},
        {"192.0.2.98", "u@single", FALSE, SPF_NONE, NULL},
    };
    g_autoptr(Resolver) zone = zone_of(text);

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *row = g_strdup_printf("guess %zu, %s from %s", i, rows[i].sender, rows[i].ip);
        SpfRequest request = request_of(zone, rows[i].ip, "helo.example.org", rows[i].sender);
        g_autoptr(SpfResult) r = spf_guess(&request, rows[i].dynamic);

        expect(row, "code", spf_code_name(rows[i].code), spf_code_name(r->code));
        expect(row, "mechanism", rows[i].mechanism, r->mechanism);
        assert_true(r->code == SPF_NONE || r->substitute);
    }
}

static void test_substitutes(void **state)
{
    static const char text[] = "own.example TXT \"v=spf1 -all\"\n"
                               "own.example._spf.deleg.example TXT \"v=spf1 +all\"\n"
                               "bare.example A 192.0.2.1\n"
                               "bare.example._spf.deleg.example TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
                               "two.example._spf.deleg.example TXT \"v=spf1 +all\"\n"
                               "two.example._spf.deleg.example TXT \"v=spf1 -all\"\n"
                               "inc.example TXT \"v=spf1 include:bare.example ~all\"\n"
                               "slow.example._spf.deleg.example ERROR TIMEOUT\n"
                               "err.example ERROR TIMEOUT\n"
                               "err.example._spf.deleg.example TXT \"v=spf1 +all\"\n";
    static const char local_text[] = "bare.example TXT \"v=spf1 ip4:192.0.2.2 -all\"\n"
                                     "own.example TXT \"v=spf1 +all\"\n";
    static const struct {
        const char *sender, *ip;
        gboolean delegate, local;
        SpfCode code;
        gboolean substitute;
    } rows[] = {
        {"u@own.example", "192.0.2.1", TRUE, TRUE, SPF_FAIL, FALSE},
        {"u@bare.example", "192.0.2.1", FALSE, FALSE, SPF_NONE, FALSE},
        {"u@bare.example", "192.0.2.1", TRUE, FALSE, SPF_PASS, TRUE},
        {"u@bare.example", "192.0.2.2", TRUE, FALSE, SPF_FAIL, TRUE},
        {"u@bare.example", "192.0.2.2", FALSE, TRUE, SPF_PASS, TRUE},
        {"u@bare.example", "192.0.2.1", TRUE, TRUE, SPF_FAIL, TRUE},
        {"u@two.example", "192.0.2.1", TRUE, FALSE, SPF_NONE, FALSE},
        {"u@slow.example", "192.0.2.1", TRUE, FALSE, SPF_NONE, FALSE},
        {"u@inc.example", "192.0.2.1", FALSE, FALSE, SPF_PERMERROR, FALSE},
        {"u@inc.example", "192.0.2.1", TRUE, FALSE, SPF_PASS, FALSE},
        {"u@err.example", "192.0.2.1", TRUE, FALSE, SPF_TEMPERROR, FALSE},
    };
    g_autoptr(Resolver) zone = zone_of(text);
    g_autoptr(Resolver) local = zone_of(local_text);

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *row = g_strdup_printf("substitutes %zu, %s", i, rows[i].sender);
        SpfRequest request = request_of(zone, rows[i].ip, "h.example", rows[i].sender);
        g_autoptr(SpfResult) r = NULL;

        request.delegate = rows[i].delegate ? "deleg.example" : NULL;
        request.substitutes = rows[i].local ? local : NULL;
        r = spf_check(&request);
        expect(row, "code", spf_code_name(rows[i].code), spf_code_name(r->code));
        if (r->substitute != rows[i].substitute)
            fail_msg("%s: substitute is %d", row, r->substitute);
    }
}

static void test_given_record(void **state)
{
    g_autoptr(Resolver) zone = zone_of("example.com TXT \"v=spf1 -all\"\nexample.com A 192.0.2.1\n");
    SpfRequest request = request_of(zone, "192.0.2.1", "h.example", "u@example.com");
    g_autoptr(SpfResult) good = spf_evaluate(&request, "v=spf1 a -all");
    g_autoptr(SpfResult) bad = spf_evaluate(&request, "v=spf1mx");
    g_autoptr(SpfResult) nobody = (request.ip.family = IP_NONE, spf_evaluate(&request, "v=spf1 +all"));

    assert_int_equal(good->code, SPF_PASS);
    assert_string_equal(good->record, "v=spf1 a -all");
    assert_int_equal(bad->code, SPF_PERMERROR);
    assert_int_equal(nobody->code, SPF_NONE);
}

/* A resolver that writes down its hints and the deadline, and knows nothing. */
typedef struct {
    Resolver base;
    GString *hints;
    gint64 deadline;
} Listener;

static DnsAnswer *listener_query(Resolver *self, const char *name, DnsType type, gint64 deadline)
{
    ((Listener *)self)->deadline = deadline;
    return dns_answer_new(DNS_NXDOMAIN, NULL);
}

static void listener_prefetch(Resolver *self, const char *name, DnsType type)
{
    g_string_append_printf(((Listener *)self)->hints, "%s %s;", dns_type_name(type), name);
}

static void test_hints(void **state)
{
    static const struct {
        const char *record, *hints;
    } rows[] = {
        {"v=spf1 a mx include:i.x exists:e.x -all", "A d.x;MX d.x;TXT i.x;A e.x;"},
        {"v=spf1 a -all", ""},
        {"v=spf1 ip4:192.0.2.1 a mx -all", ""},
        {"v=spf1 a mx ip4:192.0.2.1 include:i.x -all", "A d.x;MX d.x;"},
        {"v=spf1 a:%{d2}.y a:h.x -all", "A h.x;"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Listener listener = {{listener_query, listener_prefetch, NULL}, g_string_new(NULL), 0};
        SpfRequest request = request_of(&listener.base, "192.0.2.1", "h.x", "u@d.x");

        request.deadline = 12345;
        spf_result_free(spf_evaluate(&request, rows[i].record));
        expect(rows[i].record, "hints", rows[i].hints, listener.hints->str);
        spf_result_free(spf_check(&request));
        assert_int_equal(listener.deadline, 12345);
        g_string_free(listener.hints, TRUE);
    }
}

static void test_code_words(void **state)
{
    static const char *const words[] = {"none",     "neutral",   "pass",     "fail",
                                        "softfail", "temperror", "permerror"};
    SpfCode code;

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        assert_true(spf_code_parse(words[i], &code));
        assert_string_equal(spf_code_name(code), words[i]);
    }
    assert_true(spf_code_parse("SoftFail", &code) && code == SPF_SOFTFAIL);
    assert_false(spf_code_parse("unknown", &code));
}

static void test_record_error(void **state)
{
    static const struct {
        const char *record, *error;
    } rows[] = {
        {"v=spf1", NULL},
        {"v=spf1 a mx/24//64 ip6:2001:db8::/32 include:x.example redirect=%{d}.x exp=e.x foo=bar", NULL},
        {"v=spf1mx", "it does not begin with v=spf1"},
        {"v=spf1 mxx", "mxx: unknown mechanism"},
        {"v=spf1 a:%{x}", "a:%{x}: bad macro"},
        {"v=spf1 redirect=a.x redirect=b.x", "redirect=b.x: it is there twice"},
        {"v=spf1 -redirect=a.x", "-redirect=a.x: unknown mechanism"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = spf_record_error(rows[i].record, strlen(rows[i].record));
        expect(rows[i].record, "error", rows[i].error, got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),      cmocka_unit_test(test_who_explains),
        cmocka_unit_test(test_macros),       cmocka_unit_test(test_idn_domain),
        cmocka_unit_test(test_idn_2008),     cmocka_unit_test(test_temperror_deferral),
        cmocka_unit_test(test_guess),        cmocka_unit_test(test_substitutes),
        cmocka_unit_test(test_given_record), cmocka_unit_test(test_hints),
        cmocka_unit_test(test_code_words),   cmocka_unit_test(test_record_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
