/* config-old.h — between config-old.c, which has the names of old files, and config-old-values.c, which translates their values. */
#pragma once

#include "conf/config-internal.h"

typedef enum {
    OLD_SAME,            /* the value as it is */
    OLD_UMASK,           /* of the socket: the opposite of its permissions */
    OLD_GUESS,           /* yes or no, or a record of its own */
    OLD_INTERNAL_POLICY, /* yes or no, where there are SPF terms now */
    OLD_MAP,             /* an access map, perhaps named by what makemap made of it */
    OLD_FOLDER,          /* a folder, if it is there */
    OLD_KEY,             /* a private key, if it is there */
    OLD_SIGN_DOMAIN,     /* whose mail is signed is not quite what it was */
    OLD_ADSP,            /* a policy that nobody publishes any more */
    OLD_GREYLIST,        /* its database: it is on */
    OLD_MINUTES,         /* a number of them */
    OLD_HOURS,
    OLD_DAYS,
    OLD_VERB_IF,   /* yes: the tag gets the verb */
    OLD_VERB_FOR,  /* the tag gets the verb for these domains */
    OLD_ELSEWHERE, /* read before or after all others */
    OLD_LATER,     /* a feature that comes later: named once */
    OLD_NOTHING,   /* meant something to Python only */
} OldKind;

typedef struct {
    const char *section, *key; /* key NULL: any key of the section that is not above */
    OldKind kind;
    const char *to, *name; /* OLD_VERB_…: tag and verb; else section and key */
} OldName;

/* Sets what the entry means today, or tells what has become of it. */
void old_apply(Loader *loader, const OldName *old, const IniEntry *entry);
