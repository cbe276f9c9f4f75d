/* Spellings of sockets, and what is asked of which MTA. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "mta/listen.h"
#include "mta/negotiate.h"

#include <sys/socket.h>

static const struct {
    const char *spec;
    int family; /* 0: no socket */
    const char *where, *port;
} addresses[] = {
    {"unix:/run/m", AF_UNIX, "/run/m", NULL},
    {"local:/run/m", AF_UNIX, "/run/m", NULL},
    {"/run/m", AF_UNIX, "/run/m", NULL},
    {"/run/a:b@c", AF_UNIX, "/run/a:b@c", NULL},
    {"unix:run/m", 0, NULL, NULL},
    {"unix:", 0, NULL, NULL},
    {"", 0, NULL, NULL},
    {"inet:8894@127.0.0.1", AF_INET, "127.0.0.1", "8894"},
    {"inet:8894@localhost", AF_INET, "localhost", "8894"},
    {"inet:127.0.0.1:8894", AF_INET, "127.0.0.1", "8894"},
    {"inet:localhost:8894", AF_INET, "localhost", "8894"},
    {"inet:8894", AF_INET, NULL, "8894"},
    {"inet:8894@", AF_INET, NULL, "8894"},
    {"inet:8894@*", AF_INET, NULL, "8894"},
    {"inet:*:8894", AF_INET, NULL, "8894"},
    {"inet:0@127.0.0.1", AF_INET, "127.0.0.1", "0"},
    {"inet:8894@::1", AF_INET6, "::1", "8894"},
    {"inet:[::1]:8894", AF_INET6, "::1", "8894"},
    {"inet6:8894@::1", AF_INET6, "::1", "8894"},
    {"inet6:8894@[::1]", AF_INET6, "::1", "8894"},
    {"inet6:[2001:db8::1]:8894", AF_INET6, "2001:db8::1", "8894"},
    {"inet6:8894", AF_INET6, NULL, "8894"},
    {"inet:", 0, NULL, NULL},
    {"inet:@127.0.0.1", 0, NULL, NULL},
    {"inet:smtp@127.0.0.1", 0, NULL, NULL},
    {"inet:127.0.0.1", 0, NULL, NULL},
    {"inet:65536", 0, NULL, NULL},
    {"inet:-1", 0, NULL, NULL},
    {"tcp:25", 0, NULL, NULL},
};

static void test_addresses(void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS(addresses); i++) {
        g_autoptr(GError) error = NULL;
        ListenAddress got;
        gboolean good = listen_address_parse(addresses[i].spec, &got, &error);

        if (good != (addresses[i].family != 0) || good != (error == NULL))
            fail_msg("\"%s\": %s", addresses[i].spec, error != NULL ? error->message : "taken");
        if (!good)
            continue;
        if (got.family != addresses[i].family || g_strcmp0(got.where, addresses[i].where) != 0 ||
            g_strcmp0(got.port, addresses[i].port) != 0 || got.is_unix != (got.family == AF_UNIX))
            fail_msg("\"%s\": family %d, %s, port %s", addresses[i].spec, got.family, got.where, got.port);
        listen_address_clear(&got);
    }
}

static void test_long_path(void **state)
{
    for (guint len = 106; len <= 109; len++) {
        g_autofree char *path = g_strnfill(len, 'a');
        g_autoptr(GError) error = NULL;
        ListenAddress got;

        path[0] = '/';
        assert_int_equal(listen_address_parse(path, &got, &error), len <= 107);
        if (error == NULL)
            listen_address_clear(&got);
    }
}

#define BIT(stage) (1u << STAGE_##stage)
#define OURS       (WIRE_RCPT_REJ | WIRE_LEAD_SPACE | WIRE_QUIET_HEADERS | WIRE_QUIET_EOH | WIRE_QUIET_BODY)

static const struct {
    const char *name;
    Negotiation offer;
    guint unwanted;
    Negotiation expected;
    guint unanswered;
} negotiations[] = {
    {"version 6", {6, 0x1ff, 0x1fffff}, 0, {6, 0x1ff, OURS}},
    {"version 2", {2, 0x3f, 0x7f}, 0, {2, 0x3f, 0}},
    {"version 3, headers need no answer", {3, 0x3f, 0x1ff}, 0, {3, 0x3f, WIRE_QUIET_HEADERS}},
    {"more than we know", {9, 0xffffffff, 0xffffffff}, 0, {6, 0x1ff, OURS}},
    {"nothing is offered", {6, 0, 0}, BIT(BODY), {6, 0, 0}},
    {"no body", {6, 0x1ff, 0x1fffff}, BIT(BODY), {6, 0x1ff, OURS | WIRE_NO_BODY}},
    {"no headers", {2, 0, 0x7f}, BIT(HEADERS), {2, 0, WIRE_NO_HEADERS | WIRE_NO_EOH}},
    {"MAIL, RCPT and the end always come",
     {6, 0, 0x1fffff},
     BIT(MAIL) | BIT(RCPT) | BIT(MESSAGE),
     {6, 0, OURS}},
    {"all that can be declined",
     {6, 0, 0x1fffff},
     BIT(CONNECT) | BIT(HELO) | BIT(DATA) | BIT(HEADERS) | BIT(BODY),
     {6, 0,
      OURS | WIRE_NO_CONNECT | WIRE_NO_HELO | WIRE_NO_DATA | WIRE_NO_HEADERS | WIRE_NO_EOH | WIRE_NO_BODY}},
    {"MAIL needs no answer", {6, 0, 0x1fffff}, 0, {6, 0, OURS | WIRE_QUIET_MAIL}, BIT(MAIL)},
    {"all that can be left unanswered: never RCPT, DATA and the end",
     {6, 0, 0x1fffff},
     0,
     {6, 0, OURS | WIRE_QUIET_CONNECT | WIRE_QUIET_HELO | WIRE_QUIET_MAIL},
     (1u << STAGE_COUNT) - 1},
    {"an MTA that waits for all answers", {3, 0, 0xfff}, 0, {3, 0, OURS & 0xfff}, BIT(CONNECT) | BIT(MAIL)},
};

static void test_negotiations(void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS(negotiations); i++) {
        const Negotiation *expected = &negotiations[i].expected;
        const NotNeeded not_needed = {negotiations[i].unwanted, negotiations[i].unanswered};
        Negotiation got = negotiate(&negotiations[i].offer, not_needed);

        if (got.version != expected->version || got.actions != expected->actions ||
            got.protocol != expected->protocol)
            fail_msg("%s: %u %x %x", negotiations[i].name, got.version, got.actions, got.protocol);
        assert_false(negotiation_lacks_steps(&got, not_needed));
    }
}

/* After a reload; agreed were BODY and DATA as unwanted, CONNECT and MAIL as unanswered. */
static const struct {
    NotNeeded not_needed;
    gboolean lacking;
} now_needed[] = {
    {{BIT(BODY) | BIT(DATA), BIT(CONNECT) | BIT(MAIL)}, FALSE},
    {{BIT(BODY) | BIT(DATA) | BIT(HELO), BIT(CONNECT) | BIT(HELO) | BIT(MAIL)}, FALSE},
    {{BIT(BODY), BIT(CONNECT) | BIT(MAIL)}, TRUE},
    {{BIT(BODY) | BIT(DATA), BIT(CONNECT)}, TRUE},
    {{0, 0}, TRUE},
};

static void test_lacking(void **state)
{
    const Negotiation offer = {6, 0x1ff, 0x1fffff};
    const NotNeeded first = {BIT(BODY) | BIT(DATA), BIT(CONNECT) | BIT(MAIL)};
    const Negotiation got = negotiate(&offer, first), refused = negotiate_refusal(&offer);

    for (gsize i = 0; i < G_N_ELEMENTS(now_needed); i++)
        assert_int_equal(negotiation_lacks_steps(&got, now_needed[i].not_needed), now_needed[i].lacking);
    assert_int_equal(refused.actions, 0);
    assert_int_equal(refused.protocol & WIRE_NO_CONNECT, 0);
    assert_int_equal(refused.protocol & WIRE_NO_MAIL, WIRE_NO_MAIL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_long_path),
        cmocka_unit_test(test_negotiations),
        cmocka_unit_test(test_lacking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
