#include <postern/spf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* Unfolded: "\n " as " ". */
static char *unfold(const char *value)
{
    g_auto(GStrv) lines = g_strsplit(value, "\n ", -1);

    return g_strjoinv(" ", lines);
}

static void test_values(void **state)
{
    static const struct {
        const char *row;
        SpfResult result;
        const char *ip, *sender, *helo, *value;
    } rows[] = {
        {"pass",
         {.code = SPF_PASS, .domain = "example.com", .mechanism = "ip4:192.0.2.0/24"},
         "192.0.2.1",
         "u@example.com",
         "mail.example.com",
         "pass (mx.example.net: domain of example.com designates 192.0.2.1 as permitted sender) "
         "client-ip=192.0.2.1; "
         "envelope-from=\"u@example.com\"; helo=mail.example.com; receiver=mx.example.net; "
         "mechanism=\"ip4:192.0.2.0/24\"; identity=mailfrom"},
        {"null sender",
         {.code = SPF_FAIL, .identity = SPF_HELO, .domain = "mail.example.com", .mechanism = "-all"},
         "192.0.2.1",
         "",
         "mail.example.com",
         "fail (mx.example.net: domain of mail.example.com does not designate 192.0.2.1 as permitted sender) "
         "client-ip=192.0.2.1; helo=mail.example.com; receiver=mx.example.net; mechanism=-all; "
         "identity=helo"},
        {"IPv6 is quoted",
         {.code = SPF_NONE, .domain = "example.com"},
         "2001:db8::1",
         "u@example.com",
         "[2001:db8::1]",
         "none (mx.example.net: domain of example.com does not designate permitted sender hosts) "
         "client-ip=\"2001:db8::1\"; envelope-from=\"u@example.com\"; helo=\"[2001:db8::1]\"; "
         "receiver=mx.example.net; "
         "identity=mailfrom"},
        {"problem",
         {.code = SPF_PERMERROR,
          .domain = "example.com",
          .problem = "moo(x): unknown mechanism",
          .broken = "moo(x)"},
         "192.0.2.1",
         "u@example.com",
         "h",
         "permerror (mx.example.net: permanent error in processing domain of example.com: moo\\(x\\): "
         "unknown mechanism) "
         "client-ip=192.0.2.1; envelope-from=\"u@example.com\"; helo=h; receiver=mx.example.net; "
         "problem=\"moo(x)\"; "
         "identity=mailfrom"},
        {"hostile bytes",
         {.code = SPF_NEUTRAL, .domain = "example.com", .mechanism = "?all"},
         "192.0.2.1",
         "\"a\\\"; identity=helo\r\nX: y\"@example.com",
         "h\xc3\xb6;(x)",
         "neutral (mx.example.net: 192.0.2.1 is neither permitted nor denied by domain of example.com) "
         "client-ip=192.0.2.1; envelope-from=\"\\\"a\\\\\\\"; identity=helo??X: y\\\"@example.com\"; "
         "helo=\"h??;(x)\"; receiver=mx.example.net; mechanism=?all; identity=mailfrom"},
        {"no dot-atom",
         {.code = SPF_SOFTFAIL, .domain = "example.com", .mechanism = "~all"},
         "192.0.2.1",
         "u@example.com",
         "a..b",
         "softfail (mx.example.net: transitioning domain of example.com does not designate 192.0.2.1 as "
         "permitted sender) "
         "client-ip=192.0.2.1; envelope-from=\"u@example.com\"; helo=\"a..b\"; receiver=mx.example.net; "
         "mechanism=~all; "
         "identity=mailfrom"},
        {"empty helo",
         {.code = SPF_TEMPERROR, .domain = ""},
         "192.0.2.1",
         "u@x",
         "",
         "temperror (mx.example.net: error in processing during lookup of an unusable name) "
         "client-ip=192.0.2.1; "
         "envelope-from=\"u@x\"; helo=\"\"; receiver=mx.example.net; identity=mailfrom"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        SpfRequest request = {.sender = rows[i].sender, .helo = rows[i].helo, .receiver = "mx.example.net"};
        SpfReceived of = {.request = &request, .result = &rows[i].result};
        g_autofree char *value = NULL, *flat = NULL;

        assert_true(ip_parse(rows[i].ip, &request.ip));
        value = spf_received(&of);
        flat = unfold(value);
        if (strcmp(flat, rows[i].value) != 0)
            fail_msg("%s:\nexpected %s\ngot      %s", rows[i].row, rows[i].value, flat);
        if (strpbrk(value, "\r\t"))
            fail_msg("%s: a control character", rows[i].row);
    }
}

static void test_more_pairs(void **state)
{
    const char *const extra[] = {"x-one", "1", "x-two", "a b", NULL};
    SpfRequest request = {.sender = "u@example.com", .helo = "h.example", .receiver = "unused"};
    SpfResult result = {.code = SPF_NONE, .domain = "example.com"}, helo = {.code = SPF_NEUTRAL},
              guess = {.code = SPF_PASS};
    SpfReceived of = {.request = &request,
                      .result = &result,
                      .receiver = "mx",
                      .helo = &helo,
                      .guess = &guess,
                      .extra = extra};
    g_autofree char *value = NULL, *flat = NULL;

    value = spf_received(&of);
    flat = unfold(value);
    assert_non_null(strstr(
        flat,
        "receiver=mx; x-helo-spf=neutral; x-bestguess=pass; x-one=1; x-two=\"a b\"; identity=mailfrom"));
    assert_null(strstr(flat, "client-ip"));
}

/* RFC 5322 §2.1.1, whatever a stranger says. */
static void test_line_lengths(void **state)
{
    g_autofree char *junk = g_strnfill(70000, '"');
    g_autofree char *words = g_strnfill(70000, ' ');
    SpfRequest request = {.sender = junk, .helo = junk, .receiver = junk};
    SpfResult result = {
        .code = SPF_PERMERROR, .domain = junk, .problem = words, .broken = junk, .mechanism = junk};
    SpfReceived of = {.request = &request, .result = &result};
    g_autofree char *value = spf_received(&of);
    g_auto(GStrv) lines = g_strsplit(value, "\n", -1);

    for (guint i = 0; lines[i]; i++) {
        assert_in_range(strlen(lines[i]) + (i ? 0 : 14), 1, 998);
        if (i)
            assert_int_equal(lines[i][0], ' ');
    }
    assert_true(strlen(value) < 8000);
}

static void test_folds_at_78(void **state)
{
    SpfRequest request = {
        .sender = "somebody@example.com", .helo = "mail.example.com", .receiver = "mx.example.net"};
    SpfResult result = {.code = SPF_PASS, .domain = "example.com", .mechanism = "ip4:192.0.2.0/24"};
    SpfReceived of = {.request = &request, .result = &result};
    g_autofree char *value = NULL;
    g_auto(GStrv) lines = NULL;

    assert_true(ip_parse("192.0.2.1", &request.ip));
    value = spf_received(&of);
    lines = g_strsplit(value, "\n", -1);
    assert_true(g_strv_length(lines) >= 3);
    for (guint i = 0; lines[i]; i++)
        assert_in_range(strlen(lines[i]) + (i ? 0 : strlen("Received-SPF: ")), 1, 78);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_more_pairs),
        cmocka_unit_test(test_line_lengths),
        cmocka_unit_test(test_folds_at_78),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
