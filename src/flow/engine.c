#include "flow/flow-internal.h"

#include <string.h>

static guint count_checks(const Tables *tables)
{
    guint n = 0;
    while (tables->checks[n])
        n++;
    return n;
}

/* --- Snapshot --- */

/* What the adapter need not deliver: nobody looks at it. */
static guint find_unwanted(const Snapshot *snapshot)
{
    guint wanted =
        1u << STAGE_CONNECT | 1u << STAGE_HELO | 1u << STAGE_MAIL | 1u << STAGE_RCPT | 1u << STAGE_MESSAGE;
    for (const Check **check = snapshot->checks; *check; check++) {
        if ((*check)->data)
            wanted |= 1u << STAGE_DATA;
        if ((*check)->headers || (*check)->message)
            wanted |= 1u << STAGE_HEADERS;
        if ((*check)->body || (*check)->hashes_body)
            wanted |= 1u << STAGE_BODY | 1u << STAGE_HEADERS;
    }
    for (const Action **action = snapshot->actions; *action; action++) {
        wanted |= 1u << STAGE_HEADERS; /* they ask for the checks' trace, too */
        if ((*action)->headers)
            wanted |= 1u << STAGE_BODY;
    }
    if (snapshot->keeps_body)
        wanted |= 1u << STAGE_BODY | 1u << STAGE_HEADERS | 1u << STAGE_DATA; /* DATA: is there room? */
    return ~wanted & ((1u << STAGE_COUNT) - 1);
}

static void pick_wanted(Snapshot *snapshot)
{
    const Config *config = snapshot->config;
    GPtrArray *checks = g_ptr_array_new();
    for (const Check *const *check = snapshot->tables->checks; *check; check++) {
        if ((*check)->wanted && !(*check)->wanted(config))
            continue;
        g_ptr_array_add(checks, (gpointer)*check);
        snapshot->available |= (*check)->carries_out;
    }
    g_ptr_array_add(checks, NULL);
    snapshot->checks = (const Check **)g_ptr_array_free(checks, FALSE);

    GPtrArray *actions = g_ptr_array_new();
    for (const Action *const *action = snapshot->tables->actions; *action; action++)
        if (!(*action)->wanted || (*action)->wanted(config))
            g_ptr_array_add(actions, (gpointer)*action);
    g_ptr_array_add(actions, NULL);
    snapshot->actions = (const Action **)g_ptr_array_free(actions, FALSE);
}

static Snapshot *compile(const Tables *tables, Config *config, Problems *problems)
{
    Policy *policy = policy_new(config, problems);
    if (!policy)
        return NULL;
    Snapshot *snapshot = g_new0(Snapshot, 1);
    snapshot->refs = REFS_ONE;
    snapshot->config = config_ref(config);
    snapshot->policy = policy;
    snapshot->tables = tables;
    pick_wanted(snapshot);
    /* A body is kept where a copy of the message may be wanted: QUARANTINE, recipients that end differently, failures. */
    snapshot->keeps_body = policy_may_use(policy, VERB_BIT(VERB_QUARANTINE) | VERB_BIT(VERB_HOLD)) ||
                           *config->journal.failed_dir ||
                           (config->policy.mixed == MIXED_SEPARATE && policy_may_differ_after_data(policy));
    snapshot->unwanted_stages = find_unwanted(snapshot);
    snapshot->judges_headers = snapshot_wants(snapshot, STAGE_HEADERS);
    if (*config->store.path && config->journal.keep) /* Subject, Message-ID: to be shown, no more */
        snapshot->unwanted_stages &= ~(1u << STAGE_HEADERS);
    return snapshot;
}

static const Problem *first_error(const Problems *problems)
{
    for (guint i = 0; i < problems_len(problems); i++)
        if (problems_at(problems, i)->level == PROBLEM_ERROR)
            return problems_at(problems, i);
    return NULL;
}

/* A shadow that cannot be had never stands in the way of mail: one warning, and there is none. Its own [shadow] counts for
 * nothing. */
static void add_shadow(Snapshot *snapshot, Problems *problems)
{
    const Config *config = snapshot->config;
    if (!*config->shadow.config)
        return;
    snapshot->shadow_file = g_strdup(config->shadow.config);
    g_autoptr(Problems) faults = problems_new();
    g_autoptr(Config) other = config_load(snapshot->shadow_file, faults);
    Snapshot *shadow = other ? compile(snapshot->tables, other, faults) : NULL;
    if (!shadow) {
        const Problem *error = first_error(faults);
        g_autofree char *why = error ? problem_to_string(error) : NULL;
        problems_add(problems, PROBLEM_WARNING, config->path, 0, "there is no shadow: %s",
                     why ? why : "it has faults");
        return;
    }
    for (guint i = 0; i < problems_len(faults); i++) {
        const Problem *fault = problems_at(faults, i);
        problems_add(problems, fault->level, fault->file, fault->line, "%s", fault->text);
    }
    shadow->keeps_body = FALSE; /* it quarantines nothing */
    shadow->unwanted_stages = find_unwanted(shadow);
    snapshot->unwanted_stages &= shadow->unwanted_stages;
    snapshot->shadow = shadow;
}

Snapshot *snapshot_new(const Tables *tables, Config *config, Problems *problems)
{
    Snapshot *snapshot = compile(tables, config, problems);
    if (snapshot)
        add_shadow(snapshot, problems);
    return snapshot;
}

Snapshot *snapshot_ref(Snapshot *snapshot)
{
    refs_take(&snapshot->refs);
    return snapshot;
}

void snapshot_unref(Snapshot *snapshot)
{
    if (!snapshot || !refs_drop(&snapshot->refs))
        return;
    snapshot_unref(snapshot->shadow);
    g_free(snapshot->shadow_file);
    policy_free(snapshot->policy);
    config_unref(snapshot->config);
    g_free(snapshot->checks);
    g_free(snapshot->actions);
    g_free(snapshot);
}

const Config *snapshot_config(const Snapshot *snapshot)
{
    return snapshot->config;
}

const Policy *snapshot_policy(const Snapshot *snapshot)
{
    return snapshot->policy;
}

const Config *snapshot_shadow_config(const Snapshot *snapshot)
{
    return snapshot->shadow ? snapshot->shadow->config : NULL;
}

const Policy *snapshot_shadow_policy(const Snapshot *snapshot)
{
    return snapshot->shadow ? snapshot->shadow->policy : NULL;
}

const char *snapshot_shadow_file(const Snapshot *snapshot)
{
    return snapshot->shadow_file;
}

gboolean snapshot_wants(const Snapshot *snapshot, Stage stage)
{
    return !(snapshot->unwanted_stages & 1u << stage);
}

guint snapshot_unwanted_stages(const Snapshot *snapshot)
{
    return snapshot->unwanted_stages;
}

guint snapshot_unanswered_stages(const Snapshot *snapshot)
{
    guint stages = 1u << STAGE_CONNECT | 1u << STAGE_HELO;
    if (snapshot->config->connection.delayed_reject)
        stages |= 1u << STAGE_MAIL;
    return stages;
}

/* --- Engine --- */

Engine *engine_new(const Services *services, const Tables *tables)
{
    Engine *engine = g_new0(Engine, 1);
    engine->services = services;
    engine->tables = tables;
    engine->n_checks = count_checks(tables);
    pthread_mutex_init(&engine->lock, NULL);
    engine->gauges = gauges_new();
    engine->outages = outages_new();
    return engine;
}

void engine_free(Engine *engine)
{
    if (!engine)
        return;
    snapshot_unref(engine->current);
    gauges_free(engine->gauges);
    outages_free(engine->outages);
    pthread_mutex_destroy(&engine->lock);
    g_free(engine);
}

gboolean engine_use(Engine *engine, Config *config, Problems *problems)
{
    Snapshot *snapshot = snapshot_new(engine->tables, config, problems);
    if (!snapshot)
        return FALSE;
    pthread_mutex_lock(&engine->lock);
    Snapshot *old = engine->current;
    engine->current = snapshot;
    quota_set_limit(&engine->bodies, config->daemon.body_budget);
    pthread_mutex_unlock(&engine->lock);
    snapshot_unref(old);
    return TRUE;
}

gboolean engine_load(Engine *engine, const char *path, Problems *problems)
{
    g_autoptr(Config) config = config_load(path, problems);
    if (!config)
        return FALSE;
    gboolean used = engine_use(engine, config, problems);
    if (!used)
        problems_set_files(problems, config->loaded.files);
    return used;
}

Snapshot *engine_snapshot(Engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    Snapshot *snapshot = snapshot_ref(engine->current);
    pthread_mutex_unlock(&engine->lock);
    return snapshot;
}

void engine_observe(Engine *engine, MessageObserver observer, void *data)
{
    engine->observer = observer;
    engine->observer_data = data;
}
