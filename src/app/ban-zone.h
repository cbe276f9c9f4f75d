/*
 * ban-zone.h — bans as a DNSBL (RFC 5782): a zone file that other MTAs can ask.
 *
 * 192.0.2.1 is `1.2.0.192 A 127.0.0.2`, with the reason as TXT. Where more than half of a /24 is banned, all of it is, as `*.2.0.192`. An
 * IPv6 /64 is a wildcard below its 16 nibbles. Domains are left out. Pure but for what it is given; one thread.
 */
#pragma once

#include <glib.h>

#define BAN_ZONE_HALF 128 /* more addresses of a /24 than this, and it is listed whole */

typedef struct BanZone BanZone;

BanZone *ban_zone_new(void);
void ban_zone_free(BanZone *zone); /* NULL is allowed */
/* FALSE: the key is no address. Keys are those of checks/ban-key.h. */
gboolean ban_zone_add(BanZone *zone, const char *key, const char *why);
/* The lines, sorted by address; owner names are relative to `origin`, which is named first ("": it is not). The caller frees. */
char *ban_zone_text(BanZone *zone, const char *origin);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BanZone, ban_zone_free)
