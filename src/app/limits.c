/* postern limits — what is used of each limit now, and who is over. */
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/store-option.h"
#include "base/clock.h"
#include "conf/limits.h"

typedef struct {
    StoreOption store_option;
    gboolean json, over;
    const Config *config; /* NULL: the store alone is known */
    gint64 now;
    guint shown;
} Options;

/* Entries are "NAME SUBJECT". NULL: the configuration has no such limit any more, or there is none. */
static const Limit *limit_of(const Options *options, const char *key, const char **ret_subject)
{
    const char *blank = strchr(key, ' ');
    const LimitList *list = options->config ? options->config->loaded.limits : NULL;
    *ret_subject = blank ? blank + 1 : "";
    for (guint i = 0; list && blank && i < list->n; i++)
        if (strlen(list->limits[i].name) == (gsize)(blank - key) &&
            strncmp(list->limits[i].name, key, (gsize)(blank - key)) == 0)
            return &list->limits[i];
    return NULL;
}

static void print_json(const StoreEntry *entry, const Limit *limit, const char *subject)
{
    g_autoptr(Record) record = record_new();
    record_str(record, "limit", limit ? limit->name : NULL);
    record_str(record, "subject", subject);
    record_int(record, "used", entry->number);
    if (limit)
        record_int(record, "allowed", limit->count);
    record_int(record, "expires", entry->expires);
    command_print(record, TRUE);
}

static gboolean show_one(const StoreEntry *entry, void *data)
{
    Options *options = data;
    const char *subject;
    const Limit *limit = limit_of(options, entry->key, &subject);
    if ((options->config && !limit) || (options->over && (!limit || entry->number < limit->count)))
        return TRUE;
    options->shown++;
    if (options->json) {
        print_json(entry, limit, subject);
        return TRUE;
    }
    g_autofree char *end = entry_end(entry, options->now);
    g_autofree char *of = limit ? g_strdup_printf(" of %" G_GINT64_FORMAT, limit->count) : g_strdup("");
    g_autofree char *used = g_strdup_printf("%" G_GINT64_FORMAT "%s", entry->number, of);
    printf("%-16s %-15s  %s\n", used, end, entry->key);
    return TRUE;
}

static int show(Options *options)
{
    int status;
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config =
        options->store_option.config ? config_load(options->store_option.config, problems) : NULL;
    g_autoptr(Store) store = store_option_open(&options->store_option, STORE_TO_READ, &status);
    options->config = config;
    if (!store)
        return status;
    if (store_each(store, STORE_LIMIT, "", NULL, options->now, show_one, options) != STORE_YES)
        return EXIT_AGAIN;
    return options->over && options->shown ? EXIT_NO : EXIT_DONE;
}

int command_limits(int argc, char **argv)
{
    Options options = {.now = clock_seconds(&clock_system)};
    const GOptionEntry entries[] = {
        STORE_ENTRIES(options.store_option),
        {"over", 0, 0, G_OPTION_ARG_NONE, &options.over,
         "only what is used up; exit status 1 if there is any", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "JSON for machines", NULL},
        {NULL},
    };
    int status = EXIT_USAGE;
    if (command_options(&argc, &argv, entries, "",
                        "What is used of each line of [limits] now, and by whom.")) {
        if (argc == 1)
            status = show(&options);
        else
            fprintf(stderr, "Usage: postern limits (-c FILE | --file PATH) [--over] [--json]\n");
    }
    store_option_clear(&options.store_option);
    return status;
}
