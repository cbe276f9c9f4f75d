/* The milter over real sockets, against a scripted MTA, with a flow that does as it is told. */
#include "rows.h"

#include <string.h>

#include "base/log.h"
#include "fakes/flow.h"
#include "fakes/mta.h"
#include "mta/milter.h"

#include <glib/gstdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the daemon's side ---- */

typedef struct {
    Engine *engine;
    Config config;
    Milter *milter;
    char *dir;
    const char *address;
    pthread_mutex_t lock;
    GString *log;
} Daemon;

static void keep_line(LogLevel level, const char *line, void *data)
{
    Daemon *daemon = data;

    pthread_mutex_lock(&daemon->lock);
    g_string_append_printf(daemon->log, "%s\n", line);
    pthread_mutex_unlock(&daemon->lock);
}

static char *take_log(Daemon *daemon)
{
    char *text;

    pthread_mutex_lock(&daemon->lock);
    text = g_strdup(daemon->log->str);
    g_string_truncate(daemon->log, 0);
    pthread_mutex_unlock(&daemon->lock);
    return text;
}

/* `listen` NULL: a unix socket of its own. */
static Daemon *daemon_new(const char *listen, int max_sessions, int idle_timeout)
{
    Daemon *daemon = g_new0(Daemon, 1);
    g_autoptr(GError) error = NULL;

    pthread_mutex_init(&daemon->lock, NULL);
    daemon->log = g_string_new(NULL);
    log_set_sink(keep_line, daemon);
    daemon->engine = fake_engine_new();
    daemon->dir = g_dir_make_tmp("milter-XXXXXX", NULL);
    daemon->config.daemon.listen = g_new0(char *, 2);
    daemon->config.daemon.listen[0] =
        listen != NULL ? g_strdup(listen) : g_strdup_printf("unix:%s/m", daemon->dir);
    daemon->config.daemon.socket_mode = 0660;
    daemon->config.daemon.max_sessions = max_sessions;
    daemon->config.daemon.idle_timeout = idle_timeout;
    daemon->milter = milter_new(daemon->engine, &daemon->config, &error);
    assert_null(error);
    assert_true(milter_start(daemon->milter, NULL));
    daemon->address = milter_addresses(daemon->milter)[0];
    return daemon;
}

static void daemon_free(Daemon *daemon)
{
    milter_free(daemon->milter);
    log_set_sink(NULL, NULL);
    assert_int_equal(g_rmdir(daemon->dir), 0); /* empty: the socket is gone */
    fake_engine_free(daemon->engine);
    g_strfreev(daemon->config.daemon.listen);
    g_string_free(daemon->log, TRUE);
    pthread_mutex_destroy(&daemon->lock);
    g_free(daemon->dir);
    g_free(daemon);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Daemon, daemon_free)

static Mta *dial(const Daemon *daemon)
{
    g_autoptr(GError) error = NULL;
    Mta *mta = mta_connect(daemon->address, &error);

    assert_null(error);
    return mta;
}

/* Steps that are to go well, on the way to what is tested. */
static void go(Mta *mta, const char *script)
{
    g_autofree char *talk = mta_run(mta, script);

    if (strstr(talk, "closed") != NULL || strstr(talk, "silence") != NULL)
        fail_msg("%s: %s", script, talk);
}

/* Waits until `n` connections are open; the test fails after 10 seconds. */
static void wait_sessions(Daemon *daemon, guint n)
{
    for (guint i = 0; milter_sessions(daemon->milter) != n; i++) {
        if (i == 2000)
            fail_msg("%u sessions, not %u", milter_sessions(daemon->milter), n);
        g_usleep(5000);
    }
}

static void expect_log(Daemon *daemon, const char *name, const char *expected)
{
    g_autofree char *log = take_log(daemon);

    if (expected == NULL ? *log != '\0' : strstr(log, expected) == NULL)
        fail_msg("%s: log is \"%s\", expected %s", name, log, expected != NULL ? expected : "nothing");
    if (expected != NULL && strchr(log, '\n') != strrchr(log, '\n'))
        fail_msg("%s: more than one line: \"%s\"", name, log);
}

#define ENVELOPE        "mail <a@b>\nrcpt <c@d>\n"
#define GO_ENVELOPE     "mail: continue\nrcpt: continue\n"
#define OPEN            "negotiate\nconnect mx 192.0.2.1 4711\nhelo mx\n"
#define GO_OPEN         "negotiate: negotiate 6 0x1ff 0x1c0880\nconnect: continue\nhelo: continue\n"
#define TEXT            "data\nheader Subject: hi\neoh\nbody text\\r\\n\neom\n"
#define NEW             "1 new headers sender rcpts body hold\n"
#define CALLED_OPEN     NEW "1 connect mx 192.0.2.1 4711\n1 helo mx\n"
#define CALLED_MAIL     "1 macros mail \n1 mail <a@b>\n"
#define CALLED_ENVELOPE CALLED_MAIL "1 macros rcpt \n1 rcpt <c@d>\n"
#define CALLED_TEXT     "1 data\n1 header Subject: hi\n1 eoh\n1 body text\\r\\n\n1 eom\n"

/* ---- conversations ---- */

static void refuse_mail(Engine *engine)
{
    engine->mail = (Reply){REPLY_REJECT, 550, "5.7.1", "no"};
}

static void refuse_rcpt(Engine *engine)
{
    engine->rcpt = (Reply){REPLY_TEMPFAIL, 450, "4.7.1", "one\ntwo"};
}

static void refuse_connect(Engine *engine)
{
    engine->connect = (Reply){REPLY_TEMPFAIL, 421, "4.7.0", "go away"};
}

static void accept_session(Engine *engine)
{
    engine->connect.kind = engine->unknown.kind = REPLY_ACCEPT;
    engine->helo.kind = REPLY_DISCARD;
}

static void refuse_eoh(Engine *engine)
{
    engine->eoh = (Reply){REPLY_REJECT, 554, "5.6.0", "bad header"};
}

static void refuse_eom(Engine *engine)
{
    engine->eom = (Reply){REPLY_REJECT, 550, "5.7.1", "100% no"};
}

static void discard_eom(Engine *engine)
{
    engine->eom.kind = REPLY_DISCARD;
}

static void show_progress(Engine *engine)
{
    engine->progress = 2;
}

static void want_envelope_only(Engine *engine)
{
    engine->unwanted =
        1u << STAGE_CONNECT | 1u << STAGE_HELO | 1u << STAGE_DATA | 1u << STAGE_HEADERS | 1u << STAGE_BODY;
}

static void say_go_on_to_all(Engine *engine)
{
    engine->unanswered = 1u << STAGE_CONNECT | 1u << STAGE_HELO | 1u << STAGE_MAIL;
}

static const struct {
    const char *name;
    void (*set_up)(Engine *engine);
    const char *script, *talk, *calls, *log;
} conversations[] = {
    {"one message", NULL, OPEN ENVELOPE TEXT "quit\n", GO_OPEN GO_ENVELOPE "data: continue\neom: continue\n",
     CALLED_OPEN CALLED_ENVELOPE CALLED_TEXT "1 free\n"},
    {"unanswered up to the first recipient", say_go_on_to_all, OPEN ENVELOPE TEXT ENVELOPE "quit\n",
     "negotiate: negotiate 6 0x1ff 0x1c7880\nrcpt: continue\ndata: continue\neom: continue\nrcpt: continue\n",
     CALLED_OPEN CALLED_ENVELOPE CALLED_TEXT CALLED_ENVELOPE "1 free in message\n"},
    {"two messages, then hung up", NULL, OPEN ENVELOPE TEXT ENVELOPE TEXT,
     GO_OPEN GO_ENVELOPE "data: continue\neom: continue\n" GO_ENVELOPE "data: continue\neom: continue\n",
     CALLED_OPEN CALLED_ENVELOPE CALLED_TEXT CALLED_ENVELOPE CALLED_TEXT "1 free\n"},
    {"version 2: every step is answered", NULL,
     "negotiate 2 0x3f 0x7f\nconnect mx 192.0.2.1 4711\nhelo mx\n" ENVELOPE
     "header Subject:hi\nheader T:\tt\nheader F:\\n f\nheader E:\nheader D: two\neoh\nbody text\\r\\n\neom\n",
     "negotiate: negotiate 2 0x3f 0x0\nconnect: continue\nhelo: continue\n" GO_ENVELOPE
     "header: continue\nheader: continue\nheader: continue\nheader: continue\nheader: continue\n"
     "eoh: continue\nbody: continue\neom: continue\n",
     "1 new headers rcpts body hold\n1 connect mx 192.0.2.1 4711\n1 helo mx\n" CALLED_ENVELOPE
     "1 header Subject: hi\n1 header T:\\tt\n1 header F:\\n f\n1 header E:\n1 header D:  two\n1 eoh\n"
     "1 body text\\r\\n\n1 eom\n1 free\n"},
    {"version 1", NULL, "negotiate 1 0xf 0x3f\n", "negotiate: closed\n", "",
     "version of the milter protocol below 2"},
    {"version 7 and bits of the future", NULL, "negotiate 7 0xffff 0x7fffffff\n",
     "negotiate: negotiate 6 0x1ff 0x1c0880\n", NEW "1 free\n"},
    {"only the envelope is wanted", want_envelope_only, OPEN ENVELOPE TEXT,
     "negotiate: negotiate 6 0x1ff 0x1c0af3\n" GO_ENVELOPE "eom: continue\n",
     NEW CALLED_ENVELOPE "1 eom\n1 free\n"},
    {"no connect, no HELO", NULL, "negotiate\n" ENVELOPE "eom\n",
     "negotiate: negotiate 6 0x1ff 0x1c0880\n" GO_ENVELOPE "eom: continue\n",
     NEW CALLED_ENVELOPE "1 eom\n1 free\n"},
    {"clients", NULL,
     "negotiate\nconnect a IPv6:2001:db8::1 25\nquit_nc\nconnect b ::1 25\nquit_nc\nconnect c\nquit_nc\n"
     "connect d /x\nquit_nc\nconnect e 1.2.3 25\n",
     "negotiate: negotiate 6 0x1ff 0x1c0880\nconnect: continue\nconnect: continue\nconnect: continue\n"
     "connect: continue\nconnect: continue\n",
     NEW
     "1 connect a 2001:db8::1 25\n1 free\n2 new headers sender rcpts body hold\n2 connect b ::1 25\n2 free\n"
     "3 new headers sender rcpts body hold\n3 connect c  0\n3 free\n4 new headers sender rcpts body hold\n"
     "4 connect d  0\n4 free\n5 new headers sender rcpts body hold\n5 connect e  0\n5 free\n"},
    {"421 at connect", refuse_connect, "negotiate\nconnect mx 192.0.2.1 1\nquit\n",
     "negotiate: negotiate 6 0x1ff 0x1c0880\nconnect: 421 4.7.0 go away\n",
     NEW "1 connect mx 192.0.2.1 1\n1 free\n"},
    {"a session is never accepted or discarded", accept_session,
     "negotiate\nconnect mx 192.0.2.1 4711\nhelo mx\nunknown XYZZY a\n", GO_OPEN "unknown: continue\n",
     CALLED_OPEN "1 unknown XYZZY a\n1 free\n"},
    {"macros", NULL,
     "negotiate\nmacros C j=mx {client_addr}=192.0.2.1 v=Postfix\\0403\nconnect mx 192.0.2.1 4711\n"
     "macros H {tls_version}=\nhelo mx\nmacros M i=1 {mail_addr}=a@b\nmail <a@b>\n"
     "macros R {rcpt_addr}=c@d\nrcpt <c@d>\nmacros T i=1\ndata\nmacros N i=1\neoh\nmacros E i=1\neom\n"
     "macros U i=1\nmacros Z\n" ENVELOPE,
     GO_OPEN GO_ENVELOPE "data: continue\neom: continue\n" GO_ENVELOPE,
     NEW "1 macros connect j|mx|client_addr|192.0.2.1|v|Postfix 3\n1 connect mx 192.0.2.1 4711\n"
         "1 macros helo tls_version|\n1 helo mx\n1 macros mail i|1|mail_addr|a@b\n1 mail <a@b>\n"
         "1 macros rcpt rcpt_addr|c@d\n1 rcpt <c@d>\n1 macros data i|1\n1 data\n1 macros headers i|1\n1 eoh\n"
         "1 macros message i|1\n1 eom\n" CALLED_ENVELOPE "1 free in message\n"},
    {"arguments, also glued on", NULL,
     "negotiate\nmail <a@b> SIZE=1 RET=HDRS\nabort\nraw \\000\\000\\000\\022M<a@b> SIZE=1  X\\000\\000\n"
     "read\nmail <\"a b\"@c>\n",
     "negotiate: negotiate 6 0x1ff 0x1c0880\nmail: continue\nread: continue\nmail: continue\n",
     NEW "1 macros mail \n1 mail <a@b>|SIZE=1|RET=HDRS\n1 abort\n1 macros mail \n1 mail <a@b>|SIZE=1|X|\n"
         "1 macros mail \n1 mail <\"a|b\"@c>\n1 free in message\n"},
    {"a recipient that the MTA has refused", refuse_rcpt,
     "negotiate\nmail <a@b>\nmacros R {rcpt_mailer}=error {rcpt_host}=5.1.1 "
     "{rcpt_addr}=550\\0405.1.1\\040unknown\n"
     "rcpt <c@d>\nrcpt <e@f>\nmacros R {rcpt_mailer}=error {rcpt_host}=5.1.1\nrcpt <g@h>\n"
     "macros R {rcpt_mailer}=error {rcpt_host}=5.1.1 {rcpt_addr}=unknown\nrcpt <i@j>\n"
     "macros R {rcpt_mailer}=error\nrcpt <k@l>\nmacros R {rcpt_mailer}=local {rcpt_addr}=x\nrcpt <m@n>\n",
     "negotiate: negotiate 6 0x1ff 0x1c0880\nmail: continue\nrcpt: continue\n"
     "rcpt: 450-4.7.1 one|450 4.7.1 two\nrcpt: continue\nrcpt: continue\nrcpt: continue\n"
     "rcpt: 450-4.7.1 one|450 4.7.1 two\n",
     NEW CALLED_MAIL "1 macros rcpt rcpt_mailer|error|rcpt_host|5.1.1|rcpt_addr|550 5.1.1 unknown\n"
                     "1 rcpt <c@d> refused: 550 5.1.1 unknown\n1 macros rcpt \n1 rcpt <e@f>\n"
                     "1 macros rcpt rcpt_mailer|error|rcpt_host|5.1.1\n1 rcpt <g@h> refused: 5.1.1\n"
                     "1 macros rcpt rcpt_mailer|error|rcpt_host|5.1.1|rcpt_addr|unknown\n1 rcpt <i@j> "
                     "refused: 5.1.1 unknown\n"
                     "1 macros rcpt rcpt_mailer|error\n1 rcpt <k@l> refused: refused\n"
                     "1 macros rcpt rcpt_mailer|local|rcpt_addr|x\n1 rcpt <m@n>\n1 free in message\n"},
    {"a recipient in a virtual alias domain of Postfix, which is none", NULL,
     "negotiate\nmail <a@b>\nmacros R {rcpt_mailer}=error "
     "{rcpt_host}=5.1.1\\040User\\040unknown\\040in\\040virtual\\040alias\\040table {rcpt_addr}=c@d\nrcpt "
     "<c@d>\n",
     "negotiate: negotiate 6 0x1ff 0x1c0880\nmail: continue\nrcpt: continue\n",
     NEW CALLED_MAIL "1 macros rcpt rcpt_mailer|error|rcpt_host|5.1.1 User unknown in virtual alias table|"
                     "rcpt_addr|c@d\n1 rcpt <c@d>\n1 free in message\n"},
    {"MAIL is refused, the next one too", refuse_mail, OPEN "mail <a@b>\nabort\nmail <a@b>\n",
     GO_OPEN "mail: 550 5.7.1 no\nmail: 550 5.7.1 no\n",
     CALLED_OPEN CALLED_MAIL "1 abort\n" CALLED_MAIL "1 free in message\n"},
    {"a refusal at the end of headers comes later", refuse_eoh, OPEN ENVELOPE TEXT ENVELOPE,
     GO_OPEN GO_ENVELOPE "data: continue\neom: 554 5.6.0 bad header\n" GO_ENVELOPE,
     CALLED_OPEN CALLED_ENVELOPE "1 data\n1 header Subject: hi\n1 eoh\n1 abort\n" CALLED_ENVELOPE
                                 "1 free in message\n"},
    {"a refusal at the end of headers is forgotten with the message", refuse_eoh,
     OPEN ENVELOPE "data\neoh\nabort\nmail <a@b>\neom\n",
     GO_OPEN GO_ENVELOPE "data: continue\nmail: continue\neom: continue\n",
     CALLED_OPEN CALLED_ENVELOPE "1 data\n1 eoh\n1 abort\n" CALLED_MAIL "1 eom\n1 free\n"},
    {"a refusal at the end of headers, version 2", refuse_eoh,
     "negotiate 2 0x3f 0x7f\nmail <a@b>\neoh\nabort\n",
     "negotiate: negotiate 2 0x3f 0x0\nmail: continue\neoh: 554 5.6.0 bad header\n",
     "1 new headers rcpts body hold\n" CALLED_MAIL "1 eoh\n1 abort\n1 free\n"},
    {"percent at the end", refuse_eom, OPEN ENVELOPE "eom body\n",
     GO_OPEN GO_ENVELOPE "eom: 550 5.7.1 100%% no\n",
     CALLED_OPEN CALLED_ENVELOPE "1 body body\n1 eom\n1 free\n"},
    {"discard", discard_eom, OPEN ENVELOPE "eom\n", GO_OPEN GO_ENVELOPE "eom: discard\n",
     CALLED_OPEN CALLED_ENVELOPE "1 eom\n1 free\n"},
    {"progress", show_progress, OPEN ENVELOPE "eom\n",
     GO_OPEN GO_ENVELOPE "eom: progress\neom: progress\neom: continue\n",
     CALLED_OPEN CALLED_ENVELOPE "1 eom\n1 free\n"},
    {"second HELO", NULL, OPEN ENVELOPE "helo again\n" ENVELOPE "abort\nhelo third\n",
     GO_OPEN GO_ENVELOPE "helo: continue\n" GO_ENVELOPE "helo: continue\n",
     CALLED_OPEN CALLED_ENVELOPE "1 helo again\n" CALLED_ENVELOPE "1 abort\n1 helo third\n1 free\n"},
    {"abort of nothing", NULL, "negotiate\nabort\nabort\n", "negotiate: negotiate 6 0x1ff 0x1c0880\n",
     NEW "1 abort of nothing\n1 abort of nothing\n1 free\n"},
    {"out of order", NULL,
     "negotiate\neom\nrcpt <c@d>\ndata\nheader A: b\neoh\nbody x\nmail <a@b>\nmail <a@b>\n",
     "negotiate: negotiate 6 0x1ff 0x1c0880\neom: continue\nrcpt: continue\ndata: continue\n"
     "mail: continue\nmail: continue\n",
     NEW
     "1 eom\n1 macros rcpt \n1 rcpt <c@d>\n1 data\n1 header A: b\n1 eoh\n1 body x\n" CALLED_MAIL CALLED_MAIL
     "1 free in message\n"},
    {"connected twice", NULL, "negotiate\nconnect mx 192.0.2.1 1\nconnect mx 192.0.2.2 2\n",
     "negotiate: negotiate 6 0x1ff 0x1c0880\nconnect: continue\nconnect: closed\n",
     NEW "1 connect mx 192.0.2.1 1\n1 free\n", "a second client in one session"},
    {"negotiated twice", NULL, "negotiate\nmail <a@b>\nnegotiate 2 0x3f 0x7f\nmail <a@b>\n",
     "negotiate: negotiate 6 0x1ff 0x1c0880\nmail: continue\nnegotiate: negotiate 2 0x3f 0x0\nmail: "
     "continue\n",
     NEW CALLED_MAIL "1 free in message\n2 new headers rcpts body hold\n2 macros mail \n2 mail <a@b>\n"
                     "2 free in message\n"},
    {"another session on the connection", NULL, OPEN "quit_nc\nconnect mx 192.0.2.2 4712\nquit_nc\n",
     GO_OPEN "connect: continue\n",
     CALLED_OPEN "1 free\n2 new headers sender rcpts body hold\n2 connect mx 192.0.2.2 4712\n2 free\n"
                 "3 new headers sender rcpts body hold\n3 free\n"},
    {"a refused recipient that never came", NULL,
     "negotiate\nmail <a@b>\nmacros R {rcpt_mailer}=error\nabort\nmail <a@b>\nrcpt <c@d>\n",
     "negotiate: negotiate 6 0x1ff 0x1c0880\nmail: continue\nmail: continue\nrcpt: continue\n",
     NEW CALLED_MAIL "1 macros rcpt rcpt_mailer|error\n1 abort\n" CALLED_MAIL
                     "1 rcpt <c@d>\n1 free in message\n"},
    {"CRLF within a header", NULL, "negotiate\nheader A: b\\r\\n\\tc\\rd\n",
     "negotiate: negotiate 6 0x1ff 0x1c0880\n", NEW "1 header A: b\\n\\tc\\rd\n1 free\n"},
    {"a large body", NULL, "negotiate\nmail <a@b>\nfill 131072\neom\n",
     "negotiate: negotiate 6 0x1ff 0x1c0880\nmail: continue\neom: continue\n",
     NEW CALLED_MAIL "1 body of 65535\n1 body of 65535\n1 body xx\n1 eom\n1 free\n"},
    /* peers that are none */
    {"nothing negotiated", NULL, "mail <a@b>\n", "mail: closed\n", "",
     "came before negotiation, connection closed: mail"},
    {"macros before negotiation", NULL, "macros C j=x\nread\n", "read: closed\n", "",
     "came before negotiation, connection closed: macros"},
    {"HTTP", NULL, "raw GET / HTTP/1.0\nread\n", "read: closed\n", "",
     "this is not the milter protocol, connection closed: no such command"},
    {"length 0", NULL, "negotiate\nraw \\000\\000\\000\\000\nread\n",
     "negotiate: negotiate 6 0x1ff 0x1c0880\nread: closed\n", NEW "1 free\n", "a packet of length 0"},
    {"a length that lies", NULL, "negotiate\nraw \\377\\377\\377\\377B\nread\n",
     "negotiate: negotiate 6 0x1ff 0x1c0880\nread: closed\n", NEW "1 free\n", "an over-long packet"},
    {"malformed in a message", NULL, "negotiate\nmail <a@b>\nraw \\000\\000\\000\\001R\nread\n",
     "negotiate: negotiate 6 0x1ff 0x1c0880\nmail: continue\nread: closed\n",
     NEW CALLED_MAIL "1 free in message\n",
     "malformed milter command, connection closed: a string is missing"},
    {"hung up within a command", NULL, "negotiate\nmail <a@b>\nraw \\000\\000\\000\\011Rabc\nshut\nread\n",
     "negotiate: negotiate 6 0x1ff 0x1c0880\nmail: continue\nread: closed\n",
     NEW CALLED_MAIL "1 free in message\n", "hung up in the middle of a command"},
    {"hung up at once", NULL, "close\n", "", "", NULL},
};

static void test_conversations(void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS(conversations); i++) {
        g_autoptr(Daemon) daemon = daemon_new(NULL, 10, 60);
        Mta *mta = dial(daemon);
        g_autofree char *talk = NULL, *calls = NULL;

        if (conversations[i].set_up != NULL)
            conversations[i].set_up(daemon->engine);
        talk = mta_run(mta, conversations[i].script);
        mta_free(mta);
        wait_sessions(daemon, 0);
        calls = fake_engine_take_calls(daemon->engine);
        if (strcmp(talk, conversations[i].talk) != 0)
            fail_msg("%s: talk is\n%s--- expected\n%s", conversations[i].name, talk, conversations[i].talk);
        if (strcmp(calls, conversations[i].calls) != 0)
            fail_msg("%s: calls are\n%s--- expected\n%s", conversations[i].name, calls,
                     conversations[i].calls);
        expect_log(daemon, conversations[i].name, conversations[i].log);
        assert_int_equal(fake_engine_open(daemon->engine), 0);
    }
}

/* An abort after each step of a message leaves nothing of it to the next. */
static void test_abort_anywhere(void **state)
{
    static const char *const steps[] = {"mail <a@b>\n",         "rcpt <c@d>\n", "data\n",
                                        "header Subject: hi\n", "eoh\n",        "body text\\r\\n\n"};
    g_autoptr(Daemon) daemon = daemon_new(NULL, 10, 60);

    for (gsize n = 1; n <= G_N_ELEMENTS(steps); n++) {
        for (int hang_up = 0; hang_up < 2; hang_up++) {
            g_autoptr(GString) script = g_string_new("negotiate\n");
            g_autofree char *talk = NULL, *calls = NULL;
            Mta *mta = dial(daemon);

            for (gsize i = 0; i < n; i++)
                g_string_append(script, steps[i]);
            g_string_append(script, hang_up ? "" : "abort\nmail <x@y>\neom\n");
            talk = mta_run(mta, script->str);
            mta_free(mta);
            wait_sessions(daemon, 0);
            calls = fake_engine_take_calls(daemon->engine);
            if (hang_up)
                assert_true(g_str_has_suffix(calls, "free in message\n"));
            else
                assert_true(g_str_has_suffix(talk, "mail: continue\neom: continue\n") &&
                            strstr(calls, " abort\n") != NULL && g_str_has_suffix(calls, "eom\n") == FALSE &&
                            strstr(calls, "mail <x@y>") != NULL && g_str_has_suffix(calls, " free\n"));
            assert_int_equal(fake_engine_open(daemon->engine), 0);
        }
    }
    expect_log(daemon, "aborts", NULL);
}

/* ---- edits ---- */

static Edits *all_edits(void)
{
    Edits *edits = edits_new();
    g_autofree char *text = g_strnfill(70000, 'y');
    g_autoptr(GBytes) body = g_bytes_new(text, 70000);

    edits_prepend_header(edits, "t", "X-Top", "top\n\tmore");
    edits_append_header(edits, "t", "X-End", "end");
    edits_change_header(edits, "t", "Subject", 1, "new");
    edits_delete_header(edits, "t", "Authentication-Results", 1);
    edits_delete_header(edits, "t", "Authentication-Results", 2);
    edits_change_sender(edits, "t", "<s@t>", "RET=HDRS");
    edits_add_rcpt(edits, "t", "<r@t>", NULL);
    edits_add_rcpt(edits, "t", "<q@t>", "NOTIFY=NEVER");
    edits_delete_rcpt(edits, "t", "<c@d>");
    edits_replace_body(edits, "t", body);
    edits_hold(edits, "t", "why");
    return edits;
}

static void run_edits(Daemon *daemon, const char *negotiation, const char *expected)
{
    g_autoptr(Mta) mta = dial(daemon);
    g_autofree char *talk = NULL;

    go(mta, negotiation);
    talk = mta_run(mta, "mail <a@b>\neom\n");

    if (strcmp(talk, expected) != 0)
        fail_msg("%s: talk is\n%s", negotiation, talk);
}

static void test_edits(void **state)
{
    g_autoptr(Edits) edits = all_edits();
    g_autoptr(Daemon) daemon = daemon_new(NULL, 10, 60);
    g_autofree char *log = NULL;
    guint lines = 0;

    daemon->engine->edits = edits;
    run_edits(daemon, "negotiate\n",
              "mail: continue\n"
              "eom: change sender <s@t> RET=HDRS\n"
              "eom: add recipient <r@t>\n"
              "eom: add recipient with arguments <q@t> NOTIFY=NEVER\n"
              "eom: delete recipient <c@d>\n"
              "eom: change header 2 Authentication-Results:\n"
              "eom: change header 1 Subject: new\n"
              "eom: change header 1 Authentication-Results:\n"
              "eom: add header X-End: end\n"
              "eom: insert header 0 X-Top: top|\\x09more\n"
              "eom: replace body 65535 bytes\n"
              "eom: replace body 4465 bytes\n"
              "eom: quarantine why\n"
              "eom: continue\n");
    expect_log(daemon, "all are allowed", NULL);
    run_edits(daemon, "negotiate 6 0x5 0x1fffff\n",
              "mail: continue\n"
              "eom: add recipient <r@t>\n"
              "eom: add recipient <q@t>\n"
              "eom: add header X-End: end\n"
              "eom: insert header 0 X-Top: top|\\x09more\n"
              "eom: continue\n");
    log = take_log(daemon);
    for (const char *at = log; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    /* One line a kind: sender, recipient's arguments, delete recipient, delete, change, body, hold. */
    assert_int_equal(lines, 7);
    assert_non_null(strstr(log, "the MTA does not let a filter do this, it was left out: replace the body"));
}

/* Version 2: no blank is sent after the colon, the MTA adds it. */
static void test_edits_without_lead_space(void **state)
{
    g_autoptr(Edits) edits = edits_new();
    g_autoptr(Daemon) daemon = daemon_new(NULL, 10, 60);

    edits_prepend_header(edits, "t", "X-Top", "top");
    daemon->engine->edits = edits;
    run_edits(daemon, "negotiate 2 0x3f 0x7f\n",
              "mail: continue\neom: insert header 0 X-Top:top\neom: continue\n");
    /* A message that is refused is not changed. */
    refuse_eom(daemon->engine);
    run_edits(daemon, "negotiate\n", "mail: continue\neom: 550 5.7.1 100%% no\n");
}

static void test_macro_lists(void **state)
{
    g_autoptr(Daemon) daemon = daemon_new(NULL, 10, 60);
    g_autoptr(Mta) with = dial(daemon), without = dial(daemon);
    g_autofree char *lists = NULL, *none = NULL;
    g_auto(GStrv) lines = NULL;

    go(with, "negotiate\n");
    go(without, "negotiate 6 0xff 0x1fffff\n");
    lists = mta_macro_lists(with);
    none = mta_macro_lists(without);
    lines = g_strsplit(lists, "\n", -1);
    assert_int_equal(g_strv_length(lines), 8);
    assert_true(g_str_has_prefix(lines[0], "0 j _ v {daemon_name}"));
    for (guint i = 0; i < 7; i++) {
        g_auto(GStrv) names = g_strsplit(lines[i], " ", -1);

        assert_true(g_strv_length(names) <= 50); /* what Sendmail takes */
    }
    /* Which of the two is the end of headers has been a matter of opinion (Sendmail up to 8.17.1). */
    assert_string_equal(lines[5] + 1, lines[6] + 1);
    assert_string_equal(none, "");
}

/* ---- sockets ---- */

static void test_addresses(void **state)
{
    static const char *const listen[] = {"inet:0@127.0.0.1", "inet:127.0.0.1:0", "inet6:0@::1",
                                         "inet:[::1]:0"};

    for (gsize i = 0; i < G_N_ELEMENTS(listen); i++) {
        g_autoptr(Daemon) daemon = daemon_new(listen[i], 10, 60);
        g_autoptr(Mta) mta = dial(daemon);
        g_autofree char *talk = mta_run(mta, OPEN ENVELOPE TEXT);

        assert_string_equal(talk, GO_OPEN GO_ENVELOPE "data: continue\neom: continue\n");
        assert_true(g_str_has_prefix(daemon->address, i < 2 ? "inet:" : "inet6:"));
    }
}

static Milter *open_milter(char *const *listen, GError **error)
{
    g_autoptr(Engine) engine = fake_engine_new();
    Config config = {.daemon = {.listen = (char **)listen, .socket_mode = 0600}};

    return milter_new(engine, &config, error);
}

static void test_unix_sockets(void **state)
{
    g_autoptr(Daemon) daemon = daemon_new(NULL, 10, 60);
    g_autofree char *in_use = g_strdup_printf("local:%s/m", daemon->dir),
                    *stale = g_strdup_printf("%s/s", daemon->dir),
                    *file = g_strdup_printf("%s/f", daemon->dir),
                    *missing = g_strdup_printf("%s/x/y", daemon->dir);
    const struct {
        const char *listen[3], *error;
    } rows[] = {
        {{in_use}, "another daemon is listening on"},
        {{stale, in_use}, "another daemon is listening on"},
        {{daemon->address}, "another daemon is listening on"},
        {{file}, "exists and is not a socket"},
        {{missing}, "cannot bind"},
        {{"unix:relative"}, "a path begins with a slash"},
        {{"inet:host"}, "the port is not a number"},
        {{"inet:65536@127.0.0.1"}, "the port is not a number"},
        {{"tcp:25"}, "a path begins with a slash"},
        {{stale}, NULL},
    };
    struct stat st;

    assert_int_equal(stat(in_use + strlen("local:"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    assert_true(g_file_set_contents(file, "", 0, NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Milter) milter = open_milter((char *const *)rows[i].listen, &error);

        if ((milter == NULL) != (rows[i].error != NULL) ||
            (error != NULL && strstr(error->message, rows[i].error) == NULL))
            fail_msg("%s: %s", rows[i].listen[0], error != NULL ? error->message : "no error");
    }
    assert_int_equal(access(stale, F_OK), -1);
    unlink(file);
}

/* A socket that a dead daemon has left is replaced; a living one's successor is not removed by it. */
static void test_stale_socket(void **state)
{
    g_autofree char *dir = g_dir_make_tmp("milter-XXXXXX", NULL), *path = g_strdup_printf("%s/s", dir),
                    *moved = g_strdup_printf("%s/t", dir);
    char *listen[] = {path, NULL};
    g_autoptr(GError) error = NULL;
    Milter *first = open_milter(listen, &error), *second;

    assert_non_null(first);
    assert_int_equal(rename(path, moved), 0);
    second = open_milter(listen, &error);
    assert_non_null(second);
    milter_free(first);
    assert_int_equal(access(path, F_OK), 0);
    milter_free(second);
    assert_int_equal(access(path, F_OK), -1);
    second = open_milter((char *[]){moved, NULL}, &error); /* nobody is behind it any more */
    assert_non_null(second);
    milter_free(second);
    assert_int_equal(g_rmdir(dir), 0);
}

static void test_same_inet_twice(void **state)
{
    g_autoptr(Daemon) daemon = daemon_new("inet:0@127.0.0.1", 10, 60);
    g_autoptr(GError) error = NULL;
    char *listen[] = {(char *)daemon->address, NULL};

    assert_null(open_milter(listen, &error));
    assert_non_null(strstr(error->message, "another daemon is listening on inet:"));
}

/* ---- many, few, none ---- */

static void test_cap(void **state)
{
    g_autoptr(Daemon) daemon = daemon_new(NULL, 2, 60);
    g_autoptr(Mta) first = dial(daemon), second = dial(daemon);
    g_autofree char *one = mta_run(first, OPEN), *two = mta_run(second, OPEN);

    assert_string_equal(one, GO_OPEN);
    assert_string_equal(two, GO_OPEN);
    for (int i = 0; i < 3; i++) {
        g_autoptr(Mta) more = dial(daemon);
        g_autofree char *talk = mta_run(more, "negotiate\nmacros C j=mx\nconnect mx 192.0.2.1 1\nread\n");

        assert_string_equal(talk, "negotiate: negotiate 6 0x0 0x37e\n"
                                  "connect: 421 4.3.2 too many sessions, try again later\nread: closed\n");
    }
    expect_log(daemon, "said once", "2 sessions are open");
    mta_free(g_steal_pointer(&first));
    wait_sessions(daemon, 1);
    first = dial(daemon);
    g_free(one);
    one = mta_run(first, OPEN ENVELOPE);
    assert_string_equal(one, GO_OPEN GO_ENVELOPE);
    expect_log(daemon, "over", "there is room for sessions again; 3 were told");
    assert_int_equal(fake_engine_open(daemon->engine), 2);
}

/* Microseconds of processor time of the whole process. */
static gint64 cpu_time(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_USEC_PER_SEC + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

/* Without descriptors left the acceptor waits and does not spin; the MTA is served when there are some again. */
static void test_no_descriptors(void **state)
{
    g_autoptr(Daemon) daemon = daemon_new(NULL, 10, 60);
    g_autoptr(Mta) first = dial(daemon), second = NULL;
    g_autofree char *later = NULL;
    struct rlimit before, few;
    int lowest = dup(0);
    gint64 cpu;

    go(first, OPEN);
    close(lowest);
    getrlimit(RLIMIT_NOFILE, &before);
    few = (struct rlimit){.rlim_cur = lowest + 1, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    second = dial(daemon); /* takes the last descriptor, none is left to accept it */
    cpu = cpu_time();
    g_usleep(700000);
    cpu = cpu_time() - cpu;
    setrlimit(RLIMIT_NOFILE, &before);
    later = mta_run(second, OPEN ENVELOPE);
    assert_string_equal(later, GO_OPEN GO_ENVELOPE);
    assert_true(cpu < 100000);
    expect_log(daemon, "said once", "cannot accept an MTA's connection");
}

static void test_idle(void **state)
{
    g_autoptr(Daemon) daemon = daemon_new(NULL, 10, 1);
    g_autoptr(Mta) silent = dial(daemon), between = dial(daemon), within = dial(daemon);
    Mta *const all[] = {silent, between, within};

    go(between, OPEN);
    go(within, "negotiate\nmail <a@b>\nraw \\000\\000\n");
    for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
        g_autofree char *talk = mta_run(all[i], "read\n");

        assert_string_equal(talk, "read: closed\n");
    }
    wait_sessions(daemon, 0);
    assert_int_equal(fake_engine_open(daemon->engine), 0);
    /* Silence between two commands is no trouble, and no line at this level. */
    expect_log(daemon, "idle", "the MTA stopped in the middle of a command");
}

/* An MTA that does not read its answers is given up, and does not hold a thread. */
static void test_does_not_read(void **state)
{
    g_autoptr(Daemon) daemon = daemon_new(NULL, 10, 1);
    g_autoptr(Edits) edits = edits_new();
    g_autofree char *text = g_malloc0(8 << 20);
    g_autoptr(GBytes) body = g_bytes_new(text, 8 << 20);
    g_autoptr(Mta) mta = dial(daemon);
    g_autoptr(GString) eom = g_string_new(NULL);

    edits_replace_body(edits, "t", body);
    daemon->engine->edits = edits;
    go(mta, "negotiate\nmail <a@b>\n");
    wire_mta_put(eom, WIRE_COMMAND_BODYEOB, "", 0);
    assert_int_equal(send(mta_fd(mta), eom->str, eom->len, 0), eom->len);
    wait_sessions(daemon, 0);
    expect_log(daemon, "hangs", "the MTA does not read, connection closed");
}

static void test_stack(void **state)
{
    g_autoptr(Daemon) daemon = daemon_new("inet:0@127.0.0.1", 10, 60);
    g_autoptr(Mta) mta = dial(daemon);
    g_autofree char *talk = NULL;

    daemon->engine->stack = 256 * 1024; /* what checks may count on */
    talk = mta_run(mta, OPEN ENVELOPE TEXT);
    assert_string_equal(talk, GO_OPEN GO_ENVELOPE "data: continue\neom: continue\n");
}

/* ---- the end ---- */

typedef struct {
    Milter *milter;
    int seconds;
    guint cut;
} Drain;

static void *drain_main(void *data)
{
    Drain *drain = data;

    drain->cut = milter_drain(drain->milter, drain->seconds);
    return NULL;
}

static void test_drain(void **state)
{
    g_autoptr(Daemon) daemon = daemon_new(NULL, 10, 60);
    g_autoptr(Mta) idle = dial(daemon), busy = dial(daemon);
    g_autofree char *end = NULL, *closed = NULL;
    Drain drain = {daemon->milter, 20};
    gint64 begun = g_get_monotonic_time();
    g_autoptr(GError) error = NULL;
    pthread_t thread;

    go(idle, OPEN);
    go(busy, OPEN ENVELOPE);
    pthread_create(&thread, NULL, drain_main, &drain);
    closed = mta_run(idle, "read\n");
    assert_string_equal(closed, "read: closed\n");
    assert_null(mta_connect(daemon->address, &error));
    end = mta_run(busy, TEXT "read\n");
    assert_string_equal(end, "data: continue\neom: continue\nread: closed\n");
    pthread_join(thread, NULL);
    assert_int_equal(drain.cut, 0);
    assert_int_equal(milter_sessions(daemon->milter), 0);
    assert_true(g_get_monotonic_time() - begun < 5 * G_USEC_PER_SEC);
    expect_log(daemon, "drain", NULL);
}

/* Who is in a message and does not go on is told to try again later. */
static void test_drain_forced(void **state)
{
    g_autoptr(Daemon) daemon = daemon_new(NULL, 10, 60);
    g_autoptr(Mta) busy = dial(daemon), second = dial(daemon);
    g_autofree char *told = NULL, *closed = NULL;

    go(busy, OPEN ENVELOPE);
    go(second, OPEN ENVELOPE "abort\n");
    assert_int_equal(milter_drain(daemon->milter, 1), 1);
    told = mta_run(busy, "read\nread\n");
    closed = mta_run(second, "read\n");
    assert_string_equal(told, "read: tempfail\nread: closed\n");
    assert_string_equal(closed, "read: closed\n");
    assert_int_equal(fake_engine_open(daemon->engine), 0);
    expect_log(daemon, "cut", "1 messages under way were cut off");
}

typedef struct {
    const char *name;
    guint unanswered;
    const char *rest; /* what the new message hears */
} DrainRow;

static const DrainRow drains[] = {
    {"a new message during the drain", 0, "read: 421 4.3.2 shutting down, try again later\nread: closed\n"},
    {"the same, MAIL is not answered: its recipient hears it", 1u << STAGE_MAIL,
     "rcpt: 421 4.3.2 shutting down, try again later\nread: closed\n"},
};

/* A new message during the drain: the connection is still there because of one under way. */
static void drain_new_message(void **state)
{
    const DrainRow *row = *state;
    g_autoptr(Daemon) daemon = daemon_new(NULL, 10, 60);
    g_autofree char *rest = NULL;
    Drain drain = {daemon->milter, 20};
    g_autoptr(GString) both = g_string_new(NULL);
    pthread_t thread;

    daemon->engine->unanswered = row->unanswered;

    g_autoptr(Mta) busy = dial(daemon);

    go(busy, OPEN ENVELOPE);
    pthread_create(&thread, NULL, drain_main, &drain);
    for (Mta *probe; (probe = mta_connect(daemon->address, NULL)) != NULL; g_usleep(1000))
        mta_free(probe);
    g_usleep(20000);
    /* The end of one and the begin of the next in one write. */
    wire_mta_put(both, WIRE_COMMAND_BODYEOB, "", 0);
    wire_mta_put_strings(both, WIRE_COMMAND_MAIL, (const char *[]){"<a@b>", NULL});
    assert_int_equal(mta_step(busy, both, NULL), 'c');
    rest = mta_run(busy, row->unanswered ? "rcpt <c@d>\nread\n" : "read\nread\n");
    assert_string_equal(rest, row->rest);
    pthread_join(thread, NULL);
    assert_int_equal(drain.cut, 0);
}

/* A check that works when time is up still gives its answer. */
static void test_drain_working(void **state)
{
    g_autoptr(Daemon) daemon = daemon_new(NULL, 10, 60);
    g_autoptr(Mta) busy = dial(daemon);
    g_autofree char *end = NULL;
    Drain drain = {daemon->milter, 0};
    g_autoptr(GString) eom = g_string_new(NULL);
    pthread_t thread;

    go(busy, OPEN ENVELOPE);
    daemon->engine->eom_ms = 400;
    wire_mta_put(eom, WIRE_COMMAND_BODYEOB, "", 0);
    assert_int_equal(send(mta_fd(busy), eom->str, eom->len, 0), eom->len);
    g_usleep(100000);
    pthread_create(&thread, NULL, drain_main, &drain);
    end = mta_run(busy, "read\nread\n");
    assert_string_equal(end, "read: continue\nread: closed\n");
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversations),   cmocka_unit_test(test_abort_anywhere),
        cmocka_unit_test(test_edits),           cmocka_unit_test(test_edits_without_lead_space),
        cmocka_unit_test(test_macro_lists),     cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_unix_sockets),    cmocka_unit_test(test_stale_socket),
        cmocka_unit_test(test_same_inet_twice), cmocka_unit_test(test_cap),
        cmocka_unit_test(test_no_descriptors),  cmocka_unit_test(test_idle),
        cmocka_unit_test(test_does_not_read),   cmocka_unit_test(test_stack),
        cmocka_unit_test(test_drain),           cmocka_unit_test(test_drain_forced),
        cmocka_unit_test(test_drain_working),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) + RUN_ROWS("drain", drains, drain_new_message);
}
