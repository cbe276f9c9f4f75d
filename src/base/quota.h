/*
 * quota.h — an exact limit that many threads share: take first, work then, give back when it did not happen.
 *
 * Reserving is one atomic step, so that 64 sessions that ask at once never get more than the limit. Threads:
 * any.
 */
#pragma once

#include <glib.h>

typedef struct {
    gint64 limit; /* 0: no limit, only counted */
    gint64 used;
} Quota;

/* TRUE: `amount` (not negative) is ours until quota_release(). */
gboolean quota_reserve(Quota *quota, gint64 amount);
void quota_release(Quota *quota, gint64 amount);
gint64 quota_used(Quota *quota);
/* A reload changes the limit; what is taken already stays taken, even if it is more. */
void quota_set_limit(Quota *quota, gint64 limit);
