/*
 * grey-key.h — by what the greylist knows a delivery again: who sends, from whom, to whom (G4).
 *
 * The client is a domain that was proven, so that all hosts of a sender pool are one, or the network of the address. The sender
 * is the address without the tags that change with each message: SRS, BATV, VERP; counters and random words in the local part.
 * Pure; any thread.
 */
#pragma once

#include <postern/address.h>
#include <postern/ip.h>

/* "192.0.2.0/24", "2001:db8:1:2::/64". The caller frees. */
char *grey_network(const IpAddress *ip);
/* "bounce-#@list.example". `rcpt` is for VERP. The caller frees. */
char *grey_sender(const Address *sender, const Address *rcpt);
/* "CLIENT SENDER RCPT": three words, blanks in addresses are "_". The caller frees. */
char *grey_key(const char *client, const char *sender, const Address *rcpt);
