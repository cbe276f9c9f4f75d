/* srs.c — the Sender Rewriting Scheme, as Mail::SRS defined it (the "Guarded" form). */
#include "srs-tag.h"

#include <string.h>

#define STAMP_SLOTS 1024 /* two base32 characters of days: the count wraps every 1024 days */

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

typedef enum { SRS_PLAIN, SRS_0, SRS_1 } SrsKind;

/* `rest` begins at the separator, which other hosts may have chosen otherwise. */
static SrsKind srs_kind(const char *local, const char **ret_rest)
{
    if (g_ascii_strncasecmp(local, "SRS", 3) != 0 || (local[3] != '0' && local[3] != '1') || !local[4] ||
        !strchr("=+-", local[4]))
        return SRS_PLAIN;
    *ret_rest = local + 4;
    return local[3] == '0' ? SRS_0 : SRS_1;
}

gboolean srs_is_tagged(const char *address)
{
    const char *rest;
    return srs_kind(address[0] == '"' ? address + 1 : address, &rest) != SRS_PLAIN;
}

/* ---- hashes ---- */

/* base64 of the HMAC over the lower-cased parts, without the padding. */
static void hash_text(const char *secret, const char *const *parts, char out[static SRS_HASH_MAX + 1])
{
    g_autoptr(GString) data = g_string_new(NULL);
    for (; *parts; parts++)
        g_string_append(data, *parts);
    g_string_ascii_down(data);
    guint8 mac[HMAC_SHA1_SIZE];
    srstag_hmac_sha1(secret, data->str, data->len, mac);
    g_autofree char *text = g_base64_encode(mac, sizeof mac);
    g_strlcpy(out, text, SRS_HASH_MAX + 1);
}

static guint hash_length(const SrsSettings *srs)
{
    return srs->hash_length ? MIN(srs->hash_length, SRS_HASH_MAX) : SRS_HASH_LENGTH_DEFAULT;
}

static char *hash_create(const SrsSettings *srs, const char *const *parts)
{
    char text[SRS_HASH_MAX + 1];
    g_assert(srs->secrets && srs->secrets[0]);
    hash_text(srs->secrets[0], parts, text);
    text[hash_length(srs)] = '\0';
    if (srs->base64url) {
        g_strdelimit(text, "+", '-');
        g_strdelimit(text, "/", '_');
    }
    return g_strdup(text);
}

/* Both alphabets are one, and case does not count: mail systems on the way fold it. */
static void hash_fold(char *hash)
{
    for (char *p = hash; *p; p++)
        *p = *p == '-' ? '+' : *p == '_' ? '/' : g_ascii_tolower(*p);
}

/* Any length from the configured one up is good. Every secret is tried, so that the time does not tell which
 * fits. */
static gboolean hash_verify(const SrsSettings *srs, const char *hash, const char *const *parts)
{
    gsize len = strlen(hash);
    if (len < hash_length(srs) || len > SRS_HASH_MAX)
        return FALSE;
    char given[SRS_HASH_MAX + 1], wanted[SRS_HASH_MAX + 1];
    g_strlcpy(given, hash, sizeof given);
    hash_fold(given);
    gboolean same = FALSE;
    for (const char *const *secret = srs->secrets; *secret; secret++) {
        hash_text(*secret, parts, wanted);
        hash_fold(wanted);
        same |= srstag_same_bytes(given, wanted, len);
    }
    return same;
}

/* ---- time stamps ---- */

static void stamp_create(gint64 now, char out[static 3])
{
    guint64 days = srstag_days(now);
    out[0] = base32[days >> 5 & 31];
    out[1] = base32[days & 31];
    out[2] = '\0';
}

/* The day of a stamp, 0…1023; -1: it is none. */
static int stamp_read(const char *stamp)
{
    int day = 0;
    if (strlen(stamp) != 2)
        return -1;
    for (guint i = 0; i < 2; i++) {
        const char *found = strchr(base32, g_ascii_toupper(stamp[i]));
        if (!found)
            return -1;
        day = day * 32 + (int)(found - base32);
    }
    return day;
}

/* A stamp from the future is one that is almost 1024 days old. */
static gboolean stamp_is_fresh(const SrsSettings *srs, int day, gint64 now)
{
    guint today = (guint)(srstag_days(now) % STAMP_SLOTS);
    guint age = (today + STAMP_SLOTS - (guint)day) % STAMP_SLOTS;
    return age <= (srs->max_age ? srs->max_age : SRS_MAX_AGE_DEFAULT);
}

/* ---- forward ---- */

static char separator(const SrsSettings *srs)
{
    return srs->separator ? srs->separator : '=';
}

/* `written_host` is "" where the address is signed only; the hash is over the real one. */
static char *compile_srs0(const SrsSettings *srs, const SrsTagParts *from, const char *written_host,
                          gint64 now)
{
    char stamp[3];
    stamp_create(now, stamp);
    g_autofree char *hash = hash_create(srs, (const char *[]){stamp, from->domain, from->local, NULL});
    return g_strdup_printf("SRS0%c%s=%s=%s=%s", separator(srs), hash, stamp, written_host, from->local);
}

/* `inner` is what followed SRS0, its separator included: only its own host knows how to read it. */
static char *compile_srs1(const SrsSettings *srs, const char *host, const char *inner)
{
    g_autofree char *hash = hash_create(srs, (const char *[]){host, inner, NULL});
    return g_strdup_printf("SRS1%c%s=%s=%s", separator(srs), hash, host, inner);
}

/* Cuts HHHH=host=inner in place; FALSE: it is not that. */
static gboolean cut_srs1(char *rest, char **ret_host, char **ret_inner)
{
    char *host = strchr(rest, '=');
    char *inner = host ? strchr(host + 1, '=') : NULL;
    if (!inner || inner == host + 1 || !inner[1])
        return FALSE;
    *host = *inner = '\0';
    *ret_host = host + 1;
    *ret_inner = inner + 1;
    return srstag_is_domain(*ret_host);
}

static char *compile(const SrsSettings *srs, const SrsTagParts *from, gint64 now)
{
    const char *rest;
    char *host, *inner;
    switch (srs_kind(from->local, &rest)) {
    case SRS_0:
        return compile_srs1(srs, from->domain, rest);
    case SRS_1: {
        g_autofree char *copy = g_strdup(rest + 1);
        return cut_srs1(copy, &host, &inner) ? compile_srs1(srs, host, inner) : NULL;
    }
    default:
        return compile_srs0(srs, from, from->domain, now);
    }
}

char *srs_forward(const SrsSettings *srs, const char *address, const char *alias, gint64 now)
{
    g_auto(SrsTagParts) from = {0};
    if (!srstag_split(address, &from))
        return NULL;
    const char *at = strrchr(alias, '@');
    const char *domain = at ? at + 1 : alias;
    if (!srs->always_rewrite && g_ascii_strcasecmp(from.domain, domain) == 0)
        return g_strdup(address);
    g_autofree char *local = compile(srs, &from, now);
    return local ? srstag_join(local, domain) : NULL;
}

char *srs_sign(const SrsSettings *srs, const char *address, gint64 now)
{
    g_auto(SrsTagParts) from = {0};
    if (!srstag_split(address, &from))
        return NULL;
    g_autofree char *local = compile_srs0(srs, &from, "", now);
    return srstag_join(local, from.domain);
}

/* ---- reverse ---- */

static SrsStatus hand_out(char *address, char **ret)
{
    if (!address)
        return SRS_BROKEN;
    *ret = address;
    return SRS_VALID;
}

/* HHHH=TT=host=local; an empty host is the domain itself. */
static SrsStatus reverse_srs0(const SrsSettings *srs, char *hash, const char *domain, gint64 now, char **ret)
{
    char *fields[3], *p = hash;
    for (guint i = 0; i < 3; i++) {
        p = strchr(p, '=');
        if (!p)
            return SRS_BROKEN;
        *p++ = '\0';
        fields[i] = p;
    }
    const char *stamp = fields[0], *host = fields[1][0] ? fields[1] : domain, *local = fields[2];
    int day = stamp_read(stamp);
    if (day < 0 || !hash[0] || !local[0])
        return SRS_BROKEN;
    if (!hash_verify(srs, hash, (const char *[]){stamp, host, local, NULL}))
        return SRS_FORGED;
    if (!stamp_is_fresh(srs, day, now))
        return SRS_EXPIRED;
    return hand_out(srstag_join(local, host), ret);
}

/* SRS1=host=(separator)HHHH=TT=…, the form of before 2004: a host name where the hash is now. */
static SrsStatus reverse_hashless(const SrsSettings *srs, const char *host, const char *inner, char **ret)
{
    if (!srs->allow_hashless)
        return SRS_FORGED;
    g_autofree char *local = g_strconcat("SRS0", inner, NULL);
    return hand_out(srstag_join(local, host), ret);
}

static SrsStatus reverse_srs1(const SrsSettings *srs, char *hash, char **ret)
{
    char *first = strchr(hash, '='), *host, *inner;
    if (first && memchr(hash, '.', (gsize)(first - hash))) {
        *first = '\0';
        return reverse_hashless(srs, hash, first + 1, ret);
    }
    if (!cut_srs1(hash, &host, &inner) || !hash[0])
        return SRS_BROKEN;
    g_autofree char *local = NULL;
    if (!hash_verify(srs, hash, (const char *[]){host, inner, NULL}))
        return SRS_FORGED;
    local = g_strconcat("SRS0", inner, NULL);
    return hand_out(srstag_join(local, host), ret);
}

SrsStatus srs_reverse(const SrsSettings *srs, const char *address, gint64 now, char **ret)
{
    g_auto(SrsTagParts) parts = {0};
    const char *rest = NULL;
    g_assert(srs->secrets && srs->secrets[0]);
    if (!srstag_split(address, &parts))
        return SRS_UNTAGGED;
    SrsKind kind = srs_kind(parts.local, &rest);
    if (kind == SRS_PLAIN)
        return SRS_UNTAGGED;
    g_autofree char *copy = g_strdup(rest + 1);
    return kind == SRS_0 ? reverse_srs0(srs, copy, parts.domain, now, ret) : reverse_srs1(srs, copy, ret);
}
