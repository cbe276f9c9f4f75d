/*
 * spf.h — Sender Policy Framework (RFC 7208), and what this field learned to do beside it.
 *
 * A check asks whether `ip` may send for the domain of `sender` (or of `helo`, where there is no sender). The
 * request is the caller's and is only read; every string in it is borrowed for the call. The result is one
 * open struct, owned by the caller, freed with spf_result_free(); nothing in it points into the request.
 *
 *     SpfRequest request = {.resolver = dns, .deadline = …, .ip = client, .helo = "mx.example.org",
 *                           .sender = "a@example.org", .receiver = "mx.example.net", .now = seconds,
 *                           .defer_temperror = TRUE, .lax = TRUE};
 *     g_autoptr(SpfResult) result = spf_check(&request);
 *
 * Pure: no globals, no clock (`now` is for %{t} only), no I/O but the resolver. Threads: any. Every loop is
 * bounded by the limits of RFC 7208 §4.6.4 below, the time by `deadline`: a query after it is a temporary
 * error.
 */
#pragma once

#include <glib.h>
#include <postern/decls.h>
#include <postern/ip.h>
#include <postern/resolver.h>

POSTERN_BEGIN_DECLS

/* Terms that query: include a mx ptr exists redirect, and the PTR of %{p} (§4.6.4) */
#define SPF_LOOKUPS_MAX     10
#define SPF_VOIDS_MAX       2   /* terms whose query found nothing (§4.6.4) */
#define SPF_HOSTS_MAX       10  /* MX hosts, more is an error; PTR names, more are ignored (§4.6.4) */
#define SPF_LAX_FACTOR      4   /* lax evaluation allows this many times the three above */
#define SPF_QUERIES_MAX     150 /* in all: above what the limits allow, so that only lax evaluation meets it */
#define SPF_TERMS_MAX       8192 /* of one record; 64 KB of TXT filled with ip4: terms stay below */
#define SPF_EXPLANATION_MAX 500  /* bytes; it goes into one line of an SMTP reply (RFC 5321 §4.5.3.1.5) */
#define SPF_TIMEOUT         20   /* seconds that a whole check should be given (§4.6.4) */

/* RFC 7208 §2.6 */
#define SPF_CODES(X)                                                                                         \
    X(SPF_NONE, "none")                                                                                      \
    X(SPF_NEUTRAL, "neutral")                                                                                \
    X(SPF_PASS, "pass")                                                                                      \
    X(SPF_FAIL, "fail")                                                                                      \
    X(SPF_SOFTFAIL, "softfail")                                                                              \
    X(SPF_TEMPERROR, "temperror")                                                                            \
    X(SPF_PERMERROR, "permerror")

typedef enum {
#define X(code, word) code,
    SPF_CODES(X)
#undef X
} SpfCode;

const char *spf_code_name(int code); /* takes an int, so that it is a Field's `word` */
gboolean spf_code_parse(const char *word, SpfCode *ret);

typedef enum { SPF_MFROM, SPF_HELO } SpfIdentity;
const char *spf_identity_name(int identity); /* "mailfrom", "helo" (RFC 7208 §9.1) */

typedef struct {
    Resolver *resolver;
    gint64 deadline; /* g_get_monotonic_time(); 0: the resolver's own time-outs alone */
    IpAddress ip;
    const char *helo;     /* as the client said it; NULL: unknown */
    const char *sender;   /* MAIL FROM without <>; NULL or "": the HELO identity, postmaster@helo (§2.4) */
    const char *receiver; /* %{r}; NULL: "unknown" */
    gint64 now;           /* %{t}, seconds since 1970 */

    const char *default_explanation; /* the explanation of a fail without a usable exp=; NULL: our words */
    gboolean no_explanation;         /* do not ask for exp=: the result's explanation is ours */

    /* Records for domains that have none (at any depth): first the local ones, TXT of the domain itself in
     * `substitutes`; then TXT of DOMAIN._spf.DELEGATE in the DNS. NULL: off. */
    Resolver *substitutes;
    const char *delegate;

    /* After permerror, evaluate once more with what was meant: see lax… in the result. */
    gboolean lax;
    /* Look past a temporary error behind a mechanism that could only have said pass: if a later one says pass
     * too, the answer is the same either way. Without it the evaluation is the letter of RFC 7208 §2.6.6. */
    gboolean defer_temperror;
} SpfRequest;

typedef struct {
    SpfCode code;
    SpfIdentity identity;
    const char *domain;    /* that was checked: of sender or HELO name, lower case, "" if there is none */
    const char *record;    /* text that was evaluated for it; NULL: none */
    gboolean substitute;   /* the record is not the domain's own (substitutes, delegate, or given) */
    const char *mechanism; /* the one that matched, as written ("-all", "include:x"); NULL: none did */

    const char *explanation;      /* code == SPF_FAIL only: one line of printable ASCII; else NULL */
    gboolean explained_by_domain; /* the explanation is the exp= text of the domain (C8), not ours */

    const char *problem; /* temperror, permerror: what is wrong, in words, with `broken` in it; else NULL */
    const char *broken;  /* the mechanism or modifier to blame, as written; NULL: not one of them */
    guint lookups;       /* terms that counted against SPF_LOOKUPS_MAX */
    guint voids;

    /* permerror, when asked for (`lax`): what the record would say if it were read as it was meant. */
    SpfCode lax_code;          /* SPF_PERMERROR: cannot be guessed */
    const char *lax_mechanism; /* the one that matched then; NULL: none */
    const char *corrected; /* what `broken` was taken for; NULL: it was left out, or a limit was stretched */
} SpfResult;

/* RFC 7208 §4. Never NULL. */
SpfResult *spf_check(const SpfRequest *request);
/* The same with a given record instead of the domain's own: local policy for internal addresses, trials. */
SpfResult *spf_evaluate(const SpfRequest *request, const char *record);
/* For a domain without a record: the record it would most likely have. "v=spf1 a/24 mx/24 ptr" for MFROM,
 * without ptr where the client's PTR name is dynamic; "v=spf1 a mx" for HELO. */
SpfResult *spf_guess(const SpfRequest *request, gboolean dynamic);
void spf_result_free(SpfResult *result); /* NULL is allowed */

/* What went wrong in one printable line, for a reply or a log: the problem with the mechanism in it and,
 * after a lax evaluation, what it was read as and what the result would be. NULL: nothing did. Owned by the
 * caller. */
char *spf_diagnosis(const SpfResult *result);

/* The syntax of a record alone (§4.6.1). NULL: good; else what is wrong; owned by the caller. */
char *spf_record_error(const char *text, gsize len);

/* The value of a Received-SPF field (RFC 7208 §9.1), folded with "\n " where a line would pass 78, without
 * final line end: ASCII, no control characters, every line under 998 bytes. The MTA's milter form: LF, no CR.
 */
typedef struct {
    const SpfRequest *request;
    const SpfResult *result;
    const char *receiver;   /* who checked; NULL: request->receiver */
    const SpfResult *helo;  /* also checked; NULL: not */
    const SpfResult *guess; /* best guess; NULL: not made */
    const char *const
        *extra; /* more pairs: key, value, …, NULL; keys are the caller's own words. NULL: none */
} SpfReceived;
char *spf_received(const SpfReceived *of);

/* What a Received-SPF field says, whoever wrote it: RFC 7208 §9.1, RFC 4408 §7, and what pyspf, pymilter and policy
 * servers for Postfix write beside that. Plain data; the strings are the struct's own, NULL: the field does not say. */
#define SPF_RECEIVED_MAX 65536 /* bytes read of one field; larger than any MTA lets a header grow */

typedef struct {
    SpfCode code;
    SpfIdentity identity; /* SPF_MFROM also when the field does not say */
    char *client_ip, *envelope_from /* without <> */, *helo, *receiver, *mechanism, *problem;
    char *mark;      /* x-sig: see xsig.h */
    char *forwarder; /* x-forwarder: the client passes for this one, whom the writer trusts */
    gboolean has_helo, has_guess, has_lax;
    SpfCode helo_code, guess_code, lax_code; /* x-helo-spf, x-bestguess, x-lax; only with has_… */
} SpfReceivedField;

/* NULL: it has no result that could be believed: an unknown word, a quote without end, another identity than the two,
 * or a key twice, as somebody does it who has smuggled one into a careless writer's field. */
SpfReceivedField *spf_received_parse(const char *value, gssize len);
void spf_received_field_free(SpfReceivedField *field); /* NULL is allowed */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SpfResult, spf_result_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SpfReceivedField, spf_received_field_free)

POSTERN_END_DECLS
