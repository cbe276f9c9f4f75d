/* The queue, and the one thread that writes. It takes all that waits and commits it as one transaction; when nobody waits it looks
 * after the file: is it still there, what has expired, is the log long. When the store is away, it tries again. */
#include <errno.h>
#include <string.h>

#include "base/signals.h"
#include "store/sqlite-internal.h"

#define GROUP_MAX 256 /* requests in one transaction: no caller waits for more than these */

#define LOOK_EVERY G_TIME_SPAN_SECOND             /* at the file */
#define TRY_EVERY  (2 * G_TIME_SPAN_SECOND)       /* to come back */
#define REST       (50 * G_TIME_SPAN_MILLISECOND) /* between two steps of upkeep */

/* The write-ahead log is copied into the file when nobody waits, or when it gets long. In pages of 4 KiB. */
#define WAL_IDLE 256
#define WAL_LONG 2048
#define WAL_HUGE 16384

/* A clock that jumps forward makes entries look expired; it may jump back. Nothing is removed for a while then. */
#define JUMP       G_TIME_SPAN_MINUTE
#define AFTER_JUMP G_TIME_SPAN_HOUR

/* --- requests --- */

Request *request_new(RequestKind kind, gint64 now)
{
    Request *request = g_new0(Request, 1);
    pthread_condattr_t attributes;
    request->refs = 1;
    request->kind = kind;
    request->now = now;
    request->answer = STORE_AWAY;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&request->done, &attributes);
    pthread_condattr_destroy(&attributes);
    return request;
}

void request_unref(Request *request)
{
    if (!request || !g_atomic_int_dec_and_test(&request->refs))
        return;
    if (request->ops)
        g_array_unref(request->ops);
    pthread_cond_destroy(&request->done);
    g_clear_error(&request->error);
    g_free(request->key);
    g_free(request);
}

gboolean sqlite_submit(SqliteStore *self, Request *request, gboolean patient)
{
    gint64 deadline = sqlite_deadline(self);
    pthread_mutex_lock(&self->mutex);
    /* Who knows that it fails does not make others wait to find out again. */
    if (!self->can_write || self->stalled || self->stop) {
        pthread_mutex_unlock(&self->mutex);
        return FALSE;
    }
    request->state = REQUEST_QUEUED;
    g_atomic_int_inc(&request->refs);
    g_queue_push_tail(&self->queue, request);
    pthread_cond_signal(&self->wake);
    gboolean in_time = TRUE;
    while (request->state != REQUEST_DONE && in_time) {
        if (patient)
            pthread_cond_wait(&request->done, &self->mutex);
        else
            in_time = sqlite_wait(self, &request->done, deadline);
    }
    gboolean done = request->state == REQUEST_DONE;
    if (request->state == REQUEST_QUEUED && g_queue_remove(&self->queue, request))
        request_unref(request);
    pthread_mutex_unlock(&self->mutex);
    if (!done)
        sqlite_stalled(self);
    return done;
}

/* --- writing --- */

static int commit_all(SqliteStore *self, Request *const *requests, guint n)
{
    self->writer->deadline = sqlite_deadline(self);
    int code = connection_run(connection_statement(self->writer, SQL_BEGIN));
    for (guint i = 0; i < n && code == SQLITE_OK; i++)
        code = request_carry_out(requests[i], self->writer);
    if (code == SQLITE_OK)
        code = connection_run(connection_statement(self->writer, SQL_COMMIT));
    self->writer->deadline = 0;
    return code;
}

static void answer_away(Request *const *requests, guint n)
{
    for (guint i = 0; i < n; i++)
        requests[i]->answer = STORE_AWAY;
}

static void note_file(SqliteStore *self)
{
    if (stat(self->path, &self->seen) != 0)
        self->seen = (struct stat){0};
}

static void go_away(SqliteStore *self)
{
    GError *error = NULL;
    connection_error(self->writer, self->path, &error);
    gboolean damaged = g_error_matches(error, STORE_ERROR, STORE_ERROR_DAMAGED);
    connection_rollback(self->writer);
    g_clear_pointer(&self->writer, connection_free);
    note_file(self);
    self->last_try = g_get_monotonic_time();
    sqlite_away(self, error, damaged);
}

static void write_group(SqliteStore *self, Request *const *requests, guint n)
{
    if (!self->writer) {
        answer_away(requests, n);
        return;
    }
    int code = commit_all(self, requests, n);
    if (code == SQLITE_OK)
        return;
    answer_away(requests, n);
    if (!connection_is_well(code)) {
        go_away(self);
        return;
    }
    /* One of them cannot be done; the others are not to suffer. */
    connection_rollback(self->writer);
    for (guint i = 0; i < n && n > 1; i++)
        write_group(self, &requests[i], 1);
}

/* A caller's VACUUM, outside of transactions; then the log, which has all of it, is copied. */
static void compact(SqliteStore *self, Request *request)
{
    if (!self->writer)
        return;
    if (connection_execute(self->writer, "VACUUM") != SQLITE_OK) {
        connection_error(self->writer, self->path, &request->error);
        return;
    }
    /* Somebody who reads puts it off; the log is copied later then. */
    if (sqlite3_wal_checkpoint_v2(self->writer->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
        SQLITE_OK)
        self->wal_pages = self->wal_copied = 0;
    request->answer = STORE_YES;
}

static void write_requests(SqliteStore *self, GPtrArray *requests)
{
    Request *const *all = (Request *const *)requests->pdata;
    if (all[0]->kind == REQUEST_COMPACT)
        compact(self, all[0]);
    else
        write_group(self, all, requests->len);
    pthread_mutex_lock(&self->mutex);
    for (guint i = 0; i < requests->len; i++) {
        all[i]->state = REQUEST_DONE;
        pthread_cond_signal(&all[i]->done);
    }
    pthread_mutex_unlock(&self->mutex);
}

/* What is to be done next as one step; a request to compact is a step of its own. Under the mutex. */
static void take_group(SqliteStore *self, GPtrArray *requests)
{
    for (Request *next; requests->len < GROUP_MAX && (next = g_queue_peek_head(&self->queue));) {
        if (requests->len && next->kind == REQUEST_COMPACT)
            break;
        g_queue_pop_head(&self->queue);
        next->state = REQUEST_TAKEN;
        g_ptr_array_add(requests, next);
        if (next->kind == REQUEST_COMPACT)
            break;
    }
}

/* --- the file --- */

static gboolean same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static gboolean is_damaged(SqliteStore *self)
{
    pthread_mutex_lock(&self->mutex);
    gboolean damaged = g_error_matches(self->fault, STORE_ERROR, STORE_ERROR_DAMAGED);
    pthread_mutex_unlock(&self->mutex);
    return damaged;
}

/* What is damaged does not get well by itself, and reading it again and again helps nobody: another file must be there. */
static gboolean is_worth_trying(SqliteStore *self)
{
    struct stat st;
    return !is_damaged(self) || stat(self->path, &st) != 0 || !same_file(&st, &self->seen);
}

/* Readers may have found what the writer has not noticed. */
static gboolean is_away(SqliteStore *self)
{
    pthread_mutex_lock(&self->mutex);
    gboolean away = !self->can_read || !self->can_write;
    pthread_mutex_unlock(&self->mutex);
    return away || !self->writer;
}

/* Connections to one file share an index of its log, as long as there is one: all must go before a new log can be begun. */
static gboolean all_closed(SqliteStore *self)
{
    pthread_mutex_lock(&self->mutex);
    gboolean closed = self->readers == 0 && self->own_readers == 0;
    pthread_mutex_unlock(&self->mutex);
    return closed;
}

static void leave_file(SqliteStore *self)
{
    GError *error = NULL;
    g_set_error(&error, STORE_ERROR, STORE_ERROR_FAILED, "%s: it has been moved, removed or replaced",
                self->path);
    sqlite_away(self, error, TRUE);
    sqlite_forget_readers(self);
    g_clear_pointer(&self->writer, connection_free);
    self->must_close = TRUE;
}

/* A reader has found what the writer did not: the file is left alone from now on. */
static void leave_damaged(SqliteStore *self)
{
    if (!self->writer || !is_damaged(self))
        return;
    sqlite_forget_readers(self);
    g_clear_pointer(&self->writer, connection_free);
    note_file(self);
}

static void try_again(SqliteStore *self, gint64 now)
{
    leave_damaged(self);
    if ((self->must_close && !all_closed(self)) || !is_worth_trying(self))
        return;
    if (!self->must_close && now - self->last_try < TRY_EVERY)
        return;
    self->must_close = FALSE;
    self->last_try = now;
    sqlite_try(self, TRUE, NULL);
}

static void look_after_file(SqliteStore *self, gint64 now)
{
    if (!is_away(self) && connection_has_moved(self->writer, self->path))
        leave_file(self);
    if (is_away(self))
        try_again(self, now);
}

/* --- upkeep --- */

static void note_clock(SqliteStore *self, gint64 now, gint64 passed)
{
    gint64 wall = clock_now(self->clock);
    if (self->last_wall && ABS(wall - self->last_wall - passed) > JUMP)
        self->upkeep_from = now + AFTER_JUMP;
    self->last_wall = wall;
}

static void expire_some(SqliteStore *self, gint64 now)
{
    if (now < self->upkeep_from || !self->writer)
        return;
    g_autoptr(Request) request = request_new(REQUEST_EXPIRE, clock_seconds(self->clock));
    Request *one = request;
    request->max = STEP_MAX;
    write_group(self, &one, 1);
    self->more_to_expire = request->answer == STORE_YES && request->result == STEP_MAX;
}

static int note_wal(void *data, sqlite3 *db, const char *name, int pages)
{
    SqliteStore *self = data;
    if (pages < self->wal_copied)
        self->wal_copied = 0; /* it was begun anew */
    self->wal_pages = pages;
    return SQLITE_OK;
}

/* The log is begun anew once all of it is copied and nobody reads it. Readers come and go; when it has become huge all the same,
 * they are waited for. */
static void copy_wal(SqliteStore *self, int from)
{
    if (!self->writer || self->wal_pages - self->wal_copied < from)
        return;
    int mode = self->wal_pages < WAL_HUGE ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_RESTART;
    int code = sqlite3_wal_checkpoint_v2(self->writer->db, NULL, mode, NULL, NULL);
    self->wal_copied = self->wal_pages;
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY && (code & 0xff) != SQLITE_LOCKED)
        go_away(self);
}

/* Of the daemon: what is due. */
static void keep_up(SqliteStore *self)
{
    gint64 now = g_get_monotonic_time();
    gboolean look = now - self->last_look >= LOOK_EVERY;
    if (look) {
        note_clock(self, now, now - self->last_look);
        self->last_look = now;
        look_after_file(self, now);
    }
    if (look || self->more_to_expire)
        expire_some(self, now);
    copy_wal(self, WAL_IDLE);
}

/* --- the thread --- */

static gint64 next_turn(const SqliteStore *self)
{
    gint64 now = g_get_monotonic_time();
    return self->more_to_expire ? now + REST : MAX(self->last_look + LOOK_EVERY, now + 1000);
}

/* FALSE: the end, and nothing is left to do. */
static gboolean wait_for_work(SqliteStore *self, GPtrArray *requests)
{
    pthread_mutex_lock(&self->mutex);
    gboolean on = TRUE;
    while (on && g_queue_is_empty(&self->queue)) {
        if (self->stop)
            on = FALSE;
        else if (!self->lasting)
            pthread_cond_wait(&self->wake, &self->mutex);
        else if (!sqlite_wait(self, &self->wake, next_turn(self)))
            break;
    }
    take_group(self, requests);
    pthread_mutex_unlock(&self->mutex);
    return on;
}

/* The writer is alive: whoever waited in vain was unlucky once. */
static void end_stall(SqliteStore *self)
{
    pthread_mutex_lock(&self->mutex);
    gboolean stalled = self->stalled && self->can_read && self->can_write;
    pthread_mutex_unlock(&self->mutex);
    if (stalled)
        sqlite_back(self);
}

static void *writer_main(void *data)
{
    SqliteStore *self = data;
    g_autoptr(GPtrArray) requests = g_ptr_array_new_with_free_func((GDestroyNotify)request_unref);
    while (wait_for_work(self, requests)) {
        if (self->writer)
            sqlite3_wal_hook(self->writer->db, note_wal, self);
        if (requests->len)
            write_requests(self, requests);
        copy_wal(self, WAL_LONG);
        gint64 now = g_get_monotonic_time();
        if (self->lasting && (!requests->len || now - self->last_look >= 2 * LOOK_EVERY))
            keep_up(self);
        g_ptr_array_set_size(requests, 0);
        end_stall(self);
    }
    return NULL;
}

gboolean sqlite_writer_start(SqliteStore *self, GError **error)
{
    self->last_look = self->last_try = g_get_monotonic_time();
    sigset_t before;
    signals_block(&before);
    int code = pthread_create(&self->thread, NULL, writer_main, self);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    self->has_thread = code == 0;
    if (code)
        g_set_error(error, STORE_ERROR, STORE_ERROR_FAILED, "%s: no thread to write it: %s", self->path,
                    g_strerror(code));
    return self->has_thread;
}

void sqlite_writer_stop(SqliteStore *self)
{
    pthread_mutex_lock(&self->mutex);
    self->stop = TRUE;
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->mutex);
    if (self->has_thread)
        pthread_join(self->thread, NULL);
}
