/*
 * lists.h — whitelist and blacklist: who an address is there, and by which entry (B6–B8).
 *
 * A list has two halves: what administrators write into the configuration and the files that it names (conf/addresses.h),
 * and what the store remembers. The same question for both: the keys of the address, most specific first. The caller asks
 * the store, for only he knows how:
 *
 *     ListKeys keys;
 *     list_keys(&keys, pool, sender, recipient);
 *     gboolean there = store_get_first(store, STORE_WHITELIST, keys.all.keys, now, pool, &entry, &index) == STORE_YES;
 *     list_answer(&white, pool, config->lists.whitelist, &keys, there ? &entry : NULL, index);
 *     …the same for the blacklist…
 *     switch (list_decide(&white, &black)) …
 *
 * Who answers: of one list its most specific entry; of two alike that of the file, which only an administrator writes. Of
 * the whitelist and the blacklist the one with the more specific entry; of two alike the whitelist. So joe@example.com may
 * be welcome while example.com is not, and the reverse. An exception (!joe@example.com) says that its list has nothing to
 * say about him.
 *
 * In the store the key of an entry is its form without "!", the number LIST_EXCEPT for an exception, the text its source.
 * An entry without expiry was made by hand, and no automatic one (STORE_IF_LONGER) shortens it; one that has expired is not
 * there, so that a renewed one takes its place.
 *
 * Tags are looked through first: mail by VERP, BATV or SRS is on a list as its real sender is. Pure; any thread.
 */
#pragma once

#include "conf/addresses.h"
#include "policy/finding.h"
#include "store/store.h"

#define LIST_EXCEPT 1 /* number of an entry that is an exception */

typedef struct {
    /* Those of the sender, then the domain and its parents of the forwarder who has rewritten him (SRS). */
    AddressKeys all;
    guint n_own;            /* how many are the sender's */
    const char *subject;    /* the sender without tags, folded */
    const char *own_domain; /* his */
    const char *via_domain; /* that of the envelope: another one after SRS */
} ListKeys;

/* `sender` as on the wire (Address.mailbox), not null; `recipient` (may be NULL) helps with some forms of VERP. */
void list_keys(ListKeys *ret, Pool *pool, const char *sender, const char *recipient);

typedef struct {
    const char *entry; /* as it stands, with "!"; NULL: nobody answers */
    gboolean except;
    guint rank;         /* addresses_find() */
    const char *where;  /* "store", or "file:line" */
    const char *source; /* who made it; "" : not known */
    gint64 created;     /* 0: not known */
    gint64 expires;     /* 0: never */
} ListAnswer;

/* `stored` (NULL: none) is what the store has first, under keys->all.keys[index]. */
void list_answer(ListAnswer *ret, Pool *pool, const Addresses *written, const ListKeys *keys,
                 const StoreEntry *stored, guint index);

typedef enum { LIST_NEITHER, LIST_WHITE, LIST_BLACK } ListVerdict;
ListVerdict list_decide(const ListAnswer *white, const ListAnswer *black);

/* Does this finding prove that the mail comes from whom the answer is about? SPF proves the domain of the envelope, which
 * after SRS is the forwarder's alone. A signature proves the domain of the envelope where it is aligned with it, by relaxed
 * alignment as DMARC has it (RFC 9989 §3.2.10): the check that found it has asked (Finding.of_another). Of whom a forwarder
 * has rewritten nobody has asked the DNS: there it proves its own domain and what is below it. */
gboolean list_proof(const Finding *finding, const ListKeys *keys, const ListAnswer *answer);

/* The key of an entry that is put into the store; NULL with an error: globs other than *.domain only work in files. The
 * caller frees. */
char *list_entry_key(const char *word, gboolean *except, GError **error);
