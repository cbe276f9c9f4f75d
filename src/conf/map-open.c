/* map-open.c — which file a configuration means by the name of a map; see map_open(). */
#include <string.h>
#include <sys/stat.h>

#include "conf/map-internal.h"

static const struct {
    const char *prefix, *suffix;
    MapType type;
} builds[] = {
    {"hash:", ".db", MAP_HASH},
    {"lmdb:", ".lmdb", MAP_LMDB},
    {"cdb:", ".cdb", MAP_CDB},
};
#define TEXT_PREFIX "texthash:"

static gboolean is_newer(const struct stat *a, const struct stat *b)
{
    return a->st_mtim.tv_sec != b->st_mtim.tv_sec ? a->st_mtim.tv_sec > b->st_mtim.tv_sec
                                                  : a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

static void note(GPtrArray *files, const char *path)
{
    if (files != NULL)
        g_ptr_array_add(files, g_strdup(path));
}

/* Whether the name says that it is a built map; then `type`, and the text it was made from, which the caller
 * frees. */
static char *source_of(const char *path, MapType *type)
{
    for (guint i = 0; i < G_N_ELEMENTS(builds); i++) {
        if (!g_str_has_suffix(path, builds[i].suffix))
            continue;
        *type = builds[i].type;
        return g_strndup(path, strlen(path) - strlen(builds[i].suffix));
    }
    *type = MAP_ANY;
    return NULL;
}

static void warn_if_stale(const char *path, const char *source, Problems *problems)
{
    struct stat built, text;
    if (stat(path, &built) == 0 && stat(source, &text) == 0 && S_ISREG(text.st_mode) &&
        is_newer(&text, &built))
        problems_add(problems, PROBLEM_WARNING, path, 0, "%s is newer: the map was not rebuilt", source);
}

/* The newest of what was built from `path`, or NULL. The caller frees. */
static char *find_built(const char *path, Problems *problems)
{
    g_autofree char *found = NULL;
    struct stat best, st;
    for (guint i = 0; i < G_N_ELEMENTS(builds); i++) {
        g_autofree char *built = g_strconcat(path, builds[i].suffix, NULL);
        if (stat(built, &st) != 0)
            continue;
        if (found != NULL)
            problems_add(problems, PROBLEM_WARNING, path, 0, "both %s and %s are there; the newer one counts",
                         found, built);
        if (found != NULL && !is_newer(&st, &best))
            continue;
        g_free(found);
        found = g_steal_pointer(&built);
        best = st;
    }
    return g_steal_pointer(&found);
}

/* A file with the name of a built map must be one: an emptied or half-written one would pass for text. */
static Map *open_file(const char *path, GPtrArray *files, Problems *problems)
{
    MapType type;
    g_autofree char *source = source_of(path, &type);
    note(files, path);
    Map *map = map_read_as(path, type, problems);
    if (map != NULL && source != NULL)
        warn_if_stale(path, source, problems);
    return map;
}

/* "hash:/etc/mail/access", or, as people write it, "hash:/etc/mail/access.db". */
static Map *open_built(const char *path, const char *suffix, GPtrArray *files, Problems *problems)
{
    g_autofree char *built =
        g_str_has_suffix(path, suffix) ? g_strdup(path) : g_strconcat(path, suffix, NULL);
    return open_file(built, files, problems);
}

/* Each place where something might be built is watched: it may appear. */
static void note_places(const char *path, GPtrArray *files)
{
    for (guint i = 0; i < G_N_ELEMENTS(builds); i++) {
        g_autofree char *place = g_strconcat(path, builds[i].suffix, NULL);
        note(files, place);
    }
}

static Map *open_bare(const char *path, GPtrArray *files, Problems *problems)
{
    MapType type;
    g_autofree char *source = source_of(path, &type);
    if (source != NULL)
        return open_file(path, files, problems);
    g_autofree char *built = find_built(path, problems);
    Map *map = open_file(built != NULL ? built : path, files, problems);
    note_places(path, files);
    return map;
}

static Map *open_text(const char *path, GPtrArray *files, Problems *problems)
{
    note(files, path);
    Map *map = map_read_as(path, MAP_TEXT, problems);
    if (map != NULL)
        map->spec = g_strconcat(TEXT_PREFIX, path, NULL);
    return map;
}

Map *map_open(const char *spec, const char *base, GPtrArray *files, Problems *problems)
{
    for (guint i = 0; i < G_N_ELEMENTS(builds); i++) {
        if (!g_str_has_prefix(spec, builds[i].prefix))
            continue;
        g_autofree char *path = g_canonicalize_filename(spec + strlen(builds[i].prefix), base);
        return open_built(path, builds[i].suffix, files, problems);
    }
    gboolean text = g_str_has_prefix(spec, TEXT_PREFIX);
    g_autofree char *path = g_canonicalize_filename(text ? spec + strlen(TEXT_PREFIX) : spec, base);
    return text ? open_text(path, files, problems) : open_bare(path, files, problems);
}
