/* problem.c — see problem.h. */
#include "conf/problem.h"

#include <string.h>
#include "base/escape.h"

struct Problems {
    GPtrArray *list; /* of Problem */
    guint counts[PROBLEM_NOTE + 1];
    char **files;
};

Problems *problems_new(void)
{
    Problems *problems = g_new0(Problems, 1);
    problems->list = g_ptr_array_new();
    return problems;
}

static void problem_free(void *data, void *unused)
{
    Problem *problem = data;
    g_free(problem->file);
    g_free(problem->text);
    g_free(problem);
}

void problems_free(Problems *problems)
{
    if (problems == NULL)
        return;
    g_ptr_array_foreach(problems->list, problem_free, NULL);
    g_ptr_array_unref(problems->list);
    g_strfreev(problems->files);
    g_free(problems);
}

void problems_add(Problems *problems, ProblemLevel level, const char *file, guint line, const char *format,
                  ...)
{
    g_assert(level <= PROBLEM_NOTE);
    problems->counts[level]++;
    /* Errors must be counted to the last, but nobody reads the ten thousandth. */
    if (problems->counts[level] > PROBLEMS_KEPT_MAX)
        return;
    Problem *problem = g_new0(Problem, 1);
    problem->level = level;
    problem->file = g_strdup(file);
    problem->line = line;
    va_list args;
    va_start(args, format);
    problem->text = g_strdup_vprintf(format, args);
    va_end(args);
    g_ptr_array_add(problems->list, problem);
}

guint problems_count(const Problems *problems, ProblemLevel level)
{
    g_assert(level <= PROBLEM_NOTE);
    return problems->counts[level];
}

guint problems_len(const Problems *problems)
{
    return problems->list->len;
}

const Problem *problems_at(const Problems *problems, guint index)
{
    g_assert(index < problems->list->len);
    return g_ptr_array_index(problems->list, index);
}

void problems_set_files(Problems *problems, char **files)
{
    g_strfreev(problems->files);
    problems->files = g_strdupv(files);
}

char **problems_files(const Problems *problems)
{
    return problems->files;
}

char *problem_to_string(const Problem *problem)
{
    static const char *const words[] = {"error", "warning", "note"};
    GString *text = g_string_new(NULL);
    if (problem->file != NULL) {
        escape_append(text, problem->file, strlen(problem->file), ESCAPE_KEEP_UTF8, NULL);
        g_string_append_c(text, ':');
        if (problem->line != 0)
            g_string_append_printf(text, "%u:", problem->line);
        g_string_append_c(text, ' ');
    }
    g_string_append_printf(text, "%s: ", words[problem->level]);
    escape_append(text, problem->text, strlen(problem->text), ESCAPE_KEEP_UTF8, NULL);
    return g_string_free(text, FALSE);
}
