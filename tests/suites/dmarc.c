/* DMARC: verdicts, records, author domains, and the public suffixes of RFC 7489. */
#include "runner.h"

#include <postern/dmarc.h>
#include <postern/suffix.h>
#include <string.h>

#define SIGNATURES_MAX 64

static DmarcIdentity identity_of(JsonObject *from)
{
    return (DmarcIdentity){json_str(from, "domain", NULL), dmarc_auth_of(json_str(from, "result", ""))};
}

static DmarcIdentity member_identity(JsonObject *test, const char *name)
{
    JsonNode *node = json_object_get_member(test, name);

    return node && JSON_NODE_HOLDS_OBJECT(node) ? identity_of(json_node_get_object(node))
                                                : (DmarcIdentity){0};
}

/* --- verdicts --- */

static void expect_word(JsonObject *expect, const char *member, const char *got, GString *wrong)
{
    const char *wanted = json_str(expect, member, NULL);

    if (wanted && g_strcmp0(wanted, got) != 0)
        g_string_append_printf(wrong, " %s=%s (not %s)", member, got ? got : "none", wanted);
}

static void expect_bool(JsonObject *expect, const char *member, gboolean got, GString *wrong)
{
    if (json_bool(expect, member, got) != got)
        g_string_append_printf(wrong, " %s=%s", member, got ? "true" : "false");
}

/* The author's own walk; those of SPF and DKIM names come after it. */
static void expect_queries(JsonArray *expected, const DmarcResult *result, GString *wrong)
{
    g_autoptr(GString) wanted = g_string_new(NULL), got = g_string_new(NULL);

    for (guint i = 0; i < json_array_get_length(expected); i++)
        g_string_append_printf(wanted, " %s", json_array_get_string_element(expected, i));
    for (guint i = 0; i < result->n_queries; i++)
        if (result->queries[i].type == DNS_TXT && strcmp(result->queries[i].of, result->author) == 0)
            g_string_append_printf(got, " %s", result->queries[i].name);
    if (strcmp(wanted->str, got->str) != 0)
        g_string_append_printf(wrong, " queries%s", got->str);
}

static char *what_is_wrong(JsonObject *expect, const DmarcResult *result)
{
    JsonArray *results = json_list(expect, "results"), *queries = json_list(expect, "queries");
    const char *disposition = dmarc_policy_name(result->disposition);
    GString *wrong = g_string_new(NULL);

    if (results && !json_lists(results, dmarc_code_name(result->code)))
        g_string_append_printf(wrong, " %s", dmarc_code_name(result->code));
    expect_word(expect, "policy", result->policy_domain ? dmarc_policy_name(result->policy) : NULL, wrong);
    expect_word(expect, "policy_domain", result->policy_domain, wrong);
    expect_word(expect, "org_domain", result->org_domain, wrong);
    expect_word(expect, "disposition", disposition, wrong);
    expect_bool(expect, "spf_aligned", result->spf_aligned, wrong);
    expect_bool(expect, "dkim_aligned", result->dkim_aligned >= 0, wrong);
    if (strcmp(json_str(expect, "disposition_not", ""), disposition) == 0)
        g_string_append_printf(wrong, " disposition=%s", disposition);
    if (queries)
        expect_queries(queries, result, wrong);
    return g_string_free(wrong, FALSE);
}

static char *run_standard(JsonObject *test, DmarcStandard standard)
{
    g_autoptr(Resolver) zone = zone_from_json(json_list(test, "dns"));
    g_autoptr(DmarcAuthors) authors = dmarc_authors_new();
    g_autoptr(DmarcResult) result = NULL;
    JsonArray *dkim = json_list(test, "dkim");
    DmarcIdentity signatures[SIGNATURES_MAX];
    DmarcRequest request = {
        .resolver = zone,
        .standard = standard,
        .authors = authors,
        .spf = member_identity(test, "spf"),
        .dkim = signatures,
        .n_dkim = dkim ? MIN(json_array_get_length(dkim), SIGNATURES_MAX) : 0,
    };

    for (guint i = 0; i < request.n_dkim; i++)
        signatures[i] = identity_of(json_array_get_object_element(dkim, i));
    dmarc_authors_add(authors, json_str(test, "from", ""), -1);
    result = dmarc_check(&request);
    return what_is_wrong(json_object_get_object_member(test, "expect"), result);
}

/* A case for both standards passes when it does under both. */
static void verify_case(JsonObject *test, const char *id, Tally *tally)
{
    const char *named = json_str(test, "standard", "both");
    g_autoptr(JsonNode) expect = json_node_copy(json_object_get_member(test, "expect"));
    g_autofree char *expected = json_to_string(expect, FALSE);

    for (int i = DMARC_RFC9989; i <= DMARC_RFC7489; i++) {
        g_autofree char *wrong = NULL, *got = NULL;
        if (strcmp(named, "both") != 0 && strcmp(named, dmarc_standard_name(i)) != 0)
            continue;
        wrong = run_standard(test, (DmarcStandard)i);
        got = g_strdup_printf("by %s%s", dmarc_standard_name(i), wrong);
        if (*wrong) {
            tally_fail(tally, id, expected, got);
            return;
        }
    }
    tally_pass(tally);
}

/* --- records --- */

static char *fo_word(const DmarcRecord *record)
{
    static const char letters[] = "01ds";
    GString *word = g_string_new(NULL);

    for (guint i = 0; letters[i]; i++)
        if (record->fo & 1u << i)
            g_string_append_printf(word, "%s%c", word->len ? ":" : "", letters[i]);
    return g_string_free(word, FALSE);
}

static void expect_int(JsonObject *expect, const char *member, gint64 got, GString *wrong)
{
    if (json_int(expect, member, got) != got)
        g_string_append_printf(wrong, " %s=%" G_GINT64_FORMAT, member, got);
}

static void expect_list(JsonObject *expect, const char *member, char **got, GString *wrong)
{
    JsonArray *wanted = json_list(expect, member);
    g_autofree char *joined = g_strjoinv(" or ", got), *expected = wanted ? json_alternatives(wanted) : NULL;

    if (expected && strcmp(expected, joined) != 0)
        g_string_append_printf(wrong, " %s=%s", member, joined);
}

static char *wrong_values(JsonObject *expect, const DmarcRecord *record)
{
    static const char *const psd[] = {"u", "y", "n"};
    g_autofree char *fo = fo_word(record);
    GString *wrong = g_string_new(NULL);

    expect_word(expect, "p", dmarc_policy_name(record->p), wrong);
    expect_word(expect, "sp", dmarc_policy_name(record->sp), wrong);
    expect_word(expect, "np", dmarc_policy_name(record->np), wrong);
    expect_word(expect, "adkim", record->strict_dkim ? "s" : "r", wrong);
    expect_word(expect, "aspf", record->strict_spf ? "s" : "r", wrong);
    expect_word(expect, "psd", psd[record->psd], wrong);
    expect_word(expect, "t", record->testing ? "y" : "n", wrong);
    expect_word(expect, "fo", fo, wrong);
    expect_int(expect, "pct", record->pct, wrong);
    expect_int(expect, "ri", record->ri, wrong);
    expect_list(expect, "rua", record->rua, wrong);
    expect_list(expect, "ruf", record->ruf, wrong);
    return g_string_free(wrong, FALSE);
}

static gboolean accepts(JsonNode *usable, gboolean got)
{
    JsonArray *either;

    if (!JSON_NODE_HOLDS_ARRAY(usable))
        return json_node_get_boolean(usable) == got;
    either = json_node_get_array(usable);
    for (guint i = 0; i < json_array_get_length(either); i++)
        if (json_array_get_boolean_element(either, i) == got)
            return TRUE;
    return FALSE;
}

static void parse_case(JsonObject *test, const char *id, Tally *tally)
{
    const char *text = json_str(test, "record", "");
    g_autoptr(DmarcRecord) record = dmarc_record_parse(DMARC_RFC9989, text, strlen(text));
    const gboolean usable = record && record->usable;
    g_autofree char *wrong = NULL;

    if (!accepts(json_object_get_member(test, "usable"), usable)) {
        tally_fail(tally, text, usable ? "unusable" : "usable", usable ? "usable" : "unusable");
        return;
    }
    if (usable && json_object_has_member(test, "expect"))
        wrong = wrong_values(json_object_get_object_member(test, "expect"), record);
    if (wrong && *wrong)
        tally_fail(tally, text, "other values", wrong);
    else
        tally_pass(tally);
}

/* --- author domains --- */

/* A domain that is named twice is one. */
static char *different(JsonArray *domains)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new();

    for (guint i = 0; domains && i < json_array_get_length(domains); i++) {
        char *domain = (char *)json_array_get_string_element(domains, i);
        if (!g_ptr_array_find_with_equal_func(list, domain, g_str_equal, NULL))
            g_ptr_array_add(list, domain);
    }
    g_ptr_array_add(list, NULL);
    return g_strjoinv(" ", (char **)list->pdata);
}

static void from_case(JsonObject *test, const char *id, Tally *tally)
{
    const char *value = json_str(test, "from_value", "");
    g_autoptr(DmarcAuthors) authors = dmarc_authors_new();
    g_autofree char *wanted = different(json_list(test, "domains")), *got = NULL;

    dmarc_authors_add(authors, value, -1);
    got = g_strjoinv(" ", authors->domains);
    tally_compare(tally, value, wanted, got);
}

/* --- public suffixes --- */

static void psl_case(JsonObject *test, const char *id, Tally *tally)
{
    const char *domain = json_str(test, "domain", ""), *expected = json_str(test, "registrable", NULL);
    g_autofree char *wanted = expected ? g_utf8_strdown(expected, -1) : NULL;
    g_autofree char *got = suffix_registrable(domain);

    tally_compare(tally, domain, wanted, got);
}

void run_dmarc(JsonObject *root, const char *dir, Tally *tally)
{
    each_test(root, tally, verify_case);
}

void run_dmarc_parse(JsonObject *root, const char *dir, Tally *tally)
{
    each_test(root, tally, parse_case);
}

void run_dmarc_from(JsonObject *root, const char *dir, Tally *tally)
{
    each_test(root, tally, from_case);
}

void run_psl(JsonObject *root, const char *dir, Tally *tally)
{
    each_test(root, tally, psl_case);
}
