#include "conf/limits.h"

#include <string.h>

#include "conf/config-internal.h"

#define WORDS_MAX 7 /* 500 recipients per 1d by login outbound */
#define COUNT_MAX 1000000000

static const char *const unit_words[] = {
#define X(id, word) word,
    LIMIT_UNITS(X)
#undef X
        NULL,
};

static const char *const key_words[] = {
#define X(id, word) word,
    LIMIT_KEYS(X)
#undef X
        NULL,
};

static const char *const way_words[] = {
#define X(id, word) word,
    LIMIT_WAYS(X)
#undef X
        NULL,
};

static int index_of(const char *const *words, const char *word)
{
    for (int i = 0; words[i]; i++)
        if (g_ascii_strcasecmp(words[i], word) == 0)
            return i;
    return -1;
}

/* One line's words, read from left to right. */
typedef struct {
    char **at;
    const char *fault; /* the first thing that is wrong */
} Reader;

static gboolean take_word(Reader *reader, const char *word)
{
    gboolean there = *reader->at && g_ascii_strcasecmp(*reader->at, word) == 0;
    reader->at += there;
    return there;
}

static int take_one_of(Reader *reader, const char *const *words, const char *fault)
{
    int index = *reader->at ? index_of(words, *reader->at) : -1;
    if (index >= 0)
        reader->at++;
    else if (!reader->fault)
        reader->fault = fault;
    return MAX(index, 0);
}

static gint64 take_count(Reader *reader)
{
    guint64 count = 0;
    if (*reader->at && g_ascii_string_to_unsigned(*reader->at, 10, 1, COUNT_MAX, &count, NULL))
        reader->at++;
    else
        reader->fault = "it begins with a number from 1 to 1000000000";
    return (gint64)count;
}

static int take_window(Reader *reader)
{
    gint64 seconds = 0;
    if (!take_word(reader, "per"))
        return 0;
    if (*reader->at && value_span(*reader->at, &seconds) && seconds > 0 && seconds <= G_MAXINT)
        reader->at++;
    else if (!reader->fault)
        reader->fault = "after \"per\" comes a time, such as 10m, 1h or 1d";
    return (int)seconds;
}

static const char *read_limit(char **words, Limit *limit)
{
    Reader reader = {words, NULL};
    limit->count = take_count(&reader);
    limit->unit = take_one_of(&reader, unit_words, "then comes connections, messages or recipients");
    limit->window = take_window(&reader);
    if (!take_word(&reader, "by") && !reader.fault)
        reader.fault = "then comes \"by\"";
    limit->key = take_one_of(&reader, key_words,
                             "after \"by\" comes client, network, sender, domain, login or recipient");
    if (*reader.at)
        limit->way = take_one_of(&reader, way_words, "at the end may stand inbound or outbound");
    if (*reader.at && !reader.fault)
        reader.fault = "there are words too many at the end";
    if (!reader.fault && !limit->window && limit->unit != LIMIT_CONNECTIONS)
        reader.fault = "only connections can be counted at once; write \"per\" and a time";
    if (!reader.fault && limit->unit == LIMIT_CONNECTIONS &&
        (limit->key == LIMIT_BY_SENDER || limit->key == LIMIT_BY_DOMAIN || limit->key == LIMIT_BY_RECIPIENT))
        reader.fault = "connections can be counted by client, network or login";
    return reader.fault;
}

LimitList *limits_new(const ConfigPairs *pairs, const char *path, Problems *problems)
{
    LimitList *list = g_new0(LimitList, 1);
    list->limits = g_new0(Limit, pairs->n);
    for (guint i = 0; i < pairs->n; i++) {
        const ConfigPair *pair = &pairs->items[i];
        g_autofree char *value = g_strdup(pair->value);
        g_auto(GStrv) split = g_strsplit_set(value, " \t", -1);
        char *words[WORDS_MAX + 2] = {NULL};
        guint n = 0;
        for (char **word = split; *word && n <= WORDS_MAX; word++)
            if (**word)
                words[n++] = *word;
        Limit limit = {.name = pair->name, .words = pair->value};
        const char *fault = read_limit(words, &limit);
        if (fault)
            problems_add(problems, PROBLEM_ERROR, path, pair->line,
                         "[limits] %s = %s: %s, as in \"500 recipients per 1d by login outbound\"",
                         pair->name, pair->value, fault);
        else
            list->limits[list->n++] = limit;
    }
    return list;
}

void limits_free(LimitList *list)
{
    if (!list)
        return;
    g_free(list->limits);
    g_free(list);
}
