/* dkim-canon.c — canonical forms (RFC 6376 §3.4). */
#include <string.h>

#include "dkim-internal.h"

static const char *const canon_names[] = {
#define X(canon, word) [canon] = word,
    DKIM_CANONS(X)
#undef X
};

const char *dkim_canon_name(int canon)
{
    return canon >= 0 && canon < DKIM_N_CANONS ? canon_names[canon] : "?";
}

gboolean dkim_canon_parse(const char *word, gssize len, DkimCanon *ret)
{
    Span span = {word, len < 0 ? strlen(word) : (gsize)len};
    for (guint i = 0; i < DKIM_N_CANONS; i++)
        if (span_is(span, canon_names[i])) {
            *ret = i;
            return TRUE;
        }
    return FALSE;
}

static gboolean is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* ---- header ---- */

/* §3.4.1: not changed in any way; a milter's LF is the CRLF that was there. */
static void simple_field(GString *out, const DkimField *field)
{
    const char *p = field->value, *end = p + field->value_len;
    g_string_append_len(out, field->name, (gssize)field->name_len);
    g_string_append_c(out, ':');
    for (const char *lf; p < end && (lf = memchr(p, '\n', (gsize)(end - p))); p = lf + 1) {
        gboolean crlf = lf > field->value && lf[-1] == '\r';
        g_string_append_len(out, p, lf - p - crlf);
        g_string_append(out, "\r\n");
    }
    g_string_append_len(out, p, end - p);
}

/* §3.4.2: the name in lower case, the value unfolded, white space reduced. */
static void relaxed_field(GString *out, const DkimField *field)
{
    const char *end = field->value + field->value_len;
    gsize name_len = field->name_len;
    while (name_len && is_blank(field->name[name_len - 1]))
        name_len--;
    for (gsize i = 0; i < name_len; i++)
        g_string_append_c(out, g_ascii_tolower(field->name[i]));
    g_string_append_c(out, ':');
    gsize start = out->len;
    gboolean gap = FALSE;
    for (const char *p = field->value; p < end; p++) {
        if (is_blank(*p)) {
            gap = TRUE;
        } else if (*p != '\n' && !(*p == '\r' && p + 1 < end && p[1] == '\n')) {
            if (gap && out->len > start)
                g_string_append_c(out, ' ');
            g_string_append_c(out, *p);
            gap = FALSE;
        }
    }
}

void dkim_canon_field(GString *out, DkimCanon canon, const DkimField *field)
{
    (canon == DKIM_SIMPLE ? simple_field : relaxed_field)(out, field);
    g_string_append(out, "\r\n");
}

/* ---- body ---- */

/*
 * Two stages. `reduce` is relaxed only: it takes out white space; what it lets through goes in large pieces, small
 * ones are collected in `staged`. `hold` is for both forms: it keeps back line ends until something follows them,
 * since empty lines at the end do not count.
 */
#define STAGED_MAX 4096 /* bytes; a larger piece is handed on without being copied */
#define DIRECT_MIN 512  /* bytes; a smaller one is copied */

struct DkimCanonBody {
    DkimCanon canon;
    DkimCanonSink sink;
    void *data;
    /* reduce */
    gboolean gap; /* white space was seen, and what follows it was not */
    gboolean cr;  /* then a CR, at the end of a chunk */
    /* hold */
    gboolean any;       /* something but line ends was handed on */
    gboolean held_cr;   /* after the line ends */
    guint64 held_lines; /* CRLFs */
    /* between the two */
    gsize n_staged;
    char staged[STAGED_MAX];
};

DkimCanonBody *dkim_canon_body_new(DkimCanon canon, DkimCanonSink sink, void *data)
{
    DkimCanonBody *body = g_malloc(sizeof *body);
    memset(body, 0, offsetof(DkimCanonBody, staged));
    body->canon = canon;
    body->sink = sink;
    body->data = data;
    return body;
}

void dkim_canon_body_free(DkimCanonBody *body)
{
    g_free(body);
}

static void release_lines(DkimCanonBody *body)
{
    static const char lines[] = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
                                "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";
    while (body->held_lines) {
        gsize n = MIN(body->held_lines, (sizeof lines - 1) / 2);
        body->sink(lines, 2 * n, body->data);
        body->held_lines -= n;
    }
}

static void hold(DkimCanonBody *body, const char *p, gsize len)
{
    const char *end = p + len;
    if (len && body->held_cr) {
        body->held_cr = FALSE;
        if (*p == '\n') {
            body->held_lines++;
            p++;
        } else {
            release_lines(body);
            body->sink("\r", 1, body->data);
            body->any = TRUE;
        }
    }
    if (p == end)
        return;
    /* What is held at the end of this piece. */
    const char *tail = end;
    guint64 lines = 0;
    gboolean cr = tail[-1] == '\r';
    tail -= cr;
    for (; tail - p >= 2 && tail[-1] == '\n' && tail[-2] == '\r'; tail -= 2)
        lines++;
    if (tail > p) {
        release_lines(body);
        body->sink(p, (gsize)(tail - p), body->data);
        body->any = TRUE;
    }
    body->held_lines += lines;
    body->held_cr = cr;
}

static void flush_staged(DkimCanonBody *body)
{
    hold(body, body->staged, body->n_staged);
    body->n_staged = 0;
}

static void stage(DkimCanonBody *body, const char *p, gsize len)
{
    if (len >= DIRECT_MIN || body->n_staged + len > STAGED_MAX)
        flush_staged(body);
    if (len >= DIRECT_MIN) {
        hold(body, p, len);
        return;
    }
    memcpy(body->staged + body->n_staged, p, len);
    body->n_staged += len;
}

/* White space that is no more than one blank between two words. `p` is before `end`. */
static gboolean is_clean(const char *p, const char *end)
{
    return *p != '\t' && (*p != ' ' || (p + 1 < end && !is_blank(p[1]) && p[1] != '\r'));
}

#define EACH_BYTE(c) (0x0101010101010101 * (guint64)(c))

static guint64 load_bytes(const char *p)
{
    guint64 x;
    memcpy(&x, p, sizeof x);
    return GUINT64_FROM_LE(x);
}

/* The top bit of each byte that is at most `limit`, which is less than 0x80. */
static guint64 low_bytes(guint64 x, guint8 limit)
{
    return ~(((x & ~EACH_BYTE(0x80)) + EACH_BYTE(0x7f - limit)) | x) & EACH_BYTE(0x80);
}

/* The first of eight bytes that is_clean() denies, or NULL; only tabs, and low bytes that another one follows, can be that. */
static const char *find_unclean(const char *p, const char *end, guint64 x, guint64 low, guint64 next_low)
{
    guint64 suspects = (low & (low >> 8 | next_low << 56)) | low_bytes(x, '\t');
    for (; suspects; suspects &= suspects - 1) {
        const char *at = p + __builtin_ctzll(suspects) / 8;
        if (!is_clean(at, end))
            return at;
    }
    return NULL;
}

/* To the first white space that does not stay as it is: a tab, a second blank, or one that a line end may follow. Sixteen
 * bytes at a time, of which encoded text mostly has none that is low. */
static const char *skip_clean(const char *p, const char *end)
{
    for (; end - p > 16; p += 16) {
        guint64 x = load_bytes(p), y = load_bytes(p + 8);
        guint64 low_x = low_bytes(x, ' '), low_y = low_bytes(y, ' ');
        if (!(low_x | low_y))
            continue;
        const char *at = find_unclean(p, end, x, low_x, low_y);
        at = at ? at : find_unclean(p + 8, end, y, low_y, (guchar)p[16] <= ' ' ? 0x80 : 0);
        if (at)
            return at;
    }
    while (p < end && is_clean(p, end))
        p++;
    return p;
}

/* A CR that no LF follows is a character like any other. */
static void stage_bare_cr(DkimCanonBody *body)
{
    if (body->gap)
        stage(body, " ", 1);
    stage(body, "\r", 1);
    body->gap = FALSE;
}

/* The white space or CR that the last chunk ended with is decided by what comes now. */
static const char *resume(DkimCanonBody *body, const char *p)
{
    if (body->cr) {
        body->cr = FALSE;
        if (*p == '\n') {
            stage(body, "\r\n", 2);
            body->gap = FALSE;
            return p + 1;
        }
        stage_bare_cr(body);
    }
    return p;
}

/* After white space: gone at a line end, else one blank. */
static const char *close_gap(DkimCanonBody *body, const char *p, const char *end)
{
    while (p < end && is_blank(*p))
        p++;
    if (p == end)
        return p;
    if (*p == '\r' && p + 1 == end) {
        body->cr = TRUE;
        return end;
    }
    if (*p != '\r' || p[1] != '\n')
        stage(body, " ", 1);
    body->gap = FALSE;
    return p;
}

static void reduce(DkimCanonBody *body, const char *p, gsize len)
{
    const char *end = p + len;
    if (len)
        p = resume(body, p);
    while (p < end) {
        if (body->gap) {
            p = close_gap(body, p, end);
            continue;
        }
        const char *stop = skip_clean(p, end);
        gboolean cr = stop == end && stop > p && stop[-1] == '\r';
        if (stop > p + cr)
            stage(body, p, (gsize)(stop - p) - cr);
        body->cr = cr;
        body->gap = stop < end;
        p = stop + (stop < end);
    }
}

void dkim_canon_body_add(DkimCanonBody *body, const void *bytes, gsize len)
{
    (body->canon == DKIM_SIMPLE ? hold : reduce)(body, bytes, len);
}

void dkim_canon_body_end(DkimCanonBody *body)
{
    if (body->canon == DKIM_RELAXED) {
        if (body->cr)
            stage_bare_cr(body);
        flush_staged(body);
    }
    if (body->held_cr) {
        release_lines(body);
        body->sink("\r", 1, body->data);
        body->any = TRUE;
    }
    /* An empty body is one line end in simple form (§3.4.3), nothing in relaxed (§3.4.4). */
    if (body->any || body->canon == DKIM_SIMPLE)
        body->sink("\r\n", 2, body->data);
}
