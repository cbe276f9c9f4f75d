/* conn-internal.h — one connection, as conn.c (bytes, life) and steps.c (what each command does) share it. */
#pragma once

#include "mta/conn.h"
#include "mta/negotiate.h"

#include "base/log.h"

struct Conn {
    int fd;
    Engine *engine;
    char *peer;
    int idle_timeout;
    gboolean refuse;

    WireReader *reader;
    GString *out;
    gboolean over; /* nothing more is read */

    gboolean negotiated;
    gboolean connected; /* this session has had its connect */
    Negotiation agreed;
    Adapter adapter;
    Session *session;

    char *mta_version;     /* its macro v; NULL: it has not said */
    Seen *seen;            /* NULL: nobody asks */
    guint noted;           /* a bit per Stage: told to `seen` */
    guint has_macros;      /* a bit per Stage: macros came for the step that is to come */
    GString *rcpt_refused; /* the MTA's words about the recipient that is to come, or empty */
    gboolean in_message;   /* from MAIL until the last word on the message */
    GString *late;         /* a verdict at a step that is not answered, kept for the next that is */
    guint missing_edits;   /* kinds of edits that this MTA does not take and that were said so in the log */

    gint busy, draining, forced; /* atomic: read by others */
};

/* A line about this connection; `detail` may be NULL. */
void conn_say(const Conn *conn, LogLevel level, const char *text, const char *detail);
/* Ends the connection, with the one line that says why. */
void conn_give_up(Conn *conn, const char *why, const char *detail);
/* Writes what has been collected. FALSE: the connection is over. */
gboolean conn_flush(Conn *conn);
/* Does one command: drives the session, collects the answer. */
void conn_handle(Conn *conn, const WireCommand *command);
