#include <postern/dkim.h>
#include <postern/header.h>
#include <postern/zone.h>
#include <string.h>

#include "rows.h"

#define NOW 1700000000

static const char message[] =
    "Received: from a.example.com\r\n\tby b.example.com; Tue, 14 Nov 2023 22:13:20 +0000\r\n"
    "From: Author <author@example.com>\r\n"
    "To: reader@example.net,\r\n  other@example.net\r\n"
    "Subject:   two  blanks \r\n"
    "Received: from c.example.com\r\n"
    "X-Empty:\r\n"
    "\r\n"
    "Hello  there \r\n\r\n.\r\n\r\n\r\n";

/* Made once: RSA keys take their time. */
static DkimKey *keys[DKIM_N_ALGORITHMS];

static int make_keys(void **state)
{
    keys[DKIM_RSA_SHA256] = dkim_key_generate(DKIM_RSA_SHA256, 1024, NULL);
    keys[DKIM_ED25519_SHA256] = dkim_key_generate(DKIM_ED25519_SHA256, 0, NULL);
    return !keys[DKIM_RSA_SHA256] || !keys[DKIM_ED25519_SHA256];
}

static int drop_keys(void **state)
{
    for (guint i = 0; i < DKIM_N_ALGORITHMS; i++)
        g_clear_pointer(&keys[i], dkim_key_unref);
    return 0;
}

static DkimSigning signing_of(DkimAlgorithm algorithm)
{
    return (DkimSigning){.key = keys[algorithm], .domain = "example.com", .selector = "s", .timestamp = NOW};
}

/* The message with a signature on top. */
static char *signed_message(const DkimSigning *signing, const char *text)
{
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    g_autoptr(GError) error = NULL;
    gsize start = dkim_header_read(header, text, strlen(text));

    dkim_body_want(body, signing->body_canon, DKIM_WHOLE_BODY);
    dkim_body_add(body, text + start, strlen(text) - start);
    dkim_body_end(body);
    g_autofree char *value = dkim_sign(signing, header, body, &error);
    if (!value)
        fail_msg("%s", error->message);
    return g_strconcat("DKIM-Signature: ", value, "\n", text, NULL);
}

static Resolver *zone_with(const char *name, const char *record)
{
    Resolver *zone = zone_new();

    zone_add_text(zone, name, record, strlen(record));
    return zone;
}

/* Body in pieces of `piece` bytes. */
static DkimVerifier *verify(const char *text, gsize piece, Resolver *zone, DkimHeader *header, DkimBody *body)
{
    gsize len = strlen(text), at = dkim_header_read(header, text, len);
    DkimVerifier *verifier = dkim_verifier_new(header, body, NOW);

    for (; at < len; at += MIN(piece, len - at))
        dkim_body_add(body, text + at, MIN(piece, len - at));
    dkim_body_end(body);
    dkim_verifier_prefetch(verifier, zone);
    dkim_verifier_finish(verifier, zone, 0);
    return verifier;
}

static void expect(const char *text, Resolver *zone, DkimCode code, const char *reason)
{
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    g_autoptr(DkimVerifier) verifier = verify(text, 7, zone, header, body);

    assert_int_equal(dkim_verifier_len(verifier), 1);
    const DkimResult *result = dkim_verifier_result(verifier, 0);
    if (result->code != code || g_strcmp0(result->reason, reason) != 0)
        fail_msg("expected %s (%s), got %s (%s)", dkim_code_name(code), reason, dkim_code_name(result->code),
                 result->reason);
    assert_int_equal(dkim_verifier_code(verifier), code);
}

static void test_round_trip(void **state)
{
    static const DkimAlgorithm algorithms[] = {DKIM_RSA_SHA256, DKIM_ED25519_SHA256};

    for (guint i = 0; i < 4 * G_N_ELEMENTS(algorithms); i++) {
        DkimSigning signing = signing_of(algorithms[i / 4]);
        signing.header_canon = i & 1;
        signing.body_canon = i >> 1 & 1;
        g_autofree char *text = signed_message(&signing, message);
        g_autofree char *record = dkim_key_record(signing.key);
        g_autoptr(Resolver) zone = zone_with("s._domainkey.example.com", record);
        expect(text, zone, DKIM_PASS, NULL);

        /* One byte is another: in the subject, in the body. */
        char *subject = strstr(text, "two"), *hello = strstr(text, "Hello");
        *subject = 'T';
        expect(text, zone, DKIM_FAIL, "the signature does not fit the header");
        *hello = 'h';
        expect(text, zone, DKIM_FAIL, "the body is not the one that was signed");
        *subject = 't';
        *hello = 'H';
        expect(text, zone, DKIM_PASS, NULL);
    }
}

static void test_result(void **state)
{
    static const char *const fields[] = {"From", "Subject", "X-None", NULL};
    static const char *const oversign[] = {"From", "X-None", NULL};
    DkimSigning signing = signing_of(DKIM_RSA_SHA256);
    signing.identity = "a;b=c@sub.example.com";
    signing.expires = NOW + 10;
    signing.fields = fields;
    signing.oversign = oversign;
    g_autofree char *text = signed_message(&signing, message);
    g_autofree char *plain = dkim_key_record(signing.key);
    g_autofree char *record = g_strconcat("v=DKIM1;t=y:x;", plain + strlen("v=DKIM1;"), NULL);
    g_autoptr(Resolver) zone = zone_with("s._domainkey.example.com", record);
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    g_autoptr(DkimVerifier) verifier = verify(text, 1000, zone, header, body);
    const DkimResult *result = dkim_verifier_result(verifier, 0);

    g_auto(GStrv) lines = g_strsplit(text, "\n\t", -1);
    g_autofree char *unfolded = g_strjoinv("", lines);
    assert_non_null(strstr(unfolded, "h=From:From:Subject:X-None;"));
    assert_int_equal(result->code, DKIM_PASS);
    assert_string_equal(result->domain, "example.com");
    assert_string_equal(result->selector, "s");
    assert_string_equal(result->identity, "a;b=c@sub.example.com");
    assert_string_equal(result->algorithm, "rsa-sha256");
    assert_int_equal(result->timestamp, NOW);
    assert_int_equal(result->expires, NOW + 10);
    assert_int_equal(result->key_bits, 1024);
    assert_true(result->testing && result->from_signed && !result->limited);
    assert_int_equal(result->from_oversigned, 1);
    assert_int_equal(strlen(result->header_b), DKIM_HEADER_B_MIN);
    assert_non_null(strstr(text, result->header_b));

    g_autoptr(AuthRes) ar = authres_new("mx.example.net");
    dkim_verifier_report(verifier, ar);
    const AuthResResult *reported = g_ptr_array_index(ar->results, 0);
    assert_string_equal(reported->result, "pass");
    assert_string_equal(authres_property(reported, "header", "b"), result->header_b);
    assert_string_equal(authres_property(reported, "header", "s"), "s");
}

/* A signer cannot make our report as long as he likes: here by i=, and by two signatures that are alike. */
static void test_report_is_short(void **state)
{
    DkimSigning signing = signing_of(DKIM_RSA_SHA256);
    g_autofree char *text = signed_message(&signing, message), *local = g_strnfill(20000, 'x');
    g_auto(GStrv) parts = g_strsplit(text, "b=", 2); /* "bh=" is not that */
    g_autofree char *once = g_strconcat(parts[0], "i=", local, "@example.com; b=", parts[1], NULL);
    g_autofree char *field = g_strndup(once, (gsize)(strstr(once, "\nReceived") + 1 - once));
    g_autofree char *twice = g_strconcat(field, once, NULL), *record = dkim_key_record(signing.key);
    g_autoptr(Resolver) zone = zone_with("s._domainkey.example.com", record);
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    g_autoptr(DkimVerifier) verifier = verify(twice, 1000, zone, header, body);
    g_autoptr(AuthRes) ar = authres_new("mx.example.net");

    assert_int_equal(strlen(dkim_verifier_result(verifier, 0)->identity), 20000 + strlen("@example.com"));
    dkim_verifier_report(verifier, ar);
    assert_int_equal(ar->results->len, 2);
    for (guint i = 0; i < ar->results->len; i++) {
        const AuthResResult *reported = g_ptr_array_index(ar->results, i);
        assert_string_equal(reported->result, "fail");
        assert_null(authres_property(reported, "header", "i"));
        assert_int_equal(strlen(authres_property(reported, "header", "b")), DKIM_HEADER_B_MAX);
    }
}

/* Lines as they should be, and nothing that a milter would not take. */
static void test_folding(void **state)
{
    for (guint len = 1; len <= 60; len++) {
        static const char *const fields[] = {"From", "To", "Subject", "Received", NULL};
        DkimSigning signing = signing_of(DKIM_ED25519_SHA256);
        g_autofree char *label = g_strnfill(len, 'd'), *domain = g_strconcat(label, ".example.com", NULL);
        signing.domain = domain;
        signing.fields = len & 1 ? fields : NULL;
        g_autofree char *text = signed_message(&signing, message);
        gsize column = 0;
        for (const char *p = text; p < strstr(text, "\nReceived"); p++) {
            column = *p == '\n' ? 0 : column + 1;
            assert_true(column <= HEADER_LINE_WANTED && *p != '\r');
            assert_true(*p != '\n' || p[1] == '\t');
        }
    }
}

/* ---- keys ---- */

typedef struct {
    const char *row;
    const char *record; /* %s: the key's p= */
    DkimCode code;
    const char *reason;
} RecordRow;

static const RecordRow record_rows[] = {
    {"shortest", "p=%s", DKIM_PASS, NULL},
    {"all tags", " v=DKIM1; h=sha1 : sha256; k = rsa ; n=any thing; s=other:email; t=s:y; p=%s; ", DKIM_PASS,
     NULL},
    {"unknown and obsolete tags", "v=DKIM1; g=*; future=1; p=%s", DKIM_PASS, NULL},
    {"every service", "s=*; p=%s", DKIM_PASS, NULL},
    {"version not first", "k=rsa; v=DKIM1; p=%s", DKIM_PERMERROR, "the key record is not of version DKIM1"},
    {"other version", "v=DKIM2; p=%s", DKIM_PERMERROR, "the key record is not of version DKIM1"},
    {"other case", "v=dkim1; p=%s", DKIM_PERMERROR, "the key record is not of version DKIM1"},
    {"other service", "s=tlsrpt; p=%s", DKIM_PERMERROR, "the key is not for email"},
    {"other hash", "h=sha1; p=%s", DKIM_PERMERROR, "the key is not for sha256"},
    {"other type", "k=ed25519; p=%s", DKIM_PERMERROR, "the key is not an Ed25519 key"},
    {"unknown type", "k=dsa; p=%s", DKIM_PERMERROR, "the key is of an unknown type"},
    {"revoked", "v=DKIM1; p=", DKIM_PERMERROR, "the key is revoked"},
    {"revoked, with a blank", "v=DKIM1; p= ;", DKIM_PERMERROR, "the key is revoked"},
    {"no key", "v=DKIM1; k=rsa", DKIM_PERMERROR, "the key record has no key"},
    {"not base64", "p=!!!!", DKIM_PERMERROR, "the key is not base64"},
    {"not DER", "p=AAAA", DKIM_PERMERROR, "the key is not an RSA key"},
    {"cut short", "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ", DKIM_PERMERROR, "the key is not an RSA key"},
    {"twice", "p=%s; p=x", DKIM_PERMERROR, "the key record is malformed"},
    {"no tags", "hello", DKIM_PERMERROR, "the key record is malformed"},
    {"nothing", "", DKIM_PERMERROR, "the key record is malformed"},
    {"two semicolons", "v=DKIM1;; p=%s", DKIM_PERMERROR, "the key record is malformed"},
    {"512 bits",
     "p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALgSoqXVSEmfcIsOzw7oRuCCOwsmtX/SJnTWxYyj2leFxfS/"
     "AVJ+dYfY+hXqMsT7l+MZvvh/"
     "R1WzN4MO/kI/7XsCAwEAAQ==",
     DKIM_PERMERROR, "the key has only 512 bits"},
};

static void check_record(void **state)
{
    const RecordRow *row = *state;
    DkimSigning signing = signing_of(DKIM_RSA_SHA256);
    g_autofree char *text = signed_message(&signing, message);
    g_autofree char *plain = dkim_key_record(signing.key);
    g_auto(GStrv) parts = g_strsplit(row->record, "%s", 2);
    g_autofree char *record = g_strjoinv(strstr(plain, "p=") + 2, parts);
    g_autoptr(Resolver) zone = zone_with("s._domainkey.example.com", record);

    expect(text, zone, row->code, row->reason);
}

static void test_look_up(void **state)
{
    DkimSigning signing = signing_of(DKIM_ED25519_SHA256);
    const char *name = "s._domainkey.example.com";
    g_autofree char *text = signed_message(&signing, message);
    g_autofree char *record = dkim_key_record(signing.key);
    g_autoptr(Resolver) zone = zone_new();

    expect(text, zone, DKIM_PERMERROR, "there is no key record");
    zone_add_text(zone, name, "v=spf1 -all", 11);
    zone_add_text(zone, name, record, strlen(record));
    expect(text, zone, DKIM_PASS, NULL);
    zone_add_text(zone, name, "v=DKIM1; p=", 11);
    expect(text, zone, DKIM_PERMERROR, "there are several key records");

    g_autoptr(Resolver) slow = zone_new();
    zone_add_error(slow, name, DNS_TXT, "timeout");
    expect(text, slow, DKIM_TEMPERROR, "the key could not be looked up: timeout");

    /* i= below d= against t=s, and a key of the other type */
    g_autofree char *strict = g_strconcat(record, "; t=s", NULL);
    g_autoptr(Resolver) strict_zone = zone_with(name, strict);
    expect(text, strict_zone, DKIM_PASS, NULL);
    signing.identity = "@sub.example.com";
    g_autofree char *sub = signed_message(&signing, message);
    expect(sub, strict_zone, DKIM_PERMERROR, "the key is not for subdomains");
    g_autofree char *rsa = dkim_key_record(keys[DKIM_RSA_SHA256]);
    g_autoptr(Resolver) rsa_zone = zone_with(name, rsa);
    expect(text, rsa_zone, DKIM_PERMERROR, "the key is of another type");
}

/* A key that is too large is refused by its length alone. */
static void test_huge_key(void **state)
{
    g_autoptr(GByteArray) der = g_byte_array_new();
    const guint8 head[] = {0x30, 0x82, 0x08, 0x0a, 0x02, 0x82, 0x08, 0x01, 0x00};
    guint8 modulus[2048], exponent[] = {0x02, 0x03, 0x01, 0x00, 0x01};
    memset(modulus, 0xff, sizeof modulus);
    g_byte_array_append(der, head, sizeof head);
    g_byte_array_append(der, modulus, sizeof modulus);
    g_byte_array_append(der, exponent, sizeof exponent);
    g_autofree char *p = g_base64_encode(der->data, der->len);
    g_autofree char *record = g_strconcat("p=", p, NULL);
    g_autoptr(Resolver) zone = zone_with("s._domainkey.example.com", record);
    DkimSigning signing = signing_of(DKIM_RSA_SHA256);
    g_autofree char *text = signed_message(&signing, message);

    expect(text, zone, DKIM_POLICY, "a key of 16384 bits is more than we use");
}

/* ---- signatures as they are written ---- */

typedef struct {
    const char *row;
    const char *value;
    DkimCode code;
    const char *reason;
} SignatureRow;

#define GOOD   "v=1; a=rsa-sha256; d=example.com; s=s; h=from; bh=AAAA; b=AAAA"
#define REST   "a=rsa-sha256; d=example.com; s=s; h=from; bh=AAAA; b=AAAA"
#define NO_KEY DKIM_PERMERROR, "there is no key record"

static const SignatureRow signature_rows[] = {
    {"good", GOOD, NO_KEY},
    {"folded",
     "\r\n v=1;\r\n\ta=rsa-sha256;\n d\t=\n example.com; s=s; h=from :\n\t to; bh=AA AA; b=A\n A A A;\n",
     NO_KEY},
    {"final semicolon", GOOD " ; ", NO_KEY},
    {"unknown tag", GOOD "; zz=\"&%\"", NO_KEY},
    {"no version", REST, DKIM_PERMERROR, "v= is missing"},
    {"other version", "v=0.5;" REST, DKIM_PERMERROR, "v= is not 1"},
    {"two semicolons", "v=1;;" REST, DKIM_PERMERROR, "a tag has no ="},
    {"a tag twice", "v=1; v=1; " REST, DKIM_PERMERROR, "a tag stands there twice"},
    {"empty", "", DKIM_PERMERROR, "there are no tags"},
    {"bad name", "v=1; 1a=b; " REST, DKIM_PERMERROR, "a tag's name is not one"},
    {"control character", "v=1; z=\001; " REST, DKIM_PERMERROR, "a control character in a tag"},
    {"algorithm", "v=1; a=rsa-md5; d=example.com; s=s; h=from; bh=AAAA; b=AAAA", DKIM_PERMERROR,
     "a= is not a known algorithm"},
    {"algorithm's case", "v=1; a=RSA-SHA256; d=example.com; s=s; h=from; bh=AAAA; b=AAAA", DKIM_PERMERROR,
     "a= is not a known algorithm"},
    {"no From", "v=1; a=rsa-sha256; d=example.com; s=s; h=subject:to; bh=AAAA; b=AAAA", DKIM_PERMERROR,
     "h= does not name From"},
    {"empty h", "v=1; a=rsa-sha256; d=example.com; s=s; h=; bh=AAAA; b=AAAA", DKIM_PERMERROR,
     "h= does not name From"},
    {"b", "v=1; a=rsa-sha256; d=example.com; s=s; h=from; bh=AAAA; b=?", DKIM_PERMERROR, "b= is not base64"},
    {"empty b", "v=1; a=rsa-sha256; d=example.com; s=s; h=from; bh=AAAA; b=", DKIM_PERMERROR,
     "b= is not base64"},
    {"no bh", "v=1; a=rsa-sha256; d=example.com; s=s; h=from; b=AAAA", DKIM_PERMERROR, "bh= is missing"},
    {"domain", "v=1; a=rsa-sha256; d=com; s=s; h=from; bh=AAAA; b=AAAA", DKIM_PERMERROR,
     "d= is not a domain"},
    {"dots", "v=1; a=rsa-sha256; d=a..com; s=s; h=from; bh=AAAA; b=AAAA", DKIM_PERMERROR,
     "d= is not a domain"},
    {"U-labels", "v=1; a=rsa-sha256; d=b\303\274cher.example; s=s; h=from; bh=AAAA; b=AAAA", NO_KEY},
    {"selector", "v=1; a=rsa-sha256; d=a.com; s=; h=from; bh=AAAA; b=AAAA", DKIM_PERMERROR,
     "s= is not a selector"},
    {"c", GOOD "; c=simple/nowsp", DKIM_PERMERROR, "c= is not a known canonicalization"},
    {"three of c", GOOD "; c=simple/simple/simple", DKIM_PERMERROR, "c= is not a known canonicalization"},
    {"i in d", GOOD "; i=a=3D@x.example.com", NO_KEY},
    {"i elsewhere", GOOD "; i=@badexample.com", DKIM_PERMERROR, "i= is not in the domain d="},
    {"i without @", GOOD "; i=example.com", DKIM_PERMERROR, "i= is not an identity"},
    {"i with a line end", GOOD "; i=a=0Ab@example.com", DKIM_PERMERROR, "i= is not an identity"},
    {"l", GOOD "; l=-1", DKIM_PERMERROR, "l= is not a length"},
    {"l with zeros", GOOD "; l=0000000000000000000000000000000000000000000012", NO_KEY},
    {"q", GOOD "; q=http", DKIM_PERMERROR, "q= has no known method"},
    {"q of several", GOOD "; q=http : dns/txt", NO_KEY},
    {"t", GOOD "; t=yesterday", DKIM_PERMERROR, "t= is not a time"},
    {"tomorrow", GOOD "; t=1700080000", NO_KEY},
    {"far future", GOOD "; t=1700090000", DKIM_PERMERROR, "signed in the future"},
    {"x", GOOD "; x=", DKIM_PERMERROR, "x= is not a time"},
    {"expired", GOOD "; t=1600000000; x=1699999999", DKIM_PERMERROR, "the signature has expired"},
    {"not yet", GOOD "; t=1600000000; x=1700000000", NO_KEY},
    {"x before t", GOOD "; t=1700000001; x=1700000000", DKIM_PERMERROR, "x= is not after t="},
    {"never", GOOD "; x=999999999999999999999", NO_KEY},
};

static void check_signature(void **state)
{
    const SignatureRow *row = *state;
    g_autoptr(Resolver) zone = zone_new();
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    g_autofree char *name = g_strdup("DKIM-signature ");

    dkim_header_add(header, name, -1, row->value, -1);
    dkim_header_add(header, "From", -1, " a@example.com", -1);
    g_autoptr(DkimVerifier) verifier = dkim_verifier_new(header, body, NOW);
    dkim_body_add(body, "Hi\r\n", 4);
    dkim_body_end(body);
    dkim_verifier_finish(verifier, zone, 0);
    const DkimResult *result = dkim_verifier_result(verifier, 0);
    assert_int_equal(result->code, row->code);
    assert_string_equal(result->reason, row->reason);
}

/* RFC 8616 §4: the key is asked for in A-labels. */
static void test_u_labels(void **state)
{
    DkimSigning signing = signing_of(DKIM_ED25519_SHA256);
    signing.domain = "b\303\274cher.example";
    g_autofree char *text = signed_message(&signing, message);
    g_autofree char *record = dkim_key_record(signing.key);
    g_autoptr(Resolver) zone = zone_with("s._domainkey.xn--bcher-kva.example", record);

    expect(text, zone, DKIM_PASS, NULL);
}

/* As DMARC maps it, and SPF: GLib makes another domain of U+03F2, whose owner could sign for this one. */
static void test_u_label_mapping(void **state)
{
    DkimSigning signing = signing_of(DKIM_ED25519_SHA256);
    signing.domain = "fa\317\262b.example";
    g_autofree char *text = signed_message(&signing, message);
    g_autofree char *record = dkim_key_record(signing.key);
    g_autofree char *elsewhere = g_hostname_to_ascii("s._domainkey.fa\317\262b.example");
    g_autoptr(Resolver) own = zone_with("s._domainkey.xn--fab-rzc.example", record);
    g_autoptr(Resolver) other = zone_with(elsewhere, record);

    expect(text, own, DKIM_PASS, NULL);
    expect(text, other, DKIM_PERMERROR, "there is no key record");
}

/* ---- l= ---- */

static void test_length(void **state)
{
    /* "Hello  there \r\n\r\n.\r\n" in simple form */
    static const struct {
        const char *tag;
        DkimCode code;
        guint64 unsigned_bytes;
        const char *reason;
    } rows[] = {
        {"l=3; b=", DKIM_FAIL, 17, "the body is not the one that was signed"},
        {"l=0; b=", DKIM_FAIL, 20, "the body is not the one that was signed"},
        {"l=20; b=", DKIM_FAIL, 0, "the signature does not fit the header"},
        {"l=21; b=", DKIM_PERMERROR, 0, "l= is larger than the body"},
    };
    DkimSigning signing = signing_of(DKIM_ED25519_SHA256);
    g_autofree char *text = signed_message(&signing, message), *record = dkim_key_record(signing.key);
    g_autoptr(Resolver) zone = zone_with("s._domainkey.example.com", record);
    g_auto(GStrv) parts = g_strsplit(text, "b=", 2); /* "bh=" is not that */

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *changed = g_strjoinv(rows[i].tag, parts);
        g_autoptr(DkimHeader) header = dkim_header_new();
        g_autoptr(DkimBody) body = dkim_body_new();
        g_autoptr(DkimVerifier) verifier = verify(changed, 1, zone, header, body);
        const DkimResult *result = dkim_verifier_result(verifier, 0);
        if (g_strcmp0(result->reason, rows[i].reason) != 0)
            fail_msg("%s: %s", rows[i].tag, result->reason);
        assert_int_equal(result->code, rows[i].code);
        assert_true(result->limited);
        assert_int_equal(result->unsigned_bytes, rows[i].unsigned_bytes);
    }
}

/* ---- limits ---- */

static void test_many(void **state)
{
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    g_autoptr(Resolver) zone = zone_new();

    zone_log(zone);
    for (guint i = 0; i < 1000; i++)
        dkim_header_add(header, "DKIM-Signature", -1, " " GOOD "; l=5", -1);
    g_autoptr(DkimVerifier) verifier = dkim_verifier_new(header, body, NOW);
    dkim_body_end(body);
    dkim_verifier_finish(verifier, zone, 0);
    assert_int_equal(dkim_verifier_len(verifier), DKIM_SIGNATURES_MAX);
    assert_int_equal(dkim_verifier_ignored(verifier), 1000 - DKIM_SIGNATURES_MAX);
    assert_int_equal(zone_query_count(zone, DNS_TXT, "s._domainkey.example.com"), 1);
}

static void test_large(void **state)
{
    static const struct {
        const char *format;
        const char *reason;
    } rows[] = {
        {"v=1; z=%s; " REST, "the signature is too long"},
        {"v=1; a=rsa-sha256; d=example.com; s=s; bh=AAAA; b=AAAA; h=from%s", "h= names too many fields"},
    };
    g_autofree char *colons = g_strnfill(60000, ':'), *much = g_strnfill(1 << 20, 'x');

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(GStrv) parts = g_strsplit(rows[i].format, "%s", 2);
        g_autofree char *value = g_strjoinv(i ? colons : much, parts);
        g_autofree char *text = g_strconcat("DKIM-Signature: ", value, "\nFrom: x\n\n", NULL);
        g_autoptr(Resolver) zone = zone_new();
        expect(text, zone, DKIM_PERMERROR, rows[i].reason);
    }
}

/* What is not kept may be a second From: nothing is said of such a header. */
static void test_many_fields(void **state)
{
    DkimSigning signing = signing_of(DKIM_ED25519_SHA256);
    g_autofree char *text = signed_message(&signing, message), *record = dkim_key_record(signing.key);
    g_autoptr(Resolver) zone = zone_with("s._domainkey.example.com", record);
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    g_autoptr(GError) error = NULL;
    gsize start = dkim_header_read(header, text, strlen(text));

    for (guint i = 0; i < DKIM_FIELDS_MAX; i++)
        dkim_header_add(header, "From", -1, " other@example.net", -1);
    assert_int_equal(dkim_header_len(header), DKIM_FIELDS_MAX);
    g_autoptr(DkimVerifier) verifier = dkim_verifier_new(header, body, NOW);
    dkim_body_add(body, text + start, strlen(text) - start);
    dkim_body_end(body);
    dkim_verifier_finish(verifier, zone, 0);
    assert_int_equal(dkim_verifier_code(verifier), DKIM_POLICY);
    assert_string_equal(dkim_verifier_result(verifier, 0)->reason, "the header is too long");
    g_autofree char *value = dkim_sign(&signing, header, body, &error);
    assert_null(value);
    assert_true(g_error_matches(error, DKIM_ERROR, DKIM_ERROR_MESSAGE));
}

/* ---- private keys ---- */

static void test_keys(void **state)
{
    static const char not_a_key[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    g_autoptr(GError) error = NULL;

    for (guint i = DKIM_RSA_SHA256; i < DKIM_N_ALGORITHMS; i++) {
        g_autofree char *pem = dkim_key_to_pem(keys[i]), *record = dkim_key_record(keys[i]);
        g_autoptr(DkimKey) again = dkim_key_from_pem(pem, strlen(pem), &error);
        assert_non_null(again);
        g_autofree char *same = dkim_key_record(again);
        assert_string_equal(same, record);
        assert_int_equal(dkim_key_algorithm(again), i);
    }
    g_autofree char *line = dkim_key_zone_line(keys[DKIM_ED25519_SHA256], "s._domainkey.example.com");
    g_autoptr(Resolver) zone = zone_resolver_parse("line", line, strlen(line), &error);
    if (!zone)
        fail_msg("%s: %s", line, error->message);

    g_autoptr(DkimKey) none = dkim_key_from_pem(not_a_key, strlen(not_a_key), &error);
    assert_null(none);
    assert_true(g_error_matches(error, DKIM_ERROR, DKIM_ERROR_KEY));
    g_clear_error(&error);
    g_autoptr(DkimKey) small = dkim_key_generate(DKIM_RSA_SHA256, 512, &error);
    assert_null(small);
    assert_non_null(error);
}

static void test_refused_signing(void **state)
{
    static const char *const no_from[] = {"Subject", NULL}, *const bad_name[] = {"From", "a b", NULL};
    static struct {
        const char *domain, *selector, *identity;
        const char *const *fields;
    } rows[] = {
        {"example.com", "s", NULL, NULL}, /* with an identity that is too long */
        {"com", "s", NULL, NULL},
        {"example.com", "a b", NULL, NULL},
        {"example.com", "s", "@example.net", NULL},
        {"example.com", "s", "xexample.com", NULL},
        {"example.com", "s", NULL, no_from},
        {"example.com", "s", NULL, bad_name},
    };
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    g_autofree char *much = g_strnfill(1000, 'a'), *identity = g_strconcat(much, "@example.com", NULL);

    rows[0].identity = identity;
    dkim_body_want(body, DKIM_SIMPLE, DKIM_WHOLE_BODY);
    dkim_body_end(body);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        DkimSigning signing = signing_of(DKIM_ED25519_SHA256);
        g_autoptr(GError) error = NULL;
        signing.domain = rows[i].domain;
        signing.selector = rows[i].selector;
        signing.identity = rows[i].identity;
        signing.fields = rows[i].fields;
        g_autofree char *value = dkim_sign(&signing, header, body, &error);
        if (value)
            fail_msg("row %u was signed", i);
        assert_true(g_error_matches(error, DKIM_ERROR, DKIM_ERROR_MESSAGE));
    }
}

typedef struct {
    const char *name;
    const char *value;
    gboolean want;
} NamesRow;

static const NamesRow names_rows[] = {
    {"one of them", " v=1; h=From : sender:To; b=x", TRUE},
    {"folded", "h=From:\n\t Sender\n\t ;", TRUE},
    {"not there", "h=From:To", FALSE},
    {"part of one", "h=X-Sender:Sender-X", FALSE},
    {"in another tag", "x=Sender; h=From; z=h=Sender", FALSE},
    {"no h=", "v=1; b=x", FALSE},
    {"empty", "h=", FALSE},
    {"nothing", "", FALSE},
    {"no tag list: nobody verifies it", "h=Sender; h=Sender", FALSE},
};

static void check_names(void **state)
{
    const NamesRow *row = *state;
    assert_int_equal(dkim_signature_names(row->value, -1, "Sender"), row->want);
    g_autofree char *more = g_strconcat(row->value, ":Sender", NULL);
    assert_int_equal(dkim_signature_names(more, (gssize)strlen(row->value), "Sender"), row->want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report_is_short),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_result),
        cmocka_unit_test(test_folding),
        cmocka_unit_test(test_look_up),
        cmocka_unit_test(test_huge_key),
        cmocka_unit_test(test_u_labels),
        cmocka_unit_test(test_u_label_mapping),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_refused_signing),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_many_fields),
    };
    make_keys(NULL);
    int failed =
        cmocka_run_group_tests(tests, NULL, NULL) + RUN_ROWS("key records", record_rows, check_record) +
        RUN_ROWS("signatures", signature_rows, check_signature) + RUN_ROWS("h=", names_rows, check_names);
    drop_keys(NULL);
    return failed;
}
