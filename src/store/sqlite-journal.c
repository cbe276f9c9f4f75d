/* Searches of the journal. A search first finds which recipients' rows fit, in one go, and then reads them page by page, so that
 * whoever prints them slowly keeps nobody waiting; what is removed in between is left out. */
#include <string.h>

#include "store/sqlite-internal.h"

#define PAGE 256

/* --- conditions --- */

static const struct {
    gsize offset; /* in JournalQuery */
    const char *column;
} words[] = {
    {offsetof(JournalQuery, queue_id), "m.queue_id"},
    {offsetof(JournalQuery, client), "m.client"},
    {offsetof(JournalQuery, helo), "m.helo"},
    {offsetof(JournalQuery, login), "m.login"},
    {offsetof(JournalQuery, sender), "m.sender"},
    {offsetof(JournalQuery, sender_domain), "m.sender_domain"},
    {offsetof(JournalQuery, message_id), "m.message_id"},
    {offsetof(JournalQuery, rcpt), "r.rcpt"},
    {offsetof(JournalQuery, tag), "r.tag"},
};

typedef struct {
    GString *where;
    GPtrArray *texts; /* bound in order; owned */
} Conditions;

static void bind_next(Conditions *c, char *text)
{
    g_ptr_array_add(c->texts, text);
}

/* The word up to its first '*', where an index can find it: of ASCII alone, since NOCASE folds no more. NULL: it cannot. */
static char *findable(const char *word)
{
    char *head = g_strndup(word, strcspn(word, "*"));
    if (*head && g_str_is_ascii(head))
        return head;
    g_free(head);
    return NULL;
}

static void add_word(Conditions *c, const char *column, const char *word)
{
    g_autofree char *head = findable(word);
    gboolean whole = head && strcmp(head, word) == 0;
    if (whole) {
        g_string_append_printf(c->where, " AND %s = ? COLLATE NOCASE AND %s <> ''", column, column);
        bind_next(c, g_steal_pointer(&head));
        return;
    }
    if (head) {
        /* From HEAD on, and below the next that does not begin with it. 0x7f is the last of ASCII, so there is a next. */
        char *end = g_ascii_strdown(head, -1);
        end[strlen(end) - 1]++;
        g_string_append_printf(c->where, " AND %s >= ? COLLATE NOCASE AND %s < ? COLLATE NOCASE AND %s <> ''",
                               column, column, column);
        bind_next(c, g_steal_pointer(&head));
        bind_next(c, end);
    }
    g_string_append_printf(c->where, " AND matches(?, %s)", column);
    bind_next(c, g_strdup(word));
}

static void add_number(Conditions *c, const char *format, gint64 value)
{
    g_string_append_printf(c->where, " AND ");
    g_string_append_printf(c->where, "%s %" G_GINT64_FORMAT, format, value);
}

static void conditions_init(Conditions *c, const JournalQuery *q)
{
    c->where = g_string_new("r.message = m.id");
    c->texts = g_ptr_array_new_with_free_func(g_free);
    if (q->since)
        add_number(c, "m.time >=", q->since);
    if (q->until)
        add_number(c, "m.time <", q->until);
    if (q->id)
        add_number(c, "m.id =", q->id);
    if (q->end >= 0)
        add_number(c, "r.end =", q->end);
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        const char *word = *(const char *const *)((const char *)q + words[i].offset);
        if (word)
            add_word(c, words[i].column, word);
    }
    if (q->text) {
        g_string_append(c->where, " AND (matches(?, r.text) OR matches(?, m.subject))");
        bind_next(c, g_strdup_printf("*%s*", q->text));
        bind_next(c, g_strdup_printf("*%s*", q->text));
    }
}

static gboolean is_findable(const char *word)
{
    g_autofree char *head = word ? findable(word) : NULL;
    return head != NULL;
}

/* Which table is walked, and which is looked up for each row of it: SQLite, which knows nothing of how often a word occurs, would
 * guess. A recipient is rare; a tag is not, so whatever else there is to begin with is better. With neither the messages are
 * walked in their order, which ends as soon as `limit` is reached. */
static const char *tables(const JournalQuery *q)
{
    gboolean by_message = q->id || q->since || is_findable(q->queue_id) || is_findable(q->sender) ||
                          is_findable(q->client) || is_findable(q->login);
    return is_findable(q->rcpt) || (is_findable(q->tag) && !by_message) ? "recipient r CROSS JOIN message m"
                                                                        : "message m CROSS JOIN recipient r";
}

static void conditions_clear(Conditions *c)
{
    g_string_free(c->where, TRUE);
    g_ptr_array_unref(c->texts);
}

static sqlite3_stmt *prepare(Connection *reader, const char *sql, const Conditions *c)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(reader->db, sql, -1, &statement, NULL) != SQLITE_OK)
        return NULL;
    for (guint i = 0; i < c->texts->len; i++)
        sqlite3_bind_text(statement, (int)i + 1, c->texts->pdata[i], -1, SQLITE_STATIC);
    return statement;
}

/* --- search --- */

typedef struct {
    gint64 id, n;
} Hit;

/* NULL: cannot be read. */
static GArray *find_hits(Connection *reader, const JournalQuery *q)
{
    Conditions c;
    conditions_init(&c, q);
    g_autofree char *limit = q->limit ? g_strdup_printf(" LIMIT %u", q->limit) : g_strdup("");
    const char *from = tables(q);
    g_autofree char *sql =
        g_strdup_printf("SELECT m.id, r.n FROM %s WHERE %s ORDER BY %s %s, r.n%s", from, c.where->str,
                        *from == 'r' ? "r.message" : "m.id", q->oldest_first ? "ASC" : "DESC", limit);
    sqlite3_stmt *statement = prepare(reader, sql, &c);
    GArray *hits = g_array_new(FALSE, FALSE, sizeof(Hit));
    while (statement && sqlite3_step(statement) == SQLITE_ROW) {
        Hit hit = {sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1)};
        g_array_append_val(hits, hit);
    }
    gboolean done = statement && sqlite3_finalize(statement) == SQLITE_OK;
    conditions_clear(&c);
    if (!done)
        g_clear_pointer(&hits, g_array_unref);
    return hits;
}

#define ONE                                                                                                  \
    "SELECT m.time, m.session, m.queue_id, m.client, m.helo, m.login, m.sender, m.sender_domain, "           \
    "m.message_id,"                                                                                          \
    " m.subject, m.size, m.outgoing, m.score, r.rcpt, r.end, r.code, r.tag, r.subject, r.rule, r.text, %s"   \
    " FROM message m JOIN recipient r ON r.message = m.id WHERE m.id = ?1 AND r.n = ?2"

typedef struct {
    JournalMessage message;
    JournalRecipient recipient;
} Row;

static const char *text(sqlite3_stmt *statement, int column, Pool *pool)
{
    return pool_strdup(pool, connection_text(statement, column));
}

/* In the order of ONE. */
static void take_row(sqlite3_stmt *s, gint64 id, Pool *pool, Row *row)
{
    int i = 0;
    gint64 end;
    JournalMessage *m = &row->message;
    m->id = id;
    m->time = sqlite3_column_int64(s, i++);
    m->session = (guint64)sqlite3_column_int64(s, i++);
    m->queue_id = text(s, i++, pool);
    m->client = text(s, i++, pool);
    m->helo = text(s, i++, pool);
    m->login = text(s, i++, pool);
    m->sender = text(s, i++, pool);
    m->sender_domain = text(s, i++, pool);
    m->message_id = text(s, i++, pool);
    m->subject = text(s, i++, pool);
    m->size = sqlite3_column_int64(s, i++);
    m->outgoing = sqlite3_column_int64(s, i++) != 0;
    m->score = sqlite3_column_double(s, i++);
    JournalRecipient *r = &row->recipient;
    r->rcpt = text(s, i++, pool);
    end = sqlite3_column_int64(s, i++);
    r->end = end >= 0 && end < JOURNAL_END_COUNT ? (JournalEnd)end : JOURNAL_UNKNOWN; /* a damaged row */
    r->code = (int)sqlite3_column_int64(s, i++);
    r->tag = text(s, i++, pool);
    r->subject = text(s, i++, pool);
    r->rule = text(s, i++, pool);
    r->text = text(s, i++, pool);
    m->facts = text(s, i++, pool);
    m->n_recipients = 1;
}

/* How many of the hits are still there; -1: cannot be read. Each read transaction is one page long. */
static int read_page(Connection *reader, sqlite3_stmt *one, const Hit *hits, guint n, Pool *pool, Row *rows)
{
    int filled = 0;
    connection_execute(reader, "BEGIN");
    for (guint i = 0; i < n && filled >= 0; i++) {
        sqlite3_bind_int64(one, 1, hits[i].id);
        sqlite3_bind_int64(one, 2, hits[i].n);
        if (sqlite3_step(one) == SQLITE_ROW)
            take_row(one, hits[i].id, pool, &rows[filled++]);
        if (sqlite3_reset(one) != SQLITE_OK)
            filled = -1;
    }
    connection_execute(reader, "COMMIT");
    return filled;
}

static gboolean give_hits(Connection *reader, const GArray *hits, gboolean with_facts, JournalEach each,
                          void *data)
{
    g_autofree char *sql = g_strdup_printf(
        ONE, with_facts ? "coalesce((SELECT f.facts FROM facts f WHERE f.message = m.id), '')" : "''");
    sqlite3_stmt *one = NULL;
    g_autofree Row *rows = g_new0(Row, PAGE);
    g_autoptr(Pool) pool = pool_new();
    int n = sqlite3_prepare_v2(reader->db, sql, -1, &one, NULL) == SQLITE_OK ? 0 : -1;
    gboolean on = TRUE;
    for (guint at = 0; on && n >= 0 && at < hits->len; at += PAGE) {
        pool_clear(pool);
        n = read_page(reader, one, &g_array_index(hits, Hit, at), MIN(PAGE, hits->len - at), pool, rows);
        for (int i = 0; i < n && on; i++) {
            rows[i].message.recipients = &rows[i].recipient;
            on = each(&rows[i].message, data);
        }
    }
    sqlite3_finalize(one);
    return n >= 0;
}

StoreAnswer sqlite_search(Store *store, const JournalQuery *query, gboolean with_facts, JournalEach each,
                          void *data)
{
    SqliteStore *self = (SqliteStore *)store;
    Connection *reader = sqlite_own_reader(self, NULL);
    if (!reader)
        return STORE_AWAY;
    g_autoptr(GArray) hits = find_hits(reader, query);
    gboolean done = hits && give_hits(reader, hits, with_facts, each, data);
    sqlite_own_reader_done(self, reader);
    return done ? STORE_YES : STORE_AWAY;
}

/* --- counts --- */

static const char *const columns[JOURNAL_COLUMN_COUNT] = {
    [JOURNAL_BY_CLIENT] = "m.client",
    [JOURNAL_BY_HELO] = "m.helo",
    [JOURNAL_BY_LOGIN] = "m.login",
    [JOURNAL_BY_SENDER] = "m.sender",
    [JOURNAL_BY_DOMAIN] = "m.sender_domain",
    [JOURNAL_BY_RCPT] = "r.rcpt",
    [JOURNAL_BY_TAG] = "r.tag",
    [JOURNAL_BY_END] = "end_name(r.end)",
    [JOURNAL_BY_RULE] = "r.rule",
    [JOURNAL_BY_DAY] = "strftime('%Y-%m-%d', m.time, 'unixepoch')",
    [JOURNAL_BY_HOUR] = "strftime('%Y-%m-%dT%H', m.time, 'unixepoch')",
};

typedef struct {
    char *value;
    gint64 n;
} Counted;

static void clear_counted(void *data)
{
    g_free(((Counted *)data)->value);
}

/* NULL: cannot be read. */
static GArray *count(Connection *reader, JournalColumn by, const JournalQuery *q)
{
    Conditions c;
    conditions_init(&c, q);
    g_autofree char *limit = q->limit ? g_strdup_printf(" LIMIT %u", q->limit) : g_strdup("");
    g_autofree char *sql = g_strdup_printf("SELECT %s AS value, count(*) AS n FROM %s WHERE %s"
                                           " GROUP BY value ORDER BY n DESC, value%s",
                                           columns[by], tables(q), c.where->str, limit);
    sqlite3_stmt *statement = prepare(reader, sql, &c);
    GArray *counted = g_array_new(FALSE, FALSE, sizeof(Counted));
    g_array_set_clear_func(counted, clear_counted);
    while (statement && sqlite3_step(statement) == SQLITE_ROW) {
        Counted one = {g_strdup(connection_text(statement, 0)), sqlite3_column_int64(statement, 1)};
        g_array_append_val(counted, one);
    }
    gboolean done = statement && sqlite3_finalize(statement) == SQLITE_OK;
    conditions_clear(&c);
    if (!done)
        g_clear_pointer(&counted, g_array_unref);
    return counted;
}

StoreAnswer sqlite_top(Store *store, JournalColumn by, const JournalQuery *query, JournalCount each,
                       void *data)
{
    SqliteStore *self = (SqliteStore *)store;
    Connection *reader = sqlite_own_reader(self, NULL);
    if (!reader)
        return STORE_AWAY;
    g_autoptr(GArray) counted = count(reader, by, query);
    sqlite_own_reader_done(self, reader);
    for (guint i = 0; counted && i < counted->len; i++) {
        const Counted *one = &g_array_index(counted, Counted, i);
        if (!each(one->value, one->n, data))
            break;
    }
    return counted ? STORE_YES : STORE_AWAY;
}
