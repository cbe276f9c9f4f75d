/* words.h — what somebody meant who wrote a name wrong. Pure; any thread. */
#pragma once

#include <glib.h>

/* No name of ours is longer; what is longer is like none of them. */
#define WORD_LIKE_MAX 40u
#define WORD_UNLIKE   (G_MAXUINT / 4)

/* Letters to insert, leave out or replace (Levenshtein), without regard to case. */
guint word_distance(const char *a, const char *b);
