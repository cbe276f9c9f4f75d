/*
 * config.h — the configuration as values: one immutable, counted snapshot, maps included.
 *
 * Every member is declared once, by one row of the table in options.c: section, key, type, default, bounds, one line of
 * documentation, reloadable or not. From that table come parsing, `config check|show|default` and the manual page.
 *
 * A connection keeps the snapshot that it began with; a reload makes a new one and swaps the pointer (D7). Threads: a
 * Config never changes after config_load() has returned it, and is counted atomically.
 *
 * Durations are in seconds unless the name says otherwise, sizes in bytes.
 */
#pragma once

#include "base/log.h"
#include "conf/hosts.h"
#include "conf/map.h"
#include "conf/patterns.h"
#include "conf/problem.h"

typedef enum { SPF_MODE_OFF, SPF_MODE_HEADER, SPF_MODE_ON } SpfMode;
typedef enum { MIXED_SEPARATE, MIXED_DEFER } MixedMode;

/* A section whose keys are free. */
typedef struct {
    char *name;
    char *value;
    guint line;
} ConfigPair;

typedef struct {
    ConfigPair *items;
    guint n;
} ConfigPairs;

typedef struct {
    gatomicrefcount refs;
    char *path; /* the file that it was read from; NULL: built in defaults */

    struct {
        char **listen;          /* "unix:/path", "inet:port@host", "inet:host:port", "inet6:…" */
        int socket_mode;        /* of unix sockets, e.g. 0660 */
        char *socket_group;     /* "" : leave */
        int max_sessions;       /* over it: a temporary failure at once */
        int stage_timeout;      /* what all hooks of one stage may take */
        int message_timeout;    /* the same at end of message */
        int idle_timeout;       /* the MTA says nothing for so long: close */
        gint64 body_memory;     /* of one message; more goes to an unlinked file */
        gint64 body_budget;     /* of all messages together; over it 452 at DATA */
        gint64 max_headers;     /* bytes of all header fields of one message that are kept */
        int max_recipients;     /* of one message */
        int drain_timeout;      /* messages in flight may finish for so long at stop */
        char *temp_dir;
        char *control;          /* unix socket for `postern reload` and others; "" : none */
    } daemon;

    struct {
        char *user;             /* whom to become; "" : stay */
        char *group;
    } rights;

    struct {
        char *target;
        gboolean json;
        LogLevel level;
        char *facility;
    } log;

    struct {
        char **servers;         /* "system", "recursive", or addresses, "127.0.0.1@5353" */
        int timeout_ms;         /* of one question */
        int cache_size;         /* answers in the front cache */
        int message_queries;    /* questions that one message may cost */
    } dns;

    struct {
        HostList *internal_connect;
        HostList *trusted_relay;
        PatternList *hello_blacklist;
        gboolean hello_checks;      /* refuse a HELO that is a bare IP (A4) */
        gboolean ptr_checks;        /* refuse a PTR of localhost or "." (A3) */
        gboolean iprev;             /* check and report forward-confirmed reverse DNS (A8) */
        gboolean delayed_reject;    /* refuse at RCPT, not at MAIL */
        int max_demerits;           /* 0: no limit */
        HostList *whitelist_ips;
    } connection;

    struct {
        PatternList *internal_domains;
        HostList *internal_mta;
        PatternList *private_relay;
        PatternList *banned_domains;
        PatternList *email_providers;
        PatternList *no_mail_to;    /* MAILER-DAEMON@, auto-notify@ (B12) */
        gboolean syntax_checks;     /* refuse addresses that are none (B1) */
        gboolean message_id_checks; /* refuse a Message-ID too short to be one (B12) */
        PatternList *srs_domains;   /* MFROM in one of these must verify (B12) */
        char **srs_secrets;         /* from a file, one a line, the first signs; NULL: none */
        int srs_max_age;            /* days */
        int srs_hash_length;
    } sender;

    struct {
        SpfMode mode;
        gboolean best_guess;
        char *delegate;             /* "" : none */
        Resolver *substitutes;      /* local records for domains that have none: a zone file; NULL: none */
        char **trusted_forwarder;
        gboolean lax;               /* a permerror may be judged by its lax result (C7) */
        char *internal_policy;      /* SPF terms for internal addresses (C11); "" : outgoing mail is not checked */
        gboolean user_not_local;    /* answer 551 on fail (C12) */
        char *explanation;          /* ours, when the domain has none; macros of RFC 7208 §7 */
        int timeout;
    } spf;

    struct {
        gboolean add;
        char *authserv_id;          /* "" : the receiver's name (macro j) */
    } authres;

    struct {
        Map *access;                /* NULL: none */
        MixedMode mixed;
        ConfigPairs verbs;            /* [verbs] SPF-Fail = REJECT: defaults of tags, overriding the table */
        ConfigPairs decide_at;        /* [decide_at] SPF-Fail = message */
        ConfigPairs settled_by;       /* [settled_by] SPF-Fail = DMARC-Pass, SPF-Forwarder */
        ConfigPairs thresholds;       /* [thresholds] spam = 6 QUARANTINE: sums of SCORE at end of message */
        ConfigPairs early_thresholds; /* [early_thresholds] the same, from RCPT on */
        char *unavailable;            /* verb for a CBV, DSN or GREYLIST that nothing in this build can carry out */
        char *unproven_dsn;           /* verb for a DSN whose sender is not proven (D4) */
        char *errors_url;
        char *quarantine_dir;
    } policy;
} Config;

/* NULL with errors in `problems` when the file cannot be used; warnings may be there in any case. `path` NULL gives the
 * defaults: the null configuration, which changes nothing and refuses nothing (D5). */
Config *config_load(const char *path, Problems *problems);
Config *config_parse(const char *name, const char *text, gsize len, Problems *problems);
Config *config_ref(Config *config);
void config_unref(Config *config); /* NULL is allowed */

/* Which options differ and need a restart: NULL-terminated "section.key"; the caller frees. */
char **config_restart_needed(const Config *old_config, const Config *new_config);
/* The documented default file, and the effective values with where each comes from. The caller frees. */
char *config_default_text(void);
char *config_show(const Config *config, gboolean json);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_unref)
