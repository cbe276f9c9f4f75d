#include "policy/verb.h"

#include <string.h>

G_DEFINE_QUARK(policy - error - quark, policy_error)

static const char *const verb_names[VERB_COUNT] = {
#define X(id, word, doc) [VERB_##id] = word,
    VERBS(X)
#undef X
};

const char *verb_name(Verb verb)
{
    g_assert(verb < VERB_COUNT);
    return verb_names[verb];
}

gboolean verb_parse(const char *word, Verb *ret)
{
    for (Verb verb = 0; verb < VERB_COUNT; verb++) {
        if (g_ascii_strcasecmp(verb_names[verb], word) == 0) {
            *ret = verb;
            return TRUE;
        }
    }
    return FALSE;
}

/* "5.7.1" (RFC 3463 §2): class 2, 4 or 5, two numbers of up to three digits. Returns its length, or 0. */
static gsize xcode_length(const char *text)
{
    const char *at = text;
    if (!strchr("245", *at) || !*at++)
        return 0;
    for (int part = 0; part < 2; part++) {
        if (*at++ != '.')
            return 0;
        gsize digits = strspn(at, "0123456789");
        if (digits < 1 || digits > 3)
            return 0;
        at += digits;
    }
    return at - text;
}

/* Reads "550 text", "550 5.7.1 text", "5.7.1:550 text". The order is Sendmail's and ours. */
static gboolean parse_reply(const char *text, Ruling *ret, GError **error)
{
    g_autofree char *xcode = NULL;
    gsize len = xcode_length(text);
    if (len && text[len] == ':') {
        xcode = g_strndup(text, len);
        text += len + 1;
    }
    if (!strchr("45", text[0]) || !g_ascii_isdigit(text[0]) || !g_ascii_isdigit(text[1]) ||
        !g_ascii_isdigit(text[2]) || (text[3] && text[3] != ' ')) {
        g_set_error(error, POLICY_ERROR, POLICY_ERROR_SYNTAX,
                    "\"%s\" is no reply: write 4xx or 5xx, then the text, as in \"550 5.7.1 not here\"",
                    text);
        return FALSE;
    }
    int code = atoi(text);
    text += text[3] ? 4 : 3;
    text += strspn(text, " ");
    len = xcode_length(text);
    if (!xcode && len && (text[len] == ' ' || !text[len])) {
        xcode = g_strndup(text, len);
        text += len;
        text += strspn(text, " ");
    }
    if (xcode && xcode[0] != '0' + code / 100) {
        g_set_error(error, POLICY_ERROR, POLICY_ERROR_SYNTAX, "%d and %s are of different classes", code,
                    xcode);
        return FALSE;
    }
    *ret = (Ruling){
        .verb = code < 500 ? VERB_TEMPFAIL : VERB_REJECT,
        .code = code,
        .xcode = g_steal_pointer(&xcode),
        .text = *text ? g_strdup(text) : NULL,
    };
    return TRUE;
}

static gboolean parse_score(const char *text, Ruling *ret, GError **error)
{
    char *end = NULL;
    double score = g_ascii_strtod(text, &end);
    if (end == text || *end || !(score >= -1e6 && score <= 1e6)) {
        g_set_error(error, POLICY_ERROR, POLICY_ERROR_SYNTAX,
                    "\"SCORE:%s\": a number from -1000000 to 1000000 belongs after the colon", text);
        return FALSE;
    }
    *ret = (Ruling){.verb = VERB_SCORE, .score = score};
    return TRUE;
}

static char *list_verbs(void)
{
    GString *list = g_string_new(NULL);
    for (Verb verb = 0; verb < VERB_COUNT; verb++)
        g_string_append_printf(list, "%s%s", verb ? ", " : "", verb_names[verb]);
    return g_string_free(list, FALSE);
}

gboolean ruling_parse(const char *value, Ruling *ret, GError **error)
{
    g_autofree char *text = g_strstrip(g_strdup(value));
    if (g_ascii_strncasecmp(text, "ERROR:", 6) == 0) {
        char *reply = text + 6;
        gsize len = strlen(reply);
        if (len >= 2 && reply[0] == '"' && reply[len - 1] == '"') {
            reply[len - 1] = '\0';
            reply++;
        }
        return parse_reply(reply, ret, error);
    }
    if (g_ascii_isdigit(text[0]))
        return parse_reply(text, ret, error);

    char *colon = strchr(text, ':');
    if (colon)
        *colon++ = '\0';
    Verb verb;
    if (g_ascii_strcasecmp(text, "ERROR") == 0) {
        *ret = (Ruling){.verb = VERB_REJECT};
        return TRUE;
    }
    if (!verb_parse(text, &verb)) {
        g_autofree char *known = list_verbs();
        g_set_error(error, POLICY_ERROR, POLICY_ERROR_SYNTAX,
                    "\"%s\" is no verb: %s, or a reply such as 550 text", text, known);
        return FALSE;
    }
    if (verb == VERB_SCORE)
        return parse_score(colon ? colon : "", ret, error);
    *ret = (Ruling){.verb = verb, .text = colon && *colon ? g_strdup(colon) : NULL};
    return TRUE;
}

void ruling_clear(Ruling *ruling)
{
    g_clear_pointer(&ruling->xcode, g_free);
    g_clear_pointer(&ruling->text, g_free);
}
