/*
 * import-addresses — auto_whitelist.log, blacklist.log, send_dsn.log: the address caches of the older system.
 *
 * A line is an address and the local time at which it was put there: "joe@example.com 2007Jan25 22:47:26 EST". It was
 * believed for so many days from then on. A later line about the same address renewed it. A line without a time had been
 * written by hand, and had no end. The callback cache kept only those who could be called back.
 */
#include <string.h>
#include <time.h>

#include "app/import.h"
#include "policy/lists.h"

#define DAY (24 * 60 * 60)

/* --- times --- */

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                     "jul", "aug", "sep", "oct", "nov", "dec"};

static gboolean take_number(const char **at, guint digits, int *ret)
{
    int n = 0;
    for (guint i = 0; i < digits; i++) {
        if (!g_ascii_isdigit((*at)[i]))
            return FALSE;
        n = 10 * n + g_ascii_digit_value((*at)[i]);
    }
    *at += digits;
    *ret = n;
    return TRUE;
}

static gboolean take_month(const char **at, int *ret)
{
    for (guint i = 0; i < G_N_ELEMENTS(months); i++)
        if (g_ascii_strncasecmp(*at, months[i], 3) == 0) {
            *at += 3;
            *ret = (int)i + 1;
            return TRUE;
        }
    return FALSE;
}

static gboolean take_char(const char **at, char c)
{
    if (**at != c)
        return FALSE;
    ++*at;
    return TRUE;
}

/* RFC 5322 §4.3, for a file that comes from a machine elsewhere. Any other name was that machine's own zone, and is taken
 * for ours. */
static GTimeZone *zone_of(const char *name)
{
    static const struct {
        const char *name, *offset;
    } zones[] = {
        {"UTC", "Z"},      {"GMT", "Z"},      {"EST", "-05:00"}, {"EDT", "-04:00"}, {"CST", "-06:00"},
        {"CDT", "-05:00"}, {"MST", "-07:00"}, {"MDT", "-06:00"}, {"PST", "-08:00"}, {"PDT", "-07:00"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(zones); i++)
        if (g_ascii_strcasecmp(zones[i].name, name) == 0)
            return g_time_zone_new_identifier(zones[i].offset);
    return g_time_zone_new_local();
}

static gboolean is_zone(const char *name)
{
    for (; *name; name++)
        if (!g_ascii_isalnum(*name) && !strchr("+-:", *name))
            return FALSE;
    return TRUE;
}

gboolean import_parse_time(const char *text, gint64 *ret)
{
    int year, month, day, hour, minute, second;
    const char *at = text;
    if (!take_number(&at, 4, &year) || !take_month(&at, &month) || !take_number(&at, 2, &day) ||
        !take_char(&at, ' ') || !take_number(&at, 2, &hour) || !take_char(&at, ':') ||
        !take_number(&at, 2, &minute) || !take_char(&at, ':') || !take_number(&at, 2, &second))
        return FALSE;
    if ((*at && !take_char(&at, ' ')) || !is_zone(at))
        return FALSE;
    g_autoptr(GTimeZone) zone = zone_of(at);
    g_autoptr(GDateTime) time = g_date_time_new(zone, year, month, day, hour, minute, second);
    if (!time)
        return FALSE;
    *ret = g_date_time_to_unix(time);
    return *ret > 0;
}

/* --- lines --- */

/* What Python printed for "no sender". */
static gboolean is_nobody(const char *word)
{
    return strcmp(word, "None") == 0 || strcmp(word, "<>") == 0;
}

void import_address_line(Import *import, const char *line, gsize len)
{
    gsize word_len = strcspn(line, " \t");
    g_autofree char *word = g_strndup(line, word_len);
    const char *stamp = line + word_len + strspn(line + word_len, " \t");
    const ImportKind *kind = import_kind(import);
    g_autoptr(GError) error = NULL;
    gint64 time = 0;
    if (strlen(line) != len || is_nobody(word)) {
        import_wrong(import, line, len, "there is no address in it");
        return;
    }
    g_autofree char *key = list_entry_key(word, NULL, &error);
    if (!key || (*stamp && !import_parse_time(stamp, &time))) {
        import_wrong(import, line, len, key ? "the time is none" : error->message);
        return;
    }
    g_autofree char *source = g_strdup_printf("imported from %s", import_name(import));
    const StoreEntry entry = {
        .text = source,
        .number = kind->table == STORE_CALLBACK ? 1 : 0,
        .created = MIN(time, import_now(import)),
        .expires = time ? time + (gint64)kind->days * DAY : 0,
    };
    import_put(import, key, STORE_IF_LONGER, &entry);
}
