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

/* How long, for people: "3 d", "5 h", "12 min", "40 s". The caller frees. */
char *span_to_string(gint64 seconds);
/* "ends in 3 d", "never ends". The caller frees. */
char *entry_end(const StoreEntry *entry, gint64 now);
/* Key, text, number and times. */
void record_entry(Record *record, const StoreEntry *entry);
