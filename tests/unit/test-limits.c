/* conf/limits: the lines of [limits]; base/gauges: how many at once, with many threads. */
#include "rows.h"

#include <pthread.h>

#include "base/gauges.h"
#include "conf/limits.h"

typedef struct {
    const char *line, *fault; /* NULL: it is a good one */
    gint64 count;
    LimitUnit unit;
    int window;
    LimitKey key;
    LimitWay way;
} Row;

static const Row rows[] = {
    {"500 recipients per 1d by login outbound", NULL, 500, LIMIT_RECIPIENTS, 86400, LIMIT_BY_LOGIN,
     LIMIT_OUTBOUND},
    {"20 connections by client", NULL, 20, LIMIT_CONNECTIONS, 0, LIMIT_BY_CLIENT, LIMIT_BOTH},
    {"100  Messages  PER 10m\tby network Inbound", NULL, 100, LIMIT_MESSAGES, 600, LIMIT_BY_NETWORK,
     LIMIT_INBOUND},
    {"1 messages per 30 by domain", NULL, 1, LIMIT_MESSAGES, 30, LIMIT_BY_DOMAIN, LIMIT_BOTH},
    {"1 messages per 1h by recipient both", NULL, 1, LIMIT_MESSAGES, 3600, LIMIT_BY_RECIPIENT, LIMIT_BOTH},
    {"", "begins with a number"},
    {"many messages per 1h by client", "begins with a number"},
    {"0 messages per 1h by client", "begins with a number"},
    {"-1 messages per 1h by client", "begins with a number"},
    {"99999999999 messages per 1h by client", "begins with a number"},
    {"5 mails per 1h by client", "then comes connections"},
    {"5 messages per hour by client", "comes a time"},
    {"5 messages per 0 by client", "comes a time"},
    {"5 messages per", "comes a time"},
    {"5 messages per 1h client", "then comes \"by\""},
    {"5 messages per 1h by", "after \"by\""},
    {"5 messages per 1h by moon", "after \"by\""},
    {"5 messages per 1h by client sideways", "at the end"},
    {"5 messages per 1h by client inbound today", "too many"},
    {"5 messages per 1h by client inbound and much more than that here", "too many"},
    {"5 messages by client", "at once"},
    {"5 connections by sender", "client, network or login"},
};

static void check_line(void **state)
{
    const Row *row = *state;
    ConfigPair pair = {.name = (char *)"x", .value = (char *)row->line, .line = 7};
    const ConfigPairs pairs = {&pair, 1};
    g_autoptr(Problems) problems = problems_new();
    LimitList *list = limits_new(&pairs, "postern.conf", problems);
    if (row->fault) {
        assert_int_equal(list->n, 0);
        assert_int_equal(problems_len(problems), 1);
        g_autofree char *text = problem_to_string(problems_at(problems, 0));
        assert_true(g_str_has_prefix(text, "postern.conf:7: "));
        assert_non_null(strstr(text, row->fault));
    } else {
        assert_int_equal(problems_len(problems), 0);
        assert_int_equal(list->n, 1);
        const Limit *limit = &list->limits[0];
        assert_int_equal(limit->count, row->count);
        assert_int_equal(limit->unit, row->unit);
        assert_int_equal(limit->window, row->window);
        assert_int_equal(limit->key, row->key);
        assert_int_equal(limit->way, row->way);
    }
    limits_free(list);
}

#define THREADS 64
#define ROOM    10

typedef struct {
    Gauges *gauges;
    pthread_barrier_t begin, all_tried;
    int got; /* atomic */
} Race;

static void *take_and_give(void *data)
{
    Race *race = data;
    pthread_barrier_wait(&race->begin);
    gboolean mine = gauges_take(race->gauges, "192.0.2.1", ROOM);
    __atomic_add_fetch(&race->got, mine, __ATOMIC_RELAXED);
    pthread_barrier_wait(&race->all_tried);
    if (mine)
        gauges_give(race->gauges, "192.0.2.1");
    return NULL;
}

static void test_race(void **state)
{
    Race race = {.gauges = gauges_new()};
    pthread_t threads[THREADS];
    pthread_barrier_init(&race.begin, NULL, THREADS);
    pthread_barrier_init(&race.all_tried, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &race), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(race.got, ROOM);
    assert_int_equal(gauges_of(race.gauges, "192.0.2.1"), 0);
    pthread_barrier_destroy(&race.begin);
    pthread_barrier_destroy(&race.all_tried);
    gauges_free(race.gauges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_race)};
    return RUN_ROWS("line", rows, check_line) + cmocka_run_group_tests(tests, NULL, NULL);
}
