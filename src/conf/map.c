/*
 * map.c — see map.h: the entries, the look-up, and which reader a file gets.
 *
 * Memory: one text in which all keys and values stand, an array of entries, and a table of slots with linear
 * probing. A million lines are three allocations, not two million strings.
 */
#include "conf/map-internal.h"

#include <string.h>
#include <sys/stat.h>
#include "conf/files.h"

/* A writer that does not lock what it writes shows as a damaged file, and is soon done. */
#define DAMAGED_ATTEMPTS   3
#define DAMAGED_PAUSE_USEC 150000
#define TEXT_FRESH_SECONDS 2

const char map_too_much[] = "its entries hold more bytes than the file";

Map *map_new(const char *name)
{
    Map *map = g_new0(Map, 1);
    map->refs = REFS_ONE;
    map->name = g_strdup(name);
    return map;
}

Map *map_ref(Map *map)
{
    refs_take(&map->refs);
    return map;
}

void map_unref(Map *map)
{
    if (map == NULL || !refs_drop(&map->refs))
        return;
    g_free(map->name);
    g_free(map->spec);
    g_free(map->text);
    g_free(map->entries);
    g_free(map->slots);
    g_free(map);
}

/* FNV-1a: keys are short, and whoever writes the map is no attacker. */
static guint32 hash_of(const char *key)
{
    guint32 hash = 2166136261u;
    for (; *key != '\0'; key++)
        hash = (hash ^ (guchar)*key) * 16777619u;
    return hash ^ (hash >> 15);
}

static MapSlot *slot_of(const Map *map, const char *key, guint32 hash)
{
    guint at = hash & map->mask;
    for (;; at = (at + 1) & map->mask) {
        MapSlot *slot = &map->slots[at];
        if (slot->entry == 0 || (slot->hash == hash && strcmp(map->entries[slot->entry - 1].key, key) == 0))
            return slot;
    }
}

void map_make_room(Map *map, guint entries)
{
    map->max_entries = MAX(entries, 1);
    map->entries = g_new(MapEntry, map->max_entries);
    guint slots = 8;
    while (slots < 2 * (guint64)entries)
        slots *= 2;
    map->slots = g_new0(MapSlot, slots);
    map->mask = slots - 1;
}

MapEntry *map_find(const Map *map, const char *key)
{
    const MapSlot *slot = slot_of(map, key, hash_of(key));
    return slot->entry != 0 ? &map->entries[slot->entry - 1] : NULL;
}

MapEntry *map_insert(Map *map, const char *key)
{
    g_assert(map->n_entries < map->max_entries);
    guint32 hash = hash_of(key);
    MapSlot *slot = slot_of(map, key, hash);
    g_assert(slot->entry == 0);
    MapEntry *entry = &map->entries[map->n_entries++];
    *entry = (MapEntry){.key = key, .value = ""};
    *slot = (MapSlot){hash, map->n_entries};
    return entry;
}

gboolean map_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* "SPF-Fail!a.example" is how Sendmail and Postfix keep it who need the colon; an address may hold "!" as it
 * likes. */
void map_fold_key(char *key)
{
    gboolean tag = TRUE;
    for (char *c = key; *c != '\0'; c++) {
        *c = g_ascii_tolower(*c);
        if (tag && *c == '!' && c > key)
            *c = ':';
        tag = tag && (g_ascii_isalnum(*c) || *c == '-');
    }
}

void map_warn_without_value(const Map *map, Problems *problems)
{
    for (guint i = 0; i < map->n_entries; i++)
        if (*map->entries[i].value == '\0')
            problems_add(problems, PROBLEM_WARNING, map->name, map->entries[i].line, "\"%s\" has no value",
                         map->entries[i].key);
}

Map *map_parse(const char *name, const char *text, gsize len, Problems *problems)
{
    if (len > MAP_BYTES_MAX) {
        problems_add(problems, PROBLEM_ERROR, name, 0, "more than %" G_GSIZE_FORMAT " bytes", MAP_BYTES_MAX);
        return NULL;
    }
    char *copy = g_malloc(len + 2);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return map_text_parse(name, copy, len, problems);
}

/* ---- kinds of files ---- */

static gboolean is_cdb(const char *bytes, gsize len)
{
    return FALSE; /* it has no magic: only its name, or a prefix, tells */
}

static gboolean is_text(const char *bytes, gsize len)
{
    return TRUE;
}

/* The first row that knows the bytes has the file. A row without a reader that is not text is a kind that is
 * not read: saying so is better than reading it as text. */
static const struct {
    const char *name;
    MapType type;
    gboolean (*knows)(const char *bytes, gsize len);
    MapReader *read;
} kinds[] = {
    {"Berkeley DB hash", MAP_HASH, map_db_is_hash, map_db_read},
    {"Berkeley DB btree", MAP_ANY, map_db_is_btree, NULL},
    {"LMDB", MAP_LMDB, map_lmdb_is, map_lmdb_read},
    {"CDB", MAP_CDB, is_cdb, map_cdb_read},
    {"text", MAP_TEXT, is_text, NULL},
};

static guint kind_of(const char *path, MapType type, const char *bytes, gsize len)
{
    guint i = 0;
    while (!kinds[i].knows(bytes, len) &&
           !(kinds[i].type == MAP_CDB && (type == MAP_CDB || g_str_has_suffix(path, ".cdb"))))
        i++;
    return i;
}

/* Text has no count of its lines. What was written to lately and ends in the middle of a line, or is empty,
 * may be on its way; a while later it is what its author wanted. */
static gboolean may_be_half(const char *path, const char *bytes, gsize len)
{
    struct stat st;
    if ((len > 0 && bytes[len - 1] == '\n') || stat(path, &st) != 0)
        return FALSE;
    gint64 age = g_get_real_time() / G_USEC_PER_SEC - st.st_mtim.tv_sec;
    return age >= 0 && age <= TEXT_FRESH_SECONDS;
}

/* `*again`: it may be whole in a moment. */
static Map *read_once(const char *path, MapType type, gboolean last, Problems *problems, gboolean *again,
                      char **why)
{
    g_autoptr(GError) error = NULL;
    gsize len;
    g_autofree char *bytes = file_read(path, MAP_BYTES_MAX, FILE_MAP, &len, &error);
    *again = FALSE;
    if (bytes == NULL) {
        *why = g_strdup(error->message);
        return NULL;
    }
    guint kind = kind_of(path, type, bytes, len);
    if (type != MAP_ANY && kinds[kind].type != type) {
        *again = kinds[kind].type == MAP_TEXT; /* or it has just been emptied */
        *why = g_strdup_printf("is a %s file, which its name or prefix does not say", kinds[kind].name);
        return NULL;
    }
    if (kinds[kind].type == MAP_TEXT && !last && may_be_half(path, bytes, len)) {
        *again = TRUE;
        return NULL;
    }
    if (kinds[kind].type == MAP_TEXT)
        return map_text_parse(path, g_steal_pointer(&bytes), len, problems);
    if (kinds[kind].read == NULL) {
        *why = g_strdup_printf("is a %s file, which is not read: build it as hash, lmdb or cdb",
                               kinds[kind].name);
        return NULL;
    }
    const char *damage;
    Map *map = map_collect(path, kinds[kind].read, bytes, len, problems, &damage);
    if (map == NULL) {
        *again = TRUE;
        *why = g_strdup_printf("is a damaged %s file (%s): build it again", kinds[kind].name, damage);
    }
    return map;
}

Map *map_read_as(const char *path, MapType type, Problems *problems)
{
    for (int attempt = 1;; attempt++) {
        gboolean again;
        g_autofree char *why = NULL;
        Map *map = read_once(path, type, attempt == DAMAGED_ATTEMPTS, problems, &again, &why);
        if (map != NULL)
            return map;
        if (!again || attempt == DAMAGED_ATTEMPTS) {
            problems_add(problems, PROBLEM_ERROR, path, 0, "%s", why);
            return NULL;
        }
        g_usleep(DAMAGED_PAUSE_USEC);
    }
}

Map *map_read(const char *path, Problems *problems)
{
    return map_read_as(path, MAP_ANY, problems);
}

const MapEntry *map_lookup(const Map *map, const char *key)
{
    return map != NULL ? map_find(map, key) : NULL;
}

const char *map_name(const Map *map)
{
    return map->name;
}

const char *map_spec(const Map *map)
{
    return map->spec != NULL ? map->spec : map->name;
}

guint map_size(const Map *map)
{
    return map != NULL ? map->n_entries : 0;
}

void map_foreach(const Map *map, void (*each)(const MapEntry *entry, void *data), void *data)
{
    for (guint i = 0; i < map_size(map); i++)
        each(&map->entries[i], data);
}
