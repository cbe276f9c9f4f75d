/*
 * returned — a bounce quotes mail that came through us: who has sent that is blacklisted (C13).
 *
 * Received-SPF as we write it bears a mark that binds envelope sender, client and time under our secret (<postern/xsig.h>),
 * where SPF passed. A report that quotes it proves that this mail was passed on by us, from this sender. He is put on the
 * blacklist for [bounces] blacklist, if
 *
 *   - the report says that delivery failed for good: "Action: failed" (RFC 3464 §2.3.3), or no Action at all, as plain text
 *     has none; what stands behind our field is the returned mail's own, and says nothing;
 *   - the field says pass, or that the best guess or the lax reading was one. The reporter could write so himself: that who
 *     only used the name of another cannot have him shut out is because there is no mark without a pass;
 *   - no forwarder has rewritten him (SRS);
 *   - he is none of our own (internal_domains, local_domains).
 *
 * The first field that bears a good mark counts, the topmost: those below it came with the message. A mark older than [srs]
 * max_age proves nothing. The report itself need not be proven: only who has received the mail can quote it.
 *
 * Tags: none, and no answer depends on it. An entry that lasts longer stays as it is.
 */
#include <postern/header.h>
#include <postern/spf.h>
#include <postern/xsig.h>
#include <string.h>

#include "checks/bounce.h"
#include "checks/checks.h"
#include "checks/quoted.h"
#include "conf/signing.h"
#include "policy/lists.h"

typedef struct {
    unsigned mark;      /* SrsStatus of the best one that is quoted */
    const char *action; /* what the report says in front of it; NULL: nothing */
    const char *sender; /* whom the field names, with a good mark */
    const char *spared; /* why he is not blacklisted; NULL: he is */
    QuotedScan *scan;   /* NULL: no bounce */
} ReturnedFact;

static const char *status_name(int status)
{
    return srs_status_name(status);
}

static const Field fields[] = {
    FIELD_ENUM(ReturnedFact, mark, status_name),
    FIELD_STR(ReturnedFact, action),
    FIELD_STR(ReturnedFact, sender),
    FIELD_STR(ReturnedFact, spared),
    {0},
};

#define DAY (24 * 60 * 60)

#define RECEIVED_SPF "Received-SPF"
#define ACTION       "Action"
static const char *const names[] = {RECEIVED_SPF, ACTION, NULL};

static gboolean wanted(const Config *config)
{
    return config->bounces.blacklist > 0 && config->loaded.srs_secrets != NULL;
}

static void evaluate(void *of, void *into)
{
    ReturnedFact *fact = into;
    fact->mark = SRS_UNTAGGED;
    if (bounce_is(of))
        fact->scan = message_own(of, quoted_new(names), (GDestroyNotify)quoted_free);
}

/* The body comes after the fact was asked for, and completes it. */
static ReturnedFact *returned_fact(Message *message)
{
    return (ReturnedFact *)message_fact(message, &check_returned);
}

static void on_headers(Message *message)
{
    returned_fact(message);
}

static void on_body(Message *message, const void *bytes, gsize len)
{
    const ReturnedFact *fact = returned_fact(message);
    if (fact->scan)
        quoted_add(fact->scan, bytes, len);
}

/* --- what it proves --- */

static SrsStatus verify(Message *message, const SpfReceivedField *field)
{
    Session *session = message_session(message);
    const Config *config = session_config(session);
    IpAddress ip;
    if (!field->mark || !field->envelope_from || !*field->envelope_from || !field->client_ip ||
        !ip_parse(field->client_ip, &ip))
        return SRS_UNTAGGED;
    return xsig_verify((const char *const *)config->loaded.srs_secrets, field->mark, field->envelope_from,
                       &ip, session_now(session), (gint64)config->srs.max_age * DAY);
}

static gboolean says_pass(const SpfReceivedField *field)
{
    return field->code == SPF_PASS || (field->has_guess && field->guess_code == SPF_PASS) ||
           (field->has_lax && field->lax_code == SPF_PASS);
}

static const char *why_spared(Message *message, const SpfReceivedField *field, const char *action)
{
    ListKeys keys;
    list_keys(&keys, message_pool(message), field->envelope_from, NULL);
    if (action && g_ascii_strcasecmp(action, "failed") != 0)
        return "delivery has not failed";
    if (!says_pass(field))
        return "SPF did not pass";
    if (strcmp(keys.own_domain, keys.via_domain) != 0)
        return "a forwarder has sent it";
    return signing_is_local(session_config(message_session(message)), keys.own_domain) ? "our own" : NULL;
}

static const char *subject_of(Message *message, const char *sender)
{
    ListKeys keys;
    list_keys(&keys, message_pool(message), sender, NULL);
    return keys.subject;
}

typedef struct {
    Message *message;
    ReturnedFact *fact;
} Look;

static gboolean look_at_action(Look *look, const char *value)
{
    if (!look->fact->action) {
        g_autofree char *word = header_unfold(value, -1);
        look->fact->action = pool_strdup(message_pool(look->message), word);
    }
    return TRUE;
}

static gboolean look_at(const char *name, const char *value, void *data)
{
    Look *look = data;
    if (strcmp(name, ACTION) == 0)
        return look_at_action(look, value);
    g_autoptr(SpfReceivedField) field = spf_received_parse(value, -1);
    SrsStatus status = field ? verify(look->message, field) : SRS_UNTAGGED;
    if (status != SRS_UNTAGGED)
        look->fact->mark = status;
    if (status != SRS_VALID)
        return TRUE;
    look->fact->sender = subject_of(look->message, field->envelope_from);
    look->fact->spared = why_spared(look->message, field, look->fact->action);
    return FALSE;
}

static void on_message(Message *message)
{
    Look look = {message, returned_fact(message)};
    if (look.fact->scan)
        quoted_end(look.fact->scan, look_at, &look);
}

static void settle_message(Message *message, gboolean aborted)
{
    Session *session = message_session(message);
    if (aborted || !session_remembers(session))
        return;
    const ReturnedFact *fact = returned_fact(message);
    if (!fact->sender || fact->spared)
        return;
    const char *reporter = session_ip_text(session);
    const StoreEntry entry = {
        .text = pool_printf(message_pool(message), "mail of his that we passed on failed, says %s", reporter),
        .expires = session_now(session) + session_config(session)->bounces.blacklist,
    };
    store_batch_put(session_batch(session), STORE_BLACKLIST, fact->sender, STORE_IF_LONGER, &entry);
    message_log(message, LOG_LEVEL_NOTICE, "BLACKLISTED:", "%s: %s", fact->sender, entry.text);
}

const Check check_returned = {
    .name = "returned",
    .scope = PER_MESSAGE,
    .wanted = wanted,
    .fields = fields,
    .fact_size = sizeof(ReturnedFact),
    .evaluate = evaluate,
    .headers = on_headers,
    .body = on_body,
    .message = on_message,
    .settle_message = settle_message,
};
