/* One connection to the file: which files are good, the schema and its history, statements, errors. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "store/sqlite-internal.h"

#define CACHE_KIB      4096               /* of pages, for each connection */
#define WAL_BYTES_MAX  (64 * 1024 * 1024) /* of the write-ahead log's file once it has been copied */
#define DEADLINE_STEPS 4000 /* of SQLite's machine between two looks at the time: a fraction of a ms */

/* Step i makes version i + 1 from version i, within one transaction. What has been released is never changed: append.
 *
 * Keys are TEXT, compared byte by byte. Indexes cost a page write for each message, so there is one only where somebody waits for
 * the answer: "what became of mail to R, from S, of client C, with queue id Q", "all that tag T decided", "what did login L
 * send". Other searches go through the journal from its newer end. They fold ASCII letters only (NOCASE), as
 * journal_word_matches() does, so that every word of ASCII is found by its index.
 *
 * Facts are apart from their message, so that such a walk does not read them; nor are they compressed: the file can be read
 * with sqlite3(1), and inflating them would be the dearest part of writing. */
static const char *const steps[] = {
    "CREATE TABLE entry (tab INTEGER NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL, number INTEGER NOT "
    "NULL,"
    " created INTEGER NOT NULL, changed INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " PRIMARY KEY (tab, key)) WITHOUT ROWID;"
    "CREATE INDEX entry_expires ON entry (expires) WHERE expires <> 0;"
    /* AUTOINCREMENT: an id never comes again. */
    "CREATE TABLE message (id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, session INTEGER NOT "
    "NULL,"
    " queue_id TEXT NOT NULL, client TEXT NOT NULL, helo TEXT NOT NULL, login TEXT NOT NULL, sender TEXT NOT "
    "NULL,"
    " sender_domain TEXT NOT NULL, message_id TEXT NOT NULL, subject TEXT NOT NULL, size INTEGER NOT NULL,"
    " outgoing INTEGER NOT NULL, score REAL NOT NULL);"
    "CREATE INDEX message_time ON message (time);"
    "CREATE INDEX message_queue_id ON message (queue_id COLLATE NOCASE) WHERE queue_id <> '';"
    "CREATE INDEX message_client ON message (client COLLATE NOCASE) WHERE client <> '';"
    "CREATE INDEX message_sender ON message (sender COLLATE NOCASE) WHERE sender <> '';"
    "CREATE INDEX message_login ON message (login COLLATE NOCASE) WHERE login <> '';"
    "CREATE TABLE facts (message INTEGER PRIMARY KEY, facts TEXT NOT NULL);"
    "CREATE TABLE recipient (message INTEGER NOT NULL, n INTEGER NOT NULL, rcpt TEXT NOT NULL, end INTEGER "
    "NOT NULL,"
    " code INTEGER NOT NULL, tag TEXT NOT NULL, subject TEXT NOT NULL, rule TEXT NOT NULL, text TEXT NOT "
    "NULL,"
    " PRIMARY KEY (message, n)) WITHOUT ROWID;"
    "CREATE INDEX recipient_rcpt ON recipient (rcpt COLLATE NOCASE) WHERE rcpt <> '';"
    "CREATE INDEX recipient_tag ON recipient (tag COLLATE NOCASE) WHERE tag <> '';"
    /* Whoever removes a message, removes all of it. */
    "CREATE TRIGGER message_gone AFTER DELETE ON message BEGIN"
    " DELETE FROM facts WHERE message = old.id; DELETE FROM recipient WHERE message = old.id; END;",
};

static const char *const texts[SQL_COUNT] = {
    [SQL_GET] = "SELECT text, number, created, changed, expires FROM entry"
                " WHERE tab = ?1 AND key = ?2 AND (expires = 0 OR expires > ?3)",
    [SQL_WALK] = "SELECT key, text, number, created, changed, expires FROM entry"
                 " WHERE tab = ?1 AND key >= ?2 AND (expires = 0 OR expires > ?3) ORDER BY key LIMIT ?4",
    [SQL_FIND] = "SELECT number, created, expires FROM entry WHERE tab = ?1 AND key = ?2",
    [SQL_SAVE] =
        "INSERT INTO entry (tab, key, text, number, created, changed, expires)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (tab, key) DO UPDATE SET text = ?3, number = ?4,"
        " created = ?5, changed = ?6, expires = ?7",
    [SQL_CHANGE] = "UPDATE entry SET number = ?3, changed = ?4, expires = ?5 WHERE tab = ?1 AND key = ?2",
    [SQL_DROP] = "DELETE FROM entry WHERE tab = ?1 AND key = ?2",
    [SQL_EXPIRED] = "SELECT tab, key FROM entry WHERE expires <> 0 AND expires <= ?1 LIMIT ?2",
    [SQL_MESSAGE] =
        "INSERT INTO message (time, session, queue_id, client, helo, login, sender, sender_domain,"
        " message_id, subject, size, outgoing, score)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    [SQL_FACTS] = "INSERT INTO facts (message, facts) VALUES (?1, ?2)",
    [SQL_RECIPIENT] = "INSERT INTO recipient (message, n, rcpt, end, code, tag, subject, rule, text)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [SQL_JOURNAL_EXPIRE] = "DELETE FROM message WHERE id IN"
                           " (SELECT id FROM message WHERE time < ?1 ORDER BY time LIMIT ?2)",
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
};

int schema_version(void)
{
    return G_N_ELEMENTS(steps);
}

/* --- statements --- */

sqlite3_stmt *connection_statement(Connection *connection, Sql sql)
{
    sqlite3_stmt **statement = &connection->statements[sql];
    if (!*statement)
        sqlite3_prepare_v3(connection->db, texts[sql], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    return *statement;
}

int connection_run(sqlite3_stmt *statement)
{
    if (!statement)
        return SQLITE_ERROR;
    sqlite3_step(statement);
    return sqlite3_reset(statement);
}

int connection_execute(Connection *connection, const char *sql)
{
    return sqlite3_exec(connection->db, sql, NULL, NULL, NULL);
}

int connection_rollback(Connection *connection)
{
    /* Some errors have rolled back already. */
    return sqlite3_get_autocommit(connection->db) ? SQLITE_OK : connection_execute(connection, "ROLLBACK");
}

gint64 connection_number(Connection *connection, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    gint64 number = -1;
    if (sqlite3_prepare_v2(connection->db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

void connection_bind(sqlite3_stmt *statement, const char *kinds, ...)
{
    if (!statement)
        return;
    va_list values;
    va_start(values, kinds);
    for (int i = 0; kinds[i]; i++) {
        switch (kinds[i]) {
        case 'i':
            sqlite3_bind_int64(statement, i + 1, va_arg(values, gint64));
            break;
        case 'd':
            sqlite3_bind_double(statement, i + 1, va_arg(values, double));
            break;
        default:
            sqlite3_bind_text(statement, i + 1, va_arg(values, const char *), -1, SQLITE_STATIC);
        }
    }
    va_end(values);
}

const char *connection_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text ? (const char *)text : "";
}

/* --- errors --- */

static const struct {
    int code; /* of SQLite; its extended codes count as it */
    StoreErrorCode is;
    const char *advice;
} faults[] = {
    {SQLITE_CORRUPT, STORE_ERROR_DAMAGED,
     "postern store check says what is broken; move it away, and a new one is made"},
    {SQLITE_NOTADB, STORE_ERROR_DAMAGED, "move it away, and a new one is made"},
    {SQLITE_BUSY, STORE_ERROR_BUSY, "another process has locked it; fuser(1) says which"},
    {SQLITE_FULL, STORE_ERROR_FULL, "make room on the disk"},
    {SQLITE_READONLY, STORE_ERROR_FAILED, "it must be writable for the user that the filter runs as"},
    {SQLITE_CANTOPEN, STORE_ERROR_FAILED,
     "the file and its folder must be writable for the user that the filter runs as"},
    {SQLITE_PERM, STORE_ERROR_FAILED,
     "it must be readable and writable for the user that the filter runs as"},
    {SQLITE_INTERRUPT, STORE_ERROR_BUSY, "it took longer than timeout_ms; a larger one, or a faster disk"},
};

static gboolean is_no_space(int code)
{
    return code == ENOSPC || code == EDQUOT || code == EFBIG;
}

/* errno of what failed last; SQLite forgets it on its way, but not the files: the database and its log. */
static int last_errno(sqlite3 *db)
{
    static const int files[] = {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER};
    int code = sqlite3_system_errno(db);
    for (gsize i = 0; i < G_N_ELEMENTS(files) && !code; i++) {
        sqlite3_file *file = NULL;
        if (sqlite3_file_control(db, "main", files[i], &file) == SQLITE_OK && file && file->pMethods)
            file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &code);
    }
    return code;
}

gboolean connection_error(Connection *connection, const char *path, GError **error)
{
    int code = sqlite3_extended_errcode(connection->db) & 0xff;
    int system_code = last_errno(connection->db);
    const char *why = sqlite3_errmsg(connection->db);
    if (code == SQLITE_IOERR && is_no_space(system_code))
        code = SQLITE_FULL;
    if ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && system_code)
        why = g_strerror(system_code);
    for (gsize i = 0; i < G_N_ELEMENTS(faults); i++) {
        if (faults[i].code == code) {
            g_set_error(error, STORE_ERROR, faults[i].is, "%s: %s: %s", path, why, faults[i].advice);
            return FALSE;
        }
    }
    g_set_error(error, STORE_ERROR, STORE_ERROR_FAILED, "%s: %s", path, why);
    return FALSE;
}

gboolean connection_is_well(int code)
{
    static const int harmless[] = {SQLITE_OK,         SQLITE_DONE,     SQLITE_ROW,   SQLITE_NOMEM,
                                   SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_RANGE, SQLITE_TOOBIG};
    for (gsize i = 0; i < G_N_ELEMENTS(harmless); i++)
        if ((code & 0xff) == harmless[i])
            return TRUE;
    return FALSE;
}

/* --- the file --- */

static gboolean file_fails(const char *path, int code, GError **error)
{
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), "%s: %s", path, g_strerror(code));
    return FALSE;
}

/* The log and the index that SQLite puts beside it get the mode of this one. Opened and closed before SQLite has it: closing any
 * descriptor of a file gives up all of the process's locks on it. */
static gboolean make_file(const char *path, GError **error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST || file_fails(path, errno, error); /* made meanwhile; or a link to nowhere */
    gboolean done = fchmod(fd, 0600) == 0 || file_fails(path, errno, error);
    close(fd);
    return done;
}

/* A symbolic link is followed: the admin's way to put the file elsewhere. */
static gboolean is_good_file(const char *path, struct stat *st, GError **error)
{
    if (stat(path, st) != 0)
        return file_fails(path, errno, error);
    if (!S_ISREG(st->st_mode)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: this is not a file", path);
        return FALSE;
    }
    if (st->st_mode & S_IWOTH) {
        g_set_error(
            error, G_FILE_ERROR, G_FILE_ERROR_PERM,
            "%s: everybody may write to it (mode %04o), so what it says is worth nothing; chmod 600 it", path,
            (guint)(st->st_mode & 07777));
        return FALSE;
    }
    return TRUE;
}

gboolean connection_has_moved(Connection *connection, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return errno == ENOENT || errno == ENOTDIR;
    if (st.st_dev != connection->dev || st.st_ino != connection->inode)
        return TRUE;
    /* Without its log, others would see a part of it. SQLite puts it beside the file that a link leads to. */
    const char *name = sqlite3_filename_wal(sqlite3_db_filename(connection->db, "main"));
    return name && *name && stat(name, &st) != 0 && errno == ENOENT;
}

/* --- opening --- */

static int over_deadline(void *data)
{
    const Connection *connection = data;
    return connection->deadline && g_get_monotonic_time() > connection->deadline;
}

/* A function of SQL: matches(word, text). */
static void sql_matches(sqlite3_context *context, int n, sqlite3_value **values)
{
    const char *word = (const char *)sqlite3_value_text(values[0]);
    const char *text = (const char *)sqlite3_value_text(values[1]);
    sqlite3_result_int(context, word && text && journal_word_matches(word, text));
}

/* The same: end_name(end). */
static void sql_end_name(sqlite3_context *context, int n, sqlite3_value **values)
{
    gint64 end = sqlite3_value_int64(values[0]);
    gboolean known = end >= 0 && end < JOURNAL_END_COUNT;
    sqlite3_result_text(context, journal_end_name(known ? (int)end : JOURNAL_UNKNOWN), -1, SQLITE_STATIC);
}

static void add_functions(sqlite3 *db)
{
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
    sqlite3_create_function(db, "matches", 2, flags, NULL, sql_matches, NULL, NULL);
    sqlite3_create_function(db, "end_name", 1, flags, NULL, sql_end_name, NULL, NULL);
}

static gboolean open_database(Connection *connection, const ConnectionSettings *settings, GError **error)
{
    int code = sqlite3_open_v2(settings->path, &connection->db,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    g_assert(connection->db || code == SQLITE_NOMEM);
    if (!connection->db)
        return file_fails(settings->path, ENOMEM, error);
    sqlite3_extended_result_codes(connection->db, 1);
    if (code != SQLITE_OK)
        return connection_error(connection, settings->path, error);
    sqlite3_busy_timeout(connection->db, settings->busy_ms);
    sqlite3_progress_handler(connection->db, DEADLINE_STEPS, over_deadline, connection);
    add_functions(connection->db);
    /* What stands in the file is not trusted to be a harmless schema. The log is copied when there is time (sqlite-writer.c). */
    sqlite3_db_config(connection->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    g_autofree char *pragmas =
        g_strdup_printf("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"
                        "PRAGMA cache_size = -%d; PRAGMA temp_store = MEMORY; PRAGMA synchronous = %s;"
                        "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = %d",
                        CACHE_KIB, settings->sync ? "FULL" : "NORMAL", WAL_BYTES_MAX);
    return connection_execute(connection, pragmas) == SQLITE_OK ||
           connection_error(connection, settings->path, error);
}

/* Version 0 is an empty file, to become one of ours. */
static gboolean is_known_schema(Connection *connection, const char *path, GError **error)
{
    gint64 version = connection_number(connection, "PRAGMA user_version");
    gint64 application = version < 0 ? -1 : connection_number(connection, "PRAGMA application_id");
    gint64 tables =
        application < 0 ? -1 : connection_number(connection, "SELECT count(*) FROM sqlite_schema");
    if (tables < 0)
        return connection_error(connection, path, error);
    if (application != SCHEMA_APPLICATION && (application || version || tables)) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_DAMAGED,
                    "%s: a database of another program; name another file, or move it away", path);
        return FALSE;
    }
    if (version > schema_version()) {
        g_set_error(
            error, STORE_ERROR, STORE_ERROR_NEWER,
            "%s: made by a newer postern (schema %d; this one knows %d); install that, or move the file away",
            path, (int)version, schema_version());
        return FALSE;
    }
    return TRUE;
}

Connection *connection_open(const ConnectionSettings *settings, GError **error)
{
    struct stat st;
    if (settings->create && access(settings->path, F_OK) != 0 && errno == ENOENT &&
        !make_file(settings->path, error))
        return NULL;
    if (!is_good_file(settings->path, &st, error))
        return NULL;
    Connection *connection = g_new0(Connection, 1);
    connection->dev = st.st_dev;
    connection->inode = st.st_ino;
    if (open_database(connection, settings, error) && is_known_schema(connection, settings->path, error))
        return connection;
    connection_free(connection);
    return NULL;
}

void connection_free(Connection *connection)
{
    if (!connection)
        return;
    for (guint i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(connection->statements[i]);
    sqlite3_close_v2(connection->db);
    g_free(connection);
}

/* --- writing --- */

static int migrate(Connection *connection)
{
    int code = connection_execute(connection, "BEGIN IMMEDIATE");
    if (code != SQLITE_OK)
        return code;
    /* Read anew: another process may have been quicker. */
    gint64 version = connection_number(connection, "PRAGMA user_version");
    for (gint64 i = version; i >= 0 && i < schema_version() && code == SQLITE_OK; i++)
        code = connection_execute(connection, steps[i]);
    /* Written in any case: the trial whether there is room, which BEGIN alone does not find out. */
    g_autofree char *stamp = g_strdup_printf("PRAGMA application_id = %d; PRAGMA user_version = %d",
                                             SCHEMA_APPLICATION, (int)MAX(version, schema_version()));
    if (code == SQLITE_OK)
        code = connection_execute(connection, stamp);
    if (code == SQLITE_OK)
        code = connection_execute(connection, "COMMIT");
    return code;
}

static gboolean use_wal(Connection *connection, const char *path, GError **error)
{
    sqlite3_stmt *statement = NULL;
    gboolean done = FALSE;
    if (sqlite3_prepare_v2(connection->db, "PRAGMA journal_mode = WAL", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        done = g_ascii_strcasecmp(connection_text(statement, 0), "wal") == 0;
        if (!done)
            g_set_error(error, STORE_ERROR, STORE_ERROR_FAILED,
                        "%s: no write-ahead log can be kept there; put it on a local disk", path);
    } else {
        connection_error(connection, path, error);
    }
    sqlite3_finalize(statement);
    return done;
}

gboolean connection_make_writable(Connection *connection, const char *path, GError **error)
{
    if (sqlite3_db_readonly(connection->db, "main") == 1) {
        g_set_error(
            error, STORE_ERROR, STORE_ERROR_FAILED,
            "%s: may be read, but not written; it must be writable for the user that the filter runs as",
            path);
        return FALSE;
    }
    if (!use_wal(connection, path, error))
        return FALSE;
    if (migrate(connection) == SQLITE_OK)
        return TRUE;
    connection_error(connection, path, error);
    connection_rollback(connection);
    return FALSE;
}
