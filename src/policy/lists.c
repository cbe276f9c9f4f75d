#include "policy/lists.h"

#include <postern/address.h>
#include <postern/srs.h>
#include <string.h>

/* --- keys --- */

static const char *canonical_of(Pool *pool, const char *text)
{
    g_autoptr(Address) address = address_parse_path(text, -1, NULL);
    return address ? pool_strdup(pool, address->canonical) : NULL;
}

static const char *subject_of(Pool *pool, const char *sender, const char *recipient)
{
    g_autofree char *through = srs_look_through(sender, recipient);
    const char *subject = through ? canonical_of(pool, through) : NULL;
    if (!subject)
        subject = canonical_of(pool, sender);
    return subject ? subject : pool_strdup(pool, sender);
}

/* What a list may say of a forwarder's domain: neither the address there nor its local part are anybody's. */
static gboolean is_about_domain(const char *key)
{
    return !strchr(key, '@');
}

void list_keys(ListKeys *ret, Pool *pool, const char *sender, const char *recipient)
{
    AddressKeys own, via;
    const char *outer = canonical_of(pool, sender);
    address_keys(&own, pool, subject_of(pool, sender, recipient));
    address_keys(&via, pool, outer ? outer : sender);
    const char **keys = pool_alloc0(pool, (own.n_keys + via.n_keys + 1) * sizeof *keys);
    *ret = (ListKeys){
        .all = {.address = own.address, .domain = own.domain, .keys = keys},
        .n_own = own.n_keys,
        .subject = own.address,
        .own_domain = own.domain,
        .via_domain = via.domain,
    };
    guint n = 0;
    for (guint i = 0; i < own.n_keys; i++)
        keys[n++] = own.keys[i];
    for (guint i = 0; i < via.n_keys && strcmp(own.domain, via.domain) != 0; i++)
        if (is_about_domain(via.keys[i]))
            keys[n++] = via.keys[i];
    ret->all.n_keys = n;
}

char *list_entry_key(const char *word, gboolean *except, GError **error)
{
    g_autofree char *key = address_entry_parse(word, except, error);
    if (!key || !address_entry_is_glob(key))
        return g_steal_pointer(&key);
    g_set_error(error, ADDRESSES_ERROR, ADDRESSES_ERROR_SYNTAX,
                "\"%.60s\": globs other than *.domain only work in the configuration and its files", word);
    return NULL;
}

/* --- answers --- */

static void answer_written(ListAnswer *ret, Pool *pool, const AddressEntry *entry)
{
    ret->entry = entry->word;
    ret->except = entry->except;
    ret->where = entry->line ? pool_printf(pool, "%s:%u", entry->file, entry->line) : "configuration";
}

static void answer_stored(ListAnswer *ret, Pool *pool, const StoreEntry *entry)
{
    ret->except = entry->number == LIST_EXCEPT;
    ret->entry = ret->except ? pool_printf(pool, "!%s", entry->key) : entry->key;
    ret->where = "store";
    ret->source = entry->text;
    ret->created = entry->created;
    ret->expires = entry->expires;
}

void list_answer(ListAnswer *ret, Pool *pool, const Addresses *written, const ListKeys *keys,
                 const StoreEntry *stored, guint index)
{
    guint rank;
    const AddressEntry *entry = addresses_find(written, &keys->all, &rank);
    *ret = (ListAnswer){.source = "", .rank = G_MAXUINT};
    if (entry && (!stored || rank <= ADDRESS_RANK(index))) {
        ret->rank = rank;
        answer_written(ret, pool, entry);
    } else if (stored) {
        ret->rank = ADDRESS_RANK(index);
        answer_stored(ret, pool, stored);
    }
}

ListVerdict list_decide(const ListAnswer *white, const ListAnswer *black)
{
    gboolean is_white = white->entry && !white->except;
    gboolean is_black = black->entry && !black->except;
    if (is_white && is_black)
        return white->rank <= black->rank ? LIST_WHITE : LIST_BLACK;
    return is_white ? LIST_WHITE : is_black ? LIST_BLACK : LIST_NEITHER;
}

/* --- proof --- */

/* What of relaxed alignment can be told without a look at DNS: the domain itself, or one below it. The signer must have a dot: nobody signs for
 * all of .example. */
static gboolean is_aligned(const char *domain, const char *signer)
{
    gsize len = strlen(domain), signer_len = strlen(signer);
    if (!strchr(signer, '.') || len < signer_len ||
        g_ascii_strcasecmp(domain + len - signer_len, signer) != 0)
        return FALSE;
    return len == signer_len || domain[len - signer_len - 1] == '.';
}

static const char *domain_of(const char *subject)
{
    const char *at = strrchr(subject, '@');
    return at ? at + 1 : subject;
}

gboolean list_proof(const Finding *finding, const ListKeys *keys, const ListAnswer *answer)
{
    if (!tag_proves_sender(finding->tag))
        return FALSE;
    gboolean own = answer->rank < ADDRESS_RANK(keys->n_own);
    const char *domain = own ? keys->own_domain : keys->via_domain;
    gboolean of_envelope = strcmp(domain, keys->via_domain) == 0;
    switch (finding->tag) {
    case TAG_SPF_FORWARDER: /* B11: we trust it with whatever sender it passes on */
        return TRUE;
    case TAG_DKIM_PASS:
    case TAG_DMARC_PASS:
        return (of_envelope && !finding->of_another) || is_aligned(domain, domain_of(finding->subject));
    default:
        return of_envelope;
    }
}
