/*
 * dmarc-rows.h — results kept for aggregate reports (RFC 9990), in the store's table `dmarc`.
 *
 * For each day (UTC) and policy domain that names an address for reports:
 *
 *     2026-01-05 rows                      number: how many rows there are of all domains
 *     2026-01-05 example.com record        text: its DMARC record as it was seen first
 *     2026-01-05 example.com rows          number: how many rows there are
 *     2026-01-05 example.com row HASH      number: messages; text: what they have in common, one JSON object
 *
 * A row's object has ip, disposition, dkim and spf (aligned: pass or fail), reason (why less was done than asked for; absent:
 * nothing), header_from, envelope_from, spf_domain, spf_result, and dkim_results, a list of "DOMAIN SELECTOR RESULT".
 *
 * Strangers choose how many rows there are, and whoever has one zone has any number of domains: DMARC_ROWS_MAX of one domain
 * and day, DMARC_DAY_MAX of one day, and all are gone after DMARC_ROWS_DAYS.
 */
#pragma once

#include "checks/dmarc.h"

#define DMARC_ROWS_MAX  10000  /* no report that anybody reads has more */
#define DMARC_DAY_MAX   100000 /* with the records of their domains a few KB each */
#define DMARC_ROWS_DAYS 4      /* a report is for one day, and may be late */

/* In settle_message hooks. Nothing is kept of what was not judged, or will come again. */
void dmarc_rows_add(Message *message, const DmarcFact *fact);
