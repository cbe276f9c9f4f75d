/* postern greylist — who is waiting, who has come back: show, pardon, exempt. */
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/store-option.h"
#include "base/clock.h"
#include "checks/grey-key.h"
#include "conf/values.h"

/* As many deliveries as nobody asks for: `exempt` is for good. */
#define EXEMPT_NUMBER 1000000

typedef struct {
    StoreOption store_option;
    char *span;
    gboolean json, waiting, clients;
    char **words;
    Store *store;
    gint64 now;
    GPtrArray *found; /* keys, of pardon */
    guint shown;
} Task;

/* Every word is somewhere in the key: a client, an address, a domain. */
static gboolean wanted(const Task *task, const StoreEntry *entry)
{
    if (task->waiting && entry->number > 0)
        return FALSE;
    for (char **word = task->words; *word; word++) {
        g_autofree char *folded = g_ascii_strdown(*word, -1);
        if (!strstr(entry->key, folded))
            return FALSE;
    }
    return TRUE;
}

/* --- show --- */

static void print_line(const StoreEntry *entry, gint64 now)
{
    g_autofree char *age = span_to_string(now - entry->created);
    g_autofree char *end = entry_end(entry, now);
    g_autofree char *passed = g_strdup_printf("passed %" G_GINT64_FORMAT, entry->number);
    printf("%-11s since %-7s %-15s  %s\n", entry->number ? passed : "waiting", age, end, entry->key);
}

static gboolean show_one(const StoreEntry *entry, void *data)
{
    Task *task = data;
    if (!wanted(task, entry))
        return TRUE;
    task->shown++;
    if (task->json) {
        g_autoptr(Record) record = record_new();
        record_entry(record, entry);
        command_print(record, TRUE);
    } else {
        print_line(entry, task->now);
    }
    return TRUE;
}

static int run_show(Task *task)
{
    StoreTable table = task->clients ? STORE_GREYCLIENT : STORE_GREYLIST;
    if (store_each(task->store, table, "", NULL, task->now, show_one, task) != STORE_YES)
        return EXIT_AGAIN;
    return task->shown || !task->words[0] ? EXIT_DONE : EXIT_NO;
}

/* --- pardon --- */

static gboolean find_one(const StoreEntry *entry, void *data)
{
    Task *task = data;
    if (entry->number == 0 && wanted(task, entry))
        g_ptr_array_add(task->found, g_strdup(entry->key));
    return TRUE;
}

/* The next try passes, whenever it comes within the window. */
static int run_pardon(Task *task)
{
    g_autoptr(GPtrArray) found = task->found = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(StoreBatch) batch = store_batch_new();
    if (store_each(task->store, STORE_GREYLIST, "", NULL, task->now, find_one, task) != STORE_YES)
        return EXIT_AGAIN;
    for (guint i = 0; i < found->len; i++)
        store_batch_add(batch, STORE_GREYLIST, found->pdata[i], 1, 0, FALSE, NULL);
    if (store_apply(task->store, batch, task->now) != STORE_YES)
        return EXIT_AGAIN;
    for (guint i = 0; i < found->len; i++)
        printf("%s\n", (const char *)found->pdata[i]);
    return found->len ? EXIT_DONE : EXIT_NO;
}

/* --- exempt --- */

/* A network as the greylist knows it, or a domain that is proven. The caller frees. */
static char *client_of(const char *word)
{
    IpAddress ip;
    IpNet net;
    if (ip_parse(word, &ip))
        return grey_network(&ip);
    if (ip_net_parse(word, &net))
        return grey_network(&net.base);
    return g_ascii_strdown(word, -1);
}

static int run_exempt(Task *task)
{
    gint64 span = 0;
    if (task->span && !value_span(task->span, &span)) {
        fprintf(stderr, "postern greylist: --for %s: a time such as 12h or 7d is expected\n", task->span);
        return EXIT_USAGE;
    }
    const StoreEntry entry = {
        .text = "by hand",
        .number = EXEMPT_NUMBER,
        .expires = span ? task->now + span : 0,
    };
    g_autoptr(StoreBatch) batch = store_batch_new();
    for (char **word = task->words; *word; word++) {
        g_autofree char *client = client_of(*word);
        store_batch_put(batch, STORE_GREYCLIENT, client, STORE_ALWAYS, &entry);
    }
    return store_apply(task->store, batch, task->now) == STORE_YES ? EXIT_DONE : EXIT_AGAIN;
}

/* --- the command --- */

static const struct {
    const char *name;
    int (*run)(Task *task);
    StoreUse use;
    gboolean needs_words;
} subcommands[] = {
    {"show", run_show, STORE_TO_READ, FALSE},
    {"pardon", run_pardon, STORE_TO_WRITE, TRUE},
    {"exempt", run_exempt, STORE_TO_MAKE, TRUE},
};

static int find_and_run(Task *task, char **argv)
{
    for (gsize i = 0; argv[1] && i < G_N_ELEMENTS(subcommands); i++) {
        int status;
        if (strcmp(argv[1], subcommands[i].name) != 0)
            continue;
        task->words = argv + 2;
        if (subcommands[i].needs_words && !task->words[0])
            break;
        g_autoptr(Store) store = store_option_open(&task->store_option, subcommands[i].use, &status);
        task->store = store;
        return store ? subcommands[i].run(task) : status;
    }
    fprintf(stderr, "Usage: postern greylist show|pardon|exempt (-c FILE | --file PATH) [WORD…]\n");
    return EXIT_USAGE;
}

int command_greylist(int argc, char **argv)
{
    Task task = {.now = clock_seconds(&clock_system)};
    const GOptionEntry entries[] = {
        STORE_ENTRIES(task.store_option),
        {"waiting", 0, 0, G_OPTION_ARG_NONE, &task.waiting, "show: only those who have not come back", NULL},
        {"clients", 0, 0, G_OPTION_ARG_NONE, &task.clients, "show: clients that have come back, instead",
         NULL},
        {"for", 0, 0, G_OPTION_ARG_STRING, &task.span, "exempt: how long, such as 12h or 7d; else for ever",
         "TIME"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &task.json, "JSON for machines (show)", NULL},
        {NULL},
    };
    int status = EXIT_USAGE;
    if (command_options(
            &argc, &argv, entries, "show|pardon|exempt [WORD…]",
            "Who is waiting, and who has come back: client, sender, recipient.\n"
            "show and pardon look for entries with every WORD in them; pardon lets the next try pass.\n"
            "exempt asks a network or a proven domain no more."))
        status = find_and_run(&task, argv);
    store_option_clear(&task.store_option);
    g_free(task.span);
    return status;
}
