/* config-check-internal.h — between config-check.c and the two files of checks that have a table of their own. */
#pragma once

#include "app/config-check.h"

typedef struct {
    const Config *config;
    const Policy *policy;
    Problems *problems;
    guint carried_out; /* VERB_BIT()s that some check that is switched on carries out */
    /* That somebody wrote for SMTP-Auth, and for DMARC-Reject: inspect_rules() counts them. */
    guint login_rules, dmarc_rules;
} Inspection;

typedef gboolean (*IsOn)(const Config *config);

/* A condition on the configuration, with a name that the rows of a table can say. */
#define ON(name, condition)                                                                                  \
    static gboolean name(const Config *config)                                                               \
    {                                                                                                        \
        return (condition);                                                                                  \
    }

/* "[section] key" and the text, where that option stands. */
void inspection_tell(const Inspection *check, const char *section, const char *key, ProblemLevel level,
                     const char *format, ...) G_GNUC_PRINTF(5, 6);
/* Somebody wrote this option. */
gboolean inspection_is_set(const Inspection *check, const char *section, const char *key);

/* config-check-rules.c: rules that no check bears out, verbs that nothing carries out, waiting for what cannot come. */
void inspect_rules(Inspection *check);
/* config-check-idle.c: options that do nothing without others. */
void inspect_idle(const Inspection *check);
