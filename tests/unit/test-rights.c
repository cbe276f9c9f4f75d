#include "rows.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "app/rights.h"

static const char *secret; /* a file that only its owner can read */

/* Every check runs in a child, which gives up rights that the test itself still needs. The child says what
 * failed by its exit status: the line; 0 is good. */
#define EXPECT(condition)                                                                                    \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return __LINE__ % 250 + 1;                                                                       \
    } while (0)

#define EXPECT_DENIED(call, code)                                                                            \
    do {                                                                                                     \
        errno = 0;                                                                                           \
        EXPECT((call) == -1 && errno == (code));                                                             \
    } while (0)

typedef struct {
    const char *name;
    gboolean needs_root;
    int (*child)(void);
} Row;

static int run(const char *path)
{
    char *const args[] = {(char *)path, NULL};
    char *const environment[] = {NULL};
    return execve(path, args, environment);
}

static int drop_is_for_ever(void)
{
    const struct passwd *nobody = getpwnam("nobody");
    uid_t uid = nobody->pw_uid;
    gid_t gid = nobody->pw_gid;
    EXPECT(open(secret, O_RDONLY) >= 0); /* root can */
    EXPECT(rights_drop("nobody", NULL, NULL));
    EXPECT(getuid() == uid && geteuid() == uid && getgid() == gid && getegid() == gid);
    EXPECT_DENIED(setuid(0), EPERM);
    EXPECT_DENIED(seteuid(0), EPERM);
    EXPECT_DENIED(setresuid(0, 0, 0), EPERM);
    EXPECT_DENIED(setgid(0), EPERM);
    gid_t root_group = 0;
    EXPECT_DENIED(setgroups(1, &root_group), EPERM);
    gid_t groups[64];
    int n = getgroups(64, groups);
    EXPECT(n >= 0);
    for (int i = 0; i < n; i++)
        EXPECT(groups[i] != 0);
    EXPECT_DENIED(open(secret, O_RDONLY), EACCES);
    EXPECT_DENIED(kill(1, 0), EPERM);
    EXPECT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    return 0;
}

static int group_of_its_own(void)
{
    const struct group *mail = getgrnam("mail");
    gid_t gid = mail->gr_gid;
    EXPECT(rights_drop("nobody", "mail", NULL));
    EXPECT(getgid() == gid && getegid() == gid);
    return 0;
}

static int root_is_no_user_to_become(void)
{
    g_autoptr(GError) error = NULL;
    EXPECT(!rights_drop("root", NULL, &error));
    EXPECT(strstr(error->message, "root") != NULL);
    return 0;
}

static int unknown_names(void)
{
    g_autoptr(GError) user = NULL, group = NULL;
    EXPECT(!rights_drop("no-such-user", NULL, &user));
    EXPECT(strstr(user->message, "user = no-such-user: there is no such user") != NULL);
    EXPECT(!rights_drop("nobody", "no-such-group", &group));
    EXPECT(strstr(group->message, "group = no-such-group: there is no such group") != NULL);
    return 0;
}

static int only_root_can_become(void)
{
    g_autoptr(GError) error = NULL;
    EXPECT(geteuid() != 0 || setresuid(65533, 65533, 65533) == 0);
    EXPECT(!rights_drop("daemon", NULL, &error));
    EXPECT(strstr(error->message, "only root") != NULL);
    return 0;
}

static int staying_gives_up_privileges_to_come(void)
{
    uid_t before = geteuid();
    EXPECT(rights_drop("", "", NULL));
    EXPECT(geteuid() == before);
    EXPECT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
#if !defined(__SANITIZE_ADDRESS__)
    EXPECT(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
#endif
    return 0;
}

/* 250: the kernel refuses the filter. */
static int filter_or_skip(void)
{
    return rights_filter(NULL) ? 0 : 250;
}

static void *calls_of_another_thread(void *data)
{
    pthread_barrier_t *barrier = data;
    pthread_barrier_wait(barrier); /* the filter is on */
    errno = 0;
    return GINT_TO_POINTER(run("/bin/true") == -1 && errno == EPERM);
}

static int filter_stops_calls(void)
{
    pthread_barrier_t barrier;
    pthread_t thread;
    pthread_barrier_init(&barrier, NULL, 2);
    EXPECT(pthread_create(&thread, NULL, calls_of_another_thread, &barrier) == 0);
    EXPECT(rights_drop("", "", NULL));
    int skipped = filter_or_skip();
    if (skipped != 0)
        return skipped;
    pthread_barrier_wait(&barrier);
    void *denied;
    EXPECT(pthread_join(thread, &denied) == 0 && denied != NULL);
    EXPECT_DENIED(run("/bin/true"), EPERM);
    EXPECT_DENIED(run("/no/such/file"), EPERM); /* not even looked for */
    EXPECT_DENIED(mount("none", "/mnt", "tmpfs", 0, NULL), EPERM);
    EXPECT_DENIED(chroot("/"), EPERM);
    EXPECT_DENIED(setuid(getuid()), EPERM); /* would be allowed without */
#if !defined(__SANITIZE_ADDRESS__)
    EXPECT_DENIED(ptrace(PTRACE_TRACEME, 0, NULL, NULL), EPERM);
#endif
    return 0;
}

static int filter_lets_work_go_on(void)
{
    EXPECT(rights_drop("", "", NULL));
    int skipped = filter_or_skip();
    if (skipped != 0)
        return skipped;
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("postern-rights-XXXXXX", &path, NULL);
    EXPECT(fd >= 0 && write(fd, "x", 1) == 1 && unlink(path) == 0 && close(fd) == 0);
    int pair[2];
    EXPECT(pipe(pair) == 0);
    pthread_t thread;
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, 1);
    EXPECT(pthread_create(&thread, NULL, calls_of_another_thread, &barrier) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    return 0;
}

static const Row rows[] = {
    {"becoming nobody is for ever", TRUE, drop_is_for_ever},
    {"a group of its own", TRUE, group_of_its_own},
    {"root is no user to become", FALSE, root_is_no_user_to_become},
    {"unknown names", FALSE, unknown_names},
    {"only root can become", FALSE, only_root_can_become},
    {"staying", FALSE, staying_gives_up_privileges_to_come},
    {"the filter stops calls, in all threads", FALSE, filter_stops_calls},
    {"the filter lets work go on", FALSE, filter_lets_work_go_on},
};

static void check(void **state)
{
    const Row *row = *state;
    if (row->needs_root && geteuid() != 0) {
        print_message("%s: skipped, needs root\n", row->name);
        skip();
    }
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        exit(row->child()); /* exit, not _exit: a leak check at exit must work with rights dropped */
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 250) {
        print_message("%s: skipped, this kernel lets us set no filter\n", row->name);
        skip();
    }
    if (WEXITSTATUS(status) != 0)
        fail_msg("line %d (modulo 250) of the child failed", WEXITSTATUS(status) - 1);
}

int main(void)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("postern-secret-XXXXXX", &path, NULL);
    close(fd);
    g_chmod(path, 0600);
    secret = path;
    int failed = RUN_ROWS("rights", rows, check);
    g_unlink(path);
    return failed;
}
