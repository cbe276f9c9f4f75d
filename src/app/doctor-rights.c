/* The doctor's check of our own rights: the doctor is root, the filter is [rights] user. What root has read at start, the
 * filter must read again at each reload. */
#include "app/doctor.h"

#include <grp.h>
#include <sys/stat.h>

#include "app/rights.h"

#define MAY_READ  4
#define MAY_WRITE 2
#define MAY_PASS  1

typedef struct {
    Doctor *doctor;
    const struct passwd *user;
    const char *group; /* for the advice */
} Rights;

/* The first folder above that `user` may not pass; NULL: none. Owned by the caller. */
static char *closed_folder(const Rights *rights, const char *path)
{
    GStatBuf st;
    for (char *folder = g_path_get_dirname(path);;) {
        if (g_stat(folder, &st) == 0 && !doctor_may(&st, rights->user, MAY_PASS))
            return folder;
        char *up = g_path_get_dirname(folder);
        gboolean top = g_str_equal(up, folder);
        g_free(folder);
        folder = up;
        if (top) {
            g_free(folder);
            return NULL;
        }
    }
}

static void check_file(const Rights *rights, const char *path)
{
    GStatBuf st;
    if (!*path || g_stat(path, &st) < 0) /* others tell of files that are missing */
        return;
    g_autofree char *folder = closed_folder(rights, path);
    if (doctor_may(&st, rights->user, MAY_READ) && !folder)
        return;
    g_autofree char *change =
        folder ? g_strdup_printf("chgrp %s %s && chmod g+x %s", rights->group, folder, folder)
               : g_strdup_printf("chgrp %s %s && chmod 640 %s", rights->group, path, path);
    advise(rights->doctor, ADVICE_ERROR, NULL, change,
           "user %s may not read %s (mode %04o%s%s): each reload fails, and changes have no effect",
           rights->user->pw_name, path, (unsigned)st.st_mode & 07777, folder ? ", and not pass through " : "",
           folder ? folder : "");
}

static void check_written(const Rights *rights, const char *option, const char *folder)
{
    GStatBuf st;
    if (!*folder || g_stat(folder, &st) < 0 || !S_ISDIR(st.st_mode))
        return;
    g_autofree char *closed = closed_folder(rights, folder);
    if (doctor_may(&st, rights->user, MAY_WRITE) && doctor_may(&st, rights->user, MAY_PASS) && !closed)
        return;
    g_autofree char *change =
        closed ? g_strdup_printf("chgrp %s %s && chmod g+x %s", rights->group, closed, closed)
               : g_strdup_printf("chown %s %s", rights->user->pw_name, folder);
    advise(rights->doctor, ADVICE_ERROR, NULL, change, "%s: user %s may not write to %s", option,
           rights->user->pw_name, folder);
}

void doctor_rights(Doctor *doctor)
{
    const Config *config = doctor->config;
    g_autoptr(GError) error = NULL;
    struct passwd user = {.pw_name = config->rights.user};
    if (!*config->rights.user)
        return;
    if (!rights_find(config->rights.user, config->rights.group, &user.pw_uid, &user.pw_gid, &error)) {
        g_autofree char *change = g_strdup_printf("useradd --system %s", config->rights.user);
        advise(doctor, ADVICE_ERROR, NULL, change, "%s", error->message);
        return;
    }
    const struct group *group = getgrgid(user.pw_gid);
    const Rights rights = {doctor, &user, group ? group->gr_name : user.pw_name};
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal); /* a key may be in many lines */
    for (char **file = config->loaded.files; file && *file; file++)
        if (g_hash_table_add(seen, *file))
            check_file(&rights, *file);
    check_written(&rights, "[policy] quarantine_dir", config->policy.quarantine_dir);
    check_written(&rights, "[journal] failed_dir", config->journal.failed_dir);
    g_autofree char *folder = *config->store.path ? g_path_get_dirname(config->store.path) : g_strdup("");
    check_written(&rights, "[store] path", folder);
}
