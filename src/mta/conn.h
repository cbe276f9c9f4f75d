/*
 * conn.h — one connection of an MTA: packets in, steps of a Session, answers and edits out.
 *
 * conn_run() belongs to the connection's own thread and returns when the connection is over. A connection
 * carries many messages; the Session is made at negotiation, so that a missing connect or HELO step is no
 * special case. Answers are collected and written once, when no whole packet is left to be handled.
 *
 * conn_drain(), conn_force() and conn_is_busy() may be called by any thread while conn_run() is under way.
 * The caller keeps the Conn alive meanwhile, and closes nothing.
 */
#pragma once

#include "flow/session.h"
#include "mta/seen.h"

/* A write that the MTA does not read for so long (or for the idle time, if that is less) is given up: it
 * hangs. */
#define CONN_WRITE_TIMEOUT 30
/* A connection over the cap has so long to ask and be told. */
#define CONN_REFUSAL_TIMEOUT 10
/* Edits are written out when so much of them has been collected: a new body is never copied whole. */
#define CONN_FLUSH_AT (128 * 1024)

typedef struct Conn Conn;

/* Takes `fd`. `peer` is for the log. `idle_timeout` in seconds, 0: none. `refuse`: over the cap, it is told
 * 421. */
Conn *conn_new(int fd, Engine *engine, const char *peer, int idle_timeout, gboolean refuse);
void conn_free(Conn *conn); /* closes */
/* The names of macros that come are noted there; before conn_run(). It outlives the connection. */
void conn_note_macros(Conn *conn, Seen *seen);

void conn_run(Conn *conn);

/* TRUE from MAIL until the message is over. */
gboolean conn_is_busy(const Conn *conn);
/* A message under way may finish; then, or at once, the connection ends. A new message is answered 421. */
void conn_drain(Conn *conn);
/* Do not wait for the MTA any longer: tempfail what is under way. A step that a check is working on ends
 * first. */
void conn_force(Conn *conn);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Conn, conn_free)
