/* store-option.h — which store a command works on: by the configuration that names it, or by its path. */
#pragma once

#include "conf/config.h"
#include "store/store.h"

typedef struct {
    char *config, *file; /* the command's to free: store_option_clear() */
} StoreOption;

#define STORE_ENTRIES(option)                                                                                \
    {"config", 'c', 0, G_OPTION_ARG_FILENAME, &(option).config, "the configuration, which names the store",  \
     "FILE"},                                                                                                \
    {                                                                                                        \
        "file", 0, 0, G_OPTION_ARG_FILENAME, &(option).file, "the store itself", "PATH"                      \
    }

typedef enum {
    STORE_TO_READ,
    STORE_TO_WRITE,
    STORE_TO_MAKE
} StoreUse; /* to make: the file need not be there */

/* NULL: stderr says why, and *ret_status is the exit status. What root makes for a configuration belongs to its [rights] user. */
Store *store_option_open(const StoreOption *option, StoreUse use, int *ret_status);
/* Its path, the caller's; NULL: stderr says why. */
char *store_option_path(const StoreOption *option);
void store_option_clear(StoreOption *option);

/* A command with subcommands that work on a store; a command's own struct has this in front. */
typedef struct {
    StoreOption option;
    char *span; /* --for */
    gboolean json;
    char **words; /* after the subcommand; NULL ends */
    Store *store;
    gint64 now;
} StoreTask;

typedef struct {
    const char *name;
    int (*run)(StoreTask *task); /* the exit status */
    StoreUse use;
    gboolean needs_words;
} StoreCommand;

/* Runs the one that argv[1] names, with `store`, `words` and `now` set. `commands` ends with a NULL name; `usage` is shown where
 * argv is none. */
int store_task_run(StoreTask *task, const StoreCommand *commands, char **argv, const char *usage);
void store_task_clear(StoreTask *task);
/* When what is written now ends, by --for; 0: never. FALSE: stderr says what is wrong with it. */
gboolean store_task_expires(const StoreTask *task, const char *command, gint64 *ret);

/* How long, for people: "3 d", "5 h", "12 min", "40 s". The caller frees. */
char *span_to_string(gint64 seconds);
/* "ends in 3 d", "never ends". The caller frees. */
char *entry_end(const StoreEntry *entry, gint64 now);
/* Key, text, number and times. */
void record_entry(Record *record, const StoreEntry *entry);
