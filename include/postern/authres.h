/*
 * authres.h — Authentication-Results (RFC 8601): write, read, and recognise forgeries.
 *
 *   g_autoptr(AuthRes) ar = authres_new("mx.example.com");
 *   AuthResResult *r = authres_add(ar, "spf", "pass");
 *   authres_add_property(r, "smtp", "mailfrom", "user@example.net");
 *   g_autofree char *value = authres_to_string(ar, "Authentication-Results");
 *
 * Writing quotes whatever needs it and cannot be made to end the field or the result: any text may be handed
 * in, but method, result, ptype and property are keywords of the program's own. Non-ASCII text is written as
 * UTF-8: the caller decides whether the message may carry it (RFC 8616 §5).
 *
 * Reading never fails: what is understood is there, `malformed` says that something was not. Comments may
 * stand anywhere. Keywords come out in lower case, values unquoted. Linear, no recursion, bounded by the
 * limits below.
 *
 * Plain data, one owner, no locks.
 */
#pragma once

#include <glib.h>
#include <postern/decls.h>

POSTERN_BEGIN_DECLS

#define AUTHRES_TEXT_MAX                                                                                     \
    65536 /* bytes read of one field; Postfix lets one grow to 102,400, and nobody needs so many */
#define AUTHRES_RESULTS_MAX    64 /* results kept of one field: DKIM verifiers stop far below */
#define AUTHRES_PROPERTIES_MAX 32 /* properties kept of one result; registered ones are fewer per method */

typedef struct {
    char *ptype; /* "smtp", "header", "body", "policy"; read: "" where the field has a bare name=value (Office
                    365) */
    char *property; /* "mailfrom", "d", … */
    char *value;
} AuthResProperty;

typedef struct {
    char *method;          /* "spf" */
    guint version;         /* of the method; 0 when not given, which means 1 (RFC 8601 §2.2) */
    char *result;          /* "pass" */
    char *reason;          /* NULL: none */
    char *comment;         /* read: the texts of all comments of this result; NULL: none */
    GPtrArray *properties; /* of AuthResProperty */
} AuthResResult;

typedef struct {
    char *authserv_id;  /* "" when the field has none (Office 365) */
    guint version;      /* 0 when not given, which means 1 */
    GPtrArray *results; /* of AuthResResult; empty for "none" */
    gboolean malformed; /* read only: something was skipped, or a limit was reached */
} AuthRes;

AuthRes *authres_new(const char *authserv_id);
void authres_free(AuthRes *ar); /* NULL is allowed */

/* Borrowed, valid as long as `ar`. */
AuthResResult *authres_add(AuthRes *ar, const char *method, const char *result);
void authres_set_reason(AuthResResult *result, const char *reason);
void authres_set_comment(AuthResResult *result, const char *comment);
/* Nothing is added for a NULL value. */
void authres_add_property(AuthResResult *result, const char *ptype, const char *property, const char *value);
/* The first property of that name, or NULL. Borrowed. */
const char *authres_property(const AuthResResult *result, const char *ptype, const char *property);

/* The value (no name, no final semicolon, "; none" when there are no results), folded for a field of that
 * name with each result on its own line; on one line if `field_name` is NULL. */
char *authres_to_string(const AuthRes *ar, const char *field_name);

/* Of an Authentication-Results value, or of ARC-Authentication-Results without its "i=1;". Never NULL. */
AuthRes *authres_parse(const char *value, gssize len);

/* Must this field go, because it bears our name (RFC 8601 §5)? Compared without case and final dot, quoted or
 * not, and wherever a careless reader might see it before the first semicolon, comments included. So must one that is
 * longer than AUTHRES_TEXT_MAX: our name may come after a comment that we have not read to its end. Remove such fields
 * from the last to the first. */
gboolean authres_is_from(const char *value, gssize len, const char *authserv_id);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AuthRes, authres_free)

POSTERN_END_DECLS
