/* dkim-verify.c — the signatures of a message against their keys (RFC 6376 §6.1). */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#include "dkim-internal.h"
#include "idn.h"

#define HASH_PIECE 32768 /* bytes of canonical header that are collected before they are hashed */

static const char *const code_names[] = {
#define X(code, word) [code] = word,
    DKIM_CODES(X)
#undef X
};

const char *dkim_code_name(int code)
{
    return code >= 0 && code < (int)G_N_ELEMENTS(code_names) ? code_names[code] : "?";
}

/* ---- one signature, of DKIM or ARC ---- */

void dkim_signature_read(DkimSignature *signature, DkimKind kind, const DkimHeader *header, guint field,
                         gint64 now)
{
    const DkimField *own = dkim_header_field(header, field);
    signature->field = field;
    signature->wrong = dkim_tags_parse(&signature->tags, kind, own->value, own->value_len, now);
}

void dkim_signature_want(DkimSignature *signature, DkimBody *body)
{
    if (!signature->wrong)
        signature->form = dkim_body_want(body, signature->tags.body_canon, signature->tags.limit);
}

gboolean dkim_hash_fields(EVP_MD_CTX *hash, DkimCanon canon, const DkimHeader *header, Span names,
                          guint except)
{
    g_autofree DkimCursor *cursor = dkim_cursor_new(header);
    g_autoptr(GString) text = g_string_sized_new(HASH_PIECE / 4);
    Span name;
    gsize hashed = 0;
    if (dkim_header_overflowed(header))
        return FALSE;
    while (span_next(&names, ':', &name)) {
        guint taken = dkim_cursor_take(header, cursor, name, except);
        if (taken == DKIM_NO_FIELD)
            continue;
        const DkimField *field = dkim_header_field(header, taken);
        hashed += field->name_len + field->value_len;
        if (hashed > DKIM_HEADER_MAX)
            return FALSE;
        dkim_canon_field(text, canon, field);
        if (text->len >= HASH_PIECE) {
            dkim_hash_add(hash, text->str, text->len);
            g_string_truncate(text, 0);
        }
    }
    dkim_hash_add(hash, text->str, text->len);
    return TRUE;
}

void dkim_hash_own_field(EVP_MD_CTX *hash, DkimCanon canon, const DkimField *field, Span b)
{
    const char *rest = b.at + b.len, *end = field->value + field->value_len;
    g_autoptr(GString) value = g_string_new_len(field->value, b.at - field->value);
    g_autoptr(GString) text = g_string_sized_new(field->value_len);
    g_string_append_len(value, rest, end - rest);
    const DkimField stripped = {field->name, value->str, field->name_len, value->len};
    dkim_canon_field(text, canon, &stripped);
    dkim_hash_add(hash, text->str, text->len - strlen("\r\n"));
}

/* RFC 8017 §8.2.2 over the hash. */
static gboolean is_by_rsa(EVP_PKEY *key, const guint8 *hash, const DkimTags *tags)
{
    g_autoptr(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    return context && EVP_PKEY_verify_init(context) > 0 &&
           EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0 &&
           EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) > 0 &&
           EVP_PKEY_verify(context, tags->signature, tags->signature_len, hash, DKIM_HASH_SIZE) == 1;
}

/* RFC 8463 §3: PureEdDSA, and its message is the hash. */
static gboolean is_by_ed25519(EVP_PKEY *key, const guint8 *hash, const DkimTags *tags)
{
    g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
    return context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) > 0 &&
           EVP_DigestVerify(context, tags->signature, tags->signature_len, hash, DKIM_HASH_SIZE) == 1;
}

/* The own field is the last that is hashed. */
static DkimCode check_crypto(const DkimSignature *signature, const DkimHeader *header, EVP_MD_CTX *hash,
                             const DkimRecord *record, const char **reason)
{
    const DkimTags *tags = &signature->tags;
    guint8 digest[DKIM_HASH_SIZE];
    dkim_hash_own_field(hash, tags->header_canon, dkim_header_field(header, signature->field), tags->b);
    dkim_hash_peek(hash, digest);
    gboolean good =
        (tags->algorithm == DKIM_ED25519_SHA256 ? is_by_ed25519 : is_by_rsa)(record->key, digest, tags);
    ERR_clear_error();
    if (good)
        return DKIM_PASS;
    *reason = "the signature does not fit the header";
    return DKIM_FAIL;
}

/* May this key be used for this signature (RFC 6376 §6.1.2)? */
static DkimCode check_key(const DkimTags *tags, const DkimRecord *record, const char **reason)
{
    const char *host = tags->identity ? strrchr(tags->identity, '@') + 1 : NULL;
    gboolean rsa = tags->algorithm != DKIM_ED25519_SHA256;
    *reason = record->reason;
    if (record->code != DKIM_PASS)
        return record->code;
    if (rsa != (record->algorithm == DKIM_RSA_SHA256))
        *reason = "the key is of another type";
    else if (tags->algorithm == DKIM_RSA_SHA1)
        *reason = "rsa-sha1 does not count any more"; /* RFC 8301 §3.1 */
    else if (!record->sha256)
        *reason = "the key is not for sha256";
    else if (record->strict && host && strcmp(host, tags->domain) != 0)
        *reason = "the key is not for subdomains";
    else
        return DKIM_PASS;
    return DKIM_PERMERROR;
}

static DkimCode check_body(const DkimSignature *signature, const DkimBody *body, const char **reason)
{
    const DkimTags *tags = &signature->tags;
    gboolean same =
        tags->body_hash_len == DKIM_HASH_SIZE &&
        CRYPTO_memcmp(tags->body_hash, dkim_body_hash(body, signature->form), DKIM_HASH_SIZE) == 0;
    if (!same) {
        *reason = "the body is not the one that was signed";
        return DKIM_FAIL;
    }
    if (tags->limit != DKIM_WHOLE_BODY && tags->limit > dkim_body_length(body, signature->form)) {
        *reason = "l= is larger than the body";
        return DKIM_PERMERROR;
    }
    return DKIM_PASS;
}

DkimCode dkim_signature_check(const DkimSignature *signature, const DkimHeader *header, const DkimBody *body,
                              const DkimRecord *record, const char **reason)
{
    const DkimTags *tags = &signature->tags;
    g_autoptr(EVP_MD_CTX) hash = NULL;
    DkimCode code = check_key(tags, record, reason);
    if (code == DKIM_PASS)
        code = check_body(signature, body, reason);
    if (code != DKIM_PASS)
        return code;
    hash = dkim_hash_new();
    if (!dkim_hash_fields(hash, tags->header_canon, header, tags->names, signature->field)) {
        *reason = "the header is too long";
        return DKIM_POLICY;
    }
    return check_crypto(signature, header, hash, record, reason);
}

DkimCode dkim_seal_check(const DkimSignature *seal, const DkimHeader *header, EVP_MD_CTX *hash,
                         const DkimRecord *record, const char **reason)
{
    DkimCode code = check_key(&seal->tags, record, reason);
    return code == DKIM_PASS ? check_crypto(seal, header, hash, record, reason) : code;
}

static guint count_named(const DkimTags *tags, const char *field)
{
    guint n = 0;
    Span rest = tags->names, name;
    while (span_next(&rest, ':', &name))
        n += span_is_nocase(name, field);
    return n;
}

gboolean dkim_signature_is_whole(const DkimSignature *signature, const DkimHeader *header,
                                 const DkimBody *body)
{
    guint named = count_named(&signature->tags, "from");
    return named > 0 && named >= dkim_header_count(header, "from") &&
           signature->tags.limit >= dkim_body_length(body, signature->form);
}

/* ---- all signatures of a message ---- */

typedef struct {
    DkimSignature signature;
    DkimResult result;
    char *b, *header_b; /* base64 without white space, and the start of it */
} Verified;

struct DkimVerifier {
    const DkimHeader *header;
    const DkimBody *body;
    DkimRecords records;
    Verified each[DKIM_SIGNATURES_MAX];
    guint n, ignored;
    gboolean finished;
};

/* How often h= names From, against how often it is there. */
static void count_from(DkimResult *result, const DkimTags *tags, const DkimHeader *header)
{
    guint named = count_named(tags, "from"), there = dkim_header_count(header, "from");
    result->from_signed = named > 0 && named >= there;
    result->from_oversigned = named > there ? named - there : 0;
}

static void set_result(Verified *v, const DkimHeader *header)
{
    const DkimTags *tags = &v->signature.tags;
    v->result = (DkimResult){
        .code = v->signature.wrong ? DKIM_PERMERROR : DKIM_NEUTRAL,
        .reason = v->signature.wrong ? v->signature.wrong : "not verified yet",
        .domain = tags->domain,
        .selector = tags->selector,
        .identity = tags->identity,
        .algorithm = tags->algorithm < DKIM_N_ALGORITHMS ? dkim_algorithm_name(tags->algorithm) : NULL,
        .timestamp = tags->timestamp,
        .expires = tags->expires,
        .header_canon = tags->header_canon,
        .body_canon = tags->body_canon,
        .limited = tags->limit != DKIM_WHOLE_BODY,
    };
    count_from(&v->result, tags, header);
}

/* The first characters of b=, so many that no two signatures have the same (RFC 6008 §4), unless one is made to look like
 * another. */
static void name_by_b(DkimVerifier *verifier)
{
    for (guint i = 0; i < verifier->n; i++) {
        Verified *v = &verifier->each[i];
        gsize wanted = DKIM_HEADER_B_MIN;
        for (guint k = 0; v->b && k < verifier->n; k++) {
            const char *other = verifier->each[k].b;
            gsize same = 0;
            while (k != i && other && v->b[same] && v->b[same] == other[same])
                same++;
            wanted = MAX(wanted, same + 1);
        }
        v->header_b = v->b ? g_strndup(v->b, MIN(wanted, DKIM_HEADER_B_MAX)) : NULL;
        v->result.header_b = v->header_b;
    }
}

static void read_signature(DkimVerifier *verifier, guint field, DkimBody *body, gint64 now)
{
    Verified *v = &verifier->each[verifier->n++];
    const DkimTags *tags = &v->signature.tags;
    dkim_signature_read(&v->signature, DKIM_SIGNATURE, verifier->header, field, now);
    dkim_signature_want(&v->signature, body);
    if (tags->signature)
        v->b = g_base64_encode(tags->signature, tags->signature_len);
    set_result(v, verifier->header);
}

DkimVerifier *dkim_verifier_new(const DkimHeader *header, DkimBody *body, gint64 now)
{
    DkimVerifier *verifier = g_new0(DkimVerifier, 1);
    verifier->header = header;
    verifier->body = body;
    dkim_records_init(&verifier->records);
    for (guint i = 0; i < dkim_header_len(header); i++) {
        if (!dkim_field_is(dkim_header_field(header, i), "DKIM-Signature"))
            continue;
        if (verifier->n < DKIM_SIGNATURES_MAX)
            read_signature(verifier, i, body, now);
        else
            verifier->ignored++;
    }
    name_by_b(verifier);
    return verifier;
}

void dkim_verifier_free(DkimVerifier *verifier)
{
    if (!verifier)
        return;
    for (guint i = 0; i < verifier->n; i++) {
        dkim_tags_clear(&verifier->each[i].signature.tags);
        g_free(verifier->each[i].b);
        g_free(verifier->each[i].header_b);
    }
    dkim_records_clear(&verifier->records);
    g_free(verifier);
}

void dkim_verifier_use(DkimVerifier *verifier, DkimKeyCache *cache)
{
    verifier->records.cache = cache;
}

void dkim_verifier_prefetch(const DkimVerifier *verifier, Resolver *resolver)
{
    for (guint i = 0; i < verifier->n; i++)
        if (!verifier->each[i].signature.wrong)
            dns_prefetch(resolver, verifier->each[i].signature.tags.query, DNS_TXT);
}

static void verify(DkimVerifier *verifier, Verified *v, Resolver *resolver, gint64 deadline)
{
    const DkimTags *tags = &v->signature.tags;
    const DkimRecord *record = dkim_records_get(&verifier->records, tags->query, resolver, deadline);
    guint64 length = dkim_body_length(verifier->body, v->signature.form);
    v->result.reason = NULL;
    v->result.key_bits = record->bits;
    v->result.testing = record->testing;
    v->result.unsigned_bytes = length > tags->limit ? length - tags->limit : 0;
    v->result.code =
        dkim_signature_check(&v->signature, verifier->header, verifier->body, record, &v->result.reason);
}

void dkim_verifier_finish(DkimVerifier *verifier, Resolver *resolver, gint64 deadline)
{
    g_assert(!verifier->finished);
    verifier->finished = TRUE;
    for (guint i = 0; i < verifier->n; i++)
        if (!verifier->each[i].signature.wrong)
            verify(verifier, &verifier->each[i], resolver, deadline);
}

guint dkim_verifier_len(const DkimVerifier *verifier)
{
    return verifier->n;
}

const DkimResult *dkim_verifier_result(const DkimVerifier *verifier, guint index)
{
    g_assert(index < verifier->n);
    return &verifier->each[index].result;
}

guint dkim_verifier_ignored(const DkimVerifier *verifier)
{
    return verifier->ignored;
}

DkimCode dkim_verifier_code(const DkimVerifier *verifier)
{
    static const DkimCode best_first[] = {DKIM_PASS,   DKIM_TEMPERROR, DKIM_FAIL,
                                          DKIM_POLICY, DKIM_NEUTRAL,   DKIM_PERMERROR};
    for (guint c = 0; c < G_N_ELEMENTS(best_first); c++)
        for (guint i = 0; i < verifier->n; i++)
            if (verifier->each[i].result.code == best_first[c])
                return best_first[c];
    return DKIM_NONE;
}

/* In A-labels: a field is ASCII unless the message came by SMTPUTF8 (RFC 5322 §2.2, RFC 6532 §3). */
static void report_name(AuthResResult *to, const char *property, const char *name)
{
    g_autofree char *ascii = name ? idn_to_ascii(name) : NULL;
    authres_add_property(to, "header", property, ascii);
}

static void report_identity(AuthResResult *to, const char *identity)
{
    const char *at = identity ? strrchr(identity, '@') : NULL;
    g_autofree char *host = at ? idn_to_ascii(at + 1) : NULL;
    if (!host || strlen(identity) > DKIM_IDENTITY_MAX)
        return;
    g_autofree char *text = g_strdup_printf("%.*s@%s", (int)(at - identity), identity, host);
    if (g_str_is_ascii(text))
        authres_add_property(to, "header", "i", text);
}

static void report_one(const DkimResult *result, AuthRes *ar)
{
    AuthResResult *to = authres_add(ar, "dkim", dkim_code_name(result->code));
    g_autofree char *bits =
        g_strdup_printf("%u-bit key%s", result->key_bits, result->testing ? ", testing" : "");
    if (result->key_bits)
        authres_set_comment(to, bits);
    if (result->reason)
        authres_set_reason(to, result->reason);
    report_name(to, "d", result->domain);
    report_identity(to, result->identity);
    report_name(to, "s", result->selector);
    authres_add_property(to, "header", "a", result->algorithm);
    authres_add_property(to, "header", "b", result->header_b);
}

void dkim_verifier_report(const DkimVerifier *verifier, AuthRes *ar)
{
    for (guint i = 0; i < verifier->n; i++)
        report_one(&verifier->each[i].result, ar);
    if (verifier->n == 0)
        authres_add(ar, "dkim", dkim_code_name(DKIM_NONE));
}
