/*
 * sign — DKIM signatures on mail of our own people (E2; RFC 6376 §5).
 *
 * Whose: an internal client's, a login's, or what the host itself makes. By the domain of the author in From:, which must be
 * one: two authors of different domains cannot both be answered for, and receivers that ask for DMARC refuse such mail.
 * A login must be allowed to write as that domain, by the same rules as for its envelope sender:
 *
 *     SMTP-Auth:fred@example.com, SMTP-Auth:fred, SMTP-Auth:example.com
 *
 * and by login= of the key, if there is one. Mail of our own that is not signed leaves one line in the log with the reason.
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
    else
        signer->author = pool_strdup(message_pool(signer->message), authors->domains[0]);
}

/* B3, of the author instead of the envelope sender. */
static gboolean login_may(Signer *signer, const char *login)
{
    Session *session = message_session(signer->message);
    Pool *pool = message_pool(signer->message);
    g_autofree char *folded = g_ascii_strdown(login, -1);
    const char *keys[] = {pool_printf(pool, "%s@%s", folded, signer->author), folded, signer->author, NULL};
    g_autoptr(Pool) scratch = pool_new();
    Ruling ruling;
    Rule rule;
    policy_rule(snapshot_policy(session_snapshot(session)), scratch, TAG_SMTP_AUTH, keys, NULL, &ruling,
                &rule);
    return ruling.verb == VERB_OK || ruling.verb == VERB_WHITELIST;
}

static gboolean key_is_for(const SigningKey *key, const char *login)
{
    return !key->logins || (login && patterns_match(key->logins, login));
}

/* Keys that sign this message; none with why_not set. */
static GPtrArray *choose_keys(Signer *signer)
{
    Pool *pool = message_pool(signer->message);
    const char *login = session_login(message_session(signer->message));
    GPtrArray *chosen = g_ptr_array_new();
    const GPtrArray *all =
        signer->why_not ? NULL : keytable_find(signer->config->loaded.keys, signer->author);
    for (guint i = 0; all && i < all->len; i++)
        if (key_is_for(all->pdata[i], login))
            g_ptr_array_add(chosen, all->pdata[i]);
    if (signer->why_not)
        return chosen;
    if (!all)
        signer->why_not = pool_printf(pool, "no key for %s", signer->author);
    else if (!chosen->len || (login && !login_may(signer, login)))
        signer->why_not = pool_printf(pool, "%s may not sign as %s", login ? login : "who has not logged in",
                                      signer->author);
    else if (!message_has_hash(signer->message, signer->config->sign.body_canon))
        signer->why_not = "the body was not hashed";
    if (signer->why_not)
        g_ptr_array_set_size(chosen, 0);
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
