#include "rows.h"

#include <string.h>

#include "net/answer-cache.h"

/* All questions have one hash: what differs must be told apart by what it is. */
static DnsQuestion question(const char *text, DnsType type, DnsWireName *name)
{
    assert_true(dns_wire_name(text, name));
    return (DnsQuestion){.hash = 7, .type = type, .name = name->octets, .len = name->len};
}

static void put(AnswerCache *cache, const char *text, DnsType type, gsize size, gint64 expires)
{
    DnsWireName name;
    DnsQuestion q = question(text, type, &name);
    g_autoptr(DnsAnswer) answer = dns_answer_new(DNS_OK, NULL);
    g_autofree char *bytes = g_strnfill(size, 'x');

    dns_answer_add_text(answer, bytes, size);
    answer_cache_put(cache, &q, answer, expires);
}

/* The length of the text that is kept, or -1. */
static int get(AnswerCache *cache, const char *text, DnsType type, gint64 now)
{
    DnsWireName name;
    DnsQuestion q = question(text, type, &name);
    DnsAnswer *answer = answer_cache_get(cache, &q, now);

    return answer ? (int)answer->records[0].text_len : -1;
}

static void test_time(void **state)
{
    g_autoptr(AnswerCache) cache = answer_cache_new(10, 1 << 20);

    put(cache, "a.test", DNS_TXT, 3, 100);
    assert_int_equal(get(cache, "a.test", DNS_TXT, 99), 3);
    assert_int_equal(get(cache, "a.test", DNS_A, 99), -1);
    assert_int_equal(get(cache, "b.test", DNS_TXT, 99), -1);
    assert_int_equal(get(cache, "a.test", DNS_TXT, 100), -1);
    assert_int_equal(answer_cache_entries(cache), 0);
    assert_int_equal(answer_cache_bytes(cache), 0);
}

static void test_replace(void **state)
{
    g_autoptr(AnswerCache) cache = answer_cache_new(10, 1 << 20);

    put(cache, "a.test", DNS_TXT, 3, 100);
    put(cache, "A.test", DNS_TXT, 4, 200);
    assert_int_equal(answer_cache_entries(cache), 1);
    assert_int_equal(get(cache, "a.test", DNS_TXT, 150), 4);
    answer_cache_clear(cache);
    assert_int_equal(answer_cache_bytes(cache), 0);
}

static void test_entries_bound(void **state)
{
    g_autoptr(AnswerCache) cache = answer_cache_new(3, 1 << 20);

    put(cache, "a.test", DNS_TXT, 1, 100);
    put(cache, "b.test", DNS_TXT, 2, 100);
    put(cache, "c.test", DNS_TXT, 3, 100);
    assert_int_equal(get(cache, "a.test", DNS_TXT, 1), 1); /* used: b is the oldest now */
    put(cache, "d.test", DNS_TXT, 4, 100);
    assert_int_equal(answer_cache_entries(cache), 3);
    assert_int_equal(get(cache, "b.test", DNS_TXT, 1), -1);
    assert_int_equal(get(cache, "a.test", DNS_TXT, 1), 1);
    assert_int_equal(get(cache, "d.test", DNS_TXT, 1), 4);
}

static void test_bytes_bound(void **state)
{
    g_autoptr(AnswerCache) cache = answer_cache_new(1000, 100000);

    for (guint i = 0; i < 100; i++) {
        g_autofree char *name = g_strdup_printf("n%u.test", i);
        put(cache, name, DNS_TXT, 10000, 100);
        assert_true(answer_cache_bytes(cache) <= 100000);
    }
    assert_in_range(answer_cache_entries(cache), 8, 9);
    assert_int_equal(get(cache, "n99.test", DNS_TXT, 1), 10000);
    put(cache, "huge.test", DNS_TXT, 100000, 100);
    assert_int_equal(get(cache, "huge.test", DNS_TXT, 1), -1);
    assert_int_equal(get(cache, "n99.test", DNS_TXT, 1), 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_time), cmocka_unit_test(test_replace),
                                       cmocka_unit_test(test_entries_bound),
                                       cmocka_unit_test(test_bytes_bound)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
