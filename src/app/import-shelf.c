#include "app/import-shelf.h"

#include <string.h>

#include "conf/map-binary.h"

#define TIME_MAX 1e11 /* s since 1970: the year 5138 */

/* --- the value: a Record --- */

/* What of the language of pickles (protocol 2) a Record is made of. Texts are of Python 2 (U, T) or 3 (X). */
enum {
    OP_PROTO = 0x80,
    OP_GLOBAL = 'c',
    OP_BINPUT = 'q',
    OP_LONG_BINPUT = 'r',
    OP_EMPTY_TUPLE = ')',
    OP_NEWOBJ = 0x81,
    OP_NONE = 'N',
    OP_EMPTY_DICT = '}',
    OP_MARK = '(',
    OP_SETITEMS = 'u',
    OP_TUPLE2 = 0x86,
    OP_BUILD = 'b',
    OP_STOP = '.',
    OP_SHORT_BINSTRING = 'U',
    OP_BINSTRING = 'T',
    OP_BINUNICODE = 'X',
    OP_BINFLOAT = 'G',
    OP_BININT = 'J',
    OP_BININT1 = 'K',
    OP_BININT2 = 'M',
};

typedef struct {
    const guint8 *at;
    gsize left;
} Reader;

typedef struct {
    gboolean is_number;
    double number;
    const char *text; /* not ended by a NUL; NULL: None */
    gsize len;
} Value;

/* NULL: there is not so much. */
static const guint8 *take(Reader *reader, gsize n)
{
    const guint8 *at = reader->at;
    if (n > reader->left)
        return NULL;
    reader->at += n;
    reader->left -= n;
    return at;
}

/* What is put aside for later use is never used: no object of a Record comes twice. */
static gboolean skip_memo(Reader *reader)
{
    while (reader->left && (*reader->at == OP_BINPUT || *reader->at == OP_LONG_BINPUT))
        if (!take(reader, *reader->at == OP_BINPUT ? 2 : 5))
            return FALSE;
    return TRUE;
}

static gboolean next(Reader *reader, guint8 *op)
{
    const guint8 *at = skip_memo(reader) ? take(reader, 1) : NULL;
    if (at)
        *op = *at;
    return at != NULL;
}

static gboolean expect(Reader *reader, const guint8 *ops, gsize n)
{
    guint8 op;
    for (gsize i = 0; i < n; i++)
        if (!next(reader, &op) || op != ops[i])
            return FALSE;
    return TRUE;
}

/* A line of the module and one of the class; the module was below a package or not. */
static gboolean expect_class(Reader *reader)
{
    static const char name[] = "greylist\nRecord\n";
    const guint8 *end = reader->left ? memchr(reader->at, '\n', reader->left) : NULL;
    gsize module = end ? (gsize)(end - reader->at) : 0, own = strlen("greylist");
    if (module < own || (module > own && end[-(gssize)own - 1] != '.') || !take(reader, module - own))
        return FALSE;
    const guint8 *at = take(reader, strlen(name));
    return at && memcmp(at, name, strlen(name)) == 0;
}

static guint32 little_endian(const guint8 *at, gsize n)
{
    guint32 number = 0;
    for (gsize i = 0; i < n; i++)
        number |= (guint32)at[i] << (8 * i);
    return number;
}

static gboolean take_text(Reader *reader, gsize len_bytes, Value *ret)
{
    const guint8 *len = take(reader, len_bytes);
    if (!len)
        return FALSE;
    ret->len = little_endian(len, len_bytes);
    ret->text = (const char *)take(reader, ret->len);
    return ret->text != NULL;
}

static gboolean take_integer(Reader *reader, gsize n, Value *ret)
{
    const guint8 *at = take(reader, n);
    if (!at)
        return FALSE;
    ret->is_number = TRUE;
    ret->number = n == sizeof(gint32) ? (gint32)little_endian(at, n) : (double)little_endian(at, n);
    return TRUE;
}

static gboolean take_float(Reader *reader, Value *ret)
{
    const guint8 *at = take(reader, sizeof(guint64));
    guint64 bits;
    if (!at)
        return FALSE;
    memcpy(&bits, at, sizeof bits);
    bits = GUINT64_FROM_BE(bits);
    memcpy(&ret->number, &bits, sizeof bits);
    ret->is_number = TRUE;
    return TRUE;
}

static gboolean take_value(Reader *reader, guint8 op, Value *ret)
{
    *ret = (Value){0};
    switch (op) {
    case OP_NONE:
        return TRUE;
    case OP_SHORT_BINSTRING:
        return take_text(reader, 1, ret);
    case OP_BINSTRING:
    case OP_BINUNICODE:
        return take_text(reader, 4, ret);
    case OP_BINFLOAT:
        return take_float(reader, ret);
    case OP_BININT1:
        return take_integer(reader, 1, ret);
    case OP_BININT2:
        return take_integer(reader, 2, ret);
    case OP_BININT:
        return take_integer(reader, 4, ret);
    default:
        return FALSE;
    }
}

typedef enum {
    FIRST_SEEN,
    LAST_SEEN,
    COUNT,
    UMIS, /* a text or None, and of no use here */
    MEMBERS
} Member;

static const char *const members[MEMBERS] = {"firstseen", "lastseen", "cnt", "umis"};

static Member find_member(const Value *name)
{
    Member i = 0;
    while (i < MEMBERS &&
           !(name->text && strlen(members[i]) == name->len && memcmp(members[i], name->text, name->len) == 0))
        i++;
    return i;
}

/* (name, value, name, value …: each member once. */
static gboolean take_members(Reader *reader, Value values[static MEMBERS])
{
    guint seen = 0;
    guint8 op;
    Value name;
    while (next(reader, &op) && op != OP_SETITEMS) {
        if (!take_value(reader, op, &name))
            return FALSE;
        Member member = find_member(&name);
        if (member == MEMBERS || seen & 1u << member || !next(reader, &op) ||
            !take_value(reader, op, &values[member]))
            return FALSE;
        seen |= 1u << member;
    }
    return seen == (1u << MEMBERS) - 1;
}

static gboolean read_record(const char *bytes, gsize len, Value values[static MEMBERS])
{
    static const guint8 begin[] = {OP_PROTO, 2, OP_GLOBAL},
                        object[] = {OP_EMPTY_TUPLE, OP_NEWOBJ, OP_NONE, OP_EMPTY_DICT, OP_MARK},
                        end[] = {OP_TUPLE2, OP_BUILD, OP_STOP};
    Reader reader = {(const guint8 *)bytes, len};
    if (!expect(&reader, begin, sizeof begin) || !expect_class(&reader) ||
        !expect(&reader, object, sizeof object) || !take_members(&reader, values) ||
        !expect(&reader, end, sizeof end) || reader.left)
        return FALSE;
    for (Member i = FIRST_SEEN; i <= COUNT; i++)
        if (!values[i].is_number || !(values[i].number >= 0 && values[i].number <= TIME_MAX)) /* nor a NaN */
            return FALSE;
    return TRUE;
}

/* --- the key: ip:sender:recipient --- */

/* Addresses were quoted as URLs are, but "%" was not: what could not have been quoted is none. Line ends and "|" stay as they are,
 * since this is to be one line. */
static gboolean was_quoted(char c, gboolean first)
{
    return c == '.' ? first : !g_ascii_isalnum(c) && !g_ascii_iscntrl(c) && !strchr("_-@+~!%|", c);
}

static void append_unquoted(GString *line, const char *text, gsize len)
{
    for (gsize i = 0; i < len; i++) {
        int high = text[i] == '%' && len - i > 2 ? g_ascii_xdigit_value(text[i + 1]) : -1;
        int low = high >= 0 ? g_ascii_xdigit_value(text[i + 2]) : -1;
        char c = low >= 0 ? (char)(high << 4 | low) : '\0';
        if (c && was_quoted(c, i == 0)) {
            g_string_append_c(line, c);
            i += 2;
        } else {
            g_string_append_c(line, text[i]);
        }
    }
}

gboolean shelf_append(GString *line, const char *key, gsize key_len, const char *value, gsize value_len)
{
    Value values[MEMBERS] = {0};
    if (!key || !value || memchr(key, '\n', key_len) || memchr(key, '\0', key_len) ||
        !read_record(value, value_len, values))
        return FALSE;
    /* From behind: the address may be of IPv6. */
    const char *rcpt = g_strrstr_len(key, (gssize)key_len, ":");
    const char *sender = rcpt ? g_strrstr_len(key, rcpt - key, ":") : NULL;
    if (!sender)
        return FALSE;
    g_string_append_len(line, key, sender - key);
    g_string_append_c(line, '|');
    append_unquoted(line, sender + 1, (gsize)(rcpt - sender - 1));
    g_string_append_c(line, '|');
    append_unquoted(line, rcpt + 1, (gsize)(key + key_len - rcpt - 1));
    for (Member i = FIRST_SEEN; i <= COUNT; i++)
        g_string_append_printf(line, "|%" G_GINT64_FORMAT, (gint64)values[i].number);
    return TRUE;
}

/* --- the file --- */

typedef struct {
    MapSink sink;
    GString *lines;
} ShelfSink;

static gboolean take_pair(MapSink *sink, const char *key, gsize key_len, const char *value, gsize value_len)
{
    GString *lines = ((ShelfSink *)sink)->lines;
    if (!shelf_append(lines, key, key_len, value, value_len))
        g_string_append_c(lines, '?');
    g_string_append_c(lines, '\n');
    return TRUE;
}

static void skip_pair(MapSink *sink, const char *key, gsize key_len, const char *why)
{
    g_string_append(((ShelfSink *)sink)->lines, "?\n");
}

char *shelf_lines(const char *bytes, gsize len, gsize *ret_len, GError **error)
{
    g_autoptr(GString) lines = g_string_new(NULL);
    ShelfSink sink = {{take_pair, skip_pair}, lines};
    const char *why = map_db_is_hash(bytes, len)
                          ? map_db_read(bytes, len, &sink.sink)
                          : "neither an SQLite database nor a shelf in a Berkeley DB hash";
    if (why) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "%s; without it everybody is asked once more to come back", why);
        return NULL;
    }
    *ret_len = lines->len;
    return g_string_free(g_steal_pointer(&lines), FALSE);
}
