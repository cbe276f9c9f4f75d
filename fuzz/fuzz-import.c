/* Files of the older system: whatever stands there, it is taken or told, each line once, and a second time changes nothing. */
#include <stdint.h>
#include <string.h>

#include "app/import.h"

#define NOW 1795000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static gboolean show(const StoreEntry *entry, void *data)
{
    g_assert(*entry->key && strlen(entry->key) <= STORE_KEY_MAX);
    g_assert(!entry->expires || entry->expires > NOW);
    g_string_append_printf(data, "%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n", entry->key, entry->created,
                           entry->expires);
    return TRUE;
}

static void import_twice(const ImportKind *kind, const char *bytes, gsize len)
{
    g_autoptr(Store) store = store_memory_new();
    g_autoptr(GString) first = g_string_new(NULL), second = g_string_new(NULL);
    GString *const shown[] = {first, second};
    for (int round = 0; round < 2; round++) {
        ImportResult result;
        import_text(store, "fuzz", bytes, len, kind, NOW, NULL, &result);
        store_each(store, kind->table, "", NULL, NOW, show, shown[round]);
    }
    g_assert_cmpstr(first->str, ==, second->str);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const ImportKind *kind;
    for (guint i = 0; (kind = import_kind_at(i)); i++)
        import_twice(kind, (const char *)data, size);
    return 0;
}
