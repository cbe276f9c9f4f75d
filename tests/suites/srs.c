/* Known answers of SRS, SES and BATV. */
#include "runner.h"

#include <postern/srs.h>
#include <string.h>

#define SECRETS_MAX 16
#define QUARTER_DAY 21600
#define DAY         86400

typedef struct {
    const char *list[SECRETS_MAX + 1];
} Secrets;

static Secrets secrets_of(JsonObject *test)
{
    Secrets secrets = {{NULL}};
    JsonArray *array = json_list(test, "secrets");
    guint n = array ? MIN(json_array_get_length(array), SECRETS_MAX) : 0;

    for (guint i = 0; i < n; i++)
        secrets.list[i] = json_array_get_string_element(array, i);
    if (n == 0)
        secrets.list[0] = json_str(test, "secret", json_str(test, "key", ""));
    return secrets;
}

/* Where a case does not say which alphabet is written, either is right. */
static char *same_alphabet(const char *address)
{
    char *copy = g_strdup(address);

    return copy ? g_strdelimit(g_strdelimit(copy, "-", '+'), "_", '/') : NULL;
}

static void srs_case(JsonObject *test, const char *id, Tally *tally)
{
    Secrets secrets = secrets_of(test);
    const char *op = json_str(test, "op", ""), *address = json_str(test, "address", "");
    const char *expected = json_str(test, "result", NULL);
    gint64 now = json_int(test, "now", 0);
    SrsSettings srs = {
        .secrets = secrets.list,
        .max_age = (guint)json_int(test, "maxage", 0),
        .hash_length = (guint)json_int(test, "hashlength", 0),
        .separator = json_str(test, "separator", "=")[0],
        .always_rewrite = json_bool(test, "alwaysrewrite", FALSE),
        .base64url = strcmp(json_str(test, "hash_alphabet", ""), "base64url") == 0,
    };
    g_autofree char *got = NULL;

    if (strcmp(op, "reverse") == 0) {
        srs_reverse(&srs, address, now, &got);
        tally_compare(tally, id, expected, got);
    } else if (strcmp(op, "forward") == 0) {
        got = srs_forward(&srs, address, json_str(test, "alias", ""), now);
        g_autofree char *a = same_alphabet(expected), *b = same_alphabet(got);
        if (g_strcmp0(a, b) == 0)
            tally_pass(tally);
        else
            tally_compare(tally, id, expected, got);
    } else {
        tally_skip(tally, id, "no such op");
    }
}

static void ses_case(JsonObject *test, const char *id, Tally *tally)
{
    Secrets secrets = secrets_of(test);
    const char *op = json_str(test, "op", ""), *address = json_str(test, "address", "");
    gint64 now = json_int(test, "timecode", 0) * QUARTER_DAY;
    guint64 message_id = (guint64)json_int(test, "message_id", 0);
    SesSettings ses = {.secrets = secrets.list};
    g_autofree char *got = NULL;

    if (strcmp(op, "ses_sign") == 0)
        got = ses_sign(&ses, address, message_id, now);
    else if (strcmp(op, "ses_sign_fixed") == 0)
        got = ses_sign_fixed(&ses, address, message_id);
    else if (strcmp(op, "ses_verify") == 0)
        ses_verify(&ses, address, now, &got, NULL);
    else {
        tally_skip(tally, id, "no such op");
        return;
    }
    tally_compare(tally, id, json_str(test, "result", NULL), got);
}

static void batv_case(JsonObject *test, const char *id, Tally *tally)
{
    Secrets secrets = secrets_of(test);
    const char *op = json_str(test, "op", ""), *address = json_str(test, "address", "");
    gint64 now = json_int(test, "day", 0) * DAY;
    BatvSettings batv = {
        .secrets = secrets.list,
        .lifetime = (guint)json_int(test, "lifetime_days", 0),
        .key_number = (guint)json_int(test, "key_number", 0),
    };
    g_autofree char *got = NULL;

    if (strcmp(op, "batv_sign") == 0)
        got = batv_sign(&batv, address, now);
    else if (strcmp(op, "batv_verify") == 0)
        batv_verify(&batv, address, now, &got);
    else {
        tally_skip(tally, id, "no such op");
        return;
    }
    tally_compare(tally, id, json_str(test, "result", NULL), got);
}

void run_srs(JsonObject *root, const char *dir, Tally *tally)
{
    each_test(root, tally, srs_case);
}

void run_ses(JsonObject *root, const char *dir, Tally *tally)
{
    each_test(root, tally, ses_case);
}

void run_batv(JsonObject *root, const char *dir, Tally *tally)
{
    each_test(root, tally, batv_case);
}
