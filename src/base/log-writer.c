/* log-writer.c — the thread that writes what others have collected, and what a fault and a fork need of it. */
#include "base/log-internal.h"

#include <gio/gio.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>
#include "base/signals.h"

/* How long a thread that is about to die of a fault waits for its last lines to be written. */
#define FAULT_WAIT_MS 500

static struct {
    pthread_t thread;
    sem_t work;                      /* something was collected, or one of these: */
    int running, stop, fault, saved; /* atomic */
} writer;

static void *writer_main(void *data)
{
    for (;;) {
        while (sem_wait(&writer.work) != 0)
            continue; /* EINTR */
        if (!g_atomic_int_get(&writer.stop) && !g_atomic_int_get(&writer.fault))
            g_usleep(LOG_GATHER_MS * 1000); /* what comes meanwhile goes out with it */
        gboolean fault = g_atomic_int_get(&writer.fault);
        log_flush();
        g_atomic_int_set(&writer.saved, fault);
        if (g_atomic_int_get(&writer.stop))
            return NULL;
    }
}

/* Anything may be broken here, and nothing may be called that is not safe in a signal handler. The writer's own
 * thread still works, unless it is the one that dies. */
static void on_fault(int number)
{
    static const struct timespec millisecond = {.tv_nsec = 1000000};
    if (g_atomic_int_get(&writer.running) && !pthread_equal(pthread_self(), writer.thread)) {
        g_atomic_int_set(&writer.fault, TRUE);
        sem_post(&writer.work);
        for (int i = 0; i < FAULT_WAIT_MS && !g_atomic_int_get(&writer.saved); i++)
            nanosleep(&millisecond, NULL);
    }
    raise(number); /* the default action again: SA_RESETHAND */
}

/* A handler that somebody else has set, a sanitizer for one, stays. */
static void catch_faults(void)
{
    const struct sigaction save = {.sa_handler = on_fault, .sa_flags = SA_RESETHAND};
    for (const int *number = signals_of_faults; *number != 0; number++) {
        struct sigaction old;
        if (sigaction(*number, NULL, &old) == 0 && !(old.sa_flags & SA_SIGINFO) && old.sa_handler == SIG_DFL)
            sigaction(*number, &save, NULL);
    }
}

static void fork_in_parent(void)
{
    log_after_fork(FALSE);
}

static void fork_in_child(void)
{
    log_after_fork(TRUE);
}

static void once(void)
{
    catch_faults();
    pthread_atfork(log_before_fork, fork_in_parent, fork_in_child);
}

gboolean log_writer_start(GError **error)
{
    static pthread_once_t first = PTHREAD_ONCE_INIT;
    pthread_once(&first, once);
    sem_init(&writer.work, 0, 0);
    writer.stop = writer.fault = writer.saved = FALSE;
    sigset_t before;
    signals_block(&before);
    int code = pthread_create(&writer.thread, NULL, writer_main, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), "cannot start the log's writer: %s",
                    g_strerror(code));
        return FALSE;
    }
    g_atomic_int_set(&writer.running, TRUE);
    return TRUE;
}

void log_writer_wake(void)
{
    sem_post(&writer.work);
}

void log_writer_stop(void)
{
    g_atomic_int_set(&writer.running, FALSE);
    g_atomic_int_set(&writer.stop, TRUE);
    sem_post(&writer.work);
    pthread_join(writer.thread, NULL);
}

void log_writer_forget(void)
{
    g_atomic_int_set(&writer.running, FALSE);
}
