/*
 * limits.h — [limits] as a table: how much who may send (A9).
 *
 *     NAME = COUNT UNIT [per TIME] by KEY [inbound | outbound]
 *
 *     login-day = 500 recipients per 1d by login outbound
 *     burst     = 100 messages per 10m by client inbound
 *     open      = 20 connections by client
 *
 * Without a time it is how many at once, which is for connections only. Outbound is mail of our own clients and logins. Immutable;
 * any thread.
 */
#pragma once

#include "conf/config.h"

#define LIMIT_UNITS(X)                                                                                       \
    X(CONNECTIONS, "connections") /* that begin a message */                                                 \
    X(MESSAGES, "messages")                                                                                  \
    X(RECIPIENTS, "recipients")

#define LIMIT_KEYS(X)                                                                                        \
    X(CLIENT, "client")   /* address; IPv6: its /64 */                                                       \
    X(NETWORK, "network") /* /24; IPv6: /64 */                                                               \
    X(SENDER, "sender")                                                                                      \
    X(DOMAIN, "domain") /* of the sender */                                                                  \
    X(LOGIN, "login")                                                                                        \
    X(RECIPIENT, "recipient")

#define LIMIT_WAYS(X)                                                                                        \
    X(BOTH, "both")                                                                                          \
    X(INBOUND, "inbound")                                                                                    \
    X(OUTBOUND, "outbound")

typedef enum {
#define X(id, word) LIMIT_##id,
    LIMIT_UNITS(X)
#undef X
} LimitUnit;

typedef enum {
#define X(id, word) LIMIT_BY_##id,
    LIMIT_KEYS(X)
#undef X
} LimitKey;

typedef enum {
#define X(id, word) LIMIT_##id,
    LIMIT_WAYS(X)
#undef X
} LimitWay;

typedef struct {
    const char *name; /* the configuration's */
    gint64 count;
    LimitUnit unit;
    int window; /* s; 0: at once */
    LimitKey key;
    LimitWay way;
    const char *words; /* "500 recipients per 1d by login outbound" */
} Limit;

struct LimitList {
    guint n;
    Limit *limits;
};

/* Of config->policy.limits; lines that are none are errors in `problems`. */
LimitList *limits_new(const ConfigPairs *pairs, const char *path, Problems *problems);
void limits_free(LimitList *limits); /* NULL is allowed */
