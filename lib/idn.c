/* idn.c — the only place that knows libidn2. */
#include "idn.h"

#include <idn2.h>
#include <string.h>

/* No name of 253 bytes on the wire needs more in UTF-8: a character takes at least one byte of an A-label. */
#define U_NAME_MAX 1024u

char *idn_to_ascii(const char *domain)
{
    char *converted = NULL, *ascii = NULL;

    if (g_str_is_ascii(domain))
        return g_strdup(domain);
    if (strlen(domain) > U_NAME_MAX || !g_utf8_validate(domain, -1, NULL))
        return NULL;
    if (idn2_to_ascii_8z(domain, &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK)
        ascii = g_strdup(converted);
    idn2_free(converted);
    return ascii;
}
