/* policy-internal.h — what a compiled policy is: policy.c looks rules up, policy-compile.c makes it. */
#pragma once

#include "policy/policy.h"

#define TAG_BIT(tag) (G_GUINT64_CONSTANT(1) << (tag))

typedef enum { OF_SUBJECT, OF_RECIPIENT } Whose;

struct Policy {
    Config *config;
    Ruling verbs[TAG_COUNT];
    char *verb_sources[TAG_COUNT]; /* NULL: built in */
    Stage decide_at[TAG_COUNT];
    guint64 settled_by[TAG_COUNT]; /* a bit per tag */
    GArray *thresholds[2];         /* Threshold; [1] is the early one */
    guint verbs_used;              /* by rules that somebody wrote */
    guint64 mapped[2];             /* tags that the access map has entries for, a bit each; [1]: To- */
    GHashTable *
        own_verbs; /* "spf-fail:example.com" → OwnVerb: what an old file lists (D8), and what is built in (B12) */
    guint64 own_listed;      /* a bit per tag: it has entries there */
    guint64 late_tags;       /* a bit per tag: some rule for it makes a difference after DATA */
    guint64 own_tags;        /* a bit per tag: some recipients have rules of their own for it */
    gboolean put_off;        /* [decide_at] puts some tag off until end of message */
    GArray *blacklist_rules; /* BlacklistRule */
    Verb unavailable, unproven_dsn;
};
G_STATIC_ASSERT(TAG_COUNT <= 64);

/* A rule that stands in the configuration itself. */
typedef struct {
    Ruling ruling;
    char *source;
} OwnVerb;
