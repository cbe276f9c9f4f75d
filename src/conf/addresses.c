/* addresses.c — see addresses.h. Entries without globs are in a hash table: a list of 100,000 costs one look a key. */
#include "conf/addresses.h"

#include <postern/address.h>
#include <postern/srs.h>
#include <string.h>

#include "conf/glob.h"

#define EVERYBODY "*"

G_DEFINE_QUARK(postern - addresses - error, addresses_error)

/* --- keys --- */

static guint count_dots(const char *text)
{
    guint n = 0;
    for (; *text != '\0'; text++)
        n += *text == '.';
    return n;
}

void address_keys(AddressKeys *ret, Pool *pool, const char *address)
{
    const char **keys = pool_alloc0(pool, (ADDRESS_PARENTS_MAX + 5) * sizeof *keys);
    g_autofree char *folded = g_ascii_strdown(address, -1);
    const char *whole = pool_strdup(pool, folded), *at = strrchr(whole, '@');
    const char *domain = at != NULL ? at + 1 : "";
    gsize local_len = at != NULL ? (gsize)(at - whole) : strlen(whole);
    *ret = (AddressKeys){.address = whole, .domain = domain, .keys = keys};
    if (*whole == '\0')
        return;
    if (*domain != '\0') {
        keys[ret->n_keys++] = whole;
        keys[ret->n_keys++] = domain;
    }
    guint skip = count_dots(domain);
    skip = skip > ADDRESS_PARENTS_MAX ? skip - ADDRESS_PARENTS_MAX : 0;
    for (const char *dot = strchr(domain, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
        if (skip > 0)
            skip--;
        else if (dot[1] != '\0')
            keys[ret->n_keys++] = pool_printf(pool, "*%s", dot);
    }
    keys[ret->n_keys++] = pool_printf(pool, "%.*s@", (int)local_len, whole);
    keys[ret->n_keys++] = EVERYBODY;
}

/* --- entries --- */

static gboolean refuse(GError **error, const char *word, const char *why)
{
    g_set_error(error, ADDRESSES_ERROR, ADDRESSES_ERROR_SYNTAX, "\"%.60s\" %s", word, why);
    return FALSE;
}

/* What may stand in one: no blanks or controls, which no list could hold. */
static gboolean check_bytes(const char *word, GError **error)
{
    if (strlen(word) > ADDRESS_ENTRY_MAX)
        return refuse(error, word, "is too long to be an address or a domain");
    if (!g_utf8_validate(word, -1, NULL))
        return refuse(error, "…", "is not UTF-8");
    for (const guchar *c = (const guchar *)word; *c != '\0'; c++)
        if (*c <= ' ' || *c == 0x7f)
            return refuse(error, word, "has blanks or control characters in it");
    return TRUE;
}

static char *domain_entry(const char *word, const char *domain, GError **error)
{
    g_autofree char *folded = g_ascii_strdown(domain, -1);
    gsize len = strlen(folded);
    if (len > 1 && folded[len - 1] == '.' && strcmp(folded, "*.") != 0)
        folded[--len] = '\0';
    /* What stands behind "*." or ".". */
    const char *rest = folded + (g_str_has_prefix(folded, "*.") ? 2 : *folded == '.' ? 1 : 0);
    if (*rest == '\0' || *rest == '.' || folded[len - 1] == '.' || strstr(folded, "..") != NULL) {
        refuse(error, word, "is none of user@domain, domain, *.domain, user@");
        return NULL;
    }
    return rest > folded ? g_strconcat("*.", rest, NULL) : g_steal_pointer(&folded);
}

/* Senders are looked up without their tags, so an entry has none. */
static char *canonical_of(const char *word, GError **error)
{
    g_autofree char *through = srs_look_through(word, NULL);
    g_autoptr(Address) address = address_parse_path(through != NULL ? through : word, -1, error);
    return address != NULL && *address->domain != '\0' ? g_strdup(address->canonical) : NULL;
}

/* What is kept is read again, from exports and by people: odd ones that only quotes hold together are not taken. */
static char *address_entry(const char *word, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autofree char *entry = canonical_of(word, &why);
    g_autofree char *again = entry != NULL ? canonical_of(entry, NULL) : NULL;
    if (entry != NULL && g_strcmp0(entry, again) == 0)
        return g_steal_pointer(&entry);
    refuse(error, word, why != NULL ? why->message : "is no address that a list can hold");
    return NULL;
}

static char *any_entry(const char *word, const char *text, GError **error)
{
    const char *at = strrchr(text, '@');
    if (at == NULL || at == text || (at == text + 1 && *text == '*')) /* of all local parts */
        return domain_entry(word, at != NULL ? at + 1 : text, error);
    if (at[1] != '\0' && strcmp(at + 1, "*") != 0)
        return glob_has_wildcard(text) ? g_ascii_strdown(text, -1) : address_entry(text, error);
    g_autofree char *local = g_strndup(text, (gsize)(at - text));
    g_autofree char *folded = g_ascii_strdown(local, -1);
    if (strchr(local, '@') == NULL)
        return g_strconcat(folded, "@", NULL);
    refuse(error, word, "is no address");
    return NULL;
}

char *address_entry_parse(const char *word, gboolean *except, GError **error)
{
    gboolean negated = *word == '!';
    if (negated && except == NULL) {
        refuse(error, word, "is an exception, which cannot stand here");
        return NULL;
    }
    if (except != NULL)
        *except = negated;
    if (!check_bytes(word, error))
        return NULL;
    g_autofree char *entry = any_entry(word, word + negated, error);
    if (entry == NULL || *entry != '!')
        return g_steal_pointer(&entry);
    refuse(error, word, "has one ! too many"); /* what is kept must not look like an exception */
    return NULL;
}

gboolean address_entry_is_glob(const char *entry)
{
    if (strcmp(entry, EVERYBODY) == 0)
        return FALSE;
    return glob_has_wildcard(g_str_has_prefix(entry, "*.") ? entry + 2 : entry);
}

/* --- lists --- */

struct Addresses {
    GArray *entries;   /* of AddressEntry, in order */
    GHashTable *exact; /* entry → place + 1 of the last one of that text */
    GArray *globs;     /* places of those with globs, in order */
    GStringChunk *text;
};

/* The places of globs between those of the keys that every address with a domain has: address, domain, …, local part. */
enum { RANK_ADDRESS_GLOB = ADDRESS_RANK(0) + 1, RANK_DOMAIN_GLOB = ADDRESS_RANK(1) + 1 };

Addresses *addresses_new(void)
{
    Addresses *list = g_new0(Addresses, 1);
    list->entries = g_array_new(FALSE, FALSE, sizeof(AddressEntry));
    list->globs = g_array_new(FALSE, FALSE, sizeof(guint));
    list->exact = g_hash_table_new(g_str_hash, g_str_equal);
    list->text = g_string_chunk_new(1024);
    return list;
}

void addresses_free(Addresses *list)
{
    if (list == NULL)
        return;
    g_array_unref(list->entries);
    g_array_unref(list->globs);
    g_hash_table_unref(list->exact);
    g_string_chunk_free(list->text);
    g_free(list);
}

gboolean addresses_add(Addresses *list, const char *word, const char *file, guint line, GError **error)
{
    gboolean except;
    g_autofree char *form = address_entry_parse(word, &except, error);
    if (form == NULL)
        return FALSE;
    AddressEntry entry = {
        .word = g_string_chunk_insert(list->text, word),
        .entry = g_string_chunk_insert(list->text, form),
        .except = except,
        .file = file != NULL ? g_string_chunk_insert_const(list->text, file) : NULL,
        .line = line,
    };
    guint place = list->entries->len;
    g_array_append_val(list->entries, entry);
    if (address_entry_is_glob(form))
        g_array_append_val(list->globs, place);
    else
        g_hash_table_replace(list->exact, (void *)entry.entry, GUINT_TO_POINTER(place + 1));
    return TRUE;
}

gboolean addresses_is_empty(const Addresses *list)
{
    return list == NULL || list->entries->len == 0;
}

static const AddressEntry *entry_at(const Addresses *list, guint place)
{
    return &g_array_index(list->entries, AddressEntry, place);
}

static const AddressEntry *find_exact(const Addresses *list, const AddressKeys *keys, guint *rank)
{
    for (guint i = 0; i < keys->n_keys; i++) {
        guint place = GPOINTER_TO_UINT(g_hash_table_lookup(list->exact, keys->keys[i]));
        if (place > 0) {
            *rank = ADDRESS_RANK(i);
            return entry_at(list, place - 1);
        }
    }
    return NULL;
}

/* Better than `rank`, or NULL. Of several the last one of the more specific kind. */
static const AddressEntry *find_glob(const Addresses *list, const AddressKeys *keys, guint *rank)
{
    const AddressEntry *found = NULL;
    for (guint i = list->globs->len; i > 0 && *rank > RANK_ADDRESS_GLOB; i--) {
        const AddressEntry *entry = entry_at(list, g_array_index(list->globs, guint, i - 1));
        gboolean of_address = strchr(entry->entry, '@') != NULL;
        guint its = of_address ? RANK_ADDRESS_GLOB : RANK_DOMAIN_GLOB;
        if (its >= *rank || !glob_match(entry->entry, of_address ? keys->address : keys->domain))
            continue;
        *rank = its;
        found = entry;
    }
    return found;
}

const AddressEntry *addresses_find(const Addresses *list, const AddressKeys *keys, guint *ret_rank)
{
    guint rank = G_MAXUINT;
    if (addresses_is_empty(list))
        return NULL;
    const AddressEntry *found = find_exact(list, keys, &rank);
    const AddressEntry *glob = *keys->domain != '\0' ? find_glob(list, keys, &rank) : NULL;
    if (ret_rank != NULL)
        *ret_rank = rank;
    return glob != NULL ? glob : found;
}

gboolean addresses_match(const Addresses *list, const char *address)
{
    if (addresses_is_empty(list))
        return FALSE;
    g_autoptr(Pool) pool = pool_new();
    AddressKeys keys;
    address_keys(&keys, pool, address);
    const AddressEntry *entry = addresses_find(list, &keys, NULL);
    return entry != NULL && !entry->except;
}

char *addresses_to_string(const Addresses *list)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; list != NULL && i < list->entries->len; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", entry_at(list, i)->word);
    return g_string_free(text, FALSE);
}
