/*
 * signing.h — the engines of <postern/srs.h> with the settings of [srs]: how senders are rewritten and signed here,
 * and which tags are ours to read (H1).
 *
 * Addresses are as on the wire, without brackets. `now` is in seconds since 1970. What is returned is the caller's.
 * Pure functions of the configuration: any thread.
 */
#pragma once

#include <postern/srs.h>

#include "conf/config.h"

typedef enum { SIGN_NONE, SIGN_SRS, SIGN_SES, SIGN_BATV } SignKind;

/* One secret a line, blank lines aside, of a file that others may not read; the first is used to sign. Never empty. NULL with
 * *error. */
char **signing_read_secrets(const char *path, GError **error);

/* Without a secret all of this is off: nothing is rewritten, and no tag is ours. */
gboolean signing_is_on(const Config *config);
/* How senders of this domain, one of ours, are signed. */
SignKind signing_kind(const Config *config, const char *domain);
/* Tags in this domain are ours to verify; all others are for others. */
gboolean signing_knows(const Config *config, const char *domain);
/* One of our own domains: mail to it goes no further, mail from it is not forwarded. */
gboolean signing_is_local(const Config *config, const char *domain);

/* One of our own senders signed as its domain is. `number` tells SES messages apart: a random number will do. NULL: its
 * domain signs nothing, it bears a tag already (ours or others', which are left alone), or it is too long. */
char *signing_sign(const Config *config, const char *address, gint64 now, guint64 number);
/* Somebody's sender put into forward_domain. NULL: there is none, or the address is none that can be (the null sender),
 * is ours to verify already, or would be too long. */
char *signing_forward(const Config *config, const char *address, gint64 now);
/* What a tag of ours stands for: SRS, SES or BATV, one step. SRS_UNTAGGED too where signing_knows() not. *ret only on
 * SRS_VALID. */
SrsStatus signing_reverse(const Config *config, const char *address, gint64 now, char **ret);
/* Verified before, it bears an SES signature of ours that expires: who uses it can be counted. */
gboolean signing_is_counted(const Config *config, const char *address);
/* All steps: an address that we rewrote twice comes back to what it was first. */
SrsStatus signing_reverse_all(const Config *config, const char *address, gint64 now, char **ret);
