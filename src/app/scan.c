/* postern scan — any message file with any envelope through the whole pipeline, offline, with every step
 * (K8). */
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/offline.h"

typedef struct {
    char *config, *ip, *ptr, *helo, *from, *login, *receiver;
    char **rcpts;
    gboolean json, headers;
    OutsideOptions outside;
} Options;

static void drop_line(LogLevel level, const char *line, void *data)
{
}

static int show(const Options *options, const Outcome *outcome)
{
    command_print(outcome->record, options->json);
    if (options->headers && outcome->headers)
        printf("\n%s", outcome->headers->str);
    if (outcome->temporary)
        return EXIT_AGAIN;
    return outcome->reached_end && outcome->kind <= REPLY_ACCEPT ? EXIT_DONE : EXIT_NO;
}

static int judge(const Options *options, Offline *offline, const char *bytes, gsize len)
{
    const ReplayEnvelope envelope = {
        .ip = options->ip,
        .ptr = options->ptr,
        .helo = options->helo,
        .from = options->from ? options->from : "<>",
        .rcpts = (const char *const *)options->rcpts,
        .login = options->login,
        .receiver = options->receiver,
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
    char *const owned[] = {options->config,   options->ip,           options->ptr,
                           options->helo,     options->from,         options->login,
                           options->receiver, options->outside.zone, options->outside.time};
    for (gsize i = 0; i < G_N_ELEMENTS(owned); i++)
        g_free(owned[i]);
    g_strfreev(options->rcpts);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

int command_scan(int argc, char **argv)
{
    g_auto(Options) options = {0};
    /* FILENAME: bytes as they are typed. What strangers send need not be text of this terminal. */
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &options.config, "the configuration file", "FILE"},
        {"ip", 0, 0, G_OPTION_ARG_STRING, &options.ip, "the client's address", "IP"},
        {"ptr", 0, 0, G_OPTION_ARG_FILENAME, &options.ptr, "its PTR name", "NAME"},
        {"helo", 0, 0, G_OPTION_ARG_FILENAME, &options.helo, "what it says at HELO", "NAME"},
        {"from", 0, 0, G_OPTION_ARG_FILENAME, &options.from, "MAIL FROM; <> by default", "ADDRESS"},
        {"rcpt", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.rcpts, "RCPT TO, once for each", "ADDRESS"},
        {"auth", 0, 0, G_OPTION_ARG_FILENAME, &options.login, "the login of SMTP AUTH", "LOGIN"},
        {"receiver", 0, 0, G_OPTION_ARG_STRING, &options.receiver, "our own name", "NAME"},
        {"headers", 0, 0, G_OPTION_ARG_NONE, &options.headers, "show the header as it would be delivered",
         NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "JSON for machines", NULL},
        OUTSIDE_ENTRIES(options.outside),
        {NULL},
    };
    if (!command_options(
            &argc, &argv, entries, "MESSAGE",
            "Judges a message file as a live one would be, and shows facts, findings, rules and edits.\n"
            "Exit status 0: delivered; 1: refused, discarded or kept; 75: a temporary failure."))
        return EXIT_USAGE;
    if (argc != 2 || !options.rcpts) {
        fprintf(stderr, "postern scan: a message file and at least one --rcpt are needed\n");
        return EXIT_USAGE;
    }
    g_autoptr(GError) error = NULL;
    g_autofree char *bytes = NULL;
    gsize len;
    if (!g_file_get_contents(argv[1], &bytes, &len, &error)) {
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
