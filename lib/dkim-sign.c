/* dkim-sign.c — writing signatures (RFC 6376 §5). */
#include <postern/header.h>
#include <string.h>

#include "dkim-internal.h"

#define PIECE_MIN    8   /* characters of a long value that should stand on the line of its name */
#define IDENTITY_MAX 256 /* bytes, RFC 5321 §4.5.3.1.3; all of them quoted still fit into a line */

const char *const dkim_default_fields[] = {
    "From",
    "Sender",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "To",
    "Cc",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-ID",
    "Content-Description",
    "Resent-Date",
    "Resent-From",
    "Resent-Sender",
    "Resent-To",
    "Resent-Cc",
    "Resent-Message-ID",
    "In-Reply-To",
    "References",
    "List-Id",
    "List-Help",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Subscribe",
    "List-Post",
    "List-Owner",
    "List-Archive",
    "Autocrypt",
    NULL,
};

/* ---- a tag list as it is written ---- */

void tagwriter_init(TagWriter *writer, const char *field_name, gboolean unfolded)
{
    *writer = (TagWriter){
        .out = g_string_new(" "), .column = strlen(field_name) + strlen(": "), .unfolded = unfolded};
}

void tagwriter_clear(TagWriter *writer)
{
    if (writer->out)
        g_string_free(writer->out, TRUE);
    writer->out = NULL;
}

static void put(TagWriter *writer, const char *text, gsize len)
{
    g_string_append_len(writer->out, text, (gssize)len);
    writer->column += len;
}

static void fold(TagWriter *writer)
{
    g_string_append(writer->out, "\n\t");
    writer->column = 1;
}

static gboolean fits(const TagWriter *writer, gsize len)
{
    return writer->unfolded || writer->column + len <= HEADER_LINE_WANTED;
}

/* `len`: bytes that should come on the same line. */
static void begin(TagWriter *writer, const char *name, gsize len)
{
    gsize n = strlen(name);
    if (writer->out->len > 1) {
        put(writer, ";", 1);
        if (fits(writer, strlen(" ") + n + strlen("=") + len + strlen(";")))
            put(writer, " ", 1);
        else
            fold(writer);
    }
    put(writer, name, n);
    put(writer, "=", 1);
}

void tagwriter_add(TagWriter *writer, const char *name, const char *value)
{
    begin(writer, name, strlen(value));
    put(writer, value, strlen(value));
}

void tagwriter_add_number(TagWriter *writer, const char *name, gint64 value)
{
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, value);
    tagwriter_add(writer, name, text);
}

/* Bytes of `value` that go on together: to the separator, or to the end of the line. */
static gsize piece_len(const TagWriter *writer, const char *value, char separator)
{
    const char *cut = separator ? strchr(value, separator) : NULL;
    gsize len = strlen(value);
    if (writer->unfolded)
        return len;
    if (separator)
        return cut ? (gsize)(cut + 1 - value) : len;
    return MIN(len, HEADER_LINE_WANTED - writer->column);
}

static void put_long(TagWriter *writer, const char *value, char separator)
{
    while (*value) {
        if (!fits(writer, 1))
            fold(writer);
        gsize len = piece_len(writer, value, separator);
        if (!fits(writer, len + (separator ? strlen(";") : 0)) && writer->column > 1)
            fold(writer);
        put(writer, value, len);
        value += len;
    }
}

void tagwriter_add_long(TagWriter *writer, const char *name, const char *value, char separator)
{
    begin(writer, name, PIECE_MIN);
    put_long(writer, value, separator);
}

void tagwriter_add_base64(TagWriter *writer, const char *name, const guint8 *bytes, gsize len)
{
    g_autofree char *text = g_base64_encode(bytes, len);
    tagwriter_add(writer, name, text);
}

void tagwriter_add_b(TagWriter *writer)
{
    begin(writer, "b", PIECE_MIN);
    writer->b = writer->out->len;
}

char *tagwriter_sign(TagWriter *writer, const char *field_name, DkimCanon canon, EVP_MD_CTX *hash,
                     const DkimKey *key, GError **error)
{
    GString *out = writer->out;
    const DkimField field = {field_name, out->str, strlen(field_name), out->len};
    guint8 digest[DKIM_HASH_SIZE];
    gsize len;
    dkim_hash_own_field(hash, canon, &field, (Span){out->str + writer->b, 0});
    dkim_hash_peek(hash, digest);
    g_autofree guint8 *signature = dkim_key_sign(key, digest, &len, error);
    if (!signature)
        return NULL;
    g_autofree char *text = g_base64_encode(signature, len);
    if (writer->unfolded)
        g_string_insert(out, (gssize)writer->b, text);
    else
        put_long(writer, text, '\0');
    return g_strdup(out->str + 1);
}

/* ---- what is signed ---- */

static gboolean has_name(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (g_ascii_strcasecmp(*names, name) == 0)
            return TRUE;
    return FALSE;
}

/* RFC 5322 §2.2 ftext; a semicolon is allowed there, but would end the tag. */
static gboolean is_field_name(const char *name)
{
    for (const char *p = name; *p; p++)
        if (*p <= ' ' || *p >= 0x7f || *p == ':' || *p == ';')
            return FALSE;
    return name[0] != '\0';
}

static void add_name(GString *out, const char *name, guint times)
{
    for (; times; times--)
        g_string_append_printf(out, "%s%s", out->len ? ":" : "", name);
}

char *dkim_choose_names(const DkimHeader *header, const char *const *names, const char *const *fields,
                        const char *const *oversign, GError **error)
{
    const char *const *lists[] = {names ? names : fields, names ? NULL : oversign};
    g_autoptr(GString) out = g_string_new(NULL);
    for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
        for (const char *const *name = lists[i]; name && *name; name++) {
            if (!is_field_name(*name)) {
                g_set_error(error, DKIM_ERROR, DKIM_ERROR_MESSAGE, "\"%s\" is not the name of a field",
                            *name);
                return NULL;
            }
            if (names)
                add_name(out, *name, 1);
            else if (i == 0)
                add_name(out, *name, dkim_header_count(header, *name) + has_name(oversign, *name));
            else if (!has_name(fields, *name))
                add_name(out, *name, dkim_header_count(header, *name) + 1);
        }
    return g_strdup(out->str);
}

gboolean dkim_check_signer(const char *domain, const char *selector, GError **error)
{
    g_autofree char *name = dkim_key_name(domain, selector, error);
    return name != NULL;
}

/* RFC 6376 §2.11 */
static char *encode_quoted(const char *text)
{
    g_autoptr(GString) out = g_string_new(NULL);
    for (const char *p = text; *p; p++) {
        guchar c = (guchar)*p;
        if (c <= ' ' || c == '=' || c == ';' || c == 0x7f)
            g_string_append_printf(out, "=%02X", c);
        else
            g_string_append_c(out, *p);
    }
    return g_strdup(out->str);
}

static gboolean check_identity(const DkimSigning *signing, GError **error)
{
    const char *at = signing->identity ? strrchr(signing->identity, '@') : NULL;
    gsize len = at ? strlen(at + 1) : 0, n = strlen(signing->domain);
    if (!signing->identity ||
        (strlen(signing->identity) <= IDENTITY_MAX && len >= n &&
         g_ascii_strcasecmp(at + 1 + len - n, signing->domain) == 0 && (len == n || at[len - n] == '.') &&
         g_utf8_validate(signing->identity, -1, NULL)))
        return TRUE;
    g_set_error(error, DKIM_ERROR, DKIM_ERROR_MESSAGE, "%s is not in the domain %s", signing->identity,
                signing->domain);
    return FALSE;
}

/* RFC 6376 §5.4: From must be signed. */
static char *names_to_sign(const DkimSigning *signing, const DkimHeader *header, GError **error)
{
    static const char *const from[] = {"From", NULL};
    const char *const *fields = signing->fields ? signing->fields : dkim_default_fields;
    const char *const *oversign = signing->oversign ? signing->oversign : from;
    if (!has_name(signing->names ? signing->names : fields, "From")) {
        g_set_error_literal(error, DKIM_ERROR, DKIM_ERROR_MESSAGE,
                            "From is not among the fields to be signed");
        return NULL;
    }
    return dkim_choose_names(header, signing->names, fields, oversign, error);
}

static void write_tags(TagWriter *writer, const DkimSigning *signing, const char *names,
                       const guint8 *body_hash)
{
    g_autofree char *identity = signing->identity ? encode_quoted(signing->identity) : NULL;
    g_autofree char *canon = g_strdup_printf("%s/%s", dkim_canon_name(signing->header_canon),
                                             dkim_canon_name(signing->body_canon));
    tagwriter_add(writer, "v", "1");
    tagwriter_add(writer, "a", dkim_algorithm_name(dkim_key_algorithm(signing->key)));
    tagwriter_add(writer, "c", canon);
    tagwriter_add(writer, "d", signing->domain);
    tagwriter_add(writer, "s", signing->selector);
    if (signing->timestamp)
        tagwriter_add_number(writer, "t", signing->timestamp);
    if (signing->expires)
        tagwriter_add_number(writer, "x", signing->expires);
    if (identity)
        tagwriter_add(writer, "i", identity);
    tagwriter_add_long(writer, "h", names, ':');
    tagwriter_add_base64(writer, "bh", body_hash, DKIM_HASH_SIZE);
    tagwriter_add_b(writer);
}

char *dkim_sign(const DkimSigning *signing, const DkimHeader *header, const DkimBody *body, GError **error)
{
    static const char field_name[] = "DKIM-Signature";
    g_auto(TagWriter) writer = {0};
    g_autoptr(EVP_MD_CTX) hash = dkim_hash_new();
    g_autofree char *names = NULL;
    if (!dkim_check_signer(signing->domain, signing->selector, error) || !check_identity(signing, error) ||
        !(names = names_to_sign(signing, header, error)))
        return NULL;
    if (!dkim_hash_fields(hash, signing->header_canon, header, (Span){names, strlen(names)}, DKIM_NO_FIELD)) {
        g_set_error_literal(error, DKIM_ERROR, DKIM_ERROR_MESSAGE, "the header is too long");
        return NULL;
    }
    tagwriter_init(&writer, field_name, FALSE);
    write_tags(&writer, signing, names,
               dkim_body_hash(body, dkim_body_form(body, signing->body_canon, DKIM_WHOLE_BODY)));
    return tagwriter_sign(&writer, field_name, signing->header_canon, hash, signing->key, error);
}
