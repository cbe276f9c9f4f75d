#include "mta/replay.h"

#include <gio/gio.h>
#include <string.h>

/* What an MTA gives in one body step; small enough that chunked readers are tested too. */
#define CHUNK 65535u

/* --- header --- */

static const char *line_end(const char *at, const char *end)
{
    const char *lf = memchr(at, '\n', end - at);
    return lf ? lf + 1 : end;
}

static gsize text_length(const char *at, const char *next)
{
    gsize len = next - at;
    if (len && at[len - 1] == '\n')
        len--;
    if (len && at[len - 1] == '\r')
        len--;
    return len;
}

/* RFC 5322 §2.2: name, colon, value; continuation lines begin with white space. A line without a colon ends the header,
 * as both MTAs see it. Returns where the body begins. */
static const char *feed_header(Session *session, const char *at, const char *end)
{
    if (end - at > 5 && memcmp(at, "From ", 5) == 0) /* an mbox file's own line */
        at = line_end(at, end);
    while (at < end) {
        const char *next = line_end(at, end);
        gsize len = text_length(at, next);
        if (!len)
            return next;
        const char *colon = memchr(at, ':', len);
        if (!colon || colon == at)
            return at;
        g_autofree char *name = g_strndup(at, colon - at);
        g_autoptr(GString) value = g_string_new_len(colon + 1, at + len - colon - 1);
        while (next < end && (*next == ' ' || *next == '\t')) {
            const char *more = line_end(next, end);
            g_string_append_c(value, '\n');
            g_string_append_len(value, next, text_length(next, more));
            next = more;
        }
        session_header(session, g_strchomp(name), value->str);
        at = next;
    }
    return end;
}

/* --- body --- */

static void feed_body(Session *session, const char *at, const char *end)
{
    g_autoptr(GString) chunk = g_string_sized_new(CHUNK + 2);
    while (at < end) {
        const char *next = line_end(at, end);
        gboolean whole = next > at && next[-1] == '\n';
        g_string_append_len(chunk, at, text_length(at, next));
        if (whole)
            g_string_append(chunk, "\r\n");
        at = next;
        if (chunk->len >= CHUNK || at == end) {
            for (gsize sent = 0; sent < chunk->len; sent += CHUNK)
                session_body(session, chunk->str + sent, MIN(CHUNK, chunk->len - sent));
            g_string_truncate(chunk, 0);
        }
    }
}

void replay_content(Session *session, const char *message, gsize len)
{
    const char *end = message + len;
    const char *body = feed_header(session, message, end);
    session_end_of_headers(session);
    feed_body(session, body, end);
}

/* --- envelope --- */

static char *in_brackets(const char *address)
{
    return *address == '<' ? g_strdup(address) : g_strdup_printf("<%s>", address);
}

static gboolean begin(Session *session, const ReplayEnvelope *envelope, GError **error)
{
    IpAddress ip = {IP_NONE};
    if (envelope->ip && !ip_parse(envelope->ip, &ip)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s is no IP address", envelope->ip);
        return FALSE;
    }
    if (envelope->receiver)
        session_macros(session, STAGE_CONNECT, (const char *[]){"j", envelope->receiver, NULL});
    session_connect(session, envelope->ptr, &ip, 0);
    if (envelope->helo)
        session_helo(session, envelope->helo);
    if (envelope->login)
        session_macros(session, STAGE_MAIL, (const char *[]){"auth_authen", envelope->login, NULL});
    return TRUE;
}

static void feed_recipients(Session *session, const ReplayEnvelope *envelope, ReplayResult *result)
{
    result->n_rcpts = g_strv_length((char **)envelope->rcpts);
    result->rcpts = g_new0(Reply, result->n_rcpts);
    for (guint i = 0; i < result->n_rcpts; i++) {
        g_autofree char *rcpt = in_brackets(envelope->rcpts[i]);
        Reply reply = session_rcpt(session, (const char *[]){rcpt, NULL}, NULL);
        result->reached_end |= reply.kind == REPLY_CONTINUE;
        /* Its strings live only until the next call. */
        reply.xcode = g_strdup(reply.xcode);
        reply.text = g_strdup(reply.text);
        result->rcpts[i] = reply;
    }
}

gboolean replay_message(Session *session, const ReplayEnvelope *envelope, const char *message, gsize len,
                        ReplayResult *result, GError **error)
{
    *result = (ReplayResult){.mail = REPLY_GO, .end = REPLY_GO};
    if (!begin(session, envelope, error))
        return FALSE;
    g_autofree char *from = in_brackets(envelope->from);
    result->mail = session_mail(session, (const char *[]){from, NULL});
    if (result->mail.kind != REPLY_CONTINUE)
        return TRUE;
    feed_recipients(session, envelope, result);
    if (!result->reached_end)
        return TRUE;
    result->end = session_data(session);
    if (result->end.kind != REPLY_CONTINUE)
        return TRUE;
    replay_content(session, message, len);
    result->end = session_end_of_message(session, &result->edits);
    return TRUE;
}

void replay_result_clear(ReplayResult *result)
{
    for (guint i = 0; i < result->n_rcpts; i++) {
        g_free((char *)result->rcpts[i].xcode);
        g_free((char *)result->rcpts[i].text);
    }
    g_clear_pointer(&result->rcpts, g_free);
}
