/* Authentication-Results: lib/authres.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <postern/authres.h>
#include <string.h>

/* What was understood, as text: id version; method/version=result (comment) [reason] ptype.property=value … */
static char *show(const AuthRes *ar)
{
    GString *out = g_string_new(ar->authserv_id);
    if (ar->version)
        g_string_append_printf(out, " %u", ar->version);
    for (guint i = 0; i < ar->results->len; i++) {
        const AuthResResult *r = g_ptr_array_index(ar->results, i);
        g_string_append_printf(out, "; %s/%u=%s", r->method, r->version, r->result);
        if (r->comment)
            g_string_append_printf(out, " (%s)", r->comment);
        if (r->reason)
            g_string_append_printf(out, " [%s]", r->reason);
        for (guint k = 0; k < r->properties->len; k++) {
            const AuthResProperty *p = g_ptr_array_index(r->properties, k);
            g_string_append_printf(out, " %s.%s=%s", p->ptype, p->property, p->value);
        }
    }
    return g_string_free(out, FALSE);
}

enum { SOUND, ODD };

typedef struct {
    const char *value, *shown;
    int malformed;
} ParseRow;

static const ParseRow parse_rows[] = {
    /* RFC 8601 appendix B.2 to B.7 */
    {" example.org 1; none", "example.org 1"},
    {" example.com;\r\n  spf=pass smtp.mailfrom=example.net",
     "example.com; spf/0=pass smtp.mailfrom=example.net"},
    {"example.com;\r\n auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n spf=pass "
     "smtp.mailfrom=example.net",
     "example.com; auth/0=pass (cram-md5) smtp.auth=sender@example.net; spf/0=pass "
     "smtp.mailfrom=example.net"},
    {"example.com; iprev=pass\r\n policy.iprev=192.0.2.200",
     "example.com; iprev/0=pass policy.iprev=192.0.2.200"},
    {"example.com;\r\n dkim=pass reason=\"good signature\"\r\n header.i=@mail-router.example.net;\r\n"
     " dkim=fail reason=\"bad signature\"\r\n header.i=@newyork.example.com",
     "example.com; dkim/0=pass [good signature] header.i=@mail-router.example.net; "
     "dkim/0=fail [bad signature] header.i=@newyork.example.com"},
    {"foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
     " policy (A dot can go here) . (like that) expired\r\n (this surprised me) = (as I wasn't expecting it) "
     "1362471462",
     "foo.example.net 1; dkim/1=fail (Because I like it One yay wait for it A dot can go here like that this "
     "surprised me as I wasn't expecting it) policy.expired=1362471462"},
    /* spelling */
    {"\"mx.example.com/in\"; SPF=Pass SMTP.MailFrom=\"a=b@Example.com\"",
     "mx.example.com/in; spf/0=pass smtp.mailfrom=a=b@Example.com"},
    {"x.example; spf=pass smtp.mailfrom=\"a b\"@c.example",
     "x.example; spf/0=pass smtp.mailfrom=a b@c.example"},
    {"x.example; dkim=pass header.b=\"a/b;c=\" header.s=s1",
     "x.example; dkim/0=pass header.b=a/b;c= header.s=s1"},
    {"x.example; dkim=pass header.b=a/b= header.i=@a.b",
     "x.example; dkim/0=pass header.b=a/b= header.i=@a.b"},
    {"x.example;dkim=none(no (deep) \\) one);;", "x.example; dkim/0=none (no (deep) ) one)"},
    {"x.example", "x.example"},
    {"x.example;", "x.example"},
    {"x.example; NONE ", "x.example"},
    /* Office 365: no id, bare names, stray words */
    {"spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=contoso.example; fabrikam.example; dkim=pass"
     " header.d=contoso.example;dmarc=pass action=none header.from=contoso.example;",
     "; spf/0=pass (sender IP is 192.0.2.1) smtp.mailfrom=contoso.example; dkim/0=pass "
     "header.d=contoso.example; "
     "dmarc/0=pass .action=none header.from=contoso.example",
     ODD},
    /* broken */
    {"", "", ODD},
    {";;;", "", ODD},
    {"x.example; =pass", "x.example", ODD},
    {"x.example; spf", "x.example", ODD},
    {"x.example; spf=", "x.example", ODD},
    {"x.example; spf=; dkim=pass", "x.example; dkim/0=pass", ODD},
    {"x.example; spf=pass word header.from=a", "x.example; spf/0=pass header.from=a", ODD},
    {"x.example; spf=pass smtp.", "x.example; spf/0=pass", ODD},
    {"x.example; spf=pass smtp.helo=; dkim=fail", "x.example; spf/0=pass smtp.helo=; dkim/0=fail", ODD},
    {"x.example; spf=pass reason=\"open; dkim=fail", "x.example; spf/0=pass [open; dkim=fail]", ODD},
    {"x.example; spf=pass (open; dkim=fail", "x.example; spf/0=pass (open; dkim=fail)"},
    {"x.example junk; spf=pass", "x.example; spf/0=pass", ODD},
    {"\"x.example; spf=pass", "x.example; spf=pass", ODD},
    {"i=1; x.example; spf=pass", "; i/0=1; spf/0=pass", ODD},
};

static void test_parse(void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS(parse_rows); i++) {
        const ParseRow *row = &parse_rows[i];
        g_autoptr(AuthRes) ar = authres_parse(row->value, -1);
        g_autofree char *shown = show(ar);
        if (!g_str_equal(shown, row->shown))
            fail_msg("%s: got %s", row->value, shown);
        if (ar->malformed != row->malformed)
            fail_msg("%s: malformed is %d", row->value, ar->malformed);
    }
}

/* What was read, written and read again is the same. */
static void test_round_trip(void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS(parse_rows); i++) {
        g_autoptr(AuthRes) first = authres_parse(parse_rows[i].value, -1);
        g_autofree char *shown = show(first);
        g_autofree char *folded = authres_to_string(first, "Authentication-Results");
        g_autofree char *flat = authres_to_string(first, NULL);
        g_autoptr(AuthRes) second = authres_parse(folded, -1);
        g_autoptr(AuthRes) third = authres_parse(flat, -1);
        g_autofree char *shown_folded = show(second), *shown_flat = show(third);
        if (!g_str_equal(shown, shown_folded) || !g_str_equal(shown, shown_flat))
            fail_msg("%s: written as %s", parse_rows[i].value, folded);
    }
}

static void test_write(void **state)
{
    g_autoptr(AuthRes) none = authres_new("mx.example.com");
    g_autofree char *none_text = authres_to_string(none, "Authentication-Results");
    assert_string_equal(none_text, "mx.example.com; none");

    g_autoptr(AuthRes) ar = authres_new("mx.example.com/1");
    AuthResResult *spf = authres_add(ar, "spf", "fail");
    authres_set_reason(spf, "not \"permitted\"");
    authres_add_property(spf, "smtp", "mailfrom", "user@example.net");
    authres_add_property(spf, "smtp", "helo", NULL);
    AuthResResult *dkim = authres_add(ar, "dkim", "pass");
    authres_set_comment(dkim, "2048-bit (good)");
    authres_add_property(dkim, "header", "i", "@example.net");
    authres_add_property(dkim, "header", "b", "AbC/+dE=");
    AuthResResult *iprev = authres_add(ar, "iprev", "pass");
    authres_add_property(iprev, "policy", "iprev", "2001:db8::1");
    AuthResResult *evil = authres_add(ar, "auth", "pass");
    authres_add_property(evil, "smtp", "auth", "x; dkim=pass\r\nSubject: y");
    authres_add_property(evil, "smtp", "mailfrom", "SRS0=ab=c@d.example");
    authres_add_property(evil, "smtp", "rcptto", "a@b@c");
    authres_add_property(evil, "header", "from", "@a..example");

    g_autofree char *text = authres_to_string(ar, NULL);
    assert_string_equal(
        text, "\"mx.example.com/1\"; "
              "spf=fail reason=\"not \\\"permitted\\\"\" smtp.mailfrom=user@example.net; "
              "dkim=pass (2048-bit \\(good\\)) header.i=@example.net header.b=\"AbC/+dE=\"; "
              "iprev=pass policy.iprev=\"2001:db8::1\"; "
              "auth=pass smtp.auth=\"x; dkim=pass  Subject: y\" "
              "smtp.mailfrom=\"SRS0=ab=c@d.example\" smtp.rcptto=\"a@b@c\" header.from=\"@a..example\"");
    g_autofree char *folded = authres_to_string(ar, "Authentication-Results");
    assert_string_equal(folded,
                        "\"mx.example.com/1\";\n"
                        "\tspf=fail reason=\"not \\\"permitted\\\"\" smtp.mailfrom=user@example.net;\n"
                        "\tdkim=pass (2048-bit \\(good\\)) header.i=@example.net header.b=\"AbC/+dE=\";\n"
                        "\tiprev=pass policy.iprev=\"2001:db8::1\";\n"
                        "\tauth=pass smtp.auth=\"x; dkim=pass  Subject: y\"\n"
                        "\tsmtp.mailfrom=\"SRS0=ab=c@d.example\" smtp.rcptto=\"a@b@c\"\n"
                        "\theader.from=\"@a..example\"");
    g_autoptr(AuthRes) back = authres_parse(folded, -1);
    assert_false(back->malformed);
    assert_int_equal(back->results->len, 4);
    assert_string_equal(authres_property(g_ptr_array_index(back->results, 1), "HEADER", "b"), "AbC/+dE=");
    assert_null(authres_property(g_ptr_array_index(back->results, 1), "header", "d"));
}

static void test_is_from(void **state)
{
    static const struct {
        const char *value;
        const char *id;
        gboolean ours;
    } rows[] = {
        {"mx.example.com; spf=pass", "mx.example.com", TRUE},
        {" MX.Example.COM 1; none", "mx.example.com", TRUE},
        {"\"mx.example.com\"; none", "mx.example.com", TRUE},
        {"\"m\\x.example.com\"; none", "mx.example.com", TRUE},
        {"(hi) mx.example.com (there) 1; none", "mx.example.com", TRUE},
        {"(mx.example.com) other.example; none", "mx.example.com", TRUE},
        {"(mx.example.com; spf=pass", "mx.example.com", TRUE},
        {"\"mx.example.com; spf=pass", "mx.example.com", TRUE},
        {"mx.example.com", "mx.example.com", TRUE},
        {"mx.example.com.; none", "mx.example.com", TRUE},
        {"mx.example.com/1; none", "mx.example.com/1", TRUE},
        {"\"mx.example.com/1\"; none", "MX.example.com/1", TRUE},
        {"\r\n\tmx.example.com;\r\n\tnone", "mx.example.com", TRUE},
        {"other.example; spf=pass smtp.helo=mx.example.com", "mx.example.com", FALSE},
        {"other.example; none (mx.example.com)", "mx.example.com", FALSE},
        {"mx.example.com/1; none", "mx.example.com", FALSE},
        {"mx.example.com.evil.example; none", "mx.example.com", FALSE},
        {"xmx.example.com; none", "mx.example.com", FALSE},
        {"spf=pass smtp.mailfrom=a; dkim=none", "mx.example.com", FALSE},
        {"", "mx.example.com", FALSE},
        {"; none", "mx.example.com", FALSE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        if (authres_is_from(rows[i].value, -1, rows[i].id) != rows[i].ours)
            fail_msg("%s: not %d", rows[i].value, rows[i].ours);

    /* Postfix takes it (header_size_limit). */
    g_autofree char *comment = g_strnfill(AUTHRES_TEXT_MAX, 'x');
    g_autofree char *hidden = g_strdup_printf("(%s) mx.example.com; dmarc=pass", comment);
    assert_true(authres_is_from(hidden, -1, "mx.example.com"));
}

static void test_limits(void **state)
{
    g_autoptr(GString) text = g_string_new("x.example");
    for (int i = 0; i <= AUTHRES_RESULTS_MAX; i++)
        g_string_append(text, "; dkim=pass");
    g_autoptr(AuthRes) results = authres_parse(text->str, -1);
    assert_int_equal(results->results->len, AUTHRES_RESULTS_MAX);
    assert_true(results->malformed);

    g_string_assign(text, "x.example; dkim=pass");
    for (int i = 0; i <= AUTHRES_PROPERTIES_MAX; i++)
        g_string_append(text, " header.d=a");
    g_autoptr(AuthRes) properties = authres_parse(text->str, -1);
    const AuthResResult *r = g_ptr_array_index(properties->results, 0);
    assert_int_equal(r->properties->len, AUTHRES_PROPERTIES_MAX);
    assert_true(properties->malformed);

    g_string_assign(text, "x.example; spf=pass (");
    while (text->len <= AUTHRES_TEXT_MAX)
        g_string_append(text, "((((((((((");
    g_autoptr(AuthRes) big = authres_parse(text->str, (gssize)text->len);
    assert_true(big->malformed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),   cmocka_unit_test(test_round_trip), cmocka_unit_test(test_write),
        cmocka_unit_test(test_is_from), cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
