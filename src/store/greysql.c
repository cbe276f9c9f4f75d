#include "store/greysql.h"

#include <sqlite3.h>

#include "store/store.h"

static const char query[] =
    "SELECT ip || '|' || sender || '|' || recipient || '|' || CAST(firstseen AS INTEGER) || '|' || "
    "CAST(lastseen AS INTEGER) || '|' || CAST(cnt AS INTEGER) FROM greylist";

static gboolean take_rows(sqlite3 *db, GString *lines, GError **error)
{
    sqlite3_stmt *rows = NULL;
    int status = sqlite3_prepare_v2(db, query, -1, &rows, NULL);
    while (status == SQLITE_OK || status == SQLITE_ROW) {
        status = sqlite3_step(rows);
        if (status != SQLITE_ROW)
            break;
        const char *line = (const char *)sqlite3_column_text(rows, 0); /* NULL: a column of the row is */
        g_string_append_printf(lines, "%s\n", line ? line : "?");
        if (lines->len > GREYSQL_BYTES_MAX)
            status = SQLITE_TOOBIG;
    }
    gboolean done = status == SQLITE_DONE;
    if (!done)
        g_set_error(error, STORE_ERROR, STORE_ERROR_FAILED, "it has no table greylist that can be read: %s",
                    status == SQLITE_TOOBIG ? "too large" : sqlite3_errmsg(db));
    sqlite3_finalize(rows);
    return done;
}

char *greysql_lines(const char *path, gsize *ret_len, GError **error)
{
    sqlite3 *db = NULL;
    g_autoptr(GString) lines = g_string_new(NULL);
    gboolean read = FALSE;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK) {
        sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        read = take_rows(db, lines, error);
    } else {
        g_set_error_literal(error, STORE_ERROR, STORE_ERROR_FAILED,
                            db ? sqlite3_errmsg(db) : "not enough memory");
    }
    sqlite3_close(db);
    if (!read)
        return NULL;
    *ret_len = lines->len;
    return g_string_free(g_steal_pointer(&lines), FALSE);
}
