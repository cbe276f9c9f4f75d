/* The openspf suite for RFC 7208. */
#include "runner.h"

#include <postern/spf.h>

/* Stands in the suite for the checker's own explanation. */
#define OUR_EXPLANATION "DEFAULT"

static void run_case(JsonObject *test, Resolver *zone, Tally *tally)
{
    const char *id = json_str(test, "id", "?"), *explanation = json_str(test, "explanation", NULL);
    JsonArray *results = json_list(test, "results");
    SpfRequest request = {
        .resolver = zone,
        .helo = json_str(test, "helo", ""),
        .sender = json_str(test, "mailfrom", ""),
        .default_explanation = OUR_EXPLANATION,
    };
    g_autoptr(SpfResult) result = NULL;
    const char *got;

    if (!results || !ip_parse(json_str(test, "ip", ""), &request.ip)) {
        tally_skip(tally, id, "the case has no results or no address");
        return;
    }
    result = spf_check(&request);
    got = spf_code_name(result->code);
    if (!json_lists(results, got)) {
        g_autofree char *expected = json_alternatives(results);
        tally_fail(tally, id, expected, got);
    } else if (explanation && result->code == SPF_FAIL) {
        tally_compare(tally, id, explanation, result->explanation);
    } else {
        tally_pass(tally);
    }
}

void run_spf(JsonObject *root, const char *dir, Tally *tally)
{
    JsonArray *scenarios = json_list(root, "scenarios");

    for (guint i = 0; scenarios && i < json_array_get_length(scenarios); i++) {
        JsonObject *scenario = json_array_get_object_element(scenarios, i);
        JsonArray *tests = json_list(scenario, "tests");
        g_autoptr(Resolver) zone = zone_from_json(json_list(scenario, "records"));

        for (guint k = 0; tests && k < json_array_get_length(tests); k++)
            run_case(json_array_get_object_element(tests, k), zone, tally);
    }
}
