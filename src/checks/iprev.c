/*
 * iprev — forward-confirmed reverse DNS (A8; RFC 8601 §2.7.3, appendix D).
 *
 * Asks the PTR names of the client and whether one of them has the client's address. The MTA has asked too, but tells
 * only one name and not whether it was believed. Reported in Authentication-Results; nothing is refused unless a
 * rule for one of the tags says so.
 *
 * Tags: iprev-Pass, iprev-Fail, iprev-PermError, iprev-TempError (subject: client address).
 */
#include "checks/iprev.h"

#include "checks/checks.h"
#include "checks/client.h"

#define NAMES_MAX 10 /* PTR names that are followed; RFC 7208 §4.6.4 uses the same number */

static const char *code_name(int code)
{
    static const char *const words[] = {
#define X(id, word) [IPREV_##id] = word,
        IPREV_CODES(X)
#undef X
    };
    return words[code];
}

static const Field fields[] = {
    FIELD_ENUM(IprevFact, code, code_name),
    FIELD_STR(IprevFact, name),
    {0},
};

/* DNS_OK: the name has the address. */
static DnsStatus leads_back(Session *session, const char *name)
{
    const IpAddress *ip = session_ip(session);
    DnsType type = ip->family == IP_V6 ? DNS_AAAA : DNS_A;
    g_autoptr(DnsAnswer) answer = dns_query(session_resolver(session), name, type, session_deadline(session));
    if (answer->status != DNS_OK)
        return answer->status;
    for (guint i = 0; i < answer->n_records; i++)
        if (ip_equal(&answer->records[i].ip, ip))
            return DNS_OK;
    return DNS_NODATA;
}

static void evaluate(void *of, void *into)
{
    Session *session = of;
    IprevFact *fact = into;
    if (session_ip(session)->family == IP_NONE || client_fact(session)->internal)
        return;
    g_autofree char *reverse = ip_reverse_name(session_ip(session));
    g_autoptr(DnsAnswer) answer =
        dns_query(session_resolver(session), reverse, DNS_PTR, session_deadline(session));
    if (answer->status != DNS_OK) {
        fact->code = answer->status == DNS_TEMPERROR ? IPREV_TEMPERROR : IPREV_PERMERROR;
        return;
    }
    fact->code = IPREV_FAIL;
    fact->name = pool_strdup(session_pool(session), answer->records[0].name);
    for (guint i = 0; i < MIN(answer->n_records, NAMES_MAX); i++) {
        DnsStatus status = leads_back(session, answer->records[i].name);
        if (status == DNS_OK) {
            fact->code = IPREV_PASS;
            fact->name = pool_strdup(session_pool(session), answer->records[i].name);
            return;
        }
        if (status == DNS_TEMPERROR)
            fact->code = IPREV_TEMPERROR;
    }
}

const IprevFact *iprev_fact(Session *session)
{
    return session_fact(session, &check_iprev);
}

static gboolean wanted(const Config *config)
{
    return config->connection.iprev;
}

static void prefetch(Session *session, Stage stage)
{
    if (stage != STAGE_RCPT || session_ip(session)->family == IP_NONE || client_fact(session)->internal)
        return;
    g_autofree char *reverse = ip_reverse_name(session_ip(session));
    dns_prefetch(session_resolver(session), reverse, DNS_PTR);
}

static void first_rcpt(Message *message)
{
    static const Tag tags[] = {
        [IPREV_PASS] = TAG_IPREV_PASS,
        [IPREV_FAIL] = TAG_IPREV_FAIL,
        [IPREV_PERMERROR] = TAG_IPREV_PERMERROR,
        [IPREV_TEMPERROR] = TAG_IPREV_TEMPERROR,
    };
    Session *session = message_session(message);
    const IprevFact *fact = iprev_fact(session);
    if (fact->code == IPREV_NONE)
        return;
    Finding *finding =
        message_find(message, &check_iprev, tags[fact->code], session_ip_text(session),
                     "reverse DNS of %s: %s%s%s", session_ip_text(session), code_name(fact->code),
                     fact->name ? ", " : "", fact->name ? fact->name : "");
    if (fact->code == IPREV_TEMPERROR)
        finding_may_become(finding, TAG_IPREV_PASS, TAG_IPREV_FAIL, TAG_IPREV_PERMERROR, TAG_COUNT);
}

static void trace(Message *message, TraceFields *trace)
{
    Session *session = message_session(message);
    const IprevFact *fact = iprev_fact(session);
    if (fact->code == IPREV_NONE)
        return;
    AuthResResult *result = authres_add(trace->results, "iprev", code_name(fact->code));
    authres_add_property(result, "policy", "iprev", session_ip_text(session));
    if (fact->name)
        authres_set_comment(result, fact->name);
}

const Check check_iprev = {
    .name = "iprev",
    .scope = PER_SESSION,
    .wanted = wanted,
    .fields = fields,
    .fact_size = sizeof(IprevFact),
    .evaluate = evaluate,
    .prefetch = prefetch,
    .first_rcpt = first_rcpt,
    .trace = trace,
};
