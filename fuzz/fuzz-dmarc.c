/*
 * DMARC: one byte of switches, then lines: the From value, the SPF domain, a DKIM domain, and all others are records
 * that a small zone has at names in the author's way. The author domain, alignment and verdict come out.
 */
#include <postern/dmarc.h>
#include <postern/zone.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES = 7 };

static const char *const owners[] = {"_dmarc.b.a.x", "_dmarc.a.x", "_dmarc.x", "_dmarc.c.b.a.x"};

typedef struct {
    const char *at;
    gsize len;
} Line;

static void split(const uint8_t *data, size_t size, Line lines[static LINES])
{
    const char *p = (const char *)data, *end = p + size;

    for (guint i = 0; i < LINES; i++) {
        const char *stop = p < end && i < LINES - 1 ? memchr(p, '\n', (gsize)(end - p)) : NULL;
        lines[i] = (Line){p, (gsize)((stop ? stop : end) - p)};
        p = stop ? stop + 1 : end;
    }
}

static void expect_domain(const char *domain)
{
    g_assert(strlen(domain) <= 255 && *domain && *domain != '.' && !strstr(domain, ".."));
    for (const char *p = domain; *p; p++)
        g_assert(g_ascii_islower(*p) || g_ascii_isdigit(*p) || strchr("-_.", *p));
}

static void expect_result(const DmarcResult *r)
{
    g_assert((r->code == DMARC_PASS) == (r->spf_aligned || r->dkim_aligned >= 0));
    g_assert(r->code != DMARC_PASS && r->code != DMARC_FAIL ? TRUE
                                                            : r->policy_domain && r->record && r->text);
    g_assert(r->disposition <= r->applied && r->applied <= r->policy);
    g_assert(r->code == DMARC_FAIL || r->disposition == DMARC_POLICY_NONE);
    g_assert(r->n_queries <= 3 * DMARC_WALK_MAX + 1);
    g_assert(!r->policy_domain || g_str_has_suffix(r->author, r->policy_domain));
    g_assert(!r->org_domain || g_str_has_suffix(r->author, r->org_domain));
    for (const char *p = r->reason; *p; p++)
        g_assert(*p >= 0x20 && *p <= 0x7e);
    for (guint i = 0; i < r->n_queries; i++)
        expect_domain(r->queries[i].name);
    if (r->author)
        expect_domain(r->author);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(Resolver) zone = zone_new();
    g_autoptr(DmarcAuthors) authors = dmarc_authors_new();
    g_autoptr(DmarcResult) result = NULL;
    g_autoptr(AuthRes) ar = authres_new("me.x");
    g_autofree char *spf = NULL, *dkim = NULL, *value = NULL;
    DmarcIdentity signature;
    DmarcRequest request;
    Line lines[LINES];

    if (size < 1)
        return 0;
    split(data + 1, size - 1, lines);
    dmarc_authors_add(authors, lines[0].at, (gssize)lines[0].len);
    for (char **domain = authors->domains; *domain; domain++)
        expect_domain(*domain);
    spf = g_strndup(lines[1].at, lines[1].len);
    dkim = g_strndup(lines[2].at, lines[2].len);
    for (guint i = 0; i < G_N_ELEMENTS(owners); i++)
        if (lines[3 + i].len)
            zone_add_text(zone, owners[i], lines[3 + i].at, lines[3 + i].len);
    if (data[0] & 1)
        zone_add_error(zone, "_dmarc.d.b.a.x", 0, "timeout");
    signature = (DmarcIdentity){dkim, data[0] & 2 ? DMARC_AUTH_TEMPERROR : DMARC_AUTH_PASS};
    request = (DmarcRequest){
        .resolver = zone,
        .standard = data[0] & 4 ? DMARC_RFC7489 : DMARC_RFC9989,
        .authors = authors,
        .spf = {spf, data[0] & 8 ? DMARC_AUTH_PASS : DMARC_AUTH_TEMPERROR},
        .n_dkim = 1,
        .dkim = &signature,
        .sample = data[0] >> 4,
    };
    result = dmarc_check(&request);
    expect_result(result);
    dmarc_authres(ar, result);
    value = authres_to_string(ar, NULL);
    return 0;
}
