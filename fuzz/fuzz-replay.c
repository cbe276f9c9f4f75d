/*
 * A whole message through the whole flow, all checks and actions on, DNS from a text. The input is what a stranger
 * chooses: a line each for client address, PTR name, HELO, sender, recipients (by blanks) and login, then the message.
 * Whatever comes, replies are of one class and on one line each, and our header fields stay fields.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <postern/zone.h>

#include "actions/actions.h"
#include "checks/checks.h"
#include "flow/engine.h"
#include "flow/trace.h"
#include "mta/replay.h"

#define ENVELOPE_LINES 6
#define RCPTS_MAX      8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char config_text[] = "[connection]\n"
                                  "internal_connect = 10.0.0.0/8\n"
                                  "trusted_relay = 192.0.2.25\n"
                                  "hello_blacklist = our.example\n"
                                  "hello_checks = yes\nptr_checks = yes\niprev = yes\nmax_demerits = 5\n"
                                  "[sender]\n"
                                  "internal_domains = our.example\ninternal_mta = 10.0.0.25\n"
                                  "private_relay = in.our.example\nbanned_domains = bad.example\n"
                                  "no_mail_to = mailer-daemon@\nsyntax_checks = yes\nmessage_id_checks = yes\n"
                                  "[spf]\n"
                                  "mode = on\nbest_guess = yes\nlax = yes\ninternal_policy = ip4:10.0.0.1 ?all\n"
                                  "trusted_forwarder = forwarder.example\nuser_not_local = yes\n"
                                  "[authres]\nadd = yes\n"
                                  "[policy]\nmixed = separate\n"
                                  "[verbs]\nSPF-Neutral = SCORE:2\nHELO-None = SCORE:2\n"
                                  "SPF-SoftFail = DISCARD\niprev-TempError = TEMPFAIL\n"
                                  "[thresholds]\nspam = 4 HOLD\n";

static const char access_text[] = "SPF-Pass:pass.example\tWHITELIST\n"
                                  "SPF-Fail:prob.example\tPROBATION\n"
                                  "To-SPF-Fail:free@our.example\tOK\n"
                                  "To-SPF-SoftFail:free@our.example\tOK\n"
                                  "SMTP-Auth:fred@our.example\tOK\n"
                                  "SMTP-Auth:fred\tREJECT\n"
                                  "HELO-Fail:x.example\tBAN\n";

static const char zone_text[] = "pass.example TXT \"v=spf1 ip4:192.0.2.0/24 -all\"\n"
                                "fail.example TXT \"v=spf1 -all exp=why.fail.example\"\n"
                                "why.fail.example TXT \"no %{l} from %{i} at %{h}\"\n"
                                "soft.example TXT \"v=spf1 exists:%{l1r-}.%{d}.x.example ~all\"\n"
                                "neutral.example TXT \"v=spf1 ?all\"\n"
                                "broken.example TXT \"v=spf1 ip:192.0.2.1 -all\"\n"
                                "slow.example ERROR TIMEOUT\n"
                                "1.2.0.192.in-addr.arpa PTR mail.pass.example.\n"
                                "mail.pass.example A 192.0.2.1\n";

static void drop_line(LogLevel level, const char *line, void *data)
{
    if (strchr(line, '\n') || strchr(line, '\r'))
        abort();
}

static Engine *start(void)
{
    static Services services;
    static FixedClock clock;
    static const Tables tables = {all_checks, all_actions};
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_parse("fuzz", config_text, sizeof config_text - 1, problems);
    if (!config)
        abort();
    config->policy.access = map_parse("access", access_text, sizeof access_text - 1, problems);
    clock = clock_fixed(G_GINT64_CONSTANT(1767614400) * G_USEC_PER_SEC);
    services = (Services){
        .resolver = zone_resolver_parse("zone", zone_text, sizeof zone_text - 1, NULL),
        .clock = &clock.base,
        .random = &random_system,
        .hostname = "mx.our.example",
    };
    Engine *engine = engine_new(&services, &tables);
    if (!services.resolver || !engine_use(engine, config, problems))
        abort();
    log_set_sink(drop_line, NULL);
    return engine;
}

static void check_reply(const Reply *reply)
{
    gboolean refusal = reply->kind == REPLY_REJECT || reply->kind == REPLY_TEMPFAIL;
    if (!refusal)
        return;
    int class = reply->kind == REPLY_REJECT ? 5 : 4;
    if (reply->code / 100 != class || reply->xcode[0] != '0' + class || !reply->text ||
        strpbrk(reply->text, "\r\n"))
        abort();
}

/* A new field must not end early, nor begin another. */
static void check_field(const Edit *edit)
{
    if (strpbrk(edit->name, "\r\n: ") || strchr(edit->value, '\r'))
        abort();
    for (const char *c = edit->value; *c; c++)
        if (*c == '\n' && c[1] != ' ' && c[1] != '\t')
            abort();
}

static void check_edits(const Edits *edits)
{
    for (guint i = 0; edits && i < edits_len(edits); i++) {
        const Edit *edit = edits_at(edits, i);
        if (edit->kind == EDIT_HEADER_PREPEND || edit->kind == EDIT_HEADER_APPEND ||
            edit->kind == EDIT_HEADER_CHANGE)
            check_field(edit);
    }
}

static void show(Message *message, gboolean aborted, const Reply *reply, void *data)
{
    g_autoptr(Record) record = record_new();
    message_record(message, record);
    g_autofree char *json = record_to_json(record);
    g_autoptr(GString) head = message_render_headers(message);
    if (!g_utf8_validate(json, -1, NULL) || (head->len && head->str[head->len - 1] != '\n'))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Engine *engine;
    if (!engine) {
        engine = start();
        engine_observe(engine, show, NULL);
    }
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", ENVELOPE_LINES + 1);
    if (g_strv_length(lines) <= ENVELOPE_LINES)
        return 0;
    g_auto(GStrv) rcpts = g_strsplit(lines[4], " ", RCPTS_MAX);
    IpAddress ip;
    const ReplayEnvelope envelope = {
        .ip = ip_parse(lines[0], &ip) ? lines[0] : NULL,
        .ptr = *lines[1] ? lines[1] : NULL,
        .helo = *lines[2] ? lines[2] : NULL,
        .from = lines[3],
        .rcpts = (const char *const *)rcpts,
        .login = *lines[5] ? lines[5] : NULL,
    };
    gsize head = strlen(text) - strlen(lines[ENVELOPE_LINES]);
    const Adapter adapter = {.can_edit_headers = TRUE, .can_edit_rcpts = TRUE, .can_hold = TRUE, .mta = "fuzz"};
    Session *session = session_new(engine, &adapter);
    ReplayResult result;
    /* The message as it came, its NUL bytes included. */
    replay_message(session, &envelope, (const char *)data + head, size - head, &result, NULL);
    check_reply(&result.mail);
    for (guint i = 0; i < result.n_rcpts; i++)
        check_reply(&result.rcpts[i]);
    check_reply(&result.end);
    check_edits(result.edits);
    replay_result_clear(&result);
    session_free(session);
    return 0;
}
