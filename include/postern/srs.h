/*
 * srs.h — senders with a tag: SRS (rewritten for forwarding), SES and BATV (signed, so that a bounce can be
 * told from a forgery), and other people's tags.
 *
 *   SRS    SRS0=HHHH=TT=host=local@forwarder, SRS1=HHHH=host==…@forwarder   Mail::SRS, pysrs, libsrs2, PostSRSd
 *   SES    SES=TAG=local@domain                                             pysrs
 *   BATV   prvs=KDDDSSSSSS=local@domain                                     draft-levine-smtp-batv-01, Exim
 *
 * Addresses go in and come out as on the wire, without brackets; the last unquoted @ separates. Case is kept.
 * The clock is handed in: seconds since 1970. Nothing is remembered; what a secret signed, any process with
 * that secret verifies. Hashes are compared in constant time.
 *
 * The settings are borrowed for the length of a call. All functions are pure and may be called by any thread.
 */
#pragma once

#include <glib.h>
#include <postern/decls.h>

POSTERN_BEGIN_DECLS

/* Longer input is no address (see ADDRESS_PATH_MAX) and is answered with NULL or SRS_BROKEN. */
#define SRS_ADDRESS_MAX 1024
/* A base64 SHA-1 has no more characters. */
#define SRS_HASH_MAX            27
#define SRS_MAX_AGE_DEFAULT     21 /* days, as Mail::SRS */
#define SRS_HASH_LENGTH_DEFAULT 4  /* characters, as Mail::SRS */
#define SES_EXPIRY_DEFAULT      10 /* days, as pysrs */
#define BATV_LIFETIME_DEFAULT   7  /* days, as Exim and the draft */

/* What a tagged address turned out to be. The words are for logs. */
#define SRS_STATUSES(X)                                                                                      \
    X(SRS_VALID, "valid")                                                                                    \
    X(SRS_UNTAGGED, "untagged")                                                                              \
    X(SRS_BROKEN, "malformed")                                                                               \
    X(SRS_FORGED, "forged")                                                                                  \
    X(SRS_EXPIRED, "expired")
/* VALID: the original address is known. UNTAGGED: not this kind of address at all. BROKEN: the tag is
 * incomplete. FORGED: no secret made this hash. EXPIRED: the hash is right, the time is not. */
typedef enum {
#define X(name, word) name,
    SRS_STATUSES(X)
#undef X
} SrsStatus;
const char *srs_status_name(SrsStatus status);

/* ---- SRS ---- */

typedef struct {
    const char *const *secrets; /* NULL-terminated, at least one: the first signs, all verify */
    guint max_age;              /* days a time stamp is good; 0: SRS_MAX_AGE_DEFAULT */
    guint hash_length;          /* characters written, and the least that are accepted; 0: the default */
    char separator;             /* '=', '+' or '-' after SRS0 and SRS1; 0: '=' */
    gboolean always_rewrite;    /* also where the address is in the forwarder's domain already */
    gboolean base64url;         /* write hashes with - and _, as PostSRSd 2 does; both are always read */
    gboolean allow_hashless;    /* accept the older SRS1 without a hash: anybody can make those */
} SrsSettings;

/* TRUE for an SRS0 or SRS1 local part, whoever made it; nothing is verified. */
gboolean srs_is_tagged(const char *address);
/* `address` rewritten to be in the domain of `alias` (an address or a domain): SRS0; an SRS0 of someone else
 * becomes SRS1, an SRS1 keeps its first host. Returned as it is when it is in that domain already. NULL: it
 * has no domain (the null sender too), is too long, or says SRS1 but is none. */
char *srs_forward(const SrsSettings *srs, const char *address, const char *alias, gint64 now);
/* Our own address made recognisable: SRS0=HHHH=TT==local@dom, which reverses to itself. */
char *srs_sign(const SrsSettings *srs, const char *address, gint64 now);
/* The address that srs_forward() or srs_sign() was given; of an SRS1 the SRS0 address at its first host. The
 * caller makes sure that the domain is one of ours: foreign SRS is for others to reverse. *ret only on
 * SRS_VALID. */
SrsStatus srs_reverse(const SrsSettings *srs, const char *address, gint64 now, char **ret);

/* ---- SES ---- */

typedef struct {
    const char *const *secrets; /* as above */
    guint expiry;               /* days; 0: SES_EXPIRY_DEFAULT. It also decides the layout of the tag */
} SesSettings;

/* `message_id` numbers the messages of one quarter of a day. NULL: no address, or the number does not fit. */
char *ses_sign(const SesSettings *ses, const char *address, guint64 message_id, gint64 now);
/* The same without a time: it does not expire. */
char *ses_sign_fixed(const SesSettings *ses, const char *address, guint64 message_id);
/* ret_message_id may be NULL. How often a tag may be used (pysrs: 3 times) is for the caller to count. */
SrsStatus ses_verify(const SesSettings *ses, const char *address, gint64 now, char **ret,
                     guint64 *ret_message_id);
/* The tag has no time, as ses_sign_fixed() writes it: it is meant to be used for ever. Nothing is verified. */
gboolean ses_is_fixed(const SesSettings *ses, const char *address);

/* ---- BATV ---- */

typedef struct {
    const char *const *secrets; /* as above */
    guint lifetime;             /* days; 0: BATV_LIFETIME_DEFAULT. At most 499: the stamp counts to 1000 */
    guint key_number;           /* 0…9, written into the tag */
} BatvSettings;

char *batv_sign(const BatvSettings *batv, const char *address, gint64 now);
SrsStatus batv_verify(const BatvSettings *batv, const char *address, gint64 now, char **ret);

/* ---- other people's ---- */

/* The address with all tags taken off that are known by their form, for lists and comparisons, never for
 * delivery: nothing is verified. prvs= (tag before or after the name), btv1==, msprvs1=, SES=, SRS0 and SRS1
 * (the original sender), VERP (list+user=dom@…, and list-user=dom@… for the given recipient). NULL: there is
 * none. `recipient` may be NULL. */
char *srs_look_through(const char *address, const char *recipient);

/* TRUE for a local part that bears one of these tags, VERP left out: signing it would bury a signature. Nothing is
 * verified. */
gboolean srs_bears_tag(const char *address);

POSTERN_END_DECLS
