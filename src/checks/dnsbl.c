/*
 * dnsbl — DNS lists of clients, senders' domains and HELO names (A8; RFC 5782), by the lines of [dnsbl] (conf/dnsbl.h).
 *
 * All lists are asked at once at the first recipient. Our own people, trusted relays and, as addresses, private networks
 * are never asked about. A list that does not answer has not listed: who fails again and again is left alone for a
 * while (base/outage.h). So is one that answers 127.0.0.1 or 127.255.255.x, by which lists say that they refuse to
 * answer us, and one whose answer is outside of 127.0.0.0/8, as of a zone that somebody else has bought.
 *
 * One finding a rule that fits. White lists are reported in Authentication-Results (RFC 8904). Strangers are told the
 * name of the list, never its zone.
 *
 * Tags: DNSBL, DNSWL (subject: the list's name; rules are also looked up by what is listed, by NAME:ANSWER as it came and
 * as the rule has it).
 */
#include <string.h>

#include "checks/checks.h"
#include "checks/client.h"
#include "conf/dnsbl.h"

#define ANSWERS_MAX 8   /* of one list that are looked at */
#define TEXT_MAX    200 /* bytes of a TXT record that are told */

/* What one list has said. */
typedef struct {
    const Dnsbl *list;
    const char *what; /* address, domain or HELO name */
    guint n;
    guint8 answers[ANSWERS_MAX][4];
    gboolean secure; /* validated by DNSSEC */
    const char *text;
} Hit;

typedef struct {
    const char *skipped; /* why nobody was asked; NULL: those that fit were */
    const char *listed;  /* "zen 127.0.0.2 127.0.0.4, dbl 127.0.1.2" */
    const char *failed;  /* lists that did not answer, or were left alone */
    guint n_hits;
    Hit *hits;
} DnsblFact;

static const Field fields[] = {
    FIELD_STR(DnsblFact, skipped),
    FIELD_STR(DnsblFact, listed),
    FIELD_STR(DnsblFact, failed),
    {0},
};

static gboolean wanted(const Config *config)
{
    return config->loaded.dnsbl && config->loaded.dnsbl->n > 0;
}

/* --- what is asked --- */

static const char *why_skipped(Session *session)
{
    if (client_is_ours(session))
        return "internal";
    return client_fact(session)->trusted ? "trusted relay" : NULL;
}

/* A name that a list of domains can hold (RFC 5782 §3): not an address, and not one label. */
static const char *domain_or_null(const char *name)
{
    IpAddress ip;
    return name && *name != '[' && strchr(name, '.') && !ip_parse(name, &ip) ? name : NULL;
}

/* NULL: nothing that this list could know. */
static const char *what_of(Message *message, const Dnsbl *list)
{
    Session *session = message_session(message);
    const IpAddress *ip = session_ip(session);
    switch (list->key) {
    case DNSBL_BY_CLIENT:
        return ip->family == IP_NONE || ip_is_private(ip) ? NULL : session_ip_text(session);
    case DNSBL_BY_SENDER:
        return domain_or_null(message_sender(message)->domain);
    case DNSBL_BY_HELO:
        return domain_or_null(session_helo_name(session));
    }
    g_assert_not_reached();
}

/* The client's address as RFC 5782 §2.1 and §2.4 have it: reversed as in the PTR tree, with the list's zone in place of
 * the tree's. */
static char *name_of(Message *message, const Dnsbl *list, const char *what)
{
    if (list->key != DNSBL_BY_CLIENT) {
        gsize len = strlen(what);
        return g_strdup_printf("%.*s.%s", (int)(len - g_str_has_suffix(what, ".")), what, list->zone);
    }
    g_autofree char *name = ip_reverse_name(session_ip(message_session(message)));
    static const char *const trees[] = {".in-addr.arpa", ".ip6.arpa"};
    for (gsize i = 0; i < G_N_ELEMENTS(trees); i++)
        if (g_str_has_suffix(name, trees[i]))
            name[strlen(name) - strlen(trees[i])] = '\0';
    return g_strdup_printf("%s.%s", name, list->zone);
}

static void prefetch(Session *session, Stage stage)
{
    const DnsblList *all = session_config(session)->loaded.dnsbl;
    if (stage != STAGE_RCPT || why_skipped(session))
        return;
    for (guint i = 0; i < all->n; i++) {
        const Dnsbl *list = &all->lists[i];
        const char *what = what_of(session_message(session), list);
        if (!what || outages_is_away(session_outages(session), list->zone))
            continue;
        g_autofree char *name = name_of(session_message(session), list, what);
        dns_prefetch(session_resolver(session), name, DNS_A);
    }
}

/* --- what is answered --- */

/* Why an answer is none; NULL: it is one. */
static const char *not_a_listing(const guint8 answer[static 4])
{
    if (answer[0] != 127)
        return "an answer outside of 127.0.0.0/8";
    if (answer[1] == 255 && answer[2] == 255)
        return "it refuses to answer us";
    /* What is listed is 127.0.0.2 and up (RFC 5782 §2.1); by 127.0.0.1 some lists say that we ask too much. */
    if (answer[1] == 0 && answer[2] == 0 && answer[3] == 1)
        return "it refuses to answer us";
    return NULL;
}

static char *answer_to_string(const guint8 answer[static 4])
{
    return g_strdup_printf("%u.%u.%u.%u", answer[0], answer[1], answer[2], answer[3]);
}

/* Why there is no answer; NULL: `hit` has it, or nothing is listed. */
static char *read_answers(const DnsAnswer *answer, Hit *hit)
{
    if (answer->status == DNS_TEMPERROR)
        return g_strdup(answer->why);
    for (guint i = 0; answer->status == DNS_OK && i < answer->n_records && hit->n < ANSWERS_MAX; i++) {
        const guint8 *bytes = answer->records[i].ip.bytes;
        const char *fault = not_a_listing(bytes);
        if (fault) {
            g_autofree char *text = answer_to_string(bytes);
            hit->n = 0;
            return g_strdup_printf("%s: %s", text, fault);
        }
        memcpy(hit->answers[hit->n++], bytes, sizeof *hit->answers);
    }
    hit->secure = answer->secure;
    return NULL;
}

/* RFC 5782 §2.1: why the list has it. */
static void ask_text(Message *message, const char *name, gint64 deadline, Hit *hit)
{
    Resolver *resolver = session_resolver(message_session(message));
    g_autoptr(DnsAnswer) answer = dns_query(resolver, name, DNS_TXT, deadline);
    if (answer->status != DNS_OK || answer->n_records == 0)
        return;
    const DnsRecord *record = &answer->records[0];
    char *text = pool_strndup(message_pool(message), record->text, MIN(record->text_len, TEXT_MAX));
    for (char *c = text; *c; c++)
        if (!g_ascii_isprint(*c))
            *c = '?';
    hit->text = text;
}

/* `certain`: it has answered, and not what a list answers. */
static void tell_outage(Session *session, const Dnsbl *list, const char *fault, gboolean certain)
{
    if (outages_failed(session_outages(session), list->zone, certain, session_now(session)))
        session_log(session, LOG_LEVEL_WARNING, "DNSBL:",
                    "%s does not answer (%s): what it lists is not known, and it is asked again every %d s",
                    list->name, fault, OUTAGE_PAUSE);
}

/* FALSE: it has not answered. */
static gboolean ask(Message *message, const Dnsbl *list, gint64 deadline, gboolean fair, Hit *hit)
{
    Session *session = message_session(message);
    Outages *outages = session_outages(session);
    if (!outages_may_ask(outages, list->zone, session_now(session)))
        return FALSE;
    g_autofree char *name = name_of(message, list, hit->what);
    g_autoptr(DnsAnswer) answer = dns_query(session_resolver(session), name, DNS_A, deadline);
    g_autofree char *fault = read_answers(answer, hit);
    if (fault) {
        gboolean certain = answer->status != DNS_TEMPERROR;
        if (fair || certain)
            tell_outage(session, list, fault, certain);
        return FALSE;
    }
    if (outages_answered(outages, list->zone))
        session_log(session, LOG_LEVEL_NOTICE, "DNSBL:", "%s answers again", list->name);
    if (hit->n && list->text)
        ask_text(message, name, deadline, hit);
    return TRUE;
}

/* --- the fact --- */

static void append_hit(GString *listed, const Hit *hit)
{
    g_string_append_printf(listed, "%s%s", listed->len ? ", " : "", hit->list->name);
    for (guint i = 0; i < hit->n; i++) {
        g_autofree char *text = answer_to_string(hit->answers[i]);
        g_string_append_printf(listed, " %s", text);
    }
}

static const char *keep(Message *message, const GString *text)
{
    return text->len ? pool_strdup(message_pool(message), text->str) : NULL;
}

static void evaluate(void *of, void *into)
{
    Message *message = of;
    DnsblFact *fact = into;
    Session *session = message_session(message);
    const Config *config = session_config(session);
    const DnsblList *all = config->loaded.dnsbl;
    if ((fact->skipped = why_skipped(session)))
        return;
    gint64 deadline = g_get_monotonic_time() + config->dns.dnsbl_timeout_ms * G_TIME_SPAN_MILLISECOND;
    /* Where others have used up the stage's time, it is not the lists that are slow. */
    gboolean fair = session_deadline(session) >= deadline;
    deadline = MIN(deadline, session_deadline(session));
    g_autoptr(GString) listed = g_string_new(NULL);
    g_autoptr(GString) failed = g_string_new(NULL);
    fact->hits = pool_alloc0(message_pool(message), all->n * sizeof *fact->hits);
    for (guint i = 0; i < all->n; i++) {
        Hit hit = {.list = &all->lists[i], .what = what_of(message, &all->lists[i])};
        if (!hit.what)
            continue;
        if (!ask(message, hit.list, deadline, fair, &hit))
            g_string_append_printf(failed, "%s%s", failed->len ? ", " : "", hit.list->name);
        if (hit.n == 0)
            continue;
        append_hit(listed, &hit);
        fact->hits[fact->n_hits++] = hit;
    }
    fact->listed = keep(message, listed);
    fact->failed = keep(message, failed);
}

/* --- findings --- */

/* From what is listed, its domain and parents, to the answers, the rule, the list. */
static void set_keys(Message *message, Finding *finding, const Hit *hit, const GPtrArray *answers,
                     const char *rule)
{
    Pool *pool = message_pool(message);
    g_autoptr(GPtrArray) keys = g_ptr_array_new();
    for (const char *const *key = policy_keys(pool, hit->what); *key; key++)
        g_ptr_array_add(keys, (char *)*key);
    for (guint i = 0; i < answers->len; i++)
        g_ptr_array_add(keys, pool_printf(pool, "%s:%s", hit->list->name, (char *)answers->pdata[i]));
    g_ptr_array_add(keys, pool_printf(pool, "%s:%s", hit->list->name, rule));
    g_ptr_array_add(keys, (char *)hit->list->name);
    g_ptr_array_add(keys, NULL);
    finding_set_keys(finding, pool, (const char *const *)keys->pdata);
}

/* `rule` NULL: the list has none, and all its answers are meant. */
static void find_by_rule(Message *message, const Hit *hit, const DnsblRule *rule)
{
    const Dnsbl *list = hit->list;
    g_autoptr(GPtrArray) answers = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < hit->n; i++)
        if (dnsbl_rule(list, hit->answers[i]) == rule)
            g_ptr_array_add(answers, answer_to_string(hit->answers[i]));
    if (answers->len == 0)
        return;
    g_ptr_array_add(answers, NULL);
    g_autofree char *words = g_strjoinv(", ", (char **)answers->pdata);
    g_ptr_array_remove_index(answers, answers->len - 1);
    Finding *finding =
        message_find(message, &check_dnsbl, list->white ? TAG_DNSWL : TAG_DNSBL, list->name,
                     "%s%s is listed by %s (%s)%s%s", list->key == DNSBL_BY_HELO ? "HELO " : "", hit->what,
                     list->name, words, hit->text ? ": " : "", hit->text ? hit->text : "");
    set_keys(message, finding, hit, answers, rule ? rule->answer : "*");
}

static void on_first_rcpt(Message *message)
{
    const DnsblFact *fact = message_fact(message, &check_dnsbl);
    for (guint i = 0; i < fact->n_hits; i++) {
        const Hit *hit = &fact->hits[i];
        const GArray *rules = hit->list->rules;
        if (rules->len == 0)
            find_by_rule(message, hit, NULL);
        for (guint k = 0; k < rules->len; k++)
            find_by_rule(message, hit, &g_array_index(rules, DnsblRule, k));
    }
}

/* RFC 8904 §2 is about clients on white lists, and wants an answer a result. */
static void trace(Message *message, TraceFields *trace)
{
    const DnsblFact *fact = message_fact(message, &check_dnsbl);
    for (guint i = 0; i < fact->n_hits; i++) {
        const Hit *hit = &fact->hits[i];
        if (!hit->list->white || hit->list->key != DNSBL_BY_CLIENT)
            continue;
        g_autofree char *answer = answer_to_string(hit->answers[0]);
        AuthResResult *result = authres_add(trace->results, "dnswl", "pass");
        authres_add_property(result, "dns", "zone", hit->list->name);
        authres_add_property(result, "dns", "sec", hit->secure ? "yes" : "na");
        authres_add_property(result, "policy", "ip", answer);
        authres_add_property(result, "policy", "txt", hit->text);
    }
}

const Check check_dnsbl = {
    .name = "dnsbl",
    .scope = PER_MESSAGE,
    .wanted = wanted,
    .fields = fields,
    .fact_size = sizeof(DnsblFact),
    .evaluate = evaluate,
    .prefetch = prefetch,
    .first_rcpt = on_first_rcpt,
    .trace = trace,
};
