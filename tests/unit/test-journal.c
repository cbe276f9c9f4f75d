/* What `postern journal` is made of: times as people type them, lines, traces, exit statuses. */
#include "rows.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "app/journal-query.h"
#include "app/journal-row.h"
#include "app/trace-text.h"
#include "app/when.h"

#define NOW 1795412380 /* 2026-11-23T05:39:40Z, a Monday */
#define DAY 86400

/* --- times; the zone is UTC (main) --- */

typedef struct {
    const char *name; /* the text */
    gint64 time;      /* -1: none */
} WhenRow;

static const WhenRow whens[] = {
    {"now", NOW},
    {"2h", NOW - 7200},
    {"90s", NOW - 90},
    {"7d", NOW - 7 * DAY},
    {"60", NOW - 60},
    {"today", NOW / DAY *DAY},
    {"yesterday", (NOW / DAY - 1) * DAY},
    {"2026-11-01", (NOW / DAY - 22) * DAY},
    {"2026-11-23T05:00:00Z", NOW - 39 * 60 - 40},
    {"2026-11-23T05:00:00+01:00", NOW - 99 * 60 - 40},
    {"1795412380", NOW},
    {"", -1},
    {"soon", -1},
    {"2026-13-01", -1},
    {"2026-02-30", -1},
    {"2026-11-23x", -1},
    {"-2h", -1},
    {"2x", -1},
    {"99999999d", -1},
};

static void check_when(void **state)
{
    const WhenRow *row = *state;
    gint64 time = -1;
    assert_int_equal(when_parse(row->name, NOW, &time), row->time >= 0);
    assert_int_equal(time, row->time);
}

static void when_shown(void **state)
{
    g_autofree char *today = when_to_string(NOW, NOW);
    g_autofree char *last_year = when_to_string(NOW - 365 * DAY, NOW);
    assert_string_equal(today, "11-23 05:39:40");
    assert_string_equal(last_year, "2025-11-23");
}

/* --- rows --- */

static const JournalRecipient rcpt = {.rcpt = "joe@our.example",
                                      .end = JOURNAL_REFUSED,
                                      .code = 550,
                                      .tag = "SPF-Fail",
                                      .subject = "a@example.com",
                                      .rule = "spf-fail:example.com at access:12",
                                      .text = "SPF fail"};

static JournalMessage sample(const JournalRecipient *of)
{
    return (JournalMessage){.id = 42,
                            .time = NOW,
                            .session = 7,
                            .queue_id = "4XyZ",
                            .client = "192.0.2.1",
                            .helo = "mail.example.com",
                            .login = "",
                            .sender = "a@example.com",
                            .sender_domain = "example.com",
                            .message_id = "<1@example.com>",
                            .subject = "hello",
                            .size = 1000,
                            .facts = "",
                            .recipients = of,
                            .n_recipients = 1};
}

static void a_line(void **state)
{
    JournalMessage row = sample(&rcpt);
    g_autofree char *line = journal_row_line(&row, NOW);
    assert_string_equal(line,
                        "42      11-23 05:39:40 refused     550 192.0.2.1            a@example.com           "
                        "joe@our.example      SPF-Fail");
}

/* Whatever strangers send: 120 columns, one line, nothing that moves a cursor. */
static void a_hostile_line(void **state)
{
    g_autofree char *much = g_strnfill(1000, 'x');
    JournalRecipient of = rcpt;
    JournalMessage row = sample(&of);
    row.id = G_MAXINT64;
    row.client = "2001:db8:1234:5678:9abc:def0:1234:5678";
    row.sender = "\x1b[2J\nm\xc3\xbcller\xff";
    of.rcpt = much;
    of.tag = much;
    g_autofree char *line = journal_row_line(&row, NOW);
    assert_true(g_utf8_validate(line, -1, NULL));
    assert_int_equal(g_utf8_strlen(line, -1), 120);
    assert_null(strpbrk(line, "\n\x1b"));
    assert_non_null(strstr(line, "m\xc3\xbcller"));
}

static const char facts[] =
    "{\"client\":{\"ip\":\"192.0.2.1\",\"name\":\"mail.example.com\",\"helo\":\"mail.example.com\","
    "\"internal\":false,"
    "\"dynamic\":true},\"sender\":\"<a@example.com>\",\"spf\":{\"code\":\"fail\",\"mechanism\":\"-all\"},"
    "\"failed\":[\"store: away\"],"
    "\"recipients\":[{\"rcpt\":\"<joe@our.example>\",\"state\":\"refused\",\"verb\":\"REJECT\",\"reply\":{"
    "\"kind\":"
    "\"reject\",\"code\":550,\"xcode\":\"5.7.23\",\"text\":\"SPF fail\"},\"findings\":[{\"tag\":\"SPF-Fail\","
    "\"subject\":\"a@example.com\",\"verb\":\"REJECT\",\"fate\":\"decides\",\"rule\":\"access:12\",\"key\":"
    "\"spf-fail:example.com\",\"sentence\":\"SPF "
    "fail\"},{\"tag\":\"iprev-PermError\",\"subject\":\"192.0.2.1\","
    "\"verb\":\"OK\",\"fate\":\"weaker\",\"rule\":\"built in\",\"key\":\"iprev-PermError\",\"sentence\":\"no "
    "PTR\"}]}],"
    "\"edits\":[\"header ^ X: 1\",\"hold \\u001b[2J\"]}";

static const char trace[] =
    "client     192.0.2.1 mail.example.com, HELO mail.example.com\n"
    "sender     <a@example.com>\n"
    "message    id=42 time=2026-11-23T05:39:40Z queue_id=4XyZ session=7 message_id=<1@example.com> "
    "subject=hello size=1000\n"
    "client     dynamic=true\n"
    "spf        code=fail mechanism=-all\n"
    "rcpt       <joe@our.example> refused, REJECT: 550 5.7.23 SPF fail\n"
    "  decides  SPF-Fail for a@example.com: REJECT [spf-fail:example.com at access:12]\n"
    "  weaker   iprev-PermError for 192.0.2.1: OK [built in]\n"
    "             no PTR\n"
    "failed     store: away\n"
    "edits      header ^ X: 1\n"
    "           hold \\x1b[2J\n"
    "answer     joe@our.example: refused: 550 SPF fail [SPF-Fail for a@example.com; spf-fail:example.com at "
    "access:12]\n";

static void a_trace(void **state)
{
    JournalMessage row = sample(&rcpt);
    row.facts = facts;
    g_autoptr(GPtrArray) rows = g_ptr_array_new();
    g_ptr_array_add(rows, &row);
    g_autoptr(Record) record = journal_rows_trace(rows);
    g_autofree char *text = trace_to_text(record);
    assert_string_equal(text, trace);
}

/* [journal] facts = no, or facts that are damaged: what the row has. */
static void a_trace_without_facts(void **state)
{
    JournalMessage row = sample(&rcpt);
    row.facts = "{\"client\":";
    g_autoptr(GPtrArray) rows = g_ptr_array_new();
    g_ptr_array_add(rows, &row);
    g_autoptr(Record) record = journal_rows_trace(rows);
    assert_string_equal(record_lookup(record, "client.ip"), "192.0.2.1");
    assert_string_equal(record_lookup(record, "sender"), "<a@example.com>");
}

/* --- the command --- */

static char *folder;

typedef struct {
    const char *name, *arguments; /* parted by blanks */
    int status;
    const char *told; /* part of what is printed */
} CommandRow;

static const CommandRow commands[] = {
    {"all", "search", EXIT_DONE, "SPF-Fail"},
    {"as JSON", "search --json", EXIT_DONE, "\"about\":\"a@example.com\""},
    {"found", "search --end refused --tag spf-fail --rcpt <JOE@our.example> --client 192.0.2.* --since 1d",
     EXIT_DONE, "joe@our.example"},
    {"not found", "search --end accepted --rcpt joe@our.example", EXIT_NO, ""},
    {"the null sender", "search --from <>", EXIT_DONE, "jim@our.example"},
    {"not the null sender's", "search --from <> --rcpt joe@our.example", EXIT_NO, ""},
    {"the first", "search --limit 1 --json", EXIT_DONE, "jim"},
    {"text of the reply", "search --text spf", EXIT_DONE, "joe"},
    {"too new", "search --until 2d", EXIT_NO, ""},
    {"by id", "show 1", EXIT_DONE, "decides  SPF-Fail"},
    {"by queue id", "show 4XyZ", EXIT_DONE, "answer     joe@our.example: refused: 550"},
    {"no such message", "show 4711", EXIT_NO, ""},
    {"by day", "stats", EXIT_DONE, "refused"},
    {"by hour, one kind", "stats --hourly --end refused --json", EXIT_DONE, "\"refused\":1"},
    {"nothing by day", "stats --end held", EXIT_NO, ""},
    {"who", "top rcpt", EXIT_DONE, "        1  jim@our.example"},
    {"nobody", "top rcpt --end held", EXIT_NO, ""},
    {"by what", "top colour", EXIT_USAGE, ""},
    {"no subcommand", "", EXIT_USAGE, ""},
    {"no such subcommand", "find", EXIT_USAGE, ""},
    {"show what", "show", EXIT_USAGE, ""},
    {"search what", "search joe", EXIT_USAGE, ""},
    {"no time", "search --since soon", EXIT_USAGE, ""},
    {"no end", "search --end refusd", EXIT_USAGE, ""},
};

static char *store_path(void)
{
    return g_build_filename(folder, "store.db", NULL);
}

static int make_store(void **state)
{
    folder = g_dir_make_tmp("postern-journal-XXXXXX", NULL);
    g_autofree char *path = store_path();
    const StoreSettings settings = {.path = path, .timeout_ms = 5000};
    g_autoptr(Store) store = store_open_now(&settings, TRUE, NULL);
    g_autoptr(StoreBatch) batch = store_batch_new();
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    JournalMessage first = sample(&rcpt);
    first.time = now - 60;
    first.facts = facts;
    store_batch_journal(batch, &first);
    const JournalRecipient other = {.rcpt = "jim@our.example", .end = JOURNAL_ACCEPTED};
    JournalMessage second = sample(&other);
    second.time = now - 30;
    second.sender = "";
    second.queue_id = "4Abc";
    store_batch_journal(batch, &second);
    return store && store_apply(store, batch, now) == STORE_YES ? 0 : -1;
}

static int remove_store(void **state)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_remove(path);
    }
    g_rmdir(folder);
    g_free(folder);
    return 0;
}

/* What the command prints; its complaints are not looked at. */
static char *run(const char *arguments, const char *file, int *status)
{
    g_autofree char *out = g_build_filename(folder, "out", NULL);
    g_autofree char *line = g_strdup_printf("journal %s --file %s", arguments, file);
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    g_autoptr(GPtrArray) args = g_ptr_array_new();
    for (char **word = words; *word; word++)
        if (**word)
            g_ptr_array_add(args, *word);
    guint n = args->len;
    g_ptr_array_add(args, NULL);
    fflush(stdout);
    int kept[2] = {dup(1), dup(2)};
    int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600),
        null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(fd, 1);
    dup2(null, 2);
    *status = command_journal((int)n, (char **)args->pdata);
    fflush(stdout);
    dup2(kept[0], 1);
    dup2(kept[1], 2);
    close(kept[0]), close(kept[1]), close(fd), close(null);
    char *text = NULL;
    g_file_get_contents(out, &text, NULL, NULL);
    return text;
}

static void check_command(void **state)
{
    const CommandRow *row = *state;
    g_autofree char *path = store_path();
    int status;
    g_autofree char *text = run(row->arguments, path, &status);
    assert_int_equal(status, row->status);
    if (!strstr(text, row->told) || (!*row->told && *text))
        fail_msg("%s", text);
}

static void no_store(void **state)
{
    g_autofree char *path = g_build_filename(folder, "nothing.db", NULL);
    int status;
    g_autofree char *text = run("search", path, &status);
    assert_int_equal(status, EXIT_NO);
    assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

int main(void)
{
    g_setenv("TZ", "UTC", TRUE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_shown),
        cmocka_unit_test(a_line),
        cmocka_unit_test(a_hostile_line),
        cmocka_unit_test(a_trace),
        cmocka_unit_test(a_trace_without_facts),
        cmocka_unit_test(no_store),
    };
    if (make_store(NULL) != 0)
        return 1;
    int failed = RUN_ROWS("when_parse", whens, check_when) + RUN_ROWS("journal", commands, check_command) +
                 cmocka_run_group_tests(tests, NULL, NULL);
    remove_store(NULL);
    return failed;
}
