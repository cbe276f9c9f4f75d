/* Mailboxes of a header field. */
#include <postern/address.h>

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(MailboxList) list = address_parse_mailboxes((const char *)data, (gssize)size);
    gsize text = 0;
    g_assert(list->n <= ADDRESS_LIST_MAX);
    for (guint i = 0; i < list->n; i++) {
        const Mailbox *box = &list->boxes[i];
        g_assert(!strpbrk(box->name, "\r\n") && !strpbrk(box->text, "\r\n") &&
                 !strpbrk(box->comment, "\r\n"));
        g_assert(!box->address || !box->address->is_null);
        g_assert(box->address || list->malformed);
        text += strlen(box->text);
    }
    g_assert(text <= 3 * size); /* quoting adds at most backslashes and quotes */
    return 0;
}
