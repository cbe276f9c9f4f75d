/*
 * hosts.h — a list of hosts as administrators write it (A1): addresses, CIDR, globs on addresses, host names.
 *
 *     internal_connect = 192.168.0.*, 10.0.0.0/8, 2001:db8::/32, gw.example.com
 *
 * A host name stands for its forward addresses, asked through the resolver that is handed in; a PTR name is
 * never believed. Immutable. Threads: any.
 */
#pragma once

#include <postern/ip.h>
#include <postern/resolver.h>

typedef struct HostList HostList;

/* `error` names the word that is neither of them. */
HostList *hosts_parse(const char *const *words, GError **error);
void hosts_free(HostList *hosts); /* NULL is allowed */
gboolean hosts_is_empty(const HostList *hosts);
/* The word that matched (owned by the list), or NULL. Only when no address or glob matched are names asked,
 * up to `deadline`; a name that cannot be resolved in time does not match. `resolver` may be NULL: names do
 * not match. */
const char *hosts_match(const HostList *hosts, const IpAddress *ip, Resolver *resolver, gint64 deadline);
/* The host name of the list that is this one, as written there (owned by the list), or NULL: without case and final dot,
 * and without any question. That somebody calls himself so proves nothing. */
const char *hosts_find_name(const HostList *hosts, const char *name);
char *hosts_to_string(const HostList *hosts);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostList, hosts_free)
