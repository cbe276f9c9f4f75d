/*
 * config.h — the configuration as values: one immutable, counted snapshot, maps included.
 *
 * Every member is declared once, by one row of the table in options.c: section, key, type, default, bounds,
 * one line of documentation, reloadable or not. From that table come parsing, `config check|show|default` and
 * the manual page.
 *
 * A connection keeps the snapshot that it began with; a reload makes a new one and swaps the pointer (D7).
 * Threads: a Config never changes after config_load() has returned it, and is counted atomically.
 *
 * Durations are in seconds unless the name says otherwise, sizes in bytes.
 */
#pragma once

#include <postern/dmarc.h>
#include <postern/dkim.h>

#include "base/log.h"
#include "base/refs.h"
#include "conf/addresses.h"
#include "conf/hosts.h"
#include "conf/map.h"
#include "conf/patterns.h"
#include "conf/problem.h"

#define SPF_MODES(X)                                                                                         \
    X(OFF, "off")                                                                                            \
    X(HEADER, "header") /* Received-SPF is added, nothing is refused (C2) */                                 \
    X(ON, "on")

#define MIXED_MODES(X)                                                                                       \
    X(SEPARATE, "separate")                                                                                  \
    X(DEFER, "defer")

#define GREYLIST_MODES(X)                                                                                    \
    X(OFF, "off")                                                                                            \
    X(RULES, "rules") /* where a rule says GREYLIST */                                                       \
    X(ALL, "all")

/* Whose senders the milter rewrites (H3). */
#define REWRITE_MODES(X)                                                                                     \
    X(OFF, "off")                                                                                            \
    X(OWN, "own")             /* ours: signed */                                                             \
    X(FORWARDED, "forwarded") /* others', in mail that we pass on */                                         \
    X(ALL, "all")

typedef enum {
#define X(id, word) REWRITE_##id,
    REWRITE_MODES(X)
#undef X
} RewriteMode;

typedef enum {
#define X(id, word) GREYLIST_##id,
    GREYLIST_MODES(X)
#undef X
} GreylistMode;

typedef enum {
#define X(id, word) SPF_MODE_##id,
    SPF_MODES(X)
#undef X
} SpfMode;

#define DKIM_MODES(X)                                                                                        \
    X(OFF, "off")                                                                                            \
    X(HEADER, "header") /* results go to Authentication-Results, nothing is found */                         \
    X(ON, "on")

typedef enum {
#define X(id, word) DKIM_MODE_##id,
    DKIM_MODES(X)
#undef X
} DkimMode;

#define DMARC_MODES(X)                                                                                       \
    X(OFF, "off")                                                                                            \
    X(REPORT, "report") /* the same */                                                                       \
    X(ON, "on")

typedef enum {
#define X(id, word) DMARC_MODE_##id,
    DMARC_MODES(X)
#undef X
} DmarcMode;

typedef enum {
#define X(id, word) MIXED_##id,
    MIXED_MODES(X)
#undef X
} MixedMode;

/* A section of its own whose keys are free: `[verbs]` with lines like `SPF-Fail = REJECT`. In the order of
 * the file; names differ (without case). Who compiles them reports what is wrong at config->path, line. */
typedef struct {
    char *name; /* as written */
    char *value;
    guint line;     /* 0: not from the file */
    const char *of; /* line 0: whose default it is, "old files"; else NULL */
} ConfigPair;

typedef struct {
    ConfigPair *items;
    guint n;
} ConfigPairs;

typedef struct DnsblList DnsblList;
typedef struct LimitList LimitList;
typedef struct KeyTable KeyTable;
typedef struct ConfigOrigins ConfigOrigins; /* where each value comes from, for config_show() */

typedef struct {
    Refs refs;
    char *path; /* the file (or name) that it was read from; NULL: built in defaults */
    ConfigOrigins *origins;

    struct {
        char **listen;       /* "unix:/path", "inet:port@host", "inet:host:port", "inet6:…"; a bare path and
                              * "local:" have become "unix:" */
        int socket_mode;     /* of unix sockets, e.g. 0660 */
        char *socket_group;  /* "" : leave */
        int max_sessions;    /* over it: a temporary failure at once */
        int stage_timeout;   /* what all hooks of one stage may take */
        int message_timeout; /* the same at end of message */
        int idle_timeout;    /* the MTA says nothing for so long: close */
        gint64 body_memory;  /* of one message; more goes to an unlinked file */
        gint64 body_budget;  /* of all messages together; over it 452 at DATA */
        gint64 max_headers;  /* bytes of all header fields of one message that are kept */
        int max_recipients;  /* of one message */
        int drain_timeout;   /* messages in flight may finish for so long at stop */
        char *temp_dir;
        char *control; /* unix socket for `postern reload` and others; "" : none */
    } daemon;

    struct {
        char *user; /* whom to become; "" : stay */
        char *group;
    } rights;

    struct {
        char *target;
        gboolean json;
        LogLevel level;
        char *facility;
        gboolean queue_ids; /* beside our own id, in text lines */
    } log;

    struct {
        char *path;     /* the file (store/store.h); "" : nothing is remembered */
        int timeout_ms; /* of one operation */
        gboolean sync;  /* a power failure loses nothing */
    } store;

    struct {
        char **servers;       /* "system", "recursive", or addresses, "127.0.0.1@5353" */
        int timeout_ms;       /* of one question */
        int cache_size;       /* answers in the front cache */
        int message_queries;  /* questions that one message may cost */
        int dnsbl_timeout_ms; /* what all lists of [dnsbl] may take for one message, together */
    } dns;

    struct {
        HostList *internal_connect;
        HostList *trusted_relay;
        char **
            relay_authserv_id; /* of their Authentication-Results, beside the names that are believed anyway (B10) */
        PatternList *hello_blacklist;
        gboolean hello_checks;   /* refuse a HELO that is a bare IP (A4) */
        gboolean ptr_checks;     /* refuse a PTR of localhost or "." (A3) */
        gboolean iprev;          /* check and report forward-confirmed reverse DNS (A8) */
        gboolean delayed_reject; /* refuse at RCPT, not at MAIL */
        int max_demerits;        /* 0: no limit */
        int max_unknown;         /* unknown recipients in the window; 0: no limit */
        int demerit_window;
        int ban_time; /* 0: for ever */
        HostList *banned_ips;
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
    } sender;

    /* conf/signing.h makes of it what include/postern/srs.h takes. */
    struct {
        char *secret_file; /* one secret a line, the first signs */
        int max_age;       /* days */
        int hash_length;
        char *separator;            /* "=", "+" or "-" */
        PatternList *domains;       /* MFROM in one of these must verify (B12) */
        gboolean only_signed;       /* also one that does not look signed at all */
        char *forward_domain;       /* senders of forwarded mail are put into it; "" : they stay */
        PatternList *local_domains; /* ours beside internal_domains: mail to them is not forwarded */
        PatternList *exempt;        /* recipient domains and hosts that get senders as they are */
        PatternList *sign_srs;      /* our senders that are signed in SRS form */
        PatternList *sign_ses;      /* … in SES form */
        PatternList *sign_batv;     /* … in BATV form */
        int batv_days;              /* that such a signature is good */
        RewriteMode rewrite;        /* by the milter, at end of message */
        char **socketmap;           /* sockets for the MTA's maps */
        int socketmap_connections;  /* at once */
        int socketmap_idle;         /* the MTA says nothing for so long: close */
    } srs;

    struct {
        gboolean check;             /* is a bounce to one of our signed addresses genuine? (H2) */
        gboolean require_signature; /* an unsigned one is forged */
        PatternList *senders;       /* who bounces with a sender of his own: postmaster@ */
        PatternList *unsigned_ok;   /* domains of hosts that may bounce to an unsigned address */
        gboolean restore;           /* the recipient of a genuine one is put back to what it was */
        int per_signature;          /* that one SES signature is good for; 0: any number */
        int blacklist;              /* who has sent what it quotes, for so long (C13); 0: not */
    } bounces;

    struct {
        Addresses *whitelist;
        Addresses *blacklist;
        Addresses *whitelist_senders; /* of ours: who they write to is whitelisted (G5) */
        int auto_whitelist;           /* for so long */
    } lists;

    struct {
        SpfMode mode;
        gboolean best_guess;
        char *delegate;      /* "" : none */
        char *delegate_file; /* master-file lines, "" : none */
        char **trusted_forwarder;
        gboolean lax;          /* a permerror may be judged by its lax result (C7) */
        char *internal_policy; /* SPF terms for internal addresses (C11); "" : outgoing mail is not checked */
        gboolean user_not_local; /* answer 551 on fail (C12) */
        char *explanation;       /* ours, when the domain has none; macros of RFC 7208 §7 */
        int timeout;
    } spf;

    struct {
        DkimMode verify;
        int timeout; /* s that looking up the keys of a message may take; of ARC as well */
    } dkim;

    struct {
        gboolean verify;
        PatternList *trusted_sealers; /* d= of seals that are believed */
        gboolean seal;
        char *domain, *selector, *key; /* of the seal */
        PatternList *rcpts;            /* only mail to these is sealed; none: to anybody */
    } arc;

    struct {
        DmarcMode mode;
        DmarcStandard standard;
        int timeout;      /* s that looking up a policy may take */
        gboolean collect; /* keep results for aggregate reports */
    } dmarc;

    struct {
        GreylistMode mode;
        int delay;        /* a first try is told to come back after it */
        int window;       /* and not later than this after the first try */
        int retain;       /* who has come back is known for so long */
        int exempt_after; /* deliveries of a network that came back, after which it is not asked again; 0: never */
        gboolean proven; /* with mode all: proven senders are held up, too */
        PatternList *exempt_rcpts;
    } greylist;

    struct {
        gboolean add;
        char *authserv_id; /* "" : the receiver's name (macro j) */
    } authres;

    struct {
        gboolean supply_sender; /* Sender: <MFROM>, where From: names somebody else (E7) */
        PatternList *hide_path; /* recipient domains that do not see our internal Received fields (H5) */
    } headers;

    struct {
        char *keytable;                /* file, see conf/keytable.h; "" : none */
        char *domain, *selector, *key; /* the same as one line of it; "" : none */
        PatternList *any_login;        /* author domains that every login may sign as (E2) */
        DkimCanon header_canon, body_canon;
        char **fields;           /* signed if they are there; none: dkim_default_fields */
        char **oversign;         /* signed once more than they are there */
        char **oversign_present; /* the same, if they are there at all: some MTAs add what is missing */
        gboolean timestamp;      /* t= */
        int expire;              /* seconds until x=; 0: never */
    } sign;

    struct {
        Map *access; /* NULL: none */
        MixedMode mixed;
        ConfigPairs verbs;      /* [verbs] SPF-Fail = REJECT: defaults of tags, overriding the table. From old
                                 * files      also names with a subject, as in an access map: "SPF-Fail!example.com" */
        ConfigPairs decide_at;  /* [decide_at] SPF-Fail = message */
        ConfigPairs settled_by; /* [settled_by] SPF-Fail = DMARC-Pass, SPF-Forwarder */
        ConfigPairs thresholds; /* [thresholds] spam = 6 QUARANTINE: sums of SCORE at end of message */
        ConfigPairs early_thresholds; /* [early_thresholds] the same, from RCPT on */
        ConfigPairs blacklist_rules;  /* [blacklist_rules] NAME = RULE (policy/blacklist-rule.h) */
        ConfigPairs limits;           /* [limits] NAME = COUNT UNIT per TIME by KEY */
        ConfigPairs dnsbl;            /* [dnsbl] NAME = ZONE by KEY: ANSWER VERB, … */
        char *unproven_dsn;           /* verb for a DSN whose sender is not proven (D4) */
        char *unavailable; /* verb for a CBV, DSN or GREYLIST that nothing in this build can carry out */
        char *errors_url;
        gboolean errors_pages; /* the older system's pages below it, for tags that had one (K13) */
        char *quarantine_dir;
        gint64 quarantine_bytes; /* of all messages in it; over it mail that belongs there is deferred */
        int quarantine_age;      /* what is older leaves it; 0: nothing does */
        int quarantine_messages; /* the same, their number */
    } policy;

    struct {
        char *
            config; /* another configuration that judges the same mail, and only says what it would do; "" : none */
    } shadow;

    struct {
        int keep;            /* what is older is removed; 0: no journal */
        gboolean facts;      /* all that was known about each message, for `journal show` */
        char *failed_dir;    /* messages on which a check failed; "" : none */
        gint64 failed_bytes; /* of all of them; the oldest make room */
        int failed_messages; /* the same, their number */
    } journal;

    /* What the files that are named above hold, read with the rest. */
    struct {
        char **files;       /* all that were read or, of a map, might be built; a change of one is a reason to
                               reload */
        LimitList *limits;  /* of policy.limits (conf/limits.h) */
        DnsblList *dnsbl;   /* of policy.dnsbl (conf/dnsbl.h) */
        char **srs_secrets; /* of srs.secret_file, the first signs; NULL: none */
        KeyTable *keys;     /* of sign; NULL: nothing is signed */
        DkimKey *seal_key;  /* of arc; NULL: nothing is sealed */
        Resolver *substitutes; /* of spf.delegate_file; NULL: none */
    } loaded;
} Config;

/* Lists, strings and pairs are never NULL pointers: what is not set is empty. Only policy.access is NULL
 * without a map. */

/* NULL with errors in `problems` when the file cannot be used; warnings may be there in any case. `path` NULL
 * gives the defaults: the null configuration, which changes nothing and refuses nothing (D5). Relative paths
 * in the file start from its folder (config_parse: the folder of `name`); in an old file from its `datadir`,
 * if it has one. A file with a [milter] section, or with [srs] alone, is an old one: its names are read as aliases, and it has the
 * old system's defaults (D8). */
Config *config_load(const char *path, Problems *problems);
Config *config_parse(const char *name, const char *text, gsize len, Problems *problems);
Config *config_ref(Config *config);
void config_unref(Config *config); /* NULL is allowed */

/* The line in `file` (borrowed) that sets the option; 0: none does. */
guint config_where(const Config *config, const char *section, const char *key, const char **file);
/* TRUE if the value is the built-in default, whoever set it. */
gboolean config_is_default(const Config *config, const char *section, const char *key);

/* Which options differ and need a restart: NULL-terminated "section.key"; the caller frees. */
char **config_restart_needed(const Config *old_config, const Config *new_config);
/* The documented default file: every option with its default, commented out. The caller frees. */
char *config_default_text(void);
/* The manual page postern.conf(5), in man(7) macros. The caller frees. */
char *config_man_text(void);
/* The effective values with where each comes from: text that is itself a configuration file, or JSON,
 * {"spf": {"mode": {"value": "on", "from": "/etc/postern.conf:12"}, …}, …}. The caller frees. */
char *config_show(const Config *config, gboolean json);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_unref)
