#include "mta/wire.h"
#include "mta/wire-priv.h"

#include <string.h>

/* Small: an idle connection holds one. A read of this size takes a whole envelope step. */
#define READER_START 4096
/* A chunk of a body. As soon as the buffer has been full once, a packet of that size is given room in one step; above it the
 * announced length is not believed, and doubling costs a liar as many bytes as it costs us. */
#define READER_LEAP 65540

struct WireReader {
    guint8 *buf;
    gsize cap, begin, end; /* begin…end is not yet taken */
    gsize wanted;          /* bytes that the packet at `begin` has in all, 0: not known yet */
    WireDirection direction;
    const char *error;
};

/* Payload limit by letter; a letter without name is no command. */
static const struct {
    const char *name;
    gsize max;
} commands[256] = {
#define X(id, letter, word, limit) [letter] = {.name = word, .max = limit},
    WIRE_COMMANDS(X)
#undef X
};

static const char *const actions[256] = {
#define X(id, letter, word) [letter] = word,
    WIRE_ACTIONS(X)
#undef X
};

const char *wire_command_name(guint8 letter)
{
    return commands[letter].name;
}

const char *wire_action_name(guint8 letter)
{
    return actions[letter];
}

guint32 wire_get_u32(const guint8 *at)
{
    return (guint32)at[0] << 24 | (guint32)at[1] << 16 | (guint32)at[2] << 8 | at[3];
}

/* ---- packets out of a stream ---- */

WireReader *wire_reader_new(WireDirection direction)
{
    WireReader *reader = g_new0(WireReader, 1);

    reader->direction = direction;
    reader->cap = READER_START;
    reader->buf = g_malloc(reader->cap);
    return reader;
}

void wire_reader_free(WireReader *reader)
{
    if (reader == NULL)
        return;
    g_free(reader->buf);
    g_free(reader);
}

static void reader_grow(WireReader *reader)
{
    gsize have = reader->end - reader->begin;
    gsize cap = MAX(have == reader->cap ? 2 * reader->cap : reader->cap, MIN(reader->wanted, READER_LEAP));
    guint8 *buf = g_malloc(cap);

    memcpy(buf, reader->buf + reader->begin, have);
    g_free(reader->buf);
    reader->buf = buf;
    reader->cap = cap;
    reader->begin = 0;
    reader->end = have;
}

void *wire_reader_room(WireReader *reader, gsize *len)
{
    gboolean full = reader->end == reader->cap;

    if (reader->begin == reader->end) {
        reader->begin = reader->end = 0;
    } else if (full && reader->wanted > reader->cap) {
        reader_grow(reader);
    } else if (reader->begin > 0 && (full || reader->begin + reader->wanted > reader->cap)) {
        memmove(reader->buf, reader->buf + reader->begin, reader->end - reader->begin);
        reader->end -= reader->begin;
        reader->begin = 0;
    }
    if (reader->end == reader->cap)
        reader_grow(reader);
    *len = reader->cap - reader->end;
    return reader->buf + reader->end;
}

void wire_reader_filled(WireReader *reader, gsize len)
{
    g_assert(len <= reader->cap - reader->end);
    reader->end += len;
}

static WireStatus reader_fail(WireReader *reader, const char *error)
{
    reader->error = error;
    return WIRE_BAD;
}

WireStatus wire_reader_next(WireReader *reader, WirePacket *ret)
{
    const guint8 *at = reader->buf + reader->begin;
    gsize have = reader->end - reader->begin;

    if (reader->error != NULL)
        return WIRE_BAD;
    reader->wanted = 0;
    if (have < WIRE_HEAD) {
        /* A length can be judged without its letter. */
        if (have >= 4 && wire_get_u32(at) == 0)
            return reader_fail(reader, "a packet of length 0");
        return WIRE_MORE;
    }

    gsize len = wire_get_u32(at);
    guint8 letter = at[4];

    if (len == 0)
        return reader_fail(reader, "a packet of length 0");
    if (reader->direction == WIRE_FROM_MTA) {
        if (commands[letter].name == NULL)
            return reader_fail(reader, "no such command");
        if (len - 1 > commands[letter].max)
            return reader_fail(reader, "an over-long packet");
    } else {
        if (actions[letter] == NULL)
            return reader_fail(reader, "no such action");
        if (len - 1 > WIRE_HEADER_MAX)
            return reader_fail(reader, "an over-long packet");
    }
    reader->wanted = 4 + len;
    if (have < reader->wanted)
        return WIRE_MORE;
    *ret = (WirePacket){.letter = letter, .data = at + WIRE_HEAD, .len = len - 1};
    reader->begin += reader->wanted;
    reader->wanted = 0;
    return WIRE_READY;
}

gboolean wire_reader_is_empty(const WireReader *reader)
{
    return reader->begin == reader->end;
}

void wire_reader_shrink(WireReader *reader)
{
    if (reader->cap == READER_START || !wire_reader_is_empty(reader))
        return;
    g_free(reader->buf);
    reader->cap = READER_START;
    reader->buf = g_malloc(reader->cap);
    reader->begin = reader->end = 0;
}

const char *wire_reader_error(const WireReader *reader)
{
    return reader->error;
}

/* ---- commands of an MTA ---- */

typedef struct {
    const guint8 *at, *end;
} Cursor;

/* The next NUL-terminated string, or NULL. */
static const char *take_string(Cursor *cursor)
{
    const guint8 *nul = cursor->at < cursor->end ? memchr(cursor->at, 0, cursor->end - cursor->at) : NULL;
    const char *text = (const char *)cursor->at;

    if (nul == NULL)
        return NULL;
    cursor->at = nul + 1;
    return text;
}

static gboolean fail(WireCommand *ret, const char *error)
{
    ret->error = error;
    return FALSE;
}

static void add_arg(WireCommand *ret, const char *arg)
{
    ret->args[ret->n_args++] = arg;
    ret->args[ret->n_args] = NULL;
}

static gboolean parse_negotiate(Cursor cursor, WireCommand *ret)
{
    if (cursor.end - cursor.at < 12)
        return fail(ret, "a short negotiation");
    ret->version = wire_get_u32(cursor.at);
    ret->actions = wire_get_u32(cursor.at + 4);
    ret->protocol = wire_get_u32(cursor.at + 8);
    return TRUE;
}

static gboolean parse_connect(Cursor cursor, WireCommand *ret)
{
    const char *host = take_string(&cursor);

    if (host == NULL || cursor.at == cursor.end)
        return fail(ret, "a connect without host name or family");
    ret->family = *cursor.at++;
    add_arg(ret, host);
    if (ret->family == WIRE_FAMILY_UNKNOWN)
        return TRUE;
    if (ret->family != WIRE_FAMILY_UNIX && ret->family != WIRE_FAMILY_INET &&
        ret->family != WIRE_FAMILY_INET6)
        return fail(ret, "a connect of no known family");
    if (cursor.end - cursor.at < 2)
        return fail(ret, "a connect without port");
    ret->port = cursor.at[0] << 8 | cursor.at[1];
    cursor.at += 2;

    const char *address = take_string(&cursor);

    if (address == NULL)
        return fail(ret, "a connect without address");
    add_arg(ret, address);
    return TRUE;
}

static gboolean parse_strings(Cursor cursor, WireCommand *ret, guint at_least, guint at_most)
{
    while (ret->n_args < at_most && cursor.at < cursor.end) {
        const char *text = take_string(&cursor);

        if (text == NULL)
            return fail(ret, "a string without end");
        add_arg(ret, text);
    }
    if (ret->n_args < at_least)
        return fail(ret, "a string is missing");
    return TRUE;
}

const char *wire_split_address(const char *arg, gsize *address_len)
{
    gboolean in_brackets = arg[0] == '<', quoted = FALSE;
    const char *at = arg + (in_brackets ? 1 : 0);

    for (; *at != '\0'; at++) {
        if (quoted && *at == '\\' && at[1] != '\0')
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (!quoted && (in_brackets ? *at == '>' : *at == ' ' || *at == '\t'))
            break;
    }
    if (*at == '\0')
        return NULL;
    if (in_brackets)
        at++;
    /* What is glued to the bracket, or has brackets of its own (`Name <a@b>`), is no list of arguments. */
    if ((*at != ' ' && *at != '\t') || strchr(at, '<') != NULL)
        return NULL;
    *address_len = at - arg;
    return at + strspn(at, " \t");
}

/* `<a@b> SIZE=1` in one string becomes two. Whatever is too much stays glued to the last one. */
static void split_args(WireCommand *ret)
{
    gsize address_len;
    const char *rest = wire_split_address(ret->args[0], &address_len);
    const char *given[WIRE_ARGS_MAX];
    guint n_given = ret->n_args - 1;

    if (rest == NULL)
        return;
    memcpy(given, ret->args + 1, n_given * sizeof *given);
    ((char *)ret->args[0])[address_len] = '\0';
    ret->n_args = 1;
    while (*rest != '\0' && ret->n_args + n_given < WIRE_ARGS_MAX) {
        gsize len = strcspn(rest, " \t");

        add_arg(ret, rest);
        rest += len;
        if (*rest == '\0')
            break;
        if (ret->n_args + n_given < WIRE_ARGS_MAX)
            *(char *)rest++ = '\0';
        rest += strspn(rest, " \t");
    }
    for (guint i = 0; i < n_given; i++)
        add_arg(ret, given[i]);
    ret->args[ret->n_args] = NULL;
}

static gboolean parse_args(Cursor cursor, WireCommand *ret)
{
    if (!parse_strings(cursor, ret, 1, WIRE_ARGS_MAX))
        return FALSE;
    if (ret->n_args == WIRE_ARGS_MAX)
        return fail(ret, "too many strings");
    split_args(ret);
    return TRUE;
}

/* Names lose their braces in place: the buffer is ours, and a packet is parsed once. */
static const char *bare_name(const char *name)
{
    gsize len = strlen(name);

    if (len < 2 || name[0] != '{' || name[len - 1] != '}')
        return name;
    ((char *)name)[len - 1] = '\0';
    return name + 1;
}

static gboolean parse_macros(Cursor cursor, WireCommand *ret)
{
    if (cursor.at == cursor.end)
        return fail(ret, "macros for no command");
    ret->macro_for = *cursor.at++;
    if (!parse_strings(cursor, ret, 0, WIRE_ARGS_MAX))
        return FALSE;
    if (ret->n_args == WIRE_ARGS_MAX)
        return fail(ret, "too many strings");
    if (ret->n_args % 2 != 0)
        return fail(ret, "a macro without value");
    for (guint i = 0; i < ret->n_args; i += 2)
        ret->args[i] = bare_name(ret->args[i]);
    return TRUE;
}

gboolean wire_parse_command(const WirePacket *packet, WireCommand *ret)
{
    Cursor cursor = {packet->data, packet->data + packet->len};

    ret->kind = packet->letter;
    ret->n_args = 0;
    ret->args[0] = NULL;
    ret->error = NULL;
    switch (ret->kind) {
    case WIRE_COMMAND_OPTNEG:
        return parse_negotiate(cursor, ret);
    case WIRE_COMMAND_MACRO:
        return parse_macros(cursor, ret);
    case WIRE_COMMAND_CONNECT:
        return parse_connect(cursor, ret);
    case WIRE_COMMAND_HELO:
    case WIRE_COMMAND_UNKNOWN:
        return parse_strings(cursor, ret, 1, 1);
    case WIRE_COMMAND_HEADER:
        return parse_strings(cursor, ret, 2, 2);
    case WIRE_COMMAND_MAIL:
    case WIRE_COMMAND_RCPT:
        return parse_args(cursor, ret);
    case WIRE_COMMAND_BODY:
    case WIRE_COMMAND_BODYEOB:
        ret->bytes = packet->data;
        ret->len = packet->len;
        return TRUE;
    case WIRE_COMMAND_ABORT:
    case WIRE_COMMAND_QUIT_NC:
    case WIRE_COMMAND_EOH:
    case WIRE_COMMAND_QUIT:
    case WIRE_COMMAND_DATA:
        return TRUE; /* a payload has no meaning, and does no harm */
    }
    return fail(ret, "no such command");
}
