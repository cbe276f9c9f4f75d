/*
 * finding.h — what a check found: a tag, the name its rule is looked up by, a sentence.
 *
 * A finding says nothing about what is to be done: that is looked up when it is weighed, for each recipient (D1, D2).
 * Findings are immutable once recorded and live as long as the session, message or recipient that they are about.
 */
#pragma once

#include "policy/tag.h"

#define FINDING_BECOMES_MAX 8 /* tags that a temporary finding may still turn into */

typedef enum { ABOUT_SESSION, ABOUT_MESSAGE, ABOUT_RECIPIENT } FindingScope;

typedef struct Finding Finding;
struct Finding {
    Tag tag;
    FindingScope scope;
    Stage stage;             /* when it was found */
    const char *check;       /* who found it */
    const char *subject;     /* the name that the finding is about: sender, HELO name, d=, login; may be "" */
    const char *const *keys; /* what rules are looked up by, most specific first (policy_keys()); NULL ends */
    const char *sentence;    /* for the SMTP reply and the log */
    int code;                /* 0: the tag's own */
    const char *xcode;       /* NULL: the tag's own */
    Tag becomes[FINDING_BECOMES_MAX]; /* a temporary finding: what it may still turn out to be */
    guint n_becomes;                  /* 0: it is what it is */
    /* Of a tag that proves a sender: it proves the author, or a signer, who is not the envelope sender. */
    gboolean of_another;
    const Finding *future_of; /* made by weigh(): the temporary finding as it may turn out; else NULL */
};
