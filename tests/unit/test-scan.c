#include "rows.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <unistd.h>
#include "app/command.h"

/* What `postern scan` says by its exit status, as a live message with this envelope would end. */
typedef struct {
    const char *name, *config, *zone, *ip;
    const char *from; /* NULL: a@example.com */
    int status;
} Row;

#define SPF     "example.com. 60 IN TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
#define ON      "[spf]\nmode = on\n"
#define KEEPS   "[policy]\nquarantine_dir = /nonexistent/quarantine\n" /* scan does not touch it */
#define VERB(v) "[verbs]\nSPF-Fail = " v "\n"

static const Row rows[] = {
    {"delivered", "", "", "192.0.2.9", NULL, EXIT_DONE},
    {"pass", ON, SPF, "192.0.2.1", NULL, EXIT_DONE},
    {"refused", ON, SPF, "192.0.2.9", NULL, EXIT_NO},
    {"a temporary error", ON, "example.com ERROR TIMEOUT\n", "192.0.2.9", NULL, EXIT_AGAIN},
    {"kept", ON KEEPS VERB("QUARANTINE"), SPF, "192.0.2.9", NULL, EXIT_NO},
    {"nowhere to keep it", ON VERB("QUARANTINE"), SPF, "192.0.2.9", NULL, EXIT_AGAIN},
    {"discarded", ON VERB("DISCARD"), SPF, "192.0.2.9", NULL, EXIT_NO},
    {"a faulty configuration", "[spf]\nmode = perhaps\n", "", "192.0.2.9", NULL, EXIT_USAGE},
    {"a sender in Latin-1", ON, SPF, "192.0.2.1", "a\xfc@example.com", EXIT_DONE},
    {"no address", "", "", "192.0.2", NULL, EXIT_USAGE},
};

static char *folder;

static char *put(const char *name, const char *text)
{
    char *path = g_build_filename(folder, name, NULL);
    assert_true(g_file_set_contents(path, text, -1, NULL));
    assert_int_equal(g_chmod(path, 0600), 0);
    return path;
}

static void check_row(void **state)
{
    const Row *row = *state;
    g_autofree char *config = put("config", row->config);
    g_autofree char *zone = put("zone", row->zone);
    g_autofree char *message = put("message", "Subject: x\n\nx\n");
    char *args[] = {"scan",
                    "-c",
                    config,
                    "--zone",
                    zone,
                    "--ip",
                    (char *)row->ip,
                    "--helo",
                    "mx.example.com",
                    "--from",
                    row->from ? (char *)row->from : "a@example.com",
                    "--rcpt",
                    "b@our.example",
                    message,
                    NULL};
    fflush(stdout);
    int out = dup(1), err = dup(2), nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, 1);
    dup2(nowhere, 2);
    int status = command_scan(G_N_ELEMENTS(args) - 1, args);
    fflush(stdout);
    dup2(out, 1);
    dup2(err, 2);
    close(out);
    close(err);
    close(nowhere);
    g_unlink(config);
    g_unlink(zone);
    g_unlink(message);
    assert_int_equal(status, row->status);
}

int main(void)
{
    folder = g_dir_make_tmp("postern-scan-XXXXXX", NULL);
    int failed = RUN_ROWS("scan", rows, check_row);
    g_rmdir(folder);
    g_free(folder);
    return failed;
}
