/*
 * digest — what DKIM and ARC verify. Finds nothing by itself.
 *
 * Mail of our own people is not verified: it has not been signed yet.
 */
#include "checks/digest.h"

#include "checks/checks.h"
#include "checks/client.h"

static const Field fields[] = {
    FIELD_STR(DigestFact, skipped),
    {0},
};

gboolean digest_has_dkim(const Config *config)
{
    return config->dkim.verify != DKIM_MODE_OFF || config->dmarc.mode != DMARC_MODE_OFF;
}

static gboolean wanted(const Config *config)
{
    return digest_has_dkim(config) || config->arc.verify;
}

static DkimHeader *read_header(Message *message)
{
    DkimHeader *header = dkim_header_new();
    for (guint i = 0; i < message_n_headers(message); i++) {
        const Header *field = message_header(message, i);
        dkim_header_add(header, field->name, -1, field->value, -1);
    }
    return message_own(message, header, (GDestroyNotify)dkim_header_free);
}

static DkimVerifier *new_dkim(Message *message, const DkimHeader *header, gint64 now)
{
    DkimVerifier *verifier = dkim_verifier_new(header, message_hashes(message), now);
    dkim_verifier_use(verifier, session_keys(message_session(message)));
    return message_own(message, verifier, (GDestroyNotify)dkim_verifier_free);
}

static ArcVerifier *new_arc(Message *message, const DkimHeader *header, gint64 now)
{
    ArcVerifier *verifier = arc_verifier_new(header, message_hashes(message), now);
    arc_verifier_use(verifier, session_keys(message_session(message)));
    return message_own(message, verifier, (GDestroyNotify)arc_verifier_free);
}

static void evaluate(void *of, void *into)
{
    Message *message = of;
    Session *session = message_session(message);
    const Config *config = session_config(session);
    DigestFact *fact = into;
    if (client_is_ours(session)) {
        fact->skipped = "internal";
        return;
    }
    gint64 now = clock_seconds(session_clock(session));
    const DkimHeader *header = read_header(message);
    if (digest_has_dkim(config))
        fact->dkim = new_dkim(message, header, now);
    if (config->arc.verify)
        fact->arc = new_arc(message, header, now);
}

const DigestFact *digest_fact(Message *message)
{
    return message_fact(message, &check_digest);
}

static void on_headers(Message *message)
{
    digest_fact(message);
}

static void prefetch(Session *session, Stage stage)
{
    Message *message = session_message(session);
    if (stage != STAGE_HEADERS)
        return;
    const DigestFact *fact = digest_fact(message);
    if (fact->dkim)
        dkim_verifier_prefetch(fact->dkim, message_resolver(message));
    if (fact->arc)
        arc_verifier_prefetch(fact->arc, message_resolver(message));
}

const Check check_digest = {
    .name = "digest",
    .scope = PER_MESSAGE,
    .wanted = wanted,
    .fields = fields,
    .fact_size = sizeof(DigestFact),
    .evaluate = evaluate,
    .prefetch = prefetch,
    .headers = on_headers,
    .hashes_body = TRUE,
};
