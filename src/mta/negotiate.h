/*
 * negotiate.h — what we ask of an MTA, out of what it offers and what our checks need. Pure.
 *
 * Every edit that the MTA allows is asked for, and every step that nobody of the snapshot needs is declined.
 * Header fields, the end of headers and body chunks come without being answered: nothing is gained by a
 * refusal there, since both MTAs have read the whole message before they send the first field. All other
 * steps are answered: a refusal at connect (421), HELO, MAIL, RCPT or DATA must be heard at once. A refusal
 * that a check has all the same at the end of headers is given at the end of the message.
 *
 * MAIL, RCPT and the end of the message always come: without them there is no message.
 */
#pragma once

#include "mta/wire.h"
#include "policy/stage.h"

typedef struct {
    guint32 version, actions, protocol;
} Negotiation;

/* `unwanted` has a bit per Stage (snapshot_unwanted_stages()). The offered version is at least
 * WIRE_VERSION_MIN. */
Negotiation negotiate(const Negotiation *offer, guint unwanted);
/* For a connection over the cap: nothing but the connect step, where it is told to come again. */
Negotiation negotiate_refusal(const Negotiation *offer);
/* TRUE: with this agreement the MTA leaves out a step that is needed now (the configuration has changed). */
gboolean negotiation_lacks_steps(const Negotiation *agreed, guint unwanted);
/* The macros that are asked for when WIRE_MAY_SET_MACROS is granted; else the administrator's choice stands. */
const WireMacroList *negotiation_macros(const Negotiation *agreed);
