/* The whole life of a message on one screen: each stage runs the hooks of these checks from top to bottom. */
#include "checks/checks.h"

const Check *const all_checks[] = {
    &check_client,    /* A1–A3, A7: who connects; PTR names */
    &check_hello,     /* A4, A5: HELO that is missing, an address, or ours */
    &check_iprev,     /* A8: does the PTR name lead back to the client? */
    &check_auth,      /* B3: may this login send as this domain? */
    &check_sender,    /* B1, B4, B5, B12: the envelope sender as such */
    &check_recipient, /* B1, B4, B12: the recipient as such */
    &check_spf,       /* C: may this client send for this domain? */
    &check_relay,     /* B10: what a trusted relay says of the sender */
    &check_digest,    /* E1, E3: header and body as signatures see them */
    &check_author,    /* E4: who is named in From */
    &check_dkim,      /* E1, E6: who has signed it */
    &check_arc,       /* E3: what forwarders whom we trust say of it */
    &check_dmarc,     /* E4: is From proven, and what does its domain ask for if not? */
    &check_self,      /* B2: our own domains, claimed by others; others', claimed by us */
    &check_dnsbl,     /* A8: DNS lists of clients, senders' domains and HELO names */
    &check_bounce,    /* H2: does a bounce answer mail of ours? */
    &check_returned,  /* C13: does it quote mail that we passed on? */
    &check_ban,       /* A3, A6: clients that are banned; after all that give demerits */
    &check_limits,    /* A9: how much who may send */
    &check_greylist,  /* G4: asked to come back */
    &check_msgid,     /* B12: a Message-ID that is none */
    &check_lists,     /* B6–B8: whitelist and blacklist; behind all that can prove a sender */
    &check_autolist,  /* G5: who our people write to is whitelisted */
    &check_repeat,    /* K4: who is refused again and again */
    NULL,
};
