/*
 * fake-mta — a milter's client by hand and as a crowd.
 *
 *     fake-mta run ADDRESS [SCRIPT…]      script from files or stdin (mta.h), the talk to stdout
 *     fake-mta load ADDRESS [--connections N] [--messages N] [--headers N] [--body BYTES] [--rcpts N]
 *                   [--helo NAME] [--mail FOLDER [--save FOLDER]] [--count TEXT]… [--pause MS]
 *                                         one line: messages a second, time for a message
 *     fake-mta idle ADDRESS N SECONDS     that many sessions, opened and left alone
 *
 * With --mail the folder's files are sent, in turn, each from the sender that its Return-Path names, which is not sent
 * itself. With --save each is written as the next filter will see it: under the header fields that this one added. With
 * --count a line for each text: in how many messages it stood in the added fields, letters in either case. With --pause
 * each session waits before each message.
 */
#include "fakes/mta.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A message as the milter protocol sends it: name, value, name, value, …, NULL; then the body. */
typedef struct {
    char *name;   /* of its file */
    char *sender; /* with <> */
    GPtrArray *header;
    char *text;
    const char *body;
    gsize body_len;
} Letter;

#define CLIENT      "client.example.com"
#define COUNTED_MAX 16

typedef struct {
    int connections, messages, headers, body, rcpts, pause;
    char *helo, *mail, *save;
    char **counted;     /* NULL: nothing is */
    GPtrArray *letters; /* NULL: made-up ones */
} Load;

typedef struct {
    const char *address;
    const Load *load;
    gint64 *times; /* µs, one a message */
    guint refused; /* messages that did not come through */
    guint first;   /* letter that it begins with, so that not all send the big one at once */
    guint counts[COUNTED_MAX];
} Client;

/* ---- load ---- */

#define FLUSH_BYTES (256u << 10) /* as much of the body travels at once */

/* What is not answered travels with what is, as the MTAs' own buffers do it. */
typedef struct {
    Mta *mta;
    GString *out;
    GString *fields; /* added to this message */
    gboolean good;
    gboolean accepted; /* the filter wants no more of this message */
    gboolean skipped;  /* nor of its body */
} Talk;

static void say(Talk *talk, guint32 no, guint32 quiet, gsize begin)
{
    if (talk->accepted) {
        g_string_truncate(talk->out, 0);
    } else if (mta_protocol(talk->mta) & no) {
        g_string_truncate(talk->out, begin);
    } else if (!(mta_protocol(talk->mta) & quiet)) {
        guint8 letter = talk->good ? mta_step(talk->mta, talk->out, talk->fields) : 0;

        g_string_truncate(talk->out, 0);
        talk->accepted = letter == WIRE_ACTION_ACCEPT;
        talk->skipped = letter == WIRE_ACTION_SKIP;
        talk->good = talk->accepted || talk->skipped || letter == WIRE_ACTION_CONTINUE ||
                     letter == WIRE_ACTION_NEGOTIATE;
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

static void open_session(Talk *talk, const char *helo)
{
    gsize begin;

    wire_mta_put_negotiate(talk->out, 6, 0x1ff, 0x1fffff);
    say(talk, 0, 0, 0);
    begin = talk->out->len;
    say_macros(talk, WIRE_COMMAND_CONNECT,
               (const char *[]){"j", "mx.example.net", "v", "load", "{daemon_name}", "mx", NULL});
    wire_mta_put_connect(talk->out, CLIENT, WIRE_FAMILY_INET, 4711, "192.0.2.1");
    say(talk, WIRE_NO_CONNECT, WIRE_QUIET_CONNECT, begin);
    say_strings(talk, WIRE_COMMAND_HELO, WIRE_NO_HELO, WIRE_QUIET_HELO, (const char *[]){helo, NULL});
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

    for (gsize at = 0; at < len && !talk->skipped && !(mta_protocol(talk->mta) & WIRE_NO_BODY);) {
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

/* Who has not asked for the blank after the colon does not get it. */
static void send_letter(Talk *talk, const Letter *letter)
{
    gboolean all = (mta_protocol(talk->mta) & WIRE_LEAD_SPACE) != 0;

    for (guint i = 0; i + 1 < letter->header->len; i += 2) {
        const char *value = letter->header->pdata[i + 1];

        say_strings(talk, WIRE_COMMAND_HEADER, WIRE_NO_HEADERS, WIRE_QUIET_HEADERS,
                    (const char *[]){letter->header->pdata[i], value + (!all && *value == ' '), NULL});
    }
    say_strings(talk, WIRE_COMMAND_EOH, WIRE_NO_EOH, WIRE_QUIET_EOH, NULL);
    send_body(talk, letter->body, letter->body_len);
}

/* NULL: a made-up one. */
static const Letter *letter_at(const Load *load, guint number)
{
    return load->letters != NULL ? load->letters->pdata[number % load->letters->len] : NULL;
}

static void send_content(Talk *talk, const Load *load, guint number)
{
    const Letter *letter = letter_at(load, number);

    if (letter != NULL) {
        send_letter(talk, letter);
        return;
    }
    send_headers(talk, load->headers);
    say_strings(talk, WIRE_COMMAND_EOH, WIRE_NO_EOH, WIRE_QUIET_EOH, NULL);
    send_body(talk, NULL, load->body);
}

/* "<a@example.com>" in two ways. */
static void send_sender(Talk *talk, const char *sender)
{
    g_autofree char *bare = g_strndup(sender + 1, strlen(sender) - 2);

    say_macros(talk, WIRE_COMMAND_MAIL, (const char *[]){"i", "4XyZ1a2b3c", "{mail_addr}", bare, NULL});
    say_strings(talk, WIRE_COMMAND_MAIL, 0, WIRE_QUIET_MAIL, (const char *[]){sender, "SIZE=5000", NULL});
}

static gboolean send_message(Talk *talk, const Load *load, guint number)
{
    const Letter *letter = letter_at(load, number);

    talk->good = TRUE;
    talk->accepted = talk->skipped = FALSE;
    g_string_truncate(talk->fields, 0);
    send_sender(talk, letter != NULL ? letter->sender : "<a@example.com>");
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

static void count(Client *client, const char *fields)
{
    char **counted = client->load->counted;

    for (guint i = 0; counted != NULL && counted[i] != NULL; i++)
        client->counts[i] += strcasestr(fields, counted[i]) != NULL;
}

/* The order of the added fields does not matter to who looks for them by name. */
static void save(const Load *load, const Letter *letter, const char *fields)
{
    g_autoptr(GString) file = g_string_new(NULL);
    g_autofree char *path = g_build_filename(load->save, letter->name, NULL);

    g_string_append_printf(file, "Return-Path: %s\r\n%s", letter->sender, fields);
    for (guint i = 0; i + 1 < letter->header->len; i += 2) {
        g_auto(GStrv) lines = g_strsplit(letter->header->pdata[i + 1], "\n", -1);
        g_autofree char *value = g_strjoinv("\r\n", lines);

        g_string_append_printf(file, "%s:%s\r\n", (const char *)letter->header->pdata[i], value);
    }
    g_string_append(file, "\r\n");
    g_string_append_len(file, letter->body, (gssize)letter->body_len);
    if (!g_file_set_contents(path, file->str, (gssize)file->len, NULL))
        g_error("%s cannot be written", path);
}

static void *client_main(void *data)
{
    Client *client = data;
    Talk talk = {.mta = mta_connect(client->address, NULL),
                 .out = g_string_new(NULL),
                 .fields = g_string_new(NULL),
                 .good = TRUE};

    client->refused = talk.mta != NULL ? 0 : client->load->messages;
    if (talk.mta != NULL)
        open_session(&talk, client->load->helo);
    for (int i = 0; talk.mta != NULL && i < client->load->messages; i++) {
        gint64 begun;

        if (client->load->pause > 0)
            g_usleep((gulong)client->load->pause * 1000);
        begun = g_get_monotonic_time();
        client->refused += !send_message(&talk, client->load, client->first + i);
        client->times[i] = g_get_monotonic_time() - begun;
        count(client, talk.fields->str);
        if (client->load->save != NULL)
            save(client->load, letter_at(client->load, client->first + i), talk.fields->str);
    }
    mta_free(talk.mta);
    g_string_free(talk.out, TRUE);
    g_string_free(talk.fields, TRUE);
    return NULL;
}

/* ---- letters ---- */

static void letter_free(gpointer data)
{
    Letter *letter = data;

    g_ptr_array_unref(letter->header);
    g_free(letter->name);
    g_free(letter->sender);
    g_free(letter->text);
    g_free(letter);
}

/* A Return-Path on top is the sender, and no part of what is sent (RFC 5321 section 4.4). */
static void take_sender(Letter *letter)
{
    gpointer *first = letter->header->pdata;

    letter->sender = g_strdup("<a@example.com>");
    if (letter->header->len == 0 || g_ascii_strcasecmp(first[0], "Return-Path") != 0)
        return;
    g_free(letter->sender);
    letter->sender = g_strstrip(g_strdup(first[1]));
    g_ptr_array_remove_range(letter->header, 0, 2);
}

/* Cuts `text` in place. Continuation lines keep their LF, the CR before it goes. */
static Letter *letter_new(const char *path, char *text, gsize len)
{
    Letter *letter = g_new0(Letter, 1);
    char *end = g_strstr_len(text, len, "\r\n\r\n");
    g_auto(GStrv) lines = NULL;

    letter->name = g_path_get_basename(path);
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
    take_sender(letter);
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
        g_ptr_array_add(letters, letter_new(names->pdata[i], text, len));
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
        clients[i] = (Client){.address = address,
                              .load = load,
                              .times = times + (gsize)i * load->messages,
                              .first = (guint)i * 7};
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
    for (guint i = 0; load->counted != NULL && load->counted[i] != NULL; i++) {
        guint total = 0;

        for (int c = 0; c < load->connections; c++)
            total += clients[c].counts[i];
        printf("%u %s\n", total, load->counted[i]);
    }
    return refused > 0;
}

static int run_idle(const char *address, int n, int seconds)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)mta_free);
    guint good = 0;

    for (int i = 0; i < n; i++) {
        Talk talk = {.mta = mta_connect(address, NULL), .out = g_string_new(NULL), .good = TRUE};

        if (talk.mta != NULL) {
            open_session(&talk, CLIENT);
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
    Load load = {.connections = 10, .messages = 100, .headers = 4, .body = 4096, .rcpts = 1, .helo = CLIENT};
    const GOptionEntry entries[] = {
        {"connections", 0, 0, G_OPTION_ARG_INT, &load.connections, "at once", "N"},
        {"messages", 0, 0, G_OPTION_ARG_INT, &load.messages, "on each connection", "N"},
        {"headers", 0, 0, G_OPTION_ARG_INT, &load.headers, "in each message", "N"},
        {"body", 0, 0, G_OPTION_ARG_INT, &load.body, "of each message", "BYTES"},
        {"rcpts", 0, 0, G_OPTION_ARG_INT, &load.rcpts, "of each message", "N"},
        {"helo", 0, 0, G_OPTION_ARG_STRING, &load.helo, "what each session calls itself", "NAME"},
        {"mail", 0, 0, G_OPTION_ARG_FILENAME, &load.mail, "whose files are the messages", "FOLDER"},
        {"save", 0, 0, G_OPTION_ARG_FILENAME, &load.save, "where they are written with what was added",
         "FOLDER"},
        {"count", 0, 0, G_OPTION_ARG_STRING_ARRAY, &load.counted, "in added header fields", "TEXT"},
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
    if (load.counted != NULL && g_strv_length(load.counted) > COUNTED_MAX) {
        fprintf(stderr, "fake-mta: at most %d times --count\n", COUNTED_MAX);
        return 2;
    }
    if (load.save != NULL && load.letters == NULL) {
        fprintf(stderr, "fake-mta: --save needs --mail\n");
        return 2;
    }
    if (argc == 3 && strcmp(argv[1], "load") == 0 && load.connections > 0 && load.messages > 0)
        return run_load(argv[2], &load);
    if (argc == 5 && strcmp(argv[1], "idle") == 0)
        return run_idle(argv[2], atoi(argv[3]), atoi(argv[4]));
    fprintf(stderr, "usage: fake-mta run|load|idle ADDRESS …\n");
    return 2;
}
