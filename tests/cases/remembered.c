/* What the store of a case holds: put there before, and looked at after. */
#include <string.h>

#include "app/journal-row.h"
#include "conf/glob.h"
#include "faulty.h"
#include "world.h"

gint64 parse_span(const char *text)
{
    static const struct {
        const char *word;
        gint64 seconds;
    } units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    char *end;
    gint64 n = g_ascii_strtoll(text, &end, 10);
    for (gsize i = 0; i < G_N_ELEMENTS(units) && end != text; i++)
        if (strcmp(end, units[i].word) == 0)
            return n * units[i].seconds;
    return -1;
}

static gboolean parse_table(World *world, const char *word, StoreTable *table)
{
    if (word && store_table_parse(word, table))
        return TRUE;
    world_break(world, "there is no table %s", word ? word : "");
    return FALSE;
}

/* remember TABLE KEY [number N] [text WORDS] [for 60d] [since 3d] */
void do_remember(World *world, const Line *line)
{
    gint64 now = clock_seconds(&world->clock.base);
    StoreEntry entry = {.created = now};
    StoreTable table;
    const char *key = line_word(line, 2);
    if (!parse_table(world, line_word(line, 1), &table))
        return;
    for (guint i = 3; i + 1 < line->n; i += 2) {
        const char *what = line->words[i], *value = line->words[i + 1];
        if (strcmp(what, "number") == 0)
            entry.number = g_ascii_strtoll(value, NULL, 10);
        else if (strcmp(what, "text") == 0)
            entry.text = value;
        else if (strcmp(what, "for") == 0 && parse_span(value) > 0)
            entry.expires = now + parse_span(value);
        else if (strcmp(what, "since") == 0 && parse_span(value) >= 0)
            entry.created = now - parse_span(value);
        else
            world_break(world, "remember TABLE KEY [number N] [text WORDS] [for 60d] [since 3d]");
    }
    g_autoptr(StoreBatch) batch = store_batch_new();
    store_batch_put(batch, table, key ? key : "", STORE_ALWAYS, &entry);
    if (store_apply(world->store, batch, now) != STORE_YES)
        world_break(world, "the store is away");
}

/* What is left of the line: one word, which may stand in quotes, or several. */
static const char *key_at(const Line *line, guint index)
{
    return index + 1 == line->n ? line_word(line, index) : line_rest(line, index);
}

void do_forget(World *world, const Line *line)
{
    StoreTable table;
    if (!parse_table(world, line_word(line, 1), &table))
        return;
    g_autoptr(StoreBatch) batch = store_batch_new();
    store_batch_remove(batch, table, key_at(line, 2));
    store_apply(world->store, batch, clock_seconds(&world->clock.base));
}

/* store away, store read-only, store back */
void do_store(World *world, const Line *line)
{
    const char *state = line_rest(line, 1);
    if (strcmp(state, "away") == 0)
        faulty_store_set(world->store, FALSE, FALSE);
    else if (strcmp(state, "read-only") == 0)
        faulty_store_set(world->store, TRUE, FALSE);
    else if (strcmp(state, "back") == 0)
        faulty_store_set(world->store, TRUE, TRUE);
    else
        world_break(world, "store away, read-only or back");
}

/* The caller frees; NULL: no such field. */
static char *field_of(const StoreEntry *entry, const char *field, gint64 now)
{
    if (strcmp(field, "text") == 0)
        return g_strdup(entry->text);
    if (strcmp(field, "number") == 0)
        return g_strdup_printf("%" G_GINT64_FORMAT, entry->number);
    if (strcmp(field, "age") == 0)
        return g_strdup_printf("%" G_GINT64_FORMAT, now - entry->created);
    if (strcmp(field, "left") == 0)
        return entry->expires ? g_strdup_printf("%" G_GINT64_FORMAT, entry->expires - now)
                              : g_strdup("nothing");
    return NULL;
}

/* expect store TABLE KEY FIELD GLOB */
void expect_store(World *world, const Line *line)
{
    g_autoptr(Pool) pool = pool_new();
    gint64 now = clock_seconds(&world->clock.base);
    StoreTable table;
    StoreEntry entry;
    const char *key = line_word(line, 3), *field = line_word(line, 4);
    if (!key || !field) {
        world_break(world, "expect store TABLE KEY FIELD GLOB");
        return;
    }
    if (!parse_table(world, line_word(line, 2), &table))
        return;
    if (store_get(world->store, table, key, now, pool, &entry) != STORE_YES) {
        world_fail(world, "store: nothing under %s", key);
        return;
    }
    g_autofree char *came = field_of(&entry, field, now);
    if (!came)
        world_break(world, "fields are text, number, age, left");
    else if (!glob_match(line_rest(line, 5), came))
        world_fail(world, "store: %s of %s: expected %s, came %s", field, key, line_rest(line, 5), came);
}

/* expect no store TABLE KEY */
void expect_no_store(World *world, const Line *line)
{
    g_autoptr(Pool) pool = pool_new();
    StoreTable table;
    StoreEntry entry;
    const char *key = key_at(line, 4);
    if (parse_table(world, line_word(line, 3), &table) &&
        store_get(world->store, table, key, clock_seconds(&world->clock.base), pool, &entry) == STORE_YES)
        world_fail(world, "store: %s is there: %s", key, entry.text);
}

/* --- the journal --- */

typedef struct {
    guint left; /* rows to go */
    Record *record;
} Wanted;

static gboolean take_row(const JournalMessage *row, void *data)
{
    Wanted *wanted = data;
    if (--wanted->left)
        return TRUE;
    wanted->record = journal_row_record(row);
    g_autoptr(Record) facts = record_from_json(row->facts, strlen(row->facts), NULL);
    if (facts)
        record_merge(record_child(wanted->record, "facts"), facts);
    return FALSE;
}

/* expect journal N FIELD GLOB: of the Nth row, the newest message first and its recipients in their order; fields as
 * `postern journal search --json` names them, and facts.PATH. */
void expect_journal(World *world, const Line *line)
{
    const char *number = line_word(line, 2), *field = line_word(line, 3);
    Wanted wanted = {number ? (guint)g_ascii_strtoull(number, NULL, 10) : 0, NULL};
    if (!wanted.left || !field) {
        world_break(world, "expect journal N FIELD GLOB");
        return;
    }
    journal_search(world->store, &JOURNAL_ANY, TRUE, take_row, &wanted);
    if (!wanted.record) {
        world_fail(world, "journal: there is no row %s", number);
        return;
    }
    const char *came = record_lookup(wanted.record, field);
    came = came && *came ? came : "nothing";
    if (!glob_match(line_rest(line, 4), came))
        world_fail(world, "journal: %s of row %s: expected %s, came %s", field, number, line_rest(line, 4),
                   came);
    record_free(wanted.record);
}

/* expect no journal [N]: there are no rows, or fewer than N. */
void expect_no_journal(World *world, const Line *line)
{
    const char *number = line_word(line, 3);
    Wanted wanted = {number ? (guint)g_ascii_strtoull(number, NULL, 10) : 1, NULL};
    journal_search(world->store, &JOURNAL_ANY, FALSE, take_row, &wanted);
    if (wanted.record)
        world_fail(world, "journal: there is a row %s: of %s", number ? number : "1",
                   record_lookup(wanted.record, "rcpt"));
    record_free(wanted.record);
}
