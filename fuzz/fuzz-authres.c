/* Authentication-Results: what was read and written is read the same, and stays one field. */
#include <postern/authres.h>
#include <postern/header.h>

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_folding(const char *field)
{
    for (const char *p = field; *p; p++)
        g_assert(*p != '\r' && (*p != '\n' || ((p[1] == '\t' || p[1] == ' ') && p[2] && p[2] != '\n')));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    g_autoptr(AuthRes) ar = authres_parse(text, (gssize)size);
    g_assert(ar->results->len <= AUTHRES_RESULTS_MAX);
    if (ar->authserv_id[0])
        g_assert(authres_is_from(text, (gssize)size, ar->authserv_id) || strcmp(ar->authserv_id, ".") == 0);
    authres_is_from(text, (gssize)size, "mx.example.com");

    g_autofree char *value = header_unfold(text, (gssize)size);
    g_autofree char *folded = header_fold("Authentication-Results", value);
    check_folding(folded);
    header_msgid_form(text, (gssize)size);
    g_autofree char *by = header_received_by(text, (gssize)size);
    g_assert(!by || (*by && !strpbrk(by, " (;\n")));
    g_autofree char *written = authres_to_string(ar, "Authentication-Results");
    check_folding(written);
    return 0;
}
