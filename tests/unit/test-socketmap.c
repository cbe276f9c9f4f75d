/* The protocol of an MTA's maps, the maps, and the server on a real socket. */
#include "rows.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "mta/map-server.h"
#include "mta/srs-maps.h"

#define NOW 1767614400 /* 2026-01-05T12:00:00Z */

/* --- the protocol --- */

typedef struct {
    const char *name, *bytes;
    SocketmapStatus status;
    const char *map, *key;
    gsize used;
} WireRow;

static const WireRow wire_rows[] = {
    {"a request", "15:forward joe@a.b,", SOCKETMAP_READY, "forward", "joe@a.b", 19},
    {"the first of two", "3:a b,3:c d,", SOCKETMAP_READY, "a", "b", 6},
    {"blanks in the key", "5:a b c,", SOCKETMAP_READY, "a", "b c", 8},
    {"no key", "1:a,", SOCKETMAP_READY, "a", "", 4},
    {"an empty key", "2:a ,", SOCKETMAP_READY, "a", "", 5},
    {"nothing in it", "0:,", SOCKETMAP_READY, "", "", 3},
    {"nothing", "", SOCKETMAP_MORE},
    {"a length", "15", SOCKETMAP_MORE},
    {"without its end", "15:forward joe@a.b", SOCKETMAP_MORE},
    {"half of it", "15:forw", SOCKETMAP_MORE},
    {"another end", "3:a b;", SOCKETMAP_BAD},
    {"too long to come", "4097:", SOCKETMAP_BAD},
    {"the longest that may come", "4096:", SOCKETMAP_MORE},
    {"a length without end", "00000", SOCKETMAP_BAD},
    {"five digits", "11111", SOCKETMAP_BAD},
    {"a leading zero", "03:a b,", SOCKETMAP_BAD},
    {"a sign", "-3:a b,", SOCKETMAP_BAD},
    {"no length", ":a b,", SOCKETMAP_BAD},
    {"another protocol", "get joe@a.b\n", SOCKETMAP_BAD},
};

static void check_wire(void **state)
{
    const WireRow *row = *state;
    SocketmapRequest request = {0};
    gsize used = 0;
    /* Nothing behind the bytes: a sanitizer sees who reads on. */
    gsize len = strlen(row->bytes);
    g_autofree char *bytes = g_memdup2(row->bytes, MAX(len, 1));
    assert_int_equal(socketmap_parse(bytes, len, &request, &used), row->status);
    if (row->status != SOCKETMAP_READY)
        return;
    assert_int_equal(used, row->used);
    assert_int_equal(request.map_len, strlen(row->map));
    assert_memory_equal(request.map, row->map, request.map_len);
    assert_int_equal(request.key_len, strlen(row->key));
    assert_memory_equal(request.key, row->key, request.key_len);
    for (gsize shorter = 0; shorter < used; shorter++)
        assert_int_equal(socketmap_parse(bytes, shorter, &request, &used), SOCKETMAP_MORE);
}

static void answers(void **state)
{
    g_autoptr(GString) out = g_string_new(NULL);
    socketmap_put(out, SOCKETMAP_OK, "joe@a.b");
    socketmap_put(out, SOCKETMAP_NOTFOUND, "");
    socketmap_put(out, SOCKETMAP_PERM, "no");
    assert_string_equal(out->str, "10:OK joe@a.b,9:NOTFOUND ,7:PERM no,");
}

/* --- the maps --- */

static const char text[] = "[sender]\ninternal_domains = our.example\n"
                           "[srs]\nforward_domain = srs.our.example\nexempt = mx2.our.example\n"
                           "sign_srs = signed.example\nsign_batv = our.example\n";

static Config *config_with_secret(void)
{
    static const char *const secrets[] = {"our secret", NULL};
    g_autoptr(Problems) problems = problems_new();
    Config *config = config_parse("/x", text, strlen(text), problems);
    assert_non_null(config);
    config->loaded.srs_secrets = g_strdupv((char **)secrets);
    return config;
}

#define SRS0 "SRS0=laPR=7K=example.com=joe"

typedef struct {
    const char *name, *map, *key;
    SocketmapAnswer answer;
    const char *want; /* a glob */
} MapRow;

static const MapRow map_rows[] = {
    /* pysrs.m4 before and since it tells the host */
    {"make_srs", "make_srs", "joe<@example.com.>", SOCKETMAP_OK, SRS0 "<@srs.our.example.>"},
    {"make_srs with a host", "make_srs", "mx.other.example.\x9bjoe<@example.com.>", SOCKETMAP_OK,
     SRS0 "<@srs.our.example.>"},
    {"make_srs, blanks between", "make_srs", "mx.other.example. \x9b joe<@example.com.>", SOCKETMAP_OK,
     SRS0 "<@srs.our.example.>"},
    {"make_srs, exempt host", "make_srs", "MX2.our.example.\x9bjoe<@example.com.>", SOCKETMAP_OK,
     "joe<@example.com.>"},
    {"make_srs, no host", "make_srs", "\x9bjoe<@example.com.>", SOCKETMAP_OK, "joe<@example.com.>"},
    {"make_srs without a final dot", "make_srs", "joe<@example.com>", SOCKETMAP_OK,
     SRS0 "<@srs.our.example.>"},
    {"make-srs", "make-srs", "joe<@example.com.>", SOCKETMAP_OK, SRS0 "<@srs.our.example.>"},
    {"null sender", "make_srs", "mx.\x9b<@>", SOCKETMAP_OK, "<@>"},
    {"signed in SRS form", "make_srs", "joe<@signed.example.>", SOCKETMAP_OK,
     "SRS0=*=7K==joe<@signed.example.>"},
    {"signed in BATV form", "make_srs", "joe<@our.example.>", SOCKETMAP_OK,
     "prvs=04651b90b1=joe<@our.example.>"},
    {"signed already", "make_srs", "prvs=04651b90b1=joe<@our.example.>", SOCKETMAP_NOTFOUND, "*"},
    {"rewritten already", "make_srs", SRS0 "<@srs.our.example.>", SOCKETMAP_NOTFOUND, "*"},
    {"rewritten by another", "make_srs", "SRS0=abcd=7K=a.example=joe<@first.example.>", SOCKETMAP_OK,
     "SRS1=*=first.example==abcd=7K=a.example=joe<@srs.our.example.>"},
    {"a local user", "make_srs", "h.\x9bjoe", SOCKETMAP_OK, "joe"},
    {"brackets in quotes", "make_srs", "\"a<b\"<@example.com.>", SOCKETMAP_OK, "*"},
    {"an address literal", "make_srs", "joe<@[192.0.2.1]>", SOCKETMAP_NOTFOUND, "*"},
    {"reverse_srs", "reverse_srs", SRS0 "<@srs.our.example.>", SOCKETMAP_OK, "joe<@example.com.>"},
    {"reverse_srs, BATV", "reverse_srs", "prvs=04651b90b1=joe<@our.example.>", SOCKETMAP_OK,
     "joe<@our.example.>"},
    {"reverse_srs of another", "reverse_srs", "SRS0=abcd=7K=a.example=joe<@first.example.>",
     SOCKETMAP_NOTFOUND, "*"},
    {"reverse_srs, forged", "reverse_srs", "SRS0=laPR=7K=example.com=jim<@srs.our.example.>",
     SOCKETMAP_NOTFOUND, "*"},
    {"reverse_srs of a program", "reverse_srs", "|/bin/vacation joe", SOCKETMAP_OK, "\"|/bin/vacation joe\""},
    /* Postfix */
    {"forward", "forward", "joe@example.com", SOCKETMAP_OK, SRS0 "@srs.our.example"},
    {"forward of ours", "forward", "joe@our.example", SOCKETMAP_NOTFOUND, "one of our domains"},
    {"forward of what only claims to be ours", "forward", "joe@signed.example", SOCKETMAP_NOTFOUND, "*"},
    {"forward of what we rewrote", "forward", SRS0 "@srs.our.example", SOCKETMAP_NOTFOUND, "*"},
    {"forward of a local part", "forward", "joe", SOCKETMAP_NOTFOUND, "*"},
    {"forward of a domain", "forward", "@example.com", SOCKETMAP_NOTFOUND, "*"},
    {"forward of nothing", "forward", "", SOCKETMAP_NOTFOUND, "*"},
    {"reverse", "reverse", SRS0 "@srs.our.example", SOCKETMAP_OK, "joe@example.com"},
    {"reverse, BATV", "reverse", "prvs=04651b90b1=joe@our.example", SOCKETMAP_OK, "joe@our.example"},
    {"reverse of another", "reverse", "SRS0=abcd=7K=a.example=joe@first.example", SOCKETMAP_NOTFOUND,
     "untagged"},
    {"reverse, forged", "reverse", "SRS0=laPR=7K=example.com=jim@srs.our.example", SOCKETMAP_NOTFOUND,
     "forged"},
    {"reverse of a user", "reverse", "joe@our.example", SOCKETMAP_NOTFOUND, "untagged"},
    {"reverse of a domain", "reverse", "@our.example", SOCKETMAP_NOTFOUND, "*"},
    {"another map", "aliases", "joe", SOCKETMAP_PERM, "there is no such map"},
};

static void check_map(void **state)
{
    const MapRow *row = *state;
    g_autoptr(Config) config = config_with_secret();
    g_autoptr(GString) came = g_string_new(NULL);
    assert_int_equal(srs_maps_answer(config, row->map, row->key, NOW, 1, came), row->answer);
    if (!g_pattern_match_simple(row->want, came->str))
        fail_msg("%s", came->str);
    /* What strangers put into a local part does not make an address in an address. */
    assert_true(!strchr(came->str, '<') || strchr(came->str, '<') == strrchr(came->str, '<') ||
                strcmp(came->str, row->key) == 0);
}

static void without_a_secret(void **state)
{
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_parse("/x", text, strlen(text), problems);
    g_autoptr(GString) came = g_string_new(NULL);
    assert_int_equal(srs_maps_answer(config, "make_srs", "h.\x9bjoe<@a.example.>", NOW, 1, came),
                     SOCKETMAP_OK);
    assert_string_equal(came->str, "joe<@a.example.>");
    assert_int_equal(srs_maps_answer(config, "forward", "joe@a.example", NOW, 1, came), SOCKETMAP_NOTFOUND);
}

/* --- the server --- */

typedef struct {
    char *dir, *path;
    MapServer *server;
} Place;

static SocketmapAnswer echo(const char *map, const char *key, GString *out, void *data)
{
    g_string_append_printf(out, "%s/%s", map, key);
    return strcmp(map, "no") == 0 ? SOCKETMAP_NOTFOUND : SOCKETMAP_OK;
}

static int open_place(void **state)
{
    Place *place = g_new0(Place, 1);
    place->dir = g_dir_make_tmp("postern-maps-XXXXXX", NULL);
    place->path = g_build_filename(place->dir, "maps", NULL);
    g_autofree char *spec = g_strconcat("unix:", place->path, NULL);
    const char *listen[] = {spec, NULL};
    const MapServerSettings settings = {
        .listen = listen, .socket_mode = 0600, .connections_max = 2, .idle_timeout = 60, .handler = echo};
    place->server = map_server_new(&settings, NULL);
    *state = place;
    return place->server && map_server_start(place->server, NULL) ? 0 : -1;
}

static int close_place(void **state)
{
    Place *place = *state;
    map_server_free(place->server);
    g_assert_false(g_file_test(place->path, G_FILE_TEST_EXISTS));
    g_rmdir(place->dir);
    g_free(place->path);
    g_free(place->dir);
    g_free(place);
    return 0;
}

static int dial(const Place *place)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = 5};
    g_strlcpy(address.sun_path, place->path, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void say(int fd, const char *bytes)
{
    assert_int_equal(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), strlen(bytes));
}

static void hear(int fd, const char *want)
{
    g_autofree char *came = g_malloc0(strlen(want) + 1);
    assert_int_equal(recv(fd, came, strlen(want), MSG_WAITALL), strlen(want));
    assert_string_equal(came, want);
}

static void assert_hung_up(int fd)
{
    char byte;
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    close(fd);
}

static void asks_many_times(void **state)
{
    int fd = dial(*state);
    say(fd, "3:a b,");
    hear(fd, "6:OK a/b,");
    say(fd, "4:no x,4:a b"); /* one and a half */
    hear(fd, "13:NOTFOUND no/x,");
    say(fd, "c,");
    hear(fd, "7:OK a/bc,");
    close(fd);
}

/* The answers to more requests than are kept unread all come, in their order. */
static void asks_without_reading(void **state)
{
    enum { N = 40000 };
    int fd = dial(*state);
    g_autoptr(GString) asked = g_string_new(NULL);
    for (int i = 0; i < N; i++)
        g_string_append(asked, "3:a b,");
    gsize sent = 0, heard = 0;
    char bytes[4096];
    while (heard < N * strlen("6:OK a/b,")) {
        if (sent < asked->len) {
            gssize n = send(fd, asked->str + sent, asked->len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
            sent += n > 0 ? (gsize)n : 0;
        }
        gssize n = recv(fd, bytes, sizeof bytes, sent < asked->len ? MSG_DONTWAIT : 0);
        if (n > 0)
            heard += (gsize)n;
        else
            assert_true(sent < asked->len);
    }
    assert_int_equal(heard, N * strlen("6:OK a/b,"));
    close(fd);
}

static void who_talks_otherwise_is_hung_up_on(void **state)
{
    int fd = dial(*state);
    say(fd, "EHLO here\r\n");
    assert_hung_up(fd);
    fd = dial(*state);
    say(fd, "3:a b,x");
    hear(fd, "6:OK a/b,"); /* what was asked well before it is answered */
    assert_hung_up(fd);
}

static void one_too_many(void **state)
{
    int first = dial(*state), second = dial(*state);
    say(first, "3:a b,");
    hear(first, "6:OK a/b,");
    say(second, "3:a b,");
    hear(second, "6:OK a/b,");
    assert_hung_up(dial(*state));
    close(first);
    int third = -1;
    for (int i = 0; i < 100; i++) { /* until the server has seen that there is room again */
        char byte;
        third = dial(*state);
        if (send(third, "3:a b,", 6, MSG_NOSIGNAL) == 6 && recv(third, &byte, 1, 0) == 1)
            break;
        close(third);
        third = -1;
        g_usleep(10000);
    }
    assert_true(third >= 0);
    close(second);
    close(third);
}

/* What was asked before the end is answered; then the connection is closed. */
static void stops(void **state)
{
    Place *place = *state;
    int fd = dial(place);
    say(fd, "3:a b,");
    hear(fd, "6:OK a/b,");
    say(fd, "3:c d,");
    g_clear_pointer(&place->server, map_server_free);
    hear(fd, "6:OK c/d,");
    assert_hung_up(fd);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(without_a_secret),
        SERVED(asks_many_times),
        SERVED(asks_without_reading),
        SERVED(who_talks_otherwise_is_hung_up_on),
        SERVED(one_too_many),
        SERVED(stops),
    };
    return RUN_ROWS("wire", wire_rows, check_wire) + RUN_ROWS("maps", map_rows, check_map) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
