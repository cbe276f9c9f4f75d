/*
 * client — who connects (A1–A3, A7).
 *
 * Classes a connection INTERNAL or EXTERNAL, TRUSTED, DYN, and says so in the log. Refuses a PTR name of "localhost"
 * or "." from elsewhere; not at connect or HELO, so that a roaming user can still authenticate, and not at all once he has.
 *
 * A client whose HELO is a name of trusted_relay is TRUSTED when SPF says that it may use the name: a relay whose address
 * changes, or that has many. All of the fact is then made anew, and its findings.
 *
 * Tag: Client-PTR (subject: client address).
 */
#include "checks/client.h"

#include <postern/dynip.h>
#include <postern/spf.h>
#include <string.h>

#include "checks/checks.h"

static const Field fields[] = {
    FIELD_BOOL(ClientFact, internal),
    FIELD_BOOL(ClientFact, trusted),
    FIELD_BOOL(ClientFact, dynamic),
    FIELD_STR(ClientFact, matched),
    FIELD_STR(ClientFact, dynamic_why),
    FIELD_STR(ClientFact, helo_spf),
    {0},
};

static gboolean is_host_itself(Session *session)
{
    const IpAddress *ip = session_ip(session);
    IpAddress own;
    static const char *const loopback[] = {"127.0.0.1", "::1"};
    for (gsize i = 0; i < G_N_ELEMENTS(loopback); i++)
        if (ip_parse(loopback[i], &own) && ip_equal(&own, ip))
            return TRUE;
    static const char *const macros[] = {"if_addr", "daemon_addr"};
    for (gsize i = 0; i < G_N_ELEMENTS(macros); i++) {
        const char *text = session_macro(session, macros[i]);
        if (text && ip_parse(text, &own) && ip_equal(&own, ip))
            return TRUE;
    }
    return FALSE;
}

/* The name of trusted_relay that the HELO is; nobody else's HELO costs a question. */
static const char *relay_name(Session *session)
{
    const char *helo = session_helo_name(session);
    return helo ? hosts_find_name(session_config(session)->connection.trusted_relay, helo) : NULL;
}

static SpfCode check_helo(Session *session)
{
    const Config *config = session_config(session);
    SpfRequest request = {
        .resolver = session_resolver(session),
        .deadline = session_deadline_within(session, config->spf.timeout),
        .ip = *session_ip(session),
        .helo = session_helo_name(session),
        .receiver = session_receiver(session),
        .now = clock_seconds(session_clock(session)),
        .no_explanation = TRUE,
        .substitutes = config->loaded.substitutes,
        .delegate = *config->spf.delegate ? config->spf.delegate : NULL,
        .defer_temperror = TRUE,
    };
    g_autoptr(SpfResult) result = spf_check(&request);
    return result->code;
}

/* A7. The word of the list; NULL: not proven. */
static const char *relay_by_helo(Session *session, ClientFact *fact)
{
    const char *name = relay_name(session);
    if (!name)
        return NULL;
    SpfCode code = check_helo(session);
    fact->helo_spf = spf_code_name(code);
    return code == SPF_PASS ? name : NULL;
}

static void evaluate(void *of, void *into)
{
    Session *session = of;
    ClientFact *fact = into;
    const Config *config = session_config(session);
    const IpAddress *ip = session_ip(session);
    if (ip->family == IP_NONE)
        return;
    Resolver *resolver = session_resolver(session);
    gint64 deadline = session_deadline(session);
    const char *internal = hosts_match(config->connection.internal_connect, ip, resolver, deadline);
    const char *trusted = hosts_match(config->connection.trusted_relay, ip, resolver, deadline);
    fact->host_itself = is_host_itself(session);
    fact->internal = internal || fact->host_itself;
    session_set_internal(session, fact->internal);
    if (!trusted)
        trusted = relay_by_helo(session, fact);
    fact->trusted = trusted != NULL;
    fact->matched = internal ? internal : trusted;
    const char *name = session_ptr_name(session);
    if (fact->internal)
        return;
    if (!name)
        fact->dynamic_why = "no PTR";
    else
        dynip_looks_dynamic(name, ip, &fact->dynamic_why);
    fact->dynamic = fact->dynamic_why != NULL;
}

const ClientFact *client_fact(Session *session)
{
    return session_fact(session, &check_client);
}

gboolean client_is_ours(Session *session)
{
    return client_fact(session)->internal || session_login(session);
}

/* The form of the old line: connect from mail.example.com at ('192.0.2.1', 4711) EXTERNAL DYN */
static void log_connect(Session *session, const ClientFact *fact)
{
    const char *name = session_client_name(session);
    session_log(session, LOG_LEVEL_INFO, "connect from", "%s at ('%s', %u) %s%s%s", name ? name : "[unknown]",
                session_ip_text(session), session_port(session), fact->internal ? "INTERNAL" : "EXTERNAL",
                fact->trusted ? " TRUSTED" : "", fact->dynamic ? " DYN" : "");
}

static gboolean is_bogus(const char *ptr_name)
{
    return strcmp(ptr_name, "localhost") == 0 || strcmp(ptr_name, "localhost.localdomain") == 0 ||
           strcmp(ptr_name, ".") == 0;
}

static void find_ptr(Session *session)
{
    const ClientFact *fact = client_fact(session);
    const char *name = session_ptr_name(session);
    if (fact->internal || fact->trusted || !name || !session_config(session)->connection.ptr_checks)
        return;
    if (is_bogus(name))
        session_find(session, &check_client, TAG_CLIENT_PTR, session_ip_text(session),
                     "PTR name %s of %s cannot be true", name, session_ip_text(session));
}

static void on_connect(Session *session)
{
    log_connect(session, client_fact(session));
    find_ptr(session);
}

/* A7. A HELO that is no name of the list changes nothing, unless one before it was: what that has proven is void. */
static void on_helo(Session *session)
{
    const ClientFact *before = client_fact(session);
    gboolean by_address = before->trusted && !before->helo_spf;
    if (by_address || (!before->helo_spf && !relay_name(session)))
        return;
    session_forget(session, &check_client);
    const ClientFact *fact = client_fact(session);
    if (fact->helo_spf)
        session_log(session, LOG_LEVEL_INFO, "relay:", "SPF of HELO %s is %s%s", session_helo_name(session),
                    fact->helo_spf, fact->trusted ? ": TRUSTED" : "");
    find_ptr(session);
}

const Check check_client = {
    .name = "client",
    .scope = PER_SESSION,
    .fields = fields,
    .fact_size = sizeof(ClientFact),
    .evaluate = evaluate,
    .connect = on_connect,
    .helo = on_helo,
};
