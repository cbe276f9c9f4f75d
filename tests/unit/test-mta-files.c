/* What the doctor reads of the MTAs' files: src/app/mta-files.c; and the registry of macros: src/mta/seen.c. */
#include "rows.h"

#include <string.h>

#include "app/mta-files.h"
#include "mta/seen.h"

static void check_text(const char *wanted, const char *came)
{
    if (g_strcmp0(wanted, came) != 0)
        fail_msg("expected %s, came %s", wanted ? wanted : "nothing", came ? came : "nothing");
}

typedef struct {
    const char *name, *text, *key, *value;
} Main;

#define TEN(x) x x x x x x x x x x
#define WIDE                                                                                                 \
    "a = " TEN(TEN("$b")) "\nb = " TEN(TEN("$c")) "\nc = " TEN(TEN("$d")) "\nd = " TEN(                      \
        TEN("$e")) "\ne = " TEN(TEN("$f")) "\n"

static const Main mains[] = {
    {"plain", "smtpd_milters = unix:/a\n", "smtpd_milters", "unix:/a"},
    {"without blanks", "a=b\n", "a", "b"},
    {"continuation and comment", "a = b,\n# no\n\n   c\nd = e\n", "a", "b, c"},
    {"the last counts", "a = b\na = c\n", "a", "c"},
    {"empty", "a =\n", "a", ""},
    {"not there", "b = c\n", "a", "fallback"},
    {"name within", "b = x\na = $b/${b}/$(b)$c\n", "a", "x/x/x"},
    {"itself", "a = $a$a\n", "a", NULL},
    {"many that are empty", WIDE, "a", NULL},
    {"no name", "a = 5$ ${ $(x\n", "a", "5$ ${ $(x"},
    {"no last line end", "a = b", "a", "b"},
    {"CR", "a = b\r\n", "a", "b"},
};

static void check_main(void **state)
{
    const Main *row = *state;
    g_autoptr(GHashTable) values = postfix_parse(row->text);
    g_autofree char *value = postfix_value(values, row->key, "fallback");
    if (row->value)
        check_text(row->value, value);
    else
        assert_true(strlen(value) < 1 << 20); /* bounded */
}

typedef struct {
    const char *name, *text;
    gboolean chroot_default, chrooted;
    const char *overrides;
} Master;

static const Master masters[] = {
    {"yes", "smtp inet n - y - - smtpd\n", FALSE, TRUE, NULL},
    {"no", "smtp inet n - n - - smtpd\n", TRUE, FALSE, NULL},
    {"default since 3.0", "smtp inet n - - - - smtpd\n", FALSE, FALSE, NULL},
    {"default before", "smtp  inet  n  -  -  -  -  smtpd\n", TRUE, TRUE, NULL},
    {"the client's", "smtp unix - - y - - smtp\n", FALSE, FALSE, NULL},
    {"comment", "#smtp inet n - y - - smtpd\n", FALSE, FALSE, NULL},
    {"options", "smtp inet n - n - - smtpd\nsubmission inet n - y - - smtpd\n  -o smtpd_milters=inet:1:2\n",
     FALSE, TRUE, "smtpd_milters=inet:1:2"},
    {"short", "smtp inet n\n", TRUE, FALSE, NULL},
};

static void check_master(void **state)
{
    const Master *row = *state;
    PostfixServices services = postfix_services(row->text, row->chroot_default);
    assert_int_equal(services.chrooted, row->chrooted);
    check_text(row->overrides, services.overrides);
    postfix_services_clear(&services);
}

typedef struct {
    const char *name, *list, *milters;
} List;

static const List lists[] = {
    {"none", "", ""},
    {"two", "inet:localhost:1, unix:/a", "inet:localhost:1|unix:/a"},
    {"braces", "{ inet:h:1, connect_timeout=10s }, {unix:/b}", "inet:h:1|unix:/b"},
    {"open brace", "{ inet:h:1", "inet:h:1"},
};

static void check_list(void **state)
{
    const List *row = *state;
    g_auto(GStrv) milters = postfix_milters(row->list);
    g_autofree char *came = g_strjoinv("|", milters);
    check_text(row->milters, came);
}

typedef struct {
    const char *name, *text;
    int seconds;
} Time;

static const Time times[] = {
    {"bare", "30", 30}, {"s", "30s", 30},     {"m", "5m", 300},       {"h", "1h", 3600},
    {"none", "", -1},   {"word", "soon", -1}, {"negative", "-1", -1}, {"too much", "99999999999", -1},
};

static void check_time(void **state)
{
    const Time *row = *state;
    assert_int_equal(mta_seconds(row->text, 1), row->seconds);
}

typedef struct {
    const char *name, *text;
    const char *filters; /* "name socket flag send/read/end used@line; …" */
} Filters;

static const Filters filter_rows[] = {
    {"cf", "O InputMailFilters=other, postern\nXpostern, S=local:/a, F=T, T=C:5m;S:20s;R:5m;E:6m\n",
     "postern local:/a T 20/300/360 used@2; "},
    {"cf unused", "O InputMailFilters=other\nXpostern, S=inet:1@h\n",
     "postern inet:1@h - 10/10/300 unused@2; "},
    {"mc", "dnl x\nINPUT_MAIL_FILTER(`postern', `S=unix:/a, F=R, T=R:8s')dnl\n",
     "postern unix:/a R 10/8/300 used@2; "},
    {"mc in two", "MAIL_FILTER(`a', `S=inet:1@h')\ndefine(`confINPUT_MAIL_FILTERS', `b,a')\n",
     "a inet:1@h - 10/10/300 used@1; "},
    {"commented out", "dnl INPUT_MAIL_FILTER(`postern', `S=unix:/a')\n", ""},
    {"nonsense", "X\nX,\nINPUT_MAIL_FILTER(\nINPUT_MAIL_FILTER(`a'\n", " (null) - 10/10/300 unused@2; "},
};

static void check_filters(void **state)
{
    const Filters *row = *state;
    g_autoptr(GPtrArray) filters = sendmail_filters(row->text);
    g_autoptr(GString) came = g_string_new(NULL);
    for (guint i = 0; i < filters->len; i++) {
        const SendmailFilter *f = filters->pdata[i];
        g_string_append_printf(came, "%s %s %c %d/%d/%d %s@%u; ", f->name, f->socket ? f->socket : "(null)",
                               f->flag ? f->flag : '-', f->send, f->read, f->end, f->used ? "used" : "unused",
                               f->line);
    }
    check_text(row->filters, came->str);
}

typedef struct {
    const char *name, *text;
    const char *mailers; /* "name smtp|no flags line_max@line; …" */
} Mailers;

static const Mailers mailer_rows[] = {
    {"as m4 writes it",
     "Mesmtp,\t\tP=[IPC], F=mDFMuXa8, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\\r\\n, L=990,\n"
     "\t\tT=DNS/RFC822/SMTP,\n\t\tA=TCP $h\n",
     "esmtp smtp mDFMuXa8 990@1; "},
    {"later lines count", "Mrelay, P=[TCP]\n\tF=8,\n  L=0\nF=x\n\tL=5\n", "relay smtp 8 0@1; "},
    {"a program", "Mlocal, P=/usr/bin/procmail, F=lsDF, L=12x\nMprog, P=/bin/sh\n",
     "local no lsDF 12@1; prog no  0@2; "},
    {"nonsense", "M\nM,\nMx\n,L=1\nM , L=-1, =, L\n", " no  0@2;  no  0@5; "},
};

static void check_mailers(void **state)
{
    const Mailers *row = *state;
    g_autoptr(GPtrArray) mailers = sendmail_mailers(row->text);
    g_autoptr(GString) came = g_string_new(NULL);
    for (guint i = 0; i < mailers->len; i++) {
        const SendmailMailer *m = mailers->pdata[i];
        g_string_append_printf(came, "%s %s %s %d@%u; ", m->name, m->is_smtp ? "smtp" : "no", m->flags,
                               m->line_max, m->line);
    }
    check_text(row->mailers, came->str);
}

typedef struct {
    const char *name, *text;
    gboolean on;
    const char *masquerade;
} Options;

static const Options option_rows[] = {
    {"not set", "O EightBitMode=pass8\nDj$w.x\n", FALSE, NULL},
    {"on", "O SevenBitInput=True\nDMexample.com\n", TRUE, "example.com"},
    {"with blanks, any case", "O sevenbitinput = yes\nDM \n", TRUE, ""},
    {"off", "O SevenBitInput=False\n", FALSE, NULL},
    {"the last counts", "O SevenBitInput=1\nDMa\nO SevenBitInput=0\nDMb\n", FALSE, "b"},
    {"commented out", "#O SevenBitInput=True\n#DMa\n", FALSE, NULL},
};

static void check_options(void **state)
{
    const Options *row = *state;
    g_autofree char *masquerade = sendmail_macro(row->text, 'M');
    assert_int_equal(sendmail_option_is_on(row->text, "SevenBitInput"), row->on);
    check_text(row->masquerade, masquerade ? g_strchug(masquerade) : NULL);
}

static void macros(void **state)
{
    Seen *seen = seen_new();
    seen_add(seen, "Postfix 3.7.11", STAGE_CONNECT, (const char *[]){"v", "1", "j", "2", NULL});
    seen_add(seen, "Postfix 3.7.11", STAGE_CONNECT, (const char *[]){"j", "3", NULL});
    seen_add(seen, "8.17.1.9", STAGE_MAIL, (const char *[]){"a\nb", "x", "odd", NULL});
    seen_add(seen, NULL, STAGE_RCPT, (const char *[]){NULL});
    for (int i = 0; i < 2 * SEEN_NAMES_MAX; i++) {
        g_autofree char *name = g_strdup_printf("n%03d", i);
        seen_add(seen, NULL, STAGE_HELO, (const char *[]){name, "x", NULL});
    }
    g_autofree char *long_name = g_strnfill(SEEN_NAME_MAX + 1, 'l');
    seen_add(seen, "Postfix", STAGE_DATA, (const char *[]){long_name, "x", NULL});
    g_autoptr(GString) text = g_string_new(NULL);
    seen_append(seen, text);
    g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
    assert_int_equal(g_strv_length(lines), 6);
    check_text("postfix connect j v", lines[0]);
    check_text("postfix data", lines[1]);
    check_text("sendmail mail a?b", lines[2]);
    check_text("other rcpt", lines[4]);
    g_auto(GStrv) words = g_strsplit(lines[3], " ", -1);
    assert_int_equal(g_strv_length(words), 2 + SEEN_NAMES_MAX);
    seen_free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(macros)};
    return RUN_ROWS("main.cf", mains, check_main) + RUN_ROWS("master.cf", masters, check_master) +
           RUN_ROWS("milters", lists, check_list) + RUN_ROWS("times", times, check_time) +
           RUN_ROWS("filters", filter_rows, check_filters) + RUN_ROWS("mailers", mailer_rows, check_mailers) +
           RUN_ROWS("options", option_rows, check_options) + cmocka_run_group_tests(tests, NULL, NULL);
}
