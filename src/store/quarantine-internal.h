/* quarantine-internal.h — the directory as quarantine.c keeps it and quarantine-put.c fills it. */
#pragma once

#include <pthread.h>

#include "base/quota.h"
#include "store/quarantine.h"

#define MESSAGE ".eml"
#define SIDECAR ".json"
#define UNDONE  ".tmp" /* after either of them, while it is written */

#define ID_LEN       (sizeof("20261123T053940-7f3a90c1d2e4b586") - 1)
#define TIME_LEN     (sizeof("20261123T053940") - 1)
#define NAME_MAX_LEN (ID_LEN + sizeof SIDECAR UNDONE)

struct Quarantine {
    char *path;
    int dir, lock;
    QuarantineLimits limits;
    Quota bytes, messages;
    pthread_mutex_t mutex; /* of items */
    GQueue items;          /* QuarantineItem *, by id */
};

/* The beginning of the ids of that second (s since 1970). */
void quarantine_stem(gint64 time, char ret[static TIME_LEN + 1]);
/* `undone`: its name while it is written. */
void quarantine_file_name(char ret[static NAME_MAX_LEN], const char *id, const char *suffix, gboolean undone);
/* Both files. TRUE: the message was there. */
gboolean quarantine_unlink(Quarantine *q, const char *id);
/* It is there, and its room is reserved. */
void quarantine_add(Quarantine *q, const char *id, gint64 size);
/* Makes room. FALSE: there is none to discard. */
gboolean quarantine_discard_oldest(Quarantine *q);
