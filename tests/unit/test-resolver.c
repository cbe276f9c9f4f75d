/* The resolver against tests/fakes/dns.py, which POSTERN_DNS_FAKE names. */
#include "rows.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/resolver.h"

static const char zone_text[] = "$TTL 300\n"
                                "example.test 120 IN A 192.0.2.1\n"
                                "             TXT \"v=spf1 \" \"-all\"\n"
                                "             MX 10 Mx.Example.test\n"
                                "mx.example.test A 192.0.2.2\n"
                                "mx.example.test AAAA 2001:db8::2\n"
                                "nullmx.test MX 0 .\n"
                                "*.wild.test A 192.0.2.3\n"
                                "alias.test 60 CNAME example.test\n"
                                "broken.test CNAME nowhere.test\n"
                                "loop1.test CNAME loop2.test\n"
                                "loop2.test CNAME loop1.test\n"
                                "we\\032ird.test TXT odd\n"
                                "odd.test PTR we\\032ird.test\n"
                                "two.test A 192.0.2.4\n"
                                "two.test A 192.0.2.5\n"
                                "binary.test TXT \"a\\000b\\255\"\n"
                                "short.test 1 A 192.0.2.6\n"
                                "zero.test 0 A 192.0.2.6\n"
                                "long.test 4295 A 192.0.2.6\n" /* µs that are just over 32 bits */
                                "big.test BIGTXT 60000\n"
                                "1.2.0.10.in-addr.arpa PTR inside.test\n"
                                "localhost A 192.0.2.7\n"
                                "x.invalid A 192.0.2.8\n"
                                "*.slow.test ERROR SLOW 400\n"
                                "*.slow.test A 192.0.2.9\n"
                                "*.dead.test ERROR TIMEOUT\n"
                                "servfail.test ERROR SERVFAIL\n"
                                "refused.test ERROR REFUSED\n"
                                "garbage.test ERROR GARBAGE\n"
                                "cut.test ERROR CUT\n"
                                "cut.test TXT \"0123456789012345678901234567890123456789\"\n"
                                "tc.test ERROR TRUNCATE\n"
                                "tc.test TXT \"after tcp\"\n";

/* ---- the fake ---- */

static char *dir, *zone_file, *ready_file, *control_file;
static int port;
static GPid fake;

static void start_fake(void)
{
    g_autofree char *wanted = g_strdup_printf("%d", port);
    const char *argv[] = {g_getenv("POSTERN_DNS_FAKE"),
                          "--port",
                          wanted,
                          "--zone",
                          zone_file,
                          "--ready-file",
                          ready_file,
                          "--control",
                          control_file,
                          NULL};
    g_autofree char *text = NULL;

    g_unlink(ready_file);
    assert_true(g_spawn_async(NULL, (char **)argv, NULL,
                              G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &fake,
                              NULL));
    for (guint i = 0; i < 1000 && !g_file_get_contents(ready_file, &text, NULL, NULL); i++)
        g_usleep(10000);
    assert_non_null(text);
    port = atoi(text);
    assert_true(port > 0);
}

static void stop_fake(void)
{
    int status;

    assert_true(fake > 0);
    kill(fake, SIGTERM);
    assert_int_equal(waitpid(fake, &status, 0), fake);
    assert_int_equal(status, 0);
    fake = 0;
}

static void write_file(const char *path, const char *text)
{
    assert_true(g_file_set_contents(path, text, -1, NULL));
}

static int setup(void **state)
{
    dir = g_dir_make_tmp("postern-resolver-XXXXXX", NULL);
    zone_file = g_build_filename(dir, "zone", NULL);
    ready_file = g_build_filename(dir, "ready", NULL);
    control_file = g_build_filename(dir, "control", NULL);
    write_file(zone_file, zone_text);
    start_fake();
    return 0;
}

static int teardown(void **state)
{
    stop_fake();
    g_unlink(zone_file);
    g_unlink(ready_file);
    g_unlink(control_file);
    g_rmdir(dir);
    g_free(dir);
    g_free(zone_file);
    g_free(ready_file);
    g_free(control_file);
    return 0;
}

static Resolver *resolver_at(int at, ResolverSettings settings)
{
    g_autofree char *server = g_strdup_printf("127.0.0.1@%d", at);
    g_autoptr(GError) error = NULL;

    settings.servers = (const char *const[]){server, NULL};
    Resolver *resolver = net_resolver_new(&settings, &error);
    if (!resolver)
        fail_msg("%s", error->message);
    return resolver;
}

static gint64 ms(void)
{
    return g_get_monotonic_time() / 1000;
}

static DnsStatus ask(Resolver *resolver, const char *name, DnsType type, gint64 within_ms)
{
    g_autoptr(DnsAnswer) answer =
        dns_query(resolver, name, type, within_ms ? g_get_monotonic_time() + within_ms * 1000 : 0);

    return answer->status;
}

/* ---- what is answered ---- */

static const struct {
    const char *name, *question;
    DnsType type;
    DnsStatus status;
    guint ttl;
    const char *shown; /* records, or why */
} rows[] = {
    {"A", "example.test", DNS_A, DNS_OK, 120, "192.0.2.1"},
    {"upper case, final dot", "EXAMPLE.test.", DNS_A, DNS_OK, 120, "192.0.2.1"},
    {"AAAA", "mx.example.test", DNS_AAAA, DNS_OK, 300, "2001:db8::2"},
    {"TXT of two strings", "example.test", DNS_TXT, DNS_OK, 300, "v=spf1 -all"},
    {"TXT, any byte", "binary.test", DNS_TXT, DNS_OK, 300, "a\\000b\\377"},
    {"MX, lower case", "example.test", DNS_MX, DNS_OK, 300, "10 mx.example.test"},
    {"null MX", "nullmx.test", DNS_MX, DNS_OK, 300, "0 "},
    {"two records", "two.test", DNS_A, DNS_OK, 300, "192.0.2.4,192.0.2.5"},
    {"wildcard", "a.b.wild.test", DNS_A, DNS_OK, 300, "192.0.2.3"},
    {"alias: the least TTL", "alias.test", DNS_A, DNS_OK, 60, "192.0.2.1"},
    {"alias itself", "alias.test", DNS_CNAME, DNS_OK, 60, "0 example.test"},
    {"alias, no such type", "alias.test", DNS_AAAA, DNS_NODATA, 5, ""},
    {"alias to nothing", "broken.test", DNS_A, DNS_NXDOMAIN, 5, ""},
    {"no such name", "nowhere.test", DNS_A, DNS_NXDOMAIN, 5, ""},
    {"no such type", "mx.example.test", DNS_TXT, DNS_NODATA, 5, ""},
    {"empty non-terminal", "wild.test", DNS_A, DNS_NODATA, 5, ""},
    {"raw blank in a name", "we ird.test", DNS_TXT, DNS_OK, 300, "odd"},
    {"escaped blank in a name", "we\\032ird.test", DNS_TXT, DNS_OK, 300, "odd"},
    {"blank in an answer", "odd.test", DNS_PTR, DNS_OK, 300, "0 we\\032ird.test"},
    {"private reverse zone", "1.2.0.10.in-addr.arpa", DNS_PTR, DNS_OK, 300, "0 inside.test"},
    {"localhost is the server's", "localhost", DNS_A, DNS_OK, 300, "192.0.2.7"},
    {"invalid is the server's", "x.invalid", DNS_A, DNS_OK, 300, "192.0.2.8"},
    {"over TCP", "tc.test", DNS_TXT, DNS_OK, 300, "after tcp"},
    {"loop", "loop1.test", DNS_A, DNS_TEMPERROR, 1, "SERVFAIL"},
    {"SERVFAIL", "servfail.test", DNS_A, DNS_TEMPERROR, 1, "SERVFAIL"},
    {"REFUSED", "refused.test", DNS_A, DNS_TEMPERROR, 1, "SERVFAIL"},
    {"garbage", "garbage.test", DNS_A, DNS_TEMPERROR, 1, "SERVFAIL"},
    {"half an answer", "cut.test", DNS_TXT, DNS_TEMPERROR, 1, "SERVFAIL"},
    {"root", ".", DNS_A, DNS_NODATA, 0, ""},
    {"no name", "", DNS_MX, DNS_NODATA, 0, ""},
    {"empty label", "a..test", DNS_A, DNS_NXDOMAIN, 0, ""},
};

static char *show(const DnsAnswer *answer, DnsType type)
{
    GString *s = g_string_new(answer->status == DNS_TEMPERROR ? answer->why : "");
    char ip[IP_STRING_MAX];

    for (guint i = 0; i < answer->n_records; i++) {
        const DnsRecord *record = &answer->records[i];
        if (type == DNS_TXT)
            for (gsize j = 0; j < record->text_len; j++)
                g_string_append_printf(s, g_ascii_isprint(record->text[j]) ? "%c" : "\\%03o",
                                       (guchar)record->text[j]);
        else if (type == DNS_A || type == DNS_AAAA)
            g_string_append_printf(s, "%s%s", i ? "," : "", ip_to_string(&record->ip, ip));
        else
            g_string_append_printf(s, "%u %s", record->preference, record->name);
    }
    return g_string_free(s, FALSE);
}

static void test_answers(void **state)
{
    g_autoptr(Resolver) resolver = resolver_at(port, (ResolverSettings){0});

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(DnsAnswer) answer = dns_query(resolver, rows[i].question, rows[i].type, 0);
        g_autofree char *shown = show(answer, rows[i].type);
        gboolean addresses = rows[i].type == DNS_A && strchr(rows[i].shown, ',');
        /* a server may turn the records of a set around */
        gboolean same =
            g_str_equal(shown, rows[i].shown) || (addresses && strlen(shown) == strlen(rows[i].shown));
        if (answer->status != rows[i].status || answer->ttl != rows[i].ttl || !same)
            fail_msg("%s: status %d, TTL %u, \"%s\"", rows[i].name, answer->status, answer->ttl, shown);
    }
}

static void test_big(void **state)
{
    g_autoptr(Resolver) resolver = resolver_at(port, (ResolverSettings){0});
    g_autoptr(DnsAnswer) answer = dns_query(resolver, "big.test", DNS_TXT, 0);

    assert_int_equal(answer->status, DNS_OK);
    assert_int_equal(answer->records[0].text_len, 60000);
    assert_true(strspn(answer->records[0].text, "x") == 60000);
}

static void test_bad_servers(void **state)
{
    static const char *const bad[] = {"ns.example.test", "127.0.0.1@x", "", "127.0.0.1:53"};

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        ResolverSettings settings = {.servers = (const char *const[]){bad[i], NULL}};
        Resolver *resolver = net_resolver_new(&settings, &error);
        if (resolver || !error || !strstr(error->message, bad[i]))
            fail_msg("\"%s\": %s", bad[i], error ? error->message : "taken for a server");
    }
}

/* ---- the cache ---- */

static void test_cached(void **state)
{
    g_autoptr(Resolver) resolver = resolver_at(port, (ResolverSettings){0});

    for (guint i = 0; i < 10; i++) {
        assert_int_equal(ask(resolver, i % 2 ? "example.test" : "EXAMPLE.TEST.", DNS_A, 0), DNS_OK);
        assert_int_equal(ask(resolver, "nowhere.test", DNS_A, 0), DNS_NXDOMAIN);
        assert_int_equal(ask(resolver, "servfail.test", DNS_A, 0), DNS_TEMPERROR);
    }
    ResolverStats stats = net_resolver_stats(resolver);
    assert_int_equal(stats.questions, 3);
    assert_int_equal(stats.hits, 27);
    assert_int_equal(stats.misses, 3);
    assert_int_equal(stats.errors, 1);
    assert_int_equal(stats.entries, 3);
    assert_true(stats.bytes > 0);
    /* The cache answers also whom no time is left. */
    g_autoptr(DnsAnswer) answer = dns_query(resolver, "example.test", DNS_A, 1);
    assert_int_equal(answer->status, DNS_OK);
}

static void test_cache_time(void **state)
{
    g_autoptr(Resolver) resolver = resolver_at(port, (ResolverSettings){0});

    ask(resolver, "short.test", DNS_A, 0);
    ask(resolver, "short.test", DNS_A, 0);
    assert_int_equal(net_resolver_stats(resolver).questions, 1);
    ask(resolver, "zero.test", DNS_A, 0);
    ask(resolver, "zero.test", DNS_A, 0);
    assert_int_equal(net_resolver_stats(resolver).questions, 3);
    ask(resolver, "servfail.test", DNS_A, 0);
    ask(resolver, "long.test", DNS_A, 0);
    g_usleep(1100000);
    ask(resolver, "long.test", DNS_A, 0);
    ask(resolver, "servfail.test", DNS_A, 0);
    ask(resolver, "short.test", DNS_A, 0);
    assert_int_equal(net_resolver_stats(resolver).questions, 7);
}

static void test_max_ttl(void **state)
{
    g_autoptr(Resolver) resolver = resolver_at(port, (ResolverSettings){.max_ttl = 3});
    g_autoptr(DnsAnswer) there = dns_query(resolver, "example.test", DNS_A, 0);
    g_autoptr(DnsAnswer) none = dns_query(resolver, "nowhere.test", DNS_A, 0);

    assert_int_equal(there->ttl, 3);
    assert_int_equal(none->ttl, 3);
}

static void test_cache_bounds(void **state)
{
    g_autoptr(Resolver) resolver = resolver_at(port, (ResolverSettings){.cache_size = 64});

    for (guint i = 0; i < 500; i++) {
        g_autofree char *name = g_strdup_printf("n%u.wild.test", i);
        assert_int_equal(ask(resolver, name, DNS_A, 0), DNS_OK);
    }
    assert_in_range(net_resolver_stats(resolver).entries, 32, 64);
}

static void test_flush(void **state)
{
    g_autoptr(Resolver) resolver = resolver_at(port, (ResolverSettings){0});
    g_autofree char *changed = g_strconcat(zone_text, "changed.test A 192.0.2.99\n", NULL);

    assert_int_equal(ask(resolver, "changed.test", DNS_A, 0), DNS_NXDOMAIN);
    write_file(zone_file, changed);
    kill(fake, SIGHUP);
    g_usleep(300000);
    assert_int_equal(ask(resolver, "changed.test", DNS_A, 0), DNS_NXDOMAIN);
    assert_true(net_resolver_flush(resolver, NULL));
    assert_int_equal(ask(resolver, "changed.test", DNS_A, 0), DNS_OK);
    write_file(zone_file, zone_text);
    kill(fake, SIGHUP);
    g_usleep(300000);
}

/* ---- many at once ---- */

typedef struct {
    Resolver *resolver;
    char *name;
    gint64 within_ms; /* deadline */
    DnsAnswer *answer;
    gint64 took_ms;
    pthread_t thread;
} Caller;

static void *call(void *data)
{
    Caller *caller = data;
    gint64 start = ms();

    caller->answer = dns_query(caller->resolver, caller->name, DNS_A,
                               caller->within_ms ? g_get_monotonic_time() + caller->within_ms * 1000 : 0);
    caller->took_ms = ms() - start;
    return NULL;
}

static void caller_start(Caller *caller, Resolver *resolver, const char *name, gint64 within_ms)
{
    *caller = (Caller){.resolver = resolver, .name = g_strdup(name), .within_ms = within_ms};
    assert_int_equal(pthread_create(&caller->thread, NULL, call, caller), 0);
}

static void caller_end(Caller *caller, DnsStatus status, const char *why)
{
    pthread_join(caller->thread, NULL);
    if (caller->answer->status != status || g_strcmp0(caller->answer->why, why) != 0)
        fail_msg("%s: status %d, %s", caller->name, caller->answer->status, caller->answer->why);
    dns_answer_unref(caller->answer);
    g_free(caller->name);
}

static void test_shared(void **state)
{
    g_autoptr(Resolver) resolver = resolver_at(port, (ResolverSettings){0});
    Caller callers[32];

    for (guint i = 0; i < G_N_ELEMENTS(callers); i++)
        caller_start(&callers[i], resolver, "one.slow.test", 0);
    for (guint i = 0; i < G_N_ELEMENTS(callers); i++)
        caller_end(&callers[i], DNS_OK, NULL);
    ResolverStats stats = net_resolver_stats(resolver);
    assert_int_equal(stats.questions, 1);
    assert_int_equal(stats.shared + stats.hits, 31);
    assert_int_equal(stats.in_flight, 0);
}

static void test_deadline(void **state)
{
    g_autoptr(Resolver) resolver = resolver_at(port, (ResolverSettings){0});
    Caller hurried, patient;

    caller_start(&patient, resolver, "two.slow.test", 0);
    caller_start(&hurried, resolver, "two.slow.test", 100);
    caller_end(&hurried, DNS_TEMPERROR, "timeout");
    assert_in_range(hurried.took_ms, 95, 300);
    caller_end(&patient, DNS_OK, NULL);
    assert_int_equal(net_resolver_stats(resolver).timeouts, 1);
    /* A deadline that is past costs no question. */
    g_autoptr(DnsAnswer) answer = dns_query(resolver, "three.slow.test", DNS_A, 1);
    assert_int_equal(answer->status, DNS_TEMPERROR);
    assert_string_equal(answer->why, "timeout");
    assert_int_equal(net_resolver_stats(resolver).questions, 1);
}

static void test_timeout_and_late_answer(void **state)
{
    g_autoptr(Resolver) resolver = resolver_at(port, (ResolverSettings){.timeout_ms = 200});
    gint64 start = ms();

    assert_int_equal(ask(resolver, "four.slow.test", DNS_A, 0), DNS_TEMPERROR);
    assert_in_range(ms() - start, 195, 390);
    assert_int_equal(ask(resolver, "four.slow.test", DNS_A, 0), DNS_TEMPERROR); /* kept for a second */
    assert_int_equal(net_resolver_stats(resolver).hits, 1);
    assert_int_equal(net_resolver_stats(resolver).in_flight, 1);
    g_usleep(400000);
    /* The answer came when nobody waited any more. */
    assert_int_equal(net_resolver_stats(resolver).in_flight, 0);
    assert_int_equal(ask(resolver, "four.slow.test", DNS_A, 0), DNS_OK);
    assert_int_equal(net_resolver_stats(resolver).questions, 1);
}

static void test_too_many(void **state)
{
    g_autoptr(Resolver) resolver = resolver_at(port, (ResolverSettings){.timeout_ms = 300, .questions = 4});
    Caller callers[4], fifth;

    for (guint i = 0; i < 4; i++) {
        g_autofree char *name = g_strdup_printf("n%u.dead.test", i);
        caller_start(&callers[i], resolver, name, 0);
    }
    while (net_resolver_stats(resolver).in_flight < 4)
        g_usleep(1000);
    caller_start(&fifth, resolver, "example.test", 0);
    caller_end(&fifth, DNS_TEMPERROR, "too many questions");
    assert_in_range(fifth.took_ms, 0, 100);
    for (guint i = 0; i < 4; i++)
        caller_end(&callers[i], DNS_TEMPERROR, "timeout");
    assert_int_equal(net_resolver_stats(resolver).dropped, 1);
}

static void test_prefetch(void **state)
{
    g_autoptr(Resolver) resolver = resolver_at(port, (ResolverSettings){.questions = 8});

    dns_prefetch(resolver, "five.slow.test", DNS_A);
    dns_prefetch(resolver, "five.slow.test", DNS_A);
    dns_prefetch(resolver, "a..b", DNS_A);
    dns_prefetch(resolver, "", DNS_A);
    assert_int_equal(net_resolver_stats(resolver).questions, 1);
    assert_int_equal(ask(resolver, "five.slow.test", DNS_A, 0), DNS_OK);
    dns_prefetch(resolver, "five.slow.test", DNS_A);
    assert_int_equal(net_resolver_stats(resolver).questions, 1);
    for (guint i = 0; i < 20; i++) { /* half of the questions are for those who wait */
        g_autofree char *name = g_strdup_printf("p%u.dead.test", i);
        dns_prefetch(resolver, name, DNS_A);
    }
    assert_int_equal(net_resolver_stats(resolver).in_flight, 4);
    assert_int_equal(ask(resolver, "example.test", DNS_A, 0), DNS_OK);
}

/* Hints whose names never answer have had their time together: who then asks one after the other does not wait again. */
static void test_prefetch_timeout(void **state)
{
    g_autoptr(Resolver) resolver = resolver_at(port, (ResolverSettings){.timeout_ms = 200});
    gint64 start = ms();

    for (guint i = 0; i < 8; i++) {
        g_autofree char *name = g_strdup_printf("h%u.dead.test", i);
        dns_prefetch(resolver, name, DNS_A);
    }
    for (guint i = 0; i < 8; i++) {
        g_autofree char *name = g_strdup_printf("h%u.dead.test", i);
        assert_int_equal(ask(resolver, name, DNS_A, 0), DNS_TEMPERROR);
    }
    assert_in_range(ms() - start, 195, 390);
    assert_int_equal(net_resolver_stats(resolver).questions, 8);
}

static void test_free_wakes(void **state)
{
    Resolver *resolver = resolver_at(port, (ResolverSettings){0});
    Caller callers[8];

    for (guint i = 0; i < G_N_ELEMENTS(callers); i++) {
        g_autofree char *name = g_strdup_printf("f%u.dead.test", i / 2);
        caller_start(&callers[i], resolver, name, 0);
    }
    while (net_resolver_stats(resolver).misses < G_N_ELEMENTS(callers))
        g_usleep(1000);
    gint64 start = ms();
    resolver_free(resolver);
    assert_in_range(ms() - start, 0, 500);
    for (guint i = 0; i < G_N_ELEMENTS(callers); i++)
        caller_end(&callers[i], DNS_TEMPERROR, "stopped");
}

static void test_flush_asks_again(void **state)
{
    g_autoptr(Resolver) resolver = resolver_at(port, (ResolverSettings){0});
    Caller callers[4];

    for (guint i = 0; i < G_N_ELEMENTS(callers); i++) {
        g_autofree char *name = g_strdup_printf("g%u.slow.test", i);
        caller_start(&callers[i], resolver, name, 0);
    }
    while (net_resolver_stats(resolver).questions < 4)
        g_usleep(1000);
    for (guint i = 0; i < 5; i++)
        assert_true(net_resolver_flush(resolver, NULL));
    for (guint i = 0; i < G_N_ELEMENTS(callers); i++)
        caller_end(&callers[i], DNS_OK, NULL);
    assert_int_equal(net_resolver_stats(resolver).in_flight, 0);
    assert_true(net_resolver_stats(resolver).questions > 4);
}

/* Every way of asking at once, over a server that answers, is late, silent and wrong; for the sanitizers. */
static void *storm(void *data)
{
    static const char *const zones[] = {"wild.test", "slow.test", "dead.test", "nowhere.test"};
    Resolver *resolver = data;

    for (guint i = 0; i < 200; i++) {
        g_autofree char *name = g_strdup_printf("s%u.%s", i % 40, zones[i % G_N_ELEMENTS(zones)]);
        if (i % 3 == 0)
            dns_prefetch(resolver, name, DNS_A);
        ask(resolver, name, DNS_A, i % 5);
    }
    return NULL;
}

static void test_storm(void **state)
{
    Resolver *resolver =
        resolver_at(port, (ResolverSettings){.timeout_ms = 50, .questions = 64, .cache_size = 64});
    pthread_t threads[16];

    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, storm, resolver), 0);
    for (guint i = 0; i < 3; i++) {
        g_usleep(50000);
        assert_true(net_resolver_flush(resolver, NULL));
    }
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        pthread_join(threads[i], NULL);
    ResolverStats stats = net_resolver_stats(resolver);
    assert_int_equal(stats.hits + stats.misses, 16 * 200);
    resolver_free(resolver);
}

/* ---- servers that fail ---- */

static const struct {
    const char *control;
} fault_rows[] = {{"TIMEOUT"}, {"SERVFAIL"}, {"REFUSED"},   {"GARBAGE"},
                  {"CUT"},     {"WRONGID"},  {"SILENTTCP"}, {"SLOW 700"}};

static void test_faults_and_recovery(void **state)
{
    g_autoptr(Resolver) resolver = resolver_at(port, (ResolverSettings){.timeout_ms = 500});

    for (guint i = 0; i < G_N_ELEMENTS(fault_rows); i++) {
        g_autofree char *name = g_strdup_printf("r%u.wild.test", i);
        g_autofree char *next = g_strdup_printf("rr%u.wild.test", i);
        gint64 start = ms();
        write_file(control_file, fault_rows[i].control);
        if (ask(resolver, name, DNS_A, 0) != DNS_TEMPERROR || ms() - start > 700)
            fail_msg("%s: no temporary error in time", fault_rows[i].control);
        g_unlink(control_file);
        start = ms();
        if (ask(resolver, next, DNS_A, 0) != DNS_OK || ms() - start > 300)
            fail_msg("%s: not used again at once when it is well", fault_rows[i].control);
    }
}

static void test_dies_and_comes_back(void **state)
{
    g_autoptr(Resolver) resolver = resolver_at(port, (ResolverSettings){.timeout_ms = 300});

    assert_int_equal(ask(resolver, "b0.wild.test", DNS_A, 0), DNS_OK);
    stop_fake();
    for (guint i = 0; i < 8; i++) {
        g_autofree char *name = g_strdup_printf("d%u.wild.test", i);
        gint64 start = ms();
        assert_int_equal(ask(resolver, name, DNS_A, 0), DNS_TEMPERROR);
        assert_in_range(ms() - start, 0, 450);
    }
    assert_int_equal(ask(resolver, "b0.wild.test", DNS_A, 0), DNS_OK); /* the cache does not need it */
    start_fake();
    assert_int_equal(ask(resolver, "b1.wild.test", DNS_A, 0), DNS_OK);
}

static void test_never_there(void **state)
{
    stop_fake(); /* its port is now closed for certain */
    g_autoptr(Resolver) resolver = resolver_at(port, (ResolverSettings){.timeout_ms = 300});
    gint64 start = ms();

    assert_int_equal(ask(resolver, "example.test", DNS_A, 0), DNS_TEMPERROR);
    assert_in_range(ms() - start, 0, 450);
    start_fake();
    assert_int_equal(ask(resolver, "mx.example.test", DNS_A, 0), DNS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_big),
        cmocka_unit_test(test_bad_servers),
        cmocka_unit_test(test_cached),
        cmocka_unit_test(test_cache_time),
        cmocka_unit_test(test_max_ttl),
        cmocka_unit_test(test_cache_bounds),
        cmocka_unit_test(test_flush),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_timeout_and_late_answer),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_prefetch),
        cmocka_unit_test(test_prefetch_timeout),
        cmocka_unit_test(test_free_wakes),
        cmocka_unit_test(test_flush_asks_again),
        cmocka_unit_test(test_storm),
        cmocka_unit_test(test_faults_and_recovery),
        cmocka_unit_test(test_dies_and_comes_back),
        cmocka_unit_test(test_never_there),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
