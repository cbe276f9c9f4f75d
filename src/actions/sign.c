/*
 * sign — DKIM signatures on mail of our own people (E2; RFC 6376 §5).
 *
 * Whose: an internal client's, a login's, or what the host itself makes. By the domain of the author in From:, which must be
 * one: two authors of different domains cannot both be answered for, and receivers that ask for DMARC refuse such mail.
 * A login must be allowed to write as that domain. Who says so is the first of these:
 *
 *     the policy     SMTP-Auth:fred@example.com, SMTP-Auth:fred, SMTP-Auth:example.com, the tag alone (B3)
 *     the key        login=fred; with login= it is for nobody else, whatever the policy says
 *     the login      fred@example.com may sign as example.com
 *     [sign] any_login
 *
 * So a stolen password signs as its own domain at most, unless somebody has written otherwise. Mail of our own that is not
 * signed leaves one line in the log with the reason.
 *
 * What: the header with all edits, the body as it is delivered. Runs last.
 */
#include "actions/actions.h"

#include <postern/dkim.h>
#include <postern/dmarc.h>
#include <postern/header.h>
#include <string.h>

#include "conf/keytable.h"
#include "flow/engine.h"

static gboolean wanted(const Config *config)
{
    return config->loaded.keys != NULL;
}

static void on_headers(Message *message)
{
    Session *session = message_session(message);
    if (session_is_ours(session))
        message_want_hash(message, session_config(session)->sign.body_canon);
}

/* --- who --- */

typedef struct {
    Message *message;
    const Config *config;
    const GArray *fields; /* Header, as delivered */
    const char *author;   /* domain */
    const char *why_not;  /* NULL: it is signed */
} Signer;

static void find_author(Signer *signer)
{
    g_autoptr(DmarcAuthors) authors = dmarc_authors_new();
    for (guint i = 0; i < signer->fields->len; i++) {
        const Header *field = &g_array_index(signer->fields, Header, i);
        if (header_name_is(field->name, -1, "From"))
            dmarc_authors_add(authors, field->value, -1);
    }
    if (!authors->n_fields)
        signer->why_not = "there is no From:";
    else if (authors->n_fields > 1)
        signer->why_not = "there is more than one From:";
    else if (authors->malformed || authors->n_without || !authors->n)
        signer->why_not = "no author with a domain can be read from From:";
    else if (authors->n > 1)
        signer->why_not = "the authors in From: are of different domains";
    else if (!dmarc_authors_only(authors))
        signer->why_not = "From: can be read in several ways";
    else
        signer->author = pool_strdup(message_pool(signer->message), dmarc_authors_only(authors));
}

typedef enum { RULE_SAYS_NOTHING, RULE_ALLOWS, RULE_FORBIDS } RuleSays;

/* B3, of the author instead of the envelope sender. */
static RuleSays ask_policy(const Signer *signer, const char *login)
{
    Session *session = message_session(signer->message);
    g_autoptr(Pool) scratch = pool_new();
    g_autofree char *folded = g_ascii_strdown(login, -1);
    const char *keys[] = {pool_printf(scratch, "%s@%s", folded, signer->author), folded, signer->author,
                          NULL};
    Ruling ruling;
    Rule rule;
    policy_rule(snapshot_policy(session_snapshot(session)), scratch, TAG_SMTP_AUTH, keys, NULL, &ruling,
                &rule);
    if (strcmp(rule.source, RULE_BUILT_IN) == 0)
        return RULE_SAYS_NOTHING;
    return ruling.verb == VERB_OK || ruling.verb == VERB_WHITELIST ? RULE_ALLOWS : RULE_FORBIDS;
}

/* Compared as A-labels (RFC 8616 §4), as the author's is. */
static gboolean is_own_domain(const Signer *signer, const char *login)
{
    const char *at = strrchr(login, '@');
    g_autoptr(DmarcAuthors) own = dmarc_authors_new();
    return at && dmarc_authors_add_domain(own, at + 1) && strcmp(own->domains[0], signer->author) == 0;
}

static gboolean key_is_for(const SigningKey *key, const char *login)
{
    return !key->logins || (login && patterns_match(key->logins, login));
}

/* Why not; NULL: it may. `says` is what the policy says, RULE_ALLOWS where nobody has logged in. */
static const char *why_key_may_not(const Signer *signer, const SigningKey *key, const char *login,
                                   RuleSays says)
{
    if (!key_is_for(key, login))
        return "the key is for certain logins";
    if (says == RULE_FORBIDS)
        return "a rule for SMTP-Auth forbids it";
    if (says == RULE_ALLOWS || key->logins || is_own_domain(signer, login) ||
        patterns_match(signer->config->sign.any_login, signer->author))
        return NULL;
    return "no rule for SMTP-Auth, login= or [sign] any_login allows it";
}

static void choose_of(Signer *signer, const GPtrArray *all, GPtrArray *chosen)
{
    const char *login = session_login(message_session(signer->message)), *why = NULL;
    RuleSays says = login ? ask_policy(signer, login) : RULE_ALLOWS;
    for (guint i = 0; i < all->len; i++) {
        const char *why_not = why_key_may_not(signer, all->pdata[i], login, says);
        if (why_not)
            why = why_not;
        else
            g_ptr_array_add(chosen, all->pdata[i]);
    }
    if (!chosen->len)
        signer->why_not = pool_printf(message_pool(signer->message), "%s may not sign as %s: %s",
                                      login ? login : "who has not logged in", signer->author, why);
}

/* Keys that sign this message; none with why_not set. */
static GPtrArray *choose_keys(Signer *signer)
{
    GPtrArray *chosen = g_ptr_array_new();
    if (signer->why_not)
        return chosen;
    const GPtrArray *all = keytable_find(signer->config->loaded.keys, signer->author);
    if (!all)
        signer->why_not = pool_printf(message_pool(signer->message), "no key for %s", signer->author);
    else if (!message_has_hash(signer->message, signer->config->sign.body_canon))
        signer->why_not = "the body was not hashed";
    else
        choose_of(signer, all, chosen);
    return chosen;
}

/* --- what --- */

static DkimHeader *make_header(const Signer *signer)
{
    DkimHeader *header = dkim_header_new();
    for (guint i = 0; i < signer->fields->len; i++) {
        const Header *field = &g_array_index(signer->fields, Header, i);
        dkim_header_add(header, field->name, -1, field->value, -1);
    }
    return header;
}

/* Names are borrowed. Ends with NULL. */
static GPtrArray *choose_oversigned(const Signer *signer, const DkimHeader *header)
{
    GPtrArray *names = g_ptr_array_new();
    for (char **name = signer->config->sign.oversign; *name; name++)
        g_ptr_array_add(names, *name);
    for (char **name = signer->config->sign.oversign_present; *name; name++)
        if (dkim_header_count(header, *name))
            g_ptr_array_add(names, *name);
    g_ptr_array_add(names, NULL);
    return names;
}

static void sign_with(const Signer *signer, const SigningKey *key, DkimSigning *signing,
                      const DkimHeader *header)
{
    Message *message = signer->message;
    g_autoptr(GError) error = NULL;
    signing->key = key->key;
    signing->domain = key->domain ? key->domain : signer->author;
    signing->selector = key->selector;
    signing->identity = key->identity;
    g_autofree char *value = dkim_sign(signing, header, message_delivered_hashes(message), &error);
    if (!value) {
        message_log(message, LOG_LEVEL_WARNING, "not signed:", "d=%s s=%s: %s", signing->domain,
                    signing->selector, error->message);
        return;
    }
    edits_prepend_header(message_edits(message), "sign", "DKIM-Signature", value);
    message_log(message, LOG_LEVEL_INFO, "signed:", "d=%s s=%s %s", signing->domain, signing->selector,
                dkim_algorithm_name(dkim_key_algorithm(key->key)));
}

/* Each key signs the same header: signatures do not cover one another. */
static void sign_all(const Signer *signer, const GPtrArray *keys)
{
    const Config *config = signer->config;
    gint64 now = clock_seconds(session_clock(message_session(signer->message)));
    g_autoptr(DkimHeader) header = make_header(signer);
    g_autoptr(GPtrArray) oversigned = choose_oversigned(signer, header);
    DkimSigning signing = {
        .header_canon = config->sign.header_canon,
        .body_canon = config->sign.body_canon,
        .timestamp = config->sign.timestamp ? now : 0,
        .expires = config->sign.expire ? now + config->sign.expire : 0,
        .fields = *config->sign.fields ? (const char *const *)config->sign.fields : NULL,
        .oversign = (const char *const *)oversigned->pdata,
    };
    for (guint i = 0; i < keys->len; i++)
        sign_with(signer, keys->pdata[i], &signing, header);
}

static void apply(Message *message)
{
    Session *session = message_session(message);
    if (!session_is_ours(session))
        return;
    Signer signer = {message, session_config(session), message_delivered_header(message), NULL, NULL};
    find_author(&signer);
    g_autoptr(GPtrArray) keys = choose_keys(&signer);
    if (signer.why_not)
        message_log(message, LOG_LEVEL_INFO, "not signed:", "%s", signer.why_not);
    else
        sign_all(&signer, keys);
}

const Action action_sign = {
    .name = "sign",
    .wanted = wanted,
    .headers = on_headers,
    .apply = apply,
};
