/* Which page a refusal names: src/policy/page.c. */
#include "rows.h"

#include "policy/page.h"

#define URL "https://our.example/why"

typedef struct {
    const char *name;
    Tag tag;
    gboolean old;
    const char *subject, *sentence;
    PageSubject client;
    const char *want;
} Row;

static const Row rows[] = {
    {"new", TAG_SPF_NONE, FALSE, "a@x.example", "s", {"a@x.example", "h", "192.0.2.1"}, URL "#SPF-None"},
    {"no old page",
     TAG_SPF_FAIL,
     TRUE,
     "a@x.example",
     "s",
     {"a@x.example", "h", "192.0.2.1"},
     URL "#SPF-Fail"},
    {"anon",
     TAG_SPF_NONE,
     TRUE,
     "x.example",
     "s",
     {"a@x.example", "mail", "192.0.2.1"},
     URL "/anon?mfrom=a%40x.example&helo=mail&ip=192.0.2.1"},
    {"helofail",
     TAG_HELO_NEUTRAL,
     TRUE,
     "mail",
     "s",
     {"a@x.example", "mail", "2001:db8::1"},
     URL "/helofail?mfrom=a%40x.example&helo=mail&ip=2001%3Adb8%3A%3A1"},
    {"bandom",
     TAG_BANNED_DOMAIN,
     TRUE,
     "a@x.example",
     "s",
     {"a@x.example", "mail", "192.0.2.1"},
     URL "/bandom?domain=x.example"},
    {"bandom, a domain", TAG_BANNED_DOMAIN, TRUE, "x.example", "s", {0}, URL "/bandom?domain=x.example"},
    {"illrepute", TAG_REPUTATION_BAD, TRUE, "x.example", "s", {0}, URL "/illrepute?domain=x.example"},
    {"dsnrefused",
     TAG_CBV_FAIL,
     TRUE,
     "a@x.example",
     "550 no such user",
     {"a@x.example", NULL, NULL},
     URL "/dsnrefused?mfrom=a%40x.example&msg=550%20no%20such%20user"},
    {"nothing known", TAG_SPF_NONE, TRUE, "", "s", {"", NULL, ""}, URL "/anon"},
    {"some of it", TAG_SPF_NONE, TRUE, "", "s", {"", NULL, "192.0.2.1"}, URL "/anon?ip=192.0.2.1"},
    {"no argument of a stranger's",
     TAG_SPF_NONE,
     TRUE,
     "",
     "s",
     {"a&ip=1#x", "%n\r\n ?\xff", "192.0.2.1"},
     URL "/anon?mfrom=a%26ip%3D1%23x&helo=%25n%0D%0A%20%3F%FF&ip=192.0.2.1"},
};

static void check(void **state)
{
    const Row *row = *state;
    g_autoptr(Pool) pool = pool_new();
    const Finding finding = {.tag = row->tag, .subject = row->subject, .sentence = row->sentence};
    assert_string_equal(page_of(pool, URL, row->old, &finding, &row->client), row->want);
}

static void what_does_not_fit_is_left_out(void **state)
{
    g_autoptr(Pool) pool = pool_new();
    g_autofree char *long_name = g_strnfill(PAGE_URL_MAX, '@');
    const Finding finding = {.tag = TAG_HELO_FAIL, .subject = "", .sentence = ""};
    const PageSubject client = {long_name, "mail", "192.0.2.1"};
    assert_string_equal(page_of(pool, URL, TRUE, &finding, &client), URL "/helofail?helo=mail&ip=192.0.2.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_does_not_fit_is_left_out)};
    return RUN_ROWS("page", rows, check) + cmocka_run_group_tests_name("page, limits", tests, NULL, NULL);
}
