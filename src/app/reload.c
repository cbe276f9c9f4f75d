/* postern reload — makes the running filter read its configuration again, and says what came of it (D7). */
#include <stdio.h>

#include "app/command.h"
#include "app/control.h"
#include "conf/config.h"

int command_reload(int argc, char **argv)
{
    g_autofree char *path = NULL, *socket = NULL;
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &path, "the filter's configuration, which names its socket",
         "FILE"},
        {"socket", 0, 0, G_OPTION_ARG_FILENAME, &socket, "its control socket", "PATH"},
        {NULL},
    };
    if (!command_options(&argc, &argv, entries, "",
                         "Exit status 0: the new configuration is in force; 1: the filter found faults, the "
                         "old one stays;\n"
                         "2: FILE cannot be read or names no socket; 75: no filter answers."))
        return EXIT_USAGE;
    if (argc != 1 || (!path && !socket)) {
        fprintf(stderr, "postern reload: -c FILE or --socket PATH is needed\n");
        return EXIT_USAGE;
    }
    if (!socket) {
        g_autoptr(Problems) problems = problems_new();
        g_autoptr(Config) config = config_load(path, problems);
        if (!config) {
            command_print_problems(problems);
            return EXIT_USAGE;
        }
        if (!*config->daemon.control) {
            fprintf(stderr, "postern reload: %s names no socket ([daemon] control)\n", path);
            return EXIT_USAGE;
        }
        socket = g_strdup(config->daemon.control);
    }
    gboolean ok = FALSE;
    g_autofree char *answer = NULL;
    g_autoptr(GError) error = NULL;
    if (!control_ask(socket, "reload", &ok, &answer, &error)) {
        fprintf(stderr, "postern reload: %s\n", error->message);
        return EXIT_AGAIN;
    }
    fputs(answer, ok ? stdout : stderr);
    return ok ? EXIT_DONE : EXIT_NO;
}
