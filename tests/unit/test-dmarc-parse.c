/* DMARC: records, author domains, public suffixes (lib/dmarc-record.c, lib/dmarc-author.c, lib/suffix.c). */
#include <postern/address.h>
#include <postern/dmarc.h>
#include <postern/suffix.h>
#include <string.h>

#include "rows.h"

/* --- records --- */

typedef struct {
    const char *text;
    const char *expected; /* "not", "unusable", or what describe() says */
} RecordRow;

static const RecordRow records[] = {
    /* what counts */
    {"v=DMARC1", "unusable"},
    {"v=DMARC1; p=none", "none none none"},
    {"V = DMARC1\t;p=none", "none none none"},
    {" v=DMARC1; p=none", "none none none"},
    {"v=DMARC1;p=none;", "none none none"},
    {"v=DMARC1 p=none", "not"},
    {"v=DMARC1x; p=none", "not"},
    {"v=DMARC12; p=none", "not"},
    {"v=dmarc1; p=none", "not"},
    {"v=DMARC; p=none", "not"},
    {"p=none; v=DMARC1", "not"},
    {";v=DMARC1; p=none", "not"},
    {"vv=DMARC1; p=none", "not"},
    {"v=spf1 -all", "not"},
    {"v", "not"},
    {"", "not"},
    /* policies */
    {"v=DMARC1; sp=none; p=reject", "reject none none sp"},
    {"v=DMARC1; p=reject; np=none", "reject reject none np"},
    {"v=DMARC1; p=reject; sp=quarantine", "reject quarantine quarantine sp"},
    {"v=DMARC1; p=REJECT; SP=Quarantine; nP=none", "reject quarantine none sp np"},
    {"v=DMARC1; p=reject; p=none", "reject reject reject"},
    {"v=DMARC1; p=x; p=none", "unusable"},
    {"v=DMARC1; p=", "unusable"},
    {"v=DMARC1; p=none x", "unusable"},
    {"v=DMARC1; p=re\xc3\xa4ject", "unusable"},
    {"v=DMARC1; p=reject; sp=x", "unusable"},
    {"v=DMARC1; p=reject; np=", "unusable"},
    {"v=DMARC1; p=reject; sp", "reject reject reject"},
    {"v=DMARC1; p=reject; sp=x; rua=mailto:a@b.example", "none none none repaired rua=mailto:a@b.example"},
    {"v=DMARC1; p=reject; np=x; rua=mailto:a@b.example", "none none none repaired rua=mailto:a@b.example"},
    {"v=DMARC1; adkim=s; rua=mailto:a@b.example", "none none none repaired adkim rua=mailto:a@b.example"},
    {"v=DMARC1; ruf=mailto:a@b.example", "unusable"},
    /* addresses for reports */
    {"v=DMARC1; rua=a@b.example", "unusable"},
    {"v=DMARC1; rua=mailto:", "unusable"},
    {"v=DMARC1; rua=mailto:a", "unusable"},
    {"v=DMARC1; rua=mailto:a@", "unusable"},
    {"v=DMARC1; rua=mailto:@b.example", "unusable"},
    {"v=DMARC1; rua=mailto:a b@c.example", "unusable"},
    {"v=DMARC1; rua=mailto:a%2@c.example", "unusable"},
    {"v=DMARC1; rua=1x:y", "unusable"},
    {"v=DMARC1; rua=:y", "unusable"},
    {"v=DMARC1; p=none; rua=https://b.example/?x=y, MAILTO:A@b.example!10m , x,,mailto:a%21b@c.example ! 2 K",
     "none none none rua=https://b.example/?x=y rua=MAILTO:A@b.example rua=mailto:a%21b@c.example"},
    {"v=DMARC1; p=none; ruf=mailto:a@b.example; ruf=mailto:c@d.example",
     "none none none ruf=mailto:a@b.example"},
    /* the others */
    {"v=DMARC1; p=none; adkim=S; aspf=s", "none none none adkim aspf"},
    {"v=DMARC1; p=none; adkim=strict; aspf=x", "none none none"},
    {"v=DMARC1; p=none; psd=y", "none none none psd=y"},
    {"v=DMARC1; p=none; psd=N; t=Y", "none none none psd=n t"},
    {"v=DMARC1; p=none; psd=yes; t=yes", "none none none"},
    {"v=DMARC1; p=none; psd=u; psd=y", "none none none"},
    {"v=DMARC1; p=none; fo=1", "none none none fo=2"},
    {"v=DMARC1; p=none; fo=0 : D:s", "none none none fo=13"},
    {"v=DMARC1; p=none; fo=1:x", "none none none"},
    {"v=DMARC1; p=none; fo=", "none none none"},
    {"v=DMARC1; p=none; fo:1;;;=x; a1=b; unknown=x", "none none none"},
    {"v=DMARC1; p=none; pct=50; ri=3600", "none none none pct=50 ri=3600"},
    {"v=DMARC1; p=none; pct=101; ri=4294967296", "none none none"},
    {"v=DMARC1; p=none; pct=-1; ri=1x", "none none none"},
    {"v=DMARC1; p=none; pct=99999999999999999999999", "none none none"},
};

/* What differs from a record without the tag. */
static char *describe(const DmarcRecord *r)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "%s %s %s", dmarc_policy_name(r->p), dmarc_policy_name(r->sp),
                           dmarc_policy_name(r->np));
    g_string_append_printf(text, "%s%s%s", r->repaired ? " repaired" : "", r->has_sp ? " sp" : "",
                           r->has_np ? " np" : "");
    g_string_append_printf(text, "%s%s", r->strict_dkim ? " adkim" : "", r->strict_spf ? " aspf" : "");
    g_string_append(text, r->psd == DMARC_PSD_YES ? " psd=y" : r->psd == DMARC_PSD_NO ? " psd=n" : "");
    g_string_append(text, r->testing ? " t" : "");
    for (char **uri = r->rua; *uri; uri++)
        g_string_append_printf(text, " rua=%s", *uri);
    for (char **uri = r->ruf; *uri; uri++)
        g_string_append_printf(text, " ruf=%s", *uri);
    if (r->fo != DMARC_FO_ALL)
        g_string_append_printf(text, " fo=%u", r->fo);
    if (r->pct != 100)
        g_string_append_printf(text, " pct=%u", r->pct);
    if (r->ri != 86400)
        g_string_append_printf(text, " ri=%u", r->ri);
    return g_string_free(text, FALSE);
}

static void check_record(void **state)
{
    const RecordRow *row = *state;
    g_autofree char *exact =
        g_memdup2(row->text, MAX(strlen(row->text), 1)); /* no NUL behind it: ASan sees more */
    g_autoptr(DmarcRecord) record = dmarc_record_parse(DMARC_RFC9989, exact, strlen(row->text));
    g_autofree char *got = !record           ? g_strdup("not")
                           : !record->usable ? g_strdup("unusable")
                                             : describe(record);

    assert_string_equal(got, row->expected);
}

/* RFC 7489 does not know np, so a broken one breaks nothing. */
static void test_old_standard(void **state)
{
    static const char text[] = "v=DMARC1; p=reject; np=x; psd=y; t=y";
    g_autoptr(DmarcRecord) record = dmarc_record_parse(DMARC_RFC7489, text, strlen(text));
    g_autofree char *got = describe(record);

    assert_true(record->usable);
    assert_string_equal(got, "reject reject reject");
}

static void test_many_uris(void **state)
{
    g_autoptr(GString) text = g_string_new("v=DMARC1; p=none; rua=mailto:a@b.example");
    g_autoptr(DmarcRecord) record = NULL;

    for (guint i = 0; i < 1000; i++)
        g_string_append(text, ",mailto:a@b.example");
    record = dmarc_record_parse(DMARC_RFC9989, text->str, text->len);
    assert_int_equal(g_strv_length(record->rua), DMARC_URIS_MAX);
}

/* --- author domains --- */

typedef struct {
    const char *value;
    const char *domains; /* with blanks between */
    guint without;
    gboolean malformed, ambiguous;
} FromRow;

static const FromRow froms[] = {
    {"a@b.example", "b.example", 0, FALSE},
    {"A <a@B.Example.>", "b.example", 0, FALSE},
    {"\"x@evil.example\" <a@b.example>", "b.example", 0, FALSE},
    {"x@evil.example <a@b.example>", "b.example", 0, FALSE},
    {"a@b.example (c@d.example)", "b.example", 0, FALSE},
    {"a@b.example, c@d.example", "b.example d.example", 0, FALSE},
    {"a@b.example, c@B.EXAMPLE", "b.example", 0, FALSE},
    {"group: a@b.example, c@d.example;", "b.example d.example", 0, FALSE},
    {"undisclosed:;", "", 0, FALSE},
    {"", "", 0, FALSE},
    {"joe", "", 1, FALSE},
    {"<>", "", 1, TRUE},
    {"a@[192.0.2.1]", "", 1, FALSE},
    {"a@b..example", "", 1, TRUE},
    {"a@b.example, joe", "b.example", 1, FALSE},
    {"a@b\xc3\xbc.example", "xn--b-eha.example", 0, FALSE},
    {"a@b\xef\xbc\x8e"
     "example",
     "b.example", 0, FALSE}, /* a full-width dot is one */
    {"a@\xff.example", "", 1, TRUE},
    {"a@-\xc3\xbc.example", "", 1, FALSE, TRUE},
    {"a@localhost", "localhost", 0, FALSE},
    {"a@b_c.example", "b_c.example", 0, FALSE},
    /* another reader may see victim.example, who has not written it */
    {"v@victim.example: x@evil.example;", "evil.example", 0, TRUE, TRUE},
    {"v@victim.example x@evil.example", "evil.example", 0, TRUE, TRUE},
    {"<v@victim.example <x@evil.example>", "evil.example", 0, TRUE, TRUE},
    {"v@victim..example, x@evil.example", "evil.example", 1, TRUE, TRUE},
    {"v@victim.example@evil.example", "evil.example", 0, FALSE, TRUE},
    {"v@victim.example(y)@evil.example", "evil.example", 0, FALSE, TRUE},
    {"<@victim.example:x@evil.example>", "evil.example", 0, FALSE, TRUE},
    {"v@-v\xc3\xbc.example, x@evil.example", "evil.example", 1, FALSE, TRUE},
    /* as honest mail comes */
    {"\"v@victim.example\": x@evil.example;", "evil.example", 0, FALSE, FALSE},
    {"\"v@victim.example\"@evil.example", "evil.example", 0, FALSE, FALSE},
    {"Doe, Joe <joe@b.example>", "b.example", 1, FALSE, FALSE},
    {"Joe <<joe@b.example>>", "b.example", 0, TRUE, FALSE},
    {"joe@b.example, x@[192.0.2.1]", "b.example", 1, FALSE, FALSE},
};

static void check_from(void **state)
{
    const FromRow *row = *state;
    g_autoptr(DmarcAuthors) authors = dmarc_authors_new();
    g_autofree char *got = NULL;

    dmarc_authors_add(authors, row->value, -1);
    got = g_strjoinv(" ", authors->domains);
    assert_string_equal(got, row->domains);
    assert_int_equal(authors->n, g_strv_length(authors->domains));
    assert_int_equal(authors->n_without, row->without);
    assert_int_equal(authors->malformed, row->malformed);
    assert_int_equal(authors->ambiguous, row->ambiguous);
    assert_int_equal(authors->n_fields, 1);
    if (authors->n == 1 && !row->ambiguous)
        assert_string_equal(dmarc_authors_only(authors), row->domains);
    else
        assert_null(dmarc_authors_only(authors));
}

/* RFC 6376 §8.15: the domain has signed one of them, and anybody has added the other. */
static void test_same_twice(void **state)
{
    g_autoptr(DmarcAuthors) authors = dmarc_authors_new();

    dmarc_authors_add(authors, "noreply@b.example", -1);
    assert_string_equal(dmarc_authors_only(authors), "b.example");
    dmarc_authors_add(authors, "ceo@b.example", -1);
    assert_int_equal(authors->n, 1);
    assert_null(dmarc_authors_only(authors));
}

static void test_several_fields(void **state)
{
    g_autoptr(DmarcAuthors) authors = dmarc_authors_new();

    for (guint i = 0; i < 100; i++) {
        g_autofree char *value = g_strdup_printf("a@b%u.example", i);
        dmarc_authors_add(authors, value, -1);
        dmarc_authors_add(authors, value, (gssize)strlen(value));
    }
    assert_int_equal(authors->n_fields, 200);
    assert_int_equal(authors->n, DMARC_AUTHORS_MAX);
    assert_true(authors->malformed);
    assert_string_equal(authors->domains[1], "b1.example");
    assert_null(authors->domains[DMARC_AUTHORS_MAX]);
}

/* The last one is not read any more. */
static void test_too_many(void **state)
{
    g_autoptr(DmarcAuthors) authors = dmarc_authors_new();
    g_autoptr(GString) value = g_string_new(NULL);

    for (guint i = 0; i < ADDRESS_LIST_MAX; i++)
        g_string_append(value, "x@evil.example, ");
    g_string_append(value, "v@victim.example");
    dmarc_authors_add(authors, value->str, -1);
    assert_int_equal(authors->n, 1);
    assert_null(dmarc_authors_only(authors));
}

/* --- public suffixes --- */

static const struct {
    const char *name, *registrable;
} suffixes[] = {
    {"a.b.co.uk", "b.co.uk"}, {"B.co.uk.", "b.co.uk"},    {"co.uk", NULL},    {"a.b.unheard", "b.unheard"},
    {"unheard", NULL},        {".co.uk", NULL},           {"a..co.uk", NULL}, {"", NULL},
    {"\xff.co.uk", NULL},     {"a.b.uk.com", "b.uk.com"}, /* the private part of the list counts */
};

static void test_suffixes(void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *got = suffix_registrable(suffixes[i].name);
        if (g_strcmp0(got, suffixes[i].registrable) != 0)
            fail_msg("%s: expected %s, got %s", suffixes[i].name,
                     suffixes[i].registrable ? suffixes[i].registrable : "none", got ? got : "none");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_standard),   cmocka_unit_test(test_many_uris),
        cmocka_unit_test(test_several_fields), cmocka_unit_test(test_same_twice),
        cmocka_unit_test(test_too_many),       cmocka_unit_test(test_suffixes),
    };

    return RUN_ROWS("dmarc_record_parse", records, check_record) +
           RUN_ROWS("dmarc_authors_add", froms, check_from) + cmocka_run_group_tests(tests, NULL, NULL);
}
