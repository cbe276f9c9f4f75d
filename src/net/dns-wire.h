/*
 * dns-wire.h — names and record data between their text and their form on the wire (RFC 1035 §3, §5.1).
 *
 * Pure functions. Compressed names are not understood: libunbound has unpacked them.
 */
#pragma once

#include <glib.h>
#include <postern/resolver.h>

#define DNS_NAME_WIRE_MAX 255                         /* octets with the root's; RFC 1035 §2.3.4 */
#define DNS_LABEL_MAX     63                          /* RFC 1035 §2.3.4 */
#define DNS_NAME_TEXT_MAX (4 * DNS_NAME_WIRE_MAX + 1) /* every octet as \DDD, and NUL */
#define DNS_RECORDS_MAX   4096 /* a 64 KiB message has no room for more addresses than that */

typedef struct {
    guint len;
    guint8 octets[DNS_NAME_WIRE_MAX]; /* labels in lower case, the root's last */
} DnsWireName;

/* Presentation form, with or without the final dot; `\DDD` and `\X` are escapes, all other bytes stand for
 * themselves. "" is the root. FALSE: no question can be asked for it: a label that is empty or over 63
 * octets, a name over 255, a broken escape. */
gboolean dns_wire_name(const char *text, DnsWireName *ret);
/* The text of a name, lower case, no final dot, what is not printable as \DDD; "" is the root. `*used` is the
 * number of octets read; may be NULL. FALSE: not a name, or not all of it is within `len`. */
gboolean dns_wire_name_text(const guint8 *octets, gsize len, char ret[static DNS_NAME_TEXT_MAX], gsize *used);

/* Adds the record whose data these are. FALSE: malformed, or a type that we do not ask for; nothing was
 * added. */
gboolean dns_wire_add_record(DnsAnswer *answer, DnsType type, const guint8 *data, gsize len);
