/*
 * SPF: one byte of switches, a line with the sender, the rest is the record. It is evaluated as given and as
 * what a small zone says under names that it can refer to, so that it may include itself; then its field is
 * composed.
 */
#include <postern/spf.h>
#include <postern/zone.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char zone_text[] = "a.x A 192.0.2.1\n"
                                "a.x AAAA 2001:db8::1\n"
                                "a.x MX 1 a.x\n"
                                "a.x MX 2 .\n"
                                "err.x ERROR TIMEOUT\n"
                                "inc.x TXT \"v=spf1 a:a.x ?include:self.x -all exp=exp.x\"\n"
                                "exp.x TXT \"%{s} %{L} %{ir} %{p} %{h2r-} %{c} %{r} %{t}\"\n"
                                "1.2.0.192.in-addr.arpa PTR a.x\n"
                                "*.any.x A 127.0.0.2\n";

static void expect_printable(const char *text)
{
    for (; text && *text; text++)
        g_assert(*text >= 0x20 && *text <= 0x7e);
}

static void check_result(const SpfRequest *request, SpfResult *result)
{
    SpfReceived of = {.request = request, .result = result, .helo = result, .guess = result};
    g_autofree char *field = spf_received(&of);
    g_autoptr(SpfReceivedField) read = spf_received_parse(field, -1);
    gsize line = 14;

    g_assert(read && read->code == result->code && read->identity == result->identity);
    g_assert(read->has_helo && read->helo_code == result->code && read->guess_code == result->code);

    expect_printable(result->explanation);
    expect_printable(result->problem);
    expect_printable(result->mechanism);
    expect_printable(result->record);
    g_assert((result->code == SPF_FAIL) == (result->explanation != NULL));
    g_assert(result->code == SPF_PERMERROR || result->lax_code == SPF_PERMERROR);
    g_assert((result->code == SPF_PERMERROR || result->code == SPF_TEMPERROR) == (result->problem != NULL));
    for (const char *p = field; *p; p++) {
        line = *p == '\n' ? 0 : line + 1;
        g_assert(line <= 998 && (*p == '\n' ? p[1] == ' ' : *p >= 0x20 && *p <= 0x7e));
    }
    spf_result_free(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1, *line = size > 1 ? memchr(text, '\n', size - 1) : NULL;
    g_autoptr(Resolver) zone = NULL;
    g_autofree char *sender = NULL, *record = NULL;
    SpfRequest request;

    if (!line)
        return 0;
    zone = zone_resolver_parse("zone", zone_text, sizeof zone_text - 1, NULL);
    g_assert(zone);
    sender = g_strndup(text, (gsize)(line - text));
    record = g_strndup(line + 1, size - 1 - (gsize)(line + 1 - text));
    zone_add_text(zone, "self.x", line + 1, size - 1 - (gsize)(line + 1 - text));
    zone_add_text(zone, "exp2.x", line + 1, size - 1 - (gsize)(line + 1 - text));
    request = (SpfRequest){
        .resolver = zone,
        .helo = data[0] & 1 ? "a.x" : sender,
        .sender = sender,
        .receiver = "me.x",
        .substitutes = data[0] & 2 ? zone : NULL,
        .delegate = data[0] & 4 ? "any.x" : NULL,
        .lax = !!(data[0] & 8),
        .defer_temperror = !!(data[0] & 16),
    };
    ip_parse(data[0] & 32 ? "2001:db8::1" : "192.0.2.1", &request.ip);
    check_result(&request, spf_check(&request));
    check_result(&request, spf_evaluate(&request, record));
    request.sender = "u@self.x";
    check_result(&request, spf_check(&request));
    request.sender = "b@b.x";
    check_result(&request, spf_evaluate(&request, "v=spf1 -all exp=exp2.x"));
    return 0;
}
