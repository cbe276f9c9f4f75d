#include <postern/dkim.h>
#include <postern/zone.h>
#include <string.h>

#include "rows.h"

#define NOW     1700000000
#define THREADS 4

static const char message[] = "From: author@example.com\r\nSubject: x\r\n\r\nHello\r\n";

typedef struct {
    DkimKey *key;
    DkimKeyCache *cache;
    char *text; /* signed by the key */
} Bench;

static void bench_init(Bench *bench)
{
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    gsize start = dkim_header_read(header, message, strlen(message));

    bench->key = dkim_key_generate(DKIM_ED25519_SHA256, 0, NULL);
    bench->cache = dkim_key_cache_new();
    dkim_body_want(body, DKIM_RELAXED, DKIM_WHOLE_BODY);
    dkim_body_add(body, message + start, strlen(message) - start);
    dkim_body_end(body);
    const DkimSigning signing = {.key = bench->key,
                                 .domain = "example.com",
                                 .selector = "s",
                                 .header_canon = DKIM_RELAXED,
                                 .body_canon = DKIM_RELAXED,
                                 .timestamp = NOW};
    g_autofree char *value = dkim_sign(&signing, header, body, NULL);
    assert_non_null(value);
    bench->text = g_strconcat("DKIM-Signature: ", value, "\n", message, NULL);
}

static void bench_clear(Bench *bench)
{
    dkim_key_unref(bench->key);
    dkim_key_cache_free(bench->cache);
    g_free(bench->text);
}

/* What becomes of the message if that is the record. */
static DkimCode verify(const Bench *bench, const char *record)
{
    g_autoptr(Resolver) zone = zone_new();
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    gsize len = strlen(bench->text), start = dkim_header_read(header, bench->text, len);
    g_autoptr(DkimVerifier) verifier = dkim_verifier_new(header, body, NOW);

    zone_add_text(zone, "s._domainkey.example.com", record, strlen(record));
    dkim_verifier_use(verifier, bench->cache);
    dkim_body_add(body, bench->text + start, len - start);
    dkim_body_end(body);
    dkim_verifier_finish(verifier, zone, 0);
    return dkim_verifier_code(verifier);
}

static void expect_stats(const Bench *bench, guint keys, guint64 found, guint64 parsed)
{
    DkimKeyCacheStats stats = dkim_key_cache_stats(bench->cache);

    assert_int_equal(stats.keys, keys);
    assert_int_equal(stats.found, found);
    assert_int_equal(stats.parsed, parsed);
}

/* The name is the same each time; what counts is what stands there now. */
static void test_the_record_counts(void **state)
{
    Bench bench;
    bench_init(&bench);
    g_autofree char *good = dkim_key_record(bench.key);
    g_autoptr(DkimKey) another = dkim_key_generate(DKIM_ED25519_SHA256, 0, NULL);
    g_autofree char *rolled = dkim_key_record(another), *testing = g_strconcat(good, "; t=y", NULL);

    assert_int_equal(verify(&bench, good), DKIM_PASS);
    expect_stats(&bench, 1, 0, 1);
    assert_int_equal(verify(&bench, good), DKIM_PASS);
    expect_stats(&bench, 1, 1, 1);
    assert_int_equal(verify(&bench, rolled), DKIM_FAIL);
    assert_int_equal(verify(&bench, testing), DKIM_PASS);
    expect_stats(&bench, 3, 1, 3);
    assert_int_equal(verify(&bench, "v=DKIM1; p="), DKIM_PERMERROR);
    assert_int_equal(verify(&bench, "v=DKIM1; p="), DKIM_PERMERROR);
    expect_stats(&bench, 3, 1, 5); /* only keys are kept */
    assert_int_equal(verify(&bench, good), DKIM_PASS);
    bench_clear(&bench);
}

static void test_long_record(void **state)
{
    Bench bench;
    bench_init(&bench);
    g_autofree char *good = dkim_key_record(bench.key), *notes = g_strnfill(2000, 'x');
    g_autofree char *record = g_strconcat(good, "; n=", notes, NULL);

    assert_int_equal(verify(&bench, record), DKIM_PASS);
    expect_stats(&bench, 0, 0, 0);
    bench_clear(&bench);
}

static DkimCode verify_numbered(const Bench *bench, guint number)
{
    g_autofree char *good = dkim_key_record(bench->key), *record = g_strdup_printf("%s; n=%u", good, number);

    return verify(bench, record);
}

static void test_limit(void **state)
{
    Bench bench;
    bench_init(&bench);
    for (guint i = 0; i < DKIM_KEYS_MAX; i++)
        assert_int_equal(verify_numbered(&bench, i), DKIM_PASS);
    expect_stats(&bench, DKIM_KEYS_MAX, 0, DKIM_KEYS_MAX);
    verify_numbered(&bench, 0); /* so that 1 is the oldest */
    verify_numbered(&bench, DKIM_KEYS_MAX);
    expect_stats(&bench, DKIM_KEYS_MAX, 1, DKIM_KEYS_MAX + 1);
    verify_numbered(&bench, 0);
    expect_stats(&bench, DKIM_KEYS_MAX, 2, DKIM_KEYS_MAX + 1);
    verify_numbered(&bench, 1);
    expect_stats(&bench, DKIM_KEYS_MAX, 2, DKIM_KEYS_MAX + 2);
    bench_clear(&bench);
}

static void *verify_many(void *data)
{
    for (guint i = 0; i < 300; i++)
        if (verify_numbered(data, i % 7) != DKIM_PASS)
            return data;
    return NULL;
}

static void test_threads(void **state)
{
    Bench bench;
    GThread *threads[THREADS];
    bench_init(&bench);

    for (guint i = 0; i < THREADS; i++)
        threads[i] = g_thread_new(NULL, verify_many, &bench);
    for (guint i = 0; i < THREADS; i++)
        assert_null(g_thread_join(threads[i]));
    DkimKeyCacheStats stats = dkim_key_cache_stats(bench.cache);
    assert_int_equal(stats.keys, 7);
    assert_int_equal(stats.found + stats.parsed, 300 * THREADS);
    assert_in_range(stats.parsed, 7, 7 * THREADS);
    bench_clear(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_record_counts),
        cmocka_unit_test(test_long_record),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
