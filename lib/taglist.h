/*
 * taglist.h — reading "name=value; name=value" (RFC 6376 §3.2): DKIM signatures and keys, ARC fields, DMARC
 * records.
 *
 *     TagList list;
 *     const char *wrong = taglist_parse(&list, value, len);
 *     const Tag *d = taglist_find(&list, "d");
 *
 * Nothing is copied: a list points into the text and lives no longer. It has a fixed size, so that it can
 * stand on the stack. Names and values are compared with case, as the RFC says. Linear in the text but for the
 * search for doubled names, which TAGLIST_MAX bounds.
 */
#pragma once

#include <glib.h>

/* Tags in one list. A signature has 13 that are defined; more than this is no mail software's work. */
#define TAGLIST_MAX 64

typedef struct {
    const char *at; /* not terminated; may hold any byte over 0x7f, see taglist_parse() */
    gsize len;
} Span;

typedef struct {
    Span name;
    Span value; /* without white space around it; folding inside is still there */
    Span raw;   /* everything between "=" and the ";" or the end */
} Tag;

typedef struct {
    guint n;
    Tag tags[TAGLIST_MAX];
} TagList;

/* NULL: well formed. Else what is wrong, in words, and the list is empty. Bytes over 0x7f may stand in values
 * (RFC 8616 §2), control characters may not. A CR or LF is white space wherever it stands: who folded the text
 * is not known here. */
const char *taglist_parse(TagList *list, const char *text, gsize len);
/* NULL: there is none of that name. */
const Tag *taglist_find(const TagList *list, const char *name);

/* ---- values ---- */

gboolean span_is(Span span, const char *text);        /* with case */
gboolean span_is_nocase(Span span, const char *text); /* ASCII */
Span span_trim(Span span);
char *span_dup(Span span);
/* The next item of a list like "a : b", white space around it removed. FALSE: there are no more. `rest` is at
 * NULL when the last one was taken. An empty list has one empty item. */
gboolean span_next(Span *rest, char separator, Span *item);
gboolean span_list_has(Span list, char separator, const char *word); /* with case */
/* 1*max_digits DIGIT and nothing else. */
gboolean span_number(Span span, guint max_digits, guint64 *ret);
/* Base64 with white space anywhere in it. NULL: it is none, or is empty. */
guint8 *span_base64(Span span, gsize *ret_len);
