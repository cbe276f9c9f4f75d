/*
 * refs.h — how many hold a thing that threads share: atomic, and in sight of ThreadSanitizer, which GLib's counter is not.
 *
 * Whoever lets go of the last reference frees; all that others did to the thing before is then seen.
 */
#pragma once

#include <glib.h>

typedef struct {
    int count;
} Refs;

#define REFS_ONE ((Refs){1})

static inline void refs_take(Refs *refs)
{
    __atomic_fetch_add(&refs->count, 1, __ATOMIC_RELAXED);
}

/* TRUE: that was the last one. */
static inline gboolean refs_drop(Refs *refs)
{
    return __atomic_fetch_sub(&refs->count, 1, __ATOMIC_ACQ_REL) == 1;
}
