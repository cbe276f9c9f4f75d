/* srs-tag.h — what srs.c, ses.c, batv.c and srs-tag.c share. */
#pragma once

#include <postern/srs.h>

#define HMAC_SHA1_SIZE 20 /* bytes, RFC 2104 with SHA-1 */
#define DAY_SECONDS    86400

typedef struct {
    char *local;  /* unquoted */
    char *domain; /* case kept */
} SrsTagParts;

/* FALSE: too long, no local part, no domain or one that cannot stand in a tag, or a control character. */
gboolean srstag_split(const char *address, SrsTagParts *ret);
void srstag_parts_clear(SrsTagParts *parts);
/* Nothing in it ends a field of a tag, a path or a line; the rest is for those who look the domain up. */
gboolean srstag_is_domain(const char *text);
/* local@domain, quoted where needed; NULL if the local part is empty or longer than ADDRESS_LOCAL_MAX, or the
 * domain would not pass srstag_split(). */
char *srstag_join(const char *local, const char *domain);

void srstag_hmac_sha1(const char *secret, const void *data, gsize len, guint8 out[static HMAC_SHA1_SIZE]);
/* Neither the place of the first difference nor the number of them shows in the time. */
gboolean srstag_same_bytes(const void *a, const void *b, gsize len);

/* The seconds, with those before 1970 taken as 0: no clock of ours says that. */
guint64 srstag_days(gint64 now);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SrsTagParts, srstag_parts_clear)
