#include "rows.h"

#include <string.h>
#include "base/random.h"

static void seeded_repeats(void **state)
{
    SeededRandom a = random_seeded(42), b = random_seeded(42), c = random_seeded(43);
    guint64 first = random_u64(&a.base);
    assert_true(first == random_u64(&b.base));
    assert_true(first != random_u64(&c.base));
    assert_true(random_u64(&a.base) != first);
    SeededRandom zero = random_seeded(0);
    assert_true(random_u64(&zero.base) ==
                G_GUINT64_CONSTANT(0xe220a8397b1dcdaf)); /* SplitMix64's first from 0 */
}

static void fills_every_length(void **state)
{
    SeededRandom seeded = random_seeded(1);
    Random *sources[] = {&seeded.base, &random_system};
    for (int s = 0; s < 2; s++)
        for (gsize len = 0; len < 40; len++) {
            guint8 ones[48], zeros[48];
            memset(ones, 0xff, sizeof ones);
            memset(zeros, 0, sizeof zeros);
            random_fill(sources[s], ones, len);
            random_fill(sources[s], zeros, len);
            for (gsize i = len; i < 48; i++)
                assert_true(ones[i] == 0xff && zeros[i] == 0);
            if (len >= 16)
                assert_memory_not_equal(ones, zeros, len);
        }
}

static void below_is_even(void **state)
{
    SeededRandom seeded = random_seeded(7);
    int hits[6] = {0};
    for (int i = 0; i < 60000; i++)
        hits[random_below(&seeded.base, 6)]++;
    for (int i = 0; i < 6; i++)
        assert_in_range(hits[i], 9500, 10500);
    for (int i = 0; i < 100; i++)
        assert_int_equal(random_below(&seeded.base, 1), 0);
}

static void hex(void **state)
{
    SeededRandom seeded = random_seeded(7), same = random_seeded(7);
    g_autofree char *text = random_hex(&seeded.base, 20);
    guint8 bytes[20];
    random_fill(&same.base, bytes, sizeof bytes);
    g_autoptr(GString) want = g_string_new(NULL);
    for (int i = 0; i < 20; i++)
        g_string_append_printf(want, "%02x", bytes[i]);
    assert_string_equal(text, want->str);
    g_autofree char *none = random_hex(&seeded.base, 0);
    assert_string_equal(none, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeded_repeats),
        cmocka_unit_test(fills_every_length),
        cmocka_unit_test(below_is_even),
        cmocka_unit_test(hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
