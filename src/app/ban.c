/* postern ban — who is banned: show, add, remove, export as a DNSBL. */
#include <stdio.h>
#include <string.h>

#include "app/ban-zone.h"
#include "app/command.h"
#include "app/store-option.h"
#include "base/clock.h"
#include "checks/ban-key.h"
#include "conf/glob.h"
#include "conf/values.h"

typedef struct {
    StoreOption store_option;
    char *span, *why, *zone;
    gboolean json;
    char **words; /* after the subcommand; NULL ends */
    Store *store;
    gint64 now;
    BanZone *export;
    guint shown;
} Task;

/* A client as it is banned, or a domain, a mailbox, "*.domain" as they are. The caller frees. */
static char *key_of(const char *who)
{
    IpAddress ip;
    IpNet net;
    if (ip_parse(who, &ip))
        return ban_client_key(&ip);
    if (ip_net_parse(who, &net) && net.base.family == IP_V6)
        return ban_client_key(&net.base);
    return g_ascii_strdown(who, -1);
}

/* --- show and export --- */

static gboolean wanted(const Task *task, const char *key)
{
    for (char **word = task->words; *word; word++) {
        g_autofree char *exact = key_of(*word);
        g_autofree char *glob = g_ascii_strdown(*word, -1);
        if (strcmp(exact, key) == 0 || glob_match(glob, key))
            return TRUE;
    }
    return !task->words[0];
}

static gboolean show_one(const StoreEntry *entry, void *data)
{
    Task *task = data;
    if (!wanted(task, entry->key))
        return TRUE;
    task->shown++;
    if (task->json) {
        g_autoptr(Record) record = record_new();
        record_entry(record, entry);
        command_print(record, TRUE);
        return TRUE;
    }
    g_autofree char *end = entry_end(entry, task->now);
    printf("%-30s %-15s  %s\n", entry->key, end, entry->text);
    return TRUE;
}

static int run_show(Task *task)
{
    if (store_each(task->store, STORE_BAN, "", NULL, task->now, show_one, task) != STORE_YES)
        return EXIT_AGAIN;
    return task->shown || !task->words[0] ? EXIT_DONE : EXIT_NO;
}

static gboolean export_one(const StoreEntry *entry, void *data)
{
    ban_zone_add(((Task *)data)->export, entry->key, entry->text); /* domains are left out */
    return TRUE;
}

static int run_export(Task *task)
{
    g_autoptr(BanZone) zone = task->export = ban_zone_new();
    if (store_each(task->store, STORE_BAN, "", NULL, task->now, export_one, task) != STORE_YES)
        return EXIT_AGAIN;
    g_autofree char *text = ban_zone_text(zone, task->zone ? task->zone : "");
    fputs(text, stdout);
    return EXIT_DONE;
}

/* --- add and remove --- */

/* FALSE: it has been said. An IPv4 network is not banned as such. */
static gboolean is_one_client(const char *who)
{
    IpNet net;
    IpAddress ip;
    if (ip_parse(who, &ip) || !ip_net_parse(who, &net) ||
        (net.base.family == IP_V6 && net.bits == BAN_IPV6_BITS))
        return TRUE;
    fprintf(stderr,
            "postern ban: %s: networks stand in [connection] banned_ips; here are addresses, IPv6 /%d, and "
            "domains\n",
            who, BAN_IPV6_BITS);
    return FALSE;
}

static int run_add(Task *task)
{
    gint64 span = 0;
    if (task->span && !value_span(task->span, &span)) {
        fprintf(stderr, "postern ban: --for %s: a time such as 12h or 7d is expected\n", task->span);
        return EXIT_USAGE;
    }
    const StoreEntry entry = {
        .text = task->why ? task->why : "by hand",
        .expires = span ? task->now + span : 0,
    };
    g_autoptr(StoreBatch) batch = store_batch_new();
    for (char **word = task->words; *word; word++) {
        g_autofree char *key = key_of(*word);
        if (!is_one_client(*word))
            return EXIT_USAGE;
        store_batch_put(batch, STORE_BAN, key, STORE_ALWAYS, &entry);
    }
    return store_apply(task->store, batch, task->now) == STORE_YES ? EXIT_DONE : EXIT_AGAIN;
}

/* Pardoned is pardoned: what has been counted goes, too, or the next demerit bans anew. */
static int run_remove(Task *task)
{
    g_autoptr(StoreBatch) batch = store_batch_new();
    g_autoptr(Pool) pool = pool_new();
    int status = EXIT_DONE;
    for (char **word = task->words; *word; word++) {
        g_autofree char *key = key_of(*word);
        StoreEntry entry;
        StoreAnswer answer = store_get(task->store, STORE_BAN, key, task->now, pool, &entry);
        if (answer == STORE_AWAY)
            return EXIT_AGAIN;
        if (answer == STORE_NO) {
            fprintf(stderr, "postern ban: %s is not banned\n", key);
            status = EXIT_NO;
        }
        store_batch_remove(batch, STORE_BAN, key);
        store_batch_remove(batch, STORE_DEMERIT, key);
        store_batch_remove(batch, STORE_UNKNOWN, key);
    }
    return store_apply(task->store, batch, task->now) == STORE_YES ? status : EXIT_AGAIN;
}

/* --- the command --- */

static const struct {
    const char *name;
    int (*run)(Task *task);
    StoreUse use;
    gboolean needs_words;
} subcommands[] = {
    {"show", run_show, STORE_TO_READ, FALSE},     {"add", run_add, STORE_TO_MAKE, TRUE},
    {"remove", run_remove, STORE_TO_WRITE, TRUE}, {"pardon", run_remove, STORE_TO_WRITE, TRUE},
    {"export", run_export, STORE_TO_READ, FALSE},
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
    fprintf(stderr, "Usage: postern ban show|add|remove|pardon|export (-c FILE | --file PATH) [WHO…]\n");
    return EXIT_USAGE;
}

int command_ban(int argc, char **argv)
{
    Task task = {.now = clock_seconds(&clock_system)};
    const GOptionEntry entries[] = {
        STORE_ENTRIES(task.store_option),
        {"for", 0, 0, G_OPTION_ARG_STRING, &task.span, "add: how long, such as 12h or 7d; else for ever",
         "TIME"},
        {"why", 0, 0, G_OPTION_ARG_STRING, &task.why, "add: the reason, which the client is told", "TEXT"},
        {"zone", 0, 0, G_OPTION_ARG_STRING, &task.zone, "export: the zone that the names are relative to",
         "NAME"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &task.json, "JSON for machines (show)", NULL},
        {NULL},
    };
    int status = EXIT_USAGE;
    if (command_options(&argc, &argv, entries, "show|add|remove|pardon|export [WHO…]",
                        "Who is banned. WHO is an address, an IPv6 /64, a domain, *.domain or a mailbox.\n"
                        "remove and pardon are one; what was counted against the client goes, too.\n"
                        "export prints addresses as lines of a DNSBL zone."))
        status = find_and_run(&task, argv);
    store_option_clear(&task.store_option);
    g_free(task.span);
    g_free(task.why);
    g_free(task.zone);
    return status;
}
