/*
 * ses.c — Signed Envelope Senders, as pysrs writes them.
 *
 * The tag is one number in base 38: message id, time code (quarter days, modulo its largest value), and the
 * first 80 bits of the HMAC, from the high end to the low. A time code of all ones marks a signature without
 * a time.
 */
#include "srs-tag.h"

#include <string.h>

#define QUARTER_DAY 21600 /* seconds */
#define HASH_BYTES  10    /* 80 bits of HMAC-SHA1 */
#define NUMBER_BITS 125   /* 2^125 < 38^24: fits into a tag, and any tag fits into a SesNumber */
#define SES_TAG_MAX 24
#define EXPIRY_MAX  3650 /* days; the time code's bits are the message id's loss */

typedef unsigned __int128 SesNumber;

static const char base38[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

static guint expiry_days(const SesSettings *ses)
{
    return MIN(ses->expiry ? ses->expiry : SES_EXPIRY_DEFAULT, EXPIRY_MAX);
}

/* Enough bits that the code does not come round before it expires. */
static guint timecode_bits(const SesSettings *ses)
{
    guint bits = 1;
    while ((1u << bits) - 1 <= expiry_days(ses))
        bits++;
    return bits + 2;
}

static guint message_id_bits(const SesSettings *ses)
{
    return NUMBER_BITS - 8 * HASH_BYTES - timecode_bits(ses);
}

static guint64 timecode_at(gint64 now)
{
    return now > 0 ? (guint64)now / QUARTER_DAY : 0;
}

/* HMAC over both numbers (64 bit, big-endian), local part, @ and lower-cased domain; the first 80 bits. */
static void ses_hash(const char *secret, guint64 timecode, guint64 message_id, const SrsTagParts *parts,
                     guint8 out[static HASH_BYTES])
{
    guint64 numbers[2] = {GUINT64_TO_BE(timecode), GUINT64_TO_BE(message_id)};
    g_autofree char *domain = g_ascii_strdown(parts->domain, -1);
    g_autoptr(GString) data = g_string_new_len((const char *)numbers, sizeof numbers);
    g_string_append_printf(data, "%s@%s", parts->local, domain);
    guint8 mac[HMAC_SHA1_SIZE];
    srstag_hmac_sha1(secret, data->str, data->len, mac);
    memcpy(out, mac, HASH_BYTES);
}

static SesNumber number_pack(const SesSettings *ses, guint64 message_id, guint64 code, const guint8 *hash)
{
    SesNumber number = (SesNumber)message_id << timecode_bits(ses) | code;
    for (guint i = 0; i < HASH_BYTES; i++)
        number = number << 8 | hash[i];
    return number;
}

static void number_write(SesNumber number, char out[static SES_TAG_MAX + 1])
{
    char reversed[SES_TAG_MAX + 1];
    gsize n = 0;
    for (; number > 0 && n < SES_TAG_MAX; number /= 38)
        reversed[n++] = base38[(guint)(number % 38)];
    for (gsize i = 0; i < n; i++)
        out[i] = reversed[n - 1 - i];
    out[n] = '\0';
}

/* Any case, but no zeros in front: who counts how often a tag is used must not meet it in two forms. FALSE: not a number that
 * we could have written. */
static gboolean number_read(const char *text, gsize len, SesNumber *ret)
{
    SesNumber number = 0;
    if (len == 0 || len > SES_TAG_MAX || (len > 1 && g_ascii_toupper(text[0]) == base38[0]))
        return FALSE;
    for (gsize i = 0; i < len; i++) {
        const char *found = text[i] ? strchr(base38, g_ascii_toupper(text[i])) : NULL;
        if (!found)
            return FALSE;
        number = number * 38 + (SesNumber)(found - base38);
    }
    *ret = number;
    return TRUE;
}

/* timecode 0: fixed. */
static char *sign(const SesSettings *ses, const char *address, guint64 message_id, guint64 timecode)
{
    g_auto(SrsTagParts) parts = {0};
    g_assert(ses->secrets && ses->secrets[0]);
    if (message_id >> message_id_bits(ses) || !srstag_split(address, &parts))
        return NULL;
    guint64 largest = (1u << timecode_bits(ses)) - 1;
    guint8 hash[HASH_BYTES];
    ses_hash(ses->secrets[0], timecode, message_id, &parts, hash);
    char tag[SES_TAG_MAX + 1];
    number_write(number_pack(ses, message_id, timecode ? timecode % largest : largest, hash), tag);
    g_autofree char *local = g_strdup_printf("SES=%s=%s", tag, parts.local);
    return srstag_join(local, parts.domain);
}

char *ses_sign(const SesSettings *ses, const char *address, guint64 message_id, gint64 now)
{
    guint64 timecode = timecode_at(now);
    return timecode ? sign(ses, address, message_id, timecode) : NULL;
}

char *ses_sign_fixed(const SesSettings *ses, const char *address, guint64 message_id)
{
    return sign(ses, address, message_id, 0);
}

static gboolean hash_verify(const SesSettings *ses, const guint8 *given, guint64 timecode, guint64 message_id,
                            const SrsTagParts *parts)
{
    gboolean same = FALSE;
    for (const char *const *secret = ses->secrets; *secret; secret++) {
        guint8 hash[HASH_BYTES];
        ses_hash(*secret, timecode, message_id, parts, hash);
        same |= srstag_same_bytes(given, hash, HASH_BYTES);
    }
    return same;
}

/* The latest time at or before now that has this code; 0 (fixed) for all ones. */
static guint64 timecode_restore(guint64 code, guint64 largest, guint64 today)
{
    if (code == largest)
        return 0;
    guint64 timecode = today / largest * largest + code;
    return timecode > today && timecode >= largest ? timecode - largest : timecode;
}

/* What a tag holds, nothing verified. */
typedef struct {
    SrsTagParts parts; /* of the address behind it */
    guint8 hash[HASH_BYTES];
    guint64 code, message_id;
} SesTag;

static void ses_tag_clear(SesTag *tag)
{
    srstag_parts_clear(&tag->parts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SesTag, ses_tag_clear)

static guint64 fixed_code(const SesSettings *ses)
{
    return (1u << timecode_bits(ses)) - 1;
}

/* SRS_VALID: it has the form of one. `ret` is zeroed, and cleared by the caller. */
static SrsStatus read_tag(const SesSettings *ses, const char *address, SesTag *ret)
{
    if (!srstag_split(address, &ret->parts) || g_ascii_strncasecmp(ret->parts.local, "SES=", 4) != 0)
        return SRS_UNTAGGED;
    const char *text = ret->parts.local + 4, *end = strchr(text, '=');
    SesNumber number;
    if (!end || !end[1] || !number_read(text, (gsize)(end - text), &number))
        return SRS_BROKEN;
    for (guint i = HASH_BYTES; i-- > 0; number >>= 8)
        ret->hash[i] = (guint8)number;
    ret->code = (guint64)number & fixed_code(ses);
    ret->message_id = (guint64)(number >> timecode_bits(ses));
    char *local = g_strdup(end + 1);
    g_free(ret->parts.local);
    ret->parts.local = local;
    return SRS_VALID;
}

gboolean ses_is_fixed(const SesSettings *ses, const char *address)
{
    g_auto(SesTag) tag = {0};
    return read_tag(ses, address, &tag) == SRS_VALID && tag.code == fixed_code(ses);
}

SrsStatus ses_verify(const SesSettings *ses, const char *address, gint64 now, char **ret,
                     guint64 *ret_message_id)
{
    g_auto(SesTag) tag = {0};
    g_assert(ses->secrets && ses->secrets[0]);
    SrsStatus status = read_tag(ses, address, &tag);
    if (status != SRS_VALID)
        return status;
    guint64 today = timecode_at(now), timecode = timecode_restore(tag.code, fixed_code(ses), today);
    if (!hash_verify(ses, tag.hash, timecode, tag.message_id, &tag.parts))
        return SRS_FORGED;
    if (timecode && today - timecode >= (guint64)expiry_days(ses) * 4)
        return SRS_EXPIRED;
    char *original = srstag_join(tag.parts.local, tag.parts.domain);
    if (!original)
        return SRS_BROKEN;
    *ret = original;
    if (ret_message_id)
        *ret_message_id = tag.message_id;
    return SRS_VALID;
}
