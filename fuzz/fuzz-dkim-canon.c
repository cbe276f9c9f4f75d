/*
 * Canonical forms: the first bytes say where the body is cut and what l= is, the rest is the body. However it is cut,
 * the forms and their hashes are the same, and a form of a form is itself. Then the same bytes are a header field.
 */
#include <postern/dkim-canon.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SWITCHES 4

static void append(const void *bytes, gsize len, void *data)
{
    g_string_append_len(data, bytes, (gssize)len);
}

static GString *form_of(DkimCanon canon, const char *text, gsize len, const uint8_t *cuts)
{
    GString *out = g_string_new(NULL);
    g_autoptr(DkimCanonBody) body = dkim_canon_body_new(canon, append, out);

    for (gsize at = 0, i = 0; at < len; i++) {
        gsize piece = cuts ? MIN((gsize)(cuts[i % SWITCHES] % 16) + 1, len - at) : len;
        dkim_canon_body_add(body, text + at, piece);
        at += piece;
    }
    dkim_canon_body_end(body);
    return out;
}

/* There may be NULs. */
static gboolean ends_with(const GString *form, const char *end)
{
    gsize n = strlen(end);
    return form->len >= n && memcmp(form->str + form->len - n, end, n) == 0;
}

static void check_form(DkimCanon canon, const GString *form)
{
    if (form->len == 0)
        g_assert(canon == DKIM_RELAXED);
    else
        g_assert(ends_with(form, "\r\n"));
    g_assert(!ends_with(form, "\r\n\r\n"));
    for (gsize i = 0; canon == DKIM_RELAXED && i + 1 < form->len; i++) {
        g_assert(form->str[i] != '\t');
        g_assert(form->str[i] != ' ' || form->str[i + 1] != ' ');
    }
}

static void check_hashes(const char *text, gsize len, guint64 limit, GString *const *forms)
{
    g_autoptr(DkimBody) body = dkim_body_new();
    guint whole[DKIM_N_CANONS], part[DKIM_N_CANONS];

    for (DkimCanon c = 0; c < DKIM_N_CANONS; c++) {
        part[c] = dkim_body_want(body, c, limit);
        whole[c] = dkim_body_want(body, c, DKIM_WHOLE_BODY);
        g_assert(dkim_body_want(body, c, limit) == part[c]);
    }
    for (gsize at = 0; at < len; at += 5)
        dkim_body_add(body, text + at, MIN(5, len - at));
    dkim_body_end(body);
    for (DkimCanon c = 0; c < DKIM_N_CANONS; c++)
        for (guint i = 0; i < 2; i++) {
            gsize n = i ? forms[c]->len : MIN(limit, forms[c]->len), size = DKIM_HASH_SIZE;
            guint8 wanted[DKIM_HASH_SIZE];
            g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
            g_checksum_update(sum, (const guchar *)forms[c]->str, (gssize)n);
            g_checksum_get_digest(sum, wanted, &size);
            g_assert(memcmp(wanted, dkim_body_hash(body, i ? whole[c] : part[c]), DKIM_HASH_SIZE) == 0);
            g_assert(dkim_body_length(body, part[c]) == forms[c]->len);
        }
}

static void check_field(const char *text, gsize len)
{
    const DkimField field = {"Subject ", text, strlen("Subject "), len};
    g_autoptr(GString) simple = g_string_new(NULL), relaxed = g_string_new(NULL);

    dkim_canon_field(simple, DKIM_SIMPLE, &field);
    dkim_canon_field(relaxed, DKIM_RELAXED, &field);
    g_assert(g_str_has_prefix(simple->str, "Subject :") && g_str_has_prefix(relaxed->str, "subject:"));
    g_assert(relaxed->len <= simple->len);
    for (gsize i = 0; i < simple->len; i++)
        g_assert(simple->str[i] != '\n' || simple->str[i - 1] == '\r');
    for (gsize i = 0; i + 2 < relaxed->len; i++)
        g_assert(relaxed->str[i] != '\n' && (relaxed->str[i] != ' ' || relaxed->str[i + 1] != ' '));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < SWITCHES)
        return 0;
    const char *text = (const char *)data + SWITCHES;
    gsize len = size - SWITCHES;
    GString *forms[DKIM_N_CANONS];

    for (DkimCanon c = 0; c < DKIM_N_CANONS; c++) {
        forms[c] = form_of(c, text, len, NULL);
        GString *cut = form_of(c, text, len, data), *again = form_of(c, forms[c]->str, forms[c]->len, NULL);
        check_form(c, forms[c]);
        g_assert(g_string_equal(forms[c], cut) && g_string_equal(forms[c], again));
        g_string_free(cut, TRUE);
        g_string_free(again, TRUE);
    }
    check_hashes(text, len, data[0] + data[1], forms);
    check_field(text, len);
    for (DkimCanon c = 0; c < DKIM_N_CANONS; c++)
        g_string_free(forms[c], TRUE);
    return 0;
}
