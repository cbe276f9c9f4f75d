/* postern ban — who is banned: show, add, remove, export as a DNSBL. */
#include <stdio.h>
#include <string.h>

#include "app/ban-zone.h"
#include "app/command.h"
#include "app/store-option.h"
#include "checks/ban-key.h"
#include "conf/glob.h"

typedef struct {
    StoreTask base;
    char *why, *zone;
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
    for (char **word = task->base.words; *word; word++) {
        g_autofree char *exact = key_of(*word);
        g_autofree char *glob = g_ascii_strdown(*word, -1);
        if (strcmp(exact, key) == 0 || glob_match(glob, key))
            return TRUE;
    }
    return !task->base.words[0];
}

static gboolean show_one(const StoreEntry *entry, void *data)
{
    Task *task = data;
    if (!wanted(task, entry->key))
        return TRUE;
    task->shown++;
    if (task->base.json) {
        g_autoptr(Record) record = record_new();
        record_entry(record, entry);
        command_print(record, TRUE);
        return TRUE;
    }
    g_autofree char *end = entry_end(entry, task->base.now);
    printf("%-30s %-15s  %s\n", entry->key, end, entry->text);
    return TRUE;
}

static int run_show(StoreTask *base)
{
    Task *task = (Task *)base;
    if (store_each(task->base.store, STORE_BAN, "", NULL, task->base.now, show_one, task) != STORE_YES)
        return EXIT_AGAIN;
    return task->shown || !task->base.words[0] ? EXIT_DONE : EXIT_NO;
}

static gboolean export_one(const StoreEntry *entry, void *data)
{
    ban_zone_add(((Task *)data)->export, entry->key, entry->text); /* domains are left out */
    return TRUE;
}

static int run_export(StoreTask *base)
{
    Task *task = (Task *)base;
    g_autoptr(BanZone) zone = task->export = ban_zone_new();
    if (store_each(task->base.store, STORE_BAN, "", NULL, task->base.now, export_one, task) != STORE_YES)
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

static int run_add(StoreTask *base)
{
    Task *task = (Task *)base;
    gint64 expires;
    if (!store_task_expires(base, "ban", &expires))
        return EXIT_USAGE;
    const StoreEntry entry = {
        .text = task->why ? task->why : "by hand",
        .expires = expires,
    };
    g_autoptr(StoreBatch) batch = store_batch_new();
    for (char **word = task->base.words; *word; word++) {
        g_autofree char *key = key_of(*word);
        if (!is_one_client(*word))
            return EXIT_USAGE;
        store_batch_put(batch, STORE_BAN, key, STORE_ALWAYS, &entry);
    }
    return store_apply(task->base.store, batch, task->base.now) == STORE_YES ? EXIT_DONE : EXIT_AGAIN;
}

/* Pardoned is pardoned: what has been counted goes, too, or the next demerit bans anew. */
static int run_remove(StoreTask *task)
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

static const StoreCommand subcommands[] = {
    {"show", run_show, STORE_TO_READ, FALSE},     {"add", run_add, STORE_TO_MAKE, TRUE},
    {"remove", run_remove, STORE_TO_WRITE, TRUE}, {"pardon", run_remove, STORE_TO_WRITE, TRUE},
    {"export", run_export, STORE_TO_READ, FALSE}, {NULL},
};

int command_ban(int argc, char **argv)
{
    Task task = {0};
    const GOptionEntry entries[] = {
        STORE_ENTRIES(task.base.option),
        {"for", 0, 0, G_OPTION_ARG_STRING, &task.base.span, "add: how long, such as 12h or 7d; else for ever",
         "TIME"},
        {"why", 0, 0, G_OPTION_ARG_STRING, &task.why, "add: the reason, which the client is told", "TEXT"},
        {"zone", 0, 0, G_OPTION_ARG_STRING, &task.zone, "export: the zone that the names are relative to",
         "NAME"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &task.base.json, "JSON for machines (show)", NULL},
        {NULL},
    };
    int status = EXIT_USAGE;
    if (command_options(&argc, &argv, entries, "show|add|remove|pardon|export [WHO…]",
                        "Who is banned. WHO is an address, an IPv6 /64, a domain, *.domain or a mailbox.\n"
                        "remove and pardon are one; what was counted against the client goes, too.\n"
                        "export prints addresses as lines of a DNSBL zone."))
        status = store_task_run(&task.base, subcommands, argv,
                                "postern ban show|add|remove|pardon|export (-c FILE | --file PATH) [WHO…]");
    store_task_clear(&task.base);
    g_free(task.why);
    g_free(task.zone);
    return status;
}
