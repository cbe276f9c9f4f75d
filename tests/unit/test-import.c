/* What the older system kept, line by line. */
#include "rows.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "app/import.h"

#define NOW  1794997600 /* 2026-11-18T10:26:40Z */
#define DAYS ((gint64)86400)

typedef struct {
    const char *name;
    const char *text;
    gint64 want; /* 0: refused */
} TimeRow;

/* The machine's own zone is CET here. */
static const TimeRow times[] = {
    {"UTC", "2026Nov18 10:26:40 UTC", NOW},
    {"GMT", "2026Nov18 10:26:40 GMT", NOW},
    {"RFC 5322", "2026Nov18 05:26:40 EST", NOW},
    {"our own", "2026Nov18 11:26:40 CET", NOW},
    {"our own in summer", "2026Jul01 12:00:00 CEST", 1782900000},
    {"none", "2026Nov18 11:26:40", NOW},
    {"none, a blank", "2026Nov18 11:26:40 ", NOW},
    {"month without case", "2026nov18 11:26:40 CET", NOW},
    {"no such day", "2026Nov31 10:26:40 UTC", 0},
    {"no such hour", "2026Nov18 24:26:40 UTC", 0},
    {"no month", "2026Foo18 10:26:40 UTC", 0},
    {"cut off", "2026Nov18 10:26", 0},
    {"more behind", "2026Nov18 10:26:40 UTC None", 0},
    {"before all time", "1901Nov18 10:26:40 UTC", 0},
    {"year 0", "0000Nov18 10:26:40 UTC", 0},
    {"empty", "", 0},
    {"words", "is a friend", 0},
};

static void check_time(void **state)
{
    const TimeRow *row = *state;
    gint64 got = 0;
    assert_int_equal(import_parse_time(row->text, &got), row->want != 0);
    assert_int_equal(row->want ? got : 0, row->want);
}

typedef struct {
    const char *name;
    const char *kind, *text;
    guint entries, expired, wrong;
    const char *key; /* NULL: nothing is kept */
    gint64 created, expires, number;
} LineRow;

static const LineRow lines[] = {
    {"whitelist: 60 days", "auto_whitelist", "Joe@Example.com 2026Nov17 10:26:40 UTC\n", 1, 0, 0,
     "joe@example.com", NOW - DAYS, NOW + 59 * DAYS, 0},
    {"blacklist: 30 days", "blacklist", "joe@example.com 2026Nov17 10:26:40 UTC", 1, 0, 0, "joe@example.com",
     NOW - DAYS, NOW + 29 * DAYS, 0},
    {"callback: 7 days", "send_dsn", "joe@example.com 2026Nov17 10:26:40 UTC\r\n", 1, 0, 0, "joe@example.com",
     NOW - DAYS, NOW + 6 * DAYS, 1},
    {"expired", "send_dsn", "joe@example.com 2026Nov11 10:26:40 UTC", 1, 1, 0, NULL, 0, 0, 0},
    {"by hand", "blacklist", "example.com", 1, 0, 0, "example.com", NOW, 0, 0},
    {"renewed", "auto_whitelist",
     "joe@example.com 2026Nov01 10:26:40 UTC\njoe@example.com 2026Nov17 10:26:40 UTC\n", 2, 0, 0,
     "joe@example.com", NOW - DAYS, NOW + 59 * DAYS, 0},
    {"by hand, and later", "auto_whitelist", "joe@example.com\njoe@example.com 2026Nov17 10:26:40 UTC\n", 2,
     0, 0, "joe@example.com", NOW, 0, 0},
    {"of the future", "auto_whitelist", "joe@example.com 2026Nov19 10:26:40 UTC", 1, 0, 0, "joe@example.com",
     NOW, NOW + 61 * DAYS, 0},
    {"tabs", "auto_whitelist", " joe@example.com\t2026Nov17 10:26:40 UTC ", 1, 0, 0, "joe@example.com",
     NOW - DAYS, NOW + 59 * DAYS, 0},
    {"tag", "auto_whitelist", "prvs=1234567890=joe@example.com", 1, 0, 0, "joe@example.com", NOW, 0, 0},
    {"no sender", "send_dsn", "None 2026Nov17 10:26:40 UTC", 0, 0, 1, NULL, 0, 0, 0},
    {"null sender", "send_dsn", "<> 2026Nov17 10:26:40 UTC", 0, 0, 1, NULL, 0, 0, 0},
    {"no time", "send_dsn", "some garbage", 0, 0, 1, NULL, 0, 0, 0},
    {"no address", "send_dsn", "a@b@@ 2026Nov17 10:26:40 UTC", 0, 0, 1, NULL, 0, 0, 0},
    {"a glob", "auto_whitelist", "j*@example.com", 0, 0, 1, NULL, 0, 0, 0},
    {"an exception", "auto_whitelist", "!joe@example.com", 0, 0, 1, NULL, 0, 0, 0},
    {"not UTF-8", "auto_whitelist", "\xe4\xf6@example.com", 0, 0, 1, NULL, 0, 0, 0},
    {"the rest goes in", "blacklist", "garbage line\n\n  \njoe@example.com", 1, 0, 1, "joe@example.com", NOW,
     0, 0},
    {"empty", "blacklist", "", 0, 0, 0, NULL, 0, 0, 0},
    {"banned address", "banned_ips", "192.0.2.1\n", 1, 0, 0, "192.0.2.1", NOW, 0, 0},
    {"banned /64", "banned_ips", "2001:db8:1:2:3::4", 1, 0, 0, "2001:db8:1:2::/64", NOW, 0, 0},
    {"no address", "banned_ips", "example.com\n192.0.2\n192.0.2.1 x\n", 0, 0, 3, NULL, 0, 0, 0},
    {"banned domain", "banned_domains", "Bad.example", 1, 0, 0, "bad.example", NOW, 0, 0},
    {"banned domains", "banned_domains", "*.bad.example", 1, 0, 0, "*.bad.example", NOW, 0, 0},
    {"banned mailbox", "banned_domains", "Joe@bad.example", 1, 0, 0, "joe@bad.example", NOW, 0, 0},
    {"no domain", "banned_domains", "two words.example\nlocalhost\n*.\na*b.example\n<a@b.example>\n.example",
     0, 0, 6, NULL, 0, 0, 0},
    {"greylist: passed", "greylist", "192.0.2.0|a@x.example|b@our.example|1794900000|1794990000|3", 1, 0, 0,
     "192.0.2.0/24 a@x.example b@our.example", 1794900000, 1794990000 + 36 * DAYS, 3},
    {"greylist: waiting", "greylist", "192.0.2.9|a-17@x.example|B@Our.example|1794997000|1794997000|0", 1, 0,
     0, "192.0.2.0/24 a-#@x.example b@our.example", 1794997000, 1794997000 + 6 * 3600, 0},
    {"greylist: too late", "greylist", "192.0.2.9|a@x.example|b@our.example|1794900000|1794900000|0", 1, 1, 0,
     NULL, 0, 0, 0},
    {"greylist: of the future", "greylist", "192.0.2.9|a@x.example|b@our.example|1995000000|1995000000|1", 1,
     0, 0, "192.0.2.0/24 a@x.example b@our.example", NOW, 1995000000 + 36 * DAYS, 1},
    {"greylist: none", "greylist",
     "?\n192.0.2.9|a@x.example|b@our.example|1|2\nx|a@x.example|b@our.example|1|2|3\n"
     "192.0.2.9|a@x.example|b@our.example|1|-2|3\n192.0.2.9|a@x.example|b@our.example|1|2|3|4",
     0, 0, 5, NULL, 0, 0, 0},
};

static gboolean keep_last(const StoreEntry *entry, void *data)
{
    g_string_append_printf(data, "%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %s\n",
                           entry->key, entry->created, entry->expires, entry->number, entry->text);
    return TRUE;
}

static void check_line(void **state)
{
    const LineRow *row = *state;
    const ImportKind *kind = import_kind_find(row->kind);
    g_autoptr(Store) store = store_memory_new();
    g_autofree char *want = row->key ? g_strdup_printf("%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT
                                                       " %" G_GINT64_FORMAT " imported from old.log\n",
                                                       row->key, row->created, row->expires, row->number)
                                     : g_strdup("");
    for (int round = 0; round < 2; round++) { /* the second time changes nothing */
        ImportResult result;
        g_autoptr(GString) got = g_string_new(NULL);
        assert_true(
            import_text(store, "/x/old.log", row->text, strlen(row->text), kind, NOW + round, NULL, &result));
        assert_int_equal(result.entries, row->entries);
        assert_int_equal(result.expired, row->expired);
        assert_int_equal(result.wrong, row->wrong);
        store_each(store, kind->table, "", NULL, NOW, keep_last, got);
        assert_string_equal(got->str, want);
    }
}

static const struct {
    const char *name, *path, *kind;
} names[] = {
    {"plain", "auto_whitelist.log", "auto_whitelist"},
    {"in a folder", "/var/lib/milter/blacklist.log", "blacklist"},
    {"the old one", "send_dsn.log.old", "send_dsn"},
    {"unknown", "milter.log", NULL},
};

static void check_name(void **state)
{
    const typeof(names[0]) *row = *state;
    const ImportKind *kind = import_kind_of_file(row->path);
    assert_string_equal(kind ? kind->kind : "-", row->kind ? row->kind : "-");
}

static char *last_fault;

static void take_fault(const char *fault)
{
    g_free(last_fault);
    last_fault = g_strdup(fault);
}

/* A stranger chose what stands there: it cannot move a cursor, and has an end. */
static void faults_are_safe(void **state)
{
    g_autoptr(Store) store = store_memory_new();
    g_autoptr(GString) line = g_string_new("joe@example.com\n\033[2J evil ");
    ImportResult result;
    while (line->len < 5000)
        g_string_append_c(line, 'x');
    import_text(store, "b.log", line->str, line->len, import_kind_find("blacklist"), NOW, take_fault,
                &result);
    assert_non_null(last_fault);
    assert_true(g_str_has_prefix(last_fault, "b.log:2: \\x1b[2J evil x"));
    assert_true(strlen(last_fault) < 3 * IMPORT_SHOWN_MAX);
    g_clear_pointer(&last_fault, g_free);
    line->str[3] = '\0';
    import_text(store, "b.log", line->str, 15, import_kind_find("blacklist"), NOW, NULL, &result);
    assert_int_equal(result.wrong, 1);
}

int main(void)
{
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
    const struct CMUnitTest tests[] = {cmocka_unit_test(faults_are_safe)};
    return RUN_ROWS("times", times, check_time) + RUN_ROWS("lines", lines, check_line) +
           RUN_ROWS("names", names, check_name) + cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
