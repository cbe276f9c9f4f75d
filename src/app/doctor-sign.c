/* The doctor's checks of signatures: the public keys, and what the MTA does to a message behind our back. */
#include "app/doctor.h"

#include <string.h>

#include "app/mta-files.h"
#include "app/published.h"
#include "conf/keytable.h"

#define LINE_MAX_SMTP 998 /* RFC 5321 §4.5.3.1.6 */

/* --- keys --- */

static void check_key(Doctor *doctor, DkimKey *key, const char *file, const char *domain,
                      const char *selector)
{
    g_autofree char *why = NULL;
    g_autofree char *name =
        dkim_key_name(domain, selector, NULL); /* its key has been tried when it was loaded */
    g_autofree char *line = dkim_key_zone_line(key, name);
    DkimCode code = published_key(key, domain, selector, doctor->outside.resolver, &why);
    if (code == DKIM_TEMPERROR)
        advise(doctor, ADVICE_WARNING, NULL, NULL, "the public key of %s cannot be looked up now: %s", file,
               why);
    else if (code != DKIM_PASS)
        advise(doctor, ADVICE_ERROR, "the DNS zone", line, "signatures with %s fail: %s: %s", file, name,
               why);
}

/* Several patterns may sign with one key in one name. */
static gboolean is_checked(const GPtrArray *keys, guint index)
{
    const SigningKey *key = keys->pdata[index];
    for (guint i = 0; i < index && key->domain; i++) {
        const SigningKey *other = keys->pdata[i];
        if (other->domain && strcmp(other->file, key->file) == 0 &&
            strcmp(other->selector, key->selector) == 0 &&
            g_ascii_strcasecmp(other->domain, key->domain) == 0)
            return TRUE;
    }
    return FALSE;
}

void doctor_keys(Doctor *doctor)
{
    const Config *config = doctor->config;
    const GPtrArray *keys = config->loaded.keys ? keytable_keys(config->loaded.keys) : NULL;
    if (doctor->dns_is_away)
        return;
    for (guint i = 0; keys && i < keys->len; i++) {
        const SigningKey *key = keys->pdata[i];
        if (is_checked(keys, i))
            continue;
        if (key->domain)
            check_key(doctor, key->key, key->file, key->domain, key->selector);
        else
            advise(doctor, ADVICE_NOTE, key->where, NULL,
                   "%s signs as each domain that matches %s: whether they all have the key is not known",
                   key->file, key->pattern);
    }
    if (config->loaded.seal_key)
        check_key(doctor, config->loaded.seal_key, config->arc.key, config->arc.domain, config->arc.selector);
}

/* --- the MTA --- */

static gboolean signs(const Doctor *doctor)
{
    return doctor->config->loaded.keys || doctor->config->loaded.seal_key;
}

static gboolean is_no(const char *value)
{
    return g_ascii_strcasecmp(value, "no") == 0;
}

static gboolean is_set(const char *value)
{
    return *value != '\0';
}

static gboolean cuts_lines(const char *value)
{
    return strcmp(value, "0") != 0;
}

static gboolean hides_8bitmime(const char *value)
{
    g_autofree char *lower = g_ascii_strdown(value, -1);
    return strstr(lower, "8bitmime") != NULL;
}

/* What Postfix does behind the filter, on its way out (smtp(8)). */
static const struct {
    const char *name, *fallback;
    gboolean (*harms)(const char *value);
    const char *change, *why;
} postfix_changes[] = {
    {"disable_mime_output_conversion", "no", is_no, "disable_mime_output_conversion = yes",
     "8-bit mail is recoded for servers without 8BITMIME, and its signature is broken"},
    {"smtp_line_length_limit", "998", cuts_lines, "smtp_line_length_limit = 0",
     "lines over 998 bytes are cut, and the signature is broken"},
    {"smtp_discard_ehlo_keywords", "", hides_8bitmime, "smtp_discard_ehlo_keywords =",
     "8BITMIME is not used, so 8-bit mail is recoded and its signature broken"},
    {"smtp_generic_maps", "", is_set,
     "smtp_generic_maps =", "addresses in signed fields are rewritten on the way out"},
    {"smtp_header_checks", "", is_set, "smtp_header_checks =", "signed fields may be changed on the way out"},
    {"smtp_mime_header_checks", "", is_set,
     "smtp_mime_header_checks =", "signed bodies may be changed on the way out"},
    {"smtp_nested_header_checks", "", is_set,
     "smtp_nested_header_checks =", "signed bodies may be changed on the way out"},
    {"smtp_body_checks", "", is_set, "smtp_body_checks =", "signed bodies may be changed on the way out"},
};

void doctor_postfix_signing(Doctor *doctor, const char *main_path, GHashTable *values)
{
    for (gsize i = 0; signs(doctor) && i < G_N_ELEMENTS(postfix_changes); i++) {
        g_autofree char *value = postfix_value(values, postfix_changes[i].name, postfix_changes[i].fallback);
        if (postfix_changes[i].harms(value))
            advise(doctor, ADVICE_WARNING, main_path, postfix_changes[i].change, "%s = %s: %s",
                   postfix_changes[i].name, value, postfix_changes[i].why);
    }
}

/* Mail that leaves goes by one of these, unless somebody has chosen another. */
static gboolean is_usual(const SendmailMailer *mailer)
{
    return mailer->is_smtp && (strcmp(mailer->name, "esmtp") == 0 || strcmp(mailer->name, "relay") == 0);
}

static void check_mailer(Doctor *doctor, const SendmailMailer *mailer)
{
    gboolean relay = strcmp(mailer->name, "relay") == 0;
    g_autofree char *where = g_strdup_printf("%s:%u", doctor->sendmail, mailer->line);
    if (!strchr(mailer->flags, '8'))
        advise(doctor, ADVICE_WARNING, where,
               relay ? "define(`RELAY_MAILER_FLAGS', `8')dnl" : "define(`SMTP_MAILER_FLAGS', `8')dnl",
               "mailer %s recodes 8-bit mail for servers without 8BITMIME, and the signature is broken (F= "
               "without "
               "8)",
               mailer->name);
    if (mailer->line_max > 0 && mailer->line_max < LINE_MAX_SMTP)
        advise(doctor, ADVICE_WARNING, where,
               relay ? "define(`RELAY_MAILER_LL', `0')dnl" : "define(`SMTP_MAILER_LL', `0')dnl",
               "mailer %s cuts lines over %d bytes, and the signature is broken (L=)", mailer->name,
               mailer->line_max);
}

/* Of sendmail.cf; in an .mc file none of this is found, for it does not say what it makes. */
void doctor_sendmail_signing(Doctor *doctor, const char *text)
{
    if (!signs(doctor))
        return;
    g_autoptr(GPtrArray) mailers = sendmail_mailers(text);
    g_autofree char *masquerade = sendmail_macro(text, 'M');
    for (guint i = 0; i < mailers->len; i++)
        if (is_usual(mailers->pdata[i]))
            check_mailer(doctor, mailers->pdata[i]);
    if (masquerade && *masquerade)
        advise(doctor, ADVICE_WARNING, doctor->sendmail, "leave MASQUERADE_AS out, or sign behind this host",
               "From: is rewritten to %s on the way out, and the signature is broken", masquerade);
    if (sendmail_option_is_on(text, "SevenBitInput"))
        advise(doctor, ADVICE_WARNING, doctor->sendmail, "define(`confSEVEN_BIT_INPUT', `False')dnl",
               "SevenBitInput: 8-bit mail loses a bit of every byte");
}
