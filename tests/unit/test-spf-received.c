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

/* --- reading --- */

static void compare_text(const char *row, const char *what, const char *got, const char *want)
{
    if (g_strcmp0(got, want) != 0)
        fail_msg("%s: %s: expected %s, got %s", row, what, want ? want : "none", got ? got : "none");
}

/* Fields as these programs write them. */
static void test_reading(void **state)
{
    static const struct {
        const char *row, *value;
        SpfCode code;
        SpfIdentity identity;
        const char *client, *from, *helo, *receiver, *mechanism;
    } rows[] = {
        {"RFC 7208 section 9.1",
         "pass (mybox.example.org: domain of\r\n myname@example.com designates 192.0.2.1 as permitted "
         "sender)\r\n"
         "    receiver=mybox.example.org; client-ip=192.0.2.1;\r\n    envelope-from=\"myname@example.com\"; "
         "helo=foo.example.com;",
         SPF_PASS, SPF_MFROM, "192.0.2.1", "myname@example.com", "foo.example.com", "mybox.example.org",
         NULL},
        {"pyspf",
         "PermError (mail.bmsi.com: permanent error (in (processing)) domain) client-ip=192.0.2.3; "
         "envelope-from=\"a\\\"b@example.com\"; helo=mx.example.org; receiver=x; problem=moo; "
         "identity=mailfrom",
         SPF_PERMERROR, SPF_MFROM, "192.0.2.3", "a\"b@example.com", "mx.example.org", "x", NULL},
        {"pyspf, HELO", "Fail (x: y) client-ip=192.0.2.3; helo=mx.example.org; mechanism=-all; identity=helo",
         SPF_FAIL, SPF_HELO, "192.0.2.3", NULL, "mx.example.org", NULL, "-all"},
        {"policyd-spf",
         "Softfail (mailfrom) identity=mailfrom; client-ip=2001:db8::1; helo=h; envelope-from=a@b; "
         "receiver=<UNKNOWN>",
         SPF_SOFTFAIL, SPF_MFROM, "2001:db8::1", "a@b", "h", "UNKNOWN", NULL},
        {"policyd-spf, no record", "None (no SPF record) identity=no SPF record; client-ip=192.0.2.3; helo=h",
         SPF_NONE, SPF_MFROM, "192.0.2.3", NULL, "h", NULL, NULL},
        {"provider",
         "pass (google.com: domain of a@b designates 192.0.2.3 as permitted sender) client-ip=192.0.2.3;",
         SPF_PASS, SPF_MFROM, "192.0.2.3", NULL, NULL, NULL, NULL},
        {"brackets, no blanks", "neutral(x)client-ip=192.0.2.3;envelope-from=<a@b>;helo=h", SPF_NEUTRAL,
         SPF_MFROM, "192.0.2.3", "a@b", "h", NULL, NULL},
        {"quoted local part", "pass envelope-from=\"a;b\"@example.com; helo=h", SPF_PASS, SPF_MFROM, NULL,
         "a;b@example.com", "h", NULL, NULL},
        {"old words", "unknown (x) helo=h", SPF_PERMERROR, SPF_MFROM, NULL, NULL, "h", NULL, NULL},
        {"old words, temporary", "error helo=h", SPF_TEMPERROR, SPF_MFROM, NULL, NULL, "h", NULL, NULL},
        {"result alone", "TEMPERROR", SPF_TEMPERROR, SPF_MFROM, NULL, NULL, NULL, NULL, NULL},
        {"a comment that never closes", "pass (x identity=helo; helo=h", SPF_PASS, SPF_MFROM, NULL, NULL,
         NULL, NULL, NULL},
        {"comments between", "pass (a) helo (b) = (c) h (d) ; (e) client-ip=192.0.2.3", SPF_PASS, SPF_MFROM,
         "192.0.2.3", NULL, "h", NULL, NULL},
        {"no pairs", "pass garbage; ; =; helo; helo=h; \"x\"=y;", SPF_PASS, SPF_MFROM, NULL, NULL, "h", NULL,
         NULL},
        {"empty value", "pass envelope-from=\"\"; helo=h", SPF_PASS, SPF_MFROM, NULL, "", "h", NULL, NULL},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(SpfReceivedField) field = spf_received_parse(rows[i].value, -1);

        if (!field)
            fail_msg("%s: not read", rows[i].row);
        compare_text(rows[i].row, "result", spf_code_name(field->code), spf_code_name(rows[i].code));
        compare_text(rows[i].row, "identity", spf_identity_name(field->identity),
                     spf_identity_name(rows[i].identity));
        compare_text(rows[i].row, "client-ip", field->client_ip, rows[i].client);
        compare_text(rows[i].row, "envelope-from", field->envelope_from, rows[i].from);
        compare_text(rows[i].row, "helo", field->helo, rows[i].helo);
        compare_text(rows[i].row, "receiver", field->receiver, rows[i].receiver);
        compare_text(rows[i].row, "mechanism", field->mechanism, rows[i].mechanism);
        assert_false(field->has_helo || field->has_guess || field->has_lax);
    }
}

static void test_reading_more(void **state)
{
    const char *value =
        "none (x) x-bestguess=Pass; x-helo-spf=neutral; x-lax=fail; x-forwarder=f.example; problem=\"a b\"";
    g_autoptr(SpfReceivedField) field = spf_received_parse(value, -1);
    g_autoptr(SpfReceivedField) unknown = spf_received_parse("none x-bestguess=perhaps; x-helo=pass", -1);

    assert_true(field->has_guess && field->has_helo && field->has_lax);
    assert_int_equal(field->guess_code, SPF_PASS);
    assert_int_equal(field->helo_code, SPF_NEUTRAL);
    assert_int_equal(field->lax_code, SPF_FAIL);
    assert_string_equal(field->forwarder, "f.example");
    assert_string_equal(field->problem, "a b");
    assert_false(unknown->has_guess || unknown->has_helo);
    spf_received_field_free(NULL);
}

static void test_not_believed(void **state)
{
    static const char *const rows[] = {
        "",
        "(pass)",
        "passed",
        "permit; pass",
        "=pass",
        "pass; helo=\"h",                           /* a quote without end */
        "pass; identity=pra",                       /* Sender ID */
        "pass; helo=a; helo=a",                     /* twice */
        "pass; x-bestguess=none; X-BestGuess=pass", /* twice */
        "none; identity=helo; x-bestguess=pass; identity=mailfrom",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(SpfReceivedField) field = spf_received_parse(rows[i], -1);
        if (field)
            fail_msg("%s: read as %s", rows[i], spf_code_name(field->code));
    }
}

/* What we write, whatever strangers have said, is read as what was meant. */
static void test_read_back(void **state)
{
    const char *const extra[] = {"x-forwarder", "f.example", "x-lax", "pass", NULL};
    SpfRequest request = {.sender = "\"a\\\"; identity=helo; x-bestguess=pass \"@example.com",
                          .helo = "h) x-helo-spf=pass; (\" x-lax=fail",
                          .receiver = "mx"};
    SpfResult result = {.code = SPF_PERMERROR, .domain = "a) helo=x; (b", .problem = "\\) (; identity=helo"};
    SpfResult helo = {.code = SPF_FAIL}, guess = {.code = SPF_NEUTRAL};
    SpfReceived of = {.request = &request, .result = &result, .helo = &helo, .guess = &guess, .extra = extra};
    g_autofree char *value = spf_received(&of);
    g_autoptr(SpfReceivedField) field = spf_received_parse(value, -1);

    assert_non_null(field);
    assert_int_equal(field->code, SPF_PERMERROR);
    assert_int_equal(field->identity, SPF_MFROM);
    assert_string_equal(field->envelope_from, request.sender);
    assert_string_equal(field->helo, request.helo);
    assert_int_equal(field->helo_code, SPF_FAIL);
    assert_int_equal(field->guess_code, SPF_NEUTRAL);
    assert_int_equal(field->lax_code, SPF_PASS);
    assert_string_equal(field->forwarder, "f.example");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),       cmocka_unit_test(test_more_pairs),
        cmocka_unit_test(test_line_lengths), cmocka_unit_test(test_folds_at_78),
        cmocka_unit_test(test_reading),      cmocka_unit_test(test_reading_more),
        cmocka_unit_test(test_not_believed), cmocka_unit_test(test_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
