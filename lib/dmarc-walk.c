/* dmarc-walk.c — questions, the tree walk (RFC 9989 §4.10), organizational domains (§4.10.2; RFC 7489 §3.2). */
#include "dmarc-internal.h"

#include <postern/suffix.h>
#include <string.h>

#define PREFIX      "_dmarc."
#define TEXT_MAX    4096u /* of a record that is shown */
#define JUMP_LABELS 7u    /* a longer name is cut to so many after the first query (§4.10 step 4) */

static void answer_free(gpointer data)
{
    DmarcAnswer *answer = data;

    g_free(answer->why);
    g_free(answer->text);
    dmarc_record_free(answer->record);
    g_free(answer);
}

void dmarc_asker_init(DmarcAsker *asker, Resolver *resolver, gint64 deadline, DmarcStandard standard)
{
    *asker = (DmarcAsker){
        .resolver = resolver,
        .deadline = deadline,
        .standard = standard,
        .answers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, answer_free),
        .queries = g_array_new(FALSE, FALSE, sizeof(DmarcQuery)),
    };
}

void dmarc_asker_clear(DmarcAsker *asker)
{
    g_hash_table_unref(asker->answers);
    for (guint i = 0; i < asker->queries->len; i++) {
        g_free((char *)g_array_index(asker->queries, DmarcQuery, i).name);
        g_free((char *)g_array_index(asker->queries, DmarcQuery, i).of);
    }
    g_array_unref(asker->queries);
}

DnsAnswer *dmarc_ask_dns(DmarcAsker *asker, const char *name, DnsType type, const char *of)
{
    DmarcQuery query = {.type = type};
    DnsAnswer *answer;

    if (asker->queries->len == DMARC_QUERIES_MAX) {
        asker->exhausted = TRUE;
        return NULL;
    }
    answer = dns_query(asker->resolver, name, type, asker->deadline);
    query.name = g_strdup(name);
    query.status = answer->status;
    query.of = g_strdup(of);
    g_array_append_val(asker->queries, query);
    return answer;
}

static char *printable(const char *text, gsize len)
{
    char *copy = g_malloc(MIN(len, TEXT_MAX) + 1), *end = copy + MIN(len, TEXT_MAX);

    for (char *p = copy; p < end; p++, text++)
        *p = *text < 0x20 || *text > 0x7e ? '?' : *text;
    *end = '\0';
    return copy;
}

/* §4.10 step 2: what is no DMARC record is discarded; of several all are. */
static void take_records(DmarcAnswer *found, DmarcStandard standard, const DnsAnswer *dns)
{
    for (guint i = 0; i < dns->n_records; i++) {
        const DnsRecord *txt = &dns->records[i];
        DmarcRecord *record = dmarc_record_parse(standard, txt->text, txt->text_len);

        if (record && found->n++ == 0) {
            found->record = record;
            found->text = printable(txt->text, txt->text_len);
        } else {
            dmarc_record_free(record);
        }
    }
    if (found->n > 1) {
        g_clear_pointer(&found->record, dmarc_record_free);
        g_clear_pointer(&found->text, g_free);
    }
}

static char *query_name(const char *domain)
{
    return strlen(PREFIX) + strlen(domain) <= DMARC_NAME_MAX ? g_strconcat(PREFIX, domain, NULL) : NULL;
}

const DmarcAnswer *dmarc_ask(DmarcAsker *asker, const char *domain, const char *of)
{
    DmarcAnswer *found = g_hash_table_lookup(asker->answers, domain);
    g_autofree char *name = query_name(domain);
    g_autoptr(DnsAnswer) dns = NULL;

    if (found)
        return found;
    if (name && !(dns = dmarc_ask_dns(asker, name, DNS_TXT, of)))
        return NULL;
    found = g_new0(DmarcAnswer, 1);
    found->status = dns ? dns->status : DNS_NXDOMAIN; /* a name too long to be is not there */
    if (found->status == DNS_TEMPERROR)
        found->why = g_strdup_printf("DNS %s for TXT %s", dns->why ? dns->why : "error", name);
    else if (dns)
        take_records(found, asker->standard, dns);
    g_hash_table_insert(asker->answers, g_strdup(domain), found);
    return found;
}

DmarcRecord *dmarc_take_record(DmarcAsker *asker, const char *domain, char **text)
{
    DmarcAnswer *found = g_hash_table_lookup(asker->answers, domain);

    *text = g_steal_pointer(&found->text);
    return g_steal_pointer(&found->record);
}

static guint count_labels(const char *name)
{
    guint n = 1;

    for (; *name; name++)
        n += *name == '.';
    return n;
}

static const char *parent(const char *name)
{
    const char *dot = strchr(name, '.');

    return dot ? dot + 1 : NULL;
}

/* §4.10 steps 3, 4 and 7: the names of a full walk. */
static guint targets(const char *domain, const char *names[static DMARC_WALK_MAX])
{
    guint labels = count_labels(domain), n = 0;
    const char *name = domain;

    names[n++] = domain;
    do {
        name = parent(name);
        labels--;
    } while (labels > JUMP_LABELS);
    for (; name; name = parent(name))
        names[n++] = name;
    return n;
}

/* All are wanted unless a psd tag ends the walk: ask for them side by side. */
static void prefetch(const DmarcAsker *asker, guint n, const char *const *names)
{
    for (guint i = 0; i < n; i++) {
        g_autofree char *name = query_name(names[i]);
        if (name && !g_hash_table_contains(asker->answers, names[i]))
            dns_prefetch(asker->resolver, name, DNS_TXT);
    }
}

/* The domain one label below `above`, taken from the name that the walk began with: after the jump the query before
 * may have been for a longer one. */
static const char *one_below(const char *domain, const char *above)
{
    const char *p = above - 1;

    while (p > domain && p[-1] != '.')
        p--;
    return p;
}

/* §4.10.2, from the longest name to the shortest. The walk has ended at a psd tag, so that can only be the last. */
static const char *select_org(const DmarcWalk *walk)
{
    const char *fewest = walk->names[0];

    for (guint i = 0; i < walk->n; i++) {
        const DmarcRecord *record = walk->found[i]->record;
        if (!record)
            continue;
        if (record->psd == DMARC_PSD_NO)
            return walk->names[i];
        if (record->psd == DMARC_PSD_YES && i > 0)
            return one_below(walk->names[0], walk->names[i]);
        fewest = walk->names[i];
    }
    return fewest;
}

/* An error ends the walk: whatever is above it, a psd tag there could have decided. */
void dmarc_walk(DmarcAsker *asker, const char *domain, DmarcWalk *walk)
{
    const guint n = targets(domain, walk->names);

    walk->n = 0;
    walk->org = NULL;
    walk->error = NULL;
    prefetch(asker, n, walk->names);
    while (walk->n < n) {
        const DmarcAnswer *found = dmarc_ask(asker, walk->names[walk->n], domain);
        if (!found)
            return;
        walk->found[walk->n++] = found;
        if (found->status == DNS_TEMPERROR) {
            walk->error = g_strdup(found->why);
            return;
        }
        if (found->record && found->record->psd != DMARC_PSD_UNKNOWN)
            break;
    }
    walk->org = select_org(walk);
}

const DmarcAnswer *dmarc_walk_at(const DmarcWalk *walk, const char *name)
{
    for (guint i = 0; i < walk->n; i++)
        if (strcmp(walk->names[i], name) == 0)
            return walk->found[i];
    return NULL;
}

/* A name that is a suffix itself is its own. */
const char *dmarc_org_by_suffix(const char *domain)
{
    g_autofree char *registrable = suffix_registrable(domain);

    return registrable && g_str_has_suffix(domain, registrable)
               ? domain + strlen(domain) - strlen(registrable)
               : domain;
}

const char *dmarc_org(DmarcAsker *asker, const char *domain, char **error)
{
    DmarcWalk walk;

    *error = NULL;
    if (asker->standard == DMARC_RFC7489)
        return dmarc_org_by_suffix(domain);
    dmarc_walk(asker, domain, &walk);
    *error = g_steal_pointer(&walk.error);
    return walk.org;
}
