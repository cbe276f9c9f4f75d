/* checks/ban-key: under what clients and domains are banned. */
#include "rows.h"

#include "checks/ban-key.h"

typedef struct {
    const char *in, *expected;
} Row;

static const Row clients[] = {
    {"192.0.2.1", "192.0.2.1"},
    {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
    {"::ffff:192.0.2.1", "192.0.2.1"},
};

static void check_client_key(void **state)
{
    const Row *row = *state;
    IpAddress ip;
    assert_true(ip_parse(row->in, &ip));
    g_autofree char *came = ban_client_key(&ip);
    assert_string_equal(came, row->expected);
}

static const Row domains[] = {
    {"example.com", "example.com"},
    {"Bad.Example.com", "bad.example.com"},
    {"mail12.x.example", "*.x.example"},
    {"MX3.x.example", "*.x.example"},
    {"smtp001.x.example", "*.x.example"},
    {"mail1234.x.example", "mail1234.x.example"},
    {"smtp-out-2.x.example", "smtp-out-2.x.example"},
    {"dsl12.x.example", "dsl12.x.example"}, /* who knows whether they are one */
    {"mail12.example", "mail12.example"},   /* nobody bans a whole top-level domain */
    {"12.x.example", "12.x.example"},       /* a number alone is no word */
    {"3com.x.example", "3com.x.example"},
    {"mail12a.x.example", "mail12a.x.example"},
    {"averylonghostnamethat1.x.example", "averylonghostnamethat1.x.example"},
    {"", ""},
};

static void check_domain_key(void **state)
{
    const Row *row = *state;
    g_autofree char *came = ban_domain_key(row->in);
    assert_string_equal(came, row->expected);
}

static const Row addresses[] = {
    {"joe@x.example", "joe@x.example x.example *.example"},
    {"Joe@mail12.x.example", "joe@mail12.x.example mail12.x.example *.x.example *.example"},
    {"joe@localhost", "joe@localhost localhost"},
};

static void check_address_keys(void **state)
{
    const Row *row = *state;
    g_autofree char *path = g_strdup_printf("<%s>", row->in);
    g_autoptr(Address) address = address_parse_path(path, -1, NULL);
    assert_non_null(address);
    g_auto(GStrv) keys = ban_address_keys(address, FALSE);
    g_autofree char *came = g_strjoinv(" ", keys);
    assert_string_equal(came, row->expected);
    g_auto(GStrv) mailbox = ban_address_keys(address, TRUE);
    assert_string_equal(mailbox[0], address->canonical);
    assert_null(mailbox[1]);
}

int main(void)
{
    return RUN_ROWS("client", clients, check_client_key) + RUN_ROWS("domain", domains, check_domain_key) +
           RUN_ROWS("address", addresses, check_address_keys);
}
