/* Tag lists: spans stay inside of the text, names are single, values have no control characters. */
#include <stdint.h>
#include <string.h>

#include "../lib/taglist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(Span span, const char *text, size_t size)
{
    g_assert(span.at >= text && span.at + span.len <= text + size);
}

static void check_value(Span value)
{
    Span rest = value, item;
    guint64 number;
    gsize len, n = 0;
    g_autofree guint8 *bytes = span_base64(value, &len);

    for (gsize i = 0; i < value.len; i++)
        g_assert(value.at[i] != ';' && value.at[i] != '\0');
    while (span_next(&rest, ':', &item)) {
        check_inside(item, value.at, value.len);
        n++;
    }
    g_assert(n >= 1 && n <= value.len + 1);
    if (bytes)
        g_assert(len > 0 && len <= value.len);
    if (span_number(value, 12, &number))
        g_assert(number < 1000000000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    TagList list;
    gboolean good = taglist_parse(&list, text, size) == NULL;

    g_assert(good == (list.n > 0) && list.n <= TAGLIST_MAX);
    for (guint i = 0; i < list.n; i++) {
        g_autofree char *name = span_dup(list.tags[i].name);
        check_inside(list.tags[i].name, text, size);
        check_inside(list.tags[i].raw, text, size);
        check_inside(list.tags[i].value, list.tags[i].raw.at, list.tags[i].raw.len);
        check_value(list.tags[i].value);
        g_assert(taglist_find(&list, name) == &list.tags[i]);
    }
    return 0;
}
