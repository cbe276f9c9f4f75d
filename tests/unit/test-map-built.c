/* Maps that Sendmail's makemap, Postfix's postmap and tinycdb's cdb really make; skipped where a tool is
 * missing. */
#include "rows.h"

#include <glib/gstdio.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "conf/map-internal.h"

/* A tool that makes a map of a text file: `command` with the tool, the text, and what is to be made, less its
 * suffix. */
typedef struct {
    const char *name;
    const char *tool; /* NULL: makemap, wherever it is */
    const char *command;
    const char *suffix, *prefix;
    MapReader *read;
} Maker;

#define MAKEMAP(options) "'%1$s' -C /dev/null " options " hash '%3$s' < '%2$s'"
#define POSTMAP(type)    "cp '%2$s' '%3$s' 2>/dev/null; '%1$s' -c '%4$s' " type ":'%3$s'"
static const Maker makers[] = {
    {"makemap hash", NULL, MAKEMAP(""), ".db", "hash:", map_db_read},
    {"makemap hash with NULs", NULL, MAKEMAP("-N"), ".db", "hash:", map_db_read},
    {"makemap hash, unfolded", NULL, MAKEMAP("-f"), ".db", "hash:", map_db_read},
    {"makemap hash, duplicates", NULL, MAKEMAP("-d"), ".db", "hash:", map_db_read},
    {"postmap hash", "postmap", POSTMAP("hash"), ".db", "hash:", map_db_read},
    {"postmap lmdb", "postmap", POSTMAP("lmdb"), ".lmdb", "lmdb:", map_lmdb_read},
    {"postmap cdb", "postmap", POSTMAP("cdb"), ".cdb", "cdb:", map_cdb_read},
    {"cdb -c", "cdb", "'%1$s' -c -m -t '%3$s.tmp' '%3$s.cdb' '%2$s'", ".cdb", "cdb:", map_cdb_read},
};

static char *folder; /* of this run */

static char *in_folder(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

static char *find_tool(const Maker *maker)
{
    if (maker->tool) {
        char *tool = g_find_program_in_path(maker->tool);
        return tool ? tool
                    : g_find_program_in_path(g_strcmp0(maker->tool, "postmap") ? "cdb" : "/usr/sbin/postmap");
    }
    char *tool = g_find_program_in_path("makemap");
    if (tool)
        return tool;
    tool = g_build_filename(g_get_user_cache_dir(), "postern/sendmail/usr/libexec/sendmail/makemap", NULL);
    if (g_file_test(tool, G_FILE_TEST_IS_EXECUTABLE))
        return tool;
    g_free(tool);
    return NULL;
}

/* The command line that makes `base` of `text`; NULL without the tool. */
static char *command_of(const Maker *maker, const char *text, const char *base)
{
    g_autofree char *tool = find_tool(maker);
    if (!tool)
        return NULL;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    return g_strdup_printf(maker->command, tool, text, base, folder);
#pragma GCC diagnostic pop
}

static int run_shell(const char *command)
{
    int status = -1;
    const char *argv[] = {"/bin/sh", "-c", command, NULL};
    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status,
                 NULL);
    return status;
}

/* Makes it, or skips the test. Returns the path of the map. */
static char *make(const Maker *maker, const char *text, const char *name)
{
    g_autofree char *source = in_folder("source");
    g_autofree char *base = in_folder(name);
    assert_true(g_file_set_contents(source, text, -1, NULL));
    g_autofree char *command = command_of(maker, source, base);
    if (!command) {
        print_message("%s: the tool is not installed\n", maker->name);
        skip();
    }
    char *path = g_strconcat(base, maker->suffix, NULL);
    g_unlink(path);
    int status = run_shell(command);
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        print_message("%s: cannot make maps here (status %d)\n", maker->name, status);
        assert_int_not_equal(status, 0);
        skip();
    }
    g_chmod(path, 0644);
    return path;
}

static void expect_same(const MapEntry *entry, void *data)
{
    const MapEntry *built = map_lookup(data, entry->key);
    if (!built)
        fail_msg("%s is missing", entry->key);
    assert_string_equal(built->value, entry->value);
    assert_int_equal(built->line, 0);
}

/* Keys in the order of a file that has no two alike; long ones go on pages of their own in a hash. */
static char *sample_text(const Maker *maker, guint lines)
{
    GString *text =
        g_string_new("SPF-Fail:Example.COM\tREJECT\nTo-SPF-Fail:Joe@our.example OK\nSPF-None!a.example CBV\n"
                     "Connect:10.1 RELAY\nspf-fail:b\xc3\xbc"
                     "cher.example ERROR:\"550 5.7.1 nein, b\xc3\xbc"
                     "cher\"\n");
    g_autofree char *long_value =
        g_strnfill(maker->tool ? 9000 : 900, /* makemap cuts lines at 1,024 bytes */ 'v');
    g_string_append_printf(text, "long:value ERROR:\"550 %s\"\n", long_value);
    for (guint i = 0; i < lines; i++)
        g_string_append_printf(text, "SPF-Fail:user%u@host%u.example.com REJECT\n", i, i % 977);
    return g_string_free(text, FALSE);
}

static void expect_map(const Maker *maker, const char *path, const char *text, const char *how)
{
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Map) map = map_open(how, folder, NULL, problems);
    for (guint i = 0; i < problems_len(problems); i++) {
        g_autofree char *line = problem_to_string(problems_at(problems, i));
        print_message("%s\n", line);
    }
    assert_non_null(map);
    assert_string_equal(map_name(map), path);
    assert_int_equal(problems_len(problems), 0);
    g_autoptr(Map) want = map_parse("text", text, strlen(text), problems);
    map_foreach(want, expect_same, map);
    assert_int_equal(map_size(map), map_size(want));
    assert_null(map_lookup(map, "spf-fail:nobody"));
}

static void answers_as_text(void **state)
{
    const Maker *maker = *state;
    for (guint lines = 0; lines <= 20000; lines = lines * 20 + 1) {
        g_autofree char *text = sample_text(maker, lines);
        g_autofree char *path = make(maker, text, "access");
        g_autofree char *spec = g_strconcat(maker->prefix, "access", NULL);
        g_autofree char *source = in_folder("access");
        g_unlink(source); /* that it is newer is another test's matter */
        expect_map(maker, path, text, spec);
        expect_map(maker, path, text, path);
        expect_map(maker, path, text, source);
        g_unlink(path);
    }
}

/* What a file says after it was damaged is not our business, as long as it can be said or refused. */
static void survives_damage(void **state)
{
    const Maker *maker = *state;
    g_autofree char *text = sample_text(maker, maker->read == map_cdb_read ? 50 : 400);
    g_autofree char *path = make(maker, text, "damage");
    g_autofree char *whole = NULL;
    gsize len;
    assert_true(g_file_get_contents(path, &whole, &len, NULL));
    g_autoptr(GRand) random = g_rand_new_with_seed(20261);
    guint refused = 0;
    for (int i = 0; i < 2000; i++) {
        gsize kept = i % 4 ? len : (gsize)g_rand_int_range(random, 0, (gint32)len);
        g_autofree char *bytes =
            g_memdup2(whole, MAX(kept, 1)); /* exactly so long: reading past it is seen */
        for (int flips = i % 4 ? g_rand_int_range(random, 1, 30) : 0; flips > 0; flips--) {
            gsize near = g_rand_boolean(random) ? 256 : kept; /* often where the structure is */
            gsize page = g_rand_int(random) % (kept / 4096 + 1) * 4096;
            gsize at = page + g_rand_int(random) % near;
            bytes[MIN(at, kept - 1)] = (char)g_rand_int(random);
        }
        const char *why;
        g_autoptr(Problems) problems = problems_new();
        g_autoptr(Map) map = map_collect("damaged", maker->read, bytes, kept, problems, &why);
        refused += map == NULL;
        if (i % 4 == 0)
            assert_null(map); /* cut short */
    }
    assert_in_range(refused, 500, 2000);
    print_message("%s: %u of 2000 damaged files were refused\n", maker->name, refused);
    g_unlink(path);
}

/* ---- rewriting in place ---- */

#define REWRITTEN 20000

typedef struct {
    guint ok, reject;
} Counts;

static void count(const MapEntry *entry, void *data)
{
    Counts *counts = data;
    counts->ok += strcmp(entry->value, "OK") == 0;
    counts->reject += strcmp(entry->value, "REJECT") == 0;
}

static char *version_file(const char *name, const char *verb, guint lines)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < lines; i++)
        g_string_append_printf(text, "SPF-Fail:user%u@host%u.example.com %s\n", i, i % 977, verb);
    char *path = in_folder(name);
    assert_true(g_file_set_contents(path, text->str, (gssize)text->len, NULL));
    return path;
}

/* One shell that makes the one version and the other, until it is killed. */
static pid_t start_rewriting(double pause, const char *first, const char *second)
{
    g_autofree char *loop = g_strdup_printf(
        "while :; do { %s; }; sleep %g; { %s; }; sleep %g; done 2>/dev/null", first, pause, second, pause);
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        execl("/bin/sh", "sh", "-c", loop, NULL);
        _exit(127);
    }
    setpgid(pid, pid);
    return pid;
}

static int seconds_of_rewriting(void)
{
    const char *seconds = g_getenv("POSTERN_TEST_SECONDS");
    return seconds ? atoi(seconds) : 1;
}

static void watch_rewriting(const char *name, double pause, const char *spec, const char *first,
                            const char *second)
{
    assert_int_equal(run_shell(first), 0);
    pid_t writer = start_rewriting(pause, first, second);
    guint whole[2] = {0}, refused = 0;
    gint64 end = g_get_monotonic_time() + seconds_of_rewriting() * G_USEC_PER_SEC;
    do {
        g_autoptr(Problems) problems = problems_new();
        g_autoptr(Map) map = map_open(spec, folder, NULL, problems);
        Counts counts = {0};
        map_foreach(map, count, &counts);
        if (!map)
            refused++;
        else if (counts.ok == 0 && counts.reject == REWRITTEN)
            whole[0]++;
        else if (counts.reject == 0 && counts.ok == REWRITTEN + 1000)
            whole[1]++;
        else {
            kill(-writer, SIGKILL);
            fail_msg("%s: a map with %u OK and %u REJECT", name, counts.ok, counts.reject);
        }
    } while (g_get_monotonic_time() < end);
    kill(-writer, SIGKILL);
    waitpid(writer, NULL, 0);
    print_message("%s: read %u + %u times, refused %u times\n", name, whole[0], whole[1], refused);
    assert_true(whole[0] + whole[1] > 0);
}

static void whole_while_rewritten(void **state)
{
    const Maker *maker = *state;
    g_autofree char *spec = g_strconcat(maker->prefix, "rewritten", NULL);
    g_autofree char *base = in_folder("rewritten");
    g_autofree char *path = make(maker, "a b\n", "rewritten");
    g_autofree char *one = version_file("one", "REJECT", REWRITTEN);
    g_autofree char *two = version_file("two", "OK", REWRITTEN + 1000);
    g_autofree char *first = command_of(maker, one, base);
    g_autofree char *second = command_of(maker, two, base);
    watch_rewriting(maker->name, 0.15, spec, first, second);
    g_unlink(path);
}

static void text_while_rewritten(void **state)
{
    g_autofree char *one = version_file("one", "REJECT", REWRITTEN);
    g_autofree char *two = version_file("two", "OK", REWRITTEN + 1000);
    g_autofree char *first = g_strdup_printf("cat '%s' > '%s/text'", one, folder);
    g_autofree char *second = g_strdup_printf("cat '%s' > '%s/text'", two, folder);
    watch_rewriting("text", 0.3, "texthash:text", first, second);
}

/* ---- names and kinds ---- */

static char *told(const Problems *problems)
{
    GString *all = g_string_new(NULL);
    for (guint i = 0; i < problems_len(problems); i++) {
        g_autofree char *line = problem_to_string(problems_at(problems, i));
        g_string_append_printf(all, "%s\n", line);
    }
    return g_string_free(all, FALSE);
}

static void expect_told(const char *spec, gboolean there, const char *want)
{
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Map) map = map_open(spec, folder, NULL, problems);
    g_autofree char *lines = told(problems);
    if ((map != NULL) != there || !strstr(lines, want))
        fail_msg("%s: %s, told: %s", spec, map ? "a map" : "no map", lines);
}

static void says_that_it_is_stale(void **state)
{
    g_autofree char *path = make(&makers[0], "a b\n", "stale");
    g_autofree char *source = in_folder("stale");
    assert_true(g_file_set_contents(source, "a c\n", -1, NULL));
    const struct timespec past[] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
    expect_told("stale", TRUE, "is newer: the map was not rebuilt");
    expect_told("stale.db", TRUE, "is newer: the map was not rebuilt");
    expect_told("hash:stale", TRUE, "is newer: the map was not rebuilt");
    expect_told("hash:stale.db", TRUE, "is newer: the map was not rebuilt");
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(Map) map = map_open("stale", folder, files, problems);
    assert_string_equal(map_lookup(map, "a")->value, "b");
    assert_string_equal(map_spec(map), path);
    assert_int_equal(files->len, 4); /* the three that might be built, and the one that is */
    map_unref(g_steal_pointer(&map));
    map = map_open("texthash:stale", folder, NULL, problems);
    assert_string_equal(map_lookup(map, "a")->value, "c");
    assert_true(g_str_has_prefix(map_spec(map), "texthash:/"));
    g_unlink(path);
    g_unlink(source);
}

static void refuses_what_is_no_map(void **state)
{
    g_autofree char *pipe = in_folder("pipe.db");
    g_autofree char *plug = in_folder("socket.db");
    g_autofree char *sub = in_folder("folder.lmdb");
    g_autofree char *empty = in_folder("empty.db");
    g_autofree char *text = in_folder("text.cdb");
    assert_int_equal(mkfifo(pipe, 0644), 0);
    assert_int_equal(g_mkdir(sub, 0755), 0);
    assert_true(g_file_set_contents(empty, "", 0, NULL));
    assert_true(g_file_set_contents(text, "a b\n", -1, NULL));
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, plug, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    expect_told("pipe", FALSE, "a pipe");
    expect_told("hash:pipe", FALSE, "a pipe");
    expect_told("socket", FALSE, "No such device");
    expect_told("lmdb:folder", FALSE, "a directory");
    expect_told("empty", FALSE, "is a text file");
    expect_told("text", FALSE, "damaged CDB");
    expect_told("hash:nothing", FALSE, "No such file");
    close(fd);
    for (const char *const *name = (const char *const[]){pipe, plug, empty, text, NULL}; *name; name++)
        g_unlink(*name);
    g_rmdir(sub);
}

static void folds_and_refuses_entries(void **state)
{
    g_autofree char *long_value = g_strnfill(10 << 20, 'x');
    g_autofree char *text = g_strdup_printf("Key:A one\nkey:a two\nlong %s\nnul:b three\n", long_value);
    g_autofree char *path = make(&makers[2], text, "odd"); /* not folded */
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Map) map = map_open("hash:odd", folder, NULL, problems);
    g_autofree char *lines = told(problems);
    assert_non_null(map);
    assert_string_equal(map_lookup(map, "key:a")->value, "two");
    assert_non_null(strstr(lines, "there more than once"));
    g_unlink(path);
}

static int set_up(void)
{
    folder = g_dir_make_tmp("postern-maps-XXXXXX", NULL);
    g_autofree char *main_cf = in_folder("main.cf"); /* postmap wants one */
    return folder && g_file_set_contents(main_cf, "compatibility_level = 3.6\n", -1, NULL) ? 0 : -1;
}

static void tear_down(void)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", folder);
    run_shell(command);
    g_clear_pointer(&folder, g_free);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_while_rewritten),
        cmocka_unit_test(says_that_it_is_stale),
        cmocka_unit_test(refuses_what_is_no_map),
        cmocka_unit_test(folds_and_refuses_entries),
    };
    if (set_up() != 0)
        return 1;
    int failed = RUN_ROWS("as text", makers, answers_as_text) + RUN_ROWS("damaged", makers, survives_damage) +
                 RUN_ROWS("rewritten", makers, whole_while_rewritten) +
                 cmocka_run_group_tests(tests, NULL, NULL);
    tear_down();
    return failed;
}
