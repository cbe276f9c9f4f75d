/*
 * ban-key.h — under what clients and domains are banned (A6, B5). Pure; any thread; what is returned is the caller's.
 */
#pragma once

#include <postern/address.h>
#include <postern/ip.h>

#define BAN_IPV6_BITS 64 /* whoever has one address of IPv6 has all of its /64 */

/* "192.0.2.1", "2001:db8:1:2::/64". */
char *ban_client_key(const IpAddress *ip);
/* What is to be banned where mail comes from that domain: "example.com"; of a numbered host, all its like: "mail12.x.example" is
 * "*.x.example". */
char *ban_domain_key(const char *domain);
/* The keys under which an address may be banned, most specific first: itself, its domain, "*.parent" of each; NULL ends. At a
 * provider of mailboxes (`mailbox_only`) itself alone. g_strfreev(). */
char **ban_address_keys(const Address *address, gboolean mailbox_only);
