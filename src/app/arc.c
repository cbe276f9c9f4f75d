/* postern arc verify|seal — chains from the command line (E3). */
#include <postern/arc.h>
#include <postern/authres.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/mailfile.h"
#include "app/outside.h"

typedef struct {
    SignerOptions signer;
    char *authres, *status;
    gboolean json, message;
    OutsideOptions outside;
} Options;

static int complain(const GError *error)
{
    fprintf(stderr, "postern arc: %s\n", error->message);
    return EXIT_USAGE;
}

static ArcVerifier *validate(const Outside *outside, const MailFile *mail, DkimBody *body)
{
    ArcVerifier *verifier = arc_verifier_new(mail->header, body, clock_seconds(outside->clock));
    arc_verifier_prefetch(verifier, outside->resolver);
    mailfile_hash(mail, body);
    arc_verifier_finish(verifier, outside->resolver, mailfile_deadline());
    return verifier;
}

static int verify(const void *data, const Outside *outside, const MailFile *mail)
{
    const Options *options = data;
    g_autoptr(DkimBody) body = dkim_body_new();
    g_autoptr(ArcVerifier) verifier = validate(outside, mail, body);
    const ArcResult *result = arc_verifier_result(verifier);
    g_autoptr(Record) record = record_new();
    record_str(record, "result", arc_status_name(result->status));
    record_str(record, "reason", result->reason);
    if (result->status == ARC_PASS)
        record_int(record, "oldest_pass", result->oldest_pass);
    for (guint i = 0; i < result->n_hops; i++) {
        Record *hop = record_element(record, "hops");
        record_int(hop, "i", result->hops[i].instance);
        record_str(hop, "d", result->hops[i].domain);
        record_str(hop, "s", result->hops[i].selector);
        record_str(hop, "authres", result->hops[i].authres);
    }
    command_print(record, options->json);
    return result->status == ARC_PASS ? EXIT_DONE : result->temporary ? EXIT_AGAIN : EXIT_NO;
}

/* ---- seal ---- */

/* Topmost first. */
static void print_set(const Options *options, const MailFile *mail, const ArcSet *set)
{
    const char *const fields[][2] = {{"ARC-Seal", set->seal},
                                     {"ARC-Message-Signature", set->message_signature},
                                     {"ARC-Authentication-Results", set->authres}};
    g_autoptr(Record) record = record_new();
    for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
        g_auto(GStrv) lines = g_strsplit(fields[i][1], "\n", -1);
        g_autofree char *value = g_strjoinv(options->message ? "\r\n" : "\n", lines);
        record_str(record, fields[i][0], fields[i][1]);
        if (!options->json)
            printf("%s: %s%s", fields[i][0], value, options->message ? "\r\n" : "\n");
    }
    if (options->json)
        command_print(record, TRUE);
    else if (options->message)
        fwrite(mail->bytes, 1, mail->len, stdout);
}

/* FALSE: the keys of the chain cannot be looked up now, so that nothing can be said of it. */
static gboolean find_status(const Outside *outside, const MailFile *mail, ArcStatus *ret)
{
    g_autoptr(DkimBody) body = dkim_body_new();
    g_autoptr(ArcVerifier) verifier = validate(outside, mail, body);
    const ArcResult *result = arc_verifier_result(verifier);
    *ret = result->status;
    if (result->temporary)
        fprintf(stderr, "postern arc: %s\n", result->reason);
    return !result->temporary;
}

static int seal_as(const Options *options, const Outside *outside, const MailFile *mail, ArcStatus status)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DkimBody) body = dkim_body_new();
    Signer signer;
    if (!signer_open(&signer, &options->signer, &error))
        return complain(error);
    const ArcSealing sealing = {
        .key = signer.key,
        .domain = options->signer.domain,
        .selector = options->signer.selector,
        .timestamp = clock_seconds(outside->clock),
        .status = status,
        .authres = options->authres,
        .header_canon = signer.header_canon,
        .body_canon = signer.body_canon,
        .fields = (const char *const *)options->signer.fields,
        .oversign = (const char *const *)options->signer.oversign,
        .names = (const char *const *)signer.names,
    };
    dkim_body_want(body, sealing.body_canon, DKIM_WHOLE_BODY);
    mailfile_hash(mail, body);
    g_autoptr(ArcSet) set = arc_seal(&sealing, mail->header, body, &error);
    signer_close(&signer);
    if (!set) {
        complain(error);
        return EXIT_NO;
    }
    print_set(options, mail, set);
    return EXIT_DONE;
}

/* RFC 8617 §4.1.1: what is found is worth nothing without the name of who has found it. */
static gboolean is_ours(const char *authres)
{
    g_autoptr(AuthRes) parsed = authres_parse(authres, -1);
    return *parsed->authserv_id != '\0';
}

static int seal(const void *data, const Outside *outside, const MailFile *mail)
{
    const Options *options = data;
    ArcStatus status;
    if (!options->authres) {
        fprintf(stderr, "postern arc seal: --authres is needed\n");
        return EXIT_USAGE;
    }
    if (!is_ours(options->authres)) {
        fprintf(stderr,
                "--authres %s: the name of this host comes first, as in \"mx.example.com; dkim=pass\"\n",
                options->authres);
        return EXIT_USAGE;
    }
    if (options->status && !arc_status_parse(options->status, &status)) {
        fprintf(stderr, "--status %s: it is none, pass or fail\n", options->status);
        return EXIT_USAGE;
    }
    if (!options->status && !find_status(outside, mail, &status))
        return EXIT_AGAIN;
    return seal_as(options, outside, mail, status);
}

static void options_clear(Options *options)
{
    signer_options_clear(&options->signer);
    outside_options_clear(&options->outside);
    g_free(options->authres);
    g_free(options->status);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

int command_arc(int argc, char **argv)
{
    g_auto(Options) options = {0};
    const GOptionEntry entries[] = {
        SIGNER_ENTRIES(options.signer),
        {"authres", 0, 0, G_OPTION_ARG_STRING, &options.authres,
         "seal: our name and results, as in Authentication-Results", "TEXT"},
        {"status", 0, 0, G_OPTION_ARG_STRING, &options.status,
         "seal: what the chain was found to be; found out if not given", "WORD"},
        {"message", 0, 0, G_OPTION_ARG_NONE, &options.message, "seal: print the whole message", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "JSON for machines", NULL},
        OUTSIDE_ENTRIES(options.outside),
        {NULL},
    };
    if (!command_options(&argc, &argv, entries, "verify|seal [MESSAGE]",
                         "verify: validates the ARC chain of a message (RFC 8617).\n"
                         "seal: prints the set of fields that continues it.\n"
                         "Without MESSAGE, or with -, it is read from standard input.\n"
                         "Exit status 0: pass, done; 1: no chain, a failed one, or none that can go on; "
                         "75: temporary error."))
        return EXIT_USAGE;
    const char *what = argc >= 2 ? argv[1] : "", *path = argc == 3 ? argv[2] : NULL;
    if (argc <= 3 && strcmp(what, "verify") == 0)
        return mailfile_run(argv[0], path, &options.outside, verify, &options);
    if (argc <= 3 && strcmp(what, "seal") == 0)
        return mailfile_run(argv[0], path, &options.outside, seal, &options);
    fprintf(stderr, "Usage: postern arc verify|seal [OPTION…] [MESSAGE]\n");
    return EXIT_USAGE;
}
