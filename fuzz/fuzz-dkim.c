/*
 * A key record, NUL, then a message. The record is that of every name; the message is verified by DKIM and ARC, and
 * what is reported stays one field.
 */
#include <postern/arc.h>
#include <postern/header.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1700000000

typedef struct {
    Resolver base;
    const char *record;
    gsize len;
} OneRecord;

static DnsAnswer *answer(Resolver *self, const char *name, DnsType type, gint64 deadline)
{
    const OneRecord *one = (const OneRecord *)self;
    DnsAnswer *made = dns_answer_new(DNS_OK, NULL);

    g_assert(g_str_is_ascii(name) && strlen(name) <= 253);
    dns_answer_add_text(made, one->record, one->len);
    return made;
}

static void check_printable(const char *text)
{
    for (; text && *text; text++)
        g_assert((guchar)*text >= ' ' && *text != 0x7f);
}

static void check_result(const DkimResult *result)
{
    g_assert((result->code == DKIM_PASS) == (result->reason == NULL));
    check_printable(result->reason);
    check_printable(result->domain);
    check_printable(result->selector);
    check_printable(result->identity);
    check_printable(result->header_b);
}

static void check_chain(const ArcResult *result)
{
    g_assert((result->status == ARC_FAIL) == (result->reason != NULL));
    g_assert(result->n_hops <= ARC_INSTANCES_MAX);
    check_printable(result->reason);
    for (guint i = 0; i < result->n_hops; i++)
        check_printable(result->hops[i].domain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *nul = memchr(text, '\0', size);
    if (!nul)
        return 0;
    OneRecord zone = {.base = {.query = answer}, .record = text, .len = (gsize)(nul - text)};
    const char *message = nul + 1;
    gsize len = size - (gsize)(message - text);
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    gsize start = dkim_header_read(header, message, len);
    g_assert(start <= len);
    g_autoptr(DkimVerifier) dkim = dkim_verifier_new(header, body, NOW);
    g_autoptr(ArcVerifier) arc = arc_verifier_new(header, body, NOW);

    dkim_verifier_prefetch(dkim, &zone.base);
    arc_verifier_prefetch(arc, &zone.base);
    dkim_body_add(body, message + start, len - start);
    dkim_body_end(body);
    dkim_verifier_finish(dkim, &zone.base, 0);
    arc_verifier_finish(arc, &zone.base, 0);

    for (guint i = 0; i < dkim_verifier_len(dkim); i++)
        check_result(dkim_verifier_result(dkim, i));
    check_chain(arc_verifier_result(arc));
    g_autoptr(AuthRes) ar = authres_new("mx.example.net");
    dkim_verifier_report(dkim, ar);
    arc_verifier_report(arc, ar);
    g_autofree char *field = authres_to_string(ar, NULL);
    check_printable(field);
    return 0;
}
