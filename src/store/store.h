/*
 * store.h — what Postern remembers: entries that expire, counters, exact limits, and the journal (journal.h).
 *
 * One contract, several backends: a file of SQLite for the daemon, memory for tests and offline use. All of them pass the
 * same test (tests/unit/test-store.c). An entry lives in one table under a key and has a text, a number, and three times:
 *
 *     StoreEntry entry;
 *     if (store_get(store, STORE_WHITELIST, "joe@example.com", now, pool, &entry) == STORE_YES) …
 *
 *     g_autoptr(StoreBatch) batch = store_batch_new();
 *     store_batch_put(batch, STORE_WHITELIST, "joe@example.com", STORE_IF_LONGER,
 *                     &(StoreEntry){.text = "sent by jane@our.example", .expires = now + 60 * DAY});
 *     store_apply(store, batch, now);
 *
 * Atomic: each operation is one step, and a batch is one step: all of it happens or nothing does. Between two operations
 * others may come; what must not be raced for is said in one operation (STORE_IF_NEW, STORE_IF_LONGER, add, take).
 *
 * Expiry is part of the contract: from the second `expires` on an entry is not there, for any operation, whether or not
 * its space has been taken back. The time is the caller's `now`, so that tests can travel.
 *
 * Lasting: when store_apply() or store_take() says STORE_YES, a `kill -9` of the program loses nothing of it. A power
 * failure may lose the last moments, unless the store was opened with `sync`.
 *
 * A store that fails says STORE_AWAY, within its time-out, and never blocks for longer: the file is damaged, locked by
 * another, read-only, of a newer schema, the disk is full. What that means for mail is for the caller to say. It is told in
 * the log when a store goes away and when it is back, once each, and tried again every few seconds in between. What can
 * still be read is read: only writes are away then (store_can_write()).
 *
 * Keys are the caller's, folded as he likes them: any bytes but NUL, up to STORE_KEY_MAX; a longer one is cut and ends in a
 * hash of the whole, in every operation alike. Texts likewise, up to STORE_TEXT_MAX, simply cut.
 *
 * Threads: any. Several processes may have one file open: the daemon and the command line.
 */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "base/pool.h"

#define STORE_KEY_MAX  512
#define STORE_TEXT_MAX 2048

#define STORE_TIMEOUT_MS 1000 /* unless the settings say otherwise */

/* What is remembered. Words are those of the command line and of exports; numbers are those of the file: they never
 * change, new tables are added at the end. */
/* clang-format off */
#define STORE_TABLES(X)                                                                                            \
    X(WHITELIST,   "whitelist")    /* address pattern; text: source */                                             \
    X(BLACKLIST,   "blacklist")    /* the same */                                                                  \
    X(CALLBACK,    "callback")     /* the same; number: 1 the address exists, 0 it does not */                     \
    X(BAN,         "ban")          /* IP address, IPv6 network, or domain; text: why; number: demerits */          \
    X(DEMERIT,     "demerit")      /* client; number: demerits in the window that ends at `expires` */             \
    X(UNKNOWN,     "unknown")      /* client; number: unknown recipients in the window */                          \
    X(LIMIT,       "limit")        /* limit and whom it is about; number: used in the window */                    \
    X(GREYLIST,    "greylist")     /* client, sender, recipient; number: messages that have passed */              \
    X(GREYCLIENT,  "greyclient")   /* client; number: triplets of it that have passed */                           \
    X(NOTICE,      "notice")       /* what has been told to whom */                                                \
    X(DMARC,       "dmarc")        /* results kept for aggregate reports */
/* clang-format on */

typedef enum {
#define X(id, word) STORE_##id,
    STORE_TABLES(X)
#undef X
        STORE_TABLE_COUNT
} StoreTable;

const char *store_table_name(StoreTable table);
gboolean store_table_parse(const char *word, StoreTable *ret); /* any case */

typedef enum {
    STORE_NO,   /* not there; the limit is reached; not done, since the condition did not hold */
    STORE_YES,  /* there; taken; done */
    STORE_AWAY, /* cannot be said or done now */
} StoreAnswer;

typedef struct {
    const char *key;
    const char *text; /* never NULL when it comes from a store; NULL is "" when it goes in */
    gint64 number;
    gint64 created; /* s since 1970: when the entry came to be, since it last was not there */
    gint64 changed; /* of the last put or add */
    gint64 expires; /* 0: never */
} StoreEntry;

typedef struct Store Store;

/* --- open --- */

typedef struct {
    const char *path;
    gboolean sync;      /* wait for the disk at each commit: a power failure loses nothing either */
    int timeout_ms;     /* of one operation, waiting for others included; 0: STORE_TIMEOUT_MS */
    int readers;        /* connections for reading at once; 0: as many as are good for this machine */
    const Clock *clock; /* of the upkeep alone; NULL: the system's */
} StoreSettings;

/* Never NULL: a file that cannot be used now is a store that is away, tried again later; store_problem() says why. A file
 * that is not there is made, mode 0600. Call after the last fork. */
Store *store_open(const StoreSettings *settings);
/* The same without retry: NULL with an error (G_FILE_ERROR or STORE_ERROR) where it cannot be used. `create` FALSE: the file
 * must be there, and it will do if it can be read (store_can_write()). For the command line. */
Store *store_open_now(const StoreSettings *settings, gboolean create, GError **error);
/* Forgets all at the end. For tests, cases and offline use. */
Store *store_memory_new(void);
void store_free(Store *store); /* NULL is allowed; what was begun is finished */

gboolean store_can_read(Store *store);
gboolean store_can_write(Store *store);
/* Why it is away, for people; NULL: it is not. The caller frees. */
char *store_problem(Store *store);

#define STORE_ERROR (store_error_quark())
GQuark store_error_quark(void);
typedef enum {
    STORE_ERROR_DAMAGED, /* not a database, or a broken one */
    STORE_ERROR_NEWER,   /* of a schema that a newer program made */
    STORE_ERROR_BUSY,    /* locked by another process for longer than the time-out */
    STORE_ERROR_FULL,
    STORE_ERROR_FAILED,
} StoreErrorCode;

/* --- read --- */

/* Fills `entry`; its strings are the pool's. */
StoreAnswer store_get(Store *store, StoreTable table, const char *key, gint64 now, Pool *pool,
                      StoreEntry *entry);
/* The first of `keys` (NULL ends) that is there; *ret_index says which. One look-up in cost for a remote backend. */
StoreAnswer store_get_first(Store *store, StoreTable table, const char *const *keys, gint64 now, Pool *pool,
                            StoreEntry *entry, guint *ret_index);

/* Calls `each` in the order of the keys' bytes with those that begin with `prefix` ("": all), from `after` on (NULL: the
 * first; else the first that is greater), until it returns FALSE. Others may read and write meanwhile; `each` may not use
 * the store. STORE_YES: went to the end or was ended by `each`. */
typedef gboolean (*StoreEach)(const StoreEntry *entry, void *data);
StoreAnswer store_each(Store *store, StoreTable table, const char *prefix, const char *after, gint64 now,
                       StoreEach each, void *data);
/* Entries of a table that have not expired; -1: away. */
gint64 store_count(Store *store, StoreTable table, gint64 now);

/* --- write --- */

typedef enum {
    STORE_ALWAYS,
    STORE_IF_NEW,    /* not if it is there */
    STORE_IF_LONGER, /* not if it is there and lasts as long or longer */
} StoreMode;

typedef struct StoreBatch StoreBatch; /* one thread */

StoreBatch *store_batch_new(void);
void store_batch_free(StoreBatch *batch); /* NULL is allowed */
gboolean store_batch_is_empty(const StoreBatch *batch);

/* Sets text, number and expires; `changed` is now, `created` too if the entry was not there (or, where entry->created is not
 * 0, that: imports). entry->key is not looked at. Copies. */
void store_batch_put(StoreBatch *batch, StoreTable table, const char *key, StoreMode mode,
                     const StoreEntry *entry);
/* Adds to the number; an entry that is not there begins at 0 and gets `expires`. One that is there keeps its own, unless
 * `renew` is set. A text (NULL: none) replaces the one before. What comes to 0 or below is removed. Saturates. */
void store_batch_add(StoreBatch *batch, StoreTable table, const char *key, gint64 n, gint64 expires,
                     gboolean renew, const char *text);
void store_batch_remove(StoreBatch *batch, StoreTable table, const char *key);

/* Does all of the batch, in order, in one step, and empties it. STORE_YES: done, conditions that did not hold included;
 * STORE_AWAY: nothing of it was done, or, after a time-out, cannot be known. */
StoreAnswer store_apply(Store *store, StoreBatch *batch, gint64 now);
/* Adds `n` if the sum stays within `limit`, in one step: of 64 that ask at once only those get it for whom there is room.
 * A window that begins ends at `expires`. *ret_used (may be NULL) is the sum after the step; 0 if the
 * store is away. Given back by a batch that adds
 * -n. */
StoreAnswer store_take(Store *store, StoreTable table, const char *key, gint64 n, gint64 limit,
                       gint64 expires, gint64 now, gint64 *ret_used);

/* --- upkeep --- */

/* Takes back the space of up to `max` entries that have expired; how many there were; -1: away. The daemon's store does it by
 * itself. */
gint64 store_expire(Store *store, gint64 now, guint max);

typedef struct {
    gint64 bytes; /* on disk; 0 for memory */
    gint64 entries[STORE_TABLE_COUNT];
    gint64 messages, recipients; /* of the journal */
    int schema;
} StoreFacts;
gboolean store_facts(Store *store, StoreFacts *ret, GError **error);
/* Looks at every page; one line for each fault is given to `each`. FALSE: there are faults, or it cannot be read. May take
 * seconds. */
gboolean store_check(Store *store, void (*each)(const char *fault, void *data), void *data, GError **error);
/* Gives back to the disk what is not used. Writers wait meanwhile. */
gboolean store_compact(Store *store, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreBatch, store_batch_free)
