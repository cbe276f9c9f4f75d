/* manual.h — pages of documentation that are made from tables, so that they cannot be out of step with them. */
#pragma once

#include <glib.h>

/* docs/tags.md: every tag and verb. The caller frees. */
char *manual_tags(void);
