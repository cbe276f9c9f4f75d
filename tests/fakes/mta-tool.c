/*
 * fake-mta — a milter's client by hand and as a crowd.
 *
 *     fake-mta run ADDRESS [SCRIPT…]      script from files or stdin (mta.h), the talk to stdout
 *     fake-mta load ADDRESS [--connections N] [--messages N] [--headers N] [--body BYTES] [--rcpts N]
 *                                         one line: messages a second, time for a message
 *     fake-mta idle ADDRESS N SECONDS     that many sessions, opened and left alone
 */
#include "fakes/mta.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int connections, messages, headers, body, rcpts;
} Load;

typedef struct {
    const char *address;
    const Load *load;
    gint64 *times; /* µs, one a message */
    guint refused; /* messages that did not come through */
} Client;

/* ---- load ---- */

/* What is not answered travels with what is, as the MTAs' own buffers do it. */
typedef struct {
    Mta *mta;
    GString *out;
    gboolean good;
} Talk;

static void say(Talk *talk, guint32 no, guint32 quiet, gsize begin)
{
    if (mta_protocol(talk->mta) & no) {
        g_string_truncate(talk->out, begin);
    } else if (!(mta_protocol(talk->mta) & quiet)) {
        guint8 letter = talk->good ? mta_step(talk->mta, talk->out, NULL) : 0;

        g_string_truncate(talk->out, 0);
        talk->good =
            letter == WIRE_ACTION_CONTINUE || letter == WIRE_ACTION_ACCEPT || letter == WIRE_ACTION_NEGOTIATE;
    }
}

static void say_strings(Talk *talk, WireCommandKind kind, guint32 no, guint32 quiet,
                        const char *const *strings)
{
    gsize begin = talk->out->len;

    wire_mta_put_strings(talk->out, kind, strings);
    say(talk, no, quiet, begin);
}

static void say_macros(Talk *talk, WireCommandKind macro_for, const char *const *pairs)
{
    wire_mta_put_macros(talk->out, macro_for, pairs);
}

static void open_session(Talk *talk)
{
    gsize begin;

    wire_mta_put_negotiate(talk->out, 6, 0x1ff, 0x1fffff);
    say(talk, 0, 0, 0);
    begin = talk->out->len;
    say_macros(talk, WIRE_COMMAND_CONNECT,
               (const char *[]){"j", "mx.example.net", "v", "load", "{daemon_name}", "mx", NULL});
    wire_mta_put_connect(talk->out, "client.example.com", WIRE_FAMILY_INET, 4711, "192.0.2.1");
    say(talk, WIRE_NO_CONNECT, WIRE_QUIET_CONNECT, begin);
    say_strings(talk, WIRE_COMMAND_HELO, WIRE_NO_HELO, WIRE_QUIET_HELO,
                (const char *[]){"client.example.com", NULL});
}

static void send_headers(Talk *talk, int n)
{
    for (int i = 0; i < n; i++) {
        g_autofree char *name = g_strdup_printf("X-Load-%d", i);

        say_strings(talk, WIRE_COMMAND_HEADER, WIRE_NO_HEADERS, WIRE_QUIET_HEADERS,
                    (const char *[]){name, " a value of some length, as headers have it", NULL});
    }
}

static void send_body(Talk *talk, gsize len)
{
    static char chunk[WIRE_CHUNK_MAX];

    while (len > 0) {
        gsize now = MIN(len, sizeof chunk), begin = talk->out->len;

        wire_mta_put(talk->out, WIRE_COMMAND_BODY, chunk, now);
        say(talk, WIRE_NO_BODY, WIRE_QUIET_BODY, begin);
        len -= now;
    }
}

static gboolean send_message(Talk *talk, const Load *load)
{
    talk->good = TRUE;
    say_macros(talk, WIRE_COMMAND_MAIL,
               (const char *[]){"i", "4XyZ1a2b3c", "{mail_addr}", "a@example.com", NULL});
    say_strings(talk, WIRE_COMMAND_MAIL, 0, WIRE_QUIET_MAIL,
                (const char *[]){"<a@example.com>", "SIZE=5000", NULL});
    for (int i = 0; i < load->rcpts; i++) {
        say_macros(talk, WIRE_COMMAND_RCPT, (const char *[]){"{rcpt_addr}", "b@example.net", NULL});
        say_strings(talk, WIRE_COMMAND_RCPT, WIRE_NO_RCPT, WIRE_QUIET_RCPT,
                    (const char *[]){"<b@example.net>", NULL});
    }
    say_strings(talk, WIRE_COMMAND_DATA, WIRE_NO_DATA, WIRE_QUIET_DATA, NULL);
    send_headers(talk, load->headers);
    say_strings(talk, WIRE_COMMAND_EOH, WIRE_NO_EOH, WIRE_QUIET_EOH, NULL);
    send_body(talk, load->body);
    say_strings(talk, WIRE_COMMAND_BODYEOB, 0, 0, NULL);
    return talk->good;
}

static void *client_main(void *data)
{
    Client *client = data;
    Talk talk = {.mta = mta_connect(client->address, NULL), .out = g_string_new(NULL), .good = TRUE};

    client->refused = talk.mta != NULL ? 0 : client->load->messages;
    if (talk.mta != NULL)
        open_session(&talk);
    for (int i = 0; talk.mta != NULL && i < client->load->messages; i++) {
        gint64 begun = g_get_monotonic_time();

        client->refused += !send_message(&talk, client->load);
        client->times[i] = g_get_monotonic_time() - begun;
    }
    mta_free(talk.mta);
    g_string_free(talk.out, TRUE);
    return NULL;
}

static int by_time(const void *a, const void *b)
{
    gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

    return x < y ? -1 : x > y;
}

static int run_load(const char *address, const Load *load)
{
    gsize n = (gsize)load->connections * load->messages;
    g_autofree gint64 *times = g_new0(gint64, n);
    g_autofree Client *clients = g_new0(Client, load->connections);
    g_autofree pthread_t *threads = g_new0(pthread_t, load->connections);
    gint64 begun = g_get_monotonic_time();
    guint refused = 0;
    double seconds;

    for (int i = 0; i < load->connections; i++) {
        clients[i] = (Client){address, load, times + (gsize)i * load->messages, 0};
        if (pthread_create(&threads[i], NULL, client_main, &clients[i]) != 0)
            return 75;
    }
    for (int i = 0; i < load->connections; i++) {
        pthread_join(threads[i], NULL);
        refused += clients[i].refused;
    }
    seconds = (g_get_monotonic_time() - begun) / 1e6;
    qsort(times, n, sizeof *times, by_time);
    printf("%zu messages, %u refused, %.2f s, %.0f a second, p50 %.3f ms, p99 %.3f ms\n", n, refused, seconds,
           n / seconds, times[n / 2] / 1e3, times[n * 99 / 100] / 1e3);
    return refused > 0;
}

static int run_idle(const char *address, int n, int seconds)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)mta_free);
    guint good = 0;

    for (int i = 0; i < n; i++) {
        Talk talk = {.mta = mta_connect(address, NULL), .out = g_string_new(NULL), .good = TRUE};

        if (talk.mta != NULL) {
            open_session(&talk);
            good += talk.good;
            g_ptr_array_add(all, talk.mta);
        }
        g_string_free(talk.out, TRUE);
    }
    printf("%u of %d sessions are open\n", good, n);
    fflush(stdout);
    g_usleep((gulong)seconds * G_USEC_PER_SEC);
    return good != (guint)n;
}

/* ---- script ---- */

static int run_script(const char *address, char **files)
{
    g_autoptr(GString) script = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(Mta) mta = mta_connect(address, &error);
    g_autofree char *talk = NULL;

    if (mta == NULL) {
        fprintf(stderr, "fake-mta: %s\n", error->message);
        return 75;
    }
    for (; files != NULL && *files != NULL; files++) {
        g_autofree char *text = NULL;

        if (!g_file_get_contents(*files, &text, NULL, &error)) {
            fprintf(stderr, "fake-mta: %s\n", error->message);
            return 2;
        }
        g_string_append(script, text);
    }
    if (script->len == 0)
        for (int c; (c = getchar()) != EOF;)
            g_string_append_c(script, c);
    talk = mta_run(mta, script->str);
    fputs(talk, stdout);
    return 0;
}

int main(int argc, char **argv)
{
    Load load = {.connections = 10, .messages = 100, .headers = 4, .body = 4096, .rcpts = 1};
    const GOptionEntry entries[] = {
        {"connections", 0, 0, G_OPTION_ARG_INT, &load.connections, "at once", "N"},
        {"messages", 0, 0, G_OPTION_ARG_INT, &load.messages, "on each connection", "N"},
        {"headers", 0, 0, G_OPTION_ARG_INT, &load.headers, "in each message", "N"},
        {"body", 0, 0, G_OPTION_ARG_INT, &load.body, "of each message", "BYTES"},
        {"rcpts", 0, 0, G_OPTION_ARG_INT, &load.rcpts, "of each message", "N"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("run|load|idle ADDRESS");
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "fake-mta: %s\n", error->message);
        return 2;
    }
    if (argc >= 3 && strcmp(argv[1], "run") == 0)
        return run_script(argv[2], argv + 3);
    if (argc == 3 && strcmp(argv[1], "load") == 0 && load.connections > 0 && load.messages > 0)
        return run_load(argv[2], &load);
    if (argc == 5 && strcmp(argv[1], "idle") == 0)
        return run_idle(argv[2], atoi(argv[3]), atoi(argv[4]));
    fprintf(stderr, "usage: fake-mta run|load|idle ADDRESS …\n");
    return 2;
}
