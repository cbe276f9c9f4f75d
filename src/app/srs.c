/* postern srs — rewrites, turns back, signs and verifies one sender, as the filter and the MTA's maps do. */
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/outside.h"
#include "base/random.h"
#include "conf/signing.h"

typedef struct {
    char *config, *secret_file, *domain, *form;
    gboolean json;
    OutsideOptions outside;
} Options;

typedef struct {
    const Config *config;
    const char *address;
    gint64 now;
    Record *record;
} Task;

/* The status of the command; what was found is in the record. */
typedef int (*Run)(const Task *task);

static int show_made(const Task *task, char *made)
{
    g_autofree char *owned = made;
    record_str(task->record, "address", owned ? owned : task->address);
    record_bool(task->record, "rewritten", owned != NULL);
    return owned ? EXIT_DONE : EXIT_NO;
}

static int run_forward(const Task *task)
{
    return show_made(task, signing_forward(task->config, task->address, task->now));
}

static int run_sign(const Task *task)
{
    return show_made(task, signing_sign(task->config, task->address, task->now, random_u64(&random_system)));
}

static int show_reversed(const Task *task, SrsStatus status, const char *original)
{
    record_str(task->record, "status", srs_status_name(status));
    record_str(task->record, "address", original);
    return status == SRS_VALID ? EXIT_DONE : EXIT_NO;
}

static int run_reverse(const Task *task)
{
    g_autofree char *original = NULL;
    SrsStatus status = signing_reverse_all(task->config, task->address, task->now, &original);
    return show_reversed(task, status, original);
}

/* One step, so that of an address that was rewritten twice each is seen. */
static int run_verify(const Task *task)
{
    g_autofree char *original = NULL;
    SrsStatus status = signing_reverse(task->config, task->address, task->now, &original);
    return show_reversed(task, status, original);
}

static const struct {
    const char *name;
    Run run;
} commands[] = {
    {"forward", run_forward},
    {"reverse", run_reverse},
    {"sign", run_sign},
    {"verify", run_verify},
};

static Run find_command(const char *name)
{
    for (gsize i = 0; name && i < G_N_ELEMENTS(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run;
    return NULL;
}

/* The configuration that the options without a file stand for; the caller frees. NULL: said on stderr. */
static char *text_of(const Options *options, const char *address)
{
    const char *at = strrchr(address, '@');
    const char *form = options->form ? options->form : "srs", *forms[] = {"srs", "ses", "batv", NULL};
    if (!g_strv_contains(forms, form)) {
        fprintf(stderr, "postern srs: --form is srs, ses or batv\n");
        return NULL;
    }
    const char *domain = options->domain ? options->domain : at ? at + 1 : "";
    if (strpbrk(domain, "\r\n")) {
        fprintf(stderr, "postern srs: --domain is no domain\n");
        return NULL;
    }
    return g_strdup_printf("[srs]\nforward_domain = %s\nsign_%s = %s\n", domain, form, domain);
}

static Config *load(const Options *options, const char *address)
{
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = NULL;
    if (options->config) {
        config = config_load(options->config, problems);
    } else {
        g_autofree char *text = text_of(options, address);
        config = text ? config_parse("postern srs", text, strlen(text), problems) : NULL;
    }
    command_print_problems(problems);
    if (!config || !options->secret_file)
        return g_steal_pointer(&config);
    g_autoptr(GError) error = NULL;
    char **secrets = signing_read_secrets(options->secret_file, &error);
    if (!secrets) {
        fprintf(stderr, "postern srs: %s\n", error->message);
        return NULL;
    }
    g_strfreev(config->loaded.srs_secrets);
    config->loaded.srs_secrets = secrets;
    return g_steal_pointer(&config);
}

static int run(const Options *options, Run command, const char *address)
{
    g_autoptr(Config) config = load(options, address);
    Outside outside;
    if (!config || !outside_open(&outside, &options->outside, config))
        return EXIT_USAGE;
    g_autoptr(Record) record = record_new();
    const Task task = {config, address, clock_seconds(outside.clock), record};
    int status = EXIT_USAGE;
    if (signing_is_on(config)) {
        status = command(&task);
        command_print(record, options->json);
    } else {
        fprintf(stderr, "postern srs: there is no secret; --secret-file, or [srs] secret_file of --config\n");
    }
    outside_close(&outside);
    return status;
}

int command_srs(int argc, char **argv)
{
    Options options = {0};
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &options.config, "the configuration file", "FILE"},
        {"secret-file", 0, 0, G_OPTION_ARG_FILENAME, &options.secret_file,
         "secrets, one a line; the first signs", "FILE"},
        {"domain", 0, 0, G_OPTION_ARG_STRING, &options.domain,
         "without --config: the domain that is ours; else that of ADDRESS", "DOMAIN"},
        {"form", 0, 0, G_OPTION_ARG_STRING, &options.form,
         "without --config: sign in this form, srs, ses or batv", "FORM"},
        {"time", 0, 0, G_OPTION_ARG_STRING, &options.outside.time, "set the clock, e.g. 2026-11-23T06:00:00Z",
         "TIME"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "JSON for machines", NULL},
        {NULL},
    };
    if (!command_options(
            &argc, &argv, entries, "forward|reverse|sign|verify ADDRESS",
            "Rewrites a sender for forwarding, turns it back, signs one of ours, or verifies it.\n"
            "Exit status 0: done, or valid; 1: the address stays as it is, or is not valid."))
        return EXIT_USAGE;
    Run command = argc == 3 ? find_command(argv[1]) : NULL;
    int status = EXIT_USAGE;
    if (command)
        status = run(&options, command, argv[2]);
    else
        fprintf(stderr, "Usage: postern srs forward|reverse|sign|verify ADDRESS\n");
    g_free(options.config);
    g_free(options.secret_file);
    g_free(options.domain);
    g_free(options.form);
    outside_options_clear(&options.outside);
    return status;
}
