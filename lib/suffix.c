/* suffix.c — the only place that knows libpsl. */
#include <postern/suffix.h>

#include <libpsl.h>
#include <string.h>

/* Presentation form with some room for U-labels, which are longer in UTF-8 than on the wire. */
#define NAME_MAX_LEN 1024u

static gboolean is_name(const char *name)
{
    return *name && *name != '.' && strlen(name) <= NAME_MAX_LEN && !strstr(name, "..") &&
           g_utf8_validate(name, -1, NULL);
}

/* The list has lower case in normal form C. */
static char *fold(const char *name)
{
    g_autofree char *lower = g_utf8_strdown(name, -1);
    char *folded = g_utf8_normalize(lower, -1, G_NORMALIZE_DEFAULT_COMPOSE);
    gsize len = strlen(folded);

    if (len && folded[len - 1] == '.')
        folded[len - 1] = '\0';
    return folded;
}

char *suffix_registrable(const char *domain)
{
    g_autofree char *name = is_name(domain) ? fold(domain) : NULL;

    return name ? g_strdup(psl_registrable_domain(psl_builtin(), name)) : NULL;
}
