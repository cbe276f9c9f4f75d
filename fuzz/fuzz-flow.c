/*
 * A whole message through the flow, every check switched on: lines for the envelope (client, its name, HELO,
 * login, sender, recipients), an empty line, then the message. Names come from a small zone. What the MTA
 * would be told and what would be delivered must be fit to be written on the wire.
 */
#include <postern/zone.h>
#include <stdint.h>
#include <string.h>

#include "actions/actions.h"
#include "checks/checks.h"
#include "flow/engine.h"
#include "flow/trace.h"
#include "mta/replay.h"

#define RCPTS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char zone_text[] =
    "example.com TXT \"v=spf1 ip4:192.0.2.1 include:inc.example -all\"\n"
    "inc.example TXT \"v=spf1 exists:%{l}.%{d2} a:mx.example ?mx:example.com ~all\"\n"
    "soft.example TXT \"v=spf1 ~all\"\n"
    "fail.example TXT \"v=spf1 -all exp=exp.example\"\n"
    "exp.example TXT \"%{s} is not for %{i} at %{h} %{r}\"\n"
    "bad.example TXT \"v=spf1 nonsense\"\n"
    "late.example ERROR TIMEOUT\n"
    "mx.example A 192.0.2.1\n"
    "mx.example AAAA 2001:db8::1\n"
    "example.com MX 1 mx.example\n"
    "1.2.0.192.in-addr.arpa PTR mx.example\n"
    "2.2.0.192.in-addr.arpa PTR localhost\n"
    "3.2.0.192.in-addr.arpa PTR dsl-192-0-2-3.dyn.example\n";

static const char config_text[] =
    "[log]\nlevel = debug\n"
    "[connection]\ninternal_connect = 10.0.0.0/8\ntrusted_relay = 192.0.2.25\nhello_blacklist = us.example\n"
    "hello_checks = yes\nptr_checks = yes\niprev = yes\nmax_demerits = 5\nwhitelist_ips = 192.0.2.77\n"
    "[sender]\ninternal_domains = us.example\nprivate_relay = relay.us.example\nbanned_domains = "
    "*.ban.example\n"
    "email_providers = soft.example\nno_mail_to = mailer-daemon@*\nsyntax_checks = yes\nmessage_id_checks = "
    "yes\n"
    "[spf]\nmode = on\nbest_guess = yes\ndelegate = inc.example\ntrusted_forwarder = mx.example\nlax = yes\n"
    "internal_policy = ip4:10.0.0.0/8\n"
    "[authres]\nadd = yes\n"
    "[policy]\nmixed = separate\nerrors_url = https://us.example/%s\n"
    "[verbs]\nSPF-Fail = REJECT\nSPF-Softfail!soft.example = GREYLIST\nSPF-Neutral = CBV\nSPF-None = "
    "SCORE:2\n"
    "SPF-Permerror = QUARANTINE\n"
    "[thresholds]\nspam = 3 DISCARD\n";

/* ---- what is expected ---- */

static void expect_reply(const Reply *reply)
{
    if (!reply->code)
        return;
    g_assert(reply->code / 100 == (reply->kind == REPLY_TEMPFAIL ? 4 : 5));
    g_assert(reply->xcode && reply->text && g_utf8_validate(reply->text, -1, NULL));
    g_assert(!strchr(reply->text, '\r'));
}

/* Our own fields: no line end but before a continuation. What was received is passed as it came. */
static void expect_edits(const Edits *edits)
{
    for (guint i = 0; edits && i < edits_len(edits); i++) {
        const char *value = edits_at(edits, i)->value;

        for (; value && *value; value++)
            g_assert(*value != '\r' && (*value != '\n' || value[1] == ' ' || value[1] == '\t'));
    }
}

static void observe(Message *message, gboolean aborted, const Reply *reply, void *data)
{
    g_autoptr(Record) record = record_new();
    g_autofree char *json = NULL;

    message_record(message, record);
    json = record_to_json(record);
    g_assert(g_utf8_validate(json, -1, NULL));
    g_string_free(message_render_headers(message), TRUE);
}

static void drop_line(LogLevel level, const char *line, void *data)
{
    g_assert(!strchr(line, '\n'));
}

/* ---- the run ---- */

static char *take_line(const char **at, const char *end)
{
    const char *lf = *at < end ? memchr(*at, '\n', (gsize)(end - *at)) : NULL;
    char *line = g_strndup(*at, (gsize)((lf ? lf : end) - *at));

    *at = lf ? lf + 1 : end;
    return line;
}

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

static void play(Engine *engine, const char *at, const char *end)
{
    const Adapter adapter = {
        .can_edit_headers = TRUE,
        .can_edit_sender = TRUE,
        .can_edit_rcpts = TRUE,
        .can_edit_body = TRUE,
        .can_hold = TRUE,
        .mta = "fuzz",
    };
    g_autofree char *ip = take_line(&at, end), *ptr = take_line(&at, end), *helo = take_line(&at, end);
    g_autofree char *login = take_line(&at, end), *from = take_line(&at, end);
    char *rcpts[RCPTS_MAX + 1] = {NULL};
    g_autoptr(Session) session = session_new(engine, &adapter);
    ReplayResult result;

    for (guint i = 0; i < RCPTS_MAX; i++) {
        rcpts[i] = take_line(&at, end);
        if (!*rcpts[i]) {
            g_clear_pointer(&rcpts[i], g_free);
            break;
        }
    }
    const ReplayEnvelope envelope = {
        .ip = or_null(ip),
        .ptr = or_null(ptr),
        .helo = or_null(helo),
        .login = or_null(login),
        .from = from,
        .rcpts = (const char *const *)rcpts,
        .receiver = "mx.us.example",
    };
    if (replay_message(session, &envelope, at, (gsize)(end - at), &result, NULL)) {
        expect_reply(&result.mail);
        for (guint i = 0; i < result.n_rcpts; i++)
            expect_reply(&result.rcpts[i]);
        expect_reply(&result.end);
        expect_edits(result.edits);
    }
    replay_result_clear(&result);
    for (guint i = 0; rcpts[i]; i++)
        g_free(rcpts[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const Tables tables = {all_checks, all_actions};
    static Config *config;
    FixedClock clock = clock_fixed(G_GINT64_CONSTANT(1767614400000000));
    g_autoptr(Resolver) zone = zone_resolver_parse("zone", zone_text, sizeof zone_text - 1, NULL);
    SeededRandom random = random_seeded(1);
    const Services services = {
        .resolver = zone, .clock = &clock.base, .random = &random.base, .hostname = "mx.us.example"};
    g_autoptr(Engine) engine = engine_new(&services, &tables);
    g_autoptr(Problems) problems = problems_new();

    if (!config)
        config = config_parse("/nonexistent/fuzz", config_text, sizeof config_text - 1, problems);
    g_assert(config && engine_use(engine, config, problems));
    log_set_sink(drop_line, NULL);
    engine_observe(engine, observe, NULL);
    play(engine, (const char *)data, (const char *)data + size);
    return 0;
}
