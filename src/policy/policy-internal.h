/* policy-internal.h — what a compiled policy is: policy.c looks rules up, policy-compile.c makes it. */
#pragma once

#include "policy/policy.h"

typedef enum { OF_SUBJECT, OF_RECIPIENT } Whose;

struct Policy {
    Config *config;
    Ruling verbs[TAG_COUNT];
    char *verb_sources[TAG_COUNT]; /* NULL: built in */
    Stage decide_at[TAG_COUNT];
    TagSet settled_by[TAG_COUNT];
    GArray *thresholds[2]; /* Threshold; [1] is the early one */
    guint verbs_used;      /* by rules that somebody wrote */
    TagSet mapped[2];      /* tags that the access map has entries for; [1]: To- */
    GHashTable *
        own_verbs; /* "spf-fail:example.com" → OwnVerb: what an old file lists (D8), and what is built in (B12) */
    TagSet own_listed;       /* it has entries there */
    TagSet late_tags;        /* some rule for it makes a difference after DATA */
    TagSet own_tags;         /* some recipients have rules of their own for it */
    gboolean put_off;        /* [decide_at] puts some tag off until end of message */
    GArray *blacklist_rules; /* BlacklistRule */
    Verb unavailable, unproven_dsn;
};

/* A rule that stands in the configuration itself. */
typedef struct {
    Ruling ruling;
    char *source;
} OwnVerb;
