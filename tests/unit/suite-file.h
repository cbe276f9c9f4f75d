/* suite-file.h — third-party conformance data, read where it lies: shared/conformance in this directory or
 * one above it. Include after cmocka.h. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

/* The parsed file, or NULL where the data is not installed; then the test calls skip(). */
static inline JsonParser *suite_file_load(const char *name)
{
    const char *named = g_getenv("POSTERN_CONFORMANCE");
    g_autofree char *dir = g_get_current_dir();
    for (;;) {
        g_autofree char *path = named ? g_build_filename(named, name, NULL)
                                      : g_build_filename(dir, "shared", "conformance", name, NULL);
        if (g_file_test(path, G_FILE_TEST_EXISTS)) {
            g_autoptr(GError) error = NULL;
            JsonParser *parser = json_parser_new();
            if (!json_parser_load_from_file(parser, path, &error))
                g_error("%s: %s", path, error->message);
            return parser;
        }
        char *up = g_path_get_dirname(dir);
        gboolean root = named || g_str_equal(up, dir);
        g_free(dir);
        dir = up;
        if (root)
            break;
    }
    g_message("%s is not there: skipped", name);
    return NULL;
}
