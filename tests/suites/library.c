/* The suites of `conformance`, which know the library alone. */
#include "runner.h"

const Suite suites[] = {
    {"spf", run_spf},
    {"arc-verify", run_arc_verify},
    {"arc-sign", run_arc_sign},
    {"dkim", run_dkim},
    {"dkim-canon", run_dkim_canon},
    {"dmarc", run_dmarc},
    {"dmarc-parse", run_dmarc_parse},
    {"dmarc-from", run_dmarc_from},
    {"dmarc-e2e", run_dmarc_e2e},
    {"psl", run_psl},
    {"srs", run_srs},
    {"ses", run_ses},
    {"batv", run_batv},
    {"bounces", NULL},
    {"mime", NULL},
    {0},
};
