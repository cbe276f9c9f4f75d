#include "rows.h"

#include <string.h>

#include "flow/edits.h"

/* Edits as collected, a letter each (below), and the list as the adapter gets it. */
typedef struct {
    const char *name, *collected, *want;
    gboolean headers, body;
} Row;

static const Row rows[] = {
    {"nothing", "", ""},
    {"prepends: the last is topmost", "12", "header ^ One: 1\nheader ^ Two: 2\n", TRUE},
    {"appends keep their order", "34", "header + Three: 3\nheader + Four: 4\n", TRUE},
    {"changes from the last instance to the first", "abc", "header - X[3]\nheader ~ X[2]: b\nheader - X[1]\n",
     TRUE},
    {"changes before adds before inserts", "13a", "header - X[1]\nheader + Three: 3\nheader ^ One: 1\n",
     TRUE},
    {"the envelope first", "1rRs", "sender ~ <new@x>\nrcpt + <add@x>\nrcpt - <del@x>\nheader ^ One: 1\n",
     TRUE},
    {"hold last", "hB1", "header ^ One: 1\nbody ~ 4 bytes\nhold why\n", TRUE, TRUE},
    {"a body is no header", "B", "body ~ 4 bytes\n", FALSE, TRUE},
    {"an envelope is neither", "rRsh", "sender ~ <new@x>\nrcpt + <add@x>\nrcpt - <del@x>\nhold why\n"},
    {"folded on one line", "f", "header ^ F: a  b   c\n", TRUE},
};

static void collect(Edits *edits, char what)
{
    g_autoptr(GBytes) body = g_bytes_new_static("x\r\ny", 4);
    switch (what) {
    case '1':
        edits_prepend_header(edits, "test", "One", "1");
        break;
    case '2':
        edits_prepend_header(edits, "test", "Two", "2");
        break;
    case '3':
        edits_append_header(edits, "test", "Three", "3");
        break;
    case '4':
        edits_append_header(edits, "test", "Four", "4");
        break;
    case 'a':
        edits_delete_header(edits, "test", "X", 1);
        break;
    case 'b':
        edits_change_header(edits, "test", "X", 2, "b");
        break;
    case 'c':
        edits_delete_header(edits, "test", "X", 3);
        break;
    case 's':
        edits_change_sender(edits, "test", "<new@x>", NULL);
        break;
    case 'r':
        edits_add_rcpt(edits, "test", "<add@x>", "NOTIFY=NEVER");
        break;
    case 'R':
        edits_delete_rcpt(edits, "test", "<del@x>");
        break;
    case 'B':
        edits_replace_body(edits, "test", body);
        break;
    case 'h':
        edits_hold(edits, "test", "why");
        break;
    case 'f':
        edits_prepend_header(edits, "test", "F", "a\n\tb\r\n c");
        break;
    default:
        fail_msg("no edit %c", what);
    }
}

static void check(void **state)
{
    const Row *row = *state;
    g_autoptr(Edits) edits = edits_new();
    for (const char *c = row->collected; *c; c++)
        collect(edits, *c);
    g_autofree char *text = edits_to_text(edits);
    assert_string_equal(text, row->want);
    assert_int_equal(edits_len(edits), strlen(row->collected));
    assert_int_equal(edits_touch_headers(edits), row->headers);
    assert_int_equal(edits_touch_body(edits), row->body);
}

/* Looked at, added to, looked at again. */
static void reading_between(void **state)
{
    g_autoptr(Edits) edits = edits_new();
    edits_prepend_header(edits, "test", "One", "1");
    assert_string_equal(edits_at(edits, 0)->name, "One");
    edits_append_header(edits, "test", "Three", "3");
    assert_string_equal(edits_at(edits, 0)->name, "Three");
    assert_string_equal(edits_at(edits, 1)->name, "One");
    edits_prepend_header(edits, "test", "Two", "2");
    assert_string_equal(edits_at(edits, 1)->name, "One");
    assert_string_equal(edits_at(edits, 2)->name, "Two");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reading_between)};
    return RUN_ROWS("edits", rows, check) + cmocka_run_group_tests_name("edits, live", tests, NULL, NULL);
}
