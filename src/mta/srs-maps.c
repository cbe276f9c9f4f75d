#include "mta/srs-maps.h"

#include <postern/address.h>
#include <string.h>

#include "conf/signing.h"

/* Sendmail's $| between host and address: one byte in a key, for rule sets have no other way to give a map two things. */
#define CONDELSE '\x9b'

typedef struct {
    const Config *config;
    gint64 now;
    guint64 number;
} Asked;

typedef SocketmapAnswer (*Answer)(const Asked *asked, const char *key, GString *text);

static SocketmapAnswer not_found(GString *text, const char *why)
{
    g_string_append(text, why);
    return SOCKETMAP_NOTFOUND;
}

/* --- Sendmail --- */

/* `joe<@example.com.>` as on the wire; NULL: no address, such as `<@>`. */
static char *from_ruleset(const char *focused)
{
    g_autoptr(GString) out = g_string_new(NULL);
    for (const char *c = focused; *c; c++)
        if (*c != '<' && *c != '>')
            g_string_append_c(out, *c);
    if (out->len > 0 && out->str[out->len - 1] == '.')
        g_string_truncate(out, out->len - 1);
    g_autoptr(Address) address = address_parse_path(out->str, (gssize)out->len, NULL);
    gboolean whole = address && *address->local && *address->domain && !address->is_literal;
    return whole ? g_strdup(out->str) : NULL;
}

/* What strangers have put into a local part may not be focused itself: rule sets would see two addresses. */
static gboolean append_focused(GString *text, const char *address)
{
    const char *at = strrchr(address, '@');
    if (!at || strpbrk(address, "<>"))
        return FALSE;
    g_string_append_printf(text, "%.*s<@%s.>", (int)(at - address), address, at + 1);
    return TRUE;
}

/* "mail.example.com." in exempt; an empty host is a delivery that needs none. */
static gboolean keeps_senders(const Config *config, const char *host, gsize len)
{
    g_autofree char *name = g_strndup(host, len);
    g_strstrip(name);
    gsize n = strlen(name);
    if (n > 0 && name[n - 1] == '.')
        name[n - 1] = '\0';
    return !*name || patterns_match(config->srs.exempt, name);
}

static char *made_srs(const Asked *asked, const char *address)
{
    const char *at = strrchr(address, '@');
    if (signing_kind(asked->config, at + 1) != SIGN_NONE)
        return signing_sign(asked->config, address, asked->now, asked->number);
    return signing_forward(asked->config, address, asked->now);
}

static SocketmapAnswer make_srs(const Asked *asked, const char *key, GString *text)
{
    const char *cut = strchr(key, CONDELSE);
    const char *focused = cut ? cut + 1 : key;
    while (*focused == ' ') /* Sendmail puts blanks between tokens of its own */
        focused++;
    g_autofree char *address = from_ruleset(focused);
    gboolean stays = !address || (cut && keeps_senders(asked->config, key, (gsize)(cut - key)));
    g_autofree char *made = stays ? NULL : made_srs(asked, address);
    if (made && append_focused(text, made))
        return SOCKETMAP_OK;
    if (!cut)
        return not_found(text, "not rewritten");
    g_string_append(text, focused);
    return SOCKETMAP_OK;
}

static SocketmapAnswer reverse_srs(const Asked *asked, const char *key, GString *text)
{
    g_autofree char *address = from_ruleset(key);
    g_autofree char *original = NULL;
    if (address)
        signing_reverse_all(asked->config, address, asked->now, &original);
    if (original && append_focused(text, original))
        return SOCKETMAP_OK;
    if (*key != '|')
        return not_found(text, "not ours, or not any more");
    g_string_append_printf(text, "\"%s\"", key); /* an alias that is a program stays one word */
    return SOCKETMAP_OK;
}

/* --- Postfix --- */

/* Postfix asks for the address, then for its local part and its domain, `joe` and `@example.com`. */
static gboolean is_address(const char *key)
{
    g_autoptr(Address) address = address_parse_path(key, -1, NULL);
    return address && *address->local && *address->domain && !address->is_literal;
}

static SocketmapAnswer forward(const Asked *asked, const char *key, GString *text)
{
    if (!is_address(key))
        return not_found(text, "no address");
    if (signing_is_local(asked->config, strrchr(key, '@') + 1))
        return not_found(text, "one of our domains");
    g_autofree char *made = signing_forward(asked->config, key, asked->now);
    if (!made)
        return not_found(text, "not rewritten");
    g_string_append(text, made);
    return SOCKETMAP_OK;
}

static SocketmapAnswer reverse(const Asked *asked, const char *key, GString *text)
{
    g_autofree char *original = NULL;
    SrsStatus status =
        is_address(key) ? signing_reverse_all(asked->config, key, asked->now, &original) : SRS_UNTAGGED;
    if (status != SRS_VALID)
        return not_found(text, srs_status_name(status));
    g_string_append(text, original);
    return SOCKETMAP_OK;
}

/* Names of Sendmail's maps are the administrator's; the old server took - for _. */
static const struct {
    const char *name;
    Answer answer;
} maps[] = {
    {"make_srs", make_srs},       {"make-srs", make_srs}, {"reverse_srs", reverse_srs},
    {"reverse-srs", reverse_srs}, {"forward", forward},   {"reverse", reverse},
};

SocketmapAnswer srs_maps_answer(const Config *config, const char *map, const char *key, gint64 now,
                                guint64 number, GString *text)
{
    const Asked asked = {config, now, number};
    for (gsize i = 0; i < G_N_ELEMENTS(maps); i++)
        if (strcmp(maps[i].name, map) == 0)
            return maps[i].answer(&asked, key, text);
    g_string_append(text, "there is no such map");
    return SOCKETMAP_PERM;
}
