/* random.c — see random.h. */
#include "base/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

static void system_fill(Random *self, void *bytes, gsize len)
{
    guint8 *at = bytes;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            g_error("getrandom: %s", g_strerror(errno)); /* never go on with bytes that can be guessed */
        at += got;
        len -= (gsize)got;
    }
}

Random random_system = {.fill = system_fill};

/* SplitMix64 (Steele, Lea, Flood 2014): one addition of state a step, so that it can be atomic. */
static guint64 seeded_next(SeededRandom *seeded)
{
    guint64 z = __atomic_add_fetch(&seeded->state, G_GUINT64_CONSTANT(0x9e3779b97f4a7c15), __ATOMIC_RELAXED);
    z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void seeded_fill(Random *self, void *bytes, gsize len)
{
    guint8 *at = bytes;
    while (len > 0) {
        guint64 word = seeded_next((SeededRandom *)self);
        gsize part = MIN(len, sizeof word);
        memcpy(at, &word, part);
        at += part;
        len -= part;
    }
}

SeededRandom random_seeded(guint64 seed)
{
    return (SeededRandom){.base = {.fill = seeded_fill}, .state = seed};
}

guint64 random_u64(Random *source)
{
    guint64 word;
    random_fill(source, &word, sizeof word);
    return word;
}

guint32 random_below(Random *source, guint32 bound)
{
    g_assert(bound > 0);
    /* Values under 2^32 mod bound are drawn again, so that the rest divides evenly. */
    guint32 uneven = -bound % bound;
    guint32 word;
    do
        random_fill(source, &word, sizeof word);
    while (word < uneven);
    return word % bound;
}

char *random_hex(Random *source, gsize bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *hex = g_malloc(2 * bytes + 1);
    /* The bytes wait in the upper half and are read before the digits reach them. */
    random_fill(source, hex + bytes, bytes);
    for (gsize i = 0; i < bytes; i++) {
        guint8 byte = (guint8)hex[bytes + i];
        hex[2 * i] = digits[byte >> 4];
        hex[2 * i + 1] = digits[byte & 15];
    }
    hex[2 * bytes] = '\0';
    return hex;
}
