/* Reading and writing header fields: lib/header.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <postern/header.h>
#include <string.h>

#define TEN   "aaaaaaaaa "
#define FIFTY TEN TEN TEN TEN TEN
#define X60   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

typedef struct {
    const char *in, *out;
} TextRow;

static const TextRow unfold_rows[] = {
    {" a b", "a b"},  {"a\r\n\tb\r\n c \r\n", "a\tb c"},
    {"a\n b", "a b"}, {"a\001b", "a b"},
    {"a\rb", "ab"},   {" \r\n ", ""},
    {"", ""},
};

static void test_unfold(void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS(unfold_rows); i++) {
        g_autofree char *out = header_unfold(unfold_rows[i].in, -1);
        if (!g_str_equal(out, unfold_rows[i].out))
            fail_msg("row %zu: got %s", i, out);
    }
    g_autofree char *nul = header_unfold("a\0b", 3);
    assert_string_equal(nul, "a b");
}

static const TextRow fold_rows[] = {
    {"short", "short"},
    {"", ""},
    {" spaces around ", "spaces around"},
    /* "Name: " and 72 characters are 78 */
    {FIFTY TEN TEN "bb", FIFTY TEN TEN "bb"},
    {FIFTY TEN TEN "bbb", FIFTY TEN "aaaaaaaaa\n\tbbb"},
    {FIFTY TEN TEN "b c", FIFTY TEN TEN "b\n\tc"},
    {X60 X60, X60 X60},
    {"a " X60 X60 " b", "a\n\t" X60 X60 "\n\tb"},
    /* wanted breaks; nothing can end the field */
    {"a;\nb", "a;\n\tb"},
    {"a; \n \n\nb\n", "a;\n\tb"},
    {"\n\n\na", "a"},
    {"a\r\nSubject: forged", "a\n\tSubject: forged"},
    {"a\001b", "a b"},
    /* outside of quotes if possible, and then without loss */
    {X60 " x=\"a b c d e f\"", X60 "\n\tx=\"a b c d e f\""},
    {"\"" X60 " x y z zzzzzzzzzzzz\"", "\"" X60 " x y z\n zzzzzzzzzzzz\""},
    {X60 " x=\"a \\\" b\" ccccccc", X60 " x=\"a \\\" b\"\n\tccccccc"},
};

static void test_fold(void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS(fold_rows); i++) {
        g_autofree char *out = header_fold("Name", fold_rows[i].in);
        if (!g_str_equal(out, fold_rows[i].out))
            fail_msg("row %zu, %s: got %s", i, fold_rows[i].in, out);
    }
}

static const TextRow quote_rows[] = {
    {"pass", "pass"},       {"a.b-c_d!#$%&'*+^`{|}~", "a.b-c_d!#$%&'*+^`{|}~"},
    {"", "\"\""},           {"a b", "\"a b\""},
    {"a/b", "\"a/b\""},     {"2001:db8::1", "\"2001:db8::1\""},
    {"a=b", "\"a=b\""},     {"say \"x\\y\"", "\"say \\\"x\\\\y\\\"\""},
    {"a\r\nb", "\"a  b\""}, {"j\303\266rg", "\"j\303\266rg\""},
};

static void test_quote(void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS(quote_rows); i++) {
        g_autofree char *out = header_quote(quote_rows[i].in);
        if (!g_str_equal(out, quote_rows[i].out))
            fail_msg("%s: got %s", quote_rows[i].in, out);
        if (out[0] != '"')
            continue;
        g_autoptr(GString) back = g_string_new(NULL);
        gboolean closed;
        const char *end = out + strlen(out);
        if (header_scan_quoted(out, end, back, &closed) != end || !closed)
            fail_msg("%s: does not read back", quote_rows[i].in);
    }
    g_autofree char *comment = header_comment("a (b) \\ c\nd");
    assert_string_equal(comment, "(a \\(b\\) \\\\ c d)");
}

static void test_cfws(void **state)
{
    static const struct {
        const char *in, *rest, *comments;
    } rows[] = {
        {" \r\n\tx", "x", ""}, {"(a)x", "x", "a"},  {" (a(b)c) (d\\)e) x", "x", "a(b)c d)e"},
        {"(open", "", "open"}, {"((((", "", "((("}, {"(end\\", "", "end\\"},
        {"", "", ""},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) comments = g_string_new(NULL);
        const char *rest = header_skip_cfws(rows[i].in, rows[i].in + strlen(rows[i].in), comments);
        if (!g_str_equal(rest, rows[i].rest) || !g_str_equal(comments->str, rows[i].comments))
            fail_msg("%s: got %s and %s", rows[i].in, rest, comments->str);
    }
}

static void test_names(void **state)
{
    assert_true(header_name_is("FROM", -1, "From"));
    assert_true(header_name_is("From: x", 4, "from"));
    assert_true(header_name_is("From \t", -1, "From"));
    assert_false(header_name_is("From x", -1, "From"));
    assert_false(header_name_is(" ", -1, "From"));
    assert_false(header_name_is("", -1, "From"));
}

static void test_msgid(void **state)
{
    static const struct {
        const char *in;
        HeaderMsgId form;
    } rows[] = {
        {"<a@b>", HEADER_MSGID_VALID},
        {" <1234.5678@mail.example.com>\r\n", HEADER_MSGID_VALID},
        {"<\"quoted left\".x@example.com>", HEADER_MSGID_VALID},
        {"(comment) <a.b@[192.0.2.1]> (more)", HEADER_MSGID_VALID},
        {"<SRS0=abcd=2W=example.net=user@example.com>", HEADER_MSGID_VALID},
        {"<no-at-sign-in-this>", HEADER_MSGID_ODD},
        {"a@b.example", HEADER_MSGID_ODD},
        {"<a@b@c>", HEADER_MSGID_ODD},
        {"<a..b@c>", HEADER_MSGID_ODD},
        {"<a b@c>", HEADER_MSGID_ODD},
        {"<aa@bb", HEADER_MSGID_ODD},
        {"<a@b>x", HEADER_MSGID_ODD},
        {"<a@[b>", HEADER_MSGID_ODD},
        {"<\"a@b>", HEADER_MSGID_ODD},
        {"<a@b> <c@d>", HEADER_MSGID_ODD},
        {"<@b>", HEADER_MSGID_TOO_SHORT},
        {"<>", HEADER_MSGID_TOO_SHORT},
        {"      ", HEADER_MSGID_TOO_SHORT},
        {"", HEADER_MSGID_TOO_SHORT},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        if (header_msgid_form(rows[i].in, -1) != rows[i].form)
            fail_msg("%s: got %d", rows[i].in, header_msgid_form(rows[i].in, -1));
}

static void test_received_by(void **state)
{
    static const struct {
        const char *in, *by;
    } rows[] = {
        {"from mail.example (ptr [192.0.2.1])\r\n\tby mx.our.example (Postfix) with ESMTP id x; Mon",
         "mx.our.example"},
        {"from mail.example (by forged.example [192.0.2.1]) BY mx.our.example; Mon", "mx.our.example"},
        {"from by (x [192.0.2.1]) by mx.our.example; Mon", "mx.our.example"},
        {"by mx.our.example; Mon", "mx.our.example"},
        {"(envelope-from a@b) by(c)mx.our.example(d)", "mx.our.example"},
        {"(qmail 4711 invoked by uid 1); Mon", NULL},
        {"from a by", NULL},
        {"from a with b; by mx.our.example", NULL},
        {"from by", NULL},
        {"", NULL},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *by = header_received_by(rows[i].in, -1);
        if (g_strcmp0(by, rows[i].by) != 0)
            fail_msg("%s: got %s", rows[i].in, by ? by : "none");
    }
}

static void test_received_from(void **state)
{
    static const struct {
        const char *in, *ips;
    } rows[] = {
        {"from mail.example (ptr [192.0.2.1])\r\n\tby mx.our.example (Postfix) with ESMTP id x; Mon",
         "192.0.2.1"},
        {"from pc (localhost [IPv6:2001:db8::1]) by mx.our.example; Mon", "2001:db8::1"},
        {"from unknown (HELO pc) (10.0.0.1)\n  by mx.our.example with SMTP; Mon", "10.0.0.1"},
        {"from [10.0.0.1] (dsl.example [203.0.113.5] (may be forged)) by mx.our.example",
         "10.0.0.1 203.0.113.5"},
        {"FROM a.example (EHLO=192.0.2.9,192.0.2.1) BY mx.our.example (10.0.0.9)", "192.0.2.9 192.0.2.1"},
        {"from by (x [192.0.2.1]) by mx.our.example ([192.0.2.2])", "192.0.2.1"},
        {"from mail.example (by [192.0.2.1]) by mx.our.example", "192.0.2.1"},
        {"(envelope-from a@[192.0.2.3]) from x (y [192.0.2.1]) by z", "192.0.2.1"},
        {"from x ([192.0.2.1]); by z ([192.0.2.2])", "192.0.2.1"},
        {"by mx.our.example (Postfix, from userid 1000) id [192.0.2.1]; Mon", ""},
        {"(qmail 4711 invoked by uid 1); Mon", ""},
        {"from x (1.2.3 [300.1.1.1] 1.2.3.4.5) by z", ""},
        {"from x (unclosed [192.0.2.1]", "192.0.2.1"},
        {"from x ([192.0.2.1] [192.0.2.2] [192.0.2.3]) by z", "192.0.2.1 192.0.2.2"}, /* two at most */
        {"", ""},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        IpAddress ips[2];
        guint n = header_received_from(rows[i].in, -1, ips, G_N_ELEMENTS(ips));
        g_autoptr(GString) came = g_string_new(NULL);
        char text[IP_STRING_MAX];
        for (guint k = 0; k < n; k++)
            g_string_append_printf(came, "%s%s", k ? " " : "", ip_to_string(&ips[k], text));
        if (strcmp(came->str, rows[i].ips) != 0)
            fail_msg("%s: got %s", rows[i].in, came->str);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unfold),      cmocka_unit_test(test_fold),
        cmocka_unit_test(test_quote),       cmocka_unit_test(test_cfws),
        cmocka_unit_test(test_names),       cmocka_unit_test(test_msgid),
        cmocka_unit_test(test_received_by), cmocka_unit_test(test_received_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
