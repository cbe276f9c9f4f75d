#include "rows.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>
#include "base/escape.h"
#include "base/record.h"

typedef enum { COLOUR_RED, COLOUR_BLUE } Colour;

static const char *colour_name(int value)
{
    return value == COLOUR_RED ? "red" : "blue";
}

typedef struct {
    const char *domain, *missing;
    int count;
    gboolean sure;
    Colour colour;
} Thing;

static const Field thing_fields[] = {
    FIELD_STR(Thing, domain),
    FIELD_STR(Thing, missing),
    FIELD_INT(Thing, count),
    FIELD_BOOL(Thing, sure),
    FIELD_ENUM(Thing, colour, colour_name),
    {0},
};

static Record *sample(void)
{
    const Thing thing = {"example.com", NULL, -3, TRUE, COLOUR_BLUE};
    const char *const words[] = {"a", "b c", NULL};
    const char *const none[] = {NULL};
    Record *record = record_new();
    record_fields(record_child(record, "thing"), thing_fields, &thing);
    record_strv(record, "words", words);
    record_strv(record, "none", none);
    record_strv(record, "absent", NULL);
    record_str(record_element(record, "dkim"), "d", "one.example");
    record_str(record_element(record, "dkim"), "d", "two.example");
    record_element(record, "dkim");
    record_double(record, "score", 1.5);
    record_bool(record, "no", FALSE);
    record_str(record, "empty", "");
    return record;
}

typedef struct {
    const char *name; /* the path */
    const char *want;
} LookupRow;

static const LookupRow lookups[] = {
    {"thing.domain", "example.com"},
    {"thing.count", "-3"},
    {"thing.sure", "true"},
    {"thing.colour", "blue"},
    {"thing.missing", NULL},
    {"thing", NULL},
    {"thing.", NULL},
    {"thing.domain.x", NULL},
    {"words", "a, b c"},
    {"words.1", "b c"},
    {"words.2", NULL},
    {"words.01", NULL},
    {"words.-1", NULL},
    {"words.99999999999999999999", NULL},
    {"none", ""},
    {"absent", NULL},
    {"dkim", NULL},
    {"dkim.1", NULL},
    {"dkim.1.d", "two.example"},
    {"dkim.2.d", NULL},
    {"dkim.3.d", NULL},
    {"score", "1.5"},
    {"no", "false"},
    {"empty", ""},
    {"", NULL},
    {".", NULL},
    {"thin", NULL},
};

static void check_lookup(void **state)
{
    const LookupRow *row = *state;
    g_autoptr(Record) record = sample();
    const char *got = record_lookup(record, row->name);
    if (row->want == NULL)
        assert_null(got);
    else {
        assert_non_null(got);
        assert_string_equal(got, row->want);
    }
}

typedef struct {
    const char *name;
    const char *text;
    const char *json, *line, *people; /* of a record {"v": text} */
} ShowRow;

static const ShowRow shows[] = {
    {"plain", "abc", "{\"v\":\"abc\"}", "v=abc", "v: abc\n"},
    {"empty", "", "{\"v\":\"\"}", "v=\"\"", "v:\n"},
    {"blank", "a b", "{\"v\":\"a b\"}", "v=\"a b\"", "v: a b\n"},
    {"quote", "a\"b", "{\"v\":\"a\\\"b\"}", "v=\"a\\\"b\"", "v: a\"b\n"},
    {"backslash", "a\\b", "{\"v\":\"a\\\\b\"}", "v=\"a\\\\b\"", "v: a\\b\n"},
    {"equals", "a=b", "{\"v\":\"a=b\"}", "v=\"a=b\"", "v: a=b\n"},
    {"line end", "a\r\nb", "{\"v\":\"a\\r\\nb\"}", "v=\"a\\x0d\\x0ab\"", "v: a\\x0d\\x0ab\n"},
    {"escape", "\033[2J", "{\"v\":\"\\u001b[2J\"}", "v=\"\\x1b[2J\"", "v: \\x1b[2J\n"},
    {"UTF-8", "gr\xc3\xbc\xc3\x9f", "{\"v\":\"gr\xc3\xbc\xc3\x9f\"}", "v=\"gr\\xc3\\xbc\\xc3\\x9f\"",
     "v: gr\xc3\xbc\xc3\x9f\n"},
    {"Latin-1", "gr\xfc", "{\"v\":\"gr\xef\xbf\xbd\"}", "v=\"gr\\xfc\"", "v: gr\\xfc\n"},
    {"C1 control", "a\xc2\x85z", "{\"v\":\"a\xc2\x85z\"}", "v=\"a\\xc2\\x85z\"", "v: a\\xc2\\x85z\n"},
    {"text turned around", "a\xe2\x80\xaez", "{\"v\":\"a\xe2\x80\xaez\"}", "v=\"a\\xe2\\x80\\xaez\"",
     "v: a\\xe2\\x80\\xaez\n"},
    {"cut UTF-8", "a\xe2\x80", "{\"v\":\"a\xef\xbf\xbd\xef\xbf\xbd\"}", "v=\"a\\xe2\\x80\"",
     "v: a\\xe2\\x80\n"},
};

static void check_show(void **state)
{
    const ShowRow *row = *state;
    g_autoptr(Record) record = record_new();
    record_str(record, "v", row->text);
    g_autofree char *json = record_to_json(record);
    g_autofree char *line = record_to_line(record);
    g_autofree char *people = record_to_text(record);
    assert_string_equal(line, row->line);
    assert_string_equal(people, row->people);
    assert_string_equal(json, row->json);
}

static void whole(void **state)
{
    g_autoptr(Record) record = sample();
    g_autofree char *json = record_to_json(record);
    assert_string_equal(
        json, "{\"thing\":{\"domain\":\"example.com\",\"count\":-3,\"sure\":true,\"colour\":\"blue\"},"
              "\"words\":[\"a\",\"b c\"],\"none\":[],"
              "\"dkim\":[{\"d\":\"one.example\"},{\"d\":\"two.example\"},{}],"
              "\"score\":1.5,\"no\":false,\"empty\":\"\"}");
    g_autofree char *line = record_to_line(record);
    assert_string_equal(
        line, "thing.domain=example.com thing.count=-3 thing.sure=true thing.colour=blue "
              "words=\"a, b c\" none=\"\" dkim.0.d=one.example dkim.1.d=two.example score=1.5 no=false "
              "empty=\"\"");
    g_autofree char *text = record_to_text(record);
    assert_string_equal(text, "thing:\n  domain: example.com\n  count: -3\n  sure: true\n  colour: blue\n"
                              "words: a, b c\nnone:\ndkim:\n  - d: one.example\n  - d: two.example\n  - \n"
                              "score: 1.5\nno: false\nempty:\n");
}

static void replaced_in_place(void **state)
{
    g_autoptr(Record) record = record_new();
    assert_true(record_is_empty(record));
    record_str(record, "a", "1");
    record_str(record, "b", "2");
    record_int(record, "a", 3);
    record_str(record, "b", record_lookup(record, "b"));
    record_double(record, "nan", NAN);
    assert_ptr_equal(record_child(record, "c"), record_child(record, "c"));
    assert_false(record_is_empty(record));
    g_autofree char *json = record_to_json(record);
    assert_string_equal(json, "{\"a\":3,\"b\":\"2\",\"nan\":null,\"c\":{}}");
}

static void merge_keeps_what_is_there(void **state)
{
    g_autoptr(Record) record = record_new();
    g_autoptr(Record) from = sample();
    record_str(record, "score", "mine");
    record_merge(record, from);
    assert_string_equal(record_lookup(record, "score"), "mine");
    assert_string_equal(record_lookup(record, "dkim.1.d"), "two.example");
    assert_string_equal(record_lookup(record, "thing.colour"), "blue");
    g_autofree char *before = record_to_json(from);
    g_autofree char *after = record_to_json(record);
    assert_int_equal(strlen(before) + strlen("\"mine\"") - strlen("1.5"), strlen(after)); /* all of it came */
    g_autoptr(JsonParser) parser = json_parser_new();
    assert_true(json_parser_load_from_data(parser, after, -1, NULL));
}

typedef struct {
    const char *name;
    double value;
    const char *want;
} DoubleRow;

static const DoubleRow doubles[] = {
    {"whole", 6, "{\"x\":6.0}"},
    {"zero", 0, "{\"x\":0.0}"},
    {"fraction", -1.5, "{\"x\":-1.5}"},
    {"with exponent", 1e30, "{\"x\":1e+30}"},
    {"infinite", INFINITY, "{\"x\":null}"},
};

static void check_double(void **state)
{
    const DoubleRow *row = *state;
    g_autoptr(Record) record = record_new();
    record_double(record, "x", row->value);
    g_autofree char *json = record_to_json(record);
    assert_string_equal(json, row->want);
    g_autoptr(JsonParser) parser = json_parser_new();
    assert_true(json_parser_load_from_data(parser, json, -1, NULL));
}

/* Any byte in a name or value is JSON that another's parser reads, and ASCII comes back as it was. */
static void any_byte(void **state)
{
    static const char replaced[] = {'a', '\xef', '\xbf', '\xbd', 'b', '\0'};
    for (int c = 1; c < 256; c++) {
        const char text[] = {'a', (char)c, 'b', '\0'};
        const char *want = c < 0x80 ? text : replaced;
        g_autoptr(Record) record = record_new();
        record_str(record, text, text);
        g_autofree char *json = record_to_json(record);
        for (const char *at = json; *at; at++)
            assert_true((guchar)*at >= 0x20 && *at != 0x7f);
        g_autoptr(JsonParser) parser = json_parser_new();
        assert_true(json_parser_load_from_data(parser, json, -1, NULL));
        JsonObject *object = json_node_get_object(json_parser_get_root(parser));
        assert_string_equal(json_object_get_string_member(object, want), want);
    }
}

/* What we write we read back. */
static void read_back(void **state)
{
    g_autoptr(Record) record = sample();
    g_autofree char *before = record_to_json(record);
    g_autoptr(GError) error = NULL;
    g_autoptr(Record) again = record_from_json(before, strlen(before), &error);
    assert_null(error);
    g_autofree char *after = record_to_json(again);
    assert_string_equal(after, before);
}

typedef struct {
    const char *name, *json;
    const char *want; /* as it is read; NULL: refused */
} ReadRow;

static const ReadRow reads[] = {
    {"nested", "{\"a\":{\"b\":[{\"c\":1},{\"c\":[\"x\"]}]}}", "{\"a\":{\"b\":[{\"c\":1},{\"c\":[\"x\"]}]}}"},
    {"null is left out", "{\"a\":null,\"b\":1}", "{\"b\":1}"},
    {"a mixed list", "{\"a\":[\"x\",{\"b\":1},null,[\"y\"]]}", "{\"a\":[{\"b\":1}]}"},
    {"a list of lists", "{\"a\":[[\"x\"]]}", "{\"a\":[]}"},
    {"no object", "[1]", NULL},
    {"half an object", "{\"a\":{", NULL},
    {"nested too deep",
     "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{"
     "\"a\":{\"a\":{"
     "}}}}}}}}}}}}}}}}}",
     NULL},
};

static void check_read(void **state)
{
    const ReadRow *row = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Record) record = record_from_json(row->json, strlen(row->json), &error);
    assert_true((record == NULL) == (row->want == NULL) && (error == NULL) == (record != NULL));
    g_autofree char *came = record ? record_to_json(record) : NULL;
    if (row->want)
        assert_string_equal(came, row->want);
}

/* At every limit: valid JSON within it, never less than in less room, and "cut" exactly if something is missing. */
static void trimmed(void **state)
{
    g_autoptr(Record) whole = sample();
    record_str(whole, "hostile", "\"\\\x01\x7f\xff\xc3\xa4");
    g_autofree char *all = record_to_json(whole);
    gsize before = 0;
    for (gsize max = 64; max < 1000; max++) {
        g_autoptr(Record) record = record_new();
        record_merge(record, whole);
        record_trim(record, max);
        g_autofree char *json = record_to_json(record);
        g_autoptr(Record) again = record_from_json(json, strlen(json), NULL);
        assert_true(again && strlen(json) <= max);
        assert_int_equal(record_lookup(record, "cut") == NULL, strcmp(json, all) == 0);
        if (record_lookup(record, "cut"))
            assert_true(strlen(json) >= before); /* more room, more kept */
        before = strlen(json);
    }
    assert_true(before == strlen(all));
}

static void trimmed_keeps_the_beginning(void **state)
{
    g_autoptr(Record) record = record_new();
    for (int i = 0; i < 100; i++)
        record_int(record_element(record, "list"), "number", i);
    record_str(record, "after", "x");
    record_trim(record, 1000);
    assert_string_equal(record_lookup(record, "list.0.number"), "0");
    assert_string_equal(record_lookup(record, "cut"), "true");
    assert_null(record_lookup(record, "list.99.number"));
    assert_null(record_lookup(record, "after"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),
        cmocka_unit_test(replaced_in_place),
        cmocka_unit_test(merge_keeps_what_is_there),
        cmocka_unit_test(any_byte),
        cmocka_unit_test(read_back),
        cmocka_unit_test(trimmed),
        cmocka_unit_test(trimmed_keeps_the_beginning),
    };
    return RUN_ROWS("record_lookup", lookups, check_lookup) + RUN_ROWS("record shown", shows, check_show) +
           RUN_ROWS("record_from_json", reads, check_read) + RUN_ROWS("doubles", doubles, check_double) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
