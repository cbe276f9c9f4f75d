/* Look-ups, walks and counts; and what `postern store` asks of the whole file. */
#include <string.h>

#include "store/sqlite-internal.h"

/* Rows that a walk reads at once: in between, nobody is kept waiting and the log can be copied */
#define PAGE 256

static void take_row(sqlite3_stmt *statement, int column, Pool *pool, StoreEntry *entry)
{
    entry->text = pool_strdup(pool, connection_text(statement, column));
    entry->number = sqlite3_column_int64(statement, column + 1);
    entry->created = sqlite3_column_int64(statement, column + 2);
    entry->changed = sqlite3_column_int64(statement, column + 3);
    entry->expires = sqlite3_column_int64(statement, column + 4);
}

/* SQLITE_ROW: found; SQLITE_DONE: not there. */
static int get(Connection *reader, StoreTable table, const char *key, gint64 now, Pool *pool,
               StoreEntry *entry)
{
    sqlite3_stmt *statement = connection_statement(reader, SQL_GET);
    if (!statement)
        return SQLITE_ERROR;
    connection_bind(statement, "iti", (gint64)table, key, now);
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        take_row(statement, 0, pool, entry);
        entry->key = pool_strdup(pool, key);
    }
    sqlite3_reset(statement);
    return code;
}

StoreAnswer sqlite_get_first(Store *store, StoreTable table, const char *const *keys, gint64 now, Pool *pool,
                             StoreEntry *entry, guint *index)
{
    SqliteStore *self = (SqliteStore *)store;
    Connection *reader = sqlite_reader(self);
    if (!reader)
        return STORE_AWAY;
    int code = SQLITE_DONE;
    guint i;
    for (i = 0; keys[i] && code == SQLITE_DONE; i++)
        code = get(reader, table, keys[i], now, pool, entry);
    sqlite_reader_done(self, reader, code);
    if (code == SQLITE_ROW)
        *index = i - 1;
    return code == SQLITE_ROW ? STORE_YES : code == SQLITE_DONE ? STORE_NO : STORE_AWAY;
}

/* --- walks --- */

typedef struct {
    StoreTable table;
    gint64 now;
    Pool *pool; /* of the page */
    StoreEntry entries[PAGE];
    guint n;
} Page;

static gboolean read_page(SqliteStore *self, Page *page, const char *from)
{
    Connection *reader = sqlite_reader(self);
    if (!reader)
        return FALSE;
    sqlite3_stmt *statement = connection_statement(reader, SQL_WALK);
    connection_bind(statement, "itii", (gint64)page->table, from, page->now, (gint64)PAGE);
    page->n = 0;
    pool_clear(page->pool);
    int code = SQLITE_ERROR;
    while (statement && page->n < PAGE && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        StoreEntry *entry = &page->entries[page->n++];
        entry->key = pool_strdup(page->pool, connection_text(statement, 0));
        take_row(statement, 1, page->pool, entry);
    }
    sqlite3_reset(statement);
    sqlite_reader_done(self, reader, code);
    return code == SQLITE_ROW || code == SQLITE_DONE;
}

/* FALSE: that was the last. */
static gboolean give_page(const Page *page, const char *prefix, StoreEach each, void *data)
{
    for (guint i = 0; i < page->n; i++)
        if (!g_str_has_prefix(page->entries[i].key, prefix) || !each(&page->entries[i], data))
            return FALSE;
    return page->n == PAGE;
}

/* No key has a NUL, so nothing comes between KEY and KEY 01. */
static char *just_after(const char *key)
{
    return g_strconcat(key, "\001", NULL);
}

StoreAnswer sqlite_each(Store *store, StoreTable table, const char *prefix, const char *after, gint64 now,
                        StoreEach each, void *data)
{
    g_autoptr(Pool) pool = pool_new();
    g_autofree Page *page = g_new0(Page, 1);
    g_autofree char *from = after && strcmp(after, prefix) >= 0 ? just_after(after) : g_strdup(prefix);
    page->table = table;
    page->now = now;
    page->pool = pool;
    while (read_page((SqliteStore *)store, page, from)) {
        if (!give_page(page, prefix, each, data))
            return STORE_YES;
        g_free(from);
        from = just_after(page->entries[page->n - 1].key);
    }
    return STORE_AWAY;
}

gint64 sqlite_count(Store *store, StoreTable table, gint64 now)
{
    SqliteStore *self = (SqliteStore *)store;
    Connection *reader = sqlite_own_reader(self, NULL);
    if (!reader)
        return -1;
    g_autofree char *sql = g_strdup_printf("SELECT count(*) FROM entry WHERE tab = %d AND (expires = 0 OR"
                                           " expires > %" G_GINT64_FORMAT ")",
                                           (int)table, now);
    gint64 n = connection_number(reader, sql);
    sqlite_own_reader_done(self, reader);
    return n;
}

/* --- the whole file --- */

static gint64 bytes_of(const char *path)
{
    struct stat st;
    return path && stat(path, &st) == 0 ? st.st_size : 0;
}

static gboolean count_tables(Connection *reader, StoreFacts *facts)
{
    sqlite3_stmt *statement = NULL;
    int code =
        sqlite3_prepare_v2(reader->db, "SELECT tab, count(*) FROM entry GROUP BY tab", -1, &statement, NULL);
    while (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
        gint64 table = sqlite3_column_int64(statement, 0);
        if (table >= 0 && table < STORE_TABLE_COUNT)
            facts->entries[table] = sqlite3_column_int64(statement, 1);
    }
    return sqlite3_finalize(statement) == SQLITE_OK && code == SQLITE_OK;
}

static gboolean read_facts(SqliteStore *self, Connection *reader, StoreFacts *facts, GError **error)
{
    const char *name = sqlite3_db_filename(reader->db, "main");
    facts->bytes = bytes_of(name) + bytes_of(sqlite3_filename_wal(name));
    facts->schema = (int)connection_number(reader, "PRAGMA user_version");
    facts->messages = connection_number(reader, "SELECT count(*) FROM message");
    facts->recipients =
        facts->messages < 0 ? -1 : connection_number(reader, "SELECT count(*) FROM recipient");
    return (facts->recipients >= 0 && count_tables(reader, facts)) ||
           connection_error(reader, self->path, error);
}

gboolean sqlite_facts(Store *store, StoreFacts *ret, GError **error)
{
    SqliteStore *self = (SqliteStore *)store;
    Connection *reader = sqlite_own_reader(self, error);
    if (!reader)
        return FALSE;
    gboolean done = read_facts(self, reader, ret, error);
    sqlite_own_reader_done(self, reader);
    return done;
}

/* --- check --- */

/* Each gives a line for each fault; none means well. ?1 is the last table, ?2 the last end. SQLite's own first: what it finds explains the others. */
static const char *const checks[] = {
    "SELECT integrity_check FROM pragma_integrity_check(100) WHERE integrity_check <> 'ok'",
    "SELECT 'entry in table ' || tab || ', which there is not' FROM entry"
    " WHERE tab NOT BETWEEN 0 AND ?1 LIMIT 100",
    "SELECT 'entry ' || tab || ' ' || quote(key) || ': not a key, a text and four numbers' FROM entry"
    " WHERE typeof(key) <> 'text' OR typeof(text) <> 'text' OR typeof(number) <> 'integer'"
    " OR typeof(created) <> 'integer' OR typeof(changed) <> 'integer' OR typeof(expires) <> 'integer' LIMIT "
    "100",
    "SELECT 'entry ' || tab || ' ' || quote(substr(key, 1, 80)) || ': key or text is too long' FROM entry"
    " WHERE length(CAST(key AS BLOB)) > " G_STRINGIFY(
        STORE_KEY_MAX) " OR length(CAST(text AS BLOB)) > " G_STRINGIFY(STORE_TEXT_MAX) " LIMIT 100",
    "SELECT 'recipient ' || n || ' of message ' || message || ': there is no such message' FROM recipient"
    " WHERE message NOT IN (SELECT id FROM message) LIMIT 100",
    "SELECT 'facts of message ' || message || ': there is no such message' FROM facts"
    " WHERE message NOT IN (SELECT id FROM message) LIMIT 100",
    "SELECT 'recipient ' || n || ' of message ' || message || ': no known end' FROM recipient"
    " WHERE end NOT BETWEEN 0 AND ?2 LIMIT 100",
};

typedef struct {
    void (*each)(const char *fault, void *data);
    void *data;
    guint faults;
} Checking;

static gboolean run_check(Connection *reader, const char *sql, Checking *checking)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(reader->db, sql, -1, &statement, NULL);
    sqlite3_bind_int(statement, 1, STORE_TABLE_COUNT - 1);
    sqlite3_bind_int(statement, 2, JOURNAL_END_COUNT - 1);
    while (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
        checking->each(connection_text(statement, 0), checking->data);
        checking->faults++;
    }
    return sqlite3_finalize(statement) == SQLITE_OK && code == SQLITE_OK;
}

gboolean sqlite_check(Store *store, void (*each)(const char *fault, void *data), void *data, GError **error)
{
    SqliteStore *self = (SqliteStore *)store;
    Connection *reader = sqlite_own_reader(self, error);
    if (!reader)
        return FALSE;
    Checking checking = {each, data, 0};
    gboolean read = TRUE;
    for (gsize i = 0; i < G_N_ELEMENTS(checks) && read; i++)
        read = run_check(reader, checks[i], &checking);
    if (!read && !checking.faults)
        connection_error(reader, self->path, error);
    sqlite_own_reader_done(self, reader);
    return read && !checking.faults;
}
