/*
 * tag.h — every name a finding can have: its class, what it gets when nobody says otherwise, what can silence it.
 *
 * This table is the vocabulary of the access map (D1), of [verbs] in the configuration and of the log. Tags of checks
 * that a build does not have are known all the same, so that one access map serves every version.
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
};

/* Columns: id; word; class; verb by default; what else silences it; the stage at which it can be found, and is decided
 * unless [decide_at] says otherwise; SMTP code and RFC 3463 or RFC 7372 status of a refusal; what settles it. */
#define TAGS(X)                                                                                                    \
    X(CLIENT_PTR,      "Client-PTR",          WEAK,     REJECT,     AUTH,      RCPT,    550, "5.7.25", NONE)       \
    X(CLIENT_BANNED,   "Client-Banned",       PROTOCOL, REJECT,     AUTH,      RCPT,    550, "5.7.1",  NONE)       \
    X(IPREV_PASS,      "iprev-Pass",          PROOF,    OK,         NO,        RCPT,    550, "5.7.25", NONE)       \
    X(IPREV_FAIL,      "iprev-Fail",          WEAK,     OK,         AUTH,      RCPT,    550, "5.7.25", NONE)       \
    X(IPREV_PERMERROR, "iprev-PermError",     WEAK,     OK,         AUTH,      RCPT,    550, "5.7.25", NONE)       \
    X(IPREV_TEMPERROR, "iprev-TempError",     WEAK,     OK,         AUTH,      RCPT,    451, "4.7.25", NONE)       \
    X(HELLO_MISSING,   "Hello-Missing",       PROTOCOL, REJECT,     NO,        RCPT,    503, "5.5.1",  NONE)       \
    X(HELLO_IP,        "Hello-IP",            WEAK,     REJECT,     AUTH,      RCPT,    550, "5.7.1",  NONE)       \
    X(HELLO_OWN,       "Hello-Own",           FORGED,   REJECT,     AUTH,      RCPT,    550, "5.7.1",  NONE)       \
    X(SMTP_AUTH,       "SMTP-Auth",           PROOF,    OK,         NO,        RCPT,    550, "5.7.1",  NONE)       \
    X(BAD_SENDER,      "Bad-Sender",          PROTOCOL, REJECT,     NO,        RCPT,    553, "5.1.7",  NONE)       \
    X(BAD_RECIPIENT,   "Bad-Recipient",       PROTOCOL, REJECT,     NO,        RCPT,    553, "5.1.3",  NONE)       \
    X(UNKNOWN_RCPT,    "Unknown-Recipient",   PROTOCOL, REJECT,     NO,        RCPT,    550, "5.1.1",  NONE)       \
    X(MANY_RCPTS,      "Too-Many-Recipients", PROTOCOL, TEMPFAIL,   NO,        RCPT,    452, "4.5.3",  NONE)       \
    X(SELF_SPOOF,      "Self-Spoof",          FORGED,   REJECT,     NO,        RCPT,    550, "5.7.1",  NONE)       \
    X(ZOMBIE,          "Zombie",              PROTOCOL, REJECT,     NO,        RCPT,    550, "5.7.1",  NONE)       \
    X(NULL_SENDER,     "Null-Sender",         PROTOCOL, REJECT,     NO,        RCPT,    550, "5.7.1",  NONE)       \
    X(PRIVATE_RELAY,   "Private-Relay",       PROTOCOL, REJECT,     NO,        RCPT,    550, "5.7.1",  NONE)       \
    X(BANNED_DOMAIN,   "Banned-Domain",       PROTOCOL, REJECT,     NO,        RCPT,    550, "5.7.1",  NONE)       \
    X(NO_MAIL,         "No-Mail",             PROTOCOL, REJECT,     NO,        RCPT,    550, "5.1.1",  NONE)       \
    X(SRS_FORGED,      "SRS-Forged",          FORGED,   REJECT,     NO,        RCPT,    550, "5.7.1",  NONE)       \
    X(SHORT_MSGID,     "Short-Message-ID",    CONTENT,  REJECT,     NO,        MESSAGE, 550, "5.7.1",  NONE)       \
    X(SPF_PASS,        "SPF-Pass",            PROOF,    OK,         NO,        RCPT,    550, "5.7.1",  NONE)       \
    X(SPF_GUESS,       "SPF-Guess",           PROOF,    OK,         NO,        RCPT,    550, "5.7.1",  NONE)       \
    X(SPF_FORWARDER,   "SPF-Forwarder",       PROOF,    OK,         NO,        RCPT,    550, "5.7.1",  NONE)       \
    X(SPF_FAIL,        "SPF-Fail",            FORGED,   REJECT,     NO,        RCPT,    550, "5.7.23", PROOFS)     \
    X(SPF_SOFTFAIL,    "SPF-SoftFail",        FORGED,   OK,         NO,        RCPT,    550, "5.7.23", PROOFS)     \
    X(SPF_NEUTRAL,     "SPF-Neutral",         WEAK,     OK,         NO,        RCPT,    550, "5.7.23", PROOFS)     \
    X(SPF_NONE,        "SPF-None",            WEAK,     OK,         PROBATION, RCPT,    550, "5.7.1",  PROOFS)     \
    X(SPF_PERMERROR,   "SPF-PermError",       FORGED,   REJECT,     NO,        RCPT,    550, "5.5.2",  PROOFS)     \
    X(SPF_TEMPERROR,   "SPF-TempError",       FORGED,   TEMPFAIL,   NO,        RCPT,    451, "4.4.3",  PROOFS)     \
    X(HELO_PASS,       "HELO-Pass",           PROOF,    OK,         NO,        RCPT,    550, "5.7.1",  NONE)       \
    X(HELO_FAIL,       "HELO-Fail",           WEAK,     REJECT,     AUTH,      RCPT,    550, "5.7.23", NONE)       \
    X(HELO_SOFTFAIL,   "HELO-SoftFail",       WEAK,     REJECT,     AUTH,      RCPT,    550, "5.7.23", NONE)       \
    X(HELO_NEUTRAL,    "HELO-Neutral",        WEAK,     REJECT,     AUTH,      RCPT,    550, "5.7.23", NONE)       \
    X(HELO_NONE,       "HELO-None",           WEAK,     OK,         AUTH,      RCPT,    550, "5.7.1",  NONE)       \
    X(HELO_PERMERROR,  "HELO-PermError",      WEAK,     OK,         AUTH,      RCPT,    550, "5.5.2",  NONE)       \
    X(HELO_TEMPERROR,  "HELO-TempError",      WEAK,     OK,         AUTH,      RCPT,    451, "4.4.3",  NONE)       \
    X(DKIM_PASS,       "DKIM-Pass",           PROOF,    OK,         NO,        MESSAGE, 550, "5.7.1",  NONE)       \
    X(DKIM_FAIL,       "DKIM-Fail",           WEAK,     OK,         NO,        MESSAGE, 550, "5.7.20", NONE)       \
    X(DMARC_PASS,      "DMARC-Pass",          PROOF,    OK,         NO,        MESSAGE, 550, "5.7.1",  NONE)       \
    X(DMARC_FAIL,      "DMARC-Fail",          FORGED,   OK,         NO,        MESSAGE, 550, "5.7.26", PROOFS)     \
    X(ARC_TRUSTED,     "ARC-Trusted",         PROOF,    OK,         NO,        MESSAGE, 550, "5.7.1",  NONE)       \
    X(BOUNCE_GENUINE,  "Bounce-Genuine",      PROOF,    OK,         NO,        RCPT,    550, "5.7.1",  NONE)       \
    X(BOUNCE_FORGED,   "Bounce-Forged",       PROTOCOL, REJECT,     NO,        MESSAGE, 550, "5.7.1",  NONE)       \
    X(CBV_PASS,        "CBV-Pass",            PROOF,    OK,         NO,        MESSAGE, 550, "5.7.1",  NONE)       \
    X(CBV_FAIL,        "CBV-Fail",            WEAK,     REJECT,     NO,        MESSAGE, 550, "5.1.8",  NONE)       \
    X(CBV_TEMPFAIL,    "CBV-TempFail",        WEAK,     TEMPFAIL,   NO,        MESSAGE, 451, "4.1.8",  NONE)       \
    X(GREYLIST,        "Greylist",            WEAK,     TEMPFAIL,   NO,        RCPT,    451, "4.7.1",  NONE)       \
    X(REPUTATION_BAD,  "Reputation-Bad",      WEAK,     OK,         NO,        RCPT,    550, "5.7.1",  NONE)       \
    X(REPUTATION_GOOD, "Reputation-Good",     PROOF,    OK,         NO,        RCPT,    550, "5.7.1",  NONE)       \
    X(CONTENT_SPAM,    "Content-Spam",        CONTENT,  QUARANTINE, NO,        MESSAGE, 550, "5.7.1",  NONE)       \
    X(CONTENT_HAM,     "Content-Ham",         PROOF,    OK,         NO,        MESSAGE, 550, "5.7.1",  NONE)       \
    X(VIRUS,           "Virus",               DANGER,   REJECT,     NO,        MESSAGE, 554, "5.7.1",  NONE)       \
    X(ATTACH,          "Attach",              DANGER,   OK,         NO,        MESSAGE, 554, "5.7.1",  NONE)       \
    X(SCORE_EARLY,     "Score-Early",         CONTENT,  OK,         NO,        RCPT,    550, "5.7.1",  NONE)       \
    X(SCORE,           "Score",               CONTENT,  OK,         NO,        MESSAGE, 550, "5.7.1",  NONE)

typedef enum {
#define X(id, ...) TAG_##id,
    TAGS(X)
#undef X
        TAG_COUNT
} Tag;

typedef struct {
    const char *name;
    TagClass class;
    Verb verb;         /* the default, once the check that finds it is switched on */
    Stage found;       /* STAGE_RCPT or STAGE_MESSAGE */
    guint silenced_by; /* SILENCE_ bits, beside those of the class */
    int code;          /* of a refusal */
    const char *xcode; /* RFC 3463, RFC 7372 */
    const Tag *settled_by; /* TAG_COUNT ends; NULL: none */
} TagInfo;

const TagInfo *tag_info(Tag tag);
const char *tag_name(Tag tag);
/* All that can silence it: SILENCE_ bits of the tag and of its class. */
guint tag_silencers(Tag tag);
/* Any case. FALSE: a foreign tag. */
gboolean tag_parse(const char *word, gsize len, Tag *ret);
/* TRUE for a proof that the envelope sender or author is who it claims (D4, B7). */
gboolean tag_proves_sender(Tag tag);
const char *tag_class_name(TagClass class);
/* The verbs that make sense for a tag: VERB_BIT()s (D3). */
guint tag_legal_verbs(Tag tag);
