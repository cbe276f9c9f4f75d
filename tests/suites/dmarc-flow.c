/*
 * conformance-flow — the end-to-end cases of DMARC through the flow of the daemon: sessions, checks and trace fields, with a zone
 * instead of the DNS. What counts is what the message would be delivered with: a result that the facts have and
 * Authentication-Results do not is wrong.
 */
#include "runner.h"

#include <postern/authres.h>
#include <string.h>

#include "app/offline.h"
#include "base/log.h"

#define RECEIVER "mx.our.example"
#define FIELD    "Authentication-Results:"

/* All is reported, nothing is refused. */
static const char conf[] = "[connection]\niprev = yes\n"
                           "[spf]\nmode = header\n"
                           "[dkim]\nverify = header\n"
                           "[dmarc]\nmode = report\n"
                           "[authres]\nadd = yes\n";

/* Ours is the topmost field of the message. NULL: it is not there. */
static AuthRes *our_field(const GString *headers)
{
    if (!headers || !g_str_has_prefix(headers->str, FIELD " " RECEIVER ";"))
        return NULL;
    const char *end = headers->str;
    do
        end = strchr(end + 1, '\n');
    while (end && (end[1] == ' ' || end[1] == '\t'));
    const char *value = headers->str + strlen(FIELD);
    return authres_parse(value, end ? end - value : -1);
}

static gboolean says(const AuthRes *field, const char *method, const char *word)
{
    for (guint i = 0; field && i < field->results->len; i++) {
        const AuthResResult *result = g_ptr_array_index(field->results, i);
        if (strcmp(result->method, method) == 0 && strcmp(result->result, word) == 0)
            return TRUE;
    }
    return FALSE;
}

static const char *reported(const Outcome *outcome, const AuthRes *field, const char *method)
{
    g_autofree char *path = g_strconcat(method, ".code", NULL);
    const char *word = record_lookup(outcome->record, path);

    if (!word)
        return "nothing";
    return says(field, method, word) ? g_intern_string(word) : "not what " FIELD " says";
}

static gboolean play(const Outside *outside, const ReplayEnvelope *envelope, const char *message, gsize len,
                     EndResults *got)
{
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_parse("end-to-end", conf, strlen(conf), problems);
    Offline offline;
    Outcome outcome;

    g_assert(config);
    gboolean judged = offline_open(&offline, outside, config, problems) &&
                      offline_judge(&offline, envelope, message, len, &outcome, NULL);
    if (judged) {
        g_autoptr(AuthRes) field = our_field(outcome.headers);
        *got = (EndResults){
            .spf = reported(&outcome, field, "spf"),
            .dkim = reported(&outcome, field, "dkim"),
            .dmarc = reported(&outcome, field, "dmarc"),
            .iprev = reported(&outcome, field, "iprev"),
        };
        outcome_clear(&outcome);
    }
    offline_close(&offline);
    return judged;
}

static gboolean judge(JsonObject *test, Resolver *zone, const char *message, gsize len, EndResults *got)
{
    const Outside outside = {.resolver = zone, .clock = &clock_system};
    g_autofree char *rcpt = g_strdup_printf("<%s>", json_str(test, "rcpt", "postmaster@our.example"));
    g_autofree char *from = g_strdup_printf("<%s>", json_str(test, "mailfrom", ""));
    const char *const rcpts[] = {rcpt, NULL};
    const ReplayEnvelope envelope = {
        .ip = json_str(test, "ip", NULL),
        .helo = json_str(test, "helo", NULL),
        .from = from,
        .rcpts = rcpts,
        .receiver = RECEIVER,
    };

    return play(&outside, &envelope, message, len, got);
}

/* What the flow says to postmasters is no matter here. */
static void say_nothing(LogLevel level, const char *text, void *data)
{
}

static void run_dmarc_flow(JsonObject *root, const char *dir, Tally *tally)
{
    log_set_sink(say_nothing, NULL);
    run_end_to_end(root, dir, tally, judge);
    log_set_sink(NULL, NULL);
}

const Suite suites[] = {
    {"dmarc-flow", run_dmarc_flow},
    {0},
};
