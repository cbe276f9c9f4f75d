/* batv.c — Bounce Address Tag Validation, prvs= (draft-levine-smtp-batv-01 §4, §5; as Exim writes it). */
#include "srs-tag.h"

#include <string.h>

#define DAY_SLOTS  1000 /* three decimal digits */
#define STAMP_SIZE 4    /* KDDD */
#define HASH_BYTES 3    /* SSSSSS, the start of the HMAC in hexadecimal */
#define TAG_SIZE   (STAMP_SIZE + 2 * HASH_BYTES)

static guint lifetime_days(const BatvSettings *batv)
{
    return MIN(batv->lifetime ? batv->lifetime : BATV_LIFETIME_DEFAULT, DAY_SLOTS / 2 - 1);
}

/* HMAC over KDDD and the address. */
static void batv_hash(const char *secret, const char *stamp, const char *address,
                      guint8 out[static HASH_BYTES])
{
    g_autofree char *data = g_strdup_printf("%.*s%s", STAMP_SIZE, stamp, address);
    guint8 mac[HMAC_SHA1_SIZE];
    srstag_hmac_sha1(secret, data, strlen(data), mac);
    memcpy(out, mac, HASH_BYTES);
}

char *batv_sign(const BatvSettings *batv, const char *address, gint64 now)
{
    g_auto(SrsTagParts) parts = {0};
    g_assert(batv->secrets && batv->secrets[0] && batv->key_number <= 9);
    if (!srstag_split(address, &parts))
        return NULL;
    char stamp[STAMP_SIZE + 1];
    guint expires = (guint)((srstag_days(now) + lifetime_days(batv)) % DAY_SLOTS);
    g_snprintf(stamp, sizeof stamp, "%u%03u", batv->key_number, expires);
    g_autofree char *plain = srstag_join(parts.local, parts.domain);
    if (!plain)
        return NULL;
    guint8 hash[HASH_BYTES];
    batv_hash(batv->secrets[0], stamp, plain, hash);
    g_autofree char *local =
        g_strdup_printf("prvs=%s%02x%02x%02x=%s", stamp, hash[0], hash[1], hash[2], parts.local);
    return srstag_join(local, parts.domain);
}

/* KDDD in digits, then hexadecimal; FALSE: it is not that. */
static gboolean tag_read(const char *tag, guint *ret_expires, guint8 hash[static HASH_BYTES])
{
    if (strnlen(tag, TAG_SIZE + 1) <= TAG_SIZE || tag[TAG_SIZE] != '=' || !tag[TAG_SIZE + 1])
        return FALSE;
    for (guint i = 0; i < TAG_SIZE; i++)
        if (i < STAMP_SIZE ? !g_ascii_isdigit(tag[i]) : !g_ascii_isxdigit(tag[i]))
            return FALSE;
    *ret_expires = (guint)((tag[1] - '0') * 100 + (tag[2] - '0') * 10 + (tag[3] - '0'));
    for (guint i = 0; i < HASH_BYTES; i++)
        hash[i] = (guint8)(g_ascii_xdigit_value(tag[STAMP_SIZE + 2 * i]) << 4 |
                           g_ascii_xdigit_value(tag[STAMP_SIZE + 2 * i + 1]));
    return TRUE;
}

SrsStatus batv_verify(const BatvSettings *batv, const char *address, gint64 now, char **ret)
{
    g_auto(SrsTagParts) parts = {0};
    g_assert(batv->secrets && batv->secrets[0]);
    if (!srstag_split(address, &parts) || g_ascii_strncasecmp(parts.local, "prvs=", 5) != 0)
        return SRS_UNTAGGED;
    const char *tag = parts.local + 5;
    guint expires;
    guint8 given[HASH_BYTES];
    if (!tag_read(tag, &expires, given))
        return SRS_BROKEN;
    g_autofree char *plain = srstag_join(tag + TAG_SIZE + 1, parts.domain);
    if (!plain)
        return SRS_BROKEN;

    gboolean same = FALSE;
    for (const char *const *secret = batv->secrets; *secret; secret++) {
        guint8 hash[HASH_BYTES];
        batv_hash(*secret, tag, plain, hash);
        same |= srstag_same_bytes(given, hash, HASH_BYTES);
    }
    if (!same)
        return SRS_FORGED;
    /* Counted round the thousand: what we signed expires within a lifetime from today, or has. */
    guint left = (expires + DAY_SLOTS - (guint)(srstag_days(now) % DAY_SLOTS)) % DAY_SLOTS;
    if (left > lifetime_days(batv))
        return SRS_EXPIRED;
    *ret = g_steal_pointer(&plain);
    return SRS_VALID;
}
