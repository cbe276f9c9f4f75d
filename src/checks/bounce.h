/* bounce.h — what is a bounce. */
#pragma once

#include "flow/flow.h"

/* It has no envelope sender, or one of [bounces] senders. */
gboolean bounce_is(const Message *message);
