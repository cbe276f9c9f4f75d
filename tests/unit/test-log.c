#include "rows.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <syslog.h>
#include <unistd.h>
#include "base/log.h"

static char *folder;

static char *log_path(void)
{
    return g_build_filename(folder, "log", NULL);
}

static void open_file(gboolean json, LogLevel level, const Clock *clock)
{
    g_autofree char *path = log_path();
    g_unlink(path);
    g_autofree char *target = g_strconcat("file:", path, NULL);
    LogSettings settings = {.target = target, .json = json, .level = level, .clock = clock};
    assert_true(log_open(&settings, NULL));
}

static char *read_log(void)
{
    g_autofree char *path = log_path();
    g_autofree char *text = NULL;
    assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return g_steal_pointer(&text);
}

typedef struct {
    const char *name;
    guint64 session;
    const char *queue_id, *tag, *text;
    const char *want;
} LineRow;

static const LineRow lines[] = {
    {"plain", 17, NULL, "REJECT:", "SPF fail for <a@example.com>",
     "[17] REJECT: SPF fail for <a@example.com>"},
    {"with queue id", 17, "4XyZ", "eom", "", "[17 4XyZ] eom"},
    {"the daemon's own", 0, NULL, "notice:", "started", "[0] notice: started"},
    {"no tag", 1, NULL, "", "x", "[1] x"},
    {"line feed", 1, NULL, "mail from", "a\n2026Nov23 05:39:40 [2] OK",
     "[1] mail from a\\x0a2026Nov23 05:39:40 [2] OK"},
    {"carriage return", 1, NULL, "mail from", "a\r\nb", "[1] mail from a\\x0d\\x0ab"},
    {"in the queue id", 1, "4\nX", "x", "y", "[1 4\\x0aX] x y"},
    {"in the tag", 1, NULL, "x\n", "y", "[1] x\\x0a y"},
    {"terminal", 1, NULL, "x", "\033]0;t\007", "[1] x \\x1b]0;t\\x07"},
    {"DEL and tab", 1, NULL, "x", "\177\t", "[1] x \\x7f\\x09"},
    {"UTF-8 stays", 1, NULL, "x", "gr\xc3\xbc\xc3\x9f", "[1] x gr\xc3\xbc\xc3\x9f"},
    {"Latin-1", 1, NULL, "x", "gr\xfc\xdf", "[1] x gr\\xfc\\xdf"},
    {"overlong slash", 1, NULL, "x", "\xc0\xaf", "[1] x \\xc0\\xaf"},
    {"C1 next line", 1, NULL, "x", "a\xc2\x85z", "[1] x a\\xc2\\x85z"},
    {"line separator", 1, NULL, "x", "a\xe2\x80\xa8z", "[1] x a\\xe2\\x80\\xa8z"},
    {"format characters", 1, NULL, "%s%n", "%s%n", "[1] %s%n %s%n"},
};

static void emit(const LineRow *row)
{
    LogSubject subject = {row->session, row->queue_id};
    log_event(LOG_LEVEL_INFO, &subject, row->tag, NULL, "%s", row->text);
}

static void check_line(void **state)
{
    const LineRow *row = *state;
    FixedClock clock = clock_fixed(G_GINT64_CONSTANT(1795412380000000));
    open_file(FALSE, LOG_LEVEL_INFO, &clock.base);
    emit(row);
    log_close();
    g_autofree char *got = read_log();
    g_autofree char *want = g_strdup_printf("2026Nov23 05:39:40 %s\n", row->want);
    assert_string_equal(got, want);
}

/* What scripts for the older system's log split at blanks. */
static void bare_ids(void **state)
{
    FixedClock clock = clock_fixed(G_GINT64_CONSTANT(1795412380000000));
    g_autofree char *path = log_path();
    g_unlink(path);
    g_autofree char *target = g_strconcat("file:", path, NULL);
    LogSettings settings = {
        .target = target, .level = LOG_LEVEL_INFO, .clock = &clock.base, .bare_ids = TRUE};
    assert_true(log_open(&settings, NULL));
    emit(&(LineRow){NULL, 17, "4XyZ", "eom", "", NULL});
    log_close();
    g_autofree char *got = read_log();
    assert_string_equal(got, "2026Nov23 05:39:40 [17] eom\n");
}

static void json(void **state)
{
    FixedClock clock = clock_fixed(G_GINT64_CONSTANT(1795412380123456));
    open_file(TRUE, LOG_LEVEL_INFO, &clock.base);
    g_autoptr(Record) facts = record_new();
    record_str(facts, "result", "fa\nil");
    record_str(facts, "text", "never over ours");
    record_str(record_child(facts, "spf"), "domain", "x.example");
    LogSubject subject = {9, "Q1"};
    log_event(LOG_LEVEL_ERROR, &subject, "REJECT:", facts, "%s", "gr\xfc\n");
    log_notice("up");
    log_close();
    g_autofree char *got = read_log();
    assert_string_equal(got,
                        "{\"time\":\"2026-11-23T05:39:40.123Z\",\"level\":\"error\",\"id\":9,\"qid\":\"Q1\","
                        "\"tag\":\"REJECT:\",\"text\":\"gr\\\\xfc\\\\x0a\",\"result\":\"fa\\nil\","
                        "\"spf\":{\"domain\":\"x.example\"}}\n"
                        "{\"time\":\"2026-11-23T05:39:40.123Z\",\"level\":\"notice\",\"tag\":\"notice:\","
                        "\"text\":\"up\"}\n");
}

static void long_text_is_cut(void **state)
{
    open_file(FALSE, LOG_LEVEL_INFO, NULL);
    g_autofree char *text = g_malloc0(1000001);
    for (int i = 0; i < 1000000; i += 2)
        memcpy(text + i, "\xc3\xbc", 2);
    log_event(LOG_LEVEL_INFO, NULL, "odd", NULL, "x%s", text); /* the cut would fall inside a character */
    log_close();
    g_autofree char *got = read_log();
    assert_true(g_utf8_validate(got, -1, NULL));
    assert_true(g_str_has_suffix(got, "\xc3\xbc…\n"));
    assert_in_range(strlen(got), LOG_TEXT_MAX, LOG_TEXT_MAX + 60);
}

static void levels(void **state)
{
    open_file(FALSE, LOG_LEVEL_NOTICE, NULL);
    assert_true(log_wanted(LOG_LEVEL_NOTICE));
    assert_false(log_wanted(LOG_LEVEL_INFO));
    log_debug("no");
    log_event(LOG_LEVEL_INFO, NULL, "no", NULL, "no");
    log_notice("yes");
    log_warning("yes");
    log_close();
    g_autofree char *got = read_log();
    assert_null(strstr(got, "no\n"));
    assert_non_null(strstr(got, "[0] notice: yes\n"));
    assert_non_null(strstr(got, "[0] warning: yes\n"));
    LogLevel level;
    assert_true(log_level_parse("Debug", &level) && level == LOG_LEVEL_DEBUG);
    assert_false(log_level_parse("loud", &level));
    int facility;
    assert_true(log_facility_parse("local7", &facility) && facility == LOG_LOCAL7);
    assert_false(log_facility_parse("local8", &facility));
}

static void reopen_after_rotation(void **state)
{
    open_file(FALSE, LOG_LEVEL_INFO, NULL);
    g_autofree char *path = log_path();
    g_autofree char *rotated = g_strconcat(path, ".1", NULL);
    log_notice("one");
    assert_int_equal(g_rename(path, rotated), 0);
    log_notice("two");
    assert_true(log_reopen(NULL));
    log_notice("three");
    log_close();
    g_autofree char *old = NULL;
    assert_true(g_file_get_contents(rotated, &old, NULL, NULL));
    g_autofree char *new = read_log();
    assert_non_null(strstr(old, "two"));
    assert_null(strstr(old, "three"));
    assert_non_null(strstr(new, "three"));
    g_unlink(rotated);
}

static void failed_open_keeps_the_old(void **state)
{
    static const char *const bad[] = {"file:/no/such/folder/log", "file:relative", "nowhere", "", "file:/"};
    open_file(FALSE, LOG_LEVEL_INFO, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        LogSettings settings = {.target = bad[i], .level = LOG_LEVEL_INFO};
        assert_false(log_open(&settings, &error));
        assert_non_null(error);
    }
    log_notice("still here");
    log_close();
    g_autofree char *got = read_log();
    assert_non_null(strstr(got, "still here"));
}

static void full_disk(void **state)
{
    LogSettings settings = {.target = "file:/dev/full", .level = LOG_LEVEL_INFO};
    assert_true(log_open(&settings, NULL));
    for (int i = 0; i < 5; i++)
        log_notice("lost");
    assert_int_equal(log_dropped(), 5);
    open_file(FALSE, LOG_LEVEL_INFO, NULL); /* a reload to another place: the count goes with it */
    log_notice("back");
    assert_int_equal(log_dropped(), 0);
    log_close();
    g_autofree char *got = read_log();
    char *told = strstr(got, "[0] warning: 5 log lines could not be written");
    assert_non_null(told);
    assert_non_null(strstr(told, "[0] notice: back\n"));
    assert_null(strstr(got, "notice: lost"));
}

/* The file-size limit stops a write in the middle of a line, as a disk does that fills up. */
static void full_inside_a_line(void **state)
{
    open_file(FALSE, LOG_LEVEL_INFO, NULL);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 100;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    log_notice("%s", "a line of more than sixty bytes, so that the second one of it is cut by the limit");
    log_notice("%s", "a line of more than sixty bytes, so that the second one of it is cut by the limit");
    gint64 dropped = (gint64)log_dropped();
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_in_range(dropped, 1, 2);
    log_notice("after");
    log_close();
    g_autofree char *got = read_log();
    g_auto(GStrv) split = g_strsplit(got, "\n", -1);
    for (int i = 0; split[i] != NULL && split[i + 1] != NULL; i++)
        assert_true(strstr(split[i], "[0] ") == NULL || strstr(strstr(split[i], "[0] ") + 1, "[0] ") == NULL);
    assert_non_null(strstr(got, "\n"));
    assert_true(g_str_has_suffix(got, "[0] notice: after\n"));
    assert_non_null(strstr(got, "could not be written"));
}

static void to_sink(LogLevel level, const char *line, void *data)
{
    g_string_append_printf(data, "%s|%s\n", log_level_name(level), line);
}

static void sink(void **state)
{
    g_autoptr(GString) seen = g_string_new(NULL);
    log_set_sink(to_sink, seen);
    emit(&lines[0]);
    log_debug("not wanted");
    log_set_sink(NULL, NULL);
    assert_string_equal(seen->str, "info|[17] REJECT: SPF fail for <a@example.com>\n");
}

#define THREADS 8
#define EVENTS  500

static void *writer(void *data)
{
    LogSubject subject = {.session = GPOINTER_TO_UINT(data)};
    for (int i = 0; i < EVENTS; i++)
        log_event(LOG_LEVEL_INFO, &subject, "tick", NULL, "%d end", i);
    return NULL;
}

static void threads_write_whole_lines(void **state)
{
    open_file(FALSE, LOG_LEVEL_INFO, NULL);
    pthread_t threads[THREADS];
    for (guint i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, writer, GUINT_TO_POINTER(i + 1)), 0);
    for (int i = 0; i < 20; i++)
        assert_true(log_reopen(NULL));
    for (guint i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    log_close();
    g_autofree char *got = read_log();
    g_auto(GStrv) split = g_strsplit(got, "\n", -1);
    assert_int_equal(g_strv_length(split), THREADS * EVENTS + 1);
    for (int i = 0; i < THREADS * EVENTS; i++)
        assert_true(strstr(split[i], "] tick ") != NULL && g_str_has_suffix(split[i], " end"));
}

/* A log that root has made must be opened again, after a rotation, by whom the daemon has become. */
static void made_for_somebody(void **state)
{
    if (geteuid() != 0)
        skip();
    g_autofree char *path = log_path();
    g_autofree char *target = g_strconcat("file:", path, NULL);
    LogSettings settings = {.target = target, .level = LOG_LEVEL_INFO, .uid = 4711, .gid = 4712};
    struct stat st;
    g_unlink(path);
    assert_true(log_open(&settings, NULL));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 4711);
    assert_int_equal(st.st_gid, 4712);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(chown(path, 0, 0), 0); /* what was there before is left alone */
    assert_true(log_open(&settings, NULL));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 0);
    log_close();
}

int main(void)
{
    g_setenv("TZ", "UTC", TRUE);
    folder = g_dir_make_tmp("postern-log-XXXXXX", NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_ids),
        cmocka_unit_test(json),
        cmocka_unit_test(long_text_is_cut),
        cmocka_unit_test(levels),
        cmocka_unit_test(made_for_somebody),
        cmocka_unit_test(reopen_after_rotation),
        cmocka_unit_test(failed_open_keeps_the_old),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(full_inside_a_line),
        cmocka_unit_test(sink),
        cmocka_unit_test(threads_write_whole_lines),
    };
    int failed = RUN_ROWS("log lines", lines, check_line) + cmocka_run_group_tests(tests, NULL, NULL);
    g_autofree char *path = log_path();
    g_unlink(path);
    g_rmdir(folder);
    g_free(folder);
    return failed;
}
