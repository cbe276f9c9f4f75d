/*
 * authres-write — libpostern's Authentication-Results for scripts: on standard input what shall be in fields, on standard output
 * their values, each ended by NUL.
 *
 * What shall be written is a list of items between RS (0x1e), each of words between US (0x1f): the authserv-id, then METHOD
 * RESULT, "reason" TEXT, "comment" TEXT or PTYPE PROPERTY VALUE, which belong to the result before them.
 */
#include <postern/authres.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

int main(void)
{
    g_autoptr(GByteArray) bytes = all_of_stdin();
    for (guint at = 0, end; at < bytes->len; at = end + 1) {
        const guint8 *nul = memchr(bytes->data + at, 0, bytes->len - at);
        if (!nul)
            return 2;
        end = (guint)(nul - bytes->data);
        const char *text = (const char *)bytes->data + at;
        g_autofree char *out = write_value(text);
        fwrite(out, 1, strlen(out) + 1, stdout);
    }
    return 0;
}
