/* hosts.c — see hosts.h. Addresses first, then globs, then names, which cost questions. */
#include "conf/hosts.h"

#include <gio/gio.h>
#include <string.h>
#include "conf/glob.h"

/* RFC 1035 §2.3.4 */
#define HOST_NAME_MAX_LEN 253u

typedef struct {
    IpNet net;
    const char *word;
} HostNet;

struct HostList {
    GArray *nets;     /* of HostNet */
    GPtrArray *globs; /* on the text of an address; lower case, owned by `words` */
    GPtrArray *names; /* owned by `words` */
    GPtrArray *words; /* as written, in order */
};

static HostList *list_new(void)
{
    HostList *list = g_new0(HostList, 1);
    list->nets = g_array_new(FALSE, FALSE, sizeof(HostNet));
    list->globs = g_ptr_array_new_with_free_func(g_free);
    list->names = g_ptr_array_new();
    list->words = g_ptr_array_new_with_free_func(g_free);
    return list;
}

void hosts_free(HostList *list)
{
    if (list == NULL)
        return;
    g_array_unref(list->nets);
    g_ptr_array_unref(list->globs);
    g_ptr_array_unref(list->names);
    g_ptr_array_unref(list->words);
    g_free(list);
}

/* "192.168.*" and "10.1.2.*" are networks in other words; other globs are compared as text. */
static gboolean net_of_glob(const char *word, IpNet *ret)
{
    guint8 bytes[16] = {0};
    guint octets = 0;
    while (g_ascii_isdigit(*word) && octets < 3) {
        guint value = 0, digits = 0;
        for (; g_ascii_isdigit(*word) && digits < 4; word++, digits++)
            value = value * 10 + (guint)(*word - '0');
        if (value > 255 || digits > 3 || *word != '.')
            return FALSE;
        bytes[octets++] = (guint8)value;
        word++;
    }
    guint stars = 0;
    while (word[0] == '*' && word[1] == '.') {
        word += 2;
        stars++;
    }
    if (octets == 0 || strcmp(word, "*") != 0 || octets + stars + 1 > 4)
        return FALSE;
    IpAddress base = ip_from_bytes(IP_V4, bytes);
    *ret = ip_net(&base, octets * 8);
    return TRUE;
}

static gboolean is_address_glob(const char *word)
{
    guint dots = 0;
    for (const char *c = word; *c != '\0'; c++)
        dots += *c == '.';
    return glob_has_wildcard(word) && word[strspn(word, "0123456789abcdefABCDEF.:*?")] == '\0' && dots <= 3 &&
           (strpbrk(word, ".:") != NULL || strcmp(word, "*") == 0);
}

/* Letters, digits, "-", "_" in labels of 1…63, and at least one that is not a number: "1.2.3" is a mistyped
 * address. */
static gboolean is_host_name(const char *word)
{
    gsize len = strlen(word);
    if (len == 0 || len > HOST_NAME_MAX_LEN || word[strspn(word, "0123456789.")] == '\0')
        return FALSE;
    gsize label = 0;
    for (gsize i = 0; i < len; i++) {
        if (word[i] == '.') {
            if (label == 0)
                return FALSE;
            label = 0;
        } else if (!g_ascii_isalnum(word[i]) && word[i] != '-' && word[i] != '_') {
            return FALSE;
        } else if (++label > 63) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean add_word(HostList *list, const char *word, GError **error)
{
    char *kept = g_strdup(word);
    g_ptr_array_add(list->words, kept);
    HostNet net = {.word = kept};
    if (ip_net_parse(word, &net.net) || net_of_glob(word, &net.net)) {
        g_array_append_val(list->nets, net);
        return TRUE;
    }
    if (is_address_glob(word)) {
        g_ptr_array_add(list->globs, g_ascii_strdown(word, -1));
        return TRUE;
    }
    if (is_host_name(word)) {
        g_ptr_array_add(list->names, kept);
        return TRUE;
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                "\"%s\" is none of an address, a network in CIDR form, a glob on an address, a host name%s",
                word, glob_has_wildcard(word) ? " (a name with a wildcard cannot be asked for)" : "");
    return FALSE;
}

HostList *hosts_parse(const char *const *words, GError **error)
{
    HostList *list = list_new();
    for (; words != NULL && *words != NULL; words++)
        if (**words != '\0' && !add_word(list, *words, error)) {
            hosts_free(list);
            return NULL;
        }
    return list;
}

gboolean hosts_is_empty(const HostList *list)
{
    return list == NULL || list->words->len == 0;
}

/* The word that a glob came from: it differs in case at most. */
static const char *word_of(const HostList *list, const char *folded)
{
    for (guint i = 0; i < list->words->len; i++)
        if (g_ascii_strcasecmp(g_ptr_array_index(list->words, i), folded) == 0)
            return g_ptr_array_index(list->words, i);
    g_assert_not_reached();
}

static gboolean name_has_ip(const char *name, const IpAddress *ip, Resolver *resolver, gint64 deadline)
{
    DnsType type = ip->family == IP_V4 ? DNS_A : DNS_AAAA;
    g_autoptr(DnsAnswer) answer = dns_query(resolver, name, type, deadline);
    for (guint i = 0; answer->status == DNS_OK && i < answer->n_records; i++)
        if (ip_equal(&answer->records[i].ip, ip))
            return TRUE;
    return FALSE;
}

const char *hosts_match(const HostList *list, const IpAddress *ip, Resolver *resolver, gint64 deadline)
{
    if (hosts_is_empty(list) || ip->family == IP_NONE)
        return NULL;
    for (guint i = 0; i < list->nets->len; i++) {
        const HostNet *net = &g_array_index(list->nets, HostNet, i);
        if (ip_in_net(ip, &net->net))
            return net->word;
    }
    if (list->globs->len > 0) {
        char text[IP_STRING_MAX];
        ip_to_string(ip, text);
        for (guint i = 0; i < list->globs->len; i++)
            if (glob_match(g_ptr_array_index(list->globs, i), text))
                return word_of(list, g_ptr_array_index(list->globs, i));
    }
    for (guint i = 0; resolver != NULL && i < list->names->len; i++)
        if (name_has_ip(g_ptr_array_index(list->names, i), ip, resolver, deadline))
            return g_ptr_array_index(list->names, i);
    return NULL;
}

/* Of a name as DNS compares it: "mx.example." is "mx.example". */
static gsize name_length(const char *name)
{
    gsize len = strlen(name);
    return len > 0 && name[len - 1] == '.' ? len - 1 : len;
}

const char *hosts_find_name(const HostList *list, const char *name)
{
    gsize len = name_length(name);
    for (guint i = 0; list != NULL && i < list->names->len; i++) {
        const char *word = g_ptr_array_index(list->names, i);
        if (name_length(word) == len && g_ascii_strncasecmp(word, name, len) == 0)
            return word;
    }
    return NULL;
}

char *hosts_to_string(const HostList *list)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; list != NULL && i < list->words->len; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "",
                               (const char *)g_ptr_array_index(list->words, i));
    return g_string_free(text, FALSE);
}
