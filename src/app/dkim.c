/* postern dkim verify|sign|check|keygen — signatures and keys from the command line (E1, E2). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "app/mailfile.h"
#include "app/outside.h"
#include "app/published.h"

#define DEFAULT_BITS    2048 /* RFC 8301 §3.2 */
#define SECONDS_PER_DAY 86400

typedef struct {
    SignerOptions signer;
    char *identity, *type, *out;
    gint bits, expire_days;
    gboolean json, message, verbose;
    OutsideOptions outside;
} Options;

static int complain(const GError *error)
{
    fprintf(stderr, "postern dkim: %s\n", error->message);
    return EXIT_USAGE;
}

/* ---- verify ---- */

static void show_result(Record *record, const DkimResult *result)
{
    record_str(record, "result", dkim_code_name(result->code));
    record_str(record, "reason", result->reason);
    record_str(record, "d", result->domain);
    record_str(record, "s", result->selector);
    record_str(record, "i", result->identity);
    record_str(record, "a", result->algorithm);
    record_str(record, "b", result->header_b);
    if (result->timestamp >= 0)
        record_int(record, "t", result->timestamp);
    if (result->expires >= 0)
        record_int(record, "x", result->expires);
    if (result->key_bits)
        record_int(record, "key_bits", result->key_bits);
    record_bool(record, "testing", result->testing);
    record_bool(record, "from_signed", result->from_signed);
    if (result->limited)
        record_int(record, "unsigned_bytes", (gint64)result->unsigned_bytes);
}

/* "pass: d=example.com s=s2026 rsa-sha256", and what may make it worth less. */
static void print_result(const DkimResult *result)
{
    printf("%s: d=%s s=%s %s", dkim_code_name(result->code), result->domain ? result->domain : "?",
           result->selector ? result->selector : "?", result->algorithm ? result->algorithm : "?");
    if (result->reason)
        printf(": %s", result->reason);
    if (result->testing)
        printf("; the domain is testing (t=y)");
    if (result->limited && result->unsigned_bytes)
        printf("; %" G_GUINT64_FORMAT " bytes at the end are not signed", (guint64)result->unsigned_bytes);
    puts("");
}

static void print_results(const DkimVerifier *verifier)
{
    for (guint i = 0; i < dkim_verifier_len(verifier); i++)
        print_result(dkim_verifier_result(verifier, i));
    if (!dkim_verifier_len(verifier))
        puts("none: there is no signature");
    if (dkim_verifier_ignored(verifier))
        printf("%u more are not looked at\n", dkim_verifier_ignored(verifier));
}

static int show_verified(const Options *options, const DkimVerifier *verifier)
{
    DkimCode code = dkim_verifier_code(verifier);
    g_autoptr(Record) record = record_new();
    record_str(record, "result", dkim_code_name(code));
    for (guint i = 0; i < dkim_verifier_len(verifier); i++)
        show_result(record_element(record, "signatures"), dkim_verifier_result(verifier, i));
    if (dkim_verifier_ignored(verifier))
        record_int(record, "ignored", dkim_verifier_ignored(verifier));
    if (options->json || options->verbose)
        command_print(record, options->json);
    else
        print_results(verifier);
    return code == DKIM_PASS ? EXIT_DONE : code == DKIM_TEMPERROR ? EXIT_AGAIN : EXIT_NO;
}

static int verify(const void *data, const Outside *outside, const MailFile *mail)
{
    const Options *options = data;
    g_autoptr(DkimBody) body = dkim_body_new();
    g_autoptr(DkimVerifier) verifier = dkim_verifier_new(mail->header, body, clock_seconds(outside->clock));
    dkim_verifier_prefetch(verifier, outside->resolver);
    mailfile_hash(mail, body);
    dkim_verifier_finish(verifier, outside->resolver, mailfile_deadline());
    return show_verified(options, verifier);
}

/* ---- sign ---- */

static int print_signed(const Options *options, const MailFile *mail, const char *value)
{
    if (options->json) {
        g_autoptr(Record) record = record_new();
        record_str(record, "dkim_signature", value);
        command_print(record, TRUE);
    } else if (options->message) {
        g_auto(GStrv) lines = g_strsplit(value, "\n", -1);
        g_autofree char *field = g_strjoinv("\r\n", lines);
        printf("DKIM-Signature: %s\r\n", field);
        fwrite(mail->bytes, 1, mail->len, stdout);
    } else {
        printf("DKIM-Signature: %s\n", value);
    }
    return EXIT_DONE;
}

static int sign(const void *data, const Outside *outside, const MailFile *mail)
{
    const Options *options = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(DkimBody) body = dkim_body_new();
    gint64 now = clock_seconds(outside->clock);
    Signer signer;
    if (!signer_open(&signer, &options->signer, &error))
        return complain(error);
    const DkimSigning signing = {
        .key = signer.key,
        .domain = options->signer.domain,
        .selector = options->signer.selector,
        .header_canon = signer.header_canon,
        .body_canon = signer.body_canon,
        .identity = options->identity,
        .timestamp = now,
        .expires = options->expire_days ? now + options->expire_days * SECONDS_PER_DAY : 0,
        .fields = (const char *const *)options->signer.fields,
        .oversign = (const char *const *)options->signer.oversign,
        .names = (const char *const *)signer.names,
    };
    dkim_body_want(body, signing.body_canon, DKIM_WHOLE_BODY);
    mailfile_hash(mail, body);
    g_autofree char *value = dkim_sign(&signing, mail->header, body, &error);
    signer_close(&signer);
    return value ? print_signed(options, mail, value) : complain(error);
}

/* ---- check ---- */

static int check(const Options *options)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *why = NULL;
    const char *domain = options->signer.domain, *selector = options->signer.selector;
    Signer signer;
    Outside outside;
    if (!signer_open(&signer, &options->signer, &error))
        return complain(error);
    g_autofree char *name = dkim_key_name(domain, selector, &error);
    if (!name)
        complain(error);
    if (!name || !outside_open(&outside, &options->outside, NULL)) {
        signer_close(&signer);
        return EXIT_USAGE;
    }
    DkimCode code = published_key(signer.key, domain, selector, outside.resolver, &why);
    g_autofree char *line = dkim_key_zone_line(signer.key, name);
    if (options->json) {
        g_autoptr(Record) record = record_new();
        record_str(record, "result", dkim_code_name(code));
        record_str(record, "reason", why);
        record_str(record, "zone_line", line);
        command_print(record, TRUE);
    } else if (code == DKIM_PASS) {
        printf("pass: %s is the key's\n", name);
    } else {
        printf("%s: %s: %s\n%s\n", dkim_code_name(code), name, why, line);
    }
    outside_close(&outside);
    signer_close(&signer);
    return code == DKIM_PASS ? EXIT_DONE : code == DKIM_TEMPERROR ? EXIT_AGAIN : EXIT_NO;
}

/* ---- keygen ---- */

/* A new file that nobody else can read; one that is there is never overwritten: its record may be published. */
static gboolean write_key(const char *path, const char *pem, GError **error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    gsize len = strlen(pem);
    gboolean written = fd >= 0 && write(fd, pem, len) == (gssize)len;
    int why = errno;
    if (fd >= 0)
        written = close(fd) == 0 && written;
    if (!written) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(why), "%s: %s", path, g_strerror(why));
        if (fd >= 0)
            unlink(path);
    }
    return written;
}

static int keygen(const Options *options)
{
    const char *type = options->type ? options->type : "rsa";
    gboolean ed25519 = strcmp(type, "ed25519") == 0;
    g_autoptr(GError) error = NULL;
    if ((!ed25519 && strcmp(type, "rsa") != 0) || !options->out || !options->signer.domain ||
        !options->signer.selector) {
        fprintf(stderr,
                "postern dkim keygen: --out, --domain and --selector are needed; --type is rsa or ed25519\n");
        return EXIT_USAGE;
    }
    g_autofree char *name = dkim_key_name(options->signer.domain, options->signer.selector, &error);
    if (!name)
        return complain(error);
    g_autoptr(DkimKey) key =
        dkim_key_generate(ed25519 ? DKIM_ED25519_SHA256 : DKIM_RSA_SHA256,
                          options->bits ? (guint)MAX(options->bits, 0) : DEFAULT_BITS, &error);
    g_autofree char *pem = key ? dkim_key_to_pem(key) : NULL;
    if (!key || !write_key(options->out, pem, &error))
        return complain(error);
    g_autofree char *line = dkim_key_zone_line(key, name);
    g_autofree char *text = dkim_key_record(key);
    if (!options->json) {
        puts(line);
        return EXIT_DONE;
    }
    g_autoptr(Record) record = record_new();
    record_str(record, "name", name);
    record_str(record, "text", text);
    record_str(record, "zone_line", line);
    command_print(record, TRUE);
    return EXIT_DONE;
}

static void options_clear(Options *options)
{
    signer_options_clear(&options->signer);
    outside_options_clear(&options->outside);
    g_free(options->identity);
    g_free(options->type);
    g_free(options->out);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

int command_dkim(int argc, char **argv)
{
    g_auto(Options) options = {0};
    const GOptionEntry entries[] = {
        SIGNER_ENTRIES(options.signer),
        {"identity", 0, 0, G_OPTION_ARG_STRING, &options.identity, "sign: on whose behalf", "ADDRESS"},
        {"expire", 0, 0, G_OPTION_ARG_INT, &options.expire_days, "sign: good for so many days", "DAYS"},
        {"message", 0, 0, G_OPTION_ARG_NONE, &options.message, "sign: print the whole message", NULL},
        {"type", 0, 0, G_OPTION_ARG_STRING, &options.type, "keygen: rsa or ed25519", "TYPE"},
        {"bits", 0, 0, G_OPTION_ARG_INT, &options.bits, "keygen: size of an RSA key; 2048 if not given", "N"},
        {"out", 'o', 0, G_OPTION_ARG_FILENAME, &options.out, "keygen: where the private key goes; a new file",
         "FILE"},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &options.verbose,
         "verify: all of each signature; else one line each", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "JSON for machines", NULL},
        OUTSIDE_ENTRIES(options.outside),
        {NULL},
    };
    if (!command_options(&argc, &argv, entries, "verify|sign|check|keygen [MESSAGE]",
                         "verify: the DKIM signatures of a message (RFC 6376).\n"
                         "sign: prints the field that signs a message.\n"
                         "check: is the key's record in the DNS? Prints what should be there.\n"
                         "keygen: makes a key, and prints its record for the DNS.\n"
                         "Without MESSAGE, or with -, it is read from standard input.\n"
                         "Exit status 0: pass, done; 1: none or not good; 75: temporary error."))
        return EXIT_USAGE;
    const char *what = argc >= 2 ? argv[1] : "", *path = argc == 3 ? argv[2] : NULL;
    if (argc <= 3 && strcmp(what, "verify") == 0)
        return mailfile_run(argv[0], path, &options.outside, verify, &options);
    if (argc <= 3 && strcmp(what, "sign") == 0)
        return mailfile_run(argv[0], path, &options.outside, sign, &options);
    if (argc == 2 && strcmp(what, "check") == 0)
        return check(&options);
    if (argc == 2 && strcmp(what, "keygen") == 0)
        return keygen(&options);
    fprintf(stderr, "Usage: postern dkim verify|sign|check|keygen [OPTION…] [MESSAGE]\n");
    return EXIT_USAGE;
}
