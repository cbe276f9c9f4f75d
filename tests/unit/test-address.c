/* Envelope paths and header mailboxes: lib/address.c, lib/mailbox.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <postern/address.h>
#include <string.h>

#include "suite-file.h"

#define LOCAL_64  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LOCAL_255 LOCAL_64 LOCAL_64 LOCAL_64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

enum { STRICT, LAX };

typedef struct {
    const char *text;
    const char *local, *domain, *mailbox, *canonical; /* local NULL: refused */
    int lax;
} PathRow;

static const PathRow path_rows[] = {
    {"<user@example.com>", "user", "example.com", "user@example.com", "user@example.com"},
    {"<User.Name@Example.COM>", "User.Name", "example.com", "User.Name@example.com", "user.name@example.com"},
    {"user@example.com", "user", "example.com", "user@example.com", "user@example.com", LAX},
    {"  < user@example.com >\r\n", "user", "example.com", "user@example.com", "user@example.com"},
    /* RFC 5321 §4.1.2: quoting that is not needed means nothing */
    {"<\"user\"@example.com>", "user", "example.com", "user@example.com", "user@example.com"},
    {"<\"us\\er\"@example.com>", "user", "example.com", "user@example.com", "user@example.com"},
    {"<\"a@b\"@c.example>", "a@b", "c.example", "\"a@b\"@c.example", "a@b@c.example"},
    {"<\"a b\"@c.example>", "a b", "c.example", "\"a b\"@c.example", "a b@c.example"},
    {"<\"a\\\"b\\\\\"@c.example>", "a\"b\\", "c.example", "\"a\\\"b\\\\\"@c.example", "a\"b\\@c.example"},
    {"<\"a>b\"@c.example>", "a>b", "c.example", "\"a>b\"@c.example", "a>b@c.example"},
    {"<\"a..b\"@c.example>", "a..b", "c.example", "\"a..b\"@c.example", "a..b@c.example"},
    {"<\"\"@c.example>", NULL},
    {"<\"a\".b@c.example>", "a.b", "c.example", "a.b@c.example", "a.b@c.example", LAX},
    {"<\"open@c.example>", NULL},
    {"<\"open\\\"@c.example>", NULL},
    {"<\"tail\\", NULL},
    /* source routes (RFC 5321 appendix C) */
    {"<@hop1.example,@hop2.example:user@dom.example>", "user", "dom.example", "user@dom.example",
     "user@dom.example"},
    {"@mx.example.com:user@example.com", "user", "example.com", "user@example.com", "user@example.com", LAX},
    {"<@hop1.example,hop2.example:user@dom.example>", NULL},
    {"<@hop1.example:>", NULL},
    /* null sender, postmaster, names without a domain */
    {"<>", "", "", "", ""},
    {"< >", "", "", "", ""},
    {"", NULL},
    {"   ", NULL},
    {"<postmaster>", "postmaster", "", "postmaster", "postmaster"},
    {"<PostMaster>", "PostMaster", "", "PostMaster", "postmaster"},
    {"<root>", "root", "", "root", "root", LAX},
    {"foo", "foo", "", "foo", "foo", LAX},
    /* literals (RFC 5321 §4.1.3) */
    {"<user@[192.0.2.1]>", "user", "[192.0.2.1]", "user@[192.0.2.1]", "user@[192.0.2.1]"},
    {"<user@[IPv6:2001:DB8:0::1]>", "user", "[IPv6:2001:db8::1]", "user@[IPv6:2001:db8::1]",
     "user@[ipv6:2001:db8::1]"},
    {"<user@[ipv6:::ffff:192.0.2.1]>", "user", "[192.0.2.1]", "user@[192.0.2.1]", "user@[192.0.2.1]"},
    {"<user@[X-Tag:some]>", "user", "[x-tag:some]", "user@[x-tag:some]", "user@[x-tag:some]"},
    {"<user@[192.0.2.256]>", NULL},
    {"<user@[192.0.2.1>", NULL},
    {"<user@[]>", NULL},
    {"<user@[IPv6:nonsense]>", NULL},
    /* RFC 6531 */
    {"<j\303\266rg@b\303\274cher.example>", "j\303\266rg", "b\303\274cher.example",
     "j\303\266rg@b\303\274cher.example", "j\303\266rg@b\303\274cher.example"},
    {"<j\366rg@example.com>", "j\357\277\275rg", "example.com", "j\357\277\275rg@example.com",
     "j\357\277\275rg@example.com", LAX},
    {"<user@b\374cher.example>", NULL},
    /* what the grammar forbids and mail has */
    {"<a..b@docomo.example>", "a..b", "docomo.example", "\"a..b\"@docomo.example", "a..b@docomo.example",
     LAX},
    {"<.a.@docomo.example>", ".a.", "docomo.example", "\".a.\"@docomo.example", ".a.@docomo.example", LAX},
    {"<a@b@c.example>", "a@b", "c.example", "\"a@b\"@c.example", "a@b@c.example", LAX},
    {"<@user@example.com>", "@user", "example.com", "\"@user\"@example.com", "@user@example.com", LAX},
    {"<user@host_name.example>", "user", "host_name.example", "user@host_name.example",
     "user@host_name.example", LAX},
    {"<user@example.com.>", "user", "example.com", "user@example.com", "user@example.com", LAX},
    {"<user@-example.com>", "user", "-example.com", "user@-example.com", "user@-example.com", LAX},
    /* what has no one meaning */
    {"<user@>", NULL},
    {"<@example.com>", NULL},
    {"<user@example..com>", NULL},
    {"<user@.example.com>", NULL},
    {"<user@example.com", NULL},
    {"user@example.com>", NULL},
    {"<", NULL},
    {">", NULL},
    {"<a@b.example> SIZE=100", NULL},
    {"<a b@c.example>", NULL},
    {"<a@b c.example>", NULL},
    {"<a,b@c.example>", NULL},
    {"<a\001b@c.example>", NULL},
    {"<\"a\001b\"@c.example>", NULL},
    {"<a@b\177c.example>", NULL},
    /* limits */
    {"<" LOCAL_255 "@c.example>", LOCAL_255, "c.example", LOCAL_255 "@c.example", LOCAL_255 "@c.example"},
    {"<a" LOCAL_255 "@c.example>", NULL},
    {"<a@" LOCAL_64 ".example>", NULL},
    {"<a@b." LOCAL_255 ">", NULL},
};

static void test_paths(void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS(path_rows); i++) {
        const PathRow *row = &path_rows[i];
        g_autoptr(GError) error = NULL;
        g_autoptr(Address) a = address_parse_path(row->text, -1, &error);
        if (!a != !row->local)
            fail_msg("%s: %s", row->text, a ? a->mailbox : error->message);
        if (!a) {
            if (!error)
                fail_msg("%s: refused without a reason", row->text);
            continue;
        }
        if (!g_str_equal(a->local, row->local) || !g_str_equal(a->domain, row->domain) ||
            !g_str_equal(a->mailbox, row->mailbox) || !g_str_equal(a->canonical, row->canonical))
            fail_msg("%s: got %s | %s | %s | %s", row->text, a->local, a->domain, a->mailbox, a->canonical);
        if (a->conforming != !row->lax)
            fail_msg("%s: conforming is %d", row->text, a->conforming);
    }
}

/* What was parsed and written again is the same address, and now conforms or is without a domain. */
static void test_paths_again(void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS(path_rows); i++) {
        const PathRow *row = &path_rows[i];
        g_autoptr(Address) a = address_parse_path(row->text, -1, NULL);
        if (!a)
            continue;
        g_autofree char *path = g_strdup_printf("<%s>", a->mailbox);
        g_autoptr(Address) b = address_parse_path(path, -1, NULL);
        if (!b || !g_str_equal(a->mailbox, b->mailbox) || !g_str_equal(a->canonical, b->canonical))
            fail_msg("%s: once more gives %s", row->text, b ? b->mailbox : "nothing");
        if (a->is_null)
            continue;
        g_autoptr(Address) c = address_new(a->local, a->domain, NULL);
        if (!c || !g_str_equal(a->mailbox, c->mailbox))
            fail_msg("%s: from its parts gives %s", row->text, c ? c->mailbox : "nothing");
    }
}

static void test_flags(void **state)
{
    g_autoptr(Address) null = address_parse_path("<>", -1, NULL);
    assert_true(null->is_null);
    g_autoptr(Address) route = address_parse_path("<@Hop1.example,@hop2.example:u@d.example>", -1, NULL);
    assert_string_equal(route->route, "@Hop1.example,@hop2.example");
    g_autoptr(Address) literal = address_parse_path("<u@[192.0.2.1]>", -1, NULL);
    assert_true(literal->is_literal && !literal->is_utf8 && !literal->is_null);
    g_autoptr(Address) utf8 = address_parse_path("<u@b\303\274cher.example>", -1, NULL);
    assert_true(utf8->is_utf8 && !utf8->is_literal);
    g_autoptr(Address) copy = address_copy(route);
    assert_string_equal(copy->canonical, "u@d.example");
    g_autoptr(GError) error = NULL;
    assert_null(address_parse_path("<u\0x@d.example>", 15, &error)); /* a NUL inside is no end of the text */
    assert_true(g_error_matches(error, ADDRESS_ERROR, ADDRESS_ERROR_SYNTAX));
}

static void test_parents(void **state)
{
    const char *domain = "a.b.example";
    assert_string_equal(domain = address_domain_parent(domain), "b.example");
    assert_string_equal(domain = address_domain_parent(domain), "example");
    assert_null(address_domain_parent(domain));
    assert_null(address_domain_parent("[192.0.2.1]"));
    assert_null(address_domain_parent(""));
}

typedef struct {
    const char *value;
    const char *boxes; /* name|comment|canonical (or !text) of each, joined by " // " */
    int malformed;
} ListRow;

#define ODD 1

static const ListRow list_rows[] = {
    {"user@example.com", "||user@example.com"},
    {"\"Full Name\" <foo@Example.com>", "Full Name||foo@example.com"},
    {"Joe Q. Public <john.q.public@example.com>", "Joe Q. Public||john.q.public@example.com"},
    {"<boss@nil.test>", "||boss@nil.test"},
    {"\"Giant; \\\"Big\\\" Box\" <sysservices@example.net>", "Giant; \"Big\" Box||sysservices@example.net"},
    {"foo@bar <foo@bar>", "foo@bar||foo@bar"},
    {"spam@spammer.com <foo@example.com>", "spam@spammer.com||foo@example.com"},
    {"God@heaven <@hop1.org,@hop2.net:jeff@spec.org>", "God@heaven||jeff@spec.org"},
    {"a@b.example (Comment Name)", "Comment Name|Comment Name|a@b.example"},
    {"(,) joe@joe.com", ",|,|joe@joe.com"},
    {"Real Name ((comment)) <addr...@example.com>", "Real Name|(comment)|addr...@example.com"},
    {"\"foo, bar\" <a@b.example>", "foo, bar||a@b.example"},
    {"=?utf-8?q?J=C3=B6rg?= <j@x.example>", "=?utf-8?q?J=C3=B6rg?=||j@x.example"},
    {"J\366rg <j@x.example>", "J\366rg||j@x.example"},
    {"a@b.example, c@d.example", "||a@b.example // ||c@d.example"},
    {"A User <a@b.example>,B<c@d.example>", "A User||a@b.example // B||c@d.example"},
    /* RFC 5322 appendix A.1.3, A.5, A.6.1, A.6.3 */
    {"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
     "Ed Jones||c@a.test // ||joe@where.test // John||jdoe@one.test"},
    {"Undisclosed recipients:;", ""},
    {"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", ""},
    {"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
     "Pete|A nice ) chap his account his host|pete@silly.test"},
    {"Chris Jones <c@(Chris's host.)public.example>", "Chris Jones|Chris's host.|c@public.example"},
    {"Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
     "Mary Smith||mary@example.net // ||jdoe@test.example"},
    {"John Doe <jdoe@machine(comment).  example>", "John Doe|comment|jdoe@machine.example"},
    {"joe . blow @ example . com", "||joe.blow@example.com"},
    {"\"joe blow\"@example.com", "||joe blow@example.com"},
    {"Joe\r\n\t<joe@example.com>", "Joe||joe@example.com"},
    {"\"Joe\r\n Blow\" (at\r\n home) <joe@example.com>", "Joe Blow|at home|joe@example.com"},
    {"<joe@[IPv6:2001:db8::1]>, joe@[192.0.2.1]", "||joe@[ipv6:2001:db8::1] // ||joe@[192.0.2.1]"},
    {"@hop.example:joe@example.com", "||joe@example.com"},
    {"", ""},
    {" , ,\r\n ", ""},
    {"root", "||root"},
    /* hostile or broken */
    {"Joe Blow joe@example.com", "Joe Blow||joe@example.com", ODD},
    {"joe@bank.example evil@evil.example", "joe@bank.example||evil@evil.example", ODD},
    {"<a@bank.example> <b@evil.example>", "||a@bank.example // ||b@evil.example", ODD},
    {"<a@bank.example> b@evil.example", "||a@bank.example // ||b@evil.example", ODD},
    {"\"Joe <joe@example.com>", "\"Joe||joe@example.com", ODD},
    {"Joe (work <joe@example.com>", "Joe (work||joe@example.com", ODD},
    {"Joe <joe@example.com", "Joe||joe@example.com", ODD},
    {"<<joe@example.com>>", "||joe@example.com", ODD},
    {"Joe <>", "Joe||!", ODD},
    {"[ <a@bank.example> ] <b@evil.example>", "[||a@bank.example // ]||b@evil.example", ODD},
    {"[List] Joe <joe@[192.\r\n 0.2.1]>, b@[192.\r\n 0.2.1]",
     "[List] Joe||joe@[192.0.2.1] // ||b@[192.0.2.1]"},
    {"Joe <joe blow@example.com>", "Joe||joe blow@example.com"},
    {"Joe <joe@example.com, ann@example.net>", "Joe||!joe@example.com,ann@example.net", ODD},
    {"Joe <joe@exa\300mple.com>", "Joe||!joe@exa\300mple.com", ODD},
};

static char *list_text(const MailboxList *list)
{
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < list->n; i++) {
        const Mailbox *box = &list->boxes[i];
        g_string_append_printf(out, "%s%s|%s|%s%s", i ? " // " : "", box->name, box->comment,
                               box->address ? "" : "!", box->address ? box->address->canonical : box->text);
    }
    return g_string_free(out, FALSE);
}

static void test_lists(void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS(list_rows); i++) {
        const ListRow *row = &list_rows[i];
        g_autoptr(MailboxList) list = address_parse_mailboxes(row->value, -1);
        g_autofree char *text = list_text(list);
        if (!g_str_equal(text, row->boxes))
            fail_msg("%s: got %s", row->value, text);
        if (list->malformed != row->malformed)
            fail_msg("%s: malformed is %d", row->value, list->malformed);
    }
}

static void test_list_limits(void **state)
{
    g_autoptr(GString) many = g_string_new(NULL);
    for (int i = 0; i <= ADDRESS_LIST_MAX; i++)
        g_string_append_printf(many, "u%d@example.com,", i);
    g_autoptr(MailboxList) list = address_parse_mailboxes(many->str, (gssize)many->len);
    assert_true(list->truncated);
    assert_int_equal(list->n, ADDRESS_LIST_MAX);
    g_string_truncate(many, many->len - strlen("u256@example.com,"));
    g_autoptr(MailboxList) whole = address_parse_mailboxes(many->str, (gssize)many->len);
    assert_false(whole->truncated);
    assert_int_equal(whole->n, ADDRESS_LIST_MAX);
}

/* Each of these made a naive parser look for a partner n times over n bytes, or recurse n deep. */
static void test_list_linear(void **state)
{
    static const char *const units[] = {"\"", "(", "<",  "\\\"", "[",      "(\"<[",
                                        "<(", ":", "a ", "@",    "\"a\" ", "a:b;"};
    for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        while (text->len < 2000000)
            g_string_append(text, units[i]);
        gint64 start = g_get_monotonic_time();
        g_autoptr(MailboxList) list = address_parse_mailboxes(text->str, (gssize)text->len);
        gint64 spent = g_get_monotonic_time() - start;
        if (spent > 20 * G_USEC_PER_SEC) /* quadratic would be hours */
            fail_msg("%s repeated: %" G_GINT64_FORMAT " ms", units[i], spent / 1000);
    }
}

static const char *json_string_at(JsonArray *array, guint i)
{
    return i < json_array_get_length(array) ? json_array_get_string_element(array, i) : "";
}

/* The older function's answers. It lower-cases no domain; and the comment is no part of a display name (RFC
 * 5322 §3.4), which is why name and comment are put together here as it does. */
static void test_suite_file(void **state)
{
    g_autoptr(JsonParser) parser = suite_file_load("names/addresses.json");
    if (!parser)
        skip();
    JsonObject *root = json_node_get_object(json_parser_get_root(parser));
    JsonArray *paths = json_object_get_array_member(root, "parse_addr");
    for (guint i = 0; i < json_array_get_length(paths); i++) {
        JsonObject *row = json_array_get_object_element(paths, i);
        const char *in = json_object_get_string_member(row, "in");
        JsonArray *out = json_object_get_array_member(row, "out");
        g_autoptr(Address) a = address_parse_path(in, -1, NULL);
        if (!a || !g_str_equal(a->local, json_string_at(out, 0)) ||
            g_ascii_strcasecmp(a->domain, json_string_at(out, 1)) != 0)
            fail_msg("%s: got %s at %s", in, a ? a->local : "nothing", a ? a->domain : "");
    }
    JsonArray *lists = json_object_get_array_member(root, "parseaddr");
    for (guint i = 0; i < json_array_get_length(lists); i++) {
        JsonObject *row = json_array_get_object_element(lists, i);
        const char *in = json_object_get_string_member(row, "in");
        JsonArray *out = json_object_get_array_member(row, "out");
        g_autoptr(MailboxList) list = address_parse_mailboxes(in, -1);
        assert_int_equal(list->n, 1);
        Mailbox *box = &list->boxes[0];
        gboolean beside = box->comment[0] && !g_str_equal(box->name, box->comment);
        g_autofree char *name =
            beside ? g_strdup_printf("%s %s", box->name, box->comment) : g_strdup(box->name);
        const char *text = box->text;
        if (text[0] == '@') /* it leaves the source route out */
            text = strchr(text, ':') + 1;
        if (!g_str_equal(name, json_string_at(out, 0)) || !g_str_equal(text, json_string_at(out, 1)))
            fail_msg("%s: got %s, %s", in, name, box->text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),       cmocka_unit_test(test_paths_again),
        cmocka_unit_test(test_flags),       cmocka_unit_test(test_parents),
        cmocka_unit_test(test_lists),       cmocka_unit_test(test_list_limits),
        cmocka_unit_test(test_list_linear), cmocka_unit_test(test_suite_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
