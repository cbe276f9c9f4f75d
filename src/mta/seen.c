#include "mta/seen.h"

#include <pthread.h>
#include <string.h>

typedef enum { MTA_POSTFIX, MTA_SENDMAIL, MTA_OTHER, MTA_COUNT } MtaKind;

static const char *const mta_names[] = {"postfix", "sendmail", "other"};

struct Seen {
    pthread_mutex_t lock;
    GHashTable *names[MTA_COUNT][STAGE_COUNT]; /* a set */
    gboolean reached[MTA_COUNT][STAGE_COUNT];  /* with names or without */
};

Seen *seen_new(void)
{
    Seen *seen = g_new0(Seen, 1);
    pthread_mutex_init(&seen->lock, NULL);
    for (int mta = 0; mta < MTA_COUNT; mta++)
        for (int stage = 0; stage < STAGE_COUNT; stage++)
            seen->names[mta][stage] = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return seen;
}

void seen_free(Seen *seen)
{
    if (!seen)
        return;
    for (int mta = 0; mta < MTA_COUNT; mta++)
        for (int stage = 0; stage < STAGE_COUNT; stage++)
            g_hash_table_unref(seen->names[mta][stage]);
    pthread_mutex_destroy(&seen->lock);
    g_free(seen);
}

static MtaKind kind_of(const char *version)
{
    if (!version)
        return MTA_OTHER;
    if (g_str_has_prefix(version, "Postfix"))
        return MTA_POSTFIX;
    return g_ascii_isdigit(*version) ? MTA_SENDMAIL : MTA_OTHER; /* Sendmail's is the bare number */
}

void seen_add(Seen *seen, const char *version, Stage stage, const char *const *pairs)
{
    pthread_mutex_lock(&seen->lock);
    GHashTable *names = seen->names[kind_of(version)][stage];
    seen->reached[kind_of(version)][stage] = TRUE;
    for (; pairs[0] && pairs[1]; pairs += 2)
        if (!g_hash_table_contains(names, pairs[0]) && strlen(pairs[0]) <= SEEN_NAME_MAX &&
            g_hash_table_size(names) < SEEN_NAMES_MAX)
            g_hash_table_add(names, g_strdup(pairs[0]));
    pthread_mutex_unlock(&seen->lock);
}

static void append_names(GString *text, GHashTable *names)
{
    g_autoptr(GList) sorted = g_list_sort(g_hash_table_get_keys(names), (GCompareFunc)strcmp);
    for (const GList *name = sorted; name; name = name->next) {
        g_string_append_c(text, ' ');
        for (const char *c = name->data; *c; c++) /* an MTA is no stranger, but this is read by programs */
            g_string_append_c(text, g_ascii_isgraph(*c) ? *c : '?');
    }
    g_string_append_c(text, '\n');
}

void seen_append(Seen *seen, GString *text)
{
    pthread_mutex_lock(&seen->lock);
    for (int mta = 0; mta < MTA_COUNT; mta++) {
        for (int stage = 0; stage < STAGE_COUNT; stage++) {
            if (!seen->reached[mta][stage])
                continue;
            g_string_append_printf(text, "%s %s", mta_names[mta], stage_name(stage));
            append_names(text, seen->names[mta][stage]);
        }
    }
    pthread_mutex_unlock(&seen->lock);
}
