/*
 * spf-internal.h — what the parts of the SPF engine share: spf-record.c reads terms, spf-macro.c expands,
 * spf-eval.c evaluates, spf-lax.c mends, spf.c is the front. Spans point into the record's text, which
 * outlives them.
 */
#pragma once

#include <postern/spf.h>

#pragma GCC visibility push(hidden) /* no part of the library's face */

#define SPF_NAME_MAX 253u /* of a domain in text (RFC 7208 §7.3) */
/* Bytes that one domain-spec may grow to before it is cut: more is no name */
#define SPF_EXPANSION_MAX 65536

typedef struct {
    const char *at;
    gsize len;
} SpfSpan;

typedef enum {
    TERM_ALL,
    TERM_INCLUDE,
    TERM_A,
    TERM_MX,
    TERM_PTR,
    TERM_IP4,
    TERM_IP6,
    TERM_EXISTS,
    TERM_KINDS
} SpfKind;

typedef struct {
    SpfSpan text; /* as written, with the qualifier */
    SpfSpan spec; /* domain-spec; length 0: the current domain */
    IpAddress ip; /* ip4, ip6; IP_NONE: matches nobody (an IPv4-mapped ip6 network, RFC 7208 §5) */
    guint8 bits4, bits6;
    guint8 kind;      /* SpfKind */
    guint8 says;      /* SpfCode, by the qualifier */
    gboolean literal; /* spec holds no macro */
} SpfTerm;

typedef struct {
    SpfTerm *terms;
    guint n, room;
    SpfSpan redirect, exp; /* domain-spec; .at NULL: not there */
    SpfSpan redirect_text;
} SpfRecord;

/* What a word of a record is, before it is understood. */
typedef struct {
    char qualifier; /* or 0 */
    SpfSpan name;
    char sign; /* what follows the name: ':' '/' '=' or 0 */
    SpfSpan rest;
} SpfWord;

/* "v=spf1" followed by a blank or the end, any case (RFC 7208 §4.5). */
gboolean spf_is_record(const char *text, gsize len);
SpfWord spf_word_split(SpfSpan word);
gboolean spf_kind_of(SpfSpan name, SpfKind *ret);
const char *spf_kind_name(SpfKind kind);
/* One term into `record`. NULL: good, else what is wrong with it, a constant. */
const char *spf_term_parse(SpfRecord *record, SpfSpan word);
/* The whole. NULL: good; else as above, with the term in `broken`. Clear `record` either way. */
const char *spf_record_parse(SpfRecord *record, const char *text, gsize len, SpfSpan *broken);
void spf_record_clear(SpfRecord *record);
/* The next word behind *at; FALSE at the end. */
gboolean spf_next_word(const char **at, const char *end, SpfSpan *word);

/* Macro syntax (RFC 7208 §7.1). */
typedef enum { MACRO_ANY, MACRO_DOMAIN_SPEC } SpfMacroUse;
const char *spf_macro_error(SpfSpan spec, SpfMacroUse use);

/* What macros expand to. `p` is asked for only when needed. */
typedef struct SpfMacros SpfMacros;
struct SpfMacros {
    const char *sender, *local, *origin, *helo, *receiver; /* %{s} %{l} %{o} %{h} %{r} */
    gboolean local_is_8bit; /* RFC 8616 §4: what holds %{s} or %{l} matches nothing */
    IpAddress ip;
    gint64 now;
    const char *(*p)(SpfMacros *self, const char *domain); /* %{p}; NULL: over the limit */
};

typedef enum { EXPANDED, EXPANDED_UNUSABLE, EXPANDED_8BIT_LOCAL, EXPANDED_OVER_LIMIT } SpfExpansion;

/* A domain-spec of checked syntax into a name that can be asked for: at most SPF_NAME_MAX bytes, cut from the
 * left label by label (§7.3), no final dot. UNUSABLE: no such name can exist. */
SpfExpansion spf_expand_name(SpfMacros *macros, SpfSpan spec, const char *domain,
                             char buf[static SPF_NAME_MAX + 1]);
/* An explanation; NULL: its syntax is wrong, or it needs what is not there. Printable ASCII, cut to the
 * limit. */
char *spf_expand_text(SpfMacros *macros, SpfSpan text, const char *domain);

/* A name that the DNS can hold: labels of 1 to 63 bytes, at most SPF_NAME_MAX in all. */
gboolean spf_name_usable(const char *name);

/* The record as it was meant, every word mended or left out; owned by the caller. `broken` and `corrected`
 * (may be NULL) are set to the first that was mended, owned by the caller too. A word that cannot be mended
 * and could have said anything but pass stays as it is, so that the record stays in error. */
char *spf_lax_rewrite(const char *text, gsize len, char **broken, char **corrected);

/* One evaluation, from the top record down through every include. */
typedef struct {
    SpfMacros macros; /* first: %{p} finds its way back */
    const SpfRequest *request;
    gboolean lax;
    gboolean finished; /* what is asked now is for the explanation and counts against no limit */
    gboolean guess;    /* the record is one of ours */
    guint lookups, voids, queries;
    const SpfTerm *void_term; /* counted in voids last */

    gboolean ptr_asked; /* the client's PTR names, asked once for ptr and %{p} */
    DnsAnswer *ptr;
    gint8 ptr_state[SPF_HOSTS_MAX * SPF_LAX_FACTOR]; /* 0 not asked, 1 points back, -1 does not */

    char *problem, *broken;   /* the first error */
    char *mended, *mended_to; /* lax: the first mechanism that was not taken as written */
    char *record;             /* of the domain asked for */
    gboolean substitute;
    char *mechanism;             /* that matched at the top */
    char *exp_name, *exp_domain; /* where the explanation is, and its %{d} */
} SpfEval;

/* RFC 7208 §4. `given`: this record instead of the domain's own, or NULL. */
SpfCode spf_check_host(SpfEval *eval, const char *domain, const char *given);
void spf_eval_clear(SpfEval *eval);
const char *spf_eval_p(SpfMacros *macros, const char *domain);
/* Printable ASCII of at most `max` bytes, the rest as '?'; owned by the caller. */
char *spf_printable(const char *text, gsize len, gsize max);

#pragma GCC visibility pop
