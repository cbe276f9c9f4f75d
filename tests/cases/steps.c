/* What a case does: its files and plans, and the steps of the connections. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include <postern/zone.h>

#include "conf/glob.h"
#include "mta/replay.h"

/* --- replies --- */

static char *reply_text(const Reply *reply)
{
    static const char *const words[] = {
        [REPLY_CONTINUE] = "250",      [REPLY_ACCEPT] = "accept",   [REPLY_REJECT] = "reject",
        [REPLY_TEMPFAIL] = "tempfail", [REPLY_DISCARD] = "discard",
    };
    gboolean refusal = reply->kind == REPLY_REJECT || reply->kind == REPLY_TEMPFAIL;
    if (!refusal || !reply->code)
        return g_strdup(words[reply->kind]);
    int class = reply->kind == REPLY_REJECT ? 5 : 4;
    if (reply->code / 100 != class || reply->xcode[0] != '0' + class)
        return g_strdup_printf("%s with %d %s of another class", words[reply->kind], reply->code,
                               reply->xcode);
    return g_strdup_printf("%d %s %s", reply->code, reply->xcode, reply->text);
}

/* "550", "550 5.7.23" and "550 5.7.23 SPF*" are all what a reply can be asked to be. */
static gboolean is_reply(const char *wanted, const char *came)
{
    g_autofree char *beginning = g_strconcat(wanted, " *", NULL);
    return glob_match(wanted, came) || glob_match(beginning, came);
}

static void check_reply(World *world, const Line *line, const Reply *reply)
{
    const char *wanted = line->reply ? line->reply : "250";
    g_autofree char *came = reply_text(reply);
    if (!is_reply(wanted, came))
        world_fail(world, "%s: expected %s, came %s", line->words[0], wanted, came);
}

/* --- blocks --- */

static void do_config(World *world, const Line *line)
{
    world_write(world, "postern.conf", line->block);
}

static void do_access(World *world, const Line *line)
{
    world_write(world, "access", line->block);
}

static void do_file(World *world, const Line *line)
{
    world_write(world, line_rest(line, 1), line->block);
}

/* A later zone is another Internet. */
static void do_zone(World *world, const Line *line)
{
    g_autoptr(GError) error = NULL;
    Resolver *zone = zone_resolver_parse("zone", line->block, strlen(line->block), &error);
    if (!zone) {
        world_break(world, "%s", error->message);
        return;
    }
    resolver_free(world->zone);
    world->zone = zone;
    zone_log(zone);
    g_hash_table_remove_all(world->published);
}

/* slow NAME 3s, slow nothing */
static void do_slow(World *world, const Line *line)
{
    g_clear_pointer(&world->slow_name, g_free);
    if (g_strcmp0(line_word(line, 1), "nothing") == 0)
        return;
    gint64 span = line->n == 3 ? parse_span(line_word(line, 2)) : -1;
    if (span < 0) {
        world_break(world, "slow NAME 3s, or slow nothing");
        return;
    }
    world->slow_name = g_strdup(line_word(line, 1));
    world->slow_usec = span * G_TIME_SPAN_SECOND;
}

static void do_message(World *world, const Line *line)
{
    g_free(world->message);
    world->message = g_strdup(line->block);
}

/* --- plans --- */

static gboolean parse_stage(const char *word, Stage *ret)
{
    for (int stage = 0; word && stage < STAGE_COUNT; stage++) {
        if (strcmp(stage_name(stage), word) == 0) {
            *ret = stage;
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean parse_tag(World *world, const char *word, Tag *ret)
{
    if (word && tag_parse(word, strlen(word), ret))
        return TRUE;
    world_break(world, "%s is no tag", word ? word : "nothing");
    return FALSE;
}

/* [<rcpt>] TAG SUBJECT "sentence" [of another | becomes TAG …] from word `i` on. */
static gboolean parse_planned(World *world, const Line *line, guint i, Planned *p)
{
    const char *word = line_word(line, i);
    if (word && *word == '<')
        p->rcpt = g_strdup(line_word(line, i++));
    if (!parse_tag(world, line_word(line, i++), &p->tag))
        return FALSE;
    if (line->n < i + 2) {
        world_break(world, "a subject and a \"sentence\" belong after the tag");
        return FALSE;
    }
    p->subject = g_strdup(line_word(line, i++));
    p->sentence = g_strdup(line_word(line, i++));
    if (line->n == i + 2 && strcmp(line_word(line, i), "of") == 0 &&
        strcmp(line_word(line, i + 1), "another") == 0) {
        p->of_another = TRUE;
        return TRUE;
    }
    if (i < line->n && strcmp(line_word(line, i++), "becomes") != 0) {
        world_break(world, "only \"of another\" or \"becomes TAG …\" may follow");
        return FALSE;
    }
    for (; i < line->n && p->n_becomes < FINDING_BECOMES_MAX; i++)
        if (!parse_tag(world, line_word(line, i), &p->becomes[p->n_becomes++]))
            return FALSE;
    return TRUE;
}

static gboolean plannable(Stage stage)
{
    return stage != STAGE_BODY && stage != STAGE_DATA;
}

static void do_find(World *world, const Line *line)
{
    if (g_strcmp0(line_word(line, 1), "nothing") == 0) {
        g_ptr_array_set_size(world->planned, 0);
        return;
    }
    Planned *p = g_new0(Planned, 1);
    if (!parse_stage(line_word(line, 1), &p->stage) || !plannable(p->stage))
        world_break(world, "find at connect, helo, mail, rcpt, headers or message");
    else
        parse_planned(world, line, 2, p);
    g_ptr_array_add(world->planned, p);
}

static void do_answer(World *world, const Line *line)
{
    PlannedAnswer *answer = g_new0(PlannedAnswer, 1);
    guint i = 2;
    if (!line_word(line, 1) || !verb_parse(line_word(line, 1), &answer->verb) ||
        !(VERB_BIT(answer->verb) & VERB_DEMANDS))
        world_break(world, "answer CBV, DSN, NODSN or GREYLIST");
    if (line_word(line, i) && *line_word(line, i) == '<')
        answer->rcpt = g_strdup(line_word(line, i++));
    if (g_strcmp0(line_word(line, i), "nothing") == 0)
        answer->nothing = TRUE;
    else if (!world->broken)
        parse_planned(world, line, i, &answer->finding);
    g_ptr_array_insert(world->answers, 0, answer); /* a later one comes first */
}

/* limit STAGE N TAG SUBJECT "sentence" */
static void do_limit(World *world, const Line *line)
{
    g_clear_pointer(&world->over_quota, planned_free);
    world->over_quota = g_new0(Planned, 1);
    if (!parse_stage(line_word(line, 1), &world->reserve_stage) || !line_word(line, 2) ||
        !plannable(world->reserve_stage))
        world_break(world, "limit STAGE N TAG SUBJECT \"sentence\"");
    else
        parse_planned(world, line, 3, world->over_quota);
    world->quota.limit = line->n > 2 ? atoi(line_word(line, 2)) : 0;
}

static void do_mta(World *world, const Line *line)
{
    struct {
        const char *word;
        gboolean *can;
    } abilities[] = {
        {"headers", &world->adapter.can_edit_headers},
        {"sender", &world->adapter.can_edit_sender},
        {"rcpts", &world->adapter.can_edit_rcpts},
        {"body", &world->adapter.can_edit_body},
        {"hold", &world->adapter.can_hold},
    };
    gboolean known = g_strcmp0(line_word(line, 1), "cannot") == 0;
    for (guint i = 2; known && i < line->n; i++) {
        known = FALSE;
        for (gsize j = 0; j < G_N_ELEMENTS(abilities); j++)
            if (strcmp(abilities[j].word, line_word(line, i)) == 0)
                *abilities[j].can = FALSE, known = TRUE;
    }
    if (!known)
        world_break(world, "mta cannot headers sender rcpts body hold");
}

/* clock +6min, clock 2026-11-23T06:00:00Z */
static void do_clock(World *world, const Line *line)
{
    const char *text = line_rest(line, 1);
    if (*text != '+') {
        if (!clock_parse(text, &world->clock.at))
            world_break(world, "clock +6min, or a time");
        return;
    }
    gint64 span = parse_span(text + 1);
    if (span < 0)
        world_break(world, "units are s, min, h, d");
    else
        world->clock.at += span * G_USEC_PER_SEC;
}

/* --- configuration --- */

/* reload => ok, or => refused GLOB of the problems */
static void do_reload(World *world, const Line *line)
{
    const char *wanted = line->reply ? line->reply : "ok";
    g_autofree char *problems = world_load(world);
    g_autofree char *came = problems ? g_strdup_printf("refused %s", problems) : g_strdup("ok");
    if (!world->broken && !glob_match(wanted, came))
        world_fail(world, "reload: expected %s, came %s", wanted, came);
}

static gboolean ready(World *world)
{
    if (!world->loaded) {
        g_autofree char *problems = world_load(world);
        if (problems)
            world_break(world, "the configuration is refused: %s", problems);
    }
    return !world->broken;
}

/* --- connections --- */

static Connection *use_connection(World *world, const char *name)
{
    for (guint i = 0; i < world->connections->len; i++) {
        Connection *connection = world->connections->pdata[i];
        if (strcmp(connection->name, name) == 0)
            return world->current = connection;
    }
    Connection *connection = g_new0(Connection, 1);
    connection->name = g_strdup(name);
    g_ptr_array_add(world->connections, connection);
    return world->current = connection;
}

/* connection NAME: the steps that follow are its. */
static void do_connection(World *world, const Line *line)
{
    use_connection(world, line_rest(line, 1));
}

static Connection *current(World *world)
{
    return world->current ? world->current : use_connection(world, "");
}

static Session *open_session(World *world)
{
    Connection *connection = current(world);
    if (!ready(world))
        return NULL;
    if (!connection->session)
        connection->session = session_new(world->engine, &world->adapter);
    return connection->session;
}

static gboolean wants(const Session *session, Stage stage)
{
    return !(snapshot_unwanted_stages(session_snapshot(session)) & 1u << stage);
}

/* macro STAGE NAME VALUE …: goes with the next step of that stage, as an MTA sends it. */
static void do_macro(World *world, const Line *line)
{
    Stage stage;
    if (!parse_stage(line_word(line, 1), &stage) || line->n < 4 || line->n % 2) {
        world_break(world, "macro STAGE NAME VALUE …");
        return;
    }
    Connection *connection = current(world);
    g_free(connection->macros[stage]);
    connection->macros[stage] = g_strjoinv("\x1f", (char **)line->words + 2);
}

static void send_macros(Connection *connection, Stage stage)
{
    g_autofree char *joined = g_steal_pointer(&connection->macros[stage]);
    if (!joined)
        return;
    g_auto(GStrv) pairs = g_strsplit(joined, "\x1f", -1);
    session_macros(connection->session, stage, (const char *const *)pairs);
}

/* connect IP [PTR] [port N] */
static void do_connect(World *world, const Line *line)
{
    IpAddress ip = {IP_NONE};
    const char *text = line_word(line, 1), *ptr = line_word(line, 2);
    if (!text || (strcmp(text, "unknown") != 0 && !ip_parse(text, &ip))) {
        world_break(world, "connect IP [PTR], or connect unknown");
        return;
    }
    Connection *connection = current(world);
    g_clear_pointer(&connection->session, session_free);
    Session *session = open_session(world);
    if (!session)
        return;
    send_macros(connection, STAGE_CONNECT);
    g_autofree char *literal = g_strdup_printf("[%s]", text);
    Reply reply = session_connect(session, ptr ? ptr : literal, &ip, 4711);
    check_reply(world, line, &reply);
}

static void do_helo(World *world, const Line *line)
{
    Session *session = open_session(world);
    if (!session)
        return;
    send_macros(world->current, STAGE_HELO);
    Reply reply = session_helo(session, line_rest(line, 1));
    check_reply(world, line, &reply);
}

static void do_mail(World *world, const Line *line)
{
    Session *session = open_session(world);
    if (!session)
        return;
    send_macros(world->current, STAGE_MAIL);
    Reply reply = session_mail(session, (const char *const *)line->words + 1);
    check_reply(world, line, &reply);
}

static void do_rcpt(World *world, const Line *line)
{
    Session *session = open_session(world);
    if (!session)
        return;
    send_macros(world->current, STAGE_RCPT);
    Reply reply = session_rcpt(session, (const char *const *)line->words + 1, NULL);
    check_reply(world, line, &reply);
}

/* rcpt-refused <x@our.example> 550 5.1.1 unknown: the MTA has refused it, and only tells us. */
static void do_rcpt_refused(World *world, const Line *line)
{
    Session *session = open_session(world);
    if (!session)
        return;
    const char *args[] = {line_word(line, 1), NULL};
    session_rcpt(session, args, line_rest(line, 2));
}

/* No MTA goes on without a recipient. */
static Session *session_with_recipients(World *world)
{
    Session *session = open_session(world);
    Message *message = session ? session_message(session) : NULL;
    if (session && message && message_n_accepted(message))
        return session;
    world_break(world, "no MTA would go on: no recipient is left");
    return NULL;
}

static Reply data(World *world, Session *session)
{
    send_macros(world->current, STAGE_DATA);
    return wants(session, STAGE_DATA) ? session_data(session) : REPLY_GO;
}

/* An MTA sends nothing that it was told is not wanted. */
static void content(World *world, Session *session)
{
    static const char nothing[] = "\n";
    const char *text = world->message ? world->message : nothing;
    const char *empty_line = *text == '\n' ? text : strstr(text, "\n\n");
    gsize len = strlen(text);
    if (empty_line && !wants(session, STAGE_BODY))
        len = (gsize)(empty_line - text) + (empty_line == text ? 1 : 2);
    send_macros(world->current, STAGE_HEADERS);
    if (wants(session, STAGE_HEADERS))
        replay_content(session, text, len);
}

/* Where a value was folded says little: runs of blanks are one. */
static void squeeze(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++)
        if (*from != ' ' || to == text || to[-1] != ' ')
            *to++ = *from;
    *to = '\0';
}

static Reply end_of_message(World *world, Session *session)
{
    const Edits *edits;
    send_macros(world->current, STAGE_MESSAGE);
    Reply reply = session_end_of_message(session, &edits);
    g_free(world->edits);
    gboolean applied = edits && (reply.kind == REPLY_CONTINUE || reply.kind == REPLY_ACCEPT);
    world->edits = applied ? edits_to_text(edits) : NULL;
    if (world->edits)
        squeeze(world->edits);
    return reply;
}

static void do_data(World *world, const Line *line)
{
    Session *session = session_with_recipients(world);
    if (!session)
        return;
    Reply reply = data(world, session);
    check_reply(world, line, &reply);
}

static void do_content(World *world, const Line *line)
{
    Session *session = session_with_recipients(world);
    if (session)
        content(world, session);
}

static void do_eom(World *world, const Line *line)
{
    Session *session = session_with_recipients(world);
    if (!session)
        return;
    Reply reply = end_of_message(world, session);
    check_reply(world, line, &reply);
}

/* data, content and eom in one. */
static void do_send(World *world, const Line *line)
{
    Session *session = session_with_recipients(world);
    if (!session)
        return;
    Reply reply = data(world, session);
    if (reply.kind == REPLY_CONTINUE) {
        content(world, session);
        reply = end_of_message(world, session);
    }
    check_reply(world, line, &reply);
}

static void do_abort(World *world, const Line *line)
{
    Session *session = open_session(world);
    if (session)
        session_abort(session);
}

static void do_close(World *world, const Line *line)
{
    g_clear_pointer(&current(world)->session, session_free);
}

/* --- what the case will plan --- */

void plan_ahead(World *world)
{
    for (guint i = 0; i < world->script->lines->len; i++) {
        const Line *line = world->script->lines->pdata[i];
        Stage stage;
        Verb verb;
        gboolean plans = strcmp(line->words[0], "find") == 0 || strcmp(line->words[0], "limit") == 0;
        if (plans && parse_stage(line_word(line, 1), &stage))
            probe_wants(world, stage);
        if (strcmp(line->words[0], "answer") == 0 && line->n > 1 && verb_parse(line->words[1], &verb))
            world->probe.carries_out |= VERB_BIT(verb);
    }
}

/* --- all of them --- */

static const struct {
    const char *word;
    void (*play)(World *world, const Line *line);
    gboolean replies; /* may be followed by => */
} steps[] = {
    {"config", do_config},
    {"access", do_access},
    {"file", do_file},
    {"zone", do_zone},
    {"slow", do_slow},
    {"message", do_message},
    {"find", do_find},
    {"answer", do_answer},
    {"limit", do_limit},
    {"mta", do_mta},
    {"clock", do_clock},
    {"reload", do_reload, TRUE},
    {"connection", do_connection},
    {"macro", do_macro},
    {"connect", do_connect, TRUE},
    {"helo", do_helo, TRUE},
    {"mail", do_mail, TRUE},
    {"rcpt", do_rcpt, TRUE},
    {"rcpt-refused", do_rcpt_refused},
    {"data", do_data, TRUE},
    {"content", do_content},
    {"eom", do_eom, TRUE},
    {"send", do_send, TRUE},
    {"abort", do_abort},
    {"close", do_close},
    {"sign", do_sign},
    {"seal", do_seal},
    {"spoil", do_spoil},
    {"remember", do_remember},
    {"forget", do_forget},
    {"store", do_store},
};

gboolean step(World *world, const Line *line)
{
    for (gsize i = 0; i < G_N_ELEMENTS(steps); i++) {
        if (strcmp(steps[i].word, line->words[0]) != 0)
            continue;
        if (line->reply && !steps[i].replies)
            world_break(world, "%s has no reply", line->words[0]);
        else
            steps[i].play(world, line);
        return TRUE;
    }
    return FALSE;
}
