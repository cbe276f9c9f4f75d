/*
 * tag.h — every name a finding can have: its class, what it gets when nobody says otherwise, what can silence
 * it.
 *
 * This table is the vocabulary of the access map (D1), of [verbs] in the configuration and of the log. Tags
 * of checks that a build does not have are known all the same, so that one access map serves every version.
 */
#pragma once

#include <glib.h>
#include "policy/stage.h"
#include "policy/verb.h"

/* What can silence a finding (D9). */
typedef enum {
    CLASS_PROOF,    /* speaks for the sender */
    CLASS_PROTOCOL, /* protocol and administration: nothing silences it */
    CLASS_DANGER,   /* Virus, Attach: nothing */
    CLASS_FORGED,   /* another proof, or its own rule */
    CLASS_WEAK,     /* weak identity: WHITELIST */
    CLASS_CONTENT,  /* WHITELIST, PROBATION, a genuine signed bounce */
    CLASS_COUNT
} TagClass;

enum {
    SILENCE_WHITELIST = 1 << 0,
    SILENCE_PROBATION = 1 << 1,
    SILENCE_AUTH = 1 << 2,    /* the client has authenticated itself (A3) */
    SILENCE_GENUINE = 1 << 3, /* a genuine signed bounce (H2) */
    SILENCE_NOTSPAM = 1 << 4, /* quarantine, whatever the tag (D3) */
};

/* Columns: id; word; class; verb by default; what else silences it; the stage at which it can be found, and
 * is decided unless [decide_at] says otherwise; SMTP code and RFC 3463 or RFC 7372 status of a refusal; what
 * settles it; what it means, in a sentence for administrators (docs/tags.md is made from it). */
/* clang-format off */
#define TAGS(X)                                                                                                    \
    X(CLIENT_PTR,      "Client-PTR",          WEAK,     REJECT,     AUTH,      RCPT,    550, "5.7.25", NONE,        \
      "The client's PTR name is localhost or \".\", which no mail host of another is called.")                      \
    X(CLIENT_BANNED,   "Client-Banned",       PROTOCOL, REJECT,     AUTH,      RCPT,    550, "5.7.1",  NONE,        \
      "The client is banned: by banned_ips, by hand, or for more demerits than max_demerits allows.")               \
    X(IPREV_PASS,      "iprev-Pass",          PROOF,    OK,         NO,        RCPT,    550, "5.7.25", NONE,        \
      "A PTR name of the client leads back to its address.")                                                        \
    X(IPREV_FAIL,      "iprev-Fail",          WEAK,     OK,         AUTH,      RCPT,    550, "5.7.25", NONE,        \
      "The client has PTR names, but none of them leads back to its address.")                                      \
    X(IPREV_PERMERROR, "iprev-PermError",     WEAK,     OK,         AUTH,      RCPT,    550, "5.7.25", NONE,        \
      "The client has no PTR name.")                                                                                \
    X(IPREV_TEMPERROR, "iprev-TempError",     WEAK,     OK,         AUTH,      RCPT,    451, "4.7.25", NONE,        \
      "DNS did not say whether the client's PTR name leads back to it.")                                            \
    X(HELLO_MISSING,   "Hello-Missing",       PROTOCOL, REJECT,     NO,        RCPT,    503, "5.5.1",  NONE,        \
      "The client began a message without saying HELO or EHLO.")                                                    \
    X(HELLO_IP,        "Hello-IP",            WEAK,     REJECT,     AUTH,      RCPT,    550, "5.7.1",  NONE,        \
      "The HELO name is an IP address without brackets.")                                                           \
    X(HELLO_OWN,       "Hello-Own",           FORGED,   REJECT,     AUTH,      RCPT,    550, "5.7.1",  NONE,        \
      "A stranger's HELO name is one of hello_blacklist, that is, one of ours.")                                    \
    X(SMTP_AUTH,       "SMTP-Auth",           PROOF,    OK,         NO,        RCPT,    550, "5.7.1",  NONE,        \
      "The client is logged in; a rule for login@domain, login or domain says as whom it may send.")                \
    X(BAD_SENDER,      "Bad-Sender",          PROTOCOL, REJECT,     NO,        RCPT,    553, "5.1.7",  NONE,        \
      "The envelope sender is no address by RFC 5321.")                                                             \
    X(BAD_RECIPIENT,   "Bad-Recipient",       PROTOCOL, REJECT,     NO,        RCPT,    553, "5.1.3",  NONE,        \
      "The envelope recipient is no address by RFC 5321.")                                                          \
    X(UNKNOWN_RCPT,    "Unknown-Recipient",   PROTOCOL, REJECT,     NO,        RCPT,    550, "5.1.1",  NONE,        \
      "The recipient does not exist here.")                                                                         \
    X(MANY_RCPTS,      "Too-Many-Recipients", PROTOCOL, TEMPFAIL,   NO,        RCPT,    452, "4.5.3",  NONE,        \
      "The message has more recipients than max_recipients allows.")                                                \
    X(SELF_SPOOF,      "Self-Spoof",          FORGED,   REJECT,     NO,        RCPT,    550, "5.7.1",  NONE,        \
      "A stranger sends from one of internal_domains, and no record of that domain says that it may.")              \
    X(ZOMBIE,          "Zombie",              PROTOCOL, REJECT,     NO,        RCPT,    550, "5.7.1",  NONE,        \
      "One of our own clients sends from a domain that is not one of internal_domains.")                            \
    X(NULL_SENDER,     "Null-Sender",         PROTOCOL, REJECT,     NO,        RCPT,    550, "5.7.1",  NONE,        \
      "One of our own clients that is not one of internal_mta sends with an empty sender.")                         \
    X(PRIVATE_RELAY,   "Private-Relay",       PROTOCOL, REJECT,     NO,        RCPT,    550, "5.7.1",  NONE,        \
      "A stranger sends to a domain of private_relay, which is for our own clients only.")                          \
    X(BANNED_DOMAIN,   "Banned-Domain",       PROTOCOL, REJECT,     NO,        RCPT,    550, "5.7.1",  NONE,        \
      "The sender's domain, or a mailbox at a provider, is one of banned_domains.")                                 \
    X(WHITELISTED,     "Whitelisted",         PROOF,    WHITELIST,  NO,        RCPT,    550, "5.7.1",  NONE,        \
      "The sender is on the whitelist, and proven to be who it claims.")                                            \
    X(WHITE_UNPROVEN,  "Whitelist-Unproven",  WEAK,     PROBATION,  NO,        RCPT,    550, "5.7.1",  NONE,        \
      "The sender is on the whitelist, but nothing proves that it is the sender.")                                  \
    X(BLACKLISTED,     "Blacklisted",         PROTOCOL, REJECT,     NO,        RCPT,    550, "5.7.1",  NONE,        \
      "The sender is on the blacklist.")                                                                            \
    X(NO_MAIL,         "No-Mail",             PROTOCOL, REJECT,     NO,        RCPT,    550, "5.1.1",  NONE,        \
      "The recipient is one of no_mail_to, such as MAILER-DAEMON, and takes no mail.")                              \
    X(SRS_FORGED,      "SRS-Forged",          FORGED,   REJECT,     NO,        RCPT,    550, "5.7.1",  NONE,        \
      "The sender is in one of [srs] domains, but does not bear our signature or bears one that is too old.")         \
    X(SHORT_MSGID,     "Short-Message-ID",    CONTENT,  REJECT,     NO,        MESSAGE, 550, "5.7.1",  NONE,        \
      "The Message-ID is too short to be one.")                                                                     \
    X(SPF_PASS,        "SPF-Pass",            PROOF,    OK,         NO,        RCPT,    550, "5.7.1",  NONE,        \
      "The sender's domain says that the client may send for it.")                                                  \
    X(SPF_GUESS,       "SPF-Guess",           PROOF,    OK,         NO,        RCPT,    550, "5.7.1",  NONE,        \
      "The sender's domain has no SPF record, but the best guess is that the client belongs to it.")                \
    X(SPF_FORWARDER,   "SPF-Forwarder",       PROOF,    OK,         NO,        RCPT,    550, "5.7.1",  NONE,        \
      "The client passes SPF for one of trusted_forwarder.")                                                        \
    X(SPF_FAIL,        "SPF-Fail",            FORGED,   REJECT,     NO,        RCPT,    550, "5.7.23", PROOFS,      \
      "The sender's domain says that the client may not send for it.")                                              \
    X(SPF_SOFTFAIL,    "SPF-SoftFail",        FORGED,   OK,         NO,        RCPT,    550, "5.7.23", PROOFS,      \
      "The sender's domain says that the client probably may not send for it.")                                     \
    X(SPF_NEUTRAL,     "SPF-Neutral",         WEAK,     OK,         NO,        RCPT,    550, "5.7.23", PROOFS,      \
      "The sender's domain has an SPF record that says nothing about the client.")                                  \
    X(SPF_NONE,        "SPF-None",            WEAK,     OK,         PROBATION, RCPT,    550, "5.7.1",  PROOFS,      \
      "Three strikes: the sender's domain has no SPF record, the client no PTR name of its own and no valid HELO.") \
    X(SPF_PERMERROR,   "SPF-PermError",       FORGED,   REJECT,     NO,        RCPT,    550, "5.5.2",  PROOFS,      \
      "The SPF record of the sender's domain is broken.")                                                           \
    X(SPF_TEMPERROR,   "SPF-TempError",       FORGED,   TEMPFAIL,   NO,        RCPT,    451, "4.4.3",  PROOFS,      \
      "DNS did not give the SPF record of the sender's domain, or what it refers to, just now.")                    \
    X(HELO_PASS,       "HELO-Pass",           PROOF,    OK,         NO,        RCPT,    550, "5.7.1",  NONE,        \
      "The domain of the HELO name says that the client may use it.")                                               \
    X(HELO_FAIL,       "HELO-Fail",           WEAK,     REJECT,     AUTH,      RCPT,    550, "5.7.23", NONE,        \
      "The domain of the HELO name says that the client may not use it.")                                           \
    X(HELO_SOFTFAIL,   "HELO-SoftFail",       WEAK,     REJECT,     AUTH,      RCPT,    550, "5.7.23", NONE,        \
      "The domain of the HELO name says that the client probably may not use it.")                                  \
    X(HELO_NEUTRAL,    "HELO-Neutral",        WEAK,     REJECT,     AUTH,      RCPT,    550, "5.7.23", NONE,        \
      "The domain of the HELO name has an SPF record that says nothing about the client.")                          \
    X(HELO_NONE,       "HELO-None",           WEAK,     OK,         AUTH,      RCPT,    550, "5.7.1",  NONE,        \
      "The HELO name has no SPF record.")                                                                           \
    X(HELO_PERMERROR,  "HELO-PermError",      WEAK,     OK,         AUTH,      RCPT,    550, "5.5.2",  NONE,        \
      "The SPF record of the HELO name is broken.")                                                                 \
    X(HELO_TEMPERROR,  "HELO-TempError",      WEAK,     OK,         AUTH,      RCPT,    451, "4.4.3",  NONE,        \
      "DNS did not give the SPF record of the HELO name just now.")                                                 \
    X(DKIM_PASS,       "DKIM-Pass",           PROOF,    OK,         NO,        MESSAGE, 550, "5.7.1",  NONE,        \
      "A domain that has signed the message is aligned with that in From: or with the envelope sender's.")          \
    X(DKIM_OTHER,      "DKIM-Other",          PROOF,    OK,         NO,        MESSAGE, 550, "5.7.1",  NONE,        \
      "Another domain has signed the message, such as a mailing list; that proves neither author nor sender.")      \
    X(DKIM_FAIL,       "DKIM-Fail",           WEAK,     OK,         NO,        MESSAGE, 550, "5.7.20", NONE,        \
      "The message has DKIM signatures, and none of them verifies.")                                                \
    X(DKIM_TEMPERROR,  "DKIM-TempError",      WEAK,     OK,         NO,        MESSAGE, 451, "4.7.5",  NONE,        \
      "DNS did not give the key of a DKIM signature just now, and no other signature verifies.")                    \
    X(DMARC_PASS,      "DMARC-Pass",          PROOF,    OK,         NO,        MESSAGE, 550, "5.7.1",  NONE,        \
      "The domain in From: is proven by an aligned SPF or DKIM pass.")                                              \
    X(DMARC_FAIL,      "DMARC-Fail",          FORGED,   OK,         NO,        MESSAGE, 550, "5.7.26", PROOFS,      \
      "The domain in From: publishes a DMARC policy, and neither SPF nor DKIM proves it.")                          \
    X(DMARC_QUARANTINE, "DMARC-Quarantine",   FORGED,   OK,         NO,        MESSAGE, 550, "5.7.26", PROOFS,      \
      "As DMARC-Fail, and the domain asks for quarantine. With a quarantine_dir it is quarantined by default.")     \
    X(DMARC_REJECT,    "DMARC-Reject",        FORGED,   OK,         NO,        MESSAGE, 550, "5.7.26", PROOFS,      \
      "As DMARC-Fail, and the domain asks for refusal. With a quarantine_dir it is quarantined by default.")        \
    X(DMARC_AUTHOR,    "DMARC-Author",        FORGED,   OK,         NO,        MESSAGE, 550, "5.7.1",  PROOFS,      \
      "From: names no domain, or several, so DMARC protects none. With a quarantine_dir it is quarantined by default.") \
    X(DMARC_TEMPERROR, "DMARC-TempError",     FORGED,   TEMPFAIL,   NO,        MESSAGE, 451, "4.7.5",  PROOFS,      \
      "DNS did not give the DMARC record of the domain in From:, or what SPF or DKIM need, just now.")              \
    X(ARC_TRUSTED,     "ARC-Trusted",         PROOF,    OK,         NO,        MESSAGE, 550, "5.7.1",  NONE,        \
      "A forwarder whom we trust sealed the message and says that it was good when it came there.")                 \
    X(BOUNCE_GENUINE,  "Bounce-Genuine",      PROOF,    OK,         NO,        RCPT,    550, "5.7.1",  NONE,        \
      "The bounce answers mail that we signed.")                                                                    \
    X(BOUNCE_FORGED,   "Bounce-Forged",       PROTOCOL, REJECT,     NO,        MESSAGE, 550, "5.7.1",  NONE,        \
      "The bounce answers mail that never came from here.")                                                         \
    X(BOUNCE_MANY,     "Bounce-Many",         PROTOCOL, REJECT,     NO,        MESSAGE, 550, "5.5.3",  NONE,        \
      "A bounce has several recipients, but mail has one sender.")                                                  \
    X(CBV_PASS,        "CBV-Pass",            PROOF,    OK,         NO,        MESSAGE, 550, "5.7.1",  NONE,        \
      "The sender's mail host accepts mail for the sender (callback).")                                             \
    X(CBV_FAIL,        "CBV-Fail",            WEAK,     REJECT,     NO,        MESSAGE, 550, "5.1.8",  NONE,        \
      "The sender's mail host refuses mail for the sender (callback).")                                             \
    X(CBV_TEMPFAIL,    "CBV-TempFail",        WEAK,     TEMPFAIL,   NO,        MESSAGE, 451, "4.1.8",  NONE,        \
      "The sender's mail host did not say whether it accepts mail for the sender (callback).")                      \
    X(GREYLIST,        "Greylist",            WEAK,     TEMPFAIL,   PROBATION, RCPT,    451, "4.7.1",  NONE,        \
      "This sender, client and recipient have not been seen together, or not for long enough.")                     \
    X(REPUTATION_BAD,  "Reputation-Bad",      WEAK,     OK,         NO,        RCPT,    550, "5.7.1",  NONE,        \
      "Most of what came from this sender before was bad.")                                                         \
    X(REPUTATION_GOOD, "Reputation-Good",     PROOF,    OK,         NO,        RCPT,    550, "5.7.1",  NONE,        \
      "Most of what came from this sender before was good.")                                                        \
    X(CONTENT_SPAM,    "Content-Spam",        CONTENT,  QUARANTINE, NO,        MESSAGE, 550, "5.7.1",  NONE,        \
      "The words of the message are those of spam.")                                                                \
    X(CONTENT_HAM,     "Content-Ham",         PROOF,    OK,         NO,        MESSAGE, 550, "5.7.1",  NONE,        \
      "The words of the message are those of wanted mail.")                                                         \
    X(VIRUS,           "Virus",               DANGER,   REJECT,     NO,        MESSAGE, 554, "5.7.1",  NONE,        \
      "The virus scanner named a virus in the message.")                                                            \
    X(ATTACH,          "Attach",              DANGER,   OK,         NO,        MESSAGE, 554, "5.7.1",  NONE,        \
      "The message has an attachment of a banned kind.")                                                            \
    X(SCORE_EARLY,     "Score-Early",         CONTENT,  OK,         NO,        RCPT,    550, "5.7.1",  NONE,        \
      "The SCOREs known at RCPT add up to one of [early_thresholds].")                                              \
    X(SCORE,           "Score",               CONTENT,  OK,         NO,        MESSAGE, 550, "5.7.1",  NONE,        \
      "The SCOREs of all findings add up to one of [thresholds].")                                                  \
    X(DNSBL,           "DNSBL",               WEAK,     REJECT,     AUTH,      RCPT,    550, "5.7.1",  NONE,        \
      "A list of [dnsbl] has the client, the sender's domain or the HELO name.")                                    \
    X(DNSWL,           "DNSWL",               PROOF,    OK,         NO,        RCPT,    550, "5.7.1",  NONE,        \
      "A list of [dnsbl] for the good ones (white) has the client, the sender's domain or the HELO name.")          \
    X(LIMIT,           "Limit",               PROTOCOL, TEMPFAIL,   NO,        RCPT,    450, "4.7.1",  NONE,        \
      "A limit of [limits] is reached; a rule for the client, sender, login or recipient may say otherwise.")       \
    X(STORE_AWAY,      "Store-Away",          PROTOCOL, OK,         NO,        RCPT,    451, "4.3.0",  NONE,        \
      "What is remembered could not be asked for or kept just now; OK goes on without it.")
/* clang-format on */

typedef enum {
#define X(id, ...) TAG_##id,
    TAGS(X)
#undef X
        TAG_COUNT
} Tag;

typedef struct {
    const char *name;
    TagClass class;
    Verb verb;             /* the default, once the check that finds it is switched on */
    Stage found;           /* STAGE_RCPT or STAGE_MESSAGE */
    guint silenced_by;     /* SILENCE_ bits, beside those of the class */
    int code;              /* of a refusal */
    const char *xcode;     /* RFC 3463, RFC 7372 */
    const Tag *settled_by; /* TAG_COUNT ends; NULL: none */
    const char *doc;       /* what it means, one sentence */
} TagInfo;

const TagInfo *tag_info(Tag tag);
const char *tag_name(Tag tag);
/* All that can silence it: SILENCE_ bits of the tag and of its class. */
guint tag_silencers(Tag tag);
/* Any case. FALSE: a foreign tag. */
gboolean tag_parse(const char *word, gsize len, Tag *ret);
/* TRUE for a proof that the envelope sender or author is who it claims (D4, B7); whether it is the sender is the finding's
 * of_another. */
gboolean tag_proves_sender(Tag tag);
const char *tag_class_name(TagClass class);
/* The verbs that make sense for a tag: VERB_BIT()s (D3). */
guint tag_legal_verbs(Tag tag);

/* Any number of tags. */
typedef struct {
    guint64 words[(TAG_COUNT + 63) / 64];
} TagSet;

static inline void tag_set_add(TagSet *set, Tag tag)
{
    set->words[tag / 64] |= G_GUINT64_CONSTANT(1) << tag % 64;
}

static inline gboolean tag_set_has(const TagSet *set, Tag tag)
{
    return set->words[tag / 64] >> tag % 64 & 1;
}
