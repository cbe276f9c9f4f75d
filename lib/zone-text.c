/* Master-file text (RFC 1035 §5) read into a zone. */
#include <postern/zone.h>

#include <string.h>

#define TOKENS_MAX 4096 /* of one entry: a TXT of 64 KB has at most 257 strings, an SOA nine */

typedef struct {
    char *text;
    gsize len;
    gboolean quoted;
} Token;

typedef struct {
    const char *name;
    const char *at, *end;
    guint line;
    Resolver *zone;
    char *origin; /* lower layer of relative names, without final dot; NULL: names stand as they are */
    char *owner;
    GArray *tokens; /* of Token: the entry being read */
    gboolean owner_given;
    GError **error;
} Reader;

static gboolean fail(Reader *r, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean fail(Reader *r, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(r->error, ZONE_ERROR, ZONE_ERROR_SYNTAX, "%s:%u: %s", r->name, r->line, what);
    return FALSE;
}

static void token_clear(gpointer data)
{
    g_free(((Token *)data)->text);
}

/* \DDD or \X at r->at, which is behind the backslash. */
static gboolean read_escape(Reader *r, GString *into)
{
    guint n = 0;

    if (r->at == r->end || *r->at == '\n')
        return fail(r, "a backslash ends the line");
    if (!g_ascii_isdigit(*r->at)) {
        g_string_append_c(into, *r->at++);
        return TRUE;
    }
    for (int i = 0; i < 3; i++, r->at++) {
        if (r->at == r->end || !g_ascii_isdigit(*r->at))
            return fail(r, "\\ before a digit wants three of them");
        n = 10 * n + (guint)(*r->at - '0');
    }
    if (n > 255)
        return fail(r, "\\%u is no byte", n);
    g_string_append_c(into, (char)n);
    return TRUE;
}

static gboolean read_token(Reader *r)
{
    g_autoptr(GString) text = g_string_new(NULL);
    Token token = {.quoted = *r->at == '"'};

    if (token.quoted)
        r->at++;
    for (;;) {
        if (r->at == r->end || *r->at == '\n') {
            if (token.quoted)
                return fail(r, "a quote is not closed");
            break;
        }
        if (token.quoted && *r->at == '"') {
            r->at++;
            break;
        }
        if (!token.quoted && strchr(" \t\r;()\"", *r->at) && *r->at)
            break;
        if (*r->at != '\\') {
            g_string_append_c(text, *r->at++);
            continue;
        }
        r->at++;
        if (!read_escape(r, text))
            return FALSE;
    }
    if (r->tokens->len == TOKENS_MAX)
        return fail(r, "more than %d words", TOKENS_MAX);
    token.len = text->len;
    token.text = g_string_free(g_steal_pointer(&text), FALSE);
    g_array_append_val(r->tokens, token);
    return TRUE;
}

/* One entry: a line, or several held together by parentheses. */
static gboolean read_entry(Reader *r)
{
    guint depth = 0;

    g_array_set_size(r->tokens, 0);
    r->line++;
    r->owner_given = r->at < r->end && *r->at != ' ' && *r->at != '\t';
    while (r->at < r->end) {
        char c = *r->at;

        if (c == '\n') {
            r->at++;
            if (depth == 0)
                return TRUE;
            r->line++;
        } else if (c == ' ' || c == '\t' || c == '\r') {
            r->at++;
        } else if (c == ';') {
            const char *eol = memchr(r->at, '\n', (gsize)(r->end - r->at));
            r->at = eol ? eol : r->end;
        } else if (c == '(') {
            depth++;
            r->at++;
        } else if (c == ')') {
            if (depth-- == 0)
                return fail(r, ") without (");
            r->at++;
        } else if (!read_token(r)) {
            return FALSE;
        }
    }
    return depth == 0 || fail(r, "( is not closed");
}

/* The whole name: `@` is the origin, a final dot is cut, a relative name gets the origin. */
static char *full_name(Reader *r, const char *text)
{
    gsize len = strlen(text);

    if (strcmp(text, "@") == 0)
        return g_strdup(r->origin ? r->origin : "");
    if (len && text[len - 1] == '.')
        return g_strndup(text, len - 1);
    return r->origin && *r->origin ? g_strconcat(text, ".", r->origin, NULL) : g_strdup(text);
}

/* RFC 1035 §5.1 seconds; 1h30m is what every server reads too. */
static gboolean parse_ttl(const char *text, guint *ret)
{
    guint64 total = 0, n = 0;
    static const struct {
        char unit;
        guint seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};

    if (!g_ascii_isdigit(*text))
        return FALSE;
    for (; *text; text++) {
        if (g_ascii_isdigit(*text)) {
            n = 10 * n + (guint)(*text - '0');
            if (n > G_MAXINT32)
                return FALSE;
            continue;
        }
        guint u = 0;
        while (u < G_N_ELEMENTS(units) && units[u].unit != g_ascii_tolower(*text))
            u++;
        if (u == G_N_ELEMENTS(units))
            return FALSE;
        total += n * units[u].seconds;
        n = 0;
    }
    total += n;
    *ret = (guint)MIN(total, G_MAXINT32);
    return TRUE;
}

static gboolean add_address(Reader *r, DnsType type, const Token *rdata, guint n)
{
    IpAddress ip;
    gboolean v6 = type == DNS_AAAA;

    if (n != 1 || !ip_parse_len(rdata->text, rdata->len, &ip) || !!strchr(rdata->text, ':') != v6)
        return fail(r, "%s wants one IPv%d address", dns_type_name(type), v6 ? 6 : 4);
    zone_add_ip(r->zone, r->owner, type, &ip);
    return TRUE;
}

static gboolean add_target(Reader *r, DnsType type, const Token *rdata, guint n)
{
    g_autofree char *target = NULL;
    guint64 preference = 0;

    if (type == DNS_MX) {
        if (n != 2 || !g_ascii_string_to_unsigned(rdata->text, 10, 0, 65535, &preference, NULL))
            return fail(r, "MX wants a preference and a name");
        rdata++;
    } else if (n != 1) {
        return fail(r, "%s wants one name", dns_type_name(type));
    }
    target = full_name(r, rdata->text);
    zone_add_name(r->zone, r->owner, type, (guint)preference, target);
    return TRUE;
}

static gboolean add_text(Reader *r, DnsType type, const Token *rdata, guint n)
{
    g_autoptr(GString) joined = g_string_new(NULL);

    for (guint i = 0; i < n; i++)
        g_string_append_len(joined, rdata[i].text, (gssize)rdata[i].len);
    if (joined->len > 65535)
        return fail(r, "a TXT record has at most 65535 bytes");
    zone_add_text(r->zone, r->owner, joined->str, joined->len);
    return TRUE;
}

static const struct {
    DnsType type;
    gboolean (*add)(Reader *r, DnsType type, const Token *rdata, guint n);
} kinds[] = {
    {DNS_A, add_address},    {DNS_AAAA, add_address}, {DNS_MX, add_target}, {DNS_PTR, add_target},
    {DNS_CNAME, add_target}, {DNS_NS, add_target},    {DNS_TXT, add_text},
};

static gboolean add_error(Reader *r, const Token *rdata, guint n)
{
    DnsType type = 0;
    const char *why = NULL;

    if (n == 1 || n == 2)
        why = g_ascii_strcasecmp(rdata->text, "TIMEOUT") == 0    ? "timeout"
              : g_ascii_strcasecmp(rdata->text, "SERVFAIL") == 0 ? "SERVFAIL"
                                                                 : NULL;
    if (!why || (n == 2 && !dns_type_parse(rdata[1].text, &type)))
        return fail(r, "ERROR wants SERVFAIL or TIMEOUT, and perhaps a type");
    zone_add_error(r->zone, r->owner, type, why);
    return TRUE;
}

static gboolean ignored(const char *word)
{
    static const char *const words[] = {"SOA",    "SRV",   "SPF",   "CAA",   "HINFO",      "DS",
                                        "DNSKEY", "RRSIG", "NSEC",  "NSEC3", "NSEC3PARAM", "TLSA",
                                        "NAPTR",  "SSHFP", "DNAME", "HTTPS", "SVCB"};

    for (guint i = 0; i < G_N_ELEMENTS(words); i++)
        if (g_ascii_strcasecmp(words[i], word) == 0)
            return TRUE;
    return FALSE;
}

static gboolean directive(Reader *r, const Token *t, guint n)
{
    guint ttl;

    if (g_ascii_strcasecmp(t->text, "$ORIGIN") == 0 && n == 2) {
        char *origin = full_name(r, t[1].text);
        g_free(r->origin);
        r->origin = origin;
        return TRUE;
    }
    if (g_ascii_strcasecmp(t->text, "$TTL") == 0 && n == 2 && parse_ttl(t[1].text, &ttl))
        return TRUE; /* answers from text keep one TTL: nobody caches them */
    return fail(r, "%s is not understood", t->text);
}

static gboolean use_entry(Reader *r)
{
    const Token *t = (const Token *)(gpointer)r->tokens->data;
    guint n = r->tokens->len, ttl;
    DnsType type;

    if (n == 0)
        return TRUE;
    if (!t->quoted && t->text[0] == '$')
        return directive(r, t, n);
    if (r->owner_given) {
        g_free(r->owner);
        r->owner = full_name(r, t->text);
        t++, n--;
    }
    if (!r->owner)
        return fail(r, "the first line has no name");
    if (strlen(r->owner) > 255)
        return fail(r, "the name has more than 255 bytes");
    while (n && (g_ascii_strcasecmp(t->text, "IN") == 0 || parse_ttl(t->text, &ttl)))
        t++, n--;
    if (n == 0)
        return fail(r, "%s: a type is missing", r->owner);
    zone_add_empty(r->zone, r->owner);
    if (g_ascii_strcasecmp(t->text, "ERROR") == 0)
        return add_error(r, t + 1, n - 1);
    if (ignored(t->text))
        return TRUE;
    if (!dns_type_parse(t->text, &type))
        return fail(r, "%s: unknown type %s", r->owner, t->text);
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (kinds[i].type == type)
            return kinds[i].add(r, type, t + 1, n - 1);
    g_assert_not_reached();
}

Resolver *zone_resolver_parse(const char *name, const char *text, gsize len, GError **error)
{
    g_autoptr(Resolver) zone = zone_new();
    Reader r = {.name = name, .at = text, .end = text + len, .zone = zone, .error = error};
    gboolean good = TRUE;

    if (len > ZONE_TEXT_MAX)
        good = fail(&r, "more than %u bytes", ZONE_TEXT_MAX);
    r.tokens = g_array_new(FALSE, FALSE, sizeof(Token));
    g_array_set_clear_func(r.tokens, token_clear);
    while (good && r.at < r.end)
        good = read_entry(&r) && use_entry(&r);
    g_array_unref(r.tokens);
    g_free(r.origin);
    g_free(r.owner);
    return good ? g_steal_pointer(&zone) : NULL;
}

Resolver *zone_resolver_read(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize len;
    GError *why = NULL;

    if (!g_file_get_contents(path, &text, &len, &why)) {
        g_set_error(error, ZONE_ERROR, ZONE_ERROR_READ, "%s", why->message);
        g_error_free(why);
        return NULL;
    }
    return zone_resolver_parse(path, text, len, error);
}
