/* checks.h — every check, and the table that puts them in order (checks.c). */
#pragma once

#include "flow/check.h"

extern const Check check_client;
extern const Check check_ban;
extern const Check check_hello;
extern const Check check_iprev;
extern const Check check_auth;
extern const Check check_sender;
extern const Check check_recipient;
extern const Check check_bounce;
extern const Check check_returned;
extern const Check check_spf;
extern const Check check_relay;
extern const Check check_digest;
extern const Check check_author;
extern const Check check_dkim;
extern const Check check_arc;
extern const Check check_dmarc;
extern const Check check_self;
extern const Check check_dnsbl;
extern const Check check_limits;
extern const Check check_greylist;
extern const Check check_msgid;
extern const Check check_repeat;
extern const Check check_lists;
extern const Check check_autolist;

/* All of them in the order in which their hooks run; NULL ends. */
extern const Check *const all_checks[];
