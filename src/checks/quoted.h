/*
 * quoted.h — header fields that the body of a message quotes, as a bounce quotes those of what it returns.
 *
 *     QuotedScan *scan = quoted_new((const char *const[]){"Received-SPF", NULL});
 *     quoted_add(scan, chunk, len);                  as often as chunks come
 *     quoted_end(scan, each, data);                  the fields, in their order
 *     quoted_free(scan);
 *
 * It looks for lines, not for parts: message/rfc822 and text/rfc822-headers (RFC 3464 §2), and reports in plain text by hosts
 * that know neither, come alike. A quote may be marked by ">" and blanks in front of each line. Fields that are encoded
 * (quoted-printable, base64) are not seen: RFC 2046 §5.2.1 allows message/rfc822 no encoding.
 *
 * Whatever comes, only the first QUOTED_BYTES_MAX are looked at, and no more than the limits below are kept. One thread.
 */
#pragma once

#include <glib.h>

#define QUOTED_BYTES_MAX  (256u << 10) /* of a body; reports begin with what they say and go on with headers */
#define QUOTED_VALUE_MAX  4096         /* bytes of a field, without marks; a longer one is left out */
#define QUOTED_FIELDS_MAX 32           /* the first ones */
#define QUOTED_MARK_MAX   16           /* bytes of ">" and blanks in front of a line */

typedef struct QuotedScan QuotedScan;

/* `names` (NULL ends) is borrowed for the life of the scan; compared without case. */
QuotedScan *quoted_new(const char *const *names);
void quoted_free(QuotedScan *scan); /* NULL is allowed */

/* The next bytes, parted wherever; lines end in CRLF or LF. */
void quoted_add(QuotedScan *scan, const void *bytes, gsize len);

/* No more comes. Calls `each` with the name as in `names` and the value as it stands, line ends and marks left out, until it
 * returns FALSE. */
typedef gboolean (*QuotedEach)(const char *name, const char *value, void *data);
void quoted_end(QuotedScan *scan, QuotedEach each, void *data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(QuotedScan, quoted_free)
