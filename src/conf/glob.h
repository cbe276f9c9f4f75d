/* glob.h — `*` is any text, `?` is any one byte; nothing else is special. Threads: any. No allocation. */
#pragma once

#include <glib.h>

/* Both as they are: fold case before. At most strlen(pattern) * strlen(text) steps. */
gboolean glob_match(const char *pattern, const char *text);
gboolean glob_has_wildcard(const char *pattern);
