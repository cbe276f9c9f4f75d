/* A session's life, and what the checks may ask of it. Its steps are in steps.c. */
#include "flow/flow-internal.h"

#include <string.h>

Session *session_new(Engine *engine, const Adapter *adapter)
{
    Session *session = g_new0(Session, 1);
    session->engine = engine;
    session->snapshot = engine_snapshot(engine);
    session->adapter = *adapter;
    session->id = __atomic_add_fetch(&engine->last_session, 1, __ATOMIC_RELAXED);
    known_init(&session->known, session);
    resolver_view_init(&session->resolver, session, NULL);
    if (session->snapshot->shadow && !adapter->alone)
        session->shadow = shadow_new(session);
    return session;
}

gboolean session_settles(const Session *session, const Check *check)
{
    return !session->live || check->settles_in_shadow;
}

static void settle_session(Session *session)
{
    EACH_CHECK(session, check)
        if (check->settle_session && session_settles(session, check))
            check->settle_session(session);
    session_commit(session);
}

void session_free(Session *session)
{
    if (!session)
        return;
    session_free(session->shadow);
    step_abort(session);
    g_clear_pointer(&session->finished, message_free);
    settle_session(session);
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        g_clear_pointer(&session->macros[stage], g_hash_table_unref);
    g_free(session->client_name);
    g_free(session->ptr_name);
    g_free(session->helo);
    session_release(session);
    store_batch_free(session->batch);
    known_clear(&session->known);
    snapshot_unref(session->snapshot);
    g_free(session);
}

/* --- macros --- */

void session_forget_macros(Session *session, Stage from)
{
    for (int stage = from; stage < STAGE_COUNT; stage++)
        g_clear_pointer(&session->macros[stage], g_hash_table_unref);
}

void step_macros(Session *session, Stage stage, const char *const *pairs)
{
    session_forget_macros(session, stage);
    GHashTable *macros = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (; pairs[0] && pairs[1]; pairs += 2)
        g_hash_table_replace(macros, g_strdup(pairs[0]), g_strdup(pairs[1]));
    session->macros[stage] = macros;
}

const char *session_macro(const Session *session, const char *name)
{
    for (int stage = STAGE_COUNT; stage-- > 0;) {
        const char *value = session->macros[stage] ? g_hash_table_lookup(session->macros[stage], name) : NULL;
        if (value)
            return value;
    }
    return NULL;
}

/* --- what checks may ask --- */

const Config *session_config(const Session *session)
{
    return session->snapshot->config;
}

Pool *session_pool(Session *session)
{
    return session->known.pool;
}

const Clock *session_clock(const Session *session)
{
    return session->engine->services->clock;
}

Random *session_random(const Session *session)
{
    return session->engine->services->random;
}

DkimKeyCache *session_keys(const Session *session)
{
    return session->engine->services->keys;
}

Resolver *session_resolver(Session *session)
{
    return &session->resolver.base;
}

gint64 session_deadline(const Session *session)
{
    return session->deadline;
}

gint64 session_deadline_within(const Session *session, int seconds)
{
    return MIN(session->deadline, g_get_monotonic_time() + seconds * G_TIME_SPAN_SECOND);
}

void session_progress(Session *session)
{
    if (session->stage == STAGE_MESSAGE && session->adapter.progress)
        session->adapter.progress(session->adapter.data);
}

const IpAddress *session_ip(const Session *session)
{
    return &session->ip;
}

const char *session_ip_text(const Session *session)
{
    return session->ip_text;
}

guint session_port(const Session *session)
{
    return session->port;
}

const char *session_client_name(const Session *session)
{
    return session->client_name;
}

const char *session_ptr_name(const Session *session)
{
    return session->ptr_name;
}

const char *session_helo_name(const Session *session)
{
    return session->helo;
}

gboolean session_helo_in_transaction(const Session *session)
{
    return session->helo_in_transaction;
}

const char *session_receiver(const Session *session)
{
    const char *receiver = session_macro(session, "j");
    return receiver && *receiver ? receiver : session->engine->services->hostname;
}

const char *session_login(const Session *session)
{
    const char *login = session_macro(session, "auth_authen");
    return login && *login ? login : NULL;
}

void session_set_internal(Session *session, gboolean internal)
{
    session->internal = internal;
}

gboolean session_is_ours(const Session *session)
{
    return session->internal || session_login(session);
}

Message *session_message(const Session *session)
{
    return session->message;
}

guint64 session_id(const Session *session)
{
    return session->id;
}

const Snapshot *session_snapshot(const Session *session)
{
    return session->snapshot;
}

void session_add_demerits(Session *session, guint n, const char *why)
{
    session->demerits += n;
    session->demerits_why = pool_strdup(session->known.pool, why);
    session_log(session, LOG_LEVEL_NOTICE, "DEMERIT:", "%u for %s, %u in all", n, why, session->demerits);
}

guint session_demerits(const Session *session)
{
    return session->demerits;
}

const char *session_demerits_why(const Session *session)
{
    return session->demerits_why;
}

guint session_settle_demerits(Session *session)
{
    guint n = session->demerits - session->settled_demerits;
    session->settled_demerits = session->demerits;
    return n;
}
