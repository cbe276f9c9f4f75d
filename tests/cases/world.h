/*
 * world.h — what a case plays in: an engine with a fake outside, its connections, and all that came out of
 * them.
 *
 * One thread.
 */
#pragma once

#include <postern/dkim.h>

#include "flow/engine.h"
#include "script.h"

/* A finding that the case wants the throw-away check to record at a stage. */
typedef struct {
    Stage stage;
    char *rcpt; /* as in RCPT TO; NULL: about the session (connect, helo) or the message */
    Tag tag;
    char *subject, *sentence;
    Tag becomes[FINDING_BECOMES_MAX];
    guint n_becomes;
    gboolean of_another; /* it proves another than the envelope sender */
} Planned;

/* What it records when a demand is carried out. */
typedef struct {
    Verb verb;
    char *rcpt; /* NULL: whoever it is for */
    gboolean nothing;
    Planned finding;
} PlannedAnswer;

typedef struct {
    char *name;
    Session *session;          /* NULL: not connected, or closed */
    char *macros[STAGE_COUNT]; /* pairs, parted by \x1f */
} Connection;

typedef struct {
    LogLevel level;
    char *text; /* without the number of the session */
    gboolean expected;
} LogLine;

typedef struct {
    const Script *script;
    const Line *line; /* the one being played */
    guint failures;
    gboolean broken; /* the case is at fault and cannot go on */

    char *dir;        /* temporary: configuration, access map, quarantine */
    FixedClock clock; /* checks find the world by it: see world_of() */
    SeededRandom random;
    Resolver *zone;
    Resolver dns;    /* the zone, with one name that is slow */
    char *slow_name; /* NULL: none */
    gint64 slow_usec;
    Quarantine *quarantine, *failed;
    Store *store; /* in memory; fails when it is told to (faulty.h) */
    Services services;
    Tables tables;
    GPtrArray *checks;
    Check probe; /* the throw-away check */
    Engine *engine;
    gboolean loaded;
    Adapter adapter;

    GPtrArray *planned; /* Planned */
    GPtrArray *answers; /* PlannedAnswer */
    Quota quota;
    Stage reserve_stage; /* the probe takes 1 of `quota` then; STAGE_COUNT: never */
    Planned *over_quota; /* what it finds when it gets none */

    GPtrArray *connections;
    Connection *current;
    char *message;         /* header and body as the client sends them */
    DkimKey *keys[2];      /* signed.c: Ed25519, RSA; NULL: not made yet */
    GHashTable *published; /* names in this zone that have one of them */

    GPtrArray *log;     /* LogLine */
    GPtrArray *settled; /* strings: what the settle hooks saw, in order */
    guint settled_seen;
    gboolean settled_asked;
    GPtrArray *carried; /* strings: the demands that were carried out, in order */
    guint carried_seen;
    gboolean carried_asked;
    Record *record;   /* of the newest message that is over */
    GString *headers; /* of the same, as delivered */
    char *edits;      /* of the newest end of message */
} World;

World *world_new(const Script *script);
void world_free(World *world);

/* The case's line and what is wrong. */
void world_fail(World *world, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The case itself makes no sense: it ends here. */
void world_break(World *world, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Writes a file of the case into its folder. */
void world_write(World *world, const char *name, const char *text);
/* Reads the configuration. The problems as text, or NULL when it is in force; the caller frees. */
char *world_load(World *world);
/* What is known about the newest message, or the session; the caller frees. */
Record *world_record(World *world);
/* Warnings that nobody expected, settle events that were not named. */
void world_check_leftovers(World *world);

/* probe.c: the throw-away check of this world. */
World *world_of(const Session *session);
void probe_init(World *world);
/* Something will be planned for that stage. */
void probe_wants(World *world, Stage stage);
void planned_free(gpointer planned);
void planned_answer_free(gpointer answer);

/* steps.c: reads the whole script for what its `find`, `limit` and `answer` lines will need of the throw-away
 * check, since a snapshot of the configuration looks at its hooks once. */
void plan_ahead(World *world);
/* signed.c */
void do_sign(World *world, const Line *line);
void do_seal(World *world, const Line *line);
void do_spoil(World *world, const Line *line);
/* remembered.c */
void do_remember(World *world, const Line *line);
void do_forget(World *world, const Line *line);
void do_store(World *world, const Line *line);
void expect_store(World *world, const Line *line);
void expect_no_store(World *world, const Line *line);
void expect_journal(World *world, const Line *line);
void expect_no_journal(World *world, const Line *line);
/* "60d", "6min" in seconds; -1: it is none. */
gint64 parse_span(const char *text);
/* steps.c, expect.c: TRUE if the line was one of theirs. */
gboolean step(World *world, const Line *line);
gboolean expectation(World *world, const Line *line);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)
