/* postern list — who is remembered on the whitelist, the blacklist and in the callback cache (B6). */
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/import.h"
#include "app/store-option.h"
#include "base/clock.h"
#include "conf/glob.h"
#include "conf/values.h"
#include "policy/lists.h"

typedef struct {
    StoreOption store_option;
    char *span, *source;
    gboolean json;
    StoreTable table;
    gboolean has_table;
    const char **words; /* behind the name of the list */
    guint n_words;
    Config *config;
    Store *store; /* NULL: there is none */
    Pool *pool;
    gint64 now;
} List;

static const char *time_text(Pool *pool, gint64 seconds, const char *none)
{
    if (!seconds)
        return none;
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);
    g_autofree char *text = time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ") : NULL;
    return text ? pool_strdup(pool, text) : none;
}

static int apply(List *list, StoreBatch *batch)
{
    if (store_apply(list->store, batch, list->now) == STORE_YES)
        return EXIT_DONE;
    g_autofree char *problem = store_problem(list->store);
    fprintf(stderr, "postern list: it could not be written: %s\n", problem ? problem : "the store is away");
    return EXIT_AGAIN;
}

static char *entry_key(const char *word, gboolean *except)
{
    g_autoptr(GError) error = NULL;
    char *key = list_entry_key(word, except, &error);
    if (!key)
        fprintf(stderr, "postern list: %s\n", error->message);
    return key;
}

/* --- add, remove --- */

static int run_add(List *list)
{
    gboolean except;
    gint64 span = 0;
    if (list->span && !value_span(list->span, &span)) {
        fprintf(stderr, "postern list: --for %s: a time such as 12h or 60d is expected\n", list->span);
        return EXIT_USAGE;
    }
    g_autofree char *key = entry_key(list->words[0], &except);
    if (!key)
        return EXIT_USAGE;
    const StoreEntry entry = {
        .text = list->source ? list->source : "by hand",
        .number = except ? LIST_EXCEPT : 0,
        .expires = span ? list->now + span : 0,
    };
    g_autoptr(StoreBatch) batch = store_batch_new();
    store_batch_put(batch, list->table, key, STORE_ALWAYS, &entry);
    return apply(list, batch);
}

static int run_remove(List *list)
{
    gboolean except;
    StoreEntry entry;
    g_autofree char *key = entry_key(list->words[0], &except);
    if (!key)
        return EXIT_USAGE;
    StoreAnswer answer = store_get(list->store, list->table, key, list->now, list->pool, &entry);
    if (answer == STORE_NO ||
        (answer == STORE_YES && except != (entry.number == LIST_EXCEPT) && list->table != STORE_CALLBACK)) {
        fprintf(stderr, "postern list: %s is not there\n", list->words[0]);
        return EXIT_NO;
    }
    g_autoptr(StoreBatch) batch = store_batch_new();
    store_batch_remove(batch, list->table, key);
    return apply(list, batch);
}

/* --- show --- */

typedef struct {
    List *list;
    StoreTable table;
    const char *pattern; /* folded; NULL: all */
    guint shown;
} Show;

/* Keys of the callback cache have no exceptions: their number says whether the address exists. */
static const char *shown_key(const Show *show, const StoreEntry *entry)
{
    if (show->table != STORE_CALLBACK && entry->number == LIST_EXCEPT)
        return pool_printf(show->list->pool, "!%s", entry->key);
    return entry->key;
}

static gboolean show_entry(const StoreEntry *entry, void *data)
{
    Show *show = data;
    if (show->pattern && !glob_match(show->pattern, entry->key))
        return TRUE;
    show->shown++;
    pool_clear(show->list->pool);
    Pool *pool = show->list->pool;
    const char *expires = time_text(pool, entry->expires, NULL), *key = shown_key(show, entry);
    if (!show->list->json) {
        printf("%-9s %s%s, since %s, until %s%s%s\n", store_table_name(show->table), key,
               show->table != STORE_CALLBACK ? ""
               : entry->number               ? " exists"
                                             : " does not exist",
               time_text(pool, entry->created, "-"), expires ? expires : "removed", *entry->text ? ": " : "",
               entry->text);
        return TRUE;
    }
    g_autoptr(Record) record = record_new();
    record_str(record, "list", store_table_name(show->table));
    record_str(record, "entry", key);
    record_str(record, "source", entry->text);
    record_str(record, "since", time_text(pool, entry->created, NULL));
    record_str(record, "until", expires);
    if (show->table == STORE_CALLBACK)
        record_bool(record, "exists", entry->number != 0);
    command_print(record, TRUE);
    return TRUE;
}

static int run_show(List *list)
{
    static const StoreTable tables[] = {STORE_WHITELIST, STORE_BLACKLIST, STORE_CALLBACK};
    g_autofree char *pattern = list->n_words ? g_ascii_strdown(list->words[0], -1) : NULL;
    Show show = {.list = list, .pattern = pattern};
    for (gsize i = 0; i < G_N_ELEMENTS(tables); i++) {
        show.table = tables[i];
        if (list->has_table && list->table != show.table)
            continue;
        if (store_each(list->store, show.table, "", NULL, list->now, show_entry, &show) == STORE_AWAY) {
            fprintf(stderr, "postern list: the store cannot be read now\n");
            return EXIT_AGAIN;
        }
    }
    return show.shown ? EXIT_DONE : EXIT_NO;
}

/* --- test --- */

static gboolean ask(const List *list, StoreTable table, const ListKeys *keys, ListAnswer *answer)
{
    const Addresses *written = NULL;
    StoreEntry entry;
    guint index = 0;
    StoreAnswer there = STORE_NO;
    if (list->config && table == STORE_WHITELIST)
        written = list->config->lists.whitelist;
    if (list->config && table == STORE_BLACKLIST)
        written = list->config->lists.blacklist;
    if (list->store)
        there = store_get_first(list->store, table, keys->all.keys, list->now, list->pool, &entry, &index);
    list_answer(answer, list->pool, written, keys, there == STORE_YES ? &entry : NULL, index);
    if (there == STORE_YES && table == STORE_CALLBACK) {
        answer->except = FALSE;
        answer->entry = entry.key;
    }
    return there != STORE_AWAY;
}

static void show_answer(Record *record, const List *list, StoreTable table, const ListAnswer *answer)
{
    gboolean yes = answer->entry && !answer->except;
    record_str(record, "list", store_table_name(table));
    record_str(record, "listed", yes ? "yes" : answer->entry ? "no, taken back" : "no");
    if (!answer->entry)
        return;
    record_str(record, "entry", answer->entry);
    record_str(record, "where", answer->where);
    if (*answer->source)
        record_str(record, "source", answer->source);
    record_str(record, "since", time_text(list->pool, answer->created, NULL));
    if (answer->created)
        record_str(record, "until", time_text(list->pool, answer->expires, list->json ? NULL : "removed"));
}

/* What mail would meet: the other list may have the more specific entry. */
static gboolean show_verdict(Record *record, const List *list, const ListKeys *keys, const ListAnswer *mine)
{
    static const char *const verdicts[] = {
        [LIST_NEITHER] = "neither list", [LIST_WHITE] = "whitelist", [LIST_BLACK] = "blacklist"};
    if (list->table == STORE_CALLBACK)
        return TRUE;
    gboolean is_white = list->table == STORE_WHITELIST;
    ListAnswer other;
    if (!ask(list, is_white ? STORE_BLACKLIST : STORE_WHITELIST, keys, &other))
        return FALSE;
    ListVerdict verdict = list_decide(is_white ? mine : &other, is_white ? &other : mine);
    record_str(record, "decides", verdicts[verdict]);
    if (other.entry && verdict == (is_white ? LIST_BLACK : LIST_WHITE))
        record_str(record, "by", pool_printf(list->pool, "%s (%s)", other.entry, other.where));
    return TRUE;
}

static int run_test(List *list)
{
    ListKeys keys;
    ListAnswer answer;
    list_keys(&keys, list->pool, list->words[0], NULL);
    g_autoptr(Record) record = record_new();
    record_str(record, "address", keys.subject);
    gboolean asked = ask(list, list->table, &keys, &answer);
    if (asked)
        show_answer(record, list, list->table, &answer);
    if (!asked || !show_verdict(record, list, &keys, &answer)) {
        fprintf(stderr, "postern list: the store cannot be read now\n");
        return EXIT_AGAIN;
    }
    record_strv(record, "looked_up", keys.all.keys);
    command_print(record, list->json);
    return answer.entry && !answer.except ? EXIT_DONE : EXIT_NO;
}

/* --- import --- */

static int run_import(List *list)
{
    const ImportKind *kind = import_kind_of_table(list->table);
    int status = EXIT_DONE;
    for (guint i = 0; i < list->n_words; i++) {
        int one = import_file(list->store, list->words[i], kind, list->now);
        status = MAX(status, one);
    }
    return status;
}

/* --- the command --- */

typedef enum { TABLE_NONE, TABLE_MAY, TABLE_MUST, TABLE_EDITED } TableNeed;

static const struct {
    const char *name;
    int (*run)(List *list);
    StoreUse use;
    TableNeed table;
    guint min_words, max_words;
    gboolean without_store; /* what is written answers as well */
} subcommands[] = {
    {"add", run_add, STORE_TO_MAKE, TABLE_EDITED, 1, 1, FALSE},
    {"remove", run_remove, STORE_TO_WRITE, TABLE_MUST, 1, 1, FALSE},
    {"show", run_show, STORE_TO_READ, TABLE_MAY, 0, 1, FALSE},
    {"test", run_test, STORE_TO_READ, TABLE_MUST, 1, 1, TRUE},
    {"import", run_import, STORE_TO_MAKE, TABLE_MUST, 1, G_MAXUINT, FALSE},
};

static gboolean is_list(const char *word, StoreTable *table)
{
    return store_table_parse(word, table) &&
           (*table == STORE_WHITELIST || *table == STORE_BLACKLIST || *table == STORE_CALLBACK);
}

/* Takes the name of the list off the words, where there is one. */
static gboolean take_table(List *list, TableNeed need)
{
    list->has_table = list->n_words > 0 && is_list(list->words[0], &list->table);
    if (list->has_table) {
        list->words++;
        list->n_words--;
    }
    /* What the callback found cannot be said by hand. */
    if (need == TABLE_EDITED && list->has_table && list->table == STORE_CALLBACK)
        return FALSE;
    return list->has_table || need == TABLE_MAY;
}

/* FALSE: it has faults, which are told. */
static gboolean load_config(List *list)
{
    g_autoptr(Problems) problems = problems_new();
    list->config = config_load(list->store_option.config, problems);
    command_print_problems(problems);
    return list->config != NULL;
}

/* Before the filter has run for the first time nothing is remembered, and what is written answers. */
static gboolean is_there(const char *path)
{
    return *path && g_file_test(path, G_FILE_TEST_EXISTS);
}

static int run(List *list, gsize which)
{
    int status = EXIT_USAGE;
    if (subcommands[which].without_store && list->store_option.config && !load_config(list))
        return EXIT_USAGE;
    if (!list->config || list->store_option.file || is_there(list->config->store.path)) {
        list->store = store_option_open(&list->store_option, subcommands[which].use, &status);
        if (!list->store) /* 1 is an answer of test's */
            return list->config && status == EXIT_NO ? EXIT_USAGE : status;
    }
    list->pool = pool_new();
    list->now = clock_seconds(&clock_system);
    status = subcommands[which].run(list);
    pool_free(list->pool);
    store_free(list->store);
    return status;
}

static int find_and_run(int argc, char **argv, List *list)
{
    for (gsize i = 0; i < G_N_ELEMENTS(subcommands) && argc > 1; i++) {
        if (strcmp(argv[1], subcommands[i].name) != 0)
            continue;
        list->words = (const char **)argv + 2;
        list->n_words = argc - 2;
        if (!take_table(list, subcommands[i].table) || list->n_words < subcommands[i].min_words ||
            list->n_words > subcommands[i].max_words ||
            (!list->store_option.config && !list->store_option.file))
            break;
        return run(list, i);
    }
    fprintf(stderr,
            "Usage: postern list add LIST ENTRY [--for TIME] [--source TEXT]\n"
            "       postern list remove|test LIST ENTRY\n"
            "       postern list show [LIST] [PATTERN]\n"
            "       postern list import LIST INPUT...\n"
            "LIST is whitelist, blacklist or (not for add) callback; -c FILE or --file PATH names the "
            "store\n");
    return EXIT_USAGE;
}

int command_list(int argc, char **argv)
{
    List list = {0};
    const GOptionEntry entries[] = {
        STORE_ENTRIES(list.store_option),
        {"for", 0, 0, G_OPTION_ARG_STRING, &list.span, "add: it ends after this, e.g. 60d; none: never",
         "TIME"},
        {"source", 0, 0, G_OPTION_ARG_STRING, &list.source, "add: who says so, and why", "TEXT"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &list.json, "JSON for machines", NULL},
        {NULL},
    };
    int status = EXIT_USAGE;
    if (command_options(
            &argc, &argv, entries, "add|remove|show|test|import [LIST] [ENTRY]",
            "Says and changes who is remembered on the whitelist and the blacklist, while the filter runs.\n"
            "ENTRY is joe@example.com, @example.com, *.example.com (below it), robot@ (anywhere), or "
            "!ENTRY."))
        status = find_and_run(argc, argv, &list);
    config_unref(list.config);
    store_option_clear(&list.store_option);
    g_free(list.span);
    g_free(list.source);
    return status;
}
