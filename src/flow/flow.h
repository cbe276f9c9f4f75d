/*
 * flow.h — what a transaction is, what is known about it, what was found. Checks and actions stand on this header.
 *
 * The story of a message. An MTA connects: a Session begins, with the snapshot of the configuration that is current
 * at that moment. MAIL begins a Message, each RCPT a Recipient. At every step the hooks of the checks run, in the
 * order of the table of checks; they record findings. Then the findings are weighed (policy/weigh.h):
 *
 *   connect, HELO   never answered with a refusal: a roaming user must still be able to authenticate;
 *   MAIL            weighed only without `delayed_reject`;
 *   RCPT            weighed for this recipient: its reply is fixed here, and the recipient is settled;
 *   end of message  weighed for each recipient that was accepted; then the answers are brought together (D11).
 *
 * A weighing can demand work (callback, greylist). The check that declares it can carry it out does so, records what
 * it found, and the flow weighs again, until there is an answer. When the message passes, the actions run, in the
 * order of their table, and collect edits; the adapter applies them.
 *
 * Nothing is written anywhere before the answer is known. Side effects come in settle hooks: a recipient's when its
 * reply is fixed, a message's before the last reply, a session's when it closes. A message that is aborted settles
 * too, marked so: what was counted stays, what would be learned is dropped. Exact limits are reserved, and given
 * back on abort.
 *
 * A fact is computed once, when it is first asked for, and lives as long as what it is about:
 *
 *     const SpfFact *spf_fact(Message *m) { return message_fact(m, &check_spf); }
 *
 * All of a session is driven by one thread. What is returned as `const char *` lives as long as the session, message
 * or recipient that it was asked of.
 */
#pragma once

#include <postern/address.h>
#include <postern/authres.h>
#include <postern/dkim-canon.h>
#include <postern/ip.h>
#include <postern/resolver.h>

#include "base/clock.h"
#include "base/outage.h"
#include "base/pool.h"
#include "base/quota.h"
#include "base/random.h"
#include "base/record.h"
#include "base/spool.h"
#include "conf/config.h"
#include "flow/edits.h"
#include "flow/session.h"
#include "policy/weigh.h"
#include "store/store.h"

typedef struct Message Message;
typedef struct Recipient Recipient;
typedef struct Check Check;

/* --- Session: connect to close --- */

const Config *session_config(const Session *session);
Pool *session_pool(Session *session);
const Clock *session_clock(const Session *session);
Random *session_random(const Session *session);
DkimKeyCache *session_keys(const Session *session); /* public keys of strangers; may be NULL */
/* Answers count against no message; each question has the time that is left of this stage. */
Resolver *session_resolver(Session *session);
/* g_get_monotonic_time() at which the hooks of this stage must be done, in µs. */
gint64 session_deadline(const Session *session);
/* The same, but no later than so many seconds from now: what one kind of look-up may take of the stage's time. */
gint64 session_deadline_within(const Session *session, int seconds);
/* Keeps the MTA waiting while a hook works on; only at end of message, elsewhere nothing. */
void session_progress(Session *session);

const IpAddress *session_ip(const Session *session); /* IP_NONE when the MTA did not say */
const char *session_ip_text(const Session *session); /* "" when unknown */
guint session_port(const Session *session);
/* The client's name that the MTA believes, since it leads back to the address; NULL: none. */
const char *session_client_name(const Session *session);
/* What the client's PTR record says, believed or not (macro client_ptr, else the name above); NULL: none. */
const char *session_ptr_name(const Session *session);
const char *session_helo_name(const Session *session); /* NULL before HELO */
/* The newest HELO came while a message was open (A5). FALSE where the MTA does not let us tell that from RSET before it: only
 * Postfix does. */
gboolean session_helo_in_transaction(const Session *session);
/* The newest value, e.g. "client_name", "daemon_port", "j"; NULL: the MTA did not give it. */
const char *session_macro(const Session *session, const char *name);
/* Our own host name: macro j, else the host's. */
const char *session_receiver(const Session *session);
/* The login of SMTP AUTH (macro auth_authen), or NULL. A new HELO, as after STARTTLS, forgets it. */
const char *session_login(const Session *session);
/* An internal client, says the check that knows: actions know no checks. */
void session_set_internal(Session *session, gboolean internal);
/* Internal, or logged in: our own people. */
gboolean session_is_ours(const Session *session);
Message *session_message(const Session *session); /* NULL between messages */

const void *session_fact(Session *session, const Check *check);
/* A finding about the client or its HELO. `subject` is what rules are looked up by. */
Finding *session_find(Session *session, const Check *check, Tag tag, const char *subject, const char *format,
                      ...) G_GNUC_PRINTF(5, 6);
/* Takes back this check's findings about the session: it looks again, as after a second HELO. */
void session_forget(Session *session, const Check *check);
/* Marks against the client; over `max_demerits` the rest of the session is refused. */
void session_add_demerits(Session *session, guint n, const char *why);
guint session_demerits(const Session *session);
/* What the newest were for; NULL: there are none. */
const char *session_demerits_why(const Session *session);
/* Those that have come since it was last called: whoever counts them elsewhere, in settle hooks, calls it. */
guint session_settle_demerits(Session *session);
void session_log(Session *session, LogLevel level, const char *tag, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* --- What is remembered --- */

/*
 * Checks ask at any time, and change what is remembered in their settle hooks only, by the session's batch: the flow commits
 * it as one step, after the hooks and before the reply goes out. A shadow and what is judged offline change nothing. A store
 * that is away has nothing and keeps nothing; that it was is found as Store-Away, and the log has said why.
 */
gboolean session_remembers(const Session *session); /* there is a store at all */
/* What would be written now would be kept: who makes a sender come back must be able to know him again. */
gboolean session_can_remember(Session *session);
gint64 session_now(const Session *session); /* s since 1970 */
StoreAnswer session_recall(Session *session, Pool *pool, StoreTable table, const char *key,
                           StoreEntry *entry);
StoreAnswer session_recall_first(Session *session, Pool *pool, StoreTable table, const char *const *keys,
                                 StoreEntry *entry, guint *ret_index);
/* store_take() in `window` seconds, at once and exactly; not given back. Changes nothing in a shadow or offline. Without a store,
 * STORE_NO. */
StoreAnswer session_take(Session *session, StoreTable table, const char *key, gint64 n, gint64 limit,
                         int window, gint64 *ret_used);
/* One of `limit` of that name until the session ends: how many at once. FALSE: there are as many. */
gboolean session_hold(Session *session, const char *name, gint64 limit);
/* Who does not answer, for all sessions. */
Outages *session_outages(Session *session);
/* In settle hooks only. */
StoreBatch *session_batch(Session *session);

/* --- Message: MAIL to end of message or abort --- */

Session *message_session(const Message *message);
Pool *message_pool(Message *message);
/* Frees `thing` with the message. */
void *message_own(Message *message, void *thing, GDestroyNotify free_thing);
/* As session_resolver(), and counted: over [dns] message_queries every answer is DNS_TEMPERROR "budget spent". */
Resolver *message_resolver(Message *message);

/* The envelope sender. When it could not be parsed (message_sender_error() says why), a null sender stands in. */
const Address *message_sender(const Message *message);
const char *message_sender_text(const Message *message);        /* as the MTA sent it */
const char *message_sender_error(const Message *message);       /* NULL: it was fine */
const char *const *message_sender_args(const Message *message); /* ESMTP arguments */
/* The whole message is UTF-8 (SMTPUTF8 among the arguments, RFC 6531 §3.4): our own fields may be so too. */
gboolean message_is_smtputf8(const Message *message);

guint message_n_recipients(const Message *message);
Recipient *message_recipient(const Message *message, guint index);
guint message_n_accepted(const Message *message);

typedef struct {
    const char *name;
    const char *value; /* as received: leading blank, "\n" before continuation lines */
} Header;
guint message_n_headers(const Message *message);
const Header *message_header(const Message *message, guint index);
/* The nth field of that name, 1 is the topmost; NULL: there are fewer. */
const Header *message_header_named(const Message *message, const char *name, guint nth);
/* The body so far, CRLF line ends; NULL unless a copy of the message may be wanted: hooks see it pass. */
const Spool *message_body(const Message *message);
Edits *message_edits(Message *message);

/*
 * What signatures are made and verified over.
 *
 * Hashes of the body are made while it passes, each canonical form once for all who want it. Who will need one says so in
 * the hook at the end of the header, not later: a verifier asks the set itself (dkim_body_want()), a signer, who wants the
 * whole body as it will be delivered, message_want_hash(). At end of message both are there.
 */
DkimBody *message_hashes(Message *message);
void message_want_hash(Message *message, DkimCanon canon);
gboolean message_has_hash(const Message *message, DkimCanon canon);
const DkimBody *message_delivered_hashes(Message *message);
/* The header as it would be delivered with the edits collected so far, without what the MTA itself adds; values begin with
 * the blank that the MTA puts after the colon. Owned by the message, and right until the next edit. Of Header. */
const GArray *message_delivered_header(Message *message);

const void *message_fact(Message *message, const Check *check);
Finding *message_find(Message *message, const Check *check, Tag tag, const char *subject, const char *format,
                      ...) G_GNUC_PRINTF(5, 6);
gboolean message_has_finding(const Message *message, Tag tag);
/* Those about the session and the message, in the order in which they were found. */
guint message_n_findings(const Message *message);
const Finding *message_finding(const Message *message, guint index);
/* Takes `amount` of a shared limit until the message is over. FALSE: the limit is reached. */
gboolean message_reserve(Message *message, Quota *quota, gint64 amount);
/* Takes `n` of what is allowed in `window` seconds (store_take()), at once and exactly; given back if the message is aborted.
 * Without a store, all is allowed. */
StoreAnswer message_take(Message *message, StoreTable table, const char *key, gint64 n, gint64 limit,
                         int window, gint64 *ret_used);
/* Of MAIL, if the message was refused there; else NULL. */
const Weighing *message_weighing(const Message *message);
/* Something that is our fault kept `by` (a check, or a part of the flow) from its work: a body that cannot be read, a value
 * that cannot be. A look-up that failed in the world is none. It is logged, named in the journal, and the message is kept
 * with its trace in [journal] failed_dir. What becomes of the message is another question: find something. */
void message_failed(Message *message, const char *by, const char *format, ...) G_GNUC_PRINTF(3, 4);
void message_log(Message *message, LogLevel level, const char *tag, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* --- Recipient --- */

typedef enum {
    RCPT_OPEN,     /* being judged */
    RCPT_ACCEPTED, /* RCPT was answered 250 */
    RCPT_REFUSED,  /* by us, at RCPT */
    RCPT_UNKNOWN,  /* by the MTA */
} RcptState;

Message *recipient_message(const Recipient *recipient);
Pool *recipient_pool(Recipient *recipient);
/* When it could not be parsed (recipient_error() says why), an address without domain stands in. */
const Address *recipient_address(const Recipient *recipient);
const char *recipient_text(const Recipient *recipient); /* as the MTA sent it */
const char *recipient_error(const Recipient *recipient);
const char *const *recipient_args(const Recipient *recipient);
RcptState recipient_state(const Recipient *recipient);
/* Said by the check that knows: the address, on the wire, that this one stands for, since we have rewritten or signed it (H2). */
void recipient_set_original(Recipient *recipient, const char *original);
const char *recipient_original(const Recipient *recipient); /* NULL: none */
/* The newest weighing for this recipient; NULL before the first. */
const Weighing *recipient_weighing(const Recipient *recipient);
/* In settle hooks of the message: it has been accepted for this recipient, and goes to him as far as we are concerned; not
 * into a quarantine, nor into the MTA's own. */
gboolean recipient_gets_it(const Recipient *recipient);

const void *recipient_fact(Recipient *recipient, const Check *check);
/* The fact, if it has been asked for, else NULL: what nobody asked is not settled. */
const void *recipient_asked(const Recipient *recipient, const Check *check);
Finding *recipient_find(Recipient *recipient, const Check *check, Tag tag, const char *subject,
                        const char *format, ...) G_GNUC_PRINTF(5, 6);

/* --- Findings --- */

/* A temporary finding: what it may still turn out to be. TAG_COUNT ends. */
void finding_may_become(Finding *finding, ...);
/* It proves somebody else than the envelope sender, such as the author (finding.h). */
void finding_prove_another(Finding *finding);
/* Other look-up keys than those of the subject, most specific first; NULL ends. Copied. */
void finding_set_keys(Finding *finding, Pool *pool, const char *const *keys);
