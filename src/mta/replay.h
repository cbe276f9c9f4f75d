/*
 * replay.h — the same flow offline: a message file and an envelope instead of an MTA (K8).
 *
 * Drives a Session step by step as an MTA would: stops asking for a recipient that was refused, aborts when none is
 * left. One thread.
 */
#pragma once

#include <glib.h>

#include "flow/session.h"

typedef struct {
    const char *ip;   /* NULL: unknown */
    const char *ptr;  /* NULL: none */
    const char *helo; /* NULL: none said */
    const char *from; /* with or without brackets */
    const char *const *rcpts;
    const char *login;    /* of SMTP AUTH; NULL: none */
    const char *receiver; /* macro j; NULL: the engine's own name */
} ReplayEnvelope;

typedef struct {
    Reply mail;   /* not CONTINUE: refused at MAIL, nothing follows */
    Reply *rcpts; /* one a recipient */
    guint n_rcpts;
    gboolean reached_end; /* some recipient was left, so the message was judged */
    Reply end;
    const Edits *edits; /* NULL, or the session's */
} ReplayResult;

/* Splits at the first empty line, LF or CRLF; the body gets CRLF. What the result points to lives until the next call on
 * the session. FALSE: an address in the envelope is none. */
gboolean replay_message(Session *session, const ReplayEnvelope *envelope, const char *message, gsize len,
                        ReplayResult *result, GError **error);
void replay_result_clear(ReplayResult *result);
/* The steps for the header and body of a message alone. */
void replay_content(Session *session, const char *message, gsize len);
