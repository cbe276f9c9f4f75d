/* postern serve — the daemon: opens everything that needs rights, gives them up, and then waits for signals. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "actions/actions.h"
#include "app/command.h"
#include "app/config-check.h"
#include "app/control.h"
#include "app/rights.h"
#include "base/service.h"
#include "checks/checks.h"
#include "flow/engine.h"
#include "mta/map-server.h"
#include "mta/milter.h"
#include "mta/srs-maps.h"
#include "net/resolver.h"
#include "store/journal.h"

#define WATCH_SECONDS 2 /* how often the files are looked at for changes */
/* Messages that leave the journal each time: 250 a second, more than come for long. */
#define JOURNAL_EXPIRE_STEP 500

static const Tables tables = {all_checks, all_actions};

typedef struct {
    const char *path;
    Services services;
    Engine *engine;
    Control *control;
    Milter *milter;
    MapServer *maps; /* NULL: none are served */
    char *stamp;     /* of the files that the configuration was read from */
    gboolean faulty; /* there is a newer one, which cannot be used */
    char **waiting;  /* its files: what corrects it may be in one that is not of the other; NULL: none */
    char *waiting_stamp;
    pthread_mutex_t reload_lock;
} Daemon;

/* --- configuration --- */

static void log_problems(const Problems *problems)
{
    static const LogLevel levels[] = {[PROBLEM_ERROR] = LOG_LEVEL_ERROR,
                                      [PROBLEM_WARNING] = LOG_LEVEL_WARNING,
                                      [PROBLEM_NOTE] = LOG_LEVEL_NOTICE};
    for (guint i = 0; i < problems_len(problems); i++) {
        const Problem *problem = problems_at(problems, i);
        g_autofree char *line = problem_to_string(problem);
        log_event(levels[problem->level], NULL, "config:", NULL, "%s", line);
    }
}

/* As engine_load(), and then what `config check` would find: none of that stands in the way. */
static gboolean load(Daemon *daemon, Problems *problems)
{
    if (!engine_load(daemon->engine, daemon->path, problems))
        return FALSE;
    g_autoptr(Snapshot) snapshot = engine_snapshot(daemon->engine);
    config_check_snapshot(snapshot, &tables, problems);
    return TRUE;
}

/* With whose it is and who may read it: most often that is what was wrong. */
static void append_stamp(GString *stamp, const char *path)
{
    struct stat st = {0};
    int found = path ? stat(path, &st) : -1;
    g_string_append_printf(stamp, "%d %ld.%09ld %ld %ld %o %u %u;", found, (long)st.st_mtim.tv_sec,
                           st.st_mtim.tv_nsec, (long)st.st_size, (long)st.st_ino, (unsigned)st.st_mode,
                           (unsigned)st.st_uid, (unsigned)st.st_gid);
}

/* What the files look like now: a change of any of them is a reason to reload. */
static char *take_stamp(const Snapshot *snapshot)
{
    GString *stamp = g_string_new(NULL);
    const Config *configs[] = {snapshot_config(snapshot), snapshot_shadow_config(snapshot)};
    for (gsize i = 0; i < G_N_ELEMENTS(configs); i++)
        for (char **file = configs[i] ? configs[i]->loaded.files : NULL; file && *file; file++)
            append_stamp(stamp, *file);
    append_stamp(stamp, snapshot_shadow_file(snapshot)); /* it may come to be readable */
    return g_string_free(stamp, FALSE);
}

static gboolean same_list(const Config *a, const Config *b)
{
    if (!a || !b)
        return a == b;
    return a->loaded.files && b->loaded.files &&
           g_strv_equal((const char *const *)a->loaded.files, (const char *const *)b->loaded.files);
}

static gboolean same_files(const Snapshot *a, const Snapshot *b)
{
    return same_list(snapshot_config(a), snapshot_config(b)) &&
           same_list(snapshot_shadow_config(a), snapshot_shadow_config(b)) &&
           g_strcmp0(snapshot_shadow_file(a), snapshot_shadow_file(b)) == 0;
}

static char *stamp_files(char **files)
{
    GString *stamp = g_string_new(NULL);
    for (char **file = files; file && *file; file++)
        append_stamp(stamp, *file);
    return g_string_free(stamp, FALSE);
}

static void warn_restart(const Config *old_config, const Config *new_config)
{
    g_auto(GStrv) options = config_restart_needed(old_config, new_config);
    for (char **option = options; option && *option; option++)
        log_warning("%s has changed: that needs a restart", *option);
}

/* --- log --- */

static gboolean open_log(const Config *config, GError **error)
{
    LogSettings settings = {
        .target = config->log.target,
        .json = config->log.json,
        .level = config->log.level,
        .bare_ids = !config->log.queue_ids,
    };
    log_facility_parse(config->log.facility, &settings.facility);
    return rights_find(config->rights.user, config->rights.group, &settings.uid, &settings.gid, error) &&
           log_open(&settings, error);
}

static gboolean same_log(const Config *a, const Config *b)
{
    return strcmp(a->log.target, b->log.target) == 0 && a->log.json == b->log.json &&
           a->log.level == b->log.level && a->log.queue_ids == b->log.queue_ids &&
           strcmp(a->log.facility, b->log.facility) == 0;
}

/* What is not read from the snapshot each time. */
static void apply(Daemon *daemon, const Config *before, const Config *now)
{
    g_autoptr(GError) error = NULL;
    if (!same_log(before, now) && !open_log(now, &error))
        log_warning("the log stays where it is: %s", error->message);
    milter_set_limits(daemon->milter, now);
    warn_restart(before, now);
}

/* For a correction of what `problems` are about; NULL: there is none. */
static void wait_for(Daemon *daemon, const Problems *problems)
{
    g_strfreev(daemon->waiting);
    g_free(daemon->waiting_stamp);
    daemon->faulty = problems != NULL;
    daemon->waiting = problems ? g_strdupv(problems_files(problems)) : NULL;
    daemon->waiting_stamp = stamp_files(daemon->waiting);
}

/* D7. Lines for whoever asked go to `answer`, which may be NULL. */
static gboolean reload(Daemon *daemon, GString *answer)
{
    g_autoptr(Problems) problems = problems_new();
    service_reloading();
    pthread_mutex_lock(&daemon->reload_lock);
    g_autoptr(Snapshot) old = engine_snapshot(daemon->engine);
    g_autofree char *seen = take_stamp(old);
    gboolean done = load(daemon, problems);
    if (done) {
        g_autoptr(Snapshot) current = engine_snapshot(daemon->engine);
        apply(daemon, snapshot_config(old), snapshot_config(current));
        g_autoptr(GError) error = NULL;
        if (!net_resolver_flush(daemon->services.resolver, &error))
            log_warning("%s", error->message);
        /* A file that changed while it was read must look changed: the stamp is the one from before. */
        g_free(daemon->stamp);
        daemon->stamp = same_files(old, current) ? g_steal_pointer(&seen) : take_stamp(current);
    } else {
        g_free(daemon->stamp);
        daemon->stamp = g_steal_pointer(&seen); /* the same fault is not told every two seconds */
    }
    wait_for(daemon, done ? NULL : problems);
    pthread_mutex_unlock(&daemon->reload_lock);
    log_problems(problems);
    log_notice(done ? "%s is in force" : "%s has faults: the configuration before it stays in force",
               daemon->path);
    for (guint i = 0; answer && i < problems_len(problems); i++) {
        g_autofree char *line = problem_to_string(problems_at(problems, i));
        g_string_append_printf(answer, "%s\n", line);
    }
    service_ready();
    return done;
}

static gboolean is_faulty(Daemon *daemon)
{
    pthread_mutex_lock(&daemon->reload_lock);
    gboolean faulty = daemon->faulty;
    pthread_mutex_unlock(&daemon->reload_lock);
    return faulty;
}

static gboolean handle_control(const char *command, GString *answer, void *data)
{
    Daemon *daemon = data;
    if (strcmp(command, "reload") == 0)
        return reload(daemon, answer);
    if (strcmp(command, "config") == 0)
        return !is_faulty(daemon);
    if (strcmp(command, "sessions") == 0) {
        g_string_append_printf(answer, "%u\n", milter_sessions(daemon->milter));
        return TRUE;
    }
    if (strcmp(command, "macros") == 0) {
        milter_macros(daemon->milter, answer);
        return TRUE;
    }
    g_string_append_printf(answer, "unknown command: %s\n", command);
    return FALSE;
}

static void reload_if_changed(Daemon *daemon)
{
    g_autoptr(Snapshot) snapshot = engine_snapshot(daemon->engine);
    g_autofree char *stamp = take_stamp(snapshot);
    pthread_mutex_lock(&daemon->reload_lock);
    g_autofree char *waiting = stamp_files(daemon->waiting);
    gboolean changed = strcmp(stamp, daemon->stamp) != 0 || g_strcmp0(waiting, daemon->waiting_stamp) != 0;
    pthread_mutex_unlock(&daemon->reload_lock);
    if (changed)
        reload(daemon, NULL);
}

static void reopen_log(void)
{
    g_autoptr(GError) error = NULL;
    if (!log_reopen(&error))
        log_warning("%s", error->message);
}

/* --- start and stop --- */

static SocketmapAnswer answer_map(const char *map, const char *key, GString *text, void *data)
{
    Daemon *daemon = data;
    g_autoptr(Snapshot) snapshot = engine_snapshot(daemon->engine);
    return srs_maps_answer(snapshot_config(snapshot), map, key, clock_seconds(daemon->services.clock),
                           random_u64(daemon->services.random), text);
}

static gboolean open_maps(Daemon *daemon, const Config *config, GError **error)
{
    const MapServerSettings settings = {
        .listen = (const char *const *)config->srs.socketmap,
        .socket_mode = config->daemon.socket_mode,
        .socket_group = config->daemon.socket_group,
        .connections_max = (guint)config->srs.socketmap_connections,
        .idle_timeout = config->srs.socketmap_idle,
        .handler = answer_map,
        .data = daemon,
    };
    if (*settings.listen)
        daemon->maps = map_server_new(&settings, error);
    return !*settings.listen || daemon->maps;
}

/* What needs the rights that the daemon was started with. */
static gboolean open_privileged(Daemon *daemon, const Config *config, GError **error)
{
    if (!open_log(config, error))
        return FALSE;
    daemon->milter = milter_new(daemon->engine, config, error);
    if (!daemon->milter || !open_maps(daemon, config, error))
        return FALSE;
    if (*config->daemon.control) {
        daemon->control = control_new(config->daemon.control, handle_control, daemon, error);
        if (!daemon->control)
            return FALSE;
    }
    if (!rights_drop(config->rights.user, config->rights.group, error))
        return FALSE;
    g_autoptr(GError) unfiltered = NULL;
    if (!rights_filter(&unfiltered))
        log_notice("system calls are not filtered: %s", unfiltered->message);
    return TRUE;
}

/* "" is none, and no error. */
static gboolean open_folder(const char *dir, const QuarantineLimits *limits, Quarantine **into,
                            GError **error)
{
    *into = *dir ? quarantine_open(dir, limits, error) : NULL;
    return *into || !*dir;
}

/* What has threads or talks to strangers: only with the rights that are left. */
static gboolean open_services(Daemon *daemon, const Config *config, GError **error)
{
    const ResolverSettings dns = {
        .servers = (const char *const *)config->dns.servers,
        .timeout_ms = config->dns.timeout_ms,
        .cache_size = config->dns.cache_size,
    };
    if (!log_start_writer(error))
        return FALSE;
    daemon->services.resolver = net_resolver_new(&dns, error);
    if (!daemon->services.resolver)
        return FALSE;
    daemon->services.keys = dkim_key_cache_new();
    if (*config->store.path) {
        const StoreSettings store = {
            .path = config->store.path,
            .sync = config->store.sync,
            .timeout_ms = config->store.timeout_ms,
        };
        daemon->services.store = store_open(&store);
    }
    const QuarantineLimits kept = {
        .bytes = config->policy.quarantine_bytes,
        .messages = config->policy.quarantine_messages,
        .age = config->policy.quarantine_age,
    };
    const QuarantineLimits failed = {
        .bytes = config->journal.failed_bytes,
        .messages = config->journal.failed_messages,
        .expire_oldest = TRUE,
    };
    if (!open_folder(config->policy.quarantine_dir, &kept, &daemon->services.quarantine, error) ||
        !open_folder(config->journal.failed_dir, &failed, &daemon->services.failed, error))
        return FALSE;
    if (daemon->maps && !map_server_start(daemon->maps, error))
        return FALSE;
    return milter_start(daemon->milter, error);
}

static gboolean start(Daemon *daemon, const Problems *problems, GError **error)
{
    g_autoptr(Snapshot) snapshot = engine_snapshot(daemon->engine);
    const Config *config = snapshot_config(snapshot);
    if (!open_privileged(daemon, config, error))
        return FALSE;
    log_problems(problems);
    if (!open_services(daemon, config, error))
        return FALSE;
    daemon->stamp = take_stamp(snapshot);
    wait_for(daemon, NULL);
    if (daemon->control)
        control_start(daemon->control);
    for (const char *const *address = milter_addresses(daemon->milter); *address; address++)
        log_notice("listening on %s", *address);
    for (const char *const *address = daemon->maps ? map_server_addresses(daemon->maps) : NULL;
         address && *address; address++)
        log_notice("serving maps on %s", *address);
    service_ready();
    return TRUE;
}

/* A little at a time, so that no message waits behind it: the store has one writer. */
static void shorten_journal(Daemon *daemon)
{
    g_autoptr(Snapshot) snapshot = engine_snapshot(daemon->engine);
    int keep = snapshot_config(snapshot)->journal.keep;
    if (daemon->services.store && keep)
        journal_expire(daemon->services.store, clock_seconds(daemon->services.clock) - keep,
                       JOURNAL_EXPIRE_STEP);
}

/* In a folder of a hundred thousand that is a look at its oldest entries. */
static void shorten_quarantine(Daemon *daemon)
{
    guint n = daemon->services.quarantine
                  ? quarantine_expire(daemon->services.quarantine, clock_seconds(daemon->services.clock))
                  : 0;
    if (n)
        log_notice("quarantine: %u message%s had their time", n, n == 1 ? "" : "s");
}

/* SIGHUP and SIGUSR1 reload, SIGTERM and SIGINT end; in between the files are watched, and what is old leaves the journal. */
static void run(Daemon *daemon, const sigset_t *signals)
{
    const struct timespec watch = {.tv_sec = WATCH_SECONDS};
    for (;;) {
        int signal = sigtimedwait(signals, NULL, &watch);
        switch (signal) {
        case SIGTERM:
        case SIGINT:
            return;
        case SIGHUP:
            reopen_log();
            reload(daemon, NULL);
            break;
        case SIGUSR1:
            reload(daemon, NULL);
            break;
        default:
            reload_if_changed(daemon);
            shorten_journal(daemon);
            shorten_quarantine(daemon);
        }
    }
}

static void stop(Daemon *daemon)
{
    g_autoptr(Snapshot) snapshot = engine_snapshot(daemon->engine);
    service_stopping();
    log_notice("stopping: %u sessions", milter_sessions(daemon->milter));
    milter_drain(daemon->milter,
                 snapshot_config(snapshot)->daemon.drain_timeout); /* it says what was cut off */
    log_notice("stopped");
}

static void daemon_close(Daemon *daemon)
{
    control_free(daemon->control);
    map_server_free(daemon->maps);
    milter_free(daemon->milter);
    engine_free(daemon->engine);
    store_free(daemon->services.store);
    quarantine_free(daemon->services.quarantine);
    quarantine_free(daemon->services.failed);
    resolver_free(daemon->services.resolver);
    dkim_key_cache_free(daemon->services.keys);
    pthread_mutex_destroy(&daemon->reload_lock);
    g_free(daemon->stamp);
    g_strfreev(daemon->waiting);
    g_free(daemon->waiting_stamp);
    log_close();
}

/* Blocked before the first thread is made, so that they only come to run(). A peer that goes away is no signal. */
static void block_signals(sigset_t *signals)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
    sigemptyset(signals);
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
        sigaddset(signals, numbers[i]);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

static int serve(const char *path)
{
    sigset_t signals;
    block_signals(&signals);
    Daemon daemon = {.path = path, .reload_lock = PTHREAD_MUTEX_INITIALIZER};
    daemon.services = (Services){
        .clock = &clock_system,
        .random = &random_system,
        .hostname = g_get_host_name(),
    };
    daemon.engine = engine_new(&daemon.services, &tables);
    g_autoptr(Problems) problems = problems_new();
    gboolean loaded = load(&daemon, problems);
    if (!loaded)
        command_print_problems(problems);
    int status = EXIT_USAGE;
    g_autoptr(GError) error = NULL;
    if (loaded && start(&daemon, problems, &error)) {
        run(&daemon, &signals);
        stop(&daemon);
        status = EXIT_DONE;
    } else if (error) {
        log_error("%s", error->message);
        fprintf(stderr, "postern serve: %s\n", error->message);
    }
    daemon_close(&daemon);
    return status;
}

int command_serve(int argc, char **argv)
{
    g_autofree char *path = NULL;
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &path, "the configuration file", "FILE"},
        {NULL},
    };
    if (!command_options(
            &argc, &argv, entries, "",
            "Runs in the foreground until SIGTERM. SIGHUP and SIGUSR1 make it read its configuration again."))
        return EXIT_USAGE;
    if (argc != 1 || !path) {
        fprintf(stderr, "Usage: postern serve -c FILE\n");
        return EXIT_USAGE;
    }
    return serve(path);
}
