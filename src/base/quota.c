/* quota.c — see quota.h. */
#include "base/quota.h"

gboolean quota_reserve(Quota *quota, gint64 amount)
{
    g_assert(amount >= 0);
    gint64 limit = __atomic_load_n(&quota->limit, __ATOMIC_RELAXED);
    gint64 most = limit > 0 ? limit : G_MAXINT64;
    gint64 used = __atomic_load_n(&quota->used, __ATOMIC_RELAXED);
    do {
        if (used > most || amount > most - used)
            return FALSE;
    } while (!__atomic_compare_exchange_n(&quota->used, &used, used + amount, TRUE, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    return TRUE;
}

void quota_release(Quota *quota, gint64 amount)
{
    g_assert(amount >= 0);
    gint64 before = __atomic_fetch_sub(&quota->used, amount, __ATOMIC_ACQ_REL);
    g_assert(before >= amount);
}

gint64 quota_used(Quota *quota)
{
    return __atomic_load_n(&quota->used, __ATOMIC_ACQUIRE);
}

void quota_set_limit(Quota *quota, gint64 limit)
{
    g_assert(limit >= 0);
    __atomic_store_n(&quota->limit, limit, __ATOMIC_RELAXED);
}
