#include "rows.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "base/spool.h"

static void append(Spool *spool, const char *text)
{
    g_autoptr(GError) error = NULL;

    if (!spool_append(spool, text, strlen(text), &error))
        fail_msg("%s", error->message);
}

static gboolean collect(const void *bytes, gsize len, void *data, GError **error)
{
    g_string_append_len(data, bytes, (gssize)len);
    return TRUE;
}

static void holds(const Spool *spool, const char *text)
{
    g_autoptr(GString) all = g_string_new(NULL);

    assert_true(spool_foreach(spool, collect, all, NULL));
    assert_string_equal(all->str, text);
    assert_int_equal(spool_len(spool), strlen(text));
}

static const struct {
    const char *name;
    gsize memory;
    const char *pieces[4];
    const char *all;
    gboolean file;
} rows[] = {
    {"empty", 10, {NULL}, "", FALSE},
    {"empty piece", 0, {""}, "", FALSE},
    {"memory", 10, {"abc", "def"}, "abcdef", FALSE},
    {"exactly full", 6, {"abc", "def"}, "abcdef", FALSE},
    {"one too many", 5, {"abc", "def"}, "abcdef", TRUE},
    {"first piece too large", 2, {"abc", "def", "g"}, "abcdefg", TRUE},
    {"no memory", 0, {"a", "b"}, "ab", TRUE},
    {"small again after a file", 3, {"abcd", "e", "", "f"}, "abcdef", TRUE},
};

static void test_where(void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Quota budget = {.limit = 100};
        g_autoptr(Spool) spool = spool_new(&(SpoolSettings){.memory = rows[i].memory, .budget = &budget});
        for (guint j = 0; j < 4 && rows[i].pieces[j]; j++)
            append(spool, rows[i].pieces[j]);
        if (spool_is_file(spool) != rows[i].file)
            fail_msg("%s: %s", rows[i].name, spool_is_file(spool) ? "in a file" : "in memory");
        holds(spool, rows[i].all);
        assert_int_equal(quota_used(&budget), strlen(rows[i].all));
        spool_clear(spool);
        assert_int_equal(quota_used(&budget), 0);
        append(spool, "again");
        holds(spool, "again");
    }
}

static void test_read(void **state)
{
    for (gsize memory = 0; memory <= 10; memory += 10) {
        g_autoptr(Spool) spool = spool_new(&(SpoolSettings){.memory = memory});
        char buf[8] = "";
        append(spool, "01234");
        append(spool, "56789");
        assert_int_equal(spool_is_file(spool), memory == 0);
        assert_int_equal(spool_read(spool, 3, buf, 4, NULL), 4);
        assert_memory_equal(buf, "3456", 4);
        assert_int_equal(spool_read(spool, 8, buf, 8, NULL), 2);
        assert_memory_equal(buf, "89", 2);
        assert_int_equal(spool_read(spool, 10, buf, 8, NULL), 0);
        assert_int_equal(spool_read(spool, G_MAXUINT64, buf, 8, NULL), 0);
    }
}

static void test_large(void **state)
{
    g_autoptr(Spool) spool = spool_new(&(SpoolSettings){.memory = 1000});
    g_autoptr(GString) expected = g_string_new(NULL), all = g_string_new(NULL);

    for (guint i = 0; i < 50000; i++) {
        g_autofree char *line = g_strdup_printf("line %u\r\n", i);
        g_string_append(expected, line);
        append(spool, line);
    }
    assert_true(spool_foreach(spool, collect, all, NULL));
    assert_true(g_string_equal(all, expected));
}

static gboolean refuse(const void *bytes, gsize len, void *data, GError **error)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "enough");
    ++*(guint *)data;
    return FALSE;
}

static void test_foreach_stops(void **state)
{
    g_autoptr(Spool) spool = spool_new(&(SpoolSettings){0});
    g_autoptr(GError) error = NULL;
    g_autofree char *much = g_strnfill(200000, 'x');
    guint calls = 0;

    append(spool, much);
    assert_false(spool_foreach(spool, refuse, &calls, &error));
    assert_true(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
    assert_int_equal(calls, 1);
}

static void test_budget(void **state)
{
    Quota budget = {.limit = 10};
    SpoolSettings settings = {.memory = 4, .budget = &budget};
    g_autoptr(Spool) one = spool_new(&settings), other = spool_new(&settings);
    g_autoptr(GError) error = NULL;

    append(one, "1234567");
    assert_false(spool_append(other, "abcd", 4, &error));
    assert_true(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_BUSY));
    append(other, "abc");
    holds(other, "abc");
    g_clear_pointer(&one, spool_free);
    append(other, "defghij");
    holds(other, "abcdefghij");
    assert_int_equal(quota_used(&budget), 10);
}

/* The limit of file sizes stands for a full disk: part of a piece is written, then nothing goes. */
static void test_disk_full(void **state)
{
    Quota budget = {.limit = 1 << 20};
    g_autoptr(Spool) spool = spool_new(&(SpoolSettings){.budget = &budget});
    g_autoptr(GError) error = NULL;
    struct rlimit before, small;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 8, .rlim_max = before.rlim_max};
    append(spool, "12345");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    gboolean ok = spool_append(spool, "abcdefgh", 8, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(ok);
    assert_true(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE));
    assert_int_equal(quota_used(&budget), 5);
    holds(spool, "12345");
    append(spool, "67");
    holds(spool, "1234567");
}

static void test_no_directory(void **state)
{
    g_autoptr(Spool) spool = spool_new(&(SpoolSettings){.memory = 3, .temp_dir = "/nonexistent"});
    g_autoptr(GError) error = NULL;

    append(spool, "abc");
    assert_false(spool_append(spool, "d", 1, &error));
    assert_true(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND));
    holds(spool, "abc");
}

/* Nobody else can see or open the file, and nothing is left of it. */
static void test_unnamed(void **state)
{
    g_autofree char *dir = g_dir_make_tmp("postern-spool-XXXXXX", NULL);
    g_autoptr(Spool) spool = spool_new(&(SpoolSettings){.temp_dir = dir});
    g_autoptr(GDir) list = NULL;

    append(spool, "secret");
    list = g_dir_open(dir, 0, NULL);
    assert_null(g_dir_read_name(list));
    assert_int_equal(g_rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where),        cmocka_unit_test(test_read),
        cmocka_unit_test(test_large),        cmocka_unit_test(test_foreach_stops),
        cmocka_unit_test(test_budget),       cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_no_directory), cmocka_unit_test(test_unnamed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
