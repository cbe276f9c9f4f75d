/*
 * flow.h — a flow that does as it is told, in place of what src/flow/session.h declares: it writes down every call and
 * gives the replies that a test has put in. For tests of adapters (milter, replay) alone.
 *
 * A test that links this must define no session_… function itself. Threads: any; one Engine, one record of
 * calls.
 */
#pragma once

#include "flow/session.h"

#include <pthread.h>

#define FAKE_STEPS(X) X(connect) X(helo) X(mail) X(rcpt) X(data) X(header) X(eoh) X(body) X(eom) X(unknown)

struct Engine {
    pthread_mutex_t lock;
    GString *calls;  /* a line a call: "1 mail <a@b>"; 1 is the session's number */
    gboolean silent; /* nothing is written down: load */
    guint unwanted, unanswered;
    guint64 last_id;
    guint open; /* sessions that are not freed */
    const Edits *edits;
    guint progress; /* signs of life before the end of a message is answered */
    guint eom_ms;   /* how long that takes */
    gsize stack;    /* bytes of stack that each step touches */
#define X(step) Reply step;
    FAKE_STEPS(X)
#undef X
};

Engine *fake_engine_new(void);
void fake_engine_free(Engine *engine);
/* What has been called since the last time; the caller frees. */
char *fake_engine_take_calls(Engine *engine);
guint fake_engine_open(Engine *engine);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Engine, fake_engine_free)
