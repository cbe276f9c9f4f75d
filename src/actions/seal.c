/*
 * seal — ARC sets on mail that others may be forwarded (E3; RFC 8617 §5.1).
 *
 * Which aliases and lists will pass a message on is known to the MTA alone, so all incoming mail is sealed, or what goes to
 * [arc] rcpts. Our own people's mail is not: there is nothing that we have seen of it, and it is signed instead.
 *
 * The set says what our checks found (message_trace()), how the chain was as it came included: that is the result "arc"
 * among them. A message with a chain that no check has looked at is left as it is, for a seal that says less than the truth
 * breaks the chain for everybody behind us.
 *
 * Runs after all other edits.
 */
#include "actions/actions.h"

#include <postern/arc.h>
#include <string.h>

/* What a chain is for are hops that touch the message, and each verifies the newest message signature before it seals its own:
 * with `simple` a hop that only folds a field anew would end the chain. So there is no option to spoil that. Chains in
 * either form are verified, and arc_seal() writes either. */
#define CANON DKIM_RELAXED

static gboolean wanted(const Config *config)
{
    return config->loaded.seal_key != NULL;
}

static gboolean is_sealed(Message *message)
{
    Session *session = message_session(message);
    const PatternList *rcpts = session_config(session)->arc.rcpts;
    if (session_is_ours(session))
        return FALSE;
    for (guint i = 0; !patterns_is_empty(rcpts) && i < message_n_recipients(message); i++) {
        const Recipient *recipient = message_recipient(message, i);
        if (recipient_state(recipient) == RCPT_ACCEPTED &&
            patterns_match(rcpts, recipient_address(recipient)->canonical))
            return TRUE;
    }
    return patterns_is_empty(rcpts);
}

static void on_headers(Message *message)
{
    if (is_sealed(message))
        message_want_hash(message, CANON);
}

/* Our results, and what they say of the chain. FALSE: nothing, and there is one. */
static gboolean read_status(Message *message, const AuthRes *results, ArcStatus *status)
{
    *status = ARC_NONE;
    for (guint i = 0; i < results->results->len; i++) {
        const AuthResResult *result = results->results->pdata[i];
        if (strcmp(result->method, "arc") == 0)
            return arc_status_parse(result->result, status);
    }
    return !message_header_named(message, "ARC-Seal", 1) &&
           !message_header_named(message, "ARC-Message-Signature", 1) &&
           !message_header_named(message, "ARC-Authentication-Results", 1);
}

static void add_set(Message *message, const ArcSealing *sealing)
{
    const GArray *fields = message_delivered_header(message);
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(GError) error = NULL;
    for (guint i = 0; i < fields->len; i++) {
        const Header *field = &g_array_index(fields, Header, i);
        dkim_header_add(header, field->name, -1, field->value, -1);
    }
    g_autoptr(ArcSet) set = arc_seal(sealing, header, message_delivered_hashes(message), &error);
    if (!set) {
        message_log(message, LOG_LEVEL_INFO, "not sealed:", "%s", error->message);
        return;
    }
    Edits *edits = message_edits(message);
    edits_prepend_header(edits, "seal", "ARC-Authentication-Results", set->authres);
    edits_prepend_header(edits, "seal", "ARC-Message-Signature", set->message_signature);
    edits_prepend_header(edits, "seal", "ARC-Seal", set->seal);
    message_log(message, LOG_LEVEL_INFO, "sealed:", "i=%u cv=%s d=%s", set->instance,
                arc_status_name(sealing->status), sealing->domain);
}

static void apply(Message *message)
{
    Session *session = message_session(message);
    const Config *config = session_config(session);
    if (!is_sealed(message) || !message_has_hash(message, CANON))
        return;
    g_autoptr(AuthRes) results = authres_new(action_authserv_id(message));
    g_autoptr(Edits) added_already = edits_new();
    TraceFields trace = {results, added_already};
    ArcStatus status;
    message_trace(message, &trace);
    if (!read_status(message, results, &status)) {
        message_log(message, LOG_LEVEL_INFO, "not sealed:", "there is a chain that was not checked");
        return;
    }
    g_autofree char *all = authres_to_string(results, NULL);
    g_autofree char *text = edits_header_value(message_edits(message), all);
    const ArcSealing sealing = {
        .key = config->loaded.seal_key,
        .domain = config->arc.domain,
        .selector = config->arc.selector,
        .timestamp = clock_seconds(session_clock(session)),
        .status = status,
        .authres = text,
        .header_canon = CANON,
        .body_canon = CANON,
    };
    add_set(message, &sealing);
}

const Action action_seal = {
    .name = "seal",
    .wanted = wanted,
    .headers = on_headers,
    .apply = apply,
};
