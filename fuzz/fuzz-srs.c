/* Tagged senders: nothing forged passes, what we sign comes back. */
#include <postern/srs.h>

#include <stdint.h>
#include <string.h>

#define NOW 1700000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* `made` was made of an address that is written so: what comes back is written so, too. */
static void check_back(const char *made, SrsStatus status, const char *back)
{
    if (made)
        g_assert(status == SRS_VALID && back && !strpbrk(back, "\r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *const secrets[] = {"secret", "older", NULL};
    const SrsSettings srs = {.secrets = secrets, .always_rewrite = TRUE, .hash_length = 8};
    const SesSettings ses = {.secrets = secrets};
    const BatvSettings batv = {.secrets = secrets};
    g_autofree char *address = g_strndup((const char *)data, size);
    g_autofree char *a = NULL, *b = NULL, *c = NULL, *d = NULL, *e = NULL, *f = NULL;
    srs_reverse(&srs, address, NOW, &a);
    ses_verify(&ses, address, NOW, &b, NULL);
    batv_verify(&batv, address, NOW, &c);
    g_free(srs_look_through(address, "user@example.com"));

    g_autofree char *forward = srs_forward(&srs, address, "forwarder.example", NOW);
    check_back(forward, forward ? srs_reverse(&srs, forward, NOW, &d) : SRS_UNTAGGED, d);
    g_autofree char *tagged = ses_sign(&ses, address, 42, NOW);
    check_back(tagged, tagged ? ses_verify(&ses, tagged, NOW, &e, NULL) : SRS_UNTAGGED, e);
    g_autofree char *prvs = batv_sign(&batv, address, NOW);
    check_back(prvs, prvs ? batv_verify(&batv, prvs, NOW, &f) : SRS_UNTAGGED, f);
    return 0;
}
