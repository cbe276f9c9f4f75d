#include "app/control.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/signals.h"
#include "mta/listen.h"

#define ASK_TIMEOUT    60 /* seconds; a reload of a large map takes its time */
#define LISTEN_TIMEOUT 5  /* seconds that a caller may take to write its line */

struct Control {
    ListenSocket socket;
    int wake[2]; /* a pipe: closing it ends the thread */
    ControlHandler handler;
    void *data;
    pthread_t thread;
    gboolean running;
};

static gboolean failed(GError **error, const char *what, const char *path)
{
    int number = errno;
    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(number), "%s %s: %s", what, path,
                g_strerror(number));
    return FALSE;
}

static gboolean set_address(struct sockaddr_un *address, const char *path, GError **error)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path) {
        errno = ENAMETOOLONG;
        return failed(error, "control socket", path);
    }
    strcpy(address->sun_path, path);
    return TRUE;
}

static void set_timeout(int fd, int seconds)
{
    struct timeval time = {.tv_sec = seconds};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

Control *control_new(const char *path, ControlHandler handler, void *data, GError **error)
{
    g_autofree char *spec = g_strconcat("unix:", path, NULL);
    ListenSocket socket;
    if (!listen_open(spec, 0600, NULL, &socket, error))
        return NULL;
    Control *control = g_new0(Control, 1);
    *control = (Control){.socket = socket, .handler = handler, .data = data, .wake = {-1, -1}};
    if (!g_unix_open_pipe(control->wake, FD_CLOEXEC, error)) {
        control_free(control);
        return NULL;
    }
    return control;
}

static void answer_one(Control *control, int fd)
{
    char line[CONTROL_LINE_MAX];
    set_timeout(fd, LISTEN_TIMEOUT);
    gsize len = 0;
    while (len < sizeof line - 1) {
        gssize n = read(fd, line + len, sizeof line - 1 - len);
        if (n <= 0)
            return;
        len += n;
        if (memchr(line, '\n', len))
            break;
    }
    line[len] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    g_autoptr(GString) answer = g_string_new(NULL);
    gboolean ok = control->handler(line, answer, control->data);
    g_string_prepend(answer, ok ? "ok\n" : "no\n");
    for (gsize sent = 0; sent < answer->len;) {
        gssize n = send(fd, answer->str + sent, answer->len - sent, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        sent += n;
    }
}

static void *serve(void *data)
{
    Control *control = data;
    for (;;) {
        struct pollfd fds[] = {{control->socket.fd, POLLIN, 0}, {control->wake[0], POLLIN, 0}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (fds[1].revents)
            return NULL;
        int fd = fds[0].revents ? accept4(control->socket.fd, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (fd < 0)
            continue;
        answer_one(control, fd);
        close(fd);
    }
}

void control_start(Control *control)
{
    sigset_t old;
    signals_block(&old);
    control->running = pthread_create(&control->thread, NULL, serve, control) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void control_free(Control *control)
{
    if (!control)
        return;
    if (control->wake[1] >= 0)
        close(control->wake[1]);
    if (control->running)
        pthread_join(control->thread, NULL);
    if (control->wake[0] >= 0)
        close(control->wake[0]);
    listen_close(&control->socket);
    g_free(control);
}

gboolean control_ask(const char *path, const char *command, gboolean *ok, char **answer, GError **error)
{
    struct sockaddr_un address;
    if (!set_address(&address, path, error))
        return FALSE;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_autofree char *line = g_strdup_printf("%s\n", command);
    gsize len = strlen(line);
    set_timeout(fd, ASK_TIMEOUT);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        send(fd, line, len, MSG_NOSIGNAL) != (gssize)len) {
        failed(error, "no filter answers on", path);
        close(fd);
        return FALSE;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    char buffer[4096];
    for (gssize n; (n = read(fd, buffer, sizeof buffer)) > 0;)
        g_string_append_len(text, buffer, n);
    close(fd);
    if (!text->len) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "the filter on %s did not answer", path);
        return FALSE;
    }
    *ok = g_str_has_prefix(text->str, "ok\n");
    *answer = g_strdup(text->str + MIN(text->len, 3));
    return TRUE;
}
