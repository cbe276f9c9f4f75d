#include "rows.h"

#include <string.h>

#include "policy/blacklist-rule.h"

typedef struct {
    const char *name, *text;
    const char *fault; /* part of the error; NULL: it is read */
    int count, window, lasts;
    CountBy by;
    BlacklistInto into;
    Tag counts, ignores; /* TAG_COUNT: not asked */
} Row;

#define NONE TAG_COUNT

static const Row rows[] = {
    {"one tag", "5 refusals of SPF-Fail in 1h by client -> ban 7d", NULL, 5, 3600, 604800, COUNT_BY_CLIENT,
     INTO_BAN, TAG_SPF_FAIL, TAG_SPF_NONE},
    {"tags", "5 refusals of SPF-Fail, spf-none,Virus in 1h by client -> ban 7d", NULL, 5, 3600, 604800,
     COUNT_BY_CLIENT, INTO_BAN, TAG_VIRUS, TAG_SPF_PASS},
    {"any tag", "20 refusals in 90s by sender -> blacklist 1d", NULL, 20, 90, 86400, COUNT_BY_SENDER,
     INTO_BLACKLIST, TAG_VIRUS, TAG_CLIENT_BANNED},
    {"a ban does not prolong itself", "20 refusals in 90s by domain -> ban 1d", NULL, 20, 90, 86400,
     COUNT_BY_DOMAIN, INTO_BAN, TAG_VIRUS, TAG_BANNED_DOMAIN},
    {"unless asked to", "2 refusals of Client-Banned in 90s by client -> ban 1d", NULL, 2, 90, 86400,
     COUNT_BY_CLIENT, INTO_BAN, TAG_CLIENT_BANNED, TAG_VIRUS},
    {"any case, blanks, for", "  1 Refusal OF virus IN 60 BY Client->BAN for 2h ", NULL, 1, 60, 7200,
     COUNT_BY_CLIENT, INTO_BAN, TAG_VIRUS, NONE},
    {"a sender", "2 refusals of Virus in 1d by sender -> ban 1d", NULL, 2, 86400, 86400, COUNT_BY_SENDER,
     INTO_BAN, TAG_VIRUS, NONE},
    {"a forgery among others", "2 refusals of Virus, SPF-Fail in 1d by sender -> ban 1d", NULL, 2, 86400,
     86400, COUNT_BY_SENDER, INTO_BAN, TAG_VIRUS, NONE},

    {"nothing", "", "write \"5 refusals", 0},
    {"no by", "5 refusals in 1h -> ban 1d", "write \"5 refusals", 0},
    {"no end", "5 refusals in 1h by client -> ban", "write \"5 refusals", 0},
    {"too much", "5 refusals in 1h by client -> ban 1d now", "write \"5 refusals", 0},
    {"no number", "five refusals in 1h by client -> ban 1d", "a number from 1 to 1000000", 0},
    {"none", "0 refusals in 1h by client -> ban 1d", "a number from 1 to 1000000", 0},
    {"too many", "1000001 refusals in 1h by client -> ban 1d", "a number from 1 to 1000000", 0},
    {"no tag", "5 refusals of SPF-Fial in 1h by client -> ban 1d", "SPF-Fial is no tag", 0},
    {"no time", "5 refusals in ever by client -> ban 1d", "ever is no time", 0},
    {"no time at all", "5 refusals in 0s by client -> ban 1d", "0s is no time", 0},
    {"too long", "5 refusals in 1h by client -> ban 99999d", "99999d is no time", 0},
    {"by whom", "5 refusals in 1h by helo -> ban 1d", "client or sender or domain belongs after by, not helo",
     0},
    {"into what", "5 refusals in 1h by client -> whitelist 1d",
     "ban or blacklist belongs after ->, not whitelist", 0},
    {"a client on the blacklist", "5 refusals in 1h by client -> blacklist 1d", "blacklist holds no clients",
     0},
    {"a domain on the blacklist", "5 refusals in 1h by domain -> blacklist 1d", "blacklist holds no domains",
     0},
    {"forged senders", "5 refusals of SPF-Fail, DMARC-Fail in 1h by domain -> ban 1d", "count it by client",
     0},
};

static void check(void **state)
{
    const Row *row = *state;
    BlacklistRule rule;
    g_autoptr(GError) error = NULL;
    gboolean read = blacklist_rule_parse("name", row->text, &rule, &error);
    if (row->fault) {
        assert_false(read);
        if (!strstr(error->message, row->fault))
            fail_msg("%s", error->message);
        return;
    }
    if (!read)
        fail_msg("%s", error->message);
    assert_string_equal(rule.name, "name");
    assert_int_equal(rule.count, row->count);
    assert_int_equal(rule.window, row->window);
    assert_int_equal(rule.lasts, row->lasts);
    assert_int_equal(rule.by, row->by);
    assert_int_equal(rule.into, row->into);
    assert_true(blacklist_rule_counts(&rule, row->counts));
    if (row->ignores != NONE)
        assert_false(blacklist_rule_counts(&rule, row->ignores));
    blacklist_rule_clear(&rule);
}

int main(void)
{
    return RUN_ROWS("blacklist_rule_parse", rows, check);
}
