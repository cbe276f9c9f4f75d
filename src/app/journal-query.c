/* journal-query.c — see journal-query.h. */
#include "app/journal-query.h"

#include <stdio.h>
#include <string.h>

#include "app/when.h"

static gboolean take_time(const char *option, const char *text, gint64 now, gint64 *into)
{
    if (!text || when_parse(text, now, into))
        return TRUE;
    fprintf(stderr,
            "postern journal: --%s %s is no time; write 2h, 7d, today, yesterday, 2026-11-23 or "
            "2026-11-23T05:39:40Z\n",
            option, text);
    return FALSE;
}

static gboolean take_end(const char *text, int *into)
{
    JournalEnd end;
    if (!text)
        return TRUE;
    if (journal_end_parse(text, &end)) {
        *into = (int)end;
        return TRUE;
    }
    fprintf(stderr, "postern journal: --end %s is none of:", text);
    for (int i = 0; i < JOURNAL_END_COUNT; i++)
        fprintf(stderr, "%s %s", i ? "," : "", journal_end_name(i));
    fprintf(stderr, "\n");
    return FALSE;
}

/* As it is kept: without brackets; the null sender is "". */
static const char *address(char *text)
{
    gsize len = text ? strlen(text) : 0;
    if (len < 2 || text[0] != '<' || text[len - 1] != '>')
        return text;
    text[len - 1] = '\0';
    return text + 1;
}

gboolean journal_options_query(const JournalOptions *options, gint64 now, JournalQuery *query)
{
    *query = JOURNAL_ANY;
    query->sender = address(options->from);
    query->sender_domain = options->domain;
    query->rcpt = address(options->rcpt);
    query->client = options->client;
    query->helo = options->helo;
    query->login = options->login;
    query->tag = options->tag;
    query->queue_id = options->queue_id;
    query->text = options->text;
    query->limit = options->limit > 0 ? (guint)options->limit : 0;
    return take_time("since", options->since, now, &query->since) &&
           take_time("until", options->until, now, &query->until) && take_end(options->end, &query->end);
}

void journal_options_clear(JournalOptions *options)
{
    char *const texts[] = {options->since, options->until,  options->from,     options->domain,
                           options->rcpt,  options->client, options->helo,     options->login,
                           options->tag,   options->end,    options->queue_id, options->text};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
}
