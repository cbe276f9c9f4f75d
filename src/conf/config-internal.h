/* config-internal.h — between config.c, which loads, config-old*.c, which know old files, and config-show.c. */
#pragma once

#include "conf/config.h"
#include "conf/ini.h"
#include "conf/options.h"
#include "conf/values.h"

/* One an option, in the order of the table. */
typedef struct {
    guint line;           /* 0: a default */
    char *file;           /* NULL: the configuration file itself; else one that it includes */
    gboolean old_default; /* line 0: not the option's own default but the old system's (D8) */
    char *raw;            /* lists only: as written, so that file: is not shown as a million words */
} ConfigOrigin;

struct ConfigOrigins {
    gboolean old_file;
    ConfigOrigin *items;
};

typedef struct {
    Config *config;
    const char *name;
    char *base; /* where relative paths start; owned */
    Problems *problems;
    GPtrArray *files;        /* of char *: all that were read */
    const char *defaults_of; /* whose defaults are being set (ConfigPair) */
} Loader;

static inline void *config_member(const Config *config, const Option *option)
{
    return (char *)config + option->offset;
}

/* "number", "list of hosts": what kind of value the option takes; "" for a free-key section. */
const char *option_kind_name(const Option *option);

void loader_set(Loader *loader, const Option *option, const char *value, guint line);
/* Takes the place of a default of the same name (line 0); else it is added. */
void loader_add_pair(Loader *loader, const Option *option, const char *name, const char *value, guint line);
ValueContext loader_context(const Loader *loader, guint line);

/* Every section and entry of a file, in their order. */
void loader_apply(Loader *loader, const Ini *ini, gboolean old_file);

/* Has it the sections of an old file? */
gboolean old_is(const Ini *ini);
/* Before the first entry of an old file: its defaults and its datadir. */
void old_begin(Loader *loader, const Ini *ini);
/* After the last one. */
void old_end(Loader *loader, const Ini *ini);
/* TRUE: an old name, and dealt with. */
gboolean old_entry(Loader *loader, const IniEntry *entry);
gboolean old_section(const char *section);
/* "[section] key" of the old name most like it, or NULL. Owned by the caller. */
char *old_nearest(const char *section, const char *key);

/* [srs], and the file that its `config` includes (config-old-srs.c). */
void old_srs(Loader *loader, const Ini *ini);
