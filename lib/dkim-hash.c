/* dkim-hash.c — SHA-256 that is added to piece by piece. */
#include "dkim-internal.h"

EVP_MD_CTX *dkim_hash_new(void)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    gboolean started = hash && EVP_DigestInit_ex2(hash, EVP_sha256(), NULL);
    g_assert(started);
    return hash;
}

void dkim_hash_add(EVP_MD_CTX *hash, const void *bytes, gsize len)
{
    gboolean added = EVP_DigestUpdate(hash, bytes, len);
    g_assert(added);
}

EVP_MD_CTX *dkim_hash_copy(const EVP_MD_CTX *hash)
{
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    gboolean copied = copy && EVP_MD_CTX_copy_ex(copy, hash);
    g_assert(copied);
    return copy;
}

void dkim_hash_peek(const EVP_MD_CTX *hash, guint8 out[static DKIM_HASH_SIZE])
{
    g_autoptr(EVP_MD_CTX) copy = dkim_hash_copy(hash);
    gboolean done = EVP_DigestFinal_ex(copy, out, NULL);
    g_assert(done);
}
