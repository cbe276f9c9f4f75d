/* A key table: whatever it holds is keys or problems, each line found for authors as its pattern says. Its files stand in a folder
 * of its own; a path that leads out of it is not tried. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/keytable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *folder, *table_path, *options;

static void clean(void)
{
    g_autofree char *key = g_build_filename(folder, "k", NULL);
    g_unlink(key);
    g_unlink(table_path);
    g_rmdir(folder);
}

/* Old enough that nobody waits for it to be written to its end. */
static void put(const char *path, const void *bytes, size_t size)
{
    const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    g_assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    g_assert(futimens(fd, old) == 0);
    close(fd);
}

static void set_up(void)
{
    folder = g_dir_make_tmp("fuzz-keytable-XXXXXX", NULL);
    g_assert(folder);
    table_path = g_build_filename(folder, "keytable", NULL);
    options = g_strdup_printf("[sign]\nkeytable = %s\n", table_path);
    g_autofree char *path = g_build_filename(folder, "k", NULL);
    g_autoptr(DkimKey) key = dkim_key_generate(DKIM_ED25519_SHA256, 0, NULL);
    g_autofree char *pem = dkim_key_to_pem(key);
    put(path, pem, strlen(pem));
    atexit(clean);
}

static gboolean has(const GPtrArray *keys, const SigningKey *key)
{
    return keys && g_ptr_array_find((GPtrArray *)keys, key, NULL);
}

/* A pattern without wildcards finds its lines, unless a line above it has them all. */
static void check_table(const KeyTable *table)
{
    const GPtrArray *keys = keytable_keys(table);
    for (guint i = 0; i < keys->len; i++) {
        const SigningKey *key = keys->pdata[i];
        g_assert(key->key && key->line > 0 && *key->selector);
        if (strpbrk(key->pattern, "*?["))
            continue;
        const GPtrArray *found = keytable_find(table, key->pattern);
        g_assert(found && found->len <= KEYTABLE_SAME_MAX);
        const SigningKey *first = found->pdata[0];
        g_assert(has(found, key) || first->line < key->line);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!folder)
        set_up();
    if (memchr(data, '/', size) || g_strstr_len((const char *)data, (gssize)size, ".."))
        return 0;
    put(table_path, data, size);
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_parse("/nonexistent/fuzz", options, strlen(options), problems);
    g_assert(config || problems_count(problems, PROBLEM_ERROR) > 0);
    if (config && config->loaded.keys)
        check_table(config->loaded.keys);
    return 0;
}
