/* rights.c — see rights.h. */
#include "app/rights.h"

#include <errno.h>
#include <gio/gio.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* LeakSanitizer traces its own process at exit. */
#if defined(__SANITIZE_ADDRESS__)
#define TRACED_BY_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TRACED_BY_SANITIZER 1
#endif
#endif
#ifndef TRACED_BY_SANITIZER
#define TRACED_BY_SANITIZER 0
#endif

/* One passwd or group line; nobody has a longer one. */
#define NSS_BUFFER 65536u

G_GNUC_PRINTF(3, 4) static gboolean fail(GError **error, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), "%s: %s", what, g_strerror(code));
    return FALSE;
}

/* Whether there is none or the look-up failed: code 0 says the former. */
static gboolean not_found(GError **error, int code, const char *what, const char *name)
{
    if (code != 0)
        return fail(error, code, "%s \"%s\"", what, name);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "[rights] %s = %s: there is no such %s", what, name,
                what);
    return FALSE;
}

static gboolean find_user(const char *name, uid_t *uid, gid_t *gid, GError **error)
{
    g_autofree char *buffer = g_malloc(NSS_BUFFER);
    struct passwd entry, *found = NULL;
    int code = getpwnam_r(name, &entry, buffer, NSS_BUFFER, &found);
    if (found == NULL)
        return not_found(error, code, "user", name);
    *uid = entry.pw_uid;
    *gid = entry.pw_gid;
    return TRUE;
}

static gboolean find_group(const char *name, gid_t *gid, GError **error)
{
    g_autofree char *buffer = g_malloc(NSS_BUFFER);
    struct group entry, *found = NULL;
    int code = getgrnam_r(name, &entry, buffer, NSS_BUFFER, &found);
    if (found == NULL)
        return not_found(error, code, "group", name);
    *gid = entry.gr_gid;
    return TRUE;
}

/* Real, effective and saved are all the new ones, and the old ones do not come back. */
static gboolean verify(uid_t uid, gid_t gid, GError **error)
{
    uid_t ru, eu, su;
    gid_t rg, eg, sg;
    if (getresuid(&ru, &eu, &su) != 0 || getresgid(&rg, &eg, &sg) != 0)
        return fail(error, errno, "who we are");
    if (ru != uid || eu != uid || su != uid || rg != gid || eg != gid || sg != gid)
        return fail(error, EPERM, "not all of our ids have changed");
    if (setuid(0) == 0 || seteuid(0) == 0 || setresuid((uid_t)-1, 0, (uid_t)-1) == 0)
        return fail(error, EPERM, "root can be had back");
    if (gid != 0 && (setgid(0) == 0 || setegid(0) == 0))
        return fail(error, EPERM, "root's group can be had back");
    return TRUE;
}

/* Groups first: without root they could not be changed any more. */
static gboolean become(const char *user, uid_t uid, gid_t gid, GError **error)
{
    if (initgroups(user, gid) != 0)
        return fail(error, errno, "groups of \"%s\"", user);
    if (setresgid(gid, gid, gid) != 0)
        return fail(error, errno, "group of \"%s\"", user);
    if (setresuid(uid, uid, uid) != 0)
        return fail(error, errno, "becoming \"%s\"", user);
    return verify(uid, gid, error);
}

gboolean rights_find(const char *user, const char *group, uid_t *uid, gid_t *gid, GError **error)
{
    *uid = 0;
    *gid = 0;
    if (user == NULL || *user == '\0')
        return TRUE;
    return find_user(user, uid, gid, error) &&
           (group == NULL || *group == '\0' || find_group(group, gid, error));
}

static gboolean change_user(const char *user, const char *group, GError **error)
{
    uid_t uid = (uid_t)-1;
    gid_t gid = (gid_t)-1;
    if (!rights_find(user, group, &uid, &gid, error))
        return FALSE;
    if (uid == 0)
        return fail(error, EINVAL, "user \"%s\" is root, which gives up nothing", user);
    if (geteuid() == 0)
        return become(user, uid, gid, error);
    if (geteuid() != uid || getuid() != uid)
        return fail(error, EPERM, "only root can become \"%s\"", user);
    return TRUE; /* started as that user already */
}

gboolean rights_drop(const char *user, const char *group, GError **error)
{
    if (user != NULL && *user != '\0' && !change_user(user, group, error))
        return FALSE;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail(error, errno, "PR_SET_NO_NEW_PRIVS");
    /* Changing ids has cleared it already on most systems; a sanitizer needs it back. */
    if (prctl(PR_SET_DUMPABLE, TRACED_BY_SANITIZER, 0, 0, 0) != 0)
        return fail(error, errno, "PR_SET_DUMPABLE");
    return TRUE;
}

/* By name, so that a call that this machine or this libseccomp does not know is simply not there. */
static const char *const never_needed[] = {
    /* other programs */
    "execve",
    "execveat",
    "process_vm_readv",
    "process_vm_writev",
    "kcmp",
    "pidfd_getfd",
    "ptrace",
    /* file systems, and ways around their permissions */
    "mount",
    "umount",
    "umount2",
    "pivot_root",
    "chroot",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "swapon",
    "swapoff",
    "open_by_handle_at",
    "mknod",
    "mknodat",
    "acct",
    "quotactl",
    "quotactl_fd",
    "fanotify_init",
    /* the kernel */
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "create_module",
    "query_module",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "lookup_dcookie",
    "nfsservctl",
    "syslog",
    "reboot",
    "iopl",
    "ioperm",
    "modify_ldt",
    "vm86",
    "vm86old",
    "personality",
    /* keys that are not ours */
    "keyctl",
    "add_key",
    "request_key",
    /* who and where we are */
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setfsuid",
    "setfsgid",
    "setgroups",
    "capset",
    "unshare",
    "setns",
    "sethostname",
    "setdomainname",
    "vhangup",
    /* the clock */
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "stime",
};

static int add_rules(scmp_filter_ctx filter)
{
    for (guint i = 0; i < G_N_ELEMENTS(never_needed); i++) {
        int call = seccomp_syscall_resolve_name(never_needed[i]);
        if (call == __NR_SCMP_ERROR || (TRACED_BY_SANITIZER && strcmp(never_needed[i], "ptrace") == 0))
            continue;
        int code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
        if (code != 0 && code != -EDOM) /* EDOM: not a call of this architecture */
            return code;
    }
    return 0;
}

gboolean rights_filter(GError **error)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL)
        return fail(error, ENOMEM, "system-call filter");
    int code = add_rules(filter);
    if (code == 0)
        code =
            seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1); /* threads that libraries have started, too */
    if (code == 0)
        code = seccomp_load(filter);
    seccomp_release(filter);
    return code == 0 || fail(error, -code, "system-call filter");
}
