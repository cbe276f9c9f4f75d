/* What a bounce quotes: within its limits, one line, and the same in whatever pieces the body comes. */
#include <stdint.h>
#include <string.h>

#include "checks/quoted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"Received-SPF", "Action", NULL};

static gboolean collect(const char *name, const char *value, void *into)
{
    g_assert(name == names[0] || name == names[1]);
    g_assert(strlen(value) <= QUOTED_VALUE_MAX && !strchr(value, '\n'));
    g_string_append_printf(into, "%s:%s\n", name, value);
    return TRUE;
}

static char *scan_in(const uint8_t *data, size_t size, gsize step)
{
    g_autoptr(QuotedScan) scan = quoted_new(names);
    GString *found = g_string_new(NULL);
    for (gsize at = 0; at < size; at += step)
        quoted_add(scan, data + at, MIN(step, size - at));
    quoted_end(scan, collect, found);
    return g_string_free(found, FALSE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *whole = scan_in(data, size, MAX(size, 1)), *pieces = scan_in(data, size, 7);
    g_assert_cmpstr(whole, ==, pieces);
    return 0;
}
