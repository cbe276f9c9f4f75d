/*
 * dnsbl.h — [dnsbl] as a table: whom to ask whether a client, a sender's domain or a HELO name is listed (A8; RFC 5782).
 *
 *     NAME = ZONE [by client|sender|helo] [white] [text] [: ANSWER VERB, ANSWER VERB, …]
 *
 *     zen   = zen.dnsbl.example: 127.0.0.2-3 REJECT, 127.0.0.4-7 SCORE:4, 127.0.0.* OK
 *     dbl   = dbl.dnsbl.example by sender text: 127.0.1.2-99 REJECT
 *     dnswl = list.dnswl.example white: 127.0.*.2-3 WHITELIST, * SCORE:-1
 *
 * Of an answer the first rule counts that fits; one that fits none means nothing. Without rules every answer has the verb
 * of the tag (DNSBL or, `white`, DNSWL). `text` puts the list's TXT record into replies. A part of ANSWER is a number, two
 * with a dash, or `*`; `*` alone is every answer.
 *
 * What a verb is knows the policy, which compiles these rules. Immutable; any thread.
 */
#pragma once

#include "conf/config.h"

#define DNSBL_LISTS_MAX 20 /* each costs a question a message, and may cost findings */
#define DNSBL_RULES_MAX 64 /* of one list */

#define DNSBL_KEYS(X)                                                                                        \
    X(CLIENT, "client") /* address, reversed */                                                              \
    X(SENDER, "sender") /* domain */                                                                         \
    X(HELO, "helo")

typedef enum {
#define X(id, word) DNSBL_BY_##id,
    DNSBL_KEYS(X)
#undef X
} DnsblKey;

typedef struct {
    char *answer; /* as written */
    guint8 low[4], high[4];
    char *verb; /* as written */
} DnsblRule;

typedef struct {
    const char *name; /* the configuration's; strangers are told this one, for a zone may hold a secret key */
    char *zone;
    DnsblKey key;
    gboolean white, text;
    guint line;
    GArray *rules; /* DnsblRule; empty: every answer has the verb of the tag */
} Dnsbl;

struct DnsblList {
    guint n;
    Dnsbl *lists;
};

/* Of config->policy.dnsbl; lines that are none are errors in `problems`. */
DnsblList *dnsbl_new(const ConfigPairs *pairs, const char *path, Problems *problems);
void dnsbl_free(DnsblList *list); /* NULL is allowed */
/* The rule for an answer; NULL: none. */
const DnsblRule *dnsbl_rule(const Dnsbl *list, const guint8 answer[static 4]);
