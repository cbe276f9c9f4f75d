/* checks/grey-key: what the greylist knows a delivery again by. */
#include "rows.h"

#include "checks/grey-key.h"

typedef struct {
    const char *sender, *expected;
} SenderRow;

static const SenderRow senders[] = {
    {"joe@example.com", "joe@example.com"},
    {"JOE@Example.COM", "joe@example.com"},
    {"mail12@example.com", "mail#@example.com"},
    {"bounce-123-4711@list.example", "bounce-#-#@list.example"},
    {"bounces+u7k2x9qpl.a1@list.example", "bounces+#.a#@list.example"},
    {"list-bounces@list.example", "list-bounces@list.example"},
    {"bounce-jane=our.example@list.example", "bounce@list.example"}, /* VERP */
    {"prvs=1234abcdef=joe@other.example", "joe@other.example"},
    {"SRS0=HHHH=TT=host.example=joe@fwd.example", "joe@host.example"},
    {"2026@example.com", "#@example.com"},
    {"abcdefgh@example.com", "abcdefgh@example.com"}, /* a name, however long */
    {"a1b2c3d4e5@example.com", "#@example.com"},
    {"\"a b\"@example.com", "a_b@example.com"},
    {"joe@4711.example", "joe@4711.example"}, /* domains stay */
};

static void check_sender(void **state)
{
    const SenderRow *row = *state;
    g_autofree char *path = g_strdup_printf("<%s>", row->sender);
    g_autoptr(Address) sender = address_parse_path(path, -1, NULL);
    g_autoptr(Address) rcpt = address_parse_path("<jane@our.example>", -1, NULL);
    assert_non_null(sender);
    g_autofree char *came = grey_sender(sender, rcpt);
    assert_string_equal(came, row->expected);
}

typedef struct {
    const char *ip, *expected;
} NetworkRow;

static const NetworkRow networks[] = {
    {"192.0.2.77", "192.0.2.0/24"},
    {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
    {"::ffff:192.0.2.77", "192.0.2.0/24"},
};

static void check_network(void **state)
{
    const NetworkRow *row = *state;
    IpAddress ip;
    assert_true(ip_parse(row->ip, &ip));
    g_autofree char *came = grey_network(&ip);
    assert_string_equal(came, row->expected);
}

static void test_key(void **state)
{
    g_autoptr(Address) rcpt = address_parse_path("<\"Jane Doe\"@Our.example>", -1, NULL);
    g_autofree char *key = grey_key("192.0.2.0/24", "a@example.com", rcpt);
    assert_string_equal(key, "192.0.2.0/24 a@example.com jane_doe@our.example");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_key)};
    return RUN_ROWS("sender", senders, check_sender) + RUN_ROWS("network", networks, check_network) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
