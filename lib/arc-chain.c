/* arc-chain.c — the sets of a header, and whether they make a chain (RFC 8617 §4.2, §5.2). */
#include <postern/header.h>

#include "arc-internal.h"

static const char *const status_names[] = {
#define X(status, word) [status] = word,
    ARC_STATUSES(X)
#undef X
};

const char *arc_status_name(int status)
{
    return status >= 0 && status < ARC_N_STATUSES ? status_names[status] : "?";
}

gboolean arc_status_parse(const char *word, ArcStatus *ret)
{
    for (guint i = 0; i < ARC_N_STATUSES; i++)
        if (g_ascii_strcasecmp(word, status_names[i]) == 0) {
            *ret = i;
            return TRUE;
        }
    return FALSE;
}

/* ---- one field ---- */

/* RFC 8617 §4.1.1: instance ";" and what an Authentication-Results has. The instance; 0: it has none. */
static guint parse_authres(const DkimField *field, Span *results)
{
    const char *p = field->value, *end = p + field->value_len;
    guint64 instance = 0;
    if (field->value_len > DKIM_FIELD_MAX)
        return 0;
    p = header_skip_cfws(p, end, NULL);
    if (p == end || *p++ != 'i')
        return 0;
    p = header_skip_cfws(p, end, NULL);
    if (p == end || *p++ != '=')
        return 0;
    p = header_skip_cfws(p, end, NULL);
    const char *digits = p;
    while (p < end && g_ascii_isdigit(*p))
        p++;
    if (!span_number((Span){digits, (gsize)(p - digits)}, 2, &instance))
        return 0;
    p = header_skip_cfws(p, end, NULL);
    if (p == end || *p++ != ';')
        return 0;
    *results = span_trim((Span){p, (gsize)(end - p)});
    return (guint)instance;
}

static guint read_authres(ArcLink *link, const DkimHeader *header, guint field, gint64 now)
{
    link->authres = field;
    return parse_authres(dkim_header_field(header, field), &link->results);
}

static guint read_message(ArcLink *link, const DkimHeader *header, guint field, gint64 now)
{
    dkim_signature_read(&link->message, ARC_MESSAGE_SIGNATURE, header, field, now);
    return link->message.tags.instance;
}

static guint read_seal(ArcLink *link, const DkimHeader *header, guint field, gint64 now)
{
    dkim_signature_read(&link->seal, ARC_SEAL, header, field, now);
    return link->seal.tags.instance;
}

static gboolean take_authres(ArcLink *to, ArcLink *from)
{
    if (to->authres != DKIM_NO_FIELD)
        return FALSE;
    to->authres = from->authres;
    to->results = from->results;
    return TRUE;
}

static gboolean take_signature(DkimSignature *to, DkimSignature *from)
{
    if (to->field != DKIM_NO_FIELD)
        return FALSE;
    *to = *from;
    *from = (DkimSignature){.field = DKIM_NO_FIELD};
    return TRUE;
}

static gboolean take_message(ArcLink *to, ArcLink *from)
{
    return take_signature(&to->message, &from->message);
}

static gboolean take_seal(ArcLink *to, ArcLink *from)
{
    return take_signature(&to->seal, &from->seal);
}

static const struct {
    const char *name;
    guint (*read)(ArcLink *link, const DkimHeader *header, guint field, gint64 now); /* the instance */
    gboolean (*take)(ArcLink *to, ArcLink *from); /* FALSE: there is one already */
} kinds[] = {
    {"ARC-Authentication-Results", read_authres, take_authres},
    {"ARC-Message-Signature", read_message, take_message},
    {"ARC-Seal", read_seal, take_seal},
};

static const ArcLink no_link = {
    .authres = DKIM_NO_FIELD, .message = {.field = DKIM_NO_FIELD}, .seal = {.field = DKIM_NO_FIELD}};

static void clear_link(ArcLink *link)
{
    dkim_tags_clear(&link->message.tags);
    dkim_tags_clear(&link->seal.tags);
}

/* ---- the chain ---- */

/* Reads on after something wrong, so that `n` is known to whoever seals a failed chain; it is bounded all the same:
 * each field is parsed once. */
static void add_field(ArcChain *chain, const DkimHeader *header, guint field, guint kind, gint64 now)
{
    ArcLink link = no_link;
    guint instance = kinds[kind].read(&link, header, field, now);
    if (instance == 0 || instance > ARC_INSTANCES_MAX) {
        if (!chain->wrong)
            chain->wrong = g_strdup_printf("an %s has no instance", kinds[kind].name);
    } else {
        chain->n = MAX(chain->n, instance);
        if (!kinds[kind].take(&chain->links[instance - 1], &link) && !chain->wrong)
            chain->wrong = g_strdup_printf("there are two %s of instance %u", kinds[kind].name, instance);
    }
    clear_link(&link);
}

/* RFC 8617 §5.2, steps 2 and 3. */
static char *link_wrong(const ArcLink *link, guint instance)
{
    if (link->authres == DKIM_NO_FIELD || link->message.field == DKIM_NO_FIELD ||
        link->seal.field == DKIM_NO_FIELD)
        return g_strdup_printf("the set of instance %u is not complete", instance);
    if (link->seal.wrong)
        return g_strdup_printf("ARC-Seal %u: %s", instance, link->seal.wrong);
    if (!span_is(link->seal.tags.cv, instance == 1 ? "none" : "pass"))
        return g_strdup_printf("ARC-Seal %u: the status in it is wrong", instance);
    return NULL;
}

/* RFC 8617 §5.1, step 2, and §4.2.1. */
static gboolean is_at_end(const ArcChain *chain)
{
    const ArcLink *newest = chain->n ? &chain->links[chain->n - 1] : NULL;
    return newest && (chain->n == ARC_INSTANCES_MAX ||
                      (newest->seal.field != DKIM_NO_FIELD && newest->seal.tags.cv.at &&
                       span_is(newest->seal.tags.cv, "fail")));
}

static ArcLink *links_new(void)
{
    ArcLink *links = g_new(ArcLink, ARC_INSTANCES_MAX);
    for (guint n = 0; n < ARC_INSTANCES_MAX; n++)
        links[n] = no_link;
    return links;
}

void arc_chain_read(ArcChain *chain, const DkimHeader *header, gint64 now)
{
    *chain = (ArcChain){0};
    for (guint i = 0; i < dkim_header_len(header); i++)
        for (guint k = 0; k < G_N_ELEMENTS(kinds); k++) {
            if (!dkim_field_is(dkim_header_field(header, i), kinds[k].name))
                continue;
            if (!chain->links)
                chain->links = links_new();
            add_field(chain, header, i, k, now);
        }
    chain->at_end = is_at_end(chain);
    for (guint n = 1; n <= chain->n && !chain->wrong; n++)
        chain->wrong = link_wrong(&chain->links[n - 1], n);
}

void arc_chain_clear(ArcChain *chain)
{
    for (guint i = 0; chain->links && i < ARC_INSTANCES_MAX; i++)
        clear_link(&chain->links[i]);
    g_clear_pointer(&chain->links, g_free);
    g_clear_pointer(&chain->wrong, g_free);
}

void arc_hash_field(EVP_MD_CTX *hash, const DkimField *field)
{
    g_autoptr(GString) text = g_string_sized_new(field->name_len + field->value_len);
    dkim_canon_field(text, DKIM_RELAXED, field);
    dkim_hash_add(hash, text->str, text->len);
}
