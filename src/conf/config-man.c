/* config-man.c — the table of options as the manual page postern.conf(5). */
#include "conf/config-internal.h"

#include <string.h>

static const char page_head[] =
    ".\\\" Made from the table of options by `postern config man`; do not edit.\n"
    ".TH POSTERN.CONF 5 \"\" \"postern " POSTERN_VERSION "\" \"File Formats\"\n"
    ".ad l\n"
    ".nh\n"
    ".SH NAME\n"
    "postern.conf \\- configuration of the mail-policy filter postern\n"
    ".SH DESCRIPTION\n"
    "Sections in brackets, then lines\n"
    ".IR \"key \" = \" value\" ,\n"
    "by the rules of Python's ConfigParser. Names of sections and keys are compared without case. A line "
    "that is "
    "indented more\n"
    "than its key goes on with the value. A line that begins with # or ; is a comment.\n"
    ".I %(name)s\n"
    "stands for the value of\n"
    ".I name\n"
    "in the same section or in [DEFAULT]; %% is one percent.\n"
    ".PP\n"
    "Every option has a default, and with all of them nothing is changed and nothing refused.\n"
    ".B postern config default\n"
    "prints a file with all of them,\n"
    ".B postern config check\n"
    "names what is wrong with file and line,\n"
    ".B postern config show\n"
    "what is in force and where it comes from. A running filter reads the file again when it changes; what "
    "needs a "
    "restart is marked.\n"
    ".PP\n"
    "Kinds of values:\n"
    ".TP\n.B time\n8, 8s, 5m, 2h, 7d\n"
    ".TP\n.B size\n4096, 256K, 1M, 2G\n"
    ".TP\n.B list\nwords separated by commas or blanks; file:/path reads more words from a file\n"
    ".TP\n.B list of hosts\naddresses, networks (10.0.0.0/8), globs on addresses (192.168.0.*), and host "
    "names, which stand "
    "for their\naddresses; a PTR name is never believed\n"
    ".TP\n.B list of addresses\nuser@domain, domain or @domain, *.domain (all below it), user@ (at any "
    "domain), with the globs * and ?; "
    "!word means\nnot these; the most specific one answers, wherever it stands. A file: that cannot be read "
    "is a warning\n"
    ".TP\n.B list of patterns\nnames or addresses, with the globs * and ?; !word takes back what an earlier "
    "word matched\n"
    ".TP\n.B path\nrelative ones start from the folder of the file\n"
    ".PP\n"
    "A file with a [milter] section is one of the older Python system; see\n"
    ".BR \"OLD FILES\" .\n";

static const char page_tail[] =
    ".SH OLD FILES\n"
    "milter.cfg, pymilter.cfg, spfmilter.cfg, dkim\\-milter.cfg and, alone or named by\n"
    ".I config\n"
    "in [srs], pysrs.cfg are read as they are: Latin\\-1, remarks behind values after \" ;\", file: lists, "
    "relative paths "
    "from\n"
    ".IR datadir .\n"
    "Their defaults are those of the old system: SPF is on; Fail REJECT, None CBV (with reject_noptr "
    "REJECT), SoftFail "
    "CBV,\n"
    "Neutral OK, PermError REJECT, TempError TEMPFAIL, Pass OK; HELO and PTR checks as the program had them. "
    "Keys whose "
    "features\n"
    "come later are accepted and named. Secrets in [srs] are used; move them to\n"
    ".IR srs.secret_file .\n"
    ".SH SEE ALSO\n"
    ".BR postern (8),\n"
    ".BR postern\\-config (8),\n"
    ".BR postern\\-serve (8)\n"
    ".PP\n"
    "docs/policy.md (the access map), docs/tags.md (every tag and verb), docs/mta.md (Postfix and Sendmail), "
    "docs/log.md\n"
    "(what is logged)\n";

/* So that nothing in it is taken for a request or an escape. */
static void append_roff(GString *to, const char *text)
{
    for (gboolean first = TRUE; *text != '\0'; text++) {
        if (first && (*text == '.' || *text == '\''))
            g_string_append(to, "\\&");
        first = *text == '\n';
        if (*text == '\\')
            g_string_append(to, "\\e");
        else if (*text == '-')
            g_string_append(to, "\\-");
        else
            g_string_append_c(to, *text);
    }
}

static void append_line(GString *to, const char *text)
{
    append_roff(to, text);
    g_string_append_c(to, '\n');
}

/* Lines of their own, with percents doubled as in the file. */
static void append_setting(GString *to, const char *what, const char *key, const char *value)
{
    g_auto(GStrv) parts = g_strsplit(value, "%", -1);
    g_autofree char *doubled = g_strjoinv("%%", parts);
    g_autofree char *line = g_strdup_printf("%s%s%s%s", what, key, *key != '\0' ? " = " : "", doubled);
    g_string_append(to, ".br\n");
    append_line(to, line);
}

static void append_kind(GString *to, const Option *option)
{
    g_autoptr(GString) kind = g_string_new(option_kind_name(option));
    for (guint i = 0; option->words != NULL && option->words[i] != NULL; i++)
        g_string_append_printf(kind, "%s%s", i == 0 ? ": " : ", ", option->words[i]);
    if (option->kind == OPTION_INT)
        g_string_append_printf(kind, " from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, option->min,
                               option->max);
    g_string_append_printf(kind, "; default: %s", *option->fallback != '\0' ? option->fallback : "empty");
    if (option->restart)
        g_string_append(kind, "; a change needs a restart");
    g_string_append(to, ".br\n");
    g_autofree char *line = g_strdup_printf("(%s)", kind->str);
    append_line(to, line);
}

static void append_option(GString *to, const Option *option)
{
    if (option->kind == OPTION_PAIRS) {
        append_setting(to, "Example: ", "", option->example);
        return;
    }
    g_string_append(to, ".TP\n.B ");
    append_line(to, option->key);
    append_line(to, option->doc);
    append_kind(to, option);
    if (option->example != NULL)
        append_setting(to, "Example: ", option->key, option->example);
}

char *config_man_text(void)
{
    GString *text = g_string_new(page_head);
    for (guint i = 0; i < option_sections_len; i++) {
        g_string_append_printf(text, ".SH \"SECTION [%s]\"\n", option_sections[i].name);
        append_line(text, option_sections[i].doc);
        for (guint j = 0; j < options_len; j++)
            if (strcmp(options[j].section, option_sections[i].name) == 0)
                append_option(text, &options[j]);
    }
    g_string_append(text, page_tail);
    return g_string_free(text, FALSE);
}
