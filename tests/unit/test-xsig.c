/* The mark in Received-SPF (C13). */
#include "rows.h"

#include <postern/spf.h>
#include <postern/xsig.h>
#include <string.h>

#define NOW 1767614400
#define DAY 86400

static const char *const secrets[] = {"new", "old", NULL};

typedef struct {
    const char *name;
    const char *secret; /* that signed */
    const char *sender, *ip;
    gint64 time;
    const char *as_sender, *as_ip; /* that it is verified for; NULL: the same */
    SrsStatus want;
} Row;

static const Row rows[] = {
    {"right", "new", "a@example.com", "192.0.2.1", NOW, NULL, NULL, SRS_VALID},
    {"IPv6", "new", "a@example.com", "2001:db8::1", NOW, NULL, NULL, SRS_VALID},
    {"an older secret", "old", "a@example.com", "192.0.2.1", NOW, NULL, NULL, SRS_VALID},
    {"nobody's secret", "other", "a@example.com", "192.0.2.1", NOW, NULL, NULL, SRS_FORGED},
    {"case", "new", "A@Example.com", "192.0.2.1", NOW, "a@eXample.com", NULL, SRS_VALID},
    {"what the field cannot show", "new", "\xc3\xa4@example.com", "192.0.2.1", NOW, "??@example.com", NULL,
     SRS_VALID},
    {"another sender", "new", "a@example.com", "192.0.2.1", NOW, "b@example.com", NULL, SRS_FORGED},
    {"another client", "new", "a@example.com", "192.0.2.1", NOW, NULL, "192.0.2.2", SRS_FORGED},
    {"null sender", "new", "a@example.com", "192.0.2.1", NOW, "", NULL, SRS_FORGED},
    {"a week old", "new", "a@example.com", "192.0.2.1", NOW - 7 * DAY, NULL, NULL, SRS_VALID},
    {"older", "new", "a@example.com", "192.0.2.1", NOW - 7 * DAY - 1, NULL, NULL, SRS_EXPIRED},
    {"a clock that is wrong", "new", "a@example.com", "192.0.2.1", NOW + DAY, NULL, NULL, SRS_VALID},
    {"the future", "new", "a@example.com", "192.0.2.1", NOW + DAY + 1, NULL, NULL, SRS_EXPIRED},
};

static IpAddress ip_of(const char *text)
{
    IpAddress ip;
    assert_true(ip_parse(text, &ip));
    return ip;
}

static void check(void **state)
{
    const Row *row = *state;
    const char *signs[] = {row->secret, NULL};
    const IpAddress ip = ip_of(row->ip), as_ip = ip_of(row->as_ip ? row->as_ip : row->ip);
    g_autofree char *mark = xsig_make(signs, row->sender, &ip, row->time);
    assert_true(strlen(mark) < XSIG_MAX);
    assert_string_equal(
        srs_status_name(
            xsig_verify(secrets, mark, row->as_sender ? row->as_sender : row->sender, &as_ip, NOW, 7 * DAY)),
        srs_status_name(row->want));
}

typedef struct {
    const char *name;
    const char *mark;
    SrsStatus want;
} MarkRow;

static const MarkRow marks[] = {
    {"none", NULL, SRS_UNTAGGED},
    {"empty", "", SRS_UNTAGGED},
    {"a word", "x", SRS_BROKEN},
    {"no time", "AAAAAAAAAAAAAAAAAAAA=", SRS_BROKEN},
    {"no =", "AAAAAAAAAAAAAAAAAAAA1767614400", SRS_BROKEN},
    {"a sign", "AAAAAAAAAAAAAAAAAAAA=-1", SRS_BROKEN},
    {"short hash", "AAAA=1767614400", SRS_BROKEN},
    {"no base64", "!!!!!!!!!!!!!!!!!!!!=1767614400", SRS_BROKEN},
    {"much time", "AAAAAAAAAAAAAAAAAAAA=1767614400000000000000", SRS_BROKEN},
    {"guessed", "AAAAAAAAAAAAAAAAAAAA=1767614400", SRS_FORGED},
};

static void check_mark(void **state)
{
    const MarkRow *row = *state;
    const IpAddress ip = ip_of("192.0.2.1");
    assert_string_equal(srs_status_name(xsig_verify(secrets, row->mark, "a@example.com", &ip, NOW, DAY)),
                        srs_status_name(row->want));
}

/* Another time under the same hash is no longer ours. */
static void time_is_bound(void **state)
{
    const IpAddress ip = ip_of("192.0.2.1");
    g_autofree char *mark = xsig_make(secrets, "a@example.com", &ip, NOW);
    mark[strlen(mark) - 1] = '1';
    assert_int_equal(xsig_verify(secrets, mark, "a@example.com", &ip, NOW, DAY), SRS_FORGED);
}

static void nothing_to_prove(void **state)
{
    const IpAddress ip = ip_of("192.0.2.1"), none = {IP_NONE};
    assert_null(xsig_make(secrets, "", &ip, NOW));
    assert_null(xsig_make(secrets, NULL, &ip, NOW));
    assert_null(xsig_make(secrets, "a@example.com", &none, NOW));
}

/* From the field alone, as who reads a bounce has it. */
static void read_from_the_field(void **state)
{
    const IpAddress ip = ip_of("192.0.2.1");
    g_autofree char *mark = xsig_make(secrets, "a@example.com", &ip, NOW);
    const char *extra[] = {"x-sig", mark, NULL};
    const SpfRequest request = {
        .ip = ip, .sender = "a@example.com", .helo = "mx.example.com", .receiver = "here"};
    const SpfResult result = {.code = SPF_PASS, .domain = "example.com"};
    g_autofree char *value =
        spf_received(&(SpfReceived){.request = &request, .result = &result, .extra = extra});
    SpfReceivedField *field = spf_received_parse(value, -1);
    assert_non_null(field);
    assert_string_equal(field->mark, mark);
    const IpAddress read = ip_of(field->client_ip);
    assert_int_equal(xsig_verify(secrets, field->mark, field->envelope_from, &read, NOW, DAY), SRS_VALID);
    spf_received_field_free(field);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_is_bound),
        cmocka_unit_test(nothing_to_prove),
        cmocka_unit_test(read_from_the_field),
    };
    return RUN_ROWS("xsig", rows, check) + RUN_ROWS("marks", marks, check_mark) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
