/* What is known about a session, a message or a recipient: facts and findings. */
#include "base/escape.h"
#include "flow/flow-internal.h"

#include <stdarg.h>
#include <string.h>

void known_init(Known *known, Session *session)
{
    known->pool = pool_new();
    known->slots = pool_alloc0(known->pool, session->engine->n_checks * sizeof *known->slots);
    known->findings = g_ptr_array_new();
}

void known_clear(Known *known)
{
    g_clear_pointer(&known->findings, g_ptr_array_unref);
    g_clear_pointer(&known->pool, pool_free);
}

static guint index_of(const Engine *engine, const Check *check)
{
    for (guint i = 0; i < engine->n_checks; i++)
        if (engine->tables->checks[i] == check)
            return i;
    g_error("check %s is not in the table", check->name);
}

void known_note_time(Known *known, const Session *session)
{
    if (session->live && g_get_monotonic_time() >= session->deadline)
        known->late = TRUE;
}

const void *known_fact(Known *known, const Session *session, const Check *check, void *of)
{
    Slot *slot = &known->slots[index_of(session->engine, check)];
    if (!slot->fact) {
        g_assert(!slot->computing); /* a fact that needs itself */
        slot->computing = TRUE;
        void *fact = pool_alloc0(known->pool, check->fact_size);
        check->evaluate(of, fact);
        slot->fact = fact;
        slot->computing = FALSE;
        known_note_time(known, session);
    }
    return slot->fact;
}

const void *known_computed(const Known *known, guint check_index)
{
    return known->slots[check_index].fact;
}

/* A sentence quotes strangers, and becomes the text of a reply: UTF-8, on one line. */
static const char *pool_printable(Pool *pool, const char *sentence)
{
    g_autoptr(GString) text = g_string_new(NULL);
    escape_append(text, sentence, strlen(sentence), ESCAPE_KEEP_UTF8, NULL);
    return pool_strdup(pool, text->str);
}

Finding *known_find(Known *known, const Check *check, FindingScope scope, Stage stage, Tag tag,
                    const char *subject, const char *format, va_list args)
{
    g_assert(known->findings->len < FINDINGS_MAX);
    Finding *finding = pool_alloc0(known->pool, sizeof *finding);
    g_autofree char *sentence = g_strdup_vprintf(format, args);
    finding->tag = tag;
    finding->scope = scope;
    finding->stage = stage;
    finding->check = check->name;
    finding->subject = pool_strdup(known->pool, subject ? subject : "");
    finding->keys = policy_keys(known->pool, subject);
    finding->sentence = pool_printable(known->pool, sentence);
    g_ptr_array_add(known->findings, finding);
    return finding;
}

void finding_may_become(Finding *finding, ...)
{
    va_list args;
    va_start(args, finding);
    for (int tag = va_arg(args, int); tag != TAG_COUNT; tag = va_arg(args, int)) {
        g_assert(finding->n_becomes < FINDING_BECOMES_MAX);
        finding->becomes[finding->n_becomes++] = tag;
    }
    va_end(args);
}

void finding_prove_another(Finding *finding)
{
    finding->of_another = TRUE;
}

void finding_set_keys(Finding *finding, Pool *pool, const char *const *keys)
{
    guint n = g_strv_length((char **)keys);
    const char **copy = pool_alloc0(pool, (n + 1) * sizeof *copy);
    for (guint i = 0; i < n; i++) {
        char *key = pool_strdup(pool, keys[i]);
        for (char *c = key; *c; c++)
            *c = g_ascii_tolower(*c);
        copy[i] = key;
    }
    finding->keys = copy;
}

/* --- facts and findings by scope --- */

const void *session_fact(Session *session, const Check *check)
{
    g_assert(check->scope == PER_SESSION);
    return known_fact(&session->known, session, check, session);
}

const void *message_fact(Message *message, const Check *check)
{
    g_assert(check->scope == PER_MESSAGE);
    return known_fact(&message->known, message->session, check, message);
}

const void *recipient_fact(Recipient *recipient, const Check *check)
{
    g_assert(check->scope == PER_RECIPIENT);
    return known_fact(&recipient->known, recipient->message->session, check, recipient);
}

const void *recipient_asked(const Recipient *recipient, const Check *check)
{
    return known_computed(&recipient->known, index_of(recipient->message->session->engine, check));
}

Finding *session_find(Session *session, const Check *check, Tag tag, const char *subject, const char *format,
                      ...)
{
    va_list args;
    va_start(args, format);
    Finding *finding =
        known_find(&session->known, check, ABOUT_SESSION, session->stage, tag, subject, format, args);
    va_end(args);
    return finding;
}

Finding *message_find(Message *message, const Check *check, Tag tag, const char *subject, const char *format,
                      ...)
{
    va_list args;
    va_start(args, format);
    Finding *finding = known_find(&message->known, check, ABOUT_MESSAGE, message->session->stage, tag,
                                  subject, format, args);
    va_end(args);
    return finding;
}

Finding *recipient_find(Recipient *recipient, const Check *check, Tag tag, const char *subject,
                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    Finding *finding = known_find(&recipient->known, check, ABOUT_RECIPIENT,
                                  recipient->message->session->stage, tag, subject, format, args);
    va_end(args);
    return finding;
}

static gboolean has_finding(const Known *known, Tag tag)
{
    for (guint i = 0; i < known->findings->len; i++)
        if (((const Finding *)known->findings->pdata[i])->tag == tag)
            return TRUE;
    return FALSE;
}

gboolean message_has_finding(const Message *message, Tag tag)
{
    return has_finding(&message->known, tag) || has_finding(&message->session->known, tag);
}

guint message_n_findings(const Message *message)
{
    return message->session->known.findings->len + message->known.findings->len;
}

const Finding *message_finding(const Message *message, guint index)
{
    const GPtrArray *of_session = message->session->known.findings, *of_message = message->known.findings;
    return index < of_session->len ? of_session->pdata[index] : of_message->pdata[index - of_session->len];
}

void session_forget(Session *session, const Check *check)
{
    GPtrArray *findings = session->known.findings;
    for (guint i = findings->len; i-- > 0;)
        if (((const Finding *)findings->pdata[i])->check == check->name)
            g_ptr_array_remove_index(findings, i);
    session->known.slots[index_of(session->engine, check)].fact = NULL;
}
