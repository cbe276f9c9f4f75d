#include "app/store-option.h"

#include <stdio.h>

#include "app/command.h"

#define WAIT_MS 10000 /* for the daemon, which may be busy: people are patient */

char *store_option_path(const StoreOption *option)
{
    if (option->file)
        return g_strdup(option->file);
    if (!option->config) {
        fprintf(stderr, "%s: which store? Say -c FILE or --file PATH\n", g_get_prgname());
        return NULL;
    }
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_load(option->config, problems);
    if (config && *config->store.path)
        return g_strdup(config->store.path);
    if (config)
        fprintf(stderr, "%s: %s names no file ([store] path)\n", g_get_prgname(), option->config);
    else
        command_print_problems(problems);
    return NULL;
}

Store *store_option_open(const StoreOption *option, StoreUse use, int *ret_status)
{
    *ret_status = EXIT_USAGE;
    g_autofree char *path = store_option_path(option);
    if (!path)
        return NULL;
    const StoreSettings settings = {.path = path, .timeout_ms = WAIT_MS};
    g_autoptr(GError) error = NULL;
    g_autoptr(Store) store = store_open_now(&settings, use == STORE_TO_MAKE, &error);
    if (!store) {
        fprintf(stderr, "%s: %s\n", g_get_prgname(), error->message);
        *ret_status = g_error_matches(error, STORE_ERROR, STORE_ERROR_BUSY) ? EXIT_AGAIN : EXIT_NO;
        return NULL;
    }
    if (use != STORE_TO_READ && !store_can_write(store)) {
        g_autofree char *problem = store_problem(store);
        fprintf(stderr, "%s: %s\n", g_get_prgname(), problem);
        *ret_status = EXIT_NO;
        return NULL;
    }
    *ret_status = EXIT_DONE;
    return g_steal_pointer(&store);
}

void store_option_clear(StoreOption *option)
{
    g_free(option->config);
    g_free(option->file);
}

char *span_to_string(gint64 seconds)
{
    static const struct {
        gint64 seconds;
        const char *word;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    gsize i = 0;
    while (i + 1 < G_N_ELEMENTS(units) && seconds < 2 * units[i].seconds) /* 40 h says more than 1 d */
        i++;
    return g_strdup_printf("%" G_GINT64_FORMAT " %s", seconds / units[i].seconds, units[i].word);
}

char *entry_end(const StoreEntry *entry, gint64 now)
{
    g_autofree char *span = span_to_string(entry->expires - now);
    return entry->expires ? g_strdup_printf("ends in %s", span) : g_strdup("never ends");
}

void record_entry(Record *record, const StoreEntry *entry)
{
    record_str(record, "key", entry->key);
    record_str(record, "text", entry->text);
    record_int(record, "number", entry->number);
    record_int(record, "created", entry->created);
    record_int(record, "changed", entry->changed);
    record_int(record, "expires", entry->expires);
}
