/* Header fields that a body quotes (C13). */
#include "rows.h"

#include <string.h>

#include "checks/quoted.h"

static const char *const names[] = {"Received-SPF", "Action", NULL};

typedef struct {
    const char *name;
    const char *body;
    const char *want; /* "NAME:VALUE|" of each */
} Row;

static const Row rows[] = {
    {"nothing", "", ""},
    {"a report", "--b\r\nAction: failed\r\n\r\n--b\r\nReceived-SPF: pass\r\nSubject: x\r\n",
     "Action: failed|Received-SPF: pass|"},
    {"any case, LF", "received-spf: pass\n", "Received-SPF: pass|"},
    {"folded", "Received-SPF: pass;\r\n\tx-sig=a\r\n b\r\nc\r\n", "Received-SPF: pass;\tx-sig=a b|"},
    {"without end of line", "Received-SPF: pass;\r\n x", "Received-SPF: pass; x|"},
    {"another name", "X-Received-SPF: pass\r\nReceived-SPFX: pass\r\nReceived-SPF pass\r\n", ""},
    {"in the middle", "he wrote Received-SPF: pass\r\n", ""},
    {"marked", "> Received-SPF: pass;\r\n>  x\r\n> Action: failed\r\n",
     "Received-SPF: pass; x|Action: failed|"},
    {"indented", "    Received-SPF: pass;\r\n     x\r\n    Subject: y\r\n", "Received-SPF: pass; x|"},
    {"the mark ends", ">> Received-SPF: pass;\r\n>  x\r\n", "Received-SPF: pass;|"},
    {"a mark without end", "> > > > > > > > > > > Received-SPF: pass\r\n", ""},
    {"an empty line ends it", "Received-SPF: pass\r\n\r\n x\r\n", "Received-SPF: pass|"},
    {"of two the second goes on", "Action: a\r\nReceived-SPF: b\r\n c\r\n", "Action: a|Received-SPF: b c|"},
};

static gboolean collect(const char *name, const char *value, void *data)
{
    g_string_append_printf(data, "%s:%s|", name, value);
    return TRUE;
}

/* The same whole and byte by byte. */
static void check(void **state)
{
    const Row *row = *state;
    const gsize len = strlen(row->body);
    for (gsize step = 1; step <= len + 1; step += MAX(len, 1)) {
        g_autoptr(QuotedScan) scan = quoted_new(names);
        g_autoptr(GString) got = g_string_new(NULL);
        for (gsize at = 0; at < len; at += step)
            quoted_add(scan, row->body + at, MIN(step, len - at));
        quoted_end(scan, collect, got);
        assert_string_equal(got->str, row->want);
    }
}

static guint count_fields(const GString *body)
{
    g_autoptr(QuotedScan) scan = quoted_new(names);
    g_autoptr(GString) got = g_string_new(NULL);
    guint n = 0;
    quoted_add(scan, body->str, body->len);
    quoted_end(scan, collect, got);
    for (const char *c = got->str; *c; c++)
        n += *c == '|';
    return n;
}

static void only_so_many_fields(void **state)
{
    g_autoptr(GString) body = g_string_new(NULL);
    for (guint i = 0; i < QUOTED_FIELDS_MAX + 5; i++)
        g_string_append(body, "Action: x\r\n");
    assert_int_equal(count_fields(body), QUOTED_FIELDS_MAX);
}

static void fill(GString *body, char c, gsize n)
{
    gsize at = body->len;
    g_string_set_size(body, at + n);
    memset(body->str + at, c, n);
}

typedef struct {
    const char *name;
    const char *before;
    gsize n; /* "x" in between */
    const char *after;
    guint want;
} LongRow;

#define MARK "> > > > > > > > "

/* Half a field would say something else. */
static const LongRow long_rows[] = {
    {"as long as may be", "Action:", QUOTED_VALUE_MAX, "\r\nAction: x\r\n", 2},
    {"the same, marked", MARK "Received-SPF:", QUOTED_VALUE_MAX, "\r\n" MARK "Action: x\r\n", 2},
    {"longer", "Action:", QUOTED_VALUE_MAX + 1, "\r\nAction: x\r\n", 1},
    {"longer, marked", MARK "Received-SPF:", QUOTED_VALUE_MAX + 1, "\r\nAction: x\r\n", 1},
    {"much longer", "Action:", 3 * QUOTED_VALUE_MAX, "\r\nAction: x\r\n", 1},
    {"folded", "Action:", QUOTED_VALUE_MAX - 1, "\r\n y\r\n z\r\nAction: x\r\n", 1},
    {"folded, marked", MARK "Action:", QUOTED_VALUE_MAX - 1, "\r\n" MARK " y\r\nAction: x\r\n", 1},
};

static void check_long(void **state)
{
    const LongRow *row = *state;
    g_autoptr(GString) body = g_string_new(row->before);
    fill(body, 'x', row->n);
    g_string_append(body, row->after);
    assert_int_equal(count_fields(body), row->want);
}

static void only_so_much_of_the_body(void **state)
{
    g_autoptr(GString) body = g_string_new(NULL);
    fill(body, '\n', QUOTED_BYTES_MAX - strlen("Action: x\n"));
    g_string_append(body, "Action: x\nAction: y\n");
    assert_int_equal(count_fields(body), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_so_many_fields),
        cmocka_unit_test(only_so_much_of_the_body),
    };
    return RUN_ROWS("quoted", rows, check) + RUN_ROWS("long", long_rows, check_long) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
