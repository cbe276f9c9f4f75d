#include "rows.h"

#include <string.h>
#include "conf/ini.h"

typedef struct {
    const char *name;
    const char *text;
    const char *want;     /* "section.key=value@line|…" with line ends of values shown as "/" */
    const char *problems; /* "line:level…|": what is reported, in order; NULL: nothing */
    IniFlags flags;
} Row;

static const Row rows[] = {
    {"plain", "[a]\nk = v\n", "a.k=v@2"},
    {"no line end", "[a]\nk=v", "a.k=v@2"},
    {"colon", "[a]\nk: v = w", "a.k=v = w@2"},
    {"equals first", "[a]\nk = v: w", "a.k=v: w@2"},
    {"empty value", "[a]\nk =\nl:", "a.k=@2|a.l=@3"},
    {"section name folded, key kept", "[ A ]\nSPF-Fail = REJECT", "a.SPF-Fail=REJECT@2"},
    {"comments", "# x\n; y\n[a]\n#k=v\n;k=w\nk=x\n", "a.k=x@6"},
    {"a comment inside a list", "[a]\nk = 1,\n# no\n ;no\n  2\n", "a.k=1,/2@2"},
    {"no comment after a value", "[a]\nk = a # b ; c\n", "a.k=a # b ; c@2"},
    {"a comment after a value of an old file", "[a]\nk = a # b ; c\nl = a;b\nm = ;x\nn = \"\"",
     "a.k=a # b@2|a.l=a;b@3|a.m=@4|a.n=@5", NULL, INI_INLINE_COMMENTS},
    {"continuation", "[a]\nk = 1,\n\t2,\n  3\nl = 4\n", "a.k=1,/2,/3@2|a.l=4@5"},
    {"continuation after an empty line", "[a]\nk = 1\n\n  2\n", "a.k=1/2@2"},
    {"continuation of an empty value", "[a]\nk =\n  1\n  2\n", "a.k=1/2@2"},
    {"an indented key is one", "[a]\n  k = 1\n  l = 2\n    3\n", "a.k=1@2|a.l=2/3@3"},
    {"a header is no place to go on", "[a]\n  k = 1\n[b]\n  k = 2", "a.k=1@2|b.k=2@4"},
    {"an indented bracket continues", "[a]\nk = 1\n  [b]\n", "a.k=1/[b]@2"},
    {"CRLF", "[a]\r\nk = 1\r\n  2\r\n", "a.k=1/2@2"},
    {"byte order mark", "\xef\xbb\xbf[a]\nk=v", "a.k=v@2"},
    {"UTF-16", "\xff\xfe[\0a\0", "", "1:error"},
    {"Latin-1",
     "[a]\nk = fr\xeb"
     "e\nl = \xe4\nm = \xc3\xa4",
     "a.k=frëe@2|a.l=ä@3|a.m=ä@4", "2:note"},
    {"no section", "k = v\nl = w\n[a]\nm = x\n", "a.m=x@4", "1:error"},
    {"broken header", "[a\nk = v\n[b]\nl = w", "b.l=w@4", "1:error"},
    {"empty header", "[]\nk = v\n", "", "1:error"},
    {"header of blanks", "[ \t]\nk = v\n", "", "1:error"},
    {"text after a header", "[a] # fine\nk=v\n[b] odd\nl=w\n", "a.k=v@2|b.l=w@4", "3:warning"},
    {"no delimiter", "[a]\nnonsense\n  its own\nk=v\n", "a.k=v@4", "2:error"},
    {"no key", "[a]\n = v\nk=v\n", "a.k=v@3", "2:error"},
    {"key twice", "[a]\nk=1\nK=2\n", "a.K=2@3", "3:warning"},
    {"section twice", "[a]\nk=1\n[b]\nk=2\n[A]\nl=3\n", "a.k=1@2|b.k=2@4|a.l=3@6"},
    {"control character", "[a]\nk=a\033b\n  more\nl=1\n", "a.l=1@4", "2:error"},
    {"percent", "[a]\nk = 5% of %{i} 100%%\n", "a.k=5% of %{i} 100%@2"},
    {"interpolation", "[a]\nbase = /x\nk = %(Base)s/y\n", "a.base=/x@2|a.k=/x/y@3"},
    {"interpolation forward, twice over", "[a]\nk = %(l)s%(l)s\nl = <%(m)s>\nm = 1\n",
     "a.k=<1><1>@2|a.l=<1>@3|a.m=1@4"},
    {"from DEFAULT", "[DEFAULT]\nd = /d\n[a]\nk = %(d)s/y\n", "default.d=/d@2|a.k=/d/y@4"},
    {"not from another section", "[b]\nd = /d\n[a]\nk = %(d)s/y\n", "b.d=/d@2", "4:error"},
    {"interpolation without an end", "[a]\nk = %(d\nl = %(d)\n", "", "2:error|3:error"},
    {"interpolation in a circle", "[a]\nk = %(l)s\nl = %(k)s\n", "", "2:error|3:error"},
    {"of itself", "[a]\nk = x%(k)s\n", "", "2:error"},
    {"escaped reference", "[a]\nk = %%(l)s\n", "a.k=%(l)s@2"},
    {"nothing", "", ""},
};

static void note_problems(const Problems *problems, GString *to)
{
    static const char *const words[] = {"error", "warning", "note"};
    for (guint i = 0; i < problems_len(problems); i++)
        g_string_append_printf(to, "%s%u:%s", i > 0 ? "|" : "", problems_at(problems, i)->line,
                               words[problems_at(problems, i)->level]);
}

static void note_entries(const Ini *ini, GString *to)
{
    for (guint i = 0; i < ini_len(ini); i++) {
        const IniEntry *entry = ini_at(ini, i);
        g_autofree char *value = g_strdelimit(g_strdup(entry->value), "\n", '/');
        g_string_append_printf(to, "%s%s.%s=%s@%u", i > 0 ? "|" : "", entry->section, entry->key, value,
                               entry->line);
    }
}

static void check(void **state)
{
    const Row *row = *state;
    g_autoptr(Problems) problems = problems_new();
    gsize len = strcmp(row->name, "UTF-16") == 0 ? 6 : strlen(row->text);
    g_autoptr(Ini) ini = ini_parse("x.cfg", row->text, len, row->flags, problems);
    g_autoptr(GString) entries = g_string_new(NULL);
    g_autoptr(GString) reported = g_string_new(NULL);
    note_entries(ini, entries);
    note_problems(problems, reported);
    assert_string_equal(entries->str, row->want);
    assert_string_equal(reported->str, row->problems != NULL ? row->problems : "");
}

static void nul_bytes(void **state)
{
    static const char text[] = "[a]\nk = a\0b\n  gone too\nl = 1\n";
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Ini) ini = ini_parse("x.cfg", text, sizeof text - 1, INI_PLAIN, problems);
    assert_int_equal(problems_len(problems), 1);
    g_autofree char *told = problem_to_string(problems_at(problems, 0));
    assert_string_equal(told, "x.cfg:2: error: there is a NUL byte in this line; it is left out");
    assert_null(ini_find(ini, "a", "k"));
    assert_string_equal(ini_find(ini, "A", "L")->value, "1");
}

static void huge_lines(void **state)
{
    GString *text = g_string_new("[a]\nk = ");
    for (gsize i = 0; i < (gsize)10 << 20; i++)
        g_string_append_c(text, 'x');
    g_string_append(text, "\n  y\nl = 1\n");
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Ini) ini = ini_parse("x.cfg", text->str, text->len, INI_PLAIN, problems);
    assert_int_equal(problems_count(problems, PROBLEM_ERROR), 1);
    assert_int_equal(problems_at(problems, 0)->line, 2);
    assert_int_equal(ini_len(ini), 1);
    g_string_set_size(text, INI_BYTES_MAX + 1);
    g_autoptr(Problems) more = problems_new();
    g_autoptr(Ini) none = ini_parse("x.cfg", text->str, text->len, INI_PLAIN, more);
    assert_int_equal(ini_len(none), 0);
    assert_int_equal(problems_count(more, PROBLEM_ERROR), 1);
    g_string_free(text, TRUE);
}

/* Ten settings that each name the next one ten times: 10^10 bytes if nobody counts. */
static void interpolation_is_bounded(void **state)
{
    g_autoptr(GString) text = g_string_new("[a]\n");
    for (int i = 0; i < 9; i++) {
        g_string_append_printf(text, "k%d = ", i);
        for (int j = 0; j < 1000; j++)
            g_string_append_printf(text, "%%(k%d)s", i + 1);
        g_string_append_c(text, '\n');
    }
    g_string_append(text, "k9 =\n");
    gint64 start = g_get_monotonic_time();
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Ini) ini = ini_parse("x.cfg", text->str, text->len, INI_PLAIN, problems);
    assert_true(problems_count(problems, PROBLEM_ERROR) >= 7);
    assert_non_null(ini_find(ini, "a", "k9"));
    assert_true(g_get_monotonic_time() - start < 10 * G_USEC_PER_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nul_bytes),
        cmocka_unit_test(huge_lines),
        cmocka_unit_test(interpolation_is_bounded),
    };
    return RUN_ROWS("ini_parse", rows, check) + cmocka_run_group_tests(tests, NULL, NULL);
}
