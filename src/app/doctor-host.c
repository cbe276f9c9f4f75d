/* The doctor's checks of this host: our files and sockets, DNS, clock, limits. */
#include "app/doctor.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <postern/ip.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>

#include "actions/actions.h"
#include "app/config-check.h"
#include "app/control.h"
#include "checks/checks.h"
#include "flow/engine.h"
#include "mta/listen.h"
#include "mta/probe.h"

#define PROBE_SECONDS   5
#define SLOW_MS         1000 /* a resolver that takes so long for one question makes every message wait */
#define FUTURE_SECONDS  120  /* a file may be so much younger than now */
#define SPARE_FILES     64   /* log, control, resolver, stores */
#define FILES_A_SESSION 2    /* its connection and a body that went to a file */

/* --- our own file --- */

/* What the files say now may not be what the filter goes by. */
static void check_in_force(Doctor *doctor)
{
    const char *control = doctor->config ? doctor->config->daemon.control : "";
    g_autofree char *answer = NULL;
    gboolean ok;
    if (*control && control_ask(control, "config", &ok, &answer, NULL) && !ok)
        advise(doctor, ADVICE_ERROR, NULL, "postern reload, which says why",
               "the filter goes by an older configuration: it could not read this one");
}

void doctor_config(Doctor *doctor)
{
    const Tables tables = {all_checks, all_actions};
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_load(doctor->config_path, problems);
    g_autoptr(Snapshot) snapshot = config ? snapshot_new(&tables, config, problems) : NULL;
    if (snapshot)
        config_check_snapshot(snapshot, &tables, problems);
    for (guint i = 0; i < problems_len(problems); i++) {
        const Problem *problem = problems_at(problems, i);
        g_autofree char *where = problem->line ? g_strdup_printf("line %u", problem->line) : NULL;
        advise(doctor,
               problem->level == PROBLEM_ERROR     ? ADVICE_ERROR
               : problem->level == PROBLEM_WARNING ? ADVICE_WARNING
                                                   : ADVICE_NOTE,
               problem->file, where, "%s", problem->text);
    }
    check_in_force(doctor);
}

/* --- sockets --- */

static void check_unix_socket(Doctor *doctor, const char *path)
{
    GStatBuf st;
    if (g_stat(path, &st) < 0)
        advise(doctor, ADVICE_ERROR, doctor->config_path, "[daemon] listen",
               "%s: %s: the filter is not running, or listens elsewhere", path, g_strerror(errno));
    else if (!S_ISSOCK(st.st_mode))
        advise(doctor, ADVICE_ERROR, doctor->config_path, "[daemon] listen", "%s is there and is no socket",
               path);
    else if (st.st_mode & 0002)
        advise(doctor, ADVICE_WARNING, doctor->config_path, "[daemon] socket_mode = 0660",
               "%s: every user of this host may talk to the filter", path);
}

void doctor_sockets(Doctor *doctor)
{
    for (char **spec = doctor->config->daemon.listen; *spec; spec++) {
        ListenAddress address;
        g_autoptr(GError) error = NULL;
        guint32 version;
        pid_t pid = 0;
        if (!listen_address_parse(*spec, &address, &error)) {
            advise(doctor, ADVICE_ERROR, doctor->config_path, "[daemon] listen", "%s", error->message);
            continue;
        }
        if (address.is_unix)
            check_unix_socket(doctor, address.where);
        if (probe_milter(*spec, PROBE_SECONDS, &version, &pid, &error))
            doctor->pid = pid ? pid : doctor->pid;
        else
            advise(doctor, ADVICE_ERROR, NULL, "systemctl start postern, and see its log",
                   "no filter answers: %s", error->message);
        listen_address_clear(&address);
    }
    for (char **spec = doctor->config->srs.socketmap; *spec; spec++) {
        g_autoptr(GError) error = NULL;
        if (!probe_listener(*spec, PROBE_SECONDS, &error))
            advise(doctor, ADVICE_ERROR, NULL, "systemctl restart postern, and see its log",
                   "nobody serves the MTA's maps ([srs] socketmap), and mail waits: %s", error->message);
    }
    if (!*doctor->config->daemon.listen)
        advise(doctor, ADVICE_ERROR, doctor->config_path, "[daemon] listen = unix:/run/postern/milter.sock",
               "the filter listens nowhere");
}

/* --- files and folders --- */

static void check_folder(Doctor *doctor, const char *option, const char *path, mode_t forbidden,
                         const char *mode)
{
    GStatBuf st;
    if (!*path)
        return;
    if (g_stat(path, &st) < 0) {
        g_autofree char *mkdir = g_strdup_printf("install -d -m %s %s", mode, path);
        advise(doctor, ADVICE_ERROR, NULL, mkdir, "%s: %s: %s", option, path, g_strerror(errno));
    } else if (!S_ISDIR(st.st_mode)) {
        advise(doctor, ADVICE_ERROR, doctor->config_path, option, "%s is no folder", path);
    } else if (st.st_mode & forbidden && !(st.st_mode & S_ISVTX)) {
        g_autofree char *chmod = g_strdup_printf("chmod %s %s", mode, path);
        advise(doctor, ADVICE_WARNING, NULL, chmod, "%s: others may read or write %s", option, path);
    }
}

/* Whoever may replace a file in its folder may as well write it. */
static void check_parent(Doctor *doctor, const char *file)
{
    g_autofree char *folder = g_path_get_dirname(file);
    GStatBuf st;
    if (g_stat(folder, &st) == 0 && st.st_mode & 0002 && !(st.st_mode & S_ISVTX)) {
        g_autofree char *chmod = g_strdup_printf("chmod o-w %s", folder);
        advise(doctor, ADVICE_WARNING, NULL, chmod, "every user may replace %s", file);
    }
}

void doctor_files(Doctor *doctor)
{
    const Config *config = doctor->config;
    check_folder(doctor, "[policy] quarantine_dir", config->policy.quarantine_dir, 0077, "0700");
    check_folder(doctor, "[daemon] temp_dir", config->daemon.temp_dir, 0002, "1777");
    if (*config->store.path)
        check_parent(doctor, config->store.path);
    for (char **file = config->loaded.files; file && *file; file++)
        check_parent(doctor, *file);
    if (*config->srs.secret_file)
        check_parent(doctor, config->srs.secret_file);
    if (!*config->daemon.control)
        advise(doctor, ADVICE_NOTE, doctor->config_path, "[daemon] control = /run/postern/control.sock",
               "without a control socket `postern reload` cannot ask the filter, and macros are not seen");
}

/* --- maps --- */

static const char *const built_suffixes[] = {".db", ".cdb", ".lmdb"};

static void check_built(Doctor *doctor, const char *text, const char *built)
{
    GStatBuf source, result;
    if (g_stat(text, &source) < 0 || g_stat(built, &result) < 0 || source.st_mtime <= result.st_mtime)
        return;
    g_autofree char *command = g_strdup_printf("postmap %s, or makemap hash %s < %s", text, built, text);
    advise(doctor, ADVICE_WARNING, NULL, command, "%s is newer than %s, which was made of it", text, built);
}

void doctor_maps(Doctor *doctor)
{
    for (char **file = doctor->config->loaded.files; file && *file; file++) {
        for (gsize i = 0; i < G_N_ELEMENTS(built_suffixes); i++) {
            g_autofree char *other = NULL;
            if (g_str_has_suffix(*file, built_suffixes[i])) {
                other = g_strndup(*file, strlen(*file) - strlen(built_suffixes[i]));
                check_built(doctor, other, *file);
            } else {
                other = g_strconcat(*file, built_suffixes[i], NULL);
                check_built(doctor, *file, other);
            }
        }
    }
}

/* --- limits --- */

/* "Max open files            1024                 524288               files" */
static gint64 files_of(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/limits", (int)pid), *text = NULL;
    struct rlimit own;
    if (pid && g_file_get_contents(path, &text, NULL, NULL)) {
        const char *line = strstr(text, "Max open files");
        if (line) {
            line += strlen("Max open files");
            line += strspn(line, " ");
            return g_ascii_isdigit(*line) ? g_ascii_strtoll(line, NULL, 10) : G_MAXINT64;
        }
    }
    return getrlimit(RLIMIT_NOFILE, &own) == 0 && own.rlim_cur != RLIM_INFINITY ? (gint64)own.rlim_cur
                                                                                : G_MAXINT64;
}

void doctor_limits(Doctor *doctor)
{
    gint64 have = files_of(doctor->pid), sessions = doctor->config->daemon.max_sessions;
    gint64 need = sessions * FILES_A_SESSION + SPARE_FILES;
    if (have >= need)
        return;
    g_autofree char *change =
        g_strdup_printf("LimitNOFILE=%" G_GINT64_FORMAT " (or [daemon] max_sessions = %" G_GINT64_FORMAT ")",
                        need, MAX(1, (have - SPARE_FILES) / FILES_A_SESSION));
    advise(doctor, ADVICE_WARNING, "postern.service", change,
           "%s may have %" G_GINT64_FORMAT " files open, %" G_GINT64_FORMAT
           " sessions may need %" G_GINT64_FORMAT,
           doctor->pid ? "the filter" : "a process of this shell", have, sessions, need);
}

/* --- DNS --- */

static DnsAnswer *ask(Doctor *doctor, const char *name, DnsType type)
{
    return dns_query(doctor->outside.resolver, name, type, 0);
}

void doctor_resolver(Doctor *doctor)
{
    gint64 start = g_get_monotonic_time();
    g_autoptr(DnsAnswer) answer = ask(doctor, ".", DNS_NS);
    int ms = (int)((g_get_monotonic_time() - start) / 1000);
    doctor->dns_is_away = answer->status == DNS_TEMPERROR;
    if (doctor->dns_is_away)
        advise(doctor, ADVICE_ERROR, doctor->config_path, "[dns] servers",
               "the DNS does not answer (%s, %d ms)", answer->why, ms);
    else if (ms > SLOW_MS)
        advise(doctor, ADVICE_WARNING, doctor->config_path, "[dns] servers = recursive",
               "the DNS took %d ms for one question: run a caching resolver on this host", ms);
}

static gboolean leads_to(Doctor *doctor, const IpAddress *ip, const char *host, char **ptr)
{
    g_autofree char *reverse = ip_reverse_name(ip);
    g_autoptr(DnsAnswer) answer = ask(doctor, reverse, DNS_PTR);
    for (guint i = 0; i < answer->n_records; i++) {
        if (g_ascii_strcasecmp(answer->records[i].name, host) == 0)
            return TRUE;
        if (!*ptr)
            *ptr = g_strdup(answer->records[i].name);
    }
    return answer->status == DNS_TEMPERROR; /* the resolver's check tells of that */
}

static guint check_addresses(Doctor *doctor, const char *host, DnsType type)
{
    g_autoptr(DnsAnswer) answer = ask(doctor, host, type);
    for (guint i = 0; i < answer->n_records; i++) {
        const IpAddress *ip = &answer->records[i].ip;
        char text[IP_STRING_MAX];
        g_autofree char *ptr = NULL;
        if (ip_is_private(ip) || leads_to(doctor, ip, host, &ptr))
            continue;
        g_autofree char *reverse = ip_reverse_name(ip);
        g_autofree char *change = g_strdup_printf("%s. PTR %s.", reverse, host);
        advise(doctor, ADVICE_WARNING, "the DNS zone of your addresses", change,
               "%s, an address of %s, leads back to %s: many receivers refuse that", ip_to_string(ip, text),
               host, ptr ? ptr : "nothing");
    }
    return answer->status == DNS_TEMPERROR ? 1 : answer->n_records;
}

void doctor_name(Doctor *doctor)
{
    const char *host = g_get_host_name();
    if (!strchr(host, '.')) {
        advise(doctor, ADVICE_WARNING, NULL, "hostnamectl set-hostname mail.example.com",
               "this host calls itself %s, which is no name that others can look up", host);
        return;
    }
    if (doctor->dns_is_away)
        return;
    if (!check_addresses(doctor, host, DNS_A) + !check_addresses(doctor, host, DNS_AAAA) == 2)
        advise(doctor, ADVICE_WARNING, "your DNS zone", "an A or AAAA record",
               "%s, what this host says at HELO, has no address", host);
}

/* --- clock --- */

void doctor_clock(Doctor *doctor)
{
    struct timex state = {0};
    if (adjtimex(&state) == TIME_ERROR || state.status & STA_UNSYNC)
        advise(doctor, ADVICE_NOTE, NULL, "timedatectl set-ntp true",
               "the clock is not known to be synchronised; greylisting, SRS and signatures need it");
    GStatBuf st;
    if (g_stat(doctor->config_path, &st) == 0 && st.st_mtime > time(NULL) + FUTURE_SECONDS)
        advise(doctor, ADVICE_WARNING, NULL, "date",
               "%s was written in the future: the clock is wrong, or was", doctor->config_path);
}
