#include "app/store-option.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "app/rights.h"
#include "base/clock.h"
#include "conf/values.h"

#define WAIT_MS 10000 /* for the daemon, which may be busy: people are patient */

/* NULL: stderr says why. */
static Config *load(const char *path)
{
    g_autoptr(Problems) problems = problems_new();
    Config *config = config_load(path, problems);
    if (!config)
        command_print_problems(problems);
    return config;
}

/* `config` is the one that was named, NULL where the store itself was. */
static char *find_path(const StoreOption *option, const Config *config)
{
    if (option->file)
        return g_strdup(option->file);
    if (*config->store.path)
        return g_strdup(config->store.path);
    fprintf(stderr, "%s: %s names no file ([store] path)\n", g_get_prgname(), option->config);
    return NULL;
}

/* The path; *ret_config is NULL unless the configuration said it. */
static char *resolve(const StoreOption *option, Config **ret_config)
{
    *ret_config = NULL;
    if (!option->file && !option->config) {
        fprintf(stderr, "%s: which store? Say -c FILE or --file PATH\n", g_get_prgname());
        return NULL;
    }
    if (!option->file) {
        *ret_config = load(option->config);
        if (!*ret_config)
            return NULL;
    }
    return find_path(option, *ret_config);
}

char *store_option_path(const StoreOption *option)
{
    g_autoptr(Config) config = NULL;
    return resolve(option, &config);
}

static gboolean file_fails(const char *path, GError **error)
{
    int code = errno;
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), "%s: %s", path, g_strerror(code));
    return FALSE;
}

/* What root makes before the first start is for the daemon's user, who could not open a file of root's. An empty one will do: the
 * store fills it, and SQLite gives its log and its index to whom the file belongs. */
static gboolean make_for_daemon(const char *path, const Config *config, GError **error)
{
    uid_t uid;
    gid_t gid;
    if (!config || !*config->rights.user || geteuid() != 0 || access(path, F_OK) == 0)
        return TRUE;
    if (!rights_find(config->rights.user, config->rights.group, &uid, &gid, error))
        return FALSE;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST || file_fails(path, error); /* made meanwhile; or a link to nowhere */
    gboolean done = fchown(fd, uid, gid) == 0 || file_fails(path, error);
    close(fd);
    return done;
}

Store *store_option_open(const StoreOption *option, StoreUse use, int *ret_status)
{
    *ret_status = EXIT_USAGE;
    g_autoptr(Config) config = NULL;
    g_autofree char *path = resolve(option, &config);
    if (!path)
        return NULL;
    const StoreSettings settings = {.path = path, .timeout_ms = WAIT_MS};
    g_autoptr(GError) error = NULL;
    g_autoptr(Store) store = NULL;
    if (use != STORE_TO_MAKE || make_for_daemon(path, config, &error))
        store = store_open_now(&settings, use == STORE_TO_MAKE, &error);
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

static int run_command(StoreTask *task, const StoreCommand *command)
{
    int status;
    task->now = clock_seconds(&clock_system);
    g_autoptr(Store) store = task->store = store_option_open(&task->option, command->use, &status);
    return store ? command->run(task) : status;
}

int store_task_run(StoreTask *task, const StoreCommand *commands, char **argv, const char *usage)
{
    for (const StoreCommand *command = commands; argv[1] && command->name; command++) {
        if (strcmp(argv[1], command->name) != 0)
            continue;
        task->words = argv + 2;
        if (command->needs_words && !task->words[0])
            break;
        return run_command(task, command);
    }
    fprintf(stderr, "Usage: %s\n", usage);
    return EXIT_USAGE;
}

void store_task_clear(StoreTask *task)
{
    store_option_clear(&task->option);
    g_free(task->span);
}

gboolean store_task_expires(const StoreTask *task, const char *command, gint64 *ret)
{
    gint64 span = 0;
    if (task->span && !value_span(task->span, &span)) {
        fprintf(stderr, "postern %s: --for %s: a time such as 12h or 7d is expected\n", command, task->span);
        return FALSE;
    }
    *ret = span ? task->now + span : 0;
    return TRUE;
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
