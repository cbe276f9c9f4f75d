#include "faulty.h"

#include "store/store-internal.h"

typedef struct {
    Store store;
    Store *inner;
    gboolean can_read, can_write;
} FaultyStore;

static void faulty_free(Store *store)
{
    store_free(((FaultyStore *)store)->inner);
    g_free(store);
}

static gboolean faulty_can_read(Store *store)
{
    return ((FaultyStore *)store)->can_read;
}

static gboolean faulty_can_write(Store *store)
{
    return ((FaultyStore *)store)->can_write;
}

static char *faulty_problem(Store *store)
{
    const FaultyStore *self = (FaultyStore *)store;
    return self->can_read && self->can_write ? NULL : g_strdup("the case says so");
}

#define IF(can, call)                                                                                        \
    (((FaultyStore *)store)->can ? ((FaultyStore *)store)->inner->backend->call : STORE_AWAY)
#define INNER ((FaultyStore *)store)->inner

static StoreAnswer faulty_get_first(Store *store, StoreTable table, const char *const *keys, gint64 now,
                                    Pool *pool, StoreEntry *entry, guint *index)
{
    return IF(can_read, get_first(INNER, table, keys, now, pool, entry, index));
}

static StoreAnswer faulty_each(Store *store, StoreTable table, const char *prefix, const char *after,
                               gint64 now, StoreEach each, void *data)
{
    return IF(can_read, each(INNER, table, prefix, after, now, each, data));
}

static gint64 faulty_count(Store *store, StoreTable table, gint64 now)
{
    return ((FaultyStore *)store)->can_read ? store_count(INNER, table, now) : -1;
}

static StoreAnswer faulty_apply(Store *store, GArray *ops, gint64 now)
{
    return IF(can_write, apply(INNER, ops, now));
}

static StoreAnswer faulty_take(Store *store, StoreTable table, const char *key, gint64 n, gint64 limit,
                               gint64 expires, gint64 now, gint64 *used)
{
    return IF(can_write, take(INNER, table, key, n, limit, expires, now, used));
}

static StoreAnswer faulty_search(Store *store, const JournalQuery *query, gboolean with_facts,
                                 JournalEach each, void *data)
{
    return IF(can_read, search(INNER, query, with_facts, each, data));
}

static StoreAnswer faulty_top(Store *store, JournalColumn by, const JournalQuery *query, JournalCount each,
                              void *data)
{
    return IF(can_read, top(INNER, by, query, each, data));
}

static const StoreBackend backend = {
    .free = faulty_free,
    .can_read = faulty_can_read,
    .can_write = faulty_can_write,
    .problem = faulty_problem,
    .get_first = faulty_get_first,
    .each = faulty_each,
    .count = faulty_count,
    .apply = faulty_apply,
    .take = faulty_take,
    .search = faulty_search,
    .top = faulty_top,
};

Store *faulty_store_new(void)
{
    FaultyStore *self = g_new0(FaultyStore, 1);
    self->store.backend = &backend;
    self->inner = store_memory_new();
    self->can_read = self->can_write = TRUE;
    return &self->store;
}

void faulty_store_set(Store *store, gboolean can_read, gboolean can_write)
{
    ((FaultyStore *)store)->can_read = can_read;
    ((FaultyStore *)store)->can_write = can_write;
}
