/* Signed messages and their results. */
#include "runner.h"

#include <postern/dkim.h>

static DkimCode verify(const char *message, gsize len, Resolver *zone, gint64 now)
{
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    gsize start = dkim_header_read(header, message, len);
    g_autoptr(DkimVerifier) verifier = dkim_verifier_new(header, body, now);

    dkim_body_add(body, message + start, len - start);
    dkim_body_end(body);
    dkim_verifier_finish(verifier, zone, 0);
    return dkim_verifier_code(verifier);
}

static void run_case(JsonObject *test, const char *dir, Tally *tally)
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
    const char *got = dkim_code_name(verify(message, len, zone, now));
    g_autofree char *expected = json_alternatives(results);
    if (json_lists(results, got))
        tally_pass(tally);
    else
        tally_fail(tally, id, expected, got);
}

void run_dkim(JsonObject *root, const char *dir, Tally *tally)
{
    JsonArray *tests = json_list(root, "tests");

    for (guint i = 0; tests && i < json_array_get_length(tests); i++)
        run_case(json_array_get_object_element(tests, i), dir, tally);
}
