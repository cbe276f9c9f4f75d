/* DMARC: discovery, policy, alignment, verdict (lib/dmarc.c, lib/dmarc-walk.c). */
#include <postern/dmarc.h>
#include <postern/zone.h>
#include <string.h>

#include "rows.h"

#define SIGNATURES_MAX 4

/* The names of zones are complete as they stand; every _dmarc name makes the names above it exist. */
typedef struct {
    const char *name;
    const char *zone;
    const char *from; /* a From value */
    const char *spf;  /* "result:domain"; NULL: none */
    const char *dkim; /* the same, several with blanks between */
    DmarcStandard standard;
    const char *expected; /* code, then what else shall hold: see check() */
    const char
        *queries; /* TXT names without _dmarc., in order; "A name" for the other kind; NULL: not looked at */
} Row;

static const Row rows[] = {
    /* the author's own record */
    {"identical", "_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "u@a.example", "pass:a.example", NULL, 0,
     "pass spf tag=p policy=reject disposition=none at=a.example org=a.example", "a.example example"},
    {"nothing passed", "_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "u@a.example", "softfail:a.example",
     "fail:a.example none:a.example", 0, "fail disposition=reject reason=neither", NULL},
    {"case and final dot", "_dmarc.A.Example TXT \"v=DMARC1; p=reject\"", "u@a.EXAMPLE.", "pass:A.example.",
     NULL, 0, "pass spf author=a.example", NULL},
    {"null sender is the caller's postmaster@HELO", "_dmarc.a.example TXT \"v=DMARC1; p=reject\"",
     "u@a.example", "pass:mx.a.example", NULL, 0, "pass spf", NULL},
    {"no SPF at all", "_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "u@a.example", NULL, NULL, 0, "fail",
     NULL},
    {"the second signature", "_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "u@a.example", NULL,
     "fail:a.example pass:b.example pass:a.example", 0, "pass dkim=2", NULL},
    {"no record", "a.example A 192.0.2.1", "u@a.example", "pass:a.example", NULL, 0,
     "none at= reason=no.DMARC", "a.example example"},
    {"text that is no record",
     "_dmarc.a.example TXT \"v=spf1 -all\"\n_dmarc.a.example TXT \"v=DMARC1; p=quarantine\"", "u@a.example",
     NULL, NULL, 0, "fail policy=quarantine", NULL},
    {"a record without policy is used for nothing",
     "_dmarc.a.example TXT \"v=DMARC1; adkim=s\"\n_dmarc.example TXT \"v=DMARC1; p=reject\"", "u@a.example",
     NULL, NULL, 0, "none at= reason=no.valid.policy", NULL},
    {"an invalid sp does not matter less at the author", "_dmarc.a.example TXT \"v=DMARC1; p=reject; sp=x\"",
     "u@a.example", NULL, NULL, 0, "none", NULL},

    /* several records at a name are all discarded, and the walk goes on (§4.10 steps 2 and 6) */
    {"doubled at the author",
     "_dmarc.b.a.example TXT \"v=DMARC1; p=reject\"\n_dmarc.b.a.example TXT \"v=DMARC1; p=reject\"\n"
     "_dmarc.a.example TXT \"v=DMARC1; p=none; sp=quarantine\"",
     "u@b.a.example", NULL, NULL, 0, "fail tag=sp policy=quarantine at=a.example org=a.example",
     "b.a.example a.example example"},
    {"doubled, and none above",
     "_dmarc.a.example TXT \"v=DMARC1; p=reject\"\n_dmarc.a.example TXT \"v=DMARC1; p=none\"", "u@a.example",
     "pass:a.example", NULL, 0, "none reason=several", "a.example example"},
    {"doubled in the middle, one of them psd=n",
     "_dmarc.b.a.example TXT \"v=DMARC1; p=reject; psd=n\"\n_dmarc.b.a.example TXT \"v=DMARC1; p=none\"\n"
     "_dmarc.a.example TXT \"v=DMARC1; p=quarantine\"",
     "u@c.b.a.example", NULL, NULL, 0, "fail policy=quarantine at=a.example", NULL},
    {"doubled at the organizational domain",
     "_dmarc.b.a.example TXT \"v=DMARC1; p=reject\"\n_dmarc.a.example TXT \"v=DMARC1; p=none\"\n"
     "_dmarc.a.example TXT \"v=DMARC1; p=none\"",
     "u@b.a.example", "pass:a.example", NULL, 0, "fail policy=reject org=b.a.example", NULL},
    {"RFC 7489: doubled ends it",
     "_dmarc.b.a.example TXT \"v=DMARC1; p=reject\"\n_dmarc.b.a.example TXT \"v=DMARC1; p=reject\"\n"
     "_dmarc.a.example TXT \"v=DMARC1; p=reject\"",
     "u@b.a.example", NULL, NULL, DMARC_RFC7489, "none reason=several", "b.a.example"},

    /* the walk */
    {"an intermediate record never applies",
     "_dmarc.b.a.example TXT \"v=DMARC1; p=none\"\n_dmarc.a.example TXT \"v=DMARC1; "
     "p=reject\"\nc.b.a.example A 192.0.2.1",
     "u@c.b.a.example", NULL, NULL, 0, "fail policy=reject at=a.example org=a.example",
     "c.b.a.example b.a.example a.example example"},
    {"the fewest labels, not the first record",
     "_dmarc.c.b.a.example TXT \"v=DMARC1; p=none\"\n_dmarc.a.example TXT \"v=DMARC1; p=reject\"",
     "u@c.b.a.example", "pass:x.a.example", NULL, 0, "pass spf policy=none at=c.b.a.example org=a.example",
     "c.b.a.example b.a.example a.example example x.a.example"},
    {"a top-level domain with a record and no psd is one organization",
     "_dmarc.example TXT \"v=DMARC1; p=reject\"", "u@a.example", "pass:b.example", NULL, 0,
     "pass spf org=example at=example", "a.example example b.example"},
    {"one label", "_dmarc.localhost TXT \"v=DMARC1; p=reject\"", "u@localhost", NULL, NULL, 0,
     "fail org=localhost", "localhost"},
    {"seven labels", "e A 192.0.2.1", "u@1.2.3.4.5.6.e", NULL, NULL, 0, "none",
     "1.2.3.4.5.6.e 2.3.4.5.6.e 3.4.5.6.e 4.5.6.e 5.6.e 6.e e"},
    {"eight labels", "e A 192.0.2.1", "u@1.2.3.4.5.6.7.e", NULL, NULL, 0, "none",
     "1.2.3.4.5.6.7.e 2.3.4.5.6.7.e 3.4.5.6.7.e 4.5.6.7.e 5.6.7.e 6.7.e 7.e e"},
    {"nine labels jump to seven", "e A 192.0.2.1", "u@0.1.2.3.4.5.6.7.e", NULL, NULL, 0, "none",
     "0.1.2.3.4.5.6.7.e 2.3.4.5.6.7.e 3.4.5.6.7.e 4.5.6.7.e 5.6.7.e 6.7.e 7.e e"},
    {"a record that the jump passes is not seen", "_dmarc.1.2.3.4.5.6.7.e TXT \"v=DMARC1; p=reject\"",
     "u@0.1.2.3.4.5.6.7.e", NULL, NULL, 0, "none", NULL},

    /* psd (§4.10.2) */
    {"psd=n at the author",
     "_dmarc.b.a.example TXT \"v=DMARC1; p=reject; psd=n\"\n_dmarc.a.example TXT \"v=DMARC1; p=none\"",
     "u@b.a.example", "pass:a.example", NULL, 0, "fail policy=reject org=b.a.example", "b.a.example"},
    {"psd=n in the middle",
     "_dmarc.b.a.example TXT \"v=DMARC1; p=reject; psd=n\"\n_dmarc.a.example TXT \"v=DMARC1; "
     "p=none\"\nc.b.a.example A 192.0.2.1",
     "u@c.b.a.example", "pass:a.example", "pass:d.b.a.example", 0,
     "pass dkim=0 policy=reject at=b.a.example org=b.a.example", "c.b.a.example b.a.example d.b.a.example"},
    {"psd=y in the middle: one label below",
     "_dmarc.a.example TXT \"v=DMARC1; p=reject; sp=quarantine; psd=y\"\nc.b.a.example A 192.0.2.1",
     "u@c.b.a.example", "pass:x.a.example", "pass:y.b.a.example", 0,
     "pass dkim=0 tag=sp policy=quarantine at=a.example org=b.a.example psd",
     "c.b.a.example b.a.example a.example y.b.a.example"},
    {"psd=y does not apply where the organization has a record",
     "_dmarc.a.example TXT \"v=DMARC1; p=reject; psd=y\"\n_dmarc.b.a.example TXT \"v=DMARC1; p=none\"",
     "u@c.b.a.example", NULL, NULL, 0, "fail policy=none at=b.a.example org=b.a.example", NULL},
    {"psd=y at the start is its own organization",
     "_dmarc.a.example TXT \"v=DMARC1; p=reject; sp=none; psd=y\"", "u@a.example", "pass:b.a.example", NULL,
     0, "fail tag=p policy=reject org=a.example", "a.example b.a.example"},
    {"the author below a suffix that passed", "_dmarc.a.example TXT \"v=DMARC1; p=reject; psd=y\"",
     "u@b.a.example", "pass:a.example", "pass:c.a.example", 0, "fail org=b.a.example at=a.example psd",
     "b.a.example a.example"},
    {"one below the suffix across the jump", "_dmarc.2.3.4.5.6.7.e TXT \"v=DMARC1; p=reject; psd=y\"",
     "u@0.a.1.2.3.4.5.6.7.e", "pass:b.1.2.3.4.5.6.7.e", NULL, 0,
     "pass spf org=1.2.3.4.5.6.7.e at=2.3.4.5.6.7.e psd",
     "0.a.1.2.3.4.5.6.7.e 2.3.4.5.6.7.e b.1.2.3.4.5.6.7.e"},
    {"psd=u is nothing",
     "_dmarc.b.a.example TXT \"v=DMARC1; p=none; psd=u\"\n_dmarc.a.example TXT \"v=DMARC1; p=reject\"",
     "u@c.b.a.example", NULL, NULL, 0, "fail policy=reject at=a.example", NULL},

    /* each name has its own walk */
    {"a signer's own organization",
     "_dmarc.a.example TXT \"v=DMARC1; p=reject\"\n_dmarc.b.a.example TXT \"v=DMARC1; p=none; psd=n\"",
     "u@a.example", "pass:x.b.a.example", NULL, 0, "fail org=a.example",
     "a.example example x.b.a.example b.a.example"},
    {"who is not below the author's organization is not asked for",
     "_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "u@a.example", "pass:b.example",
     "pass:example pass:xa.example", 0, "fail", "a.example example"},
    {"who did not pass is not asked for", "_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "u@a.example",
     "fail:x.a.example", "fail:y.a.example", 0, "fail", "a.example example"},
    {"names are asked for once", "_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "u@x.a.example",
     "pass:y.a.example", "pass:y.a.example", 0, "pass spf dkim=0",
     "x.a.example a.example example y.a.example"},
    {"strict", "_dmarc.a.example TXT \"v=DMARC1; p=reject; adkim=s\"", "u@a.example", NULL,
     "pass:b.a.example", 0, "fail", "a.example example"},
    {"strict SPF, relaxed DKIM", "_dmarc.a.example TXT \"v=DMARC1; p=reject; aspf=s\"", "u@a.example",
     "pass:b.a.example", "pass:b.a.example", 0, "pass dkim=0", NULL},
    {"junk that passed", "_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "u@a.example",
     "pass:", "pass:..a.example pass:b\\.a.example", 0, "fail", "a.example example"},

    /* np: only where the author domain is NXDOMAIN */
    {"np", "_dmarc.a.example TXT \"v=DMARC1; p=none; sp=quarantine; np=reject\"", "u@b.a.example", NULL, NULL,
     0, "fail tag=np policy=reject nonexistent", "b.a.example a.example example A b.a.example"},
    {"np and NODATA",
     "_dmarc.a.example TXT \"v=DMARC1; p=none; sp=quarantine; np=reject\"\nb.a.example TXT \"x\"",
     "u@b.a.example", NULL, NULL, 0, "fail tag=sp policy=quarantine",
     "b.a.example a.example example A b.a.example"},
    {"np and only a name below",
     "_dmarc.a.example TXT \"v=DMARC1; p=none; sp=quarantine; np=reject\"\nx.b.a.example A 192.0.2.1",
     "u@b.a.example", NULL, NULL, 0, "fail tag=sp", NULL},
    {"np and a _dmarc name that exists",
     "_dmarc.a.example TXT \"v=DMARC1; p=none; np=reject\"\n_dmarc.b.a.example A 192.0.2.1", "u@b.a.example",
     NULL, NULL, 0, "fail tag=p policy=none", "b.a.example a.example example"},
    {"np not for the domain itself", "_dmarc.a.example TXT \"v=DMARC1; p=none; np=reject\"", "u@a.example",
     NULL, NULL, 0, "fail tag=p policy=none", "a.example example"},
    {"no np, no question", "_dmarc.a.example TXT \"v=DMARC1; p=none; sp=reject\"", "u@b.a.example", NULL,
     NULL, 0, "fail tag=sp policy=reject", "b.a.example a.example example"},
    {"np like sp, no question", "_dmarc.a.example TXT \"v=DMARC1; p=none; sp=reject; np=reject\"",
     "u@b.a.example", NULL, NULL, 0, "fail tag=sp policy=reject", "b.a.example a.example example"},
    {"np with an error",
     "_dmarc.a.example TXT \"v=DMARC1; p=none; np=reject\"\nb.a.example ERROR SERVFAIL A\n_dmarc.b.a.example "
     "CNAME x.invalid",
     "u@b.a.example", NULL, NULL, 0, "temperror disposition=none reason=A.b.a.example", NULL},
    {"np with an error, but a pass",
     "_dmarc.a.example TXT \"v=DMARC1; p=none; np=reject\"\nb.a.example ERROR SERVFAIL A\n_dmarc.b.a.example "
     "CNAME x.invalid",
     "u@b.a.example", "pass:a.example", NULL, 0, "pass spf", NULL},
    {"RFC 7489 has no np", "_dmarc.a.example TXT \"v=DMARC1; p=none; sp=quarantine; np=reject\"",
     "u@b.a.example", NULL, NULL, DMARC_RFC7489, "fail tag=sp policy=quarantine", "b.a.example a.example"},

    /* t and pct */
    {"t=y", "_dmarc.a.example TXT \"v=DMARC1; p=reject; t=y\"", "u@a.example", NULL, NULL, 0,
     "fail policy=reject applied=quarantine disposition=quarantine", NULL},
    {"t=y with quarantine", "_dmarc.a.example TXT \"v=DMARC1; p=quarantine; t=y\"", "u@a.example", NULL, NULL,
     0, "fail policy=quarantine applied=none disposition=none", NULL},
    {"t=y with none", "_dmarc.a.example TXT \"v=DMARC1; p=none; t=y\"", "u@a.example", NULL, NULL, 0,
     "fail policy=none applied=none", NULL},
    {"pct means nothing", "_dmarc.a.example TXT \"v=DMARC1; p=reject; pct=0\"", "u@a.example", NULL, NULL, 0,
     "fail disposition=reject", NULL},
    {"RFC 7489: t means nothing", "_dmarc.a.example TXT \"v=DMARC1; p=reject; t=y\"", "u@a.example", NULL,
     NULL, DMARC_RFC7489, "fail disposition=reject", NULL},
    {"RFC 7489: pct=0", "_dmarc.a.example TXT \"v=DMARC1; p=reject; pct=0\"", "u@a.example", NULL, NULL,
     DMARC_RFC7489, "fail policy=reject applied=quarantine disposition=quarantine", NULL},

    /* RFC 7489 and the public suffix list */
    {"RFC 7489: the suffix list", "_dmarc.b.a.co.uk TXT \"v=DMARC1; p=reject\"", "u@b.a.co.uk",
     "pass:a.co.uk", NULL, DMARC_RFC7489, "pass spf org=a.co.uk at=b.a.co.uk", "b.a.co.uk"},
    {"RFC 7489: neighbours below a suffix", "_dmarc.a.co.uk TXT \"v=DMARC1; p=reject\"", "u@a.co.uk",
     "pass:b.co.uk", "pass:co.uk", DMARC_RFC7489, "fail org=a.co.uk", "a.co.uk"},
    {"RFC 7489: only author and organization are asked for", "_dmarc.b.a.example TXT \"v=DMARC1; p=reject\"",
     "u@c.b.a.example", NULL, NULL, DMARC_RFC7489, "none", "c.b.a.example a.example"},
    {"RFC 7489: a suffix as author", "_dmarc.co.uk TXT \"v=DMARC1; p=reject\"", "u@co.uk", NULL, NULL,
     DMARC_RFC7489, "fail org=co.uk at=co.uk", "co.uk"},
    {"the walk knows no suffix list", "_dmarc.b.a.co.uk TXT \"v=DMARC1; p=reject\"", "u@b.a.co.uk",
     "pass:a.co.uk", NULL, 0, "fail org=b.a.co.uk", NULL},

    /* errors, at each step */
    {"error at the author", "_dmarc.b.a.example ERROR TIMEOUT\n_dmarc.a.example TXT \"v=DMARC1; p=reject\"",
     "u@b.a.example", "pass:b.a.example", NULL, 0, "temperror at= disposition=none reason=_dmarc.b.a.example",
     "b.a.example"},
    {"error in the middle", "_dmarc.b.a.example ERROR SERVFAIL\n_dmarc.a.example TXT \"v=DMARC1; p=reject\"",
     "u@c.b.a.example", NULL, NULL, 0, "temperror at= org=", "c.b.a.example b.a.example"},
    {"error at the top", "_dmarc.example ERROR SERVFAIL\n_dmarc.a.example TXT \"v=DMARC1; p=reject\"",
     "u@b.a.example", "pass:b.a.example", NULL, 0, "temperror at=", "b.a.example a.example example"},
    {"error above the author's record, the same name passed",
     "_dmarc.example ERROR SERVFAIL\n_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "u@a.example",
     "pass:a.example", NULL, 0, "pass spf policy=reject at=a.example org=", NULL},
    {"error above the author's record, nothing passed",
     "_dmarc.example ERROR SERVFAIL\n_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "u@a.example",
     "fail:a.example", NULL, 0, "fail disposition=reject", NULL},
    {"error above the author's record, another name passed",
     "_dmarc.example ERROR SERVFAIL\n_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "u@a.example",
     "pass:b.a.example", NULL, 0, "temperror policy=reject disposition=none reason=_dmarc.example", NULL},
    {"error above the author's record, strict",
     "_dmarc.example ERROR SERVFAIL\n_dmarc.a.example TXT \"v=DMARC1; p=reject; aspf=s\"", "u@a.example",
     "pass:b.a.example", NULL, 0, "fail", NULL},
    {"error above the author's record, another world passed",
     "_dmarc.example ERROR SERVFAIL\n_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "u@a.example",
     "pass:a.test", NULL, 0, "fail", NULL},
    {"error in a signer's walk",
     "_dmarc.a.example TXT \"v=DMARC1; p=reject\"\n_dmarc.b.a.example ERROR SERVFAIL", "u@a.example", NULL,
     "pass:b.a.example", 0, "temperror policy=reject reason=_dmarc.b.a.example", NULL},
    {"error in one signer's walk, another is aligned",
     "_dmarc.a.example TXT \"v=DMARC1; p=reject\"\n_dmarc.b.a.example ERROR SERVFAIL", "u@a.example", NULL,
     "pass:b.a.example pass:c.a.example", 0, "pass dkim=1", NULL},
    {"RFC 7489: error at the author", "_dmarc.b.a.example ERROR TIMEOUT", "u@b.a.example", NULL, NULL,
     DMARC_RFC7489, "temperror", "b.a.example"},
    {"RFC 7489: error at the organization", "_dmarc.a.example ERROR TIMEOUT", "u@b.a.example", NULL, NULL,
     DMARC_RFC7489, "temperror", "b.a.example a.example"},
    {"SPF temperror of an aligned name", "_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "u@a.example",
     "temperror:b.a.example", NULL, 0, "temperror policy=reject disposition=none reason=SPF", NULL},
    {"SPF temperror of a stranger", "_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "u@a.example",
     "temperror:b.example", NULL, 0, "fail disposition=reject", NULL},
    {"DKIM temperror, but SPF passed", "_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "u@a.example",
     "pass:a.example", "temperror:a.example", 0, "pass spf", NULL},

    /* From */
    {"no author", "_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "Joe", "pass:a.example", NULL, 0,
     "none author= reason=no.domain", ""},
    {"a literal is no author domain", "a.example A 192.0.2.1", "u@[192.0.2.1]", NULL, NULL, 0,
     "none author=", ""},
    {"several domains", "_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "u@a.example, v@b.example",
     "pass:a.example", NULL, 0, "permerror author= disposition=none reason=a.example,.b.example", ""},
    {"several of one domain", "_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "u@a.example, v@A.example",
     "pass:a.example", NULL, 0, "pass spf", NULL},
    {"several readings", "_dmarc.a.example TXT \"v=DMARC1; p=reject\"", "u@a.example v@b.example",
     "pass:b.example", NULL, 0, "permerror author= disposition=none reason=several.ways", ""},
    {"U-labels", "_dmarc.xn--bcher-kva.example TXT \"v=DMARC1; p=reject\"",
     "u@b\xc3\xbc"
     "cher.example",
     "pass:xn--bcher-kva.example", NULL, 0, "pass spf author=xn--bcher-kva.example",
     "xn--bcher-kva.example example"},
    {"U-labels that IDNA2003 took for others", "_dmarc.xn--fa-hia.example TXT \"v=DMARC1; p=reject\"",
     "u@fa\xc3\x9f.example", "pass:fass.example", NULL, 0, "fail author=xn--fa-hia.example", NULL},
    {"U-labels of a signer", "_dmarc.xn--bcher-kva.example TXT \"v=DMARC1; p=reject\"",
     "u@xn--bcher-kva.example", NULL,
     "pass:B\xc3\x9c"
     "cher.example",
     0, "pass dkim=0", NULL},
};

static DmarcIdentity identity_of(const char *word)
{
    g_autofree char *result = word ? g_strndup(word, strcspn(word, ":")) : NULL;

    return word ? (DmarcIdentity){strchr(word, ':') + 1, dmarc_auth_of(result)} : (DmarcIdentity){0};
}

/* The fact that a word of `expected` names, as text; "" is what is not known. */
static const char *fact(const DmarcResult *r, const char *name)
{
    const struct {
        const char *name, *value;
    } facts[] = {
        {"author", r->author},
        {"org", r->org_domain},
        {"at", r->policy_domain},
        {"tag", r->tag},
        {"policy", dmarc_policy_name(r->policy)},
        {"applied", dmarc_policy_name(r->applied)},
        {"disposition", dmarc_policy_name(r->disposition)},
        {"reason", r->reason},
    };

    for (guint i = 0; i < G_N_ELEMENTS(facts); i++)
        if (strcmp(facts[i].name, name) == 0)
            return facts[i].value ? facts[i].value : "";
    fail_msg("no fact %s", name);
    return NULL;
}

/* "name=value"; of a reason, any part of it, with dots for blanks. */
static void expect_fact(const DmarcResult *r, const char *word)
{
    g_auto(GStrv) pair = g_strsplit(word, "=", 2);
    const char *got = fact(r, pair[0]);

    if (strcmp(pair[0], "reason") == 0 ? !g_regex_match_simple(pair[1], got, 0, 0)
                                       : strcmp(pair[1], got) != 0)
        fail_msg("%s, got \"%s\" (%s)", word, got, r->reason);
}

/* Flags that are not named must not be set. */
static void expect_all(const DmarcResult *r, const char *expected)
{
    g_auto(GStrv) words = g_strsplit(expected, " ", -1);
    gboolean spf = FALSE, psd = FALSE, nonexistent = FALSE;
    gint dkim = -1;

    if (strcmp(words[0], dmarc_code_name(r->code)) != 0)
        fail_msg("expected %s, got %s (%s)", words[0], dmarc_code_name(r->code), r->reason);
    for (char **w = words + 1; *w; w++) {
        if (strcmp(*w, "spf") == 0)
            spf = TRUE;
        else if (strcmp(*w, "psd") == 0)
            psd = TRUE;
        else if (strcmp(*w, "nonexistent") == 0)
            nonexistent = TRUE;
        else if (g_str_has_prefix(*w, "dkim="))
            dkim = atoi(*w + 5);
        else
            expect_fact(r, *w);
    }
    assert_int_equal(r->spf_aligned, spf);
    assert_int_equal(r->dkim_aligned, dkim);
    assert_int_equal(r->psd, psd);
    assert_int_equal(r->nonexistent, nonexistent);
}

static void expect_queries(const DmarcResult *r, const char *expected)
{
    g_autoptr(GString) got = g_string_new(NULL);

    for (guint i = 0; i < r->n_queries; i++) {
        const DmarcQuery *q = &r->queries[i];
        const char *blank = got->len ? " " : "";
        if (q->type == DNS_TXT && g_str_has_prefix(q->name, "_dmarc."))
            g_string_append_printf(got, "%s%s", blank, q->name + 7);
        else
            g_string_append_printf(got, "%s%s %s", blank, dns_type_name(q->type), q->name);
    }
    assert_string_equal(got->str, expected);
}

static void check(void **state)
{
    const Row *row = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Resolver) zone = zone_resolver_parse("zone", row->zone, strlen(row->zone), &error);
    g_autoptr(DmarcAuthors) authors = dmarc_authors_new();
    g_auto(GStrv) signatures = g_strsplit(row->dkim ? row->dkim : "", " ", -1);
    DmarcIdentity dkim[SIGNATURES_MAX];
    DmarcRequest request = {.resolver = zone,
                            .standard = row->standard,
                            .authors = authors,
                            .spf = identity_of(row->spf),
                            .dkim = dkim,
                            .n_dkim = g_strv_length(signatures)};
    g_autoptr(DmarcResult) result = NULL;

    assert_non_null(zone);
    assert_true(request.n_dkim <= SIGNATURES_MAX);
    for (guint i = 0; i < request.n_dkim; i++)
        dkim[i] = identity_of(signatures[i]);
    dmarc_authors_add(authors, row->from, -1);
    result = dmarc_check(&request);
    expect_all(result, row->expected);
    if (row->queries)
        expect_queries(result, row->queries);
    assert_true((result->policy_domain == NULL) == (result->record == NULL));
    assert_true((result->policy_domain == NULL) == (result->text == NULL));
}

/* RFC 7489 §6.6.4: `sample` is the dice. */
static void test_sample(void **state)
{
    g_autoptr(Resolver) zone = zone_new();
    g_autoptr(DmarcAuthors) authors = dmarc_authors_new();

    zone_add_text(zone, "_dmarc.a.example", "v=DMARC1; p=reject; pct=40", 26);
    assert_true(dmarc_authors_add_domain(authors, "a.example"));
    for (guint sample = 0; sample < 100; sample++) {
        DmarcRequest request = {
            .resolver = zone, .standard = DMARC_RFC7489, .authors = authors, .sample = sample};
        g_autoptr(DmarcResult) r = dmarc_check(&request);
        assert_int_equal(r->disposition, sample < 40 ? DMARC_POLICY_REJECT : DMARC_POLICY_QUARANTINE);
    }
}

/* Whatever a message brings, the questions are bounded, and the sentence says so. */
static void test_bounded(void **state)
{
    enum { MANY = 200 };
    g_autoptr(Resolver) zone = zone_new();
    g_autoptr(DmarcAuthors) authors = dmarc_authors_new();
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    DmarcIdentity dkim[MANY];
    DmarcRequest request = {.resolver = zone, .authors = authors, .n_dkim = MANY, .dkim = dkim};
    g_autoptr(DmarcResult) result = NULL;

    zone_add_text(zone, "_dmarc.a.example", "v=DMARC1; p=reject", 18);
    dmarc_authors_add(authors, "u@a.example", -1);
    for (guint i = 0; i < MANY; i++) {
        g_autofree char *owner = g_strdup_printf("_dmarc.n%u.a.example", i);
        zone_add_text(zone, owner, "v=DMARC1; p=none; psd=n", 23); /* each an organization of its own */
        g_ptr_array_add(names, g_strdup_printf("n%u.a.example", i));
        dkim[i] = (DmarcIdentity){g_ptr_array_index(names, i), DMARC_AUTH_PASS};
    }
    result = dmarc_check(&request);
    assert_int_equal(result->code, DMARC_FAIL);
    assert_int_equal(result->n_queries, DMARC_QUERIES_MAX);
    assert_non_null(strstr(result->reason, "limit"));
}

/* Names that are too long to be asked for do not exist; the others of the walk are asked for. */
static void test_long_name(void **state)
{
    g_autoptr(Resolver) zone = zone_new();
    g_autoptr(DmarcAuthors) authors = dmarc_authors_new();
    g_autoptr(GString) name = g_string_new(NULL);
    DmarcRequest request = {.resolver = zone, .authors = authors};
    g_autoptr(DmarcResult) result = NULL;

    for (guint i = 0; i < 123; i++)
        g_string_append(name, "a.");
    g_string_append(name, "b.example"); /* 255 bytes, two more than a name can have */
    zone_add_text(zone, "_dmarc.b.example", "v=DMARC1; p=none; np=reject", 27);
    assert_true(dmarc_authors_add_domain(authors, name->str));
    result = dmarc_check(&request);
    expect_all(result, "fail tag=np policy=reject at=b.example org=b.example nonexistent");
    for (guint i = 0; i < result->n_queries; i++)
        assert_true(strlen(result->queries[i].name) <= 253);
}

static void test_org_domain(void **state)
{
    g_autoptr(Resolver) zone = zone_new();

    zone_add_text(zone, "_dmarc.a.example", "v=DMARC1; p=none", 16);
    zone_add_error(zone, "_dmarc.test", DNS_TXT, "timeout");
    g_autofree char *walked = dmarc_org_domain(zone, 0, DMARC_RFC9989, "C.B.a.example.");
    g_autofree char *listed = dmarc_org_domain(zone, 0, DMARC_RFC7489, "c.b.co.uk");
    g_autofree char *failed = dmarc_org_domain(zone, 0, DMARC_RFC9989, "a.test");
    g_autofree char *junk = dmarc_org_domain(zone, 0, DMARC_RFC9989, "a..b");
    assert_string_equal(walked, "a.example");
    assert_string_equal(listed, "b.co.uk");
    assert_null(failed);
    assert_null(junk);
}

static void test_authres(void **state)
{
    g_autoptr(AuthRes) ar = authres_new("mx.example.net");
    g_autofree char *value = NULL;

    dmarc_authres(ar, &(DmarcResult){.code = DMARC_FAIL,
                                     .author = "a.example",
                                     .policy_domain = "a.example",
                                     .policy = DMARC_POLICY_REJECT,
                                     .applied = DMARC_POLICY_QUARANTINE});
    dmarc_authres(ar, &(DmarcResult){.code = DMARC_NONE, .author = "b.example"});
    dmarc_authres(ar, &(DmarcResult){.code = DMARC_PERMERROR});
    value = authres_to_string(ar, NULL);
    assert_string_equal(value, "mx.example.net; dmarc=fail header.from=a.example policy.dmarc=quarantine; "
                               "dmarc=none header.from=b.example; dmarc=permerror");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample),     cmocka_unit_test(test_bounded), cmocka_unit_test(test_long_name),
        cmocka_unit_test(test_org_domain), cmocka_unit_test(test_authres),
    };

    return RUN_ROWS("dmarc_check", rows, check) + cmocka_run_group_tests(tests, NULL, NULL);
}
