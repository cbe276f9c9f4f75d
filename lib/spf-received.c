/* The Received-SPF field: RFC 7208 §9.1. */
#include "spf-internal.h"

#include <string.h>

#define LINE_LEN 78 /* RFC 5322 §2.1.1: better not more */
#define VALUE_MAX                                                                                            \
    400 /* bytes of one value before quoting, which may double it: lines must stay under 998                 \
         */
#define COMMENT_MAX 400
#define FIELD_NAME  14 /* "Received-SPF: " stands before the first line */

/* dot-atom-text (RFC 5322 §3.2.3) */
static gboolean is_dot_atom(const char *text)
{
    for (const char *p = text;; p++) {
        const char *start = p;
        while (g_ascii_isalnum(*p) || (*p && strchr("!#$%&'*+-/=?^_`{|}~", *p)))
            p++;
        if (p == start)
            return FALSE;
        if (*p != '.')
            return *p == '\0';
    }
}

static void append_safe(GString *out, const char *text, gsize max, const char *escape)
{
    for (gsize i = 0; i < max && text[i]; i++) {
        gboolean printable = text[i] >= 0x20 && text[i] <= 0x7e;
        if (printable && strchr(escape, text[i]))
            g_string_append_c(out, '\\');
        g_string_append_c(out, printable ? text[i] : '?');
    }
}

typedef struct {
    GString *out;
    gsize line; /* bytes of the last line */
} Folder;

/* `piece` behind a blank, or on a line of its own if it does not fit. */
static void add_piece(Folder *f, const GString *piece)
{
    if (f->line + 1 + piece->len > LINE_LEN) {
        g_string_append(f->out, "\n ");
        f->line = 1;
    } else {
        g_string_append_c(f->out, ' ');
        f->line++;
    }
    g_string_append_len(f->out, piece->str, (gssize)piece->len);
    f->line += piece->len;
}

/* key=value; a value that is no dot-atom is quoted. */
static void add_pair(Folder *f, const char *key, const char *value, gboolean last)
{
    g_autoptr(GString) piece = NULL;

    if (!value)
        return;
    piece = g_string_new(key);
    g_string_append_c(piece, '=');
    if (strlen(value) <= VALUE_MAX && is_dot_atom(value)) {
        g_string_append(piece, value);
    } else {
        g_string_append_c(piece, '"');
        append_safe(piece, value, VALUE_MAX, "\"\\");
        g_string_append_c(piece, '"');
    }
    if (!last)
        g_string_append_c(piece, ';');
    add_piece(f, piece);
}

/* The words of the RFC's own examples. D: the domain, I: the client. */
static const char *const comments[] = {
    [SPF_NONE] = "domain of D does not designate permitted sender hosts",
    [SPF_NEUTRAL] = "I is neither permitted nor denied by domain of D",
    [SPF_PASS] = "domain of D designates I as permitted sender",
    [SPF_FAIL] = "domain of D does not designate I as permitted sender",
    [SPF_SOFTFAIL] = "transitioning domain of D does not designate I as permitted sender",
    [SPF_TEMPERROR] = "error in processing during lookup of D",
    [SPF_PERMERROR] = "permanent error in processing domain of D",
};

static void add_comment(Folder *f, const char *receiver, const SpfResult *result, const char *ip)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_auto(GStrv) words = NULL;

    if (receiver)
        g_string_append_printf(text, "%s: ", receiver);
    for (const char *p = comments[result->code]; *p; p++) {
        if (*p == 'D' || *p == 'I')
            g_string_append(text, *p == 'I' ? ip : *result->domain ? result->domain : "an unusable name");
        else
            g_string_append_c(text, *p);
    }
    if (result->problem)
        g_string_append_printf(text, ": %s", result->problem);
    g_string_truncate(text, MIN(text->len, COMMENT_MAX));
    words = g_strsplit(text->str, " ", -1);
    for (guint i = 0; words[i]; i++) {
        g_autoptr(GString) piece = g_string_new(i ? "" : "(");
        append_safe(piece, words[i], COMMENT_MAX, "()\\");
        if (!words[i + 1])
            g_string_append_c(piece, ')');
        if (piece->len > 0)
            add_piece(f, piece);
    }
}

char *spf_received(const SpfReceived *of)
{
    const SpfResult *r = of->result;
    const char *receiver = of->receiver ? of->receiver : of->request->receiver;
    Folder f = {.out = g_string_new(spf_code_name(r->code))};
    char ip[IP_STRING_MAX];

    f.line = FIELD_NAME + f.out->len;
    ip_to_string(&of->request->ip, ip);
    add_comment(&f, receiver, r, *ip ? ip : "an unknown address");
    add_pair(&f, "client-ip", *ip ? ip : NULL, FALSE);
    add_pair(&f, "envelope-from", of->request->sender && *of->request->sender ? of->request->sender : NULL,
             FALSE);
    add_pair(&f, "helo", of->request->helo, FALSE);
    add_pair(&f, "receiver", receiver, FALSE);
    add_pair(&f, "mechanism", r->mechanism, FALSE);
    add_pair(&f, "problem", r->broken, FALSE);
    if (of->helo)
        add_pair(&f, "x-helo-spf", spf_code_name(of->helo->code), FALSE);
    if (of->guess)
        add_pair(&f, "x-bestguess", spf_code_name(of->guess->code), FALSE);
    for (const char *const *x = of->extra; x && x[0] && x[1]; x += 2)
        add_pair(&f, x[0], x[1], FALSE);
    add_pair(&f, "identity", spf_identity_name(r->identity), TRUE);
    return g_string_free(f.out, FALSE);
}
