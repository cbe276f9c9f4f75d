/*
 * session.h — the flow as its adapters drive it: the milter (src/mta/milter.c) and offline replay (src/mta/replay.c).
 *
 * An adapter makes a Session, tells it each step as the MTA tells it, and does with the Reply what the MTA understands.
 * A session is driven by one thread and may block in any step up to the time budget of that stage.
 *
 *     session_connect → session_helo → { session_mail → session_rcpt* → session_data → session_header* →
 *     session_end_of_headers → session_body* → session_end_of_message } * → session_free
 *
 * Steps that the MTA leaves out are no error: no connect (the client address is then unknown), no DATA, no HELO, HELO
 * again at any time. session_abort() ends a message anywhere and is harmless when there is none. A Reply's strings live
 * until the next call on the session.
 *
 * With [shadow] config a session drives a second one beside itself, after each step and within the same time: it judges
 * by the other configuration, has no effect, and where its answer differs there is a line "SHADOW:" in the log. An adapter
 * sees nothing of it.
 *
 * Bytes are what the MTA sent: no encoding is assumed, and NUL ends a string (the codec has cut there).
 */
#pragma once

#include <postern/ip.h>
#include "flow/edits.h"
#include "policy/reply.h"
#include "policy/stage.h"

/* flow/engine.h: services, tables of checks and actions, the current snapshot; and one immutable configuration, compiled. */
typedef struct Engine Engine;
typedef struct Snapshot Snapshot;
typedef struct Session Session;

/* What the adapter can do; the flow does not ask for what it cannot. */
typedef struct {
    void (*progress)(void *data); /* end of message only: tell the MTA that we are still at it; may be NULL */
    void *data;
    gboolean can_edit_headers, can_edit_sender, can_edit_rcpts, can_edit_body, can_hold;
    gboolean alone;  /* offline: [shadow] is left out, and quarantine only pretended */
    const char *mta; /* for the log: "postfix", "sendmail", "replay", … or NULL when unknown */
} Adapter;

/* Steps that nobody of this snapshot needs: the adapter may ask its MTA not to send them. A bit per Stage. */
guint snapshot_unwanted_stages(const Snapshot *snapshot);
/* Steps at which every session of this snapshot says REPLY_GO, and which wait for the network at most for names in
 * internal_connect and trusted_relay: the adapter may ask its MTA not to wait for an answer. A bit per Stage. */
guint snapshot_unanswered_stages(const Snapshot *snapshot);

/* Takes a reference on the snapshot that is current now and keeps it to the end (D7). `adapter` is copied. */
Session *session_new(Engine *engine, const Adapter *adapter);
void session_free(Session *session); /* the connection is closed; a message under way is aborted */
guint64 session_id(const Session *session);
const Snapshot *session_snapshot(const Session *session);

/* The macros that came with a stage, name, value, name, value, …, NULL; names without braces. They replace what the
 * same stage had before. Call before the step itself. */
void session_macros(Session *session, Stage stage, const char *const *pairs);

/* `client_name` is what the MTA calls the client: its name, "[192.0.2.1]", "unknown", or NULL. `ip` is IP_NONE when
 * unknown. */
Reply session_connect(Session *session, const char *client_name, const IpAddress *ip, guint port);
Reply session_helo(Session *session, const char *helo);
/* args[0] is the address as sent, with brackets; ESMTP arguments follow; NULL ends. */
Reply session_mail(Session *session, const char *const *args);
/* `refused` is NULL, or the MTA's own words when it has refused this recipient already (SMFIP_RCPT_REJ); the reply is
 * then of no effect. */
Reply session_rcpt(Session *session, const char *const *args, const char *refused);
Reply session_data(Session *session);
/* `value` has everything after the colon as received, with its leading blank and with "\n" before continuation lines. */
Reply session_header(Session *session, const char *name, const char *value);
Reply session_end_of_headers(Session *session);
/* `bytes` with CRLF line ends, in chunks cut anywhere. */
Reply session_body(Session *session, const void *bytes, gsize len);
/* The last word on the message. With REPLY_CONTINUE or REPLY_ACCEPT the edits are to be applied. The message is over
 * when this returns, but the edits live until the next call. */
Reply session_end_of_message(Session *session, const Edits **edits);
void session_abort(Session *session);
/* A command that the MTA does not know. */
Reply session_unknown(Session *session, const char *command);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Session, session_free)
