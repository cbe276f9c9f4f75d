#include "app/stored.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <postern/address.h>
#include <postern/header.h>
#include <postern/ip.h>
#include <string.h>

#include "base/record.h"

#define SIDECAR_BYTES_MAX (1 << 20)
#define HEADER_FIELDS_MAX 1000 /* nothing of an envelope stands below */

/* --- addresses --- */

static void add_rcpt(Stored *stored, const char *text)
{
    for (guint i = 0; i < stored->rcpts->len; i++)
        if (g_ascii_strcasecmp(stored->rcpts->pdata[i], text) == 0)
            return;
    if (*text && stored->rcpts->len < STORED_RCPTS_MAX)
        g_ptr_array_add(stored->rcpts, g_strdup(text));
}

/* "<a@b>, c@d": commas inside of quotes and brackets belong to an address. */
static void add_rcpts(Stored *stored, const char *list)
{
    g_autoptr(GString) one = g_string_new(NULL);
    gboolean quoted = FALSE, bracketed = FALSE;
    for (const char *c = list;; c++) {
        if (!*c || (*c == ',' && !quoted && !bracketed)) {
            add_rcpt(stored, g_strstrip(one->str));
            g_string_truncate(one, 0);
            if (!*c)
                return;
            continue;
        }
        quoted ^= *c == '"';
        bracketed = !quoted && (*c == '<' || (bracketed && *c != '>'));
        g_string_append_c(one, *c);
    }
}

/* --- Received --- */

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" in the field, as all MTAs write the client's address (RFC 5321 §4.4). */
static gboolean find_client(const char *value, const char **at, char **ip)
{
    for (const char *open = strchr(value, '['); open; open = strchr(open + 1, '[')) {
        const char *text = open + 1, *close = strchr(text, ']');
        if (!close)
            return FALSE;
        if (g_ascii_strncasecmp(text, "IPv6:", 5) == 0)
            text += 5;
        IpAddress address;
        if (!ip_parse_len(text, close - text, &address) || ip_is_loopback(&address))
            continue;
        *at = open;
        *ip = g_strndup(text, close - text);
        return TRUE;
    }
    return FALSE;
}

/* "from HELO (PTR [IP])": FALSE when it has no client, or one on the same host, as a content filter leaves
 * behind. */
static gboolean take_received(Stored *stored, const char *value)
{
    const char *at;
    char *ip;
    if (g_ascii_strncasecmp(value, "from ", 5) != 0)
        return FALSE;
    /* The HELO may be an address too; what the MTA has seen is in the comment behind it. */
    const char *comment = strchr(value, '(');
    if (!(comment && find_client(comment, &at, &ip)) && !find_client(value, &at, &ip))
        return FALSE;
    const char *by = strstr(value, " by ");
    if (by && by < at) { /* the address is not the client's */
        g_free(ip);
        return FALSE;
    }
    stored->ip = ip;
    value += 5;
    gsize len = strcspn(value, " (");
    if (len)
        stored->helo = g_strndup(value, len);
    const char *open = strchr(value, '(');
    if (open && open < at) {
        g_autofree char *name = g_strstrip(g_strndup(open + 1, at - open - 1));
        if (*name && !strpbrk(name, " \t(@") && strcmp(name, "unknown") != 0)
            stored->ptr = g_steal_pointer(&name);
    }
    return TRUE;
}

/* --- the header --- */

static void on_received(Stored *stored, const char *value)
{
    if (!stored->ip)
        take_received(stored, value);
}

static void on_sender(Stored *stored, const char *value)
{
    if (!stored->from)
        stored->from = g_strdup(value);
}

static const struct {
    const char *name;
    void (*take)(Stored *stored, const char *value);
} fields[] = {
    {"X-Envelope-From", on_sender}, {"X-Envelope-To", add_rcpts}, {"Return-Path", on_sender},
    {"Delivered-To", add_rcpts},    {"X-Original-To", add_rcpts}, {"Received", on_received},
};

static gsize field_length(const char *at, const char *end)
{
    const char *next = at;
    do {
        const char *lf = memchr(next, '\n', end - next);
        next = lf ? lf + 1 : end;
    } while (next < end && (*next == ' ' || *next == '\t'));
    return next - at;
}

static void each_field(Stored *stored, const char *name, void (*take)(Stored *stored, const char *value))
{
    const char *at = stored->bytes, *end = at + stored->len;
    gsize len;
    for (guint i = 0; i < HEADER_FIELDS_MAX && at < end && *at != '\n' && *at != '\r'; i++, at += len) {
        len = field_length(at, end);
        const char *colon = memchr(at, ':', len);
        if (!colon || !header_name_is(at, colon - at, name))
            continue;
        g_autofree char *value = header_unfold(colon + 1, at + len - colon - 1);
        take(stored, value);
    }
}

void stored_from_headers(Stored *stored)
{
    gboolean has_rcpts = stored->rcpts->len > 0, has_ip = stored->ip != NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
        if ((fields[i].take == add_rcpts && has_rcpts) || (fields[i].take == on_received && has_ip))
            continue;
        each_field(stored, fields[i].name, fields[i].take);
        has_rcpts = stored->rcpts->len > 0; /* of the first name that has any */
    }
}

/* --- files --- */

static gboolean read_bounded(const char *path, gsize max, char **bytes, gsize *len, GError **error)
{
    GStatBuf st;
    if (g_stat(path, &st) == 0 && (!S_ISREG(st.st_mode) || (gsize)st.st_size > max)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: not a file, or too large", path);
        return FALSE;
    }
    return g_file_get_contents(path, bytes, len, error);
}

/* src/store/quarantine.h has written it. */
static gboolean take_sidecar(Stored *stored, const char *path, GError **error)
{
    gsize stem = g_str_has_suffix(path, ".eml") ? strlen(path) - strlen(".eml") : strlen(path);
    g_autofree char *name = g_strdup_printf("%.*s.json", (int)stem, path);
    if (!g_file_test(name, G_FILE_TEST_EXISTS))
        return TRUE;
    g_autofree char *text = NULL;
    gsize len;
    if (!read_bounded(name, SIDECAR_BYTES_MAX, &text, &len, error))
        return FALSE;
    g_autoptr(Record) record = record_from_json(text, len, error);
    if (!record) {
        g_prefix_error(error, "%s: ", name);
        return FALSE;
    }
    stored->ip = g_strdup(record_lookup(record, "client"));
    stored->from = g_strdup(record_lookup(record, "sender"));
    for (guint i = 0; i < STORED_RCPTS_MAX; i++) {
        g_autofree char *at = g_strdup_printf("rcpts.%u", i);
        const char *rcpt = record_lookup(record, at);
        if (!rcpt)
            break;
        add_rcpt(stored, rcpt);
    }
    return TRUE;
}

gboolean stored_read(const char *path, Stored *stored, GError **error)
{
    *stored = (Stored){.rcpts = g_ptr_array_new_with_free_func(g_free)};
    if (!read_bounded(path, STORED_BYTES_MAX, &stored->bytes, &stored->len, error) ||
        !take_sidecar(stored, path, error)) {
        stored_clear(stored);
        return FALSE;
    }
    stored_from_headers(stored);
    return TRUE;
}

void stored_clear(Stored *stored)
{
    g_free(stored->bytes);
    g_free(stored->ip);
    g_free(stored->ptr);
    g_free(stored->helo);
    g_free(stored->from);
    g_clear_pointer(&stored->rcpts, g_ptr_array_unref);
    *stored = (Stored){0};
}
