/* postern scan — any message file with any envelope through the whole pipeline, offline, with every step (K8). */
#include <stdio.h>
#include <string.h>

#include "actions/actions.h"
#include "app/command.h"
#include "app/outside.h"
#include "checks/checks.h"
#include "flow/engine.h"
#include "flow/trace.h"
#include "mta/replay.h"

typedef struct {
    char *config, *ip, *ptr, *helo, *from, *login, *receiver;
    char **rcpts;
    gboolean json, headers;
    OutsideOptions outside;
} Options;

typedef struct {
    Record *record;
    GString *headers;
} Seen;

static void observe(Message *message, gboolean aborted, const Reply *reply, void *data)
{
    Seen *seen = data;
    message_record(message, seen->record);
    seen->headers = message_render_headers(message);
}

static void drop_line(LogLevel level, const char *line, void *data)
{
}

static void show_reply(Record *into, const char *name, const Reply *reply)
{
    if (reply->code) {
        g_autofree char *text = g_strdup_printf("%d %s %s", reply->code, reply->xcode, reply->text);
        record_str(into, name, text);
        return;
    }
    static const char *const words[] = {
        [REPLY_CONTINUE] = "accepted", [REPLY_ACCEPT] = "accepted", [REPLY_REJECT] = "refused",
        [REPLY_TEMPFAIL] = "try again later", [REPLY_DISCARD] = "accepted and not delivered",
    };
    record_str(into, name, words[reply->kind]);
}

/* Would the sender come back? At the end of the message, or, when it never got there, at MAIL or for a recipient. */
static gboolean is_temporary(const ReplayResult *result)
{
    if (result->reached_end)
        return result->end.kind == REPLY_TEMPFAIL;
    gboolean temporary = result->mail.kind == REPLY_TEMPFAIL;
    for (guint i = 0; i < result->n_rcpts; i++)
        temporary |= result->rcpts[i].kind == REPLY_TEMPFAIL;
    return temporary;
}

static int show(const Options *options, const ReplayResult *result, Seen *seen)
{
    Record *replies = record_child(seen->record, "answers");
    show_reply(replies, "mail", &result->mail);
    for (guint i = 0; i < result->n_rcpts; i++)
        show_reply(replies, options->rcpts[i], &result->rcpts[i]);
    if (result->reached_end)
        show_reply(replies, "message", &result->end);
    command_print(seen->record, options->json);
    if (options->headers && seen->headers)
        printf("\n%s", seen->headers->str);
    gboolean delivered = result->reached_end && result->end.kind <= REPLY_ACCEPT;
    if (is_temporary(result))
        return EXIT_AGAIN;
    return delivered ? EXIT_DONE : EXIT_NO;
}

static int scan(const Options *options, Config *config, const char *bytes, gsize len)
{
    Outside outside;
    if (!outside_open(&outside, &options->outside, config))
        return EXIT_USAGE;
    g_autoptr(Quarantine) quarantine = *config->policy.quarantine_dir ? quarantine_pretend() : NULL;
    const Services services = {
        .resolver = outside.resolver,
        .quarantine = quarantine,
        .clock = outside.clock,
        .random = &random_system,
        .hostname = g_get_host_name(),
    };
    const Tables tables = {all_checks, all_actions};
    g_autoptr(Problems) problems = problems_new();
    Engine *engine = engine_new(&services, &tables);
    int status = EXIT_USAGE;
    if (engine_use(engine, config, problems)) {
        const Adapter adapter = {
            .can_edit_headers = TRUE, .can_edit_sender = TRUE, .can_edit_rcpts = TRUE, .can_edit_body = TRUE,
            .can_hold = TRUE, .mta = "replay",
        };
        const ReplayEnvelope envelope = {
            .ip = options->ip, .ptr = options->ptr, .helo = options->helo,
            .from = options->from ? options->from : "<>", .rcpts = (const char *const *)options->rcpts,
            .login = options->login, .receiver = options->receiver,
        };
        Seen seen = {record_new(), NULL};
        engine_observe(engine, observe, &seen);
        Session *session = session_new(engine, &adapter);
        ReplayResult result;
        g_autoptr(GError) error = NULL;
        gboolean played = replay_message(session, &envelope, bytes, len, &result, &error);
        if (!seen.headers)
            session_abort(session); /* refused before its end: shown all the same */
        if (played)
            status = show(options, &result, &seen);
        else
            fprintf(stderr, "postern scan: %s\n", error->message);
        replay_result_clear(&result);
        session_free(session);
        record_free(seen.record);
        if (seen.headers)
            g_string_free(seen.headers, TRUE);
    }
    command_print_problems(problems);
    engine_free(engine);
    outside_close(&outside);
    return status;
}

int command_scan(int argc, char **argv)
{
    Options options = {0};
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
        {"headers", 0, 0, G_OPTION_ARG_NONE, &options.headers, "show the header as it would be delivered", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "JSON for machines", NULL},
        OUTSIDE_ENTRIES(options.outside),
        {NULL},
    };
    if (!command_options(&argc, &argv, entries, "MESSAGE",
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
