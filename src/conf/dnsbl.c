#include "conf/dnsbl.h"

#include <string.h>

#define EXAMPLE "as in \"zen.dnsbl.example by client: 127.0.0.2-3 REJECT, 127.0.0.4 SCORE:2\""
#define BLANKS  " \t\n"
/* Before it come the 32 nibbles of an IPv6 address, and a name has 253 octets at most (RFC 1035 §2.3.4). */
#define ZONE_MAX 189

static const char *const key_words[] = {
#define X(id, word) word,
    DNSBL_KEYS(X)
#undef X
        NULL,
};

static void rule_clear(gpointer data)
{
    DnsblRule *rule = data;
    g_free(rule->answer);
    g_free(rule->verb);
}

static void list_clear(Dnsbl *list)
{
    g_free(list->zone);
    g_array_unref(list->rules);
}

/* --- what stands before the colon --- */

static gboolean is_zone(const char *word)
{
    gsize len = strlen(word);
    return len > 0 && len <= ZONE_MAX && word[0] != '.' && word[len - 1] != '.' && !strstr(word, "..") &&
           strspn(word, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS ".-_") == len;
}

static gboolean take_word(char ***at, const char *word)
{
    gboolean there = **at && g_ascii_strcasecmp(**at, word) == 0;
    *at += there;
    return there;
}

static gboolean take_key(char ***at, DnsblKey *key)
{
    for (guint i = 0; key_words[i]; i++)
        if (take_word(at, key_words[i])) {
            *key = i;
            return TRUE;
        }
    return FALSE;
}

static const char *read_head(const char *head, Dnsbl *list)
{
    g_auto(GStrv) split = g_strsplit_set(head, BLANKS, -1);
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    for (char **word = split; *word; word++)
        if (**word)
            g_ptr_array_add(words, *word);
    g_ptr_array_add(words, NULL);
    char **at = (char **)words->pdata;
    if (!*at || !is_zone(*at))
        return "it begins with the zone of the list";
    list->zone = g_ascii_strdown(*at++, -1);
    if (take_word(&at, "by") && !take_key(&at, &list->key))
        return "after \"by\" comes client, sender or helo";
    list->white = take_word(&at, "white");
    list->text = take_word(&at, "text");
    return *at ? "behind the zone may stand \"by\" and what is asked for, \"white\" and \"text\"" : NULL;
}

/* --- rules --- */

static gboolean read_number(const char **at, guint8 *ret)
{
    guint value = 0;
    const char *start = *at;
    while (g_ascii_isdigit(**at) && *at - start < 3)
        value = value * 10 + g_ascii_digit_value(*(*at)++);
    *ret = (guint8)value;
    return *at > start && value <= 255;
}

/* "2", "2-11" or "*". */
static gboolean read_part(const char **at, guint8 *low, guint8 *high)
{
    if (**at == '*') {
        (*at)++;
        *low = 0;
        *high = 255;
        return TRUE;
    }
    if (!read_number(at, low))
        return FALSE;
    *high = *low;
    if (**at != '-')
        return TRUE;
    (*at)++;
    return read_number(at, high) && *low <= *high;
}

static gboolean read_answer(DnsblRule *rule)
{
    const char *at = rule->answer;
    if (strcmp(at, "*") == 0) {
        memset(rule->high, 255, sizeof rule->high);
        return TRUE;
    }
    for (guint i = 0; i < 4; i++) {
        if (i > 0 && *at++ != '.')
            return FALSE;
        if (!read_part(&at, &rule->low[i], &rule->high[i]))
            return FALSE;
    }
    return *at == '\0' && rule->low[0] == 127 && rule->high[0] == 127;
}

/* The comma before the next rule, or the end: a verb's own words may hold commas. */
static const char *rule_end(const char *text)
{
    for (; *text; text++) {
        if (*text != ',')
            continue;
        const char *next = text + 1 + strspn(text + 1, BLANKS);
        if (g_str_has_prefix(next, "127.") || (*next == '*' && (!next[1] || strchr(BLANKS, next[1]))))
            return text;
    }
    return text;
}

static const char *read_rules(const char *text, Dnsbl *list)
{
    for (;;) {
        text += strspn(text, BLANKS);
        const char *end = rule_end(text);
        gsize len = MIN(strcspn(text, BLANKS), (gsize)(end - text));
        g_autofree char *verb = g_strstrip(g_strndup(text + len, end - text - len));
        DnsblRule rule = {.answer = g_strndup(text, len),
                          .verb = g_strdelimit(g_steal_pointer(&verb), "\n", ' ')};
        g_array_append_val(list->rules, rule);
        if (!read_answer(&g_array_index(list->rules, DnsblRule, list->rules->len - 1)))
            return "a rule begins with an answer, 127.0.0.2, 127.0.0.2-11, 127.0.*.3 or *";
        if (!*rule.verb)
            return "behind an answer comes its verb";
        if (list->rules->len > DNSBL_RULES_MAX)
            return "there are too many rules";
        if (!*end)
            return NULL;
        text = end + 1;
    }
}

static const char *read_list(const ConfigPair *pair, Dnsbl *list)
{
    const char *colon = strchr(pair->value, ':');
    g_autofree char *head = colon ? g_strndup(pair->value, colon - pair->value) : g_strdup(pair->value);
    const char *fault = read_head(head, list);
    if (!fault && colon)
        fault = read_rules(colon + 1, list);
    return fault;
}

DnsblList *dnsbl_new(const ConfigPairs *pairs, const char *path, Problems *problems)
{
    DnsblList *list = g_new0(DnsblList, 1);
    list->lists = g_new0(Dnsbl, pairs->n);
    for (guint i = 0; i < pairs->n; i++) {
        const ConfigPair *pair = &pairs->items[i];
        Dnsbl one = {.name = pair->name, .line = pair->line};
        one.rules = g_array_new(FALSE, FALSE, sizeof(DnsblRule));
        g_array_set_clear_func(one.rules, rule_clear);
        const char *fault = list->n == DNSBL_LISTS_MAX ? "there are too many lists" : read_list(pair, &one);
        if (fault) {
            problems_add(problems, PROBLEM_ERROR, path, pair->line, "[dnsbl] %s = %s: %s, " EXAMPLE,
                         pair->name, pair->value, fault);
            list_clear(&one);
        } else {
            list->lists[list->n++] = one;
        }
    }
    return list;
}

void dnsbl_free(DnsblList *list)
{
    if (!list)
        return;
    for (guint i = 0; i < list->n; i++)
        list_clear(&list->lists[i]);
    g_free(list->lists);
    g_free(list);
}

static gboolean fits(const DnsblRule *rule, const guint8 answer[static 4])
{
    for (guint i = 0; i < 4; i++)
        if (answer[i] < rule->low[i] || answer[i] > rule->high[i])
            return FALSE;
    return TRUE;
}

const DnsblRule *dnsbl_rule(const Dnsbl *list, const guint8 answer[static 4])
{
    for (guint i = 0; i < list->rules->len; i++) {
        const DnsblRule *rule = &g_array_index(list->rules, DnsblRule, i);
        if (fits(rule, answer))
            return rule;
    }
    return NULL;
}
