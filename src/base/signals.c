#include "base/signals.h"

#include <pthread.h>

/* g_error() stops with SIGTRAP, g_assert() and the C library with SIGABRT. */
const int signals_of_faults[] = {SIGABRT, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, 0};

void signals_block(sigset_t *before)
{
    sigset_t taken;
    sigfillset(&taken);
    for (const int *number = signals_of_faults; *number != 0; number++)
        sigdelset(&taken, *number);
    pthread_sigmask(SIG_SETMASK, &taken, before);
}
