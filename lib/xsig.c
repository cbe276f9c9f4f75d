/* xsig.c — see xsig.h. */
#include <postern/xsig.h>
#include <string.h>

#include "srs-tag.h"

#define HASH_BYTES  15 /* of the HMAC: 20 characters of base64 and no "=" at the end */
#define HASH_CHARS  20
#define TIME_DIGITS 12 /* until the year 33658 */

/* The words in front keep these hashes apart from those of SRS under the same secret. A sender cannot hold the NUL. */
static void hash_of(const char *secret, const char *sender, const IpAddress *ip, gint64 time,
                    guint8 out[static HASH_BYTES])
{
    char text[IP_STRING_MAX];
    guint8 mac[HMAC_SHA1_SIZE];
    g_autoptr(GString) data = g_string_new("x-sig");
    g_string_append_c(data, '\0');
    g_string_append_printf(data, "%" G_GINT64_FORMAT, time);
    g_string_append_c(data, '\0');
    g_string_append(data, ip_to_string(ip, text));
    g_string_append_c(data, '\0');
    for (const char *c = sender; *c; c++)
        g_string_append_c(data, *c >= ' ' && *c <= '~' ? g_ascii_tolower(*c) : '?');
    srstag_hmac_sha1(secret, data->str, data->len, mac);
    memcpy(out, mac, HASH_BYTES);
}

char *xsig_make(const char *const *secrets, const char *sender, const IpAddress *ip, gint64 now)
{
    guint8 hash[HASH_BYTES];
    if (!sender || !*sender || ip->family == IP_NONE || now < 0)
        return NULL;
    hash_of(secrets[0], sender, ip, now, hash);
    g_autofree char *text = g_base64_encode(hash, HASH_BYTES);
    return g_strdup_printf("%s=%" G_GINT64_FORMAT, text, now);
}

static gboolean split(const char *mark, guint8 hash[static HASH_BYTES], gint64 *time)
{
    gsize len = 0;
    guint64 number;
    if (strnlen(mark, XSIG_MAX) == XSIG_MAX || strnlen(mark, HASH_CHARS + 1) <= HASH_CHARS ||
        mark[HASH_CHARS] != '=' || strlen(mark + HASH_CHARS + 1) > TIME_DIGITS ||
        !g_ascii_string_to_unsigned(mark + HASH_CHARS + 1, 10, 0, G_MAXINT64, &number, NULL))
        return FALSE;
    g_autofree char *text = g_strndup(mark, HASH_CHARS);
    g_autofree guint8 *bytes = g_base64_decode(text, &len);
    if (len != HASH_BYTES)
        return FALSE;
    memcpy(hash, bytes, HASH_BYTES);
    *time = (gint64)number;
    return TRUE;
}

SrsStatus xsig_verify(const char *const *secrets, const char *mark, const char *sender, const IpAddress *ip,
                      gint64 now, gint64 max_age)
{
    guint8 given[HASH_BYTES], right[HASH_BYTES];
    gint64 time;
    gboolean good = FALSE;
    if (!mark || !*mark)
        return SRS_UNTAGGED;
    if (!split(mark, given, &time))
        return SRS_BROKEN;
    for (; *secrets; secrets++) {
        hash_of(*secrets, sender ? sender : "", ip, time, right);
        good |= srstag_same_bytes(given, right, HASH_BYTES);
    }
    if (!good)
        return SRS_FORGED;
    return time > now + DAY_SECONDS || now - time > max_age ? SRS_EXPIRED : SRS_VALID;
}
