/* Whose tags are ours, and what is rewritten and signed: [srs] as it reaches the engines. */
#include "rows.h"

#include <string.h>

#include "conf/signing.h"

#define NOW 1767614400 /* 2026-01-05T12:00:00Z */

static const char text[] = "[sender]\ninternal_domains = our.example\n"
                           "[srs]\nforward_domain = srs.our.example\ndomains = old.example\n"
                           "sign_srs = signed.example\nsign_ses = ses.example\nsign_batv = our.example\n";

static Config *config_with(const char *const *secrets)
{
    g_autoptr(Problems) problems = problems_new();
    Config *config = config_parse("/x", text, strlen(text), problems);
    assert_non_null(config);
    config->loaded.srs_secrets = g_strdupv((char **)secrets);
    return config;
}

typedef struct {
    const char *name, *address, *want; /* NULL: stays as it is */
} Row;

static const char *const secrets[] = {"our secret", "older", NULL};

static const Row sign_rows[] = {
    {"BATV", "joe@our.example", "prvs=04651b90b1=joe@our.example"},
    {"BATV of a mailing list's VERP", "l+a=b.example@our.example", "prvs="},
    {"SRS", "joe@signed.example", "SRS0="},
    {"SES", "joe@ses.example", "SES="},
    {"any case of the domain", "joe@Our.Example", "prvs="},
    {"not ours", "joe@example.com", NULL},
    {"in forward_domain", "joe@srs.our.example", NULL},
    {"signed already", "prvs=04651b90b1=joe@our.example", NULL},
    {"another's tag", "btv1==0465a==joe@our.example", NULL},
    {"rewritten by another", "SRS0=abcd=7K=example.com=joe@our.example", NULL},
    {"nothing", "", NULL},
    {"no domain", "joe", NULL},
};

static void check_sign(void **state)
{
    const Row *row = *state;
    g_autoptr(Config) config = config_with(secrets);
    g_autofree char *came = signing_sign(config, row->address, NOW, G_MAXUINT64);
    if (!row->want) {
        assert_null(came);
        return;
    }
    assert_true(g_str_has_prefix(came, row->want));
    g_autofree char *back = NULL;
    assert_int_equal(signing_reverse(config, came, NOW, &back), SRS_VALID);
    assert_string_equal(back, row->address);
}

static const Row forward_rows[] = {
    {"a stranger", "joe@example.com", "SRS0=laPR=7K=example.com=joe@srs.our.example"},
    {"one of ours, too: who calls knows", "joe@our.example", "SRS0="},
    {"BATV of another", "prvs=0465a1b2c3=joe@example.com", "SRS0="},
    {"SRS of another", "SRS0=abcd=7K=a.example=joe@first.example", "SRS1="},
    {"SRS of ours", "SRS0=laPR=7K=example.com=joe@srs.our.example", NULL},
    {"the null sender", "", NULL},
    {"no domain", "joe", NULL},
    {"no local part", "@example.com", NULL},
};

static void check_forward(void **state)
{
    const Row *row = *state;
    g_autoptr(Config) config = config_with(secrets);
    g_autofree char *came = signing_forward(config, row->address, NOW);
    if (!row->want) {
        assert_null(came);
        return;
    }
    assert_true(g_str_has_prefix(came, row->want));
    g_autofree char *back = NULL;
    assert_int_equal(signing_reverse(config, came, NOW, &back), SRS_VALID);
}

typedef struct {
    const char *name, *address;
    SrsStatus status;
    const char *want;
    gint64 later; /* days */
} ReverseRow;

static const ReverseRow reverse_rows[] = {
    {"SRS", "SRS0=laPR=7K=example.com=joe@srs.our.example", SRS_VALID, "joe@example.com", 0},
    {"in another of our domains", "SRS0=laPR=7K=example.com=joe@old.example", SRS_VALID, "joe@example.com",
     0},
    {"SRS at others is for others", "SRS0=laPR=7K=example.com=joe@example.org", SRS_UNTAGGED, NULL, 0},
    {"forged", "SRS0=laPR=7K=example.com=jim@srs.our.example", SRS_FORGED, NULL, 0},
    {"after max_age", "SRS0=laPR=7K=example.com=joe@srs.our.example", SRS_EXPIRED, NULL, 22},
    {"on its last day", "SRS0=laPR=7K=example.com=joe@srs.our.example", SRS_VALID, "joe@example.com", 21},
    {"BATV", "prvs=04651b90b1=joe@our.example", SRS_VALID, "joe@our.example", 0},
    {"BATV, too old", "prvs=04651b90b1=joe@our.example", SRS_EXPIRED, NULL, 8},
    {"no tag", "joe@our.example", SRS_UNTAGGED, NULL, 0},
    {"half a tag", "prvs=0465@our.example", SRS_BROKEN, NULL, 0},
    {"no domain", "SRS0=laPR=7K=example.com=joe", SRS_UNTAGGED, NULL, 0},
};

static void check_reverse(void **state)
{
    const ReverseRow *row = *state;
    g_autoptr(Config) config = config_with(secrets);
    g_autofree char *back = NULL;
    assert_int_equal(signing_reverse(config, row->address, NOW + row->later * 86400, &back), row->status);
    assert_true(g_strcmp0(back, row->want) == 0);
}

/* A new secret signs; what the former one has signed stays good as long as it stands below. */
static void secrets_are_changed(void **state)
{
    static const char *const before[] = {"older", NULL}, *const gone[] = {"our secret", NULL};
    g_autoptr(Config) old = config_with(before);
    g_autoptr(Config) now = config_with(secrets);
    g_autoptr(Config) later = config_with(gone);
    static const char *const senders[] = {"joe@our.example", "joe@signed.example", "joe@ses.example"};
    for (gsize i = 0; i < G_N_ELEMENTS(senders); i++) {
        g_autofree char *one = signing_sign(old, senders[i], NOW, 1);
        g_autofree char *back = NULL, *lost = NULL;
        assert_int_equal(signing_reverse(now, one, NOW, &back), SRS_VALID);
        assert_string_equal(back, senders[i]);
        assert_int_equal(signing_reverse(later, one, NOW, &lost), SRS_FORGED);
    }
}

/* Mail that goes round through us: reversed until it is nobody's of us. */
static void all_steps(void **state)
{
    g_autoptr(Config) config = config_with(secrets);
    g_autofree char *ours = signing_sign(config, "joe@our.example", NOW, 1);
    g_autofree char *passed_on = signing_forward(config, "joe@example.com", NOW);
    SrsSettings srs = {.secrets = secrets, .always_rewrite = TRUE};
    g_autofree char *twice = srs_forward(&srs, ours, "srs.our.example", NOW);
    g_autofree char *once = NULL, *through = NULL, *none = NULL;
    assert_int_equal(signing_reverse_all(config, passed_on, NOW, &once), SRS_VALID);
    assert_string_equal(once, "joe@example.com");
    assert_int_equal(signing_reverse_all(config, twice, NOW, &through), SRS_VALID);
    assert_string_equal(through, "joe@our.example");
    assert_int_equal(signing_reverse_all(config, "joe@our.example", NOW, &none), SRS_UNTAGGED);
    assert_null(none);
}

static void without_a_secret(void **state)
{
    g_autoptr(Config) config = config_with(secrets);
    g_clear_pointer(&config->loaded.srs_secrets, g_strfreev);
    g_autofree char *none = NULL;
    assert_false(signing_is_on(config));
    assert_false(signing_knows(config, "srs.our.example"));
    assert_int_equal(signing_kind(config, "our.example"), SIGN_NONE);
    assert_null(signing_sign(config, "joe@our.example", NOW, 1));
    assert_null(signing_forward(config, "joe@example.com", NOW));
    assert_int_equal(signing_reverse(config, "SRS0=laPR=7K=example.com=joe@srs.our.example", NOW, &none),
                     SRS_UNTAGGED);
}

/* RFC 5321 asks to accept local parts over 64 bytes; over what we accept ourselves we write none. */
static void long_local_parts(void **state)
{
    g_autoptr(Config) config = config_with(secrets);
    g_autofree char *local = g_strnfill(100, 'a');
    g_autofree char *address = g_strdup_printf("%s@example.com", local);
    g_autofree char *came = signing_forward(config, address, NOW);
    assert_non_null(strstr(came, local));
    g_autofree char *longer = g_strnfill(240, 'a');
    g_autofree char *too_long = g_strdup_printf("%s@example.com", longer);
    assert_null(signing_forward(config, too_long, NOW));
    g_autofree char *ours = g_strdup_printf("%s@our.example", longer);
    assert_null(signing_sign(config, ours, NOW, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_changed),
        cmocka_unit_test(all_steps),
        cmocka_unit_test(without_a_secret),
        cmocka_unit_test(long_local_parts),
    };
    return RUN_ROWS("sign", sign_rows, check_sign) + RUN_ROWS("forward", forward_rows, check_forward) +
           RUN_ROWS("reverse", reverse_rows, check_reverse) + cmocka_run_group_tests(tests, NULL, NULL);
}
