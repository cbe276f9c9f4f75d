/*
 * authres — Authentication-Results and the trace fields of the checks (C2, E5; RFC 8601).
 *
 * Removes the fields that bear our name and came from outside (RFC 8601 §5), then adds one with the results of all
 * checks of this message. Fields of checks (Received-SPF) come below it.
 */
#include "actions/actions.h"

#include <postern/header.h>

const char *action_authserv_id(Message *message)
{
    Session *session = message_session(message);
    const char *id = session_config(session)->authres.authserv_id;
    return *id ? id : session_receiver(session);
}

static void remove_forged(Message *message, const char *id)
{
    guint nth = 0, removed = 0;
    for (guint i = 0; i < message_n_headers(message); i++) { /* a stranger chooses how many there are */
        const Header *header = message_header(message, i);
        if (!header_name_is(header->name, -1, "Authentication-Results"))
            continue;
        nth++;
        if (authres_is_from(header->value, -1, id)) {
            edits_delete_header(message_edits(message), "authres", "Authentication-Results", nth);
            removed++;
        }
    }
    if (removed)
        message_log(message, LOG_LEVEL_NOTICE, "FORGED:", "%u Authentication-Results of %s removed", removed,
                    id);
}

static gboolean wanted(const Config *config)
{
    return config->authres.add || config->spf.mode != SPF_MODE_OFF;
}

static void apply(Message *message)
{
    Session *session = message_session(message);
    const char *id = action_authserv_id(message);
    g_autoptr(AuthRes) results = authres_new(id);
    TraceFields trace = {results, message_edits(message)};
    message_trace(message, &trace);
    if (!session_config(session)->authres.add)
        return;
    remove_forged(message, id);
    g_autofree char *value = authres_to_string(results, "Authentication-Results");
    edits_prepend_header(message_edits(message), "authres", "Authentication-Results", value);
}

const Action action_authres = {
    .name = "authres",
    .wanted = wanted,
    .apply = apply,
};
