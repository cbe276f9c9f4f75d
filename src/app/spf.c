/* postern spf — one SPF check from the command line (C1, C4, C7). */
#include <postern/address.h>
#include <postern/header.h>
#include <postern/spf.h>
#include <stdio.h>

#include "app/command.h"
#include "app/outside.h"

typedef struct {
    char *ip, *helo, *from, *receiver;
    gboolean lax, guess, harsh, json;
    OutsideOptions outside;
} Options;

static void show(Record *record, const SpfResult *result)
{
    record_str(record, "result", spf_code_name(result->code));
    record_str(record, "identity", spf_identity_name(result->identity));
    record_str(record, "domain", result->domain);
    record_str(record, "record", result->record);
    record_str(record, "mechanism", result->mechanism);
    if (result->explanation) {
        record_str(record, "explanation", result->explanation);
        record_str(record, "explained_by", result->explained_by_domain ? "the domain" : "us");
    }
    record_str(record, "problem", result->problem);
    record_int(record, "lookups", result->lookups);
    record_int(record, "void_lookups", result->voids);
}

static void show_lax(Record *record, const SpfResult *result)
{
    if (result->code != SPF_PERMERROR)
        return;
    Record *lax = record_child(record, "lax");
    record_str(lax, "broken", result->broken);
    record_str(lax, "corrected", result->corrected);
    record_str(lax, "result", spf_code_name(result->lax_code));
    record_str(lax, "mechanism", result->lax_mechanism);
}

static int check(const Options *options, const Outside *outside, const IpAddress *ip, const char *sender)
{
    SpfRequest request = {
        .resolver = outside->resolver,
        .deadline = g_get_monotonic_time() + SPF_TIMEOUT * G_TIME_SPAN_SECOND,
        .ip = *ip,
        .helo = options->helo,
        .sender = sender,
        .receiver = options->receiver ? options->receiver : g_get_host_name(),
        .now = clock_seconds(outside->clock),
        .lax = options->lax,
        .defer_temperror = !options->harsh,
    };
    g_autoptr(SpfResult) result = spf_check(&request);
    g_autoptr(SpfResult) guess = NULL;
    g_autoptr(Record) record = record_new();
    show(record, result);
    if (options->lax)
        show_lax(record, result);
    if (options->guess && result->code == SPF_NONE) {
        guess = spf_guess(&request, FALSE);
        show(record_child(record, "guess"), guess);
    }
    SpfReceived received = {.request = &request, .result = result, .guess = guess};
    g_autofree char *folded = spf_received(&received);
    g_autofree char *field = header_unfold(folded, -1);
    record_str(record, "received_spf", field);
    command_print(record, options->json);
    if (result->code == SPF_TEMPERROR)
        return EXIT_AGAIN;
    return result->code == SPF_PASS || (guess && guess->code == SPF_PASS) ? EXIT_DONE : EXIT_NO;
}

int command_spf(int argc, char **argv)
{
    Options options = {0};
    /* FILENAME: bytes as they are typed. What strangers send need not be text of this terminal. */
    const GOptionEntry entries[] = {
        {"ip", 0, 0, G_OPTION_ARG_STRING, &options.ip, "the client's address", "IP"},
        {"helo", 0, 0, G_OPTION_ARG_FILENAME, &options.helo, "what it said at HELO", "NAME"},
        {"from", 0, 0, G_OPTION_ARG_FILENAME, &options.from, "MAIL FROM; left out or <>: check the HELO name",
         "ADDRESS"},
        {"receiver", 0, 0, G_OPTION_ARG_STRING, &options.receiver, "our own name", "NAME"},
        {"lax", 0, 0, G_OPTION_ARG_NONE, &options.lax, "after a permerror: what was meant", NULL},
        {"guess", 0, 0, G_OPTION_ARG_NONE, &options.guess, "without a record: the best guess", NULL},
        {"harsh", 0, 0, G_OPTION_ARG_NONE, &options.harsh,
         "a temporary error stands, whatever comes after it", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "JSON for machines", NULL},
        OUTSIDE_ENTRIES(options.outside),
        {NULL},
    };
    if (!command_options(&argc, &argv, entries, "",
                         "Checks whether a client may send for a domain (RFC 7208).\n"
                         "Exit status 0: pass; 1: anything else; 75: temporary error."))
        return EXIT_USAGE;
    IpAddress ip;
    if (argc != 1 || !options.ip || !ip_parse(options.ip, &ip) || (!options.helo && !options.from)) {
        fprintf(stderr, "postern spf: --ip with an address, and --helo or --from, are needed\n");
        return EXIT_USAGE;
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(Address) sender = address_parse_path(options.from ? options.from : "<>", -1, &error);
    if (!sender) {
        fprintf(stderr, "--from %s: %s\n", options.from, error->message);
        return EXIT_USAGE;
    }
    Outside outside;
    if (!outside_open(&outside, &options.outside, NULL))
        return EXIT_USAGE;
    int status = check(&options, &outside, &ip, sender->mailbox);
    outside_close(&outside);
    return status;
}
