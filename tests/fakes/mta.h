/*
 * mta.h — a scripted MTA that speaks to a real milter socket: for tests, offline cases against a running
 * daemon, and load.
 *
 *     g_autoptr(Mta) mta = mta_connect("inet:8894@127.0.0.1", &error);
 *     g_autofree char *talk = mta_run(mta, "negotiate\n"
 *                                          "connect mx.example.com 192.0.2.1 4711\n"
 *                                          "helo mx.example.com\n"
 *                                          "mail <a@example.com> SIZE=100\n"
 *                                          "rcpt <b@example.net>\n"
 *                                          "data\n"
 *                                          "header Subject: hello\n"
 *                                          "eoh\n"
 *                                          "body text\\r\\n\n"
 *                                          "eom\n");
 *
 * Script, a command a line; C escapes (\r \n \t \0 \ooo \\) are understood; empty lines and those with # are
 * skipped:
 *
 *     negotiate [VERSION [ACTIONS [PROTOCOL]]]    default: 6 0x1ff 0x1fffff, all that there is
 *     macros LETTER NAME=VALUE …                  values end at a blank; "\040" is a blank in a value
 *     connect HOST [ADDRESS [PORT]]               without address: family unknown; a path: unix
 *     helo NAME    mail ARG …    rcpt ARG …    data    header NAME:VALUE    eoh    body TEXT    eom [TEXT]
 *     abort    quit    quit_nc    unknown TEXT
 *     fill N                                      body of N bytes, in chunks of 65535
 *     raw BYTES                                   as they are
 *     read                                        one answer, whatever it is
 *     close                                       hang up
 *     shut                                        no more from us
 *
 * The talk has a line for each answer: "mail: continue", "rcpt: 550 5.7.1 no", and for each edit and sign of
 * life before it: "eom: insert header 0 X: y". A step that is not answered as negotiated, or that the filter
 * has declined, gives no line; a declined one is not sent. "STEP: closed" when the filter has hung up, "STEP:
 * silence" after the time of mta_set_timeout().
 *
 * One thread for each Mta.
 */
#pragma once

#include "fakes/wire-mta.h"

typedef struct Mta Mta;

/* "unix:/path", "/path", "inet:port@host", "inet6:port@host". */
Mta *mta_connect(const char *address, GError **error);
void mta_free(Mta *mta); /* hangs up; NULL is allowed */
void mta_set_timeout(Mta *mta, int milliseconds);
int mta_fd(const Mta *mta);

/* The caller frees. */
char *mta_run(Mta *mta, const char *script);

/* For load: only sends. */
void mta_send(Mta *mta, const GString *packets);
/* The same, and waits for the answer. The final action's letter, or 0 when the filter has hung up. `fields` (may be NULL) is
 * appended the header fields that the filter adds, as they stand in a file: "Name: value\r\n". */
guint8 mta_step(Mta *mta, const GString *packets, GString *fields);

/* What the filter has agreed to, after "negotiate". */
guint32 mta_protocol(const Mta *mta);
guint32 mta_actions(const Mta *mta);
/* The lists of macros it has asked for: "0 j {client_addr}\n…"; the caller frees. */
char *mta_macro_lists(const Mta *mta);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mta, mta_free)
