/*
 * fake-mta — a milter's client by hand and as a crowd.
 *
 *     fake-mta run ADDRESS [SCRIPT…]      script from files or stdin (mta.h), the talk to stdout
 *     fake-mta load ADDRESS [--connections N] [--messages N] [--headers N] [--body BYTES] [--rcpts N]
 *                   [--mail FOLDER] [--pause MS]
 *                                         one line: messages a second, time for a message. With --mail its
 * files are sent, in turn; with --pause each session waits before each message fake-mta idle ADDRESS N
 * SECONDS     that many sessions, opened and left alone
 */
#include "fakes/mta.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A message as the milter protocol sends it: name, value, name, value, …, NULL; then the body. */
typedef struct {
    GPtrArray *header;
    char *text;
    const char *body;
    gsize body_len;
} Letter;

typedef struct {
    int connections, messages, headers, body, rcpts, pause;
    char *mail;
    GPtrArray *letters; /* NULL: made-up ones */
} Load;

typedef struct {
    const char *address;
    const Load *load;
    gint64 *times; /* µs, one a message */
    guint refused; /* messages that did not come through */
    guint first;   /* letter that it begins with, so that not all send the big one at once */
} Client;

/* ---- load ---- */

#define FLUSH_BYTES (256u << 10) /* as much of the body travels at once */

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

/* NULs when there is no text. */
static void send_body(Talk *talk, const char *text, gsize len)
{
    static const char zeros[WIRE_CHUNK_MAX];

    for (gsize at = 0; at < len && !(mta_protocol(talk->mta) & WIRE_NO_BODY);) {
        gsize now = MIN(len - at, sizeof zeros), begin = talk->out->len;

        wire_mta_put(talk->out, WIRE_COMMAND_BODY, text != NULL ? text + at : zeros, now);
        say(talk, WIRE_NO_BODY, WIRE_QUIET_BODY, begin);
        at += now;
        if (talk->out->len > FLUSH_BYTES) {
            mta_send(talk->mta, talk->out);
            g_string_truncate(talk->out, 0);
        }
    }
}

static void send_letter(Talk *talk, const Letter *letter)
{
    for (guint i = 0; i + 1 < letter->header->len; i += 2)
        say_strings(talk, WIRE_COMMAND_HEADER, WIRE_NO_HEADERS, WIRE_QUIET_HEADERS,
                    (const char *[]){letter->header->pdata[i], letter->header->pdata[i + 1], NULL});
    say_strings(talk, WIRE_COMMAND_EOH, WIRE_NO_EOH, WIRE_QUIET_EOH, NULL);
    send_body(talk, letter->body, letter->body_len);
}

static void send_content(Talk *talk, const Load *load, guint number)
{
    if (load->letters != NULL) {
        send_letter(talk, load->letters->pdata[number % load->letters->len]);
        return;
    }
    send_headers(talk, load->headers);
    say_strings(talk, WIRE_COMMAND_EOH, WIRE_NO_EOH, WIRE_QUIET_EOH, NULL);
    send_body(talk, NULL, load->body);
}

static gboolean send_message(Talk *talk, const Load *load, guint number)
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
    send_content(talk, load, number);
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
        gint64 begun;

        if (client->load->pause > 0)
            g_usleep((gulong)client->load->pause * 1000);
        begun = g_get_monotonic_time();
        client->refused += !send_message(&talk, client->load, client->first + i);
        client->times[i] = g_get_monotonic_time() - begun;
    }
    mta_free(talk.mta);
    g_string_free(talk.out, TRUE);
    return NULL;
}

/* ---- letters ---- */

static void letter_free(gpointer data)
{
    Letter *letter = data;

    g_ptr_array_unref(letter->header);
    g_free(letter->text);
    g_free(letter);
}

/* Cuts `text` in place. Continuation lines keep their LF, the CR before it goes. */
static Letter *letter_new(char *text, gsize len)
{
    Letter *letter = g_new0(Letter, 1);
    char *end = g_strstr_len(text, len, "\r\n\r\n");
    g_auto(GStrv) lines = NULL;

    letter->header = g_ptr_array_new_with_free_func(g_free);
    letter->text = text;
    letter->body = end != NULL ? end + 4 : text + len;
    letter->body_len = (gsize)(text + len - letter->body);
    if (end != NULL)
        *end = '\0';
    lines = g_strsplit(text, "\r\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        char *colon = strchr(*line, ':');

        if (letter->header->len > 0 && (**line == ' ' || **line == '\t')) {
            gpointer *last = &letter->header->pdata[letter->header->len - 1];
            char *folded = g_strconcat(*last, "\n", *line, NULL);

            g_free(*last);
            *last = folded;
        } else if (colon != NULL) {
            g_ptr_array_add(letter->header, g_strndup(*line, (gsize)(colon - *line)));
            g_ptr_array_add(letter->header, g_strdup(colon + 1));
        }
    }
    return letter;
}

static int by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All files of the folder, by name. */
static GPtrArray *read_letters(const char *folder, GError **error)
{
    g_autoptr(GPtrArray) letters = g_ptr_array_new_with_free_func(letter_free);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, error);
    const char *name;

    if (dir == NULL)
        return NULL;
    while ((name = g_dir_read_name(dir)) != NULL)
        g_ptr_array_add(names, g_build_filename(folder, name, NULL));
    g_ptr_array_sort(names, by_name);
    for (guint i = 0; i < names->len; i++) {
        char *text;
        gsize len;

        if (!g_file_get_contents(names->pdata[i], &text, &len, error))
            return NULL;
        g_ptr_array_add(letters, letter_new(text, len));
    }
    if (letters->len == 0)
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "%s: no file is in it", folder);
    return letters->len > 0 ? g_steal_pointer(&letters) : NULL;
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
        clients[i] = (Client){address, load, times + (gsize)i * load->messages, 0, (guint)i * 7};
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
        {"mail", 0, 0, G_OPTION_ARG_FILENAME, &load.mail, "whose files are the messages", "FOLDER"},
        {"pause", 0, 0, G_OPTION_ARG_INT, &load.pause, "before each message", "MS"},
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
    if (load.mail != NULL && (load.letters = read_letters(load.mail, &error)) == NULL) {
        fprintf(stderr, "fake-mta: %s\n", error->message);
        return 2;
    }
    if (argc == 3 && strcmp(argv[1], "load") == 0 && load.connections > 0 && load.messages > 0)
        return run_load(argv[2], &load);
    if (argc == 5 && strcmp(argv[1], "idle") == 0)
        return run_idle(argv[2], atoi(argv[3]), atoi(argv[4]));
    fprintf(stderr, "usage: fake-mta run|load|idle ADDRESS …\n");
    return 2;
}
