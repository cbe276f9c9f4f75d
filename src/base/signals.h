/* signals.h — which signals a thread of ours takes: none that is sent to the process (those come to the one thread that
 * waits for them), but those that its own fault raises, so that log.h can save its lines. Threads: any. */
#pragma once

#include <signal.h>

/* Blocks them for the caller and for the threads that it makes, until sigset `before` is put back. */
void signals_block(sigset_t *before);
/* The signals of a fault: SIGABRT, SIGSEGV, …; a 0 ends the list. */
extern const int signals_of_faults[];
