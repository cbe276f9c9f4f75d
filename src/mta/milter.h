/*
 * milter.h — the milter as a service: listening sockets, a thread for each connection, a cap, and an orderly
 * end.
 *
 *     Milter *milter = milter_new(engine, config, &error);    sockets are open: become another user now
 *     milter_start(milter, &error);                           from here on MTAs are answered
 *     milter_drain(milter, seconds);                          no new ones; messages under way may finish
 *     milter_free(milter);                                    removes its unix sockets
 *
 * Of the configuration only the section `daemon` is read: listen, socket_mode, socket_group, max_sessions and
 * idle_timeout. They are what they were at start; the policy is the Engine's current snapshot for each new
 * connection.
 *
 * Threads: milter_new(), _start(), _drain() and _free() belong to one thread; milter_sessions() to any. All
 * signals are blocked in the threads made here. A connection's thread has MILTER_STACK bytes of stack, and
 * every check runs on it: large buffers belong on the heap.
 */
#pragma once

#include "conf/config.h"
#include "flow/session.h"

/* Address space, not memory: a page is taken when it is first touched. The sanitizers' own share comes on
 * top. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define MILTER_STACK (4 * 1024 * 1024)
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define MILTER_STACK (4 * 1024 * 1024)
#endif
#endif
#ifndef MILTER_STACK
#define MILTER_STACK (512 * 1024)
#endif
/* Connections over the cap that are told so at once; what exceeds even these is closed without a word. */
#define MILTER_REFUSALS_MAX 64
/* After a drain's time is over: for a check that is working right now (a stage may take 8 s). */
#define MILTER_FORCE_GRACE 10

typedef struct Milter Milter;

/* NULL: a socket cannot be opened; none is then left open. */
Milter *milter_new(Engine *engine, const Config *config, GError **error);
/* After a reload: max_sessions and idle_timeout, for connections that come from now on. Any thread. */
void milter_set_limits(Milter *milter, const Config *config);
gboolean milter_start(Milter *milter, GError **error);
/* Stops accepting. Sessions without a message end at once, the others when theirs is over or `seconds` are:
 * then they are told to try again later. Returns how many messages had to be cut off. */
guint milter_drain(Milter *milter, int seconds);
/* Drains without waiting if that was not done. NULL is allowed. */
void milter_free(Milter *milter);

/* Connections that are open now. */
guint milter_sessions(Milter *milter);
/* The macros that have come since start, as seen.h writes them. Any thread. */
void milter_macros(Milter *milter, GString *text);
/* Where it listens, "unix:/path", "inet:8894@127.0.0.1", NULL-terminated: with the port that the kernel
 * chose. Owned by the Milter. */
const char *const *milter_addresses(const Milter *milter);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Milter, milter_free)
