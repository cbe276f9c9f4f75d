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
/* There were more than DKIM_FIELDS_MAX: what is here is not the whole header. */
gboolean dkim_header_overflowed(const DkimHeader *header);
gboolean dkim_field_is(const DkimField *field, const char *name);

/* ---- dkim-body.c ---- */

/* The form that somebody asked for; an assertion if nobody did. */
guint dkim_body_form(const DkimBody *body, DkimCanon canon, guint64 limit);

/* ---- dkim-hash.c: SHA-256, cannot fail ---- */

EVP_MD_CTX *dkim_hash_new(void);
void dkim_hash_add(EVP_MD_CTX *hash, const void *bytes, gsize len);
EVP_MD_CTX *dkim_hash_copy(const EVP_MD_CTX *hash);
/* The hash of what was added so far; more may be added. */
void dkim_hash_peek(const EVP_MD_CTX *hash, guint8 out[static DKIM_HASH_SIZE]);

/* ---- dkim-record.c: public keys in the DNS ---- */

/* Not changed any more once it is made: any threads may read it and verify with its key. */
typedef struct {
    gint refs;
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
DkimRecord *dkim_record_ref(DkimRecord *record);
void dkim_record_unref(DkimRecord *record);
/* Queried once a name; the table is the verifier's. Records are borrowed from it. */
typedef struct {
    GHashTable *by_name;
    DkimKeyCache *cache; /* borrowed; NULL: every record is parsed */
} DkimRecords;
void dkim_records_init(DkimRecords *records);
void dkim_records_clear(DkimRecords *records);
const DkimRecord *dkim_records_get(DkimRecords *records, const char *name, Resolver *resolver,
                                   gint64 deadline);

/* ---- dkim-key-cache.c ---- */

/* As dkim_record_parse(), which is asked what is not there. `cache` may be NULL. Owned by the caller. */
DkimRecord *dkim_key_cache_parse(DkimKeyCache *cache, const char *text, gsize len);

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
#define DKIM_NAME_MAX 253 /* bytes of a name; RFC 1035 §2.3.4, without the final dot */
gboolean dkim_is_domain(const char *text, guint labels_min);

/* ---- dkim-verify.c ---- */

/* One signature of a header: parsed, hashed, compared with its key. */
typedef struct {
    DkimTags tags;
    guint field;
    const char *wrong; /* what dkim_tags_parse() said */
    guint form;        /* of the body; not of ARC_SEAL */
} DkimSignature;

/* Reads it; the body is not asked for anything yet. */
void dkim_signature_read(DkimSignature *signature, DkimKind kind, const DkimHeader *header, guint field,
                         gint64 now);
/* Asks for its body hash, if there is nothing wrong with it. */
void dkim_signature_want(DkimSignature *signature, DkimBody *body);
/* Adds the canonical form of the fields that h= names (RFC 6376 §3.7), `except` left out. FALSE: they are more than
 * DKIM_HEADER_MAX, or the header is not all there. */
gboolean dkim_hash_fields(EVP_MD_CTX *hash, DkimCanon canon, const DkimHeader *header, Span names,
                          guint except);
/* Adds the signature's own field, the value of its b= taken out, without final CRLF. */
void dkim_hash_own_field(EVP_MD_CTX *hash, DkimCanon canon, const DkimField *field, Span b);
/* Key, body, header, in this order. *reason is a constant or the record's; untouched where it passes. */
DkimCode dkim_signature_check(const DkimSignature *signature, const DkimHeader *header, const DkimBody *body,
                              const DkimRecord *record, const char **reason);
/* The same for an ARC-Seal; `hash` has all that is before its own field. */
DkimCode dkim_seal_check(const DkimSignature *seal, const DkimHeader *header, EVP_MD_CTX *hash,
                         const DkimRecord *record, const char **reason);
/* Of a message's signature that passes: it is over all of the body, and every From that is there. */
gboolean dkim_signature_is_whole(const DkimSignature *signature, const DkimHeader *header,
                                 const DkimBody *body);

/* ---- dkim-key.c ---- */

/* Over a hash. Owned by the caller. NULL: OpenSSL cannot, which is told in *error. */
guint8 *dkim_key_sign(const DkimKey *key, const guint8 hash[static DKIM_HASH_SIZE], gsize *ret_len,
                      GError **error);

/* ---- dkim-sign.c ---- */

/* A tag list as it is written: folded with "\n\t" before HEADER_LINE_WANTED, or all on one line. */
typedef struct {
    GString *out; /* begins with the blank that follows the colon */
    gsize column;
    gsize b; /* where the value of b= will be */
    gboolean unfolded;
} TagWriter;

void tagwriter_init(TagWriter *writer, const char *field_name, gboolean unfolded);
void tagwriter_add(TagWriter *writer, const char *name, const char *value);
void tagwriter_add_number(TagWriter *writer, const char *name, gint64 value);
/* A value that may be broken after each `separator`; '\0': anywhere. */
void tagwriter_add_long(TagWriter *writer, const char *name, const char *value, char separator);
void tagwriter_add_base64(TagWriter *writer, const char *name, const guint8 *bytes, gsize len);
void tagwriter_add_b(TagWriter *writer); /* empty as yet; last, unless all is on one line */
/* Hashes the field that was written as the last one, signs, and fills b=. The value without its first blank, owned
 * by the caller; NULL with *error. Ends the writer. */
char *tagwriter_sign(TagWriter *writer, const char *field_name, DkimCanon canon, EVP_MD_CTX *hash,
                     const DkimKey *key, GError **error);
void tagwriter_clear(TagWriter *writer);

/* What h= says: `names` as they are; else each of `fields` as often as it is there, and of `oversign` once more. NULL
 * with *error: a name is none. */
char *dkim_choose_names(const DkimHeader *header, const char *const *names, const char *const *fields,
                        const char *const *oversign, GError **error);
/* FALSE with *error: not a domain or selector. */
gboolean dkim_check_signer(const char *domain, const char *selector, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DkimTags, dkim_tags_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TagWriter, tagwriter_clear)
