/*
 * command.h — the subcommands of `postern`. The command line is a contract: other people's scripts use it.
 *
 * Exit status: 0 done, 1 the answer is no, 2 usage or configuration, 75 try again (EX_TEMPFAIL of sysexits.h).
 */
#pragma once

#include "base/record.h"
#include "conf/problem.h"

enum { EXIT_DONE = 0, EXIT_NO = 1, EXIT_USAGE = 2, EXIT_AGAIN = 75 };

typedef struct {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name */
} Command;

int command_serve(int argc, char **argv);
int command_config(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_scan(int argc, char **argv);
int command_policy(int argc, char **argv);
int command_spf(int argc, char **argv);
int command_dkim(int argc, char **argv);
int command_arc(int argc, char **argv);
int command_dmarc(int argc, char **argv);
int command_authres(int argc, char **argv);
int command_srs(int argc, char **argv);
int command_dynip(int argc, char **argv);
int command_journal(int argc, char **argv);
int command_reload(int argc, char **argv);
int command_ban(int argc, char **argv);
int command_greylist(int argc, char **argv);
int command_limits(int argc, char **argv);
int command_list(int argc, char **argv);
int command_import(int argc, char **argv);
int command_store(int argc, char **argv);

/* Parses options; on a usage error says so on stderr and returns FALSE. `arguments` names what is left over, for
 * --help. */
gboolean command_options(int *argc, char ***argv, const GOptionEntry *entries, const char *arguments,
                         const char *description);
/* Prints as JSON on one line, or as text. */
void command_print(const Record *record, gboolean json);
/* One line each on stderr. */
void command_print_problems(const Problems *problems);
