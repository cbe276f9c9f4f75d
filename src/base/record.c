/* record.c — see record.h: the values themselves. How they are printed is in record-print.c. */
#include "base/record-internal.h"

#include <stdlib.h>
#include <string.h>

static void item_clear_value(RecordItem *item)
{
    if (item->kind == RECORD_STR)
        g_free(item->str);
    else if (item->kind == RECORD_STRV)
        g_strfreev(item->strv);
    else if (item->kind == RECORD_CHILD)
        record_free(item->child);
    else if (item->kind == RECORD_LIST)
        g_ptr_array_unref(item->list);
    g_clear_pointer(&item->text, g_free);
}

static void item_free(void *data)
{
    RecordItem *item = data;
    item_clear_value(item);
    g_free(item->name);
    g_free(item);
}

Record *record_new(void)
{
    Record *record = g_new0(Record, 1);
    record->items = g_ptr_array_new_with_free_func(item_free);
    return record;
}

void record_free(Record *record)
{
    if (record == NULL)
        return;
    g_ptr_array_unref(record->items);
    g_free(record);
}

static RecordItem *find(const Record *record, const char *name, gsize len)
{
    for (guint i = 0; i < record->items->len; i++) {
        RecordItem *item = g_ptr_array_index(record->items, i);
        if (strncmp(item->name, name, len) == 0 && item->name[len] == '\0')
            return item;
    }
    return NULL;
}

/* The item of that name, empty: a new one at the end, or the old one in its place. */
static RecordItem *item_for(Record *record, const char *name, RecordKind kind)
{
    RecordItem *item = find(record, name, strlen(name));
    if (item != NULL) {
        item_clear_value(item);
    } else {
        item = g_new0(RecordItem, 1);
        item->name = g_strdup(name);
        g_ptr_array_add(record->items, item);
    }
    item->kind = kind;
    return item;
}

void record_str(Record *record, const char *name, const char *text)
{
    if (text == NULL)
        return;
    char *copy = g_strdup(text); /* first: `text` may be the very value that is replaced */
    item_for(record, name, RECORD_STR)->str = copy;
}

void record_int(Record *record, const char *name, gint64 value)
{
    item_for(record, name, RECORD_INT)->integer = value;
}

void record_double(Record *record, const char *name, double value)
{
    item_for(record, name, RECORD_DOUBLE)->real = value;
}

void record_bool(Record *record, const char *name, gboolean value)
{
    item_for(record, name, RECORD_BOOL)->integer = value != FALSE;
}

void record_strv(Record *record, const char *name, const char *const *texts)
{
    if (texts == NULL)
        return;
    char **copy = g_strdupv((char **)texts);
    item_for(record, name, RECORD_STRV)->strv = copy;
}

Record *record_child(Record *record, const char *name)
{
    RecordItem *item = find(record, name, strlen(name));
    if (item == NULL || item->kind != RECORD_CHILD) {
        item = item_for(record, name, RECORD_CHILD);
        item->child = record_new();
    }
    return item->child;
}

Record *record_element(Record *record, const char *name)
{
    RecordItem *item = find(record, name, strlen(name));
    if (item == NULL || item->kind != RECORD_LIST) {
        item = item_for(record, name, RECORD_LIST);
        item->list = g_ptr_array_new_with_free_func((GDestroyNotify)record_free);
    }
    Record *element = record_new();
    g_ptr_array_add(item->list, element);
    return element;
}

static void show_field(Record *record, const Field *field, const void *of)
{
    const char *at = (const char *)of + field->offset;
    switch (field->kind) {
    case FIELD_IS_STR:
        record_str(record, field->name, *(const char *const *)at);
        break;
    case FIELD_IS_INT:
        record_int(record, field->name, *(const int *)at);
        break;
    case FIELD_IS_BOOL:
        record_bool(record, field->name, *(const gboolean *)at);
        break;
    case FIELD_IS_ENUM:
        record_str(record, field->name, field->word((int)*(const unsigned *)at));
        break;
    case FIELD_END:
        g_assert_not_reached();
    }
}

void record_fields(Record *record, const Field *fields, const void *of)
{
    for (; fields->kind != FIELD_END; fields++)
        show_field(record, fields, of);
}

static void copy_item(Record *record, const RecordItem *item)
{
    switch (item->kind) {
    case RECORD_STR:
        record_str(record, item->name, item->str);
        break;
    case RECORD_INT:
        record_int(record, item->name, item->integer);
        break;
    case RECORD_DOUBLE:
        record_double(record, item->name, item->real);
        break;
    case RECORD_BOOL:
        record_bool(record, item->name, (gboolean)item->integer);
        break;
    case RECORD_STRV:
        record_strv(record, item->name, (const char *const *)item->strv);
        break;
    case RECORD_CHILD:
        record_merge(record_child(record, item->name), item->child);
        break;
    case RECORD_LIST:
        for (guint i = 0; i < item->list->len; i++)
            record_merge(record_element(record, item->name), g_ptr_array_index(item->list, i));
        break;
    }
}

void record_merge(Record *record, const Record *from)
{
    for (guint i = 0; i < from->items->len; i++) {
        const RecordItem *item = g_ptr_array_index(from->items, i);
        if (find(record, item->name, strlen(item->name)) == NULL)
            copy_item(record, item);
    }
}

gboolean record_is_empty(const Record *record)
{
    return record->items->len == 0;
}

const char *record_item_text(RecordItem *item)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    switch (item->kind) {
    case RECORD_STR:
        return item->str;
    case RECORD_BOOL:
        return item->integer ? "true" : "false";
    case RECORD_INT:
        if (item->text == NULL)
            item->text = g_strdup_printf("%" G_GINT64_FORMAT, item->integer);
        return item->text;
    case RECORD_DOUBLE:
        if (item->text == NULL)
            item->text = g_strdup(g_ascii_formatd(number, sizeof number, "%.6g", item->real));
        return item->text;
    case RECORD_STRV:
        if (item->text == NULL)
            item->text = g_strjoinv(", ", item->strv);
        return item->text;
    case RECORD_CHILD:
    case RECORD_LIST:
        return NULL;
    }
    g_assert_not_reached();
}

/* "3" and not "03" or "x": the place in a list of `len`. */
static gboolean list_index(const char *word, gsize word_len, guint len, guint *ret)
{
    guint value = 0;
    if (word_len == 0 || word_len > 6 || (word[0] == '0' && word_len > 1))
        return FALSE;
    for (gsize i = 0; i < word_len; i++) {
        if (!g_ascii_isdigit(word[i]))
            return FALSE;
        value = value * 10 + (guint)(word[i] - '0');
    }
    *ret = value;
    return value < len;
}

const char *record_lookup(const Record *record, const char *path)
{
    for (;;) {
        gsize len = strcspn(path, ".");
        RecordItem *item = find(record, path, len);
        if (item == NULL)
            return NULL;
        path += len;
        if (*path == '\0')
            return record_item_text(item);
        path++;
        if (item->kind == RECORD_CHILD) {
            record = item->child;
            continue;
        }
        guint index;
        len = strcspn(path, ".");
        if (item->kind == RECORD_STRV)
            return path[len] == '\0' && list_index(path, len, g_strv_length(item->strv), &index)
                       ? item->strv[index]
                       : NULL;
        if (item->kind != RECORD_LIST || path[len] == '\0' || !list_index(path, len, item->list->len, &index))
            return NULL;
        record = g_ptr_array_index(item->list, index);
        path += len + 1;
    }
}
