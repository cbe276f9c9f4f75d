#include "net/socketmap.h"

#include <string.h>

/* Of SOCKETMAP_REQUEST_MAX. */
#define DIGITS_MAX 4

static const char *const answer_words[] = {
#define X(id, word) [SOCKETMAP_##id] = word,
    SOCKETMAP_ANSWERS(X)
#undef X
};

/* The digits and the colon; more than DIGITS_MAX, or a leading zero, is no netstring of ours. */
static SocketmapStatus parse_length(const char *bytes, gsize len, gsize *length, gsize *used)
{
    gsize digits = 0;
    *length = 0;
    for (; digits < len && g_ascii_isdigit(bytes[digits]); digits++) {
        if (digits == DIGITS_MAX || (digits == 1 && bytes[0] == '0'))
            return SOCKETMAP_BAD;
        *length = *length * 10 + (gsize)(bytes[digits] - '0');
    }
    if (digits == len)
        return SOCKETMAP_MORE;
    *used = digits + 1;
    return digits > 0 && bytes[digits] == ':' && *length <= SOCKETMAP_REQUEST_MAX ? SOCKETMAP_READY
                                                                                  : SOCKETMAP_BAD;
}

SocketmapStatus socketmap_parse(const char *bytes, gsize len, SocketmapRequest *request, gsize *used)
{
    gsize length, head;
    SocketmapStatus status = parse_length(bytes, len, &length, &head);
    if (status != SOCKETMAP_READY)
        return status;
    if (len - head <= length)
        return SOCKETMAP_MORE;
    const char *text = bytes + head;
    if (text[length] != ',')
        return SOCKETMAP_BAD;
    const char *blank = memchr(text, ' ', length);
    gsize map_len = blank ? (gsize)(blank - text) : length;
    *request = (SocketmapRequest){
        .map = text,
        .map_len = map_len,
        .key = blank ? blank + 1 : text + length,
        .key_len = blank ? length - map_len - 1 : 0,
    };
    *used = head + length + 1;
    return SOCKETMAP_READY;
}

void socketmap_put(GString *out, SocketmapAnswer answer, const char *text)
{
    const char *word = answer_words[answer];
    g_string_append_printf(out, "%zu:%s %s,", strlen(word) + 1 + strlen(text), word, text);
}
