/*
 * engine.h — what all sessions share: the services, the tables of checks and actions, and the current snapshot.
 *
 * Threads: any, unless said otherwise. The engine must outlive its sessions.
 */
#pragma once

#include "flow/check.h"
#include "store/quarantine.h"
#include "store/store.h"

/* All are borrowed and outlive the engine; so does the struct, which may be completed until the first session. */
typedef struct {
    Resolver *resolver;
    const Clock *clock;
    Random *random;
    DkimKeyCache *keys;     /* NULL: every public key is parsed again */
    Quarantine *quarantine; /* NULL: there is none; what should go there gets a temporary failure instead */
    Quarantine *failed;     /* messages on which a check failed; NULL: they are not kept */
    Store *store;           /* NULL: nothing is remembered */
    const char *hostname;   /* when the MTA does not tell its own */
} Services;

Engine *engine_new(const Services *services, const Tables *tables);
void engine_free(Engine *engine); /* NULL is allowed */

/* Reads the configuration and makes it current. FALSE with errors in `problems`: the one before stays in force (D7). */
gboolean engine_load(Engine *engine, const char *path, Problems *problems);
/* The same from a Config that is there already. */
gboolean engine_use(Engine *engine, Config *config, Problems *problems);
/* A snapshot without making it current: `config check`. NULL with errors in `problems`. */
Snapshot *snapshot_new(const Tables *tables, Config *config, Problems *problems);

Snapshot *engine_snapshot(Engine *engine); /* owned by the caller */
Snapshot *snapshot_ref(Snapshot *snapshot);
void snapshot_unref(Snapshot *snapshot); /* NULL is allowed */
const Config *snapshot_config(const Snapshot *snapshot);
const Policy *snapshot_policy(const Snapshot *snapshot);
/* The configuration that [shadow] config names; NULL: there is none, or it cannot be used (which is a warning). */
const Config *snapshot_shadow_config(const Snapshot *snapshot);
const Policy *snapshot_shadow_policy(const Snapshot *snapshot); /* NULL: the same */
/* Its file, whether it can be used or not; NULL: none is named. */
const char *snapshot_shadow_file(const Snapshot *snapshot);

/* For tests and `scan`: told of every session and message that ends, before it is freed. NULL: nobody. */
typedef void (*MessageObserver)(Message *message, gboolean aborted, const Reply *reply, void *data);
void engine_observe(Engine *engine, MessageObserver observer, void *data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Engine, engine_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Snapshot, snapshot_unref)
