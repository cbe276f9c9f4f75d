/*
 * sqlite-internal.h — the lasting store, for the files sqlite*.c only.
 *
 *     sqlite.c             the store: opening, what is known of its state, the readers' pool
 *     sqlite-connection.c  one connection to the file: its rules, schema and errors
 *     sqlite-writer.c      the queue and the one thread that writes: group commit, trying again, upkeep
 *     sqlite-write.c       what the writer does to entries and journal
 *     sqlite-read.c        look-ups, walks, counts, checks
 *     sqlite-journal.c     searches of the journal
 *
 * The file is in WAL mode: readers never wait for the writer. It is never mapped into memory (mmap_size): a file that somebody cuts
 * short must be an error, not a SIGBUS.
 */
#pragma once

#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "store/store-internal.h"

/* --- one connection; one thread at a time --- */

/* Prepared when first used. Text: sqlite-connection.c. */
typedef enum {
    SQL_GET,
    SQL_WALK,
    SQL_FIND,
    SQL_SAVE,
    SQL_CHANGE,
    SQL_DROP,
    SQL_EXPIRED,
    SQL_MESSAGE,
    SQL_FACTS,
    SQL_RECIPIENT,
    SQL_JOURNAL_EXPIRE,
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_COUNT,
} Sql;

typedef struct {
    sqlite3 *db;
    sqlite3_stmt *statements[SQL_COUNT];
    guint generation; /* of the file that it has open: SqliteStore.generation */
    gint64 deadline;  /* g_get_monotonic_time() at which a statement is broken off; 0: never */
    dev_t dev;
    ino_t inode;
} Connection;

typedef struct {
    const char *path;
    gboolean create; /* the file, where there is none */
    gboolean sync;
    int busy_ms; /* what a statement waits for other processes */
} ConnectionSettings;

/* NULL with an error: the file cannot be read as a store. */
Connection *connection_open(const ConnectionSettings *settings, GError **error);
void connection_free(Connection *connection); /* NULL is allowed */
/* WAL, the schema of this program, and a trial: something is really written. */
gboolean connection_make_writable(Connection *connection, const char *path, GError **error);
/* The statement, with nothing bound; NULL: sqlite3_errcode() says why. */
sqlite3_stmt *connection_statement(Connection *connection, Sql sql);
/* One step of a statement that returns no rows, and its end. A result code. */
int connection_run(sqlite3_stmt *statement);
int connection_execute(Connection *connection, const char *sql);
gint64 connection_number(Connection *connection, const char *sql); /* of one row and column; -1: failed */
/* The path leads to another file now, or to none. */
gboolean connection_has_moved(Connection *connection, const char *path);
int connection_rollback(Connection *connection);
/* What SQLite says last as an error of store.h: which file, why, what to do. Always FALSE. */
gboolean connection_error(Connection *connection, const char *path, GError **error);
/* Is the error one of this one operation, with a store that is well? */
gboolean connection_is_well(int code);

#define SCHEMA_APPLICATION 0x506f7374 /* "Post": file(1) and we know our own */
int schema_version(void);             /* of this program */

/* Binds in order. `kinds` is a letter for each value: i gint64, t text that lives until the statement is reset, d double. */
void connection_bind(sqlite3_stmt *statement, const char *kinds, ...);
const char *connection_text(sqlite3_stmt *statement, int column); /* never NULL */

/* --- the queue --- */

typedef enum {
    REQUEST_APPLY,
    REQUEST_TAKE,
    REQUEST_EXPIRE,
    REQUEST_JOURNAL_EXPIRE,
    REQUEST_COMPACT
} RequestKind;

/* What a caller waits for. Counted: he may go away while the writer has it. */
typedef struct {
    int refs; /* atomic */
    RequestKind kind;
    gint64 now;
    GArray *ops; /* REQUEST_APPLY: of StoreOp; ours to read */
    StoreTable table;
    char *key;
    gint64 n, limit, expires;
    guint max;
    /* Under the store's mutex. */
    enum { REQUEST_NEW, REQUEST_QUEUED, REQUEST_TAKEN, REQUEST_DONE } state;
    pthread_cond_t done;
    StoreAnswer answer;
    gint64 result; /* what was used; how many were removed */
    GError *error;
} Request;

Request *request_new(RequestKind kind, gint64 now);
void request_unref(Request *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Request, request_unref)

/* Does it in the transaction that is open; the answer stands in the request and counts once that is committed. A result code. */
int request_carry_out(Request *request, Connection *connection);

#define STEP_MAX 500 /* rows that upkeep removes in one transaction: some ms */

/* --- the store --- */

typedef struct {
    Store store;
    char *path;
    gboolean sync;
    int timeout_ms;
    const Clock *clock;
    gboolean lasting; /* tried again, watched and kept up: the daemon's */
    guint readers_max;

    pthread_mutex_t mutex; /* of what follows */
    gboolean can_read, can_write;
    gboolean stalled; /* a caller has waited in vain, and the writer has finished nothing since */
    gboolean told;    /* in the log, that it is away */
    GError *fault;    /* why it is */
    guint generation; /* grows when the path leads to another file */
    GPtrArray *idle;  /* Connection: readers that nobody uses */
    guint readers;    /* all of them */
    guint own_readers;
    pthread_cond_t returned;
    GQueue queue; /* Request, counted */
    pthread_cond_t wake;
    gboolean stop;

    /* The writer's own; of store_open() before it runs. */
    pthread_t thread;
    gboolean has_thread;
    Connection *writer;
    struct stat seen;          /* the file at the last try, or when it was found to be damaged */
    gboolean must_close;       /* all connections, before the next try */
    int wal_pages, wal_copied; /* in the log; of these, in the file as well, as far as it could be done */
    gint64 last_look;          /* monotonic, µs: at the file */
    gint64 last_try;           /* monotonic, µs: to come back */
    gint64 last_wall;          /* µs: the clock at the last look */
    gint64 upkeep_from;        /* monotonic, µs: not before */
    gboolean more_to_expire;
} SqliteStore;

/* A time-out from now on, monotonic µs. */
gint64 sqlite_deadline(const SqliteStore *self);
/* Waits until `deadline` at most. FALSE: it has come. Under the mutex. */
gboolean sqlite_wait(SqliteStore *self, pthread_cond_t *condition, gint64 deadline);

/* What has been found out about the store; told in the log when that is news. Take the error. Any thread, without the mutex. */
void sqlite_away(SqliteStore *self, GError *error, gboolean reads_too);
void sqlite_stalled(SqliteStore *self);
void sqlite_back(SqliteStore *self);
void sqlite_forget_readers(SqliteStore *self);
/* Opens the writer's connection and tries it. The writer's thread, or before there is one. */
gboolean sqlite_try(SqliteStore *self, gboolean create, GError **error);

/* A connection for one look-up; NULL: away, or too many at once. Comes back with the result code of what was done with it. */
Connection *sqlite_reader(SqliteStore *self);
void sqlite_reader_done(SqliteStore *self, Connection *reader, int code);
/* A connection of one's own, for what may take long. */
Connection *sqlite_own_reader(SqliteStore *self, GError **error);
void sqlite_own_reader_done(SqliteStore *self, Connection *reader);

/* Queues it and waits. `patient`: for as long as it takes. FALSE: the time is over or the store is away. */
gboolean sqlite_submit(SqliteStore *self, Request *request, gboolean patient);
gboolean sqlite_writer_start(SqliteStore *self, GError **error);
void sqlite_writer_stop(SqliteStore *self); /* finishes what is queued */

StoreAnswer sqlite_get_first(Store *store, StoreTable table, const char *const *keys, gint64 now, Pool *pool,
                             StoreEntry *entry, guint *index);
StoreAnswer sqlite_each(Store *store, StoreTable table, const char *prefix, const char *after, gint64 now,
                        StoreEach each, void *data);
gint64 sqlite_count(Store *store, StoreTable table, gint64 now);
gboolean sqlite_facts(Store *store, StoreFacts *ret, GError **error);
gboolean sqlite_check(Store *store, void (*each)(const char *fault, void *data), void *data, GError **error);
StoreAnswer sqlite_search(Store *store, const JournalQuery *query, gboolean with_facts, JournalEach each,
                          void *data);
StoreAnswer sqlite_top(Store *store, JournalColumn by, const JournalQuery *query, JournalCount each,
                       void *data);
