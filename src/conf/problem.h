/*
 * problem.h — what is wrong with a file that somebody wrote, and what to do about it.
 *
 * Reading configuration or a map never stops at the first fault: all are collected, each with file:line, then
 * shown. One thread.
 */
#pragma once

#include <glib.h>

typedef enum { PROBLEM_ERROR, PROBLEM_WARNING, PROBLEM_NOTE } ProblemLevel;

typedef struct {
    ProblemLevel level;
    char *file; /* NULL: no file */
    guint line; /* 0: the file as a whole */
    char *text;
} Problem;

typedef struct Problems Problems;

/* Of each level; what comes later is only counted. A map of a million bad lines must not fill the memory
 * twice. */
#define PROBLEMS_KEPT_MAX 1000u

Problems *problems_new(void);
void problems_free(Problems *problems); /* NULL is allowed */
void problems_add(Problems *problems, ProblemLevel level, const char *file, guint line, const char *format,
                  ...) G_GNUC_PRINTF(5, 6);
/* All that were added, kept or not. */
guint problems_count(const Problems *problems, ProblemLevel level);
/* Those that were kept, in order. */
guint problems_len(const Problems *problems);
const Problem *problems_at(const Problems *problems, guint index);
/* The files that were read or looked for, where the whole was of no use: a change of any of them is a reason to try again.
 * Later ones take the place of earlier ones. Copied; owned by `problems`; NULL: nobody said. */
void problems_set_files(Problems *problems, char **files);
char **problems_files(const Problems *problems);
/* "/etc/postern.conf:12: error: …". One line: control characters in it are shown as
 * \xNN. Owned by the caller. */
char *problem_to_string(const Problem *problem);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Problems, problems_free)
