/* Pairs of a shelf, as Python 2.7 and 3 pickle a Record of the older greylist (protocol 2). */
#include "rows.h"

#include <string.h>

#include "app/import-shelf.h"

#define KEY "192.0.2.0:a@x.example:b@our.example"
#define BEGIN                                                                                                \
    "\x80\x02"                                                                                               \
    "cMilter.greylist\nRecord\nq\x01)\x81q\x02N}q\x03("
#define UMIS  "U\x04umisq\x04N"
#define LAST  "U\x08lastseenq\x05GA\xda\xbfW\xec \x00\x00"
#define FIRST "U\tfirstseenq\x06GA\xda\xbf\x00\x08\x10\x00\x00"
#define COUNT                                                                                                \
    "U\x03"                                                                                                  \
    "cntq\x07K\x03"
#define END                                                                                                  \
    "u\x86"                                                                                                  \
    "b."
#define TIMES "|1794900000|1794990000"

typedef struct {
    const char *name, *key, *value;
    gsize len;
    const char *want; /* NULL: it is none */
} Row;

#define ROW(name, key, value, want)                                                                          \
    {                                                                                                        \
        name, key, value, sizeof(value) - 1, want                                                            \
    }

static const Row rows[] = {
    ROW("Python 2", KEY, BEGIN UMIS LAST FIRST COUNT END, "192.0.2.0|a@x.example|b@our.example" TIMES "|3"),
    ROW("Python 3", KEY,
        BEGIN "X\x04\0\0\0umisq\x04X\x03\0\0\0abcq\x08"
              "X\x08\0\0\0lastseenq\x05GA\xda\xbfW\xec \x00\x00" FIRST "X\x03\0\0\0cntq\x07Jp\x11\x01\0" END,
        "192.0.2.0|a@x.example|b@our.example" TIMES "|70000"),
    ROW("no memo, and no package", KEY,
        "\x80\x02"
        "cgreylist\nRecord\n)\x81N}(U\x04umisNU\x08lastseenK\x02U\tfirstseenK\x01U\x03"
        "cntM\x00\x01u\x86"
        "b.",
        "192.0.2.0|a@x.example|b@our.example|1|2|256"),
    ROW("IPv6", "2001:db8:::a@x:b@y", BEGIN UMIS LAST FIRST COUNT END, "2001:db8::|a@x|b@y" TIMES "|3"),
    ROW("quoted as URLs are", "192.0.2.0:a%2Fb%41@x:%2Eb@y", BEGIN UMIS LAST FIRST COUNT END,
        "192.0.2.0|a/b%41@x|.b@y" TIMES "|3"),
    ROW("the null sender", "192.0.2.0::b@y", BEGIN UMIS LAST FIRST COUNT END, "192.0.2.0||b@y" TIMES "|3"),
    ROW("two parts", "192.0.2.0:b@y", BEGIN UMIS LAST FIRST COUNT END, NULL),
    ROW("a line end in the key", "192.0.2.0:a@x\n:b@y", BEGIN UMIS LAST FIRST COUNT END, NULL),
    ROW("another class", KEY,
        "\x80\x02"
        "cos\nsystem\nq\x01)\x81q\x02N}q\x03(" UMIS LAST FIRST COUNT END,
        NULL),
    ROW("a call", KEY, "cos\nsystem\n(S'true'\ntR.", NULL),
    ROW("a member is missing", KEY, BEGIN UMIS LAST FIRST END, NULL),
    ROW("a member twice", KEY, BEGIN UMIS LAST FIRST FIRST COUNT END, NULL),
    ROW("a member more", KEY, BEGIN UMIS LAST FIRST COUNT "U\x01xK\x01" END, NULL),
    ROW("a time that is text", KEY, BEGIN UMIS "U\x08lastseenU\x01x" FIRST COUNT END, NULL),
    ROW("a time before 1970", KEY, BEGIN UMIS "U\x08lastseenJ\xff\xff\xff\xff" FIRST COUNT END, NULL),
    ROW("a time that is no number", KEY, BEGIN UMIS "U\x08lastseenG\x7f\xf8\0\0\0\0\0\0" FIRST COUNT END,
        NULL),
    ROW("a text longer than the value", KEY, BEGIN "U\xffumis", NULL),
    ROW("a length of 4 GB", KEY, BEGIN "X\xff\xff\xff\xffumis", NULL),
    ROW("more behind it", KEY, BEGIN UMIS LAST FIRST COUNT END "N", NULL),
    ROW("nothing", KEY, "", NULL),
};

static void test_row(void **state)
{
    const Row *row = *state;
    g_autoptr(GString) line = g_string_new("");
    gboolean got = shelf_append(line, row->key, strlen(row->key), row->value, row->len);
    assert_int_equal(got, row->want != NULL);
    assert_string_equal(line->str, row->want ? row->want : "");
}

/* Wherever it is cut off: no entry, and nothing read behind the end (ASan). */
static void test_cut(void **state)
{
    static const char value[] = BEGIN UMIS LAST FIRST COUNT END;
    for (gsize len = 0; len < sizeof value - 1; len++) {
        g_autoptr(GString) line = g_string_new("");
        g_autofree char *copy = g_memdup2(value, len);
        assert_false(shelf_append(line, KEY, strlen(KEY), len ? copy : "", len));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cut)};
    return RUN_ROWS("import-shelf", rows, test_row) +
           cmocka_run_group_tests_name("import-shelf, cut", tests, NULL, NULL);
}
