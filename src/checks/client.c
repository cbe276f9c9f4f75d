/*
 * client — who connects (A1–A3).
 *
 * Classes a connection INTERNAL or EXTERNAL, TRUSTED, DYN, and says so in the log. Refuses a PTR name of "localhost"
 * or "." from elsewhere; not at connect or HELO, so that a roaming user can still authenticate, and not at all once he has.
 *
 * Tag: Client-PTR (subject: client address).
 */
#include "checks/client.h"

#include <postern/dynip.h>
#include <string.h>

#include "checks/checks.h"

static const Field fields[] = {
    FIELD_BOOL(ClientFact, internal), FIELD_BOOL(ClientFact, trusted),    FIELD_BOOL(ClientFact, dynamic),
    FIELD_STR(ClientFact, matched),   FIELD_STR(ClientFact, dynamic_why), {0},
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

static void on_connect(Session *session)
{
    const ClientFact *fact = client_fact(session);
    log_connect(session, fact);
    const char *name = session_ptr_name(session);
    if (fact->internal || fact->trusted || !name || !session_config(session)->connection.ptr_checks)
        return;
    if (is_bogus(name))
        session_find(session, &check_client, TAG_CLIENT_PTR, session_ip_text(session),
                     "PTR name %s of %s cannot be true", name, session_ip_text(session));
}

const Check check_client = {
    .name = "client",
    .scope = PER_SESSION,
    .fields = fields,
    .fact_size = sizeof(ClientFact),
    .evaluate = evaluate,
    .connect = on_connect,
};
