/* when.c — see when.h. */
#include "app/when.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "conf/values.h"

#define EPOCH_DIGITS 10 /* seconds since 1970 from September 2001 on; fewer digits are a span */

/* The first second of the day that was `ago` days before. */
static gboolean day(gint64 now, int ago, gint64 *ret)
{
    g_autoptr(GDateTime) then = g_date_time_new_from_unix_local(now);
    g_autoptr(GDateTime) date = then ? g_date_time_add_days(then, -ago) : NULL;
    g_autoptr(GDateTime) first =
        date ? g_date_time_new_local(g_date_time_get_year(date), g_date_time_get_month(date),
                                     g_date_time_get_day_of_month(date), 0, 0, 0)
             : NULL;
    if (first)
        *ret = g_date_time_to_unix(first);
    return first != NULL;
}

/* "2026-11-23" */
static gboolean date(const char *text, gint64 *ret)
{
    int year, month, of_month, end = 0;
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &of_month, &end) != 3 || text[end])
        return FALSE;
    g_autoptr(GDateTime) first = g_date_time_new_local(year, month, of_month, 0, 0, 0);
    if (first)
        *ret = g_date_time_to_unix(first);
    return first != NULL;
}

gboolean when_parse(const char *text, gint64 now, gint64 *ret)
{
    gint64 span, time;
    if (strcmp(text, "now") == 0) {
        *ret = now;
        return TRUE;
    }
    if (strcmp(text, "today") == 0)
        return day(now, 0, ret);
    if (strcmp(text, "yesterday") == 0)
        return day(now, 1, ret);
    if (date(text, ret))
        return TRUE;
    if (strspn(text, "0123456789") < EPOCH_DIGITS && value_span(text, &span) && span <= now) {
        *ret = now - span;
        return TRUE;
    }
    if (!clock_parse(text, &time))
        return FALSE;
    *ret = time / G_USEC_PER_SEC;
    return TRUE;
}

char *when_to_string(gint64 time, gint64 now)
{
    g_autoptr(GDateTime) then = g_date_time_new_from_unix_local(time);
    g_autoptr(GDateTime) today = g_date_time_new_from_unix_local(now);
    if (!then || !today)
        return g_strdup_printf("%" G_GINT64_FORMAT, time);
    gboolean this_year = g_date_time_get_year(then) == g_date_time_get_year(today);
    return g_date_time_format(then, this_year ? "%m-%d %H:%M:%S" : "%Y-%m-%d");
}
