#include "app/offline.h"

#include "actions/actions.h"
#include "checks/checks.h"
#include "flow/trace.h"

void envelope_options_clear(EnvelopeOptions *options)
{
    char *const texts[] = {options->ip,   options->ptr,   options->helo,
                           options->from, options->login, options->receiver};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
    g_strfreev(options->rcpts);
}

gboolean offline_open(Offline *offline, const Outside *outside, Config *config, Problems *problems)
{
    *offline = (Offline){
        .services =
            {
                .resolver = outside->resolver,
                .clock = outside->clock,
                .random = &random_system,
                .hostname = g_get_host_name(),
            },
        .tables = {all_checks, all_actions},
    };
    offline->engine = engine_new(&offline->services, &offline->tables);
    return engine_use(offline->engine, config, problems);
}

void offline_close(Offline *offline)
{
    g_clear_pointer(&offline->engine, engine_free);
}

static void observe(Message *message, gboolean aborted, const Reply *reply, void *data)
{
    Outcome *outcome = data;
    message_record(message, outcome->record);
    outcome->headers = message_render_headers(message);
}

static char *reply_words(const Reply *reply)
{
    static const char *const words[] = {
        [REPLY_CONTINUE] = "accepted",
        [REPLY_ACCEPT] = "accepted",
        [REPLY_REJECT] = "refused",
        [REPLY_TEMPFAIL] = "try again later",
        [REPLY_DISCARD] = "accepted and not delivered",
    };
    return reply->code ? g_strdup_printf("%d %s %s", reply->code, reply->xcode, reply->text)
                       : g_strdup(words[reply->kind]);
}

/* Would the sender come back? At the end of the message, or, when it never got there, at MAIL or for a recipient. */
static gboolean is_temporary(const ReplayResult *result)
{
    if (result->reached_end)
        return result->end.kind == REPLY_TEMPFAIL;
    gboolean temporary = result->mail.kind == REPLY_TEMPFAIL;
    for (guint i = 0; i < result->n_rcpts; i++)
        temporary |= result->rcpts[i].kind == REPLY_TEMPFAIL;
    return temporary;
}

static void take_result(Outcome *outcome, const ReplayEnvelope *envelope, const ReplayResult *result)
{
    Record *answers = record_child(outcome->record, "answers");
    g_autofree char *mail = reply_words(&result->mail);
    record_str(answers, "mail", mail);
    outcome->rcpts = g_new0(char *, result->n_rcpts + 1);
    for (guint i = 0; i < result->n_rcpts; i++) {
        outcome->rcpts[i] = reply_words(&result->rcpts[i]);
        record_str(answers, envelope->rcpts[i], outcome->rcpts[i]);
    }
    outcome->reached_end = result->reached_end;
    outcome->kind = result->end.kind;
    outcome->temporary = is_temporary(result);
    outcome->end = result->reached_end ? reply_words(&result->end) : NULL;
    record_str(answers, "message", outcome->end);
    gboolean applied =
        result->edits && (result->end.kind == REPLY_CONTINUE || result->end.kind == REPLY_ACCEPT);
    outcome->edits = applied ? edits_to_text(result->edits) : g_strdup("");
}

gboolean offline_judge(Offline *offline, const ReplayEnvelope *envelope, const char *message, gsize len,
                       Outcome *outcome, GError **error)
{
    const Adapter adapter = {
        .can_edit_headers = TRUE,
        .can_edit_sender = TRUE,
        .can_edit_rcpts = TRUE,
        .can_edit_body = TRUE,
        .can_hold = TRUE,
        .alone = TRUE,
        .mta = "replay",
    };
    *outcome = (Outcome){.record = record_new()};
    engine_observe(offline->engine, observe, outcome);
    Session *session = session_new(offline->engine, &adapter);
    ReplayResult result;
    gboolean played = replay_message(session, envelope, message, len, &result, error);
    if (played)
        take_result(outcome, envelope, &result);
    if (!outcome->headers)
        session_abort(session); /* refused before its end: shown all the same */
    replay_result_clear(&result);
    session_free(session);
    engine_observe(offline->engine, NULL, NULL);
    if (!played)
        outcome_clear(outcome);
    return played;
}

void outcome_clear(Outcome *outcome)
{
    record_free(outcome->record);
    if (outcome->headers)
        g_string_free(outcome->headers, TRUE);
    g_strfreev(outcome->rcpts);
    g_free(outcome->end);
    g_free(outcome->edits);
    *outcome = (Outcome){0};
}
