/* manual.c — docs/tags.md, from the tables of tags (policy/tag.h) and verbs (policy/verb.h). */
#include "app/manual.h"

#include <string.h>

#include "policy/tag.h"

static const char head[] = "# Tags and verbs\n"
                           "\n"
                           "Made from the program's own tables by `postern config tags`; do not edit. How "
                           "rules are looked up: [policy.md](policy.md).\n"
                           "\n"
                           "A check *finds* something and gives it a tag; the first rule for the tag gives "
                           "it a verb; the strongest verb of all\n"
                           "findings that still count is the answer. *Found* is the SMTP step at which a "
                           "finding can first be there, and, unless\n"
                           "`[decide_at]` puts it off, the one at which it is decided. *Silenced by* is what "
                           "takes a finding out of the count,\n"
                           "*settled by* the proof that does so because it is better (`[settled_by]` changes "
                           "that). The code is that of a refusal\n"
                           "without words of its own. Tags whose checks come with a later version are known "
                           "already, so that one access map\n"
                           "serves every version.\n";

static const char *const class_docs[CLASS_COUNT] = {
    [CLASS_PROOF] = "Speaks for the sender.",
    [CLASS_PROTOCOL] = "Protocol and administration: nothing silences these but what the table names.",
    [CLASS_DANGER] = "Danger: nothing silences these.",
    [CLASS_FORGED] = "Forgery: only a better proof or a rule of its own helps.",
    [CLASS_WEAK] = "Weak identity: signs of bad housekeeping, not of forgery.",
    [CLASS_CONTENT] = "What the message says.",
};

static const struct {
    guint bit;
    const char *words;
} silencers[] = {
    {SILENCE_WHITELIST, "WHITELIST"},
    {SILENCE_PROBATION, "PROBATION"},
    {SILENCE_AUTH, "SMTP AUTH"},
    {SILENCE_GENUINE, "Bounce-Genuine"},
};

static void append_word(GString *to, gsize start, const char *word)
{
    g_string_append_printf(to, "%s%s", to->len > start ? ", " : "", word);
}

static void append_silencers(GString *to, Tag tag)
{
    gsize start = to->len;
    for (guint i = 0; i < G_N_ELEMENTS(silencers); i++)
        if (tag_silencers(tag) & silencers[i].bit)
            append_word(to, start, silencers[i].words);
    if (to->len == start)
        g_string_append(to, "–");
}

static void append_settlers(GString *to, Tag tag)
{
    gsize start = to->len;
    for (const Tag *proof = tag_info(tag)->settled_by; proof && *proof != TAG_COUNT; proof++)
        append_word(to, start, tag_name(*proof));
    if (to->len == start)
        g_string_append(to, "–");
}

static void append_verbs(GString *to, guint verbs)
{
    gsize start = to->len;
    for (Verb verb = 0; verb < VERB_COUNT; verb++)
        if (verbs & VERB_BIT(verb))
            append_word(to, start, verb == VERB_SCORE ? "SCORE:n" : verb_name(verb));
}

static void append_tag(GString *to, Tag tag)
{
    const TagInfo *info = tag_info(tag);
    g_string_append_printf(to, "| `%s` | %s | %s | %s | ", info->name, info->doc, stage_name(info->found),
                           verb_name(info->verb));
    append_silencers(to, tag);
    g_string_append(to, " | ");
    append_settlers(to, tag);
    g_string_append_printf(to, " | %d %s |\n", info->code, info->xcode);
}

static void append_class(GString *to, TagClass class)
{
    g_string_append_printf(to, "\n## Class %s\n\n%s Legal verbs: ", tag_class_name(class), class_docs[class]);
    gboolean first = TRUE;
    for (Tag tag = 0; tag < TAG_COUNT; tag++) {
        if (tag_info(tag)->class != class)
            continue;
        if (first) {
            append_verbs(to, tag_legal_verbs(tag)); /* they are the class's */
            g_string_append(
                to, ".\n\n| tag | what was found | found | default | silenced by | settled by | refusal |\n"
                    "|---|---|---|---|---|---|---|\n");
            first = FALSE;
        }
        append_tag(to, tag);
    }
}

static void append_verb_table(GString *to)
{
    static const char *const docs[VERB_COUNT] = {
#define X(id, word, doc) [VERB_##id] = doc,
        VERBS(X)
#undef X
    };
    g_string_append(to, "\n## Verbs, from weak to strong\n\n| verb | what it does |\n|---|---|\n");
    for (Verb verb = 0; verb < VERB_COUNT; verb++)
        g_string_append_printf(to, "| %s | %s |\n", verb_name(verb), docs[verb]);
    g_string_append(to, "\nWords of your own, `550 5.7.1 text`, `ERROR:\"550 5.7.1 text\"` or "
                        "`ERROR:5.7.1:550 text`, weigh as REJECT, "
                        "and as TEMPFAIL\nif the code is 4xx. A verb that is not legal for a tag is an error "
                        "with file:line.\n");
}

char *manual_tags(void)
{
    GString *text = g_string_new(head);
    for (TagClass class = 0; class < CLASS_COUNT; class ++)
        append_class(text, class);
    append_verb_table(text);
    return g_string_free(text, FALSE);
}
