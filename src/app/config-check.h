/*
 * config-check.h — what is well-formed and still cannot work: the second half of `postern config check`, and logged at start and
 * at reload.
 *
 * Nothing here is an error: the configuration can be used. Each finding is a warning (somebody wanted
 * something that will not happen) or a note (worth knowing), with file:line where it is known, once for each
 * cause and not for each of a million entries.
 */
#pragma once

#include "flow/check.h"
#include "flow/engine.h"

void config_check(const Config *config, const Policy *policy, const Tables *tables, Problems *problems);
/* The same of a snapshot's configuration and of its shadow's, if it has one. */
void config_check_snapshot(const Snapshot *snapshot, const Tables *tables, Problems *problems);
