/* `sign` and `seal`: the message of a case gets a DKIM signature or an ARC set; its key is made here, and published in the
 * zone. */
#include "world.h"

#include <postern/arc.h>
#include <postern/zone.h>
#include <string.h>

#define SELECTOR "case"
#define RSA_BITS 1024 /* the least that counts: cases are many */

/* "canon=simple/simple" → "simple/simple"; NULL: the line has no such word. */
static const char *option(const Line *line, const char *name)
{
    gsize len = strlen(name);
    for (guint i = 2; i < line->n; i++)
        if (strncmp(line->words[i], name, len) == 0 && line->words[i][len] == '=')
            return line->words[i] + len + 1;
    return NULL;
}

/* "names=From:Subject": exactly these, nothing is oversigned; NULL: as usual. The caller frees. */
static char **names_option(const Line *line)
{
    const char *text = option(line, "names");
    return text ? g_strsplit(text, ":", -1) : NULL;
}

static DkimKey *case_key(World *world, gboolean rsa)
{
    DkimKey **key = &world->keys[rsa ? 1 : 0];
    if (!*key)
        *key = dkim_key_generate(rsa ? DKIM_RSA_SHA256 : DKIM_ED25519_SHA256, RSA_BITS, NULL);
    g_assert(*key);
    return *key;
}

/* Once in a zone: two records of one name would be an error. */
static void publish(World *world, const DkimKey *key, const char *selector, const char *domain)
{
    g_autofree char *ascii = g_hostname_to_ascii(domain);
    g_autofree char *name = g_strdup_printf("%s._domainkey.%s", selector, ascii);
    if (!g_hash_table_add(world->published, g_strdup(name)))
        return;
    g_autofree char *record = dkim_key_record(key);
    zone_add_text(world->zone, name, record, strlen(record));
}

/* The message as it is sent: CRLF, and where the body begins. */
typedef struct {
    char *bytes;
    gsize start;
    DkimHeader *header;
    DkimBody *body;
} Letter;

static void letter_clear(Letter *letter)
{
    dkim_header_free(letter->header);
    dkim_body_free(letter->body);
    g_free(letter->bytes);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Letter, letter_clear)

static void letter_read(Letter *letter, const World *world, DkimCanon body_canon)
{
    g_auto(GStrv) lines = g_strsplit(world->message ? world->message : "\n", "\n", -1);
    letter->bytes = g_strjoinv("\r\n", lines);
    gsize len = strlen(letter->bytes);
    letter->header = dkim_header_new();
    letter->start = dkim_header_read(letter->header, letter->bytes, len);
    letter->body = dkim_body_new();
    dkim_body_want(letter->body, body_canon, DKIM_WHOLE_BODY);
    dkim_body_add(letter->body, letter->bytes + letter->start, len - letter->start);
    dkim_body_end(letter->body);
}

static void put_on_top(World *world, const char *name, const char *value)
{
    char *message = g_strdup_printf("%s: %s\n%s", name, value, world->message);
    g_free(world->message);
    world->message = message;
}

static gboolean read_canon(World *world, const Line *line, DkimCanon *header, DkimCanon *body)
{
    const char *text = option(line, "canon");
    g_auto(GStrv) parts = g_strsplit(text ? text : "relaxed/relaxed", "/", 2);
    if (parts[0] && parts[1] && dkim_canon_parse(parts[0], -1, header) &&
        dkim_canon_parse(parts[1], -1, body))
        return TRUE;
    world_break(world, "canon=relaxed/simple");
    return FALSE;
}

/* sign DOMAIN [selector=S] [key=rsa] [canon=simple/simple] [published=no] [expires=+1d] [names=From] */
void do_sign(World *world, const Line *line)
{
    const char *domain = line_word(line, 1), *selector = option(line, "selector");
    const char *expires = option(line, "expires");
    g_auto(GStrv) names = names_option(line);
    DkimSigning signing = {
        .key = case_key(world, g_strcmp0(option(line, "key"), "rsa") == 0),
        .domain = domain,
        .selector = selector ? selector : SELECTOR,
        .timestamp = clock_seconds(&world->clock.base),
        .names = (const char *const *)names,
    };
    if (!domain || !world->message || !read_canon(world, line, &signing.header_canon, &signing.body_canon)) {
        world_break(world, "sign DOMAIN, after a message");
        return;
    }
    if (expires)
        signing.expires = signing.timestamp + parse_span(expires);
    g_auto(Letter) letter = {0};
    g_autoptr(GError) error = NULL;
    letter_read(&letter, world, signing.body_canon);
    g_autofree char *value = dkim_sign(&signing, letter.header, letter.body, &error);
    if (!value) {
        world_break(world, "sign: %s", error->message);
        return;
    }
    put_on_top(world, "DKIM-Signature", value);
    if (g_strcmp0(option(line, "published"), "no") != 0)
        publish(world, signing.key, signing.selector, domain);
}

/* seal DOMAIN "AUTHRES" [cv=pass] [names=From]: what it says it saw, and that the chain before it was good. */
void do_seal(World *world, const Line *line)
{
    const char *cv = option(line, "cv");
    g_auto(GStrv) names = names_option(line);
    ArcSealing sealing = {
        .key = case_key(world, FALSE),
        .domain = line_word(line, 1),
        .selector = SELECTOR,
        .timestamp = clock_seconds(&world->clock.base),
        .authres = line_word(line, 2),
        .header_canon = DKIM_RELAXED,
        .body_canon = DKIM_RELAXED,
        .names = (const char *const *)names,
    };
    if (!sealing.authres || !world->message || (cv && !arc_status_parse(cv, &sealing.status))) {
        world_break(world, "seal DOMAIN \"AUTHRES\" [cv=pass], after a message");
        return;
    }
    g_auto(Letter) letter = {0};
    g_autoptr(GError) error = NULL;
    letter_read(&letter, world, sealing.body_canon);
    g_autoptr(ArcSet) set = arc_seal(&sealing, letter.header, letter.body, &error);
    if (!set) {
        world_break(world, "seal: %s", error->message);
        return;
    }
    put_on_top(world, "ARC-Authentication-Results", set->authres);
    put_on_top(world, "ARC-Message-Signature", set->message_signature);
    put_on_top(world, "ARC-Seal", set->seal);
    publish(world, sealing.key, SELECTOR, sealing.domain);
}

/* spoil FROM TO: what somebody changed on the way, once. */
void do_spoil(World *world, const Line *line)
{
    const char *from = line_word(line, 1), *to = line_word(line, 2);
    char *at = from && world->message ? strstr(world->message, from) : NULL;
    if (!at || !to) {
        world_break(world, "spoil FROM TO: the message has no such text");
        return;
    }
    char *message =
        g_strdup_printf("%.*s%s%s", (int)(at - world->message), world->message, to, at + strlen(from));
    g_free(world->message);
    world->message = message;
}
