/* The lasting store itself: opening, what is known of its state, and the readers. */
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "store/sqlite-internal.h"

#define READERS_MIN 4
#define READERS_MAX 64

/* --- waiting --- */

gint64 sqlite_deadline(const SqliteStore *self)
{
    return g_get_monotonic_time() + (gint64)self->timeout_ms * 1000;
}

gboolean sqlite_wait(SqliteStore *self, pthread_cond_t *condition, gint64 deadline)
{
    const struct timespec until = {
        .tv_sec = deadline / G_USEC_PER_SEC,
        .tv_nsec = deadline % G_USEC_PER_SEC * 1000,
    };
    return pthread_cond_timedwait(condition, &self->mutex, &until) == 0;
}

/* --- state --- */

/* Once when it goes, once more when reading goes too. */
static void tell_away(gboolean reads_too, const char *why)
{
    if (reads_too)
        log_error("the store is away: %s", why);
    else
        log_error("nothing can be written to the store: %s", why);
}

void sqlite_away(SqliteStore *self, GError *error, gboolean reads_too)
{
    pthread_mutex_lock(&self->mutex);
    gboolean news = !self->told || (reads_too && self->can_read);
    self->can_write = FALSE;
    self->can_read = self->can_read && !reads_too;
    self->told = TRUE;
    g_autoptr(GError) before = self->fault;
    self->fault = error;
    g_autofree char *why = g_strdup(error->message);
    pthread_cond_broadcast(&self->returned);
    pthread_mutex_unlock(&self->mutex);
    if (news && self->lasting)
        tell_away(reads_too, why);
}

void sqlite_stalled(SqliteStore *self)
{
    pthread_mutex_lock(&self->mutex);
    gboolean news = self->can_write && !self->stalled && !self->told;
    self->stalled = TRUE;
    self->told = TRUE;
    pthread_mutex_unlock(&self->mutex);
    if (news && self->lasting)
        log_error("nothing can be written to the store: %s: nothing was finished within %d ms; is the disk "
                  "too slow?",
                  self->path, self->timeout_ms);
}

void sqlite_back(SqliteStore *self)
{
    pthread_mutex_lock(&self->mutex);
    gboolean news = self->told;
    self->can_read = self->can_write = TRUE;
    self->told = self->stalled = FALSE;
    g_clear_error(&self->fault);
    pthread_mutex_unlock(&self->mutex);
    if (news && self->lasting)
        log_notice("the store is back: %s", self->path);
}

static gboolean sqlite_can_read(Store *store)
{
    SqliteStore *self = (SqliteStore *)store;
    pthread_mutex_lock(&self->mutex);
    gboolean can = self->can_read;
    pthread_mutex_unlock(&self->mutex);
    return can;
}

static gboolean sqlite_can_write(Store *store)
{
    SqliteStore *self = (SqliteStore *)store;
    pthread_mutex_lock(&self->mutex);
    gboolean can = self->can_write && !self->stalled;
    pthread_mutex_unlock(&self->mutex);
    return can;
}

static char *sqlite_problem(Store *store)
{
    SqliteStore *self = (SqliteStore *)store;
    pthread_mutex_lock(&self->mutex);
    char *problem = self->fault     ? g_strdup(self->fault->message)
                    : self->stalled ? g_strdup_printf("%s: nothing was finished within %d ms", self->path,
                                                      self->timeout_ms)
                                    : NULL;
    pthread_mutex_unlock(&self->mutex);
    return problem;
}

/* --- opening --- */

/* Those of a file that the path no longer leads to, or that cannot be read. */
void sqlite_forget_readers(SqliteStore *self)
{
    g_autoptr(GPtrArray) old = g_ptr_array_new_with_free_func((GDestroyNotify)connection_free);
    pthread_mutex_lock(&self->mutex);
    self->generation++;
    self->readers -= self->idle->len;
    while (self->idle->len)
        g_ptr_array_add(old, g_ptr_array_steal_index_fast(self->idle, self->idle->len - 1));
    pthread_cond_broadcast(&self->returned);
    pthread_mutex_unlock(&self->mutex);
}

gboolean sqlite_try(SqliteStore *self, gboolean create, GError **error)
{
    const ConnectionSettings settings = {
        .path = self->path,
        .create = create,
        .sync = self->sync,
        /* Shorter than the callers wait, so that they get to hear the reason. */
        .busy_ms = self->timeout_ms - self->timeout_ms / 4,
    };
    /* Closed before the new one is opened: what its log holds is then in the file. */
    g_clear_pointer(&self->writer, connection_free);
    g_autoptr(GError) fault = NULL;
    Connection *connection = connection_open(&settings, &fault);
    gboolean readable =
        connection && connection_number(connection, "PRAGMA user_version") == schema_version();
    if (connection && connection_make_writable(connection, self->path, &fault)) {
        if (connection->dev != self->seen.st_dev || connection->inode != self->seen.st_ino)
            sqlite_forget_readers(self);
        stat(self->path, &self->seen);
        self->writer = connection;
        self->wal_pages = self->wal_copied = 0;
        sqlite_back(self);
        return TRUE;
    }
    connection_free(connection);
    gboolean damaged = g_error_matches(fault, STORE_ERROR, STORE_ERROR_DAMAGED);
    if (stat(self->path, &self->seen) != 0)
        self->seen = (struct stat){0};
    if (!readable || damaged)
        sqlite_forget_readers(self);
    if (error)
        *error = g_error_copy(fault);
    if (readable && !damaged) { /* at the first try nobody has said so yet */
        pthread_mutex_lock(&self->mutex);
        self->can_read = TRUE;
        pthread_mutex_unlock(&self->mutex);
    }
    sqlite_away(self, g_steal_pointer(&fault), !readable || damaged);
    return FALSE;
}

static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* that of g_get_monotonic_time() */
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

static guint default_readers(void)
{
    return CLAMP(2 * g_get_num_processors(), READERS_MIN, READERS_MAX);
}

static void sqlite_free(Store *store)
{
    SqliteStore *self = (SqliteStore *)store;
    sqlite_writer_stop(self);
    g_ptr_array_unref(self->idle); /* readers first: the last one that closes copies the log */
    connection_free(self->writer);
    g_clear_error(&self->fault);
    pthread_mutex_destroy(&self->mutex);
    pthread_cond_destroy(&self->returned);
    pthread_cond_destroy(&self->wake);
    g_free(self->path);
    g_free(self);
}

/* --- readers --- */

static Connection *open_reader(SqliteStore *self, int busy_ms, GError **error)
{
    const ConnectionSettings settings = {.path = self->path, .busy_ms = busy_ms};
    Connection *reader = connection_open(&settings, error);
    if (reader && connection_number(reader, "PRAGMA user_version") == schema_version())
        return reader;
    if (reader)
        g_set_error(error, STORE_ERROR, STORE_ERROR_FAILED, "%s: not made yet", self->path);
    connection_free(reader);
    return NULL;
}

Connection *sqlite_own_reader(SqliteStore *self, GError **error)
{
    pthread_mutex_lock(&self->mutex);
    gboolean can = self->can_read;
    self->own_readers += can;
    if (!can)
        g_set_error(error, STORE_ERROR, STORE_ERROR_FAILED, "%s",
                    self->fault ? self->fault->message : self->path);
    pthread_mutex_unlock(&self->mutex);
    Connection *reader = can ? open_reader(self, self->timeout_ms, error) : NULL;
    if (can && !reader)
        sqlite_own_reader_done(self, NULL);
    return reader;
}

void sqlite_own_reader_done(SqliteStore *self, Connection *reader)
{
    connection_free(reader);
    pthread_mutex_lock(&self->mutex);
    self->own_readers--;
    pthread_mutex_unlock(&self->mutex);
}

/* An idle one, or room for a new one (*ret_new), or neither. Under the mutex. */
static Connection *idle_reader(SqliteStore *self, gint64 deadline, gboolean *ret_new)
{
    *ret_new = FALSE;
    while (self->can_read) {
        if (self->idle->len)
            return g_ptr_array_steal_index_fast(self->idle, self->idle->len - 1);
        if (self->readers < self->readers_max) {
            self->readers++;
            *ret_new = TRUE;
            return NULL;
        }
        if (!sqlite_wait(self, &self->returned, deadline))
            return NULL;
    }
    return NULL;
}

static void reader_gone(SqliteStore *self)
{
    pthread_mutex_lock(&self->mutex);
    self->readers--;
    pthread_cond_signal(&self->returned);
    pthread_mutex_unlock(&self->mutex);
}

Connection *sqlite_reader(SqliteStore *self)
{
    gint64 deadline = sqlite_deadline(self);
    gboolean is_new;
    pthread_mutex_lock(&self->mutex);
    Connection *reader = idle_reader(self, deadline, &is_new);
    guint generation = self->generation;
    pthread_mutex_unlock(&self->mutex);
    if (is_new) {
        GError *error = NULL;
        reader = open_reader(self, self->timeout_ms, &error);
        if (!reader) {
            reader_gone(self);
            sqlite_away(self, error, TRUE);
            return NULL;
        }
        reader->generation = generation;
    }
    if (reader)
        reader->deadline = deadline;
    return reader;
}

void sqlite_reader_done(SqliteStore *self, Connection *reader, int code)
{
    GError *error = NULL;
    if (!connection_is_well(code))
        connection_error(reader, self->path, &error);
    pthread_mutex_lock(&self->mutex);
    gboolean keep = !error && reader->generation == self->generation;
    if (keep)
        g_ptr_array_add(self->idle, reader);
    else
        self->readers--;
    pthread_cond_signal(&self->returned);
    pthread_mutex_unlock(&self->mutex);
    if (!keep)
        connection_free(reader);
    if (error)
        sqlite_away(self, error, TRUE);
}

/* --- writing, as far as callers see it --- */

static StoreAnswer sqlite_apply(Store *store, GArray *ops, gint64 now)
{
    g_autoptr(Request) request = request_new(REQUEST_APPLY, now);
    request->ops = g_array_ref(ops);
    return sqlite_submit((SqliteStore *)store, request, FALSE) ? request->answer : STORE_AWAY;
}

static StoreAnswer sqlite_take(Store *store, StoreTable table, const char *key, gint64 n, gint64 limit,
                               gint64 expires, gint64 now, gint64 *used)
{
    g_autoptr(Request) request = request_new(REQUEST_TAKE, now);
    request->table = table;
    request->key = g_strdup(key);
    request->n = n;
    request->limit = limit;
    request->expires = expires;
    if (!sqlite_submit((SqliteStore *)store, request, FALSE) || request->answer == STORE_AWAY)
        return STORE_AWAY;
    *used = request->result;
    return request->answer;
}

/* In small steps, so that others get their turn in between. */
static gint64 remove_old(Store *store, RequestKind kind, gint64 before, guint max)
{
    guint removed = 0, step;
    do {
        g_autoptr(Request) request = request_new(kind, before);
        request->max = step = MIN(max - removed, STEP_MAX);
        if (!sqlite_submit((SqliteStore *)store, request, FALSE) || request->answer != STORE_YES)
            return removed ? (gint64)removed : -1;
        removed += (guint)request->result;
        if (request->result < step)
            break;
    } while (removed < max);
    return removed;
}

static gint64 sqlite_expire(Store *store, gint64 now, guint max)
{
    return remove_old(store, REQUEST_EXPIRE, now, max);
}

static gint64 sqlite_journal_expire(Store *store, gint64 before, guint max)
{
    return remove_old(store, REQUEST_JOURNAL_EXPIRE, before, max);
}

static gboolean sqlite_compact(Store *store, GError **error)
{
    SqliteStore *self = (SqliteStore *)store;
    g_autoptr(Request) request = request_new(REQUEST_COMPACT, 0);
    if (sqlite_submit(self, request, TRUE) && request->answer == STORE_YES)
        return TRUE;
    g_autofree char *problem = request->error ? NULL : sqlite_problem(store);
    if (request->error)
        g_propagate_error(error, g_steal_pointer(&request->error));
    else
        g_set_error(error, STORE_ERROR, STORE_ERROR_FAILED, "%s", problem ? problem : self->path);
    return FALSE;
}

static const StoreBackend backend = {
    .free = sqlite_free,
    .can_read = sqlite_can_read,
    .can_write = sqlite_can_write,
    .problem = sqlite_problem,
    .get_first = sqlite_get_first,
    .each = sqlite_each,
    .count = sqlite_count,
    .apply = sqlite_apply,
    .take = sqlite_take,
    .expire = sqlite_expire,
    .facts = sqlite_facts,
    .check = sqlite_check,
    .compact = sqlite_compact,
    .search = sqlite_search,
    .top = sqlite_top,
    .journal_expire = sqlite_journal_expire,
};

static SqliteStore *store_new(const StoreSettings *settings, gboolean lasting)
{
    SqliteStore *self = g_new0(SqliteStore, 1);
    self->store.backend = &backend;
    self->path = g_canonicalize_filename(settings->path, NULL);
    self->sync = settings->sync;
    self->timeout_ms = settings->timeout_ms > 0 ? settings->timeout_ms : STORE_TIMEOUT_MS;
    self->clock = settings->clock ? settings->clock : &clock_system;
    self->lasting = lasting;
    self->readers_max = settings->readers > 0 ? (guint)settings->readers : default_readers();
    self->idle = g_ptr_array_new_with_free_func((GDestroyNotify)connection_free);
    pthread_mutex_init(&self->mutex, NULL);
    init_condition(&self->returned);
    init_condition(&self->wake);
    return self;
}

Store *store_open(const StoreSettings *settings)
{
    SqliteStore *self = store_new(settings, TRUE);
    GError *error = NULL;
    sqlite_try(self, TRUE, NULL);
    if (!sqlite_writer_start(self, &error))
        sqlite_away(self, error, FALSE);
    return &self->store;
}

Store *store_open_now(const StoreSettings *settings, gboolean create, GError **error)
{
    SqliteStore *self = store_new(settings, FALSE);
    gboolean usable = sqlite_try(self, create, error) || (!create && self->can_read);
    if (usable && error)
        g_clear_error(error);
    if (usable && sqlite_writer_start(self, error))
        return &self->store;
    sqlite_free(&self->store);
    return NULL;
}
