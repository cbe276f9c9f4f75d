/*
 * journal.h — what became of every message, for each recipient: kept in the store, to be searched, counted and explained (K4).
 *
 * A message is appended in the same batch as the other side effects of its end (store.h), so that its reply is not given
 * before it can be found. What is common to its recipients is kept once; each recipient has a row of its own.
 *
 * Ids are made by the store: they grow, and name a message for as long as it is kept.
 */
#pragma once

#include "store/store.h"

/* What became of a recipient's copy. Numbers are those of the file: new ones are added at the end. */
#define JOURNAL_ENDS(X)                                                                                      \
    X(ACCEPTED, "accepted")                                                                                  \
    X(REFUSED, "refused")         /* 5xx, at MAIL, RCPT or after DATA */                                     \
    X(DEFERRED, "deferred")       /* 4xx */                                                                  \
    X(GREYLISTED, "greylisted")   /* deferred by the greylist */                                             \
    X(QUARANTINED, "quarantined") /* kept here */                                                            \
    X(HELD, "held")               /* by the MTA */                                                           \
    X(DISCARDED, "discarded")                                                                                \
    X(UNKNOWN, "unknown") /* refused by the MTA itself */                                                    \
    X(ABORTED, "aborted") /* the sender went away */

typedef enum {
#define X(id, word) JOURNAL_##id,
    JOURNAL_ENDS(X)
#undef X
        JOURNAL_END_COUNT
} JournalEnd;

const char *journal_end_name(int end);
gboolean journal_end_parse(const char *word, JournalEnd *ret);

/* Strings are never NULL when they come from a store; NULL is "" when they go in. */
typedef struct {
    const char *rcpt;
    JournalEnd end;
    int code;            /* of the SMTP reply; 0: none of ours */
    const char *tag;     /* of the finding that decided: "SPF-Fail"; "": none */
    const char *subject; /* that it is about */
    const char *rule;    /* "spf-fail:example.com at /etc/postern/access:12" */
    const char *text;    /* of the reply, or the finding's sentence */
} JournalRecipient;

typedef struct {
    gint64 id;       /* made by the store */
    gint64 time;     /* s since 1970: end of message */
    guint64 session; /* our own id, as in the log */
    const char *queue_id;
    const char *client; /* IP address */
    const char *helo;
    const char *login;
    const char *sender; /* canonical; "" is the null sender */
    const char *sender_domain;
    const char *message_id;
    const char *subject;
    gint64 size;       /* bytes of header and body, as far as we saw them */
    gboolean outgoing; /* the client is ours */
    double score;
    const char *facts; /* all that was known, found and edited: one JSON object (flow/trace.h) */
    const JournalRecipient *recipients;
    guint n_recipients;
} JournalMessage;

/* Copies. The id is given when the batch is applied. */
void store_batch_journal(StoreBatch *batch, const JournalMessage *message);

/* What is not set (NULL, 0, -1 for `end`) does not matter. Words match whole, without case; a '*' in them stands for
 * anything. */
typedef struct {
    gint64 since, until; /* s since 1970; until is not included */
    gint64 id;
    const char *queue_id, *client, *helo, *login, *sender, *sender_domain, *rcpt, *message_id, *tag;
    const char *text; /* anywhere in the reply's text or the subject */
    int end;          /* JournalEnd; -1: any */
    gboolean oldest_first;
    guint limit; /* of recipients' rows; 0: none */
} JournalQuery;
#define JOURNAL_ANY ((JournalQuery){.end = -1})

/* One call a recipient that fits; `message` has that recipient alone, and facts only if `with_facts`. Ends when `each` returns
 * FALSE. `each` may not use the store. */
typedef gboolean (*JournalEach)(const JournalMessage *message, void *data);
StoreAnswer journal_search(Store *store, const JournalQuery *query, gboolean with_facts, JournalEach each,
                           void *data);

/* How many recipients' rows fit, counted by what `by` names; most frequent first. */
#define JOURNAL_COLUMNS(X)                                                                                   \
    X(CLIENT, "client")                                                                                      \
    X(HELO, "helo")                                                                                          \
    X(LOGIN, "login")                                                                                        \
    X(SENDER, "sender")                                                                                      \
    X(DOMAIN, "domain") /* of the sender */                                                                  \
    X(RCPT, "rcpt")                                                                                          \
    X(TAG, "tag")                                                                                            \
    X(END, "end")                                                                                            \
    X(RULE, "rule")                                                                                          \
    X(DAY, "day")   /* UTC, "2026-11-23" */                                                                  \
    X(HOUR, "hour") /* UTC, "2026-11-23T05" */
typedef enum {
#define X(id, word) JOURNAL_BY_##id,
    JOURNAL_COLUMNS(X)
#undef X
        JOURNAL_COLUMN_COUNT
} JournalColumn;
const char *journal_column_name(int column);
gboolean journal_column_parse(const char *word, JournalColumn *ret);

typedef gboolean (*JournalCount)(const char *value, gint64 n, void *data);
StoreAnswer journal_top(Store *store, JournalColumn by, const JournalQuery *query, JournalCount each,
                        void *data);

/* Removes up to `max` messages older than `before`; how many; -1: away. */
gint64 journal_expire(Store *store, gint64 before, guint max);
