/* arc-seal.c — adding a set to the chain (RFC 8617 §5.1). */
#include <postern/header.h>
#include <string.h>

#include "arc-internal.h"

#define AUTHRES "ARC-Authentication-Results"
#define MESSAGE "ARC-Message-Signature"
#define SEAL    "ARC-Seal"

/* Whether old seals are in time was asked when the message came. */
#define ANY_TIME (G_MAXINT64 / 2)

void arc_set_free(ArcSet *set)
{
    if (!set)
        return;
    g_free(set->authres);
    g_free(set->message_signature);
    g_free(set->seal);
    g_free(set);
}

/* ---- tags ---- */

typedef struct {
    const char *name;
    const char *value; /* NULL: b= */
} NewTag;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const NewTag *)a)->name, ((const NewTag *)b)->name);
}

static void write_tags(TagWriter *writer, NewTag *tags, gsize n)
{
    if (writer->unfolded)
        qsort(tags, n, sizeof *tags, by_name);
    for (gsize i = 0; i < n; i++) {
        if (!tags[i].value)
            tagwriter_add_b(writer);
        else if (strcmp(tags[i].name, "h") == 0)
            tagwriter_add_long(writer, "h", tags[i].value, ':');
        else
            tagwriter_add(writer, tags[i].name, tags[i].value);
    }
}

/* What both signatures of a set say alike, as text. */
typedef struct {
    char instance[16], timestamp[24];
    const char *algorithm;
} Common;

static Common common_of(const ArcSealing *sealing, guint instance)
{
    Common common = {.algorithm = dkim_algorithm_name(dkim_key_algorithm(sealing->key))};
    g_snprintf(common.instance, sizeof common.instance, "%u", instance);
    g_snprintf(common.timestamp, sizeof common.timestamp, "%" G_GINT64_FORMAT, sealing->timestamp);
    return common;
}

/* ---- the three fields ---- */

/* Hands over the value as a field with the blank that will precede it. */
static void hash_new_field(EVP_MD_CTX *hash, const char *name, const char *value)
{
    g_autofree char *with_blank = g_strconcat(" ", value, NULL);
    const DkimField field = {name, with_blank, strlen(name), strlen(with_blank)};
    arc_hash_field(hash, &field);
}

static char *write_authres(const ArcSealing *sealing, guint instance)
{
    g_autofree char *text = g_strdup_printf("i=%u; %s", instance, sealing->authres);
    return sealing->sorted ? header_unfold(text, -1) : header_fold(AUTHRES, text);
}

/* RFC 8617 §4.1.2: those after us may remove or add to them. */
static gboolean may_sign(Span name)
{
    static const char *const not_these[] = {AUTHRES, MESSAGE, SEAL, "Authentication-Results"};
    for (guint i = 0; i < G_N_ELEMENTS(not_these); i++)
        if (span_is_nocase(name, not_these[i]))
            return FALSE;
    return TRUE;
}

static char *choose_names(const ArcSealing *sealing, const DkimHeader *header, GError **error)
{
    static const char *const from[] = {"From", NULL};
    g_autoptr(GPtrArray) fields = g_ptr_array_new();
    for (const char *const *name = sealing->fields ? sealing->fields : dkim_default_fields; *name; name++)
        g_ptr_array_add(fields, (char *)*name);
    if (!sealing->fields)
        g_ptr_array_add(fields, (char *)"DKIM-Signature"); /* RFC 8617 §4.1.2 */
    g_ptr_array_add(fields, NULL);
    g_autofree char *names = dkim_choose_names(header, sealing->names, (const char *const *)fields->pdata,
                                               sealing->oversign ? sealing->oversign : from, error);
    Span list = {names, names ? strlen(names) : 0}, name;
    while (span_next(&list, ':', &name))
        if (!may_sign(name)) {
            g_set_error(error, DKIM_ERROR, DKIM_ERROR_MESSAGE, "%.*s must not be signed", (int)name.len,
                        name.at);
            return NULL;
        }
    return g_steal_pointer(&names);
}

static char *sign_message(const ArcSealing *sealing, guint instance, const DkimHeader *header,
                          const DkimBody *body, GError **error)
{
    g_autofree char *names = choose_names(sealing, header, error);
    g_autoptr(EVP_MD_CTX) hash = dkim_hash_new();
    if (!names)
        return NULL;
    if (!dkim_hash_fields(hash, sealing->header_canon, header, (Span){names, strlen(names)}, DKIM_NO_FIELD)) {
        g_set_error_literal(error, DKIM_ERROR, DKIM_ERROR_MESSAGE, "the header is too long");
        return NULL;
    }
    const Common common = common_of(sealing, instance);
    guint form = dkim_body_form(body, sealing->body_canon, DKIM_WHOLE_BODY);
    g_autofree char *body_hash = g_base64_encode(dkim_body_hash(body, form), DKIM_HASH_SIZE);
    g_autofree char *canon = g_strdup_printf("%s/%s", dkim_canon_name(sealing->header_canon),
                                             dkim_canon_name(sealing->body_canon));
    NewTag tags[] = {{"i", common.instance}, {"a", common.algorithm},  {"c", canon},
                     {"d", sealing->domain}, {"s", sealing->selector}, {"t", common.timestamp},
                     {"h", names},           {"bh", body_hash},        {"b", NULL}};
    g_auto(TagWriter) writer = {0};
    tagwriter_init(&writer, MESSAGE, sealing->sorted);
    write_tags(&writer, tags, G_N_ELEMENTS(tags));
    return tagwriter_sign(&writer, MESSAGE, sealing->header_canon, hash, sealing->key, error);
}

/* RFC 8617 §5.1.1: all sets before, in order; of a failed chain none (§5.1.2). */
static void hash_chain(EVP_MD_CTX *hash, const ArcChain *chain, const DkimHeader *header)
{
    for (guint i = 0; i < chain->n; i++) {
        arc_hash_field(hash, dkim_header_field(header, chain->links[i].authres));
        arc_hash_field(hash, dkim_header_field(header, chain->links[i].message.field));
        arc_hash_field(hash, dkim_header_field(header, chain->links[i].seal.field));
    }
}

static char *sign_seal(const ArcSealing *sealing, const ArcChain *chain, const DkimHeader *header,
                       const ArcSet *set, GError **error)
{
    g_autoptr(EVP_MD_CTX) hash = dkim_hash_new();
    const Common common = common_of(sealing, set->instance);
    if (sealing->status != ARC_FAIL)
        hash_chain(hash, chain, header);
    hash_new_field(hash, AUTHRES, set->authres);
    hash_new_field(hash, MESSAGE, set->message_signature);
    NewTag tags[] = {{"i", common.instance},
                     {"a", common.algorithm},
                     {"t", common.timestamp},
                     {"cv", arc_status_name(sealing->status)},
                     {"d", sealing->domain},
                     {"s", sealing->selector},
                     {"b", NULL}};
    g_auto(TagWriter) writer = {0};
    tagwriter_init(&writer, SEAL, sealing->sorted);
    write_tags(&writer, tags, G_N_ELEMENTS(tags));
    return tagwriter_sign(&writer, SEAL, DKIM_RELAXED, hash, sealing->key, error);
}

/* ---- */

/* What is said about the chain must be possible with the chain that is there. */
static gboolean may_seal(const ArcSealing *sealing, const ArcChain *chain, GError **error)
{
    const char *why = NULL;
    if (chain->at_end)
        why = "the chain is at its end";
    else if (sealing->status == ARC_PASS && (chain->n == 0 || chain->wrong))
        why = chain->wrong ? chain->wrong : "there is no chain that could pass";
    else if (sealing->status == ARC_NONE && (chain->n || chain->wrong))
        why = "there is a chain already";
    if (why)
        g_set_error_literal(error, DKIM_ERROR, DKIM_ERROR_MESSAGE, why);
    return !why;
}

ArcSet *arc_seal(const ArcSealing *sealing, const DkimHeader *header, const DkimBody *body, GError **error)
{
    g_auto(ArcChain) chain;
    arc_chain_read(&chain, header, ANY_TIME);
    if (!may_seal(sealing, &chain, error) || !dkim_check_signer(sealing->domain, sealing->selector, error))
        return NULL;
    g_autoptr(ArcSet) set = g_new0(ArcSet, 1);
    set->instance = chain.n + 1;
    set->authres = write_authres(sealing, set->instance);
    set->message_signature = sign_message(sealing, set->instance, header, body, error);
    if (set->message_signature)
        set->seal = sign_seal(sealing, &chain, header, set, error);
    return set->seal ? g_steal_pointer(&set) : NULL;
}
