/* Names of the journal, copies of its records, and the way to the backends. */
#include "store/journal.h"

#include "store/store-internal.h"

static const char *const end_names[] = {
#define X(id, word) [JOURNAL_##id] = word,
    JOURNAL_ENDS(X)
#undef X
};

static const char *const column_names[] = {
#define X(id, word) [JOURNAL_BY_##id] = word,
    JOURNAL_COLUMNS(X)
#undef X
};

static gboolean parse(const char *const *names, int n, const char *word, int *ret)
{
    for (int i = 0; i < n; i++) {
        if (g_ascii_strcasecmp(word, names[i]) == 0) {
            *ret = i;
            return TRUE;
        }
    }
    return FALSE;
}

const char *journal_end_name(int end)
{
    g_assert(end >= 0 && end < JOURNAL_END_COUNT);
    return end_names[end];
}

gboolean journal_end_parse(const char *word, JournalEnd *ret)
{
    int value;
    gboolean known = parse(end_names, JOURNAL_END_COUNT, word, &value);
    if (known)
        *ret = value;
    return known;
}

const char *journal_column_name(int column)
{
    g_assert(column >= 0 && column < JOURNAL_COLUMN_COUNT);
    return column_names[column];
}

gboolean journal_column_parse(const char *word, JournalColumn *ret)
{
    int value;
    gboolean known = parse(column_names, JOURNAL_COLUMN_COUNT, word, &value);
    if (known)
        *ret = value;
    return known;
}

/* --- copies --- */

/* Where the strings are, so that each is named once. */
static const gsize message_strings[] = {
    offsetof(JournalMessage, queue_id),   offsetof(JournalMessage, client),
    offsetof(JournalMessage, helo),       offsetof(JournalMessage, login),
    offsetof(JournalMessage, sender),     offsetof(JournalMessage, sender_domain),
    offsetof(JournalMessage, message_id), offsetof(JournalMessage, subject),
    offsetof(JournalMessage, facts),
};
static const gsize recipient_strings[] = {
    offsetof(JournalRecipient, rcpt), offsetof(JournalRecipient, tag),  offsetof(JournalRecipient, subject),
    offsetof(JournalRecipient, rule), offsetof(JournalRecipient, text),
};

static void copy_strings(void *of, const gsize *offsets, gsize n)
{
    for (gsize i = 0; i < n; i++) {
        const char **string = (const char **)((char *)of + offsets[i]);
        *string = g_strdup(*string ? *string : "");
    }
}

static void free_strings(void *of, const gsize *offsets, gsize n)
{
    for (gsize i = 0; i < n; i++)
        g_free(*(char **)((char *)of + offsets[i]));
}

JournalMessage *journal_message_copy(const JournalMessage *message)
{
    JournalMessage *copy = g_memdup2(message, sizeof *message);
    copy_strings(copy, message_strings, G_N_ELEMENTS(message_strings));
    JournalRecipient *recipients =
        g_memdup2(message->recipients, message->n_recipients * sizeof *message->recipients);
    for (guint i = 0; i < message->n_recipients; i++)
        copy_strings(&recipients[i], recipient_strings, G_N_ELEMENTS(recipient_strings));
    copy->recipients = recipients;
    return copy;
}

void journal_message_free(JournalMessage *message)
{
    if (!message)
        return;
    JournalRecipient *recipients = (JournalRecipient *)message->recipients;
    for (guint i = 0; i < message->n_recipients; i++)
        free_strings(&recipients[i], recipient_strings, G_N_ELEMENTS(recipient_strings));
    g_free(recipients);
    free_strings(message, message_strings, G_N_ELEMENTS(message_strings));
    g_free(message);
}

/* --- words --- */

/* The next character, folded; a byte that begins none is a value of its own. */
static gunichar next_folded(const char **text)
{
    guchar byte = (guchar) * *text;
    if (byte < 0x80) {
        ++*text;
        return (gunichar)g_ascii_tolower((char)byte);
    }
    gunichar c = g_utf8_get_char_validated(*text, -1);
    if (c & 0x80000000u) {
        ++*text;
        return 0x80000000u | byte;
    }
    *text = g_utf8_next_char(*text);
    gunichar lower = g_unichar_tolower(c);
    return lower < 0x80 ? c : lower;
}

gboolean journal_word_matches(const char *word, const char *text)
{
    const char *star = NULL, *back = NULL; /* where to go on after the last '*' took one more */
    while (*text) {
        const char *w = word, *t = text;
        if (*word == '*') {
            star = ++word;
            back = text;
        } else if (*word && next_folded(&w) == next_folded(&t)) {
            word = w;
            text = t;
        } else if (star) {
            next_folded(&back);
            word = star;
            text = back;
        } else {
            return FALSE;
        }
    }
    while (*word == '*')
        word++;
    return *word == '\0';
}

/* --- to the backend --- */

StoreAnswer journal_search(Store *store, const JournalQuery *query, gboolean with_facts, JournalEach each,
                           void *data)
{
    return store->backend->search(store, query, with_facts, each, data);
}

StoreAnswer journal_top(Store *store, JournalColumn by, const JournalQuery *query, JournalCount each,
                        void *data)
{
    return store->backend->top(store, by, query, each, data);
}

gint64 journal_expire(Store *store, gint64 before, guint max)
{
    return store->backend->journal_expire(store, before, max);
}
