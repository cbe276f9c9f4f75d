/* published.h — is the public half of a private key in the DNS, as a receiver would find it? For `doctor` and `postern dkim check`. */
#pragma once

#include <postern/dkim.h>
#include <postern/resolver.h>

/* DKIM_PASS: yes. Else *why, owned by the caller, says what a receiver would find fault with; DKIM_TEMPERROR: it cannot be looked
 * up now, DKIM_FAIL: there is another key. */
DkimCode published_key(DkimKey *key, const char *domain, const char *selector, Resolver *resolver,
                       char **why);
