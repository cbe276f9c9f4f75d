/* record-trim.c — a Record that is to fit somewhere. */
#include "base/record-internal.h"

#include <string.h>

/* Bytes of JSON, at most. */
#define JSON_NAME     4  /* quotes, colon, comma */
#define JSON_BRACKETS 3  /* with a comma */
#define JSON_STRING   3  /* quotes, comma */
#define JSON_NUMBER   28 /* the longest double, with a comma */
#define JSON_CUT      64 /* "cut":true, and the brackets of what is left empty, once a depth */

static gsize text_cost(const char *text)
{
    gsize cost = 0;
    for (; *text; text++) {
        guchar c = (guchar)*text;
        if (c < 0x20 || c == 0x7f)
            cost += strlen("\\u0000");
        else if (c == '"' || c == '\\')
            cost += 2;
        else
            cost += c < 0x80 ? 1 : 3; /* not UTF-8: U+FFFD */
    }
    return cost;
}

static gboolean pay(gsize *left, gsize cost)
{
    if (cost > *left)
        return FALSE;
    *left -= cost;
    return TRUE;
}

static gsize strv_cost(char **texts)
{
    gsize cost = JSON_BRACKETS;
    for (; *texts; texts++)
        cost += text_cost(*texts) + JSON_STRING;
    return cost;
}

static gboolean trim(Record *record, gsize *left);

static gboolean trim_list(GPtrArray *list, gsize *left)
{
    gboolean whole = pay(left, JSON_BRACKETS);
    guint kept = 0;
    while (whole && kept < list->len)
        whole = trim(g_ptr_array_index(list, kept++), left);
    g_ptr_array_set_size(list, (int)kept);
    return whole;
}

/* FALSE: not all of it fits; *keep says whether what is left of it may stay. */
static gboolean trim_item(RecordItem *item, gsize *left, gboolean *keep)
{
    *keep = pay(left, text_cost(item->name) + JSON_NAME);
    if (!*keep)
        return FALSE;
    switch (item->kind) {
    case RECORD_STR:
        return *keep = pay(left, text_cost(item->str) + JSON_STRING);
    case RECORD_STRV:
        return *keep = pay(left, strv_cost(item->strv));
    case RECORD_INT:
    case RECORD_DOUBLE:
    case RECORD_BOOL:
        return *keep = pay(left, JSON_NUMBER);
    case RECORD_CHILD:
        return trim(item->child, left);
    case RECORD_LIST:
        return trim_list(item->list, left);
    }
    g_assert_not_reached();
}

static gboolean trim(Record *record, gsize *left)
{
    gboolean whole = pay(left, JSON_BRACKETS);
    guint kept = 0;
    while (whole && kept < record->items->len) {
        gboolean keep;
        whole = trim_item(g_ptr_array_index(record->items, kept), left, &keep);
        kept += keep;
    }
    whole = whole && kept == record->items->len;
    g_ptr_array_set_size(record->items, (int)kept);
    return whole;
}

void record_trim(Record *record, gsize max)
{
    gsize left = max > JSON_CUT ? max - JSON_CUT : 0;
    if (!trim(record, &left))
        record_bool(record, "cut", TRUE);
}
