/* authres.c — Authentication-Results (RFC 8601). */
#include <postern/authres.h>

#include <postern/header.h>
#include <stdlib.h>
#include <string.h>

static void property_free(gpointer data)
{
    AuthResProperty *property = data;
    g_free(property->ptype);
    g_free(property->property);
    g_free(property->value);
    g_free(property);
}

static void result_free(gpointer data)
{
    AuthResResult *result = data;
    g_free(result->method);
    g_free(result->result);
    g_free(result->reason);
    g_free(result->comment);
    g_ptr_array_unref(result->properties);
    g_free(result);
}

AuthRes *authres_new(const char *authserv_id)
{
    AuthRes *ar = g_new0(AuthRes, 1);
    ar->authserv_id = g_strdup(authserv_id);
    ar->results = g_ptr_array_new_with_free_func(result_free);
    return ar;
}

void authres_free(AuthRes *ar)
{
    if (!ar)
        return;
    g_free(ar->authserv_id);
    g_ptr_array_unref(ar->results);
    g_free(ar);
}

AuthResResult *authres_add(AuthRes *ar, const char *method, const char *result)
{
    AuthResResult *r = g_new0(AuthResResult, 1);
    r->method = g_strdup(method);
    r->result = g_strdup(result);
    r->properties = g_ptr_array_new_with_free_func(property_free);
    g_ptr_array_add(ar->results, r);
    return r;
}

void authres_set_reason(AuthResResult *result, const char *reason)
{
    g_free(result->reason);
    result->reason = g_strdup(reason);
}

void authres_set_comment(AuthResResult *result, const char *comment)
{
    g_free(result->comment);
    result->comment = g_strdup(comment);
}

void authres_add_property(AuthResResult *result, const char *ptype, const char *name, const char *value)
{
    if (!value)
        return;
    AuthResProperty *property = g_new0(AuthResProperty, 1);
    property->ptype = g_strdup(ptype);
    property->property = g_strdup(name);
    property->value = g_strdup(value);
    g_ptr_array_add(result->properties, property);
}

const char *authres_property(const AuthResResult *result, const char *ptype, const char *name)
{
    for (guint i = 0; i < result->properties->len; i++) {
        const AuthResProperty *p = g_ptr_array_index(result->properties, i);
        if (g_ascii_strcasecmp(p->ptype, ptype) == 0 && g_ascii_strcasecmp(p->property, name) == 0)
            return p->value;
    }
    return NULL;
}

/* RFC 6376 §3.5 domain-name: labels of letters, digits and hyphens, none empty. */
static gboolean is_domain_name(const char *text)
{
    gboolean label = FALSE;
    for (; *text; text++) {
        if (*text == '.' ? !label : !g_ascii_isalnum(*text) && *text != '-')
            return FALSE;
        label = *text != '.';
    }
    return label;
}

/* RFC 8601 §2.2 pvalue: a value, or [[local-part] "@"] domain-name. A local part that is a token and dots may
 * stand bare; one with other characters would be allowed to, but readers differ on that: it goes into quotes.
 */
static char *pvalue_quote(const char *value)
{
    const char *host = strchr(value, '@');
    if (host && is_domain_name(host + 1)) {
        g_autofree char *local = g_strndup(value, (gsize)(host - value));
        if (local[0] == '\0' || header_is_token(local))
            return g_strdup(value);
    }
    return header_quote(value);
}

static void append_result(GString *out, const AuthResResult *result)
{
    g_string_append(out, result->method);
    if (result->version)
        g_string_append_printf(out, "/%u", result->version);
    g_string_append_printf(out, "=%s", result->result);
    if (result->comment && result->comment[0]) {
        g_autofree char *comment = header_comment(result->comment);
        g_string_append_printf(out, " %s", comment);
    }
    if (result->reason) {
        g_autofree char *reason = header_quote(result->reason);
        g_string_append_printf(out, " reason=%s", reason);
    }
    for (guint i = 0; i < result->properties->len; i++) {
        const AuthResProperty *p = g_ptr_array_index(result->properties, i);
        g_autofree char *value = pvalue_quote(p->value);
        g_string_append_printf(out, " %s%s%s=%s", p->ptype, p->ptype[0] ? "." : "", p->property, value);
    }
}

char *authres_to_string(const AuthRes *ar, const char *field_name)
{
    g_autofree char *id = header_quote(ar->authserv_id);
    g_autoptr(GString) out = g_string_new(id);
    if (ar->version)
        g_string_append_printf(out, " %u", ar->version);
    for (guint i = 0; i < ar->results->len; i++) {
        g_string_append(out, field_name ? ";\n" : "; ");
        append_result(out, g_ptr_array_index(ar->results, i));
    }
    if (ar->results->len == 0)
        g_string_append(out, "; none");
    return field_name ? header_fold(field_name, out->str) : g_strdup(out->str);
}

/* ---- reading ---- */

typedef struct {
    const char *p, *end;
    AuthRes *ar;
    GString *comments; /* of the result being read */
    GString *word;     /* the last one read */
} Reader;

static void skip(Reader *r)
{
    r->p = header_skip_cfws(r->p, r->end, r->comments);
}

static gboolean at(const Reader *r, char c)
{
    return r->p < r->end && *r->p == c;
}

/* Skips CFWS, then `c` and the CFWS after it if it is there. */
static gboolean accept(Reader *r, char c)
{
    skip(r);
    if (!at(r, c))
        return FALSE;
    r->p++;
    skip(r);
    return TRUE;
}

/* A run of bytes up to white space, a comment, a quote, or one of `stop`. FALSE: it is empty. */
static gboolean read_run(Reader *r, const char *stop)
{
    const char *start = r->p;
    while (r->p < r->end && (guchar)*r->p > ' ' && !strchr("(;\"", *r->p) && !strchr(stop, *r->p))
        r->p++;
    g_string_append_len(r->word, start, r->p - start);
    return r->p > start;
}

static gboolean read_word(Reader *r, const char *stop)
{
    g_string_truncate(r->word, 0);
    return read_run(r, stop);
}

/* RFC 8601 §2.2 value, and pvalue with a quoted local part; also bare what ought to be quoted. */
static gboolean read_value(Reader *r)
{
    g_string_truncate(r->word, 0);
    if (!at(r, '"'))
        return read_run(r, "");
    gboolean closed;
    r->p = header_scan_quoted(r->p, r->end, r->word, &closed);
    if (!closed)
        r->ar->malformed = TRUE;
    if (at(r, '@'))
        read_run(r, "");
    return TRUE;
}

static char *word_keyword(const Reader *r)
{
    return g_ascii_strdown(r->word->str, (gssize)r->word->len);
}

/* To the ';' that ends this result, or the end. Quoted semicolons do not count. */
static void skip_result(Reader *r)
{
    while (skip(r), r->p < r->end && *r->p != ';') {
        if (!read_value(r))
            r->p++;
        r->ar->malformed = TRUE;
    }
}

static guint read_version(Reader *r)
{
    if (!read_word(r, "=") || strlen(r->word->str) > 9)
        return 0;
    return (guint)strtoul(r->word->str, NULL, 10);
}

/* methodspec: method [/ version] = result. NULL: it is none; the reader stands somewhere before the next ';'. */
static AuthResResult *read_method(Reader *r)
{
    if (!read_word(r, "=/"))
        return NULL;
    g_autofree char *method = word_keyword(r);
    guint version = accept(r, '/') ? read_version(r) : 0;
    if (!accept(r, '=') || !read_value(r))
        return NULL;
    g_autofree char *result = word_keyword(r);
    if (r->ar->results->len == AUTHRES_RESULTS_MAX) {
        r->ar->malformed = TRUE;
        return NULL;
    }
    AuthResResult *added = authres_add(r->ar, method, result);
    added->version = version;
    return added;
}

/* reasonspec or propspec; FALSE: neither. */
static gboolean read_property(Reader *r, AuthResResult *result)
{
    if (!read_word(r, "=."))
        return FALSE;
    g_autofree char *first = word_keyword(r);
    g_autofree char *second = NULL;
    if (accept(r, '.')) {
        if (!read_word(r, "="))
            return FALSE;
        second = word_keyword(r);
    }
    if (!accept(r, '='))
        return FALSE;
    if (!read_value(r))
        r->ar->malformed = TRUE; /* "header.i=;" is seen; the empty value is kept */
    if (!second && g_str_equal(first, "reason")) {
        if (!result->reason)
            authres_set_reason(result, r->word->str);
    } else if (result->properties->len < AUTHRES_PROPERTIES_MAX) {
        authres_add_property(result, second ? first : "", second ? second : first, r->word->str);
    } else {
        r->ar->malformed = TRUE;
    }
    return TRUE;
}

/* RFC 8601 §2.2 resinfo or no-result; the reader is after the ';'. */
static void read_result(Reader *r)
{
    g_string_truncate(r->comments, 0);
    skip(r);
    if (r->p == r->end || at(r, ';'))
        return;
    AuthResResult *result = read_method(r);
    if (!result) {
        if (g_ascii_strcasecmp(r->word->str, "none") != 0)
            r->ar->malformed = TRUE;
        skip_result(r);
        return;
    }
    while (skip(r), r->p < r->end && *r->p != ';') {
        const char *before = r->p;
        if (read_property(r, result))
            continue;
        r->ar->malformed = TRUE;
        if (r->p == before && !read_value(r))
            r->p++;
    }
    if (r->comments->len)
        result->comment = g_strdup(r->comments->str);
}

/* [CFWS] authserv-id [CFWS authres-version]. Where the first word is a method already, nothing is consumed. */
static void read_id(Reader *r)
{
    skip(r);
    const char *start = r->p;
    gboolean quoted = at(r, '"');
    if (!(quoted ? read_value(r) : read_word(r, "="))) {
        r->ar->malformed = TRUE;
        return;
    }
    g_autofree char *id = g_strdup(r->word->str);
    skip(r);
    if (at(r, '=') && !quoted) {
        r->p = start;
        r->ar->malformed = TRUE;
        return;
    }
    g_free(r->ar->authserv_id);
    r->ar->authserv_id = g_steal_pointer(&id);
    if (r->p < r->end && g_ascii_isdigit(*r->p))
        r->ar->version = read_version(r);
    skip_result(r);
}

AuthRes *authres_parse(const char *value, gssize len)
{
    AuthRes *ar = authres_new("");
    gsize n = len < 0 ? strlen(value) : (gsize)len;
    ar->malformed = n > AUTHRES_TEXT_MAX;
    Reader r = {
        .p = value,
        .end = value + MIN(n, AUTHRES_TEXT_MAX),
        .ar = ar,
        .comments = g_string_new(NULL),
        .word = g_string_new(NULL),
    };
    read_id(&r);
    if (r.p < r.end && *r.p != ';')
        read_result(&r);
    while (r.p < r.end) {
        g_assert(*r.p == ';');
        r.p++;
        read_result(&r);
    }
    g_string_free(r.comments, TRUE);
    g_string_free(r.word, TRUE);
    return ar;
}

static gboolean same_id(const char *text, gsize len, const char *id)
{
    gsize n = strlen(id);
    if (len && text[len - 1] == '.')
        len--;
    if (n && id[n - 1] == '.')
        n--;
    return n == len && n > 0 && g_ascii_strncasecmp(text, id, n) == 0;
}

gboolean authres_is_from(const char *value, gssize len, const char *authserv_id)
{
    gsize n = len < 0 ? strlen(value) : (gsize)len;
    if (n > AUTHRES_TEXT_MAX)
        return TRUE;
    g_autoptr(AuthRes) ar = authres_parse(value, (gssize)n);
    if (same_id(ar->authserv_id, strlen(ar->authserv_id), authserv_id))
        return TRUE;
    const char *p = value, *end = value + n;
    while (p < end && *p != ';') {
        gsize run = 0;
        while (p + run < end && (guchar)p[run] > ' ' && !strchr("\"()\\;", p[run]))
            run++;
        if (same_id(p, run, authserv_id))
            return TRUE;
        p += run + (run == 0);
    }
    return FALSE;
}
