/* What a case expects to have come of its steps. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include <postern/zone.h>

#include "conf/glob.h"
#include "flow/trace.h"

static const char *shown(const char *text)
{
    return text && *text ? text : "nothing";
}

static void check_number(World *world, const Line *line, gint64 came)
{
    const char *word = line_word(line, 2);
    if (!word || g_ascii_strtoll(word, NULL, 10) != came)
        world_fail(world, "%s: expected %s, came %" G_GINT64_FORMAT, line->words[1], word, came);
}

/* --- facts and findings --- */

/* expect fact PATH GLOB; PATH as in the trace. "nothing" for what is not there. */
static void expect_fact(World *world, const Line *line)
{
    g_autoptr(Record) record = world_record(world);
    const char *path = line_word(line, 2) ? line_word(line, 2) : "";
    const char *came = record_lookup(record, path);
    if (!glob_match(line_rest(line, 3), shown(came)))
        world_fail(world, "%s: expected %s, came %s", path, line_rest(line, 3), shown(came));
}

/* Index of the recipient in the record, or -1. */
static int find_recipient(const Record *record, const char *rcpt)
{
    for (int i = 0;; i++) {
        g_autofree char *path = g_strdup_printf("recipients.%d.rcpt", i);
        const char *text = record_lookup(record, path);
        if (!text)
            return -1;
        if (strcmp(text, rcpt) == 0)
            return i;
    }
}

/* expect rcpt <b@x> FIELD GLOB: state, verb, score, reply.code, … */
static void expect_rcpt(World *world, const Line *line)
{
    g_autoptr(Record) record = world_record(world);
    const char *rcpt = line_word(line, 2), *field = line_word(line, 3);
    int index = rcpt ? find_recipient(record, rcpt) : -1;
    if (index < 0 || !field) {
        world_fail(world, "there is no recipient %s", shown(rcpt));
        return;
    }
    g_autofree char *path = g_strdup_printf("recipients.%d.%s", index, field);
    const char *came = record_lookup(record, path);
    if (!glob_match(line_rest(line, 4), shown(came)))
        world_fail(world, "%s %s: expected %s, came %s", rcpt, field, line_rest(line, 4), shown(came));
}

/* All findings of that tag for one recipient. Returns how many there were. */
static guint check_findings(World *world, const Record *record, int rcpt, const char *tag, const char *field,
                            const char *wanted)
{
    guint n = 0;
    for (int i = 0;; i++) {
        g_autofree char *tag_path = g_strdup_printf("recipients.%d.findings.%d.tag", rcpt, i);
        const char *found = record_lookup(record, tag_path);
        if (!found)
            return n;
        if (g_ascii_strcasecmp(found, tag) != 0)
            continue;
        n++;
        g_autofree char *path = g_strdup_printf("recipients.%d.findings.%d.%s", rcpt, i, field);
        const char *came = record_lookup(record, path);
        if (wanted && !glob_match(wanted, shown(came)))
            world_fail(world, "%s %s: expected %s, came %s", tag, field, wanted, shown(came));
    }
}

/* The newest weighings of all recipients, or of one. */
static void expect_of_findings(World *world, const Line *line, guint i, const char *field, gboolean there)
{
    g_autoptr(Record) record = world_record(world);
    const char *rcpt = line_word(line, i) && *line_word(line, i) == '<' ? line_word(line, i++) : NULL;
    const char *tag = line_word(line, i++);
    if (!field && there)
        field = line_word(line, i++);
    const char *wanted = *line_rest(line, i) ? line_rest(line, i) : NULL;
    if (!tag || (there && (!field || !wanted))) {
        world_break(world, "a tag and what is wanted of it belong here");
        return;
    }
    guint n = 0;
    int only = rcpt ? find_recipient(record, rcpt) : 0;
    for (int r = only; r >= 0; r++) {
        g_autofree char *path = g_strdup_printf("recipients.%d.rcpt", r);
        if (!record_lookup(record, path))
            break;
        n += check_findings(world, record, r, tag, field ? field : "tag", there ? wanted : NULL);
        if (rcpt)
            break;
    }
    if (there && !n)
        world_fail(world, "there is no finding %s", tag);
    else if (!there && n)
        world_fail(world, "there are %u findings %s", n, tag);
}

/* expect finding [<b@x>] TAG FIELD GLOB */
static void expect_finding(World *world, const Line *line)
{
    expect_of_findings(world, line, 2, NULL, TRUE);
}

static void expect_fate(World *world, const Line *line)
{
    expect_of_findings(world, line, 2, "fate", TRUE);
}

static void expect_no_finding(World *world, const Line *line)
{
    expect_of_findings(world, line, 3, NULL, FALSE);
}

/* --- edits and header --- */

static gboolean a_line_matches(const char *text, const char *glob)
{
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    for (char **at = lines; *at; at++)
        if (**at && glob_match(glob, *at))
            return TRUE;
    return FALSE;
}

static void expect_edit(World *world, const Line *line)
{
    if (!a_line_matches(world->edits, line_rest(line, 2)))
        world_fail(world, "edits: expected %s, came %s", line_rest(line, 2), shown(world->edits));
}

static void expect_no_edit(World *world, const Line *line)
{
    const char *glob = *line_rest(line, 3) ? line_rest(line, 3) : "*";
    if (a_line_matches(world->edits, glob))
        world_fail(world, "edits: expected no %s, came %s", glob, world->edits);
}

/* The header as delivered, one field a line. */
static char *delivered(const World *world)
{
    GString *text = g_string_new(world->headers ? world->headers->str : "");
    g_string_replace(text, "\r\n\t", " ", 0);
    g_string_replace(text, "\r\n ", " ", 0);
    g_string_replace(text, "\r\n", "\n", 0);
    return g_string_free(text, FALSE);
}

static void expect_header(World *world, const Line *line)
{
    g_autofree char *text = delivered(world);
    if (!a_line_matches(text, line_rest(line, 2)))
        world_fail(world, "header: expected %s, came\n%s", line_rest(line, 2), shown(text));
}

static void expect_no_header(World *world, const Line *line)
{
    g_autofree char *text = delivered(world);
    if (a_line_matches(text, line_rest(line, 3)))
        world_fail(world, "header: expected no %s, came\n%s", line_rest(line, 3), text);
}

/* --- log --- */

static void expect_log(World *world, const Line *line)
{
    for (guint i = 0; i < world->log->len; i++) {
        LogLine *logged = world->log->pdata[i];
        if (!logged->expected && glob_match(line_rest(line, 2), logged->text)) {
            logged->expected = TRUE;
            return;
        }
    }
    world_fail(world, "log: expected %s; there is", line_rest(line, 2));
    for (guint i = 0; i < world->log->len; i++) {
        const LogLine *logged = world->log->pdata[i];
        g_printerr("    %s%s\n", logged->expected ? "(expected before) " : "", logged->text);
    }
}

static void expect_no_log(World *world, const Line *line)
{
    for (guint i = 0; i < world->log->len; i++) {
        const LogLine *logged = world->log->pdata[i];
        if (glob_match(line_rest(line, 3), logged->text))
            world_fail(world, "log: expected no %s, came %s", line_rest(line, 3), logged->text);
    }
}

/* --- counts --- */

static void expect_queries(World *world, const Line *line)
{
    g_auto(GStrv) asked = zone_queries(world->zone);
    guint n = g_strv_length(asked);
    const char *word = line_word(line, 2);
    if (word && g_ascii_strtoull(word, NULL, 10) == n)
        return;
    g_autofree char *all = g_strjoinv(", ", asked);
    world_fail(world, "queries: expected %s, came %u: %s", word, n, shown(all));
}

static gboolean was_asked(World *world, const char *question)
{
    g_auto(GStrv) asked = zone_queries(world->zone);
    return g_strv_contains((const char *const *)asked, question);
}

static void expect_asked(World *world, const Line *line)
{
    if (!was_asked(world, line_rest(line, 2)))
        world_fail(world, "asked: %s was not", line_rest(line, 2));
}

static void expect_no_asked(World *world, const Line *line)
{
    if (was_asked(world, line_rest(line, 3)))
        world_fail(world, "asked: %s was", line_rest(line, 3));
}

static void expect_quarantine(World *world, const Line *line)
{
    check_number(world, line, world->quarantine ? quarantine_use(world->quarantine).messages : 0);
}

static void check_kept(World *world, const Line *line, Quarantine *quarantine)
{
    g_autoptr(GPtrArray) items = quarantine ? quarantine_list(quarantine) : NULL;
    const QuarantineItem *newest = items && items->len ? items->pdata[items->len - 1] : NULL;
    g_autofree char *json = NULL;
    g_autoptr(GBytes) message = NULL;
    g_autoptr(GError) error = NULL;
    if (!newest || !quarantine_read(quarantine, newest->id, &json, &message, &error)) {
        world_fail(world, "kept: %s", error ? error->message : "nothing");
        return;
    }
    GString *text = g_string_new_len(g_bytes_get_data(message, NULL), (gssize)g_bytes_get_size(message));
    g_string_replace(text, "\r\n", "\n", 0);
    g_string_append_printf(text, "\n%s", json);
    if (!a_line_matches(text->str, line_rest(line, 2)))
        world_fail(world, "kept: expected %s, came\n%s", line_rest(line, 2), text->str);
    g_string_free(text, TRUE);
}

/* expect kept GLOB: a line of the newest message in quarantine, or of what is known about it. */
static void expect_kept(World *world, const Line *line)
{
    check_kept(world, line, world->quarantine);
}

/* expect failed N: messages kept because a check failed; expect failed GLOB: as expect kept. */
static void expect_failed(World *world, const Line *line)
{
    const char *word = line_word(line, 2);
    if (word && word[strspn(word, "0123456789")] == '\0')
        check_number(world, line, world->failed ? quarantine_use(world->failed).messages : 0);
    else
        check_kept(world, line, world->failed);
}

static void expect_demerits(World *world, const Line *line)
{
    Session *session = world->current ? world->current->session : NULL;
    check_number(world, line, session ? session_demerits(session) : 0);
}

static void expect_reserved(World *world, const Line *line)
{
    check_number(world, line, quota_used(&world->quota));
}

static void expect_unwanted(World *world, const Line *line)
{
    Session *session = world->current ? world->current->session : NULL;
    GString *came = g_string_new(NULL);
    for (int stage = 0; session && stage < STAGE_COUNT; stage++)
        if (snapshot_unwanted_stages(session_snapshot(session)) & 1u << stage)
            g_string_append_printf(came, "%s%s", came->len ? " " : "", stage_name(stage));
    if (strcmp(line_rest(line, 2), shown(came->str)) != 0)
        world_fail(world, "unwanted: expected %s, came %s", line_rest(line, 2), shown(came->str));
    g_string_free(came, TRUE);
}

/* --- what the throw-away check saw, in order --- */

static void next_event(World *world, const Line *line, const GPtrArray *events, guint *seen)
{
    const char *came = *seen < events->len ? events->pdata[*seen] : NULL;
    if (!glob_match(line_rest(line, 2), shown(came)))
        world_fail(world, "%s: expected %s, came %s", line->words[1], line_rest(line, 2), shown(came));
    if (came)
        (*seen)++;
}

static void expect_settled(World *world, const Line *line)
{
    world->settled_asked = TRUE;
    next_event(world, line, world->settled, &world->settled_seen);
}

static void expect_carried(World *world, const Line *line)
{
    world->carried_asked = TRUE;
    next_event(world, line, world->carried, &world->carried_seen);
}

/* --- all of them --- */

typedef struct {
    const char *word;
    void (*check)(World *world, const Line *line);
} Expectation;

static const Expectation expectations[] = {
    {"fact", expect_fact},         {"rcpt", expect_rcpt},
    {"finding", expect_finding},   {"fate", expect_fate},
    {"edit", expect_edit},         {"header", expect_header},
    {"log", expect_log},           {"queries", expect_queries},
    {"asked", expect_asked},       {"quarantine", expect_quarantine},
    {"kept", expect_kept},         {"demerits", expect_demerits},
    {"reserved", expect_reserved}, {"unwanted", expect_unwanted},
    {"settled", expect_settled},   {"carried", expect_carried},
    {"store", expect_store},       {"journal", expect_journal},
    {"failed", expect_failed},
};

static const Expectation absences[] = {
    {"finding", expect_no_finding}, {"edit", expect_no_edit},       {"edits", expect_no_edit},
    {"header", expect_no_header},   {"log", expect_no_log},         {"asked", expect_no_asked},
    {"store", expect_no_store},     {"journal", expect_no_journal},
};

static gboolean run(World *world, const Line *line, const Expectation *table, gsize n, guint word)
{
    for (gsize i = 0; i < n; i++) {
        if (g_strcmp0(table[i].word, line_word(line, word)) == 0) {
            table[i].check(world, line);
            return TRUE;
        }
    }
    return FALSE;
}

gboolean expectation(World *world, const Line *line)
{
    if (strcmp(line->words[0], "expect") != 0)
        return FALSE;
    if (g_strcmp0(line_word(line, 1), "no") == 0)
        return run(world, line, absences, G_N_ELEMENTS(absences), 2);
    return run(world, line, expectations, G_N_ELEMENTS(expectations), 1);
}
