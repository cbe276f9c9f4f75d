/* dmarc-record.c — the text of a record: RFC 9989 §4.7, §4.8; RFC 7489 §6.3, §6.4. */
#include "dmarc-internal.h"
#include "taglist.h"

#include <string.h>

#define RI_DEFAULT    86400u
#define NUMBER_DIGITS 10 /* of 2^32 */

/* The tag list is not read by taglist_parse(): DKIM's is all or nothing, and compares with case. Here a broken tag is
 * ignored, names have any case, and the first of two counts.
 *
 * dmarc-tag = 1*ALPHA equals 1*dmarc-value. FALSE: it is none ("fo:1", "sp-none", ""). The value may be empty: that is
 * an invalid one. */
static gboolean split_tag(Span part, Tag *tag)
{
    const char *sign = memchr(part.at, '=', part.len);

    if (!sign)
        return FALSE;
    tag->name = span_trim((Span){part.at, (gsize)(sign - part.at)});
    tag->value = span_trim((Span){sign + 1, (gsize)(part.at + part.len - sign - 1)});
    for (gsize i = 0; i < tag->name.len; i++)
        if (!g_ascii_isalpha(tag->name.at[i]))
            return FALSE;
    return tag->name.len > 0;
}

/* What is being read: values in `record`, and whether p, sp and np were any. */
typedef struct {
    DmarcRecord *record;
    gboolean has_p, broken;
    guint seen; /* bit i: readers[i] has had its tag */
} Reading;

static gboolean read_policy(Span value, DmarcPolicy *policy)
{
    for (int i = DMARC_POLICY_NONE; i <= DMARC_POLICY_REJECT; i++)
        if (span_is_nocase(value, dmarc_policy_name(i))) {
            *policy = (DmarcPolicy)i;
            return TRUE;
        }
    return FALSE;
}

static void read_p(Reading *r, Span value)
{
    r->has_p = read_policy(value, &r->record->p);
}

static void read_sp(Reading *r, Span value)
{
    r->record->has_sp = read_policy(value, &r->record->sp);
    r->broken |= !r->record->has_sp;
}

static void read_np(Reading *r, Span value)
{
    r->record->has_np = read_policy(value, &r->record->np);
    r->broken |= !r->record->has_np;
}

static void read_adkim(Reading *r, Span value)
{
    r->record->strict_dkim = span_is_nocase(value, "s");
}

static void read_aspf(Reading *r, Span value)
{
    r->record->strict_spf = span_is_nocase(value, "s");
}

static void read_psd(Reading *r, Span value)
{
    r->record->psd = span_is_nocase(value, "y")   ? DMARC_PSD_YES
                     : span_is_nocase(value, "n") ? DMARC_PSD_NO
                                                  : DMARC_PSD_UNKNOWN;
}

static void read_t(Reading *r, Span value)
{
    r->record->testing = span_is_nocase(value, "y");
}

/* A number of at most `max`; else what is there already. */
static void read_number(Span value, guint max, guint *number)
{
    guint64 n;

    if (span_number(value, NUMBER_DIGITS, &n) && n <= max)
        *number = (guint)n;
}

static void read_pct(Reading *r, Span value)
{
    read_number(value, 100, &r->record->pct);
}

static void read_ri(Reading *r, Span value)
{
    read_number(value, G_MAXUINT32, &r->record->ri);
}

/* RFC 9989 §4.7: one or more of 0 1 d s with colons between them; anything else is as if it were not there. */
static void read_fo(Reading *r, Span value)
{
    static const char letters[] = "01ds";
    guint fo = 0;
    Span item;

    while (span_next(&value, ':', &item)) {
        const char *letter = item.len == 1 && *item.at ? strchr(letters, g_ascii_tolower(*item.at)) : NULL;
        if (!letter)
            return;
        fo |= 1u << (letter - letters);
    }
    r->record->fo = fo;
}

/* RFC 3986 §2: the characters of a URI without comma and exclamation mark, which must be encoded here. */
static gboolean is_uri_text(Span s)
{
    for (gsize i = 0; i < s.len; i++) {
        const char c = s.at[i];
        if (c == '%') {
            if (s.len - i < 3 || !g_ascii_isxdigit(s.at[i + 1]) || !g_ascii_isxdigit(s.at[i + 2]))
                return FALSE;
        } else if (!g_ascii_isalnum(c) && (c == '\0' || !strchr("-._~:/?#[]@$&'()*+;=", c))) {
            return FALSE;
        }
    }
    return TRUE;
}

/* RFC 3986 §3: scheme and something behind it; of a mailto an address (RFC 6068 §2). */
static gboolean is_uri(Span s)
{
    const char *colon = memchr(s.at, ':', s.len), *at, *end = s.at + s.len;

    if (!colon || colon + 1 == end || !g_ascii_isalpha(*s.at) || !is_uri_text(s))
        return FALSE;
    for (const char *p = s.at; p < colon; p++)
        if (!g_ascii_isalnum(*p) && !strchr("+-.", *p))
            return FALSE;
    if (!span_is_nocase((Span){s.at, (gsize)(colon - s.at)}, "mailto"))
        return TRUE;
    at = memchr(colon, '@', (gsize)(end - colon));
    return at && at > colon + 1 && at + 1 < end;
}

/* dmarc-urilist. The "!10m" of RFC 7489 §6.2 is cut off: RFC 9989 ignores it. */
static void read_uris(Span value, char ***uris)
{
    g_autoptr(GStrvBuilder) list = g_strv_builder_new();
    guint n = 0;
    Span item;

    while (n < DMARC_URIS_MAX && span_next(&value, ',', &item)) {
        const char *size = memchr(item.at, '!', item.len);
        if (size)
            item = span_trim((Span){item.at, (gsize)(size - item.at)});
        if (is_uri(item)) {
            g_autofree char *uri = span_dup(item);
            g_strv_builder_add(list, uri);
            n++;
        }
    }
    g_strfreev(*uris);
    *uris = g_strv_builder_end(list);
}

static void read_rua(Reading *r, Span value)
{
    read_uris(value, &r->record->rua);
}

static void read_ruf(Reading *r, Span value)
{
    read_uris(value, &r->record->ruf);
}

/* RFC 9989 §9.3. A tag that the standard does not have is as good as unknown. */
enum { IN_9989 = 1, IN_7489 = 2, IN_BOTH = 3 };
static const struct {
    const char *name;
    guint in;
    void (*read)(Reading *r, Span value);
} readers[] = {
    {"p", IN_BOTH, read_p},
    {"sp", IN_BOTH, read_sp},
    {"np", IN_9989, read_np},
    {"adkim", IN_BOTH, read_adkim},
    {"aspf", IN_BOTH, read_aspf},
    {"psd", IN_9989, read_psd},
    {"t", IN_9989, read_t},
    {"rua", IN_BOTH, read_rua},
    {"ruf", IN_BOTH, read_ruf},
    /* Read in any case: who compares the two standards wants to see them. */
    {"fo", IN_BOTH, read_fo},
    {"pct", IN_BOTH, read_pct},
    {"ri", IN_BOTH, read_ri},
};
G_STATIC_ASSERT(G_N_ELEMENTS(readers) <= 32);

static void read_tag(Reading *r, DmarcStandard standard, const Tag *tag)
{
    const guint in = standard == DMARC_RFC7489 ? IN_7489 : IN_9989;

    for (guint i = 0; i < G_N_ELEMENTS(readers); i++)
        if ((readers[i].in & in) && !(r->seen & 1u << i) && span_is_nocase(tag->name, readers[i].name)) {
            r->seen |= 1u << i;
            readers[i].read(r, tag->value);
            return;
        }
}

/* RFC 9989 §4.10.1, RFC 7489 §6.6.3: what a record without a sound policy means. */
static void settle(Reading *r)
{
    DmarcRecord *record = r->record;

    record->usable = TRUE;
    if (!r->has_p || r->broken) {
        record->usable = record->repaired = record->rua[0] != NULL;
        record->p = record->sp = record->np = DMARC_POLICY_NONE;
        record->has_sp = record->has_np = FALSE;
    }
    if (!record->has_sp)
        record->sp = record->p;
    if (!record->has_np)
        record->np = record->sp;
}

DmarcRecord *dmarc_record_parse(DmarcStandard standard, const char *text, gsize len)
{
    Span rest = {text, len}, part;
    Reading r = {0};
    Tag tag;

    /* "v" equals %s"DMARC1": the name in any case, the value not. */
    if (!span_next(&rest, ';', &part) || !split_tag(part, &tag) || !span_is_nocase(tag.name, "v") ||
        !span_is(tag.value, "DMARC1"))
        return NULL;
    r.record = g_new0(DmarcRecord, 1);
    r.record->rua = g_new0(char *, 1);
    r.record->ruf = g_new0(char *, 1);
    r.record->fo = DMARC_FO_ALL;
    r.record->pct = 100;
    r.record->ri = RI_DEFAULT;
    while (span_next(&rest, ';', &part))
        if (split_tag(part, &tag))
            read_tag(&r, standard, &tag);
    settle(&r);
    return r.record;
}

void dmarc_record_free(DmarcRecord *record)
{
    if (!record)
        return;
    g_strfreev(record->rua);
    g_strfreev(record->ruf);
    g_free(record);
}
