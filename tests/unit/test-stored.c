/* The envelope of stored mail: src/app/stored.c. */
#include "rows.h"

#include <glib/gstdio.h>
#include <string.h>

#include "app/stored.h"
#include "base/record.h"

typedef struct {
    const char *name;
    const char *header;
    const char *ip, *helo, *ptr, *from, *rcpts; /* NULL: not known */
} Row;

static const Row rows[] = {
    {"Postfix", "Received: from h.example (p.example [192.0.2.1])\n\tby mx (Postfix); x\n", "192.0.2.1",
     "h.example", "p.example", NULL, ""},
    {"no PTR", "Received: from h.example (unknown [192.0.2.1]) by mx; x\n", "192.0.2.1", "h.example", NULL,
     NULL, ""},
    {"Sendmail",
     "Received: from h.example (p.example [IPv6:2001:db8::1])\r\n\tby mx (8.17/8.17) with ESMTP id 1; x\r\n",
     "2001:db8::1", "h.example", "p.example", NULL, ""},
    {"may be forged", "Received: from h (p.example [192.0.2.1] (may be forged)) by mx; x\n", "192.0.2.1", "h",
     "p.example", NULL, ""},
    {"literal as HELO", "Received: from [192.0.2.7] (p.example [192.0.2.1]) by mx; x\n", "192.0.2.1",
     "[192.0.2.7]", "p.example", NULL, ""},
    {"local hop first",
     "Received: from localhost (localhost [127.0.0.1]) by mx; x\n"
     "Received: by mx (Postfix, from userid 0); x\n"
     "Received: from h (p [192.0.2.1]) by mx; x\nReceived: from g (q [192.0.2.2]) by h; x\n",
     "192.0.2.1", "h", "p", NULL, ""},
    {"address of the receiver", "Received: from h by mx ([192.0.2.1]); x\n", NULL, NULL, NULL, NULL, ""},
    {"not an address", "Received: from h (p [300.1.1.1]) by mx; x\nReceived: from [ by\n", NULL, NULL, NULL,
     NULL, ""},
    {"envelope fields go first",
     "Return-Path: <bounce@x>\nX-Envelope-From: <a@x>\nDelivered-To: z@y\nX-Envelope-To: <b@y>,\n "
     "<\"c,d\"@y>, b@y, <B@y>\n",
     NULL, NULL, NULL, "<a@x>", "<b@y> <\"c,d\"@y> b@y"},
    {"delivery fields", "Return-Path: <>\nDelivered-To: b@y\nX-Original-To: a@y\n", NULL, NULL, NULL, "<>",
     "b@y"},
    {"in the body", "Subject: x\n\nReturn-Path: <a@x>\n", NULL, NULL, NULL, NULL, ""},
    {"nothing", "", NULL, NULL, NULL, NULL, ""},
    {"only a name", "Received:", NULL, NULL, NULL, NULL, ""},
};

static char *joined(const Stored *stored)
{
    g_ptr_array_add(stored->rcpts, NULL);
    return g_strjoinv(" ", (char **)stored->rcpts->pdata);
}

static void check_text(const char *what, const char *wanted, const char *came)
{
    if (g_strcmp0(wanted, came) != 0)
        fail_msg("%s: expected %s, came %s", what, wanted ? wanted : "nothing", came ? came : "nothing");
}

static void check_headers(void **state)
{
    const Row *row = *state;
    Stored stored = {.bytes = g_strdup(row->header),
                     .len = strlen(row->header),
                     .rcpts = g_ptr_array_new_with_free_func(g_free)};
    stored_from_headers(&stored);
    check_text("ip", row->ip, stored.ip);
    check_text("helo", row->helo, stored.helo);
    check_text("ptr", row->ptr, stored.ptr);
    check_text("from", row->from, stored.from);
    g_autofree char *rcpts = joined(&stored);
    check_text("rcpts", row->rcpts, rcpts);
    stored_clear(&stored);
}

typedef struct {
    const char *name, *json;
    const char *rcpts; /* NULL: refused */
} Sidecar;

static const Sidecar sidecars[] = {
    {"as the quarantine writes it",
     "{\"time\":1,\"client\":\"192.0.2.1\",\"sender\":\"<a@x>\",\"rcpts\":[\"<b@y>\",\"<c@y>\"],\"tag\":"
     "\"SPF-Fail\"}",
     "<b@y> <c@y>"},
    {"no recipients", "{\"client\":\"192.0.2.1\",\"sender\":\"<a@x>\"}", "h@y"},
    {"not JSON", "{\"client\":", NULL},
    {"not an object", "[1]", NULL},
    {"deep", "{\"a\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}", NULL},
};

static void check_sidecar(void **state)
{
    const Sidecar *row = *state;
    g_autofree char *dir = g_dir_make_tmp("postern-stored-XXXXXX", NULL);
    g_autofree char *message = g_build_filename(dir, "1.eml", NULL),
                    *json = g_build_filename(dir, "1.json", NULL);
    assert_true(g_file_set_contents(message, "X-Envelope-To: h@y\nX-Envelope-From: h@x\n\nbody\n", -1, NULL));
    assert_true(g_file_set_contents(json, row->json, -1, NULL));
    g_autoptr(GError) error = NULL;
    Stored stored;
    gboolean read = stored_read(message, &stored, &error);
    g_remove(message);
    g_remove(json);
    g_rmdir(dir);
    assert_int_equal(read, row->rcpts != NULL);
    if (!read)
        return;
    g_autofree char *rcpts = joined(&stored);
    check_text("rcpts", row->rcpts, rcpts);
    check_text("from", "<a@x>", stored.from);
    check_text("ip", "192.0.2.1", stored.ip);
    stored_clear(&stored);
}

int main(void)
{
    return RUN_ROWS("headers", rows, check_headers) + RUN_ROWS("sidecars", sidecars, check_sidecar);
}
