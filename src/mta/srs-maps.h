/*
 * srs-maps.h — the maps by which an MTA has senders rewritten and signed, and signed recipients turned back (H3).
 *
 *   make_srs, reverse_srs   Sendmail with pysrs.m4 as it is installed, for each recipient on its way out. Keys and values
 *                           are addresses as its rule sets have them, `joe<@example.com.>`; before that of make_srs may
 *                           stand the next host and $|; then a sender that stays comes back as it was, since Sendmail would go on
 *                           with host and all. Otherwise what stays is not found: Sendmail folds the case of keys unless
 *                           the map says -f, and an address that is none of ours must not come back folded.
 *   forward, reverse        Postfix's sender_canonical_maps and recipient_canonical_maps, with the names that PostSRSd has
 *                           (`socketmap:unix:srs:forward`). What is not rewritten is not found.
 *
 * `forward` does not sign our own senders: it is asked for all mail that comes in, also for what only claims to be ours.
 * Nothing is ever a temporary failure: somebody else's SRS address that passes through is not ours to judge.
 *
 * Pure functions of the configuration: any thread.
 */
#pragma once

#include "conf/config.h"
#include "net/socketmap.h"

/* `number` as in signing_sign(). Appends the value or the reason to `text`. */
SocketmapAnswer srs_maps_answer(const Config *config, const char *map, const char *key, gint64 now,
                                guint64 number, GString *text);
