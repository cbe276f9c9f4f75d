/*
 * hello — the HELO name as such (A4, A5). What SPF says of it is spf's.
 *
 * Refuses a HELO that is a bare IP address, one of our own names (4 demerits), and a client that said none. Internal
 * clients are exempt from the tests, nobody from saying HELO. A HELO in the middle of a transaction is 2 demerits; one
 * after STARTTLS is normal and is judged anew.
 *
 * Tags: Hello-IP, Hello-Own (subject: the HELO name), Hello-Missing (client address).
 */
#include "checks/checks.h"
#include "checks/client.h"

#define OWN_DEMERITS            4
#define IN_TRANSACTION_DEMERITS 2

typedef enum { HELLO_NAME, HELLO_IP, HELLO_LITERAL } HelloForm;

static const char *form_name(int form)
{
    static const char *const words[] = {"name", "ip", "literal"};
    return words[form];
}

typedef struct {
    HelloForm form;
    const char *own;    /* the word of hello_blacklist that matched; NULL: none */
    gboolean demerited; /* what `own` costs has been counted */
} HelloFact;

static const Field fields[] = {
    FIELD_ENUM(HelloFact, form, form_name),
    FIELD_STR(HelloFact, own),
    {0},
};

static void evaluate(void *of, void *into)
{
    Session *session = of;
    HelloFact *fact = into;
    const char *helo = session_helo_name(session);
    IpAddress ip;
    if (!helo)
        return;
    if (ip_parse(helo, &ip))
        fact->form = HELLO_IP;
    else if (*helo == '[') /* RFC 5321 §4.1.3: a literal is what a host without a name should say */
        fact->form = HELLO_LITERAL;
    fact->own = patterns_match(session_config(session)->connection.hello_blacklist, helo);
}

static gboolean wanted(const Config *config)
{
    return config->connection.hello_checks || !patterns_is_empty(config->connection.hello_blacklist) ||
           config->connection.max_demerits > 0;
}

static void on_helo(Session *session)
{
    session_forget(session, &check_hello);
    if (session_helo_in_transaction(session) && !client_fact(session)->internal)
        session_add_demerits(session, IN_TRANSACTION_DEMERITS, "HELO in the middle of a transaction");
    if (client_fact(session)->internal)
        return;
    const HelloFact *fact = session_fact(session, &check_hello);
    const char *helo = session_helo_name(session);
    if (fact->own)
        session_find(session, &check_hello, TAG_HELLO_OWN, helo, "HELO %s: that is us, not you", helo);
    else if (fact->form == HELLO_IP && session_config(session)->connection.hello_checks)
        session_find(session, &check_hello, TAG_HELLO_IP, helo,
                     "HELO %s: a host name belongs there, or an address in brackets", helo);
}

/* Mail that was made on this host and not sent by SMTP has had no HELO. */
static void on_mail(Message *message)
{
    Session *session = message_session(message);
    if (session_helo_name(session) || !session_config(session)->connection.hello_checks ||
        client_fact(session)->host_itself || session_ip(session)->family == IP_NONE)
        return;
    message_find(message, &check_hello, TAG_HELLO_MISSING, session_ip_text(session), "say HELO first");
}

/* Authentication clears what the HELO had against the client (A3), so demerits wait until it is sure to have not. */
static void settle_message(Message *message, gboolean aborted)
{
    Session *session = message_session(message);
    HelloFact *fact = (HelloFact *)session_fact(session, &check_hello);
    if (!fact->own || fact->demerited || client_is_ours(session))
        return;
    fact->demerited = TRUE;
    session_add_demerits(session, OWN_DEMERITS, "a HELO name of ours");
}

const Check check_hello = {
    .name = "hello",
    .scope = PER_SESSION,
    .wanted = wanted,
    .fields = fields,
    .fact_size = sizeof(HelloFact),
    .evaluate = evaluate,
    .helo = on_helo,
    .mail = on_mail,
    .settle_message = settle_message,
    .settles_in_shadow = TRUE, /* demerits are the session's own */
};
