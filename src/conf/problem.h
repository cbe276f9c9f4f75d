/*
 * problem.h — what is wrong with a file that somebody wrote, and what to do about it.
 *
 * Reading configuration or a map never stops at the first fault: all are collected, each with file:line, then shown.
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

Problems *problems_new(void);
void problems_free(Problems *problems); /* NULL is allowed */
void problems_add(Problems *problems, ProblemLevel level, const char *file, guint line, const char *format, ...)
    G_GNUC_PRINTF(5, 6);
guint problems_count(const Problems *problems, ProblemLevel level);
guint problems_len(const Problems *problems);
const Problem *problems_at(const Problems *problems, guint index);
/* "/etc/postern.conf:12: error: …". Owned by the caller. */
char *problem_to_string(const Problem *problem);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Problems, problems_free)
