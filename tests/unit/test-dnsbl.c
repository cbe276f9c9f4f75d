/* conf/dnsbl: the lines of [dnsbl]; base/outage: who does not answer. */
#include "rows.h"

#include <string.h>

#include "base/outage.h"
#include "conf/dnsbl.h"

typedef struct {
    const char *line, *fault; /* NULL: it is a good one */
    const char *want;         /* "ZONE KEY FLAGS: ANSWER|VERB; …" */
} Row;

static const Row rows[] = {
    {"zen.example", NULL, "zen.example client --"},
    {"ZEN.Example  by  HELO", NULL, "zen.example helo --"},
    {"zen.example by client white text", NULL, "zen.example client wt"},
    {"zen.example text", NULL, "zen.example client -t"},
    {"zen.example: 127.0.0.2 REJECT", NULL, "zen.example client --: 127.0.0.2|REJECT"},
    {"zen.example by sender :\n127.0.0.2-11\tREJECT ,\n 127.0.*.3 SCORE:-2.5,* OK", NULL,
     "zen.example sender --: 127.0.0.2-11|REJECT; 127.0.*.3|SCORE:-2.5; *|OK"},
    {"zen.example: 127.0.0.2 550 5.7.1 go away, please, 127 times, 127.0.0.3 OK", NULL,
     "zen.example client --: 127.0.0.2|550 5.7.1 go away, please, 127 times; 127.0.0.3|OK"},
    {"zen.example: * QUARANTINE:see\nthe list", NULL, "zen.example client --: *|QUARANTINE:see the list"},
    {"", "begins with the zone"},
    {": 127.0.0.2 REJECT", "begins with the zone"},
    {"zen..example", "begins with the zone"},
    {".zen.example", "begins with the zone"},
    {"zen.example.", "begins with the zone"},
    {"zen/example", "begins with the zone"},
    {"z\303\274n.example", "begins with the zone"},
    {"zen.example by", "after \"by\""},
    {"zen.example by moon", "after \"by\""},
    {"zen.example black", "behind the zone"},
    {"zen.example text white", "behind the zone"},
    {"zen.example REJECT", "behind the zone"},
    {"zen.example:", "begins with an answer"},
    {"zen.example: REJECT", "begins with an answer"},
    {"zen.example: 127.0.0 REJECT", "begins with an answer"},
    {"zen.example: 127.0.0.2.3 REJECT", "begins with an answer"},
    {"zen.example: 127.0.0.256 REJECT", "begins with an answer"},
    {"zen.example: 127.0.0.1000 REJECT", "begins with an answer"},
    {"zen.example: 127.0.0.3-2 REJECT", "begins with an answer"},
    {"zen.example: 127.0.0.2- REJECT", "begins with an answer"},
    {"zen.example: 126-127.0.0.2 REJECT", "begins with an answer"},
    {"zen.example: *.0.0.2 REJECT", "begins with an answer"},
    {"zen.example: 10.0.0.2 REJECT", "begins with an answer"},
    {"zen.example: 127.0.0.2x REJECT", "begins with an answer"},
    {"zen.example: 127.0.0.2", "comes its verb"},
    {"zen.example: 127.0.0.2, 127.0.0.3 REJECT", "comes its verb"},
};

static char *describe(const Dnsbl *list)
{
    static const char *const keys[] = {"client", "sender", "helo"};
    GString *text = g_string_new(NULL);
    g_string_printf(text, "%s %s %c%c", list->zone, keys[list->key], list->white ? 'w' : '-',
                    list->text ? 't' : '-');
    for (guint i = 0; i < list->rules->len; i++) {
        const DnsblRule *rule = &g_array_index(list->rules, DnsblRule, i);
        g_string_append_printf(text, "%s %s|%s", i ? ";" : ":", rule->answer, rule->verb);
    }
    return g_string_free(text, FALSE);
}

static void check_line(void **state)
{
    const Row *row = *state;
    ConfigPair pair = {.name = (char *)"x", .value = (char *)row->line, .line = 7};
    const ConfigPairs pairs = {&pair, 1};
    g_autoptr(Problems) problems = problems_new();
    DnsblList *list = dnsbl_new(&pairs, "postern.conf", problems);
    if (row->fault) {
        assert_int_equal(list->n, 0);
        assert_int_equal(problems_len(problems), 1);
        g_autofree char *text = problem_to_string(problems_at(problems, 0));
        assert_true(g_str_has_prefix(text, "postern.conf:7: "));
        assert_non_null(strstr(text, row->fault));
    } else {
        assert_int_equal(problems_len(problems), 0);
        assert_int_equal(list->n, 1);
        g_autofree char *text = describe(&list->lists[0]);
        assert_string_equal(text, row->want);
    }
    dnsbl_free(list);
}

/* --- which rule --- */

typedef struct {
    const char *name;
    guint8 answer[4];
    const char *want; /* the verb; NULL: none */
} FitRow;

static const FitRow fits[] = {
    {"the first of two", {127, 0, 0, 2}, "A"},    {"low end", {127, 0, 0, 4}, "B"},
    {"high end", {127, 0, 0, 11}, "B"},           {"over the end", {127, 0, 0, 12}, NULL},
    {"any in the middle", {127, 0, 255, 3}, "C"}, {"not in the middle", {127, 1, 255, 3}, NULL},
};

static void check_fit(void **state)
{
    const FitRow *row = *state;
    ConfigPair pair = {
        .name = (char *)"x",
        .value = (char *)"zen.example: 127.0.0.2 A, 127.0.0.2-11 B, 127.0.*.3 C",
        .line = 7,
    };
    const ConfigPairs pairs = {&pair, 1};
    g_autoptr(Problems) problems = problems_new();
    DnsblList *list = dnsbl_new(&pairs, "postern.conf", problems);
    const DnsblRule *rule = dnsbl_rule(&list->lists[0], row->answer);
    assert_true((rule != NULL) == (row->want != NULL));
    if (rule)
        assert_string_equal(rule->verb, row->want);
    dnsbl_free(list);
}

static void test_too_many(void **state)
{
    ConfigPair items[DNSBL_LISTS_MAX + 1];
    for (guint i = 0; i < G_N_ELEMENTS(items); i++)
        items[i] = (ConfigPair){.name = (char *)"x", .value = (char *)"zen.example", .line = i + 1};
    const ConfigPairs pairs = {items, G_N_ELEMENTS(items)};
    g_autoptr(Problems) problems = problems_new();
    DnsblList *list = dnsbl_new(&pairs, "postern.conf", problems);
    assert_int_equal(list->n, DNSBL_LISTS_MAX);
    assert_int_equal(problems_len(problems), 1);
    dnsbl_free(list);

    g_autoptr(GString) rules = g_string_new("zen.example: * OK");
    for (guint i = 0; i < DNSBL_RULES_MAX; i++)
        g_string_append(rules, ", * OK");
    items[0].value = rules->str;
    const ConfigPairs one = {items, 1};
    list = dnsbl_new(&one, "postern.conf", problems);
    assert_int_equal(list->n, 0);
    assert_int_equal(problems_len(problems), 2);
    dnsbl_free(list);
}

/* --- outages --- */

#define NAME "zen.example"

static void test_outage(void **state)
{
    Outages *outages = outages_new();
    assert_true(outages_may_ask(outages, NAME, 1000));
    for (int i = 1; i < OUTAGE_FAILURES; i++)
        assert_false(outages_failed(outages, NAME, FALSE, 1000));
    assert_true(outages_may_ask(outages, NAME, 1000)); /* not yet */
    assert_true(outages_failed(outages, NAME, FALSE, 1000));
    assert_false(outages_failed(outages, NAME, FALSE, 1000)); /* told once */
    assert_true(outages_is_away(outages, NAME));
    assert_false(outages_may_ask(outages, NAME, 1000 + OUTAGE_PAUSE - 1));
    assert_true(outages_may_ask(outages, "other", 1000));
    /* One tries for all. */
    assert_true(outages_may_ask(outages, NAME, 1000 + OUTAGE_PAUSE));
    assert_false(outages_may_ask(outages, NAME, 1000 + OUTAGE_PAUSE));
    assert_false(outages_failed(outages, NAME, FALSE, 1000 + OUTAGE_PAUSE));
    assert_true(outages_may_ask(outages, NAME, 1000 + 2 * OUTAGE_PAUSE));
    assert_true(outages_answered(outages, NAME));
    assert_false(outages_answered(outages, NAME));
    assert_false(outages_is_away(outages, NAME));
    outages_free(outages);
}

static void test_in_a_row(void **state)
{
    Outages *outages = outages_new();
    for (int i = 0; i < 3 * OUTAGE_FAILURES; i++) {
        assert_false(outages_failed(outages, NAME, FALSE, 1000));
        assert_false(outages_answered(outages, NAME)); /* never away: nothing to tell */
    }
    assert_true(outages_failed(outages, NAME, TRUE, 1000)); /* once for sure */
    outages_free(outages);
}

static void test_clock_set_back(void **state)
{
    Outages *outages = outages_new();
    outages_failed(outages, NAME, TRUE, 1000000);
    assert_true(outages_may_ask(outages, NAME, 1000));
    assert_false(outages_may_ask(outages, NAME, 1000));
    outages_free(outages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_outage),
        cmocka_unit_test(test_in_a_row),
        cmocka_unit_test(test_clock_set_back),
    };
    return RUN_ROWS("line", rows, check_line) + RUN_ROWS("fits", fits, check_fit) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
