/* Known answers of canonicalization: bodies with their hashes, header fields in relaxed form. */
#include "runner.h"

#include <postern/dkim-canon.h>
#include <string.h>

static void append(const void *bytes, gsize len, void *data)
{
    g_string_append_len(data, bytes, (gssize)len);
}

static char *to_hex(const GString *bytes)
{
    GString *hex = g_string_new(NULL);

    for (gsize i = 0; i < bytes->len; i++)
        g_string_append_printf(hex, "%02x", (guchar)bytes->str[i]);
    return g_string_free(hex, FALSE);
}

static char *checksum(GChecksumType type, const GString *bytes)
{
    guint8 digest[64];
    gsize len = sizeof digest;
    g_autoptr(GChecksum) sum = g_checksum_new(type);

    g_checksum_update(sum, (const guchar *)bytes->str, (gssize)bytes->len);
    g_checksum_get_digest(sum, digest, &len);
    return g_base64_encode(digest, len);
}

/* What the set of hashes says of the same body. */
static char *body_hash(DkimCanon canon, const GString *raw)
{
    g_autoptr(DkimBody) body = dkim_body_new();
    guint form = dkim_body_want(body, canon, DKIM_WHOLE_BODY);

    dkim_body_add(body, raw->str, raw->len);
    dkim_body_end(body);
    return g_base64_encode(dkim_body_hash(body, form), DKIM_HASH_SIZE);
}

/* TRUE where the case does not say, or says the same. */
static gboolean same(JsonObject *test, const char *canon, const char *what, const char *got)
{
    g_autofree char *member = g_strdup_printf("%s_%s", canon, what);
    const char *expected = json_str(test, member, NULL);

    return !expected || strcmp(expected, got) == 0;
}

static void body_case(JsonObject *test, DkimCanon canon, Tally *tally)
{
    const char *name = dkim_canon_name(canon);
    g_autofree char *id = g_strdup_printf("%s %s", json_str(test, "id", "?"), name);
    g_autofree char *member = g_strconcat(name, "_hex", NULL);
    g_autoptr(GString) raw = g_string_new(NULL), out = g_string_new(NULL);
    g_autoptr(DkimCanonBody) body = dkim_canon_body_new(canon, append, out);

    append_hex(raw, json_str(test, "body_hex", ""));
    dkim_canon_body_add(body, raw->str, raw->len);
    dkim_canon_body_end(body);
    g_autofree char *hex = to_hex(out), *sha1 = checksum(G_CHECKSUM_SHA1, out),
                    *sha256 = body_hash(canon, raw);
    if (same(test, name, "hex", hex) && same(test, name, "sha1", sha1) && same(test, name, "sha256", sha256))
        tally_pass(tally);
    else
        tally_fail(tally, id, json_str(test, member, "the hashes given"), hex);
}

static void header_case(JsonObject *test, Tally *tally)
{
    g_autoptr(GString) name = g_string_new(NULL), value = g_string_new(NULL), out = g_string_new(NULL);

    append_hex(name, json_str(test, "name_hex", ""));
    append_hex(value, json_str(test, "value_hex", ""));
    if (g_str_has_suffix(value->str, "\r\n")) /* the end of the field is not of its value */
        g_string_truncate(value, value->len - 2);
    const DkimField field = {name->str, value->str, name->len, value->len};
    dkim_canon_field(out, DKIM_RELAXED, &field);
    g_autofree char *hex = to_hex(out);
    tally_compare(tally, json_str(test, "id", name->str), json_str(test, "relaxed_hex", ""), hex);
}

/* A body is one case, in both forms. */
void run_dkim_canon(JsonObject *root, const char *dir, Tally *tally)
{
    JsonArray *bodies = json_list(root, "bodies"), *headers = json_list(root, "headers");

    for (guint i = 0; bodies && i < json_array_get_length(bodies); i++) {
        Tally both = {0};
        for (DkimCanon canon = 0; canon < DKIM_N_CANONS; canon++)
            body_case(json_array_get_object_element(bodies, i), canon, &both);
        *(both.failed ? &tally->failed : &tally->passed) += 1;
    }
    for (guint i = 0; headers && i < json_array_get_length(headers); i++)
        header_case(json_array_get_object_element(headers, i), tally);
}
