/* config-check.c — see config-check.h. First what rules say that no check bears out, then options that need others, then the
 * world: keys, times, lists, folders. */
#include "app/config-check-internal.h"

#include <string.h>

#include "conf/keytable.h"

void inspection_tell(const Inspection *check, const char *section, const char *key, ProblemLevel level,
                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    const char *file;
    guint line = config_where(check->config, section, key, &file);
    problems_add(check->problems, level, file, line, "[%s] %s %s", section, key, text);
}

gboolean inspection_is_set(const Inspection *check, const char *section, const char *key)
{
    const char *file;
    return config_where(check->config, section, key, &file) != 0;
}

/* A key that is for no logins in particular signs for a login only in the login's own domain, unless somebody says more (E2). */
static void check_logins(const Inspection *check)
{
    const Config *config = check->config;
    const GPtrArray *keys = config->loaded.keys ? keytable_keys(config->loaded.keys) : NULL;
    if (!patterns_is_empty(config->sign.any_login) || check->login_rules)
        return;
    for (guint i = 0; keys && i < keys->len; i++) {
        const SigningKey *key = keys->pdata[i];
        if (key->logins)
            continue;
        problems_add(
            check->problems, PROBLEM_NOTE, key->where, key->line,
            "a login signs only as its own domain (fred@example.com as example.com), so fred signs as "
            "none: [sign] any_login, login= here or a rule for SMTP-Auth allows more");
        return;
    }
}

/* Whoever has written what becomes of p=reject has thought of it. */
static void check_dmarc(const Inspection *check)
{
    const Config *config = check->config;
    if (config->dmarc.mode != DMARC_MODE_ON || *config->policy.quarantine_dir)
        return;
    inspection_tell(
        check, "dmarc", "mode", check->dmarc_rules ? PROBLEM_NOTE : PROBLEM_WARNING,
        "delivers what fails, whatever the domain asks for, unless a rule says otherwise: there is no "
        "[policy] quarantine_dir");
}

static void check_times(const Inspection *check)
{
    const Config *config = check->config;
    if (config->daemon.stage_timeout >= 10 && inspection_is_set(check, "daemon", "stage_timeout"))
        inspection_tell(check, "daemon", "stage_timeout", PROBLEM_NOTE,
                        "= %d s: Sendmail gives up after 10 s unless R: of its T= says more, Postfix after "
                        "milter_command_timeout",
                        config->daemon.stage_timeout);
    if (config->dns.timeout_ms >= config->daemon.stage_timeout * 1000)
        inspection_tell(check, "dns", "timeout_ms", PROBLEM_WARNING,
                        "= %d: one question may take all of stage_timeout, %d s", config->dns.timeout_ms,
                        config->daemon.stage_timeout);
}

/* --- lists that shadow each other --- */

static gboolean is_in(const HostList *list, const char *word)
{
    IpAddress ip;
    if (ip_parse(word, &ip))
        return hosts_match(list, &ip, NULL, 0) != NULL;
    g_autofree char *text = hosts_to_string(list);
    g_auto(GStrv) words = g_strsplit(text, ", ", -1);
    return g_strv_contains((const char *const *)words, word);
}

/* Words of `key` that are in internal_connect, too. */
static void check_hosts(const Inspection *check, const char *key, const HostList *hosts, const char *text)
{
    g_autofree char *all = hosts_to_string(hosts);
    g_auto(GStrv) words = g_strsplit(all, ", ", -1);
    for (char **word = words; *word; word++)
        if (**word && is_in(check->config->connection.internal_connect, *word))
            inspection_tell(check, "connection", key, PROBLEM_NOTE, "%s is in internal_connect, too: %s",
                            *word, text);
}

static void check_lists(const Inspection *check)
{
    const Config *config = check->config;
    check_hosts(check, "trusted_relay", config->connection.trusted_relay,
                "it counts as both, and its mail is not checked by SPF even with internal_policy");
    check_hosts(check, "whitelist_ips", config->connection.whitelist_ips,
                "internal clients are never banned");
    g_autofree char *text = patterns_to_string(config->sender.internal_domains);
    g_auto(GStrv) domains = g_strsplit(text, ", ", -1);
    for (char **domain = domains; *domain; domain++)
        if (**domain && patterns_match(config->sender.banned_domains, *domain))
            inspection_tell(check, "sender", "banned_domains", PROBLEM_WARNING,
                            "has %s, which is one of internal_domains", *domain);
}

/* --- files and folders --- */

/* Of a socket or file that will be made. */
static void check_parent(const Inspection *check, const char *section, const char *key, const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    if (*path && inspection_is_set(check, section, key) && !g_file_test(folder, G_FILE_TEST_IS_DIR))
        inspection_tell(check, section, key, PROBLEM_WARNING, "= %s: there is no folder %s", path, folder);
}

static void check_paths(const Inspection *check)
{
    const Config *config = check->config;
    for (char **name = config->daemon.listen; *name; name++)
        if (g_str_has_prefix(*name, "unix:"))
            check_parent(check, "daemon", "listen", *name + strlen("unix:"));
    check_parent(check, "daemon", "control", config->daemon.control);
    check_parent(check, "store", "path", config->store.path);
    check_parent(check, "policy", "quarantine_dir", config->policy.quarantine_dir); /* it makes itself */
    check_parent(check, "journal", "failed_dir", config->journal.failed_dir);
    if (g_str_has_prefix(config->log.target, "file:"))
        check_parent(check, "log", "target", config->log.target + strlen("file:"));
    if (!g_file_test(config->daemon.temp_dir, G_FILE_TEST_IS_DIR))
        inspection_tell(check, "daemon", "temp_dir", PROBLEM_WARNING, "= %s: there is no such folder",
                        config->daemon.temp_dir);
}

void config_check(const Config *config, const Policy *policy, const Tables *tables, Problems *problems)
{
    Inspection check = {config, policy, problems};
    for (const Check *const *row = tables->checks; *row; row++)
        if (!(*row)->wanted || (*row)->wanted(config))
            check.carried_out |= (*row)->carries_out;
    inspect_rules(&check);
    inspect_idle(&check);
    check_logins(&check);
    check_dmarc(&check);
    check_times(&check);
    check_lists(&check);
    check_paths(&check);
}

void config_check_snapshot(const Snapshot *snapshot, const Tables *tables, Problems *problems)
{
    config_check(snapshot_config(snapshot), snapshot_policy(snapshot), tables, problems);
    if (snapshot_shadow_config(snapshot))
        config_check(snapshot_shadow_config(snapshot), snapshot_shadow_policy(snapshot), tables, problems);
}
