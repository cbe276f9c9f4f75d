/* keytable.c — see keytable.h. */
#include "conf/keytable.h"

#include <string.h>

#include "conf/config-internal.h"
#include "conf/files.h"
#include "conf/glob.h"

typedef struct {
    const char *pattern; /* lower case */
    GPtrArray *keys;     /* SigningKey */
} Group;

struct KeyTable {
    GPtrArray *keys;   /* SigningKey, in their order */
    GPtrArray *groups; /* Group, by their first line */
    GHashTable *exact; /* pattern → its place + 1; patterns with wildcards are there too, for `add` */
    GArray *globs;     /* places of those with wildcards, in order */
    GStringChunk *text;
};

/* --- life --- */

static void key_free(gpointer data)
{
    SigningKey *key = data;
    patterns_free(key->logins);
    dkim_key_unref(key->key);
    g_free(key);
}

static void group_free(gpointer data)
{
    Group *group = data;
    g_ptr_array_unref(group->keys);
    g_free(group);
}

static KeyTable *table_new(void)
{
    KeyTable *table = g_new0(KeyTable, 1);
    table->keys = g_ptr_array_new_with_free_func(key_free);
    table->groups = g_ptr_array_new_with_free_func(group_free);
    table->exact = g_hash_table_new(g_str_hash, g_str_equal);
    table->globs = g_array_new(FALSE, FALSE, sizeof(guint));
    table->text = g_string_chunk_new(1024);
    return table;
}

void keytable_free(KeyTable *table)
{
    if (!table)
        return;
    g_ptr_array_unref(table->groups);
    g_ptr_array_unref(table->keys);
    g_hash_table_unref(table->exact);
    g_array_unref(table->globs);
    g_string_chunk_free(table->text);
    g_free(table);
}

/* --- asking --- */

const GPtrArray *keytable_find(const KeyTable *table, const char *domain)
{
    guint first = GPOINTER_TO_UINT(g_hash_table_lookup(table->exact, domain));
    for (guint i = 0; i < table->globs->len; i++) {
        guint place = g_array_index(table->globs, guint, i);
        if (first && place + 1 >= first)
            break;
        if (glob_match(((const Group *)table->groups->pdata[place])->pattern, domain)) {
            first = place + 1;
            break;
        }
    }
    return first ? ((const Group *)table->groups->pdata[first - 1])->keys : NULL;
}

const GPtrArray *keytable_keys(const KeyTable *table)
{
    return table->keys;
}

/* --- reading --- */

typedef struct {
    const Config *config;
    GPtrArray *files; /* of char *, all that were read */
    Problems *problems;
    KeyTable *table;
    GHashTable *by_file; /* path → DkimKey: many domains may share one; NULL as value: it was no good */
    DkimKey *trial;      /* made for trying names out */
    const char *where;
    guint line;
    char *base; /* where relative paths begin */
} Reader;

G_GNUC_PRINTF(2, 3) static gboolean complain(const Reader *reader, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    problems_add(reader->problems, PROBLEM_ERROR, reader->where, reader->line, "%s", text);
    return FALSE;
}

/* What a secret asks of its file. Who comes with a file of the older system has mail that goes on being signed, and is
 * told. */
static FileTrust trust_of(const Reader *reader, const char *path)
{
    g_autoptr(GError) error = NULL;
    if (!reader->config->origins->old_file)
        return FILE_SECRET;
    if (g_file_test(path, G_FILE_TEST_EXISTS) && !file_check_secret(path, &error))
        problems_add(reader->problems, PROBLEM_WARNING, reader->where, reader->line, "%s", error->message);
    return FILE_PLAIN;
}

static DkimKey *read_key(const Reader *reader, const char *path)
{
    g_autoptr(GError) error = NULL;
    gsize len;
    char *pem = file_read(path, KEYTABLE_KEY_MAX, trust_of(reader, path), &len, &error);
    if (!pem) {
        complain(reader, "%s", error->message);
        return NULL;
    }
    DkimKey *key = dkim_key_from_pem(pem, len, &error);
    explicit_bzero(pem, len);
    g_free(pem);
    if (!key)
        complain(reader, "%s: %s", path, error->message);
    return key;
}

/* Borrowed; NULL: it has been told why. */
static DkimKey *key_of(Reader *reader, const char *path)
{
    gpointer known = NULL;
    if (g_hash_table_lookup_extended(reader->by_file, path, NULL, &known))
        return known;
    DkimKey *key = read_key(reader, path);
    g_hash_table_insert(reader->by_file, g_strdup(path), key);
    g_ptr_array_add(reader->files, g_strdup(path));
    return key;
}

/* Whatever will be refused when mail is to be signed is refused now: by signing something. */
static gboolean names_are_good(Reader *reader, const SigningKey *key)
{
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    g_autoptr(GError) error = NULL;
    dkim_header_add(header, "From", -1, " a@example.com", -1);
    dkim_body_want(body, DKIM_RELAXED, DKIM_WHOLE_BODY);
    dkim_body_end(body);
    if (!reader->trial)
        reader->trial = dkim_key_generate(DKIM_ED25519_SHA256, 0, NULL);
    const DkimSigning signing = {.key = reader->trial,
                                 .domain = key->domain ? key->domain : "example.com",
                                 .selector = key->selector,
                                 .header_canon = DKIM_RELAXED,
                                 .body_canon = DKIM_RELAXED,
                                 .identity = key->identity};
    if (key->identity && !key->domain)
        return complain(reader, "identity=%s needs a domain=, in which it must be", key->identity);
    g_autofree char *value = dkim_sign(&signing, header, body, &error);
    return value || complain(reader, "%s", error->message);
}

static Group *group_of(KeyTable *table, const char *pattern)
{
    guint known = GPOINTER_TO_UINT(g_hash_table_lookup(table->exact, pattern));
    if (known)
        return table->groups->pdata[known - 1];
    Group *group = g_new0(Group, 1);
    guint place = table->groups->len;
    group->pattern = pattern;
    group->keys = g_ptr_array_new();
    g_ptr_array_add(table->groups, group);
    g_hash_table_insert(table->exact, (gpointer)pattern, GUINT_TO_POINTER(place + 1));
    if (glob_has_wildcard(pattern))
        g_array_append_val(table->globs, place);
    return group;
}

/* Takes `key`, its strings being the table's. */
static gboolean add(Reader *reader, SigningKey *key, const char *path)
{
    KeyTable *table = reader->table;
    g_ptr_array_add(table->keys, key);
    key->where = g_string_chunk_insert_const(table->text, reader->where);
    key->line = reader->line;
    key->file = g_string_chunk_insert_const(table->text, path);
    if (!key->domain && !glob_has_wildcard(key->pattern))
        key->domain = key->pattern;
    DkimKey *read = key_of(reader, path);
    if (!read || !names_are_good(reader, key))
        return FALSE;
    key->key = dkim_key_ref(read);
    Group *group = group_of(table, key->pattern);
    if (group->keys->len == KEYTABLE_SAME_MAX)
        return complain(reader, "more than %d keys for %s", KEYTABLE_SAME_MAX, key->pattern);
    g_ptr_array_add(group->keys, key);
    return TRUE;
}

static const char *keep(Reader *reader, const char *text, gboolean fold)
{
    g_autofree char *folded = fold ? g_ascii_strdown(text, -1) : g_strdup(text);
    return g_string_chunk_insert_const(reader->table->text, folded);
}

/* domain=, identity=, login= */
static gboolean read_option(Reader *reader, SigningKey *key, const char *word)
{
    if (g_str_has_prefix(word, "domain=")) {
        key->domain = keep(reader, word + strlen("domain="), TRUE);
    } else if (g_str_has_prefix(word, "identity=")) {
        key->identity = keep(reader, word + strlen("identity="), FALSE);
    } else if (g_str_has_prefix(word, "login=") && !key->logins) {
        g_auto(GStrv) logins = g_strsplit(word + strlen("login="), ",", -1);
        key->logins = patterns_new((const char *const *)logins);
    } else {
        return complain(reader, "\"%.60s\" is none of domain=…, identity=…, login=…", word);
    }
    return TRUE;
}

static void read_line(Reader *reader, char *line)
{
    g_strdelimit(line, "\t\r", ' ');
    g_auto(GStrv) parts = g_strsplit(g_strstrip(line), " ", -1);
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    for (char **part = parts; *part; part++)
        if (**part)
            g_ptr_array_add(words, *part);
    if (!words->len || *line == '#')
        return;
    if (words->len < 3) {
        complain(reader, "an author's domain, a selector and a key file are expected");
        return;
    }
    if (reader->table->keys->len == KEYTABLE_LINES_MAX) {
        complain(reader, "more than %d keys", KEYTABLE_LINES_MAX);
        return;
    }
    SigningKey *key = g_new0(SigningKey, 1);
    key->pattern = keep(reader, words->pdata[0], TRUE);
    key->selector = keep(reader, words->pdata[1], FALSE);
    for (guint i = 3; i < words->len; i++)
        if (!read_option(reader, key, words->pdata[i])) {
            key_free(key);
            return;
        }
    g_autofree char *path = g_canonicalize_filename(words->pdata[2], reader->base);
    add(reader, key, path);
}

static void read_table(Reader *reader, const char *path)
{
    g_autoptr(GError) error = NULL;
    gsize len;
    g_autofree char *text = file_read(path, KEYTABLE_BYTES_MAX, FILE_CONFIG, &len, &error);
    reader->where = path;
    reader->line = 0;
    if (!text) {
        complain(reader, "%s", error->message);
        return;
    }
    reader->base = g_path_get_dirname(path);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] && reader->table->keys->len <= KEYTABLE_LINES_MAX; i++) {
        reader->line = i + 1;
        read_line(reader, lines[i]);
    }
    g_clear_pointer(&reader->base, g_free);
}

/* --- the options of [sign] --- */

/* What the MTA, or one on the way, adds, changes or takes away: signed, it would break the signature (RFC 6376 §5.4). */
static const char *const never_signed[] = {
    "Received", "Return-Path", "Bcc", "Resent-Bcc", "Delivered-To", "X-Original-To", "Authentication-Results",
    NULL,
};

static gboolean has_name(char *const *names, const char *name)
{
    for (; *names; names++)
        if (g_ascii_strcasecmp(*names, name) == 0)
            return TRUE;
    return FALSE;
}

static void at_option(Reader *reader, const char *section, const char *key)
{
    reader->line = config_where(reader->config, section, key, &reader->where);
}

static void check_names(Reader *reader, const char *key, char *const *names)
{
    at_option(reader, "sign", key);
    for (const char *const *never = never_signed; *never; never++)
        if (has_name(names, *never))
            complain(reader, "[sign] %s: %s is changed on the way: a signature over it would not last", key,
                     *never);
    for (; *names; names++)
        if (strpbrk(*names, ":;") || !g_str_is_ascii(*names))
            complain(reader, "[sign] %s: %.60s is not the name of a field", key, *names);
}

static void check_fields(Reader *reader)
{
    const Config *config = reader->config;
    check_names(reader, "oversign", config->sign.oversign);
    check_names(reader, "oversign_present", config->sign.oversign_present);
    check_names(reader, "fields", config->sign.fields);
    if (*config->sign.fields && !has_name(config->sign.fields, "From"))
        complain(reader, "[sign] fields: From must be among them"); /* RFC 6376 §5.4 */
}

static void read_single(Reader *reader)
{
    const Config *config = reader->config;
    SigningKey *key = g_new0(SigningKey, 1);
    key->pattern = keep(reader, config->sign.domain, TRUE);
    key->selector = keep(reader, config->sign.selector, FALSE);
    at_option(reader, "sign", "key");
    add(reader, key, config->sign.key);
}

static void reader_open(Reader *reader, const Config *config, GPtrArray *files, Problems *problems)
{
    *reader = (Reader){.config = config, .files = files, .problems = problems, .where = config->path};
    reader->table = table_new();
    reader->by_file = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)dkim_key_unref);
}

static KeyTable *reader_close(Reader *reader)
{
    g_hash_table_unref(reader->by_file);
    dkim_key_unref(reader->trial);
    return reader->table;
}

KeyTable *keytable_load(const Config *config, GPtrArray *files, Problems *problems)
{
    gboolean single = *config->sign.domain && *config->sign.selector && *config->sign.key;
    if (!single && !*config->sign.keytable)
        return NULL;
    Reader reader;
    reader_open(&reader, config, files, problems);
    check_fields(&reader);
    if (single)
        read_single(&reader);
    if (*config->sign.keytable)
        read_table(&reader, config->sign.keytable);
    return reader_close(&reader);
}

DkimKey *keytable_load_seal(const Config *config, GPtrArray *files, Problems *problems)
{
    if (!config->arc.seal || !*config->arc.domain || !*config->arc.selector || !*config->arc.key)
        return NULL;
    Reader reader;
    reader_open(&reader, config, files, problems);
    at_option(&reader, "arc", "key");
    const SigningKey names = {.domain = config->arc.domain, .selector = config->arc.selector};
    DkimKey *read = key_of(&reader, config->arc.key);
    DkimKey *key = names_are_good(&reader, &names) && read ? dkim_key_ref(read) : NULL;
    keytable_free(reader_close(&reader));
    return key;
}
