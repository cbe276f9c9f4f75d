/*
 * ip.h — one type for an IPv4 or IPv6 address, and for a network.
 *
 * An IPv4-mapped IPv6 address (::ffff:a.b.c.d) is folded to IPv4 when parsed, so that one client has one form
 * (RFC 7208 §5, RFC 4291 §2.5.5.2). Values, no ownership; all functions are pure.
 */
#pragma once

#include <glib.h>
#include <postern/decls.h>

POSTERN_BEGIN_DECLS

typedef enum { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 } IpFamily;

typedef struct {
    IpFamily family;  /* IP_NONE: no address is known */
    guint8 bytes[16]; /* network order; IPv4 uses the first 4, the rest is zero */
} IpAddress;

typedef struct {
    IpAddress base; /* host bits are zero */
    guint bits;     /* prefix length, 0…32 or 0…128 */
} IpNet;

#define IP_STRING_MAX 46 /* bytes, with NUL */

/* Dotted quad or RFC 4291 text; no brackets, no zone index, no leading zeros in a quad. FALSE: not an address. */
gboolean ip_parse(const char *text, IpAddress *ret);
gboolean ip_parse_len(const char *text, gsize len, IpAddress *ret);
/* 4 or 16 bytes in network order. */
IpAddress ip_from_bytes(IpFamily family, const void *bytes);
/* RFC 5952 text. "" for IP_NONE. Returns `buf`. */
const char *ip_to_string(const IpAddress *ip, char buf[static IP_STRING_MAX]);
gboolean ip_equal(const IpAddress *a, const IpAddress *b);
guint ip_hash(const IpAddress *ip);
gboolean ip_is_loopback(const IpAddress *ip);
gboolean ip_is_private(const IpAddress *ip); /* RFC 1918, RFC 4193, link-local, loopback */

/* "192.0.2.0/24", "2001:db8::/32", or a single address. Host bits are cleared. */
gboolean ip_net_parse(const char *text, IpNet *ret);
IpNet ip_net(const IpAddress *ip, guint bits);
gboolean ip_in_net(const IpAddress *ip, const IpNet *net);
/* TRUE if the first `bits` bits are equal and the families are. */
gboolean ip_same_prefix(const IpAddress *a, const IpAddress *b, guint bits);

/* "4.3.2.1.in-addr.arpa", "…ip6.arpa" (RFC 1035 §3.5, RFC 3596 §2.5). Owned by the caller. */
char *ip_reverse_name(const IpAddress *ip);

POSTERN_END_DECLS
