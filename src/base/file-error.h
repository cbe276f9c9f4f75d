/*
 * file-error.h — errno as a GError, with one question answered for all who keep mail on disk: is it full?
 *
 * Threads: any.
 */
#pragma once

#include <glib.h>

/* Sets a GIOError "WHAT: message". A full disk, a quota on it and the limit of file sizes are all
 * G_IO_ERROR_NO_SPACE. Always FALSE. */
gboolean file_error(GError **error, int code, const char *what);
