#include "rows.h"

#include <glib/gstdio.h>
#include <string.h>
#include "conf/map.h"

typedef struct {
    const char *name;
    const char *text;
    const char *want; /* "key=value@line|…" in the order of first keys */
    guint warnings;
} Row;

static const Row rows[] = {
    {"plain", "SPF-Fail:example.com\tREJECT\n", "spf-fail:example.com=REJECT@1"},
    {"several", "a  OK\n\n# c\nb\tERROR:\"550 5.7.1 no # way\"\n", "a=OK@1|b=ERROR:\"550 5.7.1 no # way\"@4"},
    {"no line end", "a b", "a=b@1"},
    {"CRLF and trailing blanks", "a b \t\r\nc d\r\n", "a=b@1|c=d@2"},
    {"byte order mark",
     "\xef\xbb\xbf"
     "a b\n",
     "a=b@1"},
    {"separator !", "SPF-Fail!user@Example.com REJECT\n", "spf-fail:user@example.com=REJECT@1"},
    {"! in an address", "To:bang!joe@x OK\nj!oe@x OK\n@!x y\n", "to:bang!joe@x=OK@1|j:oe@x=OK@2|@!x=y@3"},
    {"continuation", "a b\n  c\n\td\ne f\n", "a=b c d@1|e=f@4"},
    {"continuation past a comment", "a b\n# x\n\n  c\n", "a=b c@1"},
    {"an indented comment", "a b\n  # x\nc d\n", "a=b@1|c=d@3"},
    {"continuation of nothing", "  a b\nc d\n", "c=d@2", 1},
    {"the last counts", "a 1\nb 2\nA 3\n", "a=3@3|b=2@2", 1},
    {"the last counts, continued", "a 1\na 2\n 3\nb 4\n", "a=2 3@2|b=4@4", 1},
    {"no value", "a\nb c\n", "a=@1|b=c@2", 1},
    {"no value at the end", "a", "a=@1", 1},
    {"no value, continued", "a\n b\n c\nd e", "a=b c@1|d=e@4"},
    {"many without a value", "a\nb\nc\nd e\n", "a=@1|b=@2|c=@3|d=e@4", 3},
    {"Latin-1 is kept", "a gr\xfc\xdf\n", "a=gr\xfc\xdf@1"},
    {"nothing", "", ""},
    {"only line ends", "\n\r\n \n", ""},
};

static void show(const MapEntry *entry, void *data)
{
    GString *to = data;
    g_string_append_printf(to, "%s%s=%s@%u", to->len > 0 ? "|" : "", entry->key, entry->value, entry->line);
}

static void check_len(const char *text, gsize len, const char *want, guint warnings)
{
    g_autoptr(Problems) problems = problems_new();
    g_autofree char *exact =
        g_memdup2(len > 0 ? text : "x", MAX(len, 1)); /* so that reading past it is seen */
    g_autoptr(Map) map = map_parse("access", exact, len, problems);
    g_autoptr(GString) got = g_string_new(NULL);
    map_foreach(map, show, got);
    assert_string_equal(got->str, want);
    assert_int_equal(problems_count(problems, PROBLEM_WARNING), warnings);
    assert_int_equal(problems_count(problems, PROBLEM_ERROR), 0);
}

static void check(void **state)
{
    const Row *row = *state;
    check_len(row->text, strlen(row->text), row->want, row->warnings);
}

static void nul_bytes(void **state)
{
#define CHECK(text, want, warnings) check_len(text, sizeof text - 1, want, warnings)
    CHECK("a\0 b\nc d\n", "a=b@1|c=d@2", 0); /* a key as makemap's -N has it */
    CHECK("a\0b c\n  gone\nd e\n", "d=e@3", 1);
    CHECK("a b\0c\nd e\n", "d=e@2", 1);
    CHECK("a b\n  c\0\nd e\n", "a=b@1|d=e@3", 1);
    CHECK("\0 x\n", "", 1);
}

static void long_lines(void **state)
{
    g_autoptr(GString) text = g_string_new("a ");
    for (guint i = 0; i < MAP_LINE_MAX; i++)
        g_string_append_c(text, 'x');
    g_string_append(text, "\n more\nb c\n");
    check_len(text->str, text->len, "b=c@3", 1);
    g_string_assign(text, "a b\n");
    for (int i = 0; i < 200000; i++)
        g_string_append(text, " x\n");
    g_string_append(text, "b c\n");
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Map) map = map_parse("access", text->str, text->len, problems);
    assert_int_equal(map_size(map), 2);
    assert_int_equal(problems_count(problems, PROBLEM_WARNING), 1);
    assert_true(strlen(map_lookup(map, "a")->value) <= MAP_LINE_MAX);
}

static void million_lines(void **state)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 1000000; i++)
        g_string_append_printf(text, "SPF-Fail:user%d@host%d.example.com\tREJECT\n", i, i % 977);
    g_autoptr(Problems) problems = problems_new();
    gint64 start = g_get_monotonic_time();
    g_autoptr(Map) map = map_parse("access", text->str, text->len, problems);
    gint64 parsed = g_get_monotonic_time();
    assert_int_equal(map_size(map), 1000000);
    for (int i = 0; i < 1000000; i += 10) {
        char key[80];
        g_snprintf(key, sizeof key, "spf-fail:user%d@host%d.example.com", i, i % 977);
        const MapEntry *entry = map_lookup(map, key);
        assert_non_null(entry);
        assert_int_equal(entry->line, i + 1);
    }
    gint64 looked = g_get_monotonic_time();
    assert_null(map_lookup(map, "spf-fail:nobody@host1.example.com"));
    print_message("1,000,000 lines read in %d ms; 100,000 look-ups %d ms\n", (int)((parsed - start) / 1000),
                  (int)((looked - parsed) / 1000));
}

static void files(void **state)
{
    g_autofree char *folder = g_dir_make_tmp("postern-map-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "access", NULL);
    g_autoptr(Problems) problems = problems_new();
    assert_null(map_read(path, problems)); /* not there */
    assert_true(g_file_set_contents(path, "a b\n", -1, NULL));
    g_chmod(path, 0644);
    Map *map = map_read(path, problems);
    assert_string_equal(map_lookup(map_ref(map), "a")->value, "b");
    assert_string_equal(map_name(map), path);
    map_unref(map);
    map_unref(map);
    map_unref(NULL);
    g_chmod(path, 0664);
    assert_null(map_read(path, problems));
    g_chmod(path, 0644);
    char db[64] = {0};
    memcpy(db + 12, (guint8[]){0x61, 0x15, 0x06, 0x00}, 4);
    assert_true(g_file_set_contents(path, db, sizeof db, NULL));
    assert_null(map_read(path, problems));
    assert_null(map_read(folder, problems));
    assert_int_equal(problems_count(problems, PROBLEM_ERROR), 4);
    assert_non_null(strstr(problems_at(problems, 1)->text, "chmod go-w"));
    assert_non_null(strstr(problems_at(problems, 2)->text, "damaged Berkeley DB hash"));
    assert_non_null(strstr(problems_at(problems, 3)->text, "a directory"));
    g_unlink(path);
    g_rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nul_bytes),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(million_lines),
        cmocka_unit_test(files),
    };
    return RUN_ROWS("map_parse", rows, check) + cmocka_run_group_tests(tests, NULL, NULL);
}
