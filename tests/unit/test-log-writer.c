/* The log's writer: nothing is lost, nothing changes places, however the process goes on or ends. */
#include "rows.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"

/* Longer than the writer takes, on a busy machine under a sanitizer. */
#define PATIENCE_US (10 * G_USEC_PER_SEC)

static char *folder, *path;

static void start(const char *target)
{
    LogSettings settings = {.target = target, .level = LOG_LEVEL_INFO};
    g_unlink(path);
    assert_true(log_open(&settings, NULL));
    assert_true(log_start_writer(NULL));
}

static void start_file(void)
{
    g_autofree char *target = g_strconcat("file:", path, NULL);
    start(target);
}

static char *read_log(const char *file)
{
    char *text = NULL;
    assert_true(g_file_get_contents(file, &text, NULL, NULL));
    return text;
}

static guint count(const char *text, const char *what)
{
    guint n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
        n++;
    return n;
}

/* ---- many threads ---- */

typedef struct {
    guint number, events, len;
    gint done; /* atomic */
    pthread_t thread;
} Talker;

static void *talk(void *data)
{
    Talker *talker = data;
    g_autofree char *text = g_strnfill(talker->len, 'x');
    const LogSubject subject = {.session = talker->number};
    for (guint i = 0; i < talker->events; i++) {
        log_event(LOG_LEVEL_INFO, &subject, "tick", NULL, "%u %s end", i, text);
        g_atomic_int_inc(&talker->done);
    }
    return NULL;
}

static Talker *talk_together(guint n, guint events, guint len)
{
    Talker *talkers = g_new0(Talker, n);
    for (guint i = 0; i < n; i++) {
        talkers[i] = (Talker){.number = i, .events = events, .len = len};
        assert_int_equal(pthread_create(&talkers[i].thread, NULL, talk, &talkers[i]), 0);
    }
    return talkers;
}

static void all_have_talked(Talker *talkers, guint n)
{
    for (guint i = 0; i < n; i++)
        pthread_join(talkers[i].thread, NULL);
    g_free(talkers);
}

/* Every line whole and there once; those of one thread in its order. */
static void check_ticks(const char *text, guint n, guint events)
{
    g_autofree guint *next = g_new0(guint, n);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    assert_int_equal(g_strv_length(lines), n * events + 1);
    for (guint i = 0; i < n * events; i++) {
        guint number, which;
        const char *at = strchr(lines[i], '[');
        assert_non_null(at);
        assert_int_equal(sscanf(at, "[%u] tick %u", &number, &which), 2);
        assert_true(number < n && g_str_has_suffix(lines[i], " end"));
        assert_int_equal(which, next[number]++);
    }
}

typedef struct {
    const char *name;
    guint threads, events, len, reopens;
} CrowdRow;

static const CrowdRow crowds[] = {
    {"one thread, flushed at close", 1, 3, 10, 0},
    {"16 threads, order", 16, 1000, 10, 0},
    {"16 threads, more than is collected", 16, 200, 4000, 0},
    {"16 threads, reopened meanwhile", 16, 1000, 10, 50},
};

static void crowd(void **state)
{
    const CrowdRow *row = *state;
    start_file();
    Talker *talkers = talk_together(row->threads, row->events, row->len);
    for (guint i = 0; i < row->reopens; i++)
        assert_true(log_reopen(NULL));
    all_have_talked(talkers, row->threads);
    log_close();
    g_autofree char *got = read_log(path);
    check_ticks(got, row->threads, row->events);
}

/* What was logged before goes to the old file, what comes after it to the new one. */
static void rotation(void **state)
{
    g_autofree char *old_path = g_strconcat(path, ".1", NULL);
    start_file();
    for (int i = 0; i < 100; i++)
        log_notice("before");
    assert_int_equal(g_rename(path, old_path), 0);
    assert_true(log_reopen(NULL));
    for (int i = 0; i < 100; i++)
        log_notice("after");
    log_close();
    g_autofree char *before = read_log(old_path);
    g_autofree char *after = read_log(path);
    assert_int_equal(count(before, "notice: before\n"), 100);
    assert_int_equal(count(after, "notice: after\n"), 100);
    assert_null(strstr(before, "after"));
    assert_null(strstr(after, "before"));
    g_unlink(old_path);
}

/* ---- when ---- */

static void an_error_is_there_at_once(void **state)
{
    start_file();
    log_notice("first");
    log_error("second");
    g_autofree char *got = read_log(path);
    log_close();
    g_auto(GStrv) lines = g_strsplit(got, "\n", -1);
    assert_int_equal(g_strv_length(lines), 3);
    assert_true(g_str_has_suffix(lines[0], "notice: first"));
    assert_true(g_str_has_suffix(lines[1], "error: second"));
}

static void others_come_soon(void **state)
{
    start_file();
    for (int round = 1; round <= 3; round++) { /* the writer sleeps in between */
        log_notice("soon");
        gint64 until = g_get_monotonic_time() + PATIENCE_US;
        for (guint n = 0; n < (guint)round;) {
            assert_true(g_get_monotonic_time() < until);
            g_usleep(1000);
            g_autofree char *got = read_log(path);
            n = count(got, "soon\n");
        }
    }
    log_close();
}

static void after_close_nobody_waits(void **state)
{
    g_autofree char *target = g_strconcat("file:", path, NULL);
    LogSettings settings = {.target = target, .level = LOG_LEVEL_INFO};
    start_file();
    log_close();
    assert_true(log_open(&settings, NULL));
    log_notice("by itself");
    g_autofree char *got = read_log(path);
    log_close();
    assert_non_null(strstr(got, "by itself\n"));
}

/* ---- a target that takes nothing ---- */

static int to_pipe(int pipe_ends[2])
{
    int saved = dup(STDERR_FILENO);
    assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
    assert_int_equal(dup2(pipe_ends[1], STDERR_FILENO), STDERR_FILENO);
    close(pipe_ends[1]);
    return saved;
}

static void *drain(void *data)
{
    GString *text = g_string_new(NULL);
    char buffer[65536];
    ssize_t n;
    while ((n = read(*(int *)data, buffer, sizeof buffer)) > 0)
        g_string_append_len(text, buffer, n);
    return g_string_free(text, FALSE);
}

/* A pipe that nobody reads: the caller waits, and no more than the limit is collected. */
static void full(void **state)
{
    const guint events = 1000, len = 4000;
    int ends[2], saved = to_pipe(ends);
    LogSettings settings = {.target = "stderr", .level = LOG_LEVEL_INFO};
    assert_true(log_open(&settings, NULL));
    assert_true(log_start_writer(NULL));
    Talker *talker = talk_together(1, events, len);
    gint held = 0, before;
    do { /* until nothing moves any more */
        before = held;
        g_usleep(300000);
        held = g_atomic_int_get(&talker->done);
    } while (held != before || held == 0);
    pthread_t reader;
    pthread_create(&reader, NULL, drain, &ends[0]);
    all_have_talked(talker, 1);
    log_close();
    dup2(saved, STDERR_FILENO);
    close(saved);
    void *text;
    pthread_join(reader, &text);
    close(ends[0]);
    /* A batch on its way, one that is collected, and the pipe's own 64 KiB. */
    assert_in_range(held, 1, 2 * (LOG_GATHERED_MAX / len + 1) + (65536 / len) + 2);
    check_ticks(text, 1, events);
    g_free(text);
}

static void full_disk(void **state)
{
    int ends[2];
    start("file:/dev/full");
    int saved = to_pipe(ends);
    for (int i = 0; i < 50; i++) {
        log_notice("lost");
        log_flush();
    }
    dup2(saved, STDERR_FILENO);
    close(saved);
    g_autofree char *told = drain(&ends[0]);
    close(ends[0]);
    assert_int_equal(count(told, "lines of the log are lost"), 1);
    assert_non_null(strstr(told, g_strerror(ENOSPC)));
    assert_int_equal(log_dropped(), 50);
    g_autofree char *target = g_strconcat("file:", path, NULL);
    LogSettings settings = {.target = target, .level = LOG_LEVEL_INFO};
    assert_true(log_open(&settings, NULL));
    log_notice("back");
    log_close();
    g_autofree char *got = read_log(path);
    assert_non_null(strstr(got, "50 log lines could not be written"));
    assert_non_null(strstr(got, "notice: back\n"));
}

/* The size limit cuts a batch inside a line: those before it are kept, the rest is counted. */
static void full_inside_a_batch(void **state)
{
    struct rlimit old, small;
    int ends[2];
    start_file();
    int saved = to_pipe(ends); /* it says that lines are lost */
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 1000;
    setrlimit(RLIMIT_FSIZE, &small);
    for (int i = 0; i < 100; i++)
        log_notice("a line");
    log_flush();
    guint64 dropped = log_dropped();
    setrlimit(RLIMIT_FSIZE, &old);
    log_notice("after");
    log_close();
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[0]);
    g_autofree char *got = read_log(path);
    assert_int_equal(count(got, "notice: a line\n"), 100 - dropped);
    assert_in_range(dropped, 1, 99);
    assert_true(g_str_has_suffix(got, "[0] notice: after\n"));
    assert_null(strstr(got, "a line2"));
}

/* ---- ends ---- */

static void by_assertion(void)
{
    g_assert_cmpint(1, ==, 2);
}

static void by_abort(void)
{
    abort();
}

static void by_fatal_message(void)
{
    g_error("fatal");
}

static void by_fault(void)
{
    raise(SIGSEGV);
}

static void by_close(void)
{
    log_close();
    _exit(0);
}

static void by_another_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, (void *(*)(void *))by_abort, NULL);
    pthread_join(thread, NULL);
}

typedef struct {
    const char *name;
    void (*end)(void);
    gboolean by_signal;
} EndRow;

static const EndRow ends[] = {
    {"close", by_close, FALSE}, {"assertion", by_assertion, TRUE},
    {"abort", by_abort, TRUE},  {"g_error", by_fatal_message, TRUE},
    {"fault", by_fault, TRUE},  {"abort in another thread", by_another_thread, TRUE},
};

/* cmocka and the sanitizers have handlers of their own. */
static void plain_signals(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    for (int number = 1; number < 32; number++)
        signal(number, SIG_DFL);
    int null = open("/dev/null", O_WRONLY);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
}

static void ends_with_all_lines(void **state)
{
    const EndRow *row = *state;
    g_unlink(path);
    pid_t pid = fork();
    if (pid == 0) {
        plain_signals();
        start_file();
        for (int i = 0; i < 100; i++)
            log_notice("kept");
        row->end();
        _exit(9);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (row->by_signal)
        assert_true(WIFSIGNALED(status));
    else
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    g_autofree char *got = read_log(path);
    assert_int_equal(count(got, "notice: kept\n"), 100);
}

/* What was collected is written once, not by the parent and the child; the child goes on without a writer. */
static void forked(void **state)
{
    start_file();
    for (int i = 0; i < 10; i++)
        log_notice("parent");
    pid_t pid = fork();
    if (pid == 0) {
        log_notice("child");
        _exit(0); /* no log_close(): it is written already */
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    log_notice("parent goes on");
    log_close();
    g_autofree char *got = read_log(path);
    assert_int_equal(count(got, "notice: parent\n"), 10);
    assert_int_equal(count(got, "notice: child\n"), 1);
    assert_int_equal(count(got, "notice: parent goes on\n"), 1);
}

int main(void)
{
    g_setenv("TZ", "UTC", TRUE);
    folder = g_dir_make_tmp("postern-log-XXXXXX", NULL);
    path = g_build_filename(folder, "log", NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forked), /* first: the fewer threads have been, the better */
        cmocka_unit_test(rotation),
        cmocka_unit_test(an_error_is_there_at_once),
        cmocka_unit_test(others_come_soon),
        cmocka_unit_test(after_close_nobody_waits),
        cmocka_unit_test(full),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(full_inside_a_batch),
    };
    int failed = RUN_ROWS("ends", ends, ends_with_all_lines) + RUN_ROWS("crowds", crowds, crowd) +
                 cmocka_run_group_tests(tests, NULL, NULL);
    g_unlink(path);
    g_rmdir(folder);
    g_free(path);
    g_free(folder);
    return failed;
}
