/*
 * escape.h — text of strangers, made fit to be shown: no byte of it can end a line or move a cursor.
 *
 * Threads: any.
 */
#pragma once

#include <glib.h>

typedef enum {
    ESCAPE_KEEP_UTF8, /* printable UTF-8 stays, all else becomes \xNN */
    ESCAPE_ASCII,     /* every byte outside 0x20…0x7e becomes \xNN */
} EscapeMode;

/* Controls (C0, DEL, C1), line and paragraph separators, marks that turn the direction of writing, and bytes
 * that are not UTF-8 become \xNN, byte by byte. Bytes in `also`, if not NULL, get a backslash in front. */
void escape_append(GString *to, const char *text, gsize len, EscapeMode mode, const char *also);
