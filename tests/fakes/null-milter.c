/*
 * null-milter [--calls] ADDRESS… — the milter with a flow that does nothing: what the protocol alone costs,
 * or, with
 * --calls, what an MTA really sends. Ends at SIGTERM or SIGINT and prints what it has used, or has been told.
 */
#include "fakes/flow.h"
#include "mta/milter.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

int main(int argc, char **argv)
{
    gboolean calls = argc > 1 && strcmp(argv[1], "--calls") == 0;
    Config config = {.daemon = {.listen = argv + 1 + calls, .socket_mode = 0666, .idle_timeout = 600}};
    g_autoptr(Engine) engine = fake_engine_new();
    g_autoptr(GError) error = NULL;
    struct rusage usage;
    Milter *milter;
    sigset_t ends;
    int got;

    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    engine->silent = !calls;
    milter = argc > 1 + calls ? milter_new(engine, &config, &error) : NULL;
    if (milter == NULL || !milter_start(milter, &error)) {
        fprintf(stderr, "null-milter: %s\n",
                error != NULL ? error->message : "usage: null-milter [--calls] ADDRESS…");
        return 2;
    }
    sigwait(&ends, &got);
    if (calls) {
        g_autofree char *text = fake_engine_take_calls(engine);

        fputs(text, stdout);
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("%ld.%06ld s user, %ld.%06ld s system, %ld KiB at most\n", (long)usage.ru_utime.tv_sec,
           (long)usage.ru_utime.tv_usec, (long)usage.ru_stime.tv_sec, (long)usage.ru_stime.tv_usec,
           usage.ru_maxrss);
    milter_free(milter);
    return 0;
}
