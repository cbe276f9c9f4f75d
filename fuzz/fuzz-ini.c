/* Configuration text, as INI alone: no input may run long, and what is shown must have a name and a value. */
#include <stddef.h>
#include <stdint.h>
#include "conf/ini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Ini) ini =
        ini_parse("fuzz", (const char *)data + 1, size - 1, data[0] & INI_INLINE_COMMENTS, problems);
    for (guint i = 0; i < ini_len(ini); i++) {
        const IniEntry *entry = ini_at(ini, i);
        g_assert(*entry->section != '\0' && *entry->key != '\0' && entry->line > 0);
        g_assert(g_utf8_validate(entry->value, -1, NULL));
        g_assert(ini_find(ini, entry->section, entry->key) == entry);
    }
    for (guint i = 0; i < problems_len(problems); i++)
        g_free(problem_to_string(problems_at(problems, i)));
    return 0;
}
