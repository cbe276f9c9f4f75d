/*
 * reply.h — what the MTA is told. Plain data; strings are borrowed from whoever made it.
 */
#pragma once

#include <glib.h>

typedef enum {
    REPLY_CONTINUE,
    REPLY_ACCEPT,   /* no more questions about this message */
    REPLY_REJECT,   /* 5xx */
    REPLY_TEMPFAIL, /* 4xx; at connect a 421 closes the session */
    REPLY_DISCARD,  /* the MTA says 250 and drops it */
} ReplyKind;

typedef struct {
    ReplyKind kind;
    int code;          /* 400…599, or 0: the MTA's own words */
    const char *xcode; /* RFC 3463 status, "5.7.1"; NULL with code 0 */
    const char *text;  /* UTF-8; '\n' separates lines of a multi-line reply */
} Reply;

#define REPLY_GO ((Reply){.kind = REPLY_CONTINUE})
