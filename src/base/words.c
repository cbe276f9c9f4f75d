#include "base/words.h"

#include <string.h>

guint word_distance(const char *a, const char *b)
{
    gsize a_len = strlen(a), b_len = strlen(b);
    if (a_len > WORD_LIKE_MAX || b_len > WORD_LIKE_MAX)
        return WORD_UNLIKE;
    guint row[WORD_LIKE_MAX + 1];
    for (guint j = 0; j <= b_len; j++)
        row[j] = j;
    for (guint i = 1; i <= a_len; i++) {
        guint diagonal = row[0];
        row[0] = i;
        for (guint j = 1; j <= b_len; j++) {
            guint replaced = diagonal + (g_ascii_tolower(a[i - 1]) != g_ascii_tolower(b[j - 1]));
            diagonal = row[j];
            row[j] = MIN(replaced, 1 + MIN(row[j], row[j - 1]));
        }
    }
    return row[b_len];
}
