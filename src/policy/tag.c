#include "policy/tag.h"

#include <string.h>

/* What settles a finding about a forged sender unless [settled_by] says otherwise (D10, B11, E3). */
static const Tag settled_by_proofs[] = {TAG_SPF_FORWARDER, TAG_DMARC_PASS, TAG_ARC_TRUSTED, TAG_COUNT};

enum { SILENCE_NO = 0 };

static const guint class_silencers[CLASS_COUNT] = {
    [CLASS_WEAK] = SILENCE_WHITELIST,
    [CLASS_CONTENT] = SILENCE_WHITELIST | SILENCE_PROBATION | SILENCE_GENUINE,
};

static const char *const class_names[CLASS_COUNT] = {
    [CLASS_PROOF] = "proof",   [CLASS_PROTOCOL] = "protocol", [CLASS_DANGER] = "danger",
    [CLASS_FORGED] = "forged", [CLASS_WEAK] = "weak",         [CLASS_CONTENT] = "content",
};

#define SETTLED_NONE   NULL
#define SETTLED_PROOFS settled_by_proofs
static const TagInfo tags[TAG_COUNT] = {
#define X(id, word, class_, verb_, also, stage, code_, xcode_, settled, doc_)                                \
    [TAG_##id] = {word,  CLASS_##class_, VERB_##verb_,      STAGE_##stage, SILENCE_##also,                   \
                  code_, xcode_,         SETTLED_##settled, doc_},
    TAGS(X)
#undef X
};

/* The rows of D3's table, one a class. A virus that is put under probation would only surprise its author. WHITELIST
 * for a finding that proves nothing is allowed, since old maps have it, and means PROBATION (B7, weigh.c). */
#define REFUSALS                                                                                             \
    (VERB_BIT(VERB_OK) | VERB_BIT(VERB_SCORE) | VERB_BIT(VERB_HOLD) | VERB_BIT(VERB_QUARANTINE) |            \
     VERB_BIT(VERB_DISCARD) | VERB_BIT(VERB_TEMPFAIL) | VERB_BIT(VERB_REJECT) | VERB_BIT(VERB_BAN) |         \
     VERB_BIT(VERB_DENY))
static const guint class_verbs[CLASS_COUNT] = {
    [CLASS_PROOF] = REFUSALS | VERB_DEMANDS | VERB_BIT(VERB_WHITELIST) | VERB_BIT(VERB_PROBATION) |
                    VERB_BIT(VERB_NOTSPAM),
    [CLASS_PROTOCOL] = REFUSALS,
    [CLASS_DANGER] = REFUSALS,
    [CLASS_FORGED] = REFUSALS | VERB_DEMANDS | VERB_BIT(VERB_WHITELIST) | VERB_BIT(VERB_PROBATION) |
                     VERB_BIT(VERB_NOTSPAM),
    [CLASS_WEAK] = REFUSALS | VERB_DEMANDS | VERB_BIT(VERB_WHITELIST) | VERB_BIT(VERB_PROBATION) |
                   VERB_BIT(VERB_NOTSPAM),
    [CLASS_CONTENT] = REFUSALS | VERB_DEMANDS | VERB_BIT(VERB_PROBATION) | VERB_BIT(VERB_NOTSPAM),
};

const TagInfo *tag_info(Tag tag)
{
    g_assert(tag < TAG_COUNT);
    return &tags[tag];
}

guint tag_silencers(Tag tag)
{
    const TagInfo *info = tag_info(tag);
    return info->silenced_by | class_silencers[info->class];
}

const char *tag_name(Tag tag)
{
    return tag_info(tag)->name;
}

gboolean tag_parse(const char *word, gsize len, Tag *ret)
{
    for (Tag tag = 0; tag < TAG_COUNT; tag++) {
        if (strlen(tags[tag].name) == len && g_ascii_strncasecmp(tags[tag].name, word, len) == 0) {
            *ret = tag;
            return TRUE;
        }
    }
    return FALSE;
}

gboolean tag_proves_sender(Tag tag)
{
    return tag == TAG_SPF_PASS || tag == TAG_SPF_GUESS || tag == TAG_SPF_FORWARDER || tag == TAG_DKIM_PASS ||
           tag == TAG_DMARC_PASS;
}

const char *tag_class_name(TagClass class)
{
    return class_names[class];
}

guint tag_legal_verbs(Tag tag)
{
    return class_verbs[tag_info(tag)->class];
}
