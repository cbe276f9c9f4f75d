/* mailbox.c — mailboxes of a header field (RFC 5322 §3.4, with the obsolete forms of §4.4). */
#include "address-parse.h"

#include <string.h>

/* What is being read: one list element, up to its comma. Words of the phrase are joined by single spaces; the
 * address outside of brackets is the same words, quotes kept and joined only where white space does not
 * matter. */
typedef struct {
    const char *p, *end;
    gboolean quotes_broken; /* a quote had no partner: from there on quotes are ordinary characters */
    /* The same of parentheses. Without these an attacker makes us scan n²/2 bytes */
    gboolean comments_broken;

    GString *phrase;  /* display name, unquoted */
    GString *spec;    /* the same words as an addr-spec: quotes kept */
    GString *comment; /* of this element */
    GString *angle;   /* what stands between < and >, comments and folding removed */
    gboolean has_angle;
    gboolean any;      /* a word or an angle was seen */
    gboolean space;    /* white space or a comment stands before the next token */
    gsize last_word;   /* where in `spec` the last white-space separated word begins */
    gsize last_phrase; /* where in `phrase` it does */

    GArray *boxes;
    MailboxList *list;
} Scan;

static gboolean is_blank(char c)
{
    return (guchar)c <= ' ' || c == 0x7f;
}

static void element_reset(Scan *s)
{
    g_string_truncate(s->phrase, 0);
    g_string_truncate(s->spec, 0);
    g_string_truncate(s->comment, 0);
    g_string_truncate(s->angle, 0);
    s->has_angle = s->any = s->space = FALSE;
    s->last_word = s->last_phrase = 0;
}

static void mailbox_clear(Mailbox *box)
{
    g_free(box->name);
    g_free(box->comment);
    g_free(box->text);
    address_free(box->address);
}

/* "Joe Blow joe@dom": the last word is the address, the others are a name. */
static void split_bare(Scan *s)
{
    if (s->last_word == 0)
        return;
    s->list->malformed = TRUE;
    g_string_truncate(s->phrase, s->last_phrase);
    g_strchomp(s->phrase->str);
    s->phrase->len = strlen(s->phrase->str);
    g_string_erase(s->spec, 0, (gssize)s->last_word);
}

static void element_finish(Scan *s)
{
    if (!s->any) {
        element_reset(s); /* RFC 5322 §4.4 obs-mbox-list: empty elements mean nothing */
        return;
    }
    if (s->list->truncated || s->boxes->len == ADDRESS_LIST_MAX) {
        s->list->truncated = TRUE;
        element_reset(s);
        return;
    }
    GString *text = s->has_angle ? s->angle : s->spec;
    if (!s->has_angle) {
        if (s->last_word == 0)
            g_string_truncate(s->phrase, 0);
        split_bare(s);
    }
    Mailbox box = {
        .name = g_strdup(s->phrase->len ? s->phrase->str : s->comment->str),
        .comment = g_strdup(s->comment->str),
        .text = g_strdup(text->str),
    };
    if (text->len && text->len <= ADDRESS_PATH_MAX)
        box.address = address_parse_bare(text->str, text->len, ADDRESS_INNER_SPACES, NULL);
    if (!box.address)
        s->list->malformed = TRUE;
    g_array_append_val(s->boxes, box);
    element_reset(s);
}

/* RFC 5322 §3.2.2: comments nest; a counter is enough. p is at the '('. FALSE: it never closes. */
static gboolean scan_comment(Scan *s)
{
    guint depth = 0;
    gsize before = s->comment->len;
    if (before)
        g_string_append_c(s->comment, ' ');
    for (const char *p = s->p; p < s->end; p++) {
        char c = *p;
        if (c == '(' && depth++ == 0)
            continue;
        if (c == ')' && --depth == 0) {
            s->p = p + 1;
            s->space = TRUE;
            return TRUE;
        }
        if (c == '\r' || c == '\n') /* folding (RFC 5322 §2.2.3) */
            continue;
        if (c == '\\' && p + 1 < s->end)
            c = *++p;
        g_string_append_c(s->comment, is_blank(c) ? ' ' : c);
    }
    g_string_truncate(s->comment, before);
    s->comments_broken = s->list->malformed = TRUE;
    return FALSE;
}

/* RFC 5322 §3.2.4. p is at the quote. Appends the text to `plain` and the quoted form to `quoted`; FALSE: it
 * never closes. `plain` may be NULL. */
static gboolean scan_quoted(Scan *s, GString *plain, GString *quoted)
{
    gsize plain_before = plain ? plain->len : 0, quoted_before = quoted->len;
    g_string_append_c(quoted, '"');
    for (const char *p = s->p + 1; p < s->end; p++) {
        char c = *p;
        if (c == '"') {
            g_string_append_c(quoted, '"');
            s->p = p + 1;
            return TRUE;
        }
        if (c == '\r' || c == '\n') /* folding (RFC 5322 §2.2.3) */
            continue;
        if (c == '\\' && p + 1 < s->end)
            c = *++p;
        c = is_blank(c) ? ' ' : c;
        if (c == '"' || c == '\\')
            g_string_append_c(quoted, '\\');
        g_string_append_c(quoted, c);
        if (plain)
            g_string_append_c(plain, c);
    }
    g_string_truncate(quoted, quoted_before);
    if (plain)
        g_string_truncate(plain, plain_before);
    s->quotes_broken = s->list->malformed = TRUE;
    return FALSE;
}

/* White space means nothing beside these (RFC 5322 §4.4 obs-local-part, obs-domain, obs-route). */
static gboolean binds(char c)
{
    return c == '.' || c == '@' || c == ',' || c == ':';
}

/* Is the next token glued to what stands in `out`, so that white space between them is dropped? */
static gboolean glued(const GString *out, char next)
{
    return out->len == 0 || binds(next) || binds(out->str[out->len - 1]);
}

/* Between < and >. p is after the '<'. */
static void scan_angle(Scan *s)
{
    GString *out = s->angle;
    gboolean space = FALSE;
    while (s->p < s->end && *s->p != '>') {
        char c = *s->p;
        if (is_blank(c)) {
            space = TRUE;
            s->p++;
            continue;
        }
        if (c == '(' && !s->comments_broken && scan_comment(s)) {
            space = TRUE;
            continue;
        }
        if (c == '<') { /* "<<a@b>>" is seen in the wild: the inner one is meant */
            s->list->malformed = TRUE;
            g_string_truncate(out, 0);
            s->p++;
            continue;
        }
        if (space && !glued(out, c))
            g_string_append_c(out, ' ');
        space = FALSE;
        if (c == '"' && !s->quotes_broken && scan_quoted(s, NULL, out))
            continue;
        g_string_append_c(out, c);
        s->p++;
    }
    if (s->p < s->end)
        s->p++;
    else
        s->list->malformed = TRUE;
}

/* A new token of the phrase comes: white space before it is one space in the name, and in the address parts
 * words. */
static void word_boundary(Scan *s, char next)
{
    if (s->space && s->phrase->len)
        g_string_append_c(s->phrase, ' ');
    if (s->space && s->spec->len && !glued(s->spec, next)) {
        s->last_word = s->spec->len;
        s->last_phrase = s->phrase->len;
    }
    s->space = FALSE;
    s->any = TRUE;
}

/* Outside of quotes, where no phrase can have one. */
static gboolean has_bare_at(const GString *spec)
{
    gboolean quoted = FALSE;
    for (const char *p = spec->str; *p; p++) {
        if (quoted && *p == '\\' && p[1])
            p++;
        else if (*p == '"')
            quoted = !quoted;
        else if (*p == '@' && !quoted)
            return TRUE;
    }
    return FALSE;
}

/* A colon ends a group's name, unless what stands before it is a source route without brackets. */
static void scan_colon(Scan *s)
{
    if (s->spec->len && s->spec->str[0] == '@') {
        g_string_append_c(s->spec, ':');
        return;
    }
    s->list->malformed |= has_bare_at(s->spec);
    element_reset(s);
}

/* A domain literal's colons are its own (RFC 5322 §3.4.1). p is at the '['. FALSE: it does not close soon
 * enough. */
static gboolean scan_literal(Scan *s)
{
    const char *close = memchr(s->p, ']', MIN((gsize)(s->end - s->p), ADDRESS_DOMAIN_MAX));
    if (!close)
        return FALSE;
    for (; s->p <= close; s->p++) {
        if (is_blank(*s->p))
            continue;
        g_string_append_c(s->phrase, *s->p);
        g_string_append_c(s->spec, *s->p);
    }
    return TRUE;
}

static void scan_token(Scan *s)
{
    char c = *s->p;
    if (is_blank(c)) {
        s->space = TRUE;
        s->p++;
        return;
    }
    if (c == '(' && !s->comments_broken && scan_comment(s))
        return;
    if (c == ',' || c == ';') {
        element_finish(s);
        s->p++;
        return;
    }
    if (c == '>') { /* of nothing that was opened */
        s->list->malformed = TRUE;
        s->p++;
        return;
    }
    if (s->has_angle) { /* only a comment may follow the bracket: something else begins a new element */
        s->list->malformed = TRUE;
        element_finish(s);
    }
    if (c == '<') {
        s->p++;
        s->any = s->has_angle = TRUE;
        scan_angle(s);
        return;
    }
    if (c == ':') {
        scan_colon(s);
        s->p++;
        return;
    }
    word_boundary(s, c);
    if (c == '"' && !s->quotes_broken && scan_quoted(s, s->phrase, s->spec))
        return;
    if (c == '[' && s->spec->len && s->spec->str[s->spec->len - 1] == '@' && scan_literal(s))
        return;
    g_string_append_c(s->phrase, c);
    g_string_append_c(s->spec, c);
    s->p++;
}

MailboxList *address_parse_mailboxes(const char *value, gssize len)
{
    MailboxList *list = g_new0(MailboxList, 1);
    Scan s = {
        .p = value,
        .end = value + (len < 0 ? strlen(value) : (gsize)len),
        .phrase = g_string_new(NULL),
        .spec = g_string_new(NULL),
        .comment = g_string_new(NULL),
        .angle = g_string_new(NULL),
        .boxes = g_array_new(FALSE, FALSE, sizeof(Mailbox)),
        .list = list,
    };
    while (s.p < s.end && !list->truncated)
        scan_token(&s);
    element_finish(&s);

    g_string_free(s.phrase, TRUE);
    g_string_free(s.spec, TRUE);
    g_string_free(s.comment, TRUE);
    g_string_free(s.angle, TRUE);
    list->n = s.boxes->len;
    list->boxes = (Mailbox *)(void *)g_array_free(s.boxes, FALSE);
    return list;
}

void mailbox_list_free(MailboxList *list)
{
    if (!list)
        return;
    for (guint i = 0; i < list->n; i++)
        mailbox_clear(&list->boxes[i]);
    g_free(list->boxes);
    g_free(list);
}
