/* dkim-record.c — public keys: the record (RFC 6376 §3.6.1, RFC 8463 §4) and how it is got (§3.6.2, §6.1.2). */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string.h>

#include "dkim-internal.h"

#define RECORD_MAX        16384 /* bytes; a key of 16,384 bits has less than 3,000 */
#define RECORDS_MAX       16    /* TXT records looked at under one name */
#define EXPONENT_BYTES    8     /* a larger one makes verifying as dear as signing; 65537 has 3 */
#define ED25519_KEY_BYTES 32    /* RFC 8463 §4 */

typedef struct {
    const guint8 *at;
    gsize len;
} Bytes;

/* ---- DER, as much of it as an RSA key needs (X.690 §8.1) ---- */

enum { DER_INTEGER = 0x02, DER_BIT_STRING = 0x03, DER_OID = 0x06, DER_SEQUENCE = 0x30 };

/* Takes one element off the front of `from`. FALSE: it is of another kind, or cut short. */
static gboolean der_take(Bytes *from, guint8 tag, Bytes *content)
{
    if (from->len < 2 || from->at[0] != tag)
        return FALSE;
    gsize len = from->at[1], header = 2;
    if (len & 0x80) {
        gsize n = len & 0x7f;
        if (n == 0 || n > 3 || from->len < 2 + n)
            return FALSE;
        len = 0;
        for (; header < 2 + n; header++)
            len = len << 8 | from->at[header];
    }
    if (len > from->len - header)
        return FALSE;
    *content = (Bytes){from->at + header, len};
    *from = (Bytes){from->at + header + len, from->len - header - len};
    return TRUE;
}

/* Without leading zeros. FALSE: negative, or empty. */
static gboolean der_take_unsigned(Bytes *from, Bytes *number)
{
    if (!der_take(from, DER_INTEGER, number) || number->len == 0 || number->at[0] & 0x80)
        return FALSE;
    while (number->len && number->at[0] == 0)
        number->at++, number->len--;
    return TRUE;
}

/* SubjectPublicKeyInfo around it, as everybody publishes, or the bare RSAPublicKey of RFC 6376 §3.6.1. */
static gboolean rsa_parse(Bytes der, Bytes *modulus, Bytes *exponent)
{
    static const guint8 rsa_oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
    Bytes outer, algorithm, oid, bits;
    if (!der_take(&der, DER_SEQUENCE, &outer))
        return FALSE;
    Bytes inside = outer;
    if (der_take(&inside, DER_SEQUENCE, &algorithm)) {
        if (!der_take(&algorithm, DER_OID, &oid) || oid.len != sizeof rsa_oid ||
            memcmp(oid.at, rsa_oid, sizeof rsa_oid) != 0 || !der_take(&inside, DER_BIT_STRING, &bits) ||
            bits.len == 0 || bits.at[0] != 0)
            return FALSE;
        bits = (Bytes){bits.at + 1, bits.len - 1};
        if (!der_take(&bits, DER_SEQUENCE, &outer))
            return FALSE;
    }
    return der_take_unsigned(&outer, modulus) && der_take_unsigned(&outer, exponent);
}

static guint bits_of(Bytes number)
{
    return number.len ? 8 * ((guint)number.len - 1) + (guint)g_bit_storage(number.at[0]) : 0;
}

/* ---- keys ---- */

static BIGNUM *bignum(Bytes number)
{
    return BN_bin2bn(number.at, (int)number.len, NULL);
}

static EVP_PKEY *rsa_key(Bytes modulus, Bytes exponent)
{
    EVP_PKEY *key = NULL;
    BIGNUM *n = bignum(modulus), *e = bignum(exponent);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    g_autoptr(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (n && e && build && context && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) &&
        (params = OSSL_PARAM_BLD_to_param(build)) && EVP_PKEY_fromdata_init(context) > 0)
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return key;
}

static DkimCode refuse(DkimRecord *record, DkimCode code, const char *reason)
{
    record->reason = g_strdup(reason);
    return code;
}

/* The size is known before OpenSSL sees the key: a huge one costs nothing. */
static DkimCode use_rsa(DkimRecord *record, Bytes key)
{
    Bytes modulus, exponent;
    if (!rsa_parse(key, &modulus, &exponent))
        return refuse(record, DKIM_PERMERROR, "the key is not an RSA key");
    record->bits = bits_of(modulus);
    if (record->bits < DKIM_RSA_BITS_MIN) {
        record->reason = g_strdup_printf("the key has only %u bits", record->bits);
        return DKIM_PERMERROR;
    }
    if (record->bits > DKIM_RSA_BITS_MAX) {
        record->reason = g_strdup_printf("a key of %u bits is more than we use", record->bits);
        return DKIM_POLICY;
    }
    if (exponent.len == 0 || exponent.len > EXPONENT_BYTES || bits_of(exponent) < 2 ||
        !(exponent.at[exponent.len - 1] & 1) || !(modulus.at[modulus.len - 1] & 1))
        return refuse(record, DKIM_PERMERROR, "the key is not an RSA key");
    record->key = rsa_key(modulus, exponent);
    return record->key ? DKIM_PASS : refuse(record, DKIM_PERMERROR, "the key is not an RSA key");
}

/* RFC 8463 §4: the bare 32 bytes. */
static DkimCode use_ed25519(DkimRecord *record, Bytes key)
{
    if (key.len == ED25519_KEY_BYTES)
        record->key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key.at, key.len);
    record->bits = record->key ? 8 * ED25519_KEY_BYTES : 0;
    return record->key ? DKIM_PASS : refuse(record, DKIM_PERMERROR, "the key is not an Ed25519 key");
}

static const struct {
    const char *k;
    DkimAlgorithm algorithm;
    DkimCode (*use)(DkimRecord *record, Bytes key);
} key_types[] = {
    {"rsa", DKIM_RSA_SHA256, use_rsa},
    {"ed25519", DKIM_ED25519_SHA256, use_ed25519},
};

/* ---- the record ---- */

static DkimCode use_key(DkimRecord *record, const Tag *k, Span p)
{
    for (guint i = 0; i < G_N_ELEMENTS(key_types); i++) {
        if (!(k ? span_is(k->value, key_types[i].k) : i == 0))
            continue;
        gsize len;
        g_autofree guint8 *key = span_base64(p, &len);
        record->algorithm = key_types[i].algorithm;
        if (!key)
            return refuse(record, DKIM_PERMERROR, "the key is not base64");
        DkimCode code = key_types[i].use(record, (Bytes){key, len});
        ERR_clear_error();
        return code;
    }
    return refuse(record, DKIM_PERMERROR, "the key is of an unknown type");
}

static DkimCode read_record(DkimRecord *record, const TagList *list)
{
    const Tag *v = taglist_find(list, "v"), *h = taglist_find(list, "h"), *s = taglist_find(list, "s"),
              *t = taglist_find(list, "t"), *p = taglist_find(list, "p");
    record->testing = t && span_list_has(t->value, ':', "y");
    record->strict = t && span_list_has(t->value, ':', "s");
    record->sha256 = !h || span_list_has(h->value, ':', "sha256");
    if (v && (v != &list->tags[0] || !span_is(v->value, "DKIM1")))
        return refuse(record, DKIM_PERMERROR, "the key record is not of version DKIM1");
    if (s && !span_list_has(s->value, ':', "*") && !span_list_has(s->value, ':', "email"))
        return refuse(record, DKIM_PERMERROR, "the key is not for email");
    if (!p)
        return refuse(record, DKIM_PERMERROR, "the key record has no key");
    if (p->value.len == 0)
        return refuse(record, DKIM_PERMERROR, "the key is revoked");
    return use_key(record, taglist_find(list, "k"), p->value);
}

static DkimRecord *record_new(DkimCode code, const char *reason)
{
    DkimRecord *record = g_new0(DkimRecord, 1);
    record->refs = 1;
    record->code = code;
    record->reason = g_strdup(reason);
    return record;
}

DkimRecord *dkim_record_parse(const char *text, gsize len)
{
    TagList list;
    if (len > RECORD_MAX)
        return record_new(DKIM_POLICY, "the key record is too long");
    if (taglist_parse(&list, text, len))
        return record_new(DKIM_PERMERROR, "the key record is malformed");
    DkimRecord *record = record_new(DKIM_PASS, NULL);
    record->code = read_record(record, &list);
    return record;
}

DkimRecord *dkim_record_ref(DkimRecord *record)
{
    g_atomic_int_inc(&record->refs);
    return record;
}

void dkim_record_unref(DkimRecord *record)
{
    if (!g_atomic_int_dec_and_test(&record->refs))
        return;
    EVP_PKEY_free(record->key);
    g_free(record->reason);
    g_free(record);
}

/* ---- look-up ---- */

/* Other TXT records may stand under the name; those that have p= are keys. */
static gboolean has_key(const DnsRecord *txt)
{
    TagList list;
    return txt->text_len <= RECORD_MAX && !taglist_parse(&list, txt->text, txt->text_len) &&
           taglist_find(&list, "p");
}

/* What several key records mean is undefined (RFC 6376 §3.6.2.2); to choose one would be to guess. */
static DkimRecord *choose(const DnsAnswer *answer, DkimKeyCache *cache)
{
    const DnsRecord *found = answer->n_records == 1 ? &answer->records[0] : NULL;
    for (guint i = 0; !found && i < MIN(answer->n_records, RECORDS_MAX); i++)
        if (has_key(&answer->records[i]))
            found = &answer->records[i];
    for (guint i = 0; found && i < MIN(answer->n_records, RECORDS_MAX); i++)
        if (&answer->records[i] != found && has_key(&answer->records[i]))
            return record_new(DKIM_PERMERROR, "there are several key records");
    return found ? dkim_key_cache_parse(cache, found->text, found->text_len)
                 : record_new(DKIM_PERMERROR, "there is no key record");
}

static DkimRecord *look_up(const char *name, DkimKeyCache *cache, Resolver *resolver, gint64 deadline)
{
    g_autoptr(DnsAnswer) answer = dns_query(resolver, name, DNS_TXT, deadline);
    if (answer->status == DNS_TEMPERROR) {
        DkimRecord *record = record_new(DKIM_TEMPERROR, NULL);
        record->reason =
            g_strdup_printf("the key could not be looked up: %s", answer->why ? answer->why : "?");
        return record;
    }
    return answer->status == DNS_OK ? choose(answer, cache)
                                    : record_new(DKIM_PERMERROR, "there is no key record");
}

static void unref_record(gpointer record)
{
    dkim_record_unref(record);
}

void dkim_records_init(DkimRecords *records)
{
    records->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unref_record);
    records->cache = NULL;
}

void dkim_records_clear(DkimRecords *records)
{
    g_hash_table_unref(records->by_name);
}

const DkimRecord *dkim_records_get(DkimRecords *records, const char *name, Resolver *resolver,
                                   gint64 deadline)
{
    DkimRecord *record = g_hash_table_lookup(records->by_name, name);
    if (!record) {
        record = look_up(name, records->cache, resolver, deadline);
        g_hash_table_insert(records->by_name, g_strdup(name), record);
    }
    return record;
}
