/* The store as checks see it: what is remembered is asked at any time, and changed only once a reply is fixed. */
#include "flow/flow-internal.h"

#include <string.h>

/* A shadow has no effect, nor has what is judged offline. */
static gboolean has_effect(const Session *session)
{
    return !session->live && !session->adapter.alone;
}

static StoreAnswer note(Session *session, StoreAnswer answer)
{
    session->store_away |= answer == STORE_AWAY;
    return answer;
}

gboolean session_remembers(const Session *session)
{
    return session->engine->services->store != NULL;
}

gint64 session_now(const Session *session)
{
    return clock_seconds(session->engine->services->clock);
}

StoreAnswer session_recall(Session *session, Pool *pool, StoreTable table, const char *key, StoreEntry *entry)
{
    const char *const keys[] = {key, NULL};
    guint index;
    return session_recall_first(session, pool, table, keys, entry, &index);
}

StoreAnswer session_recall_first(Session *session, Pool *pool, StoreTable table, const char *const *keys,
                                 StoreEntry *entry, guint *ret_index)
{
    Store *store = session->engine->services->store;
    if (!store)
        return STORE_NO;
    return note(session, store_get_first(store, table, keys, session_now(session), pool, entry, ret_index));
}

gboolean session_can_remember(Session *session)
{
    Store *store = session->engine->services->store;
    return store && store_can_write(store);
}

StoreBatch *session_batch(Session *session)
{
    if (!session->batch)
        session->batch = store_batch_new();
    return session->batch;
}

void session_commit(Session *session)
{
    if (!session->batch || store_batch_is_empty(session->batch))
        return;
    Store *store = session->engine->services->store;
    if (store && has_effect(session))
        note(session, store_apply(store, session->batch, session_now(session)));
    g_clear_pointer(&session->batch, store_batch_free);
}

/* Findings of the flow itself. */
static const Check flow_store = {.name = "store", .scope = PER_MESSAGE};

void find_store_away(Message *message)
{
    if (!message->session->store_away || message_has_finding(message, TAG_STORE_AWAY))
        return;
    message_failed(message, flow_store.name, "what is remembered could not be asked for or kept");
    message_find(message, &flow_store, TAG_STORE_AWAY, "", "cannot look up what is known of this sender");
}

/* --- exact limits --- */

/* What is taken already, and not taken from others. */
static StoreAnswer peek(Session *session, StoreTable table, const char *key, gint64 n, gint64 limit,
                        gint64 *used)
{
    g_autoptr(Pool) pool = pool_new();
    StoreEntry entry = {0};
    StoreAnswer answer = session_recall(session, pool, table, key, &entry);
    if (answer == STORE_AWAY)
        return answer;
    *used = (answer == STORE_YES ? entry.number : 0) + n;
    return *used <= limit ? STORE_YES : STORE_NO;
}

StoreAnswer session_take(Session *session, StoreTable table, const char *key, gint64 n, gint64 limit,
                         int window, gint64 *ret_used)
{
    Store *store = session->engine->services->store;
    gint64 ignored, *used = ret_used ? ret_used : &ignored;
    *used = 0;
    if (!store)
        return STORE_NO;
    if (!has_effect(session))
        return peek(session, table, key, n, limit, used);
    gint64 now = session_now(session);
    return note(session, store_take(store, table, key, n, limit, now + window, now, used));
}

StoreAnswer message_take(Message *message, StoreTable table, const char *key, gint64 n, gint64 limit,
                         int window, gint64 *ret_used)
{
    Session *session = message->session;
    if (!session_remembers(session))
        return STORE_YES;
    StoreAnswer answer = session_take(session, table, key, n, limit, window, ret_used);
    if (answer == STORE_YES && has_effect(session)) {
        Taken taken = {table, pool_strdup(message->known.pool, key), n};
        g_array_append_val(message->taken, taken);
    }
    return answer;
}

gboolean session_hold(Session *session, const char *name, gint64 limit)
{
    Gauges *gauges = session->engine->gauges;
    if (!has_effect(session))
        return gauges_of(gauges, name) < limit;
    if (!gauges_take(gauges, name, limit))
        return FALSE;
    if (!session->held)
        session->held = g_ptr_array_new();
    g_ptr_array_add(session->held, pool_strdup(session->known.pool, name));
    return TRUE;
}

void session_release(Session *session)
{
    for (guint i = 0; session->held && i < session->held->len; i++)
        gauges_give(session->engine->gauges, session->held->pdata[i]);
    g_clear_pointer(&session->held, g_ptr_array_unref);
}

Outages *session_outages(Session *session)
{
    return session->engine->outages;
}

void message_give_back(Message *message)
{
    for (guint i = 0; i < message->taken->len; i++) {
        const Taken *taken = &g_array_index(message->taken, Taken, i);
        store_batch_add(session_batch(message->session), taken->table, taken->key, -taken->n, 0, FALSE, NULL);
    }
    g_array_set_size(message->taken, 0);
}
