/*
 * zone.h — a Resolver that answers from text: for tests, for `--zone`, for local substitute records.
 *
 * The text is master-file lines (RFC 1035 §5): NAME [TTL] [IN] TYPE RDATA, $ORIGIN, $TTL, comments after `;`,
 * parentheses, quoted strings with \" \\ \DDD. A line that begins with a blank repeats the name before. Names
 * without a final dot are below $ORIGIN; without $ORIGIN they are complete as they stand. Types that nobody
 * here asks for (SOA, SRV, CAA, …) make the name exist. Two more forms make errors:
 *
 *     NAME ERROR SERVFAIL|TIMEOUT          every type that has no record of that name
 *     NAME ERROR SERVFAIL|TIMEOUT TXT      this type only
 *
 * Answers: a name that is nowhere is NXDOMAIN; a name that exists without the type, or only above another, is
 * NODATA; `*` labels are wildcards (RFC 4592); CNAMEs are followed, a loop of them is a temporary error.
 * Names are compared without case. Errors name the line: "NAME:line: what".
 *
 * Life cycle: make it, add to it, then hand it out; free with resolver_free(). Threads: adding is for one
 * thread, before the first query; asking is for any number at once.
 */
#pragma once

#include <postern/decls.h>
#include <postern/resolver.h>

POSTERN_BEGIN_DECLS

#define ZONE_TEXT_MAX (64u << 20) /* bytes; a zone of a big hoster fits, a device file does not */
#define ZONE_TTL      3600u       /* seconds, of every answer: what the text says is read and not kept */

#define ZONE_ERROR (zone_error_quark())
GQuark zone_error_quark(void);
typedef enum { ZONE_ERROR_SYNTAX, ZONE_ERROR_READ } ZoneError;

Resolver *zone_new(void);
/* `name` is what errors call the text. NULL with `error` set: nothing of it is used. */
Resolver *zone_resolver_parse(const char *name, const char *text, gsize len, GError **error);
Resolver *zone_resolver_read(const char *path, GError **error);

/* `owner` in presentation form, any case, with or without the final dot. */
void zone_add_ip(Resolver *zone, const char *owner, DnsType type, const IpAddress *ip);
void zone_add_name(Resolver *zone, const char *owner, DnsType type, guint preference, const char *target);
void zone_add_text(Resolver *zone, const char *owner, const char *bytes, gsize len);
/* The name exists, whatever its types. */
void zone_add_empty(Resolver *zone, const char *owner);
/* `type` 0: every type without a record. `why`: "timeout", "SERVFAIL". */
void zone_add_error(Resolver *zone, const char *owner, DnsType type, const char *why);

/* For tests: what was asked since the last reset, "TXT example.com" each, in order, repeats included (the
 * first ZONE_LOG_MAX of them). Owned by the caller; free with g_strfreev(). Off until zone_log() is called
 * once. */
#define ZONE_LOG_MAX 4096u
void zone_log(Resolver *zone); /* start, or forget what was asked */
char **zone_queries(Resolver *zone);
guint zone_query_count(Resolver *zone, DnsType type, const char *name);

POSTERN_END_DECLS
