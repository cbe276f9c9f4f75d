/*
 * verify.c — libpostern in a program of your own: what the DKIM signatures of a message say.
 *
 *     cc verify.c $(pkg-config --cflags --libs postern) -o verify
 *     ./verify zone < message.eml
 *
 * DNS comes from a file of master-file lines here; a program that asks the net fills in a Resolver (resolver.h) of its own. The
 * message has CRLF line ends, as SMTP brings it.
 */
#include <postern/dkim.h>
#include <postern/zone.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static GString *read_all(FILE *file)
{
    GString *text = g_string_new(NULL);
    char chunk[65536];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
        g_string_append_len(text, chunk, (gssize)n);
    return text;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    Resolver *zone = argc == 2 ? zone_resolver_read(argv[1], &error) : NULL;
    if (!zone) {
        fprintf(stderr, "%s\n", error ? error->message : "Usage: verify ZONE < MESSAGE");
        return 2;
    }
    g_autoptr(GString) message = read_all(stdin);
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    gsize start = dkim_header_read(header, message->str, message->len);

    /* The verifier says which hashes of the body it needs; then the body may come, in pieces of any size. */
    g_autoptr(DkimVerifier) verifier = dkim_verifier_new(header, body, time(NULL));
    dkim_body_add(body, message->str + start, message->len - start);
    dkim_body_end(body);
    dkim_verifier_finish(verifier, zone, 0);

    g_autoptr(AuthRes) results = authres_new("localhost");
    dkim_verifier_report(verifier, results);
    g_autofree char *value = authres_to_string(results, NULL);
    printf("Authentication-Results: %s\n", value);
    DkimCode code = dkim_verifier_code(verifier);
    resolver_free(zone);
    return code == DKIM_PASS ? 0 : 1;
}
