#include "rows.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "store/quarantine.h"

#define NOON G_GINT64_CONSTANT(1795435200) /* 2026-11-23T12:00:00Z */
#define HOUR G_GINT64_CONSTANT(3600)

static char *dir;

static int setup(void **state)
{
    g_autofree char *parent = g_dir_make_tmp("postern-quarantine-XXXXXX", NULL);

    dir = g_build_filename(parent, "q", NULL);
    return 0;
}

static int teardown(void **state)
{
    g_autofree char *parent = g_path_get_dirname(dir);
    g_autoptr(GDir) list = g_dir_open(dir, 0, NULL);

    for (const char *name; list && (name = g_dir_read_name(list));) {
        g_autofree char *path = g_build_filename(dir, name, NULL);
        g_unlink(path);
    }
    g_rmdir(dir);
    g_rmdir(parent);
    g_clear_pointer(&dir, g_free);
    return 0;
}

static Quarantine *open_with(QuarantineLimits limits)
{
    g_autoptr(GError) error = NULL;
    Quarantine *q = quarantine_open(dir, &limits, &error);

    if (!q)
        fail_msg("%s", error->message);
    return q;
}

/* Files in the directory but the lock. */
static guint files(void)
{
    g_autoptr(GDir) list = g_dir_open(dir, 0, NULL);
    guint n = 0;

    for (const char *name; (name = g_dir_read_name(list));)
        n += !g_str_equal(name, ".lock");
    return n;
}

static char *put(Quarantine *q, const char *text, gint64 time)
{
    g_autoptr(GError) error = NULL;
    QuarantineEntry entry = {.time = time, .sender = "a@example.com", .reason = "because"};
    char *id = quarantine_put(q, &entry, text, strlen(text), NULL, &error);

    if (!id)
        fail_msg("%s", error->message);
    return id;
}

static void refused(Quarantine *q, const char *text)
{
    g_autoptr(GError) error = NULL;
    QuarantineEntry entry = {.time = NOON, .sender = ""};
    QuarantineUse before = quarantine_use(q);
    guint n = files();

    assert_null(quarantine_put(q, &entry, text, strlen(text), NULL, &error));
    if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE))
        fail_msg("%s", error->message);
    assert_int_equal(files(), n);
    assert_int_equal(quarantine_use(q).messages, before.messages);
    assert_int_equal(quarantine_use(q).bytes, before.bytes);
}

static void round_trip(gsize memory)
{
    g_autoptr(Quarantine) q = open_with((QuarantineLimits){0});
    const char *rcpts[] = {"b@example.net", "\"c d\"@example.net", NULL};
    QuarantineEntry entry = {.time = NOON,
                             .session = 17,
                             .queue_id = "4XyZ",
                             .client = "192.0.2.1",
                             .sender = "a@example.com",
                             .rcpts = rcpts,
                             .tag = "SPF-Fail",
                             .reason = "SPF fail",
                             .rule = "access:3",
                             .rule_key = "SPF-Fail:example.com"};
    g_autofree char *id = NULL, *json = NULL;
    g_autoptr(GBytes) message = NULL;
    static const char head[] = "Subject: x\r\n", text[] = "Subject: x\r\n\r\nbody\r\n";
    g_autoptr(Spool) body = spool_new(&(SpoolSettings){.memory = memory});

    assert_true(spool_append(body, "body\r\n", 6, NULL));
    id = quarantine_put(q, &entry, head, strlen(head), body, NULL);
    assert_non_null(id);
    assert_true(g_str_has_prefix(id, "20261123T120000-"));
    assert_true(quarantine_read(q, id, &json, &message, NULL));
    assert_int_equal(g_bytes_get_size(message), strlen(text));
    assert_memory_equal(g_bytes_get_data(message, NULL), text, strlen(text));
    assert_string_equal(json,
                        "{\"time\":1795435200,\"session\":17,\"queue_id\":\"4XyZ\",\"client\":\"192.0.2.1\","
                        "\"sender\":\"a@example.com\",\"rcpts\":[\"b@example.net\","
                        "\"\\\"c d\\\"@example.net\"],\"tag\":\"SPF-Fail\",\"reason\":\"SPF fail\","
                        "\"rule\":\"access:3\",\"rule_key\":\"SPF-Fail:example.com\"}\n");
    assert_int_equal(quarantine_use(q).messages, 1);
    assert_int_equal(quarantine_use(q).bytes, strlen(text) + strlen(json));
    assert_true(quarantine_remove(q, id, NULL));
    assert_int_equal(files(), 0);
    assert_int_equal(quarantine_use(q).bytes, 0);
    assert_false(quarantine_read(q, id, NULL, NULL, NULL));
    assert_false(quarantine_remove(q, id, NULL));
}

static void test_round(void **state)
{
    round_trip(100); /* the body is in memory */
    round_trip(0);   /* in a file */
}

static void test_modes(void **state)
{
    mode_t before = umask(0);
    g_autoptr(Quarantine) q = open_with((QuarantineLimits){0});
    g_autofree char *id = put(q, "x", NOON), *eml = g_strconcat(dir, "/", id, ".eml", NULL),
                    *json = g_strconcat(dir, "/", id, ".json", NULL);
    struct stat st;

    umask(before);
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(eml, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(json, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

/* A folder that others use is not taken over. */
static void test_open_to_others(void **state)
{
    g_autoptr(GError) error = NULL;
    QuarantineLimits limits = {0};
    struct stat st;

    assert_true(mkdir(dir, 0755) == 0 || errno == EEXIST);
    assert_int_equal(chmod(dir, 0755), 0);
    assert_null(quarantine_open(dir, &limits, &error));
    assert_non_null(strstr(error->message, "chmod 700"));
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
}

static void test_ids(void **state)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "../../../../etc/passwd",
                                      "20261123T120000-0123456789abcde/",
                                      "20261123T120000-0123456789ABCDEF",
                                      "20261123t120000-0123456789abcdef",
                                      "20261123T120000-0123456789abcdef0",
                                      "20261123T120000.0123456789abcdef"};
    g_autoptr(Quarantine) q = open_with((QuarantineLimits){0});

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) one = NULL, other = NULL;
        if (quarantine_read(q, bad[i], NULL, NULL, &one) || quarantine_remove(q, bad[i], &other) ||
            !g_error_matches(one, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT) ||
            !g_error_matches(other, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT))
            fail_msg("\"%s\" is taken for an id", bad[i]);
    }
    g_autoptr(GError) error = NULL;
    assert_false(quarantine_read(q, "20261123T120000-0123456789abcdef", NULL, NULL, &error));
    assert_true(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND));
}

static void test_full(void **state)
{
    g_autoptr(Quarantine) two = open_with((QuarantineLimits){.messages = 2});
    g_autofree char *a = put(two, "a", NOON), *b = put(two, "b", NOON);

    refused(two, "c");
    assert_true(quarantine_remove(two, a, NULL));
    g_autofree char *c = put(two, "c", NOON);
    g_clear_pointer(&two, quarantine_free);

    g_autoptr(Quarantine) small = open_with((QuarantineLimits){.bytes = 1000});
    g_autofree char *much = g_strnfill(2000, 'x');
    assert_int_equal(quarantine_use(small).messages, 2);
    refused(small, much);
    g_autofree char *d = put(small, "d", NOON);
}

static void test_more_than_the_limit_is_there(void **state)
{
    g_autoptr(Quarantine) q = open_with((QuarantineLimits){0});
    g_autofree char *a = put(q, "a", NOON), *b = put(q, "b", NOON), *c = put(q, "c", NOON);

    g_clear_pointer(&q, quarantine_free);
    q = open_with((QuarantineLimits){.messages = 1, .bytes = 10});
    assert_int_equal(quarantine_use(q).messages, 3);
    refused(q, "d");
    assert_true(quarantine_remove(q, a, NULL));
    assert_int_equal(quarantine_use(q).messages, 2);
}

static void test_expire_oldest(void **state)
{
    g_autoptr(Quarantine) q =
        open_with((QuarantineLimits){.messages = 2, .bytes = 4000, .expire_oldest = TRUE});
    g_autofree char *late = put(q, "b", NOON + HOUR), *early = put(q, "a", NOON),
                    *last = put(q, "c", NOON + 2 * HOUR);
    g_autofree char *much = g_strnfill(1500, 'x');
    g_autoptr(GPtrArray) list = quarantine_list(q);

    assert_int_equal(list->len, 2);
    assert_string_equal(((QuarantineItem *)list->pdata[0])->id, late);
    assert_string_equal(((QuarantineItem *)list->pdata[1])->id, last);
    assert_false(quarantine_read(q, early, NULL, NULL, NULL));
    assert_int_equal(files(), 4);
    /* One message must not push all others out. */
    g_autoptr(GError) error = NULL;
    QuarantineEntry entry = {.time = NOON};
    assert_null(quarantine_put(q, &entry, much, strlen(much), NULL, &error));
    assert_true(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE));
    assert_true(quarantine_read(q, last, NULL, NULL, NULL));
}

static void test_age(void **state)
{
    g_autoptr(Quarantine) q = open_with((QuarantineLimits){.age = 3600});
    g_autofree char *b = put(q, "b", NOON + HOUR / 2), *a = put(q, "a", NOON), *c = put(q, "c", NOON + HOUR);

    assert_int_equal(quarantine_expire(q, NOON + HOUR), 0);
    assert_int_equal(quarantine_expire(q, NOON + HOUR + HOUR / 4), 1);
    assert_false(quarantine_read(q, a, NULL, NULL, NULL));
    assert_true(quarantine_read(q, b, NULL, NULL, NULL));
    assert_int_equal(quarantine_expire(q, NOON + 10 * HOUR), 2);
    assert_int_equal(files(), 0);
    g_clear_pointer(&q, quarantine_free);
    q = open_with((QuarantineLimits){0}); /* kept for ever */
    g_autofree char *d = put(q, "d", NOON);
    assert_int_equal(quarantine_expire(q, NOON + 1000000 * HOUR), 0);
}

static void write_at(const char *name)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);

    assert_true(g_file_set_contents(path, "x", 1, NULL));
}

static void test_after_a_crash(void **state)
{
    g_autoptr(Quarantine) q = open_with((QuarantineLimits){0});
    g_autofree char *id = put(q, "kept", NOON);

    g_clear_pointer(&q, quarantine_free);
    write_at("20261123T120000-0123456789abcde1.eml.tmp");
    write_at("20261123T120000-0123456789abcde1.json.tmp");
    write_at("20261123T120000-0123456789abcde2.eml.tmp"); /* died between the two renames */
    write_at("20261123T120000-0123456789abcde2.json");
    write_at("README");
    assert_int_equal(files(), 7);
    q = open_with((QuarantineLimits){0});
    assert_int_equal(files(), 3);
    assert_int_equal(quarantine_use(q).messages, 1);
    assert_true(quarantine_read(q, id, NULL, NULL, NULL));
    /* Somebody who comes second must not remove what the first is writing. */
    write_at("20261123T120000-0123456789abcde3.eml.tmp");
    g_autoptr(Quarantine) second = open_with((QuarantineLimits){0});
    assert_int_equal(files(), 4);
    assert_int_equal(quarantine_use(second).messages, 1);
}

/* The limit of file sizes stands for a full disk. */
static void test_disk_full(void **state)
{
    g_autoptr(Quarantine) q = open_with((QuarantineLimits){0});
    g_autofree char *much = g_strnfill(200000, 'x');
    struct rlimit before, small;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 150000, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    refused(q, much);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    g_autofree char *id = put(q, much, NOON);
}

static void test_cannot_open(void **state)
{
    g_autoptr(GError) error = NULL;

    assert_null(quarantine_open("/nonexistent/q", &(QuarantineLimits){0}, &error));
    assert_true(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND));
}

#define THREADS 8
#define EACH    25

static void *putter(void *data)
{
    for (guint i = 0; i < EACH; i++) {
        QuarantineEntry entry = {.time = NOON + i, .sender = ""};
        g_free(quarantine_put(data, &entry, "head", 4, NULL, NULL));
    }
    return NULL;
}

static void test_many_at_once(void **state)
{
    g_autoptr(Quarantine) q = open_with((QuarantineLimits){.messages = 150});
    pthread_t threads[THREADS];

    for (guint i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, putter, q), 0);
    for (guint i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(quarantine_use(q).messages, 150);
    assert_int_equal(files(), 300);
    g_autoptr(GPtrArray) list = quarantine_list(q);
    for (guint i = 1; i < list->len; i++)
        assert_true(
            strcmp(((QuarantineItem *)list->pdata[i - 1])->id, ((QuarantineItem *)list->pdata[i])->id) < 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_round),         TEST(test_modes),       TEST(test_open_to_others),
        TEST(test_ids),           TEST(test_full),        TEST(test_more_than_the_limit_is_there),
        TEST(test_expire_oldest), TEST(test_age),         TEST(test_after_a_crash),
        TEST(test_disk_full),     TEST(test_cannot_open), TEST(test_many_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
