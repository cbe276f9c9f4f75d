/* A built access map of hostile bytes: it is whole or it is not, and every entry that is there is found. */
#include "fuzz-map-binary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_map_binary(map_lmdb_read, data, size);
}
