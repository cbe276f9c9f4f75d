/*
 * wire.h — the milter protocol as a pure codec: bytes ↔ commands. No sockets, no session, no log.
 *
 * The protocol has no RFC. What is written here was read off the two MTAs: versions 2 to 6, as Sendmail 8.12
 * … 8.18 and Postfix 2.3 … 3.11 speak them. A packet is a length (32 bits, network order, letter included), a
 * letter, a payload.
 *
 *     WireReader *reader = wire_reader_new(WIRE_FROM_MTA);
 *     void *room = wire_reader_room(reader, &len);           read(2) into it, then
 *     wire_reader_filled(reader, got);
 *     while (wire_reader_next(reader, &packet) == WIRE_READY) {
 *         if (!wire_parse_command(&packet, &command))
 *             …                                              command.error says what is wrong; close
 *
 * A WirePacket and all strings of a WireCommand point into the reader's buffer: they are good until the next
 * wire_reader_room(). Nothing is allocated for a command. The reader's buffer grows with what has really
 * arrived, not with what a peer has announced: of that no more is believed than a chunk of a body, once 4 KiB of
 * it are there.
 *
 * Everything that we send is appended to a GString. One thread each; no globals.
 *
 * The MTA's side — commands out, actions in — is tests/fakes/wire-mta.h: only tests and benchmarks need it.
 */
#pragma once

#include <glib.h>
#include "policy/reply.h"

#define WIRE_VERSION_MIN 2 /* version 1 knew no OPTNEG answer worth the name; both MTAs refuse it */
#define WIRE_VERSION_MAX 6

/* Commands, MTA → filter: letter, word, what the payload is at most. Strings an SMTP client sends are bounded
 * by the MTA to a few KiB; header fields are not (Postfix: header_size_limit, Sendmail: MaxHeadersLength may
 * be off), and body chunks are 65535 bytes unless 1 MiB packets were negotiated. */
#define WIRE_LINE_MAX   (64 * 1024)
#define WIRE_MACROS_MAX (256 * 1024)
#define WIRE_BODY_MAX   (1024 * 1024)
#define WIRE_HEADER_MAX (2 * 1024 * 1024)

#define WIRE_COMMANDS(X)                                                                                     \
    X(ABORT, 'A', "abort", WIRE_LINE_MAX)                                                                    \
    X(BODY, 'B', "body", WIRE_BODY_MAX)                                                                      \
    X(CONNECT, 'C', "connect", WIRE_LINE_MAX)                                                                \
    X(MACRO, 'D', "macros", WIRE_MACROS_MAX)                                                                 \
    X(BODYEOB, 'E', "end of body", WIRE_BODY_MAX)                                                            \
    X(HELO, 'H', "helo", WIRE_LINE_MAX)                                                                      \
    X(QUIT_NC, 'K', "quit, new connection", WIRE_LINE_MAX)                                                   \
    X(HEADER, 'L', "header", WIRE_HEADER_MAX)                                                                \
    X(MAIL, 'M', "mail", WIRE_LINE_MAX)                                                                      \
    X(EOH, 'N', "end of headers", WIRE_LINE_MAX)                                                             \
    X(OPTNEG, 'O', "negotiate", WIRE_LINE_MAX)                                                               \
    X(QUIT, 'Q', "quit", WIRE_LINE_MAX)                                                                      \
    X(RCPT, 'R', "rcpt", WIRE_LINE_MAX)                                                                      \
    X(DATA, 'T', "data", WIRE_LINE_MAX)                                                                      \
    X(UNKNOWN, 'U', "unknown command", WIRE_LINE_MAX)

/* Answers and edits, filter → MTA: letter, word. */
#define WIRE_ACTIONS(X)                                                                                      \
    X(ADD_RCPT, '+', "add recipient")                                                                        \
    X(DELETE_RCPT, '-', "delete recipient")                                                                  \
    X(ADD_RCPT_PAR, '2', "add recipient with arguments")                                                     \
    X(SHUTDOWN, '4', "shutdown")                                                                             \
    X(NEGOTIATE, 'O', "negotiate")                                                                           \
    X(ACCEPT, 'a', "accept")                                                                                 \
    X(REPLACE_BODY, 'b', "replace body")                                                                     \
    X(CONTINUE, 'c', "continue")                                                                             \
    X(DISCARD, 'd', "discard")                                                                               \
    X(CHANGE_SENDER, 'e', "change sender")                                                                   \
    X(CONN_FAIL, 'f', "fail the connection")                                                                 \
    X(ADD_HEADER, 'h', "add header")                                                                         \
    X(INSERT_HEADER, 'i', "insert header")                                                                   \
    X(SET_MACROS, 'l', "set list of macros")                                                                 \
    X(CHANGE_HEADER, 'm', "change header")                                                                   \
    X(PROGRESS, 'p', "progress")                                                                             \
    X(QUARANTINE, 'q', "quarantine")                                                                         \
    X(REJECT, 'r', "reject")                                                                                 \
    X(SKIP, 's', "skip")                                                                                     \
    X(TEMPFAIL, 't', "tempfail")                                                                             \
    X(REPLY_CODE, 'y', "reply")

typedef enum {
#define X(id, letter, word, max) WIRE_COMMAND_##id = letter,
    WIRE_COMMANDS(X)
#undef X
} WireCommandKind;

typedef enum {
#define X(id, letter, word) WIRE_ACTION_##id = letter,
    WIRE_ACTIONS(X)
#undef X
} WireActionKind;

/* What a filter may do to a message (the `actions` of OPTNEG). */
typedef enum {
    WIRE_MAY_ADD_HEADERS = 1 << 0,
    WIRE_MAY_CHANGE_BODY = 1 << 1,
    WIRE_MAY_ADD_RCPT = 1 << 2,
    WIRE_MAY_DELETE_RCPT = 1 << 3,
    WIRE_MAY_CHANGE_HEADERS = 1 << 4,
    WIRE_MAY_QUARANTINE = 1 << 5,
    WIRE_MAY_CHANGE_SENDER = 1 << 6,
    WIRE_MAY_ADD_RCPT_PAR = 1 << 7,
    WIRE_MAY_SET_MACROS = 1 << 8,
} WireActions;

/* What goes over the wire (the `protocol` of OPTNEG). NO_: the MTA shall not send it; QUIET_: it shall not
 * wait for an answer, and gets none. */
typedef enum {
    WIRE_NO_CONNECT = 1 << 0,
    WIRE_NO_HELO = 1 << 1,
    WIRE_NO_MAIL = 1 << 2,
    WIRE_NO_RCPT = 1 << 3,
    WIRE_NO_BODY = 1 << 4,
    WIRE_NO_HEADERS = 1 << 5,
    WIRE_NO_EOH = 1 << 6,
    WIRE_QUIET_HEADERS = 1 << 7,
    WIRE_NO_UNKNOWN = 1 << 8,
    WIRE_NO_DATA = 1 << 9,
    WIRE_SKIP = 1 << 10,     /* the MTA understands "skip" as the answer to a body chunk */
    WIRE_RCPT_REJ = 1 << 11, /* recipients that the MTA has refused are sent too */
    WIRE_QUIET_CONNECT = 1 << 12,
    WIRE_QUIET_HELO = 1 << 13,
    WIRE_QUIET_MAIL = 1 << 14,
    WIRE_QUIET_RCPT = 1 << 15,
    WIRE_QUIET_DATA = 1 << 16,
    WIRE_QUIET_UNKNOWN = 1 << 17,
    WIRE_QUIET_EOH = 1 << 18,
    WIRE_QUIET_BODY = 1 << 19,
    WIRE_LEAD_SPACE = 1 << 20, /* header values keep the blank after the colon, both ways */
} WireProtocol;

/* Numbers of the steps in a list of macros. Postfix and Sendmail agree; the filter library of Sendmail up
 * to 8.17.1 mixed the last two up on receipt, so whoever asks for the same macros at both is right
 * everywhere. */
typedef enum {
    WIRE_MACROS_CONNECT,
    WIRE_MACROS_HELO,
    WIRE_MACROS_MAIL,
    WIRE_MACROS_RCPT,
    WIRE_MACROS_DATA,
    WIRE_MACROS_EOM,
    WIRE_MACROS_EOH,
} WireMacroStep;

/* Word of a letter, for the log; NULL: no such command, no such action. */
const char *wire_command_name(guint8 letter);
const char *wire_action_name(guint8 letter);

/* ---- packets out of a stream ---- */

typedef struct WireReader WireReader;

typedef enum {
    WIRE_FROM_MTA,    /* commands: each has its own limit */
    WIRE_FROM_FILTER, /* actions: WIRE_HEADER_MAX */
} WireDirection;

typedef enum {
    WIRE_MORE,  /* no whole packet yet */
    WIRE_READY, /* *ret is one */
    WIRE_BAD,   /* this is no milter talk; wire_reader_error() says why. It stays so */
} WireStatus;

typedef struct {
    guint8 letter;
    const guint8 *data; /* into the reader's buffer */
    gsize len;
} WirePacket;

WireReader *wire_reader_new(WireDirection direction);
void wire_reader_free(WireReader *reader); /* NULL is allowed */
/* Where the next bytes of the stream go, at least one. Packets taken before become invalid. */
void *wire_reader_room(WireReader *reader, gsize *len);
void wire_reader_filled(WireReader *reader, gsize len);
WireStatus wire_reader_next(WireReader *reader, WirePacket *ret);
/* TRUE: nothing is left over, the peer is between two packets. */
gboolean wire_reader_is_empty(const WireReader *reader);
/* Between two packets: gives memory back that a large packet has taken. */
void wire_reader_shrink(WireReader *reader);
const char *wire_reader_error(const WireReader *reader);

/* ---- commands of an MTA ---- */

/* Strings in one packet: Sendmail sends at most 50 macros a step, Postfix fewer. */
#define WIRE_ARGS_MAX 256

typedef enum {
    WIRE_FAMILY_UNKNOWN = 'U',
    WIRE_FAMILY_UNIX = 'L',
    WIRE_FAMILY_INET = '4',
    WIRE_FAMILY_INET6 = '6'
} WireFamily;

typedef struct {
    WireCommandKind kind;
    /* OPTNEG */
    guint32 version, actions, protocol;
    /* MACRO: for which command */
    guint8 macro_for;
    /* CONNECT */
    WireFamily family;
    guint16 port;
    /* BODY, BODYEOB */
    const void *bytes;
    gsize len;
    /* CONNECT: host name, address (NULL for family unknown). HELO, UNKNOWN: one string. MAIL, RCPT: address,
     * arguments. HEADER: name, value. MACRO: name, value, … without braces. args[n_args] is NULL. */
    const char *args[WIRE_ARGS_MAX + 1];
    guint n_args;
    const char *error; /* why wire_parse_command() has failed */
} WireCommand;

/* FALSE: malformed, see ret->error. A NUL within a string ends it, what follows is not looked at. */
gboolean wire_parse_command(const WirePacket *packet, WireCommand *ret);

/* Sendmail 8.17.1 may hand over `<a@b> SIZE=1` as one string. If `arg` is such, returns the text of the
 * arguments and stores how long the address is; else NULL. Pure. */
const char *wire_split_address(const char *arg, gsize *address_len);

/* ---- answers and edits of a filter; all append to `out` ---- */

#define WIRE_CHUNK_MAX       65535 /* body bytes in one packet that both MTAs take */
#define WIRE_REPLY_LINES_MAX 32    /* Sendmail's own limits for a reply */
#define WIRE_REPLY_LINE_MAX  980

/* `macros` may be NULL: pairs of step and names ("{client_addr} j"), ended by names == NULL. */
typedef struct {
    WireMacroStep step;
    const char *names;
} WireMacroList;
void wire_put_negotiate(GString *out, guint32 version, guint32 actions, guint32 protocol,
                        const WireMacroList *macros);
/* An action without payload. */
void wire_put(GString *out, WireActionKind kind);
/* What the MTA understands of a Reply. With a code: the code's class is made to fit the kind, a missing
 * status or text is filled in (Postfix takes no reply without status), long replies are cut, control
 * characters and what is not ASCII are replaced, `%` is doubled (Sendmail uses the text as a format, Postfix
 * undoes it). A 421 is always one line: Sendmail recognises it at connect only so. */
void wire_put_reply(GString *out, const Reply *reply);
/* Names lose what no field name may have (RFC 5322 §2.2); values lose CR, and an LF is always followed by a
 * blank, so that no value can start a field of its own. `lead_space`: WIRE_LEAD_SPACE is in force, the blank
 * after the colon is ours to send. */
void wire_put_add_header(GString *out, const char *name, const char *value, gboolean lead_space);
void wire_put_insert_header(GString *out, guint32 index, const char *name, const char *value,
                            gboolean lead_space);
/* `value` NULL or "" deletes. */
void wire_put_change_header(GString *out, guint32 nth, const char *name, const char *value,
                            gboolean lead_space);
void wire_put_add_rcpt(GString *out, const char *rcpt, const char *args); /* args NULL: without */
void wire_put_delete_rcpt(GString *out, const char *rcpt);
void wire_put_change_sender(GString *out, const char *sender, const char *args); /* args may be NULL */
/* At most WIRE_CHUNK_MAX bytes. */
void wire_put_body(GString *out, const void *bytes, gsize len);
void wire_put_quarantine(GString *out, const char *reason);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(WireReader, wire_reader_free)
