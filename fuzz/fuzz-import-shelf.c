/* A pair of a shelf: up to the first NUL the key, behind it the value. One line or none comes of it. */
#include <stdint.h>
#include <string.h>

#include "app/import-shelf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data, *nul = size ? memchr(bytes, '\0', size) : NULL;
    g_autoptr(GString) line = g_string_new("");
    gsize len;
    if (nul && !shelf_append(line, bytes, (gsize)(nul - bytes), nul + 1, size - (gsize)(nul + 1 - bytes)))
        g_assert(line->len == 0);
    g_assert(!memchr(line->str, '\n', line->len));
    g_free(shelf_lines(bytes, size, &len, NULL));
    return 0;
}
