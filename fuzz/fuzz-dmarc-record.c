/* DMARC: one record, by both standards. */
#include <postern/dmarc.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_uris(char **uris)
{
    guint n = 0;

    for (; *uris; uris++, n++) {
        g_assert(strchr(*uris, ':') && !strpbrk(*uris, ",!; \t\r\n"));
        for (const char *p = *uris; *p; p++)
            g_assert(*p > 0x20 && *p < 0x7f);
    }
    g_assert(n <= DMARC_URIS_MAX);
}

static void expect_record(DmarcStandard standard, const uint8_t *data, size_t size)
{
    g_autoptr(DmarcRecord) r = dmarc_record_parse(standard, (const char *)data, size);

    if (!r)
        return;
    expect_uris(r->rua);
    expect_uris(r->ruf);
    g_assert(r->has_sp || r->sp == r->p);
    g_assert(r->has_np || r->np == r->sp);
    g_assert(!r->repaired || (r->rua[0] && r->p == DMARC_POLICY_NONE && r->np == DMARC_POLICY_NONE));
    g_assert(r->usable || r->p == DMARC_POLICY_NONE);
    g_assert(r->pct <= 100 && r->fo >= 1 && r->fo <= 15);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    expect_record(DMARC_RFC9989, data, size);
    expect_record(DMARC_RFC7489, data, size);
    return 0;
}
