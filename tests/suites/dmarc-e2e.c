/* A connection, an envelope and a message: SPF and DKIM are made, and DMARC has what they say. */
#include "runner.h"

#include <postern/dkim.h>
#include <postern/dmarc.h>
#include <postern/header.h>
#include <postern/spf.h>

/* As SMTP would bring it: lines end with CRLF. */
static GString *with_crlf(const char *text, gsize len)
{
    GString *out = g_string_sized_new(len);

    for (gsize i = 0; i < len; i++) {
        if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
            g_string_append_c(out, '\r');
        g_string_append_c(out, text[i]);
    }
    return out;
}

static DkimVerifier *verify(const GString *message, DkimHeader *header, DkimBody *body, Resolver *zone)
{
    gsize start = dkim_header_read(header, message->str, message->len);
    DkimVerifier *verifier = dkim_verifier_new(header, body, g_get_real_time() / G_USEC_PER_SEC);

    dkim_body_add(body, message->str + start, message->len - start);
    dkim_body_end(body);
    dkim_verifier_finish(verifier, zone, 0);
    return verifier;
}

static DmarcAuthors *authors_of(const DkimHeader *header)
{
    DmarcAuthors *authors = dmarc_authors_new();

    for (guint i = 0; i < dkim_header_len(header); i++) {
        const DkimField *field = dkim_header_field(header, i);
        if (header_name_is(field->name, (gssize)field->name_len, "From"))
            dmarc_authors_add(authors, field->value, (gssize)field->value_len);
    }
    return authors;
}

static DmarcCode check(const DkimHeader *header, const SpfResult *spf, const DkimVerifier *verifier,
                       Resolver *zone)
{
    g_autoptr(DmarcAuthors) authors = authors_of(header);
    DmarcIdentity dkim[DKIM_SIGNATURES_MAX];
    DmarcRequest request = {
        .resolver = zone,
        .authors = authors,
        .spf = {spf->domain, dmarc_auth_of(spf_code_name(spf->code))},
        .n_dkim = dkim_verifier_len(verifier),
        .dkim = dkim,
    };
    g_autoptr(DmarcResult) result = NULL;

    for (guint i = 0; i < request.n_dkim; i++) {
        const DkimResult *signature = dkim_verifier_result(verifier, i);
        dkim[i] = (DmarcIdentity){signature->domain, dmarc_auth_of(dkim_code_name(signature->code))};
    }
    result = dmarc_check(&request);
    return result->code;
}

/* The library has no iprev of its own, but SPF looks for a validated name of the client in the same way (RFC 7208 §5.5,
 * RFC 8601 §3): %{p} is it, or "unknown". */
static const char *iprev(const SpfRequest *of)
{
    SpfRequest request = *of;
    g_autoptr(SpfResult) result = NULL;

    request.default_explanation = "%{p}";
    result = spf_evaluate(&request, "v=spf1 -all");
    return g_strcmp0(result->explanation, "unknown") == 0 ? "fail" : "pass";
}

static gboolean judge(JsonObject *test, Resolver *zone, const char *text, gsize text_len, EndResults *got)
{
    SpfRequest request = {
        .resolver = zone, .helo = json_str(test, "helo", ""), .sender = json_str(test, "mailfrom", "")};

    if (!ip_parse(json_str(test, "ip", ""), &request.ip))
        return FALSE;
    g_autoptr(GString) message = with_crlf(text, text_len);
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    g_autoptr(DkimVerifier) verifier = verify(message, header, body, zone);
    g_autoptr(SpfResult) spf = spf_check(&request);

    *got = (EndResults){
        .spf = spf_code_name(spf->code),
        .dkim = dkim_code_name(dkim_verifier_code(verifier)),
        .dmarc = dmarc_code_name(check(header, spf, verifier, zone)),
        .iprev = iprev(&request),
    };
    return TRUE;
}

void run_dmarc_e2e(JsonObject *root, const char *dir, Tally *tally)
{
    run_end_to_end(root, dir, tally, judge);
}
