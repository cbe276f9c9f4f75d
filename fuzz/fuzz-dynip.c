/* Names of dynamic addresses: the first byte is the length of the address (4, else 16 bytes), the name
 * follows. */
#include <postern/dynip.h>

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 17)
        return 0;
    IpAddress ip = data[0] & 1 ? ip_from_bytes(IP_V6, data + 1) : ip_from_bytes(IP_V4, data + 1);
    gsize skip = data[0] & 1 ? 17 : 5;
    g_autofree char *name = g_strndup((const char *)data + skip, size - skip);
    const char *why = NULL;
    gboolean dynamic = dynip_looks_dynamic(name, &ip, &why);
    g_assert(dynamic == (why != NULL));
    return 0;
}
