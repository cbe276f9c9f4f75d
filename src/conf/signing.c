#include "conf/signing.h"

#include <gio/gio.h>
#include <postern/address.h>
#include <string.h>

#include "conf/files.h"

#define SECRETS_BYTES_MAX 65536u

/* How often an address that passes here again and again is taken apart. Each time makes it longer, so that it soon is none. */
#define REVERSE_MAX 8

/* The message number of an SES tag has so many bits at least, whatever max_age is (lib/ses.c). */
#define SES_NUMBER_BITS 30

char **signing_read_secrets(const char *path, GError **error)
{
    gsize len;
    g_autofree char *text = file_read(path, SECRETS_BYTES_MAX, FILE_SECRET, &len, error);
    if (!text)
        return NULL;
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++)
        if (*g_strstrip(*line))
            g_ptr_array_add(found, g_strdup(*line));
    if (!found->len) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: there is no secret in it", path);
        return NULL;
    }
    g_ptr_array_add(found, NULL);
    return (char **)g_ptr_array_steal(found, NULL);
}

static const char *const *secrets(const Config *config)
{
    return (const char *const *)config->loaded.srs_secrets;
}

static SrsSettings srs_settings(const Config *config)
{
    return (SrsSettings){
        .secrets = secrets(config),
        .max_age = config->srs.max_age,
        .hash_length = config->srs.hash_length,
        .separator = *config->srs.separator,
        .always_rewrite = TRUE, /* who is not to be rewritten does not come so far */
    };
}

static SesSettings ses_settings(const Config *config)
{
    return (SesSettings){.secrets = secrets(config), .expiry = config->srs.max_age};
}

static BatvSettings batv_settings(const Config *config)
{
    return (BatvSettings){.secrets = secrets(config), .lifetime = config->srs.batv_days};
}

/* "" for an address without one. */
static const char *domain_of(const char *address)
{
    const char *at = strrchr(address, '@');
    return at ? at + 1 : "";
}

gboolean signing_is_on(const Config *config)
{
    return config->loaded.srs_secrets != NULL;
}

SignKind signing_kind(const Config *config, const char *domain)
{
    const struct {
        const PatternList *domains;
        SignKind kind;
    } kinds[] = {
        {config->srs.sign_ses, SIGN_SES},
        {config->srs.sign_srs, SIGN_SRS},
        {config->srs.sign_batv, SIGN_BATV},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(kinds) && signing_is_on(config) && *domain; i++)
        if (patterns_match(kinds[i].domains, domain))
            return kinds[i].kind;
    return SIGN_NONE;
}

gboolean signing_knows(const Config *config, const char *domain)
{
    return signing_is_on(config) && *domain &&
           (signing_kind(config, domain) != SIGN_NONE || patterns_match(config->srs.domains, domain) ||
            g_ascii_strcasecmp(config->srs.forward_domain, domain) == 0);
}

gboolean signing_is_local(const Config *config, const char *domain)
{
    return patterns_match(config->sender.internal_domains, domain) ||
           patterns_match(config->srs.local_domains, domain) || signing_knows(config, domain);
}

/* RFC 5321 §4.5.3.1.1 has 64 bytes for a local part, and asks to accept longer ones where possible: what is longer than
 * even that is not written. */
static char *if_short_enough(char *address)
{
    const char *at = address ? strrchr(address, '@') : NULL;
    if (at && at - address <= ADDRESS_LOCAL_MAX)
        return address;
    g_free(address);
    return NULL;
}

char *signing_sign(const Config *config, const char *address, gint64 now, guint64 number)
{
    SignKind kind = signing_kind(config, domain_of(address));
    if (srs_bears_tag(address))
        return NULL;
    SrsSettings srs = srs_settings(config);
    SesSettings ses = ses_settings(config);
    BatvSettings batv = batv_settings(config);
    switch (kind) {
    case SIGN_SRS:
        return if_short_enough(srs_sign(&srs, address, now));
    case SIGN_SES:
        return if_short_enough(ses_sign(&ses, address, number & (((guint64)1 << SES_NUMBER_BITS) - 1), now));
    case SIGN_BATV:
        return if_short_enough(batv_sign(&batv, address, now));
    case SIGN_NONE:
        break;
    }
    return NULL;
}

char *signing_forward(const Config *config, const char *address, gint64 now)
{
    if (!signing_is_on(config) || !*config->srs.forward_domain)
        return NULL;
    g_autofree char *ours = NULL;
    if (signing_reverse(config, address, now, &ours) == SRS_VALID)
        return NULL;
    SrsSettings srs = srs_settings(config);
    return if_short_enough(srs_forward(&srs, address, config->srs.forward_domain, now));
}

SrsStatus signing_reverse(const Config *config, const char *address, gint64 now, char **ret)
{
    if (!signing_knows(config, domain_of(address)))
        return SRS_UNTAGGED;
    SrsSettings srs = srs_settings(config);
    SesSettings ses = ses_settings(config);
    BatvSettings batv = batv_settings(config);
    SrsStatus status = srs_reverse(&srs, address, now, ret);
    if (status == SRS_UNTAGGED)
        status = ses_verify(&ses, address, now, ret, NULL);
    if (status == SRS_UNTAGGED)
        status = batv_verify(&batv, address, now, ret);
    return status;
}

gboolean signing_is_counted(const Config *config, const char *address)
{
    static const char tag[] = "SES=";
    const SesSettings ses = ses_settings(config);
    const char *local = *address == '"' ? address + 1 : address;
    return g_ascii_strncasecmp(local, tag, strlen(tag)) == 0 && !ses_is_fixed(&ses, address);
}

SrsStatus signing_reverse_all(const Config *config, const char *address, gint64 now, char **ret)
{
    g_autofree char *reached = NULL;
    SrsStatus status = signing_reverse(config, address, now, &reached);
    if (status != SRS_VALID)
        return status;
    for (guint i = 0; i < REVERSE_MAX; i++) {
        char *next;
        if (signing_reverse(config, reached, now, &next) != SRS_VALID)
            break;
        g_free(reached);
        reached = next;
    }
    *ret = g_steal_pointer(&reached);
    return SRS_VALID;
}
