/*
 * options.h — the one table of options: what the configuration file may say.
 *
 * One row an option: section and key are the names of the member of Config (config.h), so that there is one
 * name for one thing. Adding an option is a member and a row.
 */
#pragma once

#include <glib.h>

typedef enum {
    OPTION_BOOL,      /* gboolean: yes no on off true false 1 0 */
    OPTION_INT,       /* int within min…max */
    OPTION_MODE,      /* int, octal */
    OPTION_SIZE,      /* gint64 bytes: 4096, 256K, 1M, 2G */
    OPTION_SECONDS,   /* int: 8, 8s, 5m, 2h, 7d */
    OPTION_ENUM,      /* an enum type; one of `words`, in its order */
    OPTION_WORD,      /* char *, one of `words` */
    OPTION_STRING,    /* char *, any text on one line */
    OPTION_PATH,      /* char *, made absolute; "" stays */
    OPTION_FILE,      /* the same; a file that must be there, not writable by others */
    OPTION_SECRET,    /* the same, and not readable by others */
    OPTION_LOG,       /* char *: stderr, syslog, journal, file:/path */
    OPTION_WORDS,     /* char **: separated by commas or blanks; file:/path reads more from a file */
    OPTION_LISTEN,    /* the same, each the name of a socket */
    OPTION_HOSTS,     /* HostList * */
    OPTION_ADDRESSES, /* Addresses *; a file that cannot be read is a warning */
    OPTION_PATTERNS,  /* PatternList * */
    OPTION_MAP,       /* Map *; a path, "" is NULL */
    OPTION_PAIRS,     /* ConfigPairs: a section of its own, named as the member */
} OptionKind;

typedef struct {
    const char *section, *key; /* OPTION_PAIRS: section is the key's name too, and `key` is "" */
    OptionKind kind;
    gsize offset;         /* in Config */
    gboolean restart;     /* a change needs a restart */
    const char *fallback; /* the default, as text */
    const char *doc;      /* one sentence or two */
    gint64 min, max;
    const char *const *words; /* ended by NULL */
    const char *example;      /* shown instead of an empty default */
} Option;

extern const Option options[];
extern const guint options_len;

typedef struct {
    const char *name;
    const char *doc;
} OptionSection;

extern const OptionSection option_sections[];
extern const guint option_sections_len;

/* NULL: there is none. Names without case. A free-key section is found with any key. */
const Option *option_find(const char *section, const char *key);
/* "section.key" or "[section]" of the name most like it, or NULL. Owned by the caller. */
char *option_nearest(const char *section, const char *key);
/* How far `word` is from `name`: letters that differ. G_MAXUINT: nobody would take one for the other. */
guint option_unlikeness(const char *name, const char *word);
char *option_name(const Option *option);
