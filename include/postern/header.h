/*
 * header.h — small things that everybody needs who reads or writes header fields (RFC 5322 §2.2, §3.2; RFC
 * 2045 §5.1).
 *
 * A value is what stands after "Name:". Values that are read may hold anything; ends are given by a pointer
 * or a length, -1 meaning NUL-terminated. Values that are written are folded by "\n\t": that is how a milter
 * hands them to the MTA. Pure functions, linear, no recursion; strings returned as `char *` are the caller's.
 */
#pragma once

#include <glib.h>
#include <postern/decls.h>
#include <postern/ip.h>

POSTERN_BEGIN_DECLS

#define HEADER_LINE_WANTED 78 /* characters, RFC 5322 §2.1.1 */
#define HEADER_MSGID_MIN   5  /* "<a@b>", the shortest that RFC 5322 §3.6.4 allows */

/* RFC 5322 §1.2.2: names are compared without case, and blanks before the colon, where the name was taken with them, are
 * not part of it (§4.5). `len` -1: NUL-terminated. */
gboolean header_name_is(const char *name, gssize len, const char *wanted);

/* RFC 5322 §2.2.3: the value on one line, white space at both ends removed, NUL and other controls made
 * spaces. */
char *header_unfold(const char *value, gssize len);

/* The value folded for a field of that name so that lines stay within HEADER_LINE_WANTED where there is a
 * space to break at, outside of quotes if possible. A newline in `value` is a break that is wanted there.
 * Whatever `value` holds, the result is one field: each newline is followed by a tab or space, and no line is
 * empty. */
char *header_fold(const char *name, const char *value);

/* RFC 2045 §5.1 token, ASCII. "" is none. */
gboolean header_is_token(const char *text);
/* The text itself if it is a token, else a quoted-string (RFC 5322 §3.2.4). Controls become spaces. */
char *header_quote(const char *text);
/* "(text)", with what would end it escaped. Controls become spaces. */
char *header_comment(const char *text);

/* RFC 5322 §3.2.2: the first byte at or after p that is neither white space nor in a comment; `end` if there
 * is none or a comment never closes. Comment texts are appended to `comments` (may be NULL), joined by
 * spaces. */
const char *header_skip_cfws(const char *p, const char *end, GString *comments);
/* RFC 5322 §3.2.4: p is at the opening quote. Appends the unquoted text to `out`; the byte after the closing
 * quote, or `end` if there is none (then *ret_closed is FALSE; it may be NULL). */
const char *header_scan_quoted(const char *p, const char *end, GString *out, gboolean *ret_closed);

/* RFC 5321 §4.4: the name behind "by" in a Received value, as written; NULL: there is none. What stands behind "from" is
 * the client's own HELO, and is never taken for a "by". */
char *header_received_by(const char *value, gssize len);

/* RFC 5321 §4.4: the addresses behind "from" in a Received value, up to "by": what the client called itself, if that is one,
 * and what the host saw that wrote the field, in comments or not. The first `max` go to `ips`; returns how many. */
guint header_received_from(const char *value, gssize len, IpAddress *ips, guint max);

/* What a Message-ID value looks like. */
typedef enum {
    HEADER_MSGID_VALID,     /* RFC 5322 §3.6.4 msg-id, with the obsolete forms of §4.5.4 */
    HEADER_MSGID_ODD,       /* not that, as much legitimate mail has it */
    HEADER_MSGID_TOO_SHORT, /* fewer than HEADER_MSGID_MIN characters: cannot be one */
} HeaderMsgId;
HeaderMsgId header_msgid_form(const char *value, gssize len);

POSTERN_END_DECLS
