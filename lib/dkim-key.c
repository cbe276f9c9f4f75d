/* dkim-key.c — private keys, and the records that belong to them. */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "dkim-internal.h"
#include "idn.h"

#define ZONE_STRING_MAX 255 /* bytes, RFC 1035 §3.3 */

struct DkimKey {
    gint refs;
    EVP_PKEY *key;
    DkimAlgorithm algorithm;
};

GQuark dkim_error_quark(void)
{
    return g_quark_from_static_string("dkim-error");
}

/* The first reason that OpenSSL has, and then its list is empty again. */
static void set_openssl_error(GError **error, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    g_set_error(error, DKIM_ERROR, DKIM_ERROR_KEY, "%s%s%s", what, reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
}

/* OpenSSL would else ask at the terminal. */
static int no_password(char *buffer, int size, int writing, void *data)
{
    return -1;
}

/* Takes `key`. */
static DkimKey *key_new(EVP_PKEY *key, GError **error)
{
    g_autoptr(EVP_PKEY) owned = key;
    gboolean rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
    int bits = EVP_PKEY_get_bits(key);
    if (!rsa && EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
        g_set_error_literal(error, DKIM_ERROR, DKIM_ERROR_KEY, "the key is neither RSA nor Ed25519");
        return NULL;
    }
    if (rsa && (bits < DKIM_RSA_BITS_MIN || bits > DKIM_RSA_BITS_MAX)) {
        g_set_error(error, DKIM_ERROR, DKIM_ERROR_KEY, "the key has %d bits; verifiers accept %d to %d", bits,
                    DKIM_RSA_BITS_MIN, DKIM_RSA_BITS_MAX);
        return NULL;
    }
    DkimKey *made = g_new0(DkimKey, 1);
    made->refs = 1;
    made->key = g_steal_pointer(&owned);
    made->algorithm = rsa ? DKIM_RSA_SHA256 : DKIM_ED25519_SHA256;
    return made;
}

DkimKey *dkim_key_from_pem(const char *pem, gsize len, GError **error)
{
    BIO *bio = len <= G_MAXINT ? BIO_new_mem_buf(pem, (int)len) : NULL;
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    BIO_free(bio);
    if (!key) {
        set_openssl_error(error, "no private key in PEM");
        return NULL;
    }
    return key_new(key, error);
}

DkimKey *dkim_key_generate(DkimAlgorithm algorithm, guint bits, GError **error)
{
    EVP_PKEY *key = NULL;
    if (algorithm == DKIM_ED25519_SHA256)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    else if (algorithm == DKIM_RSA_SHA256 && bits >= DKIM_RSA_BITS_MIN && bits <= DKIM_RSA_BITS_MAX)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
    if (!key) {
        set_openssl_error(error, "no such key can be made");
        return NULL;
    }
    return key_new(key, error);
}

DkimKey *dkim_key_ref(DkimKey *key)
{
    g_atomic_int_inc(&key->refs);
    return key;
}

void dkim_key_unref(DkimKey *key)
{
    if (!key || !g_atomic_int_dec_and_test(&key->refs))
        return;
    EVP_PKEY_free(key->key);
    g_free(key);
}

DkimAlgorithm dkim_key_algorithm(const DkimKey *key)
{
    return key->algorithm;
}

guint dkim_key_bits(const DkimKey *key)
{
    return (guint)EVP_PKEY_get_bits(key->key);
}

char *dkim_key_to_pem(const DkimKey *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    gboolean written = bio && PEM_write_bio_PrivateKey(bio, key->key, NULL, NULL, 0, NULL, NULL);
    g_assert(written);
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    char *pem = g_strndup(text, (gsize)len);
    BIO_free(bio);
    return pem;
}

/* RFC 6376 §3.6.1 as everybody reads it: SubjectPublicKeyInfo; RFC 8463 §4: the bare bytes. Base64. */
static char *public_part(const DkimKey *key)
{
    if (key->algorithm == DKIM_ED25519_SHA256) {
        guint8 raw[32];
        size_t len = sizeof raw;
        gboolean got = EVP_PKEY_get_raw_public_key(key->key, raw, &len);
        g_assert(got);
        return g_base64_encode(raw, len);
    }
    guint8 *der = NULL;
    int len = i2d_PUBKEY(key->key, &der);
    g_assert(len > 0);
    char *text = g_base64_encode(der, (gsize)len);
    OPENSSL_free(der);
    return text;
}

char *dkim_key_record(const DkimKey *key)
{
    g_autofree char *p = public_part(key);
    return g_strdup_printf("v=DKIM1; k=%s; p=%s", key->algorithm == DKIM_ED25519_SHA256 ? "ed25519" : "rsa",
                           p);
}

char *dkim_key_name(const char *domain, const char *selector, GError **error)
{
    if (!dkim_is_domain(domain, 2) || !dkim_is_domain(selector, 1)) {
        g_set_error(error, DKIM_ERROR, DKIM_ERROR_MESSAGE, "%s with %s is not a domain with a selector",
                    domain, selector);
        return NULL;
    }
    g_autofree char *name = g_strconcat(selector, "._domainkey.", domain, NULL);
    char *ascii = idn_to_ascii(name); /* as DMARC compares it: else one domain could sign for another */
    if (ascii && strlen(ascii) <= DKIM_NAME_MAX)
        return ascii;
    g_free(ascii);
    g_set_error(error, DKIM_ERROR, DKIM_ERROR_MESSAGE, "%s is no name that the DNS can have", name);
    return NULL;
}

char *dkim_key_zone_line(const DkimKey *key, const char *name)
{
    g_autofree char *record = dkim_key_record(key);
    g_autoptr(GString) line = g_string_new(NULL);
    gsize len = strlen(record);
    g_string_printf(line, "%s. TXT (", name);
    for (gsize at = 0; at < len; at += ZONE_STRING_MAX)
        g_string_append_printf(line, " \"%.*s\"", ZONE_STRING_MAX, record + at);
    g_string_append(line, " )");
    return g_strdup(line->str);
}

/* ---- signing ---- */

static gboolean sign_rsa(EVP_PKEY *key, const guint8 *hash, guint8 *out, size_t *len)
{
    g_autoptr(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    return context && EVP_PKEY_sign_init(context) > 0 &&
           EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0 &&
           EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) > 0 &&
           EVP_PKEY_sign(context, out, len, hash, DKIM_HASH_SIZE) > 0;
}

/* RFC 8463 §3 */
static gboolean sign_ed25519(EVP_PKEY *key, const guint8 *hash, guint8 *out, size_t *len)
{
    g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
    return context && EVP_DigestSignInit(context, NULL, NULL, NULL, key) > 0 &&
           EVP_DigestSign(context, out, len, hash, DKIM_HASH_SIZE) > 0;
}

guint8 *dkim_key_sign(const DkimKey *key, const guint8 hash[static DKIM_HASH_SIZE], gsize *ret_len,
                      GError **error)
{
    size_t len = (size_t)EVP_PKEY_get_size(key->key);
    g_autofree guint8 *out = g_malloc(len);
    if (!(key->algorithm == DKIM_ED25519_SHA256 ? sign_ed25519 : sign_rsa)(key->key, hash, out, &len)) {
        set_openssl_error(error, "signing failed");
        return NULL;
    }
    *ret_len = len;
    return g_steal_pointer(&out);
}
