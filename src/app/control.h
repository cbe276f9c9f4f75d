/*
 * control.h — the running filter's control socket: `postern reload` and others talk to it.
 *
 * A unix stream socket, mode 0600. One line asks, the answer is lines, the first is "ok" or "no"; then it is closed.
 */
#pragma once

#include <glib.h>

typedef struct Control Control;

/* Fills `answer` with lines for a person; FALSE: "no". Called in the control thread. */
typedef gboolean (*ControlHandler)(const char *command, GString *answer, void *data);

#define CONTROL_LINE_MAX 256 /* bytes of a command */

/* Opens the socket; a left-over one is replaced, a living daemon's and a file of any other kind is not. `handler` is called after control_start(). */
Control *control_new(const char *path, ControlHandler handler, void *data, GError **error);
void control_start(Control *control);
void control_free(Control *control); /* NULL is allowed */

/* The other side. FALSE with `error` when nobody answers; else *ok says what the first line said. */
gboolean control_ask(const char *path, const char *command, gboolean *ok, char **answer, GError **error);
