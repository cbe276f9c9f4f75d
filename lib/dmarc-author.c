/* dmarc-author.c — the domains of From: RFC 9989 §5.3.1. */
#include "dmarc-internal.h"
#include "idn.h"

#include <postern/address.h>
#include <string.h>

/* RFC 1035 §2.3.4. The bytes are those of host names, and _ where the DNS has it: nothing that would have to be escaped
 * in a query. */
static gboolean is_domain(const char *name)
{
    gsize label = 0, len = strlen(name);

    if (len == 0 || len > ADDRESS_DOMAIN_MAX)
        return FALSE;
    for (const char *p = name; *p; p++) {
        if (*p == '.' ? label == 0 : !g_ascii_isalnum(*p) && *p != '-' && *p != '_')
            return FALSE;
        label = *p == '.' ? 0 : label + 1;
        if (label > ADDRESS_LABEL_MAX)
            return FALSE;
    }
    return label > 0;
}

char *dmarc_domain(const char *text)
{
    g_autofree char *ascii = text ? idn_to_ascii(text) : NULL, *lower = NULL;
    gsize len = ascii ? strlen(ascii) : 0;

    if (len && ascii[len - 1] == '.')
        ascii[len - 1] = '\0';
    if (!ascii || !is_domain(ascii))
        return NULL;
    lower = g_ascii_strdown(ascii, -1);
    return g_steal_pointer(&lower);
}

DmarcAuthors *dmarc_authors_new(void)
{
    DmarcAuthors *authors = g_new0(DmarcAuthors, 1);

    authors->domains = g_new0(char *, 1);
    return authors;
}

gboolean dmarc_authors_add_domain(DmarcAuthors *authors, const char *text)
{
    g_autofree char *domain = dmarc_domain(text);

    if (!domain)
        return FALSE;
    if (g_strv_contains((const char *const *)authors->domains, domain))
        return TRUE;
    if (authors->n == DMARC_AUTHORS_MAX) {
        authors->malformed = TRUE;
        return TRUE;
    }
    authors->domains = g_renew(char *, authors->domains, authors->n + 2);
    authors->domains[authors->n++] = g_steal_pointer(&domain);
    authors->domains[authors->n] = NULL;
    return TRUE;
}

static gboolean has_two_ats(const char *value, gsize len)
{
    const char *at = memchr(value, '@', len);

    return at && memchr(at + 1, '@', len - (gsize)(at + 1 - value));
}

static void add_address(DmarcAuthors *authors, const Address *address)
{
    if (!address->conforming && strchr(address->local, '@'))
        authors->ambiguous = TRUE; /* a@b@c is an address of b for who stops at the first @ */
    if (*address->route)
        authors->ambiguous = TRUE;
    if (dmarc_authors_add_domain(authors, address->domain))
        return;
    authors->n_without++;
    authors->ambiguous |= *address->domain != '\0'; /* others may not care that it cannot be one */
}

void dmarc_authors_add(DmarcAuthors *authors, const char *value, gssize len)
{
    const gsize n = len < 0 ? strlen(value) : (gsize)len;
    g_autoptr(MailboxList) list = address_parse_mailboxes(value, (gssize)n);

    authors->n_fields++;
    authors->malformed |= list->malformed || list->truncated;
    authors->ambiguous |= list->truncated || (list->malformed && has_two_ats(value, n));
    for (guint i = 0; i < list->n; i++) {
        const Address *address = list->boxes[i].address;
        if (address && !address->is_literal)
            add_address(authors, address);
        else
            authors->n_without++;
    }
}

const char *dmarc_authors_only(const DmarcAuthors *authors)
{
    return authors->n == 1 && authors->n_fields <= 1 && !authors->ambiguous ? authors->domains[0] : NULL;
}

void dmarc_authors_free(DmarcAuthors *authors)
{
    if (!authors)
        return;
    g_strfreev(authors->domains);
    g_free(authors);
}
