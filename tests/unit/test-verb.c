#include "rows.h"

#include <string.h>

#include "policy/verb.h"

/* What a rule's value means. `want`: "VERB code xcode score text" with "-" for what is not there; NULL:
 * refused, with `error` in the message. */
typedef struct {
    const char *name, *value, *want, *error;
} Row;

static const Row rows[] = {
    {"OK", "OK", "OK - - 0 -"},
    {"case", "reject", "REJECT - - 0 -"},
    {"blanks around", "  \tREJECT  ", "REJECT - - 0 -"},
    {"each verb: DENY", "DENY", "DENY - - 0 -"},
    {"each verb: TEMPFAIL", "TEMPFAIL", "TEMPFAIL - - 0 -"},
    {"each verb: CBV", "CBV", "CBV - - 0 -"},
    {"each verb: DSN", "DSN", "DSN - - 0 -"},
    {"each verb: NODSN", "NODSN", "NODSN - - 0 -"},
    {"each verb: NOTSPAM", "NOTSPAM", "NOTSPAM - - 0 -"},
    {"each verb: WHITELIST", "WHITELIST", "WHITELIST - - 0 -"},
    {"each verb: PROBATION", "PROBATION", "PROBATION - - 0 -"},
    {"each verb: BAN", "BAN", "BAN - - 0 -"},
    {"each verb: GREYLIST", "GREYLIST", "GREYLIST - - 0 -"},
    {"each verb: QUARANTINE", "QUARANTINE", "QUARANTINE - - 0 -"},
    {"each verb: DISCARD", "DISCARD", "DISCARD - - 0 -"},
    {"each verb: HOLD", "HOLD", "HOLD - - 0 -"},
    {"a reason", "QUARANTINE:looks odd", "QUARANTINE - - 0 looks odd"},
    {"an empty reason", "QUARANTINE:", "QUARANTINE - - 0 -"},
    {"ERROR alone", "ERROR", "REJECT - - 0 -"},
    {"ERROR, quoted", "ERROR:\"550 5.7.1 go away\"", "REJECT 550 5.7.1 0 go away"},
    {"ERROR, Sendmail's order", "ERROR:5.7.1:550 go away", "REJECT 550 5.7.1 0 go away"},
    {"ERROR, quoted, Sendmail's order", "ERROR:\"5.7.1:550 go away\"", "REJECT 550 5.7.1 0 go away"},
    {"ERROR, lower case", "error:550 no", "REJECT 550 - 0 no"},
    {"ERROR, 4xx", "ERROR:4.7.1:450 later", "TEMPFAIL 450 4.7.1 0 later"},
    {"plain", "550 go away", "REJECT 550 - 0 go away"},
    {"plain with xcode", "550 5.7.1 go away", "REJECT 550 5.7.1 0 go away"},
    {"plain, both codes, no text", "550 5.7.1", "REJECT 550 5.7.1 0 -"},
    {"plain, only a code", "550", "REJECT 550 - 0 -"},
    {"plain 4xx", "421 4.7.0 busy", "TEMPFAIL 421 4.7.0 0 busy"},
    {"what looks like an xcode and is none", "550 5.7 is half of one", "REJECT 550 - 0 5.7 is half of one"},
    {"an xcode glued to a word", "550 5.7.1x", "REJECT 550 - 0 5.7.1x"},
    {"score", "SCORE:2.5", "SCORE - - 2.5 -"},
    {"negative score", "score:-4", "SCORE - - -4 -"},
    {"score, exponent", "SCORE:1e2", "SCORE - - 100 -"},
    {"no verb", "PERHAPS", NULL, "\"PERHAPS\" is no verb: OK, SCORE"},
    {"nothing", "", NULL, "is no verb"},
    {"a verb and more", "REJECT now", NULL, "is no verb"},
    {"2xx", "250 fine", NULL, "is no reply"},
    {"6xx", "650 what", NULL, "is no reply"},
    {"four digits", "5501 x", NULL, "is no reply"},
    {"two digits", "55 x", NULL, "is no reply"},
    {"ERROR with nothing", "ERROR:", NULL, "is no reply"},
    {"ERROR with quotes around nothing", "ERROR:\"\"", NULL, "is no reply"},
    {"ERROR with one quote", "ERROR:\"", NULL, "is no reply"},
    {"two classes", "550 4.7.1 which", NULL, "of different classes"},
    {"two classes, Sendmail's order", "ERROR:5.7.1:450 which", NULL, "of different classes"},
    {"score without a number", "SCORE", NULL, "a number"},
    {"score of a word", "SCORE:lots", NULL, "a number"},
    {"score and more", "SCORE:1 or 2", NULL, "a number"},
    {"score out of all bounds", "SCORE:1e7", NULL, "a number"},
    {"score that is no number", "SCORE:nan", NULL, "a number"},
    {"score without end", "SCORE:inf", NULL, "a number"},
};

static void check(void **state)
{
    const Row *row = *state;
    Ruling ruling = {0};
    g_autoptr(GError) error = NULL;
    gboolean ok = ruling_parse(row->value, &ruling, &error);
    assert_int_equal(ok, row->want != NULL);
    if (!ok) {
        assert_non_null(error);
        if (!strstr(error->message, row->error))
            fail_msg("expected …%s…, came %s", row->error, error->message);
        assert_false(ruling_parse(row->value, &ruling, NULL)); /* nobody needs to ask why */
        return;
    }
    GString *came = g_string_new(verb_name(ruling.verb));
    if (ruling.code)
        g_string_append_printf(came, " %d", ruling.code);
    else
        g_string_append(came, " -");
    g_string_append_printf(came, " %s %g %s", ruling.xcode ? ruling.xcode : "-", ruling.score,
                           ruling.text ? ruling.text : "-");
    assert_string_equal(came->str, row->want);
    g_string_free(came, TRUE);
    ruling_clear(&ruling);
    assert_null(ruling.text);
}

static void names_and_words_agree(void **state)
{
    for (Verb verb = 0; verb < VERB_COUNT; verb++) {
        Verb parsed;
        assert_true(verb_parse(verb_name(verb), &parsed));
        assert_int_equal(parsed, verb);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_and_words_agree)};
    return RUN_ROWS("ruling_parse", rows, check) + cmocka_run_group_tests_name("verbs", tests, NULL, NULL);
}
