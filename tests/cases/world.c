#include "world.h"

#include <glib/gstdio.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <postern/zone.h>

#include "actions/actions.h"
#include "checks/checks.h"
#include "faulty.h"
#include "flow/trace.h"

#define START_TIME "2026-01-05T12:00:00Z" /* a Monday; nothing depends on it */

/* --- failures --- */

G_GNUC_PRINTF(2, 0)
static void complain(const World *world, const char *format, va_list args)
{
    g_autofree char *text = g_strdup_vprintf(format, args);
    guint number = world->line ? world->line->number : 0;
    fprintf(stderr, "%s:%u: %s\n", world->script->path, number, text);
}

void world_fail(World *world, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(world, format, args);
    va_end(args);
    world->failures++;
}

void world_break(World *world, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(world, format, args);
    va_end(args);
    world->failures++;
    world->broken = TRUE;
}

/* --- life --- */

static void log_line_free(gpointer data)
{
    LogLine *line = data;
    g_free(line->text);
    g_free(line);
}

static void connection_free(gpointer data)
{
    Connection *connection = data;
    session_free(connection->session);
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        g_free(connection->macros[stage]);
    g_free(connection->name);
    g_free(connection);
}

/* "[17] REJECT: …": which session it is says little, and makes cases hard to read. */
static void keep_line(LogLevel level, const char *text, void *data)
{
    World *world = data;
    const char *end = *text == '[' ? strstr(text, "] ") : NULL;
    LogLine *line = g_new0(LogLine, 1);
    line->level = level;
    line->text = g_strdup(end ? end + 2 : text);
    g_ptr_array_add(world->log, line);
}

static void observe(Message *message, gboolean aborted, const Reply *reply, void *data)
{
    World *world = data;
    record_free(world->record);
    world->record = record_new();
    message_record(message, world->record);
    if (world->headers)
        g_string_free(world->headers, TRUE);
    world->headers = message_render_headers(message);
}

static void use_tables(World *world)
{
    world->checks = g_ptr_array_new();
    for (const Check *const *check = all_checks; *check; check++)
        g_ptr_array_add(world->checks, (gpointer)*check);
    g_ptr_array_add(world->checks, &world->probe);
    g_ptr_array_add(world->checks, NULL);
    world->tables = (Tables){(const Check *const *)world->checks->pdata, all_actions};
}

/* --- the DNS --- */

/* A name server that takes its time: who asks waits for the answer, or until he gives up. */
static DnsAnswer *ask_slowly(Resolver *self, const char *name, DnsType type, gint64 deadline)
{
    World *world = (World *)((char *)self - offsetof(World, dns));
    if (!world->slow_name || g_ascii_strcasecmp(name, world->slow_name) != 0)
        return dns_query(world->zone, name, type, deadline);
    gint64 ready = g_get_monotonic_time() + world->slow_usec;
    gboolean in_time = !deadline || ready <= deadline;
    gint64 left = (in_time ? ready : deadline) - g_get_monotonic_time();
    if (left > 0)
        g_usleep((gulong)left);
    return in_time ? dns_query(world->zone, name, type, deadline) : dns_answer_new(DNS_TEMPERROR, "timeout");
}

World *world_new(const Script *script)
{
    World *world = g_new0(World, 1);
    gint64 start = 0;
    world->script = script;
    world->dir = g_dir_make_tmp("postern-case-XXXXXX", NULL);
    g_assert(world->dir && clock_parse(START_TIME, &start));
    world->clock = clock_fixed(start);
    world->random = random_seeded(1);
    world->zone = zone_new();
    world->dns.query = ask_slowly;
    zone_log(world->zone);
    world->store = faulty_store_new();
    world->published = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    world->adapter = (Adapter){
        .can_edit_headers = TRUE,
        .can_edit_sender = TRUE,
        .can_edit_rcpts = TRUE,
        .can_edit_body = TRUE,
        .can_hold = TRUE,
        .mta = "case",
    };
    world->reserve_stage = STAGE_COUNT;
    world->planned = g_ptr_array_new_with_free_func(planned_free);
    world->answers = g_ptr_array_new_with_free_func(planned_answer_free);
    world->connections = g_ptr_array_new_with_free_func(connection_free);
    world->log = g_ptr_array_new_with_free_func(log_line_free);
    world->settled = g_ptr_array_new_with_free_func(g_free);
    world->carried = g_ptr_array_new_with_free_func(g_free);
    probe_init(world);
    plan_ahead(world);
    use_tables(world);
    world_write(world, "postern.conf", "");
    log_set_sink(keep_line, world);
    return world;
}

static void remove_tree(const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *below = g_build_filename(path, name, NULL);
        remove_tree(below);
    }
    g_clear_pointer(&dir, g_dir_close);
    g_remove(path);
}

void world_free(World *world)
{
    if (!world)
        return;
    g_ptr_array_unref(world->connections);
    engine_free(world->engine);
    quarantine_free(world->quarantine);
    quarantine_free(world->failed);
    store_free(world->store);
    resolver_free(world->zone);
    g_free(world->slow_name);
    log_set_sink(NULL, NULL);
    g_ptr_array_unref(world->planned);
    g_ptr_array_unref(world->answers);
    g_clear_pointer(&world->over_quota, planned_free);
    g_ptr_array_unref(world->checks);
    g_ptr_array_unref(world->log);
    g_ptr_array_unref(world->settled);
    g_ptr_array_unref(world->carried);
    record_free(world->record);
    if (world->headers)
        g_string_free(world->headers, TRUE);
    g_free(world->edits);
    g_free(world->message);
    g_hash_table_unref(world->published);
    for (gsize i = 0; i < G_N_ELEMENTS(world->keys); i++)
        dkim_key_unref(world->keys[i]);
    remove_tree(world->dir);
    g_free(world->dir);
    g_free(world);
}

/* --- configuration --- */

void world_write(World *world, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(world->dir, name, NULL);
    g_autoptr(GError) error = NULL;
    if (strchr(name, '/') ||
        !g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
        world_break(world, "%s cannot be written", name);
}

static gboolean open_folder(World *world, const char *dir, const QuarantineLimits *limits, Quarantine **into)
{
    g_autoptr(GError) error = NULL;
    *into = *dir ? quarantine_open(dir, limits, &error) : NULL;
    if (error)
        world_break(world, "%s: %s", dir, error->message);
    return !error;
}

/* Services are those of the first configuration, as in the daemon. */
static gboolean start_engine(World *world, const Config *config)
{
    world->services = (Services){
        .resolver = &world->dns,
        .clock = &world->clock.base,
        .random = &world->random.base,
        .store = world->store,
        .hostname = "mx.our.example",
    };
    const QuarantineLimits limits = {config->policy.quarantine_bytes, config->policy.quarantine_messages};
    const QuarantineLimits failed = {config->journal.failed_bytes, config->journal.failed_messages, 0, TRUE};
    if (!open_folder(world, config->policy.quarantine_dir, &limits, &world->quarantine) ||
        !open_folder(world, config->journal.failed_dir, &failed, &world->failed))
        return FALSE;
    world->services.quarantine = world->quarantine;
    world->services.failed = world->failed;
    world->engine = engine_new(&world->services, &world->tables);
    engine_observe(world->engine, observe, world);
    return TRUE;
}

static char *problems_text(const Problems *problems)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < problems_len(problems); i++) {
        g_autofree char *one = problem_to_string(problems_at(problems, i));
        g_string_append_printf(text, "%s%s", i ? " | " : "", one);
    }
    return g_string_free(text, FALSE);
}

char *world_load(World *world)
{
    g_autofree char *path = g_build_filename(world->dir, "postern.conf", NULL);
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_load(path, problems);
    if (config && !world->engine && !start_engine(world, config))
        return NULL;
    if (!config || !engine_use(world->engine, config, problems))
        return problems_text(problems);
    world->loaded = TRUE;
    return NULL;
}

/* --- what is known --- */

Record *world_record(World *world)
{
    Session *session = world->current ? world->current->session : NULL;
    Message *message = session ? session_message(session) : NULL;
    Record *record = record_new();
    if (message)
        message_record(message, record);
    else if (world->record)
        record_merge(record, world->record);
    else if (session)
        session_record(session, record);
    return record;
}

void world_check_leftovers(World *world)
{
    world->line = NULL;
    for (guint i = 0; i < world->log->len; i++) {
        const LogLine *line = world->log->pdata[i];
        if (line->level <= LOG_LEVEL_WARNING && !line->expected)
            world_fail(world, "nobody expected in the log: %s", line->text);
    }
    for (guint i = world->settled_seen; world->settled_asked && i < world->settled->len; i++)
        world_fail(world, "nobody expected to be settled: %s", (char *)world->settled->pdata[i]);
    for (guint i = world->carried_seen; world->carried_asked && i < world->carried->len; i++)
        world_fail(world, "nobody expected to be carried out: %s", (char *)world->carried->pdata[i]);
}
