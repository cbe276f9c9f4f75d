/* probe.h — asks a milter socket, as an MTA does, whether a filter answers there: negotiation, then quit. For `doctor`. */
#pragma once

#include <gio/gio.h>
#include <sys/types.h>

/* Connects, also to the address that listens on all. FALSE: nobody does, or what answers is no milter. `pid`, which may be
 * NULL, is the process that listens, or 0 where the kernel does not say. */
gboolean probe_milter(const char *spec, int timeout_s, guint32 *version, pid_t *pid, GError **error);

/* Does anybody listen there? What it is, is not asked. */
gboolean probe_listener(const char *spec, int timeout_s, GError **error);
