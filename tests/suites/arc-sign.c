/* Sets that are added to a chain, signatures included. */
#include "runner.h"

#include <postern/arc.h>
#include <postern/header.h>
#include <string.h>

/* All results of our own Authentication-Results fields, from the top, each in its words; and the chain's status in
 * the topmost that has one. */
typedef struct {
    GString *text;
    ArcStatus status;
} Merged;

/* The items after the first, which is the name. */
static void merge_field(Merged *merged, const char *value)
{
    g_auto(GStrv) items = g_strsplit(value, ";", -1);

    for (guint i = 1; items[0] && items[i]; i++) {
        g_strstrip(items[i]);
        if (items[i][0])
            g_string_append_printf(merged->text, "; %s", items[i]);
    }
}

static void merge(Merged *merged, const DkimHeader *header, const char *authserv_id)
{
    gboolean first = TRUE;

    for (guint i = 0; i < dkim_header_len(header); i++) {
        const DkimField *field = dkim_header_field(header, i);
        if (!header_name_is(field->name, (gssize)field->name_len, "Authentication-Results"))
            continue;
        g_autoptr(AuthRes) ar = authres_parse(field->value, (gssize)field->value_len);
        g_autofree char *value = header_unfold(field->value, (gssize)field->value_len);
        if (g_ascii_strcasecmp(ar->authserv_id, authserv_id) != 0)
            continue;
        merge_field(merged, value);
        for (guint r = 0; first && r < ar->results->len; r++) {
            const AuthResResult *result = g_ptr_array_index(ar->results, r);
            if (strcmp(result->method, "arc") == 0)
                first = !arc_status_parse(result->result, &merged->status);
        }
    }
}

static const char *const *strings(JsonArray *list)
{
    const char **out = g_new0(const char *, (list ? json_array_get_length(list) : 0) + 1);

    for (guint i = 0; list && i < json_array_get_length(list); i++)
        out[i] = json_array_get_string_element(list, i);
    return out;
}

/* White space removed, or made one blank. */
static char *squeeze(const char *text, const char *blank)
{
    g_auto(GStrv) words = g_strsplit_set(text, " \t\r\n", -1);
    g_autoptr(GString) out = g_string_new(NULL);

    for (guint i = 0; words[i]; i++)
        if (words[i][0])
            g_string_append_printf(out, "%s%s", out->len ? blank : "", words[i]);
    return g_strdup(out->str);
}

static int compare(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The items in one text; as a set where `sorted`. */
static char *join_items(const char *const *items, const char *blank, gboolean sorted)
{
    g_autoptr(GPtrArray) clean = g_ptr_array_new_with_free_func(g_free);

    for (; *items; items++)
        g_ptr_array_add(clean, squeeze(*items, blank));
    if (sorted)
        g_ptr_array_sort(clean, compare);
    g_ptr_array_add(clean, NULL);
    return g_strjoinv(" | ", (char **)clean->pdata);
}

/* NULL: as expected; else a sentence. */
static char *difference(JsonObject *test, const char *member, const char *value, const char *blank,
                        gboolean sorted)
{
    g_autofree const char *const *wanted = strings(json_list(test, member));
    g_auto(GStrv) items = g_strsplit(value, ";", -1);
    g_autofree char *expected = join_items(wanted, blank, sorted);
    g_autofree char *got = join_items((const char *const *)items, blank, sorted);

    return strcmp(expected, got) == 0 ? NULL : g_strdup_printf("%s %s", member, got);
}

static char *compare_set(JsonObject *test, const ArcSet *set)
{
    char *wrong = difference(test, "arc_authentication_results", set->authres, " ", FALSE);

    if (!wrong)
        wrong = difference(test, "arc_message_signature_tags", set->message_signature, "", TRUE);
    return wrong ? wrong : difference(test, "arc_seal_tags", set->seal, "", TRUE);
}

static ArcSet *seal(JsonObject *test, DkimKey *key, const char *message, gsize len, GError **error)
{
    const char *id = json_str(test, "authserv_id", "");
    g_autofree const char *const *names = strings(json_list(test, "sign_headers"));
    g_autoptr(DkimHeader) header = dkim_header_new();
    g_autoptr(DkimBody) body = dkim_body_new();
    gsize start = dkim_header_read(header, message, len);
    Merged merged = {.text = g_string_new(id)};

    dkim_body_want(body, DKIM_RELAXED, DKIM_WHOLE_BODY);
    dkim_body_add(body, message + start, len - start);
    dkim_body_end(body);
    merge(&merged, header, id);
    const ArcSealing sealing = {
        .key = key,
        .domain = json_str(test, "domain", ""),
        .selector = json_str(test, "selector", ""),
        .timestamp = json_int(test, "timestamp", 0),
        .status = merged.status,
        .authres = merged.text->str,
        .header_canon = DKIM_RELAXED,
        .body_canon = DKIM_RELAXED,
        .names = names,
        .sorted = TRUE,
    };
    ArcSet *set = arc_seal(&sealing, header, body, error);
    g_string_free(merged.text, TRUE);
    return set;
}

static void run_case(JsonObject *test, const char *dir, Tally *tally)
{
    const char *id = json_str(test, "id", "?");
    gboolean adds = json_bool(test, "adds_set", TRUE);
    g_autofree char *path = g_build_filename(dir, json_str(test, "file", ""), NULL);
    g_autofree char *key_path = g_build_filename(dir, json_str(test, "private_key", ""), NULL);
    g_autofree char *message = NULL, *pem = NULL;
    gsize len, pem_len;
    g_autoptr(GError) error = NULL;

    if (!g_file_get_contents(path, &message, &len, &error) ||
        !g_file_get_contents(key_path, &pem, &pem_len, &error)) {
        tally_skip(tally, id, error->message);
        return;
    }
    g_autoptr(DkimKey) key = dkim_key_from_pem(pem, pem_len, &error);
    g_autoptr(ArcSet) set = key ? seal(test, key, message, len, &error) : NULL;
    g_autofree char *wrong = set && adds ? compare_set(test, set) : NULL;
    if (wrong)
        tally_fail(tally, id, "what the case says", wrong);
    else if (!set == !adds && key)
        tally_pass(tally);
    else
        tally_fail(tally, id, adds ? "a set" : "no set", set ? set->seal : error->message);
}

void run_arc_sign(JsonObject *root, const char *dir, Tally *tally)
{
    JsonArray *tests = json_list(root, "tests");

    for (guint i = 0; tests && i < json_array_get_length(tests); i++)
        run_case(json_array_get_object_element(tests, i), dir, tally);
}
