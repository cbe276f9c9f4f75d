/*
 * srs — envelope senders that are rewritten or signed, and recipients of genuine bounces that are put back (H1–H3).
 *
 * A milter sees what comes in, not what an alias will send on: that the MTA's maps must do (mta/srs-maps.h). What it sees
 * and may rewrite, with [srs] rewrite:
 *
 *   own        mail of our own clients from a domain that signs its senders, to somebody outside: signed, so that its
 *              bounces are known again;
 *   forwarded  mail of strangers from a stranger's address, all of whose recipients are outside: put into
 *              forward_domain, so that it is not taken for forged there.
 *
 * A message has one sender for all recipients. Mail of ours is signed as soon as one of them is outside: a recipient
 * here loses nothing, while the bounce of one that is not signed would be refused. Mail of others with a recipient here
 * stays as it is: those here would see a sender whom they do not know. And one recipient of `exempt` keeps it for all.
 */
#include "actions/actions.h"
#include "conf/signing.h"

/* The recipients that get the message, by where they are. */
typedef struct {
    guint here, outside, exempt;
} Places;

static Places count_places(Message *message)
{
    const Config *config = session_config(message_session(message));
    Places places = {0};
    for (guint i = 0; i < message_n_recipients(message); i++) {
        Recipient *recipient = message_recipient(message, i);
        const char *domain = recipient_address(recipient)->domain;
        if (recipient_state(recipient) != RCPT_ACCEPTED)
            continue;
        if (!*domain || signing_is_local(config, domain))
            places.here++;
        else if (patterns_match(config->srs.exempt, domain))
            places.exempt++;
        else
            places.outside++;
    }
    return places;
}

static gboolean rewrites(const Config *config, RewriteMode whose)
{
    return config->srs.rewrite == whose || config->srs.rewrite == REWRITE_ALL;
}

/* NULL: stays. */
static char *signed_sender(Message *message, const Places *places)
{
    Session *session = message_session(message);
    const Config *config = session_config(session);
    if (!rewrites(config, REWRITE_OWN) || !session_is_ours(session) || places->exempt || !places->outside)
        return NULL;
    return signing_sign(config, message_sender(message)->mailbox, session_now(session),
                        random_u64(session_random(session)));
}

/* Without a list of our domains all mail would look forwarded. */
static gboolean knows_what_is_here(const Config *config)
{
    return !patterns_is_empty(config->sender.internal_domains) ||
           !patterns_is_empty(config->srs.local_domains);
}

static char *forwarded_sender(Message *message, const Places *places)
{
    Session *session = message_session(message);
    const Config *config = session_config(session);
    const Address *sender = message_sender(message);
    if (!rewrites(config, REWRITE_FORWARDED) || session_is_ours(session) || !knows_what_is_here(config) ||
        signing_is_local(config, sender->domain) || places->exempt || !places->outside)
        return NULL;
    if (places->here) {
        message_log(message, LOG_LEVEL_NOTICE, "SRS:", "%s stays: of %u recipients only %u are outside",
                    sender->canonical, places->here + places->outside, places->outside);
        return NULL;
    }
    return signing_forward(config, sender->mailbox, session_now(session));
}

static void rewrite_sender(Message *message)
{
    const Address *sender = message_sender(message);
    if (!*sender->domain || sender->is_literal)
        return;
    Places places = count_places(message);
    g_autofree char *rewritten = signed_sender(message, &places);
    if (!rewritten)
        rewritten = forwarded_sender(message, &places);
    if (!rewritten)
        return;
    g_autofree char *path = g_strdup_printf("<%s>", rewritten);
    /* Without arguments, those of MAIL stay as they are. */
    edits_change_sender(message_edits(message), "srs", path, NULL);
    message_log(message, LOG_LEVEL_INFO, "SRS:", "%s becomes %s", sender->mailbox, rewritten);
}

static void restore_recipients(Message *message)
{
    for (guint i = 0; i < message_n_recipients(message); i++) {
        Recipient *recipient = message_recipient(message, i);
        const char *original = recipient_original(recipient);
        if (recipient_state(recipient) != RCPT_ACCEPTED || !original)
            continue;
        g_autofree char *path = g_strdup_printf("<%s>", original);
        edits_delete_rcpt(message_edits(message), "srs", recipient_text(recipient));
        edits_add_rcpt(message_edits(message), "srs", path, NULL);
        message_log(message, LOG_LEVEL_INFO, "SRS:", "bounce for %s goes to %s",
                    recipient_address(recipient)->mailbox, original);
    }
}

static gboolean restores(const Config *config)
{
    return config->bounces.check && config->bounces.restore;
}

static gboolean wanted(const Config *config)
{
    return signing_is_on(config) && (config->srs.rewrite != REWRITE_OFF || restores(config));
}

static void apply(Message *message)
{
    const Config *config = session_config(message_session(message));
    if (config->srs.rewrite != REWRITE_OFF)
        rewrite_sender(message);
    if (restores(config))
        restore_recipients(message);
}

const Action action_srs = {
    .name = "srs",
    .wanted = wanted,
    .apply = apply,
};
