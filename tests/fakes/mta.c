#include "fakes/mta.h"

#include "mta/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define TIMEOUT_MS 10000

struct Mta {
    int fd;
    WireReader *reader;
    GString *out;
    GByteArray *lists; /* of macros, as the filter has sent them */
    guint32 actions, protocol;
    gboolean closed;
};

/* ---- the connection ---- */

static int open_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int open_inet(const ListenAddress *where)
{
    const struct addrinfo hints = {.ai_family = where->family, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    const int on = 1;
    int fd;

    if (getaddrinfo(where->where, where->port, &hints, &found) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

Mta *mta_connect(const char *address, GError **error)
{
    ListenAddress where;
    Mta *mta;
    int fd;

    if (!listen_address_parse(address, &where, error))
        return NULL;
    fd = where.is_unix ? open_unix(where.where) : open_inet(&where);
    listen_address_clear(&where);
    if (fd < 0) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "%s: %s", address, g_strerror(errno));
        return NULL;
    }
    mta = g_new0(Mta, 1);
    mta->fd = fd;
    mta->reader = wire_reader_new(WIRE_FROM_FILTER);
    mta->out = g_string_new(NULL);
    mta->lists = g_byte_array_new();
    mta_set_timeout(mta, TIMEOUT_MS);
    return mta;
}

void mta_free(Mta *mta)
{
    if (mta == NULL)
        return;
    close(mta->fd);
    wire_reader_free(mta->reader);
    g_string_free(mta->out, TRUE);
    g_byte_array_unref(mta->lists);
    g_free(mta);
}

void mta_set_timeout(Mta *mta, int milliseconds)
{
    const struct timeval timeout = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};

    setsockopt(mta->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(mta->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
}

int mta_fd(const Mta *mta)
{
    return mta->fd;
}

guint32 mta_protocol(const Mta *mta)
{
    return mta->protocol;
}

guint32 mta_actions(const Mta *mta)
{
    return mta->actions;
}

char *mta_macro_lists(const Mta *mta)
{
    GString *text = g_string_new(NULL);

    for (guint at = 0; at + 4 < mta->lists->len;) {
        const char *names = (const char *)mta->lists->data + at + 4;

        g_string_append_printf(text, "%u %s\n", mta->lists->data[at + 3], names);
        at += 4 + strlen(names) + 1;
    }
    return g_string_free(text, FALSE);
}

static void send_bytes(Mta *mta, const char *bytes, gsize len)
{
    while (len > 0 && !mta->closed) {
        ssize_t n = send(mta->fd, bytes, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return; /* what the filter has said before it hung up is still to be read */
        bytes += n;
        len -= n;
    }
}

typedef enum { GOT_ACTION, GOT_EOF, GOT_SILENCE } Got;

static Got next_action(Mta *mta, WireMtaAction *ret)
{
    WirePacket packet;

    for (;;) {
        WireStatus status = wire_reader_next(mta->reader, &packet);
        gsize room;
        void *to;
        ssize_t n;

        if (status == WIRE_READY && wire_mta_parse(&packet, ret))
            return GOT_ACTION;
        if (status != WIRE_MORE)
            g_error("the filter sends what no MTA understands");
        to = wire_reader_room(mta->reader, &room);
        n = recv(mta->fd, to, room, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return GOT_SILENCE;
        if (n <= 0) {
            mta->closed = TRUE;
            return GOT_EOF;
        }
        wire_reader_filled(mta->reader, n);
    }
}

void mta_send(Mta *mta, const GString *packets)
{
    send_bytes(mta, packets->str, packets->len);
}

/* Values have LF between their lines, and their first blank only if that was agreed on. */
static void append_field(GString *fields, const char *name, const char *value)
{
    g_auto(GStrv) lines = g_strsplit(value, "\n", -1);
    g_autofree char *folded = g_strjoinv("\r\n", lines);

    g_string_append_printf(fields, "%s:%s%s\r\n", name, *value == ' ' ? "" : " ", folded);
}

guint8 mta_step(Mta *mta, const GString *packets, GString *fields)
{
    WireMtaAction action;

    send_bytes(mta, packets->str, packets->len);
    while (next_action(mta, &action) == GOT_ACTION) {
        if (action.kind == WIRE_ACTION_NEGOTIATE) {
            mta->protocol = action.protocol;
            mta->actions = action.actions;
        }
        if (wire_mta_is_final(&action))
            return action.kind;
        if (fields != NULL &&
            (action.kind == WIRE_ACTION_INSERT_HEADER || action.kind == WIRE_ACTION_ADD_HEADER))
            append_field(fields, action.args[0], action.args[1]);
    }
    return 0;
}

/* ---- the script ---- */

static void note_agreement(Mta *mta, const WireMtaAction *action)
{
    mta->actions = action->actions;
    mta->protocol = action->protocol;
    g_byte_array_set_size(mta->lists, 0);
    g_byte_array_append(mta->lists, action->bytes, action->len);
}

/* Lines of the talk, until the final action. */
static void hear(Mta *mta, const char *step, GString *talk)
{
    WireMtaAction action;

    for (;;) {
        Got got = next_action(mta, &action);
        g_autofree char *text = got == GOT_ACTION ? wire_mta_to_text(&action) : NULL;

        g_string_append_printf(talk, "%s: %s\n", step,
                               got == GOT_ACTION    ? text
                               : got == GOT_SILENCE ? "silence"
                                                    : "closed");
        if (got == GOT_ACTION && action.kind == WIRE_ACTION_NEGOTIATE)
            note_agreement(mta, &action);
        if (got != GOT_ACTION || wire_mta_is_final(&action))
            return;
    }
}

typedef struct {
    const char *word;
    WireCommandKind kind;
    guint32 no, quiet; /* bits with which it is not sent, or not answered */
} Step;

static const Step steps[] = {
    {"negotiate", WIRE_COMMAND_OPTNEG, 0, 0},
    {"connect", WIRE_COMMAND_CONNECT, WIRE_NO_CONNECT, WIRE_QUIET_CONNECT},
    {"helo", WIRE_COMMAND_HELO, WIRE_NO_HELO, WIRE_QUIET_HELO},
    {"mail", WIRE_COMMAND_MAIL, WIRE_NO_MAIL, WIRE_QUIET_MAIL},
    {"rcpt", WIRE_COMMAND_RCPT, WIRE_NO_RCPT, WIRE_QUIET_RCPT},
    {"data", WIRE_COMMAND_DATA, WIRE_NO_DATA, WIRE_QUIET_DATA},
    {"header", WIRE_COMMAND_HEADER, WIRE_NO_HEADERS, WIRE_QUIET_HEADERS},
    {"eoh", WIRE_COMMAND_EOH, WIRE_NO_EOH, WIRE_QUIET_EOH},
    {"body", WIRE_COMMAND_BODY, WIRE_NO_BODY, WIRE_QUIET_BODY},
    {"eom", WIRE_COMMAND_BODYEOB, 0, 0},
    {"unknown", WIRE_COMMAND_UNKNOWN, WIRE_NO_UNKNOWN, WIRE_QUIET_UNKNOWN},
    {"abort", WIRE_COMMAND_ABORT, 0, G_MAXUINT32},
    {"quit", WIRE_COMMAND_QUIT, 0, G_MAXUINT32},
    {"quit_nc", WIRE_COMMAND_QUIT_NC, 0, G_MAXUINT32},
    {"macros", WIRE_COMMAND_MACRO, 0, G_MAXUINT32},
};

static void put_connect(GString *out, char **words)
{
    const char *address = words[0] != NULL ? words[1] : NULL;
    guint port = address != NULL && words[2] != NULL ? atoi(words[2]) : 0;
    WireFamily family = address == NULL                ? WIRE_FAMILY_UNKNOWN
                        : address[0] == '/'            ? WIRE_FAMILY_UNIX
                        : strchr(address, ':') != NULL ? WIRE_FAMILY_INET6
                                                       : WIRE_FAMILY_INET;

    wire_mta_put_connect(out, words[0] != NULL ? words[0] : "", family, port, address);
}

static void put_macros(GString *out, char **words)
{
    g_autoptr(GPtrArray) pairs = g_ptr_array_new_with_free_func(g_free);

    for (char **word = words + 1; *words != NULL && *word != NULL; word++) {
        char *equals = strchr(*word, '=');

        g_assert(equals != NULL);
        g_ptr_array_add(pairs, g_strndup(*word, equals - *word));
        g_ptr_array_add(pairs, g_strcompress(equals + 1));
    }
    g_ptr_array_add(pairs, NULL);
    wire_mta_put_macros(out, words[0][0], (const char *const *)pairs->pdata);
}

static void put_negotiate(GString *out, char **words)
{
    guint32 values[] = {6, 0x1ff, 0x1fffff};

    for (guint i = 0; i < G_N_ELEMENTS(values) && words[i] != NULL; i++)
        values[i] = g_ascii_strtoull(words[i], NULL, 0);
    wire_mta_put_negotiate(out, values[0], values[1], values[2]);
}

static void put_header(GString *out, char *rest)
{
    char *colon = strchr(rest, ':');
    const char *strings[] = {rest, colon + 1, NULL};

    g_assert(colon != NULL);
    *colon = '\0';
    wire_mta_put_strings(out, WIRE_COMMAND_HEADER, strings);
}

static void put_step(GString *out, const Step *step, char *rest)
{
    g_auto(GStrv) words = g_strsplit(rest, " ", -1);
    const char *whole[] = {rest, NULL};

    switch (step->kind) {
    case WIRE_COMMAND_OPTNEG:
        put_negotiate(out, words);
        break;
    case WIRE_COMMAND_MACRO:
        put_macros(out, words);
        break;
    case WIRE_COMMAND_CONNECT:
        put_connect(out, words);
        break;
    case WIRE_COMMAND_MAIL:
    case WIRE_COMMAND_RCPT:
        wire_mta_put_strings(out, step->kind, (const char *const *)words);
        break;
    case WIRE_COMMAND_HELO:
    case WIRE_COMMAND_UNKNOWN:
        wire_mta_put_strings(out, step->kind, whole);
        break;
    case WIRE_COMMAND_HEADER:
        put_header(out, rest);
        break;
    default:
        wire_mta_put(out, step->kind, rest, strlen(rest));
    }
}

static void flush_out(Mta *mta)
{
    send_bytes(mta, mta->out->str, mta->out->len);
    g_string_truncate(mta->out, 0);
}

/* `raw` may hold NUL, which g_strcompress() cannot give back. */
static void send_raw(Mta *mta, const char *text)
{
    flush_out(mta);
    for (; *text != '\0'; text++) {
        char c = *text;

        if (c == '\\' && text[1] >= '0' && text[1] <= '7') {
            guint value = 0, n = 0;

            for (text++; n < 3 && *text >= '0' && *text <= '7'; n++)
                value = value * 8 + (*text++ - '0');
            text--;
            c = value;
        }
        send_bytes(mta, &c, 1);
    }
}

static void fill_body(Mta *mta, gsize len, GString *talk)
{
    g_autofree char *chunk = g_strnfill(WIRE_CHUNK_MAX, 'x');

    while (len > 0) {
        gsize now = MIN(len, WIRE_CHUNK_MAX);

        wire_mta_put(mta->out, WIRE_COMMAND_BODY, chunk, now);
        flush_out(mta);
        len -= now;
        if (!(mta->protocol & WIRE_QUIET_BODY))
            hear(mta, "body", talk);
    }
}

static void run_line(Mta *mta, char *line, GString *talk)
{
    char *blank = strchr(line, ' ');
    char *rest = blank != NULL ? blank + 1 : line + strlen(line);
    g_autofree char *plain = g_strcompress(rest);

    if (blank != NULL)
        *blank = '\0';
    for (gsize i = 0; i < G_N_ELEMENTS(steps); i++) {
        const Step *step = &steps[i];

        if (strcmp(line, step->word) != 0)
            continue;
        if (mta->protocol & step->no)
            return;
        put_step(mta->out, step, step->kind == WIRE_COMMAND_MACRO ? rest : plain);
        flush_out(mta);
        if (step->quiet == 0 || (step->quiet != G_MAXUINT32 && !(mta->protocol & step->quiet)))
            hear(mta, step->word, talk);
        return;
    }
    if (strcmp(line, "fill") == 0)
        fill_body(mta, g_ascii_strtoull(rest, NULL, 10), talk);
    else if (strcmp(line, "raw") == 0)
        send_raw(mta, rest);
    else if (strcmp(line, "read") == 0)
        hear(mta, "read", talk);
    else if (strcmp(line, "shut") == 0)
        shutdown(mta->fd, SHUT_WR);
    else if (strcmp(line, "close") == 0)
        shutdown(mta->fd, SHUT_RDWR);
    else
        g_error("no such step of an MTA: %s", line);
}

char *mta_run(Mta *mta, const char *script)
{
    g_auto(GStrv) lines = g_strsplit(script, "\n", -1);
    GString *talk = g_string_new(NULL);

    for (char **line = lines; *line != NULL && !mta->closed; line++)
        if (**line != '\0' && **line != '#')
            run_line(mta, *line, talk);
    return g_string_free(talk, FALSE);
}
