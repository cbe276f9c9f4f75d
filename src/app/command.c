/* What all subcommands do alike: options and printing. */
#include "app/command.h"

#include <stdio.h>

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
