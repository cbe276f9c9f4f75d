#include "rows.h"

#include <stdlib.h>
#include <string.h>

#include "policy/weigh.h"

/* One weighing. `findings` are "TAG subject" with "?TAG,TAG" behind a temporary one, parted by "; ". What
 * comes is written as "VERB [code xcode] [score n] [wants VERB TAG] | TAG fate (why) | …". */
typedef struct {
    const char *name;
    const char *findings;
    const char *want;
    const char *config, *access; /* NULL: none */
    const char *rcpt;            /* NULL: b@our.example */
    Stage stage;                 /* CONNECT (0) stands for RCPT */
    gboolean authenticated;
    guint available;
    const char *done; /* "CBV 0": carried out for the finding with that number */
    int code;         /* of the first finding */
    const char *xcode;
} Row;

#define ALL VERB_DEMANDS
#define EOM STAGE_MESSAGE

static const Row rows[] = {
    /* --- the strongest decides --- */
    {"nothing", "", "OK"},
    {"built in", "SPF-Fail a@x.example", "REJECT 550 5.7.23 | SPF-Fail decides"},
    {"a proof decides nothing", "SPF-Pass a@x.example", "OK | SPF-Pass weaker"},
    {"OK decides nothing", "SPF-SoftFail a@x.example", "OK | SPF-SoftFail weaker"},
    {"the first of equals", "SPF-Fail a@x.example; HELO-Fail x.example",
     "REJECT 550 5.7.23 | SPF-Fail decides | HELO-Fail weaker"},
    {"REJECT over TEMPFAIL", "SPF-TempError a; SPF-PermError a",
     "REJECT 550 5.5.2 | SPF-TempError weaker | SPF-PermError decides"},
    {"DENY over BAN", "HELO-Fail x; SPF-Fail a", "DENY 550 5.7.23 | HELO-Fail weaker | SPF-Fail decides",
     "[verbs]\nHELO-Fail = BAN\nSPF-Fail = DENY\n"},
    {"BAN over REJECT", "HELO-Fail x; SPF-Fail a", "BAN 550 5.7.23 | HELO-Fail weaker | SPF-Fail decides",
     "[verbs]\nSPF-Fail = BAN\n"},
    {"TEMPFAIL over DISCARD", "HELO-Fail x; SPF-Fail a",
     "TEMPFAIL 451 4.7.23 | HELO-Fail weaker | SPF-Fail decides",
     "[verbs]\nHELO-Fail = DISCARD\nSPF-Fail = TEMPFAIL\n", .stage = EOM},
    {"DISCARD over QUARANTINE", "HELO-Fail x; SPF-Fail a", "DISCARD | HELO-Fail weaker | SPF-Fail decides",
     "[verbs]\nHELO-Fail = QUARANTINE\nSPF-Fail = DISCARD\n", .stage = EOM},
    {"QUARANTINE over HOLD", "HELO-Fail x; SPF-Fail a", "QUARANTINE | HELO-Fail weaker | SPF-Fail decides",
     "[verbs]\nHELO-Fail = HOLD\nSPF-Fail = QUARANTINE\n", .stage = EOM},
    {"HOLD over GREYLIST", "HELO-Fail x; SPF-Fail a", "HOLD | HELO-Fail weaker | SPF-Fail decides",
     "[verbs]\nHELO-Fail = GREYLIST\nSPF-Fail = HOLD\n", .stage = EOM, .available = ALL},
    {"GREYLIST over DSN", "HELO-Fail x; SPF-Fail a; DKIM-Pass x",
     "GREYLIST wants GREYLIST SPF-Fail | HELO-Fail weaker | SPF-Fail decides | DKIM-Pass weaker",
     "[verbs]\nHELO-Fail = DSN\nSPF-Fail = GREYLIST\n", .stage = EOM, .available = ALL},
    {"DSN over CBV", "HELO-Fail x; SPF-Fail a; DKIM-Pass x",
     "DSN wants DSN SPF-Fail | HELO-Fail weaker | SPF-Fail decides | DKIM-Pass weaker",
     "[verbs]\nHELO-Fail = CBV\nSPF-Fail = DSN\n", .stage = EOM, .available = ALL},
    {"CBV over NODSN", "HELO-Fail x; SPF-Fail a",
     "CBV wants CBV SPF-Fail | HELO-Fail weaker | SPF-Fail decides",
     "[verbs]\nHELO-Fail = NODSN\nSPF-Fail = CBV\n", .stage = EOM, .available = ALL},
    {"a callback over a whitelist's neighbour", "HELO-Fail x; SPF-Neutral a",
     "NODSN wants NODSN SPF-Neutral | HELO-Fail weaker | SPF-Neutral decides",
     "[verbs]\nHELO-Fail = NOTSPAM\nSPF-Neutral = NODSN\n", .stage = EOM, .available = ALL},
    {"PROBATION over NOTSPAM", "HELO-Fail x; SPF-Fail a", "PROBATION | HELO-Fail weaker | SPF-Fail decides",
     "[verbs]\nHELO-Fail = NOTSPAM\nSPF-Fail = PROBATION\n"},

    /* --- codes --- */
    {"a tag's own codes", "Unknown-Recipient x", "REJECT 550 5.1.1 | Unknown-Recipient decides"},
    {"a finding's codes", "SPF-Fail a", "REJECT 551 5.7.1 | SPF-Fail decides", .code = 551, .xcode = "5.7.1"},
    {"a finding's code of another class", "SPF-Fail a", "TEMPFAIL 451 4.7.1 | SPF-Fail decides",
     "[verbs]\nSPF-Fail = TEMPFAIL\n", .code = 551, .xcode = "5.7.1"},
    {"a rule's codes", "SPF-Fail a", "REJECT 554 5.1.2 | SPF-Fail decides",
     "[verbs]\nSPF-Fail = 554 5.1.2 no\n"},
    {"a rule's codes before the finding's", "SPF-Fail a", "REJECT 554 5.1.2 | SPF-Fail decides",
     "[verbs]\nSPF-Fail = 554 5.1.2 no\n", .code = 551, .xcode = "5.7.1"},
    {"a rule's code alone", "SPF-Fail a", "REJECT 554 5.7.23 | SPF-Fail decides",
     "[verbs]\nSPF-Fail = 554 no\n"},
    {"a 4xx rule", "SPF-Fail a", "TEMPFAIL 450 4.7.23 | SPF-Fail decides", "[verbs]\nSPF-Fail = 450 later\n"},
    {"REJECT of a temporary tag", "SPF-TempError a", "REJECT 550 5.4.3 | SPF-TempError decides",
     "[verbs]\nSPF-TempError = REJECT\n"},
    {"TEMPFAIL of a permanent tag", "Virus x", "TEMPFAIL 451 4.7.1 | Virus decides",
     "[verbs]\nVirus = TEMPFAIL\n", .stage = EOM},

    /* --- silence (D9) --- */
    {"AUTH clears the HELO", "Hello-IP 192.0.2.1", "OK | Hello-IP silenced (authenticated)",
     .authenticated = TRUE},
    {"AUTH clears our name as HELO", "Hello-Own our.example", "OK | Hello-Own silenced (authenticated)",
     .authenticated = TRUE},
    {"AUTH clears the ban", "Client-Banned 192.0.2.1", "OK | Client-Banned silenced (authenticated)",
     .authenticated = TRUE},
    {"AUTH clears no forgery", "SPF-Fail a", "REJECT 550 5.7.23 | SPF-Fail decides", .authenticated = TRUE},
    {"AUTH clears no missing HELO", "Hello-Missing x", "REJECT 503 5.5.1 | Hello-Missing decides",
     .authenticated = TRUE},
    {"whitelist and weak identity", "SPF-Pass a@w.example; HELO-Fail x",
     "WHITELIST | SPF-Pass decides | HELO-Fail silenced (whitelisted)",
     .access = "SPF-Pass:w.example\tWHITELIST\n"},
    {"whitelist and content", "SPF-Pass a@w.example; Content-Spam a",
     "WHITELIST | SPF-Pass decides | Content-Spam silenced (whitelisted)",
     .access = "SPF-Pass:w.example\tWHITELIST\n", .stage = EOM},
    {"whitelist and danger", "SPF-Pass a@w.example; Virus x",
     "REJECT 554 5.7.1 | SPF-Pass weaker | Virus decides", .access = "SPF-Pass:w.example\tWHITELIST\n",
     .stage = EOM},
    {"whitelist and protocol", "SPF-Pass a@w.example; Banned-Domain x",
     "REJECT 550 5.7.1 | SPF-Pass weaker | Banned-Domain decides",
     .access = "SPF-Pass:w.example\tWHITELIST\n"},
    {"whitelist and forged", "DKIM-Pass w.example; SPF-Fail a",
     "REJECT 550 5.7.23 | DKIM-Pass weaker | SPF-Fail decides", .access = "DKIM-Pass:w.example\tWHITELIST\n"},
    {"whitelist and DENY", "SPF-Pass a@w.example; HELO-Fail x",
     "DENY 550 5.7.23 | SPF-Pass weaker | HELO-Fail decides", "[verbs]\nHELO-Fail = DENY\n",
     "SPF-Pass:w.example\tWHITELIST\n"},
    {"whitelist and a callback", "SPF-Pass a@w.example; SPF-SoftFail a",
     "WHITELIST | SPF-Pass decides | SPF-SoftFail silenced (whitelisted)", "[verbs]\nSPF-SoftFail = CBV\n",
     "SPF-Pass:w.example\tWHITELIST\n", .stage = EOM, .available = ALL},
    {"whitelisted without proof", "SPF-Neutral a@w.example; Content-Spam a",
     "PROBATION | SPF-Neutral decides (sender not proven) | Content-Spam silenced (probation)",
     .access = "SPF-Neutral:w.example\tWHITELIST\n", .stage = EOM},
    {"without proof weak identity counts", "SPF-Neutral a@w.example; HELO-Fail x",
     "REJECT 550 5.7.23 | SPF-Neutral weaker (sender not proven) | HELO-Fail decides",
     .access = "SPF-Neutral:w.example\tWHITELIST\n"},
    {"probation and SPF-None", "HELO-None x; SPF-None a",
     "PROBATION | HELO-None decides | SPF-None silenced (probation)",
     "[verbs]\nSPF-None = REJECT\nHELO-None = PROBATION\n"},
    {"SPF-None's own probation", "SPF-None a", "PROBATION | SPF-None decides",
     "[verbs]\nSPF-None = PROBATION\n"},
    {"probation and a callback", "HELO-None x; SPF-Neutral a",
     "PROBATION | HELO-None decides | SPF-Neutral silenced (probation)",
     "[verbs]\nSPF-Neutral = CBV\nHELO-None = PROBATION\n", .stage = EOM, .available = ALL},
    {"probation and a callback for a softfail", "HELO-None x; SPF-SoftFail a",
     "CBV wants CBV SPF-SoftFail | HELO-None weaker | SPF-SoftFail decides",
     "[verbs]\nSPF-SoftFail = CBV\nHELO-None = PROBATION\n", .stage = EOM, .available = ALL},
    {"probation and a callback for a permerror", "HELO-None x; SPF-PermError a",
     "CBV wants CBV SPF-PermError | HELO-None weaker | SPF-PermError decides",
     "[verbs]\nSPF-PermError = CBV\nHELO-None = PROBATION\n", .stage = EOM, .available = ALL},
    {"genuine bounce and content", "Bounce-Genuine x; Content-Spam x",
     "OK | Bounce-Genuine weaker | Content-Spam silenced (genuine bounce)", .stage = EOM},
    {"genuine bounce and a virus", "Bounce-Genuine x; Virus x",
     "REJECT 554 5.7.1 | Bounce-Genuine weaker | Virus decides", .stage = EOM},
    {"NOTSPAM and quarantine", "SPF-Neutral a; Content-Spam a",
     "NOTSPAM | SPF-Neutral decides | Content-Spam silenced (NOTSPAM)", "[verbs]\nSPF-Neutral = NOTSPAM\n",
     .stage = EOM},
    {"NOTSPAM and a refusal", "SPF-Neutral a; Content-Spam a",
     "REJECT 550 5.7.1 | SPF-Neutral weaker | Content-Spam decides",
     "[verbs]\nSPF-Neutral = NOTSPAM\nContent-Spam = REJECT\n", .stage = EOM},

    /* --- proofs settle, findings wait (D10) --- */
    {"settled", "SPF-Fail a; SPF-Forwarder x",
     "OK | SPF-Fail settled (SPF-Forwarder) | SPF-Forwarder weaker"},
    {"a pass of another kind settles nothing", "SPF-Fail a; HELO-Pass x",
     "REJECT 550 5.7.23 | SPF-Fail decides | HELO-Pass weaker"},
    {"DENY is not settled", "SPF-Fail a; SPF-Forwarder x",
     "DENY 550 5.7.23 | SPF-Fail decides | SPF-Forwarder weaker", "[verbs]\nSPF-Fail = DENY\n"},
    {"settled by what the configuration says", "SPF-Fail a; HELO-Pass x",
     "OK | SPF-Fail settled (HELO-Pass) | HELO-Pass weaker", "[settled_by]\nSPF-Fail = HELO-Pass\n"},
    {"settled by nothing", "SPF-Fail a; DMARC-Pass x",
     "REJECT 550 5.7.23 | SPF-Fail decides | DMARC-Pass weaker", "[settled_by]\nSPF-Fail =\n"},
    {"waits", "SPF-Fail a", "OK | SPF-Fail waits (for end of message)", "[decide_at]\nSPF-Fail = message\n"},
    {"has waited", "SPF-Fail a", "REJECT 550 5.7.23 | SPF-Fail decides", "[decide_at]\nSPF-Fail = message\n",
     .stage = EOM},
    {"nothing is decided too early", "Virus x", "OK | Virus waits (for end of message)"},
    {"a callback waits", "SPF-SoftFail a", "OK | SPF-SoftFail waits (for end of message)",
     "[verbs]\nSPF-SoftFail = CBV\n", .available = ALL},
    {"quarantine waits", "SPF-Fail a", "OK | SPF-Fail waits (for end of message)",
     "[verbs]\nSPF-Fail = QUARANTINE\n"},
    {"greylisting does not", "SPF-None a", "GREYLIST wants GREYLIST SPF-None | SPF-None decides",
     "[verbs]\nSPF-None = GREYLIST\n", .available = ALL},
    {"but at MAIL", "SPF-None a", "OK | SPF-None waits (for end of message)",
     "[verbs]\nSPF-None = GREYLIST\n", .available = ALL, .stage = STAGE_MAIL},
    {"a refusal at MAIL", "Bad-Sender x", "REJECT 553 5.1.7 | Bad-Sender decides", .stage = STAGE_MAIL},

    /* --- demands --- */
    {"carried out", "SPF-SoftFail a", "OK | SPF-SoftFail done", "[verbs]\nSPF-SoftFail = CBV\n", .stage = EOM,
     .available = ALL, .done = "CBV 0"},
    {"carried out, and failed", "SPF-SoftFail a; CBV-Fail a",
     "REJECT 550 5.1.8 | SPF-SoftFail done | CBV-Fail decides", "[verbs]\nSPF-SoftFail = CBV\n", .stage = EOM,
     .available = ALL, .done = "CBV 0"},
    {"the next demand", "SPF-SoftFail a; HELO-None x",
     "CBV wants CBV HELO-None | SPF-SoftFail done | HELO-None decides",
     "[verbs]\nSPF-SoftFail = CBV\nHELO-None = CBV\n", .stage = EOM, .available = ALL, .done = "CBV 0"},
    {"another verb is another demand", "SPF-SoftFail a", "CBV wants CBV SPF-SoftFail | SPF-SoftFail decides",
     "[verbs]\nSPF-SoftFail = CBV\n", .stage = EOM, .available = ALL, .done = "NODSN 0"},
    {"nobody can: OK", "SPF-SoftFail a", "OK | SPF-SoftFail weaker (not available)",
     "[verbs]\nSPF-SoftFail = CBV\n"},
    {"nobody can: as configured", "SPF-SoftFail a",
     "REJECT 550 5.7.23 | SPF-SoftFail decides (not available)",
     "[verbs]\nSPF-SoftFail = CBV\n[policy]\nunavailable = REJECT\n"},
    {"a notice needs a proof", "SPF-SoftFail a",
     "REJECT 550 5.7.23 | SPF-SoftFail decides (sender not proven)", "[verbs]\nSPF-SoftFail = DSN\n",
     .available = ALL},
    {"a notice to a guessed sender", "SPF-Neutral a; SPF-Guess a",
     "DSN wants DSN SPF-Neutral | SPF-Neutral decides | SPF-Guess weaker", "[verbs]\nSPF-Neutral = DSN\n",
     .available = ALL, .stage = EOM},
    {"a HELO proves no sender", "SPF-Neutral a; HELO-Pass a",
     "REJECT 550 5.7.23 | SPF-Neutral decides (sender not proven) | HELO-Pass weaker",
     "[verbs]\nSPF-Neutral = DSN\n", .available = ALL, .stage = EOM},
    {"a notice falls back to a callback", "SPF-SoftFail a",
     "CBV wants CBV SPF-SoftFail | SPF-SoftFail decides (sender not proven)",
     "[verbs]\nSPF-SoftFail = DSN\n[policy]\nunproven_dsn = CBV\n", .available = ALL, .stage = EOM},
    {"and that to what is there", "SPF-SoftFail a",
     "TEMPFAIL 451 4.7.23 | SPF-SoftFail decides (not available)",
     "[verbs]\nSPF-SoftFail = DSN\n[policy]\nunproven_dsn = CBV\nunavailable = TEMPFAIL\n"},

    /* --- scores (D12) --- */
    {"scores are added", "SPF-SoftFail a; HELO-None x", "OK score 3.5 | SPF-SoftFail added | HELO-None added",
     "[verbs]\nSPF-SoftFail = SCORE:2\nHELO-None = SCORE:1.5\n"},
    {"a threshold waits for the end", "SPF-SoftFail a", "OK score 9 | SPF-SoftFail added",
     "[verbs]\nSPF-SoftFail = SCORE:9\n[thresholds]\nspam = 5 REJECT\n"},
    {"a threshold", "SPF-SoftFail a; HELO-None x",
     "REJECT 550 5.7.1 score 5 | SPF-SoftFail added | HELO-None added | Score decides",
     "[verbs]\nSPF-SoftFail = SCORE:2\nHELO-None = SCORE:3\n[thresholds]\nspam = 5 REJECT\n", .stage = EOM},
    {"just below it", "SPF-SoftFail a", "OK score 4.99 | SPF-SoftFail added",
     "[verbs]\nSPF-SoftFail = SCORE:4.99\n[thresholds]\nspam = 5 REJECT\n", .stage = EOM},
    {"the highest threshold", "SPF-SoftFail a",
     "REJECT 550 5.7.1 score 9 | SPF-SoftFail added | Score decides",
     "[verbs]\nSPF-SoftFail = SCORE:9\n[thresholds]\nbad = 8 REJECT\nspam = 5 QUARANTINE\n", .stage = EOM},
    {"a proof's negative score", "SPF-SoftFail a; DKIM-Pass x",
     "OK score 2 | SPF-SoftFail added | DKIM-Pass added",
     "[verbs]\nSPF-SoftFail = SCORE:6\nDKIM-Pass = SCORE:-4\n[thresholds]\nspam = 5 REJECT\n", .stage = EOM},
    {"an early threshold", "SPF-SoftFail a",
     "REJECT 550 5.7.1 score 9 | SPF-SoftFail added | Score-Early decides",
     "[verbs]\nSPF-SoftFail = SCORE:9\n[early_thresholds]\nspam = 9 REJECT\n"},
    {"early only early", "SPF-SoftFail a", "OK score 9 | SPF-SoftFail added",
     "[verbs]\nSPF-SoftFail = SCORE:9\n[early_thresholds]\nspam = 5 REJECT\n", .stage = EOM},
    {"what is silenced adds nothing", "HELO-None x; SPF-Pass a@w.example",
     "WHITELIST | HELO-None silenced (whitelisted) | SPF-Pass decides",
     "[verbs]\nHELO-None = SCORE:9\n[thresholds]\nspam = 5 REJECT\n", "SPF-Pass:w.example\tWHITELIST\n",
     .stage = EOM},
    {"whitelist silences the sum", "SPF-SoftFail a; SPF-Pass a@w.example",
     "WHITELIST score 9 | SPF-SoftFail added | SPF-Pass decides | Score silenced (whitelisted)",
     "[verbs]\nSPF-SoftFail = SCORE:9\n[thresholds]\nspam = 5 REJECT\n", "SPF-Pass:w.example\tWHITELIST\n",
     .stage = EOM},
    {"something stronger than the sum", "SPF-SoftFail a; Virus x",
     "REJECT 554 5.7.1 score 9 | SPF-SoftFail added | Virus decides | Score weaker",
     "[verbs]\nSPF-SoftFail = SCORE:9\n[thresholds]\nspam = 5 QUARANTINE\n", .stage = EOM},

    /* --- what is not known yet --- */
    {"it matters", "SPF-TempError a?SPF-Pass,SPF-Fail", "TEMPFAIL 451 4.4.3 | SPF-TempError decides"},
    {"all futures pass", "SPF-TempError a?SPF-Pass,SPF-Fail",
     "OK | SPF-TempError no matter (the answer is the same whatever it becomes)", "[verbs]\nSPF-Fail = OK\n"},
    {"something else refuses in all", "SPF-TempError a?SPF-Pass,SPF-Fail; Banned-Domain x",
     "REJECT 550 5.7.1 | SPF-TempError no matter (the answer is the same whatever it becomes) | "
     "Banned-Domain decides"},
    {"a whitelist in one future only", "SPF-TempError a@w.example?SPF-Pass,SPF-None; HELO-Fail x",
     "TEMPFAIL 451 4.4.3 | SPF-TempError decides | HELO-Fail weaker",
     .access = "SPF-Pass:w.example\tWHITELIST\n"},
    {"its own rule says what not knowing is worth", "SPF-TempError a?SPF-Pass,SPF-Fail",
     "OK | SPF-TempError weaker", "[verbs]\nSPF-TempError = OK\n"},
    {"its own rule refuses", "SPF-TempError a?SPF-Pass,SPF-Neutral",
     "REJECT 550 5.4.3 | SPF-TempError decides", "[verbs]\nSPF-TempError = REJECT\n"},
    {"two that both could pass", "SPF-TempError a?SPF-Pass,SPF-Neutral; HELO-TempError x?HELO-Pass,HELO-None",
     "OK | SPF-TempError no matter (the answer is the same whatever it becomes) | HELO-TempError weaker"},
    {"two, one of which matters",
     "SPF-TempError a?SPF-Pass,SPF-Neutral; iprev-TempError x?iprev-Pass,iprev-Fail",
     "TEMPFAIL 451 4.7.25 | SPF-TempError no matter (the answer is the same whatever it becomes) | "
     "iprev-TempError decides",
     "[verbs]\niprev-Fail = REJECT\niprev-TempError = TEMPFAIL\n"},
    {"the future waits for the message", "SPF-TempError a?SPF-Pass,SPF-Fail",
     "OK | SPF-TempError no matter (the answer is the same whatever it becomes)",
     "[decide_at]\nSPF-Fail = message\n"},
    {"and is asked again there", "SPF-TempError a?SPF-Pass,SPF-Fail",
     "TEMPFAIL 451 4.4.3 | SPF-TempError decides", "[decide_at]\nSPF-Fail = message\n", .stage = EOM},
    {"quarantine is an answer of its own", "SPF-TempError a?SPF-Pass,SPF-Fail",
     "TEMPFAIL 451 4.4.3 | SPF-TempError decides", "[verbs]\nSPF-Fail = QUARANTINE\n", .stage = EOM},
    {"a callback in one future only", "SPF-TempError a?SPF-Pass,SPF-SoftFail",
     "TEMPFAIL 451 4.4.3 | SPF-TempError decides", "[verbs]\nSPF-SoftFail = CBV\n", .stage = EOM,
     .available = ALL},
    {"the same callback in all futures", "SPF-TempError a?SPF-Neutral,SPF-SoftFail",
     "CBV wants CBV SPF-SoftFail | SPF-TempError decides (the answer is the same whatever it becomes)",
     "[verbs]\nSPF-SoftFail = CBV\nSPF-Neutral = CBV\n", .stage = EOM, .available = ALL},
    {"a callback and a notice", "SPF-TempError a?SPF-Neutral,SPF-SoftFail; DKIM-Pass x",
     "TEMPFAIL 451 4.4.3 | SPF-TempError decides | DKIM-Pass weaker",
     "[verbs]\nSPF-SoftFail = CBV\nSPF-Neutral = DSN\n", .stage = EOM, .available = ALL},
    {"done in all futures", "SPF-TempError a?SPF-Neutral,SPF-SoftFail",
     "OK | SPF-TempError no matter (the answer is the same whatever it becomes)",
     "[verbs]\nSPF-SoftFail = CBV\nSPF-Neutral = CBV\n", .stage = EOM, .available = ALL, .done = "CBV 0"},
    {"settled whatever it becomes", "SPF-TempError a?SPF-Pass,SPF-Fail; SPF-Forwarder x",
     "OK | SPF-TempError settled (SPF-Forwarder) | SPF-Forwarder weaker"},

    /* --- rules --- */
    {"a recipient's rule", "SPF-Fail a", "OK | SPF-Fail weaker", .access = "To-SPF-Fail:b@our.example\tOK\n"},
    {"another recipient's rule", "SPF-Fail a", "REJECT 550 5.7.23 | SPF-Fail decides",
     .access = "To-SPF-Fail:b@our.example\tOK\n", .rcpt = "c@our.example"},
    {"no recipient yet", "SPF-Fail a", "REJECT 550 5.7.23 | SPF-Fail decides", .access = "To-SPF-Fail:\tOK\n",
     .stage = STAGE_MAIL},
};

/* --- the question --- */

static Config *config_of(const Row *row)
{
    g_autoptr(Problems) problems = problems_new();
    const char *text = row->config ? row->config : "";
    Config *config = config_parse("postern.conf", text, (gssize)strlen(text), problems);
    assert_non_null(config);
    if (row->access)
        config->policy.access = map_parse("access", row->access, strlen(row->access), problems);
    assert_int_equal(problems_len(problems), 0);
    return config;
}

static Tag tag_of(const char *word)
{
    Tag tag = 0;
    if (!tag_parse(word, strlen(word), &tag))
        fail_msg("%s is no tag", word);
    return tag;
}

static const Finding *finding_of(Pool *pool, const char *text)
{
    Finding *finding = pool_alloc0(pool, sizeof *finding);
    g_auto(GStrv) halves = g_strsplit(text, "?", 2);
    g_auto(GStrv) words = g_strsplit(halves[0], " ", 2);
    finding->tag = tag_of(words[0]);
    finding->check = "test";
    finding->subject = pool_strdup(pool, words[1]);
    finding->keys = policy_keys(pool, words[1]);
    finding->sentence = "because";
    g_auto(GStrv) becomes = g_strsplit(halves[1] ? halves[1] : "", ",", -1);
    for (char **word = becomes; *word; word++)
        finding->becomes[finding->n_becomes++] = tag_of(*word);
    return finding;
}

/* --- the answer as text --- */

static char *answer(const Weighing *weighing)
{
    GString *text = g_string_new(verb_name(weighing->verb));
    if (weighing->reply.code)
        g_string_append_printf(text, " %d %s", weighing->reply.code, weighing->reply.xcode);
    if (weighing->score != 0)
        g_string_append_printf(text, " score %g", weighing->score);
    if (weighing->demand.finding)
        g_string_append_printf(text, " wants %s %s", verb_name(weighing->demand.verb),
                               tag_name(weighing->demand.finding->tag));
    for (guint i = 0; i < weighing->n_judgements; i++) {
        const Judgement *j = &weighing->judgements[i];
        g_string_append_printf(text, " | %s %s", tag_name(j->finding->tag), fate_name(j->fate));
        if (j->why)
            g_string_append_printf(text, " (%s)", j->why);
    }
    return g_string_free(text, FALSE);
}

/* The kind of a reply and its code must agree, and what decides must be among the judgements. */
static void check_sane(const Weighing *weighing)
{
    const Reply *reply = &weighing->reply;
    assert_int_equal(reply->kind == REPLY_REJECT, reply->code >= 500);
    assert_int_equal(reply->kind == REPLY_TEMPFAIL, reply->code >= 400 && reply->code < 500);
    assert_int_equal(weighing->decider != NULL, weighing->verb != VERB_OK);
    if (weighing->decider) {
        assert_true(weighing->decider >= weighing->judgements);
        assert_true(weighing->decider < weighing->judgements + weighing->n_judgements);
        assert_int_equal(weighing->decider->fate, FATE_DECIDES);
    }
}

static Demand demand_of(const Row *row, const Finding *const *findings)
{
    Demand demand = {0};
    g_auto(GStrv) words = g_strsplit(row->done, " ", 2);
    assert_true(verb_parse(words[0], &demand.verb));
    demand.finding = findings[atoi(words[1])];
    return demand;
}

static void check(void **state)
{
    const Row *row = *state;
    g_autoptr(Config) config = config_of(row);
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Policy) policy = policy_new(config, problems);
    assert_non_null(policy);
    g_autoptr(Pool) pool = pool_new();
    g_auto(GStrv) texts = g_strsplit(row->findings, "; ", -1);
    const Finding *findings[8] = {0};
    guint n = 0;
    for (char **text = texts; *text; text++)
        findings[n++] = finding_of(pool, *text);
    if (row->code) {
        ((Finding *)findings[0])->code = row->code;
        ((Finding *)findings[0])->xcode = row->xcode;
    }
    const Demand done = row->done ? demand_of(row, findings) : (Demand){0};
    Stage stage = row->stage ? row->stage : STAGE_RCPT;
    const WeighQuestion question = {
        .policy = policy,
        .findings = findings,
        .n_findings = n,
        .rcpt_keys = stage == STAGE_MAIL ? NULL : policy_keys(pool, row->rcpt ? row->rcpt : "b@our.example"),
        .stage = stage,
        .authenticated = row->authenticated,
        .available = row->available,
        .done = &done,
        .n_done = row->done ? 1 : 0,
    };
    const Weighing *weighing = weigh(&question, pool);
    g_autofree char *came = answer(weighing);
    assert_string_equal(came, row->want);
    check_sane(weighing);
}

/* More undecided findings than are tried: an answer all the same, and soon. */
static void many_temporaries(void **state)
{
    const Row row = {.config = "[verbs]\niprev-TempError = TEMPFAIL\niprev-Fail = OK\n"};
    g_autoptr(Config) config = config_of(&row);
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Policy) policy = policy_new(config, problems);
    g_autoptr(Pool) pool = pool_new();
    const Finding *findings[WEIGH_TEMPORARIES_MAX + 1];
    for (guint i = 0; i < G_N_ELEMENTS(findings); i++)
        findings[i] = finding_of(pool, "iprev-TempError x?iprev-Pass,iprev-Fail");
    WeighQuestion question = {.policy = policy,
                              .findings = findings,
                              .stage = STAGE_RCPT,
                              .rcpt_keys = policy_keys(pool, "b@our.example")};
    question.n_findings = WEIGH_TEMPORARIES_MAX;
    assert_int_equal(weigh(&question, pool)->verb, VERB_OK);
    question.n_findings = WEIGH_TEMPORARIES_MAX + 1;
    assert_int_equal(weigh(&question, pool)->verb, VERB_TEMPFAIL);
}

typedef struct {
    const char *name;
    Tag tag;
    Verb verb;
    guint by;
} Silence;

/* What `postern policy` tells; that weighing goes by it, the rows above prove. */
static const Silence silences[] = {
    {"forged", TAG_SPF_FAIL, VERB_REJECT, 0},
    {"forged, a callback", TAG_SPF_FAIL, VERB_CBV, SILENCE_WHITELIST | SILENCE_PROBATION},
    {"softfail, a callback", TAG_SPF_SOFTFAIL, VERB_DSN, SILENCE_WHITELIST},
    {"forged, quarantine", TAG_SPF_FAIL, VERB_QUARANTINE, SILENCE_NOTSPAM},
    {"weak", TAG_HELO_FAIL, VERB_REJECT, SILENCE_WHITELIST | SILENCE_AUTH},
    {"weak, DENY", TAG_HELO_FAIL, VERB_DENY, 0},
    {"weak, OK", TAG_HELO_FAIL, VERB_OK, 0},
    {"weak, WHITELIST", TAG_HELO_FAIL, VERB_WHITELIST, 0},
    {"content", TAG_SHORT_MSGID, VERB_REJECT, SILENCE_WHITELIST | SILENCE_PROBATION | SILENCE_GENUINE},
    {"proof", TAG_SPF_PASS, VERB_REJECT, 0},
    {"proof, a callback", TAG_SPF_PASS, VERB_CBV, SILENCE_WHITELIST | SILENCE_PROBATION},
    {"danger", TAG_VIRUS, VERB_REJECT, 0},
};

static void check_silence(void **state)
{
    const Silence *row = *state;
    assert_int_equal(weigh_silencers(row->tag, row->verb), row->by);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_temporaries)};
    return RUN_ROWS("weigh", rows, check) + RUN_ROWS("weigh, silence", silences, check_silence) +
           cmocka_run_group_tests_name("weigh, limits", tests, NULL, NULL);
}
