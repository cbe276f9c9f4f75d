/* postern import — what the older system remembered, into the store (K12). See import.h. */
#include "app/import.h"

#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/store-option.h"
#include "base/clock.h"
#include "base/escape.h"
#include "conf/files.h"
#include "conf/glob.h"

#define BATCH_ENTRIES 500 /* that are written in one step */

/* Times are those of the older system: how long its caches believed an entry. */
static const ImportKind kinds[] = {
    {"auto_whitelist", "auto_whitelist.log*", "who was written to, for 60 days", STORE_WHITELIST, 60,
     import_address_line},
    {"blacklist", "blacklist.log*", "whose notices came back, for 30 days", STORE_BLACKLIST, 30,
     import_address_line},
    {"send_dsn", "send_dsn.log*", "who could be called back, for 7 days", STORE_CALLBACK, 7,
     import_address_line},
    {"banned_ips", "banned_ips*", "clients that were banned", STORE_BAN, 0, import_banned_ip_line},
    {"banned_domains", "banned_domains*", "domains and mailboxes that were banned", STORE_BAN, 0,
     import_banned_domain_line},
    {"greylist", "grey*", "who has come back, from an SQLite database or a shelf", STORE_GREYLIST, 36,
     import_greylist_line, import_greylist_lines},
};

const ImportKind *import_kind_at(guint index)
{
    return index < G_N_ELEMENTS(kinds) ? &kinds[index] : NULL;
}

const ImportKind *import_kind_find(const char *kind)
{
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (g_ascii_strcasecmp(kinds[i].kind, kind) == 0)
            return &kinds[i];
    return NULL;
}

const ImportKind *import_kind_of_file(const char *path)
{
    g_autofree char *name = g_path_get_basename(path);
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (glob_match(kinds[i].names, name))
            return &kinds[i];
    return NULL;
}

const ImportKind *import_kind_of_table(StoreTable table)
{
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (kinds[i].table == table)
            return &kinds[i];
    g_assert_not_reached();
}

/* --- one file --- */

struct Import {
    const ImportKind *kind;
    Store *store;
    StoreBatch *batch;
    guint in_batch;
    gint64 now;
    const char *path;
    char *name;
    guint line;
    gboolean away;
    void (*complain)(const char *fault);
    ImportResult *result;
};

const ImportKind *import_kind(const Import *import)
{
    return import->kind;
}

gint64 import_now(const Import *import)
{
    return import->now;
}

const char *import_name(const Import *import)
{
    return import->name;
}

void import_wrong(Import *import, const char *line, gsize len, const char *why)
{
    import->result->wrong++;
    if (!import->complain)
        return;
    g_autoptr(GString) fault = g_string_new(NULL);
    g_string_append_printf(fault, "%s:%u: ", import->path, import->line);
    escape_append(fault, line, MIN(len, IMPORT_SHOWN_MAX), ESCAPE_KEEP_UTF8, NULL);
    g_string_append_printf(fault, ": %s", why);
    import->complain(fault->str);
}

static void flush(Import *import)
{
    if (import->in_batch && store_apply(import->store, import->batch, import->now) != STORE_YES)
        import->away = TRUE;
    import->in_batch = 0;
}

void import_put(Import *import, const char *key, StoreMode mode, const StoreEntry *entry)
{
    import->result->entries++;
    if (entry->expires && entry->expires <= import->now) {
        import->result->expired++;
        return;
    }
    store_batch_put(import->batch, import->kind->table, key, mode, entry);
    if (++import->in_batch >= BATCH_ENTRIES)
        flush(import);
}

static gboolean is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void take_line(Import *import, const char *start, gsize len)
{
    while (len && is_blank(start[len - 1]))
        len--;
    while (len && is_blank(*start))
        start++, len--;
    if (!len)
        return;
    g_autofree char *line = g_malloc(len + 1);
    memcpy(line, start, len);
    line[len] = '\0';
    import->kind->line(import, line, len);
}

gboolean import_text(Store *store, const char *path, const char *bytes, gsize len, const ImportKind *kind,
                     gint64 now, void (*complain)(const char *fault), ImportResult *ret)
{
    *ret = (ImportResult){0};
    Import import = {
        .kind = kind,
        .store = store,
        .batch = store_batch_new(),
        .now = now,
        .path = path,
        .name = g_path_get_basename(path),
        .complain = complain,
        .result = ret,
    };
    for (gsize at = 0; at < len && !import.away;) {
        const char *end = memchr(bytes + at, '\n', len - at);
        gsize line_len = end ? (gsize)(end - bytes) - at : len - at;
        import.line++;
        take_line(&import, bytes + at, line_len);
        at += line_len + 1;
    }
    flush(&import);
    store_batch_free(import.batch);
    g_free(import.name);
    return !import.away;
}

/* --- the command --- */

static void complain(const char *fault)
{
    fprintf(stderr, "%s\n", fault);
}

int import_file(Store *store, const char *path, const ImportKind *kind, gint64 now)
{
    g_autoptr(GError) error = NULL;
    gsize len;
    g_autofree char *bytes = kind->lines ? kind->lines(path, &len, &error)
                                         : file_read(path, IMPORT_BYTES_MAX, FILE_PLAIN, &len, &error);
    if (!bytes) {
        fprintf(stderr, "%s: %s\n", g_get_prgname(), error->message);
        return EXIT_USAGE;
    }
    ImportResult result;
    if (!import_text(store, path, bytes, len, kind, now, complain, &result)) {
        g_autofree char *problem = store_problem(store);
        fprintf(stderr, "%s: %s: not all could be written: %s\n", g_get_prgname(), path,
                problem ? problem : "the store is away");
        return EXIT_AGAIN;
    }
    printf("%s: %u entries into %s, %u of them had expired; %u lines left out\n", path,
           result.entries - result.expired, store_table_name(kind->table), result.expired, result.wrong);
    return result.wrong ? EXIT_NO : EXIT_DONE;
}

static const ImportKind *choose_kind(const char *word, const char *path)
{
    const ImportKind *kind = word ? import_kind_find(word) : import_kind_of_file(path);
    if (kind)
        return kind;
    fprintf(stderr, "postern import: %s: what kind of file is this? --kind is one of", word ? word : path);
    for (guint i = 0; import_kind_at(i); i++)
        fprintf(stderr, "%s %s", i ? "," : "", import_kind_at(i)->kind);
    fprintf(stderr, "\n");
    return NULL;
}

static int import_all(const StoreOption *option, const char *kind_word, char **paths, int n)
{
    int status = EXIT_USAGE;
    for (int i = 0; i < n; i++) /* before anything is written */
        if (!choose_kind(kind_word, paths[i]))
            return EXIT_USAGE;
    g_autoptr(Store) store = store_option_open(option, STORE_TO_MAKE, &status);
    if (!store)
        return status;
    for (int i = 0; i < n; i++) {
        int one =
            import_file(store, paths[i], choose_kind(kind_word, paths[i]), clock_seconds(&clock_system));
        status = MAX(status, one);
    }
    return status;
}

int command_import(int argc, char **argv)
{
    StoreOption option = {0};
    g_autofree char *kind = NULL;
    const GOptionEntry entries[] = {
        STORE_ENTRIES(option),
        {"kind", 0, 0, G_OPTION_ARG_STRING, &kind, "what the files are; else their names say it", "KIND"},
        {NULL},
    };
    int status = EXIT_USAGE;
    if (command_options(
            &argc, &argv, entries, "INPUT...",
            "Takes over what the older Python system remembered. Exit status 1: lines were left out,\n"
            "which are named. Doing it twice changes nothing.")) {
        if (argc > 1 && (option.config || option.file))
            status = import_all(&option, kind, argv + 1, argc - 1);
        else
            fprintf(stderr, "Usage: postern import (-c FILE | --file PATH) [--kind KIND] INPUT...\n");
    }
    store_option_clear(&option);
    return status;
}
