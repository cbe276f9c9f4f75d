/* Message and Recipient: their life, and what checks and actions may ask of them. */
#include "flow/flow-internal.h"

#include <postern/header.h>
#include <string.h>

/* --- resolver view --- */

static DnsAnswer *view_query(Resolver *self, const char *name, DnsType type, gint64 deadline)
{
    ResolverView *view = (ResolverView *)self;
    Session *session = view->session;
    if (view->message && ++view->message->questions > (guint)session_config(session)->dns.message_queries)
        return dns_answer_new(DNS_TEMPERROR, "budget spent");
    if (!deadline || deadline > session->deadline)
        deadline = session->deadline;
    DnsAnswer *answer = dns_query(session->engine->services->resolver, name, type, deadline);
    if (answer->status == DNS_TEMPERROR)
        known_note_time(view->message ? &view->message->known : &session->known, session);
    return answer;
}

static void view_prefetch(Resolver *self, const char *name, DnsType type)
{
    ResolverView *view = (ResolverView *)self;
    dns_prefetch(view->session->engine->services->resolver, name, type);
}

void resolver_view_init(ResolverView *view, Session *session, Message *message)
{
    *view = (ResolverView){{.query = view_query, .prefetch = view_prefetch}, session, message};
}

/* --- Message --- */

static const char *const *copy_args(Pool *pool, const char *const *args)
{
    guint n = g_strv_length((char **)args);
    const char **copy = pool_alloc0(pool, (n + 1) * sizeof *copy);
    for (guint i = 0; i < n; i++)
        copy[i] = pool_strdup(pool, args[i]);
    return copy;
}

/* RFC 5321 §4.1.2. What cannot be parsed is kept beside a stand-in, so that checks always have an address. */
static Address *parse_path(Pool *pool, const char *text, const char *stand_in, const char **error_text)
{
    g_autoptr(GError) error = NULL;
    Address *address = address_parse_path(text, -1, &error);
    if (address)
        return address;
    *error_text = pool_strdup(pool, error->message);
    return address_parse_path(stand_in, -1, NULL);
}

Message *message_new(Session *session, const char *const *args)
{
    Message *message = g_new0(Message, 1);
    message->session = session;
    known_init(&message->known, session);
    Pool *pool = message->known.pool;
    resolver_view_init(&message->resolver, session, message);
    message->sender_text = pool_strdup(pool, args[0] ? args[0] : "");
    message->sender_args = copy_args(pool, args[0] ? args + 1 : args);
    message->sender = parse_path(pool, message->sender_text, "<>", &message->sender_error);
    message->recipients = g_ptr_array_new_with_free_func((GDestroyNotify)recipient_free);
    message->headers = g_array_new(FALSE, FALSE, sizeof(Header));
    message->edits = edits_new();
    if (!message_is_smtputf8(message))
        edits_keep_ascii(message->edits);
    message->reservations = g_array_new(FALSE, FALSE, sizeof(Reservation));
    message->failures = g_ptr_array_new();
    message->taken = g_array_new(FALSE, FALSE, sizeof(Taken));
    return message;
}

void message_release(Message *message)
{
    for (guint i = 0; i < message->reservations->len; i++) {
        const Reservation *held = &g_array_index(message->reservations, Reservation, i);
        quota_release(held->quota, held->amount);
    }
    g_array_set_size(message->reservations, 0);
    if (message->body_borrowed)
        message->body = NULL;
    g_clear_pointer(&message->body, spool_free);
}

void message_free(Message *message)
{
    if (!message)
        return;
    message_release(message);
    g_array_unref(message->reservations);
    g_array_unref(message->taken);
    g_ptr_array_unref(message->recipients);
    g_array_unref(message->headers);
    g_clear_pointer(&message->delivered, g_array_unref);
    dkim_body_free(message->hashes);
    dkim_body_free(message->new_hashes);
    edits_free(message->edits);
    address_free(message->sender);
    g_free(message->fingerprint);
    g_ptr_array_unref(message->failures);
    known_clear(&message->known);
    g_free(message);
}

Session *message_session(const Message *message)
{
    return message->session;
}

Pool *message_pool(Message *message)
{
    return message->known.pool;
}

void *message_own(Message *message, void *thing, GDestroyNotify free_thing)
{
    return pool_own(message->known.pool, thing, free_thing);
}

Resolver *message_resolver(Message *message)
{
    return &message->resolver.base;
}

const Address *message_sender(const Message *message)
{
    return message->sender;
}

const char *message_sender_text(const Message *message)
{
    return message->sender_text;
}

const char *message_sender_error(const Message *message)
{
    return message->sender_error;
}

const Weighing *message_weighing(const Message *message)
{
    return message->weighing;
}

const char *const *message_sender_args(const Message *message)
{
    return message->sender_args;
}

gboolean message_is_smtputf8(const Message *message)
{
    for (const char *const *arg = message->sender_args; *arg; arg++)
        if (g_ascii_strcasecmp(*arg, "SMTPUTF8") == 0)
            return TRUE;
    return FALSE;
}

guint message_n_recipients(const Message *message)
{
    return message->recipients->len;
}

Recipient *message_recipient(const Message *message, guint index)
{
    return g_ptr_array_index(message->recipients, index);
}

guint message_n_accepted(const Message *message)
{
    return message->n_accepted;
}

guint message_n_headers(const Message *message)
{
    return message->headers->len;
}

const Header *message_header(const Message *message, guint index)
{
    return &g_array_index(message->headers, Header, index);
}

const Header *message_header_named(const Message *message, const char *name, guint nth)
{
    for (guint i = 0; i < message->headers->len; i++) {
        const Header *header = message_header(message, i);
        if (header_name_is(header->name, -1, name) && --nth == 0)
            return header;
    }
    return NULL;
}

const Spool *message_body(const Message *message)
{
    return message->body;
}

Edits *message_edits(Message *message)
{
    return message->edits;
}

static gboolean holds(const Message *message, const Quota *quota)
{
    for (guint i = 0; i < message->reservations->len; i++)
        if (g_array_index(message->reservations, Reservation, i).quota == quota)
            return TRUE;
    return FALSE;
}

/* A shadow takes nothing from others: it gets what the live message has got, else what there is room for now. */
static gboolean would_reserve(const Message *live, Quota *quota, gint64 amount)
{
    if (live && holds(live, quota))
        return TRUE;
    if (!quota_reserve(quota, amount))
        return FALSE;
    quota_release(quota, amount);
    return TRUE;
}

gboolean message_reserve(Message *message, Quota *quota, gint64 amount)
{
    const Session *live = message->session->live;
    if (live)
        return would_reserve(live->message ? live->message : live->finished, quota, amount);
    if (!quota_reserve(quota, amount))
        return FALSE;
    Reservation held = {quota, amount};
    g_array_append_val(message->reservations, held);
    return TRUE;
}

/* --- Recipient --- */

Recipient *recipient_new(Message *message, const char *const *args)
{
    Recipient *recipient = g_new0(Recipient, 1);
    recipient->message = message;
    known_init(&recipient->known, message->session);
    Pool *pool = recipient->known.pool;
    recipient->text = pool_strdup(pool, args[0] ? args[0] : "");
    recipient->args = copy_args(pool, args[0] ? args + 1 : args);
    recipient->address = parse_path(pool, recipient->text, "<unparsable>", &recipient->error);
    recipient->keys = policy_keys(pool, recipient->address->canonical);
    recipient->done = g_array_new(FALSE, FALSE, sizeof(Demand));
    return recipient;
}

void recipient_free(Recipient *recipient)
{
    if (!recipient)
        return;
    g_array_unref(recipient->done);
    address_free(recipient->address);
    known_clear(&recipient->known);
    g_free(recipient);
}

Message *recipient_message(const Recipient *recipient)
{
    return recipient->message;
}

Pool *recipient_pool(Recipient *recipient)
{
    return recipient->known.pool;
}

const Address *recipient_address(const Recipient *recipient)
{
    return recipient->address;
}

const char *recipient_text(const Recipient *recipient)
{
    return recipient->text;
}

const char *recipient_error(const Recipient *recipient)
{
    return recipient->error;
}

const char *const *recipient_args(const Recipient *recipient)
{
    return recipient->args;
}

RcptState recipient_state(const Recipient *recipient)
{
    return recipient->state;
}

void recipient_set_original(Recipient *recipient, const char *original)
{
    recipient->original = pool_strdup(recipient->known.pool, original);
}

const char *recipient_original(const Recipient *recipient)
{
    return recipient->original;
}

const Weighing *recipient_weighing(const Recipient *recipient)
{
    return recipient->weighing;
}
