/*
 * author.h — who is named in From (RFC 9989 §5.3.1), and whether a domain stands for the author or the envelope sender.
 *
 * Known from end of headers on.
 */
#pragma once

#include <postern/dmarc.h>

#include "flow/flow.h"

typedef struct {
    const char
        *domain; /* of the author; NULL: From names no domain, or not one alone; see dmarc_authors_only() */
    const char *domains; /* all that From names, joined by blanks; NULL: none */
    const DmarcAuthors *authors;
} AuthorFact;

const AuthorFact *author_fact(Message *message);

/* A domain as it is compared, in A-labels and lower case (RFC 8616 §4); NULL: it is none. The message's. */
const char *author_plain_domain(Message *message, const char *domain);

/* Relaxed alignment with one domain: the same organizational domain (RFC 9989 §3.2.10), by [dmarc] standard. Asks the DNS only
 * where the names leave it open, and for each domain once; all that it asks takes [dmarc] timeout at most, from when it was made. */
typedef struct {
    Message *message;
    const char *domain; /* NULL: nothing is aligned with it */
    const char *org;    /* once it has been asked for */
    gint64 deadline;
} Alignment;

Alignment alignment_with_author(Message *message);
Alignment alignment_with_sender(Message *message);
/* FALSE also where the DNS does not say. */
gboolean is_aligned(Alignment *with, const char *domain);
