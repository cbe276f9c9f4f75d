/* address-parse.h — what address.c and mailbox.c share. */
#pragma once

#include <postern/address.h>

typedef enum {
    ADDRESS_STRICT_SPACES = 0, /* a space in an unquoted local part is an error */
    ADDRESS_INNER_SPACES = 1,  /* headers: it belongs to the local part, so that the domain is still seen */
} AddressTolerance;

/* RFC 5321 §4.1.2 Mailbox with optional source route, no brackets, no white space around. */
Address *address_parse_bare(const char *text, gsize len, AddressTolerance tolerance, GError **error);
