#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"

static const Command commands[] = {
    {"serve", "run the filter", command_serve},
    {"config", "check, show or explain the configuration", command_config},
    {"scan", "run a message file through the whole pipeline, offline, and say why", command_scan},
    {"replay", "run stored mail through two configurations and show what differs", command_replay},
    {"policy", "which rule of the access map or configuration answers, and why", command_policy},
    {"journal", "what became of messages: search, count, and say why", command_journal},
    {"spf", "check one address by SPF", command_spf},
    {"dkim", "verify or sign a message by DKIM, make and check keys", command_dkim},
    {"arc", "validate or seal a message's ARC chain", command_arc},
    {"dmarc", "check an author domain by DMARC", command_dmarc},
    {"authres", "read or make Authentication-Results", command_authres},
    {"srs", "rewrite, turn back, sign or verify a sender", command_srs},
    {"doctor", "look for what usually goes wrong, and say which line to change", command_doctor},
    {"dynip", "does a PTR name look like a dynamic address?", command_dynip},
    {"reload", "make the running filter read its configuration again", command_reload},
    {"ban", "who is banned: show, add, remove, export as a DNSBL", command_ban},
    {"greylist", "who is waiting, who has come back: show, pardon, exempt", command_greylist},
    {"limits", "what is used of each limit now", command_limits},
    {"list", "who is remembered on the whitelist and the blacklist", command_list},
    {"import", "take over what the older system remembered", command_import},
    {"store", "look after the file of what is remembered", command_store},
};

static void usage(FILE *out)
{
    fprintf(out, "Usage: postern COMMAND [OPTION…]\n\n");
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].summary);
    fprintf(out, "\nEach COMMAND has --help. Most have --json.\n");
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
