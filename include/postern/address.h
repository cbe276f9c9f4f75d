/*
 * address.h — mail addresses: envelope paths (RFC 5321 §4.1.2, RFC 6531 §3.3) and header mailboxes (RFC 5322
 * §3.4).
 *
 * One address has one form everywhere. Parse what the MTA or a header gives once, keep the Address, and
 * compare and look up by its `canonical` string:
 *
 *   - quotes that are not needed are gone ("user"@dom is user@dom), source routes are dropped (but
 * remembered);
 *   - the domain is folded to lower case (ASCII letters; U-labels are compared as given), a final dot is
 * dropped, an address literal is rewritten in its one spelling: [192.0.2.1], [IPv6:2001:db8::1];
 *   - `canonical` is local part, @ and domain without any quoting, ASCII letters lower-cased. The last @
 * separates.
 *
 * All strings of an Address are valid UTF-8 without ASCII control characters, so they can be logged and
 * stored as they are.
 *
 * The parsers are tolerant where mail really differs from the grammar (dots out of place, `_` in a host name,
 * a bare local part, a second @): then `conforming` is FALSE. They refuse what has no one meaning.
 *
 * Both are linear, do not recurse, and are bounded by the limits below. Values are immutable once made, so
 * threads may share them; whoever got one frees it.
 */
#pragma once

#include <glib.h>
#include <postern/decls.h>

POSTERN_BEGIN_DECLS

/* RFC 5321 §4.5.3.1.1 says 64 octets, but SRS (host and local part of the former sender in one local part)
 * and VERP pass that every day, and the RFC asks to accept longer ones where possible. */
#define ADDRESS_LOCAL_MAX  255
#define ADDRESS_DOMAIN_MAX 255 /* RFC 5321 §4.5.3.1.2 */
#define ADDRESS_LABEL_MAX  63  /* RFC 1035 §2.3.4 */
/* RFC 5321 §4.5.3.1.3 says 256 for a path; room for a long local part, all of it quoted, and a source route. */
#define ADDRESS_PATH_MAX 1024
/* Mailboxes kept of one header field. DMARC has no use for more than one; more than this is an attack. */
#define ADDRESS_LIST_MAX 256

#define ADDRESS_ERROR (address_error_quark())
GQuark address_error_quark(void);
typedef enum {
    ADDRESS_ERROR_SYNTAX,   /* not an address */
    ADDRESS_ERROR_TOO_LONG, /* over one of the limits above */
    ADDRESS_ERROR_ENCODING, /* the domain is not valid UTF-8, or a control character */
} AddressError;

typedef struct {
    char *local;  /* without quoting, case kept; "" for the null sender */
    char *domain; /* lower case; "" if there is none (null sender, <postmaster>, a local user's name) */
    /* As it is written on the wire, quoted where needed, no brackets; "" for the null sender */
    char *mailbox;
    char *canonical;     /* for lists and comparisons, see above; "" for the null sender */
    char *route;         /* "@hop1,@hop2" (RFC 5321 appendix C: ignored), or "" */
    gboolean is_null;    /* <> */
    gboolean is_literal; /* the domain is an address literal (RFC 5321 §4.1.3) */
    gboolean is_utf8;    /* has bytes over 0x7F: needs SMTPUTF8 (RFC 6531 §3.3) */
    gboolean conforming; /* the text keeps the grammar; FALSE: it was understood all the same */
} Address;

/* One reverse or forward path. Brackets may be missing (both or none), white space around is dropped. ""
 * without brackets is an error: only <> is the null sender. `len` -1: the text is NUL-terminated. NULL and
 * `error` if it is no address. */
Address *address_parse_path(const char *text, gssize len, GError **error);
/* An address from its two parts as they are in Address (local part unquoted, domain any case). */
Address *address_new(const char *local, const char *domain, GError **error);
Address *address_copy(const Address *address);
void address_free(Address *address); /* NULL is allowed */

/* The local part as written on the wire: dot-string if it can be one, else quoted-string (RFC 5321 §4.1.2). */
char *address_quote_local(const char *local);

/* The domain without its first label, borrowed from `domain`: a.b.example → b.example → example → NULL.
 * NULL for an address literal. */
const char *address_domain_parent(const char *domain);

/* One mailbox of a From-like field. */
typedef struct {
    char *name; /* display name without quotes, encoded words and 8-bit bytes left as they came; if there is
                 * none, the comment (RFC 5322 §3.4: the older form "a@b (Name)"); else "" */
    char *comment;    /* text of the comments in and around it, without the outer parentheses; "" if none */
    char *text;       /* the address part as it stands, comments and folding removed; "" if there is none */
    Address *address; /* NULL if that is no address */
} Mailbox;

typedef struct {
    guint n;
    Mailbox *boxes;
    /* Something was skipped or guessed at: unclosed quotes or brackets, a missing comma, words beside a bare
     * address, an address for the name of a group. Two readers may see two authors in it. */
    gboolean malformed;
    gboolean truncated; /* there were more than ADDRESS_LIST_MAX */
} MailboxList;

/* The mailboxes of a From, Sender, Reply-To, To, … value, obsolete syntax and groups included (a group's
 * members are listed, its name is not; an empty group gives nothing). Never NULL, never fails. NUL and
 * control characters count as white space. */
MailboxList *address_parse_mailboxes(const char *value, gssize len);
void mailbox_list_free(MailboxList *list); /* NULL is allowed */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Address, address_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MailboxList, mailbox_list_free)

POSTERN_END_DECLS
