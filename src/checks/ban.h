/* ban.h — who is banned, and who never is (A3, A6). */
#pragma once

#include "flow/flow.h"

typedef struct {
    const char *key; /* the client as it is banned */
    const char *why; /* NULL: it is not */
    const char *by;  /* "banned_ips", or "store" */
    int left;        /* s until it ends; 0: never, or not known */
} BanFact;

const BanFact *ban_fact(Session *session);
/* Ours, relays that we trust, whitelist_ips: nothing that they do counts. */
gboolean ban_never(Session *session);
/* Bans the client from the end of this step on. In settle hooks only. */
void ban_client(Session *session, gint64 number, const char *why);
