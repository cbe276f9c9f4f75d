/* page.c — see page.h. */
#include "policy/page.h"

#include <string.h>

typedef enum { ARG_NONE, ARG_MFROM, ARG_HELO, ARG_IP, ARG_DOMAIN, ARG_MSG } PageArg;

#define ARGS_MAX 3

/* The pages of the older system, and what each wanted to know. Of the reputation it also told score and kind, which no finding
 * has. */
static const struct {
    Tag tag;
    const char *name;
    PageArg args[ARGS_MAX];
} old_pages_table[] = {
    {TAG_SPF_NONE, "anon", {ARG_MFROM, ARG_HELO, ARG_IP}},
    {TAG_HELO_FAIL, "helofail", {ARG_MFROM, ARG_HELO, ARG_IP}},
    {TAG_HELO_SOFTFAIL, "helofail", {ARG_MFROM, ARG_HELO, ARG_IP}},
    {TAG_HELO_NEUTRAL, "helofail", {ARG_MFROM, ARG_HELO, ARG_IP}},
    {TAG_HELO_NONE, "helofail", {ARG_MFROM, ARG_HELO, ARG_IP}},
    {TAG_HELO_PERMERROR, "helofail", {ARG_MFROM, ARG_HELO, ARG_IP}},
    {TAG_BANNED_DOMAIN, "bandom", {ARG_DOMAIN}},
    {TAG_REPUTATION_BAD, "illrepute", {ARG_DOMAIN}},
    {TAG_CBV_FAIL, "dsnrefused", {ARG_MFROM, ARG_MSG}},
};

static const char *domain_of(const char *subject)
{
    const char *at = strrchr(subject, '@');
    return at ? at + 1 : subject;
}

static const char *value_of(PageArg arg, const Finding *finding, const PageSubject *subject)
{
    switch (arg) {
    case ARG_MFROM:
        return subject->sender;
    case ARG_HELO:
        return subject->helo;
    case ARG_IP:
        return subject->ip;
    case ARG_DOMAIN:
        return domain_of(finding->subject);
    case ARG_MSG:
        return finding->sentence;
    case ARG_NONE:
        break;
    }
    return NULL;
}

/* RFC 3986 §3.4: what is not unreserved is escaped, so that no stranger writes an argument of ours. */
static void append_args(GString *page, const PageArg args[static ARGS_MAX], const Finding *finding,
                        const PageSubject *subject)
{
    static const char *const names[] = {[ARG_MFROM] = "mfrom",
                                        [ARG_HELO] = "helo",
                                        [ARG_IP] = "ip",
                                        [ARG_DOMAIN] = "domain",
                                        [ARG_MSG] = "msg"};
    char separator = '?';
    for (guint i = 0; i < ARGS_MAX && args[i]; i++) {
        const char *value = value_of(args[i], finding, subject);
        if (!value || !*value)
            continue;
        g_autofree char *escaped = g_uri_escape_string(value, NULL, FALSE);
        if (page->len + strlen(names[args[i]]) + strlen(escaped) + strlen("?=") > PAGE_URL_MAX)
            continue;
        g_string_append_printf(page, "%c%s=%s", separator, names[args[i]], escaped);
        separator = '&';
    }
}

const char *page_of(Pool *pool, const char *url, gboolean old_pages, const Finding *finding,
                    const PageSubject *subject)
{
    for (gsize i = 0; i < G_N_ELEMENTS(old_pages_table) && old_pages; i++) {
        if (old_pages_table[i].tag != finding->tag)
            continue;
        g_autoptr(GString) page = g_string_new(NULL);
        g_string_printf(page, "%s/%s", url, old_pages_table[i].name);
        append_args(page, old_pages_table[i].args, finding, subject);
        return pool_strdup(pool, page->str);
    }
    return pool_printf(pool, "%s#%s", url, tag_name(finding->tag));
}
