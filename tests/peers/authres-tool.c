/*
 * authres-tool — libpostern's Authentication-Results for scripts.
 *
 *     authres-tool read     values of fields to what is in them
 *     authres-tool write    what shall be in fields to their values
 *
 * Each thing on standard input and output ends with NUL. What is read comes as JSON. What shall be written is a list of items
 * between RS (0x1e), each of words between US (0x1f): the authserv-id, then METHOD RESULT, "reason" TEXT, "comment" TEXT or
 * PTYPE PROPERTY VALUE, which belong to the result before them.
 */
#include <postern/authres.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/record.h"

static void show_result(Record *record, const AuthResResult *result)
{
    record_str(record, "method", result->method);
    record_int(record, "version", result->version);
    record_str(record, "result", result->result);
    record_str(record, "reason", result->reason);
    for (guint i = 0; i < result->properties->len; i++) {
        const AuthResProperty *property = g_ptr_array_index(result->properties, i);
        Record *shown = record_element(record, "properties");
        record_str(shown, "ptype", property->ptype);
        record_str(shown, "property", property->property);
        record_str(shown, "value", property->value);
    }
}

static char *read_value(const char *value)
{
    g_autoptr(AuthRes) ar = authres_parse(value, -1);
    g_autoptr(Record) record = record_new();
    record_str(record, "id", ar->authserv_id);
    record_int(record, "version", ar->version);
    record_bool(record, "malformed", ar->malformed);
    for (guint i = 0; i < ar->results->len; i++)
        show_result(record_element(record, "results"), g_ptr_array_index(ar->results, i));
    return record_to_json(record);
}

static char *write_value(const char *text)
{
    g_auto(GStrv) items = g_strsplit(text, "\x1e", -1);
    g_autoptr(AuthRes) ar = authres_new(items[0]);
    AuthResResult *last = NULL;
    for (char **item = items + 1; *item; item++) {
        g_auto(GStrv) words = g_strsplit(*item, "\x1f", 3);
        if (g_strv_length(words) == 3)
            authres_add_property(last, words[0], words[1], words[2]);
        else if (strcmp(words[0], "reason") == 0)
            authres_set_reason(last, words[1]);
        else if (strcmp(words[0], "comment") == 0)
            authres_set_comment(last, words[1]);
        else
            last = authres_add(ar, words[0], words[1]);
    }
    return authres_to_string(ar, "Authentication-Results");
}

static GByteArray *all_of_stdin(void)
{
    GByteArray *bytes = g_byte_array_new();
    guint8 chunk[65536];
    for (gssize n; (n = read(STDIN_FILENO, chunk, sizeof chunk)) > 0;)
        g_byte_array_append(bytes, chunk, (guint)n);
    return bytes;
}

int main(int argc, char **argv)
{
    gboolean reading = argc == 2 && strcmp(argv[1], "read") == 0;
    if (!reading && (argc != 2 || strcmp(argv[1], "write") != 0)) {
        fprintf(stderr, "authres-tool: read or write\n");
        return 2;
    }
    g_autoptr(GByteArray) bytes = all_of_stdin();
    for (guint at = 0, end; at < bytes->len; at = end + 1) {
        const guint8 *nul = memchr(bytes->data + at, 0, bytes->len - at);
        if (!nul)
            return 2;
        end = (guint)(nul - bytes->data);
        const char *text = (const char *)bytes->data + at;
        g_autofree char *out = reading ? read_value(text) : write_value(text);
        fwrite(out, 1, strlen(out) + 1, stdout);
    }
    return 0;
}
