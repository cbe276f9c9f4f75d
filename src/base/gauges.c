#include "base/gauges.h"

#include <pthread.h>

struct Gauges {
    pthread_mutex_t mutex; /* of names */
    GHashTable *names;     /* char * → gint64 * */
};

Gauges *gauges_new(void)
{
    Gauges *gauges = g_new(Gauges, 1);
    pthread_mutex_init(&gauges->mutex, NULL);
    gauges->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return gauges;
}

void gauges_free(Gauges *gauges)
{
    if (!gauges)
        return;
    g_hash_table_unref(gauges->names);
    pthread_mutex_destroy(&gauges->mutex);
    g_free(gauges);
}

gboolean gauges_take(Gauges *gauges, const char *name, gint64 limit)
{
    pthread_mutex_lock(&gauges->mutex);
    gint64 *n = g_hash_table_lookup(gauges->names, name);
    gboolean room = (n ? *n : 0) < limit;
    if (room && !n) {
        n = g_new0(gint64, 1);
        g_hash_table_insert(gauges->names, g_strdup(name), n);
    }
    if (room)
        ++*n;
    pthread_mutex_unlock(&gauges->mutex);
    return room;
}

void gauges_give(Gauges *gauges, const char *name)
{
    pthread_mutex_lock(&gauges->mutex);
    gint64 *n = g_hash_table_lookup(gauges->names, name);
    g_assert(n); /* given back more often than taken */
    if (--*n == 0)
        g_hash_table_remove(gauges->names, name);
    pthread_mutex_unlock(&gauges->mutex);
}

gint64 gauges_of(Gauges *gauges, const char *name)
{
    pthread_mutex_lock(&gauges->mutex);
    const gint64 *n = g_hash_table_lookup(gauges->names, name);
    gint64 value = n ? *n : 0;
    pthread_mutex_unlock(&gauges->mutex);
    return value;
}
