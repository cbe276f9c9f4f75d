/*
 * xsig.h — a mark by which we know our own Received-SPF field again: x-sig=HASH=TIME (C13).
 *
 * It binds envelope sender, client address and time under a secret of ours. When mail that we have passed on, or a notice of
 * ours, bounces and the report quotes the field, the mark proves that this sender has sent from this client through us.
 *
 *     char *mark = xsig_make(secrets, "a@example.com", &ip, now);             "6w3…=1767614400"
 *     SrsStatus status = xsig_verify(secrets, mark, "a@example.com", &ip, now, max_age);
 *
 * HASH is the start of HMAC-SHA1 in base64; TIME is seconds since 1970, so that nothing comes round. The sender is hashed as
 * the field can show it: in lower case, what is not printable ASCII as "?". So the field alone suffices to verify it.
 *
 * Pure; any thread. Hashes are compared in constant time.
 */
#pragma once

#include <postern/decls.h>
#include <postern/ip.h>
#include <postern/srs.h>

POSTERN_BEGIN_DECLS

#define XSIG_MAX 48 /* bytes of a mark; ours have fewer */

/* `secrets` as in SrsSettings: NULL-terminated, the first signs, all verify. Owned by the caller. NULL: the null sender, or
 * no client address; there is nothing to be proven. */
char *xsig_make(const char *const *secrets, const char *sender, const IpAddress *ip, gint64 now);
/* UNTAGGED: no mark at all (NULL or ""). EXPIRED: older than `max_age` seconds, or from the future by more than a day. */
SrsStatus xsig_verify(const char *const *secrets, const char *mark, const char *sender, const IpAddress *ip,
                      gint64 now, gint64 max_age);

POSTERN_END_DECLS
