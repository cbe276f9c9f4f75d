/*
 * dynip.h — does the name of a client's address look like a line of a consumer, rather than a mail server?
 *
 * A guess from the PTR name alone, after the habit of access providers to write the address into the name or
 * to say what kind of line it is. Nobody is refused for it by itself: a dynamic name only does not count as a
 * sign of identity. No RFC; RFC 8501 and RFC 1912 §2.1 describe the naming habits.
 *
 * Pure and linear in the name, of which at most DYNIP_NAME_MAX bytes are looked at.
 */
#pragma once

#include <glib.h>
#include <postern/decls.h>
#include <postern/ip.h>

POSTERN_BEGIN_DECLS

#define DYNIP_NAME_MAX 255 /* RFC 1035 §2.3.4: longer names do not exist */

/* `ptr_name` in any case, with or without the final dot; "" and "." give FALSE: what a missing PTR means is
 * the caller's business. `ip` may be of family IP_NONE: then only the words count. On TRUE *ret_why is a
 * static phrase that completes "the PTR name …"; it may be NULL. */
gboolean dynip_looks_dynamic(const char *ptr_name, const IpAddress *ip, const char **ret_why);

POSTERN_END_DECLS
