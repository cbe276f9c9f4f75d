/* log.c — see log.h: the log's state, and who writes when. Making lines is in log-line.c, where they go in
 * log-target.c, the thread in log-writer.c. */
#include "base/log-internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

/* Two locks, so that events are collected while others are written. `writing` is taken before `lock`. */
static struct {
    int level; /* atomic: asked on every event, wanted or not */

    pthread_mutex_t writing; /* for as long as a batch goes out */
    LogBatch leaving;        /* the batch that goes out */
    guint64 dropped;

    pthread_mutex_t lock;
    LogBatch gathered;
    GString *line; /* of the event that is being collected */
    LogStamp stamp;
    gboolean has_writer;
    LogSink sink;
    void *sink_data;

    /* Changed with both locks held. */
    gboolean json; /* atomic: asked before facts are made */
    gboolean bare_ids;
    const Clock *clock;
    LogTarget target;
} logger = {
    .level = LOG_LEVEL_INFO,
    .writing = PTHREAD_MUTEX_INITIALIZER,
    .lock = PTHREAD_MUTEX_INITIALIZER,
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

/* ---- writing ---- */

static LogBatch batch_new(void)
{
    return (LogBatch){g_string_new(NULL), g_array_new(FALSE, FALSE, sizeof(gsize))};
}

static void batch_empty(LogBatch *batch)
{
    g_string_truncate(batch->bytes, 0);
    g_array_set_size(batch->ends, 0);
}

static void batch_free(LogBatch *batch)
{
    g_string_free(batch->bytes, TRUE);
    g_array_unref(batch->ends);
}

static void append_line(GString *line, LogStamp *stamp, const LogEvent *event)
{
    gint64 now = clock_now(logger.clock);
    if (logger.json) {
        log_line_json(line, event, now);
        return;
    }
    if (logger.target.kind == LOG_TO_FILE)
        log_line_stamp(line, stamp, now);
    log_line_text(line, event, logger.bare_ids);
}

/* Before the first line that can be written again: how many could not. */
static gboolean tell_dropped(void)
{
    if (logger.dropped == 0)
        return TRUE;
    g_autofree char *text =
        g_strdup_printf("%" G_GUINT64_FORMAT " log lines could not be written and are lost", logger.dropped);
    LogEvent event = {.level = LOG_LEVEL_WARNING, .tag = "warning:", .text = text};
    LogStamp stamp = {0};
    g_autoptr(GString) line = g_string_new(NULL);
    append_line(line, &stamp, &event);
    LogBatch batch = batch_new();
    log_target_collect(&logger.target, &batch, &event, line);
    gboolean told = log_target_write(&logger.target, &batch) == 0;
    batch_free(&batch);
    if (told)
        logger.dropped = 0;
    return told;
}

/* Mail goes on; somebody who looks at the service should find out all the same. */
static void note_lost(guint lost, int why)
{
    if (lost > 0 && logger.dropped == 0 && (logger.target.kind != LOG_TO_FILE || logger.target.path != NULL))
        fprintf(stderr, "postern: lines of the log are lost, it cannot be written: %s\n", g_strerror(why));
    logger.dropped += lost;
}

/* With `writing` held. */
static void write_batch(LogBatch *batch)
{
    if (batch->ends == NULL || batch->ends->len == 0)
        return;
    guint lost = tell_dropped() ? log_target_write(&logger.target, batch) : batch->ends->len;
    note_lost(lost, errno);
    batch_empty(batch);
}

void log_flush(void)
{
    pthread_mutex_lock(&logger.writing);
    pthread_mutex_lock(&logger.lock);
    LogBatch gathered = logger.gathered;
    logger.gathered = logger.leaving;
    logger.leaving = gathered;
    pthread_mutex_unlock(&logger.lock);
    write_batch(&logger.leaving);
    pthread_mutex_unlock(&logger.writing);
}

/* Nobody writes and nobody collects, and all that was collected is written. */
static void stop_all(void)
{
    pthread_mutex_lock(&logger.writing);
    pthread_mutex_lock(&logger.lock);
    write_batch(&logger.gathered);
}

static void resume_all(void)
{
    pthread_mutex_unlock(&logger.lock);
    pthread_mutex_unlock(&logger.writing);
}

/* ---- life ---- */

gboolean log_open(const LogSettings *settings, GError **error)
{
    g_assert(settings->level < LOG_LEVEL_COUNT);
    LogTarget target;
    if (!log_target_open(&target, settings, error))
        return FALSE;
    stop_all();
    if (target.kind != LOG_TO_SYSLOG || logger.target.kind != LOG_TO_SYSLOG)
        log_target_close(&logger.target); /* closelog() would take the new one's name away */
    logger.target = target;
    __atomic_store_n(&logger.json, settings->json, __ATOMIC_RELAXED);
    logger.bare_ids = settings->bare_ids;
    logger.clock = settings->clock != NULL ? settings->clock : &clock_system;
    resume_all();
    __atomic_store_n(&logger.level, (int)settings->level, __ATOMIC_RELAXED);
    return TRUE;
}

gboolean log_reopen(GError **error)
{
    stop_all();
    gboolean done = log_target_reopen(&logger.target, error);
    resume_all();
    return done;
}

static void set_writer(gboolean has_writer)
{
    pthread_mutex_lock(&logger.lock);
    logger.has_writer = has_writer;
    pthread_mutex_unlock(&logger.lock);
}

gboolean log_start_writer(GError **error)
{
    g_assert(!logger.has_writer);
    if (!log_writer_start(error))
        return FALSE;
    set_writer(TRUE);
    return TRUE;
}

static void stop_writer(void)
{
    if (!logger.has_writer)
        return;
    set_writer(FALSE); /* from now on every event is written by its own thread */
    log_writer_stop();
}

void log_close(void)
{
    stop_writer();
    stop_all();
    log_target_close(&logger.target);
    logger.target = LOG_TARGET_STDERR;
    __atomic_store_n(&logger.json, FALSE, __ATOMIC_RELAXED);
    logger.bare_ids = FALSE;
    logger.clock = &clock_system;
    logger.dropped = 0;
    resume_all();
    __atomic_store_n(&logger.level, LOG_LEVEL_INFO, __ATOMIC_RELAXED);
}

void log_before_fork(void)
{
    stop_all();
}

void log_after_fork(gboolean in_child)
{
    if (in_child) {
        logger.has_writer = FALSE;
        log_writer_forget();
    }
    resume_all();
}

gboolean log_shows_facts(void)
{
    return __atomic_load_n(&logger.json, __ATOMIC_RELAXED);
}

gboolean log_wanted(LogLevel level)
{
    return (int)level <= __atomic_load_n(&logger.level, __ATOMIC_RELAXED);
}

guint64 log_dropped(void)
{
    pthread_mutex_lock(&logger.writing);
    guint64 dropped = logger.dropped;
    pthread_mutex_unlock(&logger.writing);
    return dropped;
}

void log_set_sink(LogSink sink, void *data)
{
    pthread_mutex_lock(&logger.lock);
    logger.sink = sink;
    logger.sink_data = data;
    pthread_mutex_unlock(&logger.lock);
}

/* ---- events ---- */

/* With `lock` held. */
static void give_to_sink(const LogEvent *event)
{
    g_autoptr(GString) line = g_string_new(NULL);
    if (logger.json)
        log_line_json(line, event, 0);
    else
        log_line_text(line, event, logger.bare_ids);
    logger.sink(event->level, line->str, logger.sink_data);
}

/* With `lock` held. TRUE: it is the first of its batch. */
static gboolean collect(const LogEvent *event)
{
    if (logger.gathered.bytes == NULL) {
        logger.gathered = batch_new();
        logger.line = logger.line != NULL ? logger.line : g_string_new(NULL);
    }
    g_string_truncate(logger.line, 0);
    append_line(logger.line, &logger.stamp, event);
    log_target_collect(&logger.target, &logger.gathered, event, logger.line);
    return logger.gathered.ends->len == 1;
}

static void deliver(const LogEvent *event)
{
    pthread_mutex_lock(&logger.lock);
    if (logger.sink != NULL) {
        give_to_sink(event);
        pthread_mutex_unlock(&logger.lock);
        return;
    }
    while (logger.gathered.bytes != NULL && logger.gathered.bytes->len >= LOG_GATHERED_MAX) {
        pthread_mutex_unlock(&logger.lock);
        log_flush();
        pthread_mutex_lock(&logger.lock);
    }
    gboolean first = collect(event), at_once = !logger.has_writer || event->level <= LOG_LEVEL_ERROR;
    pthread_mutex_unlock(&logger.lock);
    if (at_once)
        log_flush();
    else if (first)
        log_writer_wake();
}

static char *made_safe(const char *text)
{
    GString *safe = g_string_sized_new(strlen(text) + 1);
    log_line_append_safe(safe, text);
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
