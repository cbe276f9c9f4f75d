/* dkim-internal.h — what the dkim-*.c and arc-*.c share. */
#pragma once

#include <openssl/evp.h>
#include <postern/dkim.h>

#include "taglist.h"

/* ---- dkim-header.c ---- */

#define DKIM_NO_FIELD G_MAXUINT

/* The lowest field of each name that a signature has not taken yet (RFC 6376 §5.4.2). g_free(). */
typedef struct DkimCursor DkimCursor;
DkimCursor *dkim_cursor_new(const DkimHeader *header);
/* The next field of that name from the bottom, `except` left out; DKIM_NO_FIELD: there are no more. */
guint dkim_cursor_take(const DkimHeader *header, DkimCursor *cursor, Span name, guint except);
gboolean dkim_field_is(const DkimField *field, const char *name);

/* ---- dkim-body.c ---- */

/* The form that somebody asked for; an assertion if nobody did. */
guint dkim_body_form(const DkimBody *body, DkimCanon canon, guint64 limit);

/* ---- dkim-hash.c: SHA-256, cannot fail ---- */

EVP_MD_CTX *dkim_hash_new(void);
void dkim_hash_add(EVP_MD_CTX *hash, const void *bytes, gsize len);
/* The hash of what was added so far; more may be added. */
void dkim_hash_peek(const EVP_MD_CTX *hash, guint8 out[static DKIM_HASH_SIZE]);

/* ---- dkim-record.c: public keys in the DNS ---- */

typedef struct {
    DkimCode code; /* PASS: usable */
    char *reason;
    DkimAlgorithm algorithm; /* RSA_SHA256 stands for both of RSA */
    EVP_PKEY *key;
    guint bits;
    gboolean testing; /* t=y */
    gboolean strict;  /* t=s: i= and d= must be the same domain */
    gboolean sha256;  /* h= allows it */
} DkimRecord;

DkimRecord *dkim_record_parse(const char *text, gsize len);
void dkim_record_free(DkimRecord *record);
/* Queried and parsed once a name; the table is the verifier's. Borrowed from it. */
typedef GHashTable DkimRecords;
DkimRecords *dkim_records_new(void);
const DkimRecord *dkim_records_get(DkimRecords *records, const char *name, Resolver *resolver,
                                   gint64 deadline);

/* ---- dkim-tags.c: signatures as they are written ---- */

/* What a tag list is, since the rules differ. */
typedef enum { DKIM_SIGNATURE = 1, ARC_MESSAGE_SIGNATURE = 2, ARC_SEAL = 4 } DkimKind;

typedef struct {
    DkimKind kind;
    DkimAlgorithm algorithm;
    DkimCanon header_canon, body_canon;
    char *domain, *selector; /* lower case, U-labels left as they are */
    char *identity;          /* i= of DKIM_SIGNATURE */
    char *query;             /* where the key is, in A-labels */
    guint instance;          /* i= of ARC; 0: none */
    Span cv;                 /* of ARC_SEAL */
    Span names;              /* h= */
    Span b;                  /* of the field's value: what is taken out for hashing */
    guint8 *signature, *body_hash;
    gsize signature_len, body_hash_len;
    guint64 limit;             /* l=, or DKIM_WHOLE_BODY */
    gint64 timestamp, expires; /* -1: none */
} DkimTags;

/* NULL: fine. Else what is wrong; what was understood is there all the same. Spans point into `text`. */
const char *dkim_tags_parse(DkimTags *tags, DkimKind kind, const char *text, gsize len, gint64 now);
void dkim_tags_clear(DkimTags *tags);
gboolean dkim_is_domain(const char *text, guint labels_min);

/* ---- dkim-verify.c ---- */

/* One signature of a header: parsed, hashed, compared with its key. */
typedef struct {
    DkimTags tags;
    guint field;
    const char *wrong; /* what dkim_tags_parse() said */
    guint form;        /* of the body; not of ARC_SEAL */
} DkimSignature;

void dkim_signature_read(DkimSignature *signature, DkimKind kind, const DkimHeader *header, guint field,
                         DkimBody *body, gint64 now);
/* The field with the value of its b= taken out, canonical, without final CRLF (RFC 6376 §3.7). */
void dkim_signature_own_field(GString *out, DkimCanon canon, const DkimField *field, Span b);
/* The hash over the fields of h= and its own. FALSE: beyond DKIM_HEADER_MAX. */
gboolean dkim_signature_hash(const DkimSignature *signature, const DkimHeader *header,
                             guint8 out[static DKIM_HASH_SIZE]);
/* Body hash (not of ARC_SEAL), key, signature; `hash` is of the header. *reason is a constant or owned by `record`;
 * *record is NULL where no key was looked up. */
DkimCode dkim_signature_check(const DkimSignature *signature, const DkimHeader *header, const DkimBody *body,
                              const DkimRecord *record, const char **reason);
gboolean dkim_signature_is_by(const DkimTags *tags, const guint8 hash[static DKIM_HASH_SIZE],
                              const DkimRecord *record);

/* ---- dkim-sign.c ---- */

/* A tag list as it is written: one tag after the other, folded before HEADER_LINE_WANTED, or all on one line. */
typedef struct {
    GString *out;
    gsize column;
    gboolean unfolded;
} TagWriter;

void tagwriter_init(TagWriter *writer, const char *field_name, gboolean unfolded);
void tagwriter_add(TagWriter *writer, const char *name, const char *value);
/* A value that may be broken after each `separator`, or anywhere where that is 0. */
void tagwriter_add_long(TagWriter *writer, const char *name, const char *value, char separator);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DkimTags, dkim_tags_clear)
