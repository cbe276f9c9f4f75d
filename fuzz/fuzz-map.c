/* An access map: every entry that is shown must be found again. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "conf/map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const MapEntry *entry, void *data)
{
    const Map *map = data;
    g_assert(*entry->key != '\0' && entry->line > 0);
    g_assert(strlen(entry->value) <= MAP_LINE_MAX);
    g_assert(map_lookup(map, entry->key) == entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Map) map = map_parse("fuzz", (const char *)data, size, problems);
    map_foreach(map, check, map);
    g_assert(map_lookup(map, "") == NULL);
    return 0;
}
