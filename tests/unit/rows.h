/*
 * rows.h — tables of test cases: every row is a cmocka test of its own, under its own name.
 *
 *     typedef struct { const char *name; … } Row;      the name is the first member
 *     static void check(void **state) { const Row *row = *state; … }
 *     return RUN_ROWS("clock_parse", rows, check) + …;
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glib.h>

#define RUN_ROWS(group, rows, check) run_rows(group, rows, G_N_ELEMENTS(rows), sizeof((rows)[0]), check)

static inline int run_rows(const char *group, const void *rows, size_t n, size_t size,
                           CMUnitTestFunction check)
{
    struct CMUnitTest *tests = g_new0(struct CMUnitTest, n);
    for (size_t i = 0; i < n; i++) {
        const char *row = (const char *)rows + i * size;
        tests[i].name = *(const char *const *)row;
        tests[i].test_func = check;
        tests[i].initial_state = (void *)row;
    }
    int failed = _cmocka_run_group_tests(group, tests, n, NULL, NULL);
    g_free(tests);
    return failed;
}
