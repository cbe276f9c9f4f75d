/* header.c — reading and writing header fields (RFC 5322, RFC 2045). */
#include <postern/header.h>

#include <string.h>

static gboolean is_blank(char c)
{
    return (guchar)c <= ' ' || c == 0x7f;
}

static gsize length_of(const char *text, gssize len)
{
    return len < 0 ? strlen(text) : (gsize)len;
}

gboolean header_name_is(const char *name, gssize len, const char *wanted)
{
    gsize n = length_of(name, len);
    while (n && is_blank(name[n - 1]))
        n--;
    return n == strlen(wanted) && g_ascii_strncasecmp(name, wanted, n) == 0;
}

char *header_unfold(const char *value, gssize len)
{
    const char *p = value, *end = value + length_of(value, len);
    while (p < end && is_blank(*p))
        p++;
    while (end > p && is_blank(end[-1]))
        end--;
    GString *out = g_string_sized_new((gsize)(end - p));
    for (; p < end; p++) {
        if (*p == '\r' || *p == '\n') /* the white space after it is the value's own */
            continue;
        g_string_append_c(out, is_blank(*p) && *p != '\t' ? ' ' : *p);
    }
    return g_string_free(out, FALSE);
}

typedef struct {
    GString *out;
    gsize column;       /* characters on the line so far */
    gsize line_start;   /* in out: after the white space that begins it */
    gssize outer_space; /* in out: the last space outside of quotes on this line, -1: none */
    gssize any_space;   /* the last space at all */
} Fold;

static void fold_reset(Fold *fold, gsize start)
{
    fold->line_start = start;
    fold->column = 1 + fold->out->len - start;
    fold->outer_space = fold->any_space = -1;
}

/* Puts the line break at the best space passed, if there is one. */
static void fold_break(Fold *fold)
{
    if (fold->outer_space >= 0) {
        gssize at = fold->outer_space;
        fold->out->str[at] = '\n';
        g_string_insert_c(fold->out, at + 1, '\t');
        fold_reset(fold, (gsize)at + 2);
    } else if (fold->any_space >= 0) { /* inside of quotes the space is part of the text: it stays */
        gssize at = fold->any_space;
        g_string_insert_c(fold->out, at, '\n');
        fold_reset(fold, (gsize)at + 2);
    }
}

/* A break that is asked for. None is made where the line is still empty. */
static void fold_newline(Fold *fold)
{
    while (fold->out->len > fold->line_start && fold->out->str[fold->out->len - 1] == ' ')
        g_string_truncate(fold->out, fold->out->len - 1);
    if (fold->out->len == fold->line_start)
        return;
    g_string_append(fold->out, "\n\t");
    fold_reset(fold, fold->out->len);
}

char *header_fold(const char *name, const char *value)
{
    Fold fold = {.out = g_string_new(NULL)};
    fold_reset(&fold, 0);
    fold.column = strlen(name) + strlen(": ");
    gboolean quoted = FALSE;
    const char *end = value + strlen(value);
    while (end > value && is_blank(end[-1]))
        end--;
    for (const char *p = value; p < end; p++) {
        if (*p == '\n') {
            fold_newline(&fold);
            continue;
        }
        char c = is_blank(*p) ? ' ' : *p;
        if (c == ' ') {
            if (fold.out->len == fold.line_start)
                continue;
            fold.any_space = (gssize)fold.out->len;
            if (!quoted)
                fold.outer_space = (gssize)fold.out->len;
        } else if (c == '"') {
            quoted = !quoted;
        }
        g_string_append_c(fold.out, c);
        /* an escaped character is none of the above */
        if (c == '\\' && p + 1 < end && !is_blank(p[1])) {
            g_string_append_c(fold.out, *++p);
            fold.column++;
        }
        if (++fold.column > HEADER_LINE_WANTED && c != ' ')
            fold_break(&fold);
    }
    return g_string_free(fold.out, FALSE);
}

gboolean header_is_token(const char *text)
{
    for (const char *p = text; *p; p++)
        if (*p <= ' ' || *p >= 0x7f || strchr("()<>@,;:\\\"/[]?=", *p))
            return FALSE;
    return text[0] != '\0';
}

static char *enclose(const char *text, char open, char close)
{
    GString *out = g_string_new(NULL);
    g_string_append_c(out, open);
    for (const char *p = text; *p; p++) {
        if (*p == open || *p == close || *p == '\\')
            g_string_append_c(out, '\\');
        g_string_append_c(out, is_blank(*p) ? ' ' : *p);
    }
    g_string_append_c(out, close);
    return g_string_free(out, FALSE);
}

char *header_quote(const char *text)
{
    return header_is_token(text) ? g_strdup(text) : enclose(text, '"', '"');
}

char *header_comment(const char *text)
{
    return enclose(text, '(', ')');
}

/* p is after the '('. */
static const char *skip_comment(const char *p, const char *end, GString *text)
{
    if (text && text->len)
        g_string_append_c(text, ' ');
    for (guint depth = 1; p < end; p++) {
        char c = *p;
        if (c == '(')
            depth++;
        else if (c == ')' && --depth == 0)
            return p + 1;
        else if (c == '\\' && p + 1 < end)
            c = *++p;
        else if (c == '\r' || c == '\n')
            continue;
        if (text)
            g_string_append_c(text, is_blank(c) ? ' ' : c);
    }
    return end;
}

const char *header_skip_cfws(const char *p, const char *end, GString *comments)
{
    while (p < end) {
        if (is_blank(*p))
            p++;
        else if (*p == '(')
            p = skip_comment(p + 1, end, comments);
        else
            break;
    }
    return p;
}

const char *header_scan_quoted(const char *p, const char *end, GString *out, gboolean *ret_closed)
{
    gboolean closed = FALSE;
    for (p++; p < end && !closed; p++) {
        if (*p == '"') {
            closed = TRUE;
            continue;
        }
        if (*p == '\r' || *p == '\n')
            continue;
        if (*p == '\\' && p + 1 < end)
            p++;
        g_string_append_c(out, is_blank(*p) ? ' ' : *p);
    }
    if (ret_closed)
        *ret_closed = closed;
    return p;
}

static gboolean is_atext(char c)
{
    return g_ascii_isalnum(c) || (guchar)c >= 0x80 || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* RFC 5322 §4.5.4 obs-id-left / obs-id-right: dot-atom, or words joined by dots; NULL if neither is at p. */
static const char *scan_words(const char *p, const char *end, GString *scratch)
{
    for (;;) {
        const char *start = p;
        if (p < end && *p == '"') {
            gboolean closed;
            p = header_scan_quoted(p, end, scratch, &closed);
            if (!closed)
                return NULL;
        } else {
            while (p < end && is_atext(*p))
                p++;
        }
        if (p == start)
            return NULL;
        if (p == end || *p != '.')
            return p;
        p++;
    }
}

static gboolean is_msgid(const char *p, const char *end)
{
    g_autoptr(GString) scratch = g_string_new(NULL);
    p = header_skip_cfws(p, end, NULL);
    if (p == end || *p++ != '<')
        return FALSE;
    p = scan_words(p, end, scratch);
    if (!p || p == end || *p++ != '@')
        return FALSE;
    if (p < end && *p == '[') { /* no-fold-literal */
        for (p++; p < end && *p != ']'; p++)
            if (is_blank(*p) || *p == '[' || *p == '\\')
                return FALSE;
        if (p++ >= end)
            return FALSE;
    } else {
        p = scan_words(p, end, scratch);
    }
    return p && p < end && *p == '>' && header_skip_cfws(p + 1, end, NULL) == end;
}

HeaderMsgId header_msgid_form(const char *value, gssize len)
{
    const char *p = value, *end = value + length_of(value, len);
    while (p < end && is_blank(*p))
        p++;
    while (end > p && is_blank(end[-1]))
        end--;
    if (end - p < HEADER_MSGID_MIN)
        return HEADER_MSGID_TOO_SHORT;
    return is_msgid(p, end) ? HEADER_MSGID_VALID : HEADER_MSGID_ODD;
}

/* Up to white space, a comment or a ';'. */
static const char *scan_word(const char *p, const char *end)
{
    while (p < end && !is_blank(*p) && *p != '(' && *p != ';')
        p++;
    return p;
}

char *header_received_by(const char *value, gssize len)
{
    const char *p = value, *end = value + length_of(value, len);
    gboolean is_name = FALSE, after_by = FALSE;
    while ((p = header_skip_cfws(p, end, NULL)) < end && *p != ';') {
        const char *word = p;
        p = scan_word(p, end);
        if (after_by)
            return g_strndup(word, (gsize)(p - word));
        after_by = !is_name && header_name_is(word, p - word, "by");
        is_name = !is_name && header_name_is(word, p - word, "from");
    }
    return NULL;
}

/* The clause of "from", the texts of its comments included. */
static GString *from_clause(const char *value, gsize len)
{
    const char *p = value, *end = value + len;
    GString *text = g_string_new(NULL);
    gboolean is_name = FALSE, in_clause = FALSE;
    while ((p = header_skip_cfws(p, end, in_clause ? text : NULL)) < end && *p != ';') {
        const char *word = p;
        p = scan_word(p, end);
        if (!in_clause && !header_name_is(word, p - word, "from"))
            break;
        if (in_clause && !is_name && header_name_is(word, p - word, "by"))
            break;
        is_name = !in_clause;
        in_clause = TRUE;
        g_string_append_c(text, ' ');
        g_string_append_len(text, word, p - word);
        g_string_append_c(text, ' ');
    }
    return text;
}

guint header_received_from(const char *value, gssize len, IpAddress *ips, guint max)
{
    g_autoptr(GString) text = from_clause(value, length_of(value, len));
    static const char *const chars = G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS ".:-_";
    guint n = 0;
    for (const char *at = text->str; *at && n < max;) {
        gsize run = strspn(at, chars);
        gboolean tagged = run > 5 && g_ascii_strncasecmp(at, "IPv6:", 5) == 0; /* RFC 5321 §4.1.3 */
        gsize skip = tagged ? 5 : 0;
        if (run && ip_parse_len(at + skip, run - skip, &ips[n]))
            n++;
        at += run ? run : 1;
    }
    return n;
}
