/* What the writer does to entries and journal: found, decided here as memory.c does, written. The transaction that is open makes
 * one step of it. All functions give SQLite's result code. */
#include "store/sqlite-internal.h"

typedef struct {
    gboolean stored; /* a row is there, which may have expired */
    gboolean there;
    gint64 number, created, expires;
} Found;

static int find(Connection *connection, StoreTable table, const char *key, gint64 now, Found *found)
{
    sqlite3_stmt *statement = connection_statement(connection, SQL_FIND);
    connection_bind(statement, "it", (gint64)table, key);
    *found = (Found){0};
    if (statement && sqlite3_step(statement) == SQLITE_ROW) {
        found->stored = TRUE;
        found->expires = sqlite3_column_int64(statement, 2);
        found->there = !store_is_gone(found->expires, now);
        if (found->there) {
            found->number = CLAMP(sqlite3_column_int64(statement, 0), -STORE_NUMBER_MAX, STORE_NUMBER_MAX);
            found->created = sqlite3_column_int64(statement, 1);
        }
    }
    return statement ? sqlite3_reset(statement) : SQLITE_ERROR;
}

static int save(Connection *connection, StoreTable table, const StoreEntry *entry)
{
    sqlite3_stmt *statement = connection_statement(connection, SQL_SAVE);
    connection_bind(statement, "ittiiii", (gint64)table, entry->key, entry->text, entry->number,
                    entry->created, entry->changed, entry->expires);
    return connection_run(statement);
}

/* All but the text. */
static int change(Connection *connection, StoreTable table, const char *key, gint64 number, gint64 now,
                  gint64 expires)
{
    sqlite3_stmt *statement = connection_statement(connection, SQL_CHANGE);
    connection_bind(statement, "itiii", (gint64)table, key, number, now, expires);
    return connection_run(statement);
}

static int drop(Connection *connection, StoreTable table, const char *key)
{
    sqlite3_stmt *statement = connection_statement(connection, SQL_DROP);
    connection_bind(statement, "it", (gint64)table, key);
    return connection_run(statement);
}

/* --- entries --- */

static int put(Connection *connection, const StoreOp *op, gint64 now)
{
    Found found;
    int code = find(connection, op->table, op->key, now, &found);
    if (code != SQLITE_OK || (found.there && op->mode == STORE_IF_NEW))
        return code;
    if (found.there && op->mode == STORE_IF_LONGER && !store_lasts_longer(op->expires, found.expires))
        return code;
    return save(connection, op->table,
                &(StoreEntry){
                    .key = op->key,
                    .text = op->text,
                    .number = op->number,
                    .created = op->created   ? op->created
                               : found.there ? found.created
                                             : now,
                    .changed = now,
                    .expires = op->expires,
                });
}

static int add(Connection *connection, const StoreOp *op, gint64 now)
{
    Found found;
    int code = find(connection, op->table, op->key, now, &found);
    if (code != SQLITE_OK)
        return code;
    gint64 number = CLAMP(found.number + op->number, 0, STORE_NUMBER_MAX);
    gint64 expires = found.there && !op->renew ? found.expires : op->expires;
    if (number == 0)
        return found.stored ? drop(connection, op->table, op->key) : code;
    if (found.there && !op->has_text)
        return change(connection, op->table, op->key, number, now, expires);
    return save(connection, op->table,
                &(StoreEntry){
                    .key = op->key,
                    .text = op->has_text ? op->text : "",
                    .number = number,
                    .created = found.there ? found.created : now,
                    .changed = now,
                    .expires = expires,
                });
}

static int take(Connection *connection, Request *request)
{
    Found found;
    int code = find(connection, request->table, request->key, request->now, &found);
    gint64 sum = found.number + request->n;
    gboolean fits = sum <= request->limit;
    if (code == SQLITE_OK && fits && found.there)
        code = change(connection, request->table, request->key, sum, request->now, found.expires);
    else if (code == SQLITE_OK && fits)
        code = save(connection, request->table,
                    &(StoreEntry){request->key, "", sum, request->now, request->now, request->expires});
    request->answer = fits ? STORE_YES : STORE_NO;
    request->result = fits ? sum : found.number;
    return code;
}

/* --- journal --- */

static int append_recipient(Connection *connection, gint64 id, guint n, const JournalRecipient *r)
{
    sqlite3_stmt *statement = connection_statement(connection, SQL_RECIPIENT);
    connection_bind(statement, "iitiitttt", id, (gint64)n, r->rcpt, (gint64)r->end, (gint64)r->code, r->tag,
                    r->subject, r->rule, r->text);
    return connection_run(statement);
}

static int append(Connection *connection, const JournalMessage *m)
{
    sqlite3_stmt *statement = connection_statement(connection, SQL_MESSAGE);
    connection_bind(statement, "iittttttttiid", m->time, (gint64)m->session, m->queue_id, m->client, m->helo,
                    m->login, m->sender, m->sender_domain, m->message_id, m->subject, m->size,
                    (gint64)m->outgoing, m->score);
    int code = connection_run(statement);
    gint64 id = sqlite3_last_insert_rowid(connection->db);
    if (code == SQLITE_OK && *m->facts) {
        statement = connection_statement(connection, SQL_FACTS);
        connection_bind(statement, "it", id, m->facts);
        code = connection_run(statement);
    }
    for (guint i = 0; code == SQLITE_OK && i < m->n_recipients; i++)
        code = append_recipient(connection, id, i, &m->recipients[i]);
    return code;
}

/* --- requests --- */

static int apply(Connection *connection, Request *request)
{
    int code = SQLITE_OK;
    for (guint i = 0; i < request->ops->len && code == SQLITE_OK; i++) {
        const StoreOp *op = &g_array_index(request->ops, StoreOp, i);
        switch (op->kind) {
        case STORE_OP_PUT:
            code = put(connection, op, request->now);
            break;
        case STORE_OP_ADD:
            code = add(connection, op, request->now);
            break;
        case STORE_OP_REMOVE:
            code = drop(connection, op->table, op->key);
            break;
        case STORE_OP_JOURNAL:
            code = append(connection, op->message);
        }
    }
    request->answer = STORE_YES;
    return code;
}

typedef struct {
    StoreTable table;
    const char *key;
} Name;

/* First found, then removed: a DELETE that finds them itself goes through whole tables, since it cannot use a list of pairs. */
static int expire(Connection *connection, Request *request)
{
    sqlite3_stmt *statement = connection_statement(connection, SQL_EXPIRED);
    if (!statement)
        return SQLITE_ERROR;
    g_autoptr(Pool) pool = pool_new();
    g_autoptr(GArray) names = g_array_new(FALSE, FALSE, sizeof(Name));
    connection_bind(statement, "ii", request->now, (gint64)request->max);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        Name name = {(StoreTable)sqlite3_column_int64(statement, 0),
                     pool_strdup(pool, connection_text(statement, 1))};
        g_array_append_val(names, name);
    }
    int code = sqlite3_reset(statement);
    for (guint i = 0; i < names->len && code == SQLITE_OK; i++) {
        const Name *name = &g_array_index(names, Name, i);
        code = drop(connection, name->table, name->key);
    }
    request->answer = STORE_YES;
    request->result = names->len;
    return code;
}

static int expire_journal(Connection *connection, Request *request)
{
    sqlite3_stmt *statement = connection_statement(connection, SQL_JOURNAL_EXPIRE);
    connection_bind(statement, "ii", request->now, (gint64)request->max);
    int code = connection_run(statement);
    request->answer = STORE_YES;
    request->result = sqlite3_changes(connection->db); /* without those of triggers */
    return code;
}

int request_carry_out(Request *request, Connection *connection)
{
    switch (request->kind) {
    case REQUEST_APPLY:
        return apply(connection, request);
    case REQUEST_TAKE:
        return take(connection, request);
    case REQUEST_EXPIRE:
        return expire(connection, request);
    case REQUEST_JOURNAL_EXPIRE:
        return expire_journal(connection, request);
    case REQUEST_COMPACT:
        break; /* not in a transaction: sqlite-writer.c */
    }
    g_assert_not_reached();
}
