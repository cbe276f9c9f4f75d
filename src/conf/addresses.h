/*
 * addresses.h — whom an administrator means: `@example.com, *.example.net, robot@, !jane@example.com`.
 *
 *   joe@example.com         this address
 *   *-request@example.com   those that match; * and ? are globs
 *   example.com             all at this very domain; @example.com and *@example.com are the same
 *   mail?.example.com       all at domains that match
 *   *.example.com           all at domains below this one; .example.com is the same
 *   robot@                  this local part at any domain
 *   *                       everybody
 *
 * That is also the order in which they answer: the most specific entry does, wherever it stands. One with `!` in front
 * says "not these". Of two that are equally specific the last one counts. Tags are taken off (postern/srs.h): they differ
 * from message to message, and whoever is looked up has none.
 *
 * The same forms, but for globs, are the keys of what the store remembers: address_keys() gives those of an address.
 * Pure. A list is immutable once it is filled; threads: any.
 */
#pragma once

#include "base/pool.h"

/* Parents that are looked up, the shortest ones of a longer domain: a stranger chooses how many there are. */
#define ADDRESS_PARENTS_MAX 16
/* Bytes of an entry: room for any local part and domain (ADDRESS_LOCAL_MAX, ADDRESS_DOMAIN_MAX). */
#define ADDRESS_ENTRY_MAX 512

typedef struct {
    const char *address; /* folded; whole */
    const char *domain;  /* "" : none */
    /* Most specific first: the address, its domain, *.parents, local part alone, "*". NULL ends. */
    const char *const *keys;
    guint n_keys;
} AddressKeys;

/* `address` as in Address.canonical; "" has no keys. All strings are the pool's. */
void address_keys(AddressKeys *ret, Pool *pool, const char *address);

/* The one form under which an entry is kept, folded and without "!", which *except tells (NULL: one is not allowed).
 * NULL: it is none. The caller frees. */
char *address_entry_parse(const char *word, gboolean *except, GError **error);
/* Globs are found by trying each, not by their key: lists in files have them, the store does not. */
gboolean address_entry_is_glob(const char *entry);

#define ADDRESSES_ERROR (addresses_error_quark())
GQuark addresses_error_quark(void);
typedef enum { ADDRESSES_ERROR_SYNTAX } AddressesError;

typedef struct {
    const char *word;  /* as written */
    const char *entry; /* as kept */
    gboolean except;
    const char *file; /* NULL: none */
    guint line;       /* 0: none */
} AddressEntry;

typedef struct Addresses Addresses;

Addresses *addresses_new(void);
void addresses_free(Addresses *list); /* NULL is allowed */
gboolean addresses_add(Addresses *list, const char *word, const char *file, guint line, GError **error);
gboolean addresses_is_empty(const Addresses *list);
/* The entry that answers, an exception too; NULL: none. *ret_rank (may be NULL) compares answers for one address, 0 is the
 * most specific: that of keys[n] is ADDRESS_RANK(n). */
const AddressEntry *addresses_find(const Addresses *list, const AddressKeys *keys, guint *ret_rank);
#define ADDRESS_RANK(n) (2 * (n))
/* Somebody answers, and not by an exception. */
gboolean addresses_match(const Addresses *list, const char *address);
/* The words as they were written, separated by commas. The caller frees. */
char *addresses_to_string(const Addresses *list);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Addresses, addresses_free)
