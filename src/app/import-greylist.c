/*
 * import-greylist — the greylist of the older system: an SQLite database (store/greysql.h), or before that a shelf
 * (import-shelf.h).
 *
 * Its key was the masked address, sender and recipient. What had passed is known here for as long after its last message; what
 * was waiting goes on to wait.
 */
#include <stdio.h>
#include <string.h>

#include "app/import-shelf.h"
#include "app/import.h"
#include "checks/grey-key.h"
#include "conf/files.h"
#include "store/greysql.h"

#define FIELDS      6             /* ip, sender, recipient, firstseen, lastseen, cnt */
#define RETAIN_DAYS 36            /* grey_retain: the old default */
#define WINDOW      (6 * 60 * 60) /* grey_expire: the old default */
#define DAY         (24 * 60 * 60)
#define SQLITE_MARK "SQLite format 3"

static gboolean is_sqlite(const char *path)
{
    char mark[sizeof SQLITE_MARK] = "";
    FILE *file = fopen(path, "re");
    gsize n = file ? fread(mark, 1, sizeof mark, file) : 0;
    if (file)
        fclose(file);
    return !file || (n == sizeof mark && memcmp(mark, SQLITE_MARK, sizeof mark) == 0);
}

char *import_greylist_lines(const char *path, gsize *ret_len, GError **error)
{
    gsize len;
    g_autofree char *bytes = NULL;
    if (!is_sqlite(path) && !(bytes = file_read(path, IMPORT_BYTES_MAX, FILE_PLAIN, &len, error)))
        return NULL;
    char *lines = bytes ? shelf_lines(bytes, len, ret_len, error) : greysql_lines(path, ret_len, error);
    if (!lines)
        g_prefix_error(error, "%s: ", path);
    return lines;
}

static Address *take_address(const char *text)
{
    g_autofree char *path = g_strdup_printf("<%s>", text);
    return address_parse_path(path, -1, NULL);
}

static gboolean take_number(const char *text, gint64 *ret)
{
    return g_ascii_string_to_signed(text, 10, 0, G_MAXINT64 / 2, ret, NULL);
}

void import_greylist_line(Import *import, const char *line, gsize len)
{
    g_auto(GStrv) fields = g_strsplit(line, "|", FIELDS + 1);
    gboolean whole = strlen(line) == len && g_strv_length(fields) == FIELDS;
    IpAddress ip;
    gint64 first, last, passed;
    g_autoptr(Address) sender = whole ? take_address(fields[1]) : NULL;
    g_autoptr(Address) rcpt = whole ? take_address(fields[2]) : NULL;
    if (!sender || !rcpt || !ip_parse(fields[0], &ip) || !take_number(fields[3], &first) ||
        !take_number(fields[4], &last) || !take_number(fields[5], &passed)) {
        import_wrong(import, line, len, "ip, sender, recipient, two times and a number are expected");
        return;
    }
    g_autofree char *network = grey_network(&ip);
    g_autofree char *from = grey_sender(sender, rcpt);
    g_autofree char *key = grey_key(network, from, rcpt);
    g_autofree char *text = g_strdup_printf("imported from %s", import_name(import));
    const StoreEntry entry = {
        .text = text,
        .number = passed,
        .created = CLAMP(first, 1, import_now(import)),
        .expires = passed ? last + RETAIN_DAYS * DAY : first + WINDOW,
    };
    import_put(import, key, STORE_IF_LONGER, &entry);
}
