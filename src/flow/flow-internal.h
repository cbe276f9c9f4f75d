/* flow-internal.h — the structs of the flow, for the files of this folder only. */
#pragma once

#include <pthread.h>

#include "base/gauges.h"
#include "flow/engine.h"
#include "store/journal.h"

/* A header field costs this many bytes beside its text, so that a million empty ones have a limit too. */
#define HEADER_OVERHEAD 64
/* Findings of one session, message or recipient. Checks record a handful; a loop that records forever is a bug. */
#define FINDINGS_MAX 256
/* Weighings of one recipient in one stage: each carries out one demand, and a demand is carried out once. */
#define ROUNDS_MAX 16

#define EACH_CHECK(session, check)                                                                           \
    for (const Check **each_ = (session)->snapshot->checks, *check = *each_; check; check = *++each_)

typedef struct {
    void *fact;
    gboolean computing;
} Slot;

/* What a session, a message and a recipient have in common. */
typedef struct {
    Pool *pool;
    Slot *slots;         /* one a check */
    GPtrArray *findings; /* Finding, owned by the pool */
    gboolean late;       /* in a shadow: something was not answered for want of time (known_note_time()) */
} Known;

struct Snapshot {
    Refs refs;
    Config *config;
    Policy *policy;
    Snapshot *shadow;  /* [shadow] config, compiled; NULL: none */
    char *shadow_file; /* where it stands, even if it could not be read; NULL: none */
    const Tables *tables;
    const Check **checks; /* those that are wanted, in order; NULL ends */
    const Action **actions;
    guint available; /* VERB_BIT()s of demands that a wanted check carries out */
    guint unwanted_stages;
    gboolean judges_headers; /* somebody looks at them who may decide by them */
    gboolean keeps_body;
};

struct Engine {
    const Services *services;
    const Tables *tables;
    guint n_checks;
    pthread_mutex_t lock; /* of `current` */
    Snapshot *current;
    guint64 last_session; /* atomic */
    Gauges *gauges;       /* what sessions hold */
    Outages *outages;
    Quota bodies; /* bytes of all bodies that are held */
    MessageObserver observer;
    void *observer_data;
};

/* A resolver that knows whose question it is: the stage's deadline and the message's budget apply. */
typedef struct {
    Resolver base;
    Session *session;
    Message *message; /* NULL: asked by the session */
} ResolverView;

struct Session {
    Engine *engine;
    Snapshot *snapshot;
    Adapter adapter;
    Session *shadow; /* judges the same by [shadow] config, without effect; NULL: none */
    Session *live;   /* this one is the shadow of it; else NULL */
    guint64 id;
    Known known;
    ResolverView resolver;

    char *client_name; /* NULL: none that the MTA believes */
    char *ptr_name;    /* NULL: none */
    IpAddress ip;
    char ip_text[IP_STRING_MAX];
    guint port;
    char *helo;
    guint helos;
    gboolean helo_in_transaction;
    GHashTable *macros[STAGE_COUNT];

    Stage stage;
    gint64 deadline; /* monotonic, µs */
    guint demerits, settled_demerits;
    const char *demerits_why; /* the pool's */
    gboolean internal;        /* the client is one of ours */
    GPtrArray *held;          /* names of gauges, the pool's; NULL: none */
    StoreBatch *batch;        /* what settle hooks want to be remembered; NULL: nothing yet */
    gboolean store_away;      /* it could not say or do something for this session */
    Message *message;
    Message *finished; /* kept until the next call, for its edits and reply */
    guint64 messages;
};

typedef struct {
    Quota *quota;
    gint64 amount;
} Reservation;

/* What message_take() got. */
typedef struct {
    StoreTable table;
    const char *key; /* the message's */
    gint64 n;
} Taken;

struct Message {
    Session *session;
    Known known;
    ResolverView resolver;
    guint questions;

    Address *sender;
    const char *sender_text, *sender_error;
    const char *const *sender_args;
    GPtrArray *recipients; /* Recipient */
    gboolean rcpt_judged;  /* the first_rcpt hooks have run */
    guint n_accepted;
    const Weighing *weighing; /* at MAIL, if it was refused there; else NULL */
    Reply data_reply;         /* to DATA */
    char *fingerprint;        /* of the first accepted recipient, for `mixed = defer` */

    GArray *headers; /* Header */
    gsize header_bytes;
    gboolean headers_cut;
    gboolean headers_ended; /* the hooks of that stage have run */
    Spool *body;
    const char *body_error; /* why it could not be kept */
    gint64 size;            /* bytes of header and body, as far as the MTA has shown them */
    gboolean body_borrowed; /* it is the live message's; this is one of a shadow */
    DkimBody *hashes;       /* NULL: nobody wants one */
    guint signed_canons;    /* a bit each: message_want_hash() */
    DkimBody *new_hashes;   /* of an edited body; NULL: not asked for */
    GArray *delivered;      /* Header; message_delivered_header() */
    Edits *edits;
    GArray *reservations; /* Reservation */
    GArray *taken;        /* Taken */
    GPtrArray *failures;  /* strings of the pool: message_failed() */
    gboolean banned;      /* a BAN has been counted */
    gboolean over;        /* the last reply is fixed */
    gboolean passed;      /* and lets it through, to some at least */
};

struct Recipient {
    Message *message;
    Known known;
    Address *address;
    const char *text, *error;
    const char *const *args;
    const char *const *keys; /* policy_keys() */
    RcptState state;
    const char *refused;  /* the MTA's own words; NULL: it did not */
    Reply reply;          /* to RCPT */
    GArray *done;         /* Demand */
    const char *original; /* of a tag of ours; NULL: it bears none */
    const Weighing *weighing;
    Recipient *live; /* in a shadow: the same one where it has an effect */
};

/* Somebody looks at what comes in this stage. An MTA that cannot leave it out sends it all the same. */
gboolean snapshot_wants(const Snapshot *snapshot, Stage stage);

void known_init(Known *known, Session *session);
void known_clear(Known *known);
const void *known_fact(Known *known, const Session *session, const Check *check, void *of);
/* A shadow has only what the live session leaves of a step's time. When that is over, what it did not learn says nothing of its
 * configuration, and is never told as a difference: called after everything that may wait. */
void known_note_time(Known *known, const Session *session);
/* The fact if it has been computed, else NULL: for showing, never for deciding. */
const void *known_computed(const Known *known, guint check_index);
Finding *known_find(Known *known, const Check *check, FindingScope scope, Stage stage, Tag tag,
                    const char *subject, const char *format, va_list args) G_GNUC_PRINTF(7, 0);

Message *message_new(Session *session, const char *const *args);
void message_free(Message *message);
/* Gives back what the message holds of shared limits, its body's bytes included: it is over, only its edits are still
 * read. The connection may stay idle for hours before the next call. */
void message_release(Message *message);
Recipient *recipient_new(Message *message, const char *const *args);
void recipient_free(Recipient *recipient);

/* Is what this check found to be remembered? A shadow settles only what is its own. */
gboolean session_settles(const Session *session, const Check *check);
/* A step that is taken anew forgets what it and the steps that follow had been told. */
void session_forget_macros(Session *session, Stage from);

/* steps.c: one session's steps. session_connect() and the others of session.h drive them, and the shadow's after them. */
Reply step_connect(Session *session, const char *client_name, const IpAddress *ip, guint port);
Reply step_helo(Session *session, const char *helo);
Reply step_mail(Session *session, const char *const *args);
Reply step_rcpt(Session *session, const char *const *args, const char *refused);
Reply step_data(Session *session);
void step_header(Session *session, const char *name, const char *value);
void step_end_of_headers(Session *session);
void step_body(Session *session, const void *bytes, gsize len);
Reply step_end_of_message(Session *session, const Edits **edits);
void step_abort(Session *session);
Reply step_unknown(Session *session, const char *command);
void step_macros(Session *session, Stage stage, const char *const *pairs);

/* shadow.c: the second session, and what it would do otherwise, as lines in the log. Called once both have done the step. */
Session *shadow_new(Session *live);
void shadow_compare_mail(Session *live, const Reply *reply, const Reply *other);
void shadow_compare_rcpt(Recipient *shadow, const Reply *reply, const Reply *other);
void shadow_compare_message(Session *live, const Reply *reply, const Reply *other);

/* The body has passed; once, before the hooks of the last step. */
void message_end_hashes(Message *message);

/* Does what the settle hooks have collected. */
void session_commit(Session *session);
/* What session_hold() got. */
void session_release(Session *session);
/* Store-Away, if the store has failed since the last message. */
void find_store_away(Message *message);
/* An aborted message has used nothing: what it took goes back with the next commit. */
void message_give_back(Message *message);

/* Writes the message that is over into the journal, with the session's next commit (journal.c). */
void message_journal(Message *message, gboolean aborted, const Reply *reply);
/* Keeps a message that message_failed() was called for, if there is a place for it (failed.c). */
void keep_failed(Message *message);

LogSubject session_subject(const Session *session);
void resolver_view_init(ResolverView *view, Session *session, Message *message);

/* Weighs until there is an answer, carrying out demands on the way. `recipient` NULL: at MAIL. */
const Weighing *decide_recipient(Recipient *recipient, Stage stage);
Reply decide_mail(Message *message);
/* What the newest weighing means for this recipient's copy. */
typedef enum { END_PASS, END_REJECT, END_TEMPFAIL, END_DISCARD, END_QUARANTINE, END_HOLD, END_COUNT } End;
End end_of(const Recipient *recipient);
/* The answer for the whole message, recipients that end differently brought together (D11). */
Reply decide_message(Message *message);
/* The log line of a decision: its tag, the rule, the facts (D6). */
void explain(Session *session, Recipient *recipient, const Weighing *weighing);
/* "SPF-Fail at /etc/postern.conf:12", "by default"; the caller frees. */
char *rule_to_string(const Rule *rule);
void record_weighing(Record *record, const Weighing *weighing);
void log_end(Message *message, const Reply *reply);
