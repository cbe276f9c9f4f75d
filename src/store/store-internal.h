/* store-internal.h — what a backend is, for the files of this folder only. */
#pragma once

#include "store/journal.h"
#include "store/store.h"

/* Numbers stay within what every backend can add without overflow. */
#define STORE_NUMBER_MAX (G_MAXINT64 / 4)

typedef enum { STORE_OP_PUT, STORE_OP_ADD, STORE_OP_REMOVE, STORE_OP_JOURNAL } StoreOpKind;

typedef struct {
    StoreOpKind kind;
    StoreTable table;
    StoreMode mode;
    gboolean renew, has_text;
    char *key; /* cut to STORE_KEY_MAX */
    char *text;
    gint64 number, created, expires;
    JournalMessage *message;
} StoreOp;

struct StoreBatch {
    GArray *ops; /* StoreOp */
};

/* Keys come cut, times as the caller said. A backend keeps the contract of store.h and tells nobody anything. */
typedef struct {
    void (*free)(Store *store);
    gboolean (*can_read)(Store *store);
    gboolean (*can_write)(Store *store);
    char *(*problem)(Store *store);
    StoreAnswer (*get_first)(Store *store, StoreTable table, const char *const *keys, gint64 now, Pool *pool,
                             StoreEntry *entry, guint *index);
    StoreAnswer (*each)(Store *store, StoreTable table, const char *prefix, const char *after, gint64 now,
                        StoreEach each, void *data);
    gint64 (*count)(Store *store, StoreTable table, gint64 now);
    /* `ops` (of StoreOp) do not change any more; who needs them longer than the call counts them. */
    StoreAnswer (*apply)(Store *store, GArray *ops, gint64 now);
    StoreAnswer (*take)(Store *store, StoreTable table, const char *key, gint64 n, gint64 limit,
                        gint64 expires, gint64 now, gint64 *used);
    gint64 (*expire)(Store *store, gint64 now, guint max);
    gboolean (*facts)(Store *store, StoreFacts *ret, GError **error);
    gboolean (*check)(Store *store, void (*each)(const char *fault, void *data), void *data, GError **error);
    gboolean (*compact)(Store *store, GError **error);
    StoreAnswer (*search)(Store *store, const JournalQuery *query, gboolean with_facts, JournalEach each,
                          void *data);
    StoreAnswer (*top)(Store *store, JournalColumn by, const JournalQuery *query, JournalCount each,
                       void *data);
    gint64 (*journal_expire)(Store *store, gint64 before, guint max);
} StoreBackend;

/* The first member of every backend's own struct. */
struct Store {
    const StoreBackend *backend;
};

/* One line of the contract for all backends: is an entry with `expires` gone at `now`? */
static inline gboolean store_is_gone(gint64 expires, gint64 now)
{
    return expires != 0 && expires <= now;
}
/* Does what ends at `expires` last longer than what ends at `other`? */
static inline gboolean store_lasts_longer(gint64 expires, gint64 other)
{
    return other != 0 && (expires == 0 || expires > other);
}

/* The journal's words: whole, '*' stands for anything, letters without case. Bytes that are not UTF-8 stand for themselves. A letter
 * beyond ASCII never equals one of ASCII, so that an index which folds ASCII alone finds all that a word of ASCII matches. */
gboolean journal_word_matches(const char *word, const char *text);

/* Of a copied message and all its strings. */
JournalMessage *journal_message_copy(const JournalMessage *message);
void journal_message_free(JournalMessage *message); /* NULL is allowed */
