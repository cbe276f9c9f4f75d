/* What cases cannot reach: limits, budgets, the life of facts and macros, steps out of order. */
#include "rows.h"

#include <glib/gstdio.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <postern/zone.h>

#include "flow/check.h"
#include "flow/engine.h"
#include "flow/trace.h"

typedef struct {
    guint evaluated; /* how often the fact was computed */
    guint carried_out;
    guint progress;
    guint aborted, done;
    gboolean ask; /* `questions` DNS questions at each message's first recipient */
    guint questions;
    guint prefetched; /* at the first recipient; 100 more at end of headers */
    guint answered, budget_spent;
    gboolean busy; /* the live session leaves its shadow no time at RCPT */
    Session *live;
    gint64 seconds[STAGE_COUNT]; /* budget of each stage */
} Seen;

/* The check under test finds it by the clock, the one thing of ours that a session hands out. */
typedef struct {
    FixedClock clock;
    Seen seen;
    Resolver *zone;
    Services services;
    Tables tables;
    Engine *engine;
    GString *log;
} Bench;

static Bench *bench_of(const Session *session)
{
    return (Bench *)((char *)session_clock(session) - offsetof(Bench, clock));
}

/* --- the check --- */

static const Check probe, facts;

typedef struct {
    int number;
} ProbeFact;

static void evaluate(void *of, void *into)
{
    Bench *bench = bench_of(of);
    ((ProbeFact *)into)->number = (int)++bench->seen.evaluated;
}

static void note_budget(Session *session, Stage stage)
{
    gint64 left = session_deadline(session) - g_get_monotonic_time();
    bench_of(session)->seen.seconds[stage] = (left + G_TIME_SPAN_SECOND / 2) / G_TIME_SPAN_SECOND;
}

static void on_connect(Session *session)
{
    note_budget(session, STAGE_CONNECT);
}

static void on_first_rcpt(Message *message)
{
    Session *session = message_session(message);
    Seen *seen = &bench_of(session)->seen;
    note_budget(session, STAGE_RCPT);
    session_progress(session);
    for (guint i = 0; i < seen->questions; i++) {
        g_autoptr(DnsAnswer) answer = dns_query(message_resolver(message), "x.example", DNS_TXT, 0);
        if (answer->status == DNS_TEMPERROR && strcmp(answer->why, "budget spent") == 0)
            seen->budget_spent++;
        else
            seen->answered++;
        if (seen->live && answer->status == DNS_TEMPERROR)
            message_find(message, &probe, TAG_SPF_TEMPERROR, "x.example", "no answer");
    }
    if (seen->busy && session == seen->live)
        g_usleep((gulong)MAX(0, session_deadline(session) - g_get_monotonic_time()));
}

static void prefetch(Session *session, Stage stage)
{
    Bench *bench = bench_of(session);
    assert_true(stage == STAGE_RCPT || stage == STAGE_HEADERS);
    bench->seen.prefetched += stage == STAGE_RCPT ? 1 : 100;
}

static void on_message(Message *message)
{
    Session *session = message_session(message);
    note_budget(session, STAGE_MESSAGE);
    session_progress(session);
}

/* Helps nothing: each finding may be asked about once, and never again. */
static void carry_out(Recipient *recipient, const Demand *demand)
{
    Seen *seen = &bench_of(message_session(recipient_message(recipient)))->seen;
    seen->carried_out++;
    recipient_find(recipient, &probe, TAG_SPF_SOFTFAIL, "again@example.com", "again");
}

static void settle_message(Message *message, gboolean aborted)
{
    Seen *seen = &bench_of(message_session(message))->seen;
    if (aborted)
        seen->aborted++;
    else
        seen->done++;
}

static const Check probe = {
    .name = "probe",
    .scope = PER_MESSAGE,
    .prefetch = prefetch,
    .connect = on_connect,
    .first_rcpt = on_first_rcpt,
    .message = on_message,
    .carries_out = VERB_BIT(VERB_CBV),
    .carry_out = carry_out,
    .settle_message = settle_message,
};

static const Check facts = {
    .name = "facts",
    .scope = PER_SESSION,
    .fact_size = sizeof(ProbeFact),
    .evaluate = evaluate,
};

/* --- the bench --- */

static const Check *const checks[] = {&facts, &probe, NULL};
static const Action *const actions[] = {NULL};

static void keep_line(LogLevel level, const char *line, void *data)
{
    g_string_append_printf(data, "%s\n", line);
}

static void use(Bench *bench, const char *config_text)
{
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config =
        config_parse("postern.conf", config_text, (gssize)strlen(config_text), problems);
    assert_non_null(config);
    assert_true(engine_use(bench->engine, config, problems));
}

static Bench *bench_new(const char *config_text)
{
    Bench *bench = g_new0(Bench, 1);
    bench->clock = clock_fixed(0);
    bench->zone = zone_new();
    bench->services = (Services){.resolver = bench->zone,
                                 .clock = &bench->clock.base,
                                 .random = &random_system,
                                 .hostname = "mx.our.example"};
    bench->tables = (Tables){checks, actions};
    bench->engine = engine_new(&bench->services, &bench->tables);
    bench->log = g_string_new(NULL);
    log_set_sink(keep_line, bench->log);
    use(bench, config_text);
    return bench;
}

static void bench_free(Bench *bench)
{
    engine_free(bench->engine);
    resolver_free(bench->zone);
    log_set_sink(NULL, NULL);
    g_string_free(bench->log, TRUE);
    g_free(bench);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bench, bench_free)

static void count_progress(void *data)
{
    ((Bench *)data)->seen.progress++;
}

static Session *connect_to(Bench *bench)
{
    const Adapter adapter = {
        .progress = count_progress, .data = bench, .can_edit_rcpts = TRUE, .mta = "test"};
    Session *session = session_new(bench->engine, &adapter);
    IpAddress ip;
    assert_true(ip_parse("192.0.2.1", &ip));
    session_connect(session, "mail.example.com", &ip, 25);
    return session;
}

static void mail(Session *session)
{
    assert_int_equal(session_mail(session, (const char *[]){"<a@example.com>", NULL}).kind, REPLY_CONTINUE);
}

static Reply rcpt(Session *session, const char *address)
{
    return session_rcpt(session, (const char *[]){address, NULL}, NULL);
}

static void envelope(Session *session)
{
    mail(session);
    assert_int_equal(rcpt(session, "<b@our.example>").kind, REPLY_CONTINUE);
}

static Reply end_of_message(Session *session)
{
    const Edits *edits;
    return session_end_of_message(session, &edits);
}

#define KEEPS_BODY "[verbs]\nVirus = QUARANTINE\n"

/* --- limits --- */

static void body_budget(void **state)
{
    g_autoptr(Bench) bench = bench_new("[daemon]\nbody_budget = 1M\nbody_memory = 2M\n" KEEPS_BODY);
    g_autofree char *bytes = g_strnfill(600 * 1024, 'x');
    g_autoptr(Session) one = connect_to(bench);
    g_autoptr(Session) two = connect_to(bench);
    envelope(one);
    envelope(two);
    assert_int_equal(session_data(one).kind, REPLY_CONTINUE);
    session_body(one, bytes, 600 * 1024);
    assert_int_equal(session_data(two).kind, REPLY_CONTINUE);
    session_body(two, bytes, 600 * 1024); /* over it in the middle: judged as not kept */
    Reply reply = end_of_message(two);
    assert_int_equal(reply.kind, REPLY_TEMPFAIL);
    assert_int_equal(reply.code, 451);
    session_body(one, bytes, 424 * 1024);
    envelope(two);
    reply = session_data(two);
    assert_int_equal(reply.kind, REPLY_TEMPFAIL);
    assert_int_equal(reply.code, 452);
    session_abort(two);
    /* Given back with the last reply, though the connection goes on. */
    assert_int_equal(end_of_message(one).kind, REPLY_CONTINUE);
    envelope(two);
    assert_int_equal(session_data(two).kind, REPLY_CONTINUE);
    session_body(two, bytes, 600 * 1024);
    assert_int_equal(end_of_message(two).kind, REPLY_CONTINUE);
}

/* What is not kept is not judged, so such a message is refused. */
static void header_limit(void **state)
{
    g_autoptr(Bench) bench = bench_new("[daemon]\nmax_headers = 65536\n" KEEPS_BODY);
    g_autoptr(Session) session = connect_to(bench);
    envelope(session);
    for (int i = 0; i < 5000; i++)
        session_header(session, "X", " y");
    Message *message = session_message(session);
    guint kept = message_n_headers(message);
    assert_in_range(kept, 100, 1100); /* a field costs more than its text */
    session_header(session, "Subject", " too late");
    assert_int_equal(message_n_headers(message), kept);
    assert_null(message_header_named(message, "Subject", 1));
    session_end_of_headers(session);
    Reply reply = end_of_message(session);
    assert_int_equal(reply.kind, REPLY_REJECT);
    assert_int_equal(reply.code, 552);
    assert_non_null(
        strstr(bench->log->str, "eom <a@example.com> reject")); /* every message that ends says so */
    envelope(session);                                          /* the next one is not to blame */
    session_header(session, "X", " y");
    assert_int_equal(end_of_message(session).kind, REPLY_CONTINUE);
}

/* D5: an MTA that cannot leave the header out does not get its mail refused for what nobody reads. */
static void header_limit_unjudged(const char *config)
{
    static const Check *const no_checks[] = {NULL};
    g_autoptr(Bench) bench = bench_new(config);
    g_autoptr(Snapshot) snapshot = engine_snapshot(bench->engine);
    const Tables tables = {no_checks, actions};
    const Adapter adapter = {.mta = "test"};
    g_autoptr(Engine) engine = engine_new(&bench->services, &tables);
    g_autoptr(Problems) problems = problems_new();
    assert_true(engine_use(engine, (Config *)snapshot_config(snapshot), problems));
    g_autoptr(Session) session = session_new(engine, &adapter);
    envelope(session);
    for (int i = 0; i < 5000; i++)
        session_header(session, "X", " y");
    assert_in_range(message_n_headers(session_message(session)), 100, 1100);
    assert_int_equal(end_of_message(session).kind, REPLY_CONTINUE);
}

static void header_limit_unread(void **state)
{
    header_limit_unjudged("[daemon]\nmax_headers = 65536\n");
}

/* The journal shows the Subject, and decides nothing by it. */
static void header_limit_journal(void **state)
{
    header_limit_unjudged("[daemon]\nmax_headers = 65536\n[store]\npath = /nonexistent/store\n");
}

static void header_limit_by_size(void **state)
{
    g_autoptr(Bench) bench = bench_new("[daemon]\nmax_headers = 65536\n" KEEPS_BODY);
    g_autoptr(Session) session = connect_to(bench);
    g_autofree char *large = g_strnfill(60000, 'x');
    envelope(session);
    session_header(session, "X", large);
    assert_int_equal(message_n_headers(session_message(session)), 1);
    session_header(session, "X", large);
    assert_int_equal(message_n_headers(session_message(session)), 1);
    session_header(session, "Y", "small"); /* no gap: what is kept is the beginning */
    assert_int_equal(message_n_headers(session_message(session)), 1);
    assert_int_equal(end_of_message(session).code, 552);
}

static void helo_limit(void **state)
{
    g_autoptr(Bench) bench = bench_new("");
    g_autoptr(Session) session = connect_to(bench);
    /* HELO and MAIL are not answered, so the recipient is what is refused. */
    assert_true(snapshot_unanswered_stages(session_snapshot(session)) & 1u << STAGE_HELO);
    assert_true(snapshot_unanswered_stages(session_snapshot(session)) & 1u << STAGE_MAIL);
    for (int i = 0; i < 100; i++)
        assert_int_equal(session_helo(session, "mail.example.com").kind, REPLY_CONTINUE);
    const char *const sender[] = {"<a@example.com>", NULL}, *const rcpt[] = {"<b@example.net>", NULL};
    session_mail(session, sender);
    assert_int_equal(session_rcpt(session, rcpt, NULL).code, 0);
    assert_int_equal(session_helo(session, "mail.example.com").kind, REPLY_CONTINUE);
    session_mail(session, sender);
    Reply reply = session_rcpt(session, rcpt, NULL);
    assert_int_equal(reply.kind, REPLY_TEMPFAIL);
    assert_int_equal(reply.code, 421);
}

/* With delayed_reject = no MAIL can be refused, so the MTA must wait for the answer. */
static void refused_at_once(void **state)
{
    g_autoptr(Bench) bench = bench_new("[connection]\ndelayed_reject = no\n");
    g_autoptr(Session) session = connect_to(bench);
    guint unanswered = snapshot_unanswered_stages(session_snapshot(session));
    assert_int_equal(unanswered, 1u << STAGE_CONNECT | 1u << STAGE_HELO);
}

static void recipients_limit(void **state)
{
    g_autoptr(Bench) bench = bench_new("[daemon]\nmax_recipients = 3\n");
    g_autoptr(Session) session = connect_to(bench);
    mail(session);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rcpt(session, "<b@our.example>").kind, REPLY_CONTINUE);
    assert_int_equal(rcpt(session, "<b@our.example>").code, 452);
    assert_int_equal(message_n_accepted(session_message(session)), 3);
    assert_int_equal(end_of_message(session).kind, REPLY_CONTINUE);
}

static void dns_budget(void **state)
{
    g_autoptr(Bench) bench = bench_new("[dns]\nmessage_queries = 10\n");
    g_autoptr(Session) session = connect_to(bench);
    bench->seen.questions = 12;
    envelope(session);
    assert_int_equal(bench->seen.answered, 10);
    assert_int_equal(bench->seen.budget_spent, 2);
    envelope(session); /* each message has its own */
    assert_int_equal(bench->seen.answered, 20);
    for (int i = 0; i < 30; i++) { /* and the session's own questions count against none */
        g_autoptr(DnsAnswer) answer = dns_query(session_resolver(session), "x.example", DNS_TXT, 0);
        assert_int_equal(answer->status, DNS_NXDOMAIN);
    }
}

static void reservations(void **state)
{
    g_autoptr(Bench) bench = bench_new("");
    Quota quota = {.limit = 3};
    Session *session = connect_to(bench);
    mail(session);
    assert_true(message_reserve(session_message(session), &quota, 2));
    assert_false(message_reserve(session_message(session), &quota, 2));
    assert_true(message_reserve(session_message(session), &quota, 1));
    session_abort(session);
    assert_int_equal(quota_used(&quota), 0);
    envelope(session);
    assert_true(message_reserve(session_message(session), &quota, 3));
    end_of_message(session);
    assert_int_equal(quota_used(&quota), 0);
    mail(session);
    assert_true(message_reserve(session_message(session), &quota, 3));
    session_free(session);
    assert_int_equal(quota_used(&quota), 0);
}

/* A check that answers each demand with what makes another one. */
static void demands_end(void **state)
{
    g_autoptr(Bench) bench = bench_new("[verbs]\nSPF-SoftFail = CBV\n");
    g_autoptr(Session) session = connect_to(bench);
    mail(session);
    message_find(session_message(session), &probe, TAG_SPF_SOFTFAIL, "a@example.com", "softfail");
    assert_int_equal(rcpt(session, "<b@our.example>").kind, REPLY_CONTINUE);
    assert_int_equal(bench->seen.carried_out, 0); /* not before the end */
    end_of_message(session);
    assert_in_range(bench->seen.carried_out, 1, 32);
}

/* --- facts, macros, time --- */

static void facts_once(void **state)
{
    g_autoptr(Bench) bench = bench_new("");
    g_autoptr(Session) session = connect_to(bench);
    assert_int_equal(bench->seen.evaluated, 0); /* nobody asks, nothing is paid */
    const ProbeFact *fact = session_fact(session, &facts);
    assert_int_equal(fact->number, 1);
    assert_ptr_equal(session_fact(session, &facts), fact);
    session_forget(session, &facts);
    assert_int_equal(((const ProbeFact *)session_fact(session, &facts))->number, 2);
}

static void forgotten_findings(void **state)
{
    g_autoptr(Bench) bench = bench_new("");
    g_autoptr(Session) session = connect_to(bench);
    session_find(session, &facts, TAG_CLIENT_BANNED, "x", "theirs");
    session_find(session, &probe, TAG_HELLO_IP, "x", "ours");
    session_forget(session, &facts);
    mail(session);
    assert_false(message_has_finding(session_message(session), TAG_CLIENT_BANNED));
    assert_true(message_has_finding(session_message(session), TAG_HELLO_IP));
    assert_string_equal(rcpt(session, "<b@our.example>").text, "ours");
}

static void macros(void **state)
{
    g_autoptr(Bench) bench = bench_new("");
    g_autoptr(Session) session = connect_to(bench);
    assert_string_equal(session_receiver(session), "mx.our.example");
    session_macros(session, STAGE_CONNECT, (const char *[]){"j", "mta.example", "v", "1", NULL});
    assert_string_equal(session_receiver(session), "mta.example");
    session_macros(session, STAGE_MAIL, (const char *[]){"auth_authen", "fred", "i", "Q1", NULL});
    assert_string_equal(session_login(session), "fred");
    session_macros(session, STAGE_RCPT, (const char *[]){"i", "Q2", NULL});
    assert_string_equal(session_macro(session, "i"), "Q2"); /* the newest */
    session_macros(session, STAGE_MAIL, (const char *[]){"i", "Q3", NULL});
    assert_string_equal(session_macro(session, "i"), "Q3"); /* the next message: what RCPT said is over */
    assert_null(session_login(session));
    session_macros(session, STAGE_MAIL, (const char *[]){"auth_authen", "", NULL});
    assert_null(session_login(session));
    session_macros(session, STAGE_MAIL, (const char *[]){"auth_authen", "fred", NULL});
    session_helo(session, "mail.example.com"); /* STARTTLS */
    assert_null(session_login(session));
    assert_string_equal(session_receiver(session), "mta.example");
    assert_string_equal(session_macro(session, "v"), "1");
    assert_null(session_macro(session, "nothing"));
}

static void stage_budgets(void **state)
{
    g_autoptr(Bench) bench = bench_new("[daemon]\nstage_timeout = 7s\nmessage_timeout = 50s\n");
    g_autoptr(Session) session = connect_to(bench);
    envelope(session);
    end_of_message(session);
    assert_int_equal(bench->seen.seconds[STAGE_CONNECT], 7);
    assert_int_equal(bench->seen.seconds[STAGE_RCPT], 7);
    assert_int_equal(bench->seen.seconds[STAGE_MESSAGE], 50);
    assert_int_equal(bench->seen.progress, 1); /* at end of message only */
}

/* Not for a recipient that the MTA has refused (C9). */
static void prefetch_when_it_pays(void **state)
{
    g_autoptr(Bench) bench = bench_new("");
    g_autoptr(Session) session = connect_to(bench);
    mail(session);
    session_rcpt(session, (const char *[]){"<x@our.example>", NULL}, "550 unknown");
    assert_int_equal(bench->seen.prefetched, 0);
    rcpt(session, "<b@our.example>");
    rcpt(session, "<c@our.example>");
    assert_int_equal(bench->seen.prefetched, 1);
    session_end_of_headers(session);
    assert_int_equal(bench->seen.prefetched, 101);
}

/* --- the virtual message --- */

static void rendered(void **state)
{
    g_autoptr(Bench) bench = bench_new("");
    g_autoptr(Session) session = connect_to(bench);
    envelope(session);
    session_header(session, "X", " 1");
    session_header(session, "Subject", " folded\n\there");
    session_header(session, "x", "2");
    session_header(session, "X", " 3");
    Message *message = session_message(session);
    Edits *edits = message_edits(message);
    edits_prepend_header(edits, "test", "Low", "a\n\tb");
    edits_prepend_header(edits, "test", "Top", "t");
    edits_append_header(edits, "test", "Last", "l");
    edits_append_header(edits, "test", "Very-Last", "v");
    edits_change_header(edits, "test", "X", 2, "changed");
    edits_delete_header(edits, "test", "X", 3);
    g_autoptr(GString) text = message_render_headers(message);
    assert_string_equal(text->str,
                        "Top: t\r\nLow: a\r\n\tb\r\nX: 1\r\nSubject: folded\r\n\there\r\nx: changed\r\n"
                        "Last: l\r\nVery-Last: v\r\n");
}

/* --- steps out of order --- */

static void out_of_order(void **state)
{
    g_autoptr(Bench) bench = bench_new(KEEPS_BODY);
    const Adapter adapter = {.mta = "test"};
    g_autoptr(Session) session = session_new(bench->engine, &adapter);
    session_abort(session);
    assert_int_equal(rcpt(session, "<b@our.example>").code, 503);
    assert_int_equal(session_data(session).code, 503);
    assert_int_equal(session_header(session, "X", "y").kind, REPLY_CONTINUE);
    assert_int_equal(session_end_of_headers(session).kind, REPLY_CONTINUE);
    assert_int_equal(session_body(session, "x", 1).kind, REPLY_CONTINUE);
    assert_int_equal(end_of_message(session).code, 451); /* never "go on" with what nobody has seen */
    assert_int_equal(session_unknown(session, "XYZZY").kind, REPLY_CONTINUE);
    /* mail without connect and HELO; content without DATA */
    mail(session);
    assert_int_equal(end_of_message(session).code, 554); /* nobody to send it to */
    envelope(session);
    session_header(session, "Subject", " x");
    session_body(session, "x\r\n", 3);
    assert_non_null(message_body(session_message(session)));
    assert_int_equal(end_of_message(session).kind, REPLY_CONTINUE);
    assert_int_equal(end_of_message(session).code, 451); /* twice */
    session_abort(session);
    assert_int_equal(bench->seen.done, 2);
    assert_int_equal(bench->seen.aborted, 0);
    session_mail(session, (const char *[]){NULL}); /* no address at all */
    assert_non_null(message_sender_error(session_message(session)));
    session_rcpt(session, (const char *[]){NULL}, NULL);
    assert_non_null(recipient_error(message_recipient(session_message(session), 0)));
}

static void smtputf8(void **state)
{
    g_autoptr(Bench) bench = bench_new("");
    g_autoptr(Session) session = connect_to(bench);
    session_mail(session, (const char *[]){"<a@example.com>", "SIZE=10", "smtputf8", NULL});
    assert_true(message_is_smtputf8(session_message(session)));
    mail(session);
    assert_false(message_is_smtputf8(session_message(session)));
}

/* K8: what a shadow had no time to learn is no difference between the configurations. */
static void a_late_shadow(void **state)
{
    g_autofree char *next = NULL;
    g_autoptr(GError) error = NULL;
    int fd = g_file_open_tmp("postern-next-XXXXXX", &next, &error);
    assert_true(fd >= 0 && close(fd) == 0);
    assert_true(g_file_set_contents(next, "[verbs]\nSPF-TempError = TEMPFAIL\n", -1, &error));
    g_autofree char *text = g_strdup_printf(
        "[daemon]\nstage_timeout = 1\n[verbs]\nSPF-TempError = OK\n[shadow]\nconfig = %s\n", next);
    g_autoptr(Bench) bench = bench_new(text);
    zone_add_error(bench->zone, "x.example", DNS_TXT, "timeout");
    g_autoptr(Session) session = connect_to(bench);
    bench->seen.questions = 1;
    bench->seen.live = session;
    envelope(session);
    assert_non_null(strstr(bench->log->str, "SHADOW: rcpt: <b@our.example>: TEMPFAIL"));
    session_abort(session);
    g_string_truncate(bench->log, 0);
    bench->seen.busy = TRUE;
    envelope(session);
    assert_non_null(strstr(bench->log->str, "SHADOW: rcpt: <b@our.example>: no answer in time"));
    assert_null(strstr(bench->log->str, "TEMPFAIL"));
    session_abort(session);
    g_string_truncate(bench->log, 0);
    bench->seen.busy = FALSE; /* the next message has time again */
    envelope(session);
    assert_non_null(strstr(bench->log->str, "SHADOW: rcpt: <b@our.example>: TEMPFAIL"));
    g_unlink(next);
}

static void snapshots_are_counted(void **state)
{
    g_autoptr(Bench) bench = bench_new("[connection]\nmax_demerits = 1\n");
    g_autoptr(Session) old = connect_to(bench);
    use(bench, "[connection]\nmax_demerits = 2\n");
    g_autoptr(Session) new = connect_to(bench);
    assert_int_equal(session_config(old)->connection.max_demerits, 1);
    assert_int_equal(session_config(new)->connection.max_demerits, 2);
    assert_ptr_not_equal(session_snapshot(old), session_snapshot(new));
    assert_true(session_id(new) > session_id(old));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(body_budget),
        cmocka_unit_test(header_limit),
        cmocka_unit_test(header_limit_unread),
        cmocka_unit_test(header_limit_journal),
        cmocka_unit_test(header_limit_by_size),
        cmocka_unit_test(helo_limit),
        cmocka_unit_test(refused_at_once),
        cmocka_unit_test(recipients_limit),
        cmocka_unit_test(dns_budget),
        cmocka_unit_test(reservations),
        cmocka_unit_test(demands_end),
        cmocka_unit_test(facts_once),
        cmocka_unit_test(forgotten_findings),
        cmocka_unit_test(macros),
        cmocka_unit_test(stage_budgets),
        cmocka_unit_test(prefetch_when_it_pays),
        cmocka_unit_test(rendered),
        cmocka_unit_test(out_of_order),
        cmocka_unit_test(smtputf8),
        cmocka_unit_test(a_late_shadow),
        cmocka_unit_test(snapshots_are_counted),
    };
    return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
