/*
 * dkim-canon.h — the message as DKIM and ARC see it (RFC 6376 §3.4): header fields with an index of their
 * names, canonical forms, and body hashes that all signatures share.
 *
 *     DkimHeader *header = dkim_header_new();
 *     dkim_header_add(header, name, -1, value, -1);            each field, top to bottom
 *     DkimBody *body = dkim_body_new();
 *     guint form = dkim_body_want(body, DKIM_RELAXED, DKIM_WHOLE_BODY);    by whoever has a signature
 *     dkim_body_add(body, bytes, len);                          chunks as they come
 *     dkim_body_end(body);
 *     dkim_body_hash(body, form)
 *
 * A field is a name and what stands after its colon, exactly as a milter hands it over: the leading blank kept,
 * "\n" before continuation lines ("\r\n" does as well), any byte allowed. Names and values are borrowed and
 * must stay as they are for as long as the DkimHeader lives.
 *
 * The body is bytes with CRLF line ends. A CR or LF alone ends no line; it is hashed as it came.
 *
 * Each canonical form of a body is made and hashed once, however many signatures ask for it and whatever their
 * l= is. Hashes are SHA-256, the only one that RFC 8301 leaves.
 *
 * Pure. One owner, no locks; a finished header and body may be read by any thread.
 */
#pragma once

#include <glib.h>
#include <postern/decls.h>

POSTERN_BEGIN_DECLS

#define DKIM_HASH_SIZE  32          /* bytes of a SHA-256 */
#define DKIM_FIELDS_MAX 10000       /* fields of one header; a longer one is neither verified nor signed */
#define DKIM_WHOLE_BODY G_MAXUINT64 /* the limit of a signature without l= */

/* RFC 6376 §3.4 */
#define DKIM_CANONS(X)                                                                                       \
    X(DKIM_SIMPLE, "simple")                                                                                 \
    X(DKIM_RELAXED, "relaxed")

typedef enum {
#define X(canon, word) canon,
    DKIM_CANONS(X)
#undef X
        DKIM_N_CANONS
} DkimCanon;
const char *dkim_canon_name(int canon);
gboolean dkim_canon_parse(const char *word, gssize len, DkimCanon *ret);

/* ---- header ---- */

typedef struct {
    const char *name; /* with the blanks that obsolete syntax allows before the colon */
    const char *value;
    gsize name_len, value_len;
} DkimField;

typedef struct DkimHeader DkimHeader;
DkimHeader *dkim_header_new(void);
void dkim_header_free(DkimHeader *header); /* NULL is allowed */
/* Below those that are there; more than DKIM_FIELDS_MAX are not kept. Borrowed; a length of -1: NUL-terminated. */
void dkim_header_add(DkimHeader *header, const char *name, gssize name_len, const char *value,
                     gssize value_len);
/* Adds the fields of a message in file form, lines ended by CRLF or LF. Where its body begins: after the empty
 * line, or at the first line that is no header field. A first line "From " (mbox) is skipped. */
gsize dkim_header_read(DkimHeader *header, const char *message, gsize len);
guint dkim_header_len(const DkimHeader *header);
const DkimField *dkim_header_field(const DkimHeader *header, guint index); /* 0 is the topmost */
/* Fields of that name. */
guint dkim_header_count(const DkimHeader *header, const char *name);

/* The canonical form of one field, with its CRLF, is appended (RFC 6376 §3.4.1, §3.4.2). */
void dkim_canon_field(GString *out, DkimCanon canon, const DkimField *field);

/* ---- body ---- */

/* One canonical form as it comes out (RFC 6376 §3.4.3, §3.4.4), in pieces of any size. */
typedef void (*DkimCanonSink)(const void *bytes, gsize len, void *data);
typedef struct DkimCanonBody DkimCanonBody;
DkimCanonBody *dkim_canon_body_new(DkimCanon canon, DkimCanonSink sink, void *data);
void dkim_canon_body_add(DkimCanonBody *body, const void *bytes, gsize len);
void dkim_canon_body_end(DkimCanonBody *body);
void dkim_canon_body_free(DkimCanonBody *body); /* NULL is allowed */

typedef struct DkimBody DkimBody;
DkimBody *dkim_body_new(void);
void dkim_body_free(DkimBody *body); /* NULL is allowed */
/* Asks for the hash of the first `limit` bytes of a canonical form; only before the first dkim_body_add(). The
 * number that the hash is got by. */
guint dkim_body_want(DkimBody *body, DkimCanon canon, guint64 limit);
void dkim_body_add(DkimBody *body, const void *bytes, gsize len);
void dkim_body_end(DkimBody *body); /* once, after all of it */
/* After dkim_body_end(): DKIM_HASH_SIZE bytes, borrowed. Where the limit is beyond the end, of what there is. */
const guint8 *dkim_body_hash(const DkimBody *body, guint form);
/* After dkim_body_end(): bytes of the canonical form, without regard to the limit. */
guint64 dkim_body_length(const DkimBody *body, guint form);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DkimHeader, dkim_header_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DkimCanonBody, dkim_canon_body_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DkimBody, dkim_body_free)

POSTERN_END_DECLS
