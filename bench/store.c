/*
 * store.c — what the lasting store costs: opening a large one, a look-up, an update alone and among many, appending to the journal.
 *
 *     bench-store FILE ENTRIES       FILE is made, filled, and removed at the end
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/journal.h"

#define NOON        G_GINT64_CONSTANT(1795435200) /* 2026-11-23T12:00:00Z */
#define LOOKUPS     200000
#define THREADS_MAX 64
#define MEASURE_S   5 /* for which updates and appends are measured */

static Store *store;
static guint entries;
static gint64 stop_at;

typedef struct {
    pthread_t thread;
    guint number;
    GArray *times; /* of gint64, ns */
    guint away;
} Worker;

static gint64 now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * G_GINT64_CONSTANT(1000000000) + now.tv_nsec;
}

/* As a greylist has them. */
static void make_key(char key[static 128], guint n)
{
    g_snprintf(key, 128, "192.0.%u.0/24 sender%u@host%u.example.com rcpt%u@our.example", n % 251, n, n % 977,
               n % 89);
}

static int compare(const void *a, const void *b)
{
    gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;
    return (x > y) - (x < y);
}

static double percentile(GArray *times, double part)
{
    return times->len ? g_array_index(times, gint64, (guint)((times->len - 1) * part)) / 1000.0 : 0;
}

static void print_times(const char *what, GArray *times, double seconds)
{
    g_array_sort(times, compare);
    printf("%-34s %9.0f /s  p50 %8.1f us  p99 %8.1f us  most %8.0f us\n", what, times->len / seconds,
           percentile(times, 0.5), percentile(times, 0.99), percentile(times, 1));
    fflush(stdout);
}

static void fill(void)
{
    g_autoptr(StoreBatch) batch = store_batch_new();
    for (guint i = 0; i < entries; i++) {
        char key[128];
        make_key(key, i);
        store_batch_put(batch, STORE_GREYLIST, key, STORE_ALWAYS,
                        &(StoreEntry){.number = i % 7, .expires = NOON + 1 + i % 3456000});
        if ((i % 2000 == 1999 || i + 1 == entries) && store_apply(store, batch, NOON) != STORE_YES)
            exit(1);
    }
}

static void look_up(void)
{
    g_autoptr(Pool) pool = pool_new();
    g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(gint64));
    gint64 start = now_ns();
    for (guint i = 0; i < LOOKUPS; i++) {
        char key[128];
        StoreEntry entry;
        make_key(key, (guint)((guint64)i * 7919 % (2 * (guint64)entries))); /* every other one is not there */
        gint64 before = now_ns();
        if (store_get(store, STORE_GREYLIST, key, NOON, pool, &entry) == STORE_AWAY)
            exit(1);
        gint64 took = now_ns() - before;
        g_array_append_val(times, took);
        if (i % 1000 == 0)
            pool_clear(pool);
    }
    print_times("look-up", times, (now_ns() - start) / 1e9);
}

static void fill_update(StoreBatch *batch, guint n)
{
    char key[128];
    make_key(key, n);
    store_batch_add(batch, STORE_GREYLIST, key, 1, NOON + 3456000, TRUE, NULL);
}

/* What a message of two recipients leaves, with what is known of it as JSON. */
static void fill_append(StoreBatch *batch, guint n)
{
    static char facts[2000];
    char sender[64], id[32];
    memset(facts, 'f', sizeof facts - 1);
    g_snprintf(sender, sizeof sender, "sender%u@host%u.example.com", n, n % 977);
    g_snprintf(id, sizeof id, "4Xy%08x", n);
    const JournalRecipient recipients[] = {
        {"joe@our.example", JOURNAL_ACCEPTED, 250, "SPF-Pass", sender, "by default", "ok"},
        {"jim@our.example", JOURNAL_REFUSED, 550, "SPF-Fail", sender, "access:12", "SPF fail: see there"},
    };
    store_batch_journal(batch, &(JournalMessage){.time = NOON + n / 100,
                                                 .session = n,
                                                 .queue_id = id,
                                                 .client = "192.0.2.1",
                                                 .helo = "mail.example.com",
                                                 .sender = sender,
                                                 .sender_domain = "example.com",
                                                 .message_id = sender,
                                                 .subject = "A subject of some words",
                                                 .facts = facts,
                                                 .recipients = recipients,
                                                 .n_recipients = 2});
}

static void (*fill_batch)(StoreBatch *batch, guint n);

static void *write_on(void *data)
{
    Worker *worker = data;
    g_autoptr(StoreBatch) batch = store_batch_new();
    g_autoptr(GRand) rand = g_rand_new_with_seed(worker->number);
    while (now_ns() < stop_at) {
        fill_batch(batch, (guint)g_rand_int_range(rand, 0, (gint32)entries));
        gint64 before = now_ns();
        worker->away += store_apply(store, batch, NOON) != STORE_YES;
        gint64 took = now_ns() - before;
        g_array_append_val(worker->times, took);
    }
    return NULL;
}

static void write_with(const char *what, guint threads, void (*filler)(StoreBatch *batch, guint n))
{
    Worker workers[THREADS_MAX];
    g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(gint64));
    guint away = 0;
    fill_batch = filler;
    stop_at = now_ns() + MEASURE_S * G_GINT64_CONSTANT(1000000000);
    for (guint i = 0; i < threads; i++) {
        workers[i] = (Worker){.number = i, .times = g_array_new(FALSE, FALSE, sizeof(gint64))};
        if (pthread_create(&workers[i].thread, NULL, write_on, &workers[i]) != 0)
            exit(1);
    }
    for (guint i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        g_array_append_vals(times, workers[i].times->data, workers[i].times->len);
        g_array_unref(workers[i].times);
        away += workers[i].away;
    }
    g_autofree char *title = g_strdup_printf("%s, %u thread%s", what, threads, threads > 1 ? "s" : "");
    print_times(title, times, MEASURE_S);
    if (away)
        printf("%34s %u were away\n", "", away);
}

static gint64 size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : 0;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    const char *path = argv[1];
    entries = (guint)strtoul(argv[2], NULL, 10);
    const StoreSettings settings = {.path = path, .timeout_ms = 10000};
    store = store_open(&settings);
    gint64 start = now_ns();
    fill();
    printf("%u entries in %.1f s\n", entries, (now_ns() - start) / 1e9);
    store_free(store);
    printf("%.0f bytes an entry\n", (double)size_of(path) / entries);

    start = now_ns();
    store = store_open(&settings);
    g_autoptr(Pool) pool = pool_new();
    char key[128];
    StoreEntry entry;
    make_key(key, entries / 2);
    StoreAnswer answer = store_get(store, STORE_GREYLIST, key, NOON, pool, &entry);
    printf("%.1f ms from opening to the first answer\n", (now_ns() - start) / 1e6);
    look_up();
    static const guint threads[] = {1, 16, 64};
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        write_with("update", threads[i], fill_update);
    StoreFacts facts = {0};
    store_facts(store, &facts, NULL);
    gint64 bytes = facts.bytes;
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        write_with("journal", threads[i], fill_append);
    look_up();
    g_usleep(2000000); /* the log is copied */
    store_facts(store, &facts, NULL);
    if (facts.messages)
        printf("%.0f bytes a message in the journal\n", (double)(facts.bytes - bytes) / facts.messages);
    store_free(store);
    unlink(path);
    return answer == STORE_YES ? 0 : 1;
}
