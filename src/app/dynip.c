/* postern dynip PTR IP — does the name look like a dynamic address? (A2) */
#include <postern/dynip.h>
#include <stdio.h>

#include "app/command.h"

int command_dynip(int argc, char **argv)
{
    gboolean json = FALSE;
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "JSON for machines", NULL},
        {NULL},
    };
    if (!command_options(&argc, &argv, entries, "PTR IP",
                         "Says whether a PTR name spells its address or looks like dial-up, cable or DHCP.\n"
                         "Exit status 0: it looks dynamic; 1: it does not."))
        return EXIT_USAGE;
    IpAddress ip;
    if (argc != 3 || !ip_parse(argv[2], &ip)) {
        fprintf(stderr, "Usage: postern dynip PTR IP\n");
        return EXIT_USAGE;
    }
    const char *why = NULL;
    gboolean dynamic = dynip_looks_dynamic(argv[1], &ip, &why);
    g_autoptr(Record) record = record_new();
    record_bool(record, "dynamic", dynamic);
    record_str(record, "why", why);
    command_print(record, json);
    return dynamic ? EXIT_DONE : EXIT_NO;
}
