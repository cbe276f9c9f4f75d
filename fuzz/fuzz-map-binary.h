/* fuzz-map-binary.h — what the fuzz targets of the binary map readers share. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "conf/map-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(const MapEntry *entry, void *data)
{
    g_assert(*entry->key != '\0' && entry->line == 0);
    g_assert(strpbrk(entry->key, "\r\n") == NULL && strpbrk(entry->value, "\r\n") == NULL);
    g_assert(map_lookup(data, entry->key) == entry);
}

static inline int fuzz_map_binary(MapReader *reader, const uint8_t *data, size_t size)
{
    g_autoptr(Problems) problems = problems_new();
    const char *why = NULL;
    g_autoptr(Map) map = map_collect("fuzz", reader, (const char *)data, size, problems, &why);
    g_assert((map == NULL) == (why != NULL));
    map_foreach(map, check_entry, map);
    return 0;
}
