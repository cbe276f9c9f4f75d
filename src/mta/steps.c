/* What each command of an MTA does to its session; conn.c is where the bytes come from. */
#include "mta/conn-internal.h"
#include "mta/edit.h"

#include <string.h>

#define STOP_TEXT "shutting down, try again later"

/* ---- answers ---- */

static void answer(Conn *conn, Reply reply, guint32 quiet)
{
    if (!(conn->agreed.protocol & quiet)) {
        wire_put_reply(conn->out, &reply);
    } else if (reply.kind != REPLY_CONTINUE) {
        g_string_truncate(conn->late, 0);
        wire_put_reply(conn->late, &reply);
    }
}

/* TRUE: there is a verdict already, this step is not asked; the verdict is given if the step is answered. */
static gboolean is_settled(Conn *conn, guint32 quiet)
{
    if (conn->late->len == 0)
        return FALSE;
    if (!(conn->agreed.protocol & quiet)) {
        g_string_append_len(conn->out, conn->late->str, conn->late->len);
        g_string_truncate(conn->late, 0);
        session_abort(conn->session);
        conn->in_message = FALSE;
    }
    return TRUE;
}

/* A verdict on the session as a whole. ACCEPT would make both MTAs leave us out of all that follows, DISCARD
 * is not allowed there. */
static void answer_session(Conn *conn, Reply reply, guint32 quiet)
{
    answer(conn, reply.kind == REPLY_ACCEPT || reply.kind == REPLY_DISCARD ? REPLY_GO : reply, quiet);
}

/* A verdict on the message as a whole: it is over if that is not "go on". */
static void answer_message(Conn *conn, Reply reply, guint32 quiet)
{
    if (reply.kind != REPLY_CONTINUE && !(conn->agreed.protocol & quiet))
        conn->in_message = FALSE;
    answer(conn, reply, quiet);
}

static void answer_later(Conn *conn, const char *text)
{
    answer(conn, (Reply){REPLY_TEMPFAIL, 421, "4.3.2", text}, 0);
    if (conn_flush(conn))
        conn->over = TRUE;
}

/* ---- steps ---- */

static void on_progress(void *data)
{
    Conn *conn = data;

    wire_put(conn->out, WIRE_ACTION_PROGRESS);
    conn_flush(conn);
}

/* What was said of it is not for the next one. */
static void end_message(Conn *conn)
{
    conn->in_message = FALSE;
    g_string_truncate(conn->rcpt_refused, 0);
    g_string_truncate(conn->late, 0);
}

static void end_session(Conn *conn)
{
    g_clear_pointer(&conn->session, session_free);
    conn->connected = FALSE;
    conn->has_macros = 0;
    end_message(conn);
}

static void begin_session(Conn *conn, guint32 actions)
{
    const guint32 headers = WIRE_MAY_ADD_HEADERS | WIRE_MAY_CHANGE_HEADERS;
    const guint32 rcpts = WIRE_MAY_ADD_RCPT | WIRE_MAY_DELETE_RCPT;
    const Adapter adapter = {
        .progress = on_progress,
        .data = conn,
        .can_edit_headers = (actions & headers) == headers,
        .can_edit_sender = (actions & WIRE_MAY_CHANGE_SENDER) != 0,
        .can_edit_rcpts = (actions & rcpts) == rcpts,
        .can_edit_body = (actions & WIRE_MAY_CHANGE_BODY) != 0,
        .can_hold = (actions & WIRE_MAY_QUARANTINE) != 0,
    };

    end_session(conn);
    conn->session = session_new(conn->engine, &adapter);
}

/* What the snapshot of the session that has just begun does without. */
static NotNeeded not_needed(const Conn *conn)
{
    const Snapshot *snapshot = session_snapshot(conn->session);

    return (NotNeeded){snapshot_unwanted_stages(snapshot), snapshot_unanswered_stages(snapshot)};
}

static void on_negotiate(Conn *conn, const WireCommand *command)
{
    const Negotiation offer = {command->version, command->actions, command->protocol};

    if (offer.version < WIRE_VERSION_MIN) {
        conn_give_up(conn, "the MTA speaks a version of the milter protocol below 2, connection closed",
                     NULL);
        return;
    }
    if (conn->refuse) {
        conn->agreed = negotiate_refusal(&offer);
    } else {
        begin_session(conn, offer.actions);
        conn->agreed = negotiate(&offer, not_needed(conn));
    }
    conn->negotiated = TRUE;
    wire_put_negotiate(conn->out, conn->agreed.version, conn->agreed.actions, conn->agreed.protocol,
                       negotiation_macros(&conn->agreed));
}

static const char *pair_value(const WireCommand *command, const char *name)
{
    for (guint i = 0; i + 1 < command->n_args; i += 2)
        if (strcmp(command->args[i], name) == 0)
            return command->args[i + 1];
    return NULL;
}

/* A status code alone, "5.1.1" (RFC 3463 §2): what a refusal has in {rcpt_host}. */
static gboolean is_status(const char *text)
{
    return strchr("45", text[0]) && text[0] && text[1] == '.' && strspn(text, "0123456789.") == strlen(text);
}

/* Both MTAs tell of a recipient that they have refused by the mailer "error" (WIRE_RCPT_REJ). Sendmail's text
 * has the status in it, Postfix's has not.
 *
 * Postfix has that mailer also for a recipient that it takes: an address of a virtual alias domain leads nowhere until
 * cleanup looks up its alias. Then {rcpt_host} is the text of that error, "5.1.1 User unknown in …", and {rcpt_addr} the
 * address. */
static void note_refusal(Conn *conn, const WireCommand *command)
{
    const char *mailer = pair_value(command, "rcpt_mailer"), *status = pair_value(command, "rcpt_host"),
               *text = pair_value(command, "rcpt_addr");

    g_string_truncate(conn->rcpt_refused, 0);
    if (mailer == NULL || strcmp(mailer, "error") != 0 || !(conn->agreed.protocol & WIRE_RCPT_REJ))
        return;
    if (status != NULL && *status != '\0' && !is_status(status))
        return;
    if (text == NULL)
        text = "";
    if (status != NULL && strstr(text, status) == NULL)
        g_string_append_printf(conn->rcpt_refused, "%s%s", status, *text != '\0' ? " " : "");
    g_string_append(conn->rcpt_refused, text);
    if (conn->rcpt_refused->len == 0)
        g_string_append(conn->rcpt_refused, "refused");
}

static const char *const no_macros[] = {NULL};

/* Once a connection: an MTA's list for a step stays the same. */
static void note_macros(Conn *conn, Stage stage, const char *const *pairs)
{
    if (conn->seen == NULL || conn->noted & 1u << stage)
        return;
    conn->noted |= 1u << stage;
    seen_add(conn->seen, conn->mta_version, stage, pairs);
}

static void on_macros(Conn *conn, const WireCommand *command)
{
    /* Postfix sends some with every body chunk too; they say nothing that the end of headers has not said. */
    static const struct {
        guint8 letter;
        Stage stage;
    } stages[] = {
        {WIRE_COMMAND_CONNECT, STAGE_CONNECT}, {WIRE_COMMAND_HELO, STAGE_HELO},
        {WIRE_COMMAND_MAIL, STAGE_MAIL},       {WIRE_COMMAND_RCPT, STAGE_RCPT},
        {WIRE_COMMAND_DATA, STAGE_DATA},       {WIRE_COMMAND_EOH, STAGE_HEADERS},
        {WIRE_COMMAND_BODYEOB, STAGE_MESSAGE},
    };

    if (command->macro_for == WIRE_COMMAND_RCPT)
        note_refusal(conn, command);
    if (command->macro_for == WIRE_COMMAND_CONNECT) {
        g_free(conn->mta_version);
        conn->mta_version = g_strdup(pair_value(command, "v"));
    }
    for (gsize i = 0; i < G_N_ELEMENTS(stages); i++) {
        if (stages[i].letter != command->macro_for)
            continue;
        session_macros(conn->session, stages[i].stage, command->args);
        note_macros(conn, stages[i].stage, command->args);
        conn->has_macros |= 1u << stages[i].stage;
        return;
    }
}

/* What came with the last message or recipient must not be taken for what did not come with this one. */
static void settle_macros(Conn *conn, Stage stage)
{
    if (!(conn->has_macros & 1u << stage)) {
        session_macros(conn->session, stage, no_macros);
        note_macros(conn, stage, no_macros);
    }
    conn->has_macros &= ~(1u << stage);
}

static void on_connect(Conn *conn, const WireCommand *command)
{
    const char *address = command->n_args > 1 ? command->args[1] : NULL;
    IpAddress ip = {.family = IP_NONE};

    if (conn->connected) { /* both MTAs say QUIT_NC before; what it finds would add up without end */
        conn_give_up(conn, "a second client in one session, connection closed", NULL);
        return;
    }
    conn->connected = TRUE;
    if (address != NULL && g_ascii_strncasecmp(address, "IPv6:", 5) == 0)
        address += 5;
    if (address != NULL && command->family != WIRE_FAMILY_UNIX && !ip_parse(address, &ip))
        ip = (IpAddress){.family = IP_NONE};
    answer_session(
        conn, session_connect(conn->session, command->args[0], &ip, ip.family != IP_NONE ? command->port : 0),
        WIRE_QUIET_CONNECT);
}

static void on_helo(Conn *conn, const WireCommand *command)
{
    end_message(conn); /* HELO ends a transaction (RFC 5321 §4.1.4); the session knows */
    answer_session(conn, session_helo(conn->session, command->args[0]), WIRE_QUIET_HELO);
}

/* Where MAIL is not answered, the first recipient hears of it, and the connection is left open until then. */
static void refuse_for_stop(Conn *conn)
{
    const Reply later = {REPLY_TEMPFAIL, 421, "4.3.2", STOP_TEXT};

    if (conn->agreed.protocol & WIRE_QUIET_MAIL) {
        answer(conn, later, WIRE_QUIET_MAIL);
    } else {
        conn->in_message = FALSE;
        answer_later(conn, STOP_TEXT);
    }
}

static void on_mail(Conn *conn, const WireCommand *command)
{
    end_message(conn);
    g_atomic_int_set(&conn->busy, TRUE);
    conn->in_message = TRUE;
    if (g_atomic_int_get(&conn->draining)) {
        refuse_for_stop(conn);
        return;
    }
    settle_macros(conn, STAGE_MAIL);
    answer_message(conn, session_mail(conn->session, command->args), WIRE_QUIET_MAIL);
}

static void on_rcpt(Conn *conn, const WireCommand *command)
{
    gboolean refused = conn->rcpt_refused->len > 0;
    Reply reply;

    if (is_settled(conn, 0))
        return;
    settle_macros(conn, STAGE_RCPT);
    reply = session_rcpt(conn->session, command->args, refused ? conn->rcpt_refused->str : NULL);
    g_string_truncate(conn->rcpt_refused, 0);
    answer(conn, refused ? REPLY_GO : reply, 0);
}

static void on_data(Conn *conn, const WireCommand *command)
{
    answer_message(conn, session_data(conn->session), 0);
}

/* The value as it was received. Without WIRE_LEAD_SPACE the MTA has taken one blank away, if there was one: a
 * value that begins with a tab or a fold had none. Line ends are LF. */
static const char *received_value(const Conn *conn, const char *value, GString *scratch)
{
    gboolean add =
        !(conn->agreed.protocol & WIRE_LEAD_SPACE) && *value != '\t' && *value != '\n' && *value != '\0';
    gboolean has_cr = strstr(value, "\r\n") != NULL;

    if (!add && !has_cr)
        return value;
    if (add)
        g_string_append_c(scratch, ' ');
    for (; *value != '\0'; value++)
        if (value[0] != '\r' || value[1] != '\n')
            g_string_append_c(scratch, *value);
    return scratch->str;
}

static void on_header(Conn *conn, const WireCommand *command)
{
    g_autoptr(GString) scratch = NULL;
    const char *value = command->args[1];

    if (is_settled(conn, WIRE_QUIET_HEADERS))
        return;
    if (!(conn->agreed.protocol & WIRE_LEAD_SPACE) || strchr(value, '\r') != NULL) {
        scratch = g_string_sized_new(strlen(value) + 2);
        value = received_value(conn, value, scratch);
    }
    answer_message(conn, session_header(conn->session, command->args[0], value), WIRE_QUIET_HEADERS);
}

static void on_end_of_headers(Conn *conn, const WireCommand *command)
{
    if (!is_settled(conn, WIRE_QUIET_EOH))
        answer_message(conn, session_end_of_headers(conn->session), WIRE_QUIET_EOH);
}

static void on_body(Conn *conn, const WireCommand *command)
{
    if (!is_settled(conn, WIRE_QUIET_BODY))
        answer_message(conn, session_body(conn->session, command->bytes, command->len), WIRE_QUIET_BODY);
}

static void play_edits(Conn *conn, const Edits *edits)
{
    for (guint i = 0; edits != NULL && i < edits_len(edits) && !conn->over; i++) {
        const Edit *edit = edits_at(edits, i);
        guint32 lacking = edit_lacking(edit, conn->agreed.actions);

        if (lacking != 0) {
            if (!(conn->missing_edits & 1u << edit->kind))
                conn_say(conn, LOG_LEVEL_WARNING, "the MTA does not let a filter do this, it was left out",
                         edit_words(edit->kind));
            conn->missing_edits |= 1u << edit->kind;
        }
        for (EditProgress progress = {0}; edit_put(conn->out, edit, &conn->agreed, &progress);)
            if (conn->out->len >= CONN_FLUSH_AT && !conn_flush(conn))
                break;
    }
}

static void on_end_of_message(Conn *conn, const WireCommand *command)
{
    const Edits *edits = NULL;
    Reply reply;

    note_macros(conn, STAGE_MESSAGE, no_macros); /* what has not come by now comes no more */
    if (is_settled(conn, 0))
        return;
    if (command->len > 0)
        session_body(conn->session, command->bytes, command->len);
    reply = session_end_of_message(conn->session, &edits);
    if (reply.kind == REPLY_CONTINUE || reply.kind == REPLY_ACCEPT)
        play_edits(conn, edits);
    conn->in_message = FALSE;
    answer(conn, reply, 0);
}

static void on_abort(Conn *conn, const WireCommand *command)
{
    session_abort(conn->session);
    end_message(conn);
}

static void on_unknown(Conn *conn, const WireCommand *command)
{
    answer_session(conn, session_unknown(conn->session, command->args[0]), 0);
}

static void on_quit(Conn *conn, const WireCommand *command)
{
    conn->over = TRUE;
}

/* Another SMTP session on the same connection. What was agreed stays; if a new configuration needs more than
 * that, the MTA must connect anew. */
static void on_quit_new(Conn *conn, const WireCommand *command)
{
    begin_session(conn, conn->agreed.actions);
    if (negotiation_lacks_steps(&conn->agreed, not_needed(conn)))
        conn->over = TRUE;
}

static void (*const handlers[256])(Conn *conn, const WireCommand *command) = {
    [WIRE_COMMAND_OPTNEG] = on_negotiate,
    [WIRE_COMMAND_MACRO] = on_macros,
    [WIRE_COMMAND_CONNECT] = on_connect,
    [WIRE_COMMAND_HELO] = on_helo,
    [WIRE_COMMAND_MAIL] = on_mail,
    [WIRE_COMMAND_RCPT] = on_rcpt,
    [WIRE_COMMAND_DATA] = on_data,
    [WIRE_COMMAND_HEADER] = on_header,
    [WIRE_COMMAND_EOH] = on_end_of_headers,
    [WIRE_COMMAND_BODY] = on_body,
    [WIRE_COMMAND_BODYEOB] = on_end_of_message,
    [WIRE_COMMAND_ABORT] = on_abort,
    [WIRE_COMMAND_UNKNOWN] = on_unknown,
    [WIRE_COMMAND_QUIT] = on_quit,
    [WIRE_COMMAND_QUIT_NC] = on_quit_new,
};

/* The only step that a connection over the cap is asked for is connect; 421 there ends the SMTP session in
 * both MTAs. */
static void handle_refused(Conn *conn, const WireCommand *command)
{
    if (command->kind == WIRE_COMMAND_QUIT)
        conn->over = TRUE;
    else if (command->kind != WIRE_COMMAND_MACRO && command->kind != WIRE_COMMAND_ABORT)
        answer_later(conn, "too many sessions, try again later");
}

void conn_handle(Conn *conn, const WireCommand *command)
{
    if (command->kind == WIRE_COMMAND_OPTNEG)
        on_negotiate(conn, command);
    else if (!conn->negotiated)
        conn_give_up(conn, "a command came before negotiation, connection closed",
                     wire_command_name(command->kind));
    else if (conn->refuse)
        handle_refused(conn, command);
    else
        handlers[command->kind](conn, command);
}
