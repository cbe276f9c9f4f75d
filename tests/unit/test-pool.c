#include "rows.h"

#include <string.h>
#include "base/pool.h"

typedef struct {
    const char *name;
    gsize size;
} SizeRow;

static const SizeRow sizes[] = {
    {"nothing", 0},   {"one byte", 1},         {"odd", 17},         {"a quarter chunk", 512},
    {"over it", 513}, {"a whole chunk", 2048}, {"larger", 1000000},
};

/* Blocks are zero, aligned, apart from each other, and stay as they were written. */
static void check_size(void **state)
{
    const SizeRow *row = *state;
    g_autoptr(Pool) pool = pool_new();
    guint8 *blocks[20];
    for (int i = 0; i < 20; i++) {
        blocks[i] = pool_alloc0(pool, row->size);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        for (gsize j = 0; j < row->size; j++)
            assert_int_equal(blocks[i][j], 0);
        memset(blocks[i], i + 1, row->size);
        pool_strdup(pool, "between");
    }
    for (int i = 0; i < 20; i++)
        for (gsize j = 0; j < row->size; j++)
            assert_int_equal(blocks[i][j], i + 1);
}

static void strings(void **state)
{
    g_autoptr(Pool) pool = pool_new();
    assert_null(pool_strdup(pool, NULL));
    assert_null(pool_strndup(pool, NULL, 3));
    assert_string_equal(pool_strdup(pool, ""), "");
    assert_string_equal(pool_strndup(pool, "abcdef", 3), "abc");
    assert_string_equal(pool_strndup(pool, "ab", 100), "ab");
    assert_string_equal(pool_printf(pool, "%s-%d", "x", 7), "x-7");
}

static GString *order;

static void note_freed(void *thing)
{
    g_string_append(order, thing); /* the pool's own memory must still be there */
}

static void last_in_first_out(void **state)
{
    order = g_string_new(NULL);
    Pool *pool = pool_new();
    for (const char *c = "abcde"; *c != '\0'; c++) {
        char *text = pool_strndup(pool, c, 1);
        assert_ptr_equal(pool_own(pool, text, note_freed), text);
    }
    pool_clear(pool);
    assert_string_equal(order->str, "edcba");
    pool_own(pool, pool_strdup(pool, "again"), note_freed);
    pool_free(pool);
    assert_string_equal(order->str, "edcbaagain");
    pool_free(NULL);
    g_string_free(order, TRUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings),
        cmocka_unit_test(last_in_first_out),
    };
    return RUN_ROWS("pool sizes", sizes, check_size) + cmocka_run_group_tests(tests, NULL, NULL);
}
