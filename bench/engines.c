/*
 * engines — one engine, a number of times over, for counting instructions:  bench-engines spf|dkim|canon|weigh|wire
 * TIMES
 *
 *     spf     a sender whose record has an include and an address of the client, names from a zone in memory
 *     dkim    a message of 70 KB verified: relaxed/relaxed, RSA of 2048 bits, key from a zone in memory
 *     canon   its body brought into relaxed form, and nothing else
 *     weigh   three findings, a recipient, an access map of 10,000 rules
 *     wire    the commands of one session: negotiation, envelope with macros, 12 header fields, 4 KiB of body
 *
 * bench.py runs it twice under callgrind and takes the difference, so that starting up is not counted.
 */
#include <postern/dkim.h>
#include <postern/spf.h>
#include <postern/zone.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes/wire-mta.h"
#include "policy/weigh.h"

#define RULES 10000

static void run_spf(guint times)
{
    static const char text[] = "example.com TXT \"v=spf1 include:_spf.example.com -all\"\n"
                               "_spf.example.com TXT \"v=spf1 ip4:198.51.100.0/24 ip4:192.0.2.0/24 -all\"\n";
    g_autoptr(Resolver) zone = zone_resolver_parse("zone", text, sizeof text - 1, NULL);
    SpfRequest request = {.resolver = zone,
                          .helo = "client.example.com",
                          .sender = "a@example.com",
                          .receiver = "mx.example.net"};

    ip_parse("192.0.2.1", &request.ip);
    for (guint i = 0; i < times; i++) {
        SpfResult *result = spf_check(&request);
        g_assert(result->code == SPF_PASS);
        spf_result_free(result);
    }
}

/* ---- dkim ---- */

/* What the MTA hands over at once. */
#define CHUNK 65535

static GString *write_body(void)
{
    GString *body = g_string_new(NULL);

    for (guint i = 0; i < 1000; i++)
        g_string_append(body, "The quick brown fox jumps over the lazy dog, and does so once again.\r\n");
    return body;
}

/* `postern dkim sign` over the message below; who has the key does not matter. */
static DkimHeader *write_header(void)
{
    static const char *const fields[][2] = {
        {"DKIM-Signature", " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=b;\n"
                           "\tt=1700000000; h=From:From:Subject:Date:Message-ID:To:MIME-Version:\n"
                           "\tContent-Type; bh=rlJCAX6152kSK1xPoyoLugw9Ipfh+9Xwv5Qhd9M6QD0=; b=UfJhZjn127Cf\n"
                           "\tjCSoKxNkMQAD93Je9Cfvh5jgfnD0c+mMAW5xwaopvVPAc294kGMRvtK1/PwpLdSJDoTf2lpFYMSp9\n"
                           "\tiLg4ylwSavR9CtgXMv9lCsE3m3n1XfUTuGzYDKs5IonIe2gGbuNSz9K9f90P2H4e7wps5J9tOR3bR\n"
                           "\t7/vvzFOh6EZlz1MoiJOuDEDqqgUgDDi3mpSXdOPmiltx/kdVKpZbeaEPfbK3GoCh5ytg6r/Icxc+C\n"
                           "\tox/4F2qyVZabFWVA6lby3bkN93YNq5+XQXZlYygl3qr7X3Hkj1m0yaAZzs6xjRdA1T8u+XgjCJmtK\n"
                           "\tvSwK1Lpd0E0x7ql8DcSCaw=="},
        {"From", " Author <author@example.com>"},
        {"To", " Reader <reader@example.net>"},
        {"Subject", " a message of 70 KB"},
        {"Date", " Tue, 14 Nov 2023 22:13:20 +0000"},
        {"Message-ID", " <1@example.com>"},
        {"MIME-Version", " 1.0"},
        {"Content-Type", " text/plain; charset=utf-8"},
    };
    DkimHeader *header = dkim_header_new();

    for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
        dkim_header_add(header, fields[i][0], -1, fields[i][1], -1);
    return header;
}

static void run_dkim(guint times)
{
    static const char record[] =
        "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAn7z2RIchywtKgUFx2V"
        "0/+agHWXOC9OE1LYGYF2rE7vdWsPVdkTrmK8dvMmxWwaxaTjNh+CCkff5DAJAf7noehEiSTqzIlZWpXN"
        "NbOEjtJuRPU0mktoy1WR0aeGI3qnJMuqWPVNMZ3ox02yqFLDkTjC/09py2hqdyMflwYWusPil83JcaBS"
        "7uI03VuEG05N4QW0af84fVyZ289cNmjyyFjFON+ymQfbqxp/34zZdgs4HhkvomHAO04WXPWSniepc1ji"
        "Bhfw95kdnV3hF7qDGKetbAN8Nc8oXW2J75Kj5UjiAJmbOzCBxRIYRdf5iNmH5qNDqYBH408tZtDjsKxk"
        "LbrwIDAQAB";
    g_autoptr(Resolver) zone = zone_new();
    GString *text = write_body();

    zone_add_text(zone, "b._domainkey.example.com", record, sizeof record - 1);
    for (guint i = 0; i < times; i++) {
        g_autoptr(DkimHeader) header = write_header();
        g_autoptr(DkimBody) body = dkim_body_new();
        g_autoptr(DkimVerifier) verifier = dkim_verifier_new(header, body, 1700000000);

        for (gsize at = 0; at < text->len; at += CHUNK)
            dkim_body_add(body, text->str + at, MIN(CHUNK, text->len - at));
        dkim_body_end(body);
        dkim_verifier_finish(verifier, zone, 0);
        g_assert(dkim_verifier_code(verifier) == DKIM_PASS);
    }
    g_string_free(text, TRUE);
}

static void forget(const void *bytes, gsize len, void *data)
{
}

static void run_canon(guint times)
{
    GString *text = write_body();

    for (guint i = 0; i < times; i++) {
        g_autoptr(DkimCanonBody) body = dkim_canon_body_new(DKIM_RELAXED, forget, NULL);

        for (gsize at = 0; at < text->len; at += CHUNK)
            dkim_canon_body_add(body, text->str + at, MIN(CHUNK, text->len - at));
        dkim_canon_body_end(body);
    }
    g_string_free(text, TRUE);
}

/* ---- weigh ---- */

static char *write_map(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char *path = NULL;
    int fd = g_file_open_tmp("postern-bench-XXXXXX", &path, NULL);

    g_assert(fd >= 0);
    g_close(fd, NULL);
    for (guint i = 0; i < RULES; i++)
        g_string_append_printf(text, "SPF-Fail:host%u.example.com\tREJECT\n", i);
    g_assert(g_file_set_contents(path, text->str, (gssize)text->len, NULL));
    return path;
}

static Policy *read_policy(void)
{
    g_autofree char *map = write_map();
    g_autofree char *text = g_strdup_printf("[policy]\naccess = %s\n", map);
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_parse("/nonexistent/bench", text, strlen(text), problems);
    Policy *policy = config ? policy_new(config, problems) : NULL;

    remove(map);
    g_assert(policy);
    return policy;
}

static void run_weigh(guint times)
{
    static const Tag tags[] = {TAG_SPF_PASS, TAG_HELO_PASS, TAG_IPREV_PASS};
    g_autoptr(Policy) policy = read_policy();
    g_autoptr(Pool) kept = pool_new();
    Finding made[G_N_ELEMENTS(tags)] = {0};
    const Finding *findings[G_N_ELEMENTS(tags)];

    for (guint i = 0; i < G_N_ELEMENTS(tags); i++) {
        made[i] = (Finding){.tag = tags[i],
                            .check = "bench",
                            .subject = "a@mail.example.com",
                            .keys = policy_keys(kept, "a@mail.example.com"),
                            .sentence = "found"};
        findings[i] = &made[i];
    }
    const WeighQuestion question = {
        .policy = policy,
        .findings = findings,
        .n_findings = G_N_ELEMENTS(tags),
        .rcpt_keys = policy_keys(kept, "b@our.example"),
        .stage = STAGE_RCPT,
    };
    for (guint i = 0; i < times; i++) {
        g_autoptr(Pool) pool = pool_new();
        g_assert(weigh(&question, pool)->reply.kind == REPLY_CONTINUE);
    }
}

/* ---- wire ---- */

static GString *write_session(void)
{
    static const char body[4096];
    GString *out = g_string_new(NULL);

    wire_mta_put_negotiate(out, 6, 0x1ff, 0x1fffff);
    wire_mta_put_macros(out, WIRE_COMMAND_CONNECT,
                        (const char *[]){"j", "mx.example.net", "v", "bench", NULL});
    wire_mta_put_connect(out, "client.example.com", WIRE_FAMILY_INET, 4711, "192.0.2.1");
    wire_mta_put_strings(out, WIRE_COMMAND_HELO, (const char *[]){"client.example.com", NULL});
    wire_mta_put_macros(out, WIRE_COMMAND_MAIL,
                        (const char *[]){"i", "4XyZ", "{mail_addr}", "a@example.com", NULL});
    wire_mta_put_strings(out, WIRE_COMMAND_MAIL, (const char *[]){"<a@example.com>", "SIZE=5000", NULL});
    wire_mta_put_macros(out, WIRE_COMMAND_RCPT, (const char *[]){"{rcpt_addr}", "b@example.net", NULL});
    wire_mta_put_strings(out, WIRE_COMMAND_RCPT, (const char *[]){"<b@example.net>", NULL});
    wire_mta_put(out, WIRE_COMMAND_DATA, NULL, 0);
    for (guint i = 0; i < 12; i++)
        wire_mta_put_strings(
            out, WIRE_COMMAND_HEADER,
            (const char *[]){"X-Bench", " a value of some length, as headers have it", NULL});
    wire_mta_put(out, WIRE_COMMAND_EOH, NULL, 0);
    wire_mta_put(out, WIRE_COMMAND_BODY, body, sizeof body);
    wire_mta_put(out, WIRE_COMMAND_BODYEOB, NULL, 0);
    return out;
}

static void run_wire(guint times)
{
    GString *bytes = write_session();
    g_autoptr(WireReader) reader = wire_reader_new(WIRE_FROM_MTA);
    WireCommand command;
    WirePacket packet;

    for (guint i = 0; i < times; i++)
        for (gsize at = 0, room; at < bytes->len; at += room) {
            void *to = wire_reader_room(reader, &room);

            room = MIN(room, bytes->len - at);
            memcpy(to, bytes->str + at, room);
            wire_reader_filled(reader, room);
            while (wire_reader_next(reader, &packet) == WIRE_READY)
                g_assert(wire_parse_command(&packet, &command));
        }
    g_string_free(bytes, TRUE);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(guint times);
    } engines[] = {
        {"spf", run_spf}, {"dkim", run_dkim}, {"canon", run_canon}, {"weigh", run_weigh}, {"wire", run_wire}};

    for (guint i = 0; argc == 3 && i < G_N_ELEMENTS(engines); i++) {
        if (strcmp(argv[1], engines[i].name) == 0) {
            engines[i].run((guint)atoi(argv[2]));
            return 0;
        }
    }
    fprintf(stderr, "usage: bench-engines spf|dkim|canon|weigh|wire TIMES\n");
    return 2;
}
