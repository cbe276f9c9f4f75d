/*
 * page.h — where a client can read why it was refused: the page that [policy] errors_url names, at the place of the tag.
 *
 * The older Python system had a page of its own for some refusals, URL/anon?mfrom=…&helo=…&ip=…; with [policy] errors_pages
 * those stay (K13). Pure; strings live in `pool`.
 */
#pragma once

#include "base/pool.h"
#include "policy/finding.h"

/* A URL of a reply is not longer: RFC 5321 §4.5.3.1.5 allows a line 512 bytes, the code and the line's end included. An argument
 * that does not fit is left out. */
#define PAGE_URL_MAX 480

/* Who was refused; NULL or "": not known. */
typedef struct {
    const char *sender; /* without brackets */
    const char *helo, *ip;
} PageSubject;

/* "https://our.example/errors#SPF-Fail", or what the older system had for `finding` if `old_pages`. */
const char *page_of(Pool *pool, const char *url, gboolean old_pages, const Finding *finding,
                    const PageSubject *subject);
