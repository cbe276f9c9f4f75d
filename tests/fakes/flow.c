#include "fakes/flow.h"

#include <string.h>
#include <unistd.h>

struct Session {
    Engine *engine;
    Adapter adapter;
    guint64 id;
    gboolean in_message;
};

Engine *fake_engine_new(void)
{
    Engine *engine = g_new0(Engine, 1);

    pthread_mutex_init(&engine->lock, NULL);
    engine->calls = g_string_new(NULL);
    return engine;
}

void fake_engine_free(Engine *engine)
{
    if (engine == NULL)
        return;
    pthread_mutex_destroy(&engine->lock);
    g_string_free(engine->calls, TRUE);
    g_free(engine);
}

char *fake_engine_take_calls(Engine *engine)
{
    char *calls;

    pthread_mutex_lock(&engine->lock);
    calls = g_strdup(engine->calls->str);
    g_string_truncate(engine->calls, 0);
    pthread_mutex_unlock(&engine->lock);
    return calls;
}

guint fake_engine_open(Engine *engine)
{
    guint open;

    pthread_mutex_lock(&engine->lock);
    open = engine->open;
    pthread_mutex_unlock(&engine->lock);
    return open;
}

static G_GNUC_PRINTF(2, 3) void note(Session *session, const char *format, ...)
{
    Engine *engine = session->engine;
    g_autofree char *text = NULL, *shown = NULL;
    va_list args;

    if (engine->silent)
        return;
    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    shown = g_strescape(text, "\"");
    pthread_mutex_lock(&engine->lock);
    g_string_append_printf(engine->calls, "%" G_GUINT64_FORMAT " %s\n", session->id, shown);
    pthread_mutex_unlock(&engine->lock);
}

static char *joined(const Session *session, const char *const *words)
{
    return session->engine->silent ? NULL : g_strjoinv("|", (char **)words);
}

guint snapshot_unwanted_stages(const Snapshot *snapshot)
{
    return ((const Engine *)snapshot)->unwanted;
}

guint snapshot_unanswered_stages(const Snapshot *snapshot)
{
    return ((const Engine *)snapshot)->unanswered;
}

Session *session_new(Engine *engine, const Adapter *adapter)
{
    Session *session = g_new0(Session, 1);

    session->engine = engine;
    session->adapter = *adapter;
    pthread_mutex_lock(&engine->lock);
    session->id = ++engine->last_id;
    engine->open++;
    pthread_mutex_unlock(&engine->lock);
    note(session, "new%s%s%s%s%s", adapter->can_edit_headers ? " headers" : "",
         adapter->can_edit_sender ? " sender" : "", adapter->can_edit_rcpts ? " rcpts" : "",
         adapter->can_edit_body ? " body" : "", adapter->can_hold ? " hold" : "");
    return session;
}

void session_free(Session *session)
{
    if (session == NULL)
        return;
    note(session, "free%s", session->in_message ? " in message" : "");
    pthread_mutex_lock(&session->engine->lock);
    session->engine->open--;
    pthread_mutex_unlock(&session->engine->lock);
    g_free(session);
}

guint64 session_id(const Session *session)
{
    return session->id;
}

const Snapshot *session_snapshot(const Session *session)
{
    return (const Snapshot *)session->engine;
}

void session_macros(Session *session, Stage stage, const char *const *pairs)
{
    static const char *const words[] = {
#define X(id, word) word,
        STAGES(X)
#undef X
    };
    g_autofree char *text = joined(session, pairs);

    note(session, "macros %s %s", words[stage], text);
}

/* Checks use stack; a connection's thread must have it. */
static void touch_stack(gsize size)
{
    char *block = g_alloca(size + 1);

    memset(block, 1, size);
    __asm__ volatile("" : : "r"(block) : "memory");
}

#define REPLY_OF(step) (touch_stack(session->engine->stack), session->engine->step)

Reply session_connect(Session *session, const char *ptr_name, const IpAddress *ip, guint port)
{
    char text[IP_STRING_MAX];

    note(session, "connect %s %s %u", ptr_name, ip_to_string(ip, text), port);
    return REPLY_OF(connect);
}

Reply session_helo(Session *session, const char *helo)
{
    note(session, "helo %s", helo);
    session->in_message = FALSE;
    return REPLY_OF(helo);
}

Reply session_mail(Session *session, const char *const *args)
{
    g_autofree char *text = joined(session, args);

    note(session, "mail %s", text);
    session->in_message = TRUE;
    return REPLY_OF(mail);
}

Reply session_rcpt(Session *session, const char *const *args, const char *refused)
{
    g_autofree char *text = joined(session, args);

    note(session, "rcpt %s%s%s", text, refused != NULL ? " refused: " : "", refused != NULL ? refused : "");
    return REPLY_OF(rcpt);
}

Reply session_data(Session *session)
{
    note(session, "data");
    return REPLY_OF(data);
}

Reply session_header(Session *session, const char *name, const char *value)
{
    note(session, "header %s:%s", name, value);
    return REPLY_OF(header);
}

Reply session_end_of_headers(Session *session)
{
    note(session, "eoh");
    return REPLY_OF(eoh);
}

Reply session_body(Session *session, const void *bytes, gsize len)
{
    g_autofree char *text = g_strndup(bytes, MIN(len, 80));

    if (len <= 80)
        note(session, "body %s", text);
    else
        note(session, "body of %" G_GSIZE_FORMAT, len);
    return REPLY_OF(body);
}

Reply session_end_of_message(Session *session, const Edits **edits)
{
    Engine *engine = session->engine;

    note(session, "eom");
    if (engine->eom_ms > 0)
        g_usleep(engine->eom_ms * 1000);
    for (guint i = 0; i < engine->progress; i++)
        session->adapter.progress(session->adapter.data);
    session->in_message = FALSE;
    *edits = engine->edits;
    return REPLY_OF(eom);
}

void session_abort(Session *session)
{
    note(session, "abort%s", session->in_message ? "" : " of nothing");
    session->in_message = FALSE;
}

Reply session_unknown(Session *session, const char *command)
{
    note(session, "unknown %s", command);
    return REPLY_OF(unknown);
}
