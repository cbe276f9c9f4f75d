/* The envelope of a stored message, and the sidecar beside one: whatever stands there, they are read or
 * refused. */
#include <stdint.h>
#include <string.h>

#include "app/stored.h"
#include "base/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Stored stored = {.bytes = g_strndup((const char *)data, size),
                     .len = size,
                     .rcpts = g_ptr_array_new_with_free_func(g_free)};
    memcpy(stored.bytes, data, size);
    stored_from_headers(&stored);
    g_assert(stored.rcpts->len <= STORED_RCPTS_MAX);
    stored_clear(&stored);
    record_free(record_from_json((const char *)data, size, NULL));
    return 0;
}
