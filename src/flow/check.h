/*
 * check.h — what a check and an action are.
 *
 * A check is one file with one of these structs, and one line in the table of checks (checks/checks.c). It computes one
 * fact per session, message or recipient, and records findings in the hooks of the stages. It never replies and never
 * asks for a verb. A hook may block within session_deadline(). Hooks of one session run in one thread; several
 * sessions run at once, so a check keeps nothing outside its fact.
 */
#pragma once

#include "flow/flow.h"

typedef enum { PER_SESSION, PER_MESSAGE, PER_RECIPIENT } FactScope;

/* What a check adds to the trace of a message that is delivered: results for Authentication-Results (RFC 8601) and
 * whole fields of its own. */
typedef struct {
    AuthRes *results;
    Edits *edits;
} TraceFields;

struct Check {
    const char *name; /* prefix of its settings, log lines, metrics */
    FactScope scope;
    /* Is it switched on? NULL: always. A check that is not wanted costs nothing, and its fact is not asked for. */
    gboolean (*wanted)(const Config *config);

    const Field *fields; /* shows the fact to log, trace, JSON, tests */
    gsize fact_size;     /* 0: no fact */
    /* Fills a zeroed fact; `of` is the Session, Message or Recipient. Strings come from its pool. */
    void (*evaluate)(void *of, void *fact);

    /* A hint before the hooks of STAGE_RCPT (the first recipient) and after those of STAGE_HEADERS: start the DNS that
     * will be wanted. Never needed for being right, and never earlier: a client without a valid recipient shall
     * cost no DNS (C9). */
    void (*prefetch)(Session *session, Stage stage);

    /* Before the first recipient nothing may wait for the network (C9), but the client check for names that the administrator
     * wrote in internal_connect and trusted_relay; the store may be asked. The MTA need not wait for these steps, so what they
     * take is added to the time of the first recipient. */
    void (*connect)(Session *session);
    void (*helo)(Session *session);
    void (*mail)(Message *message);
    void (*first_rcpt)(Message *message); /* once, at the first recipient that the MTA has not refused (C9) */
    void (*rcpt)(Recipient *recipient);
    void (*data)(Message *message);
    void (*headers)(Message *message);
    void (*body)(Message *message, const void *bytes, gsize len); /* each chunk; not kept for later */
    void (*message)(Message *message);

    /* It asks for hashes of the body in its `headers` hook (message_hashes()), so the body must come though no hook sees it. */
    gboolean hashes_body;

    guint carries_out; /* VERB_BIT()s of the demands that it can fulfil */
    /* Records what it found. `recipient` is the one that the demand was weighed for. */
    void (*carry_out)(Recipient *recipient, const Demand *demand);

    /* What is counted or learned, once the reply is fixed. */
    void (*settle_recipient)(Recipient *recipient);
    void (*settle_message)(Message *message, gboolean aborted);
    void (*settle_session)(Session *session);
    /* They change nothing but the session itself: then they run in a shadow ([shadow] config) too. Of others a shadow
     * carries out nothing and settles nothing. */
    gboolean settles_in_shadow;

    void (*trace)(Message *message, TraceFields *trace);
};

/* All that the checks of this message add to its trace. */
void message_trace(Message *message, TraceFields *trace);

/* Something that is done to mail that will be delivered. Runs at end of message, in the order of the table. */
typedef struct {
    const char *name;
    gboolean (*wanted)(const Config *config); /* NULL: always */
    void (*headers)(Message *message);        /* at its end: asks for hashes of the body; may be NULL */
    void (*apply)(Message *message);          /* collects edits; see message_edits() */
} Action;

/* Both tables end with NULL. */
typedef struct {
    const Check *const *checks;
    const Action *const *actions;
} Tables;
