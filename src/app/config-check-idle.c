/* config-check-idle.c — options that are set and do nothing, for want of another: a condition and a row each. */
#include "app/config-check-internal.h"

static gboolean nobody_is_internal(const Config *config)
{
    return hosts_is_empty(config->connection.internal_connect);
}

static gboolean spf_is_off(const Config *config)
{
    return config->spf.mode == SPF_MODE_OFF;
}

static gboolean spf_is_not_on(const Config *config)
{
    return config->spf.mode != SPF_MODE_ON;
}

static gboolean signs_nothing(const Config *config)
{
    return patterns_is_empty(config->srs.sign_srs) && patterns_is_empty(config->srs.sign_ses) &&
           patterns_is_empty(config->srs.sign_batv);
}

static gboolean rewrites(const Config *config, RewriteMode whose)
{
    return config->srs.rewrite == whose || config->srs.rewrite == REWRITE_ALL;
}

ON(authres_is_off, !config->authres.add)
ON(no_relays, hosts_is_empty(config->connection.trusted_relay))
ON(nobody_is_stopped, config->connection.max_demerits == 0 && config->connection.max_unknown == 0 &&
                          config->policy.limits.n == 0 && *config->store.path == '\0')
ON(no_banned_domains, patterns_is_empty(config->sender.banned_domains) && *config->store.path == '\0')
ON(greylist_is_off, config->greylist.mode == GREYLIST_OFF)
ON(greylist_is_not_all, config->greylist.mode != GREYLIST_ALL)
ON(no_srs_secrets, !config->loaded.srs_secrets)
ON(no_signing, patterns_is_empty(config->srs.domains) && *config->srs.forward_domain == '\0' &&
                   signs_nothing(config) &&
                   config->spf.mode == SPF_MODE_OFF) /* Received-SPF bears a mark made with them */
ON(no_rewriting, config->srs.rewrite == REWRITE_OFF && !config->srs.socketmap[0])
ON(no_rewriting_of_own,
   config->srs.rewrite != REWRITE_OWN && config->srs.rewrite != REWRITE_ALL && !config->srs.socketmap[0])
ON(rewrites_nothing, (rewrites(config, REWRITE_OWN) && signs_nothing(config)) ||
                         (rewrites(config, REWRITE_FORWARDED) && *config->srs.forward_domain == '\0'))
ON(no_bounces, !config->bounces.check)
ON(nobody_reads_bounces, !config->bounces.check && !config->bounces.blacklist)
ON(nothing_is_signed, signs_nothing(config))
ON(knows_no_domain, rewrites(config, REWRITE_FORWARDED) &&
                        patterns_is_empty(config->sender.internal_domains) &&
                        patterns_is_empty(config->srs.local_domains))
ON(arc_is_off, !config->arc.verify)
ON(dmarc_is_off, config->dmarc.mode == DMARC_MODE_OFF)
ON(dkim_is_unseen, config->dkim.verify == DKIM_MODE_HEADER && !config->authres.add)
ON(arc_is_unseen,
   config->arc.verify && !config->authres.add && patterns_is_empty(config->arc.trusted_sealers))
ON(dmarc_is_unseen, config->dmarc.mode == DMARC_MODE_REPORT && !config->authres.add && !config->dmarc.collect)
ON(dmarc_without_spf, config->dmarc.mode != DMARC_MODE_OFF && config->spf.mode == SPF_MODE_OFF)
ON(nothing_to_sign, !config->loaded.keys)
ON(half_a_key, !*config->sign.domain || !*config->sign.selector || !*config->sign.key)
ON(nothing_to_seal, !config->loaded.seal_key)
ON(no_store, *config->store.path == '\0')
ON(no_failed_dir, *config->journal.failed_dir == '\0')
ON(no_quarantine, *config->policy.quarantine_dir == '\0')

/* Set, and `idle` says that it does nothing. */
static const struct {
    const char *section, *key;
    IsOn idle;
    ProblemLevel level;
    const char *text;
} idle_options[] = {
    {"spf", "best_guess", spf_is_off, PROBLEM_WARNING, "does nothing while [spf] mode = off"},
    {"spf", "delegate", spf_is_off, PROBLEM_WARNING, "does nothing while [spf] mode = off"},
    {"spf", "delegate_file", spf_is_off, PROBLEM_WARNING, "does nothing while [spf] mode = off"},
    {"spf", "trusted_forwarder", spf_is_not_on, PROBLEM_WARNING, "does nothing unless [spf] mode = on"},
    {"spf", "lax", spf_is_not_on, PROBLEM_WARNING, "does nothing unless [spf] mode = on"},
    {"spf", "internal_policy", spf_is_off, PROBLEM_WARNING, "does nothing while [spf] mode = off"},
    {"spf", "user_not_local", spf_is_not_on, PROBLEM_WARNING, "does nothing unless [spf] mode = on"},
    {"spf", "explanation", spf_is_not_on, PROBLEM_WARNING, "does nothing unless [spf] mode = on"},
    {"spf", "internal_policy", nobody_is_internal, PROBLEM_NOTE,
     "is for internal clients, but internal_connect is empty: only this host and logins are internal"},
    {"authres", "authserv_id", authres_is_off, PROBLEM_WARNING, "does nothing unless [authres] add = yes"},
    {"connection", "relay_authserv_id", no_relays, PROBLEM_WARNING,
     "does nothing while trusted_relay is empty"},
    {"connection", "whitelist_ips", nobody_is_stopped, PROBLEM_WARNING,
     "does nothing without max_demerits, max_unknown, [limits] or a [store]: nobody is banned or limited"},
    {"connection", "max_demerits", no_store, PROBLEM_NOTE,
     "counts within a connection only: without [store] path nobody is banned longer than that"},
    {"connection", "max_unknown", no_store, PROBLEM_WARNING, "does nothing without [store] path"},
    {"connection", "demerit_window", no_store, PROBLEM_WARNING, "does nothing without [store] path"},
    {"connection", "ban_time", no_store, PROBLEM_WARNING, "does nothing without [store] path"},
    {"sender", "email_providers", no_banned_domains, PROBLEM_WARNING,
     "does nothing while banned_domains is empty and there is no [store] with bans"},
    {"greylist", "mode", no_store, PROBLEM_WARNING,
     "holds up nobody without [store] path: a greylist that forgets would let nobody pass"},
    {"greylist", "delay", greylist_is_off, PROBLEM_WARNING, "does nothing while mode = off"},
    {"greylist", "window", greylist_is_off, PROBLEM_WARNING, "does nothing while mode = off"},
    {"greylist", "retain", greylist_is_off, PROBLEM_WARNING, "does nothing while mode = off"},
    {"greylist", "exempt_after", greylist_is_off, PROBLEM_WARNING, "does nothing while mode = off"},
    {"greylist", "exempt_rcpts", greylist_is_off, PROBLEM_WARNING, "does nothing while mode = off"},
    {"greylist", "proven", greylist_is_not_all, PROBLEM_WARNING, "does nothing unless mode = all"},
    {"policy", "quarantine_age", no_quarantine, PROBLEM_WARNING, "does nothing without quarantine_dir"},
    {"srs", "domains", no_srs_secrets, PROBLEM_WARNING, "does nothing without secret_file"},
    {"srs", "forward_domain", no_srs_secrets, PROBLEM_WARNING, "does nothing without secret_file"},
    {"srs", "forward_domain", no_rewriting, PROBLEM_WARNING, "does nothing without socketmap or rewrite"},
    {"srs", "sign_srs", no_srs_secrets, PROBLEM_WARNING, "does nothing without secret_file"},
    {"srs", "sign_ses", no_srs_secrets, PROBLEM_WARNING, "does nothing without secret_file"},
    {"srs", "sign_batv", no_srs_secrets, PROBLEM_WARNING, "does nothing without secret_file"},
    {"srs", "sign_srs", no_rewriting_of_own, PROBLEM_WARNING,
     "signs nothing without socketmap or rewrite = own"},
    {"srs", "sign_ses", no_rewriting_of_own, PROBLEM_WARNING,
     "signs nothing without socketmap or rewrite = own"},
    {"srs", "sign_batv", no_rewriting_of_own, PROBLEM_WARNING,
     "signs nothing without socketmap or rewrite = own"},
    {"srs", "secret_file", no_signing, PROBLEM_WARNING,
     "does nothing without domains, forward_domain, sign_srs, sign_ses or sign_batv"},
    {"srs", "rewrite", no_srs_secrets, PROBLEM_WARNING, "does nothing without secret_file"},
    {"srs", "rewrite", rewrites_nothing, PROBLEM_WARNING,
     "needs sign_srs, sign_ses or sign_batv for our own senders, forward_domain for those of others"},
    {"srs", "rewrite", knows_no_domain, PROBLEM_WARNING,
     "rewrites no forwarded mail: without internal_domains or local_domains nobody knows what that is"},
    {"srs", "socketmap", no_srs_secrets, PROBLEM_WARNING, "changes no address without secret_file"},
    {"bounces", "check", no_srs_secrets, PROBLEM_WARNING, "finds nothing genuine without [srs] secret_file"},
    {"bounces", "require_signature", no_bounces, PROBLEM_WARNING, "does nothing unless check = yes"},
    {"bounces", "require_signature", nothing_is_signed, PROBLEM_WARNING,
     "does nothing: [srs] sign_srs, sign_ses and sign_batv are empty"},
    {"bounces", "senders", nobody_reads_bounces, PROBLEM_WARNING, "does nothing without check or blacklist"},
    {"bounces", "unsigned_ok", no_bounces, PROBLEM_WARNING, "does nothing unless check = yes"},
    {"bounces", "per_signature", no_bounces, PROBLEM_WARNING, "does nothing unless check = yes"},
    {"bounces", "per_signature", no_store, PROBLEM_WARNING, "does nothing without [store] path"},
    {"bounces", "blacklist", no_srs_secrets, PROBLEM_WARNING,
     "does nothing without [srs] secret_file: Received-SPF bears no mark"},
    {"bounces", "blacklist", spf_is_off, PROBLEM_WARNING,
     "does nothing without [spf] mode: there is no Received-SPF"},
    {"bounces", "blacklist", no_store, PROBLEM_WARNING, "does nothing without [store] path"},
    {"sender", "internal_mta", nobody_is_internal, PROBLEM_WARNING,
     "does nothing but for logins: internal_connect is empty, so nobody else is internal"},
    {"sender", "internal_domains", nobody_is_internal, PROBLEM_WARNING,
     "makes our own clients forgers: internal_connect is empty, so only this host and logins are internal"},
    {"sender", "private_relay", nobody_is_internal, PROBLEM_WARNING,
     "shuts out our own clients: internal_connect is empty, so only this host and logins are internal"},
    {"sign", "domain", half_a_key, PROBLEM_WARNING, "does nothing: domain, selector and key belong together"},
    {"sign", "selector", half_a_key, PROBLEM_WARNING,
     "does nothing: domain, selector and key belong together"},
    {"sign", "key", half_a_key, PROBLEM_WARNING, "does nothing: domain, selector and key belong together"},
    {"sign", "fields", nothing_to_sign, PROBLEM_WARNING, "does nothing without a key"},
    {"sign", "any_login", nothing_to_sign, PROBLEM_WARNING, "does nothing without a key"},
    {"sign", "expire", nothing_to_sign, PROBLEM_WARNING, "does nothing without a key"},
    {"arc", "seal", nothing_to_seal, PROBLEM_WARNING, "does nothing without domain, selector and key"},
    {"arc", "rcpts", nothing_to_seal, PROBLEM_WARNING, "does nothing without seal, domain, selector and key"},
    {"store", "timeout_ms", no_store, PROBLEM_WARNING, "does nothing without path"},
    {"store", "sync", no_store, PROBLEM_WARNING, "does nothing without path"},
    {"journal", "keep", no_store, PROBLEM_WARNING, "does nothing without [store] path"},
    {"journal", "facts", no_store, PROBLEM_WARNING, "does nothing without [store] path"},
    {"journal", "failed_bytes", no_failed_dir, PROBLEM_WARNING, "does nothing without failed_dir"},
    {"journal", "failed_messages", no_failed_dir, PROBLEM_WARNING, "does nothing without failed_dir"},
    {"dkim", "verify", dkim_is_unseen, PROBLEM_WARNING,
     "= header is seen by nobody without [authres] add = yes"},
    {"arc", "verify", arc_is_unseen, PROBLEM_WARNING,
     "is seen by nobody without [authres] add = yes or trusted_sealers"},
    {"arc", "trusted_sealers", arc_is_off, PROBLEM_WARNING, "does nothing unless verify = yes"},
    {"dmarc", "mode", dmarc_is_unseen, PROBLEM_WARNING,
     "= report is seen by nobody without [authres] add = yes"},
    {"dmarc", "mode", dmarc_without_spf, PROBLEM_NOTE,
     "asks SPF, but [spf] mode = off: its result is reported nowhere; header reports it"},
    {"dmarc", "standard", dmarc_is_off, PROBLEM_WARNING, "does nothing while mode = off"},
    {"dmarc", "timeout", dmarc_is_off, PROBLEM_WARNING, "does nothing while mode = off"},
    {"dmarc", "collect", dmarc_is_off, PROBLEM_WARNING, "does nothing while mode = off"},
    {"dmarc", "collect", no_store, PROBLEM_WARNING, "does nothing without [store] path"},
    {"policy", "quarantine_bytes", no_quarantine, PROBLEM_WARNING, "does nothing without quarantine_dir"},
    {"policy", "quarantine_messages", no_quarantine, PROBLEM_WARNING, "does nothing without quarantine_dir"},
};

void inspect_idle(const Inspection *check)
{
    for (gsize i = 0; i < G_N_ELEMENTS(idle_options); i++)
        if (inspection_is_set(check, idle_options[i].section, idle_options[i].key) &&
            !config_is_default(check->config, idle_options[i].section, idle_options[i].key) &&
            idle_options[i].idle(check->config))
            inspection_tell(check, idle_options[i].section, idle_options[i].key, idle_options[i].level, "%s",
                            idle_options[i].text);
}
