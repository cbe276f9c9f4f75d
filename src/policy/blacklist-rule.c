/* blacklist-rule.c — see blacklist-rule.h. */
#include "policy/blacklist-rule.h"

#include <string.h>

#include "conf/values.h"
#include "policy/policy-internal.h"

static const char *const by_words[] = {
    [COUNT_BY_CLIENT] = "client", [COUNT_BY_SENDER] = "sender", [COUNT_BY_DOMAIN] = "domain"};
static const char *const into_words[] = {[INTO_BAN] = "ban", [INTO_BLACKLIST] = "blacklist"};

/* Whom each list can hold: a bit for each CountBy. */
static const guint into_takes[] = {
    [INTO_BAN] = 1u << COUNT_BY_CLIENT | 1u << COUNT_BY_SENDER | 1u << COUNT_BY_DOMAIN,
    [INTO_BLACKLIST] = 1u << COUNT_BY_SENDER,
};

const char *count_by_name(CountBy by)
{
    return by_words[by];
}

gboolean blacklist_rule_counts(const BlacklistRule *rule, Tag tag)
{
    return tag_set_has(&rule->tags, tag);
}

void blacklist_rule_clear(BlacklistRule *rule)
{
    g_clear_pointer(&rule->name, g_free);
    g_clear_pointer(&rule->what, g_free);
}

/* --- reading --- */

G_GNUC_PRINTF(2, 3)
static gboolean fail(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, POLICY_ERROR, POLICY_ERROR_SYNTAX, text);
    return FALSE;
}

static gboolean read_span(const char *word, int *into, GError **error)
{
    gint64 span;
    if (!value_span(word, &span) || span < 1 || span > G_MAXINT)
        return fail(error, "%s is no time, such as 90s, 5m, 2h or 7d", word);
    *into = (int)span;
    return TRUE;
}

static gboolean read_count(const char *word, int *into, GError **error)
{
    guint64 count;
    if (!g_ascii_string_to_unsigned(word, 10, 1, BLACKLIST_COUNT_MAX, &count, NULL))
        return fail(error, "a number from 1 to %d comes first, not %s", BLACKLIST_COUNT_MAX, word);
    *into = (int)count;
    return TRUE;
}

static gboolean read_word(const char *word, const char *const *words, guint n, const char *where, guint *into,
                          GError **error)
{
    for (guint i = 0; i < n; i++) {
        if (g_ascii_strcasecmp(word, words[i]) == 0) {
            *into = i;
            return TRUE;
        }
    }
    g_autofree char *all =
        g_strjoinv(" or ", (char **)(const char *[]){words[0], words[1], n > 2 ? words[2] : NULL, NULL});
    return fail(error, "%s belongs after %s, not %s", all, where, word);
}

/* What a ban does itself is counted only by who asks for it. */
static TagSet all_tags(void)
{
    TagSet tags = {0};
    for (Tag tag = 0; tag < TAG_COUNT; tag++)
        if (tag != TAG_CLIENT_BANNED && tag != TAG_BANNED_DOMAIN)
            tag_set_add(&tags, tag);
    return tags;
}

static gboolean read_tags(const char *list, TagSet *into, GError **error)
{
    if (!list || !*list) {
        *into = all_tags();
        return TRUE;
    }
    g_auto(GStrv) words = g_strsplit_set(list, ", \t", -1);
    for (char **word = words; *word; word++) {
        Tag tag;
        if (**word && !tag_parse(*word, strlen(*word), &tag))
            return fail(error, "%s is no tag", *word);
        if (**word)
            tag_set_add(into, tag);
    }
    return TRUE;
}

/* Found where the sender is not who he says. */
static const Tag forgeries[] = {TAG_SPF_FAIL,         TAG_SELF_SPOOF,   TAG_SRS_FORGED,  TAG_DMARC_FAIL,
                                TAG_DMARC_QUARANTINE, TAG_DMARC_REJECT, TAG_DMARC_AUTHOR};

static gboolean is_forgery(Tag tag)
{
    for (gsize i = 0; i < G_N_ELEMENTS(forgeries); i++)
        if (forgeries[i] == tag)
            return TRUE;
    return FALSE;
}

static gboolean counts_others(const BlacklistRule *rule)
{
    for (Tag tag = 0; tag < TAG_COUNT; tag++)
        if (blacklist_rule_counts(rule, tag) && !is_forgery(tag))
            return TRUE;
    return FALSE;
}

/* By sender only those count who have proven to be themselves (checks/repeat.c): of forgeries there would be none. */
static gboolean can_count(const BlacklistRule *rule, GError **error)
{
    if (rule->by == COUNT_BY_CLIENT || counts_others(rule))
        return TRUE;
    return fail(error, "by %s nothing is counted where the sender was forged: count it by client",
                by_words[rule->by]);
}

static gboolean read_parts(GMatchInfo *match, BlacklistRule *rule, GError **error)
{
    g_autofree char *count = g_match_info_fetch_named(match, "count");
    g_autofree char *tags = g_match_info_fetch_named(match, "tags");
    g_autofree char *window = g_match_info_fetch_named(match, "window");
    g_autofree char *by = g_match_info_fetch_named(match, "by");
    g_autofree char *into = g_match_info_fetch_named(match, "into");
    g_autofree char *lasts = g_match_info_fetch_named(match, "lasts");
    if (!read_count(count, &rule->count, error) || !read_tags(tags, &rule->tags, error) ||
        !read_span(window, &rule->window, error) ||
        !read_word(by, by_words, G_N_ELEMENTS(by_words), "by", &rule->by, error) ||
        !read_word(into, into_words, G_N_ELEMENTS(into_words), "->", &rule->into, error) ||
        !read_span(lasts, &rule->lasts, error))
        return FALSE;
    if (!(into_takes[rule->into] & 1u << rule->by))
        return fail(error, "%s holds no %ss", into_words[rule->into], by_words[rule->by]);
    return can_count(rule, error);
}

#define FORM                                                                                                 \
    "^\\s*(?<count>\\S+)\\s+(?<what>refusals?(?:\\s+of\\s+(?<tags>.+?))?\\s+in\\s+(?<window>\\S+))"          \
    "\\s+by\\s+(?<by>\\S+)\\s*->\\s*(?<into>\\S+)\\s+(?:for\\s+)?(?<lasts>\\S+)\\s*$"

gboolean blacklist_rule_parse(const char *name, const char *value, BlacklistRule *ret, GError **error)
{
    g_autoptr(GRegex) form = g_regex_new(FORM, G_REGEX_CASELESS | G_REGEX_RAW, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    *ret = (BlacklistRule){0};
    if (!g_regex_match(form, value, 0, &match))
        return fail(error, "write \"5 refusals of SPF-Fail in 1h by client -> ban 7d\", not \"%s\"", value);
    if (!read_parts(match, ret, error))
        return FALSE;
    ret->name = g_strdup(name);
    ret->what = g_match_info_fetch_named(match, "what");
    return TRUE;
}
