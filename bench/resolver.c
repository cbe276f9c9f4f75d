/*
 * resolver.c — what a DNS question costs: from the cache, from the cache with many threads at once, and asked
 * for the first time (of tests/fakes/dns.py with `*.bench.test A 192.0.2.1`, whose own time is part of it).
 *
 *     bench-resolver 127.0.0.1@PORT
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "net/resolver.h"

#define CACHED   2000000
#define UNCACHED 5000
#define NAMES    64

typedef struct {
    Resolver *resolver;
    char **names;
    guint first, count;
    guint wrong;
} Work;

static void *run(void *data)
{
    Work *work = data;

    for (guint i = 0; i < work->count; i++) {
        DnsAnswer *answer = dns_query(work->resolver, work->names[(work->first + i) % NAMES], DNS_A, 0);
        work->wrong += answer->status != DNS_OK;
        dns_answer_unref(answer);
    }
    return NULL;
}

static void *run_new(void *data)
{
    Work *work = data;

    for (guint i = 0; i < work->count; i++) {
        char name[64];
        g_snprintf(name, sizeof name, "n%u.bench.test", work->first + i);
        DnsAnswer *answer = dns_query(work->resolver, name, DNS_A, 0);
        work->wrong += answer->status != DNS_OK;
        dns_answer_unref(answer);
    }
    return NULL;
}

static double cpu(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

static void measure(const char *what, void *(*work_on)(void *), Resolver *resolver, char **names,
                    guint n_threads, guint total)
{
    g_autofree Work *work = g_new0(Work, n_threads);
    g_autofree pthread_t *threads = g_new0(pthread_t, n_threads);
    gint64 start = g_get_monotonic_time();
    double cpu_start = cpu();
    guint wrong = 0;

    for (guint i = 0; i < n_threads; i++) {
        guint each = total / n_threads;
        work[i] = (Work){.resolver = resolver, .names = names, .first = i * each, .count = each};
        pthread_create(&threads[i], NULL, work_on, &work[i]);
    }
    for (guint i = 0; i < n_threads; i++) {
        pthread_join(threads[i], NULL);
        wrong += work[i].wrong;
    }
    double wall = (double)(g_get_monotonic_time() - start);
    printf("%-36s %8.3f us wall, %8.3f us CPU each, %u wrong\n", what, wall / total,
           (cpu() - cpu_start) / total, wrong);
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    static char *same[NAMES];

    if (argc != 2) {
        fprintf(stderr, "usage: %s ADDRESS@PORT\n", argv[0]);
        return 2;
    }
    Resolver *resolver =
        net_resolver_new(&(ResolverSettings){.servers = (const char *const[]){argv[1], NULL}}, &error);
    if (!resolver) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    for (guint i = 0; i < NAMES; i++) {
        g_ptr_array_add(names, g_strdup_printf("selector%u._domainkey.some.bench.test", i));
        same[i] = names->pdata[0];
        dns_answer_unref(dns_query(resolver, names->pdata[i], DNS_A, 0));
    }
    char **all = (char **)names->pdata;
    measure("cached, 1 thread", run, resolver, all, 1, CACHED);
    measure("cached, 64 threads, 64 names", run, resolver, all, 64, CACHED);
    measure("cached, 64 threads, the same name", run, resolver, same, 64, CACHED);
    measure("asked, 1 thread", run_new, resolver, NULL, 1, UNCACHED);
    measure("asked, 64 threads", run_new, resolver, NULL, 64, 4 * UNCACHED);
    resolver_free(resolver);
    return 0;
}
