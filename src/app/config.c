/* postern config check|show|default — what the configuration says, and what is wrong with it. */
#include <stdio.h>
#include <string.h>

#include "actions/actions.h"
#include "app/command.h"
#include "app/config-check.h"
#include "app/manual.h"
#include "checks/checks.h"
#include "flow/engine.h"

static int check(const char *path, gboolean json, gboolean show)
{
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_load(path, problems);
    const Tables tables = {all_checks, all_actions};
    g_autoptr(Snapshot) snapshot = config ? snapshot_new(&tables, config, problems) : NULL;
    if (snapshot && !show)
        config_check_snapshot(snapshot, &tables, problems);
    command_print_problems(problems);
    if (!snapshot)
        return EXIT_USAGE;
    if (show) {
        g_autofree char *text = config_show(config, json);
        fputs(text, stdout);
    } else {
        guint warnings = problems_count(problems, PROBLEM_WARNING),
              notes = problems_count(problems, PROBLEM_NOTE);
        printf("%s: no errors, %u warning%s, %u note%s\n", path, warnings, warnings == 1 ? "" : "s", notes,
               notes == 1 ? "" : "s");
    }
    return EXIT_DONE;
}

/* What is made from the tables alone. `man` and `tags` are for those who work on Postern: man/postern.conf.5 and
 * docs/tags.md are their output. */
static const struct {
    const char *name;
    char *(*text)(void);
} pages[] = {
    {"default", config_default_text},
    {"man", config_man_text},
    {"tags", manual_tags},
};

int command_config(int argc, char **argv)
{
    g_autofree char *path = NULL;
    gboolean json = FALSE;
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &path, "the configuration file", "FILE"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "JSON for machines", NULL},
        {NULL},
    };
    if (!command_options(&argc, &argv, entries, "check|show|default [FILE]",
                         "check: every fault with file:line; exit status 2 when the file cannot be used.\n"
                         "show: the effective values and where each comes from.\n"
                         "default: a documented file in which everything is off."))
        return EXIT_USAGE;
    const char *what = argc >= 2 ? argv[1] : "";
    if (argc == 3 && !path)
        path = g_strdup(argv[2]);
    for (guint i = 0; i < G_N_ELEMENTS(pages); i++)
        if (strcmp(what, pages[i].name) == 0) {
            g_autofree char *text = pages[i].text();
            fputs(text, stdout);
            return EXIT_DONE;
        }
    if ((strcmp(what, "check") != 0 && strcmp(what, "show") != 0) || !path) {
        fprintf(stderr, "Usage: postern config check|show FILE, or postern config default\n");
        return EXIT_USAGE;
    }
    return check(path, json, strcmp(what, "show") == 0);
}
