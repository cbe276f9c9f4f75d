#include <postern/arc.h>
#include <postern/zone.h>
#include <string.h>

#include "rows.h"

#define NOW 1700000000

static const char body_text[] = "Hello\r\n";

static DkimKey *key;
static char *record;

/* A message as a list of fields, which hops add to on top. Strings are the message's. */
typedef struct {
    GPtrArray *fields; /* name, value, name, value … */
} Mail;

static Mail mail_new(void)
{
    Mail mail = {.fields = g_ptr_array_new_with_free_func(g_free)};
    const char *const start[] = {"From", " a@example.com", "Subject", " s"};

    for (guint i = 0; i < G_N_ELEMENTS(start); i++)
        g_ptr_array_add(mail.fields, g_strdup(start[i]));
    return mail;
}

static void mail_clear(Mail *mail)
{
    g_ptr_array_unref(mail->fields);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Mail, mail_clear)

static void insert(Mail *mail, const char *name, const char *value)
{
    g_ptr_array_insert(mail->fields, 0, g_strconcat(" ", value, NULL));
    g_ptr_array_insert(mail->fields, 0, g_strdup(name));
}

static DkimHeader *header_of(const Mail *mail)
{
    DkimHeader *header = dkim_header_new();

    for (guint i = 0; i < mail->fields->len; i += 2)
        dkim_header_add(header, g_ptr_array_index(mail->fields, i), -1,
                        g_ptr_array_index(mail->fields, i + 1), -1);
    return header;
}

/* A hop that found `status`, from its own domain. NULL, or why it could not. */
static char *hop(Mail *mail, guint n, ArcStatus status)
{
    g_autoptr(DkimHeader) header = header_of(mail);
    g_autoptr(DkimBody) body = dkim_body_new();
    g_autofree char *domain = g_strdup_printf("hop%u.example", n);
    g_autofree char *authres = g_strdup_printf("%s; spf=pass smtp.mailfrom=a@example.com", domain);
    g_autoptr(GError) error = NULL;
    const ArcSealing sealing = {.key = key,
                                .domain = domain,
                                .selector = "s",
                                .timestamp = NOW,
                                .status = status,
                                .authres = authres,
                                .header_canon = n & 1,
                                .body_canon = n >> 1 & 1};

    dkim_body_want(body, sealing.body_canon, DKIM_WHOLE_BODY);
    dkim_body_add(body, body_text, strlen(body_text));
    dkim_body_end(body);
    g_autoptr(ArcSet) set = arc_seal(&sealing, header, body, &error);
    if (!set)
        return g_strdup(error->message);
    insert(mail, "ARC-Authentication-Results", set->authres);
    insert(mail, "ARC-Message-Signature", set->message_signature);
    insert(mail, "ARC-Seal", set->seal);
    return NULL;
}

static Mail mail_with_hops(guint n)
{
    Mail mail = mail_new();

    for (guint i = 1; i <= n; i++) {
        g_autofree char *why = hop(&mail, i, i == 1 ? ARC_NONE : ARC_PASS);
        if (why)
            fail_msg("hop %u: %s", i, why);
    }
    return mail;
}

static Resolver *zone_of(guint n)
{
    Resolver *zone = zone_new();

    for (guint i = 1; i <= n; i++) {
        g_autofree char *name = g_strdup_printf("s._domainkey.hop%u.example", i);
        zone_add_text(zone, name, record, strlen(record));
    }
    return zone;
}

typedef struct {
    DkimHeader *header;
    DkimBody *body;
    ArcVerifier *verifier;
    const ArcResult *result;
} Checked;

static Checked check(const Mail *mail, Resolver *zone, const char *text)
{
    Checked c = {.header = header_of(mail), .body = dkim_body_new()};

    c.verifier = arc_verifier_new(c.header, c.body, NOW);
    arc_verifier_prefetch(c.verifier, zone);
    dkim_body_add(c.body, text, strlen(text));
    dkim_body_end(c.body);
    arc_verifier_finish(c.verifier, zone, 0);
    c.result = arc_verifier_result(c.verifier);
    return c;
}

static void checked_clear(Checked *c)
{
    arc_verifier_free(c->verifier);
    dkim_body_free(c->body);
    dkim_header_free(c->header);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Checked, checked_clear)

/* The value of the topmost field of that name. */
static char **field_at(Mail *mail, const char *name)
{
    for (guint i = 0; i < mail->fields->len; i += 2)
        if (strcmp(g_ptr_array_index(mail->fields, i), name) == 0)
            return (char **)&mail->fields->pdata[i + 1];
    fail_msg("no %s", name);
    return NULL;
}

static void replace(char **value, const char *from, const char *to)
{
    g_auto(GStrv) parts = g_strsplit(*value, from, 2);

    assert_non_null(parts[1]);
    g_free(*value);
    *value = g_strjoinv(to, parts);
}

static void test_pass(void **state)
{
    g_auto(Mail) none = mail_new();
    g_autoptr(Resolver) zone = zone_of(5);
    g_auto(Checked) nothing = check(&none, zone, body_text);
    assert_int_equal(nothing.result->status, ARC_NONE);

    for (guint n = 1; n <= 5; n++) {
        g_auto(Mail) mail = mail_with_hops(n);
        g_auto(Checked) c = check(&mail, zone, body_text);
        if (c.result->status != ARC_PASS)
            fail_msg("%u hops: %s", n, c.result->reason);
        assert_null(c.result->reason);
        assert_int_equal(c.result->n_hops, n);
        assert_int_equal(c.result->oldest_pass, 0);
        g_autofree char *domain = g_strdup_printf("hop%u.example", n);
        g_autoptr(AuthRes) ar = authres_parse(c.result->hops[n - 1].authres, -1);
        assert_string_equal(c.result->hops[n - 1].domain, domain);
        assert_string_equal(c.result->hops[n - 1].signer, domain);
        assert_string_equal(ar->authserv_id, domain);
        assert_int_equal(ar->results->len, 1);
        assert_false(ar->malformed);
    }
}

/* Changed after the second hop, which the third and fourth then vouch for. */
static void test_oldest_pass(void **state)
{
    g_auto(Mail) mail = mail_with_hops(2);
    g_autoptr(Resolver) zone = zone_of(4);

    replace(field_at(&mail, "Subject"), "s", "[list] s");
    assert_null(hop(&mail, 3, ARC_PASS));
    assert_null(hop(&mail, 4, ARC_PASS));
    g_auto(Checked) c = check(&mail, zone, body_text);
    assert_int_equal(c.result->status, ARC_PASS);
    assert_int_equal(c.result->oldest_pass, 3);

    g_autoptr(AuthRes) ar = authres_new("mx.example.net");
    arc_verifier_report(c.verifier, ar);
    assert_string_equal(authres_property(g_ptr_array_index(ar->results, 0), "header", "oldest-pass"), "3");
}

/* What may be changed by whom; the chain has three hops. */
typedef struct {
    const char *row;
    const char *field; /* topmost of that name; NULL: none */
    const char *from, *to;
    const char *body;
    const char *reason;
} ChangeRow;

static const ChangeRow change_rows[] = {
    {"body", NULL, NULL, NULL, "Hullo\r\n",
     "ARC-Message-Signature 3: the body is not the one that was signed"},
    {"subject", "Subject", "s", "S", body_text,
     "ARC-Message-Signature 3: the signature does not fit the header"},
    {"results", "ARC-Authentication-Results", "spf=pass", "spf=fail", body_text,
     "ARC-Seal 3: the signature does not fit the header"},
    {"instance", "ARC-Authentication-Results", "i=3", "i=4", body_text,
     "the set of instance 3 is not complete"},
    {"instance of another", "ARC-Authentication-Results", "i=3", "i=2", body_text,
     "there are two ARC-Authentication-Results of instance 2"},
    {"no instance", "ARC-Authentication-Results", "i=3;", "", body_text,
     "an ARC-Authentication-Results has no instance"},
    {"too high", "ARC-Seal", "i=3", "i=51", body_text, "an ARC-Seal has no instance"},
    {"zero", "ARC-Seal", "i=3", "i=0", body_text, "an ARC-Seal has no instance"},
    {"huge", "ARC-Seal", "i=3", "i=99999999999999999999", body_text, "an ARC-Seal has no instance"},
    {"status", "ARC-Seal", "cv=pass", "cv=none", body_text, "ARC-Seal 3: the status in it is wrong"},
    {"failed", "ARC-Seal", "cv=pass", "cv=fail", body_text, "ARC-Seal 3: the status in it is wrong"},
    {"no status", "ARC-Seal", "cv=pass;", "", body_text, "ARC-Seal 3: cv= is missing"},
    {"h in a seal", "ARC-Seal", "cv=pass", "cv=pass; h=from", body_text, "ARC-Seal 3: h= in an ARC-Seal"},
    {"sha1", "ARC-Seal", "rsa-sha256", "rsa-sha1", body_text, "ARC-Seal 3: rsa-sha1 does not count any more"},
    {"a seal signed", "ARC-Message-Signature", "h=From", "h=ARC-Seal:From", body_text,
     "ARC-Message-Signature 3: h= names ARC-Seal"},
    {"other domain", "ARC-Seal", "hop3", "hop9", body_text, "ARC-Seal 3: there is no key record"},
};

static void check_change(void **state)
{
    const ChangeRow *row = *state;
    g_auto(Mail) mail = mail_with_hops(3);
    g_autoptr(Resolver) zone = zone_of(3);

    if (row->field)
        replace(field_at(&mail, row->field), row->from, row->to);
    g_auto(Checked) c = check(&mail, zone, row->body);
    assert_int_equal(c.result->status, ARC_FAIL);
    assert_string_equal(c.result->reason, row->reason);
    assert_false(c.result->temporary);
}

static void test_temporary(void **state)
{
    g_auto(Mail) mail = mail_with_hops(2);
    g_autoptr(Resolver) zone = zone_of(2), slow = zone_of(1);

    zone_add_error(slow, "s._domainkey.hop2.example", DNS_TXT, "timeout");
    g_auto(Checked) c = check(&mail, slow, body_text);
    assert_int_equal(c.result->status, ARC_FAIL);
    assert_true(c.result->temporary);
}

/* A failed chain is sealed once more, over the new set alone, and then no more. */
static void test_failed_chain(void **state)
{
    g_auto(Mail) mail = mail_with_hops(2);
    g_autoptr(Resolver) zone = zone_of(3);

    replace(field_at(&mail, "ARC-Seal"), "cv=pass", "cv=none");
    g_autofree char *lie = hop(&mail, 3, ARC_PASS), *other_lie = hop(&mail, 3, ARC_NONE);
    assert_string_equal(lie, "ARC-Seal 2: the status in it is wrong");
    assert_string_equal(other_lie, "there is a chain already");
    assert_null(hop(&mail, 3, ARC_FAIL));
    assert_non_null(strstr(*field_at(&mail, "ARC-Seal"), "cv=fail"));
    g_auto(Checked) c = check(&mail, zone, body_text);
    assert_int_equal(c.result->status, ARC_FAIL);
    assert_true(c.result->at_end);
    g_autofree char *why = hop(&mail, 4, ARC_FAIL);
    assert_string_equal(why, "the chain is at its end");
}

static void test_longest(void **state)
{
    g_auto(Mail) mail = mail_with_hops(ARC_INSTANCES_MAX);
    g_autoptr(Resolver) zone = zone_of(ARC_INSTANCES_MAX);
    g_auto(Checked) c = check(&mail, zone, body_text);

    assert_int_equal(c.result->status, ARC_PASS);
    assert_true(c.result->at_end);
    g_autofree char *why = hop(&mail, 51, ARC_PASS);
    assert_string_equal(why, "the chain is at its end");
}

/* Nothing is asked or hashed for what cannot be a chain. */
static void test_absurd(void **state)
{
    g_auto(Mail) mail = mail_with_hops(1);
    g_autoptr(Resolver) zone = zone_of(1);
    g_autofree char *huge = g_strnfill(1 << 20, 'x');

    zone_log(zone);
    for (guint i = 0; i < 1000; i++)
        insert(&mail, "ARC-Message-Signature",
               "i=1; a=rsa-sha256; d=hop1.example; s=s; h=from; bh=AAAA; b=AAAA");
    insert(&mail, "ARC-Seal", huge);
    g_auto(Checked) c = check(&mail, zone, body_text);
    assert_int_equal(c.result->status, ARC_FAIL);
    assert_string_equal(c.result->reason, "an ARC-Seal has no instance");
    assert_int_equal(c.result->n_hops, 0);
    assert_int_equal(zone_query_count(zone, DNS_TXT, "s._domainkey.hop1.example"), 0);
}

/* ---- what the newest signature is over ---- */

/* RFC 8617 §4.1.2 allows l=, which arc_seal() does not write: made by another program, over "Hello" and From. */
static void test_limited(void **state)
{
    static const char *const fields[] = {
        "ARC-Authentication-Results",
        "i=1; hop1.example; spf=pass smtp.mailfrom=a@example.com",
        "ARC-Message-Signature",
        "i=1; a=ed25519-sha256; c=relaxed/relaxed; d=hop1.example; s=s; l=7; h=From; bh=B"
        "a3gj8+xBPQLJTahTfzW6RbWQ/XPgESxkCi2B66PSQg=; b=1nWnmSXwxuoocR+eg/XhfuMmdfN2zH2Mu"
        "wdfNSP9BeHTuqYXp0DCK31bkWq4/fzRWDjboFfV3X1trhyJHi8lCw==",
        "ARC-Seal",
        "i=1; a=ed25519-sha256; cv=none; d=hop1.example; s=s; b=eJGi+Oj5HhgCrVtPMtpSK2Vdn"
        "oGMDMgGxEKlKCLiT+887at3LKmu03VEXB3fr5CfZBgRDSm9+URHRLJVEmjRAA==",
    };
    static const char public_key[] = "v=DKIM1; k=ed25519; p=A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";
    g_autoptr(Resolver) zone = zone_new();
    g_auto(Mail) mail = mail_new();

    zone_add_text(zone, "s._domainkey.hop1.example", public_key, strlen(public_key));
    for (guint i = 0; i < G_N_ELEMENTS(fields); i += 2)
        insert(&mail, fields[i], fields[i + 1]);
    g_auto(Checked) all = check(&mail, zone, body_text);
    assert_int_equal(all.result->status, ARC_PASS);
    assert_true(all.result->whole);
    g_auto(Checked) more = check(&mail, zone, "Hello\r\nand more\r\n");
    assert_int_equal(more.result->status, ARC_PASS);
    assert_false(more.result->whole);
    insert(&mail, "From", "b@example.com");
    g_auto(Checked) twice = check(&mail, zone, body_text);
    assert_int_equal(twice.result->status, ARC_PASS);
    assert_false(twice.result->whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pass),      cmocka_unit_test(test_oldest_pass),
        cmocka_unit_test(test_temporary), cmocka_unit_test(test_failed_chain),
        cmocka_unit_test(test_longest),   cmocka_unit_test(test_absurd),
        cmocka_unit_test(test_limited),
    };
    key = dkim_key_generate(DKIM_RSA_SHA256, 1024, NULL);
    record = dkim_key_record(key);
    int failed = cmocka_run_group_tests(tests, NULL, NULL) + RUN_ROWS("changes", change_rows, check_change);
    g_free(record);
    dkim_key_unref(key);
    return failed;
}
