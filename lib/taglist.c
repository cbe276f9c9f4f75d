/* taglist.c — tag lists (RFC 6376 §3.2). */
#include "taglist.h"

#include <string.h>

static gboolean is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* VALCHAR and the bytes of UTF-8 (RFC 8616 §2). The semicolon never gets here. */
static gboolean is_value(char c)
{
    return is_space(c) || ((guchar)c > ' ' && c != 0x7f);
}

Span span_trim(Span span)
{
    while (span.len && is_space(span.at[0]))
        span.at++, span.len--;
    while (span.len && is_space(span.at[span.len - 1]))
        span.len--;
    return span;
}

gboolean span_is(Span span, const char *text)
{
    return span.len == strlen(text) && memcmp(span.at, text, span.len) == 0;
}

gboolean span_is_nocase(Span span, const char *text)
{
    return span.len == strlen(text) && g_ascii_strncasecmp(span.at, text, span.len) == 0;
}

char *span_dup(Span span)
{
    return g_strndup(span.at, span.len);
}

static gboolean same(Span a, Span b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

/* tag-name = ALPHA *ALNUMPUNC */
static gboolean is_tag_name(Span name)
{
    if (name.len == 0 || !g_ascii_isalpha(name.at[0]))
        return FALSE;
    for (gsize i = 1; i < name.len; i++)
        if (!g_ascii_isalnum(name.at[i]) && name.at[i] != '_')
            return FALSE;
    return TRUE;
}

/* tag-spec = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS] */
static const char *add_tag(TagList *list, Span spec)
{
    const char *equals = memchr(spec.at, '=', spec.len);
    if (!equals)
        return "a tag has no =";
    Tag tag = {
        .name = span_trim((Span){spec.at, (gsize)(equals - spec.at)}),
        .raw = {equals + 1, spec.len - (gsize)(equals + 1 - spec.at)},
    };
    tag.value = span_trim(tag.raw);
    if (!is_tag_name(tag.name))
        return "a tag's name is not one";
    for (gsize i = 0; i < tag.value.len; i++)
        if (!is_value(tag.value.at[i]))
            return "a control character in a tag";
    for (guint i = 0; i < list->n; i++)
        if (same(list->tags[i].name, tag.name))
            return "a tag stands there twice";
    if (list->n == TAGLIST_MAX)
        return "too many tags";
    list->tags[list->n++] = tag;
    return NULL;
}

/* tag-list = tag-spec *( ";" tag-spec ) [ ";" ] */
const char *taglist_parse(TagList *list, const char *text, gsize len)
{
    const char *p = text, *end = text + len, *wrong = NULL;
    list->n = 0;
    while (p < end && !wrong) {
        const char *semicolon = memchr(p, ';', (gsize)(end - p));
        Span spec = {p, (gsize)((semicolon ? semicolon : end) - p)};
        if (!semicolon && list->n && span_trim(spec).len == 0)
            break; /* white space after the last semicolon */
        wrong = add_tag(list, spec);
        p = semicolon ? semicolon + 1 : end;
    }
    if (!wrong && list->n == 0)
        wrong = "there are no tags";
    if (wrong)
        list->n = 0;
    return wrong;
}

const Tag *taglist_find(const TagList *list, const char *name)
{
    for (guint i = 0; i < list->n; i++)
        if (span_is(list->tags[i].name, name))
            return &list->tags[i];
    return NULL;
}

gboolean span_next(Span *rest, char separator, Span *item)
{
    if (!rest->at)
        return FALSE;
    const char *cut = memchr(rest->at, separator, rest->len);
    gsize len = cut ? (gsize)(cut - rest->at) : rest->len;
    *item = span_trim((Span){rest->at, len});
    *rest = cut ? (Span){cut + 1, rest->len - len - 1} : (Span){NULL, 0};
    return TRUE;
}

gboolean span_list_has(Span list, char separator, const char *word)
{
    Span item;
    while (span_next(&list, separator, &item))
        if (span_is(item, word))
            return TRUE;
    return FALSE;
}

gboolean span_number(Span span, guint max_digits, guint64 *ret)
{
    guint64 n = 0;
    if (span.len == 0 || span.len > max_digits)
        return FALSE;
    for (gsize i = 0; i < span.len; i++) {
        if (!g_ascii_isdigit(span.at[i]))
            return FALSE;
        n = 10 * n + (guint64)(span.at[i] - '0');
    }
    *ret = n;
    return TRUE;
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (g_ascii_isdigit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

guint8 *span_base64(Span span, gsize *ret_len)
{
    g_autofree guint8 *out = g_malloc(span.len / 4 * 3 + 3);
    gsize len = 0;
    guint32 bits = 0;
    guint digits = 0, pads = 0;
    for (gsize i = 0; i < span.len; i++) {
        char c = span.at[i];
        int value = base64_value(c);
        if (is_space(c))
            continue;
        if (c == '=' && ++pads <= 2)
            continue;
        if (value < 0 || pads)
            return NULL;
        bits = bits << 6 | (guint32)value;
        if (++digits % 4 == 0) {
            out[len++] = (guint8)(bits >> 16);
            out[len++] = (guint8)(bits >> 8);
            out[len++] = (guint8)bits;
        }
    }
    guint odd = digits % 4;
    if (digits == 0 || odd == 1 || (pads && odd + pads != 4))
        return NULL;
    if (odd >= 2)
        out[len++] = (guint8)(odd == 2 ? bits >> 4 : bits >> 10);
    if (odd == 3)
        out[len++] = (guint8)(bits >> 2);
    *ret_len = len;
    return g_steal_pointer(&out);
}
