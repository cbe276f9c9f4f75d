/* offline.h — judging message files as live ones would be: what `scan` and `replay` share. */
#pragma once

#include "app/outside.h"
#include "flow/engine.h"
#include "mta/replay.h"

/* An envelope by the command line. FILENAME: bytes as they are typed; what strangers send need not be text. */
typedef struct {
    char *ip, *ptr, *helo, *from, *login, *receiver;
    char **rcpts;
} EnvelopeOptions;

/* clang-format off */
#define ENVELOPE_ENTRIES(o)                                                                                  \
    {"ip", 0, 0, G_OPTION_ARG_FILENAME, &(o).ip, "the client's address", "IP"},                              \
    {"ptr", 0, 0, G_OPTION_ARG_FILENAME, &(o).ptr, "its PTR name", "NAME"},                                  \
    {"helo", 0, 0, G_OPTION_ARG_FILENAME, &(o).helo, "what it says at HELO", "NAME"},                        \
    {"from", 0, 0, G_OPTION_ARG_FILENAME, &(o).from, "MAIL FROM", "ADDRESS"},                                \
    {"rcpt", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &(o).rcpts, "RCPT TO, once for each", "ADDRESS"},            \
    {"auth", 0, 0, G_OPTION_ARG_FILENAME, &(o).login, "the login of SMTP AUTH", "LOGIN"},                    \
    {"receiver", 0, 0, G_OPTION_ARG_FILENAME, &(o).receiver, "our own name", "NAME"}
/* clang-format on */

void envelope_options_clear(EnvelopeOptions *options);

typedef struct {
    Services services;
    Tables tables;
    Engine *engine;
} Offline;

/* What became of one message. */
typedef struct {
    Record *record;   /* everything that is known, as flow/trace.h shows it, and `answers` */
    GString *headers; /* as they would be delivered; NULL: nothing was judged */
    char **
        rcpts; /* what each recipient was told at RCPT, in the order of the envelope; NULL: refused at MAIL */
    char *end; /* what was answered to the message; NULL: nobody was left, or MAIL was refused */
    char *edits; /* one a line; "" when it is not delivered */
    gboolean reached_end;
    gboolean temporary; /* the sender would come back */
    ReplyKind kind;     /* of `end` */
} Outcome;

/* Checks, actions and the configuration, with the outside that is given; which is borrowed, and must stay where it is.
 * FALSE with errors in `problems`. */
gboolean offline_open(Offline *offline, const Outside *outside, Config *config, Problems *problems);
void offline_close(Offline *offline);

/* FALSE: an address in the envelope is none. Needs nothing cleared then. */
gboolean offline_judge(Offline *offline, const ReplayEnvelope *envelope, const char *message, gsize len,
                       Outcome *outcome, GError **error);
void outcome_clear(Outcome *outcome);
