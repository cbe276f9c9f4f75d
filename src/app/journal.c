/* postern journal — what became of messages: search, show one, count (K4, D6). Reads the store's file; the daemon may run
 * beside it. */
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/journal-query.h"
#include "app/journal-row.h"
#include "app/store-option.h"
#include "app/trace-text.h"
#include "base/clock.h"
#include "base/escape.h"

#define SEARCH_LIMIT 100 /* rows that search prints unless told otherwise */
#define TOP_LIMIT    20

typedef struct {
    StoreOption store;
    gboolean json, hourly;
    JournalOptions which;
} Options;

static void options_clear(Options *options)
{
    store_option_clear(&options->store);
    journal_options_clear(&options->which);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

/* One subcommand at work. */
typedef struct {
    const Options *options;
    Store *store;
    JournalQuery query;
    gint64 now;
    const char *argument; /* of show and top; else NULL */
} Job;

static int away(void)
{
    fprintf(stderr, "postern journal: the store cannot be read now\n");
    return EXIT_AGAIN;
}

/* --- search --- */

typedef struct {
    const Job *job;
    guint n;
} Printing;

static gboolean print_row(const JournalMessage *row, void *data)
{
    Printing *printing = data;
    if (printing->job->options->json) {
        g_autoptr(Record) record = journal_row_record(row);
        command_print(record, TRUE);
    } else {
        g_autofree char *head = printing->n ? NULL : journal_row_head();
        g_autofree char *line = journal_row_line(row, printing->job->now);
        if (head)
            puts(head);
        puts(line);
    }
    printing->n++;
    return !ferror(stdout);
}

static int search(Job *job)
{
    Printing printing = {job, 0};
    if (journal_search(job->store, &job->query, FALSE, print_row, &printing) == STORE_AWAY)
        return away();
    if (printing.n && printing.n == job->query.limit && !job->options->json &&
        job->options->which.limit < 0) /* who asked for so many knows */
        fprintf(stderr, "postern journal: there may be more; --limit says how many are shown\n");
    return printing.n ? EXIT_DONE : EXIT_NO;
}

/* --- show --- */

typedef struct {
    JournalMessage message;
    JournalRecipient recipient;
    Pool *pool;
} KeptRow;

static void kept_row_free(gpointer data)
{
    KeptRow *row = data;
    pool_free(row->pool);
    g_free(row);
}

static KeptRow *keep_row(const JournalMessage *from)
{
    KeptRow *row = g_new0(KeptRow, 1);
    Pool *pool = row->pool = pool_new();
    JournalMessage *m = &row->message;
    JournalRecipient *r = &row->recipient;
    *m = *from;
    *r = *from->recipients;
    const char **strings[] = {&m->queue_id,      &m->client,     &m->helo,    &m->login, &m->sender,
                              &m->sender_domain, &m->message_id, &m->subject, &m->facts, &r->rcpt,
                              &r->tag,           &r->subject,    &r->rule,    &r->text};
    for (gsize i = 0; i < G_N_ELEMENTS(strings); i++)
        *strings[i] = pool_strdup(pool, *strings[i]);
    m->recipients = r;
    return row;
}

/* The rows of one message: a queue id may come again after months, and the newest is meant. */
static gboolean collect(const JournalMessage *row, void *data)
{
    GPtrArray *rows = data;
    if (rows->len && ((const JournalMessage *)rows->pdata[0])->id != row->id)
        return FALSE;
    g_ptr_array_add(rows, keep_row(row));
    return TRUE;
}

static StoreAnswer find(const Job *job, const JournalQuery *query, GPtrArray *rows)
{
    return journal_search(job->store, query, TRUE, collect, rows);
}

static int show(Job *job)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(kept_row_free);
    JournalQuery by_id = JOURNAL_ANY, by_queue_id = JOURNAL_ANY;
    guint64 id;
    StoreAnswer answer = STORE_YES;
    by_queue_id.queue_id = job->argument;
    if (g_ascii_string_to_unsigned(job->argument, 10, 1, G_MAXINT64, &id, NULL)) {
        by_id.id = (gint64)id;
        answer = find(job, &by_id, rows);
    }
    if (answer != STORE_AWAY && !rows->len)
        answer = find(job, &by_queue_id, rows);
    if (answer == STORE_AWAY)
        return away();
    if (!rows->len) {
        fprintf(stderr, "postern journal: there is no message %s\n", job->argument);
        return EXIT_NO;
    }
    g_autoptr(Record) trace = journal_rows_trace(rows);
    if (job->options->json)
        command_print(trace, TRUE);
    else
        trace_print(trace, stdout);
    return EXIT_DONE;
}

/* --- stats --- */

typedef struct {
    GTree *periods; /* "2026-11-23" → gint64[JOURNAL_END_COUNT] */
    gint64 sums[JOURNAL_END_COUNT];
    int end;
} Stats;

static gboolean add_count(const char *value, gint64 n, void *data)
{
    Stats *stats = data;
    gint64 *counts = g_tree_lookup(stats->periods, value);
    if (!counts) {
        counts = g_new0(gint64, JOURNAL_END_COUNT);
        g_tree_insert(stats->periods, g_strdup(value), counts);
    }
    counts[stats->end] += n;
    stats->sums[stats->end] += n;
    return TRUE;
}

#define PERIOD_WIDTH 13

static gboolean print_period(gpointer key, gpointer value, gpointer data)
{
    const Stats *stats = data;
    const gint64 *counts = value;
    gint64 all = 0;
    printf("%-*s", PERIOD_WIDTH, (const char *)key);
    for (int end = 0; end < JOURNAL_END_COUNT; end++) {
        all += counts[end];
        if (stats->sums[end])
            printf(" %11" G_GINT64_FORMAT, counts[end]);
    }
    printf(" %9" G_GINT64_FORMAT "\n", all);
    return FALSE;
}

static gboolean print_period_json(gpointer key, gpointer value, gpointer data)
{
    const gint64 *counts = value;
    g_autoptr(Record) record = record_new();
    record_str(record, "period", key);
    for (int end = 0; end < JOURNAL_END_COUNT; end++)
        record_int(record, journal_end_name(end), counts[end]);
    command_print(record, TRUE);
    return FALSE;
}

static void print_stats(const Stats *stats, gboolean json)
{
    if (json) {
        g_tree_foreach(stats->periods, print_period_json, NULL);
        return;
    }
    printf("%-*s", PERIOD_WIDTH, "UTC");
    for (int end = 0; end < JOURNAL_END_COUNT; end++)
        if (stats->sums[end])
            printf(" %11s", journal_end_name(end));
    printf(" %9s\n", "all");
    g_tree_foreach(stats->periods, print_period, (gpointer)stats);
    if (g_tree_nnodes(stats->periods) > 1)
        print_period((gpointer) "all", (gpointer)stats->sums, (gpointer)stats);
}

static int compare(const void *a, const void *b, void *data)
{
    return strcmp(a, b);
}

static int stats(Job *job)
{
    Stats stats = {.periods = g_tree_new_full(compare, NULL, g_free, g_free)};
    JournalColumn by = job->options->hourly ? JOURNAL_BY_HOUR : JOURNAL_BY_DAY;
    StoreAnswer answer = STORE_YES;
    int only = job->query.end;
    job->query.limit = 0;
    for (stats.end = 0; stats.end < JOURNAL_END_COUNT && answer == STORE_YES; stats.end++) {
        if (only >= 0 && stats.end != only)
            continue;
        job->query.end = stats.end;
        answer = journal_top(job->store, by, &job->query, add_count, &stats);
    }
    gint n = g_tree_nnodes(stats.periods);
    if (answer != STORE_AWAY && n)
        print_stats(&stats, job->options->json);
    g_tree_destroy(stats.periods);
    return answer == STORE_AWAY ? away() : n ? EXIT_DONE : EXIT_NO;
}

/* --- top --- */

static gboolean print_count(const char *value, gint64 n, void *data)
{
    Printing *printing = data;
    printing->n++;
    if (printing->job->options->json) {
        g_autoptr(Record) record = record_new();
        record_str(record, printing->job->argument, value);
        record_int(record, "n", n);
        command_print(record, TRUE);
        return TRUE;
    }
    g_autoptr(GString) safe = g_string_new(NULL);
    escape_append(safe, value, strlen(value), ESCAPE_KEEP_UTF8, NULL);
    printf("%9" G_GINT64_FORMAT "  %s\n", n, safe->len ? safe->str : "-");
    return TRUE;
}

static int top(Job *job)
{
    JournalColumn by;
    if (!journal_column_parse(job->argument, &by)) {
        fprintf(stderr, "postern journal: top %s: one of", job->argument);
        for (int i = 0; i < JOURNAL_COLUMN_COUNT; i++)
            fprintf(stderr, "%s %s", i ? "," : "", journal_column_name(i));
        fprintf(stderr, " belongs there\n");
        return EXIT_USAGE;
    }
    Printing printing = {job, 0};
    if (journal_top(job->store, by, &job->query, print_count, &printing) == STORE_AWAY)
        return away();
    return printing.n ? EXIT_DONE : EXIT_NO;
}

/* --- the command --- */

static const struct {
    const char *name;
    int (*run)(Job *job);
    const char *argument; /* NULL: takes none */
    int limit;
} subcommands[] = {
    {"search", search, NULL, SEARCH_LIMIT},
    {"show", show, "ID or QUEUE-ID", 0},
    {"stats", stats, NULL, 0},
    {"top", top, "client, helo, login, sender, domain, rcpt, tag, rule, end, day or hour", TOP_LIMIT},
};

static int run(const Options *options, int argc, char **argv)
{
    gsize i = 0;
    while (i < G_N_ELEMENTS(subcommands) && (argc < 2 || strcmp(argv[1], subcommands[i].name) != 0))
        i++;
    if (i == G_N_ELEMENTS(subcommands)) {
        fprintf(stderr, "Usage: postern journal search|show|stats|top [-c FILE | --file PATH] [OPTION…]\n");
        return EXIT_USAGE;
    }
    if (argc != 2 + (subcommands[i].argument != NULL)) {
        fprintf(stderr, "postern journal %s: %s\n", argv[1],
                argc == 2 ? subcommands[i].argument : "there is an argument too many");
        return EXIT_USAGE;
    }
    Job job = {.options = options, .now = clock_seconds(&clock_system), .argument = argv[2]};
    if (!journal_options_query(&options->which, job.now, &job.query))
        return EXIT_USAGE;
    if (options->which.limit < 0)
        job.query.limit = (guint)subcommands[i].limit;
    int status;
    g_autoptr(Store) store = store_option_open(&options->store, STORE_TO_READ, &status);
    if (!store)
        return status;
    job.store = store;
    return subcommands[i].run(&job);
}

int command_journal(int argc, char **argv)
{
    g_auto(Options) options = {.which.limit = -1};
    const GOptionEntry entries[] = {
        STORE_ENTRIES(options.store),
        JOURNAL_ENTRIES(options.which),
        {"hourly", 0, 0, G_OPTION_ARG_NONE, &options.hourly, "stats by the hour", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "JSON for machines, one object a line", NULL},
        {NULL},
    };
    if (!command_options(
            &argc, &argv, entries, "search | show ID | stats | top COLUMN",
            "Searches what became of messages: one line a recipient, the newest first; shows all that was\n"
            "known about one of them; counts them by day; says who or what comes most often. Words match\n"
            "whole, without case, and * in them stands for anything.\n"
            "Exit status 0: something was found; 1: nothing; 75: the store cannot be read now."))
        return EXIT_USAGE;
    return run(&options, argc, argv);
}
