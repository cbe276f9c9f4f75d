/*
 * relay — what a trusted relay, such as our backup MX, says of the sender (B10).
 *
 * Believed are Received-SPF and Authentication-Results above the topmost Received of the message, which is the relay's
 * own: our MTA does not show us the one that it adds. Whatever stands below came to the relay, and anybody can have
 * written it. Of Authentication-Results only those with a name of the relay as authserv-id: the host name in its
 * Received, the name in trusted_relay, one of relay_authserv_id, or our own (hosts of one site often share it).
 *
 * The mail of those who have logged in at the relay (auth=pass) counts as a pass. What the relay does not say is not
 * known, and nothing is found for it.
 *
 * Tags: SPF-*, HELO-*, as those of spf, but found at end of headers. Never SPF-None: whether the client had a PTR name
 * the relay does not tell. Never *-TempError: the same message will never say anything else, however often it comes.
 */
#include "checks/relay.h"

#include <string.h>

#include "checks/checks.h"
#include "checks/client.h"
#include "checks/spf.h"
#include <postern/header.h>

/* Fields of the two kinds that are read above one Received. Each filter of the relay writes one. */
#define FIELDS_MAX 32

static const Field fields[] = {
    FIELD_STR(RelayFact, relay),
    FIELD_STR(RelayFact, unknown),
    FIELD_STR(RelayFact, authserv_id),
    FIELD_STR(RelayFact, internal),
    FIELD_STR(RelayFact, login),
    FIELD_STR(RelayFact, spf),
    FIELD_STR(RelayFact, field),
    FIELD_STR(RelayFact, client),
    FIELD_STR(RelayFact, guess),
    FIELD_STR(RelayFact, lax),
    FIELD_STR(RelayFact, forwarder),
    FIELD_STR(RelayFact, helo_name),
    FIELD_STR(RelayFact, helo),
    FIELD_STR(RelayFact, dkim),
    FIELD_STR(RelayFact, dmarc),
    FIELD_STR(RelayFact, from_domain),
    {0},
};

static gboolean wanted(const Config *config)
{
    return !hosts_is_empty(config->connection.trusted_relay);
}

/* --- the fact --- */

typedef struct {
    Message *message;
    Pool *pool;
    RelayFact *fact;
    GPtrArray *dkim;     /* d=, owned by the pool */
    const char *foreign; /* an authserv-id that is none of the relay's; NULL: there was none */
    const char *other; /* an address that a result is about, which is not our sender; NULL: there was none */
    const char *unreadable; /* NULL: there was none */
} Reading;

static void set_code(const char **word, SpfCode *into, SpfCode code)
{
    *word = spf_code_name(code);
    *into = code;
}

static gsize id_length(const char *id)
{
    gsize len = strlen(id);
    return len && id[len - 1] == '.' ? len - 1 : len;
}

/* RFC 8601 §2.5: a name like that of a host, so its case means nothing. */
static gboolean same_id(const char *a, const char *b)
{
    gsize len = id_length(a);
    return len && len == id_length(b) && g_ascii_strncasecmp(a, b, len) == 0;
}

static gboolean is_of_relay(const Reading *r, const char *id)
{
    Session *session = message_session(r->message);
    const Config *config = session_config(session);
    const char *own = *config->authres.authserv_id ? config->authres.authserv_id : session_receiver(session);
    const char *word = client_fact(session)->matched;
    if (same_id(id, r->fact->relay) || same_id(id, own) || (word && same_id(id, word)))
        return TRUE;
    for (char **also = config->connection.relay_authserv_id; also && *also; also++)
        if (same_id(id, *also))
            return TRUE;
    return FALSE;
}

/* A relay that rewrites senders has asked about another than ours: its result says nothing of this one. `address` may be
 * a domain (RFC 8601 §2.7.2), and NULL where the field does not say. */
static gboolean is_about_sender(Reading *r, const char *address)
{
    const Address *sender = message_sender(r->message);
    if (!address)
        return TRUE;
    const char *at = strrchr(address, '@');
    const char *domain = at ? at + 1 : address;
    gboolean same = sender->is_null ? !*address : g_ascii_strcasecmp(domain, sender->domain) == 0;
    if (!same)
        r->other = pool_strdup(r->pool, address);
    return same;
}

static void set_spf(Reading *r, SpfCode code, SpfIdentity identity, const char *field)
{
    set_code(&r->fact->spf, &r->fact->code, code);
    r->fact->identity = identity;
    r->fact->field = field;
}

static void set_helo(Reading *r, SpfCode code, const char *name)
{
    set_code(&r->fact->helo, &r->fact->helo_code, code);
    if (name)
        r->fact->helo_name = pool_strdup(r->pool, name);
}

/* RFC 7208 §2.4: a null sender is judged by HELO. Else a field about HELO says nothing of the sender. */
static void read_received_spf(Reading *r, const char *value)
{
    RelayFact *fact = r->fact;
    g_autoptr(SpfReceivedField) spf = spf_received_parse(value, -1);
    if (!spf) {
        r->unreadable = "Received-SPF";
        return;
    }
    if (spf->helo && !fact->helo_name)
        fact->helo_name = pool_strdup(r->pool, spf->helo);
    gboolean null_sender = message_sender(r->message)->is_null;
    if (spf->identity == SPF_HELO && !null_sender) {
        if (!fact->helo)
            set_helo(r, spf->code, spf->helo);
        return;
    }
    if (fact->spf || (spf->identity == SPF_MFROM && !is_about_sender(r, spf->envelope_from)))
        return;
    set_spf(r, spf->code, spf->identity, "Received-SPF");
    fact->client = pool_strdup(r->pool, spf->client_ip);
    fact->forwarder = pool_strdup(r->pool, spf->forwarder);
    if (spf->has_guess)
        set_code(&fact->guess, &fact->guess_code, spf->guess_code);
    if (spf->has_lax)
        set_code(&fact->lax, &fact->lax_code, spf->lax_code);
    if (spf->has_helo && !fact->helo)
        set_helo(r, spf->helo_code, spf->helo);
}

static void read_spf_result(Reading *r, const AuthResResult *result)
{
    SpfCode code;
    const char *mailfrom = authres_property(result, "smtp", "mailfrom");
    const char *helo = authres_property(result, "smtp", "helo");
    gboolean of_helo = helo && !mailfrom;
    if (!spf_code_parse(result->result, &code))
        return;
    if (of_helo && !message_sender(r->message)->is_null) {
        if (!r->fact->helo)
            set_helo(r, code, helo);
        return;
    }
    if (r->fact->spf || (!of_helo && !is_about_sender(r, mailfrom)))
        return;
    set_spf(r, code, of_helo ? SPF_HELO : SPF_MFROM, "Authentication-Results");
    if (helo && !r->fact->helo_name)
        r->fact->helo_name = pool_strdup(r->pool, helo);
}

static void read_dkim_result(Reading *r, const AuthResResult *result)
{
    const char *domain = authres_property(result, "header", "d");
    const char *identity =
        authres_property(result, "header", "i"); /* RFC 6376 §3.5: @ and a domain within d= */
    const char *at = identity ? strrchr(identity, '@') : NULL;
    if (!domain && at)
        domain = at + 1;
    if (strcmp(result->result, "pass") == 0 && domain && *domain)
        g_ptr_array_add(r->dkim, pool_strdup(r->pool, domain));
}

static void read_dmarc_result(Reading *r, const AuthResResult *result)
{
    if (r->fact->dmarc)
        return;
    r->fact->dmarc = pool_strdup(r->pool, result->result);
    r->fact->from_domain = pool_strdup(r->pool, authres_property(result, "header", "from"));
}

/* RFC 4954: he has logged in there, so the relay knows him. */
static void read_auth_result(Reading *r, const AuthResResult *result)
{
    if (strcmp(result->result, "pass") != 0)
        return;
    r->fact->internal = "auth=pass";
    r->fact->login = pool_strdup(r->pool, authres_property(result, "smtp", "auth"));
}

static const struct {
    const char *method;
    void (*read)(Reading *r, const AuthResResult *result);
} methods[] = {
    {"spf", read_spf_result},
    {"dkim", read_dkim_result},
    {"dmarc", read_dmarc_result},
    {"auth", read_auth_result},
};

static void read_authentication_results(Reading *r, const char *value)
{
    g_autoptr(AuthRes) ar = authres_parse(value, -1);
    if (!is_of_relay(r, ar->authserv_id)) {
        r->foreign = *ar->authserv_id ? pool_strdup(r->pool, ar->authserv_id) : "nobody";
        return;
    }
    if (!r->fact->authserv_id)
        r->fact->authserv_id = pool_strdup(r->pool, ar->authserv_id);
    for (guint i = 0; i < ar->results->len; i++) {
        const AuthResResult *result = g_ptr_array_index(ar->results, i);
        for (gsize m = 0; m < G_N_ELEMENTS(methods); m++)
            if (strcmp(result->method, methods[m].method) == 0)
                methods[m].read(r, result);
    }
}

/* Those of one name above the relay's Received. Received-SPF comes first, wherever it stands: it knows more. */
static void read_fields(Reading *r, guint end, const char *name, void (*read)(Reading *, const char *))
{
    guint n = 0;
    for (guint i = 0; i < end && n < FIELDS_MAX; i++) {
        const Header *header = message_header(r->message, i);
        if (!header_name_is(header->name, -1, name))
            continue;
        read(r, header->value);
        n++;
    }
}

static const char *why_unknown(const Reading *r)
{
    const RelayFact *fact = r->fact;
    if (fact->spf || fact->internal)
        return NULL;
    if (r->other)
        return pool_printf(r->pool, "its SPF result is about %s", r->other);
    if (r->unreadable)
        return pool_printf(r->pool, "its %s cannot be read", r->unreadable);
    if (r->foreign)
        return pool_printf(r->pool,
                           "its Authentication-Results bear the name of %s ([connection] relay_authserv_id)",
                           r->foreign);
    return "there is no SPF result of its own above its Received";
}

/* The index of the topmost Received; FALSE: there is none. */
static gboolean find_received(const Message *message, guint *ret)
{
    for (guint i = 0; i < message_n_headers(message); i++)
        if (header_name_is(message_header(message, i)->name, -1, "Received")) {
            *ret = i;
            return TRUE;
        }
    return FALSE;
}

static void evaluate(void *of, void *into)
{
    Message *message = of;
    Session *session = message_session(message);
    RelayFact *fact = into;
    if (!client_fact(session)->trusted)
        return;
    Pool *pool = message_pool(message);
    g_autoptr(GPtrArray) dkim = g_ptr_array_new();
    Reading r = {.message = message, .pool = pool, .fact = fact, .dkim = dkim};
    guint received;
    fact->relay = session_ip_text(session);
    if (find_received(message, &received)) {
        g_autofree char *by = header_received_by(message_header(message, received)->value, -1);
        fact->relay = by ? pool_strdup(pool, by) : fact->relay;
        read_fields(&r, received, "Received-SPF", read_received_spf);
        read_fields(&r, received, "Authentication-Results", read_authentication_results);
        fact->unknown = why_unknown(&r);
    } else {
        fact->unknown = "it wrote no Received, so what is its own cannot be told";
    }
    const char **domains = pool_alloc0(pool, (dkim->len + 1) * sizeof *domains);
    for (guint i = 0; i < dkim->len; i++)
        domains[i] = g_ptr_array_index(dkim, i);
    fact->dkim_domains = domains;
    if (dkim->len)
        fact->dkim = message_own(message, g_strjoinv(" ", (char **)domains), g_free);
}

const RelayFact *relay_fact(Message *message)
{
    return message_fact(message, &check_relay);
}

/* --- findings --- */

static const char *subject_of(Message *message, const RelayFact *fact)
{
    const Address *sender = message_sender(message);
    if (!sender->is_null)
        return sender->canonical;
    return pool_printf(message_pool(message), "postmaster@%s", fact->helo_name ? fact->helo_name : "");
}

/* C7, as for our own. */
static SpfCode code_that_counts(Message *message, const RelayFact *fact)
{
    if (fact->code == SPF_PERMERROR && fact->lax && session_config(message_session(message))->spf.lax)
        return fact->lax_code;
    return fact->code;
}

static void find_mfrom(Message *message, const RelayFact *fact)
{
    const char *subject = subject_of(message, fact);
    const char *client = fact->client ? fact->client : "its client";
    SpfCode code = code_that_counts(message, fact);
    if (code == SPF_NONE && fact->guess_code == SPF_PASS)
        message_find(message, &check_relay, TAG_SPF_GUESS, subject, "%s says: best guess: %s may send for %s",
                     fact->relay, client, subject);
    if (code != SPF_NONE && code != SPF_TEMPERROR)
        message_find(message, &check_relay, spf_mfrom_tag(code), subject, "%s says: SPF %s: %s for %s",
                     fact->relay, spf_code_name(code), client, subject);
}

/* C3: HELO counts when the sender did not pass, and is not null. */
static void find_helo(Message *message, const RelayFact *fact)
{
    if (!fact->helo || fact->helo_code == SPF_TEMPERROR || fact->code == SPF_PASS || fact->forwarder ||
        message_sender(message)->is_null)
        return;
    const char *name = fact->helo_name ? fact->helo_name : "";
    message_find(message, &check_relay, spf_helo_tag(fact->helo_code), name, "%s says: SPF of HELO %s: %s",
                 fact->relay, name, fact->helo);
}

static void on_headers(Message *message)
{
    const RelayFact *fact = relay_fact(message);
    SpfMode mode = session_config(message_session(message))->spf.mode;
    if (fact->unknown && mode != SPF_MODE_OFF)
        message_log(message, LOG_LEVEL_INFO, "relay:", "what %s knows of the sender is not known: %s",
                    fact->relay, fact->unknown);
    if (!fact->relay || mode != SPF_MODE_ON)
        return;
    if (fact->internal) {
        message_find(message, &check_relay, TAG_SPF_PASS, subject_of(message, fact),
                     "%s says: its own people's mail: %s", fact->relay, fact->internal);
        return;
    }
    if (fact->forwarder)
        message_find(message, &check_relay, TAG_SPF_FORWARDER, fact->forwarder,
                     "%s says: SPF pass for trusted forwarder %s", fact->relay, fact->forwarder);
    if (fact->spf)
        find_mfrom(message, fact);
    find_helo(message, fact);
}

/* --- trace fields --- */

/* What the relay says of DKIM and DMARC stays in its own field, which everybody can read there. */
static void trace(Message *message, TraceFields *trace)
{
    const RelayFact *fact = relay_fact(message);
    if (!fact->spf && !fact->internal)
        return;
    const char *reason = pool_printf(message_pool(message), "reported by %s", fact->relay);
    if (fact->internal) {
        AuthResResult *auth = authres_add(trace->results, "auth", "pass");
        authres_set_reason(auth, reason);
        authres_add_property(auth, "smtp", "auth", fact->login);
    }
    if (!fact->spf)
        return;
    AuthResResult *spf = authres_add(trace->results, "spf", fact->spf);
    authres_set_reason(spf, reason);
    if (fact->identity == SPF_HELO)
        authres_add_property(spf, "smtp", "helo", fact->helo_name);
    else
        authres_add_property(spf, "smtp", "mailfrom", message_sender(message)->mailbox);
}

const Check check_relay = {
    .name = "relay",
    .scope = PER_MESSAGE,
    .wanted = wanted,
    .fields = fields,
    .fact_size = sizeof(RelayFact),
    .evaluate = evaluate,
    .headers = on_headers,
    .trace = trace,
};
