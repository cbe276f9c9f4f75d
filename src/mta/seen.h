/*
 * seen.h — the names of the macros that MTAs have really sent since start, by MTA and step: what an administrator asks when a
 * check lacks something (`postern doctor`, the control command "macros").
 *
 * Threads: any. Adding what is known already takes no lock for long: one look-up under a mutex.
 */
#pragma once

#include <glib.h>
#include "policy/stage.h"

/* Of one MTA and step; MTAs send a few dozen, and whoever sends more names is not to fill our memory. */
#define SEEN_NAMES_MAX 100
#define SEEN_NAME_MAX  64 /* bytes */

typedef struct Seen Seen;

Seen *seen_new(void);
void seen_free(Seen *seen); /* NULL is allowed */
/* A step without macros is told too: what never came with it is missing. `version` is the MTA's macro v ("Postfix 3.7.11", "8.17.1.9"), NULL: it did not say. `pairs` as for session_macros(). */
void seen_add(Seen *seen, const char *version, Stage stage, const char *const *pairs);
/* A line for each MTA and step that came: "postfix connect j daemon_name …"; "postfix data" where nothing came with it. */
void seen_append(Seen *seen, GString *text);
