/* actions.h — every action, and the table that puts them in order (actions.c). */
#pragma once

#include "flow/check.h"

extern const Action action_supply_sender;
extern const Action action_hide_path;
extern const Action action_authres;
extern const Action action_srs;
extern const Action action_seal;
extern const Action action_sign;

/* Who we are in Authentication-Results. */
const char *action_authserv_id(Message *message);

/* All of them in the order in which they run, signing last; NULL ends. */
extern const Action *const all_actions[];
