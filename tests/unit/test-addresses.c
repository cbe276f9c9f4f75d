/* Entries of address lists, the keys of an address, and which entry answers; the two lists together. */
#include "rows.h"

#include <string.h>
#include "conf/addresses.h"
#include "policy/lists.h"

/* --- entries --- */

typedef struct {
    const char *name;
    const char *word;
    const char *want; /* "!" in front of an exception; NULL: refused */
} EntryRow;

static const EntryRow entries[] = {
    {"address", "Joe@Example.COM", "joe@example.com"},
    {"exception", "!Joe@Example.COM", "!joe@example.com"},
    {"brackets", "<joe@example.com>", "joe@example.com"},
    {"quotes that are not needed", "\"joe\"@example.com", "joe@example.com"},
    {"source route", "<@hop.example:joe@example.com>", "joe@example.com"},
    {"BATV", "prvs=1234567890=joe@example.com", "joe@example.com"},
    {"SRS", "SRS0=abcd=xy=example.com=joe@forwarder.example", "joe@example.com"},
    {"literal", "joe@[192.0.2.1]", "joe@[192.0.2.1]"},
    {"at domain", "@Example.com", "example.com"},
    {"any local part", "*@example.com", "example.com"},
    {"domain", "example.com.", "example.com"},
    {"below", "*.Example.com", "*.example.com"},
    {"below, as in access maps", ".example.com", "*.example.com"},
    {"below, at", "@*.example.com", "*.example.com"},
    {"exception below", "!.example.com", "!*.example.com"},
    {"top domain", "*.example", "*.example"},
    {"local part", "Robot@", "robot@"},
    {"local part, any domain", "robot@*", "robot@"},
    {"everybody", "*", "*"},
    {"everybody, at", "*@*", "*"},
    {"glob", "*-Request@example.com", "*-request@example.com"},
    {"glob in a domain", "mail?.example.com", "mail?.example.com"},
    {"empty", "", NULL},
    {"only an exception", "!", NULL},
    {"only at", "@", NULL},
    {"two at", "a@@", NULL},
    {"dot", ".", NULL},
    {"two dots", "a..example", NULL},
    {"below nothing", "*.", NULL},
    {"two final dots", "*2..", NULL},
    {"two dots below", "*.a..example", NULL},
    {"only a dot below", "..", NULL},
    {"two exceptions", "!!joe@example.com", NULL},
    {"blank", "joe example.com", NULL},
    {"control", "joe@exam\001ple.com", NULL},
    {"null sender", "<>", "<>"},
};

static void check_entry(void **state)
{
    const EntryRow *row = *state;
    gboolean except = FALSE;
    g_autoptr(GError) error = NULL;
    g_autofree char *got = address_entry_parse(row->word, &except, &error);
    assert_int_equal(got != NULL, row->want != NULL);
    assert_int_equal(error != NULL, row->want == NULL);
    if (!row->want)
        return;
    assert_int_equal(except, *row->want == '!');
    assert_string_equal(got, row->want + except);
    /* What is kept is read again as the same. */
    g_autofree char *again = address_entry_parse(got, NULL, NULL);
    assert_string_equal(again, got);
}

static void entry_limit(void **state)
{
    g_autofree char *most = g_strnfill(ADDRESS_ENTRY_MAX, 'a'),
                    *more = g_strnfill(ADDRESS_ENTRY_MAX + 1, 'a');
    g_autofree char *fits = address_entry_parse(most, NULL, NULL),
                    *not = address_entry_parse(more, NULL, NULL);
    assert_non_null(fits);
    assert_null(not );
    g_autofree char *exception = address_entry_parse("!a@b", NULL, NULL);
    assert_null(exception);
}

/* --- keys --- */

typedef struct {
    const char *name;
    const char *address;
    const char *want; /* separated by blanks */
} KeyRow;

static const KeyRow keys[] = {
    {"address", "Joe@A.Example.com", "joe@a.example.com a.example.com *.example.com *.com joe@ *"},
    {"top domain", "joe@example", "joe@example example joe@ *"},
    {"no domain", "root", "root@ *"},
    {"the last at", "a@b@example.com", "a@b@example.com example.com *.com a@b@ *"},
    {"nobody", "", ""},
    {"many parents: the shortest", "x@1.2.3.4.5.6.7.8.9.a.b.c.d.e.f.g.h.i",
     "x@1.2.3.4.5.6.7.8.9.a.b.c.d.e.f.g.h.i 1.2.3.4.5.6.7.8.9.a.b.c.d.e.f.g.h.i "
     "*.3.4.5.6.7.8.9.a.b.c.d.e.f.g.h.i "
     "*.4.5.6.7.8.9.a.b.c.d.e.f.g.h.i *.5.6.7.8.9.a.b.c.d.e.f.g.h.i *.6.7.8.9.a.b.c.d.e.f.g.h.i "
     "*.7.8.9.a.b.c.d.e.f.g.h.i *.8.9.a.b.c.d.e.f.g.h.i *.9.a.b.c.d.e.f.g.h.i *.a.b.c.d.e.f.g.h.i "
     "*.b.c.d.e.f.g.h.i *.c.d.e.f.g.h.i *.d.e.f.g.h.i *.e.f.g.h.i *.f.g.h.i *.g.h.i *.h.i *.i x@ *"},
};

static void check_keys(void **state)
{
    const KeyRow *row = *state;
    g_autoptr(Pool) pool = pool_new();
    AddressKeys got;
    address_keys(&got, pool, row->address);
    g_autofree char *joined = g_strjoinv(" ", (char **)got.keys);
    assert_string_equal(joined, row->want);
    assert_int_equal(g_strv_length((char **)got.keys), got.n_keys);
}

/* The tags of the sender, and the domain of who has rewritten him. */
static const KeyRow list_key_rows[] = {
    {"plain", "Joe@example.com", "joe@example.com example.com *.com joe@ *"},
    {"BATV", "prvs=1234567890=joe@example.com", "joe@example.com example.com *.com joe@ *"},
    {"VERP", "list+b=our.example@example.com", "list@example.com example.com *.com list@ *"},
    {"VERP with a known recipient", "list-b=our.example@example.com",
     "list@example.com example.com *.com list@ *"},
    {"SRS", "SRS0=abcd=xy=example.com=joe@fwd.example",
     "joe@example.com example.com *.com joe@ * fwd.example *.example *"},
    {"quoted", "\"joe\"@example.com", "joe@example.com example.com *.com joe@ *"},
};

static void check_list_keys(void **state)
{
    const KeyRow *row = *state;
    g_autoptr(Pool) pool = pool_new();
    ListKeys got;
    list_keys(&got, pool, row->address, "b@our.example");
    g_autofree char *joined = g_strjoinv(" ", (char **)got.all.keys);
    assert_string_equal(joined, row->want);
    assert_int_equal(g_strv_length((char **)got.all.keys), got.all.n_keys);
}

/* --- who answers --- */

typedef struct {
    const char *name;
    const char *list; /* separated by blanks */
    const char *address;
    const char *want; /* the word; NULL: nobody */
} FindRow;

static const FindRow finds[] = {
    {"address before domain", "example.com joe@example.com", "joe@example.com", "joe@example.com"},
    {"whatever the order", "joe@example.com example.com", "joe@example.com", "joe@example.com"},
    {"exception of a domain", "!joe@example.com @example.com", "joe@example.com", "!joe@example.com"},
    {"another at that domain", "!joe@example.com @example.com", "jane@example.com", "@example.com"},
    {"glob before domain", "!*-request@example.com @example.com", "l-request@example.com",
     "!*-request@example.com"},
    {"address before glob", "*-request@example.com !l-request@example.com", "l-request@example.com",
     "!l-request@example.com"},
    {"domain before its parents", "*.example.com !a.example.com", "x@a.example.com", "!a.example.com"},
    {"near parent first", "*.com !*.example.com", "x@a.example.com", "!*.example.com"},
    {"not the domain itself", "*.example.com", "x@example.com", NULL},
    {"not below", "example.com", "x@a.example.com", NULL},
    {"glob domain before parents", "*.com mail?.example.com", "x@mail1.example.com", "mail?.example.com"},
    {"parents before the local part", "robot@ !*.com", "robot@example.com", "!*.com"},
    {"local part before everybody", "* !robot@", "robot@example.com", "!robot@"},
    {"everybody", "*", "x@example.com", "*"},
    {"the last of two globs", "*-a@example.com !x-*@example.com", "x-a@example.com", "!x-*@example.com"},
    {"a later domain glob does not hide an address glob", "x*@example.com !exam*.com", "xy@example.com",
     "x*@example.com"},
    {"the last of two alike", "joe@example.com !joe@example.com", "joe@example.com", "!joe@example.com"},
    {"no domain", "robot@ *@example.com x?", "robot", "robot@"},
    {"empty", "", "joe@example.com", NULL},
    {"nobody", "*", "", NULL},
};

static Addresses *list_of(const char *words)
{
    g_auto(GStrv) split = g_strsplit(words, " ", -1);
    Addresses *list = addresses_new();
    for (char **word = split; *word; word++)
        if (**word)
            assert_true(addresses_add(list, *word, "file", 1, NULL));
    return list;
}

static void check_find(void **state)
{
    const FindRow *row = *state;
    g_autoptr(Addresses) list = list_of(row->list);
    g_autoptr(Pool) pool = pool_new();
    AddressKeys of;
    address_keys(&of, pool, row->address);
    const AddressEntry *entry = addresses_find(list, &of, NULL);
    assert_int_equal(entry != NULL, row->want != NULL);
    if (entry)
        assert_string_equal(entry->word, row->want);
    assert_int_equal(addresses_match(list, row->address), row->want && *row->want != '!');
}

/* --- both lists, written and remembered --- */

typedef struct {
    const char *name;
    const char *white, *black;               /* written */
    const char *white_stored, *black_stored; /* one each, "!" for an exception; NULL: none */
    ListVerdict want;
} DecideRow;

static const DecideRow decides[] = {
    {"nobody", "", "", NULL, NULL, LIST_NEITHER},
    {"white", "example.com", "", NULL, NULL, LIST_WHITE},
    {"black", "", "example.com", NULL, NULL, LIST_BLACK},
    {"both alike: white", "example.com", "example.com", NULL, NULL, LIST_WHITE},
    {"the more specific: white", "joe@example.com", "example.com", NULL, NULL, LIST_WHITE},
    {"the more specific: black", "example.com", "joe@example.com", NULL, NULL, LIST_BLACK},
    {"an exception of the one is nothing to the other", "!joe@example.com", "example.com", NULL, NULL,
     LIST_BLACK},
    {"an exception ends it", "!joe@example.com example.com", "", NULL, NULL, LIST_NEITHER},
    {"stored white", "", "", "*.com", NULL, LIST_WHITE},
    {"stored, more specific than the file", "!example.com", "", "joe@example.com", NULL, LIST_WHITE},
    {"stored, alike: the file", "!joe@example.com", "", "joe@example.com", NULL, LIST_NEITHER},
    {"stored exception", "example.com", "", "!joe@example.com", NULL, LIST_NEITHER},
    {"stored, both alike: white", "", "", "example.com", "example.com", LIST_WHITE},
    {"stored, more specific black", "", "", "example.com", "joe@example.com", LIST_BLACK},
    {"a glob against a stored domain", "", "j*@example.com", "example.com", NULL, LIST_BLACK},
    {"a glob against a stored address", "", "j*@example.com", "joe@example.com", NULL, LIST_WHITE},
};

static void answer(ListAnswer *ret, Pool *pool, const char *written, const char *stored, const ListKeys *of)
{
    g_autoptr(Addresses) list = list_of(written);
    StoreEntry entry = {.text = ""};
    guint index = 0;
    if (stored) {
        entry.number = *stored == '!' ? LIST_EXCEPT : 0;
        entry.key = stored + entry.number;
        while (strcmp(of->all.keys[index], entry.key) != 0)
            index++;
    }
    list_answer(ret, pool, list, of, stored ? &entry : NULL, index);
    ret->entry = pool_strdup(pool, ret->entry); /* it is the list's */
}

static void check_decide(void **state)
{
    const DecideRow *row = *state;
    g_autoptr(Pool) pool = pool_new();
    ListKeys of;
    ListAnswer white, black;
    list_keys(&of, pool, "joe@example.com", NULL);
    answer(&white, pool, row->white, row->white_stored, &of);
    answer(&black, pool, row->black, row->black_stored, &of);
    assert_int_equal(list_decide(&white, &black), row->want);
}

/* --- proof --- */

typedef struct {
    const char *name;
    const char *sender, *entry;
    Tag tag;
    const char *subject;
    gboolean of_another; /* not aligned with the envelope sender */
    gboolean want;
} ProofRow;

#define SRS "SRS0=abcd=xy=example.com=joe@fwd.example"
static const ProofRow proofs[] = {
    {"SPF", "joe@example.com", "example.com", TAG_SPF_PASS, "joe@example.com", FALSE, TRUE},
    {"guess", "joe@example.com", "example.com", TAG_SPF_GUESS, "joe@example.com", FALSE, TRUE},
    {"HELO proves nothing", "joe@example.com", "example.com", TAG_HELO_PASS, "mail.example.com", FALSE,
     FALSE},
    {"SPF of who has rewritten", SRS, "example.com", TAG_SPF_PASS, "srs0=…@fwd.example", FALSE, FALSE},
    {"who has rewritten is meant himself", SRS, "fwd.example", TAG_SPF_PASS, "srs0=…@fwd.example", FALSE,
     TRUE},
    {"trusted forwarder", SRS, "example.com", TAG_SPF_FORWARDER, "fwd.example", FALSE, TRUE},
    {"signature behind SRS", SRS, "example.com", TAG_DKIM_PASS, "example.com", TRUE, TRUE},
    {"signature of a sibling behind SRS", SRS, "example.com", TAG_DKIM_PASS, "a.example.com", TRUE, FALSE},
    {"signature of the forwarder", SRS, "example.com", TAG_DKIM_PASS, "fwd.example", FALSE, FALSE},
    {"signature of the forwarder, who is meant", SRS, "fwd.example", TAG_DKIM_PASS, "mail.fwd.example", FALSE,
     TRUE},
    {"signature", "joe@a.example.com", "*.example.com", TAG_DKIM_PASS, "a.example.com", FALSE, TRUE},
    {"signature of the parent", "joe@a.example.com", "*.example.com", TAG_DKIM_PASS, "Example.com", FALSE,
     TRUE},
    {"signature of a sibling", "joe@a.example.com", "*.example.com", TAG_DKIM_PASS, "b.example.com", FALSE,
     TRUE},
    {"signature of a child", "joe@example.com", "example.com", TAG_DKIM_PASS, "a.example.com", FALSE, TRUE},
    {"a child that is another organization", "joe@example.com", "example.com", TAG_DKIM_PASS, "a.example.com",
     TRUE, FALSE},
    {"signature of another", "joe@example.com", "example.com", TAG_DKIM_PASS, "ample.com", TRUE, FALSE},
    {"signature of a top domain", "joe@example.com", "example.com", TAG_DKIM_PASS, "com", TRUE, FALSE},
    {"DMARC of another", "joe@example.com", "example.com", TAG_DMARC_PASS, "spammer.example", TRUE, FALSE},
    {"DMARC", "joe@example.com", "example.com", TAG_DMARC_PASS, "example.com", FALSE, TRUE},
    {"DMARC of a sibling", "joe@a.example.com", "a.example.com", TAG_DMARC_PASS, "b.example.com", FALSE,
     TRUE},
};

static void check_proof(void **state)
{
    const ProofRow *row = *state;
    g_autoptr(Pool) pool = pool_new();
    ListKeys of;
    ListAnswer white;
    list_keys(&of, pool, row->sender, NULL);
    answer(&white, pool, "", row->entry, &of);
    const Finding finding = {.tag = row->tag, .subject = row->subject, .of_another = row->of_another};
    assert_int_equal(list_proof(&finding, &of, &white), row->want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(entry_limit)};
    return RUN_ROWS("entries", entries, check_entry) + RUN_ROWS("keys", keys, check_keys) +
           RUN_ROWS("list keys", list_key_rows, check_list_keys) + RUN_ROWS("find", finds, check_find) +
           RUN_ROWS("decide", decides, check_decide) + RUN_ROWS("proof", proofs, check_proof) +
           cmocka_run_group_tests_name("addresses", tests, NULL, NULL);
}
