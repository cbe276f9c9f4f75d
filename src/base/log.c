/* log.c — see log.h: making lines. Where they go is in log-target.c. */
#include "base/log-internal.h"

#include <pthread.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include "base/escape.h"

/* Everything but `level` is read and written under the mutex. */
static struct {
    pthread_mutex_t mutex;
    int level; /* atomic: asked on every event, wanted or not */
    gboolean json;
    const Clock *clock;
    LogTarget target;
    guint64 dropped;
    LogSink sink;
    void *sink_data;
} logger = {
    .mutex = PTHREAD_MUTEX_INITIALIZER,
    .level = LOG_LEVEL_INFO,
    .clock = &clock_system,
    .target = LOG_TARGET_STDERR,
};

static const char *const level_words[] = {
#define X(id, word) word,
    LOG_LEVELS(X)
#undef X
};

const char *log_level_name(LogLevel level)
{
    g_assert(level < LOG_LEVEL_COUNT);
    return level_words[level];
}

gboolean log_level_parse(const char *word, LogLevel *ret)
{
    for (guint i = 0; i < G_N_ELEMENTS(level_words); i++)
        if (g_ascii_strcasecmp(word, level_words[i]) == 0) {
            *ret = (LogLevel)i;
            return TRUE;
        }
    return FALSE;
}

gboolean log_facility_parse(const char *word, int *ret)
{
    static const struct {
        const char *word;
        int facility;
    } facilities[] = {
        {"mail", LOG_MAIL},     {"daemon", LOG_DAEMON}, {"user", LOG_USER},     {"auth", LOG_AUTH},
        {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3},
        {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7},
    };
    for (guint i = 0; i < G_N_ELEMENTS(facilities); i++)
        if (g_ascii_strcasecmp(word, facilities[i].word) == 0) {
            *ret = facilities[i].facility;
            return TRUE;
        }
    return FALSE;
}

gboolean log_open(const LogSettings *settings, GError **error)
{
    g_assert(settings->level < LOG_LEVEL_COUNT);
    LogTarget target;
    if (!log_target_open(&target, settings, error))
        return FALSE;
    pthread_mutex_lock(&logger.mutex);
    if (target.kind != LOG_TO_SYSLOG || logger.target.kind != LOG_TO_SYSLOG)
        log_target_close(&logger.target); /* closelog() would take the new one's name away */
    logger.target = target;
    __atomic_store_n(&logger.json, settings->json, __ATOMIC_RELAXED);
    logger.clock = settings->clock != NULL ? settings->clock : &clock_system;
    pthread_mutex_unlock(&logger.mutex);
    __atomic_store_n(&logger.level, (int)settings->level, __ATOMIC_RELAXED);
    return TRUE;
}

gboolean log_shows_facts(void)
{
    return __atomic_load_n(&logger.json, __ATOMIC_RELAXED);
}

gboolean log_reopen(GError **error)
{
    pthread_mutex_lock(&logger.mutex);
    gboolean done = log_target_reopen(&logger.target, error);
    pthread_mutex_unlock(&logger.mutex);
    return done;
}

void log_close(void)
{
    pthread_mutex_lock(&logger.mutex);
    log_target_close(&logger.target);
    logger.target = LOG_TARGET_STDERR;
    __atomic_store_n(&logger.json, FALSE, __ATOMIC_RELAXED);
    logger.clock = &clock_system;
    logger.dropped = 0;
    pthread_mutex_unlock(&logger.mutex);
    __atomic_store_n(&logger.level, LOG_LEVEL_INFO, __ATOMIC_RELAXED);
}

gboolean log_wanted(LogLevel level)
{
    return (int)level <= __atomic_load_n(&logger.level, __ATOMIC_RELAXED);
}

guint64 log_dropped(void)
{
    pthread_mutex_lock(&logger.mutex);
    guint64 dropped = logger.dropped;
    pthread_mutex_unlock(&logger.mutex);
    return dropped;
}

void log_set_sink(LogSink sink, void *data)
{
    pthread_mutex_lock(&logger.mutex);
    logger.sink = sink;
    logger.sink_data = data;
    pthread_mutex_unlock(&logger.mutex);
}

/* "[17 4XyZ] tag text" */
static char *text_line(const LogEvent *event)
{
    GString *line = g_string_new("[");
    g_string_append_printf(line, "%" G_GUINT64_FORMAT, event->session);
    if (event->queue_id != NULL)
        g_string_append_printf(line, " %s", event->queue_id);
    g_string_append(line, "] ");
    g_string_append(line, event->tag);
    if (event->text[0] != '\0')
        g_string_append_printf(line, "%s%s", event->tag[0] != '\0' ? " " : "", event->text);
    return g_string_free(line, FALSE);
}

static char *json_line(const LogEvent *event, gint64 now)
{
    g_autoptr(Record) record = record_new();
    if (now != 0) {
        g_autoptr(GDateTime) second = g_date_time_new_from_unix_utc(now / G_USEC_PER_SEC);
        g_autofree char *date = second != NULL ? g_date_time_format(second, "%Y-%m-%dT%H:%M:%S") : NULL;
        g_autofree char *time =
            date != NULL ? g_strdup_printf("%s.%03dZ", date, (int)(now % G_USEC_PER_SEC / 1000)) : NULL;
        record_str(record, "time", time);
    }
    record_str(record, "level", log_level_name(event->level));
    if (event->session != 0)
        record_int(record, "id", (gint64)event->session);
    record_str(record, "qid", event->queue_id);
    record_str(record, "tag", event->tag);
    record_str(record, "text", event->text);
    if (event->facts != NULL)
        record_merge(record, event->facts);
    return record_to_json(record);
}

/* "2026Nov23 05:39:40 ": strftime's %b would follow the locale. */
static void append_stamp(GString *to, gint64 now)
{
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(now / G_USEC_PER_SEC);
    struct tm tm;
    if (localtime_r(&seconds, &tm) == NULL)
        return;
    g_string_append_printf(to, "%04d%s%02d %02d:%02d:%02d ", tm.tm_year + 1900, months[tm.tm_mon], tm.tm_mday,
                           tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* One event to the target; the mutex is held. */
static gboolean write_event(const LogEvent *event)
{
    gint64 now = clock_now(logger.clock);
    g_autofree char *line = logger.json ? json_line(event, now) : text_line(event);
    if (logger.target.kind != LOG_TO_FILE || logger.json)
        return log_target_write(&logger.target, event, line);
    g_autoptr(GString) stamped = g_string_new(NULL);
    append_stamp(stamped, now);
    g_string_append(stamped, line);
    return log_target_write(&logger.target, event, stamped->str);
}

/* Before the first line that can be written again: how many could not. */
static gboolean tell_dropped(void)
{
    if (logger.dropped == 0)
        return TRUE;
    g_autofree char *text =
        g_strdup_printf("%" G_GUINT64_FORMAT " log lines could not be written and are lost", logger.dropped);
    LogEvent event = {.level = LOG_LEVEL_WARNING, .tag = "warning:", .text = text};
    if (!write_event(&event))
        return FALSE;
    logger.dropped = 0;
    return TRUE;
}

static void deliver(const LogEvent *event)
{
    pthread_mutex_lock(&logger.mutex);
    if (logger.sink != NULL) {
        g_autofree char *line = logger.json ? json_line(event, 0) : text_line(event);
        logger.sink(event->level, line, logger.sink_data);
    } else if (!tell_dropped() || !write_event(event)) {
        logger.dropped++;
    }
    pthread_mutex_unlock(&logger.mutex);
}

static char *made_safe(const char *text)
{
    GString *safe = g_string_new(NULL);
    gsize len = strlen(text);
    if (len > LOG_TEXT_MAX) { /* cut between characters, not inside one */
        len = LOG_TEXT_MAX;
        while (len > LOG_TEXT_MAX - 4 && ((guchar)text[len] & 0xc0) == 0x80)
            len--;
    }
    escape_append(safe, text, len, ESCAPE_KEEP_UTF8, NULL);
    if (text[len] != '\0')
        g_string_append(safe, "…");
    return g_string_free(safe, FALSE);
}

void log_event(LogLevel level, const LogSubject *subject, const char *tag, const Record *facts,
               const char *format, ...)
{
    if (!log_wanted(level))
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *raw = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *text = made_safe(raw);
    g_autofree char *safe_tag = made_safe(tag);
    g_autofree char *queue_id =
        subject != NULL && subject->queue_id != NULL ? made_safe(subject->queue_id) : NULL;
    LogEvent event = {
        .level = level,
        .session = subject != NULL ? subject->session : 0,
        .queue_id = queue_id,
        .tag = safe_tag,
        .text = text,
        .facts = facts,
    };
    deliver(&event);
}
