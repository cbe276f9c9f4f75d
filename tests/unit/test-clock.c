#include "rows.h"

#include "base/clock.h"

#define NOT_A_TIME G_MININT64

typedef struct {
    const char *name;
    gint64 want; /* µs */
} ParseRow;

static const ParseRow parses[] = {
    {"0", 0},
    {"1795412380", G_GINT64_CONSTANT(1795412380000000)},
    {"2026-11-23T05:39:40Z", G_GINT64_CONSTANT(1795412380000000)},
    {"2026-11-23T06:39:40+01:00", G_GINT64_CONSTANT(1795412380000000)},
    {"2026-11-23T05:39:40", G_GINT64_CONSTANT(1795412380000000)},
    {"2026-11-23T05:39:40.250Z", G_GINT64_CONSTANT(1795412380250000)},
    {"253402300799", G_GINT64_CONSTANT(253402300799000000)},
    {"253402300800", NOT_A_TIME},
    {"99999999999999999999999", NOT_A_TIME},
    {"", NOT_A_TIME},
    {"-1", NOT_A_TIME},
    {"now", NOT_A_TIME},
    {"2026-11-23", NOT_A_TIME},
    {"2026-13-01T00:00:00Z", NOT_A_TIME},
    {"2026-02-30T00:00:00Z", NOT_A_TIME},
    {"2026-11-23T25:00:00Z", NOT_A_TIME},
    {"2026-11-23T05:39:40Zebra", NOT_A_TIME},
    {"1950-01-01T00:00:00Z", NOT_A_TIME},
    {"2026-11-23T05:39:40.000000000000000000000000000000000000Z", NOT_A_TIME},
};

static void check_parse(void **state)
{
    const ParseRow *row = *state;
    gint64 got = NOT_A_TIME;
    assert_int_equal(clock_parse(row->name, &got), row->want != NOT_A_TIME);
    assert_true(got == row->want); /* untouched on failure */
}

static void clocks(void **state)
{
    FixedClock fixed = clock_fixed(5 * G_USEC_PER_SEC + 999999);
    assert_int_equal(clock_now(&fixed.base), 5999999);
    assert_int_equal(clock_seconds(&fixed.base), 5);
    fixed.at += G_USEC_PER_SEC;
    assert_int_equal(clock_seconds(&fixed.base), 6);
    gint64 before = g_get_real_time();
    gint64 now = clock_now(&clock_system);
    assert_in_range(now, before, before + 60 * G_USEC_PER_SEC);
    assert_false(clock_parse(NULL, &now));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(clocks)};
    return RUN_ROWS("clock_parse", parses, check_parse) + cmocka_run_group_tests(tests, NULL, NULL);
}
