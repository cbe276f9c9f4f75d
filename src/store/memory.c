/* The store that forgets: trees under one lock. It is the contract of store.h at its plainest; what others do is compared with
 * it. */
#include <pthread.h>
#include <string.h>

#include "store/store-internal.h"

typedef struct {
    char *text;
    gint64 number, created, changed, expires;
} Kept;

typedef struct {
    Store store;
    pthread_mutex_t mutex;            /* of all below */
    GTree *tables[STORE_TABLE_COUNT]; /* key → Kept */
    GPtrArray *journal;               /* JournalMessage, by id */
    gint64 last_id;
} MemoryStore;

static void kept_free(void *data)
{
    Kept *kept = data;
    g_free(kept->text);
    g_free(kept);
}

static int compare_keys(const void *a, const void *b, void *data)
{
    return strcmp(a, b);
}

static void memory_free(Store *store)
{
    MemoryStore *self = (MemoryStore *)store;
    for (guint i = 0; i < STORE_TABLE_COUNT; i++)
        g_tree_unref(self->tables[i]);
    g_ptr_array_unref(self->journal);
    pthread_mutex_destroy(&self->mutex);
    g_free(self);
}

static gboolean always(Store *store)
{
    return TRUE;
}

static char *no_problem(Store *store)
{
    return NULL;
}

/* --- entries --- */

/* What is there at `now`; what has expired goes on the way. */
static Kept *find(MemoryStore *self, StoreTable table, const char *key, gint64 now)
{
    Kept *kept = g_tree_lookup(self->tables[table], key);
    if (!kept || !store_is_gone(kept->expires, now))
        return kept;
    g_tree_remove(self->tables[table], key);
    return NULL;
}

static Kept *find_or_add(MemoryStore *self, StoreTable table, const char *key, gint64 now, gint64 expires)
{
    Kept *kept = find(self, table, key, now);
    if (kept)
        return kept;
    kept = g_new0(Kept, 1);
    kept->text = g_strdup("");
    kept->created = now;
    kept->expires = expires;
    g_tree_insert(self->tables[table], g_strdup(key), kept);
    return kept;
}

static StoreEntry entry_of(const char *key, const Kept *kept)
{
    return (StoreEntry){key, kept->text, kept->number, kept->created, kept->changed, kept->expires};
}

static StoreAnswer memory_get_first(Store *store, StoreTable table, const char *const *keys, gint64 now,
                                    Pool *pool, StoreEntry *entry, guint *index)
{
    MemoryStore *self = (MemoryStore *)store;
    StoreAnswer answer = STORE_NO;
    pthread_mutex_lock(&self->mutex);
    for (guint i = 0; keys[i] && answer == STORE_NO; i++) {
        Kept *kept = find(self, table, keys[i], now);
        if (!kept)
            continue;
        *entry = entry_of(pool_strdup(pool, keys[i]), kept);
        entry->text = pool_strdup(pool, kept->text);
        *index = i;
        answer = STORE_YES;
    }
    pthread_mutex_unlock(&self->mutex);
    return answer;
}

static StoreAnswer memory_each(Store *store, StoreTable table, const char *prefix, const char *after,
                               gint64 now, StoreEach each, void *data)
{
    MemoryStore *self = (MemoryStore *)store;
    gboolean strictly = after && strcmp(after, prefix) >= 0;
    pthread_mutex_lock(&self->mutex);
    GTreeNode *node = strictly ? g_tree_upper_bound(self->tables[table], after)
                               : g_tree_lower_bound(self->tables[table], prefix);
    for (; node; node = g_tree_node_next(node)) {
        const char *key = g_tree_node_key(node);
        const Kept *kept = g_tree_node_value(node);
        if (!g_str_has_prefix(key, prefix))
            break;
        if (store_is_gone(kept->expires, now))
            continue;
        StoreEntry entry = entry_of(key, kept);
        if (!each(&entry, data))
            break;
    }
    pthread_mutex_unlock(&self->mutex);
    return STORE_YES;
}

static gint64 count_locked(MemoryStore *self, StoreTable table, gint64 now)
{
    gint64 n = 0;
    for (GTreeNode *node = g_tree_node_first(self->tables[table]); node; node = g_tree_node_next(node)) {
        const Kept *kept = g_tree_node_value(node);
        n += !store_is_gone(kept->expires, now);
    }
    return n;
}

static gint64 memory_count(Store *store, StoreTable table, gint64 now)
{
    MemoryStore *self = (MemoryStore *)store;
    pthread_mutex_lock(&self->mutex);
    gint64 n = count_locked(self, table, now);
    pthread_mutex_unlock(&self->mutex);
    return n;
}

static void set_text(Kept *kept, const char *text)
{
    g_free(kept->text);
    kept->text = g_strdup(text);
}

static void put(MemoryStore *self, const StoreOp *op, gint64 now)
{
    Kept *kept = find(self, op->table, op->key, now);
    if (kept && op->mode == STORE_IF_NEW)
        return;
    if (kept && op->mode == STORE_IF_LONGER && !store_lasts_longer(op->expires, kept->expires))
        return;
    kept = find_or_add(self, op->table, op->key, now, 0);
    if (op->created)
        kept->created = op->created;
    set_text(kept, op->text);
    kept->number = op->number;
    kept->changed = now;
    kept->expires = op->expires;
}

static void add(MemoryStore *self, const StoreOp *op, gint64 now)
{
    Kept *kept = find_or_add(self, op->table, op->key, now, op->expires);
    kept->number = CLAMP(kept->number + op->number, 0, STORE_NUMBER_MAX);
    if (kept->number == 0) {
        g_tree_remove(self->tables[op->table], op->key);
        return;
    }
    kept->changed = now;
    if (op->renew)
        kept->expires = op->expires;
    if (op->has_text)
        set_text(kept, op->text);
}

static void append(MemoryStore *self, const StoreOp *op)
{
    JournalMessage *message = journal_message_copy(op->message);
    message->id = ++self->last_id;
    g_ptr_array_add(self->journal, message);
}

static StoreAnswer memory_apply(Store *store, GArray *ops, gint64 now)
{
    MemoryStore *self = (MemoryStore *)store;
    pthread_mutex_lock(&self->mutex);
    for (guint i = 0; i < ops->len; i++) {
        const StoreOp *op = &g_array_index(ops, StoreOp, i);
        switch (op->kind) {
        case STORE_OP_PUT:
            put(self, op, now);
            break;
        case STORE_OP_ADD:
            add(self, op, now);
            break;
        case STORE_OP_REMOVE:
            g_tree_remove(self->tables[op->table], op->key);
            break;
        case STORE_OP_JOURNAL:
            append(self, op);
        }
    }
    pthread_mutex_unlock(&self->mutex);
    return STORE_YES;
}

static StoreAnswer memory_take(Store *store, StoreTable table, const char *key, gint64 n, gint64 limit,
                               gint64 expires, gint64 now, gint64 *used)
{
    MemoryStore *self = (MemoryStore *)store;
    pthread_mutex_lock(&self->mutex);
    Kept *kept = find(self, table, key, now);
    gint64 sum = (kept ? kept->number : 0) + n;
    gboolean fits = sum <= limit;
    if (fits) {
        kept = find_or_add(self, table, key, now, expires);
        kept->number = sum;
        kept->changed = now;
    }
    *used = fits ? sum : sum - n;
    pthread_mutex_unlock(&self->mutex);
    return fits ? STORE_YES : STORE_NO;
}

/* --- upkeep --- */

static gint64 memory_expire(Store *store, gint64 now, guint max)
{
    MemoryStore *self = (MemoryStore *)store;
    g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
    gint64 removed = 0;
    pthread_mutex_lock(&self->mutex);
    for (guint table = 0; table < STORE_TABLE_COUNT; table++) {
        g_ptr_array_set_size(keys, 0);
        for (GTreeNode *node = g_tree_node_first(self->tables[table]); node && removed + keys->len < max;
             node = g_tree_node_next(node)) {
            const Kept *kept = g_tree_node_value(node);
            if (store_is_gone(kept->expires, now))
                g_ptr_array_add(keys, g_strdup(g_tree_node_key(node)));
        }
        for (guint i = 0; i < keys->len; i++)
            g_tree_remove(self->tables[table], keys->pdata[i]);
        removed += keys->len;
    }
    pthread_mutex_unlock(&self->mutex);
    return removed;
}

static gboolean memory_facts(Store *store, StoreFacts *ret, GError **error)
{
    MemoryStore *self = (MemoryStore *)store;
    pthread_mutex_lock(&self->mutex);
    for (guint i = 0; i < STORE_TABLE_COUNT; i++)
        ret->entries[i] = g_tree_nnodes(self->tables[i]);
    ret->messages = self->journal->len;
    for (guint i = 0; i < self->journal->len; i++)
        ret->recipients += ((const JournalMessage *)self->journal->pdata[i])->n_recipients;
    pthread_mutex_unlock(&self->mutex);
    return TRUE;
}

static gboolean memory_check(Store *store, void (*each)(const char *fault, void *data), void *data,
                             GError **error)
{
    return TRUE;
}

static gboolean memory_compact(Store *store, GError **error)
{
    return TRUE;
}

/* --- journal --- */

static gboolean matches(const char *wanted, const char *text)
{
    return !wanted || journal_word_matches(wanted, text);
}

static gboolean contains(const char *wanted, const char *a, const char *b)
{
    g_autofree char *pattern = wanted ? g_strdup_printf("*%s*", wanted) : NULL;
    return matches(pattern, a) || matches(pattern, b);
}

static gboolean message_fits(const JournalMessage *m, const JournalQuery *q)
{
    return (!q->since || m->time >= q->since) && (!q->until || m->time < q->until) &&
           (!q->id || m->id == q->id) && matches(q->queue_id, m->queue_id) && matches(q->client, m->client) &&
           matches(q->helo, m->helo) && matches(q->login, m->login) && matches(q->sender, m->sender) &&
           matches(q->sender_domain, m->sender_domain) && matches(q->message_id, m->message_id);
}

static gboolean recipient_fits(const JournalMessage *m, const JournalRecipient *r, const JournalQuery *q)
{
    return matches(q->rcpt, r->rcpt) && matches(q->tag, r->tag) && (q->end < 0 || (int)r->end == q->end) &&
           contains(q->text, r->text, m->subject);
}

static StoreAnswer memory_search(Store *store, const JournalQuery *query, gboolean with_facts,
                                 JournalEach each, void *data)
{
    MemoryStore *self = (MemoryStore *)store;
    guint found = 0;
    gboolean on = TRUE;
    pthread_mutex_lock(&self->mutex);
    for (guint i = 0; i < self->journal->len && on; i++) {
        const JournalMessage *message =
            self->journal->pdata[query->oldest_first ? i : self->journal->len - 1 - i];
        for (guint r = 0; message_fits(message, query) && r < message->n_recipients && on; r++) {
            if (!recipient_fits(message, &message->recipients[r], query))
                continue;
            JournalMessage one = *message;
            one.recipients = &message->recipients[r];
            one.n_recipients = 1;
            one.facts = with_facts ? message->facts : "";
            on = each(&one, data) && (!query->limit || ++found < query->limit);
        }
    }
    pthread_mutex_unlock(&self->mutex);
    return STORE_YES;
}

/* The caller frees. */
static char *column_of(JournalColumn by, const JournalMessage *m, const JournalRecipient *r)
{
    const char *const texts[JOURNAL_COLUMN_COUNT] = {
        [JOURNAL_BY_CLIENT] = m->client,
        [JOURNAL_BY_HELO] = m->helo,
        [JOURNAL_BY_LOGIN] = m->login,
        [JOURNAL_BY_SENDER] = m->sender,
        [JOURNAL_BY_DOMAIN] = m->sender_domain,
        [JOURNAL_BY_RCPT] = r->rcpt,
        [JOURNAL_BY_TAG] = r->tag,
        [JOURNAL_BY_END] = journal_end_name(r->end),
        [JOURNAL_BY_RULE] = r->rule,
    };
    if (texts[by])
        return g_strdup(texts[by]);
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(m->time);
    return g_date_time_format(time, by == JOURNAL_BY_DAY ? "%Y-%m-%d" : "%Y-%m-%dT%H");
}

typedef struct {
    JournalColumn by;
    GHashTable *counts; /* value → gint64 * */
} Counting;

static gboolean count_one(const JournalMessage *message, void *data)
{
    Counting *counting = data;
    char *value = column_of(counting->by, message, message->recipients);
    gint64 *n = g_hash_table_lookup(counting->counts, value);
    if (n) {
        ++*n;
        g_free(value);
    } else {
        n = g_new(gint64, 1);
        *n = 1;
        g_hash_table_insert(counting->counts, value, n);
    }
    return TRUE;
}

static int by_count(const void *a, const void *b, void *data)
{
    GHashTable *counts = data;
    gint64 na = *(gint64 *)g_hash_table_lookup(counts, *(char *const *)a);
    gint64 nb = *(gint64 *)g_hash_table_lookup(counts, *(char *const *)b);
    return na != nb ? (na < nb) - (na > nb) : strcmp(*(char *const *)a, *(char *const *)b);
}

static StoreAnswer memory_top(Store *store, JournalColumn by, const JournalQuery *query, JournalCount each,
                              void *data)
{
    Counting counting = {by, g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free)};
    JournalQuery all = *query;
    all.limit = 0;
    memory_search(store, &all, FALSE, count_one, &counting);
    guint n;
    g_autofree char **values = (char **)g_hash_table_get_keys_as_array(counting.counts, &n);
    g_qsort_with_data(values, n, sizeof *values, by_count, counting.counts);
    if (query->limit)
        n = MIN(n, query->limit);
    for (guint i = 0; i < n; i++)
        if (!each(values[i], *(gint64 *)g_hash_table_lookup(counting.counts, values[i]), data))
            break;
    g_hash_table_unref(counting.counts);
    return STORE_YES;
}

static gint64 memory_journal_expire(Store *store, gint64 before, guint max)
{
    MemoryStore *self = (MemoryStore *)store;
    guint n = 0;
    pthread_mutex_lock(&self->mutex);
    for (guint i = 0; i < self->journal->len && n < max;) {
        if (((const JournalMessage *)self->journal->pdata[i])->time < before) {
            g_ptr_array_remove_index(self->journal, i);
            n++;
        } else {
            i++;
        }
    }
    pthread_mutex_unlock(&self->mutex);
    return n;
}

static const StoreBackend backend = {
    .free = memory_free,
    .can_read = always,
    .can_write = always,
    .problem = no_problem,
    .get_first = memory_get_first,
    .each = memory_each,
    .count = memory_count,
    .apply = memory_apply,
    .take = memory_take,
    .expire = memory_expire,
    .facts = memory_facts,
    .check = memory_check,
    .compact = memory_compact,
    .search = memory_search,
    .top = memory_top,
    .journal_expire = memory_journal_expire,
};

Store *store_memory_new(void)
{
    MemoryStore *self = g_new0(MemoryStore, 1);
    self->store.backend = &backend;
    pthread_mutex_init(&self->mutex, NULL);
    for (guint i = 0; i < STORE_TABLE_COUNT; i++)
        self->tables[i] = g_tree_new_full(compare_keys, NULL, g_free, kept_free);
    self->journal = g_ptr_array_new_with_free_func((GDestroyNotify)journal_message_free);
    return &self->store;
}
