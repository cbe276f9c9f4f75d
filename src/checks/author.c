/* author — who is named in From. Only a fact: DKIM, ARC and DMARC ask for it. */
#include "checks/author.h"

#include <string.h>

#include "checks/checks.h"
#include <postern/header.h>

static const Field fields[] = {
    FIELD_STR(AuthorFact, domain),
    FIELD_STR(AuthorFact, domains),
    {0},
};

static gboolean wanted(const Config *config)
{
    return check_digest.wanted(config);
}

static void evaluate(void *of, void *into)
{
    Message *message = of;
    AuthorFact *fact = into;
    DmarcAuthors *authors = dmarc_authors_new();
    fact->authors = message_own(message, authors, (GDestroyNotify)dmarc_authors_free);
    for (guint i = 0; i < message_n_headers(message); i++) {
        const Header *header = message_header(message, i);
        if (header_name_is(header->name, -1, "From"))
            dmarc_authors_add(authors, header->value, -1);
    }
    if (authors->n)
        fact->domains = message_own(message, g_strjoinv(" ", authors->domains), g_free);
    fact->domain = dmarc_authors_only(authors);
}

const AuthorFact *author_fact(Message *message)
{
    return message_fact(message, &check_author);
}

/* --- alignment --- */

const char *author_plain_domain(Message *message, const char *domain)
{
    g_autoptr(DmarcAuthors) one = dmarc_authors_new();
    if (!domain || !dmarc_authors_add_domain(one, domain))
        return NULL;
    return pool_strdup(message_pool(message), one->domains[0]);
}

static Alignment alignment_with(Message *message, const char *domain)
{
    Session *session = message_session(message);
    gint64 deadline = session_deadline_within(session, session_config(session)->dmarc.timeout);
    return (Alignment){message, domain, NULL, deadline};
}

Alignment alignment_with_author(Message *message)
{
    return alignment_with(message, author_fact(message)->domain);
}

Alignment alignment_with_sender(Message *message)
{
    return alignment_with(message, author_plain_domain(message, message_sender(message)->domain));
}

static const char *org_of(const Alignment *with, const char *domain)
{
    Message *message = with->message;
    char *org = dmarc_org_domain(message_resolver(message), with->deadline,
                                 session_config(message_session(message))->dmarc.standard, domain);
    return org ? message_own(message, org, g_free) : "";
}

/* An organizational domain is the end of both names, and no single label: without two labels in common there is nothing to
 * ask, so a signer cannot make us ask for names that have nothing to do with the message. */
static gboolean may_share_org(const char *a, const char *b)
{
    gsize a_len = strlen(a), b_len = strlen(b);
    guint dots = 0;
    while (a_len && b_len && a[a_len - 1] == b[b_len - 1]) {
        a_len--, b_len--;
        dots += a[a_len] == '.';
    }
    gboolean whole_label = (!a_len || a[a_len - 1] == '.') && (!b_len || b[b_len - 1] == '.');
    return dots > 1 || (dots == 1 && whole_label);
}

gboolean is_aligned(Alignment *with, const char *text)
{
    const char *domain = with->domain ? author_plain_domain(with->message, text) : NULL;
    if (!domain)
        return FALSE;
    if (strcmp(with->domain, domain) == 0)
        return TRUE;
    if (!may_share_org(with->domain, domain))
        return FALSE;
    if (!with->org)
        with->org = org_of(with, with->domain);
    return *with->org && strcmp(org_of(with, domain), with->org) == 0;
}

const Check check_author = {
    .name = "author",
    .scope = PER_MESSAGE,
    .wanted = wanted,
    .fields = fields,
    .fact_size = sizeof(AuthorFact),
    .evaluate = evaluate,
};
