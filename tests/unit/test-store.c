/* The contract of store.h and journal.h, a sentence a row, for every backend. A new one adds a row to `backends`. */
#include "rows.h"

#include <glib/gstdio.h>
#include <pthread.h>
#include <string.h>

#include "store/journal.h"

#define NOON    G_GINT64_CONSTANT(1795435200) /* 2026-11-23T12:00:00Z */
#define HOUR    G_GINT64_CONSTANT(3600)
#define THREADS 64

/* --- backends --- */

static char *folder;

static Store *open_sqlite(void)
{
    folder = g_dir_make_tmp("postern-store-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "store.db", NULL);
    g_autoptr(GError) error = NULL;
    Store *store = store_open_now(&(StoreSettings){.path = path, .timeout_ms = 20000}, TRUE, &error);
    if (!store)
        fail_msg("%s", error->message);
    return store;
}

static void close_sqlite(void)
{
    static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(folder, names[i], NULL);
        g_unlink(path);
    }
    assert_int_equal(g_rmdir(folder), 0);
    g_clear_pointer(&folder, g_free);
}

static void nothing(void)
{
}

static const struct {
    const char *name;
    Store *(*open)(void);
    void (*close)(void); /* after store_free() */
} backends[] = {
    {"memory", store_memory_new, nothing},
    {"sqlite", open_sqlite, close_sqlite},
};

static gsize backend; /* that the tests run against */
static Store *store;
static Pool *pool;

static int setup(void **state)
{
    store = backends[backend].open();
    pool = pool_new();
    return 0;
}

static int teardown(void **state)
{
    g_clear_pointer(&store, store_free);
    g_clear_pointer(&pool, pool_free);
    backends[backend].close();
    return 0;
}

/* --- words of the tests --- */

static void apply(StoreBatch *batch, gint64 now)
{
    assert_int_equal(store_apply(store, batch, now), STORE_YES);
    assert_true(store_batch_is_empty(batch));
}

static void put(StoreTable table, const char *key, StoreMode mode, StoreEntry entry, gint64 now)
{
    g_autoptr(StoreBatch) batch = store_batch_new();
    store_batch_put(batch, table, key, mode, &entry);
    apply(batch, now);
}

static void add(const char *key, gint64 n, gint64 expires, gboolean renew, const char *text, gint64 now)
{
    g_autoptr(StoreBatch) batch = store_batch_new();
    store_batch_add(batch, STORE_DEMERIT, key, n, expires, renew, text);
    apply(batch, now);
}

static void removed(StoreTable table, const char *key)
{
    g_autoptr(StoreBatch) batch = store_batch_new();
    store_batch_remove(batch, table, key);
    apply(batch, NOON);
}

static StoreEntry got(StoreTable table, const char *key, gint64 now)
{
    StoreEntry entry = {0};
    if (store_get(store, table, key, now, pool, &entry) != STORE_YES)
        fail_msg("%s is not there", key);
    assert_non_null(entry.text);
    return entry;
}

static void not_there(StoreTable table, const char *key, gint64 now)
{
    StoreEntry entry;
    assert_int_equal(store_get(store, table, key, now, pool, &entry), STORE_NO);
}

static void is_entry(StoreEntry entry, const char *text, gint64 number, gint64 created, gint64 changed,
                     gint64 expires)
{
    assert_string_equal(entry.text, text);
    assert_int_equal(entry.number, number);
    assert_int_equal(entry.created, created);
    assert_int_equal(entry.changed, changed);
    assert_int_equal(entry.expires, expires);
}

/* --- entries --- */

static void well_from_the_start(void **state)
{
    assert_true(store_can_read(store));
    assert_true(store_can_write(store));
    assert_null(store_problem(store));
    for (StoreTable table = 0; table < STORE_TABLE_COUNT; table++)
        assert_int_equal(store_count(store, table, NOON), 0);
}

static void put_and_get(void **state)
{
    put(STORE_WHITELIST, "joe@example.com", STORE_ALWAYS, (StoreEntry){NULL, "by jane", 7, 0, 0, NOON + HOUR},
        NOON);
    StoreEntry entry = got(STORE_WHITELIST, "joe@example.com", NOON);
    assert_string_equal(entry.key, "joe@example.com");
    is_entry(entry, "by jane", 7, NOON, NOON, NOON + HOUR);
    not_there(STORE_BLACKLIST, "joe@example.com", NOON); /* a key is of one table */
    not_there(STORE_WHITELIST, "Joe@example.com", NOON); /* folded by the caller, not here */
    not_there(STORE_WHITELIST, "joe@example.co", NOON);
}

static void put_again(void **state)
{
    put(STORE_BAN, "a", STORE_ALWAYS, (StoreEntry){.text = "one", .number = 1}, NOON);
    put(STORE_BAN, "a", STORE_ALWAYS, (StoreEntry){.number = -2, .expires = NOON + HOUR}, NOON + 5);
    is_entry(got(STORE_BAN, "a", NOON), "", -2, NOON, NOON + 5, NOON + HOUR);
    /* With a time of its own: an import. */
    put(STORE_BAN, "a", STORE_ALWAYS, (StoreEntry){.text = "three", .created = 17}, NOON + 6);
    is_entry(got(STORE_BAN, "a", NOON), "three", 0, 17, NOON + 6, 0);
}

static void remove_entry(void **state)
{
    put(STORE_BAN, "a", STORE_ALWAYS, (StoreEntry){.text = "one"}, NOON);
    removed(STORE_BLACKLIST, "a");
    got(STORE_BAN, "a", NOON);
    removed(STORE_BAN, "a");
    not_there(STORE_BAN, "a", NOON);
    removed(STORE_BAN, "a"); /* not there: done all the same */
}

static void expired_is_gone(void **state)
{
    put(STORE_BAN, "a", STORE_ALWAYS, (StoreEntry){.number = 3, .expires = NOON + 10}, NOON);
    put(STORE_BAN, "b", STORE_ALWAYS, (StoreEntry){.number = 3, .expires = 0}, NOON);
    got(STORE_BAN, "a", NOON + 9);
    assert_int_equal(store_count(store, STORE_BAN, NOON + 9), 2);
    not_there(STORE_BAN, "a", NOON + 10); /* from that second on */
    assert_int_equal(store_count(store, STORE_BAN, NOON + 10), 1);
    got(STORE_BAN, "b", G_MAXINT64);
    /* For conditions and sums, too: it begins anew. */
    put(STORE_BAN, "a", STORE_IF_NEW, (StoreEntry){.number = 4, .expires = NOON + 30}, NOON + 20);
    is_entry(got(STORE_BAN, "a", NOON + 20), "", 4, NOON + 20, NOON + 20, NOON + 30);
    add("c", 5, NOON + 10, FALSE, "old", NOON);
    add("c", 1, NOON + 40, FALSE, NULL, NOON + 10);
    is_entry(got(STORE_DEMERIT, "c", NOON + 10), "", 1, NOON + 10, NOON + 10, NOON + 40);
}

static void put_in_the_past(void **state)
{
    put(STORE_BAN, "a", STORE_ALWAYS, (StoreEntry){.expires = NOON}, NOON);
    not_there(STORE_BAN, "a", NOON);
}

static void if_new(void **state)
{
    put(STORE_GREYLIST, "a", STORE_IF_NEW, (StoreEntry){.number = 1, .expires = NOON + 10}, NOON);
    put(STORE_GREYLIST, "a", STORE_IF_NEW, (StoreEntry){.number = 2, .expires = NOON + 99}, NOON + 5);
    is_entry(got(STORE_GREYLIST, "a", NOON + 5), "", 1, NOON, NOON, NOON + 10);
}

static void if_longer(void **state)
{
    static const struct {
        gint64 before, now;
        gboolean changes;
    } rows[] = {{NOON + 10, NOON + 11, TRUE}, {NOON + 10, NOON + 10, FALSE}, {NOON + 10, NOON + 9, FALSE},
                {NOON + 10, 0, TRUE},         {0, NOON + 99, FALSE},         {0, 0, FALSE}};
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        put(STORE_WHITELIST, "a", STORE_ALWAYS, (StoreEntry){.number = 1, .expires = rows[i].before}, NOON);
        put(STORE_WHITELIST, "a", STORE_IF_LONGER, (StoreEntry){.number = 2, .expires = rows[i].now},
            NOON + 1);
        assert_int_equal(got(STORE_WHITELIST, "a", NOON + 1).number, rows[i].changes ? 2 : 1);
    }
}

static void sums(void **state)
{
    add("a", 3, NOON + 100, FALSE, "first", NOON);
    is_entry(got(STORE_DEMERIT, "a", NOON), "first", 3, NOON, NOON, NOON + 100);
    add("a", 2, NOON + 200, FALSE, NULL, NOON + 1); /* keeps its window and its text */
    is_entry(got(STORE_DEMERIT, "a", NOON), "first", 5, NOON, NOON + 1, NOON + 100);
    add("a", 1, NOON + 300, TRUE, "second", NOON + 2);
    is_entry(got(STORE_DEMERIT, "a", NOON), "second", 6, NOON, NOON + 2, NOON + 300);
    add("a", -6, 0, FALSE, NULL, NOON + 3);
    not_there(STORE_DEMERIT, "a", NOON + 3); /* what comes to 0 is removed */
    add("a", -1, 0, FALSE, NULL, NOON + 3);
    not_there(STORE_DEMERIT, "a", NOON + 3);
    add("a", 1, 0, FALSE, NULL, NOON + 4);
    add("a", -100, 0, FALSE, NULL, NOON + 4);
    not_there(STORE_DEMERIT, "a", NOON + 4);
}

static void sums_saturate(void **state)
{
    for (int i = 0; i < 6; i++)
        add("a", G_MAXINT64, 0, FALSE, NULL, NOON);
    gint64 most = got(STORE_DEMERIT, "a", NOON).number;
    assert_true(most > G_MAXINT64 / 8);
    add("a", -5, 0, FALSE, NULL, NOON);
    assert_int_equal(got(STORE_DEMERIT, "a", NOON).number, most - 5);
    add("a", G_MININT64, 0, FALSE, NULL, NOON);
    not_there(STORE_DEMERIT, "a", NOON);
}

static void any_bytes(void **state)
{
    static const char *const keys[] = {
        "", " ", "\001", "\377\376", "a\tb\nc", "'; DROP TABLE entry; --", "%_*?", "\xc3\xa4", "\xc3"};
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
        put(STORE_NOTICE, keys[i], STORE_ALWAYS, (StoreEntry){.text = keys[i], .number = (gint64)i + 1},
            NOON);
    assert_int_equal(store_count(store, STORE_NOTICE, NOON), G_N_ELEMENTS(keys));
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        StoreEntry entry = got(STORE_NOTICE, keys[i], NOON);
        assert_int_equal(entry.number, i + 1);
        assert_string_equal(entry.text, keys[i]);
        assert_string_equal(entry.key, keys[i]);
    }
}

static void long_keys(void **state)
{
    g_autofree char *exact = g_strnfill(STORE_KEY_MAX, 'x'), *longer = g_strnfill(STORE_KEY_MAX + 1, 'x'),
                    *other = g_strnfill(STORE_KEY_MAX + 2, 'x'), *text = g_strnfill(STORE_TEXT_MAX + 1, 't');
    put(STORE_NOTICE, exact, STORE_ALWAYS, (StoreEntry){.number = 1}, NOON);
    put(STORE_NOTICE, longer, STORE_ALWAYS, (StoreEntry){.number = 2, .text = text}, NOON);
    put(STORE_NOTICE, other, STORE_ALWAYS, (StoreEntry){.number = 3}, NOON);
    assert_int_equal(got(STORE_NOTICE, exact, NOON).number, 1);
    assert_int_equal(got(STORE_NOTICE, longer, NOON).number, 2);
    assert_int_equal(got(STORE_NOTICE, other, NOON).number, 3);
    assert_int_equal(strlen(got(STORE_NOTICE, longer, NOON).text), STORE_TEXT_MAX);
    gint64 used;
    assert_int_equal(store_take(store, STORE_NOTICE, other, 1, 9, 0, NOON, &used), STORE_YES);
    assert_int_equal(used, 4);
    removed(STORE_NOTICE, longer);
    not_there(STORE_NOTICE, longer, NOON);
    assert_int_equal(store_count(store, STORE_NOTICE, NOON), 2);
}

static void first_of_many(void **state)
{
    const char *keys[] = {"a@b", "@b", "b", NULL};
    StoreEntry entry;
    guint index = 99;
    assert_int_equal(store_get_first(store, STORE_BAN, keys, NOON, pool, &entry, &index), STORE_NO);
    assert_int_equal(store_get_first(store, STORE_BAN, keys + 3, NOON, pool, &entry, &index), STORE_NO);
    put(STORE_BAN, "b", STORE_ALWAYS, (StoreEntry){.number = 2}, NOON);
    put(STORE_BAN, "@b", STORE_ALWAYS, (StoreEntry){.number = 1, .expires = NOON + 10}, NOON);
    assert_int_equal(store_get_first(store, STORE_BAN, keys, NOON, pool, &entry, &index), STORE_YES);
    assert_int_equal(index, 1);
    assert_string_equal(entry.key, "@b");
    assert_int_equal(store_get_first(store, STORE_BAN, keys, NOON + 10, pool, &entry, &index), STORE_YES);
    assert_int_equal(index, 2);
    assert_int_equal(entry.number, 2);
}

static void batch_is_in_order(void **state)
{
    g_autoptr(StoreBatch) batch = store_batch_new();
    assert_true(store_batch_is_empty(batch));
    apply(batch, NOON);
    store_batch_put(batch, STORE_BAN, "a", STORE_ALWAYS, &(StoreEntry){.number = 1});
    store_batch_put(batch, STORE_BAN, "a", STORE_IF_NEW, &(StoreEntry){.number = 2});
    store_batch_add(batch, STORE_BAN, "a", 10, 0, FALSE, NULL);
    store_batch_put(batch, STORE_BAN, "b", STORE_ALWAYS, &(StoreEntry){.number = 5});
    store_batch_remove(batch, STORE_BAN, "b");
    store_batch_put(batch, STORE_BAN, "b", STORE_IF_NEW, &(StoreEntry){.number = 6});
    assert_false(store_batch_is_empty(batch));
    apply(batch, NOON);
    assert_int_equal(got(STORE_BAN, "a", NOON).number, 11);
    assert_int_equal(got(STORE_BAN, "b", NOON).number, 6);
    apply(batch, NOON); /* empty again: nothing is done twice */
    assert_int_equal(got(STORE_BAN, "a", NOON).number, 11);
}

static void take_to_the_limit(void **state)
{
    gint64 used = 99;
    assert_int_equal(store_take(store, STORE_LIMIT, "a", 3, 5, NOON + 60, NOON, &used), STORE_YES);
    assert_int_equal(used, 3);
    assert_int_equal(store_take(store, STORE_LIMIT, "a", 3, 5, NOON + 90, NOON + 1, &used), STORE_NO);
    assert_int_equal(used, 3);
    assert_int_equal(store_take(store, STORE_LIMIT, "a", 2, 5, NOON + 90, NOON + 2, NULL), STORE_YES);
    is_entry(got(STORE_LIMIT, "a", NOON), "", 5, NOON, NOON + 2, NOON + 60);
    /* Given back. */
    g_autoptr(StoreBatch) batch = store_batch_new();
    store_batch_add(batch, STORE_LIMIT, "a", -2, NOON + 60, FALSE, NULL);
    apply(batch, NOON + 3);
    assert_int_equal(store_take(store, STORE_LIMIT, "a", 2, 5, NOON + 90, NOON + 4, &used), STORE_YES);
    assert_int_equal(used, 5);
    /* The next window. */
    assert_int_equal(store_take(store, STORE_LIMIT, "a", 5, 5, NOON + 120, NOON + 60, &used), STORE_YES);
    assert_int_equal(got(STORE_LIMIT, "a", NOON + 60).expires, NOON + 120);
    assert_int_equal(store_take(store, STORE_LIMIT, "b", 6, 5, NOON + 60, NOON, &used), STORE_NO);
    assert_int_equal(used, 0);
    not_there(STORE_LIMIT, "b", NOON); /* refused: nothing is begun */
    for (int i = 0; i < 6; i++)
        store_take(store, STORE_LIMIT, "c", G_MAXINT64, G_MAXINT64, 0, NOON, &used);
    assert_true(got(STORE_LIMIT, "c", NOON).number > 0);
}

/* --- walks --- */

typedef struct {
    GString *keys;
    guint max;
} Walk;

static gboolean note_key(const StoreEntry *entry, void *data)
{
    Walk *walk = data;
    g_string_append_printf(walk->keys, "%s%s", walk->keys->len ? " " : "", entry->key);
    return --walk->max > 0;
}

static void walks_to(const char *prefix, const char *after, guint max, const char *expected)
{
    Walk walk = {g_string_new(NULL), max};
    assert_int_equal(store_each(store, STORE_BAN, prefix, after, NOON, note_key, &walk), STORE_YES);
    assert_string_equal(walk.keys->str, expected);
    g_string_free(walk.keys, TRUE);
}

static void walk_in_order(void **state)
{
    static const char *const keys[] = {"b2", "a", "B1", "b1", "\xc3\xa4", "b", "c", "b10"};
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
        put(STORE_BAN, keys[i], STORE_ALWAYS, (StoreEntry){0}, NOON);
    put(STORE_BAN, "b15", STORE_ALWAYS, (StoreEntry){.expires = NOON}, NOON - 1);
    put(STORE_NOTICE, "b16", STORE_ALWAYS, (StoreEntry){0}, NOON);
    static const struct {
        const char *prefix, *after;
        guint max;
        const char *expected;
    } rows[] = {
        {"", NULL, 99, "B1 a b b1 b10 b2 c \xc3\xa4"},
        {"b", NULL, 99, "b b1 b10 b2"},
        {"b", NULL, 2, "b b1"},
        {"b", "b1", 99, "b10 b2"},
        {"b", "b1zzz", 99, "b2"},
        {"b", "a", 99, "b b1 b10 b2"},
        {"b", "b2", 99, ""},
        {"b", "z", 99, ""},
        {"", "", 99, "B1 a b b1 b10 b2 c \xc3\xa4"},
        {"zz", NULL, 99, ""},
        {"\xc3", NULL, 99, "\xc3\xa4"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        walks_to(rows[i].prefix, rows[i].after, rows[i].max, rows[i].expected);
}

static gboolean count_up(const StoreEntry *entry, void *data)
{
    gint64 *last = data;
    assert_true(entry->number == *last + 1);
    *last = entry->number;
    return TRUE;
}

static void walk_far(void **state)
{
    g_autoptr(StoreBatch) batch = store_batch_new();
    for (gint64 i = 1; i <= 2000; i++) {
        g_autofree char *key = g_strdup_printf("%06d", (int)i);
        store_batch_put(batch, STORE_BAN, key, STORE_ALWAYS, &(StoreEntry){.number = i});
    }
    apply(batch, NOON);
    gint64 last = 0;
    assert_int_equal(store_each(store, STORE_BAN, "", NULL, NOON, count_up, &last), STORE_YES);
    assert_int_equal(last, 2000);
}

/* --- upkeep --- */

static void expire_takes_back(void **state)
{
    g_autoptr(StoreBatch) batch = store_batch_new();
    for (int i = 0; i < 1500; i++) {
        g_autofree char *key = g_strdup_printf("%d", i);
        store_batch_put(batch, i % 2 ? STORE_BAN : STORE_NOTICE, key, STORE_ALWAYS,
                        &(StoreEntry){.expires = NOON + i / 2});
    }
    store_batch_put(batch, STORE_BAN, "ever", STORE_ALWAYS, &(StoreEntry){0});
    apply(batch, NOON - 1);
    StoreFacts facts;
    assert_true(store_facts(store, &facts, NULL));
    assert_int_equal(facts.entries[STORE_BAN], 751);
    assert_int_equal(store_expire(store, NOON - 1, 5000), 0);
    assert_int_equal(store_expire(store, NOON, 5000), 2);
    assert_int_equal(store_expire(store, NOON + 9999, 700), 700);
    assert_int_equal(store_expire(store, NOON + 9999, 5000), 798);
    assert_int_equal(store_expire(store, NOON + 9999, 5000), 0);
    assert_true(store_facts(store, &facts, NULL));
    assert_int_equal(facts.entries[STORE_BAN], 1);
    assert_int_equal(facts.entries[STORE_NOTICE], 0);
    got(STORE_BAN, "ever", NOON);
}

static void no_fault(const char *fault, void *data)
{
    fail_msg("%s", fault);
}

static void check_and_compact(void **state)
{
    g_autoptr(GError) error = NULL;
    put(STORE_BAN, "a", STORE_ALWAYS, (StoreEntry){.number = 3}, NOON);
    assert_true(store_check(store, no_fault, NULL, &error));
    assert_true(store_compact(store, &error));
    assert_true(store_check(store, no_fault, NULL, &error));
    assert_int_equal(got(STORE_BAN, "a", NOON).number, 3);
    put(STORE_BAN, "a", STORE_ALWAYS, (StoreEntry){.number = 4}, NOON);
    assert_int_equal(got(STORE_BAN, "a", NOON).number, 4);
}

/* --- many at once --- */

typedef struct {
    pthread_t thread;
    int number;
    guint got, away;
} Worker;

static void run_workers(Worker *workers, void *(*work)(void *))
{
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (Worker){.number = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].away, 0);
    }
}

#define ROUNDS 20

static void *add_often(void *data)
{
    Worker *worker = data;
    g_autoptr(Pool) own = pool_new();
    for (int i = 0; i < ROUNDS; i++) {
        g_autoptr(StoreBatch) batch = store_batch_new();
        StoreEntry entry;
        store_batch_add(batch, STORE_DEMERIT, "shared", 1, 0, FALSE, NULL);
        store_batch_add(batch, STORE_UNKNOWN, "shared", 1, 0, FALSE, NULL);
        store_batch_put(batch, STORE_NOTICE, i % 2 ? "odd" : "even", STORE_IF_NEW,
                        &(StoreEntry){.number = worker->number});
        worker->away += store_apply(store, batch, NOON) != STORE_YES;
        worker->away += store_get(store, STORE_DEMERIT, "shared", NOON, own, &entry) != STORE_YES;
        worker->away += entry.number < i + 1; /* one's own are seen at once */
    }
    return NULL;
}

static void threads_count_exactly(void **state)
{
    Worker workers[THREADS];
    run_workers(workers, add_often);
    assert_int_equal(got(STORE_DEMERIT, "shared", NOON).number, THREADS * ROUNDS);
    assert_int_equal(got(STORE_UNKNOWN, "shared", NOON).number, THREADS * ROUNDS);
    assert_int_equal(store_count(store, STORE_NOTICE, NOON), 2);
}

static void *take_often(void *data)
{
    Worker *worker = data;
    for (int i = 0; i < ROUNDS; i++) {
        gint64 used;
        StoreAnswer answer = store_take(store, STORE_LIMIT, "shared", 1, 100, 0, NOON, &used);
        worker->away += answer == STORE_AWAY || used > 100;
        worker->got += answer == STORE_YES;
    }
    return NULL;
}

static void threads_never_exceed(void **state)
{
    Worker workers[THREADS];
    run_workers(workers, take_often);
    guint sum = 0;
    for (int i = 0; i < THREADS; i++)
        sum += workers[i].got;
    assert_int_equal(sum, 100);
    assert_int_equal(got(STORE_LIMIT, "shared", NOON).number, 100);
}

/* --- journal --- */

static const JournalRecipient joe = {"Joe@our.example", JOURNAL_ACCEPTED, 250, "SPF-Pass",
                                     "a@example.com",   "by default",     "ok"};
static const JournalRecipient jim = {
    "jim@our.example", JOURNAL_REFUSED, 550, "SPF-Fail", "a@example.com", "access:12", "SPF fail: see there"};
static const JournalRecipient jan = {
    "j\xc3\xa4n@our.example", JOURNAL_GREYLISTED, 451, "Grey", "", "access:13", ""};

static void append(JournalMessage message, const JournalRecipient *recipients, guint n)
{
    g_autoptr(StoreBatch) batch = store_batch_new();
    message.recipients = recipients;
    message.n_recipients = n;
    store_batch_journal(batch, &message);
    apply(batch, NOON);
}

/* Three messages, 1 to 3; the second is of a time before the first: a clock was set. */
static void fill_journal(void)
{
    const JournalRecipient both[] = {joe, jim};
    append((JournalMessage){.time = NOON,
                            .session = G_MAXUINT64,
                            .queue_id = "4Xy1",
                            .client = "192.0.2.1",
                            .helo = "mail.example.com",
                            .sender = "A@example.com",
                            .sender_domain = "example.com",
                            .message_id = "<1@x>",
                            .subject = "Good news",
                            .size = 4711,
                            .score = 1.5,
                            .facts = "{\"a\":1}"},
           both, 2);
    append((JournalMessage){.time = NOON - HOUR,
                            .queue_id = "4Xy2",
                            .client = "2001:db8::1",
                            .login = "jane",
                            .sender_domain = "",
                            .outgoing = TRUE,
                            .message_id = "<2@x>",
                            .subject = "Gr\xc3\xbc\xc3\x9f"
                                       "e"},
           &jan, 1);
    append((JournalMessage){.time = NOON + 2 * HOUR,
                            .queue_id = "4Xy3",
                            .client = "192.0.2.1",
                            .sender = "b*c@example.net",
                            .sender_domain = "Example.NET",
                            .message_id = "<3@x>"},
           &jim, 1);
}

static gboolean note_row(const JournalMessage *m, void *data)
{
    GString *found = data;
    assert_int_equal(m->n_recipients, 1);
    g_string_append_printf(found, "%s%c:%.3s", found->len ? " " : "", m->queue_id[3], m->recipients[0].rcpt);
    return TRUE;
}

static void finds(JournalQuery query, const char *expected, const char *what)
{
    g_autoptr(GString) found = g_string_new(NULL);
    assert_int_equal(journal_search(store, &query, FALSE, note_row, found), STORE_YES);
    if (strcmp(found->str, expected) != 0)
        fail_msg("%s: found \"%s\", not \"%s\"", what, found->str, expected);
}

static void journal_searches(void **state)
{
    fill_journal();
#define ENDED(expected, ended, ...)                                                                          \
    {                                                                                                        \
#ended " " #__VA_ARGS__, {.end = ended, __VA_ARGS__ }, expected                                      \
    }
#define ROW(expected, ...) ENDED(expected, -1, __VA_ARGS__)
    static const struct {
        const char *what;
        JournalQuery query;
        const char *expected;
    } rows[] = {
        ROW("3:jim 2:j\xc3\xa4 1:Joe 1:jim", .limit = 0), /* the newest first */
        ROW("1:Joe 1:jim 2:j\xc3\xa4 3:jim", .oldest_first = TRUE),
        ROW("3:jim 2:j\xc3\xa4 1:Joe", .limit = 3),
        ROW("3:jim 1:Joe 1:jim", .since = NOON),
        ROW("2:j\xc3\xa4", .until = NOON), /* not included */
        ROW("1:Joe 1:jim", .since = NOON, .until = NOON + 1),
        ROW("2:j\xc3\xa4", .id = 2),
        ROW("", .id = 4),
        ROW("1:Joe 1:jim", .queue_id = "4xY1"), /* without case */
        ROW("", .queue_id = "4xy"),             /* whole */
        ROW("3:jim 2:j\xc3\xa4 1:Joe 1:jim", .queue_id = "4xy*"),
        ROW("3:jim 1:Joe 1:jim", .client = "192.0.2.1"),
        ROW("2:j\xc3\xa4", .client = "2001:DB8:*"),
        ROW("1:Joe 1:jim", .helo = "*.EXAMPLE.com"),
        ROW("2:j\xc3\xa4", .login = "JANE"),
        ROW("3:jim 1:Joe 1:jim", .login = ""),
        ROW("1:Joe 1:jim", .sender = "a@example.com"),
        ROW("1:Joe 1:jim", .sender = "a@*"),
        ROW("2:j\xc3\xa4", .sender = ""), /* the null sender */
        ROW("3:jim 1:Joe 1:jim", .sender = "*@*"),
        ROW("3:jim 2:j\xc3\xa4 1:Joe 1:jim", .sender = "*"),
        ROW("3:jim", .sender = "b*c@example.net"),
        ROW("3:jim", .sender = "B*T"),
        ROW("", .sender = "b\\*c@example.net"),
        ROW("3:jim", .sender_domain = "example.net"),
        ROW("1:Joe", .rcpt = "joe@our.example"),
        ROW("3:jim 1:jim", .rcpt = "JIM@*"),
        ROW("3:jim 1:jim", .rcpt = "j*m*@our.*ple"),
        ROW("2:j\xc3\xa4", .rcpt = "J\xc3\x84N@our.example"), /* letters beyond ASCII, too */
        ROW("2:j\xc3\xa4", .rcpt = "j\xc3\x84*"),
        ROW("", .rcpt = "j\xc3"),
        ROW("1:Joe 1:jim", .message_id = "<1@X>"),
        ROW("3:jim 1:jim", .tag = "spf-fail"),
        ROW("3:jim 1:Joe 1:jim", .tag = "spf-*"),
        ROW("", .tag = "spf_fail"),
        ROW("3:jim 1:jim", .text = "FAIL: see"), /* of the reply */
        ROW("1:Joe 1:jim", .text = "good"),      /* of the subject */
        ROW("2:j\xc3\xa4", .text = "GR\xc3\x9c"),
        ROW("3:jim 1:jim", .text = "SPF*there"),
        ENDED("1:Joe", JOURNAL_ACCEPTED, .limit = 0),
        ENDED("", JOURNAL_HELD, .limit = 0),
        ENDED("1:jim", JOURNAL_REFUSED, .tag = "SPF-Fail", .sender = "A@example.com", .since = NOON - 1),
        ROW("3:jim", .rcpt = "jim@our.example", .limit = 1),
        ROW("1:jim", .rcpt = "jim@our.example", .limit = 1, .oldest_first = TRUE),
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        finds(rows[i].query, rows[i].expected, rows[i].what);
}

static gboolean is_first(const JournalMessage *m, void *data)
{
    const char *facts = data;
    assert_int_equal(m->id, 1);
    assert_int_equal(m->time, NOON);
    assert_true(m->session == G_MAXUINT64);
    assert_string_equal(m->queue_id, "4Xy1");
    assert_string_equal(m->client, "192.0.2.1");
    assert_string_equal(m->helo, "mail.example.com");
    assert_string_equal(m->login, "");
    assert_string_equal(m->sender, "A@example.com");
    assert_string_equal(m->sender_domain, "example.com");
    assert_string_equal(m->message_id, "<1@x>");
    assert_string_equal(m->subject, "Good news");
    assert_int_equal(m->size, 4711);
    assert_false(m->outgoing);
    assert_true(m->score == 1.5);
    assert_string_equal(m->facts, facts);
    const JournalRecipient *r = m->recipients;
    assert_string_equal(r->rcpt, "jim@our.example");
    assert_int_equal(r->end, JOURNAL_REFUSED);
    assert_int_equal(r->code, 550);
    assert_string_equal(r->tag, "SPF-Fail");
    assert_string_equal(r->subject, "a@example.com");
    assert_string_equal(r->rule, "access:12");
    assert_string_equal(r->text, "SPF fail: see there");
    return FALSE;
}

static void journal_keeps_all(void **state)
{
    fill_journal();
    JournalQuery query = JOURNAL_ANY;
    query.id = 1;
    query.rcpt = "jim*";
    assert_int_equal(journal_search(store, &query, TRUE, is_first, "{\"a\":1}"), STORE_YES);
    assert_int_equal(journal_search(store, &query, FALSE, is_first, ""), STORE_YES);
    StoreFacts facts;
    assert_true(store_facts(store, &facts, NULL));
    assert_int_equal(facts.messages, 3);
    assert_int_equal(facts.recipients, 4);
}

static gboolean end_now(const JournalMessage *m, void *data)
{
    return ++*(int *)data < 2;
}

static void journal_ends_when_told(void **state)
{
    fill_journal();
    int n = 0;
    assert_int_equal(journal_search(store, &JOURNAL_ANY, FALSE, end_now, &n), STORE_YES);
    assert_int_equal(n, 2);
}

static gboolean note_count(const char *value, gint64 n, void *data)
{
    g_string_append_printf(data, "%s%s=%d", ((GString *)data)->len ? " " : "", value, (int)n);
    return TRUE;
}

static void journal_counts(void **state)
{
    fill_journal();
    static const struct {
        JournalColumn by;
        JournalQuery query;
        const char *expected;
    } rows[] = {
        {JOURNAL_BY_CLIENT, {.end = -1}, "192.0.2.1=3 2001:db8::1=1"},
        {JOURNAL_BY_HELO, {.end = -1}, "=2 mail.example.com=2"},
        {JOURNAL_BY_LOGIN, {.end = -1}, "=3 jane=1"},
        {JOURNAL_BY_SENDER, {.end = -1, .rcpt = "jim@*"}, "A@example.com=1 b*c@example.net=1"},
        {JOURNAL_BY_DOMAIN, {.end = -1}, "example.com=2 =1 Example.NET=1"},
        {JOURNAL_BY_RCPT, {.end = -1}, "jim@our.example=2 Joe@our.example=1 j\xc3\xa4n@our.example=1"},
        {JOURNAL_BY_RCPT, {.end = -1, .limit = 1}, "jim@our.example=2"},
        {JOURNAL_BY_TAG, {.end = -1}, "SPF-Fail=2 Grey=1 SPF-Pass=1"},
        {JOURNAL_BY_END, {.end = -1}, "refused=2 accepted=1 greylisted=1"},
        {JOURNAL_BY_RULE, {.end = JOURNAL_REFUSED}, "access:12=2"},
        {JOURNAL_BY_DAY, {.end = -1}, "2026-11-23=4"},
        {JOURNAL_BY_HOUR, {.end = -1}, "2026-11-23T12=2 2026-11-23T11=1 2026-11-23T14=1"},
        {JOURNAL_BY_HOUR, {.since = G_MAXINT64, .end = -1}, ""},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) found = g_string_new(NULL);
        assert_int_equal(journal_top(store, rows[i].by, &rows[i].query, note_count, found), STORE_YES);
        assert_string_equal(found->str, rows[i].expected);
    }
}

static void journal_expires(void **state)
{
    fill_journal();
    assert_int_equal(journal_expire(store, NOON - HOUR, 99), 0);
    assert_int_equal(journal_expire(store, NOON, 99), 1); /* whatever the order in which they came */
    finds(JOURNAL_ANY, "3:jim 1:Joe 1:jim", "expired");
    assert_int_equal(journal_expire(store, NOON + 9 * HOUR, 1), 1);
    assert_int_equal(journal_expire(store, NOON + 9 * HOUR, 99), 1);
    finds(JOURNAL_ANY, "", "all expired");
    StoreFacts facts;
    assert_true(store_facts(store, &facts, NULL));
    assert_int_equal(facts.messages + facts.recipients, 0);
    append((JournalMessage){.time = NOON, .queue_id = "4Xy4"}, &jim, 1);
    JournalQuery query = JOURNAL_ANY;
    query.id = 4; /* ids do not come again */
    finds(query, "4:jim", "the fourth");
    assert_true(store_check(store, no_fault, NULL, NULL));
}

/* What strangers send need not be UTF-8. */
static void journal_takes_any_bytes(void **state)
{
    JournalRecipient broken = jim;
    broken.rcpt = "x\xff\xc3";
    append((JournalMessage){.queue_id = "4Xy1", .helo = "\xe2\x84\xaa\xf0", .subject = "\xc3"}, &broken, 1);
    JournalQuery query = JOURNAL_ANY;
    query.rcpt = "X\xff\xc3";
    finds(query, "1:x\xff\xc3", "broken rcpt");
    query.rcpt = "X*\xc3";
    finds(query, "1:x\xff\xc3", "broken rcpt with a star");
    query = JOURNAL_ANY;
    query.helo = "k*"; /* KELVIN SIGN is no k */
    finds(query, "", "kelvin");
    query.helo = "\xe2\x84\xaa*";
    finds(query, "1:x\xff\xc3", "kelvin itself");
}

/* As one step with the rest of its batch. */
static void journal_in_a_batch(void **state)
{
    g_autoptr(StoreBatch) batch = store_batch_new();
    store_batch_put(batch, STORE_BAN, "a", STORE_ALWAYS, &(StoreEntry){.number = 1});
    JournalMessage message = {.time = NOON, .queue_id = "4Xy1", .recipients = &jim, .n_recipients = 1};
    store_batch_journal(batch, &message);
    message.queue_id = "4Xy2";
    store_batch_journal(batch, &message);
    apply(batch, NOON);
    finds(JOURNAL_ANY, "2:jim 1:jim", "both");
    got(STORE_BAN, "a", NOON);
}

static void *append_often(void *data)
{
    Worker *worker = data;
    for (int i = 0; i < 5; i++) {
        g_autoptr(StoreBatch) batch = store_batch_new();
        store_batch_journal(
            batch,
            &(JournalMessage){.time = NOON, .queue_id = "4Xy1", .recipients = &jim, .n_recipients = 1});
        worker->away += store_apply(store, batch, NOON) != STORE_YES;
    }
    return NULL;
}

static gboolean ids_fall(const JournalMessage *m, void *data)
{
    gint64 *last = data;
    assert_true(m->id < *last);
    *last = m->id;
    return TRUE;
}

static void threads_append(void **state)
{
    Worker workers[THREADS];
    run_workers(workers, append_often);
    gint64 last = THREADS * 5 + 1;
    assert_int_equal(journal_search(store, &JOURNAL_ANY, FALSE, ids_fall, &last), STORE_YES);
    assert_int_equal(last, 1);
}

#define TEST(f)                                                                                              \
    {                                                                                                        \
#f, f, setup, teardown, NULL                                                                         \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(well_from_the_start),
        TEST(put_and_get),
        TEST(put_again),
        TEST(remove_entry),
        TEST(expired_is_gone),
        TEST(put_in_the_past),
        TEST(if_new),
        TEST(if_longer),
        TEST(sums),
        TEST(sums_saturate),
        TEST(any_bytes),
        TEST(long_keys),
        TEST(first_of_many),
        TEST(batch_is_in_order),
        TEST(take_to_the_limit),
        TEST(walk_in_order),
        TEST(walk_far),
        TEST(expire_takes_back),
        TEST(check_and_compact),
        TEST(threads_count_exactly),
        TEST(threads_never_exceed),
        TEST(journal_searches),
        TEST(journal_keeps_all),
        TEST(journal_ends_when_told),
        TEST(journal_counts),
        TEST(journal_expires),
        TEST(journal_takes_any_bytes),
        TEST(journal_in_a_batch),
        TEST(threads_append),
    };
    int failed = 0;
    for (backend = 0; backend < G_N_ELEMENTS(backends); backend++)
        failed += _cmocka_run_group_tests(backends[backend].name, tests, G_N_ELEMENTS(tests), NULL, NULL);
    return failed;
}
