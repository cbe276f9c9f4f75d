#include "fakes/wire-mta.h"

#include <string.h>

static void append_u32(GString *out, guint32 value)
{
    guint32 bytes = GUINT32_TO_BE(value);

    g_string_append_len(out, (const char *)&bytes, sizeof bytes);
}

void wire_mta_put(GString *out, WireCommandKind kind, const void *payload, gsize len)
{
    append_u32(out, len + 1);
    g_string_append_c(out, kind);
    g_string_append_len(out, payload, len);
}

void wire_mta_put_negotiate(GString *out, guint32 version, guint32 actions, guint32 protocol)
{
    append_u32(out, 13);
    g_string_append_c(out, WIRE_COMMAND_OPTNEG);
    append_u32(out, version);
    append_u32(out, actions);
    append_u32(out, protocol);
}

static void append_strings(GString *payload, const char *const *strings)
{
    for (; strings != NULL && *strings != NULL; strings++)
        g_string_append_len(payload, *strings, strlen(*strings) + 1);
}

void wire_mta_put_strings(GString *out, WireCommandKind kind, const char *const *strings)
{
    g_autoptr(GString) payload = g_string_new(NULL);

    append_strings(payload, strings);
    wire_mta_put(out, kind, payload->str, payload->len);
}

void wire_mta_put_macros(GString *out, WireCommandKind macro_for, const char *const *pairs)
{
    g_autoptr(GString) payload = g_string_new(NULL);

    g_string_append_c(payload, macro_for);
    append_strings(payload, pairs);
    wire_mta_put(out, WIRE_COMMAND_MACRO, payload->str, payload->len);
}

void wire_mta_put_connect(GString *out, const char *host, WireFamily family, guint16 port,
                          const char *address)
{
    g_autoptr(GString) payload = g_string_new(host);

    g_string_append_c(payload, '\0');
    g_string_append_c(payload, family);
    if (address != NULL) {
        g_string_append_c(payload, port >> 8);
        g_string_append_c(payload, port & 0xff);
        g_string_append_len(payload, address, strlen(address) + 1);
    }
    wire_mta_put(out, WIRE_COMMAND_CONNECT, payload->str, payload->len);
}

typedef struct {
    const guint8 *at, *end;
} Cursor;

static gboolean take_u32(Cursor *cursor, guint32 *ret)
{
    guint32 bytes;

    if (cursor->end - cursor->at < 4)
        return FALSE;
    memcpy(&bytes, cursor->at, sizeof bytes);
    cursor->at += sizeof bytes;
    *ret = GUINT32_FROM_BE(bytes);
    return TRUE;
}

static gboolean take_string(Cursor *cursor, const char **ret)
{
    const guint8 *nul = cursor->at < cursor->end ? memchr(cursor->at, 0, cursor->end - cursor->at) : NULL;

    if (nul == NULL)
        return FALSE;
    *ret = (const char *)cursor->at;
    cursor->at = nul + 1;
    return TRUE;
}

gboolean wire_mta_parse(const WirePacket *packet, WireMtaAction *ret)
{
    Cursor cursor = {packet->data, packet->data + packet->len};
    gboolean good;

    *ret = (WireMtaAction){.kind = packet->letter};
    switch (ret->kind) {
    case WIRE_ACTION_NEGOTIATE:
        good = take_u32(&cursor, &ret->version) && take_u32(&cursor, &ret->actions) &&
               take_u32(&cursor, &ret->protocol);
        ret->bytes = cursor.at;
        ret->len = cursor.end - cursor.at;
        return good;
    case WIRE_ACTION_INSERT_HEADER:
    case WIRE_ACTION_CHANGE_HEADER:
        good = take_u32(&cursor, &ret->index) && take_string(&cursor, &ret->args[0]) &&
               take_string(&cursor, &ret->args[1]);
        break;
    case WIRE_ACTION_ADD_HEADER:
    case WIRE_ACTION_ADD_RCPT_PAR:
        good = take_string(&cursor, &ret->args[0]) && take_string(&cursor, &ret->args[1]);
        break;
    case WIRE_ACTION_CHANGE_SENDER:
        good = take_string(&cursor, &ret->args[0]) &&
               (cursor.at == cursor.end || take_string(&cursor, &ret->args[1]));
        break;
    case WIRE_ACTION_ADD_RCPT:
    case WIRE_ACTION_DELETE_RCPT:
    case WIRE_ACTION_QUARANTINE:
    case WIRE_ACTION_REPLY_CODE:
        good = take_string(&cursor, &ret->args[0]);
        break;
    case WIRE_ACTION_REPLACE_BODY:
        ret->bytes = packet->data;
        ret->len = packet->len;
        return TRUE;
    default:
        good = TRUE;
    }
    return good && cursor.at == cursor.end;
}

gboolean wire_mta_is_final(const WireMtaAction *action)
{
    switch (action->kind) {
    case WIRE_ACTION_NEGOTIATE:
    case WIRE_ACTION_ACCEPT:
    case WIRE_ACTION_CONTINUE:
    case WIRE_ACTION_DISCARD:
    case WIRE_ACTION_REJECT:
    case WIRE_ACTION_TEMPFAIL:
    case WIRE_ACTION_REPLY_CODE:
    case WIRE_ACTION_SKIP:
    case WIRE_ACTION_SHUTDOWN:
    case WIRE_ACTION_CONN_FAIL:
        return TRUE;
    default:
        return FALSE;
    }
}

static void append_shown(GString *text, const char *bytes, gsize len)
{
    for (gsize i = 0; i < len; i++) {
        guint8 c = bytes[i];

        if (c == '\r' && i + 1 < len && bytes[i + 1] == '\n')
            continue;
        if (c == '\n')
            g_string_append_c(text, '|');
        else if (c < ' ' || c == 0x7f)
            g_string_append_printf(text, "\\x%02x", c);
        else
            g_string_append_c(text, c);
    }
}

char *wire_mta_to_text(const WireMtaAction *action)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (action->kind != WIRE_ACTION_REPLY_CODE)
        g_string_append(text, wire_action_name(action->kind));
    if (action->kind == WIRE_ACTION_NEGOTIATE)
        g_string_append_printf(text, " %u 0x%x 0x%x", action->version, action->actions, action->protocol);
    if (action->kind == WIRE_ACTION_INSERT_HEADER || action->kind == WIRE_ACTION_CHANGE_HEADER)
        g_string_append_printf(text, " %u", action->index);
    if (action->args[0] != NULL) {
        g_string_append(text, text->len > 0 ? " " : "");
        append_shown(text, action->args[0], strlen(action->args[0]));
    }
    if (action->args[1] != NULL) {
        gboolean header =
            action->kind != WIRE_ACTION_ADD_RCPT_PAR && action->kind != WIRE_ACTION_CHANGE_SENDER;

        g_string_append(text, header ? ":" : " ");
        append_shown(text, action->args[1], strlen(action->args[1]));
    }
    if (action->kind == WIRE_ACTION_REPLACE_BODY) {
        g_string_append_c(text, ' ');
        if (action->len <= 80)
            append_shown(text, (const char *)action->bytes, action->len);
        else
            g_string_append_printf(text, "%" G_GSIZE_FORMAT " bytes", action->len);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}
