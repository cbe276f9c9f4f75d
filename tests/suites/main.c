/*
 * conformance KIND FILE… — runs case files of the forms that the conformance data describes.
 *
 * One line for each failed case, last line "N passed, N failed, N skipped". Exit status 0 all passed, 1 some
 * failed, 2 usage or an unreadable file. `conformance --suite SOURCES KIND FILE…` is for the build's own test
 * run: FILE is looked for in $POSTERN_CONFORMANCE, or in ../shared/conformance beside SOURCES, and status 77
 * says that it is not there.
 */
#include "runner.h"

#include <stdio.h>
#include <string.h>

void tally_pass(Tally *tally)
{
    tally->passed++;
}

void tally_fail(Tally *tally, const char *id, const char *expected, const char *got)
{
    tally->failed++;
    printf("FAIL %s: expected %s, got %s\n", id, expected, got);
}

void tally_skip(Tally *tally, const char *id, const char *why)
{
    tally->skipped++;
    printf("SKIP %s: %s\n", id, why);
}

void tally_compare(Tally *tally, const char *id, const char *expected, const char *got)
{
    if (g_strcmp0(expected, got) == 0)
        tally_pass(tally);
    else
        tally_fail(tally, id, expected ? expected : "none", got ? got : "none");
}

static JsonNode *value(JsonObject *object, const char *member)
{
    JsonNode *node = json_object_get_member(object, member);

    return node && !JSON_NODE_HOLDS_NULL(node) ? node : NULL;
}

const char *json_str(JsonObject *object, const char *member, const char *missing)
{
    JsonNode *node = value(object, member);

    return node && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : missing;
}

gint64 json_int(JsonObject *object, const char *member, gint64 missing)
{
    JsonNode *node = value(object, member);

    return node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_int(node) : missing;
}

gboolean json_bool(JsonObject *object, const char *member, gboolean missing)
{
    JsonNode *node = value(object, member);

    return node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_boolean(node) : missing;
}

JsonArray *json_list(JsonObject *object, const char *member)
{
    JsonNode *node = value(object, member);

    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

gboolean json_lists(JsonArray *list, const char *word)
{
    for (guint i = 0; i < json_array_get_length(list); i++)
        if (strcmp(json_array_get_string_element(list, i), word) == 0)
            return TRUE;
    return FALSE;
}

char *json_alternatives(JsonArray *list)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < json_array_get_length(list); i++)
        g_string_append_printf(text, "%s%s", i ? " or " : "", json_array_get_string_element(list, i));
    return g_string_free(text, FALSE);
}

void each_test(JsonObject *root, Tally *tally, void (*run)(JsonObject *, const char *, Tally *))
{
    JsonArray *tests = json_list(root, "tests");

    for (guint i = 0; tests && i < json_array_get_length(tests); i++) {
        JsonObject *test = json_array_get_object_element(tests, i);
        run(test, json_str(test, "id", "?"), tally);
    }
}

static void judge_message(JsonObject *test, const char *dir, Tally *tally, JudgeMessage judge)
{
    const char *id = json_str(test, "id", "?");
    JsonArray *results = json_list(test, "results");
    g_autofree char *path = g_build_filename(dir, json_str(test, "file", ""), NULL);
    g_autofree char *message = NULL;
    gsize len;

    if (!results || !g_file_get_contents(path, &message, &len, NULL)) {
        tally_skip(tally, id, "the case has no results or no message");
        return;
    }
    g_autoptr(Resolver) zone = zone_from_json(json_list(test, "dns"));
    gint64 now = json_int(test, "verify_time", g_get_real_time() / G_USEC_PER_SEC);
    const char *got = judge(message, len, zone, now);
    g_autofree char *expected = json_alternatives(results);
    if (json_lists(results, got))
        tally_pass(tally);
    else
        tally_fail(tally, id, expected, got);
}

void each_message(JsonObject *root, const char *dir, Tally *tally, JudgeMessage judge)
{
    JsonArray *tests = json_list(root, "tests");

    for (guint i = 0; tests && i < json_array_get_length(tests); i++)
        judge_message(json_array_get_object_element(tests, i), dir, tally, judge);
}

static int run_file(const char *path, void (*run)(JsonObject *, const char *, Tally *), Tally *tally)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autofree char *dir = g_path_get_dirname(path);
    g_autoptr(GError) error = NULL;
    JsonNode *root;

    if (!json_parser_load_from_file(parser, path, &error)) {
        fprintf(stderr, "%s: %s\n", path, error->message);
        return 2;
    }
    root = json_parser_get_root(parser);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
        fprintf(stderr, "%s: not one JSON object\n", path);
        return 2;
    }
    run(json_node_get_object(root), dir, tally);
    return 0;
}

static int usage(void)
{
    fputs("usage: conformance KIND FILE…\nKIND is one of", stderr);
    for (const Suite *suite = suites; suite->kind; suite++)
        fprintf(stderr, " %s", suite->kind);
    fputs("\n", stderr);
    return 2;
}

static int run_files(const char *kind, char **paths)
{
    Tally tally = {0};
    int status = 0;
    const Suite *suite = suites;

    while (suite->kind && strcmp(suite->kind, kind) != 0)
        suite++;
    if (!suite->kind || !*paths)
        return usage();
    if (!suite->run) {
        fprintf(stderr, "conformance: %s is not built yet\n", kind);
        return 2;
    }
    for (char **path = paths; *path; path++)
        if (run_file(*path, suite->run, &tally) != 0)
            status = 2;
    printf("%u passed, %u failed, %u skipped\n", tally.passed, tally.failed, tally.skipped);
    return status ? status : tally.failed > 0;
}

/* `sources` is the root of the project's sources. */
static int run_suite(const char *sources, char **args)
{
    const char *named = g_getenv("POSTERN_CONFORMANCE");
    g_autofree char *dir =
        named ? g_strdup(named) : g_build_filename(sources, "..", "shared", "conformance", NULL);
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

    for (char **file = args + 1; *file; file++) {
        char *path = g_build_filename(dir, *file, NULL);
        g_ptr_array_add(paths, path);
        if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
            printf("skipped: no conformance data (%s); POSTERN_CONFORMANCE names its folder\n", path);
            return 77;
        }
    }
    g_ptr_array_add(paths, NULL);
    return run_files(args[0], (char **)paths->pdata);
}

int main(int argc, char **argv)
{
    if (argc > 4 && strcmp(argv[1], "--suite") == 0)
        return run_suite(argv[2], argv + 3);
    return argc > 2 ? run_files(argv[1], argv + 2) : usage();
}
