#include "base/file-error.h"

#include <errno.h>
#include <gio/gio.h>

gboolean file_error(GError **error, int code, const char *what)
{
    gboolean full = code == ENOSPC || code == EDQUOT || code == EFBIG;

    g_set_error(error, G_IO_ERROR, full ? G_IO_ERROR_NO_SPACE : (int)g_io_error_from_errno(code), "%s: %s",
                what, g_strerror(code));
    return FALSE;
}
