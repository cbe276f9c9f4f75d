/* postern scan — any message file with any envelope through the whole pipeline, offline, with every step
 * (K8). */
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/mailfile.h"
#include "app/offline.h"
#include "app/trace-text.h"

typedef struct {
    char *config;
    EnvelopeOptions envelope;
    gboolean json, headers;
    OutsideOptions outside;
} Options;

static void drop_line(LogLevel level, const char *line, void *data)
{
}

static int show(const Options *options, const Outcome *outcome)
{
    if (options->json)
        command_print(outcome->record, TRUE);
    else
        trace_print(outcome->record, stdout);
    if (options->headers && outcome->headers)
        printf("\n%s", outcome->headers->str);
    if (outcome->temporary)
        return EXIT_AGAIN;
    return outcome->reached_end && outcome->kind <= REPLY_ACCEPT ? EXIT_DONE : EXIT_NO;
}

static int judge(const Options *options, Offline *offline, const char *bytes, gsize len)
{
    const ReplayEnvelope envelope = {
        .ip = options->envelope.ip,
        .ptr = options->envelope.ptr,
        .helo = options->envelope.helo,
        .from = options->envelope.from ? options->envelope.from : "<>",
        .rcpts = (const char *const *)options->envelope.rcpts,
        .login = options->envelope.login,
        .receiver = options->envelope.receiver,
    };
    g_autoptr(GError) error = NULL;
    Outcome outcome;
    if (!offline_judge(offline, &envelope, bytes, len, &outcome, &error)) {
        fprintf(stderr, "postern scan: %s\n", error->message);
        return EXIT_USAGE;
    }
    int status = show(options, &outcome);
    outcome_clear(&outcome);
    return status;
}

static int scan(const Options *options, Config *config, const char *bytes, gsize len)
{
    Outside outside;
    if (!outside_open(&outside, &options->outside, config))
        return EXIT_USAGE;
    g_autoptr(Problems) problems = problems_new();
    Offline offline;
    int status = EXIT_USAGE;
    if (offline_open(&offline, &outside, config, problems))
        status = judge(options, &offline, bytes, len);
    command_print_problems(problems);
    offline_close(&offline);
    outside_close(&outside);
    return status;
}

static void options_clear(Options *options)
{
    g_free(options->config);
    envelope_options_clear(&options->envelope);
    outside_options_clear(&options->outside);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

int command_scan(int argc, char **argv)
{
    g_auto(Options) options = {0};
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &options.config, "the configuration file", "FILE"},
        ENVELOPE_ENTRIES(options.envelope),
        {"headers", 0, 0, G_OPTION_ARG_NONE, &options.headers, "show the header as it would be delivered",
         NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "JSON for machines", NULL},
        OUTSIDE_ENTRIES(options.outside),
        {NULL},
    };
    if (!command_options(
            &argc, &argv, entries, "[MESSAGE]",
            "Judges a message file as a live one would be, and shows facts, findings, rules and edits.\n"
            "Without MESSAGE, or with -, it is read from standard input.\n"
            "Exit status 0: delivered; 1: refused, discarded or kept; 75: a temporary failure."))
        return EXIT_USAGE;
    if (argc > 2 || !options.envelope.rcpts) {
        fprintf(stderr, "postern scan: one message file and at least one --rcpt are needed\n");
        return EXIT_USAGE;
    }
    g_autoptr(GError) error = NULL;
    g_autofree char *bytes = NULL;
    gsize len;
    if (!mailfile_bytes(argv[1], &bytes, &len, &error)) {
        fprintf(stderr, "postern scan: %s\n", error->message);
        return EXIT_USAGE;
    }
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_load(options.config, problems);
    command_print_problems(problems);
    if (!config)
        return EXIT_USAGE;
    log_set_sink(drop_line, NULL); /* the trace says it all */
    return scan(&options, config, bytes, len);
}
