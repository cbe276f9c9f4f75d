/*
 * wire-mta.h — the MTA's side of the milter protocol: commands out, actions in. For tests, the scripted MTA
 * (mta.h) and load generators; the daemon has no use for it. The counterpart is src/mta/wire.h, whose reader
 * it uses.
 */
#pragma once

#include "mta/wire.h"

/* All append one packet to `out`. */
void wire_mta_put(GString *out, WireCommandKind kind, const void *payload, gsize len);
void wire_mta_put_negotiate(GString *out, guint32 version, guint32 actions, guint32 protocol);
/* HELO, UNKNOWN, HEADER, MAIL, RCPT: strings, ended by NULL. */
void wire_mta_put_strings(GString *out, WireCommandKind kind, const char *const *strings);
/* name, value, …, NULL; names as the MTA writes them, "{client_addr}" or "j". */
void wire_mta_put_macros(GString *out, WireCommandKind macro_for, const char *const *pairs);
/* `address` NULL: family unknown. */
void wire_mta_put_connect(GString *out, const char *host, WireFamily family, guint16 port,
                          const char *address);

typedef struct {
    WireActionKind kind;
    guint32 version, actions, protocol; /* NEGOTIATE */
    guint32 index;                      /* INSERT_HEADER, CHANGE_HEADER */
    const char *args[2];                /* strings, or NULL */
    const guint8 *bytes;                /* the rest: body, lists of macros */
    gsize len;
} WireMtaAction;

/* FALSE: malformed. Strings point into the packet. */
gboolean wire_mta_parse(const WirePacket *packet, WireMtaAction *ret);
/* TRUE: this ends the answer to a command; FALSE: an edit or a sign of life, more follows. */
gboolean wire_mta_is_final(const WireMtaAction *action);
/* One line: "continue", "550 5.7.1 no", "insert header 0 Name: value". Lines within are joined by "|", other
 * control characters are shown as \xNN. The caller frees. */
char *wire_mta_to_text(const WireMtaAction *action);
