/* published.c — see published.h. */
#include "app/published.h"

#include <time.h>

/* A message signed with the key and verified by the DNS: whatever a receiver would find fault with shows. */
DkimCode published_key(DkimKey *key, const char *domain, const char *selector, Resolver *resolver, char **why)
{
    g_autoptr(DkimHeader) header = dkim_header_new(), with_signature = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    g_autofree char *from = g_strdup_printf(" postmaster@%s", domain);
    const DkimSigning signing = {.key = key,
                                 .domain = domain,
                                 .selector = selector,
                                 .header_canon = DKIM_RELAXED,
                                 .body_canon = DKIM_RELAXED};
    dkim_header_add(header, "From", -1, from, -1);
    dkim_body_want(body, DKIM_RELAXED, DKIM_WHOLE_BODY);
    dkim_body_end(body);
    g_autoptr(GError) error = NULL;
    g_autofree char *value = dkim_sign(&signing, header, body, &error);
    if (!value) {
        *why = g_strdup(error->message);
        return DKIM_PERMERROR;
    }
    g_autofree char *field = g_strconcat(" ", value, NULL);
    dkim_header_add(with_signature, "DKIM-Signature", -1, field, -1);
    dkim_header_add(with_signature, "From", -1, from, -1);
    g_autoptr(DkimBody) read = dkim_body_new();
    g_autoptr(DkimVerifier) verifier = dkim_verifier_new(with_signature, read, time(NULL));
    dkim_body_end(read);
    dkim_verifier_finish(verifier, resolver, 0);
    const DkimResult *result = dkim_verifier_result(verifier, 0);
    *why = g_strdup(result->code == DKIM_FAIL ? "the key there is another one" : result->reason);
    return result->code;
}
