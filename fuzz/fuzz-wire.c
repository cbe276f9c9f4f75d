/*
 * The milter codec against an MTA that is none. The first byte says in what pieces the rest arrives; whatever
 * comes, the commands that are found must be the same as when it arrives at once, and every string must end
 * in its packet.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mta/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static guint hash_command(const WireCommand *command)
{
    guint hash = command->kind;

    for (guint i = 0; i < command->n_args; i++)
        hash = hash * 33 + g_str_hash(command->args[i]);
    if (command->kind == WIRE_COMMAND_BODY || command->kind == WIRE_COMMAND_BODYEOB)
        for (gsize i = 0; i < command->len; i++)
            hash = hash * 33 + ((const guint8 *)command->bytes)[i];
    if (command->kind == WIRE_COMMAND_MAIL || command->kind == WIRE_COMMAND_RCPT) {
        gsize len;

        if (wire_split_address(command->args[0], &len) != NULL && len >= strlen(command->args[0]))
            abort();
    }
    return hash;
}

static guint run(const uint8_t *data, size_t size, gsize step)
{
    g_autoptr(WireReader) reader = wire_reader_new(WIRE_FROM_MTA);
    WireCommand command;
    WirePacket packet;
    guint hash = 0;

    for (gsize done = 0; done < size;) {
        WireStatus status;
        gsize room;
        void *to = wire_reader_room(reader, &room);
        gsize now = MIN(MIN(step, room), size - done);

        memcpy(to, data + done, now);
        wire_reader_filled(reader, now);
        done += now;
        while ((status = wire_reader_next(reader, &packet)) == WIRE_READY) {
            if (!wire_parse_command(&packet, &command))
                return hash * 31 + 1;
            hash = hash * 31 + hash_command(&command);
        }
        if (status == WIRE_BAD)
            return hash * 31 + 2;
        wire_reader_shrink(reader);
    }
    return hash;
}

/* The same bytes as the words of a reply and of a header: nothing may get out of its line. */
static void check_sending(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GString) out = g_string_new(NULL);
    gsize start;

    wire_put_reply(out, &(Reply){REPLY_REJECT, 550, "5.7.1", text});
    for (start = 5; start < out->len; start++)
        if (out->str[start] == '\n' && strncmp(out->str + start + 1, "550", 3) != 0)
            abort();
    start = out->len + 5 + strlen("X") + 1;
    wire_put_add_header(out, "X", text, size % 2);
    for (; start < out->len; start++)
        if (out->str[start] == '\r' ||
            (out->str[start] == '\n' && out->str[start + 1] != ' ' && out->str[start + 1] != '\t'))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (run(data + 1, size - 1, size) != run(data + 1, size - 1, data[0] + 1))
        abort();
    check_sending(data + 1, size - 1);
    return 0;
}
