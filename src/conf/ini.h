/*
 * ini.h — configuration text with the rules of Python's ConfigParser, and the line of every value.
 *
 *     [section]                 names are compared without case
 *     key = value               or key: value
 *         goes on here          a line that is indented more than its key; joined by a line end
 *     # comment                 # or ; as the first character of a line
 *     path = %(base)s/x         the value of `base` in the same section or in [DEFAULT]; %% is one percent
 *
 * A "%" before anything else stands for itself. A section may come again and goes on; of two equal keys the
 * last counts and both lines are reported. Lines that are not UTF-8 are read as Latin-1. CRLF and a byte
 * order mark are accepted. Everything that cannot be understood is a problem with its line; the rest is
 * there.
 *
 * Immutable once parsed. Threads: any.
 */
#pragma once

#include <glib.h>
#include "conf/problem.h"

typedef struct Ini Ini;

typedef struct {
    const char *section; /* lower case */
    const char *key;     /* as written */
    const char *value;   /* interpolated, trimmed; lines of a continued one are separated by '\n' */
    guint line;          /* of the key */
} IniEntry;

typedef enum {
    INI_PLAIN = 0,
    /* Files for Python 2: " ;" ends the value on the key's line, `""` is the empty value, and [formatter_…]
     * sections, which are for its logging module, are left as they are. */
    INI_INLINE_COMMENTS = 1 << 0,
} IniFlags;

#define INI_BYTES_MAX                                                                                        \
    ((gsize)16 << 20)                 /* administrators write by hand; long lists are files of their own     \
                                       */
#define INI_LINE_MAX       65536u     /* bytes; a longer line is reported and left out */
#define INI_VALUE_MAX      (1u << 20) /* bytes of a value with all its lines, interpolated */
#define INI_ENTRIES_MAX    100000u
#define INI_DEPTH_MAX      10u         /* of interpolation, as ConfigParser has it */
#define INI_EXPANDED_MAX   (16u << 20) /* bytes that interpolation may add in one file */
#define INI_REFERENCES_MAX 100000u     /* the same, counted in %(name)s */

/* Never NULL; what is wrong is in `problems`. */
Ini *ini_parse(const char *name, const char *text, gsize len, IniFlags flags, Problems *problems);
void ini_free(Ini *ini); /* NULL is allowed */

guint ini_len(const Ini *ini);
/* In the order of the file, overridden ones left out. */
const IniEntry *ini_at(const Ini *ini, guint index);
/* NULL: not there. Compared without case. */
const IniEntry *ini_find(const Ini *ini, const char *section, const char *key);
gboolean ini_has_section(const Ini *ini, const char *section);
/* Sections in their order, empty ones too, lower case; `line` of the first header. NULL after the last. */
const char *ini_section_at(const Ini *ini, guint index, guint *line);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ini, ini_free)
