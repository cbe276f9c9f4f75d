/*
 * random.h — randomness, as something that is handed in. Tests hand in a seeded one that repeats itself.
 *
 * Threads: any, both.
 */
#pragma once

#include <glib.h>

typedef struct Random Random;
struct Random {
    void (*fill)(Random *self, void *bytes, gsize len);
};

/* The kernel's generator (getrandom(2)): fit for secrets and keys. */
extern Random random_system;

typedef struct {
    Random base;
    guint64 state;
} SeededRandom;

/* For tests only: anybody can compute what follows. The same seed gives the same sequence. */
SeededRandom random_seeded(guint64 seed);

static inline void random_fill(Random *source, void *bytes, gsize len)
{
    source->fill(source, bytes, len);
}
guint64 random_u64(Random *source);
/* 0 … bound-1, each as likely as the others. `bound` > 0. */
guint32 random_below(Random *source, guint32 bound);
/* `bytes` random bytes as lower case hex. The caller frees. */
char *random_hex(Random *source, gsize bytes);
