/* The throw-away check of a case: records what the case plans, carries demands out as it says, and writes
 * down what it is asked to settle. */
#include "world.h"

#include <stddef.h>
#include <string.h>

/* Checks have no data of their own; the clock is the one thing of ours that a session hands out. */
World *world_of(const Session *session)
{
    return (World *)((char *)session_clock(session) - offsetof(World, clock));
}

static World *world_of_recipient(const Recipient *recipient)
{
    return world_of(message_session(recipient_message(recipient)));
}

void planned_free(gpointer data)
{
    Planned *planned = data;
    g_free(planned->rcpt);
    g_free(planned->subject);
    g_free(planned->sentence);
    g_free(planned);
}

void planned_answer_free(gpointer data)
{
    PlannedAnswer *answer = data;
    g_free(answer->rcpt);
    g_free(answer->finding.subject);
    g_free(answer->finding.sentence);
    g_free(answer);
}

static void complete(Finding *finding, const Planned *planned)
{
    for (guint i = 0; i < planned->n_becomes; i++)
        finding_may_become(finding, planned->becomes[i], TAG_COUNT);
    if (planned->of_another)
        finding_prove_another(finding);
}

static void find_in_message(Message *message, const Planned *p)
{
    const World *world = world_of(message_session(message));
    complete(message_find(message, &world->probe, p->tag, p->subject, "%s", p->sentence), p);
}

static void find_for_recipient(Recipient *recipient, const Planned *p)
{
    const World *world = world_of_recipient(recipient);
    complete(recipient_find(recipient, &world->probe, p->tag, p->subject, "%s", p->sentence), p);
}

/* --- stages --- */

static void at_session(Session *session, Stage stage)
{
    const World *world = world_of(session);
    for (guint i = 0; i < world->planned->len; i++) {
        const Planned *p = world->planned->pdata[i];
        if (p->stage == stage && !p->rcpt)
            complete(session_find(session, &world->probe, p->tag, p->subject, "%s", p->sentence), p);
    }
}

static void reserve(Message *message, Stage stage)
{
    World *world = world_of(message_session(message));
    if (world->reserve_stage == stage && !message_reserve(message, &world->quota, 1))
        find_in_message(message, world->over_quota);
}

/* Findings about one recipient may come at the end of the message too. */
static void at_message(Message *message, Stage stage)
{
    const World *world = world_of(message_session(message));
    reserve(message, stage);
    for (guint i = 0; i < world->planned->len; i++) {
        const Planned *p = world->planned->pdata[i];
        if (p->stage != stage)
            continue;
        if (!p->rcpt)
            find_in_message(message, p);
        for (guint r = 0; p->rcpt && r < message_n_recipients(message); r++)
            if (strcmp(recipient_text(message_recipient(message, r)), p->rcpt) == 0)
                find_for_recipient(message_recipient(message, r), p);
    }
}

static void on_connect(Session *session)
{
    at_session(session, STAGE_CONNECT);
}

static void on_helo(Session *session)
{
    at_session(session, STAGE_HELO);
}

static void on_mail(Message *message)
{
    at_message(message, STAGE_MAIL);
}

static void on_first_rcpt(Message *message)
{
    const World *world = world_of(message_session(message));
    reserve(message, STAGE_RCPT);
    for (guint i = 0; i < world->planned->len; i++) {
        const Planned *p = world->planned->pdata[i];
        if (p->stage == STAGE_RCPT && !p->rcpt)
            find_in_message(message, p);
    }
}

static void on_rcpt(Recipient *recipient)
{
    const World *world = world_of_recipient(recipient);
    for (guint i = 0; i < world->planned->len; i++) {
        const Planned *p = world->planned->pdata[i];
        if (p->stage == STAGE_RCPT && p->rcpt && strcmp(p->rcpt, recipient_text(recipient)) == 0)
            find_for_recipient(recipient, p);
    }
}

static void on_headers(Message *message)
{
    at_message(message, STAGE_HEADERS);
}

static void on_message(Message *message)
{
    at_message(message, STAGE_MESSAGE);
}

/* --- demands --- */

static void carry_out(Recipient *recipient, const Demand *demand)
{
    World *world = world_of_recipient(recipient);
    g_ptr_array_add(world->carried,
                    g_strdup_printf("%s %s %s", verb_name(demand->verb), tag_name(demand->finding->tag),
                                    recipient_text(recipient)));
    for (guint i = 0; i < world->answers->len; i++) {
        const PlannedAnswer *answer = world->answers->pdata[i];
        if (answer->verb != demand->verb ||
            (answer->rcpt && strcmp(answer->rcpt, recipient_text(recipient)) != 0))
            continue;
        if (!answer->nothing)
            find_for_recipient(recipient, &answer->finding);
        return;
    }
}

/* --- settling --- */

static void settle_recipient(Recipient *recipient)
{
    static const char *const states[] = {
        [RCPT_OPEN] = "open",
        [RCPT_ACCEPTED] = "accepted",
        [RCPT_REFUSED] = "refused",
        [RCPT_UNKNOWN] = "unknown",
    };
    g_ptr_array_add(
        world_of_recipient(recipient)->settled,
        g_strdup_printf("recipient %s %s", recipient_text(recipient), states[recipient_state(recipient)]));
}

static void settle_message(Message *message, gboolean aborted)
{
    g_ptr_array_add(
        world_of(message_session(message))->settled,
        g_strdup_printf("message %s %s", message_sender_text(message), aborted ? "aborted" : "done"));
}

static void settle_session(Session *session)
{
    g_ptr_array_add(world_of(session)->settled, g_strdup("session"));
}

void probe_init(World *world)
{
    world->probe = (Check){
        .name = "probe",
        .scope = PER_MESSAGE,
        .connect = on_connect,
        .helo = on_helo,
        .mail = on_mail,
        .first_rcpt = on_first_rcpt,
        .rcpt = on_rcpt,
        .carry_out = carry_out,
        .settle_recipient = settle_recipient,
        .settle_message = settle_message,
        .settle_session = settle_session,
    };
}

/* Hooks for stages that an MTA can leave out are there only when something is planned for them, so that a
 * case sees which stages the real checks want. */
void probe_wants(World *world, Stage stage)
{
    if (stage == STAGE_HEADERS)
        world->probe.headers = on_headers;
    if (stage == STAGE_MESSAGE)
        world->probe.message = on_message;
}
