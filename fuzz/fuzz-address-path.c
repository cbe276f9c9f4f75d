/* Envelope paths. What was understood and written again must be understood the same. */
#include <postern/address.h>

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Address) address = address_parse_path((const char *)data, (gssize)size, &error);
    if (!address) {
        g_assert(error && error->message);
        return 0;
    }
    g_assert(g_utf8_validate(address->canonical, -1, NULL) && g_utf8_validate(address->mailbox, -1, NULL));
    g_assert(address->is_null == (address->mailbox[0] == '\0'));
    g_autofree char *path = g_strdup_printf("<%s>", address->mailbox);
    g_autoptr(Address) again = address_parse_path(path, -1, NULL);
    g_assert(again && strcmp(again->mailbox, address->mailbox) == 0);
    g_assert(strcmp(again->canonical, address->canonical) == 0);
    return 0;
}
