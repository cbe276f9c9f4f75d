/*
 * idn.h — internationalized domain names as the DNS has them.
 *
 * IDNA2008 (RFC 5891) with the mapping of UTS #46, non-transitional: faß.de is xn--fa-hia.de. Not
 * GLib's g_hostname_to_ascii(), which is IDNA2003 and maps hundreds of letters, such as U+03F2, to others: another domain, with
 * another owner.
 */
#pragma once

#include <glib.h>

/* U-labels as A-labels; other labels as they are. NULL: it has no such form. Owned by the caller. */
char *idn_to_ascii(const char *domain);
