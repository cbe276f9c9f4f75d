/* The key table of [sign]. */
#include "rows.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/keytable.h"

static char *folder;

static void write_file(const char *name, const char *text, mode_t mode)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    assert_true(g_file_set_contents(path, text, -1, NULL));
    assert_int_equal(chmod(path, mode), 0);
}

static void write_key(const char *name, mode_t mode)
{
    g_autoptr(DkimKey) key = dkim_key_generate(DKIM_ED25519_SHA256, 0, NULL);
    g_autofree char *pem = dkim_key_to_pem(key);
    write_file(name, pem, mode);
}

static Config *load(const char *options, const char *table, Problems *problems)
{
    g_autofree char *name = g_build_filename(folder, "postern.conf", NULL);
    if (table)
        write_file("keytable", table, 0600);
    return config_parse(name, options, strlen(options), problems);
}

/* --- whose key it is --- */

typedef struct {
    const char *name;
    const char *table;
    const char *author;
    const char *want; /* "selector@d= …", "author" for none; "" : no key */
} FindRow;

static const FindRow finds[] = {
    {"exact", "a.example s key", "a.example", "s@a.example "},
    {"case", "A.Example s key", "a.example", "s@a.example "},
    {"another", "a.example s key", "b.example", ""},
    {"not below", "a.example s key", "x.a.example", ""},
    {"glob", "*.a.example s key", "x.a.example", "s@author "},
    {"glob, not the domain itself", "*.a.example s key", "a.example", ""},
    {"all of one pattern", "a.example s1 key\nb.example s2 key\na.example s3 key", "a.example",
     "s1@a.example s3@a.example "},
    {"the first pattern decides", "* s1 key\na.example s2 key", "a.example", "s1@author "},
    {"the first pattern decides, exact", "a.example s2 key\n* s1 key", "a.example", "s2@a.example "},
    {"of two globs the first", "*.example s1 key\n*a.example s2 key", "a.example", "s1@author "},
    {"domain", "*.a.example s key domain=A.example", "x.a.example", "s@a.example "},
    {"comments, blanks, tabs", "# x\n\n  a.example\t s  key  \r\n", "a.example", "s@a.example "},
};

static void check_find(void **state)
{
    const FindRow *row = *state;
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = load("[sign]\nkeytable = keytable\n", row->table, problems);
    assert_non_null(config);
    g_autoptr(GString) came = g_string_new(NULL);
    const GPtrArray *keys = keytable_find(config->loaded.keys, row->author);
    for (guint i = 0; keys && i < keys->len; i++) {
        const SigningKey *key = keys->pdata[i];
        g_string_append_printf(came, "%s@%s ", key->selector, key->domain ? key->domain : "author");
    }
    assert_string_equal(came->str, row->want);
}

/* --- what is wrong --- */

typedef struct {
    const char *name;
    const char *options, *table;
    const char *want; /* glob of the first problem, without the folder; NULL: it is good */
} FaultRow;

#define TABLE "[sign]\nkeytable = keytable\n"

static const FaultRow faults[] = {
    {"good", TABLE, "a.example s key identity=joe@x.a.example login=joe,jim-*", NULL},
    {"an empty table", TABLE, "", NULL},
    {"one line of options", "[sign]\ndomain = a.example\nselector = s\nkey = key\n", NULL, NULL},
    {"half of one", "[sign]\ndomain = a.example\n", NULL, NULL},
    {"sealing", "[arc]\nseal = yes\ndomain = a.example\nselector = s\nkey = key\n", NULL, NULL},
    {"too few words", TABLE, "a.example s", "keytable:1: error: *are expected"},
    {"an option that is none", TABLE, "\na.example s key user=joe",
     "keytable:2: error: \"user=joe\" is none of *"},
    {"login twice", TABLE, "a.example s key login=a login=b", "keytable:1: error: \"login=b\" is none of *"},
    {"no such key", TABLE, "a.example s nokey", "keytable:1: error: *nokey: No such file*"},
    {"a key that others can read", TABLE, "a.example s open",
     "keytable:1: error: *holds a secret that everybody can read*"},
    {"a key that others can write", TABLE, "a.example s writable",
     "keytable:1: error: *can be written by others*"},
    {"no key in it", TABLE, "a.example s keytable", "keytable:1: error: *keytable: no private key in PEM*"},
    {"a domain that is none", TABLE, "a..example s key", "keytable:1: error: a..example with s is not *"},
    {"a selector that is none", TABLE, "a.example s;x key", "keytable:1: error: *is not *"},
    {"a domain that is none, of a glob", TABLE, "* s key domain=a", "keytable:1: error: a with s is not *"},
    {"identity elsewhere", TABLE, "a.example s key identity=@b.example",
     "keytable:1: error: @b.example is not in *"},
    {"identity of a glob", TABLE, "*.a.example s key identity=@a.example",
     "keytable:1: error: identity=*needs a domain=*"},
    {"nine of one pattern", TABLE,
     "a.example s key\na.example s key\na.example s key\na.example s key\na.example s key\na.example s key\n"
     "a.example s key\na.example s key\na.example s key",
     "keytable:9: error: more than 8 keys for a.example"},
    {"From is left out", TABLE "fields = To, Subject\n", "a.example s key",
     "postern.conf:3: error: *From must be *"},
    {"Received", TABLE "oversign = From, received\n", "a.example s key",
     "postern.conf:3: error: *Received is changed on *"},
    {"no field name", TABLE "fields = From, a:b\n", "a.example s key",
     "postern.conf:3: error: *a:b is not the name *"},
    {"seal with no domain", "[arc]\nseal = yes\ndomain = a\nselector = s\nkey = key\n", NULL,
     "postern.conf:5: error: a with s is not *"},
};

static void check_fault(void **state)
{
    const FaultRow *row = *state;
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = load(row->options, row->table, problems);
    assert_int_equal(config != NULL, row->want == NULL);
    if (!row->want)
        return;
    assert_true(problems_len(problems) > 0);
    g_autofree char *first = problem_to_string(problems_at(problems, 0));
    const char *text = g_str_has_prefix(first, folder) ? first + strlen(folder) + 1 : first;
    if (!g_pattern_match_simple(row->want, text))
        fail_msg("expected %s, came %s", row->want, text);
}

/* A change of the table, or of a key, is a reason to reload; a key that several lines name is read once. */
static void files_are_known(void **state)
{
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = load(TABLE, "a.example s key\nb.example s key\nc.example t other", problems);
    guint found = 0;
    static const char *const names[] = {"keytable", "key", "other"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(folder, names[i], NULL);
        for (char **file = config->loaded.files; *file; file++)
            found += strcmp(*file, path) == 0;
    }
    assert_int_equal(found, 3);
    const GPtrArray *keys = keytable_keys(config->loaded.keys);
    assert_int_equal(keys->len, 3);
    assert_ptr_equal(((SigningKey *)keys->pdata[0])->key, ((SigningKey *)keys->pdata[1])->key);
    assert_true(patterns_is_empty(((SigningKey *)keys->pdata[0])->logins));
}

int main(void)
{
    folder = g_dir_make_tmp("postern-keytable-XXXXXX", NULL);
    write_key("key", 0600);
    write_key("other", 0640);
    write_key("open", 0644);
    write_key("writable", 0660);
    const struct CMUnitTest tests[] = {cmocka_unit_test(files_are_known)};
    int failed = RUN_ROWS("find", finds, check_find) + RUN_ROWS("faults", faults, check_fault) +
                 cmocka_run_group_tests(tests, NULL, NULL);
    static const char *const names[] = {"key", "other", "open", "writable", "keytable"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(folder, names[i], NULL);
        g_remove(path);
    }
    g_rmdir(folder);
    g_free(folder);
    return failed;
}
