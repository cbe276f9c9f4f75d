#include "rows.h"

#include <pthread.h>
#include "base/quota.h"

static void limits(void **state)
{
    Quota quota = {.limit = 10};
    assert_true(quota_reserve(&quota, 7));
    assert_false(quota_reserve(&quota, 4));
    assert_true(quota_reserve(&quota, 3));
    assert_false(quota_reserve(&quota, 1));
    assert_false(quota_reserve(&quota, G_MAXINT64));
    assert_true(quota_reserve(&quota, 0));
    quota_release(&quota, 7);
    assert_int_equal(quota_used(&quota), 3);
    quota_set_limit(&quota, 2); /* less than is taken */
    assert_false(quota_reserve(&quota, 0));
    quota_release(&quota, 3);
    assert_true(quota_reserve(&quota, 2));
}

static void no_limit(void **state)
{
    Quota quota = {0};
    assert_true(quota_reserve(&quota, G_MAXINT64 - 1));
    assert_true(quota_reserve(&quota, 1));
    assert_false(quota_reserve(&quota, 1)); /* it would overflow */
    quota_release(&quota, G_MAXINT64);
    assert_int_equal(quota_used(&quota), 0);
}

#define THREADS 16
#define ROUNDS  20000

typedef struct {
    Quota quota;
    gint64 holders, most, refused;
} Race;

/* Takes, looks how many hold at once, gives back. */
static void *racer(void *data)
{
    Race *race = data;
    for (int i = 0; i < ROUNDS; i++) {
        if (!quota_reserve(&race->quota, 1)) {
            __atomic_add_fetch(&race->refused, 1, __ATOMIC_RELAXED);
            continue;
        }
        gint64 now = __atomic_add_fetch(&race->holders, 1, __ATOMIC_SEQ_CST);
        gint64 most = __atomic_load_n(&race->most, __ATOMIC_SEQ_CST);
        while (now > most && !__atomic_compare_exchange_n(&race->most, &most, now, TRUE, __ATOMIC_SEQ_CST,
                                                          __ATOMIC_SEQ_CST))
            ;
        __atomic_sub_fetch(&race->holders, 1, __ATOMIC_SEQ_CST);
        quota_release(&race->quota, 1);
    }
    return NULL;
}

static void never_over_the_limit(void **state)
{
    Race race = {.quota = {.limit = 3}};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, racer, &race), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_in_range(race.most, 1, 3);
    assert_int_equal(quota_used(&race.quota), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits),
        cmocka_unit_test(no_limit),
        cmocka_unit_test(never_over_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
