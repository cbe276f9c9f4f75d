/* journal-query.h — which rows of the journal somebody asks for, by options of the command line. */
#pragma once

#include "store/journal.h"

typedef struct {
    char *since, *until, *from, *domain, *rcpt, *client, *helo, *login, *tag, *end, *queue_id, *text;
    int limit;
} JournalOptions;

/* clang-format off */
#define JOURNAL_ENTRIES(o)                                                                                   \
    {"since", 0, 0, G_OPTION_ARG_STRING, &(o).since, "from then on: 2h, 7d, yesterday, 2026-11-23, a time", "WHEN"}, \
    {"until", 0, 0, G_OPTION_ARG_STRING, &(o).until, "before then", "WHEN"},                                 \
    {"from", 0, 0, G_OPTION_ARG_FILENAME, &(o).from, "the sender; <> is the null sender", "ADDRESS"},        \
    {"domain", 0, 0, G_OPTION_ARG_FILENAME, &(o).domain, "the sender's domain", "DOMAIN"},                   \
    {"rcpt", 0, 0, G_OPTION_ARG_FILENAME, &(o).rcpt, "the recipient", "ADDRESS"},                            \
    {"client", 0, 0, G_OPTION_ARG_STRING, &(o).client, "the client's address", "IP"},                        \
    {"helo", 0, 0, G_OPTION_ARG_FILENAME, &(o).helo, "its HELO name", "NAME"},                               \
    {"login", 0, 0, G_OPTION_ARG_FILENAME, &(o).login, "the login of SMTP AUTH", "LOGIN"},                   \
    {"tag", 0, 0, G_OPTION_ARG_STRING, &(o).tag, "what decided, such as SPF-Fail", "TAG"},                   \
    {"end", 0, 0, G_OPTION_ARG_STRING, &(o).end, "accepted, refused, deferred, …", "END"},                   \
    {"id", 0, 0, G_OPTION_ARG_STRING, &(o).queue_id, "the queue id", "QUEUE-ID"},                            \
    {"text", 0, 0, G_OPTION_ARG_FILENAME, &(o).text, "words anywhere in the reply or the subject", "TEXT"},  \
    {"limit", 'n', 0, G_OPTION_ARG_INT, &(o).limit, "at most so many; 0: all", "N"}
/* clang-format on */

/* FALSE: one of them makes no sense, which has been told on stderr. The query borrows the strings. */
gboolean journal_options_query(const JournalOptions *options, gint64 now, JournalQuery *query);
void journal_options_clear(JournalOptions *options);
