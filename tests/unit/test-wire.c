/* The milter codec: every command and action, cut and split at every byte, and peers that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fakes/wire-mta.h"

/* ---- commands, as text ---- */

static void append_shown(GString *text, const char *arg)
{
    g_autofree char *shown = g_strescape(arg, NULL);

    g_string_append_printf(text, " [%s]", shown);
}

static char *command_text(const WireCommand *command)
{
    GString *text = g_string_new(wire_command_name(command->kind));

    if (command->kind == WIRE_COMMAND_OPTNEG)
        g_string_append_printf(text, " %u %x %x", command->version, command->actions, command->protocol);
    if (command->kind == WIRE_COMMAND_MACRO)
        g_string_append_printf(text, " for %c", command->macro_for);
    if (command->kind == WIRE_COMMAND_CONNECT)
        g_string_append_printf(text, " %c %u", command->family,
                               command->family == WIRE_FAMILY_UNKNOWN ? 0 : command->port);
    for (guint i = 0; i < command->n_args; i++)
        append_shown(text, command->args[i]);
    if (command->kind == WIRE_COMMAND_BODY || command->kind == WIRE_COMMAND_BODYEOB) {
        g_autofree char *body = g_strndup(command->bytes, command->len);

        append_shown(text, body);
    }
    return g_string_free(text, FALSE);
}

#define PACKET(s) s, sizeof s - 1

/* The length field is made to fit when a row is used. */
static const struct {
    const char *name, *bytes;
    gsize len;
    const char *expected;
} command_rows[] = {
    {"negotiate, version 2", PACKET("\0\0\0\15O\0\0\0\2\0\0\0\x3f\0\0\0\x7f"), "negotiate 2 3f 7f"},
    {"negotiate, version 6", PACKET("\0\0\0\15O\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"), "negotiate 6 1ff 1fffff"},
    {"negotiate with more behind", PACKET("\0\0\0\17O\0\0\0\6\0\0\1\xff\0\x1f\xff\xffxy"),
     "negotiate 6 1ff 1fffff"},
    {"macros", PACKET("\0\0\0\32DCj\0mx\0{client_addr}\0::1\0"), "macros for C [j] [mx] [client_addr] [::1]"},
    {"macros, none", PACKET("\0\0\0\2DM"), "macros for M"},
    {"macros, empty value", PACKET("\0\0\0\7DM{i}\0\0"), "macros for M [i] []"},
    {"macros, empty name", PACKET("\0\0\0\4DM\0\0"), "macros for M [] []"},
    {"macros, odd braces", PACKET("\0\0\0\15DM{\0a\0}\0b\0{}\0c\0"), "macros for M [{] [a] [}] [b] [] [c]"},
    {"connect, inet",
     PACKET("\0\0\0\25C[1.2.3.4]\0"
            "4\x12\x67"
            "1.2.3.4\0"),
     "connect 4 4711 [[1.2.3.4]] [1.2.3.4]"},
    {"connect, unknown", PACKET("\0\0\0\7Clocal\0U"), "connect U 0 [local]"},
    {"helo", PACKET("\0\0\0\4Hmx\0"), "helo [mx]"},
    {"helo, empty", PACKET("\0\0\0\2H\0"), "helo []"},
    {"helo with NUL", PACKET("\0\0\0\6Hm\0x\0\0"), "helo [m]"},
    {"mail", PACKET("\0\0\0\16M<a@b>\0SIZE=1\0"), "mail [<a@b>] [SIZE=1]"},
    {"rcpt", PACKET("\0\0\0\7R<a@b>\0"), "rcpt [<a@b>]"},
    {"data", PACKET("\0\0\0\1T"), "data"},
    {"data with payload", PACKET("\0\0\0\3Txy"), "data"},
    {"header", PACKET("\0\0\0\10LTo\0 me\0"), "header [To] [ me]"},
    {"header, empty value", PACKET("\0\0\0\5LTo\0\0"), "header [To] []"},
    {"header, NUL in value", PACKET("\0\0\0\10LTo\0m\0e\0"), "header [To] [m]"},
    {"header, 8 bit", PACKET("\0\0\0\6LX\0\xe4\xff\0"), "header [X] [\\344\\377]"},
    {"end of headers", PACKET("\0\0\0\1N"), "end of headers"},
    {"body", PACKET("\0\0\0\5Bhi\r\n"), "body [hi\\r\\n]"},
    {"body, empty", PACKET("\0\0\0\1B"), "body []"},
    {"end of body", PACKET("\0\0\0\1E"), "end of body []"},
    {"end of body with bytes", PACKET("\0\0\0\3Ehi"), "end of body [hi]"},
    {"abort", PACKET("\0\0\0\1A"), "abort"},
    {"quit", PACKET("\0\0\0\1Q"), "quit"},
    {"quit, new connection", PACKET("\0\0\0\1K"), "quit, new connection"},
    {"unknown command", PACKET("\0\0\0\6UXYZZ\0"), "unknown command [XYZZ]"},
};

/* Feeds in pieces of `step` bytes; NULL: nothing came. */
static char *feed(const char *bytes, gsize len, gsize step, const char **error)
{
    g_autoptr(WireReader) reader = wire_reader_new(WIRE_FROM_MTA);
    GString *text = g_string_new(NULL);
    WireCommand command;
    WirePacket packet;
    WireStatus status = WIRE_MORE;

    *error = NULL;
    for (gsize done = 0; done < len && status != WIRE_BAD;) {
        gsize room;
        void *to = wire_reader_room(reader, &room);
        gsize now = MIN(MIN(step, room), len - done);

        memcpy(to, bytes + done, now);
        wire_reader_filled(reader, now);
        done += now;
        while ((status = wire_reader_next(reader, &packet)) == WIRE_READY) {
            g_autofree char *line = NULL;

            if (!wire_parse_command(&packet, &command)) {
                *error = command.error;
                return g_string_free(text, FALSE);
            }
            line = command_text(&command);
            g_string_append_printf(text, "%s%s", text->len > 0 ? "\n" : "", line);
        }
    }
    if (status == WIRE_BAD)
        *error = wire_reader_error(reader);
    return g_string_free(text, FALSE);
}

static void fix_length(GString *packet)
{
    packet->str[2] = (packet->len - 4) >> 8;
    packet->str[3] = (packet->len - 4) & 0xff;
}

static void test_commands(void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS(command_rows); i++) {
        g_autoptr(GString) packet = g_string_new_len(command_rows[i].bytes, command_rows[i].len);

        fix_length(packet);
        for (gsize step = 1; step <= packet->len; step++) {
            const char *error;
            g_autofree char *got = feed(packet->str, packet->len, step, &error);

            if (error != NULL || g_strcmp0(got, command_rows[i].expected) != 0)
                fail_msg("%s, in pieces of %zu: got \"%s\" (%s)", command_rows[i].name, step, got,
                         error != NULL ? error : "no error");
        }
    }
}

/* A stream that ends early gives nothing and no error; a payload that is cut, its length made to fit, gives a
 * shorter command or an error, never a read beyond the packet (the sanitizers look). */
static void test_truncated(void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS(command_rows); i++) {
        for (gsize len = 0; len < command_rows[i].len; len++) {
            g_autoptr(GString) packet = g_string_new_len(command_rows[i].bytes, command_rows[i].len);
            const char *error;
            g_autofree char *got = NULL, *cut = NULL;
            g_autofree char *exact = NULL;

            fix_length(packet);
            exact = g_memdup2(packet->str, MAX(len, 1));
            got = feed(exact, len, len + 1, &error);
            if (error != NULL || *got != '\0')
                fail_msg("%s, stream cut at %zu: got \"%s\" (%s)", command_rows[i].name, len, got, error);
            if (len < 5)
                continue;
            g_string_truncate(packet, len);
            fix_length(packet);
            cut = feed(packet->str, packet->len, packet->len, &error);
            if ((*cut == '\0') != (error != NULL))
                fail_msg("%s, payload cut at %zu: got \"%s\" (%s)", command_rows[i].name, len, cut, error);
        }
    }
}

/* All rows as one stream, split in two at each byte. */
static void test_stream(void **state)
{
    g_autoptr(GString) stream = g_string_new(NULL), expected = g_string_new(NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(command_rows); i++) {
        g_autoptr(GString) packet = g_string_new_len(command_rows[i].bytes, command_rows[i].len);

        fix_length(packet);
        g_string_append_len(stream, packet->str, packet->len);
        g_string_append_printf(expected, "%s%s", i > 0 ? "\n" : "", command_rows[i].expected);
    }
    for (gsize split = 1; split <= stream->len; split++) {
        const char *error;
        g_autofree char *got = feed(stream->str, stream->len, split, &error);

        assert_null(error);
        assert_string_equal(got, expected->str);
    }
}

static const struct {
    const char *name, *bytes;
    gsize len;
    const char *error;
} bad_rows[] = {
    {"length 0", PACKET("\0\0\0\0"), "a packet of length 0"},
    {"length 0 and more", PACKET("\0\0\0\0O\0\0"), "a packet of length 0"},
    {"HTTP", PACKET("GET / HTTP/1.0\r\n\r\n"), "no such command"},
    {"4 GiB body",
     PACKET("\xff\xff\xff\xff"
            "B"),
     "an over-long packet"},
    {"body one over", PACKET("\0\x10\0\2B"), "an over-long packet"},
    {"helo one over", PACKET("\0\1\0\2H"), "an over-long packet"},
    {"header one over", PACKET("\0\x20\0\2L"), "an over-long packet"},
    {"unknown letter", PACKET("\0\0\0\1x"), "no such command"},
    {"a reply", PACKET("\0\0\0\1c"), "no such command"},
    {"short negotiation", PACKET("\0\0\0\14O\0\0\0\2\0\0\0\x3f\0\0\0"), "a short negotiation"},
    {"macros for nothing", PACKET("\0\0\0\1D"), "macros for no command"},
    {"macro without value", PACKET("\0\0\0\4DMi\0"), "a macro without value"},
    {"macro without end", PACKET("\0\0\0\5DMi\0x"), "a string without end"},
    {"connect, empty", PACKET("\0\0\0\1C"), "a connect without host name or family"},
    {"connect, no family", PACKET("\0\0\0\3Ca\0"), "a connect without host name or family"},
    {"connect, odd family", PACKET("\0\0\0\7Ca\0X\0\0\0"), "a connect of no known family"},
    {"connect, no port",
     PACKET("\0\0\0\5Ca\0"
            "4\0"),
     "a connect without port"},
    {"connect, no address",
     PACKET("\0\0\0\6Ca\0"
            "4\0\0"),
     "a connect without address"},
    {"connect, open address",
     PACKET("\0\0\0\7Ca\0"
            "4\0\0"
            "1"),
     "a connect without address"},
    {"helo without string", PACKET("\0\0\0\1H"), "a string is missing"},
    {"helo without end", PACKET("\0\0\0\3Hmx"), "a string without end"},
    {"mail without address", PACKET("\0\0\0\1M"), "a string is missing"},
    {"rcpt without end", PACKET("\0\0\0\6R<a@b>"), "a string without end"},
    {"header without value", PACKET("\0\0\0\4LTo\0"), "a string is missing"},
    {"header, open value", PACKET("\0\0\0\6LTo\0me"), "a string without end"},
};

static void test_bad(void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS(bad_rows); i++) {
        const char *error;
        g_autofree char *got = feed(bad_rows[i].bytes, bad_rows[i].len, 1, &error);

        if (*got != '\0' || g_strcmp0(error, bad_rows[i].error) != 0)
            fail_msg("%s: got \"%s\", error %s", bad_rows[i].name, got, error);
    }
}

static void test_too_many_strings(void **state)
{
    for (guint n = WIRE_ARGS_MAX - 2; n <= WIRE_ARGS_MAX + 2; n++) {
        g_autofree char *zeros = g_malloc0(n);
        g_autoptr(GString) packet = g_string_new(NULL);
        const char *error;
        g_autofree char *got = NULL;

        wire_mta_put(packet, WIRE_COMMAND_MAIL, zeros, n);
        got = feed(packet->str, packet->len, packet->len, &error);
        assert_string_equal(error != NULL ? error : "", n < WIRE_ARGS_MAX ? "" : "too many strings");
    }
}

/* A header of exactly the limit comes through; the buffer follows what has come, not what was announced. */
static void test_large_header(void **state)
{
    g_autofree char *value = g_strnfill(WIRE_HEADER_MAX - 3, 'v');
    g_autoptr(GString) packet = g_string_new(NULL);
    const char *error, *strings[] = {"X", value, NULL};
    g_autofree char *got = NULL;

    wire_mta_put_strings(packet, WIRE_COMMAND_HEADER, strings);
    got = feed(packet->str, packet->len, 70000, &error);
    assert_null(error);
    assert_int_equal(strlen(got), strlen("header [X] []") + strlen(value));
}

static void test_room_follows_bytes(void **state)
{
    g_autoptr(WireReader) reader = wire_reader_new(WIRE_FROM_MTA);
    WirePacket packet;
    gsize room;

    memcpy(wire_reader_room(reader, &room), "\0\x10\0\1B", 5);
    wire_reader_filled(reader, 5);
    assert_int_equal(wire_reader_next(reader, &packet), WIRE_MORE);
    wire_reader_room(reader, &room);
    assert_true(room < 8192);
    /* Once that is full there is room for a chunk, though the packet says that it is a megabyte; then twice as much. */
    for (gsize have = 5, i = 0; i < 3; i++) {
        static const gsize rooms[] = {4096, 65540, 2 * 65540};
        void *to = wire_reader_room(reader, &room);
        assert_int_equal(have + room, rooms[i]);
        memset(to, 'x', room);
        wire_reader_filled(reader, room);
        have += room;
        assert_int_equal(wire_reader_next(reader, &packet), WIRE_MORE);
    }
    assert_false(wire_reader_is_empty(reader));
}

/* ---- the address with its arguments glued on ---- */

static void test_split_address(void **state)
{
    static const struct {
        const char *arg;
        int len; /* -1: not split */
        const char *rest;
    } rows[] = {
        {"<a@b>", -1, NULL},
        {"<a@b> SIZE=1", 5, "SIZE=1"},
        {"<a@b>\t SIZE=1 BODY=8BITMIME", 5, "SIZE=1 BODY=8BITMIME"},
        {"<a@b> ", 5, ""},
        {"<> RET=HDRS", 2, "RET=HDRS"},
        {"<\"x> y\"@b> SIZE=1", 10, "SIZE=1"},
        {"<\"x\\\"> y\"@b> A=1", 12, "A=1"},
        {"<\"x> y@b SIZE=1", -1, NULL},
        {"<a@b", -1, NULL},
        {"<a@b>SIZE=1", -1, NULL},
        {"a@b SIZE=1", 3, "SIZE=1"},
        {"a@b", -1, NULL},
        {"Some Body <a@b>", -1, NULL},
        {"", -1, NULL},
        {"<", -1, NULL},
        {"<\"\\", -1, NULL},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        gsize len = 0;
        const char *rest = wire_split_address(rows[i].arg, &len);

        if (g_strcmp0(rest, rows[i].rest) != 0 || (rest != NULL && (int)len != rows[i].len))
            fail_msg("%s: got %s after %zu", rows[i].arg, rest, len);
    }
}

/* ---- replies and edits: what we send, as the MTA reads it ---- */

static char *sent_text(const GString *out)
{
    g_autoptr(WireReader) reader = wire_reader_new(WIRE_FROM_FILTER);
    GString *text = g_string_new(NULL);
    WireMtaAction action;
    WirePacket packet;

    for (gsize done = 0; done < out->len;) {
        gsize room;
        void *to = wire_reader_room(reader, &room);
        gsize now = MIN(room, out->len - done);

        memcpy(to, out->str + done, now);
        wire_reader_filled(reader, now);
        done += now;
        while (wire_reader_next(reader, &packet) == WIRE_READY) {
            g_autofree char *line = NULL;

            assert_true(wire_mta_parse(&packet, &action));
            line = wire_mta_to_text(&action);
            g_string_append_printf(text, "%s%s", text->len > 0 ? "\n" : "", line);
        }
    }
    assert_null(wire_reader_error(reader));
    assert_true(wire_reader_is_empty(reader));
    return g_string_free(text, FALSE);
}

static void test_replies(void **state)
{
    static const struct {
        const char *name;
        Reply reply;
        const char *expected;
    } rows[] = {
        {"continue", {REPLY_CONTINUE}, "continue"},
        {"continue has no code", {REPLY_CONTINUE, 550, "5.7.1", "no"}, "continue"},
        {"accept", {REPLY_ACCEPT}, "accept"},
        {"discard", {REPLY_DISCARD, 550, "5.7.1", "no"}, "discard"},
        {"reject", {REPLY_REJECT}, "reject"},
        {"tempfail", {REPLY_TEMPFAIL}, "tempfail"},
        {"text without code", {REPLY_REJECT, 0, NULL, "no"}, "reject"},
        {"with code", {REPLY_REJECT, 554, "5.7.2", "no"}, "554 5.7.2 no"},
        {"no status", {REPLY_REJECT, 554, NULL, "no"}, "554 5.7.1 no"},
        {"no text", {REPLY_TEMPFAIL, 452, "4.3.1", NULL}, "452 4.3.1 Please try again later"},
        {"bad status", {REPLY_REJECT, 550, "5.7", "no"}, "550 5.7.1 no"},
        {"worse status", {REPLY_REJECT, 550, "5.7.1.", "no"}, "550 5.7.1 no"},
        {"long status", {REPLY_REJECT, 550, "5.1234.1", "no"}, "550 5.7.1 no"},
        {"status of text", {REPLY_REJECT, 550, "no", "no"}, "550 5.7.1 no"},
        {"class of code", {REPLY_REJECT, 451, "5.1.1", "no"}, "550 5.1.1 no"},
        {"class of status", {REPLY_REJECT, 551, "4.1.1", "no"}, "551 5.1.1 no"},
        {"class of both", {REPLY_TEMPFAIL, 550, "5.1.1", "no"}, "451 4.1.1 no"},
        {"no such code", {REPLY_REJECT, 5500, "5.1.1", "no"}, "550 5.1.1 no"},
        {"code 250", {REPLY_TEMPFAIL, 250, "2.0.0", "no"}, "451 4.0.0 no"},
        {"two lines", {REPLY_REJECT, 550, "5.7.1", "a\nb"}, "550-5.7.1 a|550 5.7.1 b"},
        {"empty line", {REPLY_REJECT, 550, "5.7.1", "a\n\nb"}, "550-5.7.1 a|550-5.7.1 |550 5.7.1 b"},
        {"line end at the end", {REPLY_REJECT, 550, "5.7.1", "a\r\nb\r\n"}, "550-5.7.1 a|550 5.7.1 b"},
        {"percent", {REPLY_REJECT, 550, "5.7.1", "100%s %"}, "550 5.7.1 100%%s %%"},
        {"control", {REPLY_REJECT, 550, "5.7.1", "a\rb\ac\x7f\td"}, "550 5.7.1 ab c \\x09d"},
        {"UTF-8",
         {REPLY_REJECT, 550, "5.7.1",
          "gr\xc3\xbc\xc3\x9f"
          "e"},
         "550 5.7.1 gr??e"},
        {"421 is one line", {REPLY_TEMPFAIL, 421, "4.3.2", "busy\r\nlater"}, "421 4.3.2 busy later"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        g_autofree char *got = NULL;

        wire_put_reply(out, &rows[i].reply);
        got = sent_text(out);
        if (strcmp(got, rows[i].expected) != 0)
            fail_msg("%s: got \"%s\"", rows[i].name, got);
    }
}

static void test_long_replies(void **state)
{
    g_autoptr(GString) lines = g_string_new(NULL), out = g_string_new(NULL);
    g_autofree char *wide = g_strnfill(3000, '%');
    guint n = 0;

    for (guint i = 0; i < 50; i++)
        g_string_append_printf(lines, "%s\n", wide);
    wire_put_reply(out, &(Reply){REPLY_REJECT, 550, "5.7.1", lines->str});
    g_auto(GStrv) sent = g_strsplit(out->str + 5, "\r\n", -1);
    for (; sent[n] != NULL; n++) {
        gboolean last = sent[n + 1] == NULL;

        assert_int_equal(strlen(sent[n]), strlen("550-5.7.1 ") + WIRE_REPLY_LINE_MAX);
        assert_int_equal(sent[n][3], last ? ' ' : '-');
        assert_int_equal(sent[n][strlen(sent[n]) - 1], '%');
    }
    assert_int_equal(n, WIRE_REPLY_LINES_MAX);
}

static void test_edits(void **state)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autofree char *got = NULL;

    wire_put(out, WIRE_ACTION_PROGRESS);
    wire_put(out, WIRE_ACTION_SKIP);
    wire_put(out, WIRE_ACTION_SHUTDOWN);
    wire_put(out, WIRE_ACTION_CONN_FAIL);
    wire_put_add_header(out, "X-A", "v", FALSE);
    wire_put_add_header(out, "X-A", "v", TRUE);
    wire_put_add_header(out, "X-A", "", TRUE);
    wire_put_insert_header(out, 0, "X-B", "a\n\tb\nc\r\n", FALSE);
    wire_put_insert_header(out, 1, "X\r\nY: ", "\n a", TRUE);
    wire_put_insert_header(out, 1, "X", "a\n\r\n\nb", TRUE);
    wire_put_change_header(out, 2, "X-C", "v", TRUE);
    wire_put_change_header(out, 1, "X-C", NULL, TRUE);
    wire_put_add_rcpt(out, "<a@b>", NULL);
    wire_put_add_rcpt(out, "<a@b>", "NOTIFY=NEVER");
    wire_put_delete_rcpt(out, "<a@b>\r\nX");
    wire_put_change_sender(out, "<>", NULL);
    wire_put_change_sender(out, "<c@d>", "RET=HDRS");
    wire_put_body(out, "new\r\n", 5);
    wire_put_body(out, "", 0);
    wire_put_quarantine(out, "why");
    got = sent_text(out);
    assert_string_equal(got, "progress\nskip\nshutdown\nfail the connection\n"
                             "add header X-A:v\nadd header X-A: v\nadd header X-A:\n"
                             "insert header 0 X-B:a|\\x09b|\\x09c\n"
                             "insert header 1 XY:| a\n"
                             "insert header 1 X: a|\\x09|\\x09|\\x09b\n"
                             "change header 2 X-C: v\nchange header 1 X-C:\n"
                             "add recipient <a@b>\nadd recipient with arguments <a@b> NOTIFY=NEVER\n"
                             "delete recipient <a@b>X\n"
                             "change sender <>\nchange sender <c@d> RET=HDRS\n"
                             "replace body new|\nreplace body \nquarantine why");
}

static void test_negotiate(void **state)
{
    static const WireMacroList lists[] = {
        {WIRE_MACROS_CONNECT, "j {client_addr}"}, {WIRE_MACROS_EOH, "i"}, {0, NULL}};
    static const char expected[] = "\0\0\0\x27O\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"
                                   "\0\0\0\0j {client_addr}\0\0\0\0\6i";
    g_autoptr(GString) out = g_string_new(NULL);

    wire_put_negotiate(out, 6, 0x1ff, 0x1fffff, lists);
    assert_int_equal(out->len, sizeof expected);
    assert_memory_equal(out->str + 4, expected + 4, sizeof expected - 4);
    assert_int_equal((guint8)out->str[3], sizeof expected - 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_too_many_strings),
        cmocka_unit_test(test_large_header),
        cmocka_unit_test(test_room_follows_bytes),
        cmocka_unit_test(test_split_address),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_long_replies),
        cmocka_unit_test(test_edits),
        cmocka_unit_test(test_negotiate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
