#include "base/outage.h"

#include <pthread.h>

typedef struct {
    guint failures; /* in a row */
    gboolean away;
    gint64 until; /* left alone till then */
} Outage;

struct Outages {
    pthread_mutex_t mutex; /* of names */
    GHashTable *names;     /* char * → Outage *; who answers is not there */
};

Outages *outages_new(void)
{
    Outages *outages = g_new(Outages, 1);
    pthread_mutex_init(&outages->mutex, NULL);
    outages->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return outages;
}

void outages_free(Outages *outages)
{
    if (!outages)
        return;
    g_hash_table_unref(outages->names);
    pthread_mutex_destroy(&outages->mutex);
    g_free(outages);
}

/* A clock that was set back must not make a pause of hours. */
static gboolean pauses(const Outage *outage, gint64 now)
{
    return now < outage->until && outage->until <= now + OUTAGE_PAUSE;
}

gboolean outages_may_ask(Outages *outages, const char *name, gint64 now)
{
    pthread_mutex_lock(&outages->mutex);
    Outage *outage = g_hash_table_lookup(outages->names, name);
    gboolean may = !outage || !outage->away || !pauses(outage, now);
    if (may && outage && outage->away)
        outage->until = now + OUTAGE_PAUSE; /* this caller tries, for all */
    pthread_mutex_unlock(&outages->mutex);
    return may;
}

gboolean outages_is_away(Outages *outages, const char *name)
{
    pthread_mutex_lock(&outages->mutex);
    const Outage *outage = g_hash_table_lookup(outages->names, name);
    gboolean away = outage && outage->away;
    pthread_mutex_unlock(&outages->mutex);
    return away;
}

gboolean outages_failed(Outages *outages, const char *name, gboolean for_sure, gint64 now)
{
    pthread_mutex_lock(&outages->mutex);
    Outage *outage = g_hash_table_lookup(outages->names, name);
    if (!outage) {
        outage = g_new0(Outage, 1);
        g_hash_table_insert(outages->names, g_strdup(name), outage);
    }
    outage->failures++;
    gboolean begins = !outage->away && (for_sure || outage->failures >= OUTAGE_FAILURES);
    outage->away |= begins;
    if (outage->away)
        outage->until = now + OUTAGE_PAUSE;
    pthread_mutex_unlock(&outages->mutex);
    return begins;
}

gboolean outages_answered(Outages *outages, const char *name)
{
    pthread_mutex_lock(&outages->mutex);
    const Outage *outage = g_hash_table_lookup(outages->names, name);
    gboolean back = outage && outage->away;
    if (outage)
        g_hash_table_remove(outages->names, name);
    pthread_mutex_unlock(&outages->mutex);
    return back;
}
