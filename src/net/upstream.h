/*
 * upstream.h — questions go out, answers come back: libunbound in asynchronous mode, and the thread that
 * waits for it.
 *
 * libunbound has one worker thread of its own (event driven, thousands of questions at once); ours takes its
 * answers and hands each to `done`. Nothing is kept here but libunbound's own caches; nothing has a time
 * limit but what libunbound gives itself, which may be minutes for servers that are silent. The resolver in
 * front knows both.
 *
 * A fork() leaves the threads behind: make it after the daemon has forked for the last time. Threads:
 * upstream_ask() from any; `done` is called in our thread alone.
 */
#pragma once

#include <glib.h>
#include <postern/resolver.h>

typedef struct Upstream Upstream;

/* First member of whatever the caller keeps about a question; it must live until it is answered or the
 * upstream is freed. */
typedef struct {
    Upstream *upstream;
    DnsType type;
} UpstreamQuestion;

/* `answer` is borrowed. */
typedef void (*UpstreamDone)(UpstreamQuestion *question, DnsAnswer *answer);

/* `servers` as in ResolverSettings. G_IO_ERROR_INVALID_ARGUMENT for words that are no server. */
Upstream *upstream_new(const char *const *servers, UpstreamDone done, GError **error);
/* Drops the questions that are out: `done` is not called any more when this has begun to return. NULL is
 * allowed. */
void upstream_free(Upstream *upstream);

/* NULL: `done` will be called, once. Else why not (a literal), and it will not be. */
const char *upstream_ask(Upstream *upstream, const char *name, DnsType type, UpstreamQuestion *question);
