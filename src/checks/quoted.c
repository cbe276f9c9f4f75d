/* quoted.c — see quoted.h. */
#include "checks/quoted.h"

#include <string.h>

typedef struct {
    const char *name;
    GString *value;
} Field;

struct QuotedScan {
    const char *const *names;
    gsize seen;     /* bytes of the body so far */
    GString *line;  /* without its end; at most LINE_KEPT are kept */
    GArray *fields; /* of Field */
    gboolean open;  /* the last of them may go on in the next line */
    GString *mark;  /* that stood in front of it */
};

/* More of a line than any field that is kept. */
#define NAME_LEN  64 /* of a name, or more, with its colon */
#define LINE_KEPT (QUOTED_MARK_MAX + NAME_LEN + QUOTED_VALUE_MAX)

static void clear_field(void *at)
{
    g_string_free(((Field *)at)->value, TRUE);
}

QuotedScan *quoted_new(const char *const *names)
{
    QuotedScan *scan = g_new0(QuotedScan, 1);
    scan->names = names;
    scan->line = g_string_new(NULL);
    scan->mark = g_string_new(NULL);
    scan->fields = g_array_new(FALSE, FALSE, sizeof(Field));
    g_array_set_clear_func(scan->fields, clear_field);
    return scan;
}

void quoted_free(QuotedScan *scan)
{
    if (!scan)
        return;
    g_string_free(scan->line, TRUE);
    g_string_free(scan->mark, TRUE);
    g_array_unref(scan->fields);
    g_free(scan);
}

static gboolean is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static gsize mark_len(const char *line)
{
    gsize len = strspn(line, "> \t");
    return len <= QUOTED_MARK_MAX ? len : 0;
}

/* RFC 5322 §2.2. NULL: none of the names. */
static const char *field_of(const QuotedScan *scan, const char *text, const char **ret_value)
{
    for (const char *const *name = scan->names; *name; name++) {
        gsize len = strlen(*name);
        if (g_ascii_strncasecmp(text, *name, len) != 0 || text[len] != ':')
            continue;
        *ret_value = text + len + 1;
        return *name;
    }
    return NULL;
}

/* A field that has grown too long is none: half of it would say something else. */
static void append(QuotedScan *scan, const char *text)
{
    Field *field = &g_array_index(scan->fields, Field, scan->fields->len - 1);
    g_string_append(field->value, text);
    if (field->value->len <= QUOTED_VALUE_MAX)
        return;
    g_array_set_size(scan->fields, scan->fields->len - 1);
    scan->open = FALSE;
}

/* RFC 5322 §2.2.3: a line that begins with a blank, behind the mark that the first line had. */
static gboolean goes_on(const QuotedScan *scan)
{
    const GString *mark = scan->mark, *line = scan->line;
    return scan->open && line->len > mark->len && memcmp(line->str, mark->str, mark->len) == 0 &&
           is_blank(line->str[mark->len]);
}

static void begin(QuotedScan *scan)
{
    const char *value;
    gsize len = mark_len(scan->line->str);
    const char *name = field_of(scan, scan->line->str + len, &value);
    scan->open = name && scan->fields->len < QUOTED_FIELDS_MAX;
    if (!scan->open)
        return;
    const Field field = {name, g_string_new(NULL)};
    g_array_append_val(scan->fields, field);
    g_string_truncate(scan->mark, 0);
    g_string_append_len(scan->mark, scan->line->str, len);
    append(scan, value);
}

static void end_line(QuotedScan *scan)
{
    GString *line = scan->line;
    if (line->len && line->str[line->len - 1] == '\r')
        g_string_truncate(line, line->len - 1);
    for (char *c = line->str; c < line->str + line->len; c++)
        if (!*c)
            *c = '?'; /* no field that we write has a NUL */
    if (goes_on(scan))
        append(scan, line->str + scan->mark->len);
    else
        begin(scan);
    g_string_truncate(line, 0);
}

static void keep(QuotedScan *scan, const char *bytes, gsize len)
{
    gsize room = LINE_KEPT - scan->line->len;
    g_string_append_len(scan->line, bytes, (gssize)MIN(len, room));
}

void quoted_add(QuotedScan *scan, const void *bytes, gsize len)
{
    const char *at = bytes, *end = at + MIN(len, QUOTED_BYTES_MAX - scan->seen);
    scan->seen += (gsize)(end - at);
    while (at < end) {
        const char *newline = memchr(at, '\n', (gsize)(end - at));
        keep(scan, at, (gsize)((newline ? newline : end) - at));
        if (!newline)
            return;
        end_line(scan);
        at = newline + 1;
    }
}

void quoted_end(QuotedScan *scan, QuotedEach each, void *data)
{
    if (scan->line->len)
        end_line(scan);
    for (guint i = 0; i < scan->fields->len; i++) {
        const Field *field = &g_array_index(scan->fields, Field, i);
        if (!each(field->name, field->value->str, data))
            return;
    }
}
