/* app/ban-zone: bans as a DNSBL. */
#include "rows.h"

#include <postern/ip.h>
#include <string.h>

#include "app/ban-zone.h"

static char *text_of(BanZone *zone)
{
    return ban_zone_text(zone, "");
}

static void test_forms(void **state)
{
    g_autoptr(BanZone) zone = ban_zone_new();
    assert_true(ban_zone_add(zone, "2001:db8:1:2::/64", "six"));
    assert_true(ban_zone_add(zone, "192.0.2.7", "says \"no\" \\ \x01\xc3\xa4"));
    assert_true(ban_zone_add(zone, "192.0.2.1", "one"));
    assert_true(ban_zone_add(zone, "192.0.2.1", "twice"));
    assert_false(ban_zone_add(zone, "bad.example", "a domain"));
    assert_false(ban_zone_add(zone, "*.bad.example", "a domain"));
    assert_false(ban_zone_add(zone, "10.0.0.0/8", "no such key"));
    assert_false(ban_zone_add(zone, "2001:db8::1", "no such key"));
    assert_false(ban_zone_add(zone, "", ""));
    g_autofree char *text = ban_zone_text(zone, "bans.example");
    assert_string_equal(text, "$ORIGIN bans.example.\n"
                              "1.2.0.192\tA\t127.0.0.2\n1.2.0.192\tTXT\t\"one\"\n"
                              "7.2.0.192\tA\t127.0.0.2\n7.2.0.192\tTXT\t\"says \\\"no\\\" \\\\ ???\"\n"
                              "*.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2\tA\t127.0.0.2\n"
                              "*.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2\tTXT\t\"six\"\n");
}

/* What is listed, as an MTA asks. */
static gboolean listed(GHashTable *owners, guint a, guint b, guint c, guint d)
{
    g_autofree char *exact = g_strdup_printf("%u.%u.%u.%u", d, c, b, a);
    g_autofree char *wild = g_strdup_printf("*.%u.%u.%u", c, b, a);
    return g_hash_table_contains(owners, exact) || g_hash_table_contains(owners, wild);
}

/* n addresses of one /24 are banned: they alone are listed up to half of it, and then all. */
static void test_folding(void **state)
{
    static const guint counts[] = {1, 2, 127, 128, 129, 255, 256};
    for (gsize i = 0; i < G_N_ELEMENTS(counts); i++) {
        g_autoptr(BanZone) zone = ban_zone_new();
        for (guint d = 0; d < counts[i]; d++) {
            g_autofree char *key =
                g_strdup_printf("198.51.100.%u", d * 37 % 256); /* each once, in no order */
            assert_true(ban_zone_add(zone, key, "x"));
        }
        assert_true(ban_zone_add(zone, "198.51.101.9", "x"));
        g_autofree char *text = text_of(zone);
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        g_autoptr(GHashTable) owners = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        for (char **line = lines; **line; line++)
            g_hash_table_add(owners, g_strndup(*line, strcspn(*line, "\t")));
        guint n = 0;
        for (guint d = 0; d < 256; d++)
            n += listed(owners, 198, 51, 100, d);
        assert_int_equal(n, counts[i] > BAN_ZONE_HALF ? 256 : counts[i]);
        for (guint d = 0; d < 256; d++)
            assert_int_equal(listed(owners, 198, 51, 101, d), d == 9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_folding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
