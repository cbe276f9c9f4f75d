/* The validated names of the client: RFC 7208 §5.5, and %{p} (§7.3). */
#include "spf-eval.h"

#include <string.h>

static guint names_max(const SpfEval *e)
{
    return e->lax ? SPF_HOSTS_MAX * SPF_LAX_FACTOR : SPF_HOSTS_MAX;
}

/* How many names the client has that may be looked at. The client's owner writes them, not the domain's: too
 * many are ignored (§4.6.4), and finding none is no void lookup of the record. */
static guint ptr_names(SpfEval *e)
{
    if (!e->ptr_asked) {
        g_autofree char *name = ip_reverse_name(&e->request->ip);
        e->ptr_asked = TRUE;
        e->ptr = spf_ask(e, name, DNS_PTR);
    }
    return e->ptr && e->ptr->status == DNS_OK ? MIN(e->ptr->n_records, names_max(e)) : 0;
}

/* One of the name's addresses is the client's. An error is a no (§5.5). */
static gboolean points_back(SpfEval *e, guint i)
{
    if (e->ptr_state[i] == 0) {
        const char *name = e->ptr->records[i].name;
        g_autoptr(DnsAnswer) answer = spf_name_usable(name) ? spf_ask(e, name, spf_address_type(e)) : NULL;

        e->ptr_state[i] = -1;
        for (guint k = 0; answer && k < answer->n_records; k++)
            if (ip_equal(&answer->records[k].ip, &e->request->ip))
                e->ptr_state[i] = 1;
    }
    return e->ptr_state[i] > 0;
}

static gboolean is_or_below(const char *name, const char *domain)
{
    gsize n = strlen(name), d = strlen(domain);

    return n >= d && g_ascii_strcasecmp(name + n - d, domain) == 0 && (n == d || name[n - d - 1] == '.');
}

SpfMatch spf_match_ptr(SpfEval *e, const char *target, gboolean *nameless)
{
    guint n = ptr_names(e);

    *nameless = e->ptr && (e->ptr->status == DNS_NODATA || e->ptr->status == DNS_NXDOMAIN);
    for (guint i = 0; i < n; i++)
        if (is_or_below(e->ptr->records[i].name, target) && points_back(e, i))
            return MATCH_YES;
    return MATCH_NO;
}

/* The domain itself, else a name below it, else any; "unknown" without one. The PTR query counts as a lookup
 * when it is made here first (§4.6.4). */
const char *spf_eval_p(SpfMacros *macros, const char *domain)
{
    SpfEval *e = (SpfEval *)macros;
    guint n;

    if (!e->ptr_asked && !e->finished && !spf_count_lookup(e))
        return NULL;
    n = ptr_names(e);
    for (int pass = 0; pass < 3; pass++)
        for (guint i = 0; i < n; i++) {
            const char *name = e->ptr->records[i].name;
            gboolean fits = pass == 0   ? g_ascii_strcasecmp(name, domain) == 0
                            : pass == 1 ? is_or_below(name, domain)
                                        : TRUE;
            if (fits && points_back(e, i))
                return name;
        }
    return "unknown";
}
