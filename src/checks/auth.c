/*
 * auth — SMTP AUTH: may this login send as this domain? (B3)
 *
 * The answer is the access map's, the first key that is there:
 *
 *     SMTP-Auth:fred@example.com    the login fred as anybody at example.com
 *     SMTP-Auth:fred                the login, as it is
 *     SMTP-Auth:example.com         the domain, whoever the login is
 *
 * with OK, REJECT, WHITELIST or a reply of one's own.
 *
 * Tag: SMTP-Auth (subject: login@senderdomain).
 */
#include "checks/checks.h"

#include <string.h>

typedef struct {
    const char *login;
    const char *method; /* of SASL; NULL: the MTA did not tell */
} AuthFact;

static const Field fields[] = {
    FIELD_STR(AuthFact, login),
    FIELD_STR(AuthFact, method),
    {0},
};

static void evaluate(void *of, void *into)
{
    Message *message = of;
    Session *session = message_session(message);
    AuthFact *fact = into;
    fact->login = pool_strdup(message_pool(message), session_login(session));
    fact->method = pool_strdup(message_pool(message), session_macro(session, "auth_type"));
}

static const AuthFact *auth_fact(Message *message)
{
    return message_fact(message, &check_auth);
}

static void on_mail(Message *message)
{
    const AuthFact *fact = auth_fact(message);
    if (!fact->login)
        return;
    Pool *pool = message_pool(message);
    const char *domain = message_sender(message)->domain;
    char *subject = pool_printf(pool, "%s@%s", fact->login, domain);
    Finding *finding = message_find(message, &check_auth, TAG_SMTP_AUTH, subject, "%s may not send as %s",
                                    fact->login, *domain ? domain : "<>");
    const char *keys[] = {subject, fact->login, *domain ? domain : NULL, NULL};
    finding_set_keys(finding, pool, keys);
}

static void trace(Message *message, TraceFields *trace)
{
    const AuthFact *fact = auth_fact(message);
    if (!fact->login)
        return;
    AuthResResult *result = authres_add(trace->results, "auth", "pass");
    if (fact->method)
        authres_set_comment(result, fact->method);
    authres_add_property(result, "smtp", "auth", fact->login);
}

const Check check_auth = {
    .name = "auth",
    .scope = PER_MESSAGE,
    .fields = fields,
    .fact_size = sizeof(AuthFact),
    .evaluate = evaluate,
    .mail = on_mail,
    .trace = trace,
};
