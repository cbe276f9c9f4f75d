/* Signed messages and their results. */
#include "runner.h"

#include <postern/dkim.h>

static const char *verify(const char *message, gsize len, Resolver *zone, gint64 now)
{
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    gsize start = dkim_header_read(header, message, len);
    g_autoptr(DkimVerifier) verifier = dkim_verifier_new(header, body, now);

    dkim_body_add(body, message + start, len - start);
    dkim_body_end(body);
    dkim_verifier_finish(verifier, zone, 0);
    return dkim_code_name(dkim_verifier_code(verifier));
}

void run_dkim(JsonObject *root, const char *dir, Tally *tally)
{
    each_message(root, dir, tally, verify);
}
