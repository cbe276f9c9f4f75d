/*
 * The maps of an MTA against a peer that lies: requests in any bytes, and keys of any form for each map. The first byte
 * says after how many bytes the first read ended: what is found must be the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mta/srs-maps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1767614400

static const char text[] =
    "[sender]\ninternal_domains = our.example\n[srs]\nforward_domain = srs.our.example\n"
    "exempt = mx.our.example\nsign_srs = a.example\nsign_ses = b.example\n"
    "sign_batv = our.example\n";

static const Config *config(void)
{
    static Config *once;
    if (!once) {
        static const char *const secrets[] = {"our secret", "older", NULL};
        g_autoptr(Problems) problems = problems_new();
        once = config_parse("/x", text, strlen(text), problems);
        once->loaded.srs_secrets = g_strdupv((char **)secrets);
    }
    return once;
}

static void ask(const SocketmapRequest *request, GString *out)
{
    g_autofree char *map = g_strndup(request->map, request->map_len);
    g_autofree char *key = g_strndup(request->key, request->key_len);
    g_autoptr(GString) found = g_string_new(NULL);
    SocketmapAnswer answer = srs_maps_answer(config(), map, key, NOW, 1, found);
    if (answer == SOCKETMAP_TEMP || strlen(found->str) != found->len)
        abort();
    /* What we rewrite is one address, however it was put together. */
    gboolean same = strcmp(found->str, key) == 0;
    if (answer == SOCKETMAP_OK && !same && strcmp(map, "forward") == 0 && !strchr(found->str, '@'))
        abort();
    socketmap_put(out, answer, found->str);
}

/* All that the bytes ask, and whether they end in what is no request. */
static GString *run(const char *bytes, gsize len)
{
    GString *out = g_string_new(NULL);
    SocketmapRequest request;
    gsize used;
    SocketmapStatus status;
    while ((status = socketmap_parse(bytes, len, &request, &used)) == SOCKETMAP_READY) {
        if (used == 0 || used > len || request.map + request.map_len > bytes + used ||
            request.key + request.key_len > bytes + used)
            abort();
        ask(&request, out);
        bytes += used;
        len -= used;
    }
    g_string_append_c(out, status == SOCKETMAP_BAD ? '!' : '.');
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const char *bytes = (const char *)data + 1;
    gsize len = size - 1, part = MIN(data[0], len);
    g_autoptr(GString) whole = run(bytes, len), begun = run(bytes, part);
    /* What came first was answered the same; only its end was not known yet. */
    if (begun->str[begun->len - 1] == '.' && strncmp(whole->str, begun->str, begun->len - 1) != 0)
        abort();
    return 0;
}
