/*
 * keytable.h — whose mail is signed with which key: [sign] of the configuration (E2).
 *
 *     # author's domain   selector   private key      what may follow
 *     example.com         rsa2026    keys/rsa.pem
 *     example.com         ed2026     keys/ed.pem
 *     *.example.com       rsa2026    keys/rsa.pem     domain=example.com identity=@example.com
 *     shop.example        s1         keys/shop.pem    login=shop,shop-*
 *
 * The first line whose pattern matches the author's domain decides, and all lines of that very pattern sign, so that RSA and
 * Ed25519 stand together. `domain` is d=, else it is the author's domain; `identity` is i=; `login`: only these logins, and
 * nobody without one; without it [sign] any_login, rules and the login's own domain say who may (actions/sign.c). Relative paths begin at the table's folder. [sign] domain, selector and key are such a line by
 * themselves, and come first.
 *
 * Keys are read once, with the configuration: a key that others can read is refused, one that has changed is a reason to
 * reload. Immutable; any thread.
 */
#pragma once

#include <postern/dkim.h>

#include "conf/config.h"

#define KEYTABLE_BYTES_MAX (4u << 20)
#define KEYTABLE_LINES_MAX 20000 /* keys */
#define KEYTABLE_SAME_MAX  8     /* of one pattern: signatures of one message; two are usual */
#define KEYTABLE_KEY_MAX   16384 /* bytes of a key file; RSA of 4096 bits has 3300 */

typedef struct {
    const char *pattern, *selector, *file;
    const char *domain;   /* NULL: the author's */
    const char *identity; /* NULL: none */
    PatternList *logins;  /* NULL: all our own people */
    DkimKey *key;
    const char *where; /* the file that says so */
    guint line;
} SigningKey;

/* NULL when nothing is to be signed. What is wrong are errors in `problems`; files that were read are added to `files`. */
KeyTable *keytable_load(const Config *config, GPtrArray *files, Problems *problems);
void keytable_free(KeyTable *table); /* NULL is allowed */

/* Keys for mail of this author, lower-case A-labels; NULL: none. */
const GPtrArray *keytable_find(const KeyTable *table, const char *domain);
/* All, in their order. */
const GPtrArray *keytable_keys(const KeyTable *table);

/* The key of [arc]; NULL: nothing is to be sealed, or an error in `problems`. */
DkimKey *keytable_load_seal(const Config *config, GPtrArray *files, Problems *problems);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeyTable, keytable_free)
