/* The Received-SPF field: RFC 7208 §9.1. */
#include "spf-internal.h"

#include <postern/header.h>
#include <string.h>

#define LINE_LEN 78 /* RFC 5322 §2.1.1: better not more */
/* Bytes of one value before quoting, which may double it: lines must stay under 998 */
#define VALUE_MAX   400
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

/* --- reading --- */

/* RFC 7208 §2.6 in any case, and the words of the drafts before RFC 4408, which pyspf 1 wrote. */
static gboolean parse_code(const char *word, SpfCode *ret)
{
    static const struct {
        const char *word;
        SpfCode code;
    } old[] = {
        {"unknown", SPF_PERMERROR}, {"error", SPF_TEMPERROR}, {"deny", SPF_FAIL}, {"hardfail", SPF_FAIL}};

    for (gsize i = 0; i < G_N_ELEMENTS(old); i++)
        if (g_ascii_strcasecmp(word, old[i].word) == 0) {
            *ret = old[i].code;
            return TRUE;
        }
    return spf_code_parse(word, ret);
}

typedef struct {
    const char *p, *end;
    GString *key, *value; /* of the last pair, the key in lower case */
    gboolean broken;      /* a quote without end */
} PairReader;

/* Bare, as it should not be but is, a value goes on to the ';', whatever blanks are in it. */
static void read_value(PairReader *r)
{
    while ((r->p = header_skip_cfws(r->p, r->end, NULL)) < r->end && *r->p != ';') {
        const char *start = r->p;
        gboolean closed = TRUE;

        if (r->value->len && (guchar)start[-1] <= ' ')
            g_string_append_c(r->value, ' ');
        if (*start == '"') {
            r->p = header_scan_quoted(start, r->end, r->value, &closed);
            r->broken |= !closed;
            continue;
        }
        while (r->p < r->end && (guchar)*r->p > ' ' && *r->p != 0x7f && !strchr("(;\"", *r->p))
            r->p++;
        g_string_append_len(r->value, start, r->p - start);
    }
}

/* The next "key=value" and the ';' behind it; what is no pair has an empty key. FALSE: there is no more. */
static gboolean read_pair(PairReader *r)
{
    g_string_truncate(r->key, 0);
    g_string_truncate(r->value, 0);
    r->p = header_skip_cfws(r->p, r->end, NULL);
    if (r->p == r->end)
        return FALSE;
    while (r->p < r->end && (g_ascii_isalnum(*r->p) || *r->p == '-' || *r->p == '_' || *r->p == '.'))
        g_string_append_c(r->key, g_ascii_tolower(*r->p++));
    r->p = header_skip_cfws(r->p, r->end, NULL);
    if (r->p < r->end && *r->p == '=')
        r->p++;
    else
        g_string_truncate(r->key, 0);
    read_value(r);
    if (r->p < r->end)
        r->p++;
    return TRUE;
}

/* Each row is a member of SpfReceivedField. Keys with "x-" are none of the RFC's: pymilter's and ours. */
static const struct {
    const char *key;
    gsize text; /* offset of a char * */
} text_keys[] = {
    {"client-ip", offsetof(SpfReceivedField, client_ip)},
    {"envelope-from", offsetof(SpfReceivedField, envelope_from)},
    {"helo", offsetof(SpfReceivedField, helo)},
    {"receiver", offsetof(SpfReceivedField, receiver)},
    {"mechanism", offsetof(SpfReceivedField, mechanism)},
    {"problem", offsetof(SpfReceivedField, problem)},
    {"x-forwarder", offsetof(SpfReceivedField, forwarder)},
    {"x-sig", offsetof(SpfReceivedField, mark)},
};

static const struct {
    const char *key;
    gsize has, code; /* offsets of a gboolean and an SpfCode */
} code_keys[] = {
    {"x-helo-spf", offsetof(SpfReceivedField, has_helo), offsetof(SpfReceivedField, helo_code)},
    {"x-bestguess", offsetof(SpfReceivedField, has_guess), offsetof(SpfReceivedField, guess_code)},
    {"x-lax", offsetof(SpfReceivedField, has_lax), offsetof(SpfReceivedField, lax_code)},
};

/* FALSE: the field is not to be believed. */
static gboolean take_identity(SpfReceivedField *field, const char *value)
{
    if (g_ascii_strcasecmp(value, "pra") == 0) /* RFC 4407: Sender ID, another question */
        return FALSE;
    if (g_ascii_strcasecmp(value, spf_identity_name(SPF_HELO)) == 0)
        field->identity = SPF_HELO;
    return TRUE;
}

static gboolean take_text(char **into, const char *value)
{
    gsize len = strlen(value);

    if (*into)
        return FALSE;
    *into = len >= 2 && value[0] == '<' && value[len - 1] == '>' ? g_strndup(value + 1, len - 2)
                                                                 : g_strdup(value);
    return TRUE;
}

static gboolean take_pair(SpfReceivedField *field, const char *key, const char *value)
{
    if (strcmp(key, "identity") == 0)
        return take_identity(field, value);
    for (gsize i = 0; i < G_N_ELEMENTS(text_keys); i++)
        if (strcmp(key, text_keys[i].key) == 0)
            return take_text(&G_STRUCT_MEMBER(char *, field, text_keys[i].text), value);
    for (gsize i = 0; i < G_N_ELEMENTS(code_keys); i++) {
        gboolean *has = &G_STRUCT_MEMBER(gboolean, field, code_keys[i].has);
        if (strcmp(key, code_keys[i].key) != 0)
            continue;
        if (*has)
            return FALSE;
        *has = parse_code(value, &G_STRUCT_MEMBER(SpfCode, field, code_keys[i].code));
    }
    return TRUE;
}

static gboolean read_field(SpfReceivedField *field, PairReader *r)
{
    guint identities = 0;

    r->p = header_skip_cfws(r->p, r->end, NULL);
    while (r->p < r->end && g_ascii_isalpha(*r->p))
        g_string_append_c(r->value, *r->p++);
    if (!parse_code(r->value->str, &field->code))
        return FALSE;
    while (read_pair(r)) {
        identities += strcmp(r->key->str, "identity") == 0;
        if (!take_pair(field, r->key->str, r->value->str))
            return FALSE;
    }
    return !r->broken && identities <= 1;
}

SpfReceivedField *spf_received_parse(const char *value, gssize len)
{
    gsize n = len < 0 ? strlen(value) : (gsize)len;
    g_autoptr(SpfReceivedField) field = g_new0(SpfReceivedField, 1);
    g_autoptr(GString) key = g_string_new(NULL), text = g_string_new(NULL);
    PairReader r = {.p = value, .end = value + MIN(n, SPF_RECEIVED_MAX), .key = key, .value = text};

    return read_field(field, &r) ? g_steal_pointer(&field) : NULL;
}

void spf_received_field_free(SpfReceivedField *field)
{
    if (!field)
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(text_keys); i++)
        g_free(G_STRUCT_MEMBER(char *, field, text_keys[i].text));
    g_free(field);
}
