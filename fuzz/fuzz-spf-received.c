/* Received-SPF of others: whatever it holds, what was read is text without ends of lines, and reading it again from what
 * it says gives the same. */
#include <postern/spf.h>

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void append_pair(GString *out, const char *key, const char *value)
{
    if (!value)
        return;
    g_string_append_printf(out, "; %s=\"", key);
    for (const char *p = value; *p; p++) {
        g_assert(*p != '\r' && *p != '\n');
        g_string_append_printf(out, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
    }
    g_string_append_c(out, '"');
}

/* A value is cut at 64 KB when it is written out: as many quoted ones do not fit. */
static void read_again(const SpfReceivedField *field)
{
    g_autoptr(GString) out = g_string_new(spf_code_name(field->code));
    append_pair(out, "client-ip", field->client_ip);
    append_pair(out, "envelope-from", field->envelope_from);
    append_pair(out, "helo", field->helo);
    append_pair(out, "identity", spf_identity_name(field->identity));
    if (out->len > SPF_RECEIVED_MAX)
        return;
    g_autoptr(SpfReceivedField) again = spf_received_parse(out->str, (gssize)out->len);
    g_assert(again && again->code == field->code && again->identity == field->identity);
    g_assert(!field->client_ip == !again->client_ip && !field->helo == !again->helo);
    g_assert(!field->envelope_from == !again->envelope_from);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(SpfReceivedField) field = spf_received_parse((const char *)data, (gssize)size);
    if (field)
        read_again(field);
    return 0;
}
