/*
 * quarantine.h — messages that are kept instead of delivered, and must not be lost: a directory with two
 * files each.
 *
 *     20261123T053940-7f3a90c1d2e4b586.eml     the message as it would have been delivered, with CRLF
 *     20261123T053940-7f3a90c1d2e4b586.json    who, to whom, why: one line, see QuarantineEntry
 *
 * The id is both names' stem; ids sort by time. A message is there when its .eml is: both are written under
 * other names, synced, and renamed, .eml last, and the directory is synced before quarantine_put() returns.
 * What a crash leaves behind is removed at the next open. Directory 0700, files 0600.
 *
 * Full (bytes, messages, or the disk) is an error, so that the message is refused for a time and never
 * silently lost, unless `expire_oldest` says that room is made by removing the oldest.
 *
 * Errors, in the domain of GIOError: G_IO_ERROR_NO_SPACE (full), G_IO_ERROR_NOT_FOUND (no such message),
 * G_IO_ERROR_INVALID_ARGUMENT (not an id), others as the system says.
 *
 * Threads: any. Several processes may have one directory open (the daemon and the command line); each keeps
 * the limits by its own count.
 */
#pragma once

#include <glib.h>
#include "base/record.h"
#include "base/spool.h"

/* 0: no limit of that kind. */
typedef struct {
    gint64 bytes; /* of all files together */
    gint64 messages;
    gint64 age;             /* s; quarantine_expire() removes what is older */
    gboolean expire_oldest; /* full: make room instead of failing; one message has at most a quarter of
                               `bytes` then */
} QuarantineLimits;

/* What is known of the message; what is NULL or 0 is left out. */
typedef struct {
    gint64 time;     /* s since 1970 */
    guint64 session; /* our own id, as in the log */
    const char *queue_id;
    const char *client;       /* IP address */
    const char *sender;       /* "" is the null sender */
    const char *const *rcpts; /* those for whom it is kept; NULL-terminated */
    const char *tag;          /* of the finding that decided: "SPF-Fail" */
    const char *reason;       /* its sentence */
    const char *rule;         /* where the rule stands that gave the verb, and its key */
    const char *rule_key;
    const Record *trace; /* all that is known */
} QuarantineEntry;

typedef struct {
    char *id;
    gint64 size; /* bytes of both files */
} QuarantineItem;

typedef struct {
    gint64 messages, bytes;
} QuarantineUse;

typedef struct Quarantine Quarantine;

/* Makes the directory if it is not there (its parent must be). One that others may enter is refused, not changed. */
Quarantine *quarantine_open(const char *dir, const QuarantineLimits *limits, GError **error);
void quarantine_free(Quarantine *quarantine); /* NULL is allowed */

/* Keeps `head` (header fields, each with its CRLF), the empty line and the body (NULL: none). The id, the
 * caller's, once all is on the disk; or NULL, and nothing is left of it. */
char *quarantine_put(Quarantine *quarantine, const QuarantineEntry *entry, const char *head, gsize head_len,
                     const Spool *body, GError **error);

/* QuarantineItem *, oldest first, as this process knows them; the caller's. */
GPtrArray *quarantine_list(Quarantine *quarantine);
/* The sidecar's line and the message; either may be NULL. The caller's. */
gboolean quarantine_read(Quarantine *quarantine, const char *id, char **ret_json, GBytes **ret_message,
                         GError **error);
gboolean quarantine_remove(Quarantine *quarantine, const char *id, GError **error);
/* Removes what is older than the limit says. The number of messages. */
guint quarantine_expire(Quarantine *quarantine, gint64 now); /* s since 1970 */
QuarantineUse quarantine_use(Quarantine *quarantine);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Quarantine, quarantine_free)
