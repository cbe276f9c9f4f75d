#include "checks/grey-key.h"

#include <postern/srs.h>
#include <string.h>

#define IPV4_BITS 24
#define IPV6_BITS 64

/* A word of a local part with a digit in it is a counter from the first digit on; one of this length is random, all of it. */
#define RANDOM_WORD_MIN 8
#define WORD_ENDS       "-+=_.~/#"

char *grey_network(const IpAddress *ip)
{
    char text[IP_STRING_MAX];
    guint bits = ip->family == IP_V6 ? IPV6_BITS : IPV4_BITS;
    IpNet net = ip_net(ip, bits);
    return g_strdup_printf("%s/%u", ip_to_string(&net.base, text), bits);
}

static gboolean has_digit(const char *word, gsize len)
{
    for (gsize i = 0; i < len; i++)
        if (g_ascii_isdigit(word[i]))
            return TRUE;
    return FALSE;
}

/* "joe" stays; "123" and "u7k2x9qpl" are "#"; "mail12" is "mail#". */
static void append_word(GString *out, const char *word, gsize len)
{
    if (!has_digit(word, len)) {
        g_string_append_len(out, word, (gssize)len);
        return;
    }
    if (len >= RANDOM_WORD_MIN) {
        g_string_append_c(out, '#');
        return;
    }
    for (gsize i = 0; i < len; i++) {
        if (!g_ascii_isdigit(word[i]))
            g_string_append_c(out, word[i]);
        else if (i == 0 || !g_ascii_isdigit(word[i - 1]))
            g_string_append_c(out, '#');
    }
}

static void append_local(GString *out, const char *local, gsize len)
{
    const char *end = local + len;
    while (local < end) {
        gsize word = 0;
        while (local + word < end && !strchr(WORD_ENDS, local[word]))
            word++;
        append_word(out, local, word);
        local += word;
        if (local < end)
            g_string_append_c(out, *local++);
    }
}

static char *one_word(char *text)
{
    return g_strdelimit(text, " \t", '_');
}

char *grey_sender(const Address *sender, const Address *rcpt)
{
    g_autofree char *original = srs_look_through(sender->canonical, rcpt->canonical);
    const char *address = original ? original : sender->canonical;
    const char *at = strrchr(address, '@');
    GString *out = g_string_new(NULL);
    append_local(out, address, at ? (gsize)(at - address) : strlen(address));
    g_string_append(out, at ? at : "");
    g_autofree char *text = g_string_free(out, FALSE);
    return one_word(g_ascii_strdown(text, -1));
}

char *grey_key(const char *client, const char *sender, const Address *rcpt)
{
    g_autofree char *to = one_word(g_strdup(rcpt->canonical));
    return g_strdup_printf("%s %s %s", client, sender, to);
}
