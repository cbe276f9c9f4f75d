/* record-internal.h — what a Record is made of, for record.c and record-print.c alone. */
#pragma once

#include "base/record.h"

typedef enum {
    RECORD_STR,
    RECORD_INT,
    RECORD_DOUBLE,
    RECORD_BOOL,
    RECORD_STRV,
    RECORD_CHILD,
    RECORD_LIST, /* of records */
} RecordKind;

typedef struct {
    char *name;
    RecordKind kind;
    union {
        char *str;
        gint64 integer; /* RECORD_BOOL too */
        double real;
        char **strv;
        Record *child;
        GPtrArray *list;
    };
    char *text; /* the value as text, made when first asked for */
} RecordItem;

struct Record {
    GPtrArray *items; /* of RecordItem */
};

/* NULL for children and lists of records. Owned by the item. */
const char *record_item_text(RecordItem *item);
