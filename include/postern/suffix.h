/*
 * suffix.h — registrable domains by the public suffix list (publicsuffix.org).
 *
 * What the list calls a suffix is a name below which anybody can register: com, co.uk, uk.com. The registrable
 * domain is one label more. DMARC of RFC 7489 takes it for the organizational domain (§3.2); RFC 9989 walks the DNS
 * and has no use for it.
 *
 * The list is the one that libpsl was built with: no file is read, so its age is that of the package. Both of its
 * parts count, the registries' and the private one.
 *
 * Pure; threads: any.
 */
#pragma once

#include <glib.h>
#include <postern/decls.h>

POSTERN_BEGIN_DECLS

/* The registrable domain of `domain`, in lower case, as U-labels or A-labels as they were given. NULL: the name is a
 * suffix itself, or no name. A name under no rule of the list has a suffix of one label (the list's rule "*"). Owned
 * by the caller. */
char *suffix_registrable(const char *domain);

POSTERN_END_DECLS
