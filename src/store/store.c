/* What all backends have in common: names, keys, batches, and the way to them. */
#include <string.h>

#include "store/store-internal.h"

#define HASH_LEN 32 /* hex digits of the hash that a long key ends in */

G_DEFINE_QUARK(postern - store - error, store_error)

static const char *const table_names[] = {
#define X(id, word) [STORE_##id] = word,
    STORE_TABLES(X)
#undef X
};

const char *store_table_name(StoreTable table)
{
    g_assert(table < STORE_TABLE_COUNT);
    return table_names[table];
}

gboolean store_table_parse(const char *word, StoreTable *ret)
{
    for (guint i = 0; i < STORE_TABLE_COUNT; i++) {
        if (g_ascii_strcasecmp(word, table_names[i]) == 0) {
            *ret = i;
            return TRUE;
        }
    }
    return FALSE;
}

/* A key as it is stored. Two long keys that differ stay different. The caller frees. */
static char *cut_key(const char *key)
{
    gsize len = strlen(key);
    if (len <= STORE_KEY_MAX)
        return g_strndup(key, len);
    g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, key, len);
    return g_strdup_printf("%.*s~%.*s", STORE_KEY_MAX - HASH_LEN - 1, key, HASH_LEN, hash);
}

/* The same for a look-up, where nearly every key is short and need not be copied: *ret_owned is to be freed. */
static const char *short_key(const char *key, char **ret_owned)
{
    *ret_owned = strnlen(key, STORE_KEY_MAX + 1) > STORE_KEY_MAX ? cut_key(key) : NULL;
    return *ret_owned ? *ret_owned : key;
}

static gint64 bounded(gint64 number)
{
    return CLAMP(number, -STORE_NUMBER_MAX, STORE_NUMBER_MAX);
}

void store_free(Store *store)
{
    if (store)
        store->backend->free(store);
}

gboolean store_can_read(Store *store)
{
    return store->backend->can_read(store);
}

gboolean store_can_write(Store *store)
{
    return store->backend->can_write(store);
}

char *store_problem(Store *store)
{
    return store->backend->problem(store);
}

/* --- read --- */

StoreAnswer store_get(Store *store, StoreTable table, const char *key, gint64 now, Pool *pool,
                      StoreEntry *entry)
{
    const char *const keys[] = {key, NULL};
    guint index;
    return store_get_first(store, table, keys, now, pool, entry, &index);
}

StoreAnswer store_get_first(Store *store, StoreTable table, const char *const *keys, gint64 now, Pool *pool,
                            StoreEntry *entry, guint *ret_index)
{
    guint n = g_strv_length((char **)keys);
    g_autofree const char **stored = g_new0(const char *, n + 1);
    g_autofree char **owned = g_new0(char *, n + 1);
    for (guint i = 0; i < n; i++)
        stored[i] = short_key(keys[i], &owned[i]);
    StoreAnswer answer = store->backend->get_first(store, table, stored, now, pool, entry, ret_index);
    for (guint i = 0; i < n; i++)
        g_free(owned[i]);
    return answer;
}

StoreAnswer store_each(Store *store, StoreTable table, const char *prefix, const char *after, gint64 now,
                       StoreEach each, void *data)
{
    return store->backend->each(store, table, prefix, after, now, each, data);
}

gint64 store_count(Store *store, StoreTable table, gint64 now)
{
    return store->backend->count(store, table, now);
}

/* --- write --- */

static void clear_op(void *data)
{
    StoreOp *op = data;
    g_free(op->key);
    g_free(op->text);
    journal_message_free(op->message);
}

static GArray *ops_new(void)
{
    GArray *ops = g_array_new(FALSE, FALSE, sizeof(StoreOp));
    g_array_set_clear_func(ops, clear_op);
    return ops;
}

StoreBatch *store_batch_new(void)
{
    StoreBatch *batch = g_new(StoreBatch, 1);
    batch->ops = ops_new();
    return batch;
}

void store_batch_free(StoreBatch *batch)
{
    if (!batch)
        return;
    g_array_unref(batch->ops);
    g_free(batch);
}

gboolean store_batch_is_empty(const StoreBatch *batch)
{
    return batch->ops->len == 0;
}

void store_batch_put(StoreBatch *batch, StoreTable table, const char *key, StoreMode mode,
                     const StoreEntry *entry)
{
    StoreOp op = {
        .kind = STORE_OP_PUT,
        .table = table,
        .mode = mode,
        .key = cut_key(key),
        .has_text = TRUE,
        .text = g_strndup(entry->text ? entry->text : "", STORE_TEXT_MAX),
        .number = bounded(entry->number),
        .created = entry->created,
        .expires = entry->expires,
    };
    g_array_append_val(batch->ops, op);
}

void store_batch_add(StoreBatch *batch, StoreTable table, const char *key, gint64 n, gint64 expires,
                     gboolean renew, const char *text)
{
    StoreOp op = {
        .kind = STORE_OP_ADD,
        .table = table,
        .renew = renew,
        .key = cut_key(key),
        .has_text = text != NULL,
        .text = text ? g_strndup(text, STORE_TEXT_MAX) : NULL,
        .number = bounded(n),
        .expires = expires,
    };
    g_array_append_val(batch->ops, op);
}

void store_batch_remove(StoreBatch *batch, StoreTable table, const char *key)
{
    StoreOp op = {.kind = STORE_OP_REMOVE, .table = table, .key = cut_key(key)};
    g_array_append_val(batch->ops, op);
}

void store_batch_journal(StoreBatch *batch, const JournalMessage *message)
{
    StoreOp op = {.kind = STORE_OP_JOURNAL, .message = journal_message_copy(message)};
    g_array_append_val(batch->ops, op);
}

StoreAnswer store_apply(Store *store, StoreBatch *batch, gint64 now)
{
    if (store_batch_is_empty(batch))
        return STORE_YES;
    GArray *ops = batch->ops;
    batch->ops = ops_new();
    StoreAnswer answer = store->backend->apply(store, ops, now);
    g_array_unref(ops);
    return answer;
}

StoreAnswer store_take(Store *store, StoreTable table, const char *key, gint64 n, gint64 limit,
                       gint64 expires, gint64 now, gint64 *ret_used)
{
    char *owned;
    gint64 used = 0;
    const char *stored = short_key(key, &owned);
    StoreAnswer answer =
        store->backend->take(store, table, stored, bounded(n), bounded(limit), expires, now, &used);
    if (ret_used)
        *ret_used = used;
    g_free(owned);
    return answer;
}

/* --- upkeep --- */

gint64 store_expire(Store *store, gint64 now, guint max)
{
    return store->backend->expire(store, now, max);
}

gboolean store_facts(Store *store, StoreFacts *ret, GError **error)
{
    *ret = (StoreFacts){0};
    return store->backend->facts(store, ret, error);
}

gboolean store_check(Store *store, void (*each)(const char *fault, void *data), void *data, GError **error)
{
    return store->backend->check(store, each, data, error);
}

gboolean store_compact(Store *store, GError **error)
{
    return store->backend->compact(store, error);
}
