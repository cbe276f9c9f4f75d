/* ini.c — see ini.h. Lines first, then interpolation, when all keys are known. */
#include "conf/ini.h"

#include <string.h>
#include "conf/files.h"

typedef struct {
    IniEntry entry; /* first: ini_at() shows it */
    char *raw;      /* before interpolation; NULL afterwards */
    gboolean overridden;
} Item;

typedef struct {
    char *name;
    guint line;
} Section;

struct Ini {
    GPtrArray *items;    /* of Item */
    GPtrArray *shown;    /* of Item, without the overridden ones; owned by `items` */
    GHashTable *by_name; /* "section\nkey" in lower case → Item */
    GPtrArray *sections; /* of Section */
    GHashTable *section_names;
};

static void item_free(void *data)
{
    Item *item = data;
    g_free((char *)item->entry.section);
    g_free((char *)item->entry.key);
    g_free((char *)item->entry.value);
    g_free(item->raw);
    g_free(item);
}

static void section_free(void *data)
{
    Section *section = data;
    g_free(section->name);
    g_free(section);
}

void ini_free(Ini *ini)
{
    if (ini == NULL)
        return;
    g_ptr_array_unref(ini->shown);
    g_ptr_array_unref(ini->items);
    g_hash_table_unref(ini->by_name);
    g_hash_table_unref(ini->section_names);
    g_ptr_array_unref(ini->sections);
    g_free(ini);
}

static Ini *ini_new(void)
{
    Ini *ini = g_new0(Ini, 1);
    ini->items = g_ptr_array_new_with_free_func(item_free);
    ini->shown = g_ptr_array_new();
    ini->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    ini->sections = g_ptr_array_new_with_free_func(section_free);
    ini->section_names = g_hash_table_new(g_str_hash, g_str_equal);
    return ini;
}

static char *full_name(const char *section, const char *key, gsize key_len)
{
    g_autofree char *joined = g_strdup_printf("%s\n%.*s", section, (int)key_len, key);
    return g_ascii_strdown(joined, -1);
}

/* ---- lines ---- */

typedef struct {
    Ini *ini;
    const char *name;
    IniFlags flags;
    Problems *problems;
    guint line;
    const char *section; /* owned by ini; NULL: none yet, or a bad header */
    gboolean section_bad, told_no_section, told_latin1, told_full;
    Item *item;        /* that may go on */
    GString *value;    /* of it, so far */
    gsize indent;      /* of its key */
    gboolean skipping; /* a bad line's continuations go with it */
} Reader;

G_GNUC_PRINTF(3, 4) static void report(Reader *reader, ProblemLevel level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    problems_add(reader->problems, level, reader->name, reader->line, "%s", text);
}

static void finish_item(Reader *reader)
{
    if (reader->item == NULL)
        return;
    g_autofree char *value = g_string_free(g_steal_pointer(&reader->value), FALSE);
    reader->item->raw = g_strdup(g_strstrip(value));
    reader->item = NULL;
}

static void start_section(Reader *reader, const char *text)
{
    const char *end = strchr(text, ']');
    reader->section = NULL;
    reader->section_bad = TRUE;
    if (end == NULL) {
        report(reader, PROBLEM_ERROR, "a section without its \"]\": %.60s", text);
        return;
    }
    if (text + 1 + strspn(text + 1, " \t") == end) {
        report(reader, PROBLEM_ERROR, "a section without a name");
        return;
    }
    const char *rest = end + 1 + strspn(end + 1, " \t");
    if (*rest != '\0' && *rest != '#' && *rest != ';')
        report(reader, PROBLEM_WARNING, "text after a section header is not read: %.60s", rest);
    g_autofree char *inner = g_strndup(text + 1, (gsize)(end - text - 1));
    g_autofree char *name = g_ascii_strdown(g_strstrip(inner), -1);
    Section *section = g_hash_table_lookup(reader->ini->section_names, name);
    if (section == NULL) {
        section = g_new0(Section, 1);
        section->name = g_steal_pointer(&name);
        section->line = reader->line;
        g_ptr_array_add(reader->ini->sections, section);
        g_hash_table_insert(reader->ini->section_names, section->name, section);
    }
    reader->section = section->name;
    reader->section_bad = FALSE;
}

static char *cut_inline_comment(Reader *reader, char *value)
{
    if ((reader->flags & INI_INLINE_COMMENTS) == 0)
        return value;
    for (char *c = value; *c != '\0'; c++)
        if (*c == ';' && (c == value || g_ascii_isspace(c[-1]))) {
            *c = '\0';
            break;
        }
    g_strchomp(value);
    if (strcmp(value, "\"\"") == 0)
        *value = '\0';
    return value;
}

static void add_item(Reader *reader, const char *key, gsize key_len, char *value)
{
    Ini *ini = reader->ini;
    if (ini->items->len >= INI_ENTRIES_MAX) {
        if (!reader->told_full)
            report(reader, PROBLEM_ERROR, "more than %u settings; the rest is not read", INI_ENTRIES_MAX);
        reader->told_full = reader->skipping = TRUE;
        return;
    }
    Item *item = g_new0(Item, 1);
    item->entry = (IniEntry){g_strdup(reader->section), g_strndup(key, key_len), NULL, reader->line};
    g_ptr_array_add(ini->items, item);
    char *full = full_name(reader->section, key, key_len);
    Item *old = g_hash_table_lookup(ini->by_name, full);
    if (old != NULL) {
        report(reader, PROBLEM_WARNING, "[%s] %s is set already in line %u; this one counts", reader->section,
               item->entry.key, old->entry.line);
        old->overridden = TRUE;
    }
    g_hash_table_replace(ini->by_name, full, item);
    reader->item = item;
    reader->value = g_string_new(cut_inline_comment(reader, value));
}

static void read_setting(Reader *reader, char *text, gsize indent)
{
    gsize key_len = strcspn(text, "=:");
    reader->skipping = TRUE;
    reader->indent = indent;
    if (reader->section == NULL) {
        if (!reader->section_bad && !reader->told_no_section)
            report(reader, PROBLEM_ERROR, "no section yet: a line like [daemon] must come first");
        reader->told_no_section = TRUE;
        return;
    }
    if (text[key_len] == '\0') {
        report(reader, PROBLEM_ERROR, "neither [section] nor key = value: %.60s", text);
        return;
    }
    char *value = text + key_len + 1;
    while (key_len > 0 && g_ascii_isspace(text[key_len - 1]))
        key_len--;
    if (key_len == 0) {
        report(reader, PROBLEM_ERROR, "a value without a key: %.60s", text);
        return;
    }
    reader->skipping = FALSE;
    add_item(reader, text, key_len, g_strchug(value));
}

static void continue_item(Reader *reader, const char *text)
{
    if (reader->skipping)
        return;
    if (reader->value->len + strlen(text) + 1 > INI_VALUE_MAX) {
        report(reader, PROBLEM_ERROR, "the value of %s goes over %u bytes", reader->item->entry.key,
               INI_VALUE_MAX);
        reader->skipping = TRUE;
        return;
    }
    g_string_append_c(reader->value, '\n');
    g_string_append(reader->value, text);
}

/* A line that cannot be read takes its continuations with it, lest they go on with what stood before it. */
static void leave_out(Reader *reader, gboolean indented)
{
    if (indented)
        return;
    finish_item(reader);
    reader->skipping = TRUE;
    reader->indent = 0;
}

/* `text` is one line of UTF-8 without its end; it may be written on. */
static void read_line(Reader *reader, char *text)
{
    g_strchomp(text);
    gsize indent = strspn(text, " \t\f\v\r");
    char *start = text + indent;
    if (*start == '\0' || *start == '#' || *start == ';')
        return; /* what follows may still continue the value above */
    for (const char *c = start; *c != '\0'; c++)
        if ((guchar)*c < 0x20 && *c != '\t') {
            report(reader, PROBLEM_ERROR, "a control character (\\x%02x) in this line; it is left out",
                   (guchar)*c);
            leave_out(reader, indent > 0);
            return;
        }
    if ((reader->item != NULL || reader->skipping) && indent > reader->indent) {
        continue_item(reader, start);
        return;
    }
    finish_item(reader);
    reader->skipping = FALSE;
    if (*start == '[')
        start_section(reader, start);
    else
        read_setting(reader, start, indent);
}

/* Bytes of one line, whatever they are. */
static void read_bytes(Reader *reader, const char *bytes, gsize len)
{
    gboolean indented = len > 0 && (*bytes == ' ' || *bytes == '\t');
    if (len > INI_LINE_MAX) {
        report(reader, PROBLEM_ERROR,
               "a line of %" G_GSIZE_FORMAT
               " bytes, over %u; it is left out (a long list can be a file: file:/path)",
               len, INI_LINE_MAX);
        leave_out(reader, indented);
        return;
    }
    if (memchr(bytes, '\0', len) != NULL) {
        report(reader, PROBLEM_ERROR, "there is a NUL byte in this line; it is left out");
        leave_out(reader, indented);
        return;
    }
    gboolean latin1;
    g_autofree char *text = text_to_utf8(bytes, len, &latin1);
    if (latin1 && !reader->told_latin1) {
        report(reader, PROBLEM_NOTE, "not UTF-8 from here on: such lines are read as Latin-1");
        reader->told_latin1 = TRUE;
    }
    read_line(reader, text);
}

static void read_lines(Reader *reader, const char *text, gsize len)
{
    const char *at = text, *end = text + len;
    if (len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (gsize)(end - at));
        if (line_end == NULL)
            line_end = end;
        reader->line++;
        read_bytes(reader, at, (gsize)(line_end - at));
        at = line_end + 1;
    }
    finish_item(reader);
}

/* ---- interpolation ---- */

typedef struct {
    const Ini *ini;
    const char *name;
    Problems *problems;
    gsize added;      /* over the whole file */
    guint references; /* the same */
    const Item *item; /* whose value is made */
    GString *out;
} Expander;

static const Item *lookup(const Ini *ini, const char *section, const char *key, gsize key_len)
{
    g_autofree char *full = full_name(section, key, key_len);
    return g_hash_table_lookup(ini->by_name, full);
}

static gboolean expand_fail(Expander *expander, const char *what, const char *name, gsize len)
{
    problems_add(expander->problems, PROBLEM_ERROR, expander->name, expander->item->entry.line,
                 "%s: %%(%.*s)s %s", expander->item->entry.key, (int)MIN(len, 60), name, what);
    return FALSE;
}

static gboolean expand(Expander *expander, const char *text, guint depth);

static gboolean expand_reference(Expander *expander, const char *name, gsize len, guint depth)
{
    const Item *found = lookup(expander->ini, expander->item->entry.section, name, len);
    if (found == NULL)
        found = lookup(expander->ini, "default", name, len);
    if (found == NULL)
        return expand_fail(expander, "names no setting of this section", name, len);
    if (depth >= INI_DEPTH_MAX)
        return expand_fail(expander, "goes round in circles, or too deep", name, len);
    expander->added += strlen(found->raw);
    if (++expander->references > INI_REFERENCES_MAX || expander->added > INI_EXPANDED_MAX)
        return expand_fail(expander, "makes this file too large", name, len);
    return expand(expander, found->raw, depth + 1);
}

static gboolean expand(Expander *expander, const char *text, guint depth)
{
    while (*text != '\0') {
        gsize plain = strcspn(text, "%");
        g_string_append_len(expander->out, text, (gssize)plain);
        if (expander->out->len > INI_VALUE_MAX)
            return expand_fail(expander, "makes the value too long", "", 0);
        text += plain;
        if (text[0] == '%' && text[1] == '(') {
            const char *end = strchr(text, ')');
            if (end == NULL || end[1] != 's')
                return expand_fail(expander, "is how another setting is named; \")s\" is missing", "name", 4);
            if (!expand_reference(expander, text + 2, (gsize)(end - text - 2), depth))
                return FALSE;
            text = end + 2;
        } else if (text[0] == '%') {
            g_string_append_c(expander->out, '%');
            text += text[1] == '%' ? 2 : 1;
        }
    }
    return TRUE;
}

static void interpolate(Ini *ini, const char *name, IniFlags flags, Problems *problems)
{
    Expander expander = {.ini = ini, .name = name, .problems = problems};
    for (guint i = 0; i < ini->items->len; i++) {
        Item *item = g_ptr_array_index(ini->items, i);
        if (item->overridden)
            continue;
        expander.item = item;
        expander.out = g_string_new(NULL);
        gboolean foreign =
            (flags & INI_INLINE_COMMENTS) != 0 && g_str_has_prefix(item->entry.section, "formatter_");
        gboolean good = foreign || expand(&expander, item->raw, 1);
        if (foreign)
            g_string_append(expander.out, item->raw);
        item->entry.value = g_strstrip(g_string_free(expander.out, FALSE));
        if (good)
            g_ptr_array_add(ini->shown, item);
    }
    for (guint i = 0; i < ini->items->len; i++)
        g_clear_pointer(&((Item *)g_ptr_array_index(ini->items, i))->raw, g_free);
}

/* ---- the module ---- */

Ini *ini_parse(const char *name, const char *text, gsize len, IniFlags flags, Problems *problems)
{
    Ini *ini = ini_new();
    if (len > INI_BYTES_MAX) {
        problems_add(problems, PROBLEM_ERROR, name, 0, "more than %" G_GSIZE_FORMAT " bytes", INI_BYTES_MAX);
        return ini;
    }
    if (len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)) {
        problems_add(problems, PROBLEM_ERROR, name, 1, "this is UTF-16; save it as UTF-8");
        return ini;
    }
    Reader reader = {.ini = ini, .name = name, .flags = flags, .problems = problems};
    read_lines(&reader, text, len);
    interpolate(ini, name, flags, problems);
    return ini;
}

guint ini_len(const Ini *ini)
{
    return ini->shown->len;
}

const IniEntry *ini_at(const Ini *ini, guint index)
{
    g_assert(index < ini->shown->len);
    return &((const Item *)g_ptr_array_index(ini->shown, index))->entry;
}

const IniEntry *ini_find(const Ini *ini, const char *section, const char *key)
{
    const Item *item = lookup(ini, section, key, strlen(key));
    return item != NULL ? &item->entry : NULL;
}

gboolean ini_has_section(const Ini *ini, const char *section)
{
    g_autofree char *folded = g_ascii_strdown(section, -1);
    return g_hash_table_contains(ini->section_names, folded);
}

const char *ini_section_at(const Ini *ini, guint index, guint *line)
{
    if (index >= ini->sections->len)
        return NULL;
    const Section *section = g_ptr_array_index(ini->sections, index);
    *line = section->line;
    return section->name;
}
