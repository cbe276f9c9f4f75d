/* What failed by our own fault, and the messages that it happened to (K14): kept for whoever looks into it, in a folder of
 * their own where the oldest make room. */
#include "flow/flow-internal.h"
#include "flow/trace.h"

#include <stdarg.h>

/* Faults that are told apart on one message: what goes on failing is one fault. */
#define FAILURES_MAX 8

void message_failed(Message *message, const char *by, const char *format, ...)
{
    if (message->failures->len >= FAILURES_MAX)
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *why = g_strdup_vprintf(format, args);
    va_end(args);
    g_ptr_array_add(message->failures, pool_printf(message->known.pool, "%s: %s", by, why));
    message_log(message, LOG_LEVEL_NOTICE, "FAILED:", "%s: %s", by, why);
}

void keep_failed(Message *message)
{
    Session *session = message->session;
    Quarantine *failed = session->engine->services->failed;
    /* Of what never came there is nothing to keep: the journal has its trace. */
    if (!failed || !message->failures->len || !message->headers->len || session->live ||
        session->adapter.alone)
        return;
    g_autoptr(GPtrArray) rcpts = g_ptr_array_new();
    for (guint i = 0; i < message->recipients->len; i++)
        g_ptr_array_add(rcpts, (gpointer)message_recipient(message, i)->text);
    g_ptr_array_add(rcpts, NULL);
    g_autoptr(Record) trace = message_kept_record(message);
    g_autoptr(GString) head = message_render_headers(message);
    QuarantineEntry entry = {
        .time = session_now(session),
        .session = session->id,
        .queue_id = session_macro(session, "i"),
        .client = session->ip_text,
        .sender = message->sender_text,
        .rcpts = (const char *const *)rcpts->pdata,
        .reason = message->failures->pdata[0],
        .trace = trace,
    };
    const Spool *body = message->body_error ? NULL : message->body;
    g_autoptr(GError) error = NULL;
    g_autofree char *id = quarantine_put(failed, &entry, head->str, head->len, body, &error);
    if (id)
        message_log(message, LOG_LEVEL_NOTICE, "FAILED:", "kept as %s", id);
    else
        message_log(message, LOG_LEVEL_ERROR, "FAILED:", "not kept: %s", error->message);
}
