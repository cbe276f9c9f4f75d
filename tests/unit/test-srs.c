/* SRS, SES, BATV and looking through tags: lib/srs.c, lib/ses.c, lib/batv.c, lib/srs-tag.c. Known answers of
 * other implementations are in the conformance suites; here is what they do not ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <postern/srs.h>
#include <string.h>

#define DAY 86400
#define NOW (19000 * (gint64)DAY + 12345)
#define TEN "aaaaaaaaaa"
#define L60 TEN TEN TEN TEN TEN TEN

static const char *const secrets[] = {"new", "old", NULL};
static const char *const old_secret[] = {"old", NULL};
static const char *const other_secret[] = {"other", NULL};

static void test_srs_round_trip(void **state)
{
    static const char *const addresses[] = {
        ".a..b.@example.com",     "user@example.com", "Mixed.Case@Example.COM", "\"a b\"@example.com",
        "\"a@b\"@example.com",    "a=b=@example.com", "u+x-y@example.com",      "j\303\266rg@example.com",
        "\"a\\\"b\"@example.com", "user@[192.0.2.1]", L60 "@" L60 ".example",
    };
    SrsSettings srs = {.secrets = secrets};
    for (gsize i = 0; i < G_N_ELEMENTS(addresses); i++) {
        g_autofree char *forward = srs_forward(&srs, addresses[i], "fwd.example", NOW);
        g_autofree char *signed_ = srs_sign(&srs, addresses[i], NOW);
        g_autofree char *back = NULL, *own = NULL;
        if (!forward || !signed_ || srs_reverse(&srs, forward, NOW, &back) != SRS_VALID ||
            srs_reverse(&srs, signed_, NOW, &own) != SRS_VALID || !g_str_equal(back, addresses[i]) ||
            !g_str_equal(own, addresses[i]))
            fail_msg("%s: %s, back %s; signed %s, back %s", addresses[i], forward, back, signed_, own);
    }
}

static void test_srs_chain(void **state)
{
    SrsSettings srs = {.secrets = secrets, .hash_length = 8};
    g_autofree char *one = srs_forward(&srs, "user@a.example", "b.example", NOW);
    g_autofree char *two = srs_forward(&srs, one, "list@c.example", NOW);
    g_autofree char *three = srs_forward(&srs, two, "d.example", NOW);
    g_autofree char *back_two = NULL, *back_one = NULL, *back = NULL;
    assert_true(g_str_has_prefix(two, "SRS1=") && strstr(two, "=b.example=="));
    assert_true(strstr(three, "=b.example==") && !strstr(three, "c.example"));
    assert_int_equal(srs_reverse(&srs, three, NOW, &back_two), SRS_VALID);
    assert_string_equal(back_two, one); /* the hosts between are left out */
    assert_int_equal(srs_reverse(&srs, two, NOW, &back_one), SRS_VALID);
    assert_string_equal(back_one, one);
    assert_int_equal(srs_reverse(&srs, one, NOW, &back), SRS_VALID);
    assert_string_equal(back, "user@a.example");
    g_autofree char *same = srs_forward(&srs, one, "B.example", NOW);
    assert_string_equal(same, one);
}

static void test_srs_refusals(void **state)
{
    SrsSettings srs = {.secrets = secrets}, rotated = {.secrets = old_secret},
                other = {.secrets = other_secret};
    SrsSettings longer = {.secrets = secrets, .hash_length = 8},
                unsafe = {.secrets = secrets, .allow_hashless = 1};
    g_autofree char *by_old = srs_forward(&rotated, "u@a.example", "f.example", NOW);
    g_autofree char *by_new = srs_forward(&srs, "u@a.example", "f.example", NOW);
    g_autofree char *by_longer = srs_forward(&longer, "u@a.example", "f.example", NOW);
    const struct {
        const char *name, *address;
        const SrsSettings *srs;
        gint64 days;
        SrsStatus status;
    } rows[] = {
        {"older secret", by_old, &srs, 0, SRS_VALID},
        {"newer secret", by_new, &rotated, 0, SRS_FORGED},
        {"other secret", by_new, &other, 0, SRS_FORGED},
        {"longer hash than asked", by_longer, &srs, 0, SRS_VALID},
        {"shorter hash than asked", by_new, &longer, 0, SRS_FORGED},
        {"last day", by_new, &srs, 21, SRS_VALID},
        {"too old", by_new, &srs, 22, SRS_EXPIRED},
        {"from tomorrow", by_new, &srs, -1, SRS_EXPIRED},
        {"plain", "user@f.example", &srs, 0, SRS_UNTAGGED},
        {"no domain", "SRS0=abcd=AA=a=b", &srs, 0, SRS_UNTAGGED},
        {"null sender", "", &srs, 0, SRS_UNTAGGED},
        {"almost a tag", "SRS0@f.example", &srs, 0, SRS_UNTAGGED},
        {"other tag", "SRS2=abcd=AA=a=b@f.example", &srs, 0, SRS_UNTAGGED},
        {"only a tag", "SRS0=@f.example", &srs, 0, SRS_BROKEN},
        {"no host", "SRS0=abcd=AA@f.example", &srs, 0, SRS_BROKEN},
        {"no local part", "SRS0=abcd=AA=a.example=@f.example", &srs, 0, SRS_BROKEN},
        {"stamp of three", "SRS0=abcd=AAA=a.example=u@f.example", &srs, 0, SRS_BROKEN},
        {"stamp not base32", "SRS0=abcd=A1=a.example=u@f.example", &srs, 0, SRS_BROKEN},
        {"no hash", "SRS0==AA=a.example=u@f.example", &srs, 0, SRS_BROKEN},
        {"SRS1 without an end", "SRS1=abcd=a.example@f.example", &srs, 0, SRS_BROKEN},
        {"SRS1 without a host", "SRS1=abcd===x@f.example", &srs, 0, SRS_BROKEN},
        {"SRS1 forged", "SRS1=abcd=a.example==x@f.example", &srs, 0, SRS_FORGED},
        {"SRS1 without a hash", "SRS1=a.example==abcd=AA=b.example=u@f.example", &srs, 0, SRS_FORGED},
        {"the same, allowed", "SRS1=a.example==abcd=AA=b.example=u@f.example", &unsafe, 0, SRS_VALID},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *back = NULL;
        SrsStatus status = srs_reverse(rows[i].srs, rows[i].address, NOW + rows[i].days * DAY, &back);
        if (status != rows[i].status || !back != (status != SRS_VALID))
            fail_msg("%s: %s, %s", rows[i].name, srs_status_name(status), back ? back : "nothing");
    }
    g_autofree char *hashless = NULL;
    srs_reverse(&unsafe, "SRS1=a.example==abcd=AA=b.example=u@f.example", NOW, &hashless);
    assert_string_equal(hashless, "SRS0=abcd=AA=b.example=u@a.example");
}

static void test_srs_not_rewritten(void **state)
{
    SrsSettings srs = {.secrets = secrets};
    static const char *const rows[] = {"",
                                       "local",
                                       "@a.example",
                                       "u@",
                                       "SRS1=x@a.example",
                                       "SRS1=x=y@a.example",
                                       "\"open@a.example",
                                       "u@a=b",
                                       "u@a b",
                                       "\"\"@a.example",
                                       "u\n@a.example",
                                       "SRS1=x=a b=z@a.example",
                                       "SRS1=x=a@b=z@a.example",
                                       L60 L60 L60 L60 "@" L60 ".example"};
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = srs_forward(&srs, rows[i], "f.example", NOW);
        if (got)
            fail_msg("%s: became %s", rows[i], got);
    }
    assert_true(srs_is_tagged("srs0+x@a.example") && srs_is_tagged("\"SRS1=a b\"@a.example"));
    assert_false(srs_is_tagged("srs0x@a.example") || srs_is_tagged("srs") || srs_is_tagged(""));
}

static void test_fixed_ses(void **state)
{
    SesSettings ses = {.secrets = secrets}, slow = {secrets, 60};
    g_autofree char *fixed = ses_sign_fixed(&ses, "u@example.com", 99);
    g_autofree char *sixty = ses_sign_fixed(&slow, "u@example.com", 1);
    g_autofree char *timed = ses_sign(&ses, "u@example.com", 7, NOW);
    assert_true(ses_is_fixed(&ses, fixed) && ses_is_fixed(&slow, sixty));
    assert_false(ses_is_fixed(&ses, timed) || ses_is_fixed(&ses, "u@example.com") ||
                 ses_is_fixed(&ses, "SES=----=@example.com") || ses_is_fixed(&ses, ""));
}

static void test_ses(void **state)
{
    SesSettings ses = {.secrets = secrets}, rotated = {.secrets = old_secret}, slow = {secrets, 60};
    g_autofree char *tagged = ses_sign(&rotated, "a=b@Example.com", 7, NOW);
    g_autofree char *sixty = ses_sign(&slow, "u@example.com", 1, NOW);
    g_autofree char *fixed = ses_sign_fixed(&ses, "u@example.com", 99);
    g_autofree char *other = g_strdup(fixed);
    other[5] = other[5] == 'B' ? 'C' : 'B';
    g_autofree char *padded = g_strconcat("SES=A", tagged + strlen("SES="), NULL);
    const struct {
        const char *name, *address;
        const SesSettings *ses;
        gint64 days;
        SrsStatus status;
        guint64 message_id;
    } rows[] = {
        {"older secret", tagged, &ses, 0, SRS_VALID, 7},
        {"another form of it", padded, &ses, 0, SRS_BROKEN},
        {"within ten days", tagged, &ses, 9, SRS_VALID, 7},
        {"ten days", tagged, &ses, 10, SRS_EXPIRED},
        {"months", tagged, &ses, 100, SRS_FORGED}, /* the time code has come round */
        {"sixty days", sixty, &slow, 59, SRS_VALID, 1},
        {"sixty days gone", sixty, &slow, 61, SRS_EXPIRED},
        {"fixed never expires", fixed, &ses, 10000, SRS_VALID, 99},
        {"fixed forged", other, &ses, 0, SRS_FORGED},
        {"plain", "u@example.com", &ses, 0, SRS_UNTAGGED},
        {"no tag", "SES=@example.com", &ses, 0, SRS_BROKEN},
        {"no local part", "SES=AAAA=@example.com", &ses, 0, SRS_BROKEN},
        {"empty tag", "SES==u@example.com", &ses, 0, SRS_BROKEN},
        {"not base 38", "SES=A.B=u@example.com", &ses, 0, SRS_BROKEN},
        {"too long", "SES=AAAAAAAAAAAAAAAAAAAAAAAAA=u@example.com", &ses, 0, SRS_BROKEN},
        {"largest", "SES=------------------------=u@example.com", &ses, 0, SRS_FORGED},
        {"smallest", "SES=A=u@example.com", &ses, 0, SRS_FORGED},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *back = NULL;
        guint64 id = 0;
        SrsStatus status = ses_verify(rows[i].ses, rows[i].address, NOW + rows[i].days * DAY, &back, &id);
        if (status != rows[i].status || id != rows[i].message_id)
            fail_msg("%s: %s", rows[i].name, srs_status_name(status));
    }
    g_autofree char *largest = ses_sign(&ses, "u@example.com", (G_GUINT64_CONSTANT(1) << 39) - 1, NOW),
                    *back = NULL;
    guint64 id = 0;
    assert_int_equal(ses_verify(&ses, largest, NOW, &back, &id), SRS_VALID);
    assert_true(id == (G_GUINT64_CONSTANT(1) << 39) - 1);
    assert_null(ses_sign(&ses, "u@example.com", G_GUINT64_CONSTANT(1) << 39, NOW));
    assert_null(ses_sign(&ses, "nobody", 1, NOW));
}

static void test_batv(void **state)
{
    BatvSettings batv = {.secrets = secrets}, rotated = {.secrets = old_secret, .key_number = 3};
    g_autofree char *tagged = batv_sign(&rotated, "u@example.com", NOW);
    g_autofree char *wraps = batv_sign(&batv, "u@example.com", 18995 * (gint64)DAY);
    g_autofree char *upper = g_strdup(tagged);
    for (char *p = upper; *p != '='; p++)
        *p = g_ascii_toupper(*p);
    const struct {
        const char *name, *address;
        gint64 day;
        SrsStatus status;
    } rows[] = {
        {"older secret", tagged, 19000, SRS_VALID},
        {"prefix in capitals", upper, 19000, SRS_VALID},
        {"last day", tagged, 19007, SRS_VALID},
        {"a day late", tagged, 19008, SRS_EXPIRED},
        {"from tomorrow", tagged, 18999, SRS_EXPIRED},
        {"before the wrap", wraps, 18999, SRS_VALID},
        {"after the wrap", wraps, 19002, SRS_VALID},
        {"late after the wrap", wraps, 19003, SRS_EXPIRED},
        {"forged", "prvs=0007abcdef=u@example.com", 19000, SRS_FORGED},
        {"no tag", "prvs=u@example.com", 19000, SRS_BROKEN},
        {"tag behind", "prvs=u=0007abcdef@example.com", 19000, SRS_BROKEN},
        {"no hex", "prvs=0007abcdeg=u@example.com", 19000, SRS_BROKEN},
        {"no local part", "prvs=0007abcdef=@example.com", 19000, SRS_BROKEN},
        {"plain", "u@example.com", 19000, SRS_UNTAGGED},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *back = NULL;
        SrsStatus status = batv_verify(&batv, rows[i].address, rows[i].day * DAY, &back);
        if (status != rows[i].status || !back != (status != SRS_VALID))
            fail_msg("%s: %s", rows[i].name, srs_status_name(status));
    }
    assert_true(g_str_has_prefix(tagged, "prvs=3007"));
}

static void test_look_through(void **state)
{
    static const struct {
        const char *address, *recipient, *seen; /* seen NULL: nothing to look through */
    } rows[] = {
        {"user@example.com", NULL, NULL},
        {"", NULL, NULL},
        {"prvs=1234abcdef=user@example.com", NULL, "user@example.com"},
        {"PRVS=1234ABCDEF=user@example.com", NULL, "user@example.com"},
        {"prvs=user=1234abcdef@example.com", NULL, "user@example.com"},
        {"prvs=a=b=1234abcdef@example.com", NULL, "a=b@example.com"},
        {"prvs=user@example.com", NULL, NULL},
        {"prvs=user=x@example.com", NULL, NULL},
        {"btv1==0123456789==user@example.com", NULL, "user@example.com"},
        {"btv1=0123=user@example.com", NULL, NULL},
        {"msprvs1=17827RA5TC8dz=bounces-12345@example.com", NULL, "bounces-12345@example.com"},
        {"SES=EVSCQV0_EYYT7R326I=mickey@Mouse.com", NULL, "mickey@Mouse.com"},
        {"SRS0=abcd=AB=a.example=user@f.example", NULL, "user@a.example"},
        {"srs0+abcd=AB=a.example=u=v@f.example", NULL, "u=v@a.example"},
        {"SRS0=abcd=AB==user@f.example", NULL, "user@f.example"},
        {"SRS1=wxyz=b.example==abcd=AB=a.example=user@f.example", NULL, "user@a.example"},
        {"SRS1=wxyz=b.example=+opaque@f.example", NULL, "SRS0+opaque@b.example"},
        {"SRS0=abcd@f.example", NULL, NULL},
        {"SRS1=abcd@f.example", NULL, NULL},
        /* tags on tags */
        {"prvs=1234abcdef=SRS0=abcd=AB=a.example=user@f.example", NULL, "user@a.example"},
        {"SRS0=abcd=AB=a.example=prvs=1234abcdef=user@f.example", NULL, "user@a.example"},
        {"SRS0=abcd=AB=lists.example=dev-bounces+joe=x.example@f.example", NULL, "dev-bounces@lists.example"},
        /* VERP */
        {"dev-bounces+joe=x.example@lists.example", NULL, "dev-bounces@lists.example"},
        {"dev-return-7-joe=x.example@lists.example", "joe@x.example", "dev-return-7@lists.example"},
        {"dev-return-7-joe=x.example@lists.example", "ann@x.example", NULL},
        {"dev+a+joe=x.example@lists.example", "joe@x.example", "dev+a@lists.example"},
        {"user+tag@example.com", NULL, NULL},
        {"a+b=c@example.com", NULL, NULL},
        {"+joe=x.example@lists.example", NULL, NULL},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *seen = srs_look_through(rows[i].address, rows[i].recipient);
        if (g_strcmp0(seen, rows[i].seen) != 0)
            fail_msg("%s: got %s", rows[i].address, seen ? seen : "nothing");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_srs_round_trip),
        cmocka_unit_test(test_srs_chain),
        cmocka_unit_test(test_srs_refusals),
        cmocka_unit_test(test_srs_not_rewritten),
        cmocka_unit_test(test_ses),
        cmocka_unit_test(test_fixed_ses),
        cmocka_unit_test(test_batv),
        cmocka_unit_test(test_look_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
