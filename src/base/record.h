/*
 * record.h — facts as they are shown: an ordered list of names and typed values, with nested records and
 * lists.
 *
 * Everything that prints goes through here: log lines, JSON, the trace of `postern scan`, test cases. A
 * struct is shown by its field table (one row a member), so that no printer is written twice:
 *
 *     static const Field spf_fields[] = {
 *         FIELD_ENUM(SpfFact, result, spf_result_name),
 *         FIELD_STR(SpfFact, domain),
 *         {0},
 *     };
 *     record_fields(record, spf_fields, fact);
 *
 * A Record owns copies of all it holds. One thread.
 */
#pragma once

#include <glib.h>

typedef struct Record Record;

typedef enum { FIELD_END = 0, FIELD_IS_STR, FIELD_IS_INT, FIELD_IS_BOOL, FIELD_IS_ENUM } FieldKind;

typedef struct {
    FieldKind kind;
    const char *name;
    gsize offset;
    const char *(*word)(int value); /* FIELD_IS_ENUM */
} Field;

/* The member's type is checked: a wrong one does not compile. */
#define FIELD_TYPED(T, member, type, kind, word)                                                             \
    {                                                                                                        \
        kind, #member, offsetof(T, member) + 0 * sizeof(char[_Generic(((T *)0)->member, type : 1)]), word    \
    }
#define FIELD_STR(T, member)  FIELD_TYPED(T, member, const char *, FIELD_IS_STR, NULL)
#define FIELD_INT(T, member)  FIELD_TYPED(T, member, int, FIELD_IS_INT, NULL)
#define FIELD_BOOL(T, member) FIELD_TYPED(T, member, gboolean, FIELD_IS_BOOL, NULL)
/* Any enum without negative values; `word` gives its name. */
#define FIELD_ENUM(T, member, word) FIELD_TYPED(T, member, unsigned, FIELD_IS_ENUM, word)

Record *record_new(void);
void record_free(Record *record); /* NULL is allowed */

/* A NULL text is left out: what is not known is not shown. */
void record_str(Record *record, const char *name, const char *text);
void record_int(Record *record, const char *name, gint64 value);
void record_double(Record *record, const char *name, double value);
void record_bool(Record *record, const char *name, gboolean value);
/* A list of strings; NULL-terminated. */
void record_strv(Record *record, const char *name, const char *const *texts);
/* A nested record, and an element of a list of records; owned by `record`, filled by the caller. A name that
 * is there already keeps its place and gets the new value; record_child() gives the child that is there,
 * record_element() adds. */
Record *record_child(Record *record, const char *name);
Record *record_element(Record *record, const char *name);
void record_fields(Record *record, const Field *fields, const void *of);

/* Copies the items of `from` whose names `record` does not have yet. */
void record_merge(Record *record, const Record *from);

/* Takes whole items off the end, deep in if need be, until its JSON has at most `max` bytes, and notes "cut": true. Reckons
 * with the longest that each character can become, so that less may be kept than would fit. */
void record_trim(Record *record, gsize max);

gboolean record_is_empty(const Record *record);
/* Calls `each` for every plain value, in order, with its path ("spf.result", "dkim.0.d") and its text. A list
 * of strings is one value, joined by ", ". */
typedef void (*RecordEach)(const char *path, const char *text, void *data);
void record_each(const Record *record, RecordEach each, void *data);
/* For tests and rules: the value at "spf.result" as text, or NULL; elements of lists are numbered from 0.
 * Owned by the record. */
const char *record_lookup(const Record *record, const char *path);

/* One line of JSON without a line end. Bytes that are not UTF-8 are shown as U+FFFD. Owned by the caller. */
char *record_to_json(const Record *record);
/* One JSON object, as record_to_json() writes it: plain values, lists of strings, and both nested. For what we have written
 * ourselves; null and what is mixed in a list is left out. */
Record *record_from_json(const char *text, gsize len, GError **error);
/* `name=value name="with blanks"`: one line. Control characters and bytes over 0x7e are escaped as \xNN. */
char *record_to_line(const Record *record);
/* Indented lines for people. */
char *record_to_text(const Record *record);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Record, record_free)
