/* postern dmarc — one DMARC verdict from the command line (E4). */
#include <postern/dmarc.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/outside.h"

#define TIMEOUT 20 /* seconds that all questions together may take */

typedef struct {
    char **from, **dkim;
    char *spf, *standard;
    int sample;
    gboolean json;
    OutsideOptions outside;
} Options;

static void options_clear(Options *options)
{
    g_strfreev(options->from);
    g_strfreev(options->dkim);
    g_free(options->spf);
    g_free(options->standard);
    outside_options_clear(&options->outside);
}

static void show_queries(Record *record, const DmarcResult *result)
{
    static const char *const words[] = {[DNS_OK] = "found",
                                        [DNS_NODATA] = "no data",
                                        [DNS_NXDOMAIN] = "no such name",
                                        [DNS_TEMPERROR] = "error"};

    for (guint i = 0; i < result->n_queries; i++) {
        const DmarcQuery *query = &result->queries[i];
        Record *row = record_element(record, "queries");
        record_str(row, "type", dns_type_name(query->type));
        record_str(row, "name", query->name);
        record_str(row, "for", query->of);
        record_str(row, "answer", words[query->status]);
    }
}

static void show_policy(Record *record, const DmarcResult *result)
{
    if (!result->policy_domain)
        return;
    record_str(record, "policy_domain", result->policy_domain);
    record_str(record, "record", result->text);
    record_str(record, "tag", result->tag);
    record_str(record, "policy", dmarc_policy_name(result->policy));
    record_str(record, "applied", dmarc_policy_name(result->applied));
    record_str(record, "disposition", dmarc_policy_name(result->disposition));
    record_bool(record, "spf_aligned", result->spf_aligned);
    record_bool(record, "dkim_aligned", result->dkim_aligned >= 0);
    record_bool(record, "subdomain", result->subdomain);
    record_bool(record, "nonexistent", result->nonexistent);
    record_bool(record, "psd", result->psd);
}

static void show(Record *record, const DmarcRequest *request, const DmarcResult *result)
{
    g_autoptr(AuthRes) ar = authres_new(g_get_host_name());
    g_autofree char *field = NULL;

    record_str(record, "result", dmarc_code_name(result->code));
    record_str(record, "reason", result->reason);
    record_strv(record, "authors", (const char *const *)request->authors->domains);
    record_str(record, "org_domain", result->org_domain);
    show_policy(record, result);
    dmarc_authres(ar, result);
    field = authres_to_string(ar, NULL);
    record_str(record, "authentication_results", field);
    show_queries(record, result);
}

static int check(const Options *options, DmarcRequest *request)
{
    g_autoptr(DmarcResult) result = NULL;
    g_autoptr(Record) record = record_new();

    request->deadline = g_get_monotonic_time() + TIMEOUT * G_TIME_SPAN_SECOND;
    result = dmarc_check(request);
    show(record, request, result);
    command_print(record, options->json);
    return result->code == DMARC_PASS ? EXIT_DONE : result->code == DMARC_TEMPERROR ? EXIT_AGAIN : EXIT_NO;
}

/* "RESULT:DOMAIN"; the domain is borrowed from `text`. */
static gboolean read_identity(const char *option, const char *text, DmarcIdentity *identity)
{
    const char *colon = strchr(text, ':');
    g_autofree char *word = colon ? g_strndup(text, (gsize)(colon - text)) : NULL;

    if (!word || !*word || !colon[1]) {
        fprintf(stderr, "postern dmarc: %s %s: not RESULT:DOMAIN, like pass:example.com\n", option, text);
        return FALSE;
    }
    *identity = (DmarcIdentity){colon + 1, dmarc_auth_of(word)};
    return TRUE;
}

/* What has no @ is a domain, for short. */
static void read_authors(DmarcAuthors *authors, char **values)
{
    for (; *values; values++)
        if (strchr(*values, '@') || !dmarc_authors_add_domain(authors, *values))
            dmarc_authors_add(authors, *values, -1);
}

static gboolean read_request(const Options *options, DmarcRequest *request, DmarcIdentity *dkim)
{
    if (options->standard && !dmarc_standard_parse(options->standard, &request->standard)) {
        fprintf(stderr, "postern dmarc: --standard %s: there are rfc9989 and rfc7489\n", options->standard);
        return FALSE;
    }
    if (options->sample < 0 || options->sample > 99) {
        fprintf(stderr, "postern dmarc: --sample is a number from 0 to 99\n");
        return FALSE;
    }
    request->sample = (guint)options->sample;
    if (options->spf && !read_identity("--spf", options->spf, &request->spf))
        return FALSE;
    for (guint i = 0; i < request->n_dkim; i++)
        if (!read_identity("--dkim", options->dkim[i], &dkim[i]))
            return FALSE;
    return TRUE;
}

static int run(const Options *options)
{
    g_autoptr(DmarcAuthors) authors = dmarc_authors_new();
    g_autofree DmarcIdentity *dkim = NULL;
    DmarcRequest request = {.authors = authors, .n_dkim = options->dkim ? g_strv_length(options->dkim) : 0};
    Outside outside;
    int status;

    request.dkim = dkim = g_new0(DmarcIdentity, request.n_dkim + 1);
    read_authors(authors, options->from);
    if (!read_request(options, &request, dkim) || !outside_open(&outside, &options->outside, NULL))
        return EXIT_USAGE;
    request.resolver = outside.resolver;
    status = check(options, &request);
    outside_close(&outside);
    return status;
}

int command_dmarc(int argc, char **argv)
{
    Options options = {0};
    /* FILENAME: bytes as they are typed. What strangers send need not be text of this terminal. */
    const GOptionEntry entries[] = {
        {"from", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.from,
         "value of the From field, or a domain; once for each field", "FROM"},
        {"spf", 0, 0, G_OPTION_ARG_FILENAME, &options.spf,
         "what SPF said of MAIL FROM, e.g. pass:example.com", "RESULT:DOMAIN"},
        {"dkim", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.dkim,
         "what DKIM said of a signature and its d=; once for each", "RESULT:DOMAIN"},
        {"standard", 0, 0, G_OPTION_ARG_STRING, &options.standard,
         "rfc9989 (tree walk, the default) or rfc7489 (public suffix list)", "NAME"},
        {"sample", 0, 0, G_OPTION_ARG_INT, &options.sample,
         "rfc7489: the policy applies where this is below pct; default 0", "NUMBER"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "JSON for machines", NULL},
        OUTSIDE_ENTRIES(options.outside),
        {NULL},
    };
    gboolean good =
        command_options(&argc, &argv, entries, "",
                        "Checks whether who is named in From is vouched for by SPF or DKIM (RFC 9989).\n"
                        "Exit status 0: pass; 1: anything else; 75: temporary error.");
    if (good && (argc != 1 || !options.from)) {
        fprintf(stderr, "postern dmarc: --from is needed\n");
        good = FALSE;
    }
    int status = good ? run(&options) : EXIT_USAGE;
    options_clear(&options);
    return status;
}
