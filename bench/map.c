/*
 * map.c — what an access map costs: time to load, memory while it is loaded and afterwards, one look-up.
 *
 *     bench-map MAP       as [policy] access names it, with keys spf-fail:userN@hostM.example.com (N: 0…, M:
 * N % 977)
 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "conf/map.h"

#define LOOKUPS 1000000

static long status_kib(const char *name)
{
    g_autofree char *text = NULL;
    const char *line =
        g_file_get_contents("/proc/self/status", &text, NULL, NULL) ? strstr(text, name) : NULL;
    return line ? strtol(line + strlen(name) + 1, NULL, 10) : -1;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    g_autoptr(Problems) problems = problems_new();
    long before = status_kib("VmRSS");
    gint64 start = g_get_monotonic_time();
    g_autoptr(Map) map = map_open(argv[1], "/", NULL, problems);
    gint64 loaded = g_get_monotonic_time();
    malloc_trim(0);
    for (guint i = 0; i < problems_len(problems); i++) {
        g_autofree char *line = problem_to_string(problems_at(problems, i));
        fprintf(stderr, "%s\n", line);
    }
    if (!map || map_size(map) == 0)
        return 1;
    long held = status_kib("VmRSS") - before, peak = status_kib("VmHWM") - before;
    guint found = 0;
    gint64 looking = g_get_monotonic_time();
    for (guint64 i = 0; i < LOOKUPS; i++) {
        char key[64];
        guint64 n = i * 7919 % (2 * map_size(map)); /* every other one is not there */
        g_snprintf(key, sizeof key, "spf-fail:user%u@host%u.example.com", (guint)n, (guint)n % 977);
        found += map_lookup(map, key) != NULL;
    }
    gint64 looked = g_get_monotonic_time();
    printf("%-30s %8u entries  %6.0f ms  %4ld MiB held, %4ld MiB at most  %4.0f ns a look-up with its key "
           "made, %u%% found\n",
           argv[1], map_size(map), (loaded - start) / 1e3, held / 1024, peak / 1024,
           (looked - looking) * 1e3 / LOOKUPS, found / (LOOKUPS / 100));
    return 0;
}
