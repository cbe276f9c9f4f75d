/* options.c — the table of options.h. Keep the rows in the order of config.h: the default file is written in
 * it. */
#include "conf/options.h"

#include <string.h>
#include "base/words.h"
#include "conf/config.h"

static const char *const level_words[] = {
#define X(id, word) word,
    LOG_LEVELS(X)
#undef X
        NULL,
};

static const char *const facility_words[] = {
    "mail",   "daemon", "user",   "auth",   "local0", "local1", "local2",
    "local3", "local4", "local5", "local6", "local7", NULL,
};

static const char *const spf_words[] = {
#define X(id, word) word,
    SPF_MODES(X)
#undef X
        NULL,
};

static const char *const dkim_words[] = {
#define X(id, word) word,
    DKIM_MODES(X)
#undef X
        NULL,
};

static const char *const dmarc_words[] = {
#define X(id, word) word,
    DMARC_MODES(X)
#undef X
        NULL,
};

/* In the order of DmarcStandard. */
static const char *const dmarc_standard_words[] = {"rfc9989", "rfc7489", NULL};

static const char *const mixed_words[] = {
#define X(id, word) word,
    MIXED_MODES(X)
#undef X
        NULL,
};

static const char *const greylist_words[] = {
#define X(id, word) word,
    GREYLIST_MODES(X)
#undef X
        NULL,
};

static const char *const rewrite_words[] = {
#define X(id, word) word,
    REWRITE_MODES(X)
#undef X
        NULL,
};

static const char *const canon_words[] = {
#define X(id, word) word,
    DKIM_CANONS(X)
#undef X
        NULL,
};

static const char *const separator_words[] = {"=", "+", "-", NULL};

/* A member of another type than the row says does not compile. */
#define ROW(s, k, ctype, k_kind, deflt, text, ...)                                                           \
    {                                                                                                        \
        .section = #s, .key = #k, .kind = k_kind, .fallback = deflt, .doc = text,                            \
        .offset = offsetof(Config, s.k) + 0 * sizeof(char[_Generic(((Config *)0)->s.k, ctype : 1)]),         \
        __VA_ARGS__                                                                                          \
    }
#define BOOL(s, k, deflt, text, ...) ROW(s, k, gboolean, OPTION_BOOL, deflt, text, __VA_ARGS__)
#define INT(s, k, deflt, lo, hi, text, ...)                                                                  \
    ROW(s, k, int, OPTION_INT, deflt, text, .min = lo, .max = hi, __VA_ARGS__)
#define MODE(s, k, deflt, text, ...)                                                                         \
    ROW(s, k, int, OPTION_MODE, deflt, text, .min = 0, .max = 0777, __VA_ARGS__)
#define SIZE(s, k, deflt, lo, hi, text, ...)                                                                 \
    ROW(s, k, gint64, OPTION_SIZE, deflt, text, .min = lo, .max = hi, __VA_ARGS__)
#define SECONDS(s, k, deflt, lo, hi, text, ...)                                                              \
    ROW(s, k, int, OPTION_SECONDS, deflt, text, .min = lo, .max = hi, __VA_ARGS__)
#define ENUM(s, k, ctype, list, deflt, text, ...)                                                            \
    ROW(s, k, ctype, OPTION_ENUM, deflt, text, .words = list, __VA_ARGS__)
#define WORD(s, k, list, deflt, text, ...)                                                                   \
    ROW(s, k, char *, OPTION_WORD, deflt, text, .words = list, __VA_ARGS__)
#define STRING(s, k, deflt, text, ...)   ROW(s, k, char *, OPTION_STRING, deflt, text, __VA_ARGS__)
#define PATH(s, k, deflt, text, ...)     ROW(s, k, char *, OPTION_PATH, deflt, text, __VA_ARGS__)
#define FILENAME(s, k, text, ...)        ROW(s, k, char *, OPTION_FILE, "", text, __VA_ARGS__)
#define SECRET(s, k, text, ...)          ROW(s, k, char *, OPTION_SECRET, "", text, __VA_ARGS__)
#define LOG(s, k, deflt, text, ...)      ROW(s, k, char *, OPTION_LOG, deflt, text, __VA_ARGS__)
#define WORDS(s, k, deflt, text, ...)    ROW(s, k, char **, OPTION_WORDS, deflt, text, __VA_ARGS__)
#define LISTEN(s, k, deflt, text, ...)   ROW(s, k, char **, OPTION_LISTEN, deflt, text, __VA_ARGS__)
#define HOSTS(s, k, text, ...)           ROW(s, k, HostList *, OPTION_HOSTS, "", text, __VA_ARGS__)
#define PATTERNS(s, k, deflt, text, ...) ROW(s, k, PatternList *, OPTION_PATTERNS, deflt, text, __VA_ARGS__)
#define ADDRESSES(s, k, text, ...)       ROW(s, k, Addresses *, OPTION_ADDRESSES, "", text, __VA_ARGS__)
#define MAP(s, k, text, ...)             ROW(s, k, Map *, OPTION_MAP, "", text, __VA_ARGS__)
/* [verbs] is the member policy.verbs. */
#define PAIRS(k, text, ...)                                                                                  \
    {                                                                                                        \
        .section = #k, .key = "", .kind = OPTION_PAIRS, .fallback = "", .doc = text,                         \
        .offset = offsetof(Config, policy.k) +                                                               \
                  0 * sizeof(char[_Generic(((Config *)0)->policy.k, ConfigPairs : 1)]),                      \
        __VA_ARGS__                                                                                          \
    }

#define RESTART .restart = TRUE
#define MIB     ((gint64)1 << 20)
#define DAY     (24 * 60 * 60)

const OptionSection option_sections[] = {
    {"daemon", "Sockets, limits and times of the daemon."},
    {"rights", "Whom the daemon becomes once it has opened what only root can open."},
    {"log", "Where events are told."},
    {"store", "What is remembered: lists, bans, limits, the greylist, the journal."},
    {"dns", "How questions are asked."},
    {"connection", "Who connects: classes of clients, HELO and PTR checks."},
    {"sender", "The envelope sender and recipients."},
    {"lists", "Senders who are welcome, and senders who are not: these, and with [store] path those that are "
              "remembered."},
    {"srs", "Senders that are rewritten for forwarding (SRS) or signed (SRS, SES, BATV)."},
    {"bounces", "Bounces: genuine, if they answer mail that we signed, or forged."},
    {"spf", "SPF (RFC 7208)."},
    {"dkim", "DKIM (RFC 6376)."},
    {"arc", "ARC (RFC 8617): what forwarders say they saw."},
    {"dmarc", "DMARC (RFC 9989): is the domain in From: proven, and what does it ask for if not?"},
    {"greylist", "Who sends for the first time is asked to come back."},
    {"authres", "Authentication-Results (RFC 8601)."},
    {"headers", "What is changed in the header of mail that is delivered."},
    {"sign", "DKIM signatures (RFC 6376) on mail of our own people."},
    {"policy", "What becomes of findings."},
    {"shadow", "A second configuration that judges live mail without any effect."},
    {"journal", "What became of every message: kept in the store, for postern-journal(8)."},
    {"verbs", "The verb that a tag gets when no access map entry says otherwise: TAG = VERB."},
    {"decide_at", "Tags whose finding waits for a better one: TAG = rcpt or message."},
    {"settled_by", "What settles such a finding: TAG = TAG, TAG, …"},
    {"thresholds", "Sums of SCOREs at end of message: NAME = SUM VERB."},
    {"early_thresholds", "The same from RCPT on, when not all scores are known yet: NAME = SUM VERB."},
    {"blacklist_rules",
     "Who is refused again and again: NAME = COUNT refusals of TAG, TAG in TIME by client, sender or "
     "domain -> ban or blacklist TIME."},
    {"limits",
     "How much who may send: NAME = COUNT connections|messages|recipients [per TIME] by "
     "client|network|sender|domain|login|recipient [inbound|outbound]. Without a time: connections at once."},
    {"dnsbl", "DNS lists (RFC 5782), asked at the first recipient, all at once: NAME = ZONE [by "
              "client|sender|helo] [white] [text] "
              "[: ANSWER VERB, ANSWER VERB, …]. The first rule that fits an answer counts; without rules "
              "every answer has the verb of the "
              "tag, DNSBL or, for a list of the good ones (white), DNSWL. With text replies say why the list "
              "has it. Replies say NAME, "
              "never the zone, which may hold a key."},
};
const guint option_sections_len = G_N_ELEMENTS(option_sections);

/* clang-format off */
const Option options[] = {
    LISTEN(daemon, listen, "unix:/run/postern/milter.sock",
           "Sockets for the MTA: unix:/path, inet:PORT@HOST, inet:HOST:PORT, inet6:….", RESTART,
           .example = "unix:/run/postern/milter.sock, inet:8891@127.0.0.1"),
    MODE(daemon, socket_mode, "0660", "Permissions of unix sockets, in octal.", RESTART),
    STRING(daemon, socket_group, "", "Group that unix sockets are given to; empty: leave it.", RESTART,
           .example = "postfix"),
    INT(daemon, max_sessions, "2000", 1, 100000,
        "Connections from MTAs at once; the next one gets a temporary failure."),
    SECONDS(daemon, stage_timeout, "8s", 1, 250,
            "What all checks of one SMTP step may take. Sendmail gives up after 10 s unless told otherwise, Postfix after 30 s."),
    SECONDS(daemon, message_timeout, "60s", 1, 280, "The same at end of message."),
    SECONDS(daemon, idle_timeout, "7210s", 10, 7 * DAY, "A connection on which the MTA says nothing for so long is closed."),
    SIZE(daemon, body_memory, "256K", 0, 1024 * MIB, "Of one message's body in memory; more goes to a temporary file."),
    SIZE(daemon, body_budget, "256M", MIB, 1024 * 1024 * MIB,
         "Of all bodies at once, in memory and files; over it DATA gets a temporary failure."),
    SIZE(daemon, max_headers, "1M", 65536, 64 * MIB, "Of one message's header fields that are kept."),
    INT(daemon, max_recipients, "1000", 1, 100000, "Recipients of one message."),
    SECONDS(daemon, drain_timeout, "30s", 0, 3600, "What messages in flight get to finish at stop."),
    PATH(daemon, temp_dir, "/var/tmp", "Folder for temporary files; they have no name there.", RESTART),
    PATH(daemon, control, "", "Unix socket for `postern reload` and its like; empty: none.", RESTART,
         .example = "/run/postern/control.sock"),

    STRING(rights, user, "", "User to become when started as root; empty: stay.", RESTART, .example = "postern"),
    STRING(rights, group, "", "Group to become; empty: the user's own.", RESTART, .example = "postern"),

    LOG(log, target, "stderr", "stderr, syslog, journal or file:/path."),
    BOOL(log, json, "no", "One JSON object a line instead of text."),
    ENUM(log, level, LogLevel, level_words, "info", "The least urgent events that are written."),
    WORD(log, facility, facility_words, "mail", "Facility for syslog and the journal."),
    BOOL(log, queue_ids, "yes", "Text lines name the MTA's queue id beside our own: [17 4XyZ]; no: [17], as the older system did."),

    PATH(store, path, "", "File for what is remembered from one message to the next; empty: nothing is.", RESTART,
         .example = "/var/lib/postern/store.db"),
    INT(store, timeout_ms, "1000", 10, 60000, "Milliseconds that one use of it may take.", RESTART),
    BOOL(store, sync, "no", "Wait for the disk at each commit: a power failure loses nothing either.", RESTART),

    WORDS(dns, servers, "system",
          "Whom to ask: system (resolv.conf), recursive (nobody in between), or addresses, with @PORT if not 53.", RESTART,
          .example = "127.0.0.1, 192.0.2.53@5353"),
    INT(dns, timeout_ms, "5000", 50, 60000, "Milliseconds that one question may take.", RESTART),
    INT(dns, cache_size, "10000", 0, 10000000, "Answers that are kept ready.", RESTART),
    INT(dns, message_queries, "200", 10, 100000, "Questions that one message may cost; then answers are temporary errors."),
    INT(dns, dnsbl_timeout_ms, "3000", 50, 60000, "Milliseconds that all lists of [dnsbl] may take, together; who has not answered has not listed."),

    HOSTS(connection, internal_connect,
          "Our own clients: addresses, networks, globs (192.168.0.*), host names by their addresses.",
          .example = "127.0.0.1, ::1, 192.168.0.0/16"),
    HOSTS(connection, trusted_relay, "Hosts whose headers about the sender are believed, such as our backup MX; a name also if it passes SPF as HELO.",
          .example = "192.0.2.25"),
    WORDS(connection, relay_authserv_id, "",
          "Names by which relays sign Authentication-Results, beside their host name and our own authserv_id.",
          .example = "example.com, mailgate"),
    PATTERNS(connection, hello_blacklist, "", "HELO names that only a forger uses: our own.",
             .example = "mail.example.com, example.com"),
    BOOL(connection, hello_checks, "no", "Refuse a HELO that is a bare IP address."),
    BOOL(connection, ptr_checks, "no", "Refuse clients whose PTR is localhost or \".\"."),
    BOOL(connection, iprev, "no", "Check that the client's PTR name leads back to it, and report it."),
    BOOL(connection, delayed_reject, "yes",
         "Refuse at RCPT what could be refused at MAIL, so that the log shows the intended recipients."),
    INT(connection, max_demerits, "0", 0, 1000000,
        "A client with more demerits than this is refused, and banned; 0: nobody is."),
    INT(connection, max_unknown, "0", 0, 1000000,
        "The same for recipients that the MTA says do not exist; 0: nobody is banned for them."),
    SECONDS(connection, demerit_window, "1h", 1, 365 * DAY,
            "Demerits and unknown recipients of a client count together within so long."),
    SECONDS(connection, ban_time, "7d", 0, 3650 * DAY, "A ban ends after it; 0: never."),
    HOSTS(connection, banned_ips, "Clients that are banned whatever they do.", .example = "203.0.113.0/24, file:/etc/postern/banned_ips"),
    HOSTS(connection, whitelist_ips, "Clients that are never banned.", .example = "192.0.2.0/24"),

    PATTERNS(sender, internal_domains, "", "Our domains: strangers may not claim them, our clients no others.",
             .example = "example.com, *.example.com"),
    HOSTS(sender, internal_mta, "The only internal hosts that may send with an empty sender; empty: all may.",
          .example = "192.168.1.2"),
    PATTERNS(sender, private_relay, "", "Recipient domains that only internal clients may send to.",
             .example = "intranet.example.com"),
    PATTERNS(sender, banned_domains, "", "Sender domains that are refused.", .example = "*.spam.example, file:/etc/postern/banned"),
    PATTERNS(sender, email_providers, "", "Domains of which only a mailbox is banned, never the domain.",
             .example = "gmail.com, yahoo.com"),
    PATTERNS(sender, no_mail_to, "", "Recipients that take no mail; a local part alone ends in @.",
             .example = "mailer-daemon@*, auto-notify@*"),
    BOOL(sender, syntax_checks, "no", "Refuse envelope addresses that are none (RFC 5321)."),
    BOOL(sender, message_id_checks, "no", "Refuse a Message-ID that is too short to be one."),

    SECRET(srs, secret_file, "File with secrets for SRS, SES and BATV, one a line; the first signs, all verify.",
           .example = "/etc/postern/srs.secret"),
    INT(srs, max_age, "21", 1, 1000, "Days that a rewritten or signed sender is good."),
    INT(srs, hash_length, "4", 4, 20, "Length of the signatures that are written, and the least that is believed."),
    WORD(srs, separator, separator_words, "=", "What is written after SRS0 and SRS1; all three are read."),
    PATTERNS(srs, domains, "", "Domains in which senders are ours to verify: one that looks signed must be so.",
             .example = "srs.example.com"),
    BOOL(srs, only_signed, "yes",
         "Nobody has an address of his own in domains: a sender that bears no signature there is refused, too."),
    STRING(srs, forward_domain, "", "Domain that senders of forwarded mail are put into; empty: they stay.",
           .example = "srs.example.com"),
    PATTERNS(srs, local_domains, "", "Our domains beside internal_domains: mail to them is not forwarded mail.",
             .example = "example.net"),
    PATTERNS(srs, exempt, "", "Recipients that get senders as they are: domains, and for Sendmail's map hosts.",
             .example = "backup.example.com, lists.example.org"),
    PATTERNS(srs, sign_srs, "", "Our domains whose senders are signed in SRS form.", .example = "example.com"),
    PATTERNS(srs, sign_ses, "", "Our domains whose senders are signed in SES form.", .example = "example.com"),
    PATTERNS(srs, sign_batv, "", "Our domains whose senders are signed in BATV form, prvs=.", .example = "example.com"),
    INT(srs, batv_days, "7", 1, 499, "Days that a BATV signature is good."),
    ENUM(srs, rewrite, RewriteMode, rewrite_words, "off",
         "What the milter rewrites: off; own signs our senders; forwarded does those of mail that we pass on; all."),
    LISTEN(srs, socketmap, "", "Sockets on which the MTA's maps are served; empty: none.", RESTART,
           .example = "unix:/var/spool/postfix/srs"),
    INT(srs, socketmap_connections, "500", 1, 10000, "Connections of the MTA's maps at once.", RESTART),
    SECONDS(srs, socketmap_idle, "7210s", 10, 7 * DAY, "One on which nothing is asked for so long is closed.", RESTART),

    BOOL(bounces, check, "no", "Find out whether bounces to our signed senders are genuine, and refuse those to several recipients."),
    BOOL(bounces, require_signature, "no", "A bounce to an unsigned address of [srs] sign_srs, sign_ses or sign_batv is forged."),
    PATTERNS(bounces, senders, "", "Senders whose mail is a bounce, too; a local part alone ends in @.",
             .example = "mailer-daemon@*"),
    PATTERNS(bounces, unsigned_ok, "", "Domains of hosts and senders that may bounce to an unsigned address.",
             .example = "careless.example, *.careless.example"),
    BOOL(bounces, restore, "yes", "Put the recipient of a genuine bounce back to the address that was rewritten or signed."),
    INT(bounces, per_signature, "0", 0, 1000000,
        "Bounces that one SES signature is good for, more are forged; it needs [store] path. 0: any number."),
    SECONDS(bounces, blacklist, "0", 0, 3650 * DAY,
            "Who has sent mail through us that a bounce quotes as failed, with our mark and a pass in Received-SPF, is blacklisted for so long; 0: nobody is.",
            .example = "30d"),

    ADDRESSES(lists, whitelist, "Senders who are welcome.",
              .example = "joe@example.com, @example.net, *.example.org, !jane@example.net, file:/etc/postern/whitelist"),
    ADDRESSES(lists, blacklist, "Senders who are refused. The most specific entry of both lists answers; of equals the whitelist's.",
              .example = "@spam.example, robot@, file:/etc/postern/blacklist"),
    ADDRESSES(lists, whitelist_senders, "Our people: who they write to is whitelisted. Not counted are answers that programs give.",
              .example = "@example.com, !*-request@example.com"),
    SECONDS(lists, auto_whitelist, "60d", 60, 3650 * DAY, "For so long."),

    ENUM(spf, mode, SpfMode, spf_words, "off", "off; header adds Received-SPF and refuses nothing; on lets policy decide."),
    BOOL(spf, best_guess, "no", "Guess a record where a domain has none (v=spf1 a/24 mx/24 ptr)."),
    STRING(spf, delegate, "", "Domain below which substitute records are: DOMAIN._spf.THIS.", .example = "spf.example.com"),
    FILENAME(spf, delegate_file, "File of substitute records, as master-file lines.", .example = "/etc/postern/spf.zone"),
    WORDS(spf, trusted_forwarder, "", "Forwarders without SRS: a client that passes for one of them passes.",
          .example = "forwarder.example.net"),
    BOOL(spf, lax, "no", "A record with errors may be judged by what it probably means."),
    STRING(spf, internal_policy, "", "SPF terms for our own clients; empty: outgoing mail is not checked.",
           .example = "ip4:192.168.0.0/16 -all"),
    BOOL(spf, user_not_local, "no", "Answer 551 instead of 550 to a fail."),
    STRING(spf, explanation, "", "Our words for a fail of a domain without exp=; macros of RFC 7208 section 7.",
           .example = "see https://example.com/why?ip=%{i}"),
    SECONDS(spf, timeout, "20s", 1, 120, "What one evaluation may take (RFC 7208 section 4.6.4 wants 20 s at least)."),

    ENUM(dkim, verify, DkimMode, dkim_words, "off",
         "off; header reports signatures in Authentication-Results; on lets policy decide."),
    SECONDS(dkim, timeout, "10s", 1, 120,
            "What looking up the keys of one message may take, of DKIM and of ARC each; then it is a temporary error."),

    BOOL(arc, verify, "no", "Check ARC chains, and report them in Authentication-Results."),
    PATTERNS(arc, trusted_sealers, "",
             "Domains of forwarders and lists: what their seal says of the message before they changed it is believed.",
             .example = "lists.example.org, forwarder.example.net"),
    BOOL(arc, seal, "no", "Seal incoming mail, for those it is forwarded to."),
    STRING(arc, domain, "", "Domain of the seal.", .example = "example.com"),
    STRING(arc, selector, "", "Its selector.", .example = "arc2026"),
    PATH(arc, key, "", "Its private key in PEM.", .example = "/etc/postern/arc2026.pem"),
    PATTERNS(arc, rcpts, "", "Only mail to these is sealed; empty: to anybody.", .example = "*@lists.example.com"),

    ENUM(dmarc, mode, DmarcMode, dmarc_words, "off",
         "off; report reports it in Authentication-Results; on lets policy decide. It asks SPF and DKIM by itself."),
    ENUM(dmarc, standard, DmarcStandard, dmarc_standard_words, "rfc9989",
         "rfc9989 walks up the DNS for the organizational domain; rfc7489 takes it from the public suffix list."),
    SECONDS(dmarc, timeout, "10s", 1, 120,
            "What looking up the policy, or whether domains are aligned, may take each; then it is a temporary error."),
    BOOL(dmarc, collect, "no", "Keep results in the store for aggregate reports to the owners of domains."),

    ENUM(greylist, mode, GreylistMode, greylist_words, "off",
         "off; rules: where a rule says GREYLIST; all: every recipient of a stranger who is not proven."),
    SECONDS(greylist, delay, "10m", 1, DAY, "Who is not known is told to come back after it."),
    SECONDS(greylist, window, "8h", 60, 30 * DAY, "The first try counts for so long; who comes back later begins anew."),
    SECONDS(greylist, retain, "36d", 60, 3650 * DAY, "Who has come back is known for so long after his last message."),
    INT(greylist, exempt_after, "5", 0, 1000000,
        "Deliveries of a network that came back, after which it is never asked again; a domain proven by SPF needs one. 0: never."),
    BOOL(greylist, proven, "no",
         "With mode all, senders proven by SPF from a host with a name of its own are held up, too: login codes come late then."),
    PATTERNS(greylist, exempt_rcpts, "", "Recipients who do not want it: addresses, domains, local parts ending in @.",
             .example = "postmaster@, ceo@example.com"),

    BOOL(authres, add, "no", "Add Authentication-Results, and remove forged ones that bear our name."),
    STRING(authres, authserv_id, "", "Our name in it; empty: the MTA's own host name.", .example = "mx.example.com"),

    BOOL(headers, supply_sender, "no",
         "Mail from outside whose From: names another domain than its envelope sender gets a Sender: field with that, if it has none."),
    PATTERNS(headers, hide_path, "", "Recipient domains to which mail of our own goes without the Received fields of our own network.",
             .example = "*, !example.com"),

    FILENAME(sign, keytable, "File with lines AUTHOR-DOMAIN SELECTOR KEYFILE [domain=D] [identity=I] [login=PATTERNS].",
             .example = "/etc/postern/keytable"),
    STRING(sign, domain, "", "The same as one line: mail of authors in this domain is signed.", .example = "example.com"),
    STRING(sign, selector, "", "Under SELECTOR._domainkey.DOMAIN stands the public key.", .example = "s2026"),
    PATH(sign, key, "", "Private key in PEM, RSA or Ed25519, readable by nobody else.", .example = "/etc/postern/s2026.pem"),
    PATTERNS(sign, any_login, "",
             "Author domains that every login may sign as; else a login signs as its own domain, fred@example.com as example.com, or as "
             "rules for SMTP-Auth and login= of the key say.",
             .example = "example.com"),
    ENUM(sign, header_canon, DkimCanon, canon_words, "relaxed", "Canonical form of header fields."),
    ENUM(sign, body_canon, DkimCanon, canon_words, "relaxed", "Canonical form of the body."),
    WORDS(sign, fields, "", "Fields that are signed if they are there; empty: those that RFC 6376 recommends.",
          .example = "From, Subject, Date, To, Cc, Message-ID"),
    WORDS(sign, oversign, "From, Reply-To, Subject, To, Cc", "Fields of which none can be added behind our back."),
    WORDS(sign, oversign_present, "Sender, Date, Message-ID, MIME-Version, Content-Type, Content-Transfer-Encoding",
          "The same, but only where there is one: an MTA may add what is missing."),
    BOOL(sign, timestamp, "yes", "Say when it was signed (t=)."),
    SECONDS(sign, expire, "0", 0, 3650 * DAY, "Signatures end after this time (x=); 0: never."),

    MAP(policy, access, "Access map: TAG:SUBJECT VERB.", .example = "/etc/postern/access"),
    ENUM(policy, mixed, MixedMode, mixed_words, "defer",
         "Recipients that end differently after DATA: separate removes those that are refused, defer lets them come alone."),
    STRING(policy, unproven_dsn, "REJECT", "Verb in place of DSN where the sender is not proven: REJECT or CBV."),
    STRING(policy, unavailable, "OK", "Verb in place of CBV, DSN or GREYLIST where nothing can carry them out.",
           .example = "REJECT"),
    STRING(policy, errors_url, "", "Page that explains refusals; named in them.", .example = "https://example.com/errors"),
    BOOL(policy, errors_pages, "no",
         "Name the page that the older system had for a tag, errors_url/anon?mfrom=… and others; else it is errors_url#TAG."),
    PATH(policy, quarantine_dir, "", "Folder for quarantined messages; empty: none.", RESTART,
         .example = "/var/lib/postern/quarantine"),
    SIZE(policy, quarantine_bytes, "1G", MIB, 1024 * 1024 * MIB,
         "Of all messages in quarantine; over it mail that belongs there gets a temporary failure.", RESTART),
    SECONDS(policy, quarantine_age, "0", 0, 3650 * DAY, "What is older leaves it; 0: nothing does by itself.", RESTART),
    INT(policy, quarantine_messages, "100000", 1, 100000000, "The same, their number.", RESTART),

    PATH(shadow, config, "", "Configuration to try on live mail: where it differs, the log says what it would do; empty: none.",
         .example = "/etc/postern/next.conf"),

    SECONDS(journal, keep, "30d", 0, 3650 * DAY,
            "What became of every message is kept in the store for so long, if there is one; 0: no journal."),
    BOOL(journal, facts, "yes",
         "All that was known about each message is kept with it, for journal show: most of the journal's size."),
    PATH(journal, failed_dir, "",
         "Folder for messages on which a check of ours failed, for whoever looks into it; empty: none. With it the bodies of "
         "all messages are asked for.",
         RESTART, .example = "/var/lib/postern/failed"),
    SIZE(journal, failed_bytes, "64M", MIB, 1024 * 1024 * MIB, "Of all messages in it; the oldest make room.", RESTART),
    INT(journal, failed_messages, "1000", 1, 1000000, "The same, their number.", RESTART),

    PAIRS(verbs, "TAG = VERB", .example = "SPF-Fail = REJECT"),
    PAIRS(decide_at, "TAG = STEP", .example = "SPF-Fail = message"),
    PAIRS(settled_by, "TAG = TAGS", .example = "SPF-Fail = DMARC-Pass, SPF-Forwarder"),
    PAIRS(thresholds, "NAME = SUM VERB", .example = "spam = 6 QUARANTINE"),
    PAIRS(early_thresholds, "NAME = SUM VERB", .example = "spam = 15 REJECT"),
    PAIRS(blacklist_rules, "NAME = RULE", .example = "forgers = 5 refusals of SPF-Fail, Self-Spoof in 1h by client -> ban 7d"),
    PAIRS(limits, "NAME = COUNT UNIT per TIME by KEY", .example = "login-day = 500 recipients per 1d by login outbound"),
    PAIRS(dnsbl, "NAME = ZONE by KEY: ANSWER VERB, …",
          .example = "zen = zen.dnsbl.example: 127.0.0.2-3 REJECT, 127.0.0.4-7 SCORE:4"),
};
/* clang-format on */
const guint options_len = G_N_ELEMENTS(options);

const Option *option_find(const char *section, const char *key)
{
    for (guint i = 0; i < options_len; i++) {
        const Option *option = &options[i];
        if (g_ascii_strcasecmp(option->section, section) == 0 &&
            (option->kind == OPTION_PAIRS || g_ascii_strcasecmp(option->key, key) == 0))
            return option;
    }
    return NULL;
}

char *option_name(const Option *option)
{
    return option->kind == OPTION_PAIRS ? g_strdup_printf("[%s]", option->section)
                                        : g_strdup_printf("%s.%s", option->section, option->key);
}

/* Up to a third of the letters may be wrong. */
static gboolean is_like(guint distance_found, const char *name)
{
    return distance_found <= MAX(1, strlen(name) / 3);
}

guint option_unlikeness(const char *name, const char *word)
{
    guint found = word_distance(name, word);
    return is_like(found, name) ? found : G_MAXUINT;
}

char *option_nearest(const char *section, const char *key)
{
    const Option *best = NULL;
    guint least = G_MAXUINT / 2;
    for (guint i = 0; i < options_len; i++) {
        if (options[i].kind == OPTION_PAIRS)
            continue;
        guint found = word_distance(options[i].key, key) * 2;
        found +=
            g_ascii_strcasecmp(options[i].section, section) != 0; /* in the same section it is likelier */
        if (found < least) {
            least = found;
            best = &options[i];
        }
    }
    return best != NULL && is_like(least / 2, key) ? option_name(best) : NULL;
}
