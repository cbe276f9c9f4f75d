/* What becomes of the lasting store when its file, its disk or its process fails: it says so in time, loses nothing that it has
 * promised, and comes back by itself. */
#include "rows.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "store/journal.h"

#define NOON       G_GINT64_CONSTANT(1795435200) /* 2026-11-23T12:00:00Z */
#define TIMEOUT_MS 400
#define BACK_MS    15000 /* it is tried every 2 s; a busy machine takes its time */
#define NOBODY     65534

static char *folder, *path, *wal, *shm;
static Pool *pool;
static int away_lines, back_lines; /* atomic */

/* --- words of the tests --- */

static void note_line(LogLevel level, const char *line, void *data)
{
    g_atomic_int_add(&away_lines, strstr(line, "store is away") || strstr(line, "nothing can be written"));
    g_atomic_int_add(&back_lines, strstr(line, "store is back") != NULL);
}

static int setup(void **state)
{
    /* In memory where there is a place: hundreds of files are made and synced. */
    g_autofree char *name = g_build_filename(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir(),
                                             "postern-faults-XXXXXX", NULL);
    folder = g_strdup(g_mkdtemp(name));
    assert_non_null(folder);
    path = g_build_filename(folder, "store.db", NULL);
    wal = g_strconcat(path, "-wal", NULL);
    shm = g_strconcat(path, "-shm", NULL);
    pool = pool_new();
    away_lines = back_lines = 0;
    log_set_sink(note_line, NULL);
    return 0;
}

static void remove_all(const char *name)
{
    g_autoptr(GDir) dir = g_dir_open(name, 0, NULL);
    for (const char *file; dir && (file = g_dir_read_name(dir));) {
        g_autofree char *inner = g_build_filename(name, file, NULL);
        remove_all(inner);
    }
    g_remove(name);
}

static int teardown(void **state)
{
    log_set_sink(NULL, NULL);
    remove_all(folder);
    g_clear_pointer(&pool, pool_free);
    g_clear_pointer(&folder, g_free);
    g_clear_pointer(&path, g_free);
    g_clear_pointer(&wal, g_free);
    g_clear_pointer(&shm, g_free);
    return 0;
}

static Store *open_lasting(void)
{
    return store_open(&(StoreSettings){.path = path, .timeout_ms = TIMEOUT_MS});
}

static Store *open_now(void)
{
    g_autoptr(GError) error = NULL;
    Store *store = store_open_now(&(StoreSettings){.path = path, .timeout_ms = 5000}, TRUE, &error);
    if (!store)
        fail_msg("%s", error->message);
    return store;
}

static StoreAnswer put(Store *store, const char *key, gint64 number)
{
    g_autoptr(StoreBatch) batch = store_batch_new();
    store_batch_put(batch, STORE_BAN, key, STORE_ALWAYS, &(StoreEntry){.number = number});
    return store_apply(store, batch, NOON);
}

static StoreAnswer get(Store *store, const char *key)
{
    StoreEntry entry;
    return store_get(store, STORE_BAN, key, NOON, pool, &entry);
}

static gboolean has_come_back(Store *store)
{
    return store_can_read(store) && store_can_write(store);
}

/* It may be back already. */
static gboolean has_gone_away(Store *store)
{
    return g_atomic_int_get(&away_lines) > 0;
}

static void wait_until(Store *store, gboolean (*is)(Store *store), const char *what)
{
    gint64 end = g_get_monotonic_time() + BACK_MS * 1000;
    while (!is(store)) {
        if (g_get_monotonic_time() > end) {
            g_autofree char *problem = store_problem(store);
            fail_msg("it never %s: %s", what, problem ? problem : "no problem");
        }
        g_usleep(10000);
    }
}
#define WAIT_BACK(store) wait_until(store, has_come_back, "came back")
#define WAIT_AWAY(store) wait_until(store, has_gone_away, "went away")

static void problem_says(Store *store, const char *words)
{
    g_autofree char *problem = store_problem(store);
    if (!problem || !strstr(problem, words) || !strstr(problem, path))
        fail_msg("\"%s\" says nothing of \"%s\"", problem ? problem : "", words);
}

/* Ms that passed since. */
static gint64 since(gint64 start)
{
    return (g_get_monotonic_time() - start) / 1000;
}

static void execute(const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* --- files --- */

static void modes(void **state)
{
    mode_t before = umask(0);
    g_autoptr(Store) store = open_now();
    umask(before);
    assert_int_equal(put(store, "a", 1), STORE_YES);
    const char *const names[] = {path, wal, shm};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        struct stat st;
        assert_int_equal(stat(names[i], &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
}

static void removed_while_open(void **state)
{
    g_autoptr(Store) store = open_lasting();
    assert_int_equal(put(store, "a", 1), STORE_YES);
    assert_int_equal(get(store, "a"), STORE_YES);
    const char *const names[] = {path, wal, shm};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        g_unlink(names[i]);
    WAIT_AWAY(store);
    WAIT_BACK(store);
    assert_int_equal(get(store, "a"), STORE_NO);
    assert_int_equal(put(store, "b", 1), STORE_YES);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(get(store, "b"), STORE_YES);
    assert_int_equal(away_lines, 1);
    assert_int_equal(back_lines, 1);
}

static void replaced_while_open(void **state)
{
    g_autofree char *ours = g_steal_pointer(&path);
    path = g_strconcat(ours, ".new", NULL);
    Store *other = open_now();
    assert_int_equal(put(other, "new", 1), STORE_YES);
    store_free(other);
    g_autofree char *theirs = g_steal_pointer(&path);
    path = g_steal_pointer(&ours);
    g_autoptr(Store) store = open_lasting();
    assert_int_equal(put(store, "old", 1), STORE_YES);
    assert_int_equal(get(store, "new"), STORE_NO);
    assert_int_equal(g_unlink(wal), 0);
    assert_int_equal(g_rename(theirs, path), 0);
    WAIT_AWAY(store);
    WAIT_BACK(store);
    assert_int_equal(get(store, "new"), STORE_YES);
    assert_int_equal(get(store, "old"), STORE_NO);
    assert_int_equal(put(store, "more", 1), STORE_YES);
}

/* The log alone is removed, by a tidy hand: nothing of it is lost. */
static void log_removed_while_open(void **state)
{
    g_autoptr(Store) store = open_lasting();
    assert_int_equal(put(store, "a", 1), STORE_YES);
    assert_int_equal(get(store, "a"), STORE_YES);
    assert_int_equal(g_unlink(wal), 0);
    WAIT_AWAY(store);
    WAIT_BACK(store);
    assert_int_equal(get(store, "a"), STORE_YES);
    assert_int_equal(put(store, "b", 1), STORE_YES);
    g_clear_pointer(&store, store_free);
    store = open_now();
    assert_int_equal(get(store, "a"), STORE_YES);
    assert_int_equal(get(store, "b"), STORE_YES);
}

static void no_folder(void **state)
{
    g_autofree char *inner = g_build_filename(folder, "later", NULL);
    g_free(path);
    path = g_build_filename(inner, "store.db", NULL);
    assert_null(store_open_now(&(StoreSettings){.path = path}, TRUE, NULL));
    g_autoptr(Store) store = open_lasting();
    assert_false(store_can_read(store));
    assert_false(store_can_write(store));
    assert_int_equal(get(store, "a"), STORE_AWAY);
    assert_int_equal(put(store, "a", 1), STORE_AWAY);
    assert_int_equal(store_count(store, STORE_BAN, NOON), -1);
    assert_int_equal(store_expire(store, NOON, 1), -1);
    problem_says(store, "No such file");
    assert_int_equal(g_mkdir(inner, 0700), 0);
    WAIT_BACK(store);
    assert_int_equal(put(store, "a", 1), STORE_YES);
    assert_null(store_problem(store));
    assert_int_equal(away_lines, 1);
    assert_int_equal(back_lines, 1);
}

static void must_be_there(void **state)
{
    g_autoptr(GError) error = NULL;
    assert_null(store_open_now(&(StoreSettings){.path = path}, FALSE, &error));
    assert_true(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT));
    assert_int_not_equal(access(path, F_OK), 0);
}

static void is_away_until(void (*mend)(void), const char *words)
{
    g_autoptr(Store) store = open_lasting();
    assert_int_equal(get(store, "a"), STORE_AWAY);
    assert_int_equal(put(store, "a", 1), STORE_AWAY);
    problem_says(store, words);
    mend();
    WAIT_BACK(store);
    assert_int_equal(put(store, "a", 1), STORE_YES);
    assert_int_equal(away_lines, 1);
    assert_int_equal(back_lines, 1);
}

static void move_away(void)
{
    g_autofree char *aside = g_strconcat(path, ".old", NULL);
    assert_int_equal(g_rename(path, aside), 0);
}

static void a_folder(void **state)
{
    assert_int_equal(g_mkdir(path, 0700), 0);
    is_away_until(move_away, "not a file");
}

static void a_fifo(void **state)
{
    assert_int_equal(mkfifo(path, 0600), 0);
    is_away_until(move_away, "not a file");
}

static void a_text(void **state)
{
    g_autofree char *text = g_strnfill(5000, 'x');
    assert_true(g_file_set_contents(path, text, -1, NULL));
    is_away_until(move_away, "move it away");
}

static void anothers_database(void **state)
{
    execute("CREATE TABLE theirs (a)");
    is_away_until(move_away, "another program");
    g_autofree char *aside = g_strconcat(path, ".old", NULL);
    g_unlink(path);
    g_unlink(wal);
    g_unlink(shm);
    assert_int_equal(g_rename(aside, path), 0);
    execute("INSERT INTO theirs VALUES (1); DROP TABLE theirs"); /* was not touched */
}

static void a_newer_schema(void **state)
{
    store_free(open_now());
    execute("PRAGMA user_version = 99; CREATE TABLE extra (a)");
    g_autoptr(GError) error = NULL;
    assert_null(store_open_now(&(StoreSettings){.path = path}, FALSE, &error));
    assert_true(g_error_matches(error, STORE_ERROR, STORE_ERROR_NEWER));
    is_away_until(move_away, "newer postern");
}

static void tighten(void)
{
    assert_int_equal(g_chmod(path, 0600), 0);
}

static void everybodys(void **state)
{
    store_free(open_now());
    assert_int_equal(g_chmod(path, 0666), 0);
    is_away_until(tighten, "chmod 600");
}

static void link_to_nowhere(void **state)
{
    g_autofree char *target = g_build_filename(folder, "no", "where", NULL);
    assert_int_equal(symlink(target, path), 0);
    is_away_until(move_away, "No such file");
}

static void link_to_a_file(void **state)
{
    g_autofree char *target = g_build_filename(folder, "real.db", NULL);
    g_autofree char *target_wal = g_strconcat(target, "-wal", NULL);
    g_autofree char *link = g_strdup(path);
    g_free(path);
    path = g_strdup(target);
    store_free(open_now());
    assert_int_equal(symlink(target, link), 0);
    g_free(path);
    path = g_strdup(link);
    g_autoptr(Store) store = open_lasting();
    assert_int_equal(put(store, "a", 1), STORE_YES);
    assert_int_equal(access(target_wal, F_OK), 0);
    g_usleep(2500000); /* looked at more than once */
    assert_int_equal(away_lines, 0);
    assert_int_equal(get(store, "a"), STORE_YES);
}

/* --- rights and room --- */

/* In a process of its own that may not write: 0 when all is as it should be. */
static int only_reads(void)
{
    if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) != 0)
        return 1;
    Store *store = open_lasting();
    int status = !store_can_read(store)             ? 2
                 : store_can_write(store)           ? 3
                 : get(store, "a") != STORE_YES     ? 4
                 : put(store, "b", 1) != STORE_AWAY ? 5
                 : !store_problem(store)            ? 6
                                                    : 0;
    g_autoptr(Store) again = store_open_now(&(StoreSettings){.path = path}, FALSE, NULL);
    if (!status && (!again || get(again, "a") != STORE_YES || store_can_write(again)))
        status = 7;
    store_free(store);
    return status;
}

static void read_only(void **state)
{
    Store *store = open_now();
    assert_int_equal(put(store, "a", 1), STORE_YES);
    store_free(store);
    assert_int_equal(g_chmod(path, 0444), 0);
    assert_int_equal(g_chmod(folder, 0777), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(only_reads());
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void disk_full(void **state)
{
    struct rlimit before, small;
    signal(SIGXFSZ, SIG_IGN);
    g_autoptr(Store) store = open_lasting();
    assert_int_equal(put(store, "first", 1), STORE_YES);
    struct stat st;
    assert_int_equal(stat(wal, &st), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = (rlim_t)st.st_size + 200000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int kept = 0;
    char key[16];
    for (; kept < 100000; kept++) {
        g_snprintf(key, sizeof key, "%d", kept);
        if (put(store, key, 1) != STORE_YES)
            break;
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0); /* for the other tests, if this one fails */
    assert_in_range(kept, 1, 99999);
    problem_says(store, "make room");
    assert_true(store_can_read(store));
    assert_int_equal(get(store, "first"), STORE_YES); /* what can be read is read */
    gint64 start = g_get_monotonic_time();
    assert_int_equal(put(store, "x", 1), STORE_AWAY);
    assert_in_range(since(start), 0, TIMEOUT_MS / 2); /* nobody waits for what is known */
    WAIT_BACK(store);
    assert_int_equal(put(store, "x", 1), STORE_YES);
    for (int i = 0; i < kept; i++) {
        g_snprintf(key, sizeof key, "%d", i);
        assert_int_equal(get(store, key), STORE_YES);
    }
    assert_true(away_lines >= 1 && back_lines == away_lines);
}

/* --- locked by another process --- */

typedef struct {
    pid_t pid;
    int in, out; /* a byte comes when it is locked; a byte ends it */
} Locker;

static Locker lock_by_another(const char *sql)
{
    int ready[2], end[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(end), 0);
    pid_t pid = fork();
    if (pid == 0) {
        sqlite3 *db;
        char byte = sqlite3_open(path, &db) == SQLITE_OK && sqlite3_busy_timeout(db, 5000) == SQLITE_OK &&
                            sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK
                        ? 'y'
                        : 'n';
        (void)!write(ready[1], &byte, 1);
        (void)!read(end[0], &byte, 1);
        _exit(0); /* locks end with the process */
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    close(ready[0]);
    close(ready[1]);
    close(end[0]);
    return (Locker){.pid = pid, .out = end[1]};
}

static void unlock(Locker locker)
{
    (void)!write(locker.out, "x", 1);
    close(locker.out);
    assert_int_equal(waitpid(locker.pid, NULL, 0), locker.pid);
}

static void *put_once(void *data)
{
    gint64 start = g_get_monotonic_time();
    StoreAnswer answer = put(data, "b", 1);
    return GINT_TO_POINTER(answer == STORE_AWAY ? (int)since(start) : -1);
}

static void locked_for_writing(void **state)
{
    store_free(open_now());
    Locker locker = lock_by_another("BEGIN IMMEDIATE");
    g_autoptr(GError) error = NULL;
    assert_null(store_open_now(&(StoreSettings){.path = path, .timeout_ms = TIMEOUT_MS}, TRUE, &error));
    assert_true(g_error_matches(error, STORE_ERROR, STORE_ERROR_BUSY));
    unlock(locker);

    g_autoptr(Store) store = open_lasting();
    assert_int_equal(put(store, "a", 1), STORE_YES);
    locker = lock_by_another("BEGIN IMMEDIATE");
    pthread_t threads[8];
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_once, store), 0);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++) {
        void *took;
        pthread_join(threads[i], &took);
        assert_in_range(GPOINTER_TO_INT(took), 0, TIMEOUT_MS + 300);
    }
    assert_int_equal(get(store, "a"), STORE_YES);
    gint64 start = g_get_monotonic_time();
    assert_int_equal(put(store, "b", 1), STORE_AWAY);
    assert_int_equal(store_take(store, STORE_LIMIT, "a", 1, 9, 0, NOON, NULL), STORE_AWAY);
    assert_in_range(since(start), 0, TIMEOUT_MS / 2);
    problem_says(store, "another process");
    unlock(locker);
    WAIT_BACK(store);
    assert_int_equal(put(store, "b", 1), STORE_YES);
    assert_int_equal(away_lines, 1);
    assert_int_equal(back_lines, 1);
}

static void locked_for_all(void **state)
{
    store_free(open_now());
    Locker locker =
        lock_by_another("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; PRAGMA user_version = 1; COMMIT");
    gint64 start = g_get_monotonic_time();
    g_autoptr(Store) store = open_lasting();
    assert_in_range(since(start), 0, 3 * TIMEOUT_MS);
    start = g_get_monotonic_time();
    assert_int_equal(get(store, "a"), STORE_AWAY);
    assert_int_equal(put(store, "a", 1), STORE_AWAY);
    assert_in_range(since(start), 0, TIMEOUT_MS);
    unlock(locker);
    WAIT_BACK(store);
    assert_int_equal(put(store, "a", 1), STORE_YES);
    assert_int_equal(get(store, "a"), STORE_YES);
}

/* --- damaged --- */

static gboolean nothing(const StoreEntry *entry, void *data)
{
    return TRUE;
}

static gboolean no_row(const JournalMessage *message, void *data)
{
    return TRUE;
}

static gboolean no_count(const char *value, gint64 n, void *data)
{
    return TRUE;
}

static void no_fault(const char *fault, void *data)
{
    ++*(int *)data;
}

/* Everything that reads and writes; whatever it says, it says it in time. */
static void use_all(Store *store)
{
    int faults = 0;
    char key[16];
    StoreFacts facts;
    for (int i = 0; i < 40; i++) {
        g_snprintf(key, sizeof key, "%d", i * 50);
        get(store, key);
        put(store, key, 7);
    }
    store_each(store, STORE_BAN, "", NULL, NOON, nothing, NULL);
    store_count(store, STORE_BAN, NOON);
    store_take(store, STORE_LIMIT, "x", 1, 9, 0, NOON, NULL);
    JournalQuery query = JOURNAL_ANY;
    journal_search(store, &query, TRUE, no_row, NULL);
    query.rcpt = "r3*";
    journal_search(store, &query, TRUE, no_row, NULL);
    journal_top(store, JOURNAL_BY_END, &JOURNAL_ANY, no_count, NULL);
    store_check(store, no_fault, &faults, NULL);
    store_facts(store, &facts, NULL);
    store_expire(store, NOON + 1000, 1000);
    journal_expire(store, NOON, 10);
    pool_clear(pool);
}

static void use_damaged(const char *bytes, gsize len)
{
    g_unlink(wal);
    g_unlink(shm);
    assert_true(g_file_set_contents(path, bytes, (gssize)len, NULL));
    g_chmod(path, 0600);
    gint64 start = g_get_monotonic_time();
    g_autoptr(GError) error = NULL;
    Store *store = store_open_now(&(StoreSettings){.path = path, .timeout_ms = 2000}, TRUE, &error);
    if (store)
        use_all(store);
    store_free(store);
    assert_in_range(since(start), 0, 10000);
}

static char *sound_file(gsize *len)
{
    Store *store = open_now();
    g_autoptr(StoreBatch) batch = store_batch_new();
    for (int i = 0; i < 2000; i++) {
        char key[16];
        g_snprintf(key, sizeof key, "%d", i);
        store_batch_put(batch, STORE_BAN, key, STORE_ALWAYS,
                        &(StoreEntry){.text = "why", .expires = i % 3 ? NOON + i : 0});
        const JournalRecipient recipient = {.rcpt = key, .tag = "SPF-Fail"};
        if (i % 10 == 0)
            store_batch_journal(batch, &(JournalMessage){.time = NOON - i,
                                                         .sender = key,
                                                         .facts = "{}",
                                                         .recipients = &recipient,
                                                         .n_recipients = 1});
    }
    assert_int_equal(store_apply(store, batch, NOON), STORE_YES);
    store_free(store);
    char *bytes;
    assert_true(g_file_get_contents(path, &bytes, len, NULL));
    return bytes;
}

static void damaged_bytes(void **state)
{
    gsize len;
    g_autofree char *sound = sound_file(&len);
    g_autoptr(GRand) rand = g_rand_new_with_seed(20261123);
    for (int round = 0; round < 150; round++) {
        g_autofree char *bytes = g_memdup2(sound, len);
        int n = 1 << g_rand_int_range(rand, 0, 12);
        for (int i = 0; i < n; i++)
            bytes[g_rand_int_range(rand, 0, (gint32)len)] = (char)g_rand_int(rand);
        use_damaged(bytes, len);
    }
    /* The header and the heads of pages, where it hurts. */
    for (gsize at = 0; at < 120; at++) {
        g_autofree char *bytes = g_memdup2(sound, len);
        bytes[at] = (char)(bytes[at] ^ (1 << at % 8));
        gsize page = (gsize)g_rand_int_range(rand, 1, (gint32)(len / 4096)) * 4096;
        bytes[page + at % 12] = (char)g_rand_int(rand);
        use_damaged(bytes, len);
    }
}

static void cut_short(void **state)
{
    gsize len;
    g_autofree char *sound = sound_file(&len);
    for (gsize i = 0; i < 60; i++)
        use_damaged(sound, i < 20 ? i * 7 : len * i / 60 + i % 3);
}

/* It is noticed, told once, and the file is left alone until there is another. */
static void damaged_while_open(void **state)
{
    gsize len;
    g_autofree char *sound = sound_file(&len);
    memset(sound + 2 * 4096, 0x5a, len - 2 * 4096);
    g_autoptr(Store) store = NULL;
    g_unlink(path);
    assert_true(g_file_set_contents(path, sound, (gssize)len, NULL));
    g_chmod(path, 0600);
    store = open_lasting();
    get(store, "77");
    put(store, "77", 1);
    WAIT_AWAY(store);
    problem_says(store, "move it away");
    g_usleep(5000000);
    assert_false(store_can_write(store));
    assert_int_equal(away_lines, 1);
    assert_int_equal(back_lines, 0);
    move_away();
    WAIT_BACK(store);
    assert_int_equal(put(store, "77", 1), STORE_YES);
    assert_int_equal(back_lines, 1);
}

/* --- a disk that fails: a VFS of SQLite around the real one --- */

typedef enum {
    FAIL_READ,
    FAIL_WRITE,
    FAIL_SYNC,
    FAIL_TRUNCATE,
    FAIL_SIZE,
    FAIL_LOCK,
    FAIL_OPEN,
    FAIL_SHM,
    FAIL_KINDS, /* those that fail at once */
    FAIL_HANG = FAIL_KINDS
} Fail;

static struct {
    sqlite3_vfs vfs, *real;
    Fail kind;
    int countdown; /* calls until the first failure; atomic */
    int failures;  /* that remain */
} disk;

typedef struct {
    sqlite3_file base;
    sqlite3_file *real;
} ShimFile;

static gboolean fails(Fail kind)
{
    return disk.kind == kind && g_atomic_int_get(&disk.failures) > 0 &&
           g_atomic_int_add(&disk.countdown, -1) <= 0 && g_atomic_int_add(&disk.failures, -1) > 0;
}

#define REAL(file) (((ShimFile *)(file))->real)
#define IO(file)   REAL(file)->pMethods

static int shim_close(sqlite3_file *f)
{
    int code = IO(f)->xClose(REAL(f));
    sqlite3_free(REAL(f));
    return code;
}
static int shim_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    return fails(FAIL_READ) ? SQLITE_IOERR_READ : IO(f)->xRead(REAL(f), to, n, at);
}
static int shim_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    if (fails(FAIL_HANG))
        g_usleep(3 * TIMEOUT_MS * 1000);
    if (!fails(FAIL_WRITE))
        return IO(f)->xWrite(REAL(f), from, n, at);
    IO(f)->xWrite(REAL(f), from, n / 2, at); /* torn */
    return n % 2 ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}
static int shim_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return fails(FAIL_TRUNCATE) ? SQLITE_IOERR_TRUNCATE : IO(f)->xTruncate(REAL(f), size);
}
static int shim_sync(sqlite3_file *f, int flags)
{
    return fails(FAIL_SYNC) ? SQLITE_IOERR_FSYNC : IO(f)->xSync(REAL(f), flags);
}
static int shim_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return fails(FAIL_SIZE) ? SQLITE_IOERR_FSTAT : IO(f)->xFileSize(REAL(f), size);
}
static int shim_lock(sqlite3_file *f, int kind)
{
    return fails(FAIL_LOCK) ? SQLITE_IOERR_LOCK : IO(f)->xLock(REAL(f), kind);
}
static int shim_unlock(sqlite3_file *f, int kind)
{
    return IO(f)->xUnlock(REAL(f), kind);
}
static int shim_reserved(sqlite3_file *f, int *ret)
{
    return IO(f)->xCheckReservedLock(REAL(f), ret);
}
static int shim_control(sqlite3_file *f, int op, void *arg)
{
    return IO(f)->xFileControl(REAL(f), op, arg);
}
static int shim_sector(sqlite3_file *f)
{
    return IO(f)->xSectorSize(REAL(f));
}
static int shim_device(sqlite3_file *f)
{
    return IO(f)->xDeviceCharacteristics(REAL(f));
}
static int shim_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
    return fails(FAIL_SHM) ? SQLITE_IOERR_SHMMAP : IO(f)->xShmMap(REAL(f), page, size, extend, ret);
}
static int shim_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return flags & SQLITE_SHM_LOCK && fails(FAIL_SHM) ? SQLITE_IOERR_SHMLOCK
                                                      : IO(f)->xShmLock(REAL(f), at, n, flags);
}
static void shim_barrier(sqlite3_file *f)
{
    IO(f)->xShmBarrier(REAL(f));
}
static int shim_shm_unmap(sqlite3_file *f, int remove_it)
{
    return IO(f)->xShmUnmap(REAL(f), remove_it);
}

static const sqlite3_io_methods shim_methods = {
    .iVersion = 2,
    .xClose = shim_close,
    .xRead = shim_read,
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = shim_size,
    .xLock = shim_lock,
    .xUnlock = shim_unlock,
    .xCheckReservedLock = shim_reserved,
    .xFileControl = shim_control,
    .xSectorSize = shim_sector,
    .xDeviceCharacteristics = shim_device,
    .xShmMap = shim_shm_map,
    .xShmLock = shim_shm_lock,
    .xShmBarrier = shim_barrier,
    .xShmUnmap = shim_shm_unmap,
};

static int shim_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *ret)
{
    ShimFile *shim = (ShimFile *)file;
    shim->base.pMethods = NULL;
    if (fails(FAIL_OPEN))
        return SQLITE_CANTOPEN;
    shim->real = sqlite3_malloc(disk.real->szOsFile);
    memset(shim->real, 0, (size_t)disk.real->szOsFile);
    int code = disk.real->xOpen(disk.real, name, shim->real, flags, ret);
    if (code == SQLITE_OK)
        shim->base.pMethods = &shim_methods;
    else
        sqlite3_free(shim->real);
    return code;
}

static void insert_shim(void)
{
    sqlite3_initialize();
    disk.real = sqlite3_vfs_find(NULL);
    disk.vfs = *disk.real;
    disk.vfs.zName = "failing";
    disk.vfs.szOsFile = sizeof(ShimFile);
    disk.vfs.xOpen = shim_open;
    disk.vfs.pNext = NULL;
    disk.failures = 0;
    assert_int_equal(sqlite3_vfs_register(&disk.vfs, 1), SQLITE_OK);
}

static void remove_shim(void)
{
    sqlite3_vfs_unregister(&disk.vfs);
    sqlite3_vfs_register(disk.real, 1);
}

#define DISK_BATCHES 12

/* A batch makes two entries and a message, or none of them. */
static StoreAnswer put_pair(Store *store, int n)
{
    g_autoptr(StoreBatch) batch = store_batch_new();
    char a[16], b[16];
    g_snprintf(a, sizeof a, "%d-a", n);
    g_snprintf(b, sizeof b, "%d-b", n);
    const JournalRecipient recipient = {.rcpt = a};
    store_batch_put(batch, STORE_BAN, a, STORE_ALWAYS, &(StoreEntry){0});
    store_batch_journal(
        batch, &(JournalMessage){.time = NOON, .queue_id = a, .recipients = &recipient, .n_recipients = 1});
    store_batch_put(batch, STORE_BAN, b, STORE_ALWAYS, &(StoreEntry){0});
    return store_apply(store, batch, NOON);
}

static gboolean count_row(const JournalMessage *message, void *data)
{
    ++*(int *)data;
    return TRUE;
}

/* Whether pair n is there; all of it or nothing. */
static gboolean has_pair(Store *store, int n)
{
    char a[16], b[16];
    int rows = 0;
    g_snprintf(a, sizeof a, "%d-a", n);
    g_snprintf(b, sizeof b, "%d-b", n);
    StoreAnswer answer = get(store, a);
    JournalQuery query = JOURNAL_ANY;
    query.queue_id = a;
    assert_int_equal(journal_search(store, &query, FALSE, count_row, &rows), STORE_YES);
    assert_int_not_equal(answer, STORE_AWAY);
    if (get(store, b) != answer || (rows > 0) != (answer == STORE_YES))
        fail_msg("half of batch %d is there", n);
    return answer == STORE_YES;
}

static void one_failing_disk(Fail kind, int after, int times)
{
    gboolean promised[DISK_BATCHES] = {FALSE};
    remove_all(folder);
    g_mkdir(folder, 0700);
    disk.kind = kind;
    g_atomic_int_set(&disk.countdown, after);
    g_atomic_int_set(&disk.failures, times);
    Store *store = open_lasting();
    for (int i = 0; i < DISK_BATCHES; i++) {
        gint64 start = g_get_monotonic_time();
        promised[i] = put_pair(store, i) == STORE_YES;
        char key[16];
        g_snprintf(key, sizeof key, "%d-a", i);
        StoreAnswer answer = get(store, key);
        if (promised[i] && answer == STORE_NO)
            fail_msg("kind %d, after %d, %d times: %d was promised and is not seen", kind, after, times, i);
        assert_in_range(since(start), 0, 2 * TIMEOUT_MS + 500);
    }
    g_atomic_int_set(&disk.failures, 0);
    store_free(store);
    store = open_now();
    for (int i = 0; i < DISK_BATCHES; i++)
        if (!has_pair(store, i) && promised[i])
            fail_msg("kind %d, after %d, %d times: %d was promised and is lost", kind, after, times, i);
    int faults = 0;
    assert_true(store_check(store, no_fault, &faults, NULL));
    store_free(store);
    pool_clear(pool);
}

static void failing_disk(void **state)
{
    insert_shim();
    for (Fail kind = 0; kind < FAIL_KINDS; kind++)
        for (int after = 0; after < 60; after += after < 12 ? 1 : 7)
            for (int times = 1; times <= 1000; times *= 1000)
                one_failing_disk(kind, after, times);
    remove_shim();
}

/* Comes back by itself when the disk does. */
static void disk_comes_back(void **state)
{
    insert_shim();
    Store *store = open_lasting();
    assert_int_equal(put_pair(store, 0), STORE_YES);
    disk.kind = FAIL_WRITE;
    g_atomic_int_set(&disk.countdown, 0);
    g_atomic_int_set(&disk.failures, G_MAXINT);
    assert_int_equal(put_pair(store, 1), STORE_AWAY);
    assert_true(has_pair(store, 0));
    assert_false(has_pair(store, 1));
    assert_false(store_can_write(store));
    g_usleep(3000000);
    assert_false(store_can_write(store));
    g_atomic_int_set(&disk.failures, 0);
    WAIT_BACK(store);
    assert_int_equal(put_pair(store, 2), STORE_YES);
    assert_int_equal(away_lines, 1);
    assert_int_equal(back_lines, 1);
    store_free(store);
    remove_shim();
}

/* A disk that hangs: who waits is told in time, and who comes then does not wait at all. */
static void disk_hangs(void **state)
{
    insert_shim();
    g_autoptr(Store) store = open_lasting();
    assert_int_equal(put_pair(store, 0), STORE_YES);
    disk.kind = FAIL_HANG;
    g_atomic_int_set(&disk.countdown, 0);
    g_atomic_int_set(&disk.failures, 2);
    gint64 start = g_get_monotonic_time();
    assert_int_equal(put_pair(store, 1), STORE_AWAY);
    assert_in_range(since(start), TIMEOUT_MS - 50, TIMEOUT_MS + 300);
    start = g_get_monotonic_time();
    for (int i = 2; i < 50; i++)
        assert_int_equal(put_pair(store, i), STORE_AWAY);
    assert_int_equal(get(store, "0-a"), STORE_YES);
    assert_in_range(since(start), 0, TIMEOUT_MS / 2);
    problem_says(store, "within");
    WAIT_BACK(store);
    assert_true(has_pair(store, 1)); /* nobody could know; here it was written */
    assert_int_equal(put_pair(store, 50), STORE_YES);
    assert_int_equal(away_lines, 1);
    assert_int_equal(back_lines, 1);
    g_clear_pointer(&store, store_free);
    remove_shim();
}

/* --- kill -9 --- */

#define KILLS 10

static void write_until_killed(int report, int from)
{
    Store *store = store_open(&(StoreSettings){.path = path, .timeout_ms = 10000});
    for (int i = from;; i++)
        if (put_pair(store, i) == STORE_YES && write(report, &i, sizeof i) != sizeof i)
            _exit(1);
}

static void killed(void **state)
{
    int last = -1, seen = 0;
    for (int round = 0; round < KILLS; round++) {
        int report[2], number;
        assert_int_equal(pipe(report), 0);
        pid_t child = fork();
        if (child == 0)
            write_until_killed(report[1], last + 1);
        close(report[1]);
        gint64 end = g_get_monotonic_time() + 100000 + round * 13777;
        int reported = last;
        while (read(report[0], &number, sizeof number) == sizeof number) {
            reported = number;
            if (end && g_get_monotonic_time() > end) {
                kill(child, SIGKILL);
                end = 0;
            }
        }
        waitpid(child, NULL, 0);
        close(report[0]);
        assert_true(reported > last);
        g_autoptr(Store) store = open_now();
        for (; seen <= reported; seen++)
            assert_true(has_pair(store, seen));
        has_pair(store, reported + 1); /* not told of, but whole if it is there */
        assert_false(has_pair(store, reported + 2));
        assert_true(has_pair(store, 0));
        int faults = 0;
        assert_true(store_check(store, no_fault, &faults, NULL));
        pool_clear(pool);
        last = reported + 1;
        seen = last + 1; /* that one may be there or not */
    }
}

/* --- time --- */

static gint64 rows(Store *store)
{
    StoreFacts facts;
    assert_true(store_facts(store, &facts, NULL));
    return facts.entries[STORE_BAN];
}

static void fill_expiring(Store *store, int n)
{
    g_autoptr(StoreBatch) batch = store_batch_new();
    for (int i = 0; i < n; i++) {
        char key[16];
        g_snprintf(key, sizeof key, "%d", i);
        store_batch_put(batch, STORE_BAN, key, STORE_ALWAYS, &(StoreEntry){.expires = NOON + 1});
    }
    store_batch_put(batch, STORE_BAN, "ever", STORE_ALWAYS, &(StoreEntry){0});
    assert_int_equal(store_apply(store, batch, NOON), STORE_YES);
}

static void upkeep(void **state)
{
    FixedClock clock = clock_fixed((NOON + 10) * G_USEC_PER_SEC);
    g_autoptr(Store) store =
        store_open(&(StoreSettings){.path = path, .timeout_ms = 5000, .clock = &clock.base});
    fill_expiring(store, 3000);
    gint64 end = g_get_monotonic_time() + BACK_MS * 1000;
    while (rows(store) > 1 && g_get_monotonic_time() < end)
        g_usleep(50000);
    assert_int_equal(rows(store), 1);
    assert_int_equal(get(store, "ever"), STORE_YES);
}

static gint64 wall_at; /* atomic: the writer reads it */

static gint64 read_wall(const Clock *self)
{
    return __atomic_load_n(&wall_at, __ATOMIC_RELAXED);
}

/* A clock that is set wrong and right again takes nothing away. */
static void clock_jumps(void **state)
{
    const Clock clock = {read_wall};
    wall_at = NOON * G_USEC_PER_SEC;
    g_autoptr(Store) store = store_open(&(StoreSettings){.path = path, .timeout_ms = 5000, .clock = &clock});
    fill_expiring(store, 10);
    g_usleep(2200000);
    __atomic_store_n(&wall_at, (NOON + 1000000) * G_USEC_PER_SEC, __ATOMIC_RELAXED);
    g_usleep(2500000);
    assert_int_equal(rows(store), 11);
    __atomic_store_n(&wall_at, (NOON - 1000000) * G_USEC_PER_SEC, __ATOMIC_RELAXED);
    g_usleep(2500000);
    assert_int_equal(rows(store), 11);
    assert_int_equal(get(store, "3"), STORE_YES);
    assert_int_equal(put(store, "more", 1), STORE_YES);
}

/* The log does not grow for ever. */
static void log_stays_small(void **state)
{
    g_autoptr(Store) store = store_open(&(StoreSettings){.path = path, .timeout_ms = 20000});
    g_autofree char *text = g_strnfill(2000, 't');
    struct stat st;
    for (int i = 0; i < 40; i++) {
        g_autoptr(StoreBatch) batch = store_batch_new();
        for (int n = 0; n < 1500; n++) {
            char key[16];
            g_snprintf(key, sizeof key, "%d", n);
            store_batch_put(batch, STORE_BAN, key, STORE_ALWAYS, &(StoreEntry){.text = text, .number = i});
        }
        assert_int_equal(store_apply(store, batch, NOON), STORE_YES);
        assert_int_equal(stat(wal, &st), 0);
        assert_in_range(st.st_size, 0, 64 << 20);
    }
}

#define TEST(f)                                                                                              \
    {                                                                                                        \
#f, f, setup, teardown, NULL                                                                         \
    }

/* The tests wait for what is tried again, so meson runs the groups side by side. */
int main(int argc, char **argv)
{
    const struct CMUnitTest file_tests[] = {
        TEST(modes),      TEST(no_folder),       TEST(must_be_there),  TEST(a_folder),
        TEST(a_fifo),     TEST(a_text),          TEST(a_newer_schema), TEST(anothers_database),
        TEST(everybodys), TEST(link_to_nowhere), TEST(link_to_a_file), TEST(read_only),
    };
    const struct CMUnitTest disk_tests[] = {
        TEST(removed_while_open), TEST(replaced_while_open), TEST(log_removed_while_open), TEST(disk_full),
        TEST(damaged_bytes),      TEST(cut_short),           TEST(damaged_while_open),     TEST(failing_disk),
        TEST(disk_comes_back),    TEST(disk_hangs),
    };
    const struct CMUnitTest process_tests[] = {
        TEST(locked_for_writing), TEST(locked_for_all),  TEST(killed), TEST(upkeep),
        TEST(clock_jumps),        TEST(log_stays_small),
    };
    const char *group = argc == 2 ? argv[1] : "";
    if (g_str_equal(group, "file"))
        return cmocka_run_group_tests_name("store: a file that cannot be opened", file_tests, NULL, NULL);
    if (g_str_equal(group, "disk"))
        return cmocka_run_group_tests_name("store: a file that fails while it is open", disk_tests, NULL,
                                           NULL);
    if (g_str_equal(group, "process"))
        return cmocka_run_group_tests_name("store: other processes, and time", process_tests, NULL, NULL);
    fprintf(stderr, "usage: test-store-faults file|disk|process\n");
    return 2;
}
