#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"

static const Command commands[] = {
    {"serve", "run the filter", command_serve},
    {"config", "check, show or explain the configuration", command_config},
    {"scan", "run a message file through the whole pipeline, offline, and say why", command_scan},
    {"policy", "which rule of the access map or configuration answers, and why", command_policy},
    {"spf", "check one address by SPF", command_spf},
    {"dynip", "does a PTR name look like a dynamic address?", command_dynip},
    {"reload", "make the running filter read its configuration again", command_reload},
};

static void usage(FILE *out)
{
    fprintf(out, "Usage: postern COMMAND [OPTION…]\n\n");
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fprintf(out, "\nEach COMMAND has --help. Most have --json.\n");
}

gboolean command_options(int *argc, char ***argv, const GOptionEntry *entries, const char *arguments,
                         const char *description)
{
    g_autofree char *program = g_strdup_printf("postern %s", (*argv)[0]);
    g_set_prgname(program);
    g_autoptr(GOptionContext) context = g_option_context_new(arguments);
    g_option_context_set_summary(context, description);
    g_option_context_add_main_entries(context, entries, NULL);
    g_autoptr(GError) error = NULL;
    if (g_option_context_parse(context, argc, argv, &error))
        return TRUE;
    fprintf(stderr, "%s: %s\nTry: %s --help\n", program, error->message, program);
    return FALSE;
}

void command_print(const Record *record, gboolean json)
{
    g_autofree char *text = json ? record_to_json(record) : record_to_text(record);
    puts(g_strchomp(text));
}

void command_print_problems(const Problems *problems)
{
    for (guint i = 0; i < problems_len(problems); i++) {
        g_autofree char *line = problem_to_string(problems_at(problems, i));
        fprintf(stderr, "%s\n", line);
    }
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("postern " POSTERN_VERSION);
        return EXIT_DONE;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "postern: there is no command \"%s\"\n", argv[1]);
    usage(stderr);
    return EXIT_USAGE;
}
