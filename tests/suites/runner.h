/*
 * runner.h — what the suites share. A suite reads the cases of one JSON document and reports each to the
 * tally; it knows no case by name and makes no exception. `conformance` calls the public library only, `conformance-flow` pushes
 * the same messages through the flow of the daemon.
 */
#pragma once

#include <json-glib/json-glib.h>
#include <postern/resolver.h>

typedef struct {
    guint passed, failed, skipped;
} Tally;

void tally_pass(Tally *tally);
/* "FAIL id: expected …, got …" */
void tally_fail(Tally *tally, const char *id, const char *expected, const char *got);
void tally_skip(Tally *tally, const char *id, const char *why);
/* Passes when equal; NULL stands for "none". */
void tally_compare(Tally *tally, const char *id, const char *expected, const char *got);

/* A member, or the given default where it is missing or null. Borrowed from the object. */
const char *json_str(JsonObject *object, const char *member, const char *missing);
gint64 json_int(JsonObject *object, const char *member, gint64 missing);
gboolean json_bool(JsonObject *object, const char *member, gboolean missing);
/* The array; NULL where it is missing. */
JsonArray *json_list(JsonObject *object, const char *member);

/* Is the word one of the accepted ones? */
gboolean json_lists(JsonArray *words, const char *word);
/* "a or b"; owned by the caller. */
char *json_alternatives(JsonArray *words);

/* Calls `run` for each of "tests", with its id. */
void each_test(JsonObject *root, Tally *tally, void (*run)(JsonObject *test, const char *id, Tally *tally));

/* A test that is a message in `file`, a zone in `dns`, the time of `verify_time` (else now) and one of `results`. `judge`
 * gives the word of what it found. */
typedef const char *(*JudgeMessage)(const char *message, gsize len, Resolver *zone, gint64 now);
void each_message(JsonObject *root, const char *dir, Tally *tally, JudgeMessage judge);

/* zone-json.c: the `dns` or `records` list of a suite as a resolver. Owned by the caller. */
Resolver *zone_from_json(JsonArray *records);

/* The bytes that hex digits stand for; whatever is none ends them. */
void append_hex(GString *into, const char *hex);

/* A kind of cases as the command line calls it; `dir` is the folder of the file, where messages are found. */
typedef struct {
    const char *kind;
    void (*run)(JsonObject *root, const char *dir, Tally *tally); /* NULL: not built yet */
} Suite;
/* All of the program, and one without kind: library.c, dmarc-flow.c. */
extern const Suite suites[];

/* e2e.c: what came out of a connection, an envelope and a message; the words live as long as the program. */
typedef struct {
    const char *spf, *dkim, *dmarc, *iprev;
} EndResults;
/* `ip` and the message are those of the case; FALSE: they cannot be used. */
typedef gboolean (*EndJudge)(JsonObject *test, Resolver *zone, const char *message, gsize len,
                             EndResults *got);
void run_end_to_end(JsonObject *root, const char *dir, Tally *tally, EndJudge judge);

void run_spf(JsonObject *root, const char *dir, Tally *tally);
void run_srs(JsonObject *root, const char *dir, Tally *tally);
void run_ses(JsonObject *root, const char *dir, Tally *tally);
void run_batv(JsonObject *root, const char *dir, Tally *tally);
void run_arc_verify(JsonObject *root, const char *dir, Tally *tally);
void run_arc_sign(JsonObject *root, const char *dir, Tally *tally);
void run_dkim(JsonObject *root, const char *dir, Tally *tally);
void run_dkim_canon(JsonObject *root, const char *dir, Tally *tally);
void run_dmarc(JsonObject *root, const char *dir, Tally *tally);
void run_dmarc_parse(JsonObject *root, const char *dir, Tally *tally);
void run_dmarc_from(JsonObject *root, const char *dir, Tally *tally);
void run_dmarc_e2e(JsonObject *root, const char *dir, Tally *tally);
void run_psl(JsonObject *root, const char *dir, Tally *tally);
