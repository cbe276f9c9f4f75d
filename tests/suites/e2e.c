/* A connection, an envelope and a message against a zone, whoever judges them. */
#include "runner.h"

static Resolver *zone_of(JsonObject *test, const char *dir)
{
    g_autofree char *path = g_build_filename(dir, json_str(test, "dns_file", ""), NULL);
    g_autoptr(JsonParser) parser = json_parser_new();

    if (!json_parser_load_from_file(parser, path, NULL))
        return NULL;
    return zone_from_json(json_list(json_node_get_object(json_parser_get_root(parser)), "records"));
}

static void compare(JsonObject *expect, const char *method, const char *got, GString *expected,
                    GString *wrong)
{
    JsonArray *accepted = json_list(expect, method);
    g_autofree char *words = accepted ? json_alternatives(accepted) : NULL;

    if (!accepted || json_lists(accepted, got))
        return;
    g_string_append_printf(expected, "%s%s=%s", expected->len ? " " : "", method, words);
    g_string_append_printf(wrong, "%s%s=%s", wrong->len ? " " : "", method, got);
}

static void run_test(JsonObject *test, const char *dir, Tally *tally, EndJudge judge)
{
    const char *id = json_str(test, "id", "?");
    JsonObject *expect = json_object_get_object_member(test, "expect");
    g_autofree char *path = g_build_filename(dir, json_str(test, "message", ""), NULL), *message = NULL;
    g_autoptr(Resolver) zone = zone_of(test, dir);
    g_autoptr(GString) expected = g_string_new(NULL), wrong = g_string_new(NULL);
    EndResults got;
    gsize len;

    if (!zone || !g_file_get_contents(path, &message, &len, NULL) || !judge(test, zone, message, len, &got)) {
        tally_skip(tally, id, "the case has no message, zone or address");
        return;
    }
    compare(expect, "spf", got.spf, expected, wrong);
    compare(expect, "dkim", got.dkim, expected, wrong);
    compare(expect, "dmarc", got.dmarc, expected, wrong);
    compare(expect, "iprev", got.iprev, expected, wrong);
    if (wrong->len)
        tally_fail(tally, id, expected->str, wrong->str);
    else
        tally_pass(tally);
}

void run_end_to_end(JsonObject *root, const char *dir, Tally *tally, EndJudge judge)
{
    JsonArray *tests = json_list(root, "tests");

    for (guint i = 0; tests && i < json_array_get_length(tests); i++)
        run_test(json_array_get_object_element(tests, i), dir, tally, judge);
}
