/* glob.c — see glob.h. */
#include "conf/glob.h"

#include <string.h>

gboolean glob_has_wildcard(const char *pattern)
{
    return strpbrk(pattern, "*?") != NULL;
}

gboolean glob_match(const char *pattern, const char *text)
{
    /* Only the last star can need another try: what stood before it has matched already. */
    const char *star = NULL, *resume = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            resume = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star;
            text = ++resume;
        } else {
            return FALSE;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}
