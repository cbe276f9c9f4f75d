/* escape.c — see escape.h. */
#include "base/escape.h"

#include <string.h>

static void append_hex(GString *to, const char *bytes, gsize len)
{
    for (gsize i = 0; i < len; i++)
        g_string_append_printf(to, "\\x%02x", (guchar)bytes[i]);
}

/* What changes how the rest of a line is read, by people or by programs. */
static gboolean is_shown(gunichar c)
{
    return !(c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
             (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f || c == 0xfeff);
}

void escape_append(GString *to, const char *text, gsize len, EscapeMode mode, const char *also)
{
    const char *end = text + len;
    while (text < end) {
        guchar byte = (guchar)*text;
        if (byte >= 0x20 && byte < 0x7f) {
            if (also != NULL && strchr(also, byte) != NULL)
                g_string_append_c(to, '\\');
            g_string_append_c(to, *text++);
            continue;
        }
        gsize step = 1;
        gboolean shown = FALSE;
        if (mode == ESCAPE_KEEP_UTF8 && byte >= 0x80) {
            gunichar c = g_utf8_get_char_validated(text, end - text);
            if (c != (gunichar)-1 && c != (gunichar)-2) {
                step = g_utf8_skip[byte];
                shown = is_shown(c);
            }
        }
        if (shown)
            g_string_append_len(to, text, step);
        else
            append_hex(to, text, step);
        text += step;
    }
}
