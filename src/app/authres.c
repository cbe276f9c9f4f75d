/* postern authres read|make — Authentication-Results from the command line (E5). */
#include <postern/authres.h>
#include <postern/header.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/mailfile.h"
#include "app/offline.h"

#define FIELD_NAME "Authentication-Results"

typedef struct {
    EnvelopeOptions envelope;
    char *id;
    gboolean json;
    OutsideOptions outside;
} Options;

/* ---- read ---- */

static void show_result(Record *record, const AuthResResult *result)
{
    record_str(record, "method", result->method);
    record_str(record, "result", result->result);
    if (result->version)
        record_int(record, "version", result->version);
    record_str(record, "reason", result->reason);
    record_str(record, "comment", result->comment);
    for (guint i = 0; i < result->properties->len; i++) {
        const AuthResProperty *property = result->properties->pdata[i];
        Record *row = record_element(record, "properties");
        if (*property->ptype)
            record_str(row, "ptype", property->ptype);
        record_str(row, "property", property->property);
        record_str(row, "value", property->value);
    }
}

static void show_field(Record *record, const AuthRes *ar)
{
    record_str(record, "authserv_id", ar->authserv_id);
    if (ar->version)
        record_int(record, "version", ar->version);
    record_bool(record, "malformed", ar->malformed);
    for (guint i = 0; i < ar->results->len; i++)
        show_result(record_element(record, "results"), ar->results->pdata[i]);
}

static gboolean is_field(const DkimField *field)
{
    return header_name_is(field->name, (gssize)field->name_len, FIELD_NAME);
}

static int read_fields(const void *data, const Outside *outside, const MailFile *mail)
{
    const Options *options = data;
    g_autoptr(Record) record = record_new();
    for (guint i = 0; i < dkim_header_len(mail->header); i++) {
        const DkimField *field = dkim_header_field(mail->header, i);
        if (!is_field(field))
            continue;
        g_autoptr(AuthRes) ar = authres_parse(field->value, (gssize)field->value_len);
        Record *row = record_element(record, "fields");
        show_field(row, ar);
        if (options->id)
            record_bool(row, "ours", authres_is_from(field->value, (gssize)field->value_len, options->id));
    }
    gboolean found = !record_is_empty(record);
    if (found)
        command_print(record, options->json);
    else if (options->json)
        puts("{\"fields\":[]}");
    return found ? EXIT_DONE : EXIT_NO;
}

/* ---- make ---- */

/* Every method, and nothing that refuses mail: results are what is asked for. */
static Config *all_methods(const char *id)
{
    g_autofree char *text =
        g_strdup_printf("[connection]\niprev = yes\n[spf]\nmode = header\n[dkim]\nverify = header\n"
                        "[arc]\nverify = yes\n[dmarc]\nmode = report\n"
                        "[authres]\nadd = yes\nauthserv_id = %s\n",
                        id ? id : "");
    g_autoptr(Problems) problems = problems_new();
    Config *config = config_parse("postern authres", text, strlen(text), problems);
    command_print_problems(problems);
    return config;
}

/* The field that the filter adds is the topmost of its name. */
static char *topmost(const GString *headers)
{
    g_autoptr(DkimHeader) header = dkim_header_new();
    dkim_header_read(header, headers->str, headers->len);
    for (guint i = 0; i < dkim_header_len(header); i++) {
        const DkimField *field = dkim_header_field(header, i);
        if (is_field(field))
            return g_strndup(field->value, field->value_len);
    }
    return NULL;
}

static int print_made(const Options *options, const char *value)
{
    g_autoptr(AuthRes) ar = authres_parse(value, -1);
    g_auto(GStrv) lines = g_strsplit(value, "\r\n", -1);
    g_autofree char *text = g_strjoinv("\n", lines);
    if (options->json) {
        g_autoptr(Record) record = record_new();
        show_field(record, ar);
        command_print(record, TRUE);
    } else {
        printf(FIELD_NAME ":%s\n", text);
    }
    for (guint i = 0; i < ar->results->len; i++) {
        const AuthResResult *result = ar->results->pdata[i];
        if (strcmp(result->result, "temperror") == 0)
            return EXIT_AGAIN;
    }
    return EXIT_DONE;
}

static int judge(const Options *options, Offline *offline, const MailFile *mail)
{
    static const char *const anybody[] = {"postmaster@localhost", NULL};
    const ReplayEnvelope envelope = {
        .ip = options->envelope.ip,
        .ptr = options->envelope.ptr,
        .helo = options->envelope.helo,
        .from = options->envelope.from ? options->envelope.from : "<>",
        .rcpts = options->envelope.rcpts ? (const char *const *)options->envelope.rcpts : anybody,
        .login = options->envelope.login,
        .receiver = options->envelope.receiver,
    };
    g_autoptr(GError) error = NULL;
    Outcome outcome;
    if (!offline_judge(offline, &envelope, mail->bytes, mail->len, &outcome, &error)) {
        fprintf(stderr, "postern authres: %s\n", error->message);
        return EXIT_USAGE;
    }
    g_autofree char *value = outcome.headers ? topmost(outcome.headers) : NULL;
    outcome_clear(&outcome);
    if (value)
        return print_made(options, value);
    fprintf(stderr, "postern authres: the message was not judged\n");
    return EXIT_NO;
}

static int make(const void *data, const Outside *outside, const MailFile *mail)
{
    const Options *options = data;
    if (!options->envelope.ip) {
        fprintf(stderr, "postern authres make: --ip is needed, the address that the message came from\n");
        return EXIT_USAGE;
    }
    g_autoptr(Config) config = all_methods(options->id);
    g_autoptr(Problems) problems = problems_new();
    Offline offline;
    if (!config)
        return EXIT_USAGE;
    int status = EXIT_USAGE;
    if (offline_open(&offline, outside, config, problems))
        status = judge(options, &offline, mail);
    command_print_problems(problems);
    offline_close(&offline);
    return status;
}

static void drop_line(LogLevel level, const char *line, void *data)
{
}

static void options_clear(Options *options)
{
    envelope_options_clear(&options->envelope);
    g_free(options->id);
    outside_options_clear(&options->outside);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

/* It goes into a header field, and into a line of our configuration. */
static gboolean is_id(const char *id)
{
    for (const char *p = id; p && *p; p++)
        if (!g_ascii_isgraph(*p))
            return FALSE;
    return !id || *id;
}

int command_authres(int argc, char **argv)
{
    g_auto(Options) options = {0};
    const GOptionEntry entries[] = {
        {"authserv-id", 0, 0, G_OPTION_ARG_STRING, &options.id,
         "our name in the field; read: say which fields bear it", "NAME"},
        ENVELOPE_ENTRIES(options.envelope),
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "JSON for machines", NULL},
        OUTSIDE_ENTRIES(options.outside),
        {NULL},
    };
    if (!command_options(&argc, &argv, entries, "read|make [MESSAGE]",
                         "read: what the Authentication-Results fields of a message say (RFC 8601).\n"
                         "make: checks a message by SPF, DKIM, ARC, DMARC and iprev, and prints its field.\n"
                         "Without MESSAGE, or with -, it is read from standard input.\n"
                         "Exit status 0: done; 1: there is none; 75: a method had a temporary error."))
        return EXIT_USAGE;
    if (!is_id(options.id)) {
        fprintf(stderr, "postern authres: --authserv-id is a name without blanks\n");
        return EXIT_USAGE;
    }
    log_set_sink(drop_line, NULL); /* the field says it all */
    const char *what = argc >= 2 ? argv[1] : "", *path = argc == 3 ? argv[2] : NULL;
    if (argc <= 3 && strcmp(what, "read") == 0)
        return mailfile_run(argv[0], path, &options.outside, read_fields, &options);
    if (argc <= 3 && strcmp(what, "make") == 0)
        return mailfile_run(argv[0], path, &options.outside, make, &options);
    fprintf(stderr, "Usage: postern authres read|make [OPTION…] [MESSAGE]\n");
    return EXIT_USAGE;
}
