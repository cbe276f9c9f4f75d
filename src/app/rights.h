/*
 * rights.h — least rights (K15): what root has opened is kept, root is not.
 *
 *     open sockets, keys, log → rights_drop() → rights_filter() → threads, work
 *
 * Both are for the one start of the program, before strangers are heard; both hold for all threads and cannot
 * be undone.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* Whom rights_drop() would become. Both 0 when `user` is NULL or "". */
gboolean rights_find(const char *user, const char *group, uid_t *uid, gid_t *gid, GError **error);

/* Becomes `user` with its supplementary groups and `group` (NULL or "": the user's own). With `user` NULL or
 * "" nobody changes. Whoever it is afterwards, no program that is started can gain rights
 * (PR_SET_NO_NEW_PRIVS), and the memory, where keys are, is neither dumped nor traced. FALSE: do not go on;
 * rights may be half given up. */
gboolean rights_drop(const char *user, const char *group, GError **error);

/* From now on system calls that a mail filter never needs fail with EPERM: starting programs, tracing,
 * mounting, loading modules, setting clocks, changing who we are. FALSE: the kernel or the container does not
 * let us; that is worth one notice, and no reason to stop. */
gboolean rights_filter(GError **error);
