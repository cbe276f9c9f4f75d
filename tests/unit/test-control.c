#include "rows.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "app/control.h"

typedef struct {
    char *dir, *path;
} Place;

static int make_place(void **state)
{
    Place *place = g_new0(Place, 1);
    place->dir = g_dir_make_tmp("postern-control-XXXXXX", NULL);
    place->path = g_build_filename(place->dir, "ctl", NULL);
    *state = place;
    return place->dir ? 0 : -1;
}

static int drop_place(void **state)
{
    Place *place = *state;
    g_unlink(place->path);
    g_rmdir(place->dir);
    g_free(place->path);
    g_free(place->dir);
    g_free(place);
    return 0;
}

static gboolean handle(const char *command, GString *answer, void *data)
{
    g_string_append_printf(answer, "%s\n", command);
    return strcmp(command, "yes") == 0;
}

static void asks_and_answers(void **state)
{
    const Place *place = *state;
    g_autoptr(GError) error = NULL;
    Control *control = control_new(place->path, handle, NULL, &error);
    assert_non_null(control);
    struct stat st;
    assert_int_equal(stat(place->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    control_start(control);
    static const char *const commands[] = {"yes", "no"};
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        gboolean ok = FALSE;
        g_autofree char *answer = NULL;
        g_autofree char *expected = g_strdup_printf("%s\n", commands[i]);
        assert_true(control_ask(place->path, commands[i], &ok, &answer, &error));
        assert_int_equal(ok, i == 0);
        assert_string_equal(answer, expected);
    }
    control_free(control);
    assert_int_equal(access(place->path, F_OK), -1);
}

/* As root it would take away whatever the administrator has named by mistake. */
static void leaves_other_files_alone(void **state)
{
    const Place *place = *state;
    g_autoptr(GError) error = NULL;
    assert_true(g_file_set_contents(place->path, "precious", -1, NULL));
    assert_null(control_new(place->path, handle, NULL, &error));
    assert_non_null(strstr(error->message, "is not a socket"));
    g_autofree char *content = NULL;
    assert_true(g_file_get_contents(place->path, &content, NULL, NULL));
    assert_string_equal(content, "precious");
}

static void leaves_a_living_one_alone(void **state)
{
    const Place *place = *state;
    g_autoptr(GError) error = NULL;
    Control *first = control_new(place->path, handle, NULL, &error);
    assert_non_null(first);
    assert_null(control_new(place->path, handle, NULL, &error));
    assert_non_null(strstr(error->message, "another daemon"));
    control_free(first);
}

static void replaces_a_left_over_one(void **state)
{
    const Place *place = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, place->path, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    Control *control = control_new(place->path, handle, NULL, NULL);
    assert_non_null(control);
    control_free(control);
}

static void nobody_there(void **state)
{
    const Place *place = *state;
    gboolean ok;
    g_autofree char *answer = NULL;
    g_autoptr(GError) error = NULL;
    assert_false(control_ask(place->path, "yes", &ok, &answer, &error));
    assert_non_null(strstr(error->message, "no filter answers"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(asks_and_answers, make_place, drop_place),
        cmocka_unit_test_setup_teardown(leaves_other_files_alone, make_place, drop_place),
        cmocka_unit_test_setup_teardown(leaves_a_living_one_alone, make_place, drop_place),
        cmocka_unit_test_setup_teardown(replaces_a_left_over_one, make_place, drop_place),
        cmocka_unit_test_setup_teardown(nobody_there, make_place, drop_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
