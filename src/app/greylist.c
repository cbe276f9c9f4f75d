/* postern greylist — who is waiting, who has come back: show, pardon, exempt. */
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/store-option.h"
#include "checks/grey-key.h"

/* As many deliveries as nobody asks for: `exempt` is for good. */
#define EXEMPT_NUMBER 1000000

typedef struct {
    StoreTask base;
    gboolean waiting, clients;
    GPtrArray *found; /* keys, of pardon */
    guint shown;
} Task;

/* Every word is somewhere in the key: a client, an address, a domain. */
static gboolean wanted(const Task *task, const StoreEntry *entry)
{
    if (task->waiting && entry->number > 0)
        return FALSE;
    for (char **word = task->base.words; *word; word++) {
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
    if (task->base.json) {
        g_autoptr(Record) record = record_new();
        record_entry(record, entry);
        command_print(record, TRUE);
    } else {
        print_line(entry, task->base.now);
    }
    return TRUE;
}

static int run_show(StoreTask *base)
{
    Task *task = (Task *)base;
    StoreTable table = task->clients ? STORE_GREYCLIENT : STORE_GREYLIST;
    if (store_each(task->base.store, table, "", NULL, task->base.now, show_one, task) != STORE_YES)
        return EXIT_AGAIN;
    return task->shown || !task->base.words[0] ? EXIT_DONE : EXIT_NO;
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
static int run_pardon(StoreTask *base)
{
    Task *task = (Task *)base;
    g_autoptr(GPtrArray) found = task->found = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(StoreBatch) batch = store_batch_new();
    if (store_each(task->base.store, STORE_GREYLIST, "", NULL, task->base.now, find_one, task) != STORE_YES)
        return EXIT_AGAIN;
    for (guint i = 0; i < found->len; i++)
        store_batch_add(batch, STORE_GREYLIST, found->pdata[i], 1, 0, FALSE, NULL);
    if (store_apply(task->base.store, batch, task->base.now) != STORE_YES)
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

static int run_exempt(StoreTask *task)
{
    gint64 expires;
    if (!store_task_expires(task, "greylist", &expires))
        return EXIT_USAGE;
    const StoreEntry entry = {
        .text = "by hand",
        .number = EXEMPT_NUMBER,
        .expires = expires,
    };
    g_autoptr(StoreBatch) batch = store_batch_new();
    for (char **word = task->words; *word; word++) {
        g_autofree char *client = client_of(*word);
        store_batch_put(batch, STORE_GREYCLIENT, client, STORE_ALWAYS, &entry);
    }
    return store_apply(task->store, batch, task->now) == STORE_YES ? EXIT_DONE : EXIT_AGAIN;
}

/* --- the command --- */

static const StoreCommand subcommands[] = {
    {"show", run_show, STORE_TO_READ, FALSE},
    {"pardon", run_pardon, STORE_TO_WRITE, TRUE},
    {"exempt", run_exempt, STORE_TO_MAKE, TRUE},
    {NULL},
};

int command_greylist(int argc, char **argv)
{
    Task task = {0};
    const GOptionEntry entries[] = {
        STORE_ENTRIES(task.base.option),
        {"waiting", 0, 0, G_OPTION_ARG_NONE, &task.waiting, "show: only those who have not come back", NULL},
        {"clients", 0, 0, G_OPTION_ARG_NONE, &task.clients, "show: clients that have come back, instead",
         NULL},
        {"for", 0, 0, G_OPTION_ARG_STRING, &task.base.span,
         "exempt: how long, such as 12h or 7d; else for ever", "TIME"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &task.base.json, "JSON for machines (show)", NULL},
        {NULL},
    };
    int status = EXIT_USAGE;
    if (command_options(
            &argc, &argv, entries, "show|pardon|exempt [WORD…]",
            "Who is waiting, and who has come back: client, sender, recipient.\n"
            "show and pardon look for entries with every WORD in them; pardon lets the next try pass.\n"
            "exempt asks a network or a proven domain no more."))
        status = store_task_run(&task.base, subcommands, argv,
                                "postern greylist show|pardon|exempt (-c FILE | --file PATH) [WORD…]");
    store_task_clear(&task.base);
    return status;
}
