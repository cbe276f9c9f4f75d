/* Chains and their status. */
#include "runner.h"

#include <postern/arc.h>

static const char *verify(const char *message, gsize len, Resolver *zone, gint64 now)
{
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    gsize start = dkim_header_read(header, message, len);
    g_autoptr(ArcVerifier) verifier = arc_verifier_new(header, body, now);

    dkim_body_add(body, message + start, len - start);
    dkim_body_end(body);
    arc_verifier_finish(verifier, zone, 0);
    return arc_status_name(arc_verifier_result(verifier)->status);
}

void run_arc_verify(JsonObject *root, const char *dir, Tally *tally)
{
    each_message(root, dir, tally, verify);
}
