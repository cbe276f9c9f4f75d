/*
 * negotiate.h — what we ask of an MTA, out of what it offers and what our checks need. Pure.
 *
 * Every edit that the MTA allows is asked for, and every step that nobody of the snapshot needs is declined.
 * Header fields, the end of headers and body chunks come without being answered: nothing is gained by a
 * refusal there, since both MTAs have read the whole message before they send the first field. Nor are the
 * steps answered at which the flow says "go on" to everybody (snapshot_unanswered_stages()): an answer costs
 * the MTA and us a change of threads each, which is most of what a message costs when there is little to
 * check. All other steps are answered: a refusal must be heard at once. A refusal that there is all the same
 * at a step without an answer is given at the next that has one.
 *
 * MAIL, RCPT and the end of the message always come: without them there is no message.
 */
#pragma once

#include "mta/wire.h"
#include "policy/stage.h"

typedef struct {
    guint32 version, actions, protocol;
} Negotiation;

/* What nobody needs; a bit per Stage. */
typedef struct {
    guint unwanted;   /* snapshot_unwanted_stages() */
    guint unanswered; /* snapshot_unanswered_stages() */
} NotNeeded;

/* The offered version is at least WIRE_VERSION_MIN. */
Negotiation negotiate(const Negotiation *offer, NotNeeded not_needed);
/* For a connection over the cap: nothing but the connect step, where it is told to come again. */
Negotiation negotiate_refusal(const Negotiation *offer);
/* TRUE: with this agreement the MTA leaves out a step, or does not wait for an answer, that is needed now (the
 * configuration has changed). */
gboolean negotiation_lacks_steps(const Negotiation *agreed, NotNeeded not_needed);
/* The macros that are asked for when WIRE_MAY_SET_MACROS is granted; else the administrator's choice stands. */
const WireMacroList *negotiation_macros(const Negotiation *agreed);
