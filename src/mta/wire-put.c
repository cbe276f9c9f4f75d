/* The sending half of the codec; wire.h is its manual. */
#include "mta/wire.h"
#include "mta/wire-priv.h"

#include <string.h>

void wire_append_u32(GString *out, guint32 value)
{
    const guint8 bytes[4] = {value >> 24, value >> 16, value >> 8, value};

    g_string_append_len(out, (const char *)bytes, sizeof bytes);
}

gsize wire_begin(GString *out, guint8 letter)
{
    gsize begin = out->len;

    wire_append_u32(out, 0);
    g_string_append_c(out, letter);
    return begin;
}

void wire_end(GString *out, gsize begin)
{
    guint32 len = out->len - begin - 4;
    const guint8 bytes[4] = {len >> 24, len >> 16, len >> 8, len};

    memcpy(out->str + begin, bytes, sizeof bytes);
}

void wire_put(GString *out, WireActionKind kind)
{
    wire_end(out, wire_begin(out, kind));
}

void wire_put_negotiate(GString *out, guint32 version, guint32 actions, guint32 protocol,
                        const WireMacroList *macros)
{
    gsize begin = wire_begin(out, WIRE_ACTION_NEGOTIATE);

    wire_append_u32(out, version);
    wire_append_u32(out, actions);
    wire_append_u32(out, protocol);
    for (; macros != NULL && macros->names != NULL; macros++) {
        wire_append_u32(out, macros->step);
        g_string_append_len(out, macros->names, strlen(macros->names) + 1);
    }
    wire_end(out, begin);
}

/* ---- replies ---- */

typedef struct {
    int code;
    char xcode[16];
    const char *text;
} ReplyParts;

/* What is said when the flow has given a code without words. */
static const ReplyParts reply_defaults[] = {
    [REPLY_REJECT] = {550, "5.7.1", "Command rejected"},
    [REPLY_TEMPFAIL] = {451, "4.7.1", "Please try again later"},
};

/* RFC 3463 §2: class "." subject "." detail. */
static gboolean xcode_is_good(const char *xcode)
{
    guint dots = 0, digits = 0;

    if (xcode == NULL || strlen(xcode) >= sizeof((ReplyParts *)NULL)->xcode)
        return FALSE;
    for (const char *at = xcode; *at != '\0'; at++) {
        if (*at == '.' && digits > 0) {
            dots++;
            digits = 0;
        } else if (g_ascii_isdigit(*at) && ++digits <= 3) {
            continue;
        } else {
            return FALSE;
        }
    }
    return dots == 2 && digits > 0 && xcode[1] == '.';
}

/* Both MTAs silently ignore a text whose class is not that of the verdict; the verdict is what counts. */
static ReplyParts reply_parts(const Reply *reply)
{
    ReplyParts parts = reply_defaults[reply->kind];
    int class = parts.code / 100;

    if (reply->code / 100 == class)
        parts.code = reply->code;
    if (xcode_is_good(reply->xcode)) {
        g_strlcpy(parts.xcode, reply->xcode, sizeof parts.xcode);
        parts.xcode[0] = '0' + class;
    }
    if (reply->text != NULL && reply->text[0] != '\0')
        parts.text = reply->text;
    return parts;
}

/* One line's words, made fit for SMTP (RFC 5321 §4.2: printable ASCII and tab). A UTF-8 character becomes one
 * '?'. */
static void append_reply_text(GString *out, const char *text, gsize len)
{
    gsize room = WIRE_REPLY_LINE_MAX;

    for (gsize i = 0; i < len && room > 0; i++) {
        guint8 c = text[i];

        if (c == '\r' || (c & 0xc0) == 0x80)
            continue;
        if (c == '%') {
            if (room < 2)
                break;
            g_string_append(out, "%%");
            room -= 2;
            continue;
        }
        g_string_append_c(out, c >= 0xc0 ? '?' : (c < ' ' && c != '\t') || c == 0x7f ? ' ' : c);
        room--;
    }
}

static void append_reply_line(GString *out, const ReplyParts *parts, char separator, const char *text,
                              gsize len)
{
    g_string_append_printf(out, "%03d%c%s ", parts->code, separator, parts->xcode);
    append_reply_text(out, text, len);
}

static void put_reply_code(GString *out, const Reply *reply)
{
    ReplyParts parts = reply_parts(reply);
    const char *line = parts.text;
    gsize begin = wire_begin(out, WIRE_ACTION_REPLY_CODE);

    for (guint n = 1;; n++) {
        const char *end = strchrnul(line, '\n');
        gboolean last = *end == '\0' || end[1] == '\0' || n == WIRE_REPLY_LINES_MAX || parts.code == 421;

        if (parts.code == 421)
            end = line + strlen(line); /* its line ends become blanks */
        append_reply_line(out, &parts, last ? ' ' : '-', line, end - line);
        if (last)
            break;
        g_string_append(out, "\r\n");
        line = end + 1;
    }
    g_string_append_c(out, '\0');
    wire_end(out, begin);
}

void wire_put_reply(GString *out, const Reply *reply)
{
    static const WireActionKind plain[] = {
        [REPLY_CONTINUE] = WIRE_ACTION_CONTINUE, [REPLY_ACCEPT] = WIRE_ACTION_ACCEPT,
        [REPLY_REJECT] = WIRE_ACTION_REJECT,     [REPLY_TEMPFAIL] = WIRE_ACTION_TEMPFAIL,
        [REPLY_DISCARD] = WIRE_ACTION_DISCARD,
    };

    if (reply->code != 0 && (reply->kind == REPLY_REJECT || reply->kind == REPLY_TEMPFAIL))
        put_reply_code(out, reply);
    else
        wire_put(out, plain[reply->kind]);
}

/* ---- edits ---- */

static void append_name(GString *out, const char *name)
{
    for (; *name != '\0'; name++)
        if (*name > ' ' && *name < 0x7f && *name != ':')
            g_string_append_c(out, *name);
    g_string_append_c(out, '\0');
}

static void append_value(GString *out, const char *value, gboolean lead_space)
{
    const char *end = value + strlen(value);

    while (end > value && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    if (lead_space && value < end && *value != '\n')
        g_string_append_c(out, ' ');
    for (gboolean after_lf = FALSE; value < end; value++) {
        if (*value == '\r')
            continue;
        if (after_lf && *value != ' ' && *value != '\t')
            g_string_append_c(out, '\t');
        g_string_append_c(out, *value);
        after_lf = *value == '\n';
    }
    g_string_append_c(out, '\0');
}

/* An address or its arguments: one line. */
static void append_line(GString *out, const char *text)
{
    for (; *text != '\0'; text++)
        if (*text != '\r' && *text != '\n')
            g_string_append_c(out, *text);
    g_string_append_c(out, '\0');
}

void wire_put_add_header(GString *out, const char *name, const char *value, gboolean lead_space)
{
    gsize begin = wire_begin(out, WIRE_ACTION_ADD_HEADER);

    append_name(out, name);
    append_value(out, value, lead_space);
    wire_end(out, begin);
}

void wire_put_insert_header(GString *out, guint32 index, const char *name, const char *value,
                            gboolean lead_space)
{
    gsize begin = wire_begin(out, WIRE_ACTION_INSERT_HEADER);

    wire_append_u32(out, index);
    append_name(out, name);
    append_value(out, value, lead_space);
    wire_end(out, begin);
}

void wire_put_change_header(GString *out, guint32 nth, const char *name, const char *value,
                            gboolean lead_space)
{
    gsize begin = wire_begin(out, WIRE_ACTION_CHANGE_HEADER);

    wire_append_u32(out, nth);
    append_name(out, name);
    append_value(out, value != NULL ? value : "", lead_space);
    wire_end(out, begin);
}

void wire_put_add_rcpt(GString *out, const char *rcpt, const char *args)
{
    gsize begin = wire_begin(out, args != NULL ? WIRE_ACTION_ADD_RCPT_PAR : WIRE_ACTION_ADD_RCPT);

    append_line(out, rcpt);
    if (args != NULL)
        append_line(out, args);
    wire_end(out, begin);
}

void wire_put_delete_rcpt(GString *out, const char *rcpt)
{
    gsize begin = wire_begin(out, WIRE_ACTION_DELETE_RCPT);

    append_line(out, rcpt);
    wire_end(out, begin);
}

void wire_put_change_sender(GString *out, const char *sender, const char *args)
{
    gsize begin = wire_begin(out, WIRE_ACTION_CHANGE_SENDER);

    append_line(out, sender);
    if (args != NULL)
        append_line(out, args);
    wire_end(out, begin);
}

void wire_put_body(GString *out, const void *bytes, gsize len)
{
    gsize begin = wire_begin(out, WIRE_ACTION_REPLACE_BODY);

    g_assert(len <= WIRE_CHUNK_MAX);
    g_string_append_len(out, bytes, len);
    wire_end(out, begin);
}

void wire_put_quarantine(GString *out, const char *reason)
{
    gsize begin = wire_begin(out, WIRE_ACTION_QUARANTINE);

    append_line(out, reason);
    wire_end(out, begin);
}
