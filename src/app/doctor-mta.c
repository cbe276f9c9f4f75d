/* The doctor's checks of what the MTA has been told about us. */
#include "app/doctor.h"

#include <grp.h>
#include <string.h>
#include <sys/stat.h>

#include "app/control.h"
#include "app/mta-files.h"
#include "mta/listen.h"

/* What an MTA's time-out must be over ours, so that our answer still arrives. */
#define MARGIN_SECONDS 2

/* --- sockets that are the same --- */

static gboolean same_place(const ListenAddress *a, const ListenAddress *b)
{
    if (a->is_unix != b->is_unix)
        return FALSE;
    if (!a->is_unix) /* which name the host is called by says little */
        return strcmp(a->port, b->port) == 0;
    g_autofree char *left = g_canonicalize_filename(a->where, NULL),
                    *right = g_canonicalize_filename(b->where, NULL);
    return strcmp(left, right) == 0;
}

static gboolean is_ours(const Doctor *doctor, const char *spec)
{
    ListenAddress theirs;
    gboolean found = FALSE;
    if (!listen_address_parse(spec, &theirs, NULL))
        return FALSE;
    for (char **ours = doctor->config->daemon.listen; *ours && !found; ours++) {
        ListenAddress address;
        if (!listen_address_parse(*ours, &address, NULL))
            continue;
        found = same_place(&address, &theirs);
        listen_address_clear(&address);
    }
    listen_address_clear(&theirs);
    return found;
}

/* --- Postfix --- */

typedef struct {
    Doctor *doctor;
    char *main_path;
    GHashTable *values;
    PostfixServices services;
    char *queue; /* queue_directory: what smtpd's paths begin from, and its chroot */
} Postfix;

static char *value(const Postfix *postfix, const char *name, const char *fallback)
{
    return postfix_value(postfix->values, name, fallback);
}

/* Postfix knows its own defaults; without it the file alone is read. */
static char *read_main(const char *folder, const char *main_path)
{
    const char *command[] = {"postconf", "-c", folder, NULL};
    g_autofree char *out = NULL;
    char *text = NULL;
    int status;
    if (g_spawn_sync(NULL, (char **)command, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                     NULL, &out, NULL, &status, NULL) &&
        g_spawn_check_wait_status(status, NULL))
        return g_steal_pointer(&out);
    return g_file_get_contents(main_path, &text, NULL, NULL) ? text : NULL;
}

/* Relative paths begin at the queue, absolute ones at the chroot if there is one. */
static char *outside_chroot(const Postfix *postfix, const char *spec)
{
    if (!g_str_has_prefix(spec, "unix:"))
        return g_strdup(spec);
    const char *path = spec + strlen("unix:");
    if (*path == '/' && !postfix->services.chrooted)
        return g_strdup(spec);
    return g_strdup_printf("unix:%s/%s", postfix->queue, path + strspn(path, "/"));
}

static gboolean mentions_us(const Postfix *postfix, const char *list)
{
    g_auto(GStrv) milters = postfix_milters(list);
    for (char **one = milters; *one; one++) {
        g_autofree char *spec = outside_chroot(postfix, *one);
        if (is_ours(postfix->doctor, spec))
            return TRUE;
    }
    return FALSE;
}

/* Our socket as main.cf must write it: "inet:host:port", paths as smtpd sees them. NULL: not below its
 * chroot. */
static char *as_postfix_writes(const Postfix *postfix, const char *spec)
{
    ListenAddress address;
    char *text = NULL;
    if (!listen_address_parse(spec, &address, NULL))
        return NULL;
    gboolean below = address.is_unix && g_str_has_prefix(address.where, postfix->queue) &&
                     address.where[strlen(postfix->queue)] == '/';
    if (!address.is_unix)
        text = g_strdup_printf("inet:%s:%s", address.where ? address.where : "127.0.0.1", address.port);
    else if (!postfix->services.chrooted)
        text = g_strdup_printf("unix:%s", address.where);
    else if (below)
        text = g_strdup_printf("unix:%s", address.where + strlen(postfix->queue));
    listen_address_clear(&address);
    return text;
}

static void check_mentioned(Postfix *postfix)
{
    Doctor *doctor = postfix->doctor;
    g_autofree char *list = value(postfix, "smtpd_milters", "");
    if (mentions_us(postfix, list))
        return;
    for (char **spec = doctor->config->daemon.listen; *spec; spec++) {
        g_autofree char *right = as_postfix_writes(postfix, *spec);
        if (!right)
            continue;
        g_autofree char *change = g_strdup_printf("smtpd_milters = %s", right);
        advise(doctor, ADVICE_ERROR, postfix->main_path, change,
               "smtpd_milters does not name us (it is \"%s\"%s)", list,
               postfix->services.chrooted ? "; smtpd runs in a chroot" : "");
        return;
    }
    g_autofree char *change =
        g_strdup_printf("[daemon] listen = unix:%s/postern/milter.sock", postfix->queue);
    advise(doctor, ADVICE_ERROR, doctor->config_path, change,
           "smtpd runs in a chroot and sees no socket of ours; then smtpd_milters = "
           "unix:/postern/milter.sock (or n in the "
           "chroot column of master.cf)");
}

static void check_action(Postfix *postfix)
{
    static const struct {
        const char *word;
        AdviceLevel level;
        const char *what;
    } words[] = {
        {"accept", ADVICE_WARNING, "mail passes unfiltered when we are away"},
        {"reject", ADVICE_WARNING, "mail is refused for good when we are away"},
        {"quarantine", ADVICE_NOTE, "mail goes into the hold queue when we are away"},
        {"shutdown", ADVICE_NOTE, "connections are cut when we are away"},
    };
    g_autofree char *action = value(postfix, "milter_default_action", "tempfail");
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
        if (strcmp(words[i].word, action) == 0)
            advise(postfix->doctor, words[i].level, postfix->main_path, "milter_default_action = tempfail",
                   "%s: %s", action, words[i].what);
}

static void check_protocol(Postfix *postfix)
{
    g_autofree char *text = value(postfix, "milter_protocol", "6");
    if (g_ascii_strtoll(text, NULL, 10) < 6)
        advise(postfix->doctor, ADVICE_WARNING, postfix->main_path, "milter_protocol = 6",
               "version %s of the protocol cannot do all that we need (macros, sender, quarantine)", text);
}

static void check_timeout(Postfix *postfix, const char *name, const char *fallback, const char *ours_name,
                          int ours)
{
    g_autofree char *text = value(postfix, name, fallback);
    int theirs = mta_seconds(text, 1);
    if (theirs >= ours + MARGIN_SECONDS)
        return;
    g_autofree char *change = g_strdup_printf("%s = %ds", name, MAX(30, ours + 10));
    advise(postfix->doctor, ADVICE_ERROR, postfix->main_path, change, "%s is %s, and we may take %d s (%s)",
           name, text, ours, ours_name);
}

static void check_others(Postfix *postfix)
{
    Doctor *doctor = postfix->doctor;
    g_autofree char *local = value(postfix, "non_smtpd_milters", ""),
                    *utf8 = value(postfix, "smtputf8_enable", "yes");
    if (!mentions_us(postfix, local))
        advise(doctor, ADVICE_NOTE, postfix->main_path, "non_smtpd_milters = $smtpd_milters",
               "mail of the sendmail command does not pass us: right, unless it is to be signed");
    if (strcmp(utf8, "no") == 0)
        advise(doctor, ADVICE_NOTE, postfix->main_path, "smtputf8_enable = yes",
               "mail to and from UTF-8 addresses is refused");
    if (postfix->services.overrides)
        advise(doctor, ADVICE_NOTE, "master.cf", postfix->services.overrides,
               "an smtpd has its own list of milters: see that we are in it where we belong");
}

/* --- may the MTA's user reach the socket? --- */

gboolean doctor_may(const GStatBuf *st, const struct passwd *user, mode_t bit)
{
    gid_t groups[256]; /* nobody is in more; of one who is the first count */
    int n = G_N_ELEMENTS(groups);
    if (user->pw_uid == 0)
        return TRUE;
    if (st->st_uid == user->pw_uid)
        return st->st_mode & bit << 6;
    if (getgrouplist(user->pw_name, user->pw_gid, groups, &n) < 0)
        n = G_N_ELEMENTS(groups);
    for (int i = 0; i < n; i++)
        if (groups[i] == st->st_gid)
            return st->st_mode & bit << 3;
    return st->st_mode & bit;
}

static void check_reach(Doctor *doctor, const char *name, const char *path)
{
    const struct passwd *user = getpwnam(name);
    GStatBuf st;
    if (!user || g_stat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return;
    if (!doctor_may(&st, user, 2)) {
        g_autofree char *change = g_strdup_printf("[daemon] socket_group = %s, socket_mode = 0660", name);
        advise(doctor, ADVICE_ERROR, doctor->config_path, change, "user %s may not write to %s (mode %04o)",
               name, path, (unsigned)st.st_mode & 07777);
    }
    g_autofree char *folder = g_path_get_dirname(path);
    while (strcmp(folder, "/") != 0) {
        if (g_stat(folder, &st) == 0 && !doctor_may(&st, user, 1)) {
            g_autofree char *change = g_strdup_printf("chgrp %s %s && chmod g+x %s", name, folder, folder);
            advise(doctor, ADVICE_ERROR, NULL, change, "user %s may not pass through %s (mode %04o)", name,
                   folder, (unsigned)st.st_mode & 07777);
        }
        char *up = g_path_get_dirname(folder);
        g_free(folder);
        folder = up;
    }
}

static void check_sockets(Doctor *doctor, const char *user, char **specs)
{
    for (char **spec = specs; *spec; spec++) {
        ListenAddress address;
        if (!listen_address_parse(*spec, &address, NULL))
            continue;
        if (address.is_unix)
            check_reach(doctor, user, address.where);
        listen_address_clear(&address);
    }
}

static void check_rights(Doctor *doctor, const char *user)
{
    check_sockets(doctor, user, doctor->config->daemon.listen);
    check_sockets(doctor, user, doctor->config->srs.socketmap);
}

void doctor_postfix(Doctor *doctor)
{
    if (!doctor->postfix)
        return;
    g_autofree char *main_path = g_build_filename(doctor->postfix, "main.cf", NULL);
    g_autofree char *master_path = g_build_filename(doctor->postfix, "master.cf", NULL);
    g_autofree char *text = read_main(doctor->postfix, main_path), *master = NULL;
    if (!text) {
        advise(doctor, ADVICE_ERROR, NULL, NULL, "%s cannot be read", main_path);
        return;
    }
    if (!g_file_get_contents(master_path, &master, NULL, NULL))
        advise(doctor, ADVICE_WARNING, NULL, NULL, "%s cannot be read: is smtpd chrooted?", master_path);
    const Config *config = doctor->config;
    Postfix postfix = {.doctor = doctor, .main_path = main_path, .values = postfix_parse(text)};
    g_autofree char *level = value(&postfix, "compatibility_level", "0");
    postfix.services = postfix_services(master ? master : "", g_ascii_strtoll(level, NULL, 10) < 1);
    postfix.queue = value(&postfix, "queue_directory", "/var/spool/postfix");
    check_mentioned(&postfix);
    check_action(&postfix);
    check_protocol(&postfix);
    check_timeout(&postfix, "milter_command_timeout", "30s", "[daemon] stage_timeout",
                  config->daemon.stage_timeout);
    check_timeout(&postfix, "milter_content_timeout", "300s", "[daemon] message_timeout",
                  config->daemon.message_timeout);
    check_others(&postfix);
    doctor_postfix_signing(doctor, main_path, postfix.values);
    g_autofree char *owner = value(&postfix, "mail_owner", "postfix");
    check_rights(doctor, owner);
    g_hash_table_unref(postfix.values);
    postfix_services_clear(&postfix.services);
    g_free(postfix.queue);
}

/* --- Sendmail --- */

/* One line that is right, for .mc as well as for whoever builds the .cf of it. */
static char *sendmail_line(const Doctor *doctor, const char *name)
{
    ListenAddress address;
    const Config *config = doctor->config;
    g_autofree char *socket = NULL;
    if (!*config->daemon.listen || !listen_address_parse(*config->daemon.listen, &address, NULL))
        return NULL;
    socket = address.is_unix
                 ? g_strdup_printf("local:%s", address.where)
                 : g_strdup_printf("inet:%s@%s", address.port, address.where ? address.where : "127.0.0.1");
    listen_address_clear(&address);
    return g_strdup_printf("INPUT_MAIL_FILTER(`%s', `S=%s, F=T, T=C:5m;S:20s;R:%ds;E:%ds')dnl", name, socket,
                           MAX(20, config->daemon.stage_timeout + 10),
                           MAX(300, config->daemon.message_timeout + 60));
}

static void check_filter(Doctor *doctor, const SendmailFilter *filter)
{
    const Config *config = doctor->config;
    g_autofree char *change = sendmail_line(doctor, filter->name);
    g_autofree char *where = g_strdup_printf("%s:%u", doctor->sendmail, filter->line);
    if (!filter->used)
        advise(doctor, ADVICE_ERROR, where, change, "filter %s is declared and not used (InputMailFilters)",
               filter->name);
    if (filter->flag != 'T' && filter->flag != '4')
        advise(doctor, ADVICE_WARNING, where, change, "%s when we are away (F=T lets it wait)",
               filter->flag == 'R' ? "mail is refused for good" : "mail passes unfiltered");
    if (filter->read < config->daemon.stage_timeout + MARGIN_SECONDS)
        advise(doctor, ADVICE_ERROR, where, change,
               "T=R is %d s, and we may take %d s ([daemon] stage_timeout)", filter->read,
               config->daemon.stage_timeout);
    if (filter->end < config->daemon.message_timeout + MARGIN_SECONDS)
        advise(doctor, ADVICE_ERROR, where, change,
               "T=E is %d s, and we may take %d s ([daemon] message_timeout)", filter->end,
               config->daemon.message_timeout);
}

/* Sendmail takes no socket that others could replace ("local socket name … unsafe"), and then mail is put off. A
 * sticky bit helps above the socket's own folder only. */
static void check_folders(Doctor *doctor, const char *spec)
{
    ListenAddress address;
    if (!listen_address_parse(spec, &address, NULL))
        return;
    g_autofree char *folder = address.is_unix ? g_path_get_dirname(address.where) : g_strdup("/");
    listen_address_clear(&address);
    gboolean own = TRUE;
    while (strcmp(folder, "/") != 0) {
        GStatBuf st;
        if (g_stat(folder, &st) == 0 && st.st_mode & 0022 && (own || !(st.st_mode & S_ISVTX))) {
            g_autofree char *change = g_strdup_printf("chmod go-w %s", folder);
            advise(doctor, ADVICE_ERROR, NULL, change,
                   "others may write to %s (mode %04o): Sendmail calls a socket there unsafe", folder,
                   (unsigned)st.st_mode & 07777);
        }
        own = FALSE;
        char *up = g_path_get_dirname(folder);
        g_free(folder);
        folder = up;
    }
}

void doctor_sendmail(Doctor *doctor)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    if (!doctor->sendmail)
        return;
    if (!g_file_get_contents(doctor->sendmail, &text, NULL, &error)) {
        advise(doctor, ADVICE_ERROR, NULL, NULL, "%s", error->message);
        return;
    }
    doctor_sendmail_signing(doctor, text);
    g_autoptr(GPtrArray) filters = sendmail_filters(text);
    gboolean found = FALSE;
    for (guint i = 0; i < filters->len; i++) {
        const SendmailFilter *filter = filters->pdata[i];
        if (!filter->socket || !is_ours(doctor, filter->socket))
            continue;
        check_filter(doctor, filter);
        check_folders(doctor, filter->socket);
        found = TRUE;
    }
    if (found)
        return;
    g_autofree char *change = sendmail_line(doctor, "postern");
    advise(doctor, ADVICE_ERROR, doctor->sendmail, change, "no filter line with a socket of ours");
}

/* --- macros --- */

/* What we look at, at the first step where both MTAs have it when they are let. */
static const struct {
    const char *name, *why, *postfix, *sendmail;
} wanted_macros[] = {
    {"j", "the MTA's own name, for trace fields",
     "milter_connect_macros = j {daemon_name} {daemon_port} {client_ptr} v _",
     "define(`confMILTER_MACROS_CONNECT', `j, _, {daemon_name}, {daemon_port}, {client_ptr}, v')dnl"},
    {"daemon_port", "which port mail came to",
     "milter_connect_macros = j {daemon_name} {daemon_port} {client_ptr} v _",
     "define(`confMILTER_MACROS_CONNECT', `j, _, {daemon_name}, {daemon_port}, {client_ptr}, v')dnl"},
    {"i", "the queue id, for the log", "milter_end_of_data_macros = i",
     "define(`confMILTER_MACROS_EOM', `i')dnl"},
};

/* Steps in which a name has been seen; all lines of one MTA are looked through. */
static gboolean has_macro(char **lines, const char *mta, const char *name, gboolean *reached_end)
{
    gboolean found = FALSE;
    for (char **line = lines; *line; line++) {
        g_auto(GStrv) words = g_strsplit(*line, " ", -1);
        if (g_strv_length(words) < 2 || strcmp(words[0], mta) != 0)
            continue;
        *reached_end |= strcmp(words[1], "message") == 0 || strcmp(words[1], "headers") == 0;
        found |= g_strv_contains((const char *const *)words + 2, name);
    }
    return found;
}

static void check_macros_of(Doctor *doctor, char **lines, const char *mta, const char *file,
                            gboolean is_postfix)
{
    for (gsize i = 0; i < G_N_ELEMENTS(wanted_macros); i++) {
        gboolean reached_end = FALSE;
        if (has_macro(lines, mta, wanted_macros[i].name, &reached_end) || !reached_end)
            continue;
        advise(doctor, ADVICE_WARNING, file,
               is_postfix ? wanted_macros[i].postfix : wanted_macros[i].sendmail,
               "%s has never sent the macro %s: %s", mta, wanted_macros[i].name, wanted_macros[i].why);
    }
}

void doctor_macros(Doctor *doctor)
{
    const char *control = doctor->config->daemon.control;
    g_autofree char *answer = NULL;
    g_autoptr(GError) error = NULL;
    gboolean ok;
    if (!*control)
        return;
    if (!control_ask(control, "macros", &ok, &answer, &error)) {
        advise(doctor, ADVICE_WARNING, NULL, NULL, "%s", error->message);
        return;
    }
    g_auto(GStrv) lines = g_strsplit(g_strchomp(answer), "\n", -1);
    if (!ok || !*lines || !**lines) {
        advise(doctor, ADVICE_NOTE, NULL, NULL,
               "no mail has come since the filter was started: what the MTA tells is not known");
        return;
    }
    for (char **line = lines; *line; line++)
        advise(doctor, ADVICE_NOTE, NULL, NULL, "came from %s", *line);
    check_macros_of(doctor, lines, "postfix", "main.cf", TRUE);
    check_macros_of(doctor, lines, "sendmail", "sendmail.mc", FALSE);
}
